//! An append-only run of framed messages in one piece of memory, of which the front is forgotten. Whoever reads it keeps
//! the number of the next message it wants; what is due to it is then one slice, whatever the count of messages.
//!
//! Messages are appended, and later forgotten, by entries: one message, or several that cannot be told apart on the wire. A
//! reader stands between entries only.

use std::collections::VecDeque;
use std::ops::Range;

#[derive(Debug)]
pub(crate) struct Log<T> {
    /// The bytes of the entries, after `dead` bytes of forgotten ones.
    bytes: Vec<u8>,
    dead: usize,
    /// Where in the whole stream `bytes` begins.
    base: u64,
    entries: VecDeque<Entry<T>>,
    /// The number of the oldest message, and of the next one.
    first: u64,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    /// Where in the whole stream it ends.
    end: u64,
    /// The number of the first message behind it.
    next: u64,
    /// What its owner wants to know of it.
    tag: T,
}

/// Where a number of bytes leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reached<'a> {
    /// The first message no byte of which was written.
    pub(crate) next: u64,
    /// What is left of the entry before it.
    pub(crate) rest: &'a [u8],
}

/// Below this many dead bytes the memory is not moved together.
const DEAD_MIN: usize = 4096;

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            dead: 0,
            base: 0,
            entries: VecDeque::new(),
            first: 0,
            next: 0,
        }
    }
}

impl<T: Copy> Log<T> {
    /// The number of the oldest message that is kept.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }
    /// The number the next message will have.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }
    /// Messages that are kept.
    pub(crate) fn len(&self) -> usize {
        (self.next - self.first) as usize
    }
    /// What is known of the oldest entry.
    pub(crate) fn oldest(&self) -> Option<T> {
        self.entries.front().map(|entry| entry.tag)
    }
    /// What is known of the entry of message `number`; nothing of the one after the last.
    pub(crate) fn tag(&self, number: u64) -> Option<T> {
        self.entries.get(self.place(number)).map(|entry| entry.tag)
    }

    /// Appends one message.
    pub(crate) fn push(&mut self, frame: &[u8], tag: T) {
        self.push_group(frame, 1, tag);
    }

    /// Appends so many messages, which stay together.
    pub(crate) fn push_group(&mut self, frames: &[u8], messages: u64, tag: T) {
        self.bytes.extend_from_slice(frames);
        self.next += messages;
        self.entries.push_back(Entry {
            end: self.base + self.bytes.len() as u64,
            next: self.next,
            tag,
        });
    }

    pub(crate) fn forget_oldest(&mut self) {
        let Some(Entry { end, next, .. }) = self.entries.pop_front() else {
            return;
        };
        self.first = next;
        self.dead = (end - self.base) as usize;
        if self.dead >= DEAD_MIN && self.dead * 2 >= self.bytes.len() {
            self.bytes.drain(..self.dead);
            self.base += self.dead as u64;
            self.dead = 0;
        }
    }

    /// Empties it; the numbers go on.
    pub(crate) fn forget_all(&mut self) {
        while !self.entries.is_empty() {
            self.forget_oldest();
        }
    }

    /// Every byte from message `next` to the end; `next` must not be forgotten.
    pub(crate) fn since(&self, next: u64) -> &[u8] {
        &self.bytes[self.span(self.place(next)).start..]
    }

    /// Where `count` bytes from the start of message `next` lead.
    pub(crate) fn reach(&self, next: u64, count: usize) -> Reached<'_> {
        let at = self.span(self.place(next)).start + count;
        // Nearly always all of it was taken.
        if at == self.bytes.len() {
            return Reached {
                next: self.next,
                rest: &[],
            };
        }
        let target = self.base + at as u64;
        let place = self.entries.partition_point(|entry| entry.end <= target);
        let Range { start, end } = self.span(place);
        if start == at {
            let next = self.number(place);
            return Reached { next, rest: &[] };
        }
        Reached {
            next: self.number(place + 1),
            rest: &self.bytes[at..end],
        }
    }

    /// The number of the first message of an entry.
    fn number(&self, place: usize) -> u64 {
        place
            .checked_sub(1)
            .map_or(self.first, |before| self.entries[before].next)
    }

    /// The entry that begins with message `number`; behind all, for the one after the last.
    fn place(&self, number: u64) -> usize {
        assert!(
            (self.first..=self.next).contains(&number),
            "message {number} is not in the log, which has {} to {}",
            self.first,
            self.next
        );
        let before = (number - self.first) as usize;
        if self.entries.len() == self.len() {
            return before;
        }
        let place = self.entries.partition_point(|entry| entry.next <= number);
        assert_eq!(
            self.number(place),
            number,
            "a reader stands between entries"
        );
        place
    }

    /// Where an entry lies in `bytes`; for the one after the last, the empty place behind all.
    fn span(&self, place: usize) -> Range<usize> {
        let before = place.checked_sub(1).map(|before| self.entries[before].end);
        let start = before.map_or(self.dead, |end| (end - self.base) as usize);
        let end = self.entries.get(place);
        start..end.map_or(self.bytes.len(), |entry| (entry.end - self.base) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(frames: &[&str]) -> Log<u8> {
        let mut log = Log::default();
        for frame in frames {
            log.push(frame.as_bytes(), 0);
        }
        log
    }

    #[test]
    fn what_is_due_is_one_slice() {
        let mut log = filled(&["aa", "bbb", "c"]);
        assert_eq!(log.since(0), b"aabbbc");
        assert_eq!(log.since(2), b"c");
        assert_eq!(log.since(3), b"");
        log.forget_oldest();
        assert_eq!((log.first(), log.next()), (1, 4 - 1));
        assert_eq!(log.since(1), b"bbbc");
    }

    #[test]
    fn bytes_lead_to_a_message_and_what_is_left_of_it() {
        let log = filled(&["aa", "bbb", "c"]);
        for (from, count, next, rest) in [
            (0, 0, 0, ""),
            (0, 1, 1, "a"),
            (0, 2, 1, ""),
            (0, 3, 2, "bb"),
            (0, 6, 3, ""),
            (1, 4, 3, ""),
            (1, 2, 2, "b"),
            (3, 0, 3, ""),
        ] {
            let rest = rest.as_bytes();
            assert_eq!(
                log.reach(from, count),
                Reached { next, rest },
                "{from} {count}"
            );
        }
    }

    #[test]
    fn forgetting_gives_the_memory_back() {
        let mut log = Log::default();
        for number in 0..10_000_u64 {
            log.push(format!("{number:>100}").as_bytes(), 0_u8);
            if log.len() > 10 {
                log.forget_oldest();
            }
            let last = log.next() - 1;
            assert!(log.since(last).ends_with(number.to_string().as_bytes()));
        }
        assert!(log.bytes.capacity() < 32 * 1024, "{}", log.bytes.capacity());
    }

    #[test]
    fn a_group_is_passed_over_whole() {
        let mut log = Log::default();
        log.push(b"aa", 'x');
        log.push_group(b"bbbccc", 2, 'y');
        log.push(b"d", 'z');
        assert_eq!((log.next(), log.len()), (4, 4));
        assert_eq!(log.since(1), b"bbbcccd");
        assert_eq!(
            (log.tag(1), log.tag(3), log.tag(4)),
            (Some('y'), Some('z'), None)
        );
        for (from, count, next, rest) in [
            (0, 2, 1, ""),
            (0, 3, 3, "bbccc"),
            (1, 3, 3, "ccc"),
            (1, 6, 3, ""),
            (1, 7, 4, ""),
        ] {
            let rest = rest.as_bytes();
            assert_eq!(log.reach(from, count), Reached { next, rest });
        }
        log.forget_oldest();
        log.forget_oldest();
        assert_eq!((log.first(), log.since(3)), (3, &b"d"[..]));
        log.forget_all();
        assert_eq!((log.first(), log.next(), log.len()), (4, 4, 0));
    }
}
