//! How many questions models were asked, and how many of them they answered.

use super::report::ModelUse;
use engine::{ModelRole, ModelRule, ModelRules};
use market::{Opinion, Question, Uuid};
use std::collections::{BTreeMap, VecDeque};

/// Questions that are remembered while they have no answer; the oldest gives way. Models answer in milliseconds or never.
const OPEN_MAX: usize = 4096;

/// Counts questions and answers by model.
#[derive(Debug, Default)]
pub(super) struct Questions {
    counts: BTreeMap<String, Counts>,
    open: VecDeque<(Uuid, String)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    asked: u64,
    answered: u64,
}

impl Questions {
    pub(super) fn ask(&mut self, question: &Question) {
        let counts = self.counts.entry(question.model.clone()).or_default();
        counts.asked += 1;
        if self.open.len() == OPEN_MAX {
            self.open.pop_front();
        }
        self.open.push_back((question.id, question.model.clone()));
    }

    pub(super) fn answer(&mut self, opinion: &Opinion) {
        let is_it = |(id, _): &(Uuid, String)| *id == opinion.question;
        // Answers come soon: the newest questions are looked at first.
        let Some(place) = self.open.iter().rposition(is_it) else {
            return;
        };
        let Some((_, model)) = self.open.remove(place) else {
            return;
        };
        if let (Some(counts), Some(_)) = (self.counts.get_mut(&model), opinion.answer) {
            counts.answered += 1;
        }
    }

    /// What each of these models had to say, in their order.
    pub(super) fn told(&self, rules: &ModelRules) -> Vec<ModelUse> {
        let told = |rule: &ModelRule| {
            let counts = self.counts.get(&rule.name).copied().unwrap_or_default();
            ModelUse {
                name: rule.name.clone(),
                version: rule.version.clone(),
                role: match rule.role {
                    ModelRole::Propose { .. } => "propose",
                    ModelRole::Rescore { .. } => "rescore",
                },
                counts_from: rule.counts_from.to_string(),
                asked: counts.asked,
                answered: counts.answered,
            }
        };
        rules.models.iter().map(told).collect()
    }
}
