//! One step of the whole machine: read this first.
//!
//! The engine is told events, each with its stamp, and appends what follows from them to a list. It has no clock, no
//! randomness, no input or output: the same settings and events give the same outputs on any machine.

mod alert;
mod feed;
mod learnt;
mod opinion;
mod past;
mod readings;
mod source;
mod told;

pub(crate) use told::Told;
pub use told::{Closed, Found, Known};

use crate::calibration::Calibrators;
use crate::confidence::Record;
use crate::desk::{Context, Desk};
use crate::features::FeatureRow;
use crate::gates::{Days, Refusal};
use crate::ledger::Ledger;
use crate::pairs::Pairs;
use crate::portfolio::{Book, Gate, Standing};
use crate::readings::Reader;
use crate::rules::Settings;
use crate::session;
use crate::setup::SetupKind;
use crate::sizing::Mids;
use crate::structure::Finding;
use market::{
    Answer, Bar, Calibration, Cause, Event, InstrumentId, Outcome, PriceUpdate, Question, QuoteBar,
    Shadow, Signal, SourceId, SourceTime, Span, Tick, Time, Timeframe,
};
use serde::{Deserialize, Serialize};
use source::{SourceState, sources};
use std::sync::Arc;

/// What the engine wants done. Doing it is somebody else's job.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    Price(Box<PriceUpdate>),
    Signal(Box<Signal>),
    Outcome(Box<Outcome>),
    /// What would have become of a signal that was not confirmed: kept apart, and told to no client.
    Shadow(Box<Shadow>),
    /// A new calibration of confidence: kept beside what clients hear.
    Calibration(Box<Calibration>),
    /// What came of an alert: exactly one each, after the signal it brought or changed.
    Answer(Box<Answer>),
    /// What a model is to be asked. What it says is told as [`Event::Opinion`], if it comes in time.
    Question(Box<Question>),
}

/// What happened so far, for metrics and reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub ticks: u64,
    pub bars: u64,
    /// Ticks and bars that came after their bar was closed, and were dropped.
    pub late: u64,
    /// Bars of the past that were taken, and those that told nothing new.
    pub past: u64,
    pub past_known: u64,
    /// ORION's own signals.
    pub signals: u64,
    /// Alerts that became signals or were verdicts, and those that were declined; repetitions are neither.
    pub posted: u64,
    pub declined: u64,
    /// Own confirmed signals of which it is known whether the first target came before the stop.
    pub resolved: u64,
    pub hits: u64,
    /// What models were asked.
    pub questions: u64,
    refused: [u64; Refusal::ALL.len()],
    gated: [u64; Gate::ALL.len()],
}

impl Counts {
    /// How many triggers this reason stopped.
    #[must_use]
    pub fn refused(&self, refusal: Refusal) -> u64 {
        self.refused[refusal as usize]
    }
    /// How many signals, own and posted, this limit of the portfolio spoke against.
    #[must_use]
    pub fn gated(&self, gate: Gate) -> u64 {
        self.gated[gate as usize]
    }
    pub(crate) fn gate(&mut self, gate: Gate) {
        self.gated[gate as usize] += 1;
    }
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.refused[refusal as usize] += 1;
    }
}

/// What the desks share.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Shared {
    pub counts: Counts,
    pub ledger: Ledger,
    /// Empty without an account.
    pub mids: Mids,
    pub book: Book,
    pub calibrators: Calibrators,
    pub records: [Record; SetupKind::ALL.len()],
    days: Days,
    /// The rows of features of the last event: no state, the next event begins them anew.
    #[serde(skip)]
    pub rows: Vec<FeatureRow>,
}

/// The whole machine's state.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    now: Time,
    /// When the process began.
    started: Time,
    sources: Vec<SourceState>,
    desks: Vec<Desk>,
    pairs: Pairs,
    shared: Shared,
    /// When each desk has something to do, and the earliest of all; `MAX` for never.
    wakes: Vec<Time>,
    wake: Time,
}

/// Ticks in, signals and prices out.
#[derive(Clone, Debug)]
pub struct Engine {
    settings: Arc<Settings>,
    state: State,
    closed: Vec<(Timeframe, Bar)>,
    findings: Vec<Finding>,
    /// How charts come to what they know: no state.
    reader: Reader,
    /// What the last event brought: no state, the next event begins it anew.
    told: Told,
}

/// A snapshot that this engine cannot read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotMine;

/// Changes whenever the state's shape does: a snapshot of another shape is not read.
const SNAPSHOT_VERSION: u32 = 13;

impl Engine {
    /// Changes whenever the state's shape or what is decided does: what another version decided cannot be decided again.
    pub const VERSION: u32 = SNAPSHOT_VERSION;

    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        let state = State {
            now: Time::MIN,
            started: Time::MIN,
            sources: sources(&settings),
            desks: ids(&settings).map(|id| Desk::new(id, &settings)).collect(),
            pairs: Pairs::new(&settings),
            shared: Shared::default(),
            wakes: vec![Time::MAX; settings.catalog.instruments.len()],
            wake: Time::MAX,
        };
        Self {
            settings,
            state,
            closed: Vec::new(),
            findings: Vec::new(),
            reader: Reader::Own,
            told: Told::default(),
        }
    }

    /// Takes one event at its time and appends what follows from it to `out`, in order.
    ///
    /// # Panics
    /// When `at` is before the last event's: stamps never go back.
    pub fn handle(&mut self, at: Time, event: &Event, out: &mut Vec<Output>) {
        assert!(
            at >= self.state.now,
            "stamps never go back: {at} after {}",
            self.state.now
        );
        self.state.now = at;
        self.told.clear();
        self.state.shared.rows.clear();
        if self.state.started == Time::MIN || *event == Event::Start {
            self.state.started = at;
        }
        self.state.shared.book.pass(at, &self.settings.portfolio);
        match event {
            Event::Tick(tick) => {
                self.pass_time(at, Some(tick.instrument), out);
                self.tick(at, tick, out);
            }
            Event::Bar(bar) => {
                self.pass_time(at, Some(bar.instrument), out);
                self.bar(at, bar, out);
            }
            Event::Wake => self.pass_time(at, None, out),
            // What was missed is known only after the gap is told: time does not pass before that.
            Event::Start => {
                self.expire(at, Some(Cause::Restart), out);
                self.forget_questions();
                self.after();
            }
            Event::Gap(source) => {
                self.gap(*source);
                self.pass_time(at, None, out);
            }
            Event::Life(source) => {
                self.pass_time(at, None, out);
                self.life(at, *source);
            }
            Event::Switch(instrument, source) => {
                self.pass_time(at, None, out);
                self.switch(at, *instrument, *source);
            }
            Event::Past(bar) => {
                self.pass_time(at, None, out);
                self.past(at, bar, out);
            }
            Event::PreviousClose(close) => {
                self.pass_time(at, None, out);
                self.previous_close(at, close);
            }
            Event::Alert(alert) => {
                self.pass_time(at, None, out);
                self.alert(at, alert, out);
            }
            Event::Opinion(opinion) => {
                self.pass_time(at, None, out);
                self.opinion(at, opinion, out);
            }
            Event::Stop => {}
        }
    }

    /// When it next has something to do even if nothing arrives; never before [`Engine::now`].
    #[must_use]
    pub fn wake_at(&self) -> Option<Time> {
        (self.state.wake != Time::MAX).then(|| self.state.wake.max(self.state.now))
    }

    /// The stamp of the last event; `MIN` before the first.
    #[must_use]
    pub fn now(&self) -> Time {
        self.state.now
    }
    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.state.shared.counts
    }
    /// How many signals are pending, and how many confirmed ones run.
    #[must_use]
    pub fn open_signals(&self) -> (usize, usize) {
        let open = self.state.desks.iter().map(Desk::open_signals);
        open.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
    /// How the portfolio of all signals stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.state.shared.book.standing(&self.settings.portfolio)
    }
    /// The latest price of each symbol that is shown, as a dashboard should find it when it comes.
    pub fn prices(&self) -> impl Iterator<Item = PriceUpdate> {
        let desks = self
            .state
            .desks
            .iter()
            .zip(&self.settings.catalog.instruments);
        desks
            .filter(|(_, instrument)| instrument.prices)
            .filter_map(|(desk, instrument)| desk.pulse.shown(instrument, 0))
    }
    /// The rows of features that were made with the last event, in their order: at the close of each bar of the setups'
    /// timeframe and at the birth of each signal. None where no features are wanted; bars of the past have none.
    #[must_use]
    pub fn just_read(&self) -> &[FeatureRow] {
        &self.state.shared.rows
    }
    /// The bars of an instrument that are open, as far as they have come, shortest first.
    pub fn forming(&self, instrument: InstrumentId) -> impl Iterator<Item = (Timeframe, Bar)> {
        let bars = &self.state.desks[instrument.index()].bars;
        let every = Timeframe::ALL.into_iter();
        every.filter_map(|timeframe| Some((timeframe, bars.forming(timeframe)?)))
    }
    /// When a source last showed life; `None` before it did.
    #[must_use]
    pub fn heard(&self, source: SourceId) -> Option<Time> {
        let heard = self.state.sources.get(source.index())?.heard;
        (heard > Time::MIN).then_some(heard)
    }

    /// Where an instrument's prices come from now.
    #[must_use]
    pub fn source(&self, instrument: InstrumentId) -> SourceId {
        self.state.desks[instrument.index()].source
    }

    /// Takes up other settings and keeps its state: desks stay with their symbols. Another source leaves a hole. What is
    /// open on an instrument that is gone, has another kind or calendar now, or is simulated and was not, ends here.
    pub fn adopt(&mut self, settings: Arc<Settings>, out: &mut Vec<Output>) {
        if settings == self.settings {
            return;
        }
        let mut old = std::mem::take(&mut self.state.desks);
        let mut keep = |id| {
            let fits = |desk: &mut Desk| desk.fits(&self.settings, id, &settings);
            let mut desk = old.extract_if(.., fits).next()?;
            let watermark = self.state.sources[desk.source.index()].watermark;
            desk.adopt(&self.settings, id, &settings, watermark);
            Some(desk)
        };
        self.state.desks = ids(&settings)
            .map(|id| keep(id).unwrap_or_else(|| Desk::new(id, &settings)))
            .collect();
        let at = self.state.now;
        for mut gone in old {
            gone.retire(&mut Context {
                at,
                settings: &self.settings,
                shared: &mut self.state.shared,
                out,
            });
        }
        let mut sources = sources(&settings);
        for source in &mut sources {
            if let Some(known) = self
                .state
                .sources
                .iter()
                .find(|known| known.name == source.name)
            {
                *source = known.clone();
            }
        }
        self.state.sources = sources;
        self.state.pairs.adopt(&self.settings, &settings);
        // They come anew with the next prices, and those of symbols that are gone do not.
        self.state.shared.mids = Mids::default();
        self.adopt_book(&settings);
        self.settings = settings;
        for id in 0..self.state.sources.len() {
            self.find_next_end(SourceId(id as u8));
        }
        self.after();
    }

    /// The portfolio goes on, of the symbols that are left.
    fn adopt_book(&mut self, settings: &Settings) {
        let book = &mut self.state.shared.book;
        let symbols = settings.catalog.instruments.iter().map(|one| one.symbol);
        book.keep(|symbol| symbols.clone().any(|one| one == symbol));
        if self.settings.account.equity != settings.account.equity {
            book.rebase();
        }
        if self.settings.portfolio != settings.portfolio {
            book.adopt(self.state.now, &settings.portfolio);
        }
    }

    /// The exact state, to the bit. Settings are not part of it.
    ///
    /// # Panics
    /// Never: the state is plain data.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        postcard::to_stdvec(&(SNAPSHOT_VERSION, &self.state)).expect("plain data can be written")
    }

    /// An engine that goes on where a snapshot was taken, under the settings it was taken with.
    ///
    /// # Errors
    /// When the bytes are of another version or shape, or of other symbols and sources.
    pub fn restore(settings: Arc<Settings>, snapshot: &[u8]) -> Result<Self, NotMine> {
        let (version, rest): (u32, &[u8]) =
            postcard::take_from_bytes(snapshot).map_err(|_| NotMine)?;
        if version != SNAPSHOT_VERSION {
            return Err(NotMine);
        }
        let state: State = postcard::from_bytes(rest).map_err(|_| NotMine)?;
        let instruments = settings.catalog.instruments.iter();
        let sources = settings.catalog.sources.iter();
        let known = |desk: &Desk| desk.source.index() < state.sources.len();
        let fits = state.desks.len() == state.wakes.len()
            && state.desks.iter().all(known)
            && instruments
                .map(|one| one.symbol)
                .eq(state.desks.iter().map(|desk| desk.symbol))
            && sources
                .map(|one| &one.name)
                .eq(state.sources.iter().map(|source| &source.name));
        if !fits {
            return Err(NotMine);
        }
        Ok(Self {
            settings,
            state,
            closed: Vec::new(),
            findings: Vec::new(),
            reader: Reader::Own,
            told: Told::default(),
        })
    }

    fn tick(&mut self, at: Time, tick: &Tick, out: &mut Vec<Output>) {
        self.state.shared.counts.ticks += 1;
        let (source, changes_all) = self.hear(at, tick.instrument, tick.time, self.grace());
        let closes = self.close_bars(at, source, out);
        let watermark = self.state.sources[source.index()].watermark;
        let (desk, mut context) = self.desk(at, tick.instrument, out);
        desk.tick(tick, watermark, &mut context);
        let next_end = desk.bars.minute_end();
        self.send_if_due(at, tick.instrument, out);
        self.after_price(tick.instrument, source, next_end, changes_all || closes);
    }

    fn bar(&mut self, at: Time, bar: &QuoteBar, out: &mut Vec<Output>) {
        self.state.shared.counts.bars += 1;
        // A recorded bar is whole: what ends at or before its opening is closed, and it is at its own end.
        let (source, changes_all) = self.hear(at, bar.instrument, bar.open_time, Span::ZERO);
        let closes = self.close_bars(at, source, out);
        let mut closed = std::mem::take(&mut self.closed);
        let (desk, mut context) = self.desk(at, bar.instrument, out);
        desk.bar(bar, &mut closed, &mut context);
        self.work(at, bar.instrument, &mut closed, out);
        self.closed = closed;
        self.send_if_due(at, bar.instrument, out);
        let next_end = self.state.desks[bar.instrument.index()].bars.next_end();
        self.after_price(bar.instrument, source, next_end, changes_all || closes);
    }

    /// Does what is due by now: deadlines first, since what is stamped at or after one is judged after the verdict. The
    /// price of the symbol that speaks now is left to what it says.
    fn pass_time(&mut self, at: Time, speaks: Option<InstrumentId>, out: &mut Vec<Output>) {
        if at < self.state.wake {
            return;
        }
        self.expire(at, None, out);
        for id in 0..self.state.sources.len() {
            self.close_idle(at, SourceId(id as u8), out);
        }
        for id in ids(&self.settings) {
            if self.state.wakes[id.index()] > at {
                continue;
            }
            let (desk, mut context) = self.desk(at, id, out);
            desk.end_runs(&mut context);
            desk.stop_waiting(&mut context);
            if speaks != Some(id) {
                self.send_if_due(at, id, out);
            }
            self.find_wake_of(id);
        }
        self.find_wake();
    }

    /// Decides the signals whose deadline has come. Without a given cause it depends on whether their source still lives.
    fn expire(&mut self, at: Time, cause: Option<Cause>, out: &mut Vec<Output>) {
        for id in ids(&self.settings) {
            if self.state.desks[id.index()].deadline() <= at {
                let cause = cause.unwrap_or_else(|| self.cause_at_deadline(at, id));
                let (desk, mut context) = self.desk(at, id, out);
                desk.expire(cause, &mut context);
                self.find_wake_of(id);
            }
        }
    }

    fn cause_at_deadline(&self, at: Time, id: InstrumentId) -> Cause {
        let Settings {
            catalog, prices, ..
        } = &*self.settings;
        let desk = &self.state.desks[id.index()];
        let (instrument, pulse) = (catalog.instrument(id), &desk.pulse);
        let source = &catalog.sources[desk.source.index()];
        let heard = self.state.sources[desk.source.index()].heard;
        let now = pulse.market_time(at).unwrap_or(at.as_source());
        let open = session::is_open(instrument, source, now);
        if open && pulse.is_stale(at, source, heard, prices) {
            Cause::StaleFeed
        } else {
            Cause::Timeout
        }
    }

    /// Closes the bars of a source that has gone silent, when our clock says that they must be over.
    fn close_idle(&mut self, at: Time, id: SourceId, out: &mut Vec<Output>) {
        let idle = self.idle();
        let source = &mut self.state.sources[id.index()];
        if !source.closes_by_clock() {
            return;
        }
        let by_our_clock = source.newest + (at - source.told) - idle;
        if by_our_clock >= source.next_end {
            source.watermark = source.watermark.max(by_our_clock);
            if self.close_bars(at, id, out) {
                self.after();
            }
        }
    }

    /// Closes and works the bars of a source's instruments that end at or before its watermark. Whether there were any: then
    /// signals of any of these desks may have been decided.
    fn close_bars(&mut self, at: Time, id: SourceId, out: &mut Vec<Output>) -> bool {
        let SourceState {
            watermark,
            next_end,
            ..
        } = self.state.sources[id.index()];
        if next_end > watermark {
            return false;
        }
        let mut closed = std::mem::take(&mut self.closed);
        for instrument in ids(&self.settings) {
            if self.state.desks[instrument.index()].source == id {
                self.state.desks[instrument.index()]
                    .bars
                    .close_through(watermark, &mut closed);
                self.work(at, instrument, &mut closed, out);
            }
        }
        self.closed = closed;
        self.find_next_end(id);
        true
    }

    fn find_next_end(&mut self, id: SourceId) {
        let next_end = self.desks_of(id).map(|desk| desk.bars.next_end()).min();
        self.state.sources[id.index()].next_end = next_end.unwrap_or(SourceTime::MAX);
    }

    /// Works closed bars of one instrument, in their order, and empties the list.
    fn work(
        &mut self,
        at: Time,
        id: InstrumentId,
        closed: &mut Vec<(Timeframe, Bar)>,
        out: &mut Vec<Output>,
    ) {
        let mut findings = std::mem::take(&mut self.findings);
        for &(timeframe, ref bar) in closed.iter() {
            let desk = &mut self.state.desks[id.index()];
            let (reader, told) = (&mut self.reader, &mut self.told);
            let t = desk.read(timeframe, bar, &mut findings, reader, told, &self.settings);
            if timeframe == self.settings.rules.setup_tf {
                self.divide(at, id, bar, out);
            }
            let (desk, mut context) = self.desk(at, id, out);
            desk.close(timeframe, bar, t, &findings, &mut context);
        }
        let (desk, mut context) = self.desk(at, id, out);
        desk.decide_coarse(&mut context);
        self.findings = findings;
        closed.clear();
    }

    /// Tells the symbols that held what divides them from others with this bar.
    fn divide(&mut self, at: Time, id: InstrumentId, bar: &Bar, out: &mut Vec<Output>) {
        let rules = &self.settings.rules;
        for (held, divided) in self.state.pairs.close(id, bar, Some(at), rules) {
            let (desk, mut context) = self.desk(at, held, out);
            desk.divide(divided, &mut context);
            desk.decide_coarse(&mut context);
            self.find_wake_of(held);
        }
    }

    fn send_if_due(&mut self, at: Time, id: InstrumentId, out: &mut Vec<Output>) {
        let Settings {
            catalog, prices, ..
        } = &*self.settings;
        let instrument = catalog.instrument(id);
        let desk = &mut self.state.desks[id.index()];
        if desk.pulse.due(instrument, prices) > at {
            return;
        }
        let heard = self.state.sources[desk.source.index()].heard;
        let source = &catalog.sources[desk.source.index()];
        let update = desk.pulse.send(at, instrument, source, heard, prices);
        out.extend(update.map(|update| Output::Price(Box::new(update))));
    }

    /// An instrument has been told a price, and with it `every` desk of its source may have changed. What is due next is
    /// found once, when all is done: nothing asks for it before.
    fn after_price(
        &mut self,
        id: InstrumentId,
        source: SourceId,
        next_end: SourceTime,
        every: bool,
    ) {
        if every {
            let source = &mut self.state.sources[source.index()];
            source.next_end = source.next_end.min(next_end);
            self.after();
        } else {
            self.after_one(id, source, next_end);
        }
    }

    /// One instrument has changed: a bar of it may end sooner than any known.
    fn after_one(&mut self, id: InstrumentId, source: SourceId, next_end: SourceTime) {
        let source = &mut self.state.sources[source.index()];
        source.next_end = source.next_end.min(next_end);
        self.find_wake_of(id);
        self.find_wake();
    }

    /// Finds when something is due at one desk.
    fn find_wake_of(&mut self, id: InstrumentId) {
        self.state.wakes[id.index()] = self.state.desks[id.index()].wake_at(&self.settings);
    }

    /// Anything may have changed.
    fn after(&mut self) {
        let State { desks, wakes, .. } = &mut self.state;
        wakes.clear();
        wakes.extend(desks.iter().map(|desk| desk.wake_at(&self.settings)));
        self.find_wake();
    }

    /// Finds when something is due next: at a desk, or the end of a bar of a source that goes silent.
    fn find_wake(&mut self) {
        let idle = self.idle();
        let desks = self
            .state
            .wakes
            .iter()
            .fold(Time::MAX, |first, wake| first.min(*wake));
        self.state.wake = self.state.sources.iter().fold(desks, |first, source| {
            if source.next_end != SourceTime::MAX && source.closes_by_clock() {
                first.min(source.told + (source.next_end - source.newest) + idle)
            } else {
                first
            }
        });
    }

    fn desk<'a>(
        &'a mut self,
        at: Time,
        id: InstrumentId,
        out: &'a mut Vec<Output>,
    ) -> (&'a mut Desk, Context<'a>) {
        let State { desks, shared, .. } = &mut self.state;
        (
            &mut desks[id.index()],
            Context {
                at,
                settings: &self.settings,
                shared,
                out,
            },
        )
    }

    fn desks_of(&mut self, source: SourceId) -> impl Iterator<Item = &mut Desk> {
        let desks = self.state.desks.iter_mut();
        desks.filter(move |desk| desk.source == source)
    }

    #[cfg(test)]
    pub(crate) fn desk_of(&self, id: InstrumentId) -> &Desk {
        &self.state.desks[id.index()]
    }

    fn grace(&self) -> Span {
        Span::from_millis(i64::from(self.settings.rules.bar_grace_ms))
    }
    fn idle(&self) -> Span {
        Span::from_millis(i64::from(self.settings.rules.bar_idle_ms))
    }
}

impl Shared {
    /// Signals born so far on the trading day of `time`.
    pub(crate) fn signals_on(&self, time: SourceTime) -> u32 {
        self.days.born_on(trading_day(time))
    }
    pub(crate) fn count_signal(&mut self, time: SourceTime) {
        self.days.count(trading_day(time));
        self.counts.signals += 1;
    }
}

/// The day of the daily cap, which counts over all symbols, rolls as FX does.
fn trading_day(time: SourceTime) -> i32 {
    session::trading_day(time, session::roll_hour(market::Calendar::Fx))
}

fn ids(settings: &Settings) -> impl Iterator<Item = InstrumentId> + use<> {
    (0..settings.catalog.instruments.len() as u16).map(InstrumentId)
}
