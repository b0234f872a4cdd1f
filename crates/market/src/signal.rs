//! A trading signal and the little numbers it carries.

use crate::{Evidence, Killzone, Price, SourceTime, Symbol, Time, Timeframe};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Long,
    Short,
}

impl Direction {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Short => "short",
        }
    }
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Long => Self::Short,
            Self::Short => Self::Long,
        }
    }
    /// +1 for long, -1 for short.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Long => 1,
            Self::Short => -1,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Born pending; decided once; never back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pending,
    Confirmed,
    Invalidated,
}

impl Status {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Invalidated => "invalidated",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a signal was invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The stop traded before the confirmation.
    Stop,
    /// The first target traded before the confirmation.
    Missed,
    /// The structure turned against it.
    Structure,
    /// Nothing happened in time.
    Timeout,
    /// The source was silent at the deadline.
    StaleFeed,
    /// ORION was not running when the deadline passed.
    Restart,
    /// Whoever posted it took it back.
    Sender,
}

impl Cause {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Missed => "missed",
            Self::Structure => "structure",
            Self::Timeout => "timeout",
            Self::StaleFeed => "stale_feed",
            Self::Restart => "restart",
            Self::Sender => "sender",
        }
    }
}

/// A probability in steps of 1/10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Probability(u16);

impl Probability {
    /// The nearest step; NaN and what is outside become the nearest end of [0, 1].
    #[must_use]
    pub fn new(value: f64) -> Self {
        Self((value.clamp(0.0, 1.0) * 10_000.0).round() as u16)
    }
    #[must_use]
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
    /// The count of 1/10,000 steps.
    #[must_use]
    pub const fn steps(self) -> u16 {
        self.0
    }
    /// From the count of 1/10,000 steps; more than 10,000 is 1.
    #[must_use]
    pub fn from_steps(steps: u16) -> Self {
        Self(steps.min(10_000))
    }
}

/// At most four decimals and no zeros behind: `0.65`.
impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Price::from_units(i64::from(self.0) * 100_000).fmt(f)
    }
}

/// A multiple of the risk, in steps of 1/100: reward-to-risk, results in R.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Ratio(i32);

impl Ratio {
    /// The nearest step, half away from zero; `None` when it is not finite or too large.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        let steps = (value * 100.0).round();
        (steps.abs() <= f64::from(i32::MAX)).then_some(Self(steps as i32))
    }
    #[must_use]
    pub const fn from_hundredths(hundredths: i32) -> Self {
        Self(hundredths)
    }
    #[must_use]
    pub const fn hundredths(self) -> i32 {
        self.0
    }
    #[must_use]
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

/// Always two decimals: `3.00`.
impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Price::from_units(i64::from(self.0) * 10_000_000)
            .display(2)
            .fmt(f)
    }
}

/// Where a part of the position is to be closed with a profit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub price: Price,
    /// The part of the position, in percent; all targets together are 100.
    pub percent: u8,
    /// The last, far one.
    pub runner: bool,
}

/// A signal as it stands after one of its changes. A change makes a new whole copy with another `status`; nothing that
/// clients see changes besides it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Derived from what made it, so that a replay, a restart and a second node name it alike.
    pub id: Uuid,
    pub status: Status,
    pub direction: Direction,
    pub symbol: Symbol,
    /// Decimals of its levels.
    pub digits: u8,
    /// Source's time of the tick or bar that triggered it.
    pub entry_time: SourceTime,
    pub entry: Price,
    pub stop: Price,
    /// One to four, strictly away from the entry.
    pub targets: Vec<Target>,
    pub reason: String,
    /// P(first target before stop | confirmed).
    pub confidence: Probability,
    /// Reward to risk at the last target.
    pub rr_target: Ratio,
    pub killzone: Killzone,
    /// The setup's short name and its timeframe.
    pub setup: String,
    pub timeframe: Timeframe,
    pub simulated: bool,
    /// Our stamp of the event in whose handling it became pending.
    pub created_at: Time,
    /// When it is decided at the latest.
    pub decide_by: Time,
    /// Our stamp of the verdict.
    pub decided_at: Option<Time>,
    /// Why it was invalidated.
    pub cause: Option<Cause>,
    #[serde(default)]
    pub evidence: Evidence,
}

impl Signal {
    /// The stamp of the change this copy tells.
    #[must_use]
    pub fn changed_at(&self) -> Time {
        self.decided_at.unwrap_or(self.created_at)
    }
    /// Whether it comes from a time that the model behind it may have been trained on: then it proves nothing.
    #[must_use]
    pub fn is_of_training(&self) -> bool {
        let rated = self.evidence.model.as_ref();
        rated.is_some_and(|rated| self.entry_time < rated.counts_from)
    }
    /// Entry to stop, always positive.
    #[must_use]
    pub fn risk(&self) -> Price {
        (self.entry - self.stop).abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_print_plainly() {
        assert_eq!(Probability::new(0.65).to_string(), "0.65");
        assert_eq!(Probability::new(0.6512).to_string(), "0.6512");
        assert_eq!(Probability::new(f64::NAN).to_string(), "0");
        assert_eq!(Probability::new(7.0).to_string(), "1");
        assert_eq!(
            Ratio::new(2.999).map(|r| r.to_string()).as_deref(),
            Some("3.00")
        );
        assert_eq!(
            Ratio::new(-0.255).map(|r| r.to_string()).as_deref(),
            Some("-0.26")
        );
        assert_eq!(Ratio::new(f64::INFINITY), None);
    }
}
