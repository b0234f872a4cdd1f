//! The newest closed bars of each symbol and timeframe, for clients that ask for the past: what the engine closed since it
//! was opened, what its tape made it close again, and before that what the last run saved.

use engine::{Closed, Engine};
use journal::bars::{self, Bars};
use journal::tape::Place;
use market::{BarUpdate, Catalog, InstrumentId, SourceTime, Symbol, Timeframe};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bars of each symbol and timeframe that are kept.
pub(crate) const KEPT: usize = 500;

/// Those of one symbol and timeframe with their numbers among all, oldest first.
type Kept = VecDeque<(u64, Arc<BarUpdate>)>;

/// The closed bars that are kept.
#[derive(Debug, Default)]
pub(crate) struct ClosedBars {
    of: BTreeMap<(Symbol, Timeframe), Kept>,
    count: u64,
}

impl ClosedBars {
    /// Those that were saved in a market's folder, if the tape is told from `start` on: what closed between would be missing
    /// otherwise, and then they are none.
    pub(crate) fn load(dir: &Path, start: Place) -> Self {
        let mut closed = Self::default();
        let path = path_of(dir);
        match bars::load(&path) {
            Ok(Some(saved)) if saved.place >= start => {
                for bar in saved.closed {
                    closed.push(bar);
                }
            }
            Ok(Some(_)) => {
                tracing::warn!(file = %path.display(), "the bars that were saved end before the tape is read: charts start with what it gives");
            }
            Ok(None) => {}
            Err(reason) => {
                tracing::warn!(file = %path.display(), reason, "bars not used: charts start with what the tape gives");
            }
        }
        closed
    }

    /// Takes what closed with the engine's last event, and gives back what of it may be shown.
    pub(crate) fn hear(&mut self, engine: &Engine) -> impl Iterator<Item = Arc<BarUpdate>> {
        let catalog = &engine.settings().catalog;
        let closed = engine.just_closed().iter();
        closed.filter_map(|closed| {
            let Closed {
                instrument,
                timeframe,
                bar,
                ..
            } = *closed;
            self.push(update(catalog, instrument, timeframe, bar, true)?)
        })
    }

    /// Takes a bar, unless one that opened then or later has closed before: an engine that began anew may close it again.
    fn push(&mut self, bar: BarUpdate) -> Option<Arc<BarUpdate>> {
        if !self.is_news(&bar) {
            return None;
        }
        let kept = self.of.entry((bar.symbol, bar.timeframe)).or_default();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        let bar = Arc::new(bar);
        kept.push_back((self.count, Arc::clone(&bar)));
        self.count += 1;
        Some(bar)
    }

    /// Whether no bar that opened then or later has closed.
    fn is_news(&self, bar: &BarUpdate) -> bool {
        let last = self.last(bar.symbol, bar.timeframe);
        last.is_none_or(|last| last < bar.bar.open_time)
    }

    fn last(&self, symbol: Symbol, timeframe: Timeframe) -> Option<SourceTime> {
        let (_, last) = self.of.get(&(symbol, timeframe))?.back()?;
        Some(last.bar.open_time)
    }

    /// All that are kept, in the order in which they closed.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &Arc<BarUpdate>> {
        let mut all: Vec<_> = self.of.values().flatten().collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, bar)| bar)
    }

    /// Those that `others` does not know yet.
    pub(crate) fn beyond(&self, others: &Self) -> Vec<Arc<BarUpdate>> {
        let news = self.in_order().filter(|bar| others.is_news(bar));
        news.cloned().collect()
    }

    /// The open bars of an instrument as far as they have come, if they may be shown.
    pub(crate) fn forming(
        &self,
        engine: &Engine,
        instrument: InstrumentId,
    ) -> impl Iterator<Item = Arc<BarUpdate>> {
        let catalog = &engine.settings().catalog;
        let forming = engine.forming(instrument);
        forming
            .filter_map(move |(timeframe, bar)| update(catalog, instrument, timeframe, bar, false))
            .filter(|bar| self.is_news(bar))
            .map(Arc::new)
    }
}

/// Saves bars of which each up to this place of the tape is there, but for the oldest.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn save(dir: &Path, place: Place, closed: Vec<BarUpdate>) -> Result<(), journal::Error> {
    bars::save(&path_of(dir), &Bars { place, closed })
}

pub(crate) fn path_of(dir: &Path) -> PathBuf {
    dir.join("bars").join("closed.bars")
}

/// What is shown of a bar; nothing where the instrument's prices are not.
fn update(
    catalog: &Catalog,
    instrument: InstrumentId,
    timeframe: Timeframe,
    bar: market::Bar,
    closed: bool,
) -> Option<BarUpdate> {
    let of = catalog.instrument(instrument);
    of.prices.then_some(BarUpdate {
        symbol: of.symbol,
        digits: of.digits,
        timeframe,
        bar,
        closed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Bar, Ohlc, Price, Span};
    use tempfile::TempDir;

    fn minute(symbol: &str, number: i64) -> BarUpdate {
        let open_time = SourceTime::from_secs(60 * number);
        BarUpdate {
            symbol: Symbol::new(symbol).unwrap(),
            digits: 5,
            timeframe: Timeframe::M1,
            bar: Bar {
                open_time,
                end_time: open_time + Span::from_minutes(1),
                price: Ohlc::of(Price::from_units(1_085_300_000)),
                ticks: 1,
                holed: false,
            },
            closed: true,
        }
    }

    fn closed(bars: impl IntoIterator<Item = BarUpdate>) -> ClosedBars {
        let mut closed = ClosedBars::default();
        for bar in bars {
            assert!(closed.push(bar).is_some(), "{bar:?}");
        }
        closed
    }

    fn is(found: impl IntoIterator<Item = Arc<BarUpdate>>, expected: &[BarUpdate]) {
        let found: Vec<BarUpdate> = found.into_iter().map(|bar| *bar).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_newest_of_each_symbol_are_kept_in_their_order() {
        let pounds = minute("GBPUSD", 0);
        let euros = |from: i64| (from..KEPT as i64 + 2).map(|number| minute("EURUSD", number));
        let bars = closed(std::iter::once(pounds).chain(euros(0)));
        let kept: Vec<BarUpdate> = std::iter::once(pounds).chain(euros(2)).collect();
        is(bars.in_order().cloned(), &kept);
    }

    #[test]
    fn an_engine_that_closes_a_bar_again_changes_nothing() {
        let mut bars = closed([minute("EURUSD", 1), minute("EURUSD", 2)]);
        for number in [1, 2] {
            assert_eq!(bars.push(minute("EURUSD", number)), None);
        }
        is(
            bars.in_order().cloned(),
            &[minute("EURUSD", 1), minute("EURUSD", 2)],
        );
    }

    #[test]
    fn what_another_process_closed_is_what_this_one_does_not_know() {
        let ours = closed([minute("EURUSD", 1), minute("GBPUSD", 1)]);
        let [euros, pounds, gold] =
            [("EURUSD", 2), ("GBPUSD", 1), ("XAUUSD", 1)].map(|(symbol, at)| minute(symbol, at));
        let theirs = closed([minute("EURUSD", 1), pounds, gold, euros]);
        is(theirs.beyond(&ours), &[gold, euros]);
    }

    #[test]
    fn saved_bars_that_end_before_the_tape_is_read_are_not_used() {
        let dir = TempDir::new().unwrap();
        let at = |offset| Place { segment: 1, offset };
        let bars = closed([minute("EURUSD", 1)]);
        let saved = bars.in_order().map(|bar| **bar).collect();
        save(dir.path(), at(7), saved).unwrap();
        for (start, expected) in [(at(6), 1), (at(7), 1), (at(8), 0)] {
            let loaded = ClosedBars::load(dir.path(), start);
            assert_eq!(loaded.in_order().count(), expected, "{start:?}");
        }
    }
}
