//! What all clients hear that hear the latest message of the same symbols: how they stand, or their features. Every dialect
//! has the same words for it.

use crate::classes::Class;
use crate::filter::Symbols;
use crate::latest::Latest;
use crate::newest::Newest;
use market::{Symbol, Time};

#[derive(Debug)]
pub(crate) struct SymbolClass {
    symbols: Symbols,
    latest: Latest,
}

impl Class for SymbolClass {
    type Key = Symbols;
    fn key(&self) -> &Symbols {
        &self.symbols
    }
}

impl SymbolClass {
    /// It begins with the newest message of each of its symbols, and no news.
    pub(crate) fn new(
        symbols: Symbols,
        mut latest: Latest,
        newest: &Newest<Vec<u8>>,
        now: Time,
    ) -> Self {
        for (symbol, frame) in newest.in_order().filter(|(of, _)| symbols.has(*of)) {
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
