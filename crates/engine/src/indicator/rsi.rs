//! Relative strength index after Wilder, "New Concepts in Technical Trading Systems" (1978).

use super::window::ratio;
use super::{Candle, Wilder};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// RSI(n): `100 G / (G + Q)`, G and Q being Wilder's averages of what closes gained and lost from one bar to the next. The
/// first value is at bar n. It is 0 where nothing ever moved, as TA-Lib has it, and not 50.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rsi {
    previous_close: Option<f64>,
    gains: Wilder,
    losses: Wilder,
}

impl Rsi {
    #[must_use]
    pub fn new(period: NonZeroU32) -> Self {
        Self {
            previous_close: None,
            gains: Wilder::new(period),
            losses: Wilder::new(period),
        }
    }

    /// Takes the next closed bar and returns the value at it, 0 to 100.
    pub fn update(&mut self, bar: &Candle) -> Option<f64> {
        let moved = bar.close() - self.previous_close.replace(bar.close())?;
        let gains = self.gains.update(moved.max(0.0));
        let losses = self.losses.update((-moved).max(0.0));
        let (gains, losses) = (gains?, losses?);
        Some(100.0 * ratio(gains, gains + losses))
    }

    /// The value if `bar` closed as it is.
    #[must_use]
    pub fn peek(&self, bar: &Candle) -> Option<f64> {
        self.clone().update(bar)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{bars, check, closes};
    use super::*;

    fn run(period: u32, prices: &[f64], expected: &[Option<f64>]) {
        let mut rsi = Rsi::new(bars(period));
        check(closes(prices).iter().map(|bar| rsi.update(bar)), expected);
    }

    #[test]
    fn the_gains_share_of_all_movement() {
        // Gains 2, 0, 2 and losses 0, 1, 0. At bar 2: G = 1, Q = 1 / 2; at bar 3: G = (1 + 2) / 2, Q = (1 / 2 + 0) / 2.
        let (at_2, at_3) = (100.0 / 1.5, 150.0 / 1.75);
        let prices = [10.0, 12.0, 11.0, 13.0];
        run(2, &prices, &[None, None, Some(at_2), Some(at_3)]);
        run(1, &prices, &[None, Some(100.0), Some(0.0), Some(100.0)]);
        run(1, &[10.0, 10.0], &[None, Some(0.0)]);
    }
}
