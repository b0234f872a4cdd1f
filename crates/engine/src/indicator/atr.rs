//! Average true range after Wilder, "New Concepts in Technical Trading Systems" (1978), seeded as TA-Lib does.

use super::{Candle, Wilder};
use market::{Ohlc, Price};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

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

    /// The value if `bar` closed as it is.
    #[must_use]
    pub fn peek(&self, bar: &Ohlc) -> Option<f64> {
        self.clone().update(bar)
    }

    /// The value at the last bar.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }
}

/// ATR(n) of candles: the same numbers from bars that no fixed-point price has to hold. The structure compares its own
/// fixed-point bars with [`Atr`], whose stored form snapshots rely on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CandleAtr {
    previous_close: Option<f64>,
    ranges: Wilder,
}

impl CandleAtr {
    #[must_use]
    pub fn new(period: NonZeroU32) -> Self {
        Self {
            previous_close: None,
            ranges: Wilder::new(period),
        }
    }

    /// Takes the next closed bar and returns the value at it, in price units.
    pub fn update(&mut self, bar: &Candle) -> Option<f64> {
        let close = self.previous_close.replace(bar.close())?;
        self.ranges.update(bar.true_range(close))
    }

    /// The value if `bar` closed as it is.
    #[must_use]
    pub fn peek(&self, bar: &Candle) -> Option<f64> {
        self.clone().update(bar)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{bars, candles, check};
    use super::*;

    #[test]
    fn the_average_of_how_far_bars_reach() {
        // True ranges: 11 - 9 = 2; 14 - 10 = 4, from the close before; 13 - 12 = 1. (2 + 4) / 2 = 3; (3 * 1 + 1) / 2 = 2.
        let series = candles(&[
            (10.0, 8.0, 9.0),
            (11.0, 9.0, 10.0),
            (14.0, 11.0, 13.0),
            (13.0, 12.0, 12.0),
        ]);
        let mut atr = CandleAtr::new(bars(2));
        let ours = series.iter().map(|bar| atr.update(bar));
        check(ours, &[None, None, Some(3.0), Some(2.0)]);
        let mut atr = CandleAtr::new(bars(1));
        let ours = series.iter().map(|bar| atr.update(bar));
        check(ours, &[None, Some(2.0), Some(4.0), Some(1.0)]);
    }

    /// The form that engines' snapshots hold.
    #[test]
    fn the_stored_form_of_the_structures_range_stays() {
        let price = |units| Price::from_units(units);
        let mut atr = Atr::new(2);
        let bar = |high, low, close| Ohlc {
            open: price(close),
            high: price(high),
            low: price(low),
            close: price(close),
        };
        atr.update(&bar(3, 1, 2));
        atr.update(&bar(4_000_000_002, 2, 3));
        let stored = (2_u32, Some(price(3)), 1_u32, 4.0_f64, None::<f64>);
        assert_eq!(
            postcard::to_stdvec(&atr).unwrap(),
            postcard::to_stdvec(&stored).unwrap()
        );
        let next = bar(2_000_000_003, 3, 3);
        assert_eq!(atr.peek(&next), Some(3.0));
        assert_eq!(atr.update(&next), Some(3.0));
    }
}
