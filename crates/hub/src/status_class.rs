//! What all clients hear of how symbols stand that hear the same symbols. Every dialect has the same words for it.

use crate::classes::Class;
use crate::filter::Symbols;
use crate::latest::Latest;
use crate::newest::Newest;
use market::{Symbol, Time};

#[derive(Debug)]
pub(crate) struct StatusClass {
    symbols: Symbols,
    latest: Latest,
}

impl Class for StatusClass {
    type Key = Symbols;
    fn key(&self) -> &Symbols {
        &self.symbols
    }
}

impl StatusClass {
    /// It begins with how each of its symbols stands, and no news.
    pub(crate) fn new(
        symbols: Symbols,
        mut latest: Latest,
        statuses: &Newest<Vec<u8>>,
        now: Time,
    ) -> Self {
        for (symbol, frame) in statuses.in_order().filter(|(of, _)| symbols.has(*of)) {
            latest.push(symbol, frame, now);
        }
        latest.forget_log();
        Self { symbols, latest }
    }

    pub(crate) fn latest(&self) -> &Latest {
        &self.latest
    }

    pub(crate) fn take(&mut self, symbol: Symbol, frame: &[u8], now: Time) {
        if self.symbols.has(symbol) {
            self.latest.push(symbol, frame, now);
        }
    }
}
