//! What the charts made of a stretch of a recording, kept so that others need not make it again: sets of parameters that
//! differ only in how they trade see the same bars, and their charts find the same in them.
//!
//! One engine keeps what its charts read, and others follow it over the same stretch. Each reading has the bar it is of: an
//! engine that comes to another bar has parted, and what it says from there on is worth nothing.

use crate::rules::{Rules, Settings, name_of};
use crate::structure::{BarIndex, Chart, Finding};
use market::{Bar, InstrumentId, Timeframe};
use std::sync::Arc;

/// What one closed bar was to its chart.
#[derive(Clone, Debug)]
struct Reading {
    timeframe: Timeframe,
    bar: Bar,
    t: BarIndex,
    /// Where what became known with it ends: it begins where that of the reading before does.
    found_until: usize,
    /// The chart as it was then, where anybody asks for it.
    chart: Option<Arc<Chart>>,
}

/// What all charts of an engine read, in their order.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// By instrument.
    of: Vec<Kept>,
}

/// What the charts of one instrument read. All lies in the order in which it is taken: each set goes over it, and waits for
/// memory otherwise.
#[derive(Clone, Debug, Default)]
struct Kept {
    readings: Vec<Reading>,
    findings: Vec<Finding>,
}

/// How an engine's charts come to what they know.
#[derive(Clone, Debug, Default)]
pub(crate) enum Reader {
    /// By reading.
    #[default]
    Own,
    /// By reading, and what they read is kept.
    Keeps(Readings),
    /// From another engine of the same bars and rules.
    Follows(Follower),
    /// By reading what moves stops, on the one timeframe that does, and nothing else.
    ForStops,
}

#[derive(Clone, Debug)]
pub(crate) struct Follower {
    readings: Arc<Readings>,
    /// By instrument.
    taken: Vec<Taken>,
    parted: bool,
}

/// How many readings are taken, and how many findings.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    readings: usize,
    findings: usize,
}

/// A closed bar and the chart that is to take it.
pub(crate) struct Page<'a> {
    pub id: InstrumentId,
    pub timeframe: Timeframe,
    pub bar: &'a Bar,
    pub chart: &'a mut Arc<Chart>,
    pub rules: &'a Rules,
    /// Whether anything but its findings is asked of this chart.
    pub asked: bool,
    /// Whether it is the chart of the setups' timeframe, by which stops are moved.
    pub moves_stops: bool,
}

impl Reader {
    /// Takes a bar into its chart and appends what became known; returns the bar's index, or `None` where this engine has
    /// parted from the one it follows.
    pub(crate) fn read(&mut self, page: Page, findings: &mut Vec<Finding>) -> Option<BarIndex> {
        match self {
            Self::Own => Some(Arc::make_mut(page.chart).close(page.bar, page.rules, findings)),
            Self::Keeps(kept) => {
                let t = Arc::make_mut(page.chart).close(page.bar, page.rules, findings);
                kept.keep(&page, t, findings);
                Some(t)
            }
            Self::Follows(follower) => follower.take(page, findings),
            Self::ForStops if page.moves_stops => {
                Some(Arc::make_mut(page.chart).close_for_stops(page.bar))
            }
            Self::ForStops => None,
        }
    }

    /// What was kept, if anything; from here on nothing is.
    pub(crate) fn kept(&mut self) -> Readings {
        match std::mem::take(self) {
            Self::Keeps(kept) => kept,
            Self::Own | Self::Follows(_) | Self::ForStops => Readings::default(),
        }
    }

    /// Follows the next stretch. Whoever has parted stays so.
    pub(crate) fn follow(&mut self, readings: Arc<Readings>) {
        let parted = self.has_parted();
        let taken = vec![Taken::default(); readings.of.len()];
        *self = Self::Follows(Follower {
            readings,
            taken,
            parted,
        });
    }

    /// Whether it came to a bar that the engine it follows did not come to, or has left one out.
    pub(crate) fn has_parted(&self) -> bool {
        match self {
            Self::Own | Self::Keeps(_) | Self::ForStops => false,
            Self::Follows(follower) => follower.has_parted(),
        }
    }
}

impl Readings {
    fn keep(&mut self, page: &Page, t: BarIndex, findings: &[Finding]) {
        let place = page.id.index();
        if self.of.len() <= place {
            self.of.resize_with(place + 1, Kept::default);
        }
        let of = &mut self.of[place];
        of.findings.extend_from_slice(findings);
        of.readings.push(Reading {
            timeframe: page.timeframe,
            bar: *page.bar,
            t,
            found_until: of.findings.len(),
            chart: page.asked.then(|| Arc::clone(page.chart)),
        });
    }
}

impl Follower {
    fn take(&mut self, page: Page, findings: &mut Vec<Finding>) -> Option<BarIndex> {
        let place = page.id.index();
        let of = self.readings.of.get(place).zip(self.taken.get_mut(place));
        let next = of.and_then(|(kept, taken)| {
            let next = kept.readings.get(taken.readings)?;
            let found = &kept.findings[taken.findings..next.found_until];
            *taken = Taken {
                readings: taken.readings + 1,
                findings: next.found_until,
            };
            let is_same = next.timeframe == page.timeframe && next.bar == *page.bar;
            is_same.then_some((next, found))
        });
        let Some((next, found)) = next else {
            self.parted = true;
            return None;
        };
        findings.extend_from_slice(found);
        if let Some(chart) = &next.chart {
            page.chart.clone_from(chart);
        }
        Some(next.t)
    }

    fn has_parted(&self) -> bool {
        let left = |(kept, taken): (&Kept, &Taken)| kept.readings.len() != taken.readings;
        self.parted || self.readings.of.iter().zip(&self.taken).any(left)
    }
}

impl Settings {
    /// Names all that decides what charts read of a recording: settings of one name see the same bars, and find the same.
    ///
    /// # Panics
    /// Never: settings are plain data.
    #[must_use]
    pub fn readings_name(&self) -> String {
        let charts = |instrument: &market::Instrument| {
            let of = |timeframe| self.structure_of(instrument.symbol, timeframe).of_charts();
            (Timeframe::ALL.map(of), self.rules_of(instrument.symbol).htf)
        };
        let Rules {
            setup_tf,
            bar_grace_ms,
            bar_idle_ms,
            ..
        } = self.rules;
        let charts: Vec<_> = self.catalog.instruments.iter().map(charts).collect();
        let bars = (setup_tf, bar_grace_ms, bar_idle_ms);
        let rest = (&self.catalog, &self.prices, &self.features);
        name_of(&(charts, bars, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::book::STRUCTURE;
    use crate::rules::{BlockPick, BlockZone, BreakMode};
    use market::{
        Calendar, Catalog, Instrument, Price, PriceKind, Source, SourceId, SourceTime, Symbol,
    };

    /// Each rule of charts, set to what it is not by default.
    const OF_CHARTS: [fn(&mut Rules); STRUCTURE.len()] = [
        |rules| rules.atr_period = 21,
        |rules| rules.swing_left = 9,
        |rules| rules.swing_right = 4,
        |rules| rules.major_left = 33,
        |rules| rules.major_right = 17,
        |rules| rules.disp_body_atr = 1.7,
        |rules| rules.disp_body_ratio = 0.45,
        |rules| {
            rules.break_mode = match rules.break_mode {
                BreakMode::Close => BreakMode::Wick,
                BreakMode::Wick => BreakMode::Close,
            }
        },
        |rules| rules.fvg_body = !rules.fvg_body,
        |rules| rules.fvg_min_atr = 0.37,
        |rules| rules.fvg_max_age = 77,
        |rules| {
            rules.ob_pick = match rules.ob_pick {
                BlockPick::Extreme => BlockPick::LastOpposite,
                BlockPick::LastOpposite => BlockPick::Extreme,
            }
        },
        |rules| {
            rules.ob_zone = match rules.ob_zone {
                BlockZone::Range => BlockZone::Body,
                BlockZone::Body => BlockZone::Range,
            }
        },
        |rules| {
            rules.ob_break_mode = match rules.ob_break_mode {
                BreakMode::Close => BreakMode::Wick,
                BreakMode::Wick => BreakMode::Close,
            }
        },
        |rules| rules.ob_cap = 11,
        |rules| rules.pool_cap = 13,
        |rules| rules.eq_tol_atr = 0.17,
        |rules| rules.sweep_max_depth_atr = 1.9,
        |rules| rules.sweep_max_bars = 7,
    ];

    fn settings(rules: Rules) -> Settings {
        Settings {
            market: "test".to_owned(),
            catalog: Catalog {
                sources: vec![Source {
                    name: "told".to_owned(),
                    heartbeats: false,
                    simulated: false,
                    always_open: false,
                }],
                instruments: vec![Instrument {
                    symbol: Symbol::new("XAUUSD").unwrap(),
                    digits: 2,
                    tick_size: Price::parse("0.01").unwrap(),
                    pip_size: Price::parse("0.1").unwrap(),
                    kind: PriceKind::Cfd,
                    calendar: Calendar::Metal,
                    spread_default: Price::parse("0.3").unwrap(),
                    source: SourceId(0),
                    signals: true,
                    prices: false,
                    contract: None,
                    slippage_pips: None,
                }],
            },
            rules,
            own_rules: crate::RuleBook::default(),
            prices: crate::PriceRules::default(),
            account: crate::Account::default(),
            portfolio: crate::Limits::default(),
            news: crate::News::default(),
            features: crate::features::FeatureRules::default(),
            models: crate::ModelRules::default(),
        }
    }

    #[test]
    fn what_charts_read_is_named_by_every_rule_of_charts_and_by_no_rule_of_trading() {
        let name = settings(Rules::default()).readings_name();
        for (change, rule) in OF_CHARTS.iter().zip(STRUCTURE) {
            let mut changed = Rules::default();
            change(&mut changed);
            assert_ne!(changed, Rules::default(), "{rule}");
            assert_ne!(settings(changed).readings_name(), name, "{rule}");
        }
        let of_bars: [fn(&mut Rules); 4] = [
            |rules| rules.setup_tf = Timeframe::M15,
            |rules| rules.htf = Timeframe::D1,
            |rules| rules.bar_grace_ms += 1,
            |rules| rules.bar_idle_ms += 1,
        ];
        for (place, change) in of_bars.iter().enumerate() {
            let mut changed = Rules::default();
            change(&mut changed);
            assert_ne!(settings(changed).readings_name(), name, "{place}");
        }
        let trades = Rules {
            min_rr: 1.7,
            stop_buffer_atr: 0.33,
            confirm_atr: 0.4,
            arm_max_bars: 9,
            outcome_horizon_h: 3,
            setups: Vec::new(),
            ..Rules::default()
        };
        assert_eq!(settings(trades).readings_name(), name);
    }

    #[test]
    fn who_follows_has_parted_with_another_bar_one_too_many_and_one_too_few() {
        let bar = |second: i64| Bar {
            open_time: SourceTime::from_secs(60 * second),
            end_time: SourceTime::from_secs(60 * second + 60),
            price: market::Ohlc::of(Price::from_units(1)),
            ticks: 1,
            holed: false,
        };
        let rules = Rules::default();
        let told = |reader: &mut Reader, bar: &Bar| {
            let page = Page {
                id: InstrumentId(0),
                timeframe: Timeframe::M1,
                bar,
                chart: &mut Arc::new(Chart::new(&rules, 17)),
                rules: &rules,
                asked: true,
                moves_stops: true,
            };
            reader.read(page, &mut Vec::new())
        };
        let mut keeps = Reader::Keeps(Readings::default());
        for second in 0..2 {
            told(&mut keeps, &bar(second));
        }
        let kept = Arc::new(keeps.kept());
        let parted = |bars: &[Bar]| {
            let mut follows = Reader::Own;
            follows.follow(Arc::clone(&kept));
            bars.iter().for_each(|bar| _ = told(&mut follows, bar));
            follows.has_parted()
        };
        assert!(!parted(&[bar(0), bar(1)]));
        assert!(parted(&[bar(0)]));
        assert!(parted(&[bar(0), bar(2)]));
        assert!(parted(&[bar(0), bar(1), bar(2)]));
    }
}
