//! Publish and subscribe.
//!
//! Every client hears, in this order: what is left of a message cut in the middle, answers to what it asked, its share of the
//! past (what it resumes, or the signals of its snapshot, oldest first), the latest price of each symbol, how each symbol
//! stands, its features, new events, new closed bars, new prices, new statuses, new features, and how open bars stand. The cut between past and new is the moment of the subscribe: nothing is
//! missing and nothing comes twice.
//!
//! Who subscribes, and to what, is in `subscription.rs`.

use crate::bar_class::BarClass;
use crate::bars::Bars;
use crate::classes::{ClassId, Classes};
use crate::client::{Answers, Behind, Client, ClientId, Pending, Sent};
use crate::clients::Clients;
use crate::deflate::Deflater;
use crate::event_class::EventClass;
use crate::events::{Event, Events};
use crate::form::Packing;
use crate::frame;
use crate::latest::{Latest, Reader};
use crate::log::Log;
use crate::newest::Newest;
use crate::price_class::{PriceClass, Texts, Told};
use crate::publication::{Beginning, Publication, Refused};
use crate::symbol_class::SymbolClass;
use crate::window::{Backwards, Window};
use bytes::Bytes;
use market::{
    BarUpdate, Catalog, FeatureUpdate, Outcome, Position, PriceUpdate, Signal, Source, Span,
    Symbol, SymbolStatus, Time,
};
use std::sync::Arc;
use wire::tell::{self, EventBody};

/// Where things give way.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Events a client may be behind.
    pub signal_log: usize,
    /// Events that are kept for who resumes.
    pub recovery: usize,
    /// How far a client may be behind with prices, statuses or features before they are folded into the latest of each
    /// symbol...
    pub price_span: Span,
    /// ... and in messages.
    pub price_log: usize,
    /// The least time between two published prices of a symbol. Clients that want more time than that get it.
    pub price_interval: Span,
    /// How long after its verdict a signal is in the snapshot.
    pub decided_for: Span,
    /// Signals in a snapshot, for who does not say how many.
    pub snapshot_signals: usize,
    /// Unsent answers of one client.
    pub answers: usize,
    /// Channels times symbols that one client may hear; all symbols count as one.
    pub subscriptions: usize,
    /// Kinds of clients, by what they hear of events, of prices, of statuses, of bars, and of features.
    pub classes: usize,
    /// Closed bars of each symbol and timeframe that are kept for who asks for the past.
    pub bars: usize,
    /// Closed bars a client may be behind.
    pub bar_log: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            signal_log: 1024,
            recovery: 10_000,
            price_span: Span::from_secs(2),
            price_log: 4096,
            price_interval: Span::from_secs(1),
            decided_for: Span::from_minutes(15),
            snapshot_signals: 50,
            answers: 60,
            subscriptions: 64,
            classes: 64,
            bars: 500,
            bar_log: 1024,
        }
    }
}

#[derive(Debug)]
pub struct Hub {
    pub(crate) limits: Limits,
    pub(crate) catalog: Arc<Catalog>,
    /// Where prices come from, by the places that publications name.
    sources: Vec<Arc<Source>>,
    /// The symbols of the catalog, in their order.
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) now: Time,
    pub(crate) events: Events,
    pub(crate) window: Window,
    pub(crate) prices: Newest<Arc<Told>>,
    /// How each symbol stands, framed.
    pub(crate) statuses: Newest<Vec<u8>>,
    pub(crate) bars: Bars,
    pub(crate) feature_names: Arc<[String]>,
    /// The features of each symbol, framed.
    pub(crate) features: Newest<Vec<u8>>,
    pub(crate) event_classes: Classes<EventClass>,
    pub(crate) price_classes: Classes<PriceClass>,
    pub(crate) status_classes: Classes<SymbolClass>,
    pub(crate) bar_classes: Classes<BarClass>,
    pub(crate) feature_classes: Classes<SymbolClass>,
    pub(crate) clients: Clients,
    folded: u64,
    pub(crate) deflater: Deflater,
}

impl Hub {
    fn new(limits: Limits, catalog: Arc<Catalog>, feature_names: Arc<[String]>) -> Self {
        let mut symbols: Vec<_> = catalog.instruments.iter().map(|of| of.symbol).collect();
        symbols.sort_unstable();
        Self {
            now: Time::MIN,
            symbols,
            sources: shared(&catalog.sources),
            catalog,
            events: Events::new(limits.recovery),
            window: Window::new(limits.decided_for),
            prices: Newest::default(),
            statuses: Newest::default(),
            bars: Bars::new(limits.bars),
            feature_names,
            features: Newest::default(),
            event_classes: Classes::new(limits.classes),
            price_classes: Classes::new(limits.classes),
            status_classes: Classes::new(limits.classes),
            bar_classes: Classes::new(limits.classes),
            feature_classes: Classes::new(limits.classes),
            clients: Clients::default(),
            folded: 0,
            deflater: Deflater::default(),
            limits,
        }
    }

    /// A hub that knows what there is, and what of that it cannot take. Outcomes belong to it, also since only they say that
    /// a confirmed trade no longer runs.
    #[must_use]
    pub fn begin(limits: Limits, beginning: &Beginning) -> (Self, Vec<Refused>) {
        let (catalog, features) = (&beginning.catalog, &beginning.features);
        let mut hub = Self::new(limits, Arc::clone(catalog), Arc::clone(features));
        let refused = hub.recover(&beginning.past, beginning.end);
        (hub, refused)
    }

    fn recover(&mut self, past: &Publication, end: Position) -> Vec<Refused> {
        let mut refused = self.publish(past);
        let last = self.events.end();
        if last.epoch == end.epoch && last.seq > end.seq {
            refused.push(Refused::OutOfOrder { given: end, last });
        } else if last != end {
            self.events.begin_at(end);
        }
        refused
    }

    /// Where the stream of events stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.events.end()
    }

    /// Whether a part of this market is made up.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        self.sources.iter().any(|source| source.simulated)
    }

    /// Publishes all of it that may be published, in order, and says what may not.
    pub fn publish(&mut self, publication: &Publication) -> Vec<Refused> {
        self.now = self.now.max(publication.now);
        if let Some(sources) = &publication.sources {
            self.sources = shared(sources);
        }
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
        for update in &publication.bars {
            refused.extend(self.publish_bar(update).err());
        }
        for update in &publication.features {
            refused.extend(self.publish_features(update).err());
        }
        self.window.prune(self.now);
        for class in self.price_classes.iter_mut() {
            class.pass_time(self.now);
        }
        for class in self.bar_classes.iter_mut() {
            class.pass_time(self.now);
        }
        self.seal();
        refused
    }

    /// Packs what was published together.
    fn seal(&mut self) {
        for class in self.event_classes.iter_mut() {
            class.seal(&mut self.deflater, self.limits.signal_log);
        }
        for class in self.price_classes.iter_mut() {
            class.seal(&mut self.deflater, self.now);
        }
    }

    fn publish_signal(&mut self, position: Position, signal: &Signal) -> Result<(), Refused> {
        self.step_to(position)?;
        let backwards = |Backwards { told }| Refused::Backwards {
            id: signal.id,
            status: signal.status,
            told,
        };
        self.window.allows(signal).map_err(backwards)?;
        let body = EventBody::signal(signal)?;
        let signal = Arc::new(signal.clone());
        self.window.set(position, &signal);
        self.tell_event(Event::Signal(signal), &body, position);
        Ok(())
    }

    fn publish_outcome(&mut self, position: Position, outcome: &Outcome) -> Result<(), Refused> {
        self.step_to(position)?;
        self.window.end(outcome);
        let body = EventBody::outcome(outcome);
        self.tell_event(Event::Outcome(Arc::new(outcome.clone())), &body, position);
        Ok(())
    }

    fn tell_event(&mut self, event: Event, body: &EventBody, position: Position) {
        for class in self.event_classes.iter_mut() {
            class.take(&event, body, position, self.now);
        }
        self.events.push(event);
    }

    /// The stream only goes on. Another epoch is another stream.
    fn step_to(&mut self, given: Position) -> Result<(), Refused> {
        let last = self.events.end();
        if last.epoch == given.epoch && given.seq <= last.seq {
            return Err(Refused::OutOfOrder { given, last });
        }
        self.events.step_to(given);
        Ok(())
    }

    fn publish_price(&mut self, update: &PriceUpdate) -> Result<(), Refused> {
        let last = self
            .prices
            .get(update.symbol)
            .map(|told| told.update().time);
        if let Some(last) = last.filter(|&last| update.time < last) {
            return Err(Refused::OldPrice {
                symbol: update.symbol,
                given: update.time,
                last,
            });
        }
        let told = Arc::new(Told::new(update, &self.catalog, &self.sources)?);
        let mut texts = Texts::new(&told, self.now);
        for class in self.price_classes.iter_mut() {
            class.take(&mut texts);
        }
        self.prices.set(update.symbol, told);
        Ok(())
    }

    fn publish_status(&mut self, status: &SymbolStatus) {
        let frame = frame::text(&tell::status(status));
        if self.statuses.get(status.symbol) == Some(&frame) {
            return;
        }
        for class in self.status_classes.iter_mut() {
            class.take(status.symbol, &frame, self.now);
        }
        self.statuses.set(status.symbol, frame);
    }

    fn publish_bar(&mut self, update: &Arc<BarUpdate>) -> Result<(), Refused> {
        let symbol = update.symbol;
        if self.symbols.binary_search(&symbol).is_err() {
            return Err(Refused::BarNotInCatalog { symbol });
        }
        let text = tell::bar(update, self.now)?;
        let number = self.bars.next();
        if !self.bars.take(update)? {
            return Ok(());
        }
        let frame = frame::text(&text);
        for class in self.bar_classes.iter_mut() {
            if update.closed {
                class.close(update, number, &frame, self.limits.bar_log);
            } else {
                class.form(update, self.now);
            }
        }
        Ok(())
    }

    fn publish_features(&mut self, update: &FeatureUpdate) -> Result<(), Refused> {
        let text = tell::features(update, self.feature_names.len(), self.now)?;
        let frame = frame::text(&text);
        for class in self.feature_classes.iter_mut() {
            class.take(update.symbol, &frame, self.now);
        }
        self.features.set(update.symbol, frame);
        Ok(())
    }

    /// A client that hears nothing yet, and how it is to be told.
    pub fn join(&mut self, packing: Packing) -> ClientId {
        self.clients.join(Client::new(packing))
    }

    pub fn leave(&mut self, id: ClientId) {
        if self.clients.get(id).is_some() {
            self.leave_classes(id);
            self.clients.leave(id);
        }
    }

    fn leave_classes(&mut self, id: ClientId) {
        let client = self.clients.of(id);
        if let Some((class, _)) = client.events.take() {
            self.event_classes.leave(class);
        }
        if let Some((class, _)) = client.prices.take() {
            self.price_classes.leave(class);
        }
        if let Some(place) = client.statuses.take() {
            self.status_classes.leave(place.0);
        }
        if let Some(place) = client.bars.take() {
            self.bar_classes.leave(place.class);
        }
        if let Some(place) = client.features.take() {
            self.feature_classes.leave(place.0);
        }
    }

    /// Queues a frame for this client alone.
    pub fn answer(&mut self, id: ClientId, frame: Vec<u8>) -> Answers {
        self.clients.of(id).answer(frame, self.limits.answers)
    }

    /// Whether an answer of a client lies unsent.
    #[must_use]
    pub fn has_answers(&self, id: ClientId) -> bool {
        let client = self.clients.get(id);
        client.is_some_and(Client::has_answers)
    }

    /// Queues the last frames of a client, its Close behind all: besides the rest of a message cut in the middle, nothing
    /// else is due to it any more.
    pub fn finish(&mut self, id: ClientId, last: impl IntoIterator<Item = Vec<u8>>) {
        self.leave_classes(id);
        self.clients.of(id).finish(last);
    }

    #[must_use]
    pub fn is_due(&self, id: ClientId) -> bool {
        let Some(client) = self.clients.get(id) else {
            return false;
        };
        client.has_own()
            || client
                .events
                .is_some_and(|(class, next)| next < self.event_log(class).next())
            || client
                .prices
                .is_some_and(|(class, cursor)| self.price_log(class).is_due(cursor))
            || client
                .status_place()
                .is_some_and(|(class, cursor)| self.status_log(class).is_due(cursor))
            || client
                .features
                .as_ref()
                .is_some_and(|place| self.feature_log(place.0).is_due(place.1))
            || client.bars.as_ref().is_some_and(|place| {
                let class = self.bar_classes.get(place.class);
                place.next < class.closed().next() || class.forming().is_due(place.forming)
            })
    }

    /// What is due to a client now; nothing when no slice is there.
    ///
    /// # Errors
    /// When the client is too far behind to be served without a gap.
    pub fn pending(&mut self, id: ClientId) -> Result<Pending<'_>, Behind> {
        self.settle(id)?;
        let mut due = Pending::new();
        let Some(client) = self.clients.get(id) else {
            return Ok(due);
        };
        client.add_own(&mut due);
        if !client.ends_its_past() {
            return Ok(due);
        }
        let prices = client
            .prices
            .map(|(class, cursor)| (self.price_log(class), cursor));
        let statuses = client
            .status_place()
            .map(|(class, cursor)| (self.status_log(class), cursor));
        let features = client.features.as_deref();
        let features = features.map(|(class, cursor)| (self.feature_log(*class), *cursor));
        for (log, cursor) in [prices, statuses, features].into_iter().flatten() {
            log.add_snapshot(cursor, &mut due);
        }
        if let Some((class, next)) = client.events {
            due.add(self.event_log(class).since(next));
        }
        let bars = client.bars.as_ref();
        let bars = bars.map(|place| (self.bar_classes.get(place.class), place));
        if let Some((class, place)) = bars {
            due.add(class.closed().since(place.next));
        }
        for (log, cursor) in [prices, statuses, features].into_iter().flatten() {
            log.add_news(cursor, &mut due);
        }
        if let Some((class, place)) = bars {
            class.forming().add_news(place.forming, &mut due);
        }
        Ok(due)
    }

    /// Brings a client's places to where something is due.
    fn settle(&mut self, id: ClientId) -> Result<(), Behind> {
        let client = self.clients.of(id);
        let is_behind = client
            .events
            .is_some_and(|(class, next)| next < self.event_classes.get(class).log().first());
        let bars = client.bars.as_ref();
        let is_behind_bars = bars.is_some_and(|place| {
            place.is_behind || place.next < self.bar_classes.get(place.class).closed().first()
        });
        if is_behind || is_behind_bars || client.is_behind {
            return Err(Behind);
        }
        client.prepare(&self.events, &self.bars, self.now)?;
        if let Some((class, cursor)) = &mut client.prices {
            let folded = self.price_classes.get(*class).latest().settle(cursor);
            client.folded += folded;
            self.folded += folded;
        }
        if let Some((class, cursor)) = client.statuses.as_deref_mut() {
            self.status_classes.get(*class).latest().settle(cursor);
        }
        if let Some((class, cursor)) = client.features.as_deref_mut() {
            self.feature_classes.get(*class).latest().settle(cursor);
        }
        if let Some(place) = &mut client.bars {
            let class = self.bar_classes.get(place.class);
            class.forming().settle(&mut place.forming);
        }
        Ok(())
    }

    /// Says that so many bytes of what [`Hub::pending`] gave were written, since when nothing else was done to the hub.
    pub fn advance(&mut self, id: ClientId, written: usize) -> Sent {
        let client = self.clients.of(id);
        let mut sent = Sent::default();
        let mut left = client.take_own(written, &mut sent);
        sent.bytes.own = written - left;
        if left == 0 {
            return sent;
        }
        let prices = client
            .prices
            .map(|(class, cursor)| (class, self.price_classes.get(class), cursor));
        let mut prices = prices.map(|(id, class, cursor)| (id, class.latest().reader(cursor)));
        let statuses = client
            .status_place()
            .map(|(class, cursor)| (class, self.status_classes.get(class), cursor));
        let mut statuses = statuses.map(|(id, class, cursor)| (id, class.latest().reader(cursor)));
        let features = client.features.as_deref().copied();
        let features =
            features.map(|(class, cursor)| (class, self.feature_classes.get(class), cursor));
        let mut features = features.map(|(id, class, cursor)| (id, class.latest().reader(cursor)));
        let mut rest = Bytes::new();
        let of_latest = &mut sent.bytes;
        for (reader, bytes) in [
            (&mut prices, &mut of_latest.prices),
            (&mut statuses, &mut of_latest.statuses),
            (&mut features, &mut of_latest.features),
        ] {
            if let Some((_, reader)) = reader {
                let taken = reader.take_snapshot(left, &mut rest);
                left -= taken;
                *bytes += taken;
            }
        }
        if let Some((class, next)) = &mut client.events {
            let log = self.event_classes.get(*class).log();
            let (bytes, messages) = take_logged(log, next, left, &mut rest);
            left -= bytes;
            sent.events += messages;
            sent.bytes.events = bytes;
        }
        if let Some(place) = &mut client.bars {
            let log = self.bar_classes.get(place.class).closed();
            let (bytes, messages) = take_logged(log, &mut place.next, left, &mut rest);
            left -= bytes;
            sent.bars += messages;
            sent.bytes.bars = bytes;
        }
        let of_latest = &mut sent.bytes;
        for (reader, bytes) in [
            (&mut prices, &mut of_latest.prices),
            (&mut statuses, &mut of_latest.statuses),
            (&mut features, &mut of_latest.features),
        ] {
            if let Some((_, reader)) = reader {
                let taken = reader.take_news(left, &mut rest);
                left -= taken;
                *bytes += taken;
            }
        }
        if let Some(place) = &mut client.bars {
            let forming = self.bar_classes.get(place.class).forming();
            let mut reader = forming.reader(place.forming);
            let taken = reader.take_news(left, &mut rest);
            left -= taken;
            sent.bytes.bars += taken;
            sent.bars += reader.messages;
            place.forming = reader.cursor;
        }
        assert_eq!(left, 0, "no more is written than was due");
        if let Some(((_, reader), place)) = features.zip(client.features.as_deref_mut()) {
            place.1 = reader.cursor;
            sent.features = reader.messages;
        }
        if let Some((class, reader)) = prices {
            let Reader {
                cursor,
                messages,
                folded,
                ..
            } = reader;
            client.prices = Some((class, cursor));
            sent.prices += messages;
            client.folded += folded;
            self.folded += folded;
        }
        if let Some(((_, reader), place)) = statuses.zip(client.statuses.as_deref_mut()) {
            place.1 = reader.cursor;
            sent.statuses = reader.messages;
        }
        client.keep_rest(rest);
        sent
    }

    /// Prices that were not sent to some client because a later one of the same symbol was there, ever.
    #[must_use]
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// The same of one client.
    #[must_use]
    pub fn folded_for(&self, id: ClientId) -> u64 {
        self.clients.get(id).map_or(0, |client| client.folded)
    }

    fn event_log(&self, class: ClassId) -> &Log<u64> {
        self.event_classes.get(class).log()
    }
    fn price_log(&self, class: ClassId) -> &Latest {
        self.price_classes.get(class).latest()
    }
    fn status_log(&self, class: ClassId) -> &Latest {
        self.status_classes.get(class).latest()
    }

    fn feature_log(&self, class: ClassId) -> &Latest {
        self.feature_classes.get(class).latest()
    }

    #[cfg(test)]
    pub(crate) fn bounds_hold(&self) -> bool {
        let (events, prices) = (self.limits.signal_log, self.limits.price_log);
        let latest = self.price_classes.iter().map(PriceClass::latest);
        let symbols = self
            .status_classes
            .iter()
            .chain(self.feature_classes.iter());
        let statuses = symbols.map(SymbolClass::latest);
        let are_bars_bounded = self
            .bar_classes
            .iter()
            .all(|class| class.closed().len() <= self.limits.bar_log && class.forming().len() == 0);
        self.event_classes
            .iter()
            .all(|class| class.log().len() <= events)
            && latest.chain(statuses).all(|latest| latest.len() <= prices)
            && are_bars_bounded
            && self.bars.len_max() <= self.limits.bars
            && self.events.len() <= self.limits.recovery
            && self.window.len() <= crate::window::ENTRIES_MAX
    }
}

/// Moves over what was due of a log and written: of `left` bytes, returns how many, and of how many messages at least the
/// first byte was. What is left of a message that was cut becomes `rest`.
fn take_logged(log: &Log<u64>, next: &mut u64, left: usize, rest: &mut Bytes) -> (usize, u64) {
    let bytes = left.min(log.since(*next).len());
    if bytes == 0 {
        return (0, 0);
    }
    let reached = log.reach(*next, bytes);
    let messages = reached.next - *next;
    *rest = Bytes::copy_from_slice(reached.rest);
    *next = reached.next;
    (bytes, messages)
}

fn shared(sources: &[Source]) -> Vec<Arc<Source>> {
    sources.iter().cloned().map(Arc::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Symbols;
    use crate::form::Form;
    use crate::samples::{
        self, Heard, Socket, at, last_outcome, of_bars, of_prices, of_signals, of_statuses, price,
        signal, status,
    };
    use crate::window::Wanted;
    use market::Status::{Confirmed, Invalidated, Pending as Waiting};
    use market::{SourceTime, Timeframe};
    use wire::{BarsAsk, Channel, Channels, Since, Subscribe};

    fn hub() -> Hub {
        samples::hub(Limits::default())
    }

    fn subscribe(hub: &mut Hub, id: ClientId, channels: Channels) {
        let ask = Subscribe {
            channels,
            ..Subscribe::default()
        };
        hub.subscribe(id, &ask, |_| Vec::new())
            .expect("there is room");
    }

    /// Prices and statuses that are kept for who is behind.
    fn news(hub: &Hub) -> usize {
        let latest = hub.price_classes.iter().map(PriceClass::latest);
        let statuses = hub.status_classes.iter().map(SymbolClass::latest);
        latest.chain(statuses).map(Latest::len).sum()
    }

    fn secs(secs: i64) -> Time {
        Time::from_secs(secs)
    }

    fn arrive(hub: &mut Hub, channels: Channels) -> (ClientId, Socket) {
        let id = hub.join(Packing::Single);
        subscribe(hub, id, channels);
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
        let history = vec![
            (at(1), signal(1, Waiting, secs(10))),
            (at(2), signal(2, Waiting, secs(11))),
            (at(3), signal(3, Waiting, secs(12))),
            (at(4), signal(2, Confirmed, secs(20))),
            (at(5), signal(3, Invalidated, secs(30))),
        ];
        let past = of_signals(history, secs(40));
        let (mut hub, _) = samples::recovered(Limits::default(), past, at(5));
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
        let wanted = Wanted {
            form: Form::default(),
            symbols: Symbols::All,
            but: Symbols::none(),
            max: 50,
        };
        let of = |hub: &mut Hub, now| {
            hub.window
                .snapshot(wanted.clone(), secs(now), &mut hub.deflater)
        };
        let first = of(&mut hub, 2);
        assert!(Arc::ptr_eq(&first, &of(&mut hub, 3)));
        hub.publish(&of_signals(
            vec![(at(2), signal(1, Invalidated, secs(4)))],
            secs(4),
        ));
        let second = of(&mut hub, 4);
        assert_ne!(first, second);
        assert!(of(&mut hub, 4 + 901).ends.is_empty());
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
        subscribe(&mut hub, id, Channels::NONE.with(Channel::Signals));
        socket.take_all(&mut hub, id);
        assert_eq!(socket.heard(), [Heard::Signal(1, Waiting)]);
        subscribe(&mut hub, id, Channels::ALL);
        socket.take_all(&mut hub, id);
        assert_eq!(
            socket.heard().len(),
            2,
            "the added channel's snapshot alone"
        );
        assert_eq!(socket.heard()[1], Heard::Price("EURUSD".to_owned(), 0));
        subscribe(&mut hub, id, Channels::ALL);
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
        assert!(news(&hub) <= 3, "two seconds of prices are kept");
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
        hub.finish(id, [frame::close(4409, "slow")]);
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
        hub.finish(id, [frame::close(1012, "restart")]);
        hub.finish(id, [frame::close(1011, "twice")]);
        assert_eq!(hub.answer(id, frame::pong(b"y")), Answers::Queued);
        subscribe(&mut hub, id, Channels::ALL);
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
        let everything = |seq: u64, symbol, statuses| Publication {
            prices: vec![price(symbol, seq, SourceTime::from_secs(seq as i64))],
            statuses,
            ..of_signals(
                vec![(at(seq), signal(seq as u32, Waiting, secs(1)))],
                secs(seq as i64),
            )
        };
        let first = vec![status("EURUSD", 1), status("US30", 2), status("EURUSD", 3)];
        let past = everything(1, "EURUSD", first);
        let (mut hub, _) = samples::recovered(Limits::default(), past, at(1));
        assert_eq!(news(&hub), 0, "no news");
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
        subscribe(&mut hub, added, Channels::NONE.with(Channel::Status));
        later.take_all(&mut hub, added);
        let heard = [
            stands("EURUSD", 3),
            stands("US30", 4),
            Heard::Price("EURUSD".to_owned(), 3),
        ];
        assert_eq!(later.heard()[2..], heard, "of a channel added later too");
        subscribe(&mut hub, added, Channels::NONE.with(Channel::Status));
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
        assert!(news(&hub) <= 3, "two seconds of statuses are kept");
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
    fn features_are_the_latest_of_each_symbol_and_their_names_are_told_once() {
        let mut hub = hub();
        let told = |symbol, value: f64| samples::features(symbol, [value, f64::NAN]);
        let hears = |symbol: &str, value: u64| {
            Heard::Features(symbol.to_owned(), format!("[{value},null]"))
        };
        let publish = |hub: &mut Hub, updates: Vec<market::FeatureUpdate>, at| {
            assert_eq!(hub.publish(&samples::of_features(updates, secs(at))), []);
        };
        publish(&mut hub, vec![told("US30", 1.0), told("EURUSD", 2.0)], 1);
        let id = hub.join(Packing::Single);
        let ask = Subscribe {
            channels: Channels::NONE.with(Channel::Features),
            is_extended: true,
            ..Subscribe::default()
        };
        let mut names = None;
        let answer = |began: &crate::Began| {
            names.clone_from(&began.features);
            frame::pong(b"")
        };
        hub.subscribe(id, &ask, answer).expect("there is room");
        assert_eq!(
            names.as_deref(),
            Some(&samples::FEATURES.map(str::to_owned)[..])
        );
        let mut socket = Socket::default();
        socket.take_all(&mut hub, id);
        assert_eq!(
            socket.heard(),
            [
                Heard::Pong(Vec::new()),
                hears("US30", 1),
                hears("EURUSD", 2)
            ]
        );
        // It does not read while three of one symbol come, more than two seconds apart.
        for (number, at) in [(3.0, 10), (4.0, 20), (5.0, 30)] {
            publish(&mut hub, vec![told("EURUSD", number)], at);
        }
        publish(&mut hub, vec![told("US30", 6.0)], 30);
        assert!(hub.is_due(id));
        let mut socket = Socket::default();
        socket.take_all(&mut hub, id);
        assert_eq!(socket.heard(), [hears("EURUSD", 5), hears("US30", 6)]);
        assert_eq!(hub.folded(), 0, "only prices are counted");
        let refused = samples::FEATURES.len() + 1;
        let long = market::FeatureUpdate {
            values: vec![0.0; refused].into(),
            ..told("EURUSD", 7.0)
        };
        let faults = hub.publish(&samples::of_features(vec![long], secs(31)));
        assert_eq!(faults.len(), 1, "a value without a name is not told");
        assert!(!hub.is_due(id));
        hub.leave(id);
    }

    #[test]
    fn who_did_not_ask_hears_no_features() {
        let mut hub = hub();
        let (id, _) = arrive(&mut hub, Channels::ALL);
        let told = samples::features("EURUSD", [1.0, 2.0]);
        hub.publish(&samples::of_features(vec![told], secs(1)));
        assert!(!hub.is_due(id));
    }

    #[test]
    fn who_comes_to_a_slower_class_hears_no_price_again_that_is_older() {
        let mut hub = hub();
        let every = |millis| Subscribe {
            channels: Channels::NONE.with(Channel::Prices),
            is_extended: true,
            price_interval_ms: Some(millis),
            ..Subscribe::default()
        };
        let join = |hub: &mut Hub, id: Option<ClientId>, millis| {
            let id = id.unwrap_or_else(|| hub.join(Packing::Single));
            hub.subscribe(id, &every(millis), |_| frame::pong(b""))
                .expect("there is room");
            id
        };
        hub.publish(&of_prices(vec![eurusd(1)], secs(1)));
        let (slow, fast) = (join(&mut hub, None, 60_000), join(&mut hub, None, 1000));
        let (mut slowly, mut quickly) = (Socket::default(), Socket::default());
        hub.publish(&of_prices(vec![eurusd(2)], secs(3)));
        hub.publish(&of_prices(vec![eurusd(3)], secs(5)));
        slowly.take_all(&mut hub, slow);
        quickly.take_all(&mut hub, fast);
        let of = |number| Heard::Price("EURUSD".to_owned(), number);
        let prices = |socket: &Socket| {
            let heard = socket.heard().into_iter();
            heard
                .filter(|heard| matches!(heard, Heard::Price(..)))
                .collect::<Vec<_>>()
        };
        assert_eq!(prices(&slowly).last(), Some(&of(2)), "the third waits");
        assert_eq!(prices(&quickly).last(), Some(&of(3)));

        hub.publish(&of_prices(vec![eurusd(4)], secs(7)));
        join(&mut hub, Some(fast), 60_000);
        quickly.take_all(&mut hub, fast);
        assert_eq!(prices(&quickly).last(), Some(&of(4)), "not the second");
        let newcomer = join(&mut hub, None, 60_000);
        let mut newly = Socket::default();
        newly.take_all(&mut hub, newcomer);
        assert_eq!(prices(&newly), [of(4)], "it begins with the newest");
        join(&mut hub, Some(slow), 1000);
        slowly.take_all(&mut hub, slow);
        assert_eq!(prices(&slowly).last(), Some(&of(4)), "it waits no more");
        hub.publish(&of_prices(vec![eurusd(5)], secs(64)));
        newly.take_all(&mut hub, newcomer);
        assert_eq!(prices(&newly).last(), Some(&of(5)), "and it goes on");

        hub.publish(&of_prices(vec![eurusd(6)], secs(66)));
        let last = join(&mut hub, None, 60_000);
        hub.publish(&of_prices(vec![eurusd(7)], secs(130)));
        let (mut socket, mut counted) = (Socket::default(), 0);
        while hub.is_due(last) {
            counted += socket.take(&mut hub, last, usize::MAX).1.prices;
        }
        assert_eq!(prices(&socket), [of(6), of(7)]);
        assert_eq!(counted, 2, "of the past and of what is new");
    }

    #[test]
    fn unsent_answers_are_bounded() {
        let mut hub = hub();
        let id = hub.join(Packing::Single);
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
        let again = hub.join(Packing::Single);
        assert_eq!(id, again);
        assert_ne!(hub.join(Packing::Single), again, "a place is given once");
        hub.publish(&of_prices(vec![eurusd(1)], secs(1)));
        assert!(!hub.is_due(again), "it has not subscribed");
    }

    /// A client that asks for minutes.
    fn minutes(hub: &mut Hub, since: Option<i64>) -> (ClientId, Socket) {
        let id = hub.join(Packing::Grouped);
        let ask = Subscribe {
            channels: Channels::NONE.with(Channel::Bars),
            is_extended: true,
            bars: Some(BarsAsk {
                timeframe: Timeframe::M1,
                since: since.map(|minute| SourceTime::from_secs(60 * minute)),
            }),
            ..Subscribe::default()
        };
        let answer = |_: &_| frame::pong(b"a");
        hub.subscribe(id, &ask, answer).expect("there is room");
        (id, Socket::default())
    }

    /// Closes the minutes of these numbers.
    fn close(hub: &mut Hub, numbers: std::ops::Range<i64>) {
        let bars = numbers.map(|number| minute(number, 1, true));
        assert_eq!(hub.publish(&of_bars(bars, secs(60))), []);
    }

    fn minute(number: i64, ticks: u32, closed: bool) -> Arc<BarUpdate> {
        samples::bar("EURUSD", Timeframe::M1, number, ticks, closed)
    }

    fn told(number: i64, ticks: u64, closed: bool) -> Heard {
        Heard::Bar("EURUSD".to_owned(), number, ticks, closed)
    }

    fn answer() -> Heard {
        Heard::Pong(b"a".to_vec())
    }

    #[test]
    fn a_late_client_hears_every_closed_bar_and_how_the_open_one_stands() {
        let mut hub = hub();
        let (id, mut socket) = minutes(&mut hub, None);
        for number in 1..=3 {
            for ticks in 1..=4 {
                let at = secs(60 * number + i64::from(ticks));
                hub.publish(&of_bars([minute(number, ticks, false)], at));
            }
            hub.publish(&of_bars([minute(number, 5, true)], secs(60 * number + 60)));
        }
        hub.publish(&of_bars([minute(4, 1, false)], secs(241)));
        hub.publish(&of_bars([minute(4, 2, false)], secs(242)));
        socket.take_all(&mut hub, id);
        let heard = [
            answer(),
            told(1, 5, true),
            told(2, 5, true),
            told(3, 5, true),
            told(4, 2, false),
        ];
        assert_eq!(socket.heard(), heard);
    }

    #[test]
    fn a_closed_bar_comes_once_and_nothing_of_it_after_that() {
        let mut hub = hub();
        let refused = hub.publish(&of_bars([minute(2, 5, true)], secs(180)));
        assert_eq!(refused, []);
        for (number, closed) in [(2, true), (1, true), (2, false)] {
            let refused = hub.publish(&of_bars([minute(number, 9, closed)], secs(181)));
            assert!(
                matches!(refused[..], [Refused::OldBar { .. }]),
                "{refused:?}"
            );
        }
        let (id, mut socket) = minutes(&mut hub, Some(0));
        socket.take_all(&mut hub, id);
        assert_eq!(socket.heard(), [answer(), told(2, 5, true)]);
    }

    #[test]
    fn who_reads_the_past_so_slowly_that_it_is_dropped_is_behind() {
        let mut hub = samples::hub(Limits {
            bars: 100,
            ..Limits::default()
        });
        close(&mut hub, 0..100);
        let mut begin = || {
            let (id, mut socket) = minutes(&mut hub, Some(0));
            // The answer, and a part of the first piece: 64 bars.
            socket.take(&mut hub, id, usize::MAX);
            socket.take(&mut hub, id, 1000);
            (id, socket)
        };
        let ((slow, _), (edge, mut socket)) = (begin(), begin());
        close(&mut hub, 100..164);
        socket.take_all(&mut hub, edge);
        assert_eq!(socket.heard().len(), 1 + 164, "it has just made it");
        close(&mut hub, 164..165);
        assert_eq!(hub.pending(slow).err(), Some(Behind));
    }
    #[test]
    fn who_asks_for_more_of_the_past_than_is_kept_is_given_what_there_is() {
        let mut hub = samples::hub(Limits {
            bars: 3,
            ..Limits::default()
        });
        close(&mut hub, 0..5);
        let (id, mut socket) = minutes(&mut hub, Some(0));
        socket.take_all(&mut hub, id);
        let kept = (2..5).map(|number| told(number, 1, true));
        let heard: Vec<Heard> = std::iter::once(answer()).chain(kept).collect();
        assert_eq!(socket.heard(), heard);
    }

    #[test]
    fn who_is_behind_with_bars_stays_so_until_it_says_where_it_is() {
        let mut hub = samples::hub(Limits {
            bar_log: 4,
            ..Limits::default()
        });
        let (id, _) = minutes(&mut hub, None);
        close(&mut hub, 0..5);
        // It moves to another class, and begins again with events: neither brings its bars back.
        let mut ask = Subscribe {
            channels: Channels::NONE.with(Channel::Bars),
            is_extended: true,
            price_interval_ms: Some(5000),
            bars: Some(BarsAsk {
                timeframe: Timeframe::M1,
                since: None,
            }),
            ..Subscribe::default()
        };
        hub.subscribe(id, &ask, |_| frame::pong(b"b")).unwrap();
        let events = Subscribe {
            channels: Channels::NONE.with(Channel::Signals),
            is_extended: true,
            since: Some(Since::Elsewhere),
            ..Subscribe::default()
        };
        hub.subscribe(id, &events, |_| frame::pong(b"c")).unwrap();
        assert_eq!(hub.pending(id).err(), Some(Behind));
        if let Some(bars) = &mut ask.bars {
            bars.since = Some(SourceTime::from_secs(240));
        }
        hub.subscribe(id, &ask, |_| frame::pong(b"d")).unwrap();
        let mut socket = Socket::default();
        socket.take_all(&mut hub, id);
        assert_eq!(socket.heard().last(), Some(&told(4, 1, true)));
    }
}
