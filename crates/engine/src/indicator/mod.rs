//! Indicators: one bar in, one answer out, one file each. TA-Lib's conventions, proved against its outputs.
//!
//! All take a closed bar by `update` and show what the forming one would give by `peek`, which changes nothing: a `peek` and
//! the `update` by the same bar give the same bits. They answer `None` until they are warm. On average, work per bar
//! does not grow with the period (for [`Cci`] it does, by nature); memory does not grow with history; and the stored form
//! keeps every bit.
//!
//! They take a [`Candle`], whose one constructor turns away what is no bar, and not [`market::Ohlc`]: recorded bars come with
//! more digits than a fixed-point price keeps, and TA-Lib's directional movement depends on the last of them. A period
//! is a `NonZeroU32`: there is none of no bars. [`Atr`] alone takes fixed-point bars: the structure's rules compare with it.
//!
//! The exact state comes back from its stored form only. For charts, a replay of `max(25 period, 500)` bars is within 1e-9
//! of the price.

mod adx;
mod atr;
mod bollinger;
mod candle;
mod cci;
mod ema;
mod macd;
mod rsi;
mod seeded;
mod set;
mod sma;
mod stochastic;
mod wilder;
mod williams;
mod window;

pub use adx::{Adx, DirectionalMovement};
pub use atr::{Atr, CandleAtr};
pub use bollinger::{Bands, Bollinger};
pub use candle::Candle;
pub use cci::Cci;
pub use ema::Ema;
pub use macd::{Macd, MacdLines};
pub use rsi::Rsi;
pub use set::Indicators;
pub use sma::Sma;
pub use stochastic::{Stochastic, StochasticLines};
pub use wilder::Wilder;
pub use williams::Williams;

#[cfg(test)]
mod check {
    //! What the tests of all indicators use: periods, candles, and values that a hand can work out.

    use super::Candle;
    use std::num::NonZeroU32;

    pub(super) fn bars(period: u32) -> NonZeroU32 {
        NonZeroU32::new(period).unwrap()
    }

    pub(super) fn candles(bars: &[(f64, f64, f64)]) -> Vec<Candle> {
        let candle = |&(high, low, close): &(f64, f64, f64)| Candle::new(high, low, close).unwrap();
        bars.iter().map(candle).collect()
    }

    /// Bars of one price each.
    pub(super) fn closes(closes: &[f64]) -> Vec<Candle> {
        let bars: Vec<_> = closes.iter().map(|&close| (close, close, close)).collect();
        candles(&bars)
    }

    /// Every value within a billionth, and the first of them at the same bar.
    pub(super) fn check(ours: impl IntoIterator<Item = Option<f64>>, expected: &[Option<f64>]) {
        let ours: Vec<_> = ours.into_iter().collect();
        assert_eq!(ours.len(), expected.len());
        for (place, (our, their)) in ours.iter().zip(expected).enumerate() {
            let same = match (our, their) {
                (Some(our), Some(their)) => (our - their).abs() <= 1e-9,
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            assert!(same, "bar {place}: {ours:?}, and not {expected:?}");
        }
    }
}
