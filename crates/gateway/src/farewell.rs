//! How everybody is told to go: with a code, a word and advice when to come back, and spread over a while, so that a restart
//! is no storm of connects for whoever serves next.

use crate::spread;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Why every client is closed, and what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// Of the Close frame.
    pub code: u16,
    /// What it says first.
    pub word: &'static str,
    /// When to come back; each client hears its own time, up to two fifths off.
    pub retry: Duration,
}

/// How far from `retry` a client's own advice may lie.
const RETRY_JITTER: f64 = 0.4;

impl Farewell {
    /// What the client with this number is told: `restart retry=2500`, in milliseconds.
    pub(crate) fn reason(&self, number: u64) -> String {
        let retry = spread::around(self.retry, RETRY_JITTER, number);
        format!("{} retry={}", self.word, retry.as_millis())
    }
}

/// The order to a shard to close its clients.
#[derive(Debug)]
pub(crate) struct Drain {
    pub(crate) farewell: Farewell,
    /// The time over which it closes those it has.
    pub(crate) window: Duration,
    /// Dropped when the shard's last client is gone.
    pub(crate) leaving: mpsc::Sender<Infallible>,
    /// Ends when the last client of all shards is gone: until then every shard takes what is published.
    pub(crate) over: oneshot::Receiver<Infallible>,
}

/// How long the closes of all clients together take.
pub(crate) fn window(clients: u64, each: Duration, longest: Duration) -> Duration {
    let clients = u32::try_from(clients).unwrap_or(u32::MAX);
    each.saturating_mul(clients).min(longest)
}

/// When, after its beginning, the close of one of so many is due: the first at once, the last just before the end.
pub(crate) fn due(place: usize, of: usize, window: Duration) -> Duration {
    window.mul_f64(place as f64 / of.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_with_the_clients_and_is_bounded() {
        for (clients, millis) in [
            (0, 0),
            (20, 10),
            (2_000, 1_000),
            (50_000, 25_000),
            (60_000, 30_000),
            (u64::MAX, 30_000),
        ] {
            let (each, longest) = (Duration::from_micros(500), Duration::from_secs(30));
            let window = window(clients, each, longest);
            assert_eq!(window, Duration::from_millis(millis), "{clients}");
        }
    }

    #[test]
    fn closes_are_spread_evenly() {
        let (count, window) = (30_000, Duration::from_secs(15));
        let due: Vec<_> = (0..count).map(|place| due(place, count, window)).collect();
        assert_eq!(due[0], Duration::ZERO);
        for second in 0..15 {
            let begin = Duration::from_secs(second);
            let within = begin..begin + Duration::from_secs(1);
            let closes = due.iter().filter(|due| within.contains(*due)).count();
            assert!(closes.abs_diff(2_000) <= 1, "{closes} in second {second}");
        }
        assert!(due.iter().all(|due| *due < window));
    }

    #[test]
    fn each_client_hears_a_time_of_its_own() {
        let farewell = Farewell {
            code: 1012,
            word: "restart",
            retry: Duration::from_millis(2500),
        };
        let mut told: Vec<u64> = (1..=1000)
            .map(|number| {
                let reason = farewell.reason(number);
                assert!(reason.len() <= 123, "a Close has no more room: {reason}");
                let retry = reason.strip_prefix("restart retry=");
                retry.and_then(|retry| retry.parse().ok()).expect(&reason)
            })
            .collect();
        assert!(told.iter().all(|retry| (1500..=3500).contains(retry)));
        told.sort_unstable();
        told.dedup();
        assert!(told.len() > 700, "{} different times", told.len());
    }
}
