//! Simple moving average.

use super::window::{Moments, Window};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// SMA(n): the mean of the last n numbers; the first value is at bar n - 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sma {
    window: Window<Moments>,
}

impl Sma {
    #[must_use]
    pub fn new(period: NonZeroU32) -> Self {
        Self {
            window: Window::new(period),
        }
    }

    /// Takes the next number and returns the mean at it. One that is not finite is left out.
    pub fn update(&mut self, x: f64) -> Option<f64> {
        if !x.is_finite() {
            return None;
        }
        Some(self.window.update(Moments::of(x))?.mean)
    }

    /// The mean if `x` came next.
    #[must_use]
    pub fn peek(&self, x: f64) -> Option<f64> {
        if !x.is_finite() {
            return None;
        }
        Some(self.window.peek(Moments::of(x))?.mean)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{bars, check};
    use super::*;

    #[test]
    fn the_mean_of_the_last_ones() {
        // (1 + 2 + 6) / 3, then (2 + 6 + 4) / 3, then (6 + 4 + 5) / 3.
        let mut sma = Sma::new(bars(3));
        let ours = [1.0, 2.0, 6.0, 4.0, 5.0].map(|x| sma.update(x));
        check(ours, &[None, None, Some(3.0), Some(4.0), Some(5.0)]);
        let mut sma = Sma::new(bars(1));
        check([3.0, 5.0].map(|x| sma.update(x)), &[Some(3.0), Some(5.0)]);
    }
}
