//! Exponential moving average, seeded as TA-Lib does.

use super::seeded::Seeded;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// EMA(n): the first value, at bar n - 1, is the mean of the first n numbers; then `v += k (x - v)` with `k = 2 / (n + 1)`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ema(Seeded);

impl Ema {
    #[must_use]
    pub fn new(period: NonZeroU32) -> Self {
        Self(Seeded::new(period))
    }

    /// Takes the next number and returns the average at it. One that is not finite is left out.
    pub fn update(&mut self, x: f64) -> Option<f64> {
        self.0
            .update(x, |value, n| value + 2.0 / (n + 1.0) * (x - value))
    }

    /// The average if `x` came next.
    #[must_use]
    pub fn peek(&self, x: f64) -> Option<f64> {
        self.clone().update(x)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{bars, check};
    use super::*;

    #[test]
    fn seeded_by_the_mean_and_then_drawn_to_each_number() {
        // k = 2 / 4: (1 + 2 + 6) / 3 = 3; 3 + (4 - 3) / 2 = 3.5; 3.5 + (8 - 3.5) / 2 = 5.75.
        let mut ema = Ema::new(bars(3));
        let ours = [1.0, 2.0, 6.0, 4.0, 8.0].map(|x| ema.update(x));
        check(ours, &[None, None, Some(3.0), Some(3.5), Some(5.75)]);
        let mut ema = Ema::new(bars(1));
        check([3.0, 5.0].map(|x| ema.update(x)), &[Some(3.0), Some(5.0)]);
    }
}
