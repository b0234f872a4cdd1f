//! The latest price of each symbol, and the closes of its last minutes: what was published, as it was published.

use hub::Publication;
use market::{Price, PriceUpdate, Source, Symbol, Timeframe};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Closes of minutes that are kept of each symbol.
const CLOSES: usize = 60;

/// Written by whoever publishes, read by whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// As prices name them now.
    sources: Vec<Arc<Source>>,
    symbols: BTreeMap<Symbol, Seen>,
}

/// What is known of one symbol.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) price: Option<PriceUpdate>,
    /// Whose price it is: its place may be another's by now.
    pub(crate) source: Option<Arc<Source>>,
    /// Oldest first.
    pub(crate) closes: VecDeque<Price>,
}

impl Board {
    /// A board on which prices name these sources.
    pub(crate) fn new(sources: &[Source]) -> Self {
        let board = Self::default();
        board.lock().sources = Source::shared(sources);
        board
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hear(&self, publication: &Publication) {
        if publication.is_silent() && publication.sources.is_none() {
            return;
        }
        let Known {
            sources,
            symbols: seen,
        } = &mut *self.lock();
        if let Some(others) = &publication.sources {
            *sources = Source::shared(others);
        }
        for price in &publication.prices {
            let seen = seen.entry(price.symbol).or_default();
            seen.price = Some(price.clone());
            seen.source = sources.get(price.source.index()).cloned();
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
        self.lock()
            .symbols
            .get(&symbol)
            .cloned()
            .unwrap_or_default()
    }

    /// The source of this name, as long as there is one.
    pub(crate) fn source(&self, name: &str) -> Option<Arc<Source>> {
        let known = self.lock();
        let found = known.sources.iter().find(|source| source.name == name);
        found.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Bar, BarUpdate, Ohlc, SourceId, SourceTime, Span};

    fn euro() -> Symbol {
        Symbol::new("EURUSD").unwrap()
    }

    fn bar(minute: i64, timeframe: Timeframe, closed: bool) -> Arc<BarUpdate> {
        let open_time = SourceTime::from_secs(60 * minute);
        Arc::new(BarUpdate {
            symbol: euro(),
            digits: 5,
            timeframe,
            bar: Bar {
                open_time,
                end_time: open_time + Span::from_minutes(1),
                price: Ohlc::of(Price::from_units(minute)),
                ticks: 1,
                holed: false,
            },
            closed,
        })
    }

    fn price(units: i64) -> PriceUpdate {
        PriceUpdate {
            symbol: euro(),
            digits: 5,
            price: Price::from_units(units),
            bid: Price::from_units(units),
            ask: Price::from_units(units),
            time: SourceTime::MIN,
            change: Price::ZERO,
            change_percent: Price::ZERO,
            volume: None,
            source: SourceId(0),
            ticks: 1,
        }
    }

    #[test]
    fn the_latest_price_and_the_newest_closed_minutes_stand_on_it() {
        let board = Board::default();
        assert!(board.of(euro()).price.is_none());
        let minutes = (0..70).map(|minute| bar(minute, Timeframe::M1, true));
        let others = [bar(90, Timeframe::M1, false), bar(91, Timeframe::M5, true)];
        board.hear(&Publication {
            prices: vec![price(1), price(2)],
            bars: minutes.chain(others).collect(),
            ..Publication::default()
        });
        board.hear(&Publication::default());
        let seen = board.of(euro());
        assert_eq!(
            seen.price.map(|price| price.price),
            Some(Price::from_units(2))
        );
        let closes: Vec<i64> = seen.closes.iter().map(|close| close.units()).collect();
        assert_eq!(closes, (10..70).collect::<Vec<_>>());
    }

    #[test]
    fn a_price_stays_the_price_of_its_source() {
        let source = |name: &str| Source {
            name: name.to_owned(),
            heartbeats: true,
            simulated: false,
            always_open: false,
        };
        let board = Board::new(&[source("oanda")]);
        let of = |prices| Publication {
            prices,
            ..Publication::default()
        };
        let named = || board.of(euro()).source.map(|source| source.name.clone());
        board.hear(&of(vec![price(1)]));
        board.hear(&Publication {
            sources: Some([source("kraken"), source("oanda")].into()),
            ..Publication::default()
        });
        assert_eq!(named().as_deref(), Some("oanda"));
        board.hear(&of(vec![price(2)]));
        assert_eq!(named().as_deref(), Some("kraken"));
        assert!(board.source("oanda").is_some() && board.source("massive").is_none());
    }
}
