//! Commodity channel index after Lambert.

use super::Candle;
use super::window::ratio;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::num::NonZeroU32;

/// Lambert's constant: most values then lie between -100 and 100.
const SCALE: f64 = 0.015;

/// CCI(n): `(tp - mean) / (0.015 mean absolute deviation)` over the last n typical prices, and 0 where the deviation is 0. The
/// first value is at bar n - 1.
///
/// Each distance is taken from a mean that moves, so a bar costs n steps: no sums can be carried along.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cci {
    period: NonZeroU32,
    /// Typical prices of the last n - 1 bars.
    before: VecDeque<f64>,
}

impl Cci {
    #[must_use]
    pub fn new(period: NonZeroU32) -> Self {
        Self {
            period,
            before: VecDeque::new(),
        }
    }

    /// Takes the next closed bar and returns the value at it.
    pub fn update(&mut self, bar: &Candle) -> Option<f64> {
        let value = self.peek(bar);
        self.before.push_back(bar.typical());
        if value.is_some() {
            self.before.pop_front();
        }
        value
    }

    /// The value if `bar` closed as it is.
    #[must_use]
    pub fn peek(&self, bar: &Candle) -> Option<f64> {
        if self.before.len() + 1 < self.period.get() as usize {
            return None;
        }
        // Distances from the newest, so that where all are equal no rounding looks like a deviation.
        let (n, newest) = (f64::from(self.period.get()), bar.typical());
        let mean = self.before.iter().map(|price| price - newest).sum::<f64>() / n;
        let from_mean = |price: &f64| (price - newest - mean).abs();
        let distances = self.before.iter().map(from_mean).sum::<f64>() + mean.abs();
        Some(ratio(-mean, SCALE * (distances / n)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{bars, candles, check, closes};
    use super::*;

    fn run(period: u32, series: &[Candle], expected: &[Option<f64>]) {
        let mut cci = Cci::new(bars(period));
        check(series.iter().map(|bar| cci.update(bar)), expected);
    }

    #[test]
    fn distance_from_the_mean_by_the_usual_distance() {
        // 1, 2, 6: mean 3, distances 2, 1, 3, on average 2; 3 / 0.03 = 100.
        // 2, 6, 4: mean 4, the newest is there. 6, 4, 1: mean 11/3, distances 7/3, 1/3, 8/3, on average 16/9; -100.
        let series = closes(&[1.0, 2.0, 6.0, 4.0, 1.0]);
        run(
            3,
            &series,
            &[None, None, Some(100.0), Some(0.0), Some(-100.0)],
        );
        run(1, &series, &[Some(0.0); 5]);
        // Typical prices 9, 9 and 12: mean 10.5, both 1.5 away.
        let series = candles(&[(10.0, 8.0, 9.0), (11.0, 8.0, 8.0), (14.0, 10.0, 12.0)]);
        run(2, &series, &[None, Some(0.0), Some(1.5 / 0.0225)]);
    }
}
