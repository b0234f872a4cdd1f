//! The hub against a model that is too simple to be wrong: lists of everything that was published. Random publications,
//! subscribes, questions and writes of any length; afterwards every client has heard what the model says.

use crate::samples::{self, Heard, SYMBOLS, Socket, at, last_outcome, price, signal, status};
use crate::{Answers, ClientId, Hub, Limits, Packing, Publication, frame};
use market::{Position, Signal, SourceTime, Span, Status, Time};
use proptest::prelude::*;
use proptest::sample::Index;
use wire::{Channel, Channels, Subscribe};

const CLIENTS: usize = 3;
const LIMITS: Limits = Limits {
    signal_log: 6,
    price_span: Span::from_secs(2),
    price_log: 9,
    decided_for: Span::from_secs(20),
    snapshot_signals: 4,
    answers: 3,
    recovery: 20,
    price_interval: Span::from_secs(1),
    subscriptions: 64,
    classes: 64,
    bars: 5,
    bar_log: 6,
};

#[derive(Clone, Debug)]
enum Step {
    /// So many milliseconds later: new signals, verdicts and ends of open ones, prices, statuses.
    Publish {
        later: i64,
        born: usize,
        verdicts: Vec<(Index, bool)>,
        ends: Vec<Index>,
        prices: Vec<usize>,
        statuses: Vec<usize>,
    },
    Subscribe(usize, Channels),
    Ask(usize, u8),
    Write(usize, usize),
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let signals = Channels::NONE.with(Channel::Signals);
    let prices = Channels::NONE.with(Channel::Prices);
    let statuses = Channels::NONE.with(Channel::Status);
    let channels = prop_oneof![
        Just(signals),
        Just(prices),
        Just(statuses),
        Just(Channels::ALL),
        Just(Channels::ALL.and(statuses)),
    ];
    let publish = (
        0_i64..6000,
        0_usize..3,
        proptest::collection::vec(any::<(Index, bool)>(), 0..2),
        proptest::collection::vec(any::<Index>(), 0..2),
        proptest::collection::vec(0..SYMBOLS.len(), 0..5),
        proptest::collection::vec(0..SYMBOLS.len(), 0..3),
    )
        .prop_map(
            |(later, born, verdicts, ends, prices, statuses)| Step::Publish {
                later,
                born,
                verdicts,
                ends,
                prices,
                statuses,
            },
        );
    let step = prop_oneof![
        6 => publish,
        2 => (0..CLIENTS, channels).prop_map(|(client, channels)| Step::Subscribe(client, channels)),
        1 => (0..CLIENTS, any::<u8>()).prop_map(|(client, byte)| Step::Ask(client, byte)),
        6 => (0..CLIENTS, 0_usize..1200).prop_map(|(client, room)| Step::Write(client, room)),
        1 => (0..CLIENTS).prop_map(Step::Leave),
    ];
    proptest::collection::vec(step, 1..80)
}

/// Every second client inflates.
fn packing(place: usize) -> Packing {
    if place.is_multiple_of(2) {
        Packing::Single
    } else {
        Packing::Grouped
    }
}

/// One signal as the model knows it.
#[derive(Clone, Debug)]
struct Known {
    status: Status,
    decided_at: Option<Time>,
    is_running: bool,
}

impl Known {
    fn is_shown(&self, now: Time) -> bool {
        self.status == Status::Pending
            || self.is_running
            || self
                .decided_at
                .is_some_and(|at| now - at <= LIMITS.decided_for)
    }
}

#[derive(Debug)]
struct Model {
    hub: Hub,
    now: Time,
    seq: u64,
    /// By id, which counts in the order of birth.
    known: Vec<Known>,
    signals: Vec<Heard>,
    /// The symbols of all prices, by number.
    prices: Vec<usize>,
    /// And of all statuses.
    statuses: Vec<usize>,
    clients: Vec<Visitor>,
    /// Nobody left: what was folded can be counted.
    all_stayed: bool,
}

/// A client, and what it must hear.
#[derive(Debug)]
struct Visitor {
    id: ClientId,
    socket: Socket,
    channels: Channels,
    is_lost: bool,
    /// The snapshot of signals, and from where in the list of all signals it hears everything.
    snapshot: Vec<Heard>,
    signals_from: usize,
    prices_from: usize,
    statuses_from: usize,
    /// Prices and statuses came in one subscribe.
    is_one_snapshot: bool,
    pongs: Vec<Heard>,
    sent: crate::Sent,
}

impl Visitor {
    fn new(id: ClientId) -> Self {
        Self {
            id,
            socket: Socket::default(),
            channels: Channels::NONE,
            is_lost: false,
            snapshot: Vec::new(),
            signals_from: 0,
            prices_from: 0,
            statuses_from: 0,
            is_one_snapshot: false,
            pongs: Vec::new(),
            sent: crate::Sent::default(),
        }
    }
}

impl Model {
    fn new() -> Self {
        let mut hub = samples::hub(LIMITS);
        let clients = (0..CLIENTS)
            .map(|_| Visitor::new(hub.join(Packing::Single)))
            .collect();
        Self {
            hub,
            now: Time::from_secs(1000),
            seq: 0,
            known: Vec::new(),
            signals: Vec::new(),
            prices: Vec::new(),
            statuses: Vec::new(),
            clients,
            all_stayed: true,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Publish {
                later,
                born,
                verdicts,
                ends,
                prices,
                statuses,
            } => {
                self.now = self.now + Span::from_millis(*later);
                let mut publication = Publication {
                    now: self.now,
                    ..Publication::default()
                };
                (0..*born).for_each(|_| publication.signals.push(self.bear()));
                for (which, is_good) in verdicts {
                    publication.signals.extend(self.decide(which, *is_good));
                }
                for which in ends {
                    if let Some(id) = self.end(which) {
                        let position = self.position();
                        publication.outcomes.push((position, last_outcome(id)));
                    }
                }
                for &symbol in prices {
                    let (number, time) = (
                        self.prices.len() as u64,
                        SourceTime::from_nanos(self.now.nanos()),
                    );
                    publication
                        .prices
                        .push(price(SYMBOLS[symbol], number, time));
                    self.prices.push(symbol);
                }
                for &symbol in statuses {
                    let number = self.statuses.len() as u64;
                    publication.statuses.push(status(SYMBOLS[symbol], number));
                    self.statuses.push(symbol);
                }
                assert_eq!(self.hub.publish(&publication), []);
            }
            Step::Subscribe(client, channels) => self.subscribe(*client, *channels),
            Step::Ask(client, byte) => {
                let visitor = &mut self.clients[*client];
                if self.hub.answer(visitor.id, frame::pong(&[*byte])) == Answers::Queued {
                    visitor.pongs.push(Heard::Pong(vec![*byte]));
                }
            }
            Step::Write(client, room) => self.write(*client, *room),
            Step::Leave(client) => {
                self.all_stayed = false;
                self.hub.leave(self.clients[*client].id);
                self.clients[*client] = Visitor::new(self.hub.join(packing(*client)));
            }
        }
        assert!(self.hub.bounds_hold(), "memory is bounded");
    }

    fn position(&mut self) -> Position {
        self.seq += 1;
        at(self.seq)
    }

    fn tell(&mut self, id: usize) -> (Position, Signal) {
        let Known { status, .. } = self.known[id];
        self.signals.push(Heard::Signal(id as u32, status));
        (self.position(), signal(id as u32, status, self.now))
    }

    fn bear(&mut self) -> (Position, Signal) {
        self.known.push(Known {
            status: Status::Pending,
            decided_at: None,
            is_running: false,
        });
        self.tell(self.known.len() - 1)
    }

    fn decide(&mut self, which: &Index, is_good: bool) -> Option<(Position, Signal)> {
        let pending: Vec<usize> = (0..self.known.len())
            .filter(|&id| self.known[id].status == Status::Pending)
            .collect();
        let id = *which.get(pending.get(..).filter(|pending| !pending.is_empty())?);
        self.known[id] = Known {
            status: if is_good {
                Status::Confirmed
            } else {
                Status::Invalidated
            },
            decided_at: Some(self.now),
            is_running: is_good,
        };
        Some(self.tell(id))
    }

    fn end(&mut self, which: &Index) -> Option<u32> {
        let running: Vec<usize> = (0..self.known.len())
            .filter(|&id| self.known[id].is_running)
            .collect();
        let id = *which.get(running.get(..).filter(|running| !running.is_empty())?);
        self.known[id].is_running = false;
        Some(id as u32)
    }

    fn subscribe(&mut self, client: usize, channels: Channels) {
        let shown: Vec<Heard> = (0..self.known.len())
            .filter(|&id| self.known[id].is_shown(self.now))
            .map(|id| Heard::Signal(id as u32, self.known[id].status))
            .collect();
        let newest = &shown[shown.len().saturating_sub(LIMITS.snapshot_signals)..];
        let visitor = &mut self.clients[client];
        let new = channels.without(visitor.channels);
        visitor.channels = visitor.channels.and(channels);
        if new.has(Channel::Signals) {
            visitor.snapshot = newest.to_vec();
            visitor.signals_from = self.signals.len();
        }
        if new.has(Channel::Prices) {
            visitor.prices_from = self.prices.len();
        }
        if new.has(Channel::Status) {
            visitor.statuses_from = self.statuses.len();
            visitor.is_one_snapshot = new.has(Channel::Prices);
        }
        let ask = Subscribe {
            channels,
            ..Subscribe::default()
        };
        self.hub
            .subscribe(visitor.id, &ask, |_| Vec::new())
            .expect("there is room");
    }

    fn write(&mut self, client: usize, room: usize) {
        let visitor = &mut self.clients[client];
        visitor.is_lost |= self.hub.pending(visitor.id).is_err();
        if !visitor.is_lost {
            let (_, sent) = visitor.socket.take(&mut self.hub, visitor.id, room);
            visitor.sent.events += sent.events;
            visitor.sent.prices += sent.prices;
            visitor.sent.statuses += sent.statuses;
            visitor.sent.answers += sent.answers;
        }
    }

    fn end_all(&mut self) {
        for client in 0..CLIENTS {
            while !self.clients[client].is_lost && self.hub.is_due(self.clients[client].id) {
                self.write(client, 100_000);
            }
        }
        let kept_up: Vec<&Visitor> = self
            .clients
            .iter()
            .filter(|visitor| !visitor.is_lost)
            .collect();
        let folded: usize = kept_up.iter().map(|visitor| self.check(visitor)).sum();
        if self.all_stayed && kept_up.len() == CLIENTS {
            assert_eq!(
                self.hub.folded() as usize,
                folded,
                "what was folded is counted"
            );
        }
    }

    /// Returns the count of live prices that it was not sent.
    fn check(&self, visitor: &Visitor) -> usize {
        let heard = visitor.socket.heard();
        let (mut signals, mut pongs) = (Vec::new(), Vec::new());
        let (mut prices, mut statuses) = (Vec::new(), Vec::new());
        for one in &heard {
            match one {
                Heard::Signal(..) => signals.push(one.clone()),
                Heard::Price(symbol, number) => prices.push((symbol.as_str(), *number as usize)),
                Heard::Status(symbol, number) => {
                    statuses.push((symbol.as_str(), *number as usize));
                }
                Heard::Pong(_) => pongs.push(one.clone()),
                Heard::Bar(..) | Heard::Features(..) => panic!("nobody asked for them"),
                Heard::Close => panic!("nobody closed it"),
            }
        }
        let mut expected = visitor.snapshot.clone();
        if visitor.channels.has(Channel::Signals) {
            expected.extend_from_slice(&self.signals[visitor.signals_from..]);
        }
        assert_eq!(
            signals, expected,
            "signals: the snapshot and then everything"
        );
        assert_eq!(pongs, visitor.pongs, "answers: all, in order");
        assert_eq!(visitor.sent.events as usize, signals.len());
        assert_eq!(visitor.sent.prices as usize, prices.len());
        assert_eq!(visitor.sent.statuses as usize, statuses.len());
        assert_eq!(visitor.sent.answers as usize, pongs.len());
        let hears = |channel| visitor.channels.has(channel);
        let published = &self.prices[..];
        check_latest(
            published,
            &prices,
            visitor.prices_from,
            hears(Channel::Prices),
        );
        let published = &self.statuses[..];
        check_latest(
            published,
            &statuses,
            visitor.statuses_from,
            hears(Channel::Status),
        );
        check_snapshot_first(visitor, &heard);
        if !visitor.channels.has(Channel::Prices) {
            return 0;
        }
        let live = prices
            .iter()
            .filter(|told| told.1 >= visitor.prices_from)
            .count();
        self.prices.len() - visitor.prices_from - live
    }
}

/// What was told of prices, or of statuses: in order, once, at most one of a symbol in the snapshot, and at last the
/// latest of each symbol. `published` has the symbol of each, `told` its symbol and number.
fn check_latest(published: &[usize], told: &[(&str, usize)], live_from: usize, is_heard: bool) {
    assert!(
        told.windows(2).all(|two| two[0].1 < two[1].1),
        "they come in order, and once"
    );
    for &(symbol, number) in told {
        assert_eq!(SYMBOLS[published[number]], symbol);
    }
    for (symbol, name) in SYMBOLS.iter().enumerate() {
        let latest = published.iter().rposition(|&of| of == symbol);
        let of_symbol = || told.iter().filter(|(of, _)| of == name);
        let last = of_symbol().next_back().map(|told| told.1);
        assert_eq!(last, latest.filter(|_| is_heard), "the latest of {name}");
        let before = of_symbol().filter(|(_, number)| *number < live_from);
        assert!(before.count() <= 1, "one of a symbol in the snapshot");
    }
}

/// When channels came in one subscribe, a live message waits until all snapshots are written: of signals, of prices, of
/// statuses.
fn check_snapshot_first(visitor: &Visitor, heard: &[Heard]) {
    let is_old_price = |one: &Heard| matches!(one, Heard::Price(_, number) if (*number as usize) < visitor.prices_from);
    let is_old_status = |one: &Heard| matches!(one, Heard::Status(_, number) if (*number as usize) < visitor.statuses_from);
    let is_price = |one: &Heard| matches!(one, Heard::Price(..));
    let is_status = |one: &Heard| matches!(one, Heard::Status(..));
    let follow = |last: &dyn Fn(&Heard) -> bool, first: &dyn Fn(&Heard) -> bool, what| {
        let last = heard.iter().rposition(last);
        let first = heard.iter().position(first);
        if let (Some(last), Some(first)) = (last, first) {
            assert!(last < first, "{what}");
        }
    };
    follow(
        &is_old_price,
        &|one| is_price(one) && !is_old_price(one),
        "the snapshot of prices is before live ones",
    );
    follow(
        &is_old_status,
        &|one| is_status(one) && !is_old_status(one),
        "the snapshot of statuses is before live ones",
    );
    if visitor.is_one_snapshot {
        follow(
            &is_old_price,
            &is_status,
            "prices are before statuses in the snapshot",
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]
    #[test]
    fn every_client_hears_what_the_model_says(steps in steps()) {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
        }
        model.end_all();
    }
}
