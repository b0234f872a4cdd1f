//! The price log, and the latest price of each symbol. Prices may be left out where a later one of the same symbol
//! follows, so a client that fell behind, like one that has just subscribed, is first given the latest of each symbol:
//! in both cases its cursor walks a stretch of the log of which only the latest prices are left.

use crate::client::Pending;
use crate::log::Log;
use bytes::Bytes;
use market::{SourceTime, Span, Symbol, Time};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Prices {
    log: Log,
    /// The latest price of each symbol by its number in the log, which may have forgotten it.
    latest: BTreeMap<u64, Bytes>,
    symbols: BTreeMap<Symbol, Shown>,
    span: Span,
    count_max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Shown {
    number: u64,
    time: SourceTime,
}

/// One client's place among the prices.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PriceCursor {
    /// The next message that is wanted.
    next: u64,
    /// Up to here only the latest prices are given.
    fold_until: u64,
    /// Where live messages began: before it lies the snapshot.
    joined: u64,
}

/// What taking bytes led to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) bytes: usize,
    /// Messages of which at least the first byte was written.
    pub(crate) messages: u64,
    /// Live messages passed over because a later price of the same symbol is there.
    pub(crate) folded: u64,
    pub(crate) rest: Bytes,
}

impl Prices {
    pub(crate) fn new(span: Span, count_max: usize) -> Self {
        Self {
            log: Log::default(),
            latest: BTreeMap::new(),
            symbols: BTreeMap::new(),
            span,
            count_max,
        }
    }

    /// The source's time of the latest price of a symbol.
    pub(crate) fn latest_time(&self, symbol: Symbol) -> Option<SourceTime> {
        self.symbols.get(&symbol).map(|shown| shown.time)
    }

    pub(crate) fn push(&mut self, symbol: Symbol, time: SourceTime, frame: Vec<u8>, now: Time) {
        let number = self.log.next();
        self.log.push(&frame, now);
        if let Some(before) = self.symbols.insert(symbol, Shown { number, time }) {
            self.latest.remove(&before.number);
        }
        self.latest.insert(number, Bytes::from(frame));
        self.forget(now);
    }

    /// Drops what is older than the span, and what is too much.
    fn forget(&mut self, now: Time) {
        while self.log.len() > self.count_max
            || self.log.oldest().is_some_and(|at| at + self.span < now)
        {
            self.log.forget_oldest();
        }
    }

    /// Empties the log; the latest prices stay.
    pub(crate) fn forget_log(&mut self) {
        while self.log.len() > 0 {
            self.log.forget_oldest();
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.log.len()
    }

    /// A cursor that is given the latest price of each symbol and then all that follows.
    pub(crate) fn join(&self) -> PriceCursor {
        PriceCursor {
            next: 0,
            fold_until: self.log.next(),
            joined: self.log.next(),
        }
    }

    /// Whether the cursor still owes its client a part of the snapshot.
    pub(crate) fn is_snapshot(&self, cursor: PriceCursor) -> bool {
        cursor.next < cursor.joined
    }

    pub(crate) fn is_due(&self, cursor: PriceCursor) -> bool {
        cursor.next < self.log.next()
    }

    /// Brings a cursor to where something is due: one that fell behind the log starts to fold, one that has nothing left
    /// to fold goes on with the log. Returns what was folded.
    pub(crate) fn settle(&self, cursor: &mut PriceCursor) -> u64 {
        if cursor.next.max(cursor.fold_until) < self.log.first() {
            cursor.fold_until = self.log.next();
        }
        let is_folding = cursor.next < cursor.fold_until;
        if is_folding && self.folded(*cursor).next().is_none() {
            return cursor.skip_to(cursor.fold_until);
        }
        0
    }

    pub(crate) fn add_folded<'h>(&'h self, cursor: PriceCursor, due: &mut Pending<'h>) {
        for (_, frame) in self.folded(cursor) {
            due.add(frame);
        }
    }

    pub(crate) fn add_live<'h>(&'h self, cursor: PriceCursor, due: &mut Pending<'h>) {
        due.add(self.log.since(cursor.next.max(cursor.fold_until)));
    }

    /// Moves the cursor over what was added by [`Prices::add_folded`] and written.
    pub(crate) fn take_folded(&self, cursor: &mut PriceCursor, bytes: usize) -> Taken {
        let mut taken = Taken::default();
        while taken.bytes < bytes {
            let Some((number, frame)) = self.folded(*cursor).next() else {
                break;
            };
            let part = frame.len().min(bytes - taken.bytes);
            taken.bytes += part;
            taken.messages += 1;
            taken.folded += cursor.skip_to(number);
            taken.rest = frame.slice(part..);
            cursor.next = number + 1;
        }
        taken.folded += self.settle(cursor);
        taken
    }

    /// Moves the cursor over what was added by [`Prices::add_live`] and written.
    pub(crate) fn take_live(&self, cursor: &mut PriceCursor, bytes: usize) -> Taken {
        if bytes == 0 {
            return Taken::default();
        }
        assert!(
            cursor.next >= cursor.fold_until,
            "live prices are written after the folded ones"
        );
        let reached = self.log.reach(cursor.next, bytes);
        let messages = reached.next - cursor.next;
        cursor.next = reached.next;
        Taken {
            bytes,
            messages,
            folded: 0,
            rest: Bytes::copy_from_slice(reached.rest),
        }
    }

    fn folded(&self, cursor: PriceCursor) -> impl Iterator<Item = (u64, &Bytes)> {
        let until = cursor.fold_until.max(cursor.next);
        let range = self.latest.range(cursor.next..until);
        range.map(|(&number, frame)| (number, frame))
    }
}

impl PriceCursor {
    /// Passes over the messages before `number` and says how many of them were live ones.
    fn skip_to(&mut self, number: u64) -> u64 {
        let folded = number.saturating_sub(self.next.max(self.joined));
        self.next = number;
        folded
    }
}
