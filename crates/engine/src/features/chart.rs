//! What can be read of one chart at the close of a bar. The formulas are in `docs/features.md`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bars that a return can go back.
pub(super) const RETURN_MAX: u16 = 256;

/// One number of one chart. `Up` is of what is bullish, `Down` of what is bearish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChartValue {
    /// Over so many bars.
    Return(u16),
    Body,
    Range,
    ClosePlace,
    AtrToMean,
    Rsi,
    CloseToSma20,
    CloseToEma20,
    CloseToEma50,
    Ema20ToEma50,
    Macd,
    MacdSignal,
    MacdHistogram,
    BandPlace,
    BandWidth,
    Adx,
    PlusDi,
    MinusDi,
    StochasticK,
    StochasticD,
    Cci,
    Williams,
    Trend,
    SwingHigh,
    SwingLow,
    RangePlace,
    GapUp,
    GapDown,
    BlockUp,
    BlockDown,
    PoolAbove,
    PoolBelow,
    DayHigh,
    DayLow,
    Since(Past),
}

/// Something that happened on a chart and is counted from in bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Past {
    BosUp,
    BosDown,
    ChochUp,
    ChochDown,
    SweepUp,
    SweepDown,
}

impl Past {
    pub(super) const COUNT: usize = 6;
}

impl ChartValue {
    /// All but returns, by their names.
    const NAMED: [(&str, Self); 39] = [
        ("body_atr", Self::Body),
        ("range_atr", Self::Range),
        ("close_place", Self::ClosePlace),
        ("atr_to_mean", Self::AtrToMean),
        ("rsi14", Self::Rsi),
        ("close_to_sma20_atr", Self::CloseToSma20),
        ("close_to_ema20_atr", Self::CloseToEma20),
        ("close_to_ema50_atr", Self::CloseToEma50),
        ("ema20_to_ema50_atr", Self::Ema20ToEma50),
        ("macd_atr", Self::Macd),
        ("macd_signal_atr", Self::MacdSignal),
        ("macd_hist_atr", Self::MacdHistogram),
        ("bb_place", Self::BandPlace),
        ("bb_width_atr", Self::BandWidth),
        ("adx14", Self::Adx),
        ("plus_di14", Self::PlusDi),
        ("minus_di14", Self::MinusDi),
        ("stoch_k", Self::StochasticK),
        ("stoch_d", Self::StochasticD),
        ("cci20", Self::Cci),
        ("willr14", Self::Williams),
        ("trend", Self::Trend),
        ("swing_high_atr", Self::SwingHigh),
        ("swing_low_atr", Self::SwingLow),
        ("range_place", Self::RangePlace),
        ("gap_up_atr", Self::GapUp),
        ("gap_down_atr", Self::GapDown),
        ("block_up_atr", Self::BlockUp),
        ("block_down_atr", Self::BlockDown),
        ("pool_above_atr", Self::PoolAbove),
        ("pool_below_atr", Self::PoolBelow),
        ("day_high_atr", Self::DayHigh),
        ("day_low_atr", Self::DayLow),
        ("since_bos_up", Self::Since(Past::BosUp)),
        ("since_bos_down", Self::Since(Past::BosDown)),
        ("since_choch_up", Self::Since(Past::ChochUp)),
        ("since_choch_down", Self::Since(Past::ChochDown)),
        ("since_sweep_up", Self::Since(Past::SweepUp)),
        ("since_sweep_down", Self::Since(Past::SweepDown)),
    ];

    /// Every name there is; of returns some examples.
    pub(super) fn names() -> impl Iterator<Item = String> {
        let returns = [1, 3, 12, 48].map(|bars| Self::Return(bars).to_string());
        let named = Self::NAMED.into_iter().map(|(name, _)| name.to_owned());
        returns.into_iter().chain(named)
    }

    /// The value of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let known = Self::NAMED.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, value)| value).or_else(|| a_return(name))
    }
}

/// `return12_atr`.
fn a_return(name: &str) -> Option<ChartValue> {
    let bars = name.strip_prefix("return")?.strip_suffix("_atr")?;
    let count = bars.parse().ok()?;
    let fits = (1..=RETURN_MAX).contains(&count) && !bars.starts_with(['0', '+']);
    fits.then_some(ChartValue::Return(count))
}

impl fmt::Display for ChartValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Return(bars) = self {
            return write!(f, "return{bars}_atr");
        }
        let known = Self::NAMED.iter().find(|(_, value)| value == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}
