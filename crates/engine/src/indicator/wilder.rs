//! Wilder's smoothing, "New Concepts in Technical Trading Systems" (1978), seeded as TA-Lib does.

use super::seeded::Seeded;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Wilder(n): the first value, at the nth number, is the mean of the first n; then `v = (v (n - 1) + x) / n`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wilder(Seeded);

impl Wilder {
    #[must_use]
    pub fn new(period: NonZeroU32) -> Self {
        Self(Seeded::new(period))
    }

    /// Takes the next number and returns the average at it. One that is not finite is left out.
    pub fn update(&mut self, x: f64) -> Option<f64> {
        self.0.update(x, |value, n| (value * (n - 1.0) + x) / n)
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
    fn seeded_by_the_mean_and_then_moved_by_a_part_of_each_number() {
        // (1 + 2 + 6) / 3 = 3; (3 * 2 + 6) / 3 = 4; (4 * 2 + 1) / 3 = 3.
        let mut wilder = Wilder::new(bars(3));
        let ours = [1.0, 2.0, 6.0, 6.0, 1.0].map(|x| wilder.update(x));
        check(ours, &[None, None, Some(3.0), Some(4.0), Some(3.0)]);
        let mut wilder = Wilder::new(bars(1));
        check(
            [3.0, 5.0].map(|x| wilder.update(x)),
            &[Some(3.0), Some(5.0)],
        );
    }
}
