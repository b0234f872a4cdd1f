//! Features: numbers that say how a market stands, for models in this process and outside, made once and here only.
//!
//! A row of them is made at each closed bar of the setups' timeframe and at the birth of each signal, of what is closed and
//! known by then. Each is free of the price level: prices times 1024 give the same bits. What is not known yet is NaN.
//! Names, units and formulas are in `docs/features.md`.

mod chart;
mod moment;
mod name;
mod score;
mod watch;

#[cfg(test)]
mod tests;

pub use chart::{ChartValue, Past};
pub use moment::MomentValue;
pub use name::{Feature, LAG_MAX};
pub use score::SCORE;

pub(crate) use moment::{Facts, Moment};
pub(crate) use score::{AtSignal, at_signal};

use crate::structure::{Chart, Finding};
use market::{Bar, InstrumentId, Readings, SourceTime, Timeframe, Uuid};
use serde::{Deserialize, Serialize};
use watch::Watch;

/// Which features rows are made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureRules {
    /// In the order of a row. None: no rows are made, and nothing is kept for them.
    pub names: Vec<Feature>,
}

impl FeatureRules {
    /// Whether no rows are made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// What a row was made at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// The close of a bar of the setups' timeframe.
    Bar,
    /// The birth of this signal.
    Signal(Uuid),
}

/// The features of one instrument at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureRow {
    pub instrument: InstrumentId,
    pub occasion: Occasion,
    /// The setups' timeframe.
    pub timeframe: Timeframe,
    /// The end of the bar, or the source's time of the signal's birth.
    pub time: SourceTime,
    /// In the order of [`FeatureRules::names`].
    pub values: Readings,
}

/// What an instrument's features need to know beyond its charts; nothing where none are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Features {
    watches: [Option<Box<Watch>>; Timeframe::ALL.len()],
}

impl Features {
    /// Takes up what is wanted of the charts there are, and forgets the rest.
    pub(crate) fn want(&mut self, names: &[Feature], has_chart: impl Fn(Timeframe) -> bool) {
        for (timeframe, watch) in Timeframe::ALL.into_iter().zip(&mut self.watches) {
            if Watch::is_needed(names, timeframe) && has_chart(timeframe) {
                watch
                    .get_or_insert_with(|| Box::new(Watch::new()))
                    .want(names, timeframe);
            } else {
                *watch = None;
            }
        }
    }

    /// Whether nothing is read of any chart.
    pub(crate) fn is_empty(&self) -> bool {
        self.watches.iter().all(Option::is_none)
    }

    /// A chart begins anew, and so does what was read of it.
    pub(crate) fn forget(&mut self, timeframe: Timeframe) {
        self.watches[timeframe.index()] = None;
    }

    /// Takes a closed bar that its chart has taken.
    pub(crate) fn close(
        &mut self,
        timeframe: Timeframe,
        bar: &Bar,
        findings: &[Finding],
        chart: &Chart,
    ) {
        if let Some(watch) = &mut self.watches[timeframe.index()] {
            watch.close(bar, findings, chart);
        }
    }

    /// The row of a moment.
    pub(crate) fn read(&self, names: &[Feature], moment: &Moment) -> Readings {
        let read = |feature: &Feature| match *feature {
            Feature::Chart {
                timeframe,
                value,
                lag,
            } => {
                let watch = self.watches[timeframe.index()].as_ref();
                watch.map_or(f64::NAN, |watch| watch.read(value, lag))
            }
            Feature::Moment(value) => moment.read(value),
        };
        let values: Vec<f64> = names.iter().map(read).collect();
        values.into()
    }
}

/// The features that rows are made of where nobody says which: all of them are known at the close of a bar.
#[must_use]
pub fn usual() -> Vec<Feature> {
    let names = [
        "5m.return1_atr",
        "5m.return3_atr",
        "5m.return12_atr",
        "5m.return48_atr",
        "5m.body_atr",
        "5m.range_atr",
        "5m.close_place",
        "5m.atr_to_mean",
        "5m.rsi14",
        "5m.close_to_ema20_atr",
        "5m.close_to_ema50_atr",
        "5m.macd_hist_atr",
        "5m.bb_place",
        "5m.bb_width_atr",
        "5m.adx14",
        "5m.stoch_k",
        "5m.trend",
        "5m.swing_high_atr",
        "5m.swing_low_atr",
        "5m.range_place",
        "5m.gap_up_atr",
        "5m.gap_down_atr",
        "5m.block_up_atr",
        "5m.block_down_atr",
        "5m.pool_above_atr",
        "5m.pool_below_atr",
        "5m.since_choch_up",
        "5m.since_choch_down",
        "5m.since_sweep_up",
        "5m.since_sweep_down",
        "1h.return1_atr",
        "1h.return12_atr",
        "1h.rsi14",
        "1h.close_to_ema20_atr",
        "1h.adx14",
        "1h.trend",
        "1h.day_high_atr",
        "1h.day_low_atr",
        "hour_sin",
        "hour_cos",
        "weekday",
        "killzone_minutes",
        "spread_atr",
    ];
    names.iter().flat_map(|name| name.parse()).collect()
}

/// The features that only signals have.
#[must_use]
pub fn signal_facts() -> Vec<Feature> {
    let facts = MomentValue::ALL.into_iter().map(Feature::Moment);
    facts.filter(|fact| fact.is_of_signals()).collect()
}
