//! Average true range after Wilder, "New Concepts in Technical Trading Systems" (1978), seeded as TA-Lib does.

use market::{Ohlc, Price};
use serde::{Deserialize, Serialize};

/// ATR(n): the true range of a bar is the greatest of high - low, |high - previous close|, |low - previous close|. The
/// first value, at bar n, is the mean of the true ranges of bars 1 to n; then `v = (v (n - 1) + x) / n`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Atr {
    period: u32,
    previous_close: Option<Price>,
    ranges: u32,
    sum: f64,
    value: Option<f64>,
}

impl Atr {
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self {
            period,
            previous_close: None,
            ranges: 0,
            sum: 0.0,
            value: None,
        }
    }

    /// Takes the next closed bar and returns the value at it, in price units.
    pub fn update(&mut self, bar: &Ohlc) -> Option<f64> {
        let close = self.previous_close.replace(bar.close)?;
        let range = (bar.high.max(close) - bar.low.min(close)).to_f64();
        let n = f64::from(self.period);
        self.value = match self.value {
            Some(value) => Some((value * (n - 1.0) + range) / n),
            None => {
                self.sum += range;
                self.ranges += 1;
                (self.ranges == self.period).then(|| self.sum / n)
            }
        };
        self.value
    }

    /// The value at the last bar.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }
}
