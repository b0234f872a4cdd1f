//! Massive confirms a misspelt or unlisted ticker like any other and then never sends it, which looks like a quiet market.
//! So a confirmed symbol of which nothing comes while its market is open is worth a word.

use super::Cluster;
use crate::hours;
use market::{Span, Time};

/// How long a confirmed symbol may be silent while its market is open.
const AFTER: Span = Span::from_minutes(10);

/// How long one symbol has been silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quiet {
    since: Time,
    told: bool,
}

impl Quiet {
    pub(super) fn new(now: Time) -> Self {
        let (since, told) = (now, false);
        Self { since, told }
    }

    /// Something came.
    pub(super) fn broken(&mut self, now: Time) {
        *self = Self::new(now);
    }

    /// Whether it is time to say a word, which is said once. Asked every minute or so, since closed hours do not count.
    pub(super) fn is_odd(&mut self, cluster: Cluster, now: Time) -> bool {
        if !is_open(cluster, now) {
            self.since = now;
            return false;
        }
        let odd = !self.told && now - self.since >= AFTER;
        self.told |= odd;
        odd
    }
}

fn is_open(cluster: Cluster, now: Time) -> bool {
    match cluster {
        Cluster::Forex => hours::currencies_are_open(now.as_source()),
        Cluster::Indices => hours::stocks_are_open(now.as_source()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minutes after `from` at which a silent symbol is told to be odd, asked every minute for so many minutes.
    fn check(cluster: Cluster, from: &str, minutes: i64, expected: &[i64]) {
        let from = Time::parse(from).unwrap();
        let mut quiet = Quiet::new(from);
        let odd = |minute: &i64| quiet.is_odd(cluster, from + Span::from_minutes(*minute));
        let told: Vec<i64> = (0..minutes).filter(odd).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn silence_is_odd_only_while_the_market_is_open_and_is_told_once() {
        check(Cluster::Forex, "2026-07-13T12:00:00Z", 100, &[10]);
        // From Friday 16:55 in New York: the five minutes before the close do not add to those after Sunday's opening.
        check(
            Cluster::Forex,
            "2026-07-17T20:55:00Z",
            3000,
            &[5 + 2 * 1440 + 9],
        );
        check(Cluster::Indices, "2026-07-13T12:00:00Z", 200, &[99]);
        check(Cluster::Indices, "2026-07-18T12:00:00Z", 600, &[]);
    }

    #[test]
    fn a_price_breaks_the_silence() {
        let from = Time::parse("2026-07-13T12:00:00Z").unwrap();
        let at = |minute| from + Span::from_minutes(minute);
        let mut quiet = Quiet::new(from);
        quiet.broken(at(9));
        assert!(!quiet.is_odd(Cluster::Forex, at(18)));
        assert!(quiet.is_odd(Cluster::Forex, at(19)));
        quiet.broken(at(20));
        assert!(quiet.is_odd(Cluster::Forex, at(30)));
    }
}
