//! Publish and subscribe.
//!
//! Every client hears, in this order: what is left of a message cut in the middle, answers to what it asked, its snapshot
//! (signals oldest first, then the latest price of each symbol, then how each symbol stands), live signals, live prices,
//! live statuses. The cut between snapshot and live is the moment of the subscribe: nothing is missing and nothing comes
//! twice.

use crate::client::{Answers, Client, ClientId, Pending, Sent};
use crate::frame;
use crate::latest::{Latest, Reader};
use crate::log::Log;
use crate::publication::{Publication, Refused};
use crate::window::{Backwards, Window};
use bytes::Bytes;
use market::{
    Outcome, Position, PriceUpdate, Signal, SourceTime, Span, Symbol, SymbolStatus, Time,
};
use std::collections::BTreeMap;
use wire::{Channel, Channels, tell};

/// Where things give way.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Signal events a client may be behind.
    pub signal_log: usize,
    /// How far a client may be behind with prices, or with statuses, before they are folded into the latest of each
    /// symbol...
    pub price_span: Span,
    /// ... and in messages.
    pub price_log: usize,
    /// How long after its verdict a signal is in the snapshot.
    pub decided_for: Span,
    /// Signals in a snapshot.
    pub snapshot_signals: usize,
    /// Unsent answers of one client.
    pub answers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            signal_log: 1024,
            price_span: Span::from_secs(2),
            price_log: 4096,
            decided_for: Span::from_minutes(15),
            snapshot_signals: 50,
            answers: 60,
        }
    }
}

/// The client is further behind than the signal log reaches. Signals are never skipped: close it, and let it come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client is further behind than the signal log reaches")]
pub struct Behind;

#[derive(Debug)]
pub struct Hub {
    limits: Limits,
    now: Time,
    position: Option<Position>,
    signals: Log,
    prices: Latest,
    /// The source's time of the latest price of each symbol.
    price_times: BTreeMap<Symbol, SourceTime>,
    statuses: Latest,
    window: Window,
    clients: Vec<Option<Client>>,
    free: Vec<ClientId>,
    folded: u64,
}

impl Hub {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            now: Time::MIN,
            position: None,
            signals: Log::default(),
            prices: Latest::new(limits.price_span, limits.price_log),
            price_times: BTreeMap::new(),
            statuses: Latest::new(limits.price_span, limits.price_log),
            window: Window::new(limits.decided_for, limits.snapshot_signals),
            clients: Vec::new(),
            free: Vec::new(),
            folded: 0,
            limits,
        }
    }

    /// Takes in what the journal holds, before the first client: it fills the snapshot and is not sent as news. Outcomes
    /// belong to it, since only they say that a confirmed trade no longer runs.
    ///
    /// # Panics
    /// When there is a client already.
    pub fn recover(&mut self, past: &Publication) -> Vec<Refused> {
        assert!(
            self.clients.iter().all(Option::is_none),
            "the past is recovered before the first client is served"
        );
        let refused = self.publish(past);
        while self.signals.len() > 0 {
            self.signals.forget_oldest();
        }
        self.prices.forget_log();
        self.statuses.forget_log();
        refused
    }

    /// Publishes all of it that may be published, in order, and says what may not.
    pub fn publish(&mut self, publication: &Publication) -> Vec<Refused> {
        self.now = self.now.max(publication.now);
        let mut refused = Vec::new();
        let mut outcomes = publication.outcomes.iter().peekable();
        for (position, signal) in &publication.signals {
            while let Some((before, outcome)) = outcomes.next_if(|(at, _)| at < position) {
                refused.extend(self.publish_outcome(*before, outcome).err());
            }
            refused.extend(self.publish_signal(*position, signal).err());
        }
        for (position, outcome) in outcomes {
            refused.extend(self.publish_outcome(*position, outcome).err());
        }
        for update in &publication.prices {
            refused.extend(self.publish_price(update).err());
        }
        for status in &publication.statuses {
            self.publish_status(status);
        }
        self.window.prune(self.now);
        refused
    }

    fn publish_signal(&mut self, position: Position, signal: &Signal) -> Result<(), Refused> {
        self.step_to(position)?;
        let backwards = |Backwards { told }| Refused::Backwards {
            id: signal.id,
            status: signal.status,
            told,
        };
        self.window.allows(signal).map_err(backwards)?;
        let frame = Bytes::from(frame::text(&tell::signal(signal)?));
        self.signals.push(&frame, self.now);
        if self.signals.len() > self.limits.signal_log {
            self.signals.forget_oldest();
        }
        self.window.set(signal, frame);
        Ok(())
    }

    fn publish_outcome(&mut self, position: Position, outcome: &Outcome) -> Result<(), Refused> {
        self.step_to(position)?;
        self.window.end(outcome);
        Ok(())
    }

    fn publish_price(&mut self, update: &PriceUpdate) -> Result<(), Refused> {
        let last = self.price_times.get(&update.symbol).copied();
        if let Some(last) = last.filter(|&last| update.time < last) {
            return Err(Refused::OldPrice {
                symbol: update.symbol,
                given: update.time,
                last,
            });
        }
        let frame = frame::text(&tell::price_update(update)?);
        self.price_times.insert(update.symbol, update.time);
        self.prices.push(update.symbol, frame, self.now);
        Ok(())
    }

    fn publish_status(&mut self, status: &SymbolStatus) {
        let frame = frame::text(&tell::status(status));
        let is_news = self
            .statuses
            .of(status.symbol)
            .is_none_or(|told| *told != frame);
        if is_news {
            self.statuses.push(status.symbol, frame, self.now);
        }
    }

    /// The stream only goes on. Another epoch is another stream.
    fn step_to(&mut self, given: Position) -> Result<(), Refused> {
        match self.position {
            Some(last) if last.epoch == given.epoch && given.seq <= last.seq => {
                Err(Refused::OutOfOrder { given, last })
            }
            _ => {
                self.position = Some(given);
                Ok(())
            }
        }
    }

    /// A client that hears nothing yet.
    pub fn join(&mut self) -> ClientId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.clients.push(None);
            ClientId(u32::try_from(self.clients.len() - 1).expect("fewer than 2^32 clients"))
        });
        self.clients[id.index()] = Some(Client::default());
        id
    }

    pub fn leave(&mut self, id: ClientId) {
        if self.clients[id.index()].take().is_some() {
            self.free.push(id);
        }
    }

    /// Adds channels. Each new one begins with its snapshot; one that is heard already is not begun again.
    pub fn subscribe(&mut self, id: ClientId, channels: Channels) {
        let client = client_of(&mut self.clients, id);
        if client.is_finishing() {
            return;
        }
        let new = channels.without(client.channels);
        client.channels = client.channels.and(new);
        if new.has(Channel::Signals) {
            client.signals = self.signals.next();
            client.begin_snapshot(self.window.snapshot(self.now));
        }
        if new.has(Channel::Prices) {
            client.prices = self.prices.join();
        }
        if new.has(Channel::Status) {
            client.statuses = self.statuses.join();
        }
    }

    /// Queues a frame for this client alone.
    pub fn answer(&mut self, id: ClientId, frame: Vec<u8>) -> Answers {
        client_of(&mut self.clients, id).answer(frame, self.limits.answers)
    }

    /// Queues a client's Close: besides the rest of a message cut in the middle, nothing else is due to it any more.
    pub fn finish(&mut self, id: ClientId, close: Vec<u8>) {
        client_of(&mut self.clients, id).finish(close);
    }

    #[must_use]
    pub fn is_due(&self, id: ClientId) -> bool {
        let Some(client) = &self.clients[id.index()] else {
            return false;
        };
        client.has_own()
            || hears(client, Channel::Signals) && client.signals < self.signals.next()
            || hears(client, Channel::Prices) && self.prices.is_due(client.prices)
            || hears(client, Channel::Status) && self.statuses.is_due(client.statuses)
    }

    /// What is due to a client now; nothing when no slice is there.
    ///
    /// # Errors
    /// When the client is too far behind to be served without a gap.
    pub fn pending(&mut self, id: ClientId) -> Result<Pending<'_>, Behind> {
        let client = client_of(&mut self.clients, id);
        if hears(client, Channel::Signals) && client.signals < self.signals.first() {
            return Err(Behind);
        }
        if hears(client, Channel::Prices) {
            self.folded += self.prices.settle(&mut client.prices);
        }
        if hears(client, Channel::Status) {
            self.statuses.settle(&mut client.statuses);
        }
        let mut due = Pending::new();
        client.add_own(&mut due);
        let prices = hears(client, Channel::Prices).then_some((&self.prices, client.prices));
        let statuses = hears(client, Channel::Status).then_some((&self.statuses, client.statuses));
        for (log, cursor) in [prices, statuses].into_iter().flatten() {
            log.add_snapshot(cursor, &mut due);
        }
        if hears(client, Channel::Signals) {
            due.add(self.signals.since(client.signals));
        }
        for (log, cursor) in [prices, statuses].into_iter().flatten() {
            log.add_news(cursor, &mut due);
        }
        Ok(due)
    }

    /// Says that so many bytes of what [`Hub::pending`] gave were written, since when nothing else was done to the hub.
    pub fn advance(&mut self, id: ClientId, written: usize) -> Sent {
        let client = client_of(&mut self.clients, id);
        let mut sent = Sent::default();
        let mut left = client.take_own(written, &mut sent);
        let (hears_prices, hears_statuses) = (
            hears(client, Channel::Prices),
            hears(client, Channel::Status),
        );
        let mut prices = hears_prices.then(|| self.prices.reader(client.prices));
        let mut statuses = hears_statuses.then(|| self.statuses.reader(client.statuses));
        for reader in [&mut prices, &mut statuses].into_iter().flatten() {
            left -= reader.take_snapshot(left, &mut client.rest);
        }
        if hears(client, Channel::Signals) {
            left -= take_signals(&self.signals, client, left, &mut sent);
        }
        for reader in [&mut prices, &mut statuses].into_iter().flatten() {
            left -= reader.take_news(left, &mut client.rest);
        }
        assert_eq!(left, 0, "no more is written than was due");
        if let Some(Reader {
            cursor,
            messages,
            folded,
            ..
        }) = prices
        {
            (client.prices, sent.prices) = (cursor, messages);
            self.folded += folded;
        }
        if let Some(Reader {
            cursor, messages, ..
        }) = statuses
        {
            (client.statuses, sent.statuses) = (cursor, messages);
        }
        sent
    }

    /// Prices that were not sent to some client because a later one of the same symbol was there, ever.
    #[must_use]
    pub fn folded(&self) -> u64 {
        self.folded
    }

    #[cfg(test)]
    pub(crate) fn bounds_hold(&self) -> bool {
        self.signals.len() <= self.limits.signal_log
            && self.prices.len() <= self.limits.price_log
            && self.statuses.len() <= self.limits.price_log
            && self.window.len() <= crate::window::ENTRIES_MAX
    }
}

fn take_signals(log: &Log, client: &mut Client, left: usize, sent: &mut Sent) -> usize {
    let bytes = left.min(log.since(client.signals).len());
    if bytes > 0 {
        let reached = log.reach(client.signals, bytes);
        sent.signals += reached.next - client.signals;
        client.rest = Bytes::copy_from_slice(reached.rest);
        client.signals = reached.next;
    }
    bytes
}

fn hears(client: &Client, channel: Channel) -> bool {
    client.channels.has(channel)
}

fn client_of(clients: &mut [Option<Client>], id: ClientId) -> &mut Client {
    clients[id.index()]
        .as_mut()
        .expect("an id is used between join and leave")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{
        Heard, Socket, at, last_outcome, of_prices, of_signals, of_statuses, price, signal, status,
    };
    use market::Status::{Confirmed, Invalidated, Pending as Waiting};

    fn hub() -> Hub {
        Hub::new(Limits::default())
    }

    fn secs(secs: i64) -> Time {
        Time::from_secs(secs)
    }

    fn arrive(hub: &mut Hub, channels: Channels) -> (ClientId, Socket) {
        let id = hub.join();
        hub.subscribe(id, channels);
        (id, Socket::default())
    }

    fn snapshot(hub: &mut Hub) -> Vec<Heard> {
        let (id, mut socket) = arrive(hub, Channels::ALL);
        socket.take_all(hub, id);
        hub.leave(id);
        socket.heard()
    }

    fn eurusd(number: u64) -> PriceUpdate {
        price("EURUSD", number, SourceTime::from_secs(number as i64))
    }

    #[test]
    fn a_newcomer_sees_what_is_open_and_what_was_just_decided() {
        let mut hub = hub();
        let history = vec![
            (at(1), signal(1, Waiting, secs(10))),
            (at(2), signal(2, Waiting, secs(11))),
            (at(3), signal(3, Waiting, secs(12))),
            (at(4), signal(2, Confirmed, secs(20))),
            (at(5), signal(3, Invalidated, secs(30))),
        ];
        hub.recover(&of_signals(history, secs(40)));
        hub.publish(&of_prices(
            vec![
                eurusd(0),
                eurusd(1),
                price("US30", 2, SourceTime::from_secs(2)),
            ],
            secs(40),
        ));
        let now = [
            Heard::Signal(1, Waiting),
            Heard::Signal(2, Confirmed),
            Heard::Signal(3, Invalidated),
            Heard::Price("EURUSD".to_owned(), 1),
            Heard::Price("US30".to_owned(), 2),
        ];
        assert_eq!(snapshot(&mut hub), now);
        hub.publish(&of_signals(vec![], secs(30 + 900)));
        assert_eq!(snapshot(&mut hub), now, "15 minutes are not over");
        hub.publish(&of_signals(vec![], secs(30 + 901)));
        assert_eq!(snapshot(&mut hub)[..2], now[..2], "the decided one left");
        assert_eq!(snapshot(&mut hub)[2..], now[3..], "the decided one left");
        let ended = Publication {
            outcomes: vec![(at(6), last_outcome(2))],
            now: secs(940),
            ..Publication::default()
        };
        hub.publish(&ended);
        assert_eq!(snapshot(&mut hub)[0], now[0], "the trade that ended left");
        assert_eq!(
            snapshot(&mut hub)[1..],
            now[3..],
            "the trade that ended left"
        );
    }

    #[test]
    fn a_snapshot_has_the_newest_fifty_oldest_first() {
        let mut hub = hub();
        let many = (1..=60).map(|id| (at(u64::from(id)), signal(id, Waiting, secs(1))));
        hub.publish(&of_signals(many.collect(), secs(2)));
        let shown: Vec<Heard> = (11..=60).map(|id| Heard::Signal(id, Waiting)).collect();
        assert_eq!(snapshot(&mut hub), shown);
    }

    #[test]
    fn a_snapshot_is_built_once() {
        let mut hub = hub();
        hub.publish(&of_signals(
            vec![(at(1), signal(1, Waiting, secs(1)))],
            secs(1),
        ));
        let first = hub.window.snapshot(secs(2));
        assert!(std::sync::Arc::ptr_eq(
            &first,
            &hub.window.snapshot(secs(3))
        ));
        hub.publish(&of_signals(
            vec![(at(2), signal(1, Invalidated, secs(4)))],
            secs(4),
        ));
        let second = hub.window.snapshot(secs(4));
        assert_ne!(first, second);
        assert!(hub.window.snapshot(secs(4 + 901)).ends.is_empty());
    }

    #[test]
    fn a_repeated_subscribe_adds_nothing() {
        let mut hub = hub();
        hub.publish(&of_signals(
            vec![(at(1), signal(1, Waiting, secs(1)))],
            secs(1),
        ));
        hub.publish(&of_prices(vec![eurusd(0)], secs(1)));
        let (id, mut socket) = arrive(&mut hub, Channels::NONE.with(Channel::Signals));
        hub.subscribe(id, Channels::NONE.with(Channel::Signals));
        socket.take_all(&mut hub, id);
        assert_eq!(socket.heard(), [Heard::Signal(1, Waiting)]);
        hub.subscribe(id, Channels::ALL);
        socket.take_all(&mut hub, id);
        assert_eq!(
            socket.heard().len(),
            2,
            "the added channel's snapshot alone"
        );
        assert_eq!(socket.heard()[1], Heard::Price("EURUSD".to_owned(), 0));
        hub.subscribe(id, Channels::ALL);
        assert!(!hub.is_due(id));
    }

    #[test]
    fn live_messages_wait_for_the_snapshot() {
        let mut hub = hub();
        hub.publish(&of_signals(
            vec![(at(1), signal(1, Waiting, secs(1)))],
            secs(1),
        ));
        hub.publish(&of_prices(
            vec![eurusd(0), price("US30", 1, SourceTime::from_secs(1))],
            secs(1),
        ));
        let (id, mut socket) = arrive(&mut hub, Channels::ALL);
        socket.take(&mut hub, id, 5);
        hub.publish(&of_signals(
            vec![(at(2), signal(1, Confirmed, secs(2)))],
            secs(2),
        ));
        hub.publish(&of_prices(
            vec![price("US30", 2, SourceTime::from_secs(2))],
            secs(2),
        ));
        socket.take_all(&mut hub, id);
        let heard = [
            Heard::Signal(1, Waiting),
            Heard::Price("EURUSD".to_owned(), 0),
            Heard::Signal(1, Confirmed),
            Heard::Price("US30".to_owned(), 2),
        ];
        assert_eq!(socket.heard(), heard);
    }

    #[test]
    fn no_status_goes_back_and_no_position_comes_twice() {
        let mut hub = hub();
        let mut refused = |seq, id, status, now| {
            let refused = hub.publish(&of_signals(vec![(at(seq), signal(id, status, now))], now));
            refused.first().map(ToString::to_string)
        };
        assert_eq!(refused(1, 1, Waiting, secs(1)), None);
        assert_eq!(refused(2, 1, Waiting, secs(1)), None, "a repeat is allowed");
        assert_eq!(refused(3, 1, Confirmed, secs(2)), None);
        let backwards = "signal 00000000-0000-0000-0000-000000000001 was not published as ";
        assert_eq!(
            refused(4, 1, Waiting, secs(3)),
            Some(format!(
                "{backwards}pending: it was told as confirmed, and no status goes back"
            ))
        );
        assert_eq!(
            refused(5, 1, Invalidated, secs(3)),
            Some(format!(
                "{backwards}invalidated: it was told as confirmed, and no status goes back"
            ))
        );
        assert_eq!(
            refused(5, 2, Waiting, secs(3)).as_deref(),
            Some("seq 5 was not published: it does not follow seq 5, which was")
        );
        assert_eq!(refused(6, 3, Invalidated, secs(3)), None);
        assert_eq!(refused(7, 4, Waiting, secs(2000)), None);
        assert_eq!(
            refused(8, 3, Waiting, secs(2000)),
            Some("signal 00000000-0000-0000-0000-000000000003 was not published as pending: its verdict was told long ago".to_owned())
        );
    }

    #[test]
    fn what_may_not_be_published_is_named_and_the_rest_is_published() {
        let mut hub = hub();
        let (id, mut socket) = arrive(&mut hub, Channels::ALL);
        let mut broken = signal(1, Waiting, secs(1));
        broken.targets.clear();
        let good = signal(2, Waiting, secs(1));
        let mut publication = of_signals(vec![(at(1), broken), (at(2), good)], secs(1));
        publication.prices = vec![eurusd(9), eurusd(8), eurusd(9)];
        let refused: Vec<String> = hub
            .publish(&publication)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            refused,
            [
                "signal 00000000-0000-0000-0000-000000000001 was not published: there are 0 take_profits, and 1 to 4 are allowed",
                "price of EURUSD at 1970-01-01T00:00:08.000Z was not published: one at 1970-01-01T00:00:09.000Z was, and no timestamp goes back",
            ]
        );
        socket.take_all(&mut hub, id);
        let told = Heard::Price("EURUSD".to_owned(), 9);
        assert_eq!(
            socket.heard(),
            [Heard::Signal(2, Waiting), told.clone(), told]
        );
    }

    #[test]
    fn signals_and_outcomes_are_one_stream() {
        let mut hub = hub();
        let publication = Publication {
            signals: vec![
                (at(1), signal(1, Confirmed, secs(1))),
                (at(3), signal(2, Waiting, secs(1))),
            ],
            outcomes: vec![(at(2), last_outcome(1)), (at(4), last_outcome(1))],
            now: secs(2000),
            ..Publication::default()
        };
        assert_eq!(hub.publish(&publication), []);
        assert_eq!(snapshot(&mut hub), [Heard::Signal(2, Waiting)]);
    }

    #[test]
    fn a_late_client_gets_the_latest_price_of_each_symbol() {
        let mut hub = hub();
        let (id, mut socket) = arrive(&mut hub, Channels::NONE.with(Channel::Prices));
        hub.publish(&of_prices(
            vec![price("US30", 0, SourceTime::from_secs(0))],
            secs(1),
        ));
        for number in 1..=10 {
            hub.publish(&of_prices(vec![eurusd(number)], secs(number as i64)));
        }
        assert!(hub.prices.len() <= 3, "two seconds of prices are kept");
        socket.take_all(&mut hub, id);
        let heard = [
            Heard::Price("US30".to_owned(), 0),
            Heard::Price("EURUSD".to_owned(), 10),
        ];
        assert_eq!(socket.heard(), heard);
        assert_eq!(hub.folded(), 9);
        hub.publish(&of_prices(vec![eurusd(11)], secs(11)));
        socket.take_all(&mut hub, id);
        assert_eq!(socket.heard()[2..], [Heard::Price("EURUSD".to_owned(), 11)]);
        assert_eq!(hub.folded(), 9);
    }

    #[test]
    fn signals_are_never_skipped() {
        let mut hub = hub();
        let (id, mut socket) = arrive(&mut hub, Channels::NONE.with(Channel::Signals));
        for number in 1..=1024 {
            let one = signal(number, Waiting, secs(1));
            hub.publish(&of_signals(vec![(at(u64::from(number)), one)], secs(1)));
        }
        assert!(hub.pending(id).is_ok());
        hub.publish(&of_signals(
            vec![(at(1025), signal(1025, Waiting, secs(1)))],
            secs(1),
        ));
        assert_eq!(hub.pending(id).map(|due| due.len()), Err(Behind));
        hub.finish(id, frame::close(4409, "slow"));
        socket.take_all(&mut hub, id);
        assert_eq!(socket.heard(), [Heard::Close]);
    }

    #[test]
    fn a_close_follows_the_message_it_cuts_and_nothing_follows_it() {
        let mut hub = hub();
        let (id, mut socket) = arrive(&mut hub, Channels::ALL);
        hub.publish(&of_signals(
            vec![(at(1), signal(1, Waiting, secs(1)))],
            secs(1),
        ));
        socket.take(&mut hub, id, 100);
        assert_eq!(hub.answer(id, frame::pong(b"x")), Answers::Queued);
        hub.finish(id, frame::close(1012, "restart"));
        hub.finish(id, frame::close(1011, "twice"));
        assert_eq!(hub.answer(id, frame::pong(b"y")), Answers::Queued);
        hub.subscribe(id, Channels::ALL);
        hub.publish(&of_signals(
            vec![(at(2), signal(2, Waiting, secs(1)))],
            secs(1),
        ));
        socket.take_all(&mut hub, id);
        assert_eq!(socket.heard(), [Heard::Signal(1, Waiting), Heard::Close]);
    }

    fn stands(symbol: &str, number: u64) -> Heard {
        Heard::Status(symbol.to_owned(), number)
    }

    #[test]
    fn a_snapshot_ends_with_how_each_symbol_stands() {
        let mut hub = hub();
        let everything = |seq: u64, symbol, statuses| Publication {
            prices: vec![price(symbol, seq, SourceTime::from_secs(seq as i64))],
            statuses,
            ..of_signals(
                vec![(at(seq), signal(seq as u32, Waiting, secs(1)))],
                secs(seq as i64),
            )
        };
        let first = vec![status("EURUSD", 1), status("US30", 2), status("EURUSD", 3)];
        hub.recover(&everything(1, "EURUSD", first));
        assert_eq!(hub.prices.len() + hub.statuses.len(), 0, "no news");
        let (id, mut socket) = arrive(&mut hub, Channels::ALL.with(Channel::Status));
        socket.take(&mut hub, id, 5);
        hub.publish(&everything(2, "XAUUSD", vec![status("US30", 4)]));
        socket.take_all(&mut hub, id);
        let heard = [
            Heard::Signal(1, Waiting),
            Heard::Price("EURUSD".to_owned(), 1),
            stands("EURUSD", 3),
            Heard::Signal(2, Waiting),
            Heard::Price("XAUUSD".to_owned(), 2),
            stands("US30", 4),
        ];
        assert_eq!(socket.heard(), heard);
        let (added, mut later) = arrive(&mut hub, Channels::NONE.with(Channel::Prices));
        later.take_all(&mut hub, added);
        hub.publish(&of_prices(vec![eurusd(3)], secs(3)));
        hub.subscribe(added, Channels::NONE.with(Channel::Status));
        later.take_all(&mut hub, added);
        let heard = [
            stands("EURUSD", 3),
            stands("US30", 4),
            Heard::Price("EURUSD".to_owned(), 3),
        ];
        assert_eq!(later.heard()[2..], heard, "of a channel added later too");
        hub.subscribe(added, Channels::NONE.with(Channel::Status));
        assert!(!hub.is_due(added), "and it is begun once");
    }

    #[test]
    fn a_status_is_told_when_it_changes() {
        let mut hub = hub();
        let (id, mut socket) = arrive(&mut hub, Channels::NONE.with(Channel::Status));
        for number in [1, 1, 2, 2, 1] {
            let told = vec![status("EURUSD", number), status("US30", 1)];
            hub.publish(&of_statuses(told, secs(number as i64)));
        }
        socket.take_all(&mut hub, id);
        let heard = [
            stands("EURUSD", 1),
            stands("US30", 1),
            stands("EURUSD", 2),
            stands("EURUSD", 1),
        ];
        assert_eq!(socket.heard(), heard);
    }

    #[test]
    fn a_late_client_hears_how_each_symbol_stands_now() {
        let mut hub = hub();
        let (id, mut socket) = arrive(&mut hub, Channels::NONE.with(Channel::Status));
        hub.publish(&of_statuses(vec![status("US30", 1)], secs(1)));
        for number in 1..=10 {
            let told = vec![status("EURUSD", number)];
            hub.publish(&of_statuses(told, secs(number as i64)));
        }
        assert!(hub.statuses.len() <= 3, "two seconds of statuses are kept");
        socket.take_all(&mut hub, id);
        assert_eq!(socket.heard(), [stands("US30", 1), stands("EURUSD", 10)]);
        assert_eq!(hub.folded(), 0, "only prices are counted");
    }

    #[test]
    fn who_did_not_ask_hears_no_status() {
        let mut hub = hub();
        hub.publish(&of_statuses(vec![status("EURUSD", 1)], secs(1)));
        let (id, _) = arrive(&mut hub, Channels::ALL);
        hub.publish(&of_statuses(vec![status("EURUSD", 2)], secs(2)));
        assert!(!hub.is_due(id));
        assert_eq!(hub.pending(id).map(|due| due.len()), Ok(0));
    }

    #[test]
    fn unsent_answers_are_bounded() {
        let mut hub = hub();
        let id = hub.join();
        for _ in 0..60 {
            assert_eq!(hub.answer(id, frame::pong(b"x")), Answers::Queued);
        }
        assert_eq!(hub.answer(id, frame::pong(b"x")), Answers::Full);
        let mut socket = Socket::default();
        socket.take_all(&mut hub, id);
        assert_eq!(socket.heard().len(), 60);
        assert_eq!(hub.answer(id, frame::pong(b"x")), Answers::Queued);
    }

    #[test]
    fn a_place_is_used_again_and_holds_nothing_of_before() {
        let mut hub = hub();
        let (id, _) = arrive(&mut hub, Channels::ALL);
        hub.leave(id);
        hub.leave(id);
        let again = hub.join();
        assert_eq!(id, again);
        assert_ne!(hub.join(), again, "a place is given once");
        hub.publish(&of_prices(vec![eurusd(1)], secs(1)));
        assert!(!hub.is_due(again), "it has not subscribed");
    }
}
