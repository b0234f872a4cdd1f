//! What is wrong with the rules of single symbols and timeframes, once all that holds there lies over each other.

use super::Check;
use crate::config::finding::Finding;
use crate::config::merge::table_of;
use crate::config::rules::Whose;
use engine::RuleError;
use engine::rules::book::GENERAL;

impl Check<'_> {
    pub(super) fn own_rules(&mut self) {
        let rules = &self.config.rules;
        let general = self.config.rules_in_force();
        for whose in rules.places() {
            let mut known = errors(&general);
            let layers = whose.layers().into_iter().filter(|layer| *layer != whose);
            known.extend(layers.flat_map(|layer| errors(&rules.whole(layer, &general))));
            let whole = rules.whole(whose, &general);
            for error in errors(&whole) {
                // Pairs and sources go by the general rules only.
                let is_general = GENERAL.iter().any(|(rule, _)| *rule == error.key);
                if !is_general && !known.contains(&error) {
                    self.wrong_own(whose, &whole, error);
                }
            }
        }
    }

    /// Names the given rule that is wrong; where it is a rule that was not given here, the one that excludes it.
    fn wrong_own(&mut self, whose: Whose, whole: &engine::Rules, error: RuleError) {
        let mut layers = whose.layers();
        layers.reverse();
        let own = &self.config.rules.own;
        let given = |rule: &str| {
            let has = |layer: &&Whose| own.get(layer).is_some_and(|own| own.get(rule).is_some());
            layers.iter().find(has).map(|layer| layer.key(rule))
        };
        let mut words = error
            .reason
            .split(|c: char| !c.is_alphanumeric() && c != '_');
        let (key, origin, remedy) = match (given(error.key), words.find_map(given)) {
            (Some(key), _) => {
                let remedy = format!("the default is rules.{}", error.key);
                (key.clone(), self.origins.of(&key), remedy)
            }
            (None, Some(partner)) => {
                let key = whose.key(error.key);
                let remedy = format!("change {partner} or {key}");
                (key, self.origins.of(&partner), remedy)
            }
            (None, None) => {
                let key = whose.key(error.key);
                (key.clone(), self.origins.of(&key), String::new())
            }
        };
        let finding = Finding::new(origin, &key, error.reason).remedy(remedy);
        self.findings.push(match table_of(whole).get(error.key) {
            Some(value) => finding.value(value),
            None => finding,
        });
    }
}

fn errors(rules: &engine::Rules) -> Vec<RuleError> {
    rules.check().err().unwrap_or_default()
}
