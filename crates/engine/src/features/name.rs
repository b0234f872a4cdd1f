//! Names of features: `5m.rsi14`, `1h.trend`, `5m.close_to_ema20_atr@1`, `spread_atr`.
//!
//! A value of a chart has its timeframe before it, and may have behind it how many closed bars ago it is read. A value of
//! the moment has neither.

use super::chart::ChartValue;
use super::moment::MomentValue;
use market::Timeframe;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Closed bars that a value can be read ago.
pub const LAG_MAX: u16 = 64;

/// One number of a row, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Feature {
    Chart {
        timeframe: Timeframe,
        value: ChartValue,
        /// 0: at the last closed bar.
        lag: u16,
    },
    Moment(MomentValue),
}

impl Feature {
    /// What is read of the charts of a timeframe: the value, and how many bars ago.
    pub(super) fn of_chart(self, of: Timeframe) -> Option<(ChartValue, u16)> {
        match self {
            Self::Chart {
                timeframe,
                value,
                lag,
            } if timeframe == of => Some((value, lag)),
            Self::Chart { .. } | Self::Moment(_) => None,
        }
    }

    /// Whether only a signal has it: it is not known at a bar's close.
    #[must_use]
    pub fn is_of_signals(self) -> bool {
        match self {
            Self::Chart { .. } => false,
            Self::Moment(value) => value.is_of_signals(),
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chart {
                timeframe,
                value,
                lag: 0,
            } => write!(f, "{timeframe}.{value}"),
            Self::Chart {
                timeframe,
                value,
                lag,
            } => write!(f, "{timeframe}.{value}@{lag}"),
            Self::Moment(value) => f.write_str(value.as_str()),
        }
    }
}

impl FromStr for Feature {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(value) = MomentValue::named(text) {
            return Ok(Self::Moment(value));
        }
        let (base, lag) = match text.split_once('@') {
            Some((base, lag)) => (base, lag_of(text, lag)?),
            None => (text, 0),
        };
        let found = base.split_once('.').and_then(|(timeframe, value)| {
            Some(Self::Chart {
                timeframe: timeframe.parse().ok()?,
                value: ChartValue::named(value)?,
                lag,
            })
        });
        found.ok_or_else(|| unknown(text, base))
    }
}

fn lag_of(text: &str, lag: &str) -> Result<u16, String> {
    let known = lag
        .parse()
        .ok()
        .filter(|bars| (1..=LAG_MAX).contains(bars) && !lag.starts_with(['0', '+']));
    known.ok_or_else(|| {
        format!(
            "`{text}` is no feature: behind `@` stands how many closed bars ago it is read, 1 to {LAG_MAX}"
        )
    })
}

fn unknown(text: &str, base: &str) -> String {
    let nearest = nearest(base);
    format!(
        "`{text}` is no feature; the nearest one is `{nearest}` (docs/features.md lists them all)"
    )
}

/// The known name that the fewest letters are to be changed for.
fn nearest(base: &str) -> String {
    let (given, value) = base.split_once('.').unwrap_or(("", base));
    let timeframes = Timeframe::ALL.map(Timeframe::as_str);
    let timeframe = timeframes
        .into_iter()
        .min_by_key(|known| distance(given, known))
        .unwrap_or(given);
    let of_charts = ChartValue::names().map(|known| (distance(value, &known), known, true));
    let of_moments = MomentValue::ALL.into_iter().map(|known| {
        let known = known.as_str().to_owned();
        (distance(base, &known), known, false)
    });
    let nearest = of_charts
        .chain(of_moments)
        .min_by_key(|(letters, _, _)| *letters);
    match nearest {
        Some((_, known, true)) => format!("{timeframe}.{known}"),
        Some((_, known, false)) => known,
        None => String::new(),
    }
}

/// How many letters are to be put in, taken out or changed to make one text of the other (Levenshtein 1965).
fn distance(one: &str, other: &str) -> usize {
    // A name is short: what is longer than any is as far away as can be.
    const LONGEST: usize = 64;
    let other: Vec<char> = other.chars().take(LONGEST).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.chars().take(LONGEST).enumerate() {
        let mut corner = row[0];
        row[0] = place + 1;
        for (column, against) in other.iter().enumerate() {
            let changed = corner + usize::from(letter != *against);
            corner = row[column + 1];
            row[column + 1] = changed.min(corner + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

impl TryFrom<String> for Feature {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Feature> for String {
    fn from(feature: Feature) -> Self {
        feature.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{signal_facts, usual};

    #[test]
    fn a_name_is_read_and_written_alike() {
        let every = ChartValue::names().map(|value| format!("1h.{value}@3"));
        let moments = MomentValue::ALL.map(|value| value.as_str().to_owned());
        let usual = usual().into_iter().chain(signal_facts());
        let names = every
            .chain(moments)
            .chain(usual.map(|one| one.to_string()))
            .chain(["5m.return256_atr@64", "1d.rsi14"].map(str::to_owned));
        for name in names {
            let feature: Feature = name.parse().unwrap();
            assert_eq!(feature.to_string(), name);
            assert_eq!(Feature::try_from(String::from(feature)), Ok(feature));
        }
    }

    #[test]
    fn names_are_distinct() {
        let mut names: Vec<String> = ChartValue::names().collect();
        names.extend(MomentValue::ALL.map(|value| value.as_str().to_owned()));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    fn check(name: &str, part: &str) {
        let refusal = name.parse::<Feature>().expect_err(name);
        assert!(refusal.contains(part), "{refusal}");
        assert!(refusal.contains(&format!("`{name}`")), "{refusal}");
    }

    #[test]
    fn what_is_no_feature_is_told_the_nearest() {
        check("5m.rsi41", "nearest one is `5m.rsi14`");
        check("5min.rsi14", "nearest one is `5m.rsi14`");
        check("1h.trned", "nearest one is `1h.trend`");
        check("rsi14", "nearest one is `1m.rsi14`");
        check("spread_art", "nearest one is `spread_atr`");
        check(
            "4h.close_to_ema21_atr@1",
            "nearest one is `4h.close_to_ema20_atr`",
        );
        check("5m.return0_atr", "nearest one is `5m.return1_atr`");
        check("5m.return257_atr", "nearest one is");
        check("5m.return01_atr", "nearest one is");
        check("", "nearest one is");
        check(&"x".repeat(10_000), "nearest one is");
        check("spread_atr@1", "nearest one is `spread_atr`");
        for lag in ["", "0", "65", "-1", "+1", "01", "1@1", "one"] {
            check(&format!("5m.rsi14@{lag}"), "1 to 64");
        }
    }
}
