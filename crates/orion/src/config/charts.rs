//! How long charts can be looked back at.

use serde::{Deserialize, Serialize};

/// The chart book: bars and what was found on them, with the moment at which it became known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChartsSettings {
    /// Days that bars of 1h and longer and what was found on them are kept: those of 5m and 15m a quarter, of 1m a tenth.
    pub keep_days: u32,
}

impl Default for ChartsSettings {
    fn default() -> Self {
        Self { keep_days: 400 }
    }
}
