//! The five parts of the trading day that every signal is tagged with.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of the trading day in New York time; together they cover all of it (`docs/signals.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Killzone {
    Asia,
    London,
    NyAm,
    Lunch,
    Pm,
}

impl Killzone {
    pub const ALL: [Self; 5] = [Self::Asia, Self::London, Self::NyAm, Self::Lunch, Self::Pm];

    /// The name clients know.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asia => "asia",
            Self::London => "london",
            Self::NyAm => "ny_am",
            Self::Lunch => "lunch",
            Self::Pm => "pm",
        }
    }
}

impl fmt::Display for Killzone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
