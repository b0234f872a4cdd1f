//! Bollinger's bands.

use super::Candle;
use super::window::{Moments, Window};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Bollinger(n, k): the mean of the last n closes, and k standard deviations of the population above and below it. The first
/// value is at bar n - 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bollinger {
    deviations: f64,
    window: Window<Moments>,
}

/// In price units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bands {
    pub upper: f64,
    pub middle: f64,
    pub lower: f64,
}

impl Bollinger {
    #[must_use]
    pub fn new(period: NonZeroU32, deviations: f64) -> Self {
        Self {
            deviations,
            window: Window::new(period),
        }
    }

    /// Takes the next closed bar and returns the bands at it.
    pub fn update(&mut self, bar: &Candle) -> Option<Bands> {
        let closes = self.window.update(Moments::of(bar.close()))?;
        Some(self.around(&closes))
    }

    /// The bands if `bar` closed as it is.
    #[must_use]
    pub fn peek(&self, bar: &Candle) -> Option<Bands> {
        let closes = self.window.peek(Moments::of(bar.close()))?;
        Some(self.around(&closes))
    }

    fn around(&self, closes: &Moments) -> Bands {
        let width = self.deviations * closes.deviation();
        Bands {
            upper: closes.mean + width,
            middle: closes.mean,
            lower: closes.mean - width,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{bars, closes};
    use super::*;

    #[test]
    fn deviations_of_the_population_around_the_mean() {
        // 1, 3, 2, 2: mean 2, squares 1 + 1 + 0 + 0, deviation sqrt(2 / 4). 3, 2, 2, 3: mean 2.5, squares 4 / 4, 0.5.
        let series = closes(&[1.0, 3.0, 2.0, 2.0, 3.0]);
        let mut bollinger = Bollinger::new(bars(4), 3.0);
        let ours: Vec<_> = series.iter().map(|bar| bollinger.update(bar)).collect();
        assert_eq!(ours[..3], [None, None, None]);
        for (bands, middle, width) in [(ours[3], 2.0, 4.5_f64.sqrt()), (ours[4], 2.5, 1.5)] {
            let Bands {
                upper,
                middle: mid,
                lower,
            } = bands.unwrap();
            for (our, their) in [
                (upper, middle + width),
                (mid, middle),
                (lower, middle - width),
            ] {
                assert!((our - their).abs() < 1e-9, "{bands:?}");
            }
        }
    }

    #[test]
    fn of_one_bar_all_bands_are_its_close() {
        let mut bollinger = Bollinger::new(bars(1), 2.0);
        for bar in closes(&[1.1, 7.3]) {
            let x = bar.close();
            let bands = Bands {
                upper: x,
                middle: x,
                lower: x,
            };
            assert_eq!(bollinger.update(&bar), Some(bands));
        }
    }

    /// Where running sums leave a width of what rounding took.
    #[test]
    fn a_market_that_stands_still_after_it_moved_has_no_width() {
        let mut bollinger = Bollinger::new(bars(20), 2.0);
        let moving = (0..1000).map(|place| 40_000.0 + f64::from(place * 37 % 1001) / 10.0);
        let still = [39_987.3; 20];
        let last = closes(&moving.chain(still).collect::<Vec<_>>())
            .iter()
            .map(|bar| bollinger.update(bar))
            .last();
        let bands = Bands {
            upper: 39_987.3,
            middle: 39_987.3,
            lower: 39_987.3,
        };
        assert_eq!(last, Some(Some(bands)));
    }
}
