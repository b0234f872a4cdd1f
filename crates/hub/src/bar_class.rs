//! What all clients hear of bars that hear the same symbols and timeframe as often. Closed bars are a log, from which
//! nothing is ever left out. Of an open bar only its latest state counts, so there is no more than that; once it has closed,
//! there is none. There is one dialect: plain clients hear no bars.

use crate::classes::Class;
use crate::filter::Symbols;
use crate::frame;
use crate::latest::Latest;
use crate::log::Log;
use market::{BarUpdate, SourceTime, Span, Symbol, Time, Timeframe};
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::tell;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BarKey {
    pub(crate) timeframe: Timeframe,
    pub(crate) symbols: Symbols,
    /// The least time between two states of an open bar; none when each that is published is told.
    pub(crate) interval: Span,
}

#[derive(Debug)]
pub(crate) struct BarClass {
    key: BarKey,
    /// Each closed bar with its number among all.
    closed: Log<u64>,
    forming: Latest,
    paces: BTreeMap<Symbol, Pace>,
}

/// How far a symbol is in its interval.
#[derive(Debug, Default)]
struct Pace {
    told: Option<Time>,
    /// When the bar opened that is shown as open.
    shown: Option<SourceTime>,
    waiting: Option<Arc<BarUpdate>>,
}

impl Class for BarClass {
    type Key = BarKey;
    fn key(&self) -> &BarKey {
        &self.key
    }
}

impl BarClass {
    /// It begins with no news.
    pub(crate) fn new(key: BarKey) -> Self {
        Self {
            key,
            closed: Log::default(),
            forming: Latest::new(Span::ZERO, 0),
            paces: BTreeMap::new(),
        }
    }

    pub(crate) fn closed(&self) -> &Log<u64> {
        &self.closed
    }
    pub(crate) fn forming(&self) -> &Latest {
        &self.forming
    }

    /// Takes the closed bar of this number, of which a client may be no more than `max` behind.
    pub(crate) fn close(&mut self, update: &BarUpdate, number: u64, frame: &[u8], max: usize) {
        if !self.hears(update) {
            return;
        }
        self.closed.push(frame, number);
        while self.closed.len() > max {
            self.closed.forget_oldest();
        }
        let Some(pace) = self.paces.get_mut(&update.symbol) else {
            return;
        };
        let is_over = |open_time: SourceTime| open_time <= update.bar.open_time;
        pace.waiting.take_if(|bar| is_over(bar.bar.open_time));
        if pace.shown.take_if(|shown| is_over(*shown)).is_some() {
            self.forming.remove(update.symbol);
        }
    }

    /// Takes a new state of an open bar.
    pub(crate) fn form(&mut self, update: &Arc<BarUpdate>, now: Time) {
        if self.hears(update) {
            let pace = self.paces.entry(update.symbol).or_default();
            pace.waiting = Some(Arc::clone(update));
            self.tell_if_due(update.symbol, now);
        }
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
        if let Some(update) = pace.waiting.take()
            && let Some(frame) = frame_of(&update, now)
        {
            pace.told = Some(now);
            pace.shown = Some(update.bar.open_time);
            self.forming.push(symbol, &frame, now);
        }
    }

    fn hears(&self, update: &BarUpdate) -> bool {
        self.key.timeframe == update.timeframe && self.key.symbols.has(update.symbol)
    }
}

/// The message of a bar; `None` where it may not be told, which is judged when it is published.
pub(crate) fn frame_of(update: &BarUpdate, now: Time) -> Option<Vec<u8>> {
    let text = tell::bar(update, now).ok()?;
    Some(frame::text(&text))
}
