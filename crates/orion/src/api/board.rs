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

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Bar, BarUpdate, Ohlc, SourceId, SourceTime, Span};
    use std::sync::Arc;

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
}
