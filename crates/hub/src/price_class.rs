//! What all clients hear of prices that hear the same symbols as often in the same words.

use crate::classes::Class;
use crate::deflate::Deflater;
use crate::filter::Symbols;
use crate::form::{Dialect, Form, Packing};
use crate::frame;
use crate::latest::Latest;
use crate::newest::Newest;
use crate::publication::Refused;
use market::{Catalog, PriceKind, PriceUpdate, Source, Span, Symbol, Time};
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::tell::{Origin, PriceBody};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PriceKey {
    pub(crate) form: Form,
    pub(crate) symbols: Symbols,
    /// The least time between two prices of a symbol; none when each that is published is told.
    pub(crate) interval: Span,
}

#[derive(Debug)]
pub(crate) struct PriceClass {
    key: PriceKey,
    latest: Latest,
    /// Messages that wait to be packed together.
    waiting: Vec<(Symbol, String)>,
    /// Only where the interval lets some wait.
    paces: BTreeMap<Symbol, Pace>,
}

/// How far a symbol is in its interval.
#[derive(Debug, Default)]
struct Pace {
    told: Option<Time>,
    waiting: Option<Arc<Told>>,
    /// Ticks folded into what waits.
    ticks: u32,
}

/// A price that may be told, and what of it is the same for all.
#[derive(Debug)]
pub(crate) struct Told {
    update: PriceUpdate,
    /// By its name: its place may be another's when the price is told once more.
    source: Arc<Source>,
    kind: PriceKind,
    body: PriceBody,
}

impl Class for PriceClass {
    type Key = PriceKey;
    fn key(&self) -> &PriceKey {
        &self.key
    }
}

impl Told {
    /// # Errors
    /// When it may not be told.
    pub(crate) fn new(
        update: &PriceUpdate,
        catalog: &Catalog,
        sources: &[Arc<Source>],
    ) -> Result<Self, Refused> {
        let symbol = update.symbol;
        let found = catalog.find(symbol.as_str());
        let (id, source) = found
            .zip(sources.get(update.source.index()))
            .ok_or(Refused::NotInCatalog { symbol })?;
        Ok(Self {
            body: PriceBody::new(update)?,
            kind: catalog.instrument(id).kind,
            source: Arc::clone(source),
            update: update.clone(),
        })
    }

    pub(crate) fn update(&self) -> &PriceUpdate {
        &self.update
    }

    fn text(&self, dialect: Dialect, ticks: u32, now: Time) -> String {
        match dialect {
            Dialect::Plain => self.body.plain(),
            Dialect::Extended => {
                let origin = Origin {
                    source: &self.source.name,
                    kind: self.kind,
                    simulated: self.source.simulated,
                };
                self.body.extended(&self.update, ticks, origin, now)
            }
        }
    }
}

/// The newest price of each symbol of a class, in frames.
fn newest<'a>(
    key: &'a PriceKey,
    prices: &'a Newest<Arc<Told>>,
    now: Time,
) -> impl Iterator<Item = (Symbol, Vec<u8>)> + use<'a> {
    let heard = prices.in_order().filter(|(of, _)| key.symbols.has(*of));
    heard.map(move |(symbol, told)| {
        let text = told.text(key.form.dialect, told.update.ticks, now);
        (symbol, frame::text(&text))
    })
}

/// The texts of one price that several classes tell alike.
#[derive(Debug)]
pub(crate) struct Texts<'a> {
    told: &'a Arc<Told>,
    now: Time,
    plain: Option<String>,
    extended: Option<String>,
}

impl<'a> Texts<'a> {
    pub(crate) fn new(told: &'a Arc<Told>, now: Time) -> Self {
        Self {
            told,
            now,
            plain: None,
            extended: None,
        }
    }

    fn of(&mut self, dialect: Dialect) -> &str {
        let text = match dialect {
            Dialect::Plain => &mut self.plain,
            Dialect::Extended => &mut self.extended,
        };
        let ticks = self.told.update.ticks;
        text.get_or_insert_with(|| self.told.text(dialect, ticks, self.now))
    }
}

impl PriceClass {
    /// It begins with the latest price of each of its symbols, and no news.
    pub(crate) fn new(
        key: PriceKey,
        mut latest: Latest,
        prices: &Newest<Arc<Told>>,
        now: Time,
    ) -> Self {
        for (symbol, frame) in newest(&key, prices, now) {
            latest.push(symbol, &frame, now);
        }
        latest.forget_log();
        Self {
            key,
            latest,
            waiting: Vec::new(),
            paces: BTreeMap::new(),
        }
    }

    pub(crate) fn latest(&self) -> &Latest {
        &self.latest
    }

    /// Whether a price waits for its interval: the latest that was told is not the newest then.
    pub(crate) fn holds_back(&self) -> bool {
        self.paces.values().any(|pace| pace.waiting.is_some())
    }

    /// The newest price of each of its symbols, whether it was told or not, in frames.
    pub(crate) fn newest(&self, prices: &Newest<Arc<Told>>, now: Time) -> Vec<Vec<u8>> {
        let newest = newest(&self.key, prices, now);
        newest.map(|(_, frame)| frame).collect()
    }

    pub(crate) fn take(&mut self, texts: &mut Texts<'_>) {
        let (told, now) = (texts.told, texts.now);
        let symbol = told.update.symbol;
        if !self.key.symbols.has(symbol) {
            return;
        }
        if self.key.interval <= Span::ZERO {
            let text = texts.of(self.key.form.dialect).to_owned();
            return self.tell(symbol, text, now);
        }
        let pace = self.paces.entry(symbol).or_default();
        pace.ticks = pace.ticks.saturating_add(told.update.ticks);
        pace.waiting = Some(Arc::clone(told));
        self.tell_if_due(symbol, now);
    }

    /// Time has passed: what waited for its interval may be told.
    pub(crate) fn pass_time(&mut self, now: Time) {
        let waiting = self.paces.iter().filter(|(_, pace)| pace.waiting.is_some());
        let symbols: Vec<Symbol> = waiting.map(|(symbol, _)| *symbol).collect();
        for symbol in symbols {
            self.tell_if_due(symbol, now);
        }
    }

    fn tell_if_due(&mut self, symbol: Symbol, now: Time) {
        let interval = self.key.interval;
        let Some(pace) = self.paces.get_mut(&symbol) else {
            return;
        };
        if pace.told.is_some_and(|told| told + interval > now) {
            return;
        }
        let Some(told) = pace.waiting.take() else {
            return;
        };
        pace.told = Some(now);
        let ticks = std::mem::take(&mut pace.ticks);
        let text = told.text(self.key.form.dialect, ticks, now);
        self.tell(symbol, text, now);
    }

    fn tell(&mut self, symbol: Symbol, text: String, now: Time) {
        match self.key.form.packing {
            Packing::Single => self.latest.push(symbol, &frame::text(&text), now),
            Packing::Grouped => self.waiting.push((symbol, text)),
        }
    }

    /// The end of a publication: what waits is packed.
    pub(crate) fn seal(&mut self, deflater: &mut Deflater, now: Time) {
        if !self.waiting.is_empty() {
            self.latest.push_group(&self.waiting, deflater, now);
            self.waiting.clear();
        }
    }
}
