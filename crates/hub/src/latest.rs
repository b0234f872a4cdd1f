//! A log of messages of which only the latest of each symbol counts, and those latest ones: prices in one, statuses in
//! another. A message may be left out where a later one of the same symbol follows, so a client that fell behind, like one
//! that has just subscribed, is first given the latest of each symbol: in both cases its cursor walks a stretch of the log
//! of which only the latest messages are left.

use crate::client::Pending;
use crate::deflate::Deflater;
use crate::frame;
use crate::log::Log;
use bytes::Bytes;
use market::{Span, Symbol, Time};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Latest {
    log: Log<Time>,
    /// The latest message of each symbol by its number in the log, which may have forgotten it.
    latest: BTreeMap<u64, Bytes>,
    symbols: BTreeMap<Symbol, u64>,
    span: Span,
    count_max: usize,
}

/// One client's place among the messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    /// The next message that is wanted.
    next: u64,
    /// Up to here only the latest messages are given.
    fold_until: u64,
    /// Where live messages began: before it lies the snapshot.
    joined: u64,
}

/// One client on its way through the log, and what it took on it.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    log: &'a Latest,
    pub(crate) cursor: Cursor,
    /// Messages of which at least the first byte was written.
    pub(crate) messages: u64,
    /// Live messages passed over because a later one of the same symbol is there.
    pub(crate) folded: u64,
}

impl Latest {
    pub(crate) fn new(span: Span, count_max: usize) -> Self {
        Self {
            log: Log::default(),
            latest: BTreeMap::new(),
            symbols: BTreeMap::new(),
            span,
            count_max,
        }
    }

    pub(crate) fn push(&mut self, symbol: Symbol, frame: &[u8], now: Time) {
        let number = self.log.next();
        self.log.push(frame, now);
        self.set_latest(symbol, number, Bytes::copy_from_slice(frame));
        self.forget(now);
    }

    /// The same for messages that are published together: they are compressed as one, and folded one by one as they are.
    pub(crate) fn push_group(
        &mut self,
        messages: &[(Symbol, String)],
        deflater: &mut Deflater,
        now: Time,
    ) {
        let texts: Vec<&str> = messages.iter().map(|(_, text)| text.as_str()).collect();
        let group = deflater.group(&texts);
        let first = self.log.next();
        self.log.push_group(&group, messages.len() as u64, now);
        for (number, (symbol, text)) in (first..).zip(messages) {
            self.set_latest(*symbol, number, Bytes::from(frame::text(text)));
        }
        self.forget(now);
    }

    fn set_latest(&mut self, symbol: Symbol, number: u64, frame: Bytes) {
        if let Some(before) = self.symbols.insert(symbol, number) {
            self.latest.remove(&before);
        }
        self.latest.insert(number, frame);
    }

    /// Takes the latest message of a symbol away: it does not hold any more, and no other follows.
    pub(crate) fn remove(&mut self, symbol: Symbol) {
        if let Some(number) = self.symbols.remove(&symbol) {
            self.latest.remove(&number);
        }
    }

    /// Drops what is older than the span, and what is too much.
    fn forget(&mut self, now: Time) {
        while self.log.len() > self.count_max
            || self.log.oldest().is_some_and(|at| at + self.span < now)
        {
            self.log.forget_oldest();
        }
    }

    /// Empties the log; the latest messages stay.
    pub(crate) fn forget_log(&mut self) {
        self.log.forget_all();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.log.len()
    }

    /// A cursor that is given the latest message of each symbol and then all that follows.
    pub(crate) fn join(&self) -> Cursor {
        Cursor {
            next: 0,
            fold_until: self.log.next(),
            joined: self.log.next(),
        }
    }

    /// A cursor that is given all that follows, and nothing of what was.
    pub(crate) fn join_live(&self) -> Cursor {
        Cursor {
            next: self.log.next(),
            ..self.join()
        }
    }

    pub(crate) fn reader(&self, cursor: Cursor) -> Reader<'_> {
        Reader {
            log: self,
            cursor,
            messages: 0,
            folded: 0,
        }
    }

    pub(crate) fn is_due(&self, cursor: Cursor) -> bool {
        cursor.next < self.log.next()
    }

    /// Brings a cursor to where something is due: one that fell behind the log starts to fold, one that has nothing left
    /// to fold goes on with the log. Returns what was folded.
    pub(crate) fn settle(&self, cursor: &mut Cursor) -> u64 {
        if cursor.next.max(cursor.fold_until) < self.log.first() {
            cursor.fold_until = self.log.next();
        }
        if cursor.is_folding() && self.folded(*cursor).next().is_none() {
            return cursor.skip_to(cursor.fold_until);
        }
        0
    }

    /// What the client is still owed of its snapshot; signals come behind it.
    pub(crate) fn add_snapshot<'h>(&'h self, cursor: Cursor, due: &mut Pending<'h>) {
        if cursor.is_in_snapshot() {
            self.add_folded(cursor, due);
        }
    }

    /// All the rest.
    pub(crate) fn add_news<'h>(&'h self, cursor: Cursor, due: &mut Pending<'h>) {
        if !cursor.is_in_snapshot() {
            self.add_folded(cursor, due);
        }
        due.add(self.log.since(cursor.next.max(cursor.fold_until)));
    }

    fn add_folded<'h>(&'h self, cursor: Cursor, due: &mut Pending<'h>) {
        // Nearly nobody does: the tree is not asked for nothing.
        if cursor.is_folding() {
            for (_, frame) in self.folded(cursor) {
                due.add(frame);
            }
        }
    }

    fn folded(&self, cursor: Cursor) -> impl Iterator<Item = (u64, &Bytes)> {
        let until = cursor.fold_until.max(cursor.next);
        let range = self.latest.range(cursor.next..until);
        range.map(|(&number, frame)| (number, frame))
    }
}

impl Reader<'_> {
    /// Moves over what was added by [`Latest::add_snapshot`] and written: of `bytes`, returns how many. What is left of a
    /// message that was cut becomes `rest`.
    pub(crate) fn take_snapshot(&mut self, bytes: usize, rest: &mut Bytes) -> usize {
        if self.cursor.is_in_snapshot() {
            self.take_folded(bytes, rest)
        } else {
            0
        }
    }

    /// The same for what was added by [`Latest::add_news`].
    pub(crate) fn take_news(&mut self, bytes: usize, rest: &mut Bytes) -> usize {
        let folded = self.take_folded(bytes, rest);
        folded + self.take_live(bytes - folded, rest)
    }

    fn take_folded(&mut self, bytes: usize, rest: &mut Bytes) -> usize {
        let mut taken = 0;
        while taken < bytes && self.cursor.is_folding() {
            let Some((number, frame)) = self.log.folded(self.cursor).next() else {
                break;
            };
            let part = frame.len().min(bytes - taken);
            taken += part;
            *rest = frame.slice(part..);
            self.messages += 1;
            self.folded += self.cursor.skip_to(number);
            self.cursor.next = number + 1;
        }
        self.folded += self.log.settle(&mut self.cursor);
        taken
    }

    fn take_live(&mut self, bytes: usize, rest: &mut Bytes) -> usize {
        if bytes == 0 {
            return 0;
        }
        let cursor = &mut self.cursor;
        assert!(
            cursor.next >= cursor.fold_until,
            "live messages are written after the folded ones"
        );
        // More than is there was not due from this log.
        let bytes = bytes.min(self.log.log.since(cursor.next).len());
        let reached = self.log.log.reach(cursor.next, bytes);
        self.messages += reached.next - cursor.next;
        cursor.next = reached.next;
        *rest = Bytes::copy_from_slice(reached.rest);
        bytes
    }
}

impl Cursor {
    /// Whether only the latest messages are given to its client where it stands.
    fn is_folding(self) -> bool {
        self.next < self.fold_until
    }

    /// Whether its client is still owed a part of the snapshot.
    fn is_in_snapshot(self) -> bool {
        self.next < self.joined
    }

    /// Passes over the messages before `number` and says how many of them were live ones.
    fn skip_to(&mut self, number: u64) -> u64 {
        let folded = number.saturating_sub(self.next.max(self.joined));
        self.next = number;
        folded
    }
}
