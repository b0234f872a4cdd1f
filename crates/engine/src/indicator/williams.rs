//! Williams' %R.

use super::Candle;
use super::window::{Extremes, Window, ratio};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// %R(n): `-100 (HH - c) / (HH - LL)` with the highest high and the lowest low of the last n bars, and 0 where they are equal.
/// The first value is at bar n - 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Williams {
    window: Window<Extremes>,
}

impl Williams {
    #[must_use]
    pub fn new(period: NonZeroU32) -> Self {
        Self {
            window: Window::new(period),
        }
    }

    /// Takes the next closed bar and returns the value at it, -100 to 0.
    pub fn update(&mut self, bar: &Candle) -> Option<f64> {
        let reach = self.window.update(Extremes::of(bar))?;
        Some(percent(&reach, bar))
    }

    /// The value if `bar` closed as it is.
    #[must_use]
    pub fn peek(&self, bar: &Candle) -> Option<f64> {
        let reach = self.window.peek(Extremes::of(bar))?;
        Some(percent(&reach, bar))
    }
}

fn percent(reach: &Extremes, bar: &Candle) -> f64 {
    100.0 * ratio(bar.close() - reach.high, reach.high - reach.low)
}

#[cfg(test)]
mod tests {
    use super::super::check::{bars, candles, check};
    use super::*;

    fn run(period: u32, series: &[Candle], expected: &[Option<f64>]) {
        let mut williams = Williams::new(bars(period));
        check(series.iter().map(|bar| williams.update(bar)), expected);
    }

    #[test]
    fn how_far_below_the_highest_high() {
        // 8 to 12: -100 * 1 / 4; 9 to 12: -100 * 1 / 3.
        let series = candles(&[(10.0, 8.0, 9.0), (12.0, 9.0, 11.0), (11.0, 10.0, 11.0)]);
        run(2, &series, &[None, Some(-25.0), Some(-100.0 / 3.0)]);
        run(1, &series, &[Some(-50.0), Some(-100.0 / 3.0), Some(0.0)]);
        run(1, &candles(&[(9.0, 9.0, 9.0)]), &[Some(0.0)]);
    }
}
