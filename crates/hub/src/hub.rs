//! Publish and subscribe.
//!
//! Every client hears, in this order: what is left of a message cut in the middle, answers to what it asked, its share of the
//! past (what it resumes, or the signals of its snapshot, oldest first), the latest price of each symbol, how each symbol
//! stands, its features, new events, new closed bars, new prices, new statuses, new features, and how open bars stand. The cut between past and new is the moment of the subscribe: nothing is
//! missing and nothing comes twice.
//!
//! Who subscribes, and to what, is in `subscription.rs`; what is due to whom, in `hub/reading.rs`.

mod reading;
#[cfg(test)]
mod tests;

use crate::bar_class::BarClass;
use crate::bars::Bars;
use crate::classes::Classes;
use crate::client::{Answers, Client, ClientId};
use crate::clients::Clients;
use crate::deflate::Deflater;
use crate::event_class::EventClass;
use crate::events::{Event, Events};
use crate::form::Packing;
use crate::frame;
use crate::newest::Newest;
use crate::price_class::{PriceClass, Texts, Told};
use crate::publication::{Beginning, Publication, Refused};
use crate::symbol_class::SymbolClass;
use crate::window::{Backwards, Window};
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
            sources: Source::shared(&catalog.sources),
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
            self.sources = Source::shared(sources);
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
