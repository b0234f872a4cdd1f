//! Which rows are wanted: of when, of what.

use crate::cli;
use anyhow::{Result, anyhow, ensure};
use market::{Symbol, Time, Timeframe};
use std::collections::BTreeMap;

/// What the command line asks for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) from: Time,
    /// Not itself in it.
    pub(super) to: Time,
    /// All where there are none; with each whether something of it was seen.
    symbols: BTreeMap<Symbol, bool>,
    /// All where there are none.
    timeframes: Vec<Timeframe>,
}

impl Wanted {
    pub(super) fn read(options: &cli::Export) -> Result<Self> {
        let (from, to) = (options.from.as_deref(), options.to.as_deref());
        let mut symbols = BTreeMap::new();
        for name in &options.symbols {
            let symbol = Symbol::new(name.trim());
            let symbol = symbol.map_err(|error| anyhow!("--symbols: {error}"))?;
            symbols.insert(symbol, false);
        }
        let wanted = Self {
            from: moment("--from", from, Time::MIN)?,
            to: moment("--to", to, Time::MAX)?,
            symbols,
            timeframes: options.timeframes.clone(),
        };
        ensure!(
            wanted.from < wanted.to,
            "--from {} is not before --to {}: nothing lies between them",
            from.unwrap_or_default(),
            to.unwrap_or_default()
        );
        ensure!(
            wanted.timeframes.is_empty() || options.what == super::What::Bars,
            "--timeframes is about bars alone: leave it out"
        );
        Ok(wanted)
    }

    /// Whether a row is, and remembers that there is one.
    pub(super) fn has(&mut self, at: Time, symbol: Symbol) -> bool {
        if !(self.from..self.to).contains(&at) {
            return false;
        }
        match self.symbols.get_mut(&symbol) {
            Some(seen) => *seen = true,
            None => return self.symbols.is_empty(),
        }
        true
    }

    /// Whether anything of a symbol may be.
    pub(super) fn has_symbol(&self, symbol: Symbol) -> bool {
        self.symbols.is_empty() || self.symbols.contains_key(&symbol)
    }

    pub(super) fn has_timeframe(&self, timeframe: Timeframe) -> bool {
        self.timeframes.is_empty() || self.timeframes.contains(&timeframe)
    }

    /// Symbols that were asked for, of which nothing was there.
    pub(super) fn unseen(&self) -> impl Iterator<Item = Symbol> {
        let unseen = self.symbols.iter().filter(|(_, seen)| !**seen);
        unseen.map(|(symbol, _)| *symbol)
    }
}

/// A moment of the command line: a date, or RFC 3339.
fn moment(option: &str, text: Option<&str>, otherwise: Time) -> Result<Time> {
    let Some(text) = text else {
        return Ok(otherwise);
    };
    let read = Time::parse(text).or_else(|_| Time::parse(&format!("{text}T00:00:00Z")));
    read.map_err(|_| {
        anyhow!("{option} {text} is no time: write 2026-11-28 or 2026-11-28T07:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates_or_times() {
        let time = |text| Time::parse(text).unwrap();
        let read = |text| moment("--from", text, Time::MIN);
        assert_eq!(read(None).unwrap(), Time::MIN);
        let day = read(Some("2026-11-28")).unwrap();
        assert_eq!(day, time("2026-11-28T00:00:00Z"));
        let noon = read(Some("2026-11-28T13:00:00+01:00")).unwrap();
        assert_eq!(noon, time("2026-11-28T12:00:00Z"));
        let error = read(Some("yesterday")).unwrap_err().to_string();
        assert!(error.starts_with("--from yesterday is no time"), "{error}");
    }

    #[test]
    fn a_period_has_its_begin_and_not_its_end_and_only_the_symbols_that_are_named() {
        let [gold, euro] = ["XAUUSD", "EURUSD"].map(|name| Symbol::new(name).unwrap());
        let [from, to] = [10, 20].map(Time::from_secs);
        let mut wanted = Wanted {
            from,
            to,
            symbols: BTreeMap::from([(gold, false)]),
            timeframes: Vec::new(),
        };
        assert!(!wanted.has(to, gold) && !wanted.has(from, euro));
        assert_eq!(wanted.unseen().collect::<Vec<_>>(), [gold]);
        assert!(wanted.has(from, gold));
        assert_eq!(wanted.unseen().count(), 0);
    }
}
