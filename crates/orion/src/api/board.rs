//! The latest price of each symbol, and the closes of its last minutes: what was published, as it was published.

use hub::Publication;
use market::{Price, PriceUpdate, Symbol, Timeframe};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Closes of minutes that are kept of each symbol.
const CLOSES: usize = 60;

/// Written by whoever publishes, read by whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<BTreeMap<Symbol, Seen>>);

/// What is known of one symbol.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) price: Option<PriceUpdate>,
    /// Oldest first.
    pub(crate) closes: VecDeque<Price>,
}

impl Board {
    pub(crate) fn hear(&self, publication: &Publication) {
        if publication.prices.is_empty() && publication.bars.is_empty() {
            return;
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for price in &publication.prices {
            seen.entry(price.symbol).or_default().price = Some(price.clone());
        }
        for bar in &publication.bars {
            if bar.closed && bar.timeframe == Timeframe::M1 {
                let closes = &mut seen.entry(bar.symbol).or_default().closes;
                if closes.len() == CLOSES {
                    closes.pop_front();
                }
                closes.push_back(bar.bar.price.close);
            }
        }
    }

    pub(crate) fn of(&self, symbol: Symbol) -> Seen {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&symbol).cloned().unwrap_or_default()
    }
}
