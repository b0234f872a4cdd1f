//! The whole hub as a machine that is turned at random for as long as one likes, beside a model that is too simple to be
//! wrong: extended clients that filter, change their minds, lag, leave, and come back to where they were, also after a
//! restart. What each hears of events, and of closed bars, is known beforehand, message by message.
//!
//! `ORION_TEST_STEPS=10000000 cargo test --release -p hub machine` turns it ten million steps.

use crate::samples::{
    Reader, SYMBOLS, bar, features, last_outcome, payload, price, recovered, signal, status,
};
use crate::{Answers, ClientId, Hub, Limits, Packing, Publication, frame};
use market::{
    BarUpdate, Epoch, Outcome, Position, Signal, SourceTime, Span, Status, Symbol, Time, Timeframe,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use wire::tell::{self, Follows, PastBars};
use wire::{BarsAsk, Channel, Channels, Refusal, Since, SnapshotAsk, Subscribe, Unsubscribe};

const STEPS: u64 = 40_000;
const CLIENTS: usize = 5;
/// Signals that are pending or run.
const OPEN_MAX: usize = 12;
const TIMEFRAMES: [Timeframe; 2] = [Timeframe::M1, Timeframe::M5];
const EPOCH: Epoch = Epoch(7);
const LIMITS: Limits = Limits {
    signal_log: 8,
    recovery: 24,
    price_span: Span::from_secs(2),
    price_log: 9,
    price_interval: Span::from_millis(500),
    decided_for: Span::from_secs(20),
    snapshot_signals: 4,
    answers: 3,
    subscriptions: 10,
    classes: 6,
    bars: 5,
    bar_log: 6,
};

/// Vigna's splitmix64: a seed and a step are a bug report.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
    fn below(&mut self, end: usize) -> usize {
        self.roll(end as u64) as usize
    }
}

/// What an event is, as a client can see it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Signal(u32, Status),
    Outcome(u32),
}

#[derive(Clone, Debug)]
struct Happened {
    seq: u64,
    what: What,
    symbol: usize,
}

/// One signal of which something can still happen, or which is still shown.
#[derive(Clone, Debug)]
struct Known {
    status: Status,
    born: u64,
    seq: u64,
    decided_at: Option<Time>,
    is_running: bool,
}

/// The symbols of a channel, by their places; all is more than each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Set {
    is_all: bool,
    places: BTreeSet<usize>,
}

impl Set {
    fn has(&self, symbol: usize) -> bool {
        self.is_all || self.places.contains(&symbol)
    }
    fn is_empty(&self) -> bool {
        !self.is_all && self.places.is_empty()
    }
    fn add(&mut self, named: &Set) {
        self.is_all |= named.is_all;
        self.places.extend(&named.places);
        if self.is_all {
            self.places.clear();
        }
    }
    fn remove(&mut self, named: &Set) {
        if std::mem::take(&mut self.is_all) {
            self.places = (0..SYMBOLS.len()).collect();
        }
        self.places.retain(|symbol| !named.has(*symbol));
    }
    fn count(&self) -> usize {
        if self.is_all { 1 } else { self.places.len() }
    }
    /// As a client names it.
    fn named(&self) -> Option<Vec<Symbol>> {
        let name = |place: &usize| Symbol::new(SYMBOLS[*place]).expect("a symbol");
        (!self.is_all).then(|| self.places.iter().map(name).collect())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Filter {
    signals: Set,
    outcomes: Set,
}

impl Filter {
    fn passes(&self, event: &Happened) -> bool {
        match event.what {
            What::Signal(..) => self.signals.has(event.symbol),
            What::Outcome(_) => self.outcomes.has(event.symbol),
        }
    }
    fn is_empty(&self) -> bool {
        self.signals.is_empty() && self.outcomes.is_empty()
    }
}

/// One message that a client must hear next.
#[derive(Clone, Debug)]
enum Due {
    Event {
        event: Happened,
        /// The place of the one before it under the same filter, as far as the model remembers.
        prev: u64,
        /// It lies in the log of a class, not in the client's own past.
        is_live: bool,
    },
    Shown(Happened),
    /// The answer to a subscribe or an unsubscribe: the place it tells, and how many messages must follow before that is the
    /// client's.
    Answer(u64, u64),
}

/// A bar by its timeframe, symbol and number.
type BarKey = (Timeframe, usize, i64);

/// What a visitor must hear of closed bars, and what it may.
#[derive(Debug, Default)]
struct BarsDue {
    symbols: Set,
    timeframe: Option<Timeframe>,
    /// Closed bars, in their order.
    due: VecDeque<BarKey>,
    /// Until so many answers have come, what is heard is of before it said where it is.
    of_before: usize,
    /// Until so many have come, what was on its way may still come of what it does not hear any more.
    on_its_way: usize,
    /// The last closed bar that it heard, and the last state of an open one with its ticks.
    closed: BTreeMap<(Timeframe, usize), i64>,
    forming: BTreeMap<(Timeframe, usize), (i64, u64)>,
}

impl BarsDue {
    fn hears(&self, timeframe: Timeframe, symbol: usize) -> bool {
        self.timeframe == Some(timeframe) && self.symbols.has(symbol)
    }

    /// It begins anew: nothing of before counts, once so many answers have come.
    fn begin_again(&mut self, answers: usize) {
        self.due.clear();
        self.of_before = answers;
        self.closed.clear();
        self.forming.clear();
    }

    fn answered(&mut self) {
        self.of_before = self.of_before.saturating_sub(1);
        self.on_its_way = self.on_its_way.saturating_sub(1);
    }

    fn hear(&mut self, (timeframe, symbol, number): BarKey, ticks: u64, is_closed: bool) {
        if self.of_before > 0 {
            return;
        }
        let of = (timeframe, symbol);
        if !is_closed {
            let after = self.closed.get(&of).is_none_or(|closed| *closed < number);
            assert!(after, "no bar is open after it has closed");
            let before = self.forming.insert(of, (number, ticks));
            assert!(before <= Some((number, ticks)), "no open bar goes back");
        } else if self.due.front() == Some(&(timeframe, symbol, number)) {
            self.due.pop_front();
            self.closed.insert(of, number);
        } else {
            assert!(self.on_its_way > 0, "{:?}, not {number}", self.due.front());
        }
    }
}

#[derive(Debug)]
struct Visitor {
    id: ClientId,
    reader: Reader,
    bytes: Vec<u8>,
    filter: Filter,
    prices: Set,
    statuses: Set,
    features: Set,
    bars: BarsDue,
    due: VecDeque<Due>,
    /// Messages of events of which a byte was written, and which it does not have whole.
    begun: u64,
    /// Its highest place: what it resumes from.
    place: u64,
    /// It has said where it is, and not been answered: what comes meanwhile is of before.
    is_waiting: bool,
    /// The place that is its own after so many more messages.
    next_place: Option<(u64, u64)>,
    /// The last price and status of each symbol, by number.
    heard_prices: BTreeMap<usize, u64>,
    heard_statuses: BTreeMap<usize, u64>,
    heard_features: BTreeMap<usize, u64>,
    pongs: VecDeque<u8>,
    forgotten: u64,
}

struct World {
    dice: Dice,
    hub: Hub,
    now: Time,
    stream: VecDeque<Happened>,
    seq: u64,
    known: BTreeMap<u32, Known>,
    born: u32,
    /// The number of the last price, and of the last status, of each symbol; numbers count all.
    prices: BTreeMap<usize, u64>,
    statuses: BTreeMap<usize, u64>,
    features: BTreeMap<usize, u64>,
    count: u64,
    /// The newest closed bars of each timeframe and symbol with their numbers among all, one more than the hub keeps; how
    /// many there were; and the open ones.
    closed: BTreeMap<(Timeframe, usize), VecDeque<(u64, i64)>>,
    closed_count: u64,
    forming: BTreeMap<(Timeframe, usize), (i64, u64)>,
    clients: Vec<Visitor>,
    resumed: u64,
    refused: u64,
    lost: u64,
}

fn at(seq: u64) -> Position {
    Position { epoch: EPOCH, seq }
}

/// Each signal keeps its symbol.
fn symbol_of(id: u32) -> usize {
    id as usize % SYMBOLS.len()
}

fn symbol(place: usize) -> Symbol {
    Symbol::new(SYMBOLS[place]).expect("a symbol")
}

impl World {
    fn new(seed: u64) -> Self {
        let (hub, refused) = recovered(LIMITS, Publication::default(), at(0));
        assert_eq!(refused, []);
        let mut world = Self {
            dice: Dice(seed),
            hub,
            now: Time::from_secs(1000),
            stream: VecDeque::new(),
            seq: 0,
            known: BTreeMap::new(),
            born: 0,
            prices: BTreeMap::new(),
            statuses: BTreeMap::new(),
            features: BTreeMap::new(),
            count: 0,
            closed: BTreeMap::new(),
            closed_count: 0,
            forming: BTreeMap::new(),
            clients: Vec::new(),
            resumed: 0,
            refused: 0,
            lost: 0,
        };
        for _ in 0..CLIENTS {
            let visitor = world.arrive();
            world.clients.push(visitor);
        }
        world
    }

    fn arrive(&mut self) -> Visitor {
        let packing = if self.dice.one_in(2) {
            Packing::Single
        } else {
            Packing::Grouped
        };
        Visitor {
            id: self.hub.join(packing),
            reader: Reader::default(),
            bytes: Vec::new(),
            filter: Filter::default(),
            prices: Set::default(),
            statuses: Set::default(),
            features: Set::default(),
            bars: BarsDue::default(),
            due: VecDeque::new(),
            begun: 0,
            place: 0,
            is_waiting: false,
            next_place: None,
            heard_prices: BTreeMap::new(),
            heard_statuses: BTreeMap::new(),
            heard_features: BTreeMap::new(),
            pongs: VecDeque::new(),
            forgotten: 0,
        }
    }

    fn step(&mut self) {
        let client = self.dice.below(CLIENTS);
        match self.dice.roll(1000) {
            0..350 => self.publish(),
            350..420 => self.subscribe(client, None),
            420..450 => self.unsubscribe(client),
            450..900 => self.write(client),
            900..960 => self.ask(client),
            960..999 => self.come_back(client),
            _ => self.restart(),
        }
        assert!(self.hub.bounds_hold(), "memory is bounded");
    }

    fn publish(&mut self) {
        self.now = self.now + Span::from_millis(self.dice.roll(1500) as i64);
        let mut publication = Publication {
            now: self.now,
            ..Publication::default()
        };
        for _ in 0..self.dice.roll(4) {
            match self.dice.roll(3) {
                0 => publication.signals.extend(self.bear()),
                1 => publication.signals.extend(self.decide()),
                _ => publication.outcomes.extend(self.end()),
            }
        }
        for _ in 0..self.dice.roll(4) {
            let place = self.dice.below(SYMBOLS.len());
            self.count += 1;
            let time = SourceTime::from_nanos(self.now.nanos());
            publication
                .prices
                .push(price(SYMBOLS[place], self.count, time));
            self.prices.insert(place, self.count);
        }
        if self.dice.one_in(3) {
            let place = self.dice.below(SYMBOLS.len());
            self.count += 1;
            publication
                .statuses
                .push(status(SYMBOLS[place], self.count));
            self.statuses.insert(place, self.count);
        }
        if self.dice.one_in(3) {
            let place = self.dice.below(SYMBOLS.len());
            self.count += 1;
            let values = [self.count as f64, f64::NAN];
            publication.features.push(features(SYMBOLS[place], values));
            self.features.insert(place, self.count);
        }
        for _ in 0..self.dice.roll(4) {
            publication.bars.push(self.turn_bar());
        }
        assert_eq!(self.hub.publish(&publication), []);
        let now = self.now;
        self.known.retain(|_, known| known.is_kept(now));
    }

    /// A bar closes, or goes on; or one begins, also while the one before it is still open.
    fn turn_bar(&mut self) -> Arc<BarUpdate> {
        let timeframe = TIMEFRAMES[self.dice.below(TIMEFRAMES.len())];
        let (place, turn) = (self.dice.below(SYMBOLS.len()), self.dice.roll(3));
        let of = (timeframe, place);
        let last = self.closed.get(&of).and_then(|closed| closed.back());
        let first_open = last.map_or(0, |(_, number)| number + 1);
        let (number, ticks) = *self.forming.get(&of).unwrap_or(&(first_open, 0));
        if turn > 0 {
            // The grace after its end: the next one may have begun.
            let number = if turn == 1 { number } else { first_open + 1 };
            let ticks = ticks + 1;
            self.forming.insert(of, (number, ticks));
            return bar(SYMBOLS[place], timeframe, number, ticks as u32, false);
        }
        if number == first_open {
            self.forming.remove(&of);
        }
        for visitor in &mut self.clients {
            if visitor.bars.hears(timeframe, place) {
                visitor.bars.due.push_back((timeframe, place, first_open));
            }
        }
        let closed = self.closed.entry(of).or_default();
        closed.push_back((self.closed_count, first_open));
        self.closed_count += 1;
        if closed.len() > LIMITS.bars + 1 {
            closed.pop_front();
        }
        bar(SYMBOLS[place], timeframe, first_open, 1, true)
    }

    /// The closed bars that the hub keeps of these, in their order, and whether they reach back to `since`.
    fn kept_bars(&self, timeframe: Timeframe, symbols: &Set, since: i64) -> (Vec<BarKey>, bool) {
        let (mut kept, mut is_whole) = (Vec::new(), true);
        for ((of, place), closed) in &self.closed {
            if *of != timeframe || !symbols.has(*place) {
                continue;
            }
            let dropped = closed.len().saturating_sub(LIMITS.bars);
            let first = dropped.checked_sub(1).map(|last| closed[last].1);
            is_whole &= closed[dropped].1 <= since || first.is_some_and(|last| last < since);
            let bars = closed.iter().skip(dropped);
            kept.extend(
                bars.filter(|(_, number)| *number >= since)
                    .map(|(order, number)| (*order, (timeframe, *place, *number))),
            );
        }
        for ((of, place), (number, _)) in &self.forming {
            if *of == timeframe && symbols.has(*place) && !self.closed.contains_key(&(*of, *place))
            {
                is_whole &= *number <= since;
            }
        }
        kept.sort_unstable();
        (kept.into_iter().map(|(_, key)| key).collect(), is_whole)
    }

    fn happen(&mut self, what: What, id: u32) -> Position {
        self.seq += 1;
        let event = Happened {
            seq: self.seq,
            what,
            symbol: symbol_of(id),
        };
        for visitor in &mut self.clients {
            if visitor.filter.passes(&event) {
                let prev = last_before(&self.stream, self.seq, &visitor.filter);
                visitor.due.push_back(Due::Event {
                    event: event.clone(),
                    prev,
                    is_live: true,
                });
            }
        }
        self.stream.push_back(event);
        // Twice what the hub keeps: enough to know what it may have forgotten.
        if self.stream.len() > 2 * LIMITS.recovery {
            self.stream.pop_front();
        }
        at(self.seq)
    }

    fn bear(&mut self) -> Option<(Position, Signal)> {
        let open = self.known.values().filter(|known| known.is_open()).count();
        if open >= OPEN_MAX {
            return None;
        }
        self.born += 1;
        Some(self.tell(self.born, Status::Pending))
    }

    fn decide(&mut self) -> Option<(Position, Signal)> {
        let pending = self.pick(|known| known.status == Status::Pending)?;
        let status = if self.dice.one_in(2) {
            Status::Confirmed
        } else {
            Status::Invalidated
        };
        Some(self.tell(pending, status))
    }

    fn tell(&mut self, id: u32, status: Status) -> (Position, Signal) {
        let position = self.happen(What::Signal(id, status), id);
        let known = Known {
            status,
            born: self.known.get(&id).map_or(position.seq, |known| known.born),
            seq: position.seq,
            decided_at: (status != Status::Pending).then_some(self.now),
            is_running: status == Status::Confirmed,
        };
        self.known.insert(id, known);
        let signal = Signal {
            symbol: symbol(symbol_of(id)),
            ..signal(id, status, self.now)
        };
        (position, signal)
    }

    fn end(&mut self) -> Option<(Position, Outcome)> {
        let running = self.pick(|known| known.is_running)?;
        if let Some(known) = self.known.get_mut(&running) {
            known.is_running = false;
        }
        let outcome = Outcome {
            symbol: symbol(symbol_of(running)),
            ..last_outcome(running)
        };
        Some((self.happen(What::Outcome(running), running), outcome))
    }

    fn pick(&mut self, is_one: impl Fn(&Known) -> bool) -> Option<u32> {
        let ones = self.known.iter().filter(|(_, known)| is_one(known));
        let ones: Vec<u32> = ones.map(|(id, _)| *id).collect();
        (!ones.is_empty()).then(|| ones[self.dice.below(ones.len())])
    }

    fn channels(&mut self) -> Channels {
        let mut channels = Channels::NONE;
        for channel in Channel::EVERY {
            if self.dice.one_in(2) {
                channels = channels.with(channel);
            }
        }
        channels
    }

    fn symbols(&mut self) -> Set {
        if self.dice.one_in(3) {
            return Set {
                is_all: true,
                places: BTreeSet::new(),
            };
        }
        let count = 1 + self.dice.below(2);
        let places = (0..count).map(|_| self.dice.below(SYMBOLS.len())).collect();
        Set {
            is_all: false,
            places,
        }
    }

    /// A subscribe to anything at all, or, with a place, of everything that the visitor heard before.
    fn subscribe(&mut self, client: usize, resume: Option<(Filter, u64)>) {
        let (channels, named, since) = match &resume {
            Some((filter, place)) => {
                let channels = Channels::NONE
                    .with(Channel::Signals)
                    .with(Channel::Outcomes);
                (
                    channels,
                    filter.signals.clone(),
                    Some(Since::After(at(*place))),
                )
            }
            None => {
                let since = self.dice.one_in(5).then(|| self.any_place());
                (self.channels(), self.symbols(), since)
            }
        };
        let bars = channels.has(Channel::Bars).then(|| {
            let timeframe = TIMEFRAMES[self.dice.below(TIMEFRAMES.len())];
            let since = self.dice.one_in(2).then(|| {
                let number = self.dice.roll(self.closed_count / 4 + 2) as i64;
                SourceTime::from_nanos(number * timeframe.span().nanos())
            });
            BarsAsk { timeframe, since }
        });
        let intervals = [None, Some(250), Some(1000), Some(2500)];
        let ask = Subscribe {
            channels,
            is_extended: true,
            symbols: named.named(),
            since,
            snapshot: SnapshotAsk {
                signals: self.dice.one_in(3).then(|| self.dice.roll(3) as u16),
                prices: self.dice.one_in(4).then_some(false),
            },
            price_interval_ms: intervals[self.dice.below(4)],
            bars,
            ..Subscribe::default()
        };
        let id = self.clients[client].id;
        let mut began = None;
        let subscribed = self.hub.subscribe(id, &ask, |answer| {
            began = Some(answer.clone());
            answer_frame(answer.position)
        });
        match subscribed {
            Err(refusal) => {
                assert_ne!(refusal, Refusal::Internal);
                self.refused += 1;
            }
            Ok(()) => {
                let began = began.expect("an extended client is answered");
                assert_eq!(began.position, at(self.seq));
                self.expect(client, &ask, &named, began.follows);
                self.expect_bars(client, &ask, &named, began.bars);
                assert!(self.clients[client].subscriptions() <= LIMITS.subscriptions);
            }
        }
    }

    fn any_place(&mut self) -> Since {
        match self.dice.roll(4) {
            0 => Since::Elsewhere,
            _ => {
                let back = self.dice.roll(2 * LIMITS.recovery as u64);
                Since::After(at(self.seq.saturating_sub(back)))
            }
        }
    }

    /// What the model says a subscribe brings.
    fn expect(&mut self, client: usize, ask: &Subscribe, named: &Set, told: Follows) {
        let channels = ask.channels;
        let before = self.clients[client].filter.clone();
        let mut after = before.clone();
        if channels.has(Channel::Signals) {
            after.signals.add(named);
        }
        if channels.has(Channel::Outcomes) {
            after.outcomes.add(named);
        }
        let shown = |world: &Self, but: &Set| {
            if !channels.has(Channel::Signals) {
                return Vec::new();
            }
            let max = ask
                .snapshot
                .signals
                .map_or(LIMITS.snapshot_signals, usize::from);
            world.shown(&after.signals, but, max)
        };
        let resumes = channels.has(Channel::Signals) || channels.has(Channel::Outcomes);
        let follows: Vec<Due> = match ask.since.filter(|_| resumes) {
            None => {
                let shown = shown(self, &before.signals);
                assert_eq!(told, Follows::Shown(shown.len() as u64));
                shown
            }
            Some(since) => {
                let replay = self.replay(since, &after, told);
                self.clients[client].begin_again(since);
                replay.unwrap_or_else(|| {
                    let shown = shown(self, &Set::default());
                    assert_eq!(told, Follows::ShownInstead(shown.len() as u64));
                    shown
                })
            }
        };
        let visitor = &mut self.clients[client];
        visitor.settle();
        let answer = Due::Answer(self.seq, follows.len() as u64);
        visitor.due.push_back(answer);
        visitor.due.extend(follows);
        visitor.filter = after;
        if channels.has(Channel::Prices) {
            visitor.prices.add(named);
        }
        if channels.has(Channel::Status) {
            visitor.statuses.add(named);
        }
        if channels.has(Channel::Features) {
            visitor.features.add(named);
        }
    }

    /// The same of bars.
    fn expect_bars(
        &mut self,
        client: usize,
        ask: &Subscribe,
        named: &Set,
        told: Option<tell::Bars>,
    ) {
        let answers = self.clients[client].answers_due();
        let Some(BarsAsk { timeframe, since }) = ask.bars else {
            assert_eq!(told, None);
            return;
        };
        let mut symbols = self.clients[client].bars.symbols.clone();
        symbols.add(named);
        let number = since.map(|since| since.nanos() / timeframe.span().nanos());
        let past = number.map(|since| self.kept_bars(timeframe, &symbols, since));
        let bars = &mut self.clients[client].bars;
        if past.is_some() || bars.timeframe != Some(timeframe) {
            bars.begin_again(answers);
        }
        bars.symbols = symbols;
        bars.timeframe = Some(timeframe);
        let past = past.map(|(kept, is_whole)| {
            let count = kept.len() as u64;
            bars.due.extend(kept);
            PastBars { count, is_whole }
        });
        assert_eq!(told, Some(tell::Bars { timeframe, past }));
    }

    /// The events behind a place, where the hub says that it has them all: it must, when it can.
    fn replay(&self, since: Since, filter: &Filter, told: Follows) -> Option<Vec<Due>> {
        let Since::After(place) = since else {
            return None;
        };
        let kept = self.stream.len().min(LIMITS.recovery) as u64;
        let Follows::Replayed(count) = told else {
            assert!(place.seq + kept < self.seq, "what is kept is given");
            return None;
        };
        let behind = self.stream.iter().filter(|event| event.seq > place.seq);
        let events: Vec<_> = behind
            .filter(|event| filter.passes(event))
            .cloned()
            .collect();
        assert_eq!(count, events.len() as u64, "a resume is whole");
        let due = events.into_iter().map(|event| Due::Event {
            prev: last_before(&self.stream, event.seq, filter),
            event,
            is_live: false,
        });
        Some(due.collect())
    }

    /// The signals of a snapshot: the newest of these symbols but those, oldest first.
    fn shown(&self, symbols: &Set, but: &Set, max: usize) -> Vec<Due> {
        let shown = self.known.iter().filter(|(id, known)| {
            let symbol = symbol_of(**id);
            known.is_shown(self.now) && symbols.has(symbol) && !but.has(symbol)
        });
        let shown: Vec<_> = shown
            .map(|(id, known)| {
                Due::Shown(Happened {
                    seq: known.seq,
                    what: What::Signal(*id, known.status),
                    symbol: symbol_of(*id),
                })
            })
            .collect();
        shown[shown.len().saturating_sub(max)..].to_vec()
    }

    fn unsubscribe(&mut self, client: usize) {
        let (channels, named) = (self.channels(), self.symbols());
        let ask = Unsubscribe {
            channels,
            has_unknown: false,
            id: None,
            symbols: named.named(),
        };
        let visitor = &mut self.clients[client];
        let mut answered = false;
        let done = self.hub.unsubscribe(visitor.id, &ask, |_, position| {
            answered = true;
            answer_frame(position)
        });
        if done.is_err() {
            self.refused += 1;
            return;
        }
        assert!(answered);
        for (channel, set) in [
            (Channel::Signals, &mut visitor.filter.signals),
            (Channel::Outcomes, &mut visitor.filter.outcomes),
            (Channel::Prices, &mut visitor.prices),
            (Channel::Status, &mut visitor.statuses),
            (Channel::Features, &mut visitor.features),
            (Channel::Bars, &mut visitor.bars.symbols),
        ] {
            if channels.has(channel) {
                set.remove(&named);
            }
        }
        if visitor.filter.is_empty() {
            visitor.forget_events();
        }
        visitor.filter_live(&self.stream);
        visitor.settle();
        visitor.due.push_back(Due::Answer(self.seq, 0));
        let answers = visitor.answers_due();
        let BarsDue {
            symbols,
            timeframe,
            due,
            on_its_way,
            ..
        } = &mut visitor.bars;
        due.retain(|(_, symbol, _)| symbols.has(*symbol));
        *on_its_way = answers;
        if symbols.is_empty() {
            *timeframe = None;
        }
    }

    fn write(&mut self, client: usize) {
        let room = match self.dice.roll(4) {
            0 => self.dice.below(40),
            1 => self.dice.below(1500),
            _ => usize::MAX,
        };
        let visitor = &mut self.clients[client];
        let Ok(due) = self.hub.pending(visitor.id) else {
            self.lost += 1;
            return self.come_back(client);
        };
        let mut written = 0;
        for slice in due.iter() {
            let part = slice.len().min(room - written);
            visitor.bytes.extend(&slice[..part]);
            written += part;
        }
        visitor.begun += self.hub.advance(visitor.id, written).events;
        visitor.hear(self.seq.saturating_sub(LIMITS.recovery as u64));
    }

    fn ask(&mut self, client: usize) {
        let byte = self.dice.roll(256) as u8;
        let visitor = &mut self.clients[client];
        if self.hub.answer(visitor.id, frame::pong(&[byte])) == Answers::Queued {
            visitor.pongs.push_back(byte);
        }
    }

    /// The connection is lost, and the client resumes on another, or begins anew.
    fn come_back(&mut self, client: usize) {
        self.hub.leave(self.clients[client].id);
        let new = self.arrive();
        let old = std::mem::replace(&mut self.clients[client], new);
        old.check_place();
        // A filter of its own for each channel is asked for in two steps; here one is enough.
        let resumable = !old.filter.is_empty() && old.filter.signals == old.filter.outcomes;
        if resumable && old.place > 0 && !self.dice.one_in(4) {
            self.resumed += 1;
            self.subscribe(client, Some((old.filter, old.place)));
        }
    }

    /// A new hub knows what the journal kept.
    fn restart(&mut self) {
        // What is open must be known to the hub; the journal is longer than the model's stream.
        let open = self.known.values().filter(|known| known.is_kept(self.now));
        let from = open.map(|known| known.born).min().unwrap_or(self.seq + 1);
        let first = self.stream.front().map_or(self.seq + 1, |event| event.seq);
        if from < first {
            return;
        }
        let mut past = Publication {
            now: self.now,
            ..Publication::default()
        };
        for event in &self.stream {
            match event.what {
                What::Signal(id, status) => {
                    let changed = self.known.get(&id).and_then(|known| known.decided_at);
                    let signal = Signal {
                        symbol: symbol(event.symbol),
                        ..signal(id, status, changed.unwrap_or(Time::from_secs(1)))
                    };
                    past.signals.push((at(event.seq), signal));
                }
                What::Outcome(id) => {
                    let outcome = Outcome {
                        symbol: symbol(event.symbol),
                        ..last_outcome(id)
                    };
                    past.outcomes.push((at(event.seq), outcome));
                }
            }
        }
        self.add_past_bars(&mut past);
        let (hub, refused) = recovered(LIMITS, past, at(self.seq));
        assert_eq!(refused, []);
        self.hub = hub;
        self.prices.clear();
        self.statuses.clear();
        self.features.clear();
        let olds = std::mem::take(&mut self.clients);
        for (client, old) in olds.into_iter().enumerate() {
            let new = self.arrive();
            self.clients.push(new);
            old.check_place();
            if !old.filter.is_empty() && old.filter.signals == old.filter.outcomes && old.place > 0
            {
                self.resumed += 1;
                self.subscribe(client, Some((old.filter, old.place)));
            }
        }
    }

    fn add_past_bars(&self, past: &mut Publication) {
        let mut closed: Vec<_> = self
            .closed
            .iter()
            .flat_map(|(of, closed)| {
                closed
                    .iter()
                    .map(move |(order, number)| (order, of, number))
            })
            .collect();
        closed.sort_unstable();
        for (_, (timeframe, place), number) in closed {
            past.bars
                .push(bar(SYMBOLS[*place], *timeframe, *number, 1, true));
        }
        for ((timeframe, place), (number, ticks)) in &self.forming {
            past.bars.push(bar(
                SYMBOLS[*place],
                *timeframe,
                *number,
                *ticks as u32,
                false,
            ));
        }
    }

    /// Everybody reads to the end, long after: then each has heard all of events, and the latest of everything else.
    fn end_all(&mut self) {
        self.now = self.now + Span::from_secs(100);
        let publication = Publication {
            now: self.now,
            ..Publication::default()
        };
        assert_eq!(self.hub.publish(&publication), []);
        for client in 0..CLIENTS {
            let id = self.clients[client].id;
            let mut turns = 0;
            while self.hub.is_due(id) && self.hub.pending(id).is_ok_and(|due| !due.is_empty()) {
                self.read_all(client);
                turns += 1;
                assert!(turns < 1000, "it comes to an end");
            }
            if self.hub.pending(id).is_err() {
                continue;
            }
            let visitor = &self.clients[client];
            assert!(visitor.due.is_empty(), "{:?} was never told", visitor.due);
            assert!(visitor.bytes.is_empty() && visitor.pongs.is_empty());
            assert!(visitor.bars.due.is_empty(), "{:?}", visitor.bars);
            for (of, latest) in &self.forming {
                if visitor.bars.hears(of.0, of.1) {
                    assert_eq!(visitor.bars.forming.get(of), Some(latest), "{of:?}");
                }
            }
            for (symbol, heard) in &visitor.heard_prices {
                if visitor.prices.has(*symbol) {
                    assert_eq!(self.prices.get(symbol), Some(heard), "the latest price");
                }
            }
            for (symbol, latest) in &self.statuses {
                if visitor.statuses.has(*symbol) {
                    assert_eq!(visitor.heard_statuses.get(symbol), Some(latest));
                }
            }
            for (symbol, latest) in &self.features {
                if visitor.features.has(*symbol) {
                    assert_eq!(visitor.heard_features.get(symbol), Some(latest));
                }
            }
        }
    }

    fn read_all(&mut self, client: usize) {
        let visitor = &mut self.clients[client];
        let Ok(due) = self.hub.pending(visitor.id) else {
            return;
        };
        let bytes: Vec<u8> = due.iter().copied().flatten().copied().collect();
        visitor.bytes.extend(&bytes);
        visitor.begun += self.hub.advance(visitor.id, bytes.len()).events;
        visitor.hear(self.seq.saturating_sub(LIMITS.recovery as u64));
    }
}

/// The place of the last event before `seq` that passes, as far as the model remembers; 0 where it does not.
fn last_before(stream: &VecDeque<Happened>, seq: u64, filter: &Filter) -> u64 {
    let before = stream.iter().rev().filter(|event| event.seq < seq);
    before
        .into_iter()
        .find(|event| filter.passes(event))
        .map_or(0, |event| event.seq)
}

fn answer_frame(position: Position) -> Vec<u8> {
    frame::text(&format!(r#"{{"type":"answer","seq":{}}}"#, position.seq))
}

impl Known {
    fn is_open(&self) -> bool {
        self.status == Status::Pending || self.is_running
    }
    fn is_shown(&self, now: Time) -> bool {
        self.is_open()
            || self
                .decided_at
                .is_some_and(|at| now - at <= LIMITS.decided_for)
    }
    fn is_kept(&self, now: Time) -> bool {
        self.is_shown(now)
    }
}

impl Visitor {
    /// It says where it is: of what it was owed nothing is told any more, but what was begun and answers.
    fn begin_again(&mut self, since: Since) {
        self.forget_events();
        self.is_waiting = true;
        self.next_place = None;
        for due in &mut self.due {
            if let Due::Answer(_, follows) = due {
                // Only the answer to this counts: what an earlier one announced may not come any more.
                *follows = u64::MAX;
            }
        }
        self.place = match since {
            Since::After(place) => place.seq,
            Since::Elsewhere => 0,
        };
    }

    /// Channels times symbols.
    fn subscriptions(&self) -> usize {
        let every = [
            &self.filter.signals,
            &self.filter.outcomes,
            &self.prices,
            &self.statuses,
            &self.features,
            &self.bars.symbols,
        ];
        every.into_iter().map(Set::count).sum()
    }

    /// Answers that are still to come.
    fn answers_due(&self) -> usize {
        let answers = self.due.iter().filter(|due| matches!(due, Due::Answer(..)));
        answers.count()
    }

    fn forget_events(&mut self) {
        let mut begun = self.begun;
        self.due.retain(|due| {
            let is_begun = begun > 0;
            begun = begun.saturating_sub(1);
            is_begun || matches!(due, Due::Answer(..))
        });
    }

    /// Of what lies in the log of its class, only what passes its filter now is told.
    fn filter_live(&mut self, stream: &VecDeque<Happened>) {
        let (mut begun, filter) = (self.begun, &self.filter);
        self.due.retain_mut(|due| {
            let is_begun = begun > 0;
            begun = begun.saturating_sub(1);
            match due {
                Due::Event {
                    event,
                    prev,
                    is_live: true,
                } if !is_begun => {
                    *prev = last_before(stream, event.seq, filter);
                    filter.passes(event)
                }
                Due::Event { .. } | Due::Shown(_) | Due::Answer(..) => true,
            }
        });
    }

    /// It moves to another class: what it is owed is its own from now on.
    fn settle(&mut self) {
        for due in &mut self.due {
            if let Due::Event { is_live, .. } = due {
                *is_live = false;
            }
        }
    }

    /// Nothing that it was owed lies before its place: from there on it misses nothing. What was begun before it said where
    /// it is does not count.
    fn check_place(&self) {
        let of_before = if self.is_waiting { self.begun } else { 0 };
        for due in self.due.iter().skip(of_before as usize) {
            if let Due::Event { event, .. } = due {
                let (seq, place) = (event.seq, self.place);
                assert!(seq > place, "{event:?} would be lost at {place}");
            }
        }
    }

    /// Understands every whole message it has, and checks each.
    ///
    /// The hub may not know what lies up to the place `forgotten`.
    fn hear(&mut self, forgotten: u64) {
        self.forgotten = forgotten;
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = &bytes[..];
        while let Some(whole) = whole(rest) {
            let (mut frame, behind) = rest.split_at(whole);
            rest = behind;
            let opcode = frame[0];
            let payload = payload(&mut frame);
            match opcode {
                0x8A => assert_eq!(payload, [self.pongs.pop_front().expect("it has asked")]),
                0x81 => self.understand(payload),
                0xC1 => {
                    let text = self.reader.inflate(payload);
                    self.understand(text.as_bytes());
                }
                other => panic!("frame type {other:#x}"),
            }
        }
        self.bytes = rest.to_vec();
    }

    fn understand(&mut self, text: &[u8]) {
        let message: Value = serde_json::from_slice(text).expect("a message is JSON");
        let symbol = |body: &Value| {
            let name = body["symbol"].as_str().expect("a symbol");
            SYMBOLS
                .iter()
                .position(|of| *of == name)
                .expect("one of them")
        };
        let body = &message["payload"];
        match message["type"].as_str().expect("a type") {
            "price_update" => {
                let number = body["price"].as_u64().expect("a number") - 1;
                let before = self.heard_prices.insert(symbol(body), number);
                assert!(
                    before.is_none_or(|before| before <= number),
                    "no price goes back"
                );
            }
            "status" => {
                let since = Time::parse(body["since"].as_str().expect("a time")).expect("a time");
                let number = since.millis() as u64;
                let before = self.heard_statuses.insert(symbol(body), number);
                assert!(
                    before.is_none_or(|before| before <= number),
                    "no status goes back"
                );
            }
            "features" => {
                let values = &body["values"];
                assert!(values[1].is_null(), "what is not known is null");
                let number = values[0].as_u64().expect("a whole number");
                let before = self.heard_features.insert(symbol(body), number);
                assert!(
                    before.is_none_or(|before| before <= number),
                    "no features go back"
                );
            }
            "bar" => {
                let text = |name: &str| body[name].as_str().expect("a text");
                let timeframe: Timeframe = text("tf").parse().expect("a timeframe");
                let open_time = SourceTime::parse(text("open_time")).expect("a time");
                let key = (
                    timeframe,
                    symbol(body),
                    open_time.nanos() / timeframe.span().nanos(),
                );
                let ticks = body["ticks"].as_u64().expect("a number");
                let is_closed = body["closed"].as_bool().expect("true or false");
                self.bars.hear(key, ticks, is_closed);
            }
            "answer" => {
                let Some(Due::Answer(place, follows)) = self.due.pop_front() else {
                    panic!("an answer comes when it is due");
                };
                assert_eq!(message["seq"].as_u64(), Some(place));
                self.bars.answered();
                self.is_waiting &= follows == u64::MAX;
                self.next_place = Some((place, follows));
                self.reach(0);
            }
            _ => self.hear_event(&message),
        }
    }

    fn hear_event(&mut self, message: &Value) {
        self.begun -= 1;
        let due = self.due.pop_front().expect("nothing comes that is not due");
        let (told, prev) = (told(message), message["prev"].as_u64());
        match due {
            Due::Event {
                event, prev: exact, ..
            } => {
                assert_eq!((told.seq, &told.what), (event.seq, &event.what));
                let prev = prev.expect("an event knows the one before it");
                let is_loss = prev > self.place && !self.is_waiting;
                assert!(
                    !is_loss,
                    "no loss where there is none: {event:?} {prev} {}",
                    self.place
                );
                let forgotten = exact <= self.forgotten;
                assert!(
                    prev == exact || exact == 0 || prev == 0 && forgotten,
                    "{prev} {exact}"
                );
                if !self.is_waiting {
                    self.place = self.place.max(event.seq);
                }
            }
            Due::Shown(event) => {
                assert_eq!((told.seq, &told.what), (event.seq, &event.what));
                assert_eq!((prev, &message["snapshot"]), (None, &Value::Bool(true)));
            }
            Due::Answer(..) => panic!("an answer was due, not {message}"),
        }
        self.reach(1);
    }

    /// So many more of the messages came behind which the place of an answer lies.
    fn reach(&mut self, messages: u64) {
        let Some((place, left)) = self.next_place else {
            return;
        };
        let left = left.saturating_sub(messages);
        self.next_place = Some((place, left));
        if left == 0 {
            self.place = self.place.max(place);
            self.next_place = None;
        }
    }
}

/// The event of a message.
fn told(message: &Value) -> Happened {
    let body = &message["payload"];
    let id: market::Uuid = body["id"].as_str().expect("an id").parse().expect("an id");
    let id = id.as_u128() as u32;
    let what = match (message["type"].as_str(), body["status"].as_str()) {
        (Some("outcome"), _) => What::Outcome(id),
        (_, Some("pending")) => What::Signal(id, Status::Pending),
        (_, Some("confirmed")) => What::Signal(id, Status::Confirmed),
        _ => What::Signal(id, Status::Invalidated),
    };
    Happened {
        seq: message["seq"].as_u64().expect("a place"),
        what,
        symbol: symbol_of(id),
    }
}

/// The length of the first frame, if it is whole.
fn whole(bytes: &[u8]) -> Option<usize> {
    let length = match bytes.get(1)? {
        126 => 4 + usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])),
        short => 2 + usize::from(*short),
    };
    (bytes.len() >= length).then_some(length)
}

#[test]
fn the_machine_turns_as_the_model_says() {
    // Asked when it is built: nothing here may look at the environment.
    let steps = option_env!("ORION_TEST_STEPS");
    let steps = steps.map_or(STEPS, |steps| steps.parse().expect("a number of steps"));
    let turns = 20;
    for seed in 0..turns {
        let mut world = World::new(seed);
        for _ in 0..steps / turns {
            world.step();
        }
        world.end_all();
        assert!(world.resumed > 0 && world.refused > 0, "all is tried");
    }
}
