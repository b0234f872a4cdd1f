//! Who hears what: subscribing adds to what a client hears, unsubscribing takes from it, and either moves the client between
//! classes. What it had not been given of the one is written for it alone before it goes on in the other.

use crate::bar_class::{self, BarClass, BarKey};
use crate::bars::BarReplay;
use crate::classes::{Class as _, ClassId};
use crate::client::{BarPlace, Client, ClientId};
use crate::event_class::{EventClass, EventKey};
use crate::filter::{EventFilter, Symbols};
use crate::form::{Dialect, Form};
use crate::hub::Hub;
use crate::latest::Latest;
use crate::own::Replay;
use crate::price_class::{PriceClass, PriceKey};
use crate::symbol_class::SymbolClass;
use crate::window::{Snapshot, Wanted};
use market::{Position, SourceTime, Span, Symbol, Timeframe};
use std::sync::Arc;
use wire::tell::{self, Follows, Heard, PastBars};
use wire::{Channel, Channels, Refusal, Since, Subscribe, Unsubscribe};

/// What came of a subscribe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Began {
    /// The symbols it named that there are; `None` for all.
    pub symbols: Option<Vec<Symbol>>,
    pub unknown_symbols: Vec<String>,
    /// Where the stream of events stands.
    pub position: Position,
    /// What follows: once it has come, the client is at `position`.
    pub follows: Follows,
    /// What follows of bars, if it asked for some.
    pub bars: Option<tell::Bars>,
    /// The names of features, if it asked for them.
    pub features: Option<Arc<[String]>>,
    /// How often the client hears a price of a symbol, or how an open bar of it stands, if it hears either.
    pub price_interval: Option<Span>,
}

/// What of the past a client begins with.
enum Start {
    /// The signals that are new to it.
    Shown(Arc<Snapshot>),
    /// The events behind its place.
    Replay { from: u64, until: u64, count: u64 },
    /// Its place is not kept: a snapshot instead.
    Lost(Arc<Snapshot>),
}

impl Start {
    fn follows(&self) -> Follows {
        match self {
            Self::Shown(snapshot) => Follows::Shown(snapshot.count()),
            Self::Replay { count, .. } => Follows::Replayed(*count),
            Self::Lost(snapshot) => Follows::ShownInstead(snapshot.count()),
        }
    }
}

/// What a client hears.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wants {
    form: Form,
    events: EventFilter,
    prices: Symbols,
    /// The least time between two prices, as it was asked for.
    interval_ms: Option<u32>,
    statuses: Symbols,
    bars: Symbols,
    /// Of all its bars; none where it hears none.
    timeframe: Option<Timeframe>,
    features: Symbols,
}

/// What an extended client that does not say otherwise waits between two prices of a symbol.
const INTERVAL: Span = Span::from_secs(1);
/// What is asked for is rounded up to one of these, so that clients share classes.
const INTERVALS_MS: [i64; 10] = [
    250, 500, 1000, 2000, 3000, 5000, 10_000, 15_000, 30_000, 60_000,
];

impl Hub {
    /// Adds to what a client hears. What is new to it begins with its snapshot, or behind the place it asks for; what it
    /// hears already is not begun again. `answer` makes the frame that says so, which goes behind what the client is still
    /// owed, since the place it tells lies behind that too.
    ///
    /// # Errors
    /// When it would hear too much, or one kind of client too many would be served, or it asks more than it reads. Nothing
    /// has changed then.
    pub fn subscribe(
        &mut self,
        id: ClientId,
        ask: &Subscribe,
        answer: impl FnOnce(&Began) -> Vec<u8>,
    ) -> Result<(), Refusal> {
        let (named, unknown_symbols) = self.known(ask);
        let before = self.wants(id);
        let after = before.with(ask, &named);
        self.check(&after)?;
        let Some(client) = self.asking(id)? else {
            return Ok(());
        };
        client.form = after.form;
        let start = self.start(id, &before, &after, ask);
        let bars = self.start_bars(id, &before, &after, ask);
        if ask.is_extended {
            let began = Began {
                symbols: match named {
                    Symbols::All => None,
                    Symbols::Only(some) => Some(some.to_vec()),
                },
                unknown_symbols,
                position: self.position(),
                follows: start.follows(),
                bars: bars.as_ref().map(|(told, _)| *told),
                features: ask
                    .channels
                    .has(Channel::Features)
                    .then(|| Arc::clone(&self.feature_names)),
                price_interval: (!after.prices.is_empty() || !after.bars.is_empty())
                    .then(|| self.interval(&after).0),
            };
            self.clients.of(id).add_answer(answer(&began));
        }
        self.give_start(id, start, &after);
        if let Some(replay) = bars.and_then(|(_, replay)| replay) {
            self.clients.of(id).add_bar_replay(replay);
        }
        self.give_forming(id, &before, &after, ask.bars.is_some());
        self.move_prices(id, &before, &after, ask.snapshot.prices != Some(false));
        self.move_statuses(id, &before, &after);
        self.move_features(id, &before, &after);
        Ok(())
    }

    /// Takes from what a client hears. `answer` makes the frame that says what is left: each channel with its symbols.
    ///
    /// # Errors
    /// When it asks more than it reads. Nothing has changed then.
    pub fn unsubscribe(
        &mut self,
        id: ClientId,
        ask: &Unsubscribe,
        answer: impl FnOnce(Vec<(Channel, Heard<'_>)>, Position) -> Vec<u8>,
    ) -> Result<(), Refusal> {
        let before = self.wants(id);
        let after = before.without(ask, &self.symbols);
        let Some(client) = self.asking(id)? else {
            return Ok(());
        };
        if after.events.is_empty() {
            client.forget_events();
        }
        if after.bars.is_empty() {
            client.forget_bars();
        }
        self.move_events(id, &before, &after, &after.events);
        self.move_bars(id, &before, &after, Some(&after.bars));
        self.give_forming(id, &before, &after, false);
        self.move_prices(id, &before, &after, true);
        self.move_statuses(id, &before, &after);
        self.move_features(id, &before, &after);
        let frame = answer(after.heard(), self.position());
        self.clients.of(id).add_answer(frame);
        Ok(())
    }

    /// A client that may ask for something; `None` when its connection ends.
    fn asking(&mut self, id: ClientId) -> Result<Option<&mut Client>, Refusal> {
        let max = self.limits.answers;
        let client = self.clients.of(id);
        if client.is_finishing() {
            return Ok(None);
        }
        if client.past_len() >= max {
            return Err(Refusal::RateLimited);
        }
        Ok(Some(client))
    }

    /// Whether it gave the version of the protocol.
    #[must_use]
    pub fn is_extended(&self, id: ClientId) -> bool {
        let client = self.clients.get(id);
        client.is_some_and(|client| client.form.dialect == Dialect::Extended)
    }

    /// The last event that a client hears, if it hears any: where it stands when nothing is due to it.
    #[must_use]
    pub fn position_of(&self, id: ClientId) -> Position {
        let client = self.clients.get(id);
        let class = client.and_then(|client| client.events);
        let end = self.position();
        match class {
            Some((class, _)) => Position {
                seq: self.event_classes.get(class).last(),
                ..end
            },
            None => end,
        }
    }

    /// The symbols that it names, and the names that no symbol has.
    fn known(&self, ask: &Subscribe) -> (Symbols, Vec<String>) {
        let mut unknown = ask.unknown_symbols.clone();
        let Some(named) = &ask.symbols else {
            return (Symbols::All, unknown);
        };
        let mut known = Vec::new();
        for symbol in named {
            if self.symbols.binary_search(symbol).is_ok() {
                known.push(*symbol);
            } else {
                unknown.push(symbol.to_string());
            }
        }
        (Symbols::only(&known), unknown)
    }

    fn wants(&self, id: ClientId) -> Wants {
        let client = self.clients.get(id);
        let Some(client) = client else {
            return Wants::nothing(Form::default());
        };
        let mut wants = Wants::nothing(client.form);
        if let Some((class, _)) = client.events {
            wants.events = self.event_classes.get(class).key().filter.clone();
        }
        if let Some((class, _)) = client.prices {
            wants.prices = self.price_classes.get(class).key().symbols.clone();
        }
        if let Some((class, _)) = client.status_place() {
            wants.statuses = self.status_classes.get(class).key().clone();
        }
        if let Some(place) = &client.bars {
            let key = self.bar_classes.get(place.class).key();
            wants.bars = key.symbols.clone();
            wants.timeframe = Some(key.timeframe);
        }
        if let Some(place) = &client.features {
            wants.features = self.feature_classes.get(place.0).key().clone();
        }
        wants.interval_ms = client.interval_ms;
        wants
    }

    fn check(&self, wants: &Wants) -> Result<(), Refusal> {
        if wants.count() > self.limits.subscriptions {
            return Err(Refusal::TooManySubscriptions);
        }
        if !wants.events.is_empty() {
            self.event_classes.has_room(&wants.event_key())?;
        }
        if !wants.prices.is_empty() {
            self.price_classes.has_room(&self.price_key(wants))?;
        }
        if !wants.statuses.is_empty() {
            self.status_classes.has_room(&wants.statuses)?;
        }
        if !wants.features.is_empty() {
            self.feature_classes.has_room(&wants.features)?;
        }
        if let Some(key) = self.bar_key(wants) {
            self.bar_classes.has_room(&key)?;
        }
        Ok(())
    }

    /// Moves a client to the events it wants, and says what of the past it is to begin with.
    fn start(&mut self, id: ClientId, before: &Wants, after: &Wants, ask: &Subscribe) -> Start {
        let channels = ask.channels;
        let resumes = channels.has(Channel::Signals) || channels.has(Channel::Outcomes);
        let Some(since) = ask.since.filter(|_| resumes) else {
            let shown = self.snapshot(&before.events.signals, after, ask);
            self.move_events(id, before, after, &before.events);
            return Start::Shown(shown);
        };
        // It says where it is: nothing of what it was owed is wanted any more.
        let client = self.clients.of(id);
        client.forget_events();
        client.is_behind = false;
        self.enter_event_class(id, after);
        match since {
            Since::After(position) if self.events.reaches(position) => {
                let (from, until) = (position.seq + 1, self.position().seq);
                let events = self.events.between(from, until, &after.events);
                Start::Replay {
                    from,
                    until,
                    count: events.count() as u64,
                }
            }
            Since::After(_) | Since::Elsewhere => {
                Start::Lost(self.snapshot(&Symbols::none(), after, ask))
            }
        }
    }

    fn give_start(&mut self, id: ClientId, start: Start, after: &Wants) {
        match start {
            Start::Shown(snapshot) | Start::Lost(snapshot) => {
                self.clients.of(id).add_snapshot(snapshot);
            }
            Start::Replay { from, until, .. } => self.add_replay(id, &after.events, from, until),
        }
    }

    /// Moves a client to the end of the class that has what it wants. What it was not given of the old one, and `owed` lets
    /// pass, is written for it alone: whatever is answered now goes behind that.
    fn move_events(&mut self, id: ClientId, before: &Wants, after: &Wants, owed: &EventFilter) {
        let client = self.clients.of(id);
        let unsent = client.events.and_then(|(class, next)| {
            let log = self.event_classes.get(class).log();
            client.is_behind |= next < log.first();
            log.tag(next.max(log.first()))
        });
        let is_answered = after.form.dialect == Dialect::Extended;
        if before.event_key() == after.event_key() && (unsent.is_none() || !is_answered) {
            return;
        }
        self.enter_event_class(id, after);
        if let Some(from) = unsent {
            self.add_replay(id, owed, from, self.position().seq);
        }
    }

    fn add_replay(&mut self, id: ClientId, filter: &EventFilter, from: u64, until: u64) {
        if from > until {
            return;
        }
        let replay = Replay {
            filter: filter.clone(),
            from,
            until,
            prev: self.events.last_before(from, filter),
        };
        self.clients.of(id).add_replay(replay);
    }

    fn enter_event_class(&mut self, id: ClientId, wants: &Wants) {
        let entered = (!wants.events.is_empty()).then(|| {
            let make = |key| EventClass::new(key, &self.events);
            let class = self.event_classes.enter(wants.event_key(), make);
            (class, self.event_classes.get(class).log().next())
        });
        let client = self.clients.of(id);
        let left = std::mem::replace(&mut client.events, entered);
        if let Some((class, _)) = left {
            self.event_classes.leave(class);
        }
    }

    /// The signals of what a client wants that are shown, but not of these symbols.
    fn snapshot(&mut self, but: &Symbols, after: &Wants, ask: &Subscribe) -> Arc<Snapshot> {
        let symbols = &after.events.signals;
        if !ask.channels.has(Channel::Signals) || symbols == but {
            return Arc::default();
        }
        let max = ask.snapshot.signals.map(usize::from);
        let wanted = Wanted {
            form: after.form,
            symbols: symbols.clone(),
            but: but.clone(),
            max: max.unwrap_or(self.limits.snapshot_signals),
        };
        self.window.snapshot(wanted, self.now, &mut self.deflater)
    }

    /// Moves a client between classes of prices. Where symbols came to it, it begins with the latest price of each, unless
    /// it does not want to; otherwise it goes on.
    fn move_prices(&mut self, id: ClientId, before: &Wants, after: &Wants, with_snapshot: bool) {
        let (old, new) = (self.price_key(before), self.price_key(after));
        self.clients.of(id).interval_ms = after.interval_ms;
        if old == new {
            return;
        }
        let left = self.clients.of(id).prices.take();
        let is_owed = left.is_some_and(|(class, cursor)| {
            let class = self.price_classes.get(class);
            class.latest().is_due(cursor) || class.holds_back()
        });
        let grows = old.symbols.and(&new.symbols) != old.symbols;
        if !new.symbols.is_empty() {
            self.join_prices(id, new, is_owed || grows && with_snapshot);
        }
        if let Some((class, _)) = left {
            self.price_classes.leave(class);
        }
    }

    /// Where the class holds a newer price back than it has told, the client is given the newest by itself: what was told
    /// before could be older than what it has heard in the class that it comes from.
    fn join_prices(&mut self, id: ClientId, key: PriceKey, with_newest: bool) {
        let id_of_class = self.enter_price_class(key);
        let class = self.price_classes.get(id_of_class);
        let is_apart = with_newest && class.holds_back();
        let cursor = if with_newest && !is_apart {
            class.latest().join()
        } else {
            class.latest().join_live()
        };
        let newest = if is_apart {
            class.newest(&self.prices, self.now)
        } else {
            Vec::new()
        };
        let client = self.clients.of(id);
        client.prices = Some((id_of_class, cursor));
        client.add_prices(&newest);
    }

    fn enter_price_class(&mut self, key: PriceKey) -> ClassId {
        let latest = Latest::new(self.limits.price_span, self.limits.price_log);
        let (prices, now) = (&self.prices, self.now);
        let make = |key| PriceClass::new(key, latest, prices, now);
        self.price_classes.enter(key, make)
    }

    fn move_statuses(&mut self, id: ClientId, before: &Wants, after: &Wants) {
        if before.statuses == after.statuses {
            return;
        }
        let entered = (!after.statuses.is_empty()).then(|| {
            let latest = Latest::new(self.limits.price_span, self.limits.price_log);
            let make = |symbols| SymbolClass::new(symbols, latest, &self.statuses, self.now);
            let class = self.status_classes.enter(after.statuses.clone(), make);
            Box::new((class, self.status_classes.get(class).latest().join()))
        });
        let client = self.clients.of(id);
        let left = std::mem::replace(&mut client.statuses, entered);
        if let Some(place) = left {
            self.status_classes.leave(place.0);
        }
    }

    /// Moves a client between classes of features: it begins with the latest of each symbol of the new one.
    fn move_features(&mut self, id: ClientId, before: &Wants, after: &Wants) {
        if before.features == after.features {
            return;
        }
        let entered = (!after.features.is_empty()).then(|| {
            let latest = Latest::new(self.limits.price_span, self.limits.price_log);
            let make = |symbols| SymbolClass::new(symbols, latest, &self.features, self.now);
            let class = self.feature_classes.enter(after.features.clone(), make);
            Box::new((class, self.feature_classes.get(class).latest().join()))
        });
        let client = self.clients.of(id);
        let left = std::mem::replace(&mut client.features, entered);
        if let Some(place) = left {
            self.feature_classes.leave(place.0);
        }
    }

    /// Moves a client to the bars it wants, and says what follows, if it asked for bars: what it is told of that, and the
    /// past of them. Whoever gives a time says where it is, and whoever asks for another timeframe is done with the one
    /// before: in both cases nothing of what it was owed is wanted any more.
    fn start_bars(
        &mut self,
        id: ClientId,
        before: &Wants,
        after: &Wants,
        ask: &Subscribe,
    ) -> Option<(tell::Bars, Option<BarReplay>)> {
        let asked = ask.bars.filter(|_| ask.channels.has(Channel::Bars));
        let since = asked.and_then(|asked| asked.since);
        let goes_on = since.is_none() && before.timeframe == after.timeframe;
        self.move_bars(id, before, after, goes_on.then_some(&before.bars));
        let timeframe = asked?.timeframe;
        let past = since.map(|since| self.past_bars(timeframe, &after.bars, since));
        let told = tell::Bars {
            timeframe,
            past: past.as_ref().map(|(told, _)| *told),
        };
        Some((told, past.map(|(_, replay)| replay)))
    }

    /// The closed bars since a time that are kept.
    fn past_bars(
        &self,
        timeframe: Timeframe,
        symbols: &Symbols,
        since: SourceTime,
    ) -> (PastBars, BarReplay) {
        let (count, is_whole) = self.bars.since(timeframe, symbols, since);
        let until = self.bars.next();
        let replay = BarReplay {
            timeframe,
            symbols: symbols.clone(),
            since,
            from: if count > 0 { 0 } else { until },
            until,
            promised_at: until,
        };
        (PastBars { count, is_whole }, replay)
    }

    /// Moves a client to the end of the class that has the bars it wants. Of what it was not given of the old one, the
    /// closed bars of the symbols that are `owed` are written for it alone; none are owed where it begins anew.
    fn move_bars(&mut self, id: ClientId, before: &Wants, after: &Wants, owed: Option<&Symbols>) {
        let (old, new) = (self.bar_key(before), self.bar_key(after));
        if old == new && owed.is_some() {
            return;
        }
        let client = self.clients.of(id);
        let left = client.bars.take();
        let mut is_behind = false;
        match (owed, &left) {
            (None, _) => client.forget_bars(),
            (Some(symbols), Some(place)) => {
                let log = self.bar_classes.get(place.class).closed();
                is_behind = place.is_behind || place.next < log.first();
                let unsent = log.tag(place.next.max(log.first()));
                if let (Some(from), Some(timeframe)) = (unsent, before.timeframe) {
                    client.add_bar_replay(BarReplay {
                        timeframe,
                        symbols: symbols.clone(),
                        since: SourceTime::MIN,
                        from,
                        until: self.bars.next(),
                        promised_at: 0,
                    });
                }
            }
            (Some(_), None) => {}
        }
        client.bars = new.map(|key| {
            let class = self.bar_classes.enter(key, BarClass::new);
            let of = self.bar_classes.get(class);
            Box::new(BarPlace {
                class,
                next: of.closed().next(),
                forming: of.forming().join_live(),
                is_behind,
            })
        });
        if let Some(place) = left {
            self.bar_classes.leave(place.class);
        }
    }

    /// How the open bars stand that a client hears, where it asked for bars or hears others than before: its class may have
    /// told less than the one that it comes from, and even less than what is given here. So nothing of what the class has
    /// told so far is the client's any more: no open bar goes back.
    fn give_forming(&mut self, id: ClientId, before: &Wants, after: &Wants, is_asked: bool) {
        let Some(key) = self.bar_key(after) else {
            return;
        };
        if !is_asked && self.bar_key(before).as_ref() == Some(&key) {
            return;
        }
        let forming = self.bars.forming(key.timeframe, &key.symbols);
        let frames = forming.filter_map(|bar| bar_class::frame_of(bar, self.now));
        let frames: Vec<Vec<u8>> = frames.collect();
        let client = self.clients.of(id);
        client.add_bars(&frames);
        if let Some(place) = &mut client.bars {
            place.forming = self.bar_classes.get(place.class).forming().join_live();
        }
    }

    fn bar_key(&self, wants: &Wants) -> Option<BarKey> {
        let timeframe = wants.timeframe.filter(|_| !wants.bars.is_empty())?;
        Some(BarKey {
            timeframe,
            symbols: wants.bars.clone(),
            interval: self.interval(wants).1,
        })
    }

    fn price_key(&self, wants: &Wants) -> PriceKey {
        PriceKey {
            form: wants.form,
            symbols: wants.prices.clone(),
            interval: self.interval(wants).1,
        }
    }

    /// How often a client hears a price, as it is told, and how long its class lets prices wait.
    fn interval(&self, wants: &Wants) -> (Span, Span) {
        let published = self.limits.price_interval;
        let asked = match (wants.form.dialect, wants.interval_ms) {
            (_, Some(millis)) => Span::from_millis(millis.into()),
            (Dialect::Plain, None) => return (published, Span::ZERO),
            (Dialect::Extended, None) => INTERVAL,
        };
        let steps = INTERVALS_MS.map(Span::from_millis);
        let step = steps.into_iter().find(|step| *step >= asked);
        let used = step.unwrap_or(asked);
        if used <= published {
            return (published, Span::ZERO);
        }
        // A price may be published a moment early or late: that must not cost it a whole turn.
        (used, used - Span::from_nanos(published.nanos() / 10))
    }
}

impl Wants {
    fn nothing(form: Form) -> Self {
        Self {
            form,
            events: EventFilter::none(),
            prices: Symbols::none(),
            interval_ms: None,
            statuses: Symbols::none(),
            bars: Symbols::none(),
            timeframe: None,
            features: Symbols::none(),
        }
    }

    fn event_key(&self) -> EventKey {
        EventKey {
            form: self.form,
            filter: self.events.clone(),
        }
    }

    fn heard(&self) -> Vec<(Channel, Heard<'_>)> {
        let of = |channel| match channel {
            Channel::Signals => &self.events.signals,
            Channel::Prices => &self.prices,
            Channel::Status => &self.statuses,
            Channel::Outcomes => &self.events.outcomes,
            Channel::Bars => &self.bars,
            Channel::Features => &self.features,
        };
        let channels = Channels::EVERY.iter().map(|channel| (channel, of(channel)));
        let heard = channels.filter(|(_, symbols)| !symbols.is_empty());
        heard
            .map(|(channel, symbols)| (channel, symbols.heard()))
            .collect()
    }

    fn count(&self) -> usize {
        let EventFilter { signals, outcomes } = &self.events;
        let every = [
            signals,
            outcomes,
            &self.prices,
            &self.statuses,
            &self.bars,
            &self.features,
        ];
        every.into_iter().map(Symbols::count).sum()
    }

    fn with(&self, ask: &Subscribe, named: &Symbols) -> Self {
        let of = |channel| {
            if ask.channels.has(channel) {
                named.clone()
            } else {
                Symbols::none()
            }
        };
        Self {
            form: if ask.is_extended {
                Form {
                    dialect: Dialect::Extended,
                    ..self.form
                }
            } else {
                self.form
            },
            events: self.events.and(&EventFilter::of(ask.channels, named)),
            prices: self.prices.and(&of(Channel::Prices)),
            interval_ms: ask.price_interval_ms.or(self.interval_ms),
            statuses: self.statuses.and(&of(Channel::Status)),
            bars: self.bars.and(&of(Channel::Bars)),
            timeframe: ask
                .bars
                .filter(|_| ask.channels.has(Channel::Bars))
                .map(|asked| asked.timeframe)
                .or(self.timeframe),
            features: self.features.and(&of(Channel::Features)),
        }
    }

    fn without(&self, ask: &Unsubscribe, every: &[Symbol]) -> Self {
        let named = match &ask.symbols {
            Some(symbols) => Symbols::only(symbols),
            None => Symbols::All,
        };
        let left = |channel, symbols: &Symbols| {
            if ask.channels.has(channel) {
                symbols.without(&named, every)
            } else {
                symbols.clone()
            }
        };
        Self {
            form: self.form,
            events: EventFilter {
                signals: left(Channel::Signals, &self.events.signals),
                outcomes: left(Channel::Outcomes, &self.events.outcomes),
            },
            prices: left(Channel::Prices, &self.prices),
            interval_ms: self.interval_ms,
            statuses: left(Channel::Status, &self.statuses),
            bars: left(Channel::Bars, &self.bars),
            timeframe: self.timeframe,
            features: left(Channel::Features, &self.features),
        }
    }
}
