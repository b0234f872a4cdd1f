//! What features need to know of one chart beyond the chart itself: indicators, the last closes, and when something
//! happened last. Of each closed bar the values that are wanted are kept, as far back as they are asked for.

use super::chart::{ChartValue, Past};
use super::name::Feature;
use crate::indicator::{Candle, Indicators, Sma};
use crate::structure::{Block, Chart, Finding, Gap};
use market::{Bar, Direction, Ohlc, Price, Timeframe};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::num::NonZeroU32;

/// Of zones and pools: no farther, and as far where there is none.
pub(super) const FAR_ATR: f64 = 20.0;
/// Of what happened: no longer ago, and as long where it has not happened.
pub(super) const LONG_AGO: u16 = 100;

/// The average true range is compared with its own mean over so many bars.
const MEAN_OF_ATR: NonZeroU32 = const { NonZeroU32::new(50).unwrap() };

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Watch {
    indicators: Indicators,
    readings: [Option<f64>; Indicators::COLUMNS.len()],
    mean_of_atr: Sma,
    atr_to_mean: Option<f64>,
    /// Newest last: as many as the longest return that is wanted, and one more.
    closes: VecDeque<Price>,
    /// Bars since, by [`Past`].
    since: [u16; Past::COUNT],
    /// What is wanted of this chart, each once.
    wanted: Vec<ChartValue>,
    /// The values of those, a row for each closed bar, newest last.
    rows: VecDeque<Vec<f64>>,
    depth: usize,
    longest: usize,
}

/// A closed bar, and its chart as it stands then.
#[derive(Clone, Copy)]
struct Now<'a> {
    bar: &'a Ohlc,
    chart: &'a Chart,
    /// Not known yet, or nothing: then nothing is measured by it.
    atr: Option<f64>,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self {
            indicators: Indicators::new(),
            readings: [None; Indicators::COLUMNS.len()],
            mean_of_atr: Sma::new(MEAN_OF_ATR),
            atr_to_mean: None,
            closes: VecDeque::new(),
            since: [LONG_AGO; Past::COUNT],
            wanted: Vec::new(),
            rows: VecDeque::new(),
            depth: 1,
            longest: 0,
        }
    }

    /// Whether any of these is of this timeframe.
    pub(super) fn is_needed(names: &[Feature], timeframe: Timeframe) -> bool {
        names.iter().any(|one| one.of_chart(timeframe).is_some())
    }

    /// Takes up what is wanted from now on. Of what was wanted before nothing is forgotten but what nobody asks for; what is
    /// new is known from the next bar on.
    pub(super) fn want(&mut self, names: &[Feature], timeframe: Timeframe) {
        let mut wanted = Vec::new();
        (self.depth, self.longest) = (1, 0);
        for (value, lag) in names.iter().filter_map(|one| one.of_chart(timeframe)) {
            self.depth = self.depth.max(usize::from(lag) + 1);
            if let ChartValue::Return(bars) = value {
                self.longest = self.longest.max(usize::from(bars));
            }
            if !wanted.contains(&value) {
                wanted.push(value);
            }
        }
        for row in &mut self.rows {
            let value_of = |value: &ChartValue| {
                let place = self.wanted.iter().position(|before| before == value);
                place.map_or(f64::NAN, |place| row[place])
            };
            *row = wanted.iter().map(value_of).collect();
        }
        self.wanted = wanted;
    }

    /// Takes the next closed bar, which its chart has taken already.
    pub(super) fn close(&mut self, bar: &Bar, findings: &[Finding], chart: &Chart) {
        if let Some(candle) = Candle::of(&bar.price) {
            self.readings = self.indicators.update(&candle);
        }
        let atr = chart.atr().filter(|atr| *atr > 0.0);
        let mean = atr.and_then(|atr| self.mean_of_atr.update(atr));
        self.atr_to_mean = atr.zip(mean).map(|(atr, mean)| atr / mean);
        self.closes.push_back(bar.price.close);
        while self.closes.len() > self.longest + 1 {
            self.closes.pop_front();
        }
        self.count_since(findings);
        let price = &bar.price;
        let now = Now {
            bar: price,
            chart,
            atr,
        };
        let row = self.wanted.iter().map(|value| self.value(*value, now));
        let row = row.map(known).collect();
        self.rows.push_back(row);
        while self.rows.len() > self.depth {
            self.rows.pop_front();
        }
    }

    /// A value so many closed bars ago; NaN while it is not known.
    pub(super) fn read(&self, value: ChartValue, lag: u16) -> f64 {
        let place = self.wanted.iter().position(|wanted| *wanted == value);
        let row = self.rows.iter().nth_back(usize::from(lag));
        place.zip(row).map_or(f64::NAN, |(place, row)| row[place])
    }

    fn count_since(&mut self, findings: &[Finding]) {
        for bars in &mut self.since {
            *bars = (*bars + 1).min(LONG_AGO);
        }
        for past in findings.iter().filter_map(past_of) {
            self.since[past as usize] = 0;
        }
    }

    fn value(&self, value: ChartValue, now: Now<'_>) -> Option<f64> {
        let [
            sma20,
            ema20,
            ema50,
            rsi,
            _,
            macd,
            signal,
            histogram,
            upper,
            _,
            lower,
            rest @ ..,
        ] = self.readings;
        let [
            adx,
            plus_di,
            minus_di,
            stochastic_k,
            stochastic_d,
            cci,
            williams,
        ] = rest;
        let close = now.bar.close.to_f64();
        match value {
            ChartValue::Return(bars) => {
                let before = self.closes.iter().nth_back(usize::from(bars))?;
                now.atrs(now.bar.close - *before)
            }
            ChartValue::Body => now.atrs(now.bar.close - now.bar.open),
            ChartValue::Range => now.atrs(now.bar.high - now.bar.low),
            ChartValue::ClosePlace => Some(close_place(now.bar)),
            ChartValue::AtrToMean => self.atr_to_mean,
            ChartValue::Rsi => rsi,
            ChartValue::CloseToSma20 => now.part(close - sma20?),
            ChartValue::CloseToEma20 => now.part(close - ema20?),
            ChartValue::CloseToEma50 => now.part(close - ema50?),
            ChartValue::Ema20ToEma50 => now.part(ema20? - ema50?),
            ChartValue::Macd => now.part(macd?),
            ChartValue::MacdSignal => now.part(signal?),
            ChartValue::MacdHistogram => now.part(histogram?),
            ChartValue::BandPlace => Some(band_place(close, lower?, upper?)),
            ChartValue::BandWidth => now.part(upper? - lower?),
            ChartValue::Adx => adx,
            ChartValue::PlusDi => plus_di,
            ChartValue::MinusDi => minus_di,
            ChartValue::StochasticK => stochastic_k,
            ChartValue::StochasticD => stochastic_d,
            ChartValue::Cci => cci,
            ChartValue::Williams => williams,
            ChartValue::Trend => Some(now.chart.trend().map_or(0.0, sign)),
            ChartValue::SwingHigh => {
                now.atrs(now.chart.last_swing(Direction::Long)? - now.bar.close)
            }
            ChartValue::SwingLow => {
                now.atrs(now.bar.close - now.chart.last_swing(Direction::Short)?)
            }
            ChartValue::RangePlace => now.chart.range().place(Direction::Long, now.bar.close),
            ChartValue::GapUp => now.to_gap(Direction::Long),
            ChartValue::GapDown => now.to_gap(Direction::Short),
            ChartValue::BlockUp => now.to_block(Direction::Long),
            ChartValue::BlockDown => now.to_block(Direction::Short),
            ChartValue::PoolAbove => now.to_pool(Direction::Long),
            ChartValue::PoolBelow => now.to_pool(Direction::Short),
            ChartValue::DayHigh => now.atrs(now.chart.levels().previous_day()?.0 - now.bar.close),
            ChartValue::DayLow => now.atrs(now.bar.close - now.chart.levels().previous_day()?.1),
            ChartValue::Since(past) => Some(f64::from(self.since[past as usize])),
        }
    }
}

impl Now<'_> {
    /// A distance between prices, in multiples of the average true range.
    fn atrs(self, distance: Price) -> Option<f64> {
        self.part(distance.to_f64())
    }

    fn part(self, distance: f64) -> Option<f64> {
        Some(distance / self.atr?)
    }

    /// From the near edge of the youngest live gap of a direction to the close.
    fn to_gap(self, direction: Direction) -> Option<f64> {
        let mut gaps = self.chart.gaps().iter().rev();
        let youngest = gaps.find(|gap| gap.direction == direction);
        self.to_zone(direction, youngest.map(Gap::edges))
    }

    /// The same of order blocks.
    fn to_block(self, direction: Direction) -> Option<f64> {
        let mut blocks = self.chart.blocks().rev();
        let youngest = blocks.find(|block| block.direction == direction);
        let edges = |block: &Block| match direction {
            Direction::Long => (block.top, block.bottom),
            Direction::Short => (block.bottom, block.top),
        };
        self.to_zone(direction, youngest.map(edges))
    }

    /// Positive while price has not come into the zone.
    fn to_zone(self, direction: Direction, edges: Option<(Price, Price)>) -> Option<f64> {
        let away = |(near, _)| (self.bar.close - near).times(direction.sign());
        self.no_farther(edges.map(away))
    }

    /// To the nearest live pool: above for `Long`, below for `Short`.
    fn to_pool(self, side: Direction) -> Option<f64> {
        let away = |level: Price| (level - self.bar.close).times(side.sign());
        let pools = self.chart.pools(side).map(|pool| away(pool.level));
        self.no_farther(pools.filter(|away| away.is_positive()).min())
    }

    fn no_farther(self, distance: Option<Price>) -> Option<f64> {
        let atrs = match distance {
            Some(distance) => self.atrs(distance)?,
            None => FAR_ATR,
        };
        self.atr.map(|_| atrs.clamp(-FAR_ATR, FAR_ATR))
    }
}

/// NaN stands for what is not known, and for what no number says.
pub(super) fn known(value: Option<f64>) -> f64 {
    value.filter(|value| value.is_finite()).unwrap_or(f64::NAN)
}

pub(super) fn sign(direction: Direction) -> f64 {
    direction.sign() as f64
}

/// 0 at the low, 1 at the high; the middle where the bar is one price.
fn close_place(bar: &Ohlc) -> f64 {
    let range = (bar.high - bar.low).units();
    if range == 0 {
        0.5
    } else {
        // Of the integers, so that no rounding moves an end.
        (bar.close - bar.low).units() as f64 / range as f64
    }
}

/// 0 at the lower band, 1 at the upper one; the middle where they are one.
fn band_place(close: f64, lower: f64, upper: f64) -> f64 {
    if upper > lower {
        (close - lower) / (upper - lower)
    } else {
        0.5
    }
}

/// What a finding is counted from as.
fn past_of(finding: &Finding) -> Option<Past> {
    match finding {
        Finding::Break(found) => Some(match (found.choch, found.direction) {
            (false, Direction::Long) => Past::BosUp,
            (false, Direction::Short) => Past::BosDown,
            (true, Direction::Long) => Past::ChochUp,
            (true, Direction::Short) => Past::ChochDown,
        }),
        Finding::Sweep { direction, .. } => Some(match direction {
            Direction::Long => Past::SweepUp,
            Direction::Short => Past::SweepDown,
        }),
        Finding::Swing { .. }
        | Finding::MajorSwing { .. }
        | Finding::Equal { .. }
        | Finding::Block(_)
        | Finding::BlockTouched(_)
        | Finding::BlockBroken(_)
        | Finding::Gap(_)
        | Finding::GapTouched(_)
        | Finding::GapFilled(_)
        | Finding::GapInverted(_)
        | Finding::Run { .. } => None,
    }
}
