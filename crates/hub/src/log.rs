//! An append-only run of framed messages in one piece of memory, of which the front is forgotten. Whoever reads it keeps
//! the number of the next message it wants; what is due to it is then one slice, whatever the count of messages.

use market::Time;
use std::collections::VecDeque;
use std::ops::Range;

#[derive(Debug, Default)]
pub(crate) struct Log {
    /// The bytes of the messages, after `dead` bytes of forgotten ones.
    bytes: Vec<u8>,
    dead: usize,
    /// Where in the whole stream `bytes` begins.
    base: u64,
    /// Where in the whole stream each message ends, and when it was published.
    ends: VecDeque<(u64, Time)>,
    /// The number of the oldest message.
    first: u64,
}

/// Where a number of bytes leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reached<'a> {
    /// The first message no byte of which was written.
    pub(crate) next: u64,
    /// What is left of the message before it.
    pub(crate) rest: &'a [u8],
}

/// Below this many dead bytes the memory is not moved together.
const DEAD_MIN: usize = 4096;

impl Log {
    /// The number of the oldest message that is kept.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }
    /// The number the next message will have.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.ends.len() as u64
    }
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
    /// When the oldest message was published.
    pub(crate) fn oldest(&self) -> Option<Time> {
        self.ends.front().map(|&(_, at)| at)
    }

    pub(crate) fn push(&mut self, frame: &[u8], at: Time) {
        self.bytes.extend_from_slice(frame);
        self.ends
            .push_back((self.base + self.bytes.len() as u64, at));
    }

    pub(crate) fn forget_oldest(&mut self) {
        let Some((end, _)) = self.ends.pop_front() else {
            return;
        };
        self.first += 1;
        self.dead = (end - self.base) as usize;
        if self.dead >= DEAD_MIN && self.dead * 2 >= self.bytes.len() {
            self.bytes.drain(..self.dead);
            self.base += self.dead as u64;
            self.dead = 0;
        }
    }

    /// Every byte from message `next` to the end; `next` must not be forgotten.
    pub(crate) fn since(&self, next: u64) -> &[u8] {
        &self.bytes[self.span(next).start..]
    }

    /// Where `count` bytes from the start of message `next` lead.
    pub(crate) fn reach(&self, next: u64, count: usize) -> Reached<'_> {
        let at = self.span(next).start + count;
        let target = self.base + at as u64;
        let whole = self.ends.partition_point(|&(end, _)| end <= target) as u64;
        let next = next.max(self.first + whole);
        let begins = self.span(next);
        if begins.start == at {
            return Reached { next, rest: &[] };
        }
        Reached {
            next: next + 1,
            rest: &self.bytes[at..begins.end],
        }
    }

    /// Where message `number` lies in `bytes`; for the one after the last, the empty place behind all.
    fn span(&self, number: u64) -> Range<usize> {
        assert!(
            (self.first..=self.next()).contains(&number),
            "message {number} is not in the log, which has {} to {}",
            self.first,
            self.next()
        );
        let place = (number - self.first) as usize;
        let before = place.checked_sub(1).map(|before| self.ends[before].0);
        let start = before.map_or(self.dead, |end| (end - self.base) as usize);
        let end = self.ends.get(place);
        start..end.map_or(self.bytes.len(), |&(end, _)| (end - self.base) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(frames: &[&str]) -> Log {
        let mut log = Log::default();
        for frame in frames {
            log.push(frame.as_bytes(), Time::from_secs(1));
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
            log.push(format!("{number:>100}").as_bytes(), Time::from_secs(1));
            if log.len() > 10 {
                log.forget_oldest();
            }
            let last = log.next() - 1;
            assert!(log.since(last).ends_with(number.to_string().as_bytes()));
        }
        assert!(log.bytes.capacity() < 32 * 1024, "{}", log.bytes.capacity());
    }
}
