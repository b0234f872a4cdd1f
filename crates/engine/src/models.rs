//! The models that are asked, as far as the engine knows them: what for, about what, and with which features. Who asks them,
//! and how long they take, is somebody else's concern: an answer is heard when it is told, or not at all.

use crate::features::Feature;
use crate::setup::SetupKind;
use market::{SourceTime, Span, Symbol, Timeframe};
use serde::{Deserialize, Serialize};

/// What is asked of models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelRules {
    /// An answer is waited for no longer than this: then a signal is born without it.
    pub timeout_ms: u32,
    /// Of several that would re-score the same signal the first is asked.
    pub models: Vec<ModelRule>,
}

impl Default for ModelRules {
    fn default() -> Self {
        Self {
            timeout_ms: 250,
            models: Vec::new(),
        }
    }
}

impl ModelRules {
    /// Whether nobody is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// The features that all of them are asked with.
    pub(crate) fn features(&self) -> impl Iterator<Item = Feature> {
        self.models
            .iter()
            .flat_map(|model| model.features.iter().copied())
    }

    pub(crate) fn timeout(&self) -> Span {
        Span::from_millis(i64::from(self.timeout_ms))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&ModelRule> {
        self.models.iter().find(|model| model.name == name)
    }

    /// Whom the closed bars of a chart are shown to, for proposals.
    pub(crate) fn proposers(
        &self,
        symbol: Symbol,
        timeframe: Timeframe,
    ) -> impl Iterator<Item = &ModelRule> {
        let proposes = move |model: &&ModelRule| {
            model.timeframe == timeframe
                && model.knows(symbol)
                && matches!(model.role, ModelRole::Propose { .. })
        };
        self.models.iter().filter(proposes)
    }

    /// Who re-scores the signals of a setup.
    pub(crate) fn rescorer(&self, symbol: Symbol, setup: SetupKind) -> Option<&ModelRule> {
        let rescores = |model: &&ModelRule| match &model.role {
            ModelRole::Propose { .. } => false,
            ModelRole::Rescore { setups } => setups.is_empty() || setups.contains(&setup),
        };
        self.models
            .iter()
            .filter(|model| model.knows(symbol))
            .find(rescores)
    }
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRule {
    pub name: String,
    pub version: String,
    /// Empty: every symbol.
    pub symbols: Vec<Symbol>,
    /// The bars at whose close it is asked for proposals.
    pub timeframe: Timeframe,
    /// In the order in which it takes them.
    pub features: Vec<Feature>,
    /// From here on what it says is a proof: its training is over, and so is what that looked ahead.
    pub counts_from: SourceTime,
    pub role: ModelRole,
}

impl ModelRule {
    fn knows(&self, symbol: Symbol) -> bool {
        self.symbols.is_empty() || self.symbols.contains(&symbol)
    }
}

/// What a model is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ModelRole {
    /// A signal of its own, from this likelihood on.
    Propose { threshold: f64 },
    /// How likely a triggered setup is to reach its first target. No setups: of all.
    Rescore { setups: Vec<SetupKind> },
}
