//! When what is published: bursts of messages at a steady pace, of which every server and the load know the timetable. A
//! server that is late publishes all that is due, so that its lateness shows in the stamps.

use crate::machine;
use crate::message::Message;
use anyhow::{Context as _, Result};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// When the first burst is due, by the monotonic clock.
    pub start: u64,
    /// Nanoseconds from one burst to the next.
    pub period: u64,
    /// Messages in a burst.
    pub burst: u64,
    /// Bursts.
    pub count: u64,
}

impl Pace {
    pub fn due_at(&self, burst: u64) -> u64 {
        self.start + burst * self.period
    }

    /// How many bursts are due by then.
    pub fn due_by(&self, now: u64) -> u64 {
        match now.checked_sub(self.start) {
            Some(since) => (since / self.period + 1).min(self.count),
            None => 0,
        }
    }

    pub fn messages(&self) -> u64 {
        self.burst * self.count
    }

    pub fn burst_of(&self, number: u64) -> u64 {
        number / self.burst
    }

    pub fn is_last_of_burst(&self, number: u64) -> bool {
        (number + 1).is_multiple_of(self.burst)
    }

    /// What these bursts publish.
    pub fn messages_of(self, bursts: Range<u64>) -> impl Iterator<Item = Message> {
        bursts.flat_map(move |burst| {
            let stamp = self.due_at(burst);
            let first = burst * self.burst;
            (first..first + self.burst).map(move |number| Message { number, stamp })
        })
    }

    /// For a thread that does nothing else: publishes burst after burst, each as soon as it is due.
    pub fn walk(&self, mut publish: impl FnMut(Vec<Message>)) {
        for burst in 0..self.count {
            machine::sleep_until(self.due_at(burst));
            publish(self.messages_of(burst..burst + 1).collect());
        }
    }
}

/// As a server is told it.
impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            start,
            period,
            burst,
            count,
        } = self;
        write!(f, "{start} {period} {burst} {count}")
    }
}

impl FromStr for Pace {
    type Err = anyhow::Error;
    fn from_str(line: &str) -> Result<Self> {
        let numbers: Option<Vec<u64>> = line
            .split_whitespace()
            .map(|text| text.parse().ok())
            .collect();
        let [start, period, burst, count] = numbers
            .as_deref()
            .and_then(|numbers| numbers.try_into().ok())
            .with_context(|| format!("`{line}` is not a pace: START PERIOD BURST COUNT"))?;
        Ok(Self {
            start,
            period,
            burst,
            count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        start: 1000,
        period: 100,
        burst: 7,
        count: 5,
    };

    #[test]
    fn a_pace_says_what_is_due() {
        for (now, due) in [(0, 0), (999, 0), (1000, 1), (1099, 1), (1100, 2), (9999, 5)] {
            assert_eq!(PACE.due_by(now), due, "at {now}");
        }
        let messages: Vec<_> = PACE.messages_of(1..3).collect();
        let numbers: Vec<_> = messages.iter().map(|message| message.number).collect();
        assert_eq!(numbers, (7..21).collect::<Vec<_>>());
        assert_eq!((messages[6].stamp, messages[7].stamp), (1100, 1200));
        assert!(PACE.is_last_of_burst(13) && !PACE.is_last_of_burst(14));
        assert_eq!((PACE.burst_of(13), PACE.burst_of(14)), (1, 2));
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        assert_eq!(PACE.to_string().parse::<Pace>().ok(), Some(PACE));
        assert!("1 2 3".parse::<Pace>().is_err());
    }
}
