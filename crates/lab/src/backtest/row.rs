//! What counts of a trade where many are counted together.

use market::Time;

/// A confirmed signal that ended, in numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// When it was confirmed, and when it ended.
    pub entered: Time,
    pub ended: Time,
    /// The trading day on which it ended, counted from 1970.
    pub day: i32,
    /// The first target traded before the stop.
    pub hit: bool,
    /// What it was shown with.
    pub confidence: f64,
    /// The chance of a price without drift.
    pub odds: Option<f64>,
    /// What the whole position brought before costs, and the costs, in multiples of the risk.
    pub gross: f64,
    pub cost: f64,
}

impl Row {
    #[must_use]
    pub fn net(&self) -> f64 {
        self.gross - self.cost
    }
    /// As if costs were twice as high.
    #[must_use]
    pub fn doubled(&self) -> f64 {
        self.gross - 2.0 * self.cost
    }
    /// One for a hit.
    #[must_use]
    pub fn truth(&self) -> f64 {
        f64::from(u8::from(self.hit))
    }
}

/// The mean of some numbers; `None` without any.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}

/// A day counted from 1970 as `2025-03-04`.
pub(super) fn date(day: i32) -> String {
    let mut text = Time::from_secs(i64::from(day) * 86_400).to_string();
    text.truncate(10);
    text
}

#[cfg(test)]
pub(super) mod testing {
    use super::Row;
    use market::{Span, Time};

    /// A trade of a day: hit with these odds, or not, with what it brought; costs of a tenth.
    pub(in crate::backtest) fn row(day: i32, hit: bool, odds: f64, gross: f64) -> Row {
        let ended = Time::from_secs(i64::from(day) * 86_400 + 50_000);
        Row {
            entered: ended - Span::from_hours(1),
            ended,
            day,
            hit,
            confidence: 0.5,
            odds: Some(odds),
            gross,
            cost: 0.1,
        }
    }
}
