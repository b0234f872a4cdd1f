//! What all sources tell, on its way to the loop. A source never waits here for prices: when the loop is behind, the newest
//! tick of a symbol takes the place of the one before it, and that is counted.

use crate::clock::Clock;
use crate::health::{Coverage, Health, LastQuote, Phase, SymbolHealth};
use crate::quarantine::{Gate, Limits, Reason};
use crate::symbols::Symbols;
use market::{Catalog, InstrumentId, PreviousClose, QuoteBar, SourceId, Span, Tick, Time};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Ticks that may wait before they are merged by symbol.
const WAITING_MAX: usize = 8192;
/// Bars of the past that may wait; who fetched them waits for room.
const PAST_MAX: usize = 65_536;
/// A source shows life at most so often between ticks.
const LIFE_EVERY: Span = Span::from_secs(1);

/// What a source tells the loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Tick(Tick),
    /// Something came that was no price.
    Life,
    /// A connection is up and tells prices from now on.
    Began,
    /// It is gone: something may be missed from now on.
    Ended,
    /// Closed bars of the past, oldest first.
    Past(Vec<QuoteBar>),
    PreviousClose(PreviousClose),
}

/// Something told, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub source: SourceId,
    pub told: Told,
}

/// Where the loop takes from.
#[derive(Clone, Debug, Default)]
pub struct Inbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    /// The number of the first item; they are counted without end.
    first: u64,
    /// The number of the last tick of each symbol of each source.
    newest: BTreeMap<(SourceId, InstrumentId), u64>,
    past: usize,
}

impl Inbox {
    /// The way in for one source.
    #[must_use]
    pub fn outlet(
        &self,
        source: SourceId,
        catalog: &Catalog,
        symbols: &Symbols,
        clock: Clock,
    ) -> Outlet {
        let name = &catalog.sources[source.index()].name;
        self.outlet_as(source, name, catalog, symbols, clock)
    }

    /// The same for a source whose place in the catalog may change while it runs: what it tells comes under this number.
    #[must_use]
    pub fn outlet_as(
        &self,
        number: SourceId,
        name: &str,
        catalog: &Catalog,
        symbols: &Symbols,
        clock: Clock,
    ) -> Outlet {
        Outlet::new(self.clone(), number, name, catalog, symbols, clock)
    }

    /// Waits until something is there, and moves up to `max` items to `out`.
    pub async fn take(&self, out: &mut Vec<Item>, max: usize) {
        loop {
            let filled = self.0.filled.notified();
            if self.try_take(out, max) > 0 {
                return;
            }
            filled.await;
        }
    }

    /// Moves what is there now, and says how much it was.
    pub fn try_take(&self, out: &mut Vec<Item>, max: usize) -> usize {
        let mut queue = self.0.lock();
        let count = queue.items.len().min(max);
        out.extend(queue.items.drain(..count));
        queue.first += count as u64;
        queue.past = queue.items.iter().map(past_bars).sum();
        drop(queue);
        if count > 0 {
            self.0.emptied.notify_waiters();
        }
        count
    }
}

fn past_bars(item: &Item) -> usize {
    match &item.told {
        Told::Past(bars) => bars.len(),
        Told::Tick(_) | Told::Life | Told::Began | Told::Ended | Told::PreviousClose(_) => 0,
    }
}

/// Whether a tick was added or took another's place.
enum Pushed {
    Added,
    Merged,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, item: Item) {
        let mut queue = self.lock();
        queue.past += past_bars(&item);
        queue.items.push_back(item);
        drop(queue);
        self.filled.notify_one();
    }

    fn push_tick(&self, source: SourceId, tick: Tick) -> Pushed {
        let mut queue = self.lock();
        let key = (source, tick.instrument);
        let told = Told::Tick(tick);
        if queue.items.len() >= WAITING_MAX
            && let Some(place) = queue.newest.get(&key).copied()
            && let Some(place) = place.checked_sub(queue.first)
            && let Some(item) = queue.items.get_mut(place as usize)
        {
            item.told = told;
            return Pushed::Merged;
        }
        let number = queue.first + queue.items.len() as u64;
        queue.items.push_back(Item { source, told });
        queue.newest.insert(key, number);
        drop(queue);
        self.filled.notify_one();
        Pushed::Added
    }
}

/// A source's way to the loop: every tick passes the gate here, and everything is counted. Copies share their state.
#[derive(Clone)]
pub struct Outlet {
    inbox: Inbox,
    source: SourceId,
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    gate: Gate,
    health: Health,
    live_since: Option<Time>,
}

impl Outlet {
    fn new(
        inbox: Inbox,
        source: SourceId,
        name: &str,
        catalog: &Catalog,
        symbols: &Symbols,
        clock: Clock,
    ) -> Self {
        let symbol = |(id, theirs): (InstrumentId, &str)| {
            let theirs = theirs.to_owned();
            let health = SymbolHealth {
                theirs,
                coverage: Coverage::Asked,
                ticks: 0,
                last: None,
            };
            (id, health)
        };
        let gate = Gate::new(catalog, Limits::default());
        let health = Health {
            name: name.to_owned(),
            phase: Phase::Starting,
            since: clock.now(),
            heard: None,
            connects: 0,
            ticks: 0,
            conflated: 0,
            quarantine: gate.counts().clone(),
            malformed: 0,
            lag: None,
            symbols: symbols.iter().map(symbol).collect(),
        };
        let state = State {
            gate,
            health,
            live_since: None,
        };
        Self {
            inbox,
            source,
            clock,
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[must_use]
    pub fn name(&self) -> String {
        self.state().health.name.clone()
    }

    /// What time it is, for ticks' time of receipt.
    #[must_use]
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A tick as the source told it. What cannot be a price is counted and goes no further.
    ///
    /// # Errors
    /// The reason why it was turned away.
    pub fn tick(&self, tick: Tick) -> Result<(), Reason> {
        let received = tick.received.unwrap_or_else(|| self.clock.now());
        let mut state = self.state();
        state.health.heard = Some(received);
        state.gate.check(&tick)?;
        let health = &mut state.health;
        health.ticks += 1;
        health.lag = Some(received.as_source() - tick.time);
        if let Some(symbol) = health.symbols.get_mut(&tick.instrument) {
            symbol.ticks += 1;
            symbol.coverage = Coverage::Confirmed;
            symbol.last = Some(LastQuote {
                bid: tick.bid,
                ask: tick.ask,
                time: tick.time,
                received,
            });
        }
        match self.inbox.0.push_tick(self.source, tick) {
            Pushed::Added => {}
            Pushed::Merged => state.health.conflated += 1,
        }
        Ok(())
    }

    /// Whether a tick is the last one of its symbol once more, to the moment and the digit: sent again after a loss.
    #[must_use]
    pub fn is_told(&self, tick: &Tick) -> bool {
        let state = self.state();
        let last = state.health.symbols.get(&tick.instrument);
        last.and_then(|symbol| symbol.last)
            .is_some_and(|last| (last.time, last.bid, last.ask) == (tick.time, tick.bid, tick.ask))
    }

    /// Something came that could not be read; `why` says what is wrong with it. It is no sign of life.
    pub fn malformed(&self, instrument: Option<InstrumentId>, text: &[u8], why: &str) {
        let mut state = self.state();
        state.health.malformed += 1;
        if let Some(instrument) = instrument {
            let name = state.health.name.clone();
            let line = state.health.malformed;
            state.gate.malformed(instrument, &name, line, text, &why);
        }
        if state.health.malformed.is_power_of_two() {
            let text = crate::quarantine::shorten(text);
            tracing::warn!(source = %state.health.name, count = state.health.malformed, why, text, "something could not be read");
        }
    }

    /// Something came that was no price: the source lives.
    pub fn life(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        let is_news = state
            .health
            .heard
            .is_none_or(|heard| now - heard >= LIFE_EVERY);
        if is_news {
            state.health.heard = Some(now);
            drop(state);
            self.push(Told::Life);
        }
    }

    /// Tells that prices come from now on. A second call in the same connection says nothing new.
    pub fn began(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        if state.live_since.is_some() {
            return;
        }
        state.live_since = Some(now);
        state.health.heard = Some(now);
        state.health.phase = Phase::Live;
        state.health.since = now;
        drop(state);
        self.push(Told::Began);
    }

    /// Tells that the connection is gone, and how long it was live.
    pub fn ended(&self) -> Span {
        let now = self.clock.now();
        let Some(since) = self.state().live_since.take() else {
            return Span::ZERO;
        };
        self.push(Told::Ended);
        now - since
    }

    /// Closed bars of the past, oldest first; those that cannot be a market's are left out. Waits while too many lie there.
    pub async fn past(&self, mut bars: Vec<QuoteBar>) {
        bars.retain(|bar| self.state().gate.check_bar(bar).is_ok());
        self.wait_until(|queue| queue.past < PAST_MAX).await;
        self.push(Told::Past(bars));
    }

    /// Waits while the loop is far behind, so that no tick of a batch has to take another's place. For sources that can be
    /// made to wait.
    pub async fn room(&self) {
        self.wait_until(|queue| queue.items.len() <= WAITING_MAX / 2)
            .await;
    }

    /// Waits until the loop has taken all that was told before.
    pub async fn taken(&self) {
        let told = {
            let queue = self.inbox.0.lock();
            queue.first + queue.items.len() as u64
        };
        self.wait_until(|queue| queue.first >= told).await;
    }

    async fn wait_until(&self, is_so: impl Fn(&Queue) -> bool) {
        loop {
            let emptied = self.inbox.0.emptied.notified();
            if is_so(&self.inbox.0.lock()) {
                return;
            }
            emptied.await;
        }
    }

    pub fn previous_close(&self, close: PreviousClose) {
        self.push(Told::PreviousClose(close));
    }

    /// Tells what the source is doing; being live is told by [`Outlet::began`].
    pub fn phase(&self, phase: Phase) {
        let now = self.clock.now();
        let mut state = self.state();
        if phase == Phase::Connecting {
            state.health.connects += 1;
        }
        if state.health.phase != phase {
            state.health.phase = phase;
            state.health.since = now;
        }
    }

    /// Tells what the source said about a symbol.
    pub fn coverage(&self, instrument: InstrumentId, coverage: Coverage) {
        if let Some(symbol) = self.state().health.symbols.get_mut(&instrument) {
            symbol.coverage = coverage;
        }
    }

    #[must_use]
    pub fn health(&self) -> Health {
        let state = self.state();
        Health {
            quarantine: state.gate.counts().clone(),
            ..state.health.clone()
        }
    }

    fn push(&self, told: Told) {
        let source = self.source;
        self.inbox.0.push(Item { source, told });
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outlet({})", self.name())
    }
}
