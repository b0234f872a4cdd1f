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

/// ORION's own signals on the two newest trading days, newest first: where the clocks of sources differ, one of the old day
/// may come after one of the new.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Days([(i32, u32); 2]);

impl Days {
    pub(crate) fn born_on(&self, day: i32) -> u32 {
        let known = self.0.iter().find(|(known, _)| *known == day);
        known.map_or(0, |(_, born)| *born)
    }

    pub(crate) fn count(&mut self, day: i32) {
        let [newest, before] = &mut self.0;
        if day == newest.0 {
            newest.1 += 1;
        } else if day == before.0 {
            before.1 += 1;
        } else if day > newest.0 {
            (*before, *newest) = (*newest, (day, 1));
        } else if day > before.0 {
            *before = (day, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_of_the_old_day_ends_neither_days_count() {
        let mut days = Days::default();
        for day in [20_000, 20_000, 20_001, 20_000, 20_001] {
            days.count(day);
        }
        assert_eq!([20_000, 20_001].map(|day| days.born_on(day)), [3, 2]);
        days.count(20_003);
        days.count(20_002);
        let born = [20_000, 20_001, 20_002, 20_003].map(|day| days.born_on(day));
        assert_eq!(born, [0, 0, 1, 1]);
    }
}
