//! What happened so far, as plain counters that anyone may read at any time. Each shard counts in a place of its own, so
//! that counting costs nothing; whoever reads adds them up.

use crate::latency::Latency;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
    pub(crate) fn add(&self, more: u64) {
        // Most of what a send could count did not happen, and even nothing would cost an addition that others can see.
        if more > 0 {
            self.0.fetch_add(more, Relaxed);
        }
    }
    pub(crate) fn lower(&self) {
        self.0.fetch_sub(1, Relaxed);
    }
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }
}

/// What one shard counts, or the door before any shard. All counts are since the start, but for `connections` and `parked`. Nothing of
/// two shards shares a line of the processor's cache, nor the pair that is fetched together.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Counts {
    /// WebSocket connections that are open now.
    pub connections: Counter,
    pub connections_total: Counter,
    /// Of those that are open now, those that speak the extended protocol.
    pub extended: Counter,
    /// Connections that are held now because there was no room for them; and those that ever were.
    pub parked: Counter,
    pub parked_total: Counter,
    /// Times that a connection could not be accepted: the system was short of something.
    pub accepts_failed: Counter,
    /// Upgrades that were answered with an HTTP error.
    pub upgrades_refused: Counter,
    pub signals_sent: Counter,
    pub prices_sent: Counter,
    /// To who subscribed to `status`.
    pub statuses_sent: Counter,
    /// To who subscribed to `bars`.
    pub bars_sent: Counter,
    /// To who subscribed to `features`.
    pub features_sent: Counter,
    /// Pongs, errors, answers to bots, protocol pings and Closes.
    pub answers_sent: Counter,
    /// Written to WebSocket clients, frame headers included: all, and by what they are of.
    pub bytes_sent: Counter,
    pub signal_bytes: Counter,
    pub price_bytes: Counter,
    pub status_bytes: Counter,
    pub bar_bytes: Counter,
    pub feature_bytes: Counter,
    /// Made for one client alone: answers, snapshots and replays.
    pub own_bytes: Counter,
    /// Said by WebSocket clients in whole messages, as long as those are when inflated.
    pub bytes_received: Counter,
    /// Prices that some client was not sent because a later one of the same symbol was there.
    pub prices_folded: Counter,
    /// Times that a socket took no more while some bytes were due.
    pub stalled: Counter,
    /// From a publication to the end of the flush that sent it: until then the socket of every client was offered it.
    pub publish_to_sent: Latency,
    pub messages_received: Counter,
    /// Signals that bots posted and that were taken in, whatever became of them.
    pub signals_posted: Counter,
    /// Tokens that were not known.
    pub auth_failed: Counter,
    /// Messages of clients that were not understood, or not obeyed.
    pub errors: Counter,
    /// Clients that were cut because our work for them broke: faults of our own.
    pub broken: Counter,
    /// Signals, outcomes and prices that the hubs would not publish: faults of our own. All hubs are told the same, so the
    /// first shard counts for all.
    pub publications_refused: Counter,
    refused: [Counter; Refused::ALL.len()],
    closes: Mutex<BTreeMap<u16, u64>>,
}

/// Why a connection did not come to an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its request was not complete in time, or never begun.
    Late,
    /// The handshake of TLS failed, or was not complete in time.
    TlsHandshake,
    /// Plain HTTP where only TLS is spoken.
    PlainHttp,
    /// There was no room, neither as a client nor to be parked.
    Full,
    /// It asked by HTTP, and took too little of the answer.
    Unread,
}

impl Refused {
    pub const ALL: [Self; 5] = [
        Self::Late,
        Self::TlsHandshake,
        Self::PlainHttp,
        Self::Full,
        Self::Unread,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::TlsHandshake => "tls_handshake",
            Self::PlainHttp => "plain_http",
            Self::Full => "full",
            Self::Unread => "unread",
        }
    }
}

impl Counts {
    pub(crate) fn count_bytes(&self, bytes: &hub::SentBytes) {
        let hub::SentBytes {
            events,
            prices,
            statuses,
            bars,
            features,
            own,
        } = *bytes;
        for (counter, bytes) in [
            (&self.signal_bytes, events),
            (&self.price_bytes, prices),
            (&self.status_bytes, statuses),
            (&self.bar_bytes, bars),
            (&self.feature_bytes, features),
            (&self.own_bytes, own),
        ] {
            counter.add(bytes as u64);
        }
    }
    pub(crate) fn refused(&self, why: Refused) {
        self.refused[why as usize].add(1);
    }
    pub(crate) fn closed(&self, code: u16) {
        let mut closes = self.closes.lock().unwrap_or_else(PoisonError::into_inner);
        *closes.entry(code).or_default() += 1;
    }
}

/// The counts of all shards, and of the door before them.
#[derive(Debug, Default)]
pub struct Stats {
    pub(crate) door: Counts,
    pub(crate) shards: Box<[Arc<Counts>]>,
}

impl Stats {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            door: Counts::default(),
            shards: (0..shards).map(|_| Arc::default()).collect(),
        }
    }

    /// One count of all shards together.
    #[must_use]
    pub fn total(&self, of: impl Fn(&Counts) -> &Counter) -> u64 {
        self.all().map(|counts| of(counts).get()).sum()
    }

    /// Each shard's own.
    pub fn shards(&self) -> impl Iterator<Item = &Counts> {
        self.shards.iter().map(Arc::as_ref)
    }

    /// Ended connections by close code; 1005 is a Close without a code, 1006 a connection that was cut.
    #[must_use]
    pub fn closes(&self) -> BTreeMap<u16, u64> {
        let mut total = BTreeMap::new();
        for counts in self.all() {
            let closes = counts.closes.lock().unwrap_or_else(PoisonError::into_inner);
            for (&code, &count) in &*closes {
                *total.entry(code).or_default() += count;
            }
        }
        total
    }

    /// Connections that were turned away before an upgrade.
    #[must_use]
    pub fn refused(&self, why: Refused) -> u64 {
        self.door.refused[why as usize].get()
    }

    fn all(&self) -> impl Iterator<Item = &Counts> {
        std::iter::once(&self.door).chain(self.shards())
    }
}
