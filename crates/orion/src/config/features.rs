//! Which features are made of the market, and for whom.

use engine::features::{self, Feature, FeatureRules};
use serde::{Deserialize, Serialize};

/// Features on the WebSocket, and which of them there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeaturesSettings {
    /// Whether dashboards can hear the channel `features`.
    pub channel: bool,
    /// In the order of a row.
    pub names: Vec<Feature>,
}

impl Default for FeaturesSettings {
    fn default() -> Self {
        Self {
            channel: false,
            names: features::usual(),
        }
    }
}

impl FeaturesSettings {
    /// The most names.
    const MOST: usize = 256;

    /// What the engine is to make: nothing where nobody can hear it.
    pub(super) fn to_engine(&self) -> FeatureRules {
        FeatureRules {
            names: if self.channel {
                self.names.clone()
            } else {
                Vec::new()
            },
        }
    }

    /// What is wrong with the names, and what to do about it.
    pub(super) fn wrong(&self) -> Option<(String, &'static str)> {
        check_names(&self.names).or_else(|| {
            let own = self.names.iter().find(|name| name.is_of_signals())?;
            let reason = format!("`{own}` is known of a signal only, and a row here is of a bar");
            Some((reason, "leave it out: `orion features export` adds it"))
        })
    }
}

/// What is wrong with the names of a row, and what to do about it.
#[must_use]
pub fn check_names(names: &[Feature]) -> Option<(String, &'static str)> {
    let most = FeaturesSettings::MOST;
    if names.is_empty() || names.len() > most {
        let reason = format!("there are {} names", names.len());
        return Some((reason, "name 1 to 256 features of docs/features.md"));
    }
    let mut rest = names.iter().enumerate();
    let (_, twice) = rest.find(|(place, name)| names[..*place].contains(name))?;
    Some((format!("`{twice}` is there twice"), "name it once"))
}
