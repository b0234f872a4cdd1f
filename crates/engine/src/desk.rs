//! One instrument's desk: its bars, charts, setups, open signals and price pulse. Nobody else touches its state.

mod confide;
mod features;
mod model;
mod open;
mod own;
mod past;
mod post;
mod spreads;
mod tradable;

#[cfg(test)]
mod tests;

pub(crate) use model::Proposal;
pub(crate) use post::Draft;
pub(crate) use spreads::Spreads;
pub(crate) use tradable::enter;

use crate::bars::Bars;
use crate::engine::{Closed, Output, Shared, Told};
use crate::features::Features;
use crate::lifecycle::{Pending, Reach};
use crate::outcome::{Running, Shadows};
use crate::pulse::Pulse;
use crate::readings::{Page, Reader};
use crate::rules::{Rules, Settings};
use crate::session;
use crate::setup::{Divided, Pattern, Setups, View, Zone};
use crate::structure::{BarIndex, Chart, Finding};
use market::{
    Bar, Direction, Instrument, InstrumentId, Price, QuoteBar, Source, SourceId, SourceTime,
    Symbol, Tick, Time, Timeframe,
};
use model::Questions;
use own::Trigger;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Desk {
    pub symbol: Symbol,
    id: InstrumentId,
    /// Where its prices come from now; the catalog names the source it began with.
    pub source: SourceId,
    pub bars: Bars,
    spreads: Spreads,
    charts: [Option<Arc<Chart>>; Timeframe::ALL.len()],
    features: Features,
    setups: Setups,
    pending: Vec<Pending>,
    running: Vec<Running>,
    shadows: Shadows,
    pub pulse: Pulse,
    /// The newest tick's time: prices that are shown never go back behind it.
    newest: SourceTime,
    last_entry: Option<SourceTime>,
    /// How long the recorded bars are that it is told; `None` where it is told ticks.
    grain: Option<Timeframe>,
    /// The zones that have signalled.
    zones: VecDeque<(Direction, Zone)>,
    questions: Questions,
    /// The name of what makes its signals, once one asks: no state, the settings say it.
    #[serde(skip)]
    rules_name: OnceLock<String>,
}

/// Where and when a desk works: what it needs of the rest of the engine.
pub(crate) struct Context<'a> {
    pub at: Time,
    pub settings: &'a Settings,
    pub shared: &'a mut Shared,
    pub out: &'a mut Vec<Output>,
}

impl Context<'_> {
    /// Notes a price that may turn one currency into another, if anybody will ask.
    fn note(&mut self, symbol: Symbol, time: SourceTime, mid: Price) {
        if self.settings.account.needs_rates() {
            self.shared.mids.hear(symbol, time, mid);
        }
    }
}

/// Where a source of one catalog stands in another, if it does: they are known by their names.
fn place_of(source: SourceId, old: &Settings, new: &Settings) -> Option<SourceId> {
    let name = &old.catalog.sources[source.index()].name;
    let mut sources = new.catalog.sources.iter();
    let place = sources.position(|source| source.name == *name)?;
    Some(SourceId(place as u8))
}

impl Desk {
    pub(crate) fn new(id: InstrumentId, settings: &Settings) -> Self {
        let instrument = settings.catalog.instrument(id);
        let mut desk = Self {
            symbol: instrument.symbol,
            id,
            source: instrument.source,
            bars: Bars::new(instrument.calendar),
            spreads: Spreads::default(),
            charts: Default::default(),
            features: Features::default(),
            setups: Setups::default(),
            pending: Vec::new(),
            running: Vec::new(),
            shadows: Shadows::default(),
            pulse: Pulse::default(),
            newest: SourceTime::MIN,
            last_entry: None,
            grain: None,
            zones: VecDeque::new(),
            questions: Questions::default(),
            rules_name: OnceLock::new(),
        };
        desk.open_charts(settings);
        desk
    }

    /// Whether this desk can go on under other settings: it is the same market, and still a real or a simulated one.
    pub(crate) fn fits(&self, old: &Settings, id: InstrumentId, new: &Settings) -> bool {
        let (was, is) = (old.catalog.instrument(self.id), new.catalog.instrument(id));
        let simulated = |settings: &Settings, source: SourceId| {
            settings.catalog.sources[source.index()].simulated
        };
        (was.symbol, was.kind, was.calendar) == (is.symbol, is.kind, is.calendar)
            && simulated(old, self.source) == simulated(new, self.source_under(old, id, new))
    }

    /// Its source under other settings: the one in use, by its name; another one where that is gone, or where the catalog
    /// names another one than before.
    fn source_under(&self, old: &Settings, id: InstrumentId, new: &Settings) -> SourceId {
        let named = new.catalog.instrument(id).source;
        let as_before = old.catalog.source_of(self.id).name == new.catalog.source_of(id).name;
        let kept = place_of(self.source, old, new);
        kept.filter(|_| as_before).unwrap_or(named)
    }

    /// Takes up changed settings. A chart whose periods have changed begins anew, and so do setups without their chart.
    /// `watermark` is that of the source so far: another one leaves a hole there.
    pub(crate) fn adopt(
        &mut self,
        before: &Settings,
        id: InstrumentId,
        settings: &Settings,
        watermark: SourceTime,
    ) {
        let source = self.source_under(before, id, settings);
        if place_of(self.source, before, settings) != Some(source) {
            self.bars.mark_hole(watermark);
            self.spreads.forget_day();
        }
        self.source = source;
        self.rules_name.take();
        self.pulse
            .adopt(self.source, |source| place_of(source, before, settings));
        for (timeframe, chart) in Timeframe::ALL.into_iter().zip(&mut self.charts) {
            let was = before.structure_of(self.symbol, timeframe);
            let is = settings.structure_of(self.symbol, timeframe);
            if chart.take_if(|_| !is.keeps_charts_of(was)).is_some() {
                self.features.forget(timeframe);
            }
        }
        let setup_tf = settings.rules.setup_tf;
        if before.rules.setup_tf != setup_tf
            || self.charts[setup_tf.index()].is_none()
            || !settings.catalog.instrument(id).signals
        {
            self.setups = Setups::default();
            self.zones.clear();
        }
        self.id = id;
        self.open_charts(settings);
    }

    /// Charts of all timeframes exist where setups run.
    fn open_charts(&mut self, settings: &Settings) {
        let instrument = settings.catalog.instrument(self.id);
        let roll_hour = session::roll_hour(instrument.calendar);
        for (timeframe, chart) in Timeframe::ALL.into_iter().zip(&mut self.charts) {
            let rules = settings.structure_of(self.symbol, timeframe);
            match (instrument.signals, &chart) {
                (true, None) => *chart = Some(Arc::new(Chart::new(rules, roll_hour))),
                (false, Some(_)) => *chart = None,
                (true, Some(_)) | (false, None) => {}
            }
        }
        self.want_features(settings);
    }

    /// Takes a tick: into its minute, before open signals and armed setups, and to the pulse.
    pub(crate) fn tick(&mut self, tick: &Tick, watermark: SourceTime, context: &mut Context) {
        let mid = tick.mid();
        if self.bars.add(tick.time, mid, watermark).is_err() {
            context.shared.counts.late += 1;
            return;
        }
        self.grain = None;
        self.spreads.push(tick.spread());
        let reach = Reach::of_tick(tick);
        self.judge_reach(&reach, context);
        if tick.time < self.newest {
            return;
        }
        self.newest = tick.time;
        context.note(self.symbol, tick.time, mid);
        let trigger = Trigger {
            price: mid,
            entry_time: tick.time,
            reach,
        };
        self.fire(&trigger, context);
        self.show(tick, context);
    }

    /// Takes a recorded bar at its end: the bad comes first where the order inside the bar is not known.
    pub(crate) fn bar(
        &mut self,
        quote: &QuoteBar,
        closed: &mut Vec<(Timeframe, Bar)>,
        context: &mut Context,
    ) {
        let Ok(bar) = self.bars.take(quote, closed) else {
            context.shared.counts.late += 1;
            return;
        };
        let (mid, end_time) = (bar.price, bar.end_time);
        self.grain = Some(quote.timeframe);
        self.spreads.push(quote.ask.close - quote.bid.close);
        let reach = Reach::of_bar(quote);
        self.judge_reach(&reach, context);
        context.note(self.symbol, end_time, mid.close);
        for price in [mid.low, mid.high] {
            self.fire(
                &Trigger {
                    price,
                    entry_time: end_time,
                    reach,
                },
                context,
            );
        }
        if self.is_coarse(self.rules(context.settings)) {
            self.end_stopped(&reach, context);
        }
        self.newest = end_time;
        let (bid, ask) = (quote.bid.close, quote.ask.close);
        let last = Tick {
            instrument: self.id,
            bid,
            ask,
            volume: quote.volume,
            time: end_time,
            received: None,
        };
        self.show(&last, context);
    }

    /// Tells the pulse; a symbol that was stale by its own silence is fresh again.
    fn show(&mut self, tick: &Tick, context: &Context) {
        let (at, settings) = (context.at, context.settings);
        let source = self.source_in(settings);
        if !source.heartbeats && self.pulse.is_stale(at, source, Time::MIN, &settings.prices) {
            self.pulse.refresh(at);
        }
        self.pulse
            .hear(at, tick, self.instrument(context), self.source);
    }

    /// Takes a closed bar into its chart, if there is one, and leaves in `findings` what became known, and both in `told`.
    /// Returns the bar's index.
    pub(crate) fn read(
        &mut self,
        timeframe: Timeframe,
        bar: &Bar,
        findings: &mut Vec<Finding>,
        reader: &mut Reader,
        told: &mut Told,
        settings: &Settings,
    ) -> Option<BarIndex> {
        findings.clear();
        let (setup_tf, htf) = (settings.rules.setup_tf, self.rules(settings).htf);
        let Some(chart) = self.charts[timeframe.index()].as_mut() else {
            told.close(self.id, timeframe, bar);
            return None;
        };
        let page = Page {
            id: self.id,
            timeframe,
            bar,
            chart,
            rules: settings.structure_of(self.symbol, timeframe),
            asked: timeframe == setup_tf || timeframe == htf || !self.features.is_empty(),
            moves_stops: timeframe == setup_tf,
        };
        let t = reader.read(page, findings)?;
        self.features.close(timeframe, bar, findings, chart);
        let closed = Closed {
            instrument: self.id,
            timeframe,
            bar: *bar,
            place: Some(t),
        };
        told.read(closed, t, findings, chart);
        Some(t)
    }

    /// Takes a divergence in which this symbol held.
    pub(crate) fn divide(&mut self, divided: Divided, context: &mut Context) {
        let rules = self.rules(context.settings);
        let fired = self.setups.divide(divided, rules);
        if let Some(pattern) = fired {
            // Its bar closed a moment ago, with another symbol's.
            let bar_end = self.bars.end_of(rules.setup_tf, divided.open_time);
            self.fire_at_close(&pattern, bar_end, context);
        }
    }

    /// Works a closed bar whose structure is known: setups, then the open signals.
    pub(crate) fn close(
        &mut self,
        timeframe: Timeframe,
        bar: &Bar,
        t: Option<BarIndex>,
        findings: &[Finding],
        context: &mut Context,
    ) {
        self.keep_usual(timeframe, bar, context);
        let rules = self.rules(context.settings);
        if timeframe == rules.setup_tf && t.is_some() {
            self.read_bar(bar.end_time, context);
        }
        let patterns = self.set_up(timeframe, bar, t, findings, rules);
        // Of a bar that was not wholly seen nobody knows where it would have closed.
        if !bar.holed {
            if t.is_some() {
                self.ask_of_bar(timeframe, bar.end_time, context);
            }
            for pattern in patterns {
                self.fire_at_close(&pattern, bar.end_time, context);
            }
        }
        self.decide_if(context, |pending, rules| {
            pending.judge_bar(timeframe, bar, findings, rules)
        });
        if timeframe == rules.setup_tf && !(self.running.is_empty() && self.shadows.is_empty()) {
            self.follow(bar, context);
        }
    }

    /// Tells the setups what became known, if they look at this timeframe: returns what the bar's close triggers.
    fn set_up(
        &mut self,
        timeframe: Timeframe,
        bar: &Bar,
        t: Option<BarIndex>,
        findings: &[Finding],
        rules: &Rules,
    ) -> Vec<Pattern> {
        let htf = self.charts[rules.htf.index()].as_deref();
        let htf_trend = htf.and_then(Chart::trend);
        let chart = self.charts[timeframe.index()].as_deref();
        match (chart, t) {
            (Some(chart), Some(t)) if timeframe == rules.setup_tf => self.setups.close(View {
                t,
                bar,
                findings,
                chart,
                htf_trend,
                rules,
            }),
            (Some(_) | None, Some(_) | None) => Vec::new(),
        }
    }

    /// When this desk has something to do even if nothing arrives; bars are the engine's concern. `MAX`: never.
    pub(crate) fn wake_at(&self, settings: &Settings) -> Time {
        let instrument = settings.catalog.instrument(self.id);
        let due = self.pulse.due(instrument, &settings.prices);
        let horizons = self.running.iter().map(Running::until);
        let first = due.min(self.deadline()).min(self.shadows.until);
        let first = first.min(self.waits_until());
        horizons.fold(first, Time::min)
    }

    /// The first deadline of a pending signal; `MAX` without one.
    pub(crate) fn deadline(&self) -> Time {
        let deadlines = self.pending.iter().map(|pending| pending.signal.decide_by);
        deadlines.fold(Time::MAX, Time::min)
    }

    /// How many signals are pending, and how many run.
    pub(crate) fn open_signals(&self) -> (usize, usize) {
        (self.pending.len(), self.running.len())
    }

    /// Whether no bar it is told is short enough to confirm anything.
    fn is_coarse(&self, rules: &Rules) -> bool {
        self.grain > Some(rules.confirm_tf)
    }

    /// The average true range of the setups' timeframe, once it is known, in price units.
    fn atr(&self, rules: &Rules) -> Option<f64> {
        self.charts[rules.setup_tf.index()].as_ref()?.atr()
    }

    /// What it trades by.
    fn rules<'a>(&self, settings: &'a Settings) -> &'a Rules {
        settings.rules_of(self.symbol)
    }
    /// Names all rules that make its signals.
    fn rules_name(&self, settings: &Settings) -> String {
        let name = || settings.hash_of(self.symbol);
        self.rules_name.get_or_init(name).clone()
    }
    fn instrument<'a>(&self, context: &Context<'a>) -> &'a Instrument {
        context.settings.catalog.instrument(self.id)
    }
    fn source_in<'a>(&self, settings: &'a Settings) -> &'a Source {
        &settings.catalog.sources[self.source.index()]
    }
}
