//! One run of one advisor: what it calls things, what it has sent so far, and how its broker's clock stands.

use super::decode::{Beat, Hello};
use super::offset::{BrokerClock, ServerTz, Unknown};
use market::{InstrumentId, Span, Time};
use std::collections::BTreeMap;

/// How an advisor is, for health and `orion feed test`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advisor {
    /// Platform, broker's server and what may be shown of the account.
    pub label: String,
    /// The token's name.
    pub key: String,
    /// Since when, and when it was last heard.
    pub since: Time,
    pub heard: Time,
    /// Whether its terminal is connected to the broker.
    pub connected: bool,
    /// The broker's symbols that are taken from it, and what they are here.
    pub symbols: Vec<(String, InstrumentId)>,
    /// Symbols that are not taken, and why.
    pub refused: Vec<(String, String)>,
    /// Seconds that the broker's clock is ahead of UTC, where fresh ticks have shown it.
    pub offset_s: Option<i64>,
    /// Why ticks are kept out at the moment, if they are.
    pub unknown: Option<Unknown>,
    pub counts: Counts,
}

/// What became of an advisor's ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub told: u64,
    /// Sent again although they were taken: left out.
    pub again: u64,
    /// Missing in the numbers: dropped by the advisor, or not readable.
    pub missing: u64,
    /// Kept out because the broker's time zone was not known.
    pub kept_out: u64,
    /// Of symbols that are not taken, or are taken from another.
    pub refused: u64,
    /// Dropped by the advisor because the server was away too long, as it says.
    pub dropped: u64,
}

/// What a symbol of the terminal is here.
pub(super) type Verdict = Result<InstrumentId, String>;

#[derive(Debug)]
pub(super) struct Session {
    pub(super) label: String,
    /// The same for each run of an advisor on one chart of one account.
    pub(super) identity: String,
    pub(super) key: String,
    pub(super) since: Time,
    pub(super) heard: Time,
    pub(super) connected: bool,
    pub(super) symbols: BTreeMap<String, Verdict>,
    /// The last number that was told.
    pub(super) last: Option<u64>,
    pub(super) clock: BrokerClock,
    pub(super) unknown: Option<Unknown>,
    pub(super) counts: Counts,
    /// Our time, in milliseconds, when its counter stood at zero.
    zero: Option<i64>,
}

impl Session {
    pub(super) fn new(
        hello: &Hello,
        key: &str,
        now: Time,
        last: Option<u64>,
        tz: ServerTz,
    ) -> Self {
        let Hello {
            platform,
            srv,
            acc,
            chart,
            ..
        } = hello;
        Self {
            label: format!("{platform} {srv} {acc}"),
            identity: format!("{platform}|{srv}|{acc}|{chart}"),
            key: key.to_owned(),
            since: now,
            heard: now,
            connected: true,
            symbols: BTreeMap::new(),
            last,
            clock: BrokerClock::new(tz),
            unknown: None,
            counts: Counts::default(),
            zero: None,
        }
    }

    pub(super) fn beat(&mut self, beat: &Beat, now: Time) {
        self.heard = now;
        self.connected = beat.connected;
        self.counts.dropped = beat.lost;
        self.zero = beat.at_ms.and_then(|at| now.millis().checked_sub(at));
    }

    /// When the advisor saw a tick, by our clock: however long it waited since, that is when it was fresh.
    pub(super) fn seen(&self, at_ms: Option<i64>, now: Time) -> Time {
        let seen = at_ms
            .zip(self.zero)
            .and_then(|(at, zero)| zero.checked_add(at));
        // Times beyond these are nobody's, and would not fit into nanoseconds.
        seen.filter(|ms| ms.abs() < 9_000_000_000_000)
            .map_or(now, Time::from_millis)
            .min(now)
    }

    pub(super) fn is_live(&self, now: Time, patience: Span) -> bool {
        self.connected && now - self.heard < patience
    }
}
