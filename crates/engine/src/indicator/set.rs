//! The usual indicators with their usual periods, all of one series of bars: what `X.indicators.csv` of the reference holds.

use super::{
    Adx, Bands, Bollinger, Candle, CandleAtr, Cci, DirectionalMovement, Ema, Macd, MacdLines, Rsi,
    Sma, Stochastic, StochasticLines, Williams,
};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// SMA 20, EMA 20 and 50, RSI 14, ATR 14, MACD 12/26/9, Bollinger 20/2, ADX 14 with both DI, stochastic 14/3/3, CCI 20 and
/// Williams' %R 14.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Indicators {
    sma20: Sma,
    ema20: Ema,
    ema50: Ema,
    rsi14: Rsi,
    atr14: CandleAtr,
    macd: Macd,
    bollinger: Bollinger,
    adx14: Adx,
    stochastic: Stochastic,
    cci20: Cci,
    williams14: Williams,
}

impl Indicators {
    /// What [`Indicators::update`] returns, in order; the names are the reference's.
    pub const COLUMNS: [&str; 18] = [
        "sma20",
        "ema20",
        "ema50",
        "rsi14",
        "atr14",
        "macd",
        "macd_signal",
        "macd_hist",
        "bb_upper",
        "bb_mid",
        "bb_lower",
        "adx14",
        "plus_di14",
        "minus_di14",
        "stoch_k",
        "stoch_d",
        "cci20",
        "willr14",
    ];

    #[must_use]
    pub fn new() -> Self {
        Self {
            sma20: Sma::new(bars::<20>()),
            ema20: Ema::new(bars::<20>()),
            ema50: Ema::new(bars::<50>()),
            rsi14: Rsi::new(bars::<14>()),
            atr14: CandleAtr::new(bars::<14>()),
            macd: Macd::new(bars::<12>(), bars::<26>(), bars::<9>()),
            bollinger: Bollinger::new(bars::<20>(), 2.0),
            adx14: Adx::new(bars::<14>()),
            stochastic: Stochastic::new(bars::<14>(), bars::<3>(), bars::<3>()),
            cci20: Cci::new(bars::<20>()),
            williams14: Williams::new(bars::<14>()),
        }
    }

    /// Takes the next closed bar and returns the values at it; `None` for those that are not warm yet.
    pub fn update(&mut self, bar: &Candle) -> [Option<f64>; Self::COLUMNS.len()] {
        Values {
            averages: [
                self.sma20.update(bar.close()),
                self.ema20.update(bar.close()),
                self.ema50.update(bar.close()),
            ],
            rsi: self.rsi14.update(bar),
            atr: self.atr14.update(bar),
            macd: self.macd.update(bar),
            bands: self.bollinger.update(bar),
            movement: self.adx14.update(bar),
            stochastic: self.stochastic.update(bar),
            cci: self.cci20.update(bar),
            williams: self.williams14.update(bar),
        }
        .in_order()
    }

    /// The values if `bar` closed as it is.
    #[must_use]
    pub fn peek(&self, bar: &Candle) -> [Option<f64>; Self::COLUMNS.len()] {
        Values {
            averages: [
                self.sma20.peek(bar.close()),
                self.ema20.peek(bar.close()),
                self.ema50.peek(bar.close()),
            ],
            rsi: self.rsi14.peek(bar),
            atr: self.atr14.peek(bar),
            macd: self.macd.peek(bar),
            bands: self.bollinger.peek(bar),
            movement: self.adx14.peek(bar),
            stochastic: self.stochastic.peek(bar),
            cci: self.cci20.peek(bar),
            williams: self.williams14.peek(bar),
        }
        .in_order()
    }
}

impl Default for Indicators {
    fn default() -> Self {
        Self::new()
    }
}

/// A period; that of no bars does not compile.
fn bars<const PERIOD: u32>() -> NonZeroU32 {
    const { NonZeroU32::new(PERIOD).unwrap() }
}

/// What each indicator said of one bar.
struct Values {
    averages: [Option<f64>; 3],
    rsi: Option<f64>,
    atr: Option<f64>,
    macd: Option<MacdLines>,
    bands: Option<Bands>,
    movement: Option<DirectionalMovement>,
    stochastic: Option<StochasticLines>,
    cci: Option<f64>,
    williams: Option<f64>,
}

impl Values {
    fn in_order(&self) -> [Option<f64>; Indicators::COLUMNS.len()] {
        let [sma20, ema20, ema50] = self.averages;
        [
            sma20,
            ema20,
            ema50,
            self.rsi,
            self.atr,
            self.macd.map(|macd| macd.line),
            self.macd.map(|macd| macd.signal),
            self.macd.map(|macd| macd.histogram),
            self.bands.map(|bands| bands.upper),
            self.bands.map(|bands| bands.middle),
            self.bands.map(|bands| bands.lower),
            self.movement.and_then(|movement| movement.adx),
            self.movement.map(|movement| movement.plus_di),
            self.movement.map(|movement| movement.minus_di),
            self.stochastic.map(|lines| lines.k),
            self.stochastic.map(|lines| lines.d),
            self.cci,
            self.williams,
        ]
    }
}
