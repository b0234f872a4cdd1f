//! What a signal stands on: what made it fire, each thing with its value and limit, and the numbers behind its confidence.

use crate::{Basis, Price, PriceKind, Probability, Ratio, Size};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A number that is neither price nor probability: a multiple of the average true range, a count of bars. In millionths.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Measure(i64);

impl Measure {
    /// The nearest millionth; what cannot be held becomes the nearest end, and NaN 0.
    #[must_use]
    pub fn new(value: f64) -> Self {
        const MOST: f64 = 9e12;
        Self((value * 1e6).round().clamp(-MOST, MOST) as i64)
    }
    #[must_use]
    pub const fn from_millionths(millionths: i64) -> Self {
        Self(millionths)
    }
    #[must_use]
    pub const fn millionths(self) -> i64 {
        self.0
    }
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// At most six decimals and no zeros behind.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Price::from_units(self.0.saturating_mul(1000)).fmt(f)
    }
}

/// How a condition's value is to be to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    AtLeast,
    AtMost,
    /// It holds or it does not: value and limit are 1.
    Holds,
}

impl Relation {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtLeast => "at_least",
            Self::AtMost => "at_most",
            Self::Holds => "holds",
        }
    }
}

/// One thing that held when a signal fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    pub name: String,
    pub relation: Relation,
    pub value: Measure,
    pub limit: Measure,
}

impl Condition {
    #[must_use]
    pub fn at_least(name: &str, value: f64, limit: f64) -> Self {
        Self::new(name, Relation::AtLeast, value, limit)
    }
    #[must_use]
    pub fn at_most(name: &str, value: f64, limit: f64) -> Self {
        Self::new(name, Relation::AtMost, value, limit)
    }
    #[must_use]
    pub fn holds(name: &str) -> Self {
        Self::new(name, Relation::Holds, 1.0, 1.0)
    }

    fn new(name: &str, relation: Relation, value: f64, limit: f64) -> Self {
        Self {
            name: name.to_owned(),
            relation,
            value: Measure::new(value),
            limit: Measure::new(limit),
        }
    }
}

/// The record that a confidence comes from: hits in resolved signals, the Wilson interval (95 %) of their rate, and what was
/// made of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backing {
    pub resolved: u32,
    pub hits: u32,
    /// `None` where nothing is resolved yet.
    pub interval: Option<(Probability, Probability)>,
    /// The number of the calibration that the confidence is by, or would be had it not fallen back; 0: there is none.
    pub version: u32,
    pub basis: Basis,
    /// The raw score that was calibrated, where there is one.
    pub score: Option<Probability>,
}

/// What a signal stands on. Empty for signals of before this was kept; posted ones have no conditions of ORION's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Where the prices came from that made it, and of which kind they are.
    pub source: String,
    pub price_kind: Option<PriceKind>,
    pub conditions: Vec<Condition>,
    /// Reward to risk, weighted by the percentages of the targets.
    pub rr_weighted: Option<Ratio>,
    pub backing: Option<Backing>,
    /// What the sender of a posted one said; the confidence that is shown is calibrated by his record.
    pub source_confidence: Option<Probability>,
    /// Names the rules that made it: equal for equal rules.
    pub config_hash: String,
    /// Of a confirmed one: the chance that a price without drift would reach the first target before the stop, from where the
    /// position could have been closed when it was confirmed.
    pub odds: Option<Probability>,
    /// How large the position would be for the operator's account, where one is configured.
    pub size: Option<Size>,
    /// The limit of the portfolio that speaks against trading it; `None`: it may be traded.
    pub risk_gate: Option<Condition>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_print_plainly() {
        for (value, shown) in [
            (0.15, "0.15"),
            (-1.234_567_8, "-1.234568"),
            (30.0, "30"),
            (f64::NAN, "0"),
            (f64::INFINITY, "9000000"),
        ] {
            assert_eq!(Measure::new(value).to_string(), shown);
        }
    }
}
