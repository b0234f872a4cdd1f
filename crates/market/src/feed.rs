//! How the feed of a symbol stands, as clients and operators are told.

use crate::{Symbol, Time};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether prices of a symbol flow, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedState {
    Live,
    /// Nothing has come for too long while its market is open.
    Stale,
    /// Its market is closed.
    Closed,
    /// Nothing has ever come.
    Silent,
}

impl FeedState {
    /// The word clients know.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Closed => "closed",
            Self::Silent => "silent",
        }
    }
}

impl fmt::Display for FeedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a symbol's feed stands, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolStatus {
    pub symbol: Symbol,
    pub feed: FeedState,
    pub since: Time,
    /// The source its prices come from, once one has told some.
    pub source: Option<String>,
    pub simulated: bool,
}
