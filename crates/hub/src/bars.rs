//! Bars as what they are: the newest closed ones of each symbol and timeframe, for who asks for the past, and the one that
//! is open. All closed bars have one order, that in which they were published.

use crate::client::Behind;
use crate::filter::Symbols;
use crate::publication::Refused;
use market::{BarUpdate, SourceTime, Symbol, Timeframe};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Bars {
    of: BTreeMap<(Timeframe, Symbol), Kept>,
    /// The number of the next closed bar.
    next: u64,
    /// Closed bars of each symbol and timeframe.
    max: usize,
}

/// The bars of one symbol and timeframe.
#[derive(Debug, Default)]
struct Kept {
    /// With their numbers, oldest first.
    closed: VecDeque<(u64, Arc<BarUpdate>)>,
    dropped: Option<Dropped>,
    forming: Option<Arc<BarUpdate>>,
}

/// The last closed bar that is not kept any more.
#[derive(Clone, Copy, Debug)]
struct Dropped {
    number: u64,
    open_time: SourceTime,
    /// The number of the next closed bar of all when it went.
    before: u64,
}

/// Closed bars that one client is given: those with a number in `from..until` that opened at `since` or later.
#[derive(Debug)]
pub(crate) struct BarReplay {
    pub(crate) timeframe: Timeframe,
    pub(crate) symbols: Symbols,
    pub(crate) since: SourceTime,
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// What was dropped before this number came was not promised.
    pub(crate) promised_at: u64,
}

impl Bars {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            of: BTreeMap::new(),
            next: 0,
            max,
        }
    }

    /// The number that the next closed bar will have.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    #[cfg(test)]
    pub(crate) fn len_max(&self) -> usize {
        let lengths = self.of.values().map(|kept| kept.closed.len());
        lengths.max().unwrap_or(0)
    }

    /// Takes a bar that may be told, and says whether it is news.
    ///
    /// # Errors
    /// When one that opened then or later has closed before: a closed bar is never told again.
    pub(crate) fn take(&mut self, update: &Arc<BarUpdate>) -> Result<bool, Refused> {
        let kept = self
            .of
            .entry((update.timeframe, update.symbol))
            .or_default();
        let (open_time, last) = (update.bar.open_time, kept.last_closed());
        if let Some(last) = last.filter(|last| open_time <= *last) {
            let BarUpdate {
                symbol, timeframe, ..
            } = **update;
            return Err(Refused::OldBar {
                symbol,
                timeframe,
                given: open_time,
                last,
            });
        }
        if !update.closed {
            let before = kept.forming.replace(Arc::clone(update));
            return Ok(before.as_ref() != Some(update));
        }
        kept.forming
            .take_if(|forming| forming.bar.open_time <= open_time);
        kept.closed.push_back((self.next, Arc::clone(update)));
        self.next += 1;
        if kept.closed.len() > self.max
            && let Some((number, bar)) = kept.closed.pop_front()
        {
            kept.dropped = Some(Dropped {
                number,
                open_time: bar.bar.open_time,
                before: self.next,
            });
        }
        Ok(true)
    }

    /// The closed bars that are kept of these since a time: how many, and whether they reach back to it. Symbols of which there
    /// is no bar at all do not count.
    pub(crate) fn since(
        &self,
        timeframe: Timeframe,
        symbols: &Symbols,
        since: SourceTime,
    ) -> (u64, bool) {
        let mut found = (0, true);
        for kept in self.heard(timeframe, symbols) {
            let older = kept
                .closed
                .partition_point(|(_, bar)| bar.bar.open_time < since);
            found.0 += (kept.closed.len() - older) as u64;
            found.1 &= kept.reaches(since);
        }
        found
    }

    /// The open bars of these, as far as they have come.
    pub(crate) fn forming(
        &self,
        timeframe: Timeframe,
        symbols: &Symbols,
    ) -> impl Iterator<Item = &Arc<BarUpdate>> {
        let heard = self.heard(timeframe, symbols);
        heard.filter_map(|kept| kept.forming.as_ref())
    }

    /// The next bars of a replay, in their order, at most so many.
    ///
    /// # Errors
    /// When one that was promised is not kept any more.
    pub(crate) fn replay(
        &self,
        replay: &mut BarReplay,
        max: usize,
    ) -> Result<Vec<Arc<BarUpdate>>, Behind> {
        let mut next: Vec<(u64, &Arc<BarUpdate>)> = Vec::new();
        for kept in self.heard(replay.timeframe, &replay.symbols) {
            if kept.dropped.is_some_and(|dropped| replay.misses(dropped)) {
                return Err(Behind);
            }
            let start = kept
                .closed
                .partition_point(|(number, _)| *number < replay.from);
            let ahead = kept.closed.range(start..);
            let wanted = ahead
                .take_while(|(number, _)| *number < replay.until)
                .filter(|(_, bar)| bar.bar.open_time >= replay.since);
            // One more than fits says where the rest begins.
            let ahead = wanted.take(max + 1);
            next.extend(ahead.map(|(number, bar)| (*number, bar)));
        }
        next.sort_unstable_by_key(|(number, _)| *number);
        let behind = next.get(max).map(|(number, _)| *number);
        replay.from = behind.unwrap_or(replay.until);
        Ok(next
            .into_iter()
            .take(max)
            .map(|(_, bar)| Arc::clone(bar))
            .collect())
    }

    fn heard(&self, timeframe: Timeframe, symbols: &Symbols) -> impl Iterator<Item = &Kept> {
        let every = self.of.iter();
        every
            .filter(move |((of, symbol), _)| *of == timeframe && symbols.has(*symbol))
            .map(|(_, kept)| kept)
    }
}

impl Kept {
    fn last_closed(&self) -> Option<SourceTime> {
        self.closed.back().map(|(_, bar)| bar.bar.open_time)
    }

    /// Whether no bar that opened at `since` or later is missing. Where none is kept, the one that is open says where they begin:
    /// those before it may have been lost with the last run.
    fn reaches(&self, since: SourceTime) -> bool {
        let closed = self.closed.front().map(|(_, bar)| bar);
        let oldest = closed.or(self.forming.as_ref());
        oldest.is_none_or(|oldest| oldest.bar.open_time <= since)
            || self
                .dropped
                .is_some_and(|dropped| dropped.open_time < since)
    }
}

impl BarReplay {
    pub(crate) fn is_over(&self) -> bool {
        self.from >= self.until
    }

    fn misses(&self, dropped: Dropped) -> bool {
        dropped.number >= self.from
            && dropped.open_time >= self.since
            && dropped.before > self.promised_at
    }
}
