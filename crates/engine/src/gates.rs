//! What keeps an idea from becoming a signal. A trigger that is refused spends its setup: it is never sent later at a
//! staler price.

use crate::risk::Unfit;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a trigger became no signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The market is closed by its calendar, and its source speaks all the same.
    Closed,
    /// Outside the core killzones.
    Killzone,
    /// A signal of this symbol and direction is pending or running.
    Live,
    /// This zone has signalled before.
    ZoneUsed,
    /// Too soon after the symbol's last signal.
    Cooldown,
    /// The day's signals are spent.
    DailyCap,
    RiskTooSmall,
    RiskTooLarge,
    RewardTooSmall,
    /// A limit of the portfolio, where limits block.
    Portfolio,
}

impl Refusal {
    pub const ALL: [Self; 10] = [
        Self::Closed,
        Self::Killzone,
        Self::Live,
        Self::ZoneUsed,
        Self::Cooldown,
        Self::DailyCap,
        Self::RiskTooSmall,
        Self::RiskTooLarge,
        Self::RewardTooSmall,
        Self::Portfolio,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Killzone => "killzone",
            Self::Live => "live",
            Self::ZoneUsed => "zone_used",
            Self::Cooldown => "cooldown",
            Self::DailyCap => "daily_cap",
            Self::RiskTooSmall => "risk_too_small",
            Self::RiskTooLarge => "risk_too_large",
            Self::RewardTooSmall => "reward_too_small",
            Self::Portfolio => "portfolio",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::RiskTooSmall => Self::RiskTooSmall,
            Unfit::RiskTooLarge => Self::RiskTooLarge,
            Unfit::RewardTooSmall => Self::RewardTooSmall,
        }
    }
}
