//! What indicators take of a bar.

use market::Ohlc;
use serde::{Deserialize, Serialize};

/// No price is farther from zero, and squares of what is nearer stay finite.
const FARTHEST: f64 = 1e100;

/// High, low and close of a bar: finite numbers, the low not above the high.
///
/// A close outside of them is taken as it is, as TA-Lib takes it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candle {
    high: f64,
    low: f64,
    close: f64,
}

impl Candle {
    /// `None` for what is no bar: a number that is not finite (or beyond 1e100), or a low above the high.
    #[must_use]
    pub fn new(high: f64, low: f64, close: f64) -> Option<Self> {
        let numbers = [high, low, close].iter().all(|x| x.abs() <= FARTHEST);
        (numbers && low <= high).then_some(Self { high, low, close })
    }

    /// The same of a fixed-point bar; `None` where its low is above its high.
    #[must_use]
    pub fn of(bar: &Ohlc) -> Option<Self> {
        Self::new(bar.high.to_f64(), bar.low.to_f64(), bar.close.to_f64())
    }

    #[must_use]
    pub fn high(&self) -> f64 {
        self.high
    }
    #[must_use]
    pub fn low(&self) -> f64 {
        self.low
    }
    #[must_use]
    pub fn close(&self) -> f64 {
        self.close
    }

    /// The mean of high, low and close.
    #[must_use]
    pub fn typical(&self) -> f64 {
        (self.high + self.low + self.close) / 3.0
    }

    /// The greatest of high - low, |high - previous close|, |low - previous close|.
    #[must_use]
    pub fn true_range(&self, previous_close: f64) -> f64 {
        self.high.max(previous_close) - self.low.min(previous_close)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Price;

    #[test]
    fn what_is_no_bar_is_turned_away() {
        let infinite = f64::INFINITY;
        for (high, low, close) in [
            (f64::NAN, 1.0, 1.0),
            (2.0, f64::NAN, 1.0),
            (2.0, 1.0, f64::NAN),
            (infinite, 1.0, 1.0),
            (2.0, -infinite, 1.0),
            (2.0, 1.0, infinite),
            (1e101, 1.0, 1.0),
            (1.0, 1.1, 1.05),
        ] {
            assert_eq!(Candle::new(high, low, close), None, "{high} {low} {close}");
        }
        assert!(Candle::new(1.0, 1.0, 1.0).is_some());
        assert!(Candle::new(-1.0, -2.0, -1.5).is_some());
    }

    #[test]
    fn a_fixed_point_bar_gives_the_numbers_it_was_written_with() {
        let price = |text| Price::parse(text).unwrap();
        let bar = |high, low| Ohlc {
            open: price("1.08"),
            high: price(high),
            low: price(low),
            close: price("1.08005"),
        };
        let candle = Candle::of(&bar("1.08505", "1.07993")).unwrap();
        assert_eq!(Candle::new(1.08505, 1.07993, 1.08005), Some(candle));
        assert_eq!(Candle::of(&bar("1.07993", "1.08505")), None);
    }

    #[test]
    fn the_true_range_reaches_to_the_previous_close() {
        let candle = Candle::new(12.0, 10.0, 11.0).unwrap();
        for (previous, range) in [(11.5, 2.0), (15.0, 5.0), (7.0, 5.0)] {
            assert_eq!(candle.true_range(previous), range, "{previous}");
        }
    }
}
