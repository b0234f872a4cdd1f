//! An average that begins as the mean of its first numbers, as TA-Lib's do, and then follows each that comes.

use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Seeded {
    period: NonZeroU32,
    seeds: u32,
    sum: f64,
    value: Option<f64>,
}

impl Seeded {
    pub(super) fn new(period: NonZeroU32) -> Self {
        Self {
            period,
            seeds: 0,
            sum: 0.0,
            value: None,
        }
    }

    /// Takes the next number: `follow` makes the next average of the last one and the period. A number that is not finite is
    /// left out.
    pub(super) fn update(&mut self, x: f64, follow: impl FnOnce(f64, f64) -> f64) -> Option<f64> {
        if !x.is_finite() {
            return None;
        }
        let n = f64::from(self.period.get());
        self.value = match self.value {
            Some(value) => Some(follow(value, n)),
            None => {
                self.sum += x;
                self.seeds += 1;
                (self.seeds == self.period.get()).then(|| self.sum / n)
            }
        };
        self.value
    }
}
