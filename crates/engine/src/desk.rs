//! One instrument's desk: its bars, charts, setups, open signals and price pulse. Nobody else touches its state.

mod past;
mod post;
mod spreads;
mod tradable;

#[cfg(test)]
mod tests;

pub(crate) use post::Draft;
pub(crate) use spreads::Spreads;
pub(crate) use tradable::enter;

use crate::bars::{self, Bars};
use crate::confidence::{self, Hit, Odds};
use crate::engine::{Output, Shared};
use crate::gates::Refusal;
use crate::lifecycle::{self, Origin, Pending, Reach, Since, Verdict};
use crate::outcome::{Running, Sides, Step, Terms};
use crate::portfolio::Gate;
use crate::pulse::Pulse;
use crate::risk::{Idea, Plan};
use crate::rules::{Rules, Settings};
use crate::session;
use crate::setup::{Armed, Divided, Pattern, Setups, View, Zone};
use crate::sizing::Trade;
use crate::structure::{BarIndex, Chart, Finding, Pool};
use market::{
    Bar, Cause, Condition, Direction, Evidence, Instrument, InstrumentId, OutcomeKind, Price,
    QuoteBar, Signal, Source, SourceId, SourceTime, Span, Status, Symbol, Tick, Time, Timeframe,
    Uuid,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Zones that have signalled and are remembered.
const ZONES_MAX: usize = 256;

/// ORION's own namespace for the ids of signals (version 5 UUIDs).
const NAMESPACE: Uuid = Uuid::from_u128(0x4f52_494f_4e00_5369_a67e_616c_7300_0001);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Desk {
    pub symbol: Symbol,
    id: InstrumentId,
    /// Where its prices come from now; the catalog names the source it began with.
    pub source: SourceId,
    pub bars: Bars,
    spreads: Spreads,
    charts: [Option<Chart>; Timeframe::ALL.len()],
    setups: Setups,
    pending: Vec<Pending>,
    running: Vec<Running>,
    pub pulse: Pulse,
    /// The newest tick's time: prices that are shown never go back behind it.
    newest: SourceTime,
    last_entry: Option<SourceTime>,
    /// The zones that have signalled.
    zones: VecDeque<(Direction, Zone)>,
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
        if self.settings.account.equity.is_some() {
            self.shared.mids.hear(symbol, time, mid);
        }
    }
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
            setups: Setups::default(),
            pending: Vec::new(),
            running: Vec::new(),
            pulse: Pulse::default(),
            newest: SourceTime::MIN,
            last_entry: None,
            zones: VecDeque::new(),
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
        let in_use = &old.catalog.sources[self.source.index()].name;
        let mut sources = new.catalog.sources.iter();
        let kept = sources.position(|source| source.name == *in_use);
        kept.filter(|_| as_before)
            .map_or(named, |place| SourceId(place as u8))
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
        let name = |settings: &Settings, source: SourceId| {
            settings.catalog.sources[source.index()].name.clone()
        };
        if name(before, self.source) != name(settings, source) {
            self.bars.mark_hole(watermark);
            self.spreads.forget_day();
        }
        self.source = source;
        self.pulse.forget_hours();
        for (timeframe, chart) in Timeframe::ALL.into_iter().zip(&mut self.charts) {
            let was = before.structure_of(self.symbol, timeframe);
            let is = settings.structure_of(self.symbol, timeframe);
            chart.take_if(|_| !is.keeps_charts_of(was));
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
                (true, None) => *chart = Some(Chart::new(rules, roll_hour)),
                (false, Some(_)) => *chart = None,
                (true, Some(_)) | (false, None) => {}
            }
        }
    }

    /// Takes a tick: into its minute, before open signals and armed setups, and to the pulse.
    pub(crate) fn tick(&mut self, tick: &Tick, watermark: SourceTime, context: &mut Context) {
        let mid = tick.mid();
        if self.bars.add(tick.time, mid, watermark).is_err() {
            context.shared.counts.late += 1;
            return;
        }
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
        if self.bars.take(quote, closed).is_err() {
            context.shared.counts.late += 1;
            return;
        }
        let end_time = closed
            .last()
            .map_or(quote.open_time, |(_, bar)| bar.end_time);
        self.spreads.push(quote.ask.close - quote.bid.close);
        let reach = Reach::of_bar(quote);
        self.judge_reach(&reach, context);
        let mid = bars::mid(quote);
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

    /// Takes a closed bar into its chart, if there is one, and leaves in `findings` what became known. Returns the bar's index.
    pub(crate) fn read(
        &mut self,
        timeframe: Timeframe,
        bar: &Bar,
        findings: &mut Vec<Finding>,
        settings: &Settings,
    ) -> Option<BarIndex> {
        findings.clear();
        let chart = self.charts[timeframe.index()].as_mut()?;
        let rules = settings.structure_of(self.symbol, timeframe);
        Some(chart.close(bar, rules, findings))
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
        let patterns = self.set_up(timeframe, bar, t, findings, rules);
        // Of a bar that was not wholly seen nobody knows where it would have closed.
        if !bar.holed {
            for pattern in patterns {
                self.fire_at_close(&pattern, bar.end_time, context);
            }
        }
        self.decide_if(context, |pending, rules| {
            pending.judge_bar(timeframe, bar, findings, rules)
        });
        if timeframe == rules.setup_tf && !self.running.is_empty() {
            self.follow(bar, context);
        }
    }

    /// Moves the stops of runners with a closed bar.
    fn follow(&mut self, bar: &Bar, context: &mut Context) {
        let Some(chart) = &self.charts[context.settings.rules.setup_tf.index()] else {
            return;
        };
        let mut steps = Vec::new();
        let terms = terms(&self.spreads, self.id, context.settings);
        for running in &mut self.running {
            running.follow(context.at, bar, chart, terms, &mut steps);
        }
        steps.into_iter().for_each(|step| tell(step, context));
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
        let htf = self.charts[rules.htf.index()].as_ref();
        let htf_trend = htf.and_then(Chart::trend);
        let chart = self.charts[timeframe.index()].as_ref();
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

    /// Decides the signals whose deadline has come, for the cause that holds now.
    pub(crate) fn expire(&mut self, cause: Cause, context: &mut Context) {
        let at = context.at;
        self.decide_if(context, |pending, _| {
            (pending.signal.decide_by <= at).then_some(Verdict::Invalidated(cause))
        });
    }

    /// Ends the running signals whose time is over.
    pub(crate) fn end_runs(&mut self, context: &mut Context) {
        let at = context.at;
        for mut over in self.running.extract_if(.., |running| running.until <= at) {
            tell(over.end(at, OutcomeKind::Timeout), context);
        }
    }

    /// Invalidates and ends everything open: the instrument is no longer traded.
    pub(crate) fn retire(&mut self, context: &mut Context) {
        self.decide_if(context, |_, _| Some(Verdict::Invalidated(Cause::Restart)));
        for mut over in self.running.drain(..) {
            tell(over.end(context.at, OutcomeKind::Closed), context);
        }
    }

    /// When this desk has something to do even if nothing arrives; bars are the engine's concern. `MAX`: never.
    pub(crate) fn wake_at(&self, settings: &Settings) -> Time {
        let instrument = settings.catalog.instrument(self.id);
        let due = self.pulse.due(instrument, &settings.prices);
        let horizons = self.running.iter().map(|running| running.until);
        horizons.fold(due.min(self.deadline()), Time::min)
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

    /// The average true range of the setups' timeframe, once it is known, in price units.
    fn atr(&self, rules: &Rules) -> Option<f64> {
        self.charts[rules.setup_tf.index()].as_ref()?.atr()
    }

    /// What it trades by.
    fn rules<'a>(&self, settings: &'a Settings) -> &'a Rules {
        settings.rules_of(self.symbol)
    }
    fn instrument<'a>(&self, context: &Context<'a>) -> &'a Instrument {
        context.settings.catalog.instrument(self.id)
    }
    fn source_in<'a>(&self, settings: &'a Settings) -> &'a Source {
        &settings.catalog.sources[self.source.index()]
    }

    fn judge_reach(&mut self, reach: &Reach, context: &mut Context) {
        if !self.running.is_empty() {
            let mut steps = Vec::new();
            let terms = terms(&self.spreads, self.id, context.settings);
            self.running
                .retain_mut(|running| running.judge(context.at, reach, terms, &mut steps));
            steps.into_iter().for_each(|step| tell(step, context));
        }
        self.decide_if(context, |pending, _| pending.judge_reach(reach));
    }

    /// Decides each pending signal for which `judge` has a verdict.
    fn decide_if(
        &mut self,
        context: &mut Context,
        mut judge: impl FnMut(&mut Pending, &Rules) -> Option<Verdict>,
    ) {
        let mut place = 0;
        while place < self.pending.len() {
            let rules = self.rules(context.settings);
            match judge(&mut self.pending[place], rules) {
                Some(verdict) => {
                    let pending = self.pending.remove(place);
                    self.decide(pending, verdict, context);
                }
                None => place += 1,
            }
        }
    }

    fn decide(&mut self, pending: Pending, verdict: Verdict, context: &mut Context) {
        let signal = self.decided_as(&pending, verdict, context.at);
        if signal.status == Status::Confirmed {
            self.run(&signal, &pending, context);
        }
        context.shared.ledger.decided(&signal);
        context.shared.book.decided(&signal);
        context.out.push(Output::Signal(Box::new(signal)));
    }

    /// A pending signal as a verdict leaves it; a confirmed one says what chance alone would make of it.
    fn decided_as(&self, pending: &Pending, verdict: Verdict, at: Time) -> Signal {
        let mut signal = lifecycle::decide(pending.signal.clone(), verdict, at);
        if signal.status == Status::Confirmed {
            let exit = self.sides(&signal).exit;
            signal.evidence.odds = confidence::barrier_odds(&signal, exit);
        }
        signal
    }

    /// What a signal's position could be opened and closed at now; its entry before any price.
    fn sides(&self, signal: &Signal) -> Sides {
        let price = |direction| self.pulse.exit(direction).unwrap_or(signal.entry);
        let (exit, fill) = (price(signal.direction), price(signal.direction.opposite()));
        Sides { fill, exit }
    }

    /// Follows a confirmed signal.
    fn run(&mut self, signal: &Signal, pending: &Pending, context: &mut Context) {
        let sides = self.sides(signal);
        context.shared.book.filled(signal, sides.fill);
        if let Some(setup) = pending.origin.setup() {
            context.shared.record(setup).confirm(signal, sides.exit);
        }
        let source = self.source_in(context.settings);
        let horizon = self.rules(context.settings).outcome_horizon_h;
        self.running.push(Running::begin(
            signal.clone(),
            pending,
            source,
            sides,
            context.at,
            horizon,
        ));
    }

    /// Ends the armed setups whose stop trades, then fires those that the price triggers.
    fn fire(&mut self, trigger: &Trigger, context: &mut Context) {
        // The stop lies behind its level: where that has not traded the stop need not be known.
        let touched = |armed: &Armed| {
            let pattern = &armed.pattern;
            armed.is_reached(trigger.price)
                || trigger.reach.stops(pattern.direction, pattern.stop_level)
        };
        if !self.setups.armed().iter().any(touched) {
            return;
        }
        let rules = self.rules(context.settings);
        let Some(ground) = self.ground(context) else {
            return;
        };
        self.setups.take_if(|armed| {
            let pattern = &armed.pattern;
            let stop = ground.idea(pattern).stop(rules);
            trigger.reach.stops(pattern.direction, stop)
        });
        for armed in self.setups.take_if(|armed| armed.is_reached(trigger.price)) {
            let moment = Moment {
                entry_time: trigger.entry_time,
                reach: Some(trigger.reach),
            };
            self.try_signal(&armed.pattern, &ground, moment, context);
        }
    }

    /// Fires what a bar's close triggers.
    fn fire_at_close(&mut self, pattern: &Pattern, entry_time: SourceTime, context: &mut Context) {
        if let Some(ground) = self.ground(context) {
            let moment = Moment {
                entry_time,
                reach: None,
            };
            self.try_signal(pattern, &ground, moment, context);
        }
    }

    /// What all ideas of this moment are measured by; `None` before the range of bars is known.
    fn ground(&self, context: &Context) -> Option<Ground> {
        let settings = context.settings;
        Some(Ground {
            atr: self.atr(self.rules(settings))?,
            spread: self.spreads.median(),
            tick_size: settings.catalog.instrument(self.id).tick_size,
        })
    }

    fn try_signal(
        &mut self,
        pattern: &Pattern,
        ground: &Ground,
        moment: Moment,
        context: &mut Context,
    ) {
        match self.signal(pattern, &ground.idea(pattern), moment, context) {
            Ok(pending) => self.open(pattern, pending, context),
            Err(refusal) => context.shared.counts.refuse(refusal),
        }
    }

    /// Makes the signal of a triggered setup.
    fn signal(
        &self,
        pattern: &Pattern,
        idea: &Idea,
        moment: Moment,
        context: &mut Context,
    ) -> Result<Pending, Refusal> {
        let (rules, entry_time) = (self.rules(context.settings), moment.entry_time);
        self.check_gates(pattern, entry_time, context)?;
        let chart = self.charts[rules.setup_tf.index()].iter();
        let pools: Vec<&Pool> = chart
            .flat_map(|chart| chart.pools(pattern.direction))
            .collect();
        let plan = idea.plan(&pools, rules)?;
        let limits = &context.settings.portfolio;
        context.shared.book.pass(context.at, limits);
        let gate = self.weigh(pattern.direction, entry_time, context);
        if let Some((gate, _)) = &gate {
            context.shared.counts.gate(*gate);
            if limits.block {
                return Err(Refusal::Portfolio);
            }
        }
        let signal = self.write(pattern, &plan, idea, entry_time, gate, context);
        Ok(Pending {
            entered: moment.has_traded(signal.direction, signal.entry),
            signal,
            origin: Origin::Own(pattern.setup),
            since: Since::at(entry_time),
            zone_far: pattern.zone_far,
            atr: idea.atr,
        })
    }

    fn check_gates(
        &self,
        pattern: &Pattern,
        entry_time: SourceTime,
        context: &mut Context,
    ) -> Result<(), Refusal> {
        let (rules, instrument) = (self.rules(context.settings), self.instrument(context));
        let (direction, calendar) = (pattern.direction, instrument.calendar);
        let is_open = session::is_open(instrument, self.source_in(context.settings), entry_time);
        let live = self.own_open().any(|signal| signal.direction == direction);
        let cooldown = Span::from_secs(i64::from(rules.symbol_cooldown_s));
        let rests = |last| entry_time - last < cooldown;
        let spent = context.shared.signals_on(entry_time);
        if !is_open {
            Err(Refusal::Closed)
        } else if rules.killzone_gate && !session::in_core_window(entry_time, calendar) {
            Err(Refusal::Killzone)
        } else if live {
            Err(Refusal::Live)
        } else if self.zones.contains(&(direction, pattern.zone)) {
            Err(Refusal::ZoneUsed)
        } else if self.last_entry.is_some_and(rests) {
            Err(Refusal::Cooldown)
        } else if rules.max_signals_per_day > 0 && spent >= rules.max_signals_per_day {
            Err(Refusal::DailyCap)
        } else {
            Ok(())
        }
    }

    /// ORION's own signals that are pending or run.
    fn own_open(&self) -> impl Iterator<Item = &Signal> {
        let pending = self.pending.iter().map(|one| (one.origin, &one.signal));
        let running = self.running.iter().map(|one| (one.origin, &one.signal));
        pending
            .chain(running)
            .filter(|(origin, _)| origin.setup().is_some())
            .map(|(_, signal)| signal)
    }

    fn write(
        &self,
        pattern: &Pattern,
        plan: &Plan,
        idea: &Idea,
        entry_time: SourceTime,
        gate: Option<(Gate, Condition)>,
        context: &Context,
    ) -> Signal {
        let settings = context.settings;
        let instrument = settings.catalog.instrument(self.id);
        let source = self.source_in(settings);
        let (at, rules) = (context.at, self.rules(settings));
        let risk = (plan.entry - plan.stop).abs().to_f64();
        let reward = plan
            .targets
            .first()
            .map_or(risk, |target| (target.price - plan.entry).abs().to_f64());
        let odds = Odds {
            risk,
            reward,
            confirm: rules.confirm_atr * idea.atr,
        };
        let trade = Trade {
            entry: plan.entry,
            stop: plan.stop,
            targets: &plan.targets,
        };
        Signal {
            id: identity(settings, &source.name, instrument.symbol, pattern),
            status: Status::Pending,
            direction: pattern.direction,
            symbol: instrument.symbol,
            digits: instrument.digits,
            entry_time,
            entry: plan.entry,
            stop: plan.stop,
            targets: plan.targets.clone(),
            reason: reason(pattern.setup.reason(), source),
            confidence: context
                .shared
                .confidence(pattern.setup, odds, rules.prior_strength),
            rr_target: plan.rr_target,
            killzone: session::killzone(entry_time),
            setup: pattern.setup.as_str().to_owned(),
            timeframe: rules.setup_tf,
            simulated: source.simulated,
            created_at: at,
            decide_by: at + Span::from_secs(i64::from(rules.confirm_timeout_s)),
            decided_at: None,
            cause: None,
            evidence: Evidence {
                source: source.name.clone(),
                price_kind: Some(instrument.kind),
                conditions: conditions(pattern, plan, idea, rules),
                odds: None,
                rr_weighted: Some(plan.rr_weighted),
                backing: Some(context.shared.record_of(pattern.setup).backing()),
                config_hash: settings.hash_of(self.symbol),
                size: self.size(
                    trade,
                    entry_time,
                    gate.as_ref().map(|(gate, _)| *gate),
                    context,
                ),
                risk_gate: gate.map(|(_, condition)| condition),
            },
        }
    }

    fn open(&mut self, pattern: &Pattern, pending: Pending, context: &mut Context) {
        let signal = &pending.signal;
        self.last_entry = Some(signal.entry_time);
        if self.zones.len() == ZONES_MAX {
            self.zones.pop_front();
        }
        self.zones.push_back((pattern.direction, pattern.zone));
        context.shared.count_signal(signal.entry_time);
        context.shared.ledger.own(signal);
        enter(signal, context);
        context.out.push(Output::Signal(Box::new(signal.clone())));
        self.pending.push(pending);
    }
}

/// What stops are moved by now.
fn terms<'a>(spreads: &'a Spreads, id: InstrumentId, settings: &'a Settings) -> Terms<'a> {
    let instrument = settings.catalog.instrument(id);
    Terms {
        rules: settings.rules_of(instrument.symbol),
        spreads,
        tick_size: instrument.tick_size,
    }
}

/// A price that may trigger setups, with its whole quote and the entry time of what it triggers.
struct Trigger {
    price: Price,
    entry_time: SourceTime,
    reach: Reach,
}

/// When a setup is triggered.
struct Moment {
    entry_time: SourceTime,
    /// The quote that reached the trigger; `None` at a bar's close, which is the entry.
    reach: Option<Reach>,
}

impl Moment {
    fn has_traded(&self, direction: Direction, entry: Price) -> bool {
        let reach = self.reach.as_ref();
        reach.is_none_or(|reach| reach.fills(direction, entry))
    }
}

/// The reason as clients see it: simulated data never passes for real.
fn reason(text: &str, source: &Source) -> String {
    let suffix = if source.simulated { " (SIMULATED)" } else { "" };
    format!("{text}{suffix}")
}

/// Tells an outcome, and counts it if it is of one of ORION's own setups.
fn tell(step: Step, context: &mut Context) {
    if step.outcome.last {
        context.shared.ledger.close(step.outcome.id);
    }
    let limits = &context.settings.portfolio;
    context.shared.book.follow(&step.outcome, limits);
    if let (Some(hit), Some(setup)) = (step.resolved, step.origin.setup()) {
        context.shared.record(setup).resolve(hit);
        context.shared.counts.resolved += 1;
        context.shared.counts.hits += u64::from(hit == Hit::Yes);
    }
    context.out.push(Output::Outcome(Box::new(step.outcome)));
}

/// What ideas of one moment are measured by.
struct Ground {
    atr: f64,
    spread: Price,
    tick_size: Price,
}

impl Ground {
    fn idea(&self, pattern: &Pattern) -> Idea {
        Idea {
            direction: pattern.direction,
            entry: pattern.entry,
            stop_level: pattern.stop_level,
            atr: self.atr,
            spread: self.spread,
            tick_size: self.tick_size,
        }
    }
}

/// What made a signal fire: its pattern, and the bounds of its risk.
fn conditions(pattern: &Pattern, plan: &Plan, idea: &Idea, rules: &Rules) -> Vec<Condition> {
    let risk = (plan.entry - plan.stop).abs().to_f64();
    let mut conditions = pattern.conditions.clone();
    conditions.push(Condition::at_least(
        "risk_atr",
        risk / idea.atr,
        rules.min_risk_atr,
    ));
    conditions.push(Condition::at_most(
        "risk_atr",
        risk / idea.atr,
        rules.max_risk_atr,
    ));
    if idea.spread.is_positive() {
        let spreads = risk / idea.spread.to_f64();
        conditions.push(Condition::at_least(
            "risk_spreads",
            spreads,
            rules.min_risk_spreads,
        ));
    }
    let weighted = plan.rr_weighted.to_f64();
    conditions.push(Condition::at_least("rr_weighted", weighted, rules.min_rr));
    conditions
}

/// `market|source|symbol|timeframe|setup|direction|open time of the bar that armed it`.
fn identity(settings: &Settings, source: &str, symbol: Symbol, pattern: &Pattern) -> Uuid {
    let (market, timeframe, setup) = (
        &settings.market,
        settings.rules.setup_tf,
        pattern.setup.as_str(),
    );
    let (direction, open) = (pattern.direction, pattern.armed_open);
    let name = format!("{market}|{source}|{symbol}|{timeframe}|{setup}|{direction}|{open}");
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}
