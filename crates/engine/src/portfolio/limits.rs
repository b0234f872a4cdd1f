//! The limits, by their names.

use crate::rules::RuleError;
use market::{Symbol, Time};
use serde::{Deserialize, Serialize};

/// What a portfolio of signals is limited to. Percents are of its equity; 0 lifts a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// A signal that a limit speaks against is not sent at all; otherwise it says which one.
    pub block: bool,
    /// Signals that are pending or run at the same time.
    pub max_live_signals: u32,
    /// The most that is lost when all of them are stopped.
    pub max_open_risk_percent: f64,
    /// The same, counted together as far as their symbols move together.
    pub max_cluster_risk_percent: f64,
    /// After so many days of hourly bars what they said of how symbols move together weighs half.
    pub corr_halflife_d: u32,
    /// The symbols of one group are taken to move together at least this much.
    pub corr_floor: f64,
    pub groups: Vec<Vec<Symbol>>,
    /// Nothing new for the rest of a trading day that has lost this much.
    pub daily_loss_percent: f64,
    /// Nothing new once this much is lost from the highest equity, until a person resumes.
    pub max_drawdown_percent: f64,
    /// The moment a person resumed: a halt from before it is over, and the highest equity counts anew from there.
    #[serde(with = "moment")]
    pub resumed_at: Option<Time>,
    /// Losses in a row after which a symbol rests.
    pub max_consecutive_losses: u32,
    /// How long it rests.
    pub loss_pause_h: u32,
    /// Nothing new while the spread is more than this many times its median of the last 24 hours of bars.
    pub max_spread_mult: f64,
}

impl Default for Limits {
    fn default() -> Self {
        let group = |names: &[&str]| names.iter().flat_map(|name| Symbol::new(name)).collect();
        Self {
            block: false,
            max_live_signals: 5,
            max_open_risk_percent: 2.0,
            max_cluster_risk_percent: 1.0,
            corr_halflife_d: 5,
            corr_floor: 0.5,
            groups: vec![
                group(&["EURUSD", "GBPUSD"]),
                group(&["US30", "NAS100", "SPX500"]),
            ],
            daily_loss_percent: 2.0,
            max_drawdown_percent: 6.0,
            resumed_at: None,
            max_consecutive_losses: 3,
            loss_pause_h: 4,
            max_spread_mult: 3.0,
        }
    }
}

impl Limits {
    /// Whether two symbols are of one group.
    pub(crate) fn are_grouped(&self, one: Symbol, other: Symbol) -> bool {
        let mut groups = self.groups.iter();
        groups.any(|group| group.contains(&one) && group.contains(&other))
    }

    /// Checks every limit.
    ///
    /// # Errors
    /// All limits that are impossible, each with its name.
    pub fn check(&self) -> Result<(), Vec<RuleError>> {
        let limits = [
            (
                "max_live_signals",
                f64::from(self.max_live_signals),
                0.0,
                1e6,
            ),
            (
                "max_open_risk_percent",
                self.max_open_risk_percent,
                0.0,
                100.0,
            ),
            (
                "max_cluster_risk_percent",
                self.max_cluster_risk_percent,
                0.0,
                100.0,
            ),
            (
                "corr_halflife_d",
                f64::from(self.corr_halflife_d),
                1.0,
                1000.0,
            ),
            ("corr_floor", self.corr_floor, 0.0, 1.0),
            ("daily_loss_percent", self.daily_loss_percent, 0.0, 100.0),
            (
                "max_drawdown_percent",
                self.max_drawdown_percent,
                0.0,
                100.0,
            ),
            (
                "max_consecutive_losses",
                f64::from(self.max_consecutive_losses),
                0.0,
                1e6,
            ),
            ("loss_pause_h", f64::from(self.loss_pause_h), 0.0, 720.0),
            ("max_spread_mult", self.max_spread_mult, 0.0, 1e6),
        ];
        let wrong = limits
            .into_iter()
            .filter(|(_, value, least, most)| !(least..=most).contains(&value));
        let mut errors: Vec<_> = wrong
            .map(|(key, value, least, most)| RuleError {
                key,
                reason: format!("{value} is not between {least} and {most}"),
            })
            .collect();
        if (0.0..1.0).contains(&self.max_spread_mult) && self.max_spread_mult > 0.0 {
            errors.push(RuleError {
                key: "max_spread_mult",
                reason: format!(
                    "{} is below 1: every spread would be too wide",
                    self.max_spread_mult
                ),
            });
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}

/// A stamp as people write it; absent, or empty: none.
mod moment {
    use market::Time;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Option<Time>, s: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => s.collect_str(time),
            None => s.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Time>, D::Error> {
        match String::deserialize(d)?.as_str() {
            "" => Ok(None),
            text => Time::parse(text).map(Some).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_possible_and_come_back() {
        let limits = Limits {
            resumed_at: Some(Time::from_secs(1_790_000_000)),
            ..Limits::default()
        };
        assert_eq!(limits.check(), Ok(()));
        for limits in [limits, Limits::default()] {
            let bytes = postcard::to_stdvec(&limits).unwrap();
            assert_eq!(postcard::from_bytes::<Limits>(&bytes).unwrap(), limits);
        }
    }

    #[test]
    fn impossible_limits_are_named() {
        let check = |change: fn(&mut Limits), key: &str| {
            let mut limits = Limits::default();
            change(&mut limits);
            let errors = limits.check().unwrap_err();
            assert!(errors.iter().any(|error| error.key == key), "{errors:?}");
        };
        check(
            |limits| limits.max_open_risk_percent = f64::NAN,
            "max_open_risk_percent",
        );
        check(
            |limits| limits.max_cluster_risk_percent = -1.0,
            "max_cluster_risk_percent",
        );
        check(|limits| limits.corr_floor = 1.1, "corr_floor");
        check(|limits| limits.corr_halflife_d = 0, "corr_halflife_d");
        check(
            |limits| limits.daily_loss_percent = 101.0,
            "daily_loss_percent",
        );
        check(
            |limits| limits.max_drawdown_percent = 101.0,
            "max_drawdown_percent",
        );
        check(|limits| limits.loss_pause_h = 721, "loss_pause_h");
        check(|limits| limits.max_spread_mult = 0.9, "max_spread_mult");
    }

    #[test]
    fn symbols_of_one_group() {
        let symbol = |name| Symbol::new(name).unwrap();
        let limits = Limits::default();
        assert!(limits.are_grouped(symbol("US30"), symbol("SPX500")));
        assert!(!limits.are_grouped(symbol("US30"), symbol("EURUSD")));
        assert!(!limits.are_grouped(symbol("XAUUSD"), symbol("XAUUSD")));
    }
}
