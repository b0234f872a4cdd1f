//! Which symbols, and which events.

use crate::events::Event;
use market::Symbol;
use std::sync::Arc;
use wire::{Channel, Channels, tell::Heard};

/// A set of symbols: all there are and will be, or some.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Symbols {
    All,
    /// In their order, each once.
    Only(Arc<[Symbol]>),
}

impl Symbols {
    pub(crate) fn only(symbols: &[Symbol]) -> Self {
        let mut sorted = symbols.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        Self::Only(sorted.into())
    }

    pub(crate) fn none() -> Self {
        Self::Only(Arc::new([]))
    }

    pub(crate) fn has(&self, symbol: Symbol) -> bool {
        match self {
            Self::All => true,
            Self::Only(some) => some.binary_search(&symbol).is_ok(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Only(some) if some.is_empty())
    }

    pub(crate) fn and(&self, others: &Self) -> Self {
        match (self, others) {
            (Self::Only(some), Self::Only(more)) => Self::only(&[&some[..], &more[..]].concat()),
            (Self::All, _) | (_, Self::All) => Self::All,
        }
    }

    /// `every` is what all means now.
    pub(crate) fn without(&self, others: &Self, every: &[Symbol]) -> Self {
        let ours = match self {
            Self::All => every,
            Self::Only(some) => some,
        };
        let left: Vec<_> = ours
            .iter()
            .copied()
            .filter(|symbol| !others.has(*symbol))
            .collect();
        Self::only(&left)
    }

    /// What they count as, where subscriptions are counted.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::All => 1,
            Self::Only(some) => some.len(),
        }
    }

    pub(crate) fn heard(&self) -> Heard<'_> {
        match self {
            Self::All => Heard::Every,
            Self::Only(some) => Heard::Only(some),
        }
    }
}

/// Which events a client hears. The two channels are one stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventFilter {
    pub(crate) signals: Symbols,
    pub(crate) outcomes: Symbols,
}

impl EventFilter {
    pub(crate) fn none() -> Self {
        Self {
            signals: Symbols::none(),
            outcomes: Symbols::none(),
        }
    }

    /// These symbols of those of the two channels that are named.
    pub(crate) fn of(channels: Channels, symbols: &Symbols) -> Self {
        let of = |channel| {
            if channels.has(channel) {
                symbols.clone()
            } else {
                Symbols::none()
            }
        };
        Self {
            signals: of(Channel::Signals),
            outcomes: of(Channel::Outcomes),
        }
    }

    pub(crate) fn passes(&self, event: &Event) -> bool {
        match event {
            Event::Signal(signal) => self.signals.has(signal.symbol),
            Event::Outcome(outcome) => self.outcomes.has(outcome.symbol),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.signals.is_empty() && self.outcomes.is_empty()
    }

    pub(crate) fn and(&self, others: &Self) -> Self {
        Self {
            signals: self.signals.and(&others.signals),
            outcomes: self.outcomes.and(&others.outcomes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(names: &[&str]) -> Vec<Symbol> {
        let symbols = names.iter().map(|name| Symbol::new(name).unwrap());
        symbols.collect()
    }

    #[test]
    fn sets_of_symbols() {
        let every = symbols(&["EURUSD", "GBPUSD", "US30"]);
        let only = |names: &[&str]| Symbols::only(&symbols(names));
        assert_eq!(only(&["US30", "EURUSD", "US30"]), only(&["EURUSD", "US30"]));
        assert_eq!(
            only(&["US30"]).and(&only(&["EURUSD"])),
            only(&["EURUSD", "US30"])
        );
        assert_eq!(only(&["US30"]).and(&Symbols::All), Symbols::All);
        assert_eq!(Symbols::All.and(&only(&[])), Symbols::All);
        assert_eq!(
            Symbols::All.without(&only(&["GBPUSD"]), &every),
            only(&["EURUSD", "US30"])
        );
        assert_eq!(
            only(&["US30"]).without(&Symbols::All, &every),
            Symbols::none()
        );
        assert!(Symbols::All.has(every[0]) && !only(&["US30"]).has(every[0]));
        assert!(Symbols::none().is_empty() && !Symbols::All.is_empty());
    }
}
