//! The newest of each symbol, in the order in which they came.

use market::Symbol;
use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Newest<T> {
    /// With a number that counts all that ever came.
    of: BTreeMap<Symbol, (u64, T)>,
    count: u64,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self {
            of: BTreeMap::new(),
            count: 0,
        }
    }
}

impl<T> Newest<T> {
    pub(crate) fn get(&self, symbol: Symbol) -> Option<&T> {
        self.of.get(&symbol).map(|(_, newest)| newest)
    }

    pub(crate) fn set(&mut self, symbol: Symbol, newest: T) {
        self.count += 1;
        self.of.insert(symbol, (self.count, newest));
    }

    pub(crate) fn in_order(&self) -> impl Iterator<Item = (Symbol, &T)> {
        let mut all: Vec<_> = self.of.iter().collect();
        all.sort_unstable_by_key(|(_, (number, _))| *number);
        all.into_iter()
            .map(|(symbol, (_, newest))| (*symbol, newest))
    }
}
