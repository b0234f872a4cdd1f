//! What the clients of one run heard: whether anything is missing, how late it was, and when the last client had the last
//! message of each burst.

use crate::histogram::Histogram;
use crate::message::Message;
use crate::pace::Pace;
use std::ops::Range;

#[derive(Debug)]
pub struct Tally {
    pace: Pace,
    /// The number that each client awaits.
    next: Vec<u64>,
    /// How many clients have the last message of each burst.
    have_last: Vec<u32>,
    /// Messages that some client was not sent, though it was sent a later one, over the whole run.
    pub missing: u64,
    /// Messages that came twice, or behind a later one, over the whole run.
    pub disordered: u64,
    pub heard: Heard,
}

/// What was heard in a stretch of time.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub deliveries: u64,
    /// From the moment a message was due until a client had it.
    pub latency: Histogram,
    /// From the moment a burst was due until the last client had the last of it.
    pub last: Histogram,
}

impl Tally {
    pub fn new(pace: Pace, clients: usize) -> Self {
        Self {
            pace,
            next: vec![0; clients],
            have_last: vec![0; pace.count as usize],
            missing: 0,
            disordered: 0,
            heard: Heard::default(),
        }
    }

    pub fn take(&mut self, client: usize, message: Message, now: u64) {
        let next = &mut self.next[client];
        if message.number < *next {
            self.disordered += 1;
            return;
        }
        self.missing += message.number - *next;
        *next = message.number + 1;
        self.heard.deliveries += 1;
        let late = now.saturating_sub(message.stamp);
        self.heard.latency.add(late);
        if self.pace.is_last_of_burst(message.number) {
            let burst = self.pace.burst_of(message.number) as usize;
            self.have_last[burst] += 1;
            if self.have_last[burst] as usize == self.next.len() {
                self.heard.last.add(late);
            }
        }
    }

    /// What was heard since it was asked before.
    pub fn take_heard(&mut self) -> Heard {
        std::mem::take(&mut self.heard)
    }

    /// Whether every client has all that is published.
    pub fn is_complete(&self) -> bool {
        self.next.iter().all(|&next| next == self.pace.messages())
    }

    /// Messages at the end of the timetable that have not come to these clients.
    pub fn outstanding(&self, clients: Range<usize>) -> u64 {
        let all = self.pace.messages();
        self.next[clients].iter().map(|next| all - next).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        let pace = Pace {
            start: 100,
            period: 10,
            burst: 2,
            count: 2,
        };
        Tally::new(pace, 2)
    }

    fn take(tally: &mut Tally, client: usize, number: u64, now: u64) {
        let stamp = tally.pace.due_at(tally.pace.burst_of(number));
        tally.take(client, Message { number, stamp }, now);
    }

    #[test]
    fn a_burst_is_there_when_the_last_client_has_the_last_of_it() {
        let mut tally = tally();
        for (client, number, now) in [(0, 0, 101), (0, 1, 102), (1, 0, 103)] {
            take(&mut tally, client, number, now);
        }
        assert_eq!(tally.heard.last.max(), None);
        take(&mut tally, 1, 1, 107);
        assert_eq!(tally.heard.last.max(), Some(7));
        assert_eq!(tally.take_heard().deliveries, 4);
        assert_eq!((tally.heard.deliveries, tally.outstanding(0..2)), (0, 4));
        for (client, number) in [(0, 2), (1, 2), (1, 3), (0, 3)] {
            assert!(!tally.is_complete());
            take(&mut tally, client, number, 115);
        }
        assert!(tally.is_complete());
        assert_eq!((tally.missing, tally.disordered), (0, 0));
    }

    #[test]
    fn gaps_and_repeats_are_counted() {
        let mut tally = tally();
        for number in [1, 0, 1, 3] {
            take(&mut tally, 0, number, 130);
        }
        assert_eq!((tally.missing, tally.disordered), (2, 2));
    }
}
