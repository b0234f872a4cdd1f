//! What is to be told and has not been yet: bounded, in memory, a queue for each channel, so that one that does not answer holds
//! up no other.

use super::Note;
use super::channel::{Channel, Refusal};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Notes that wait for one channel; the oldest goes when there are more.
const WAITING_MAX: usize = 64;

/// How often and how long it is tried to tell one thing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) tries: u32,
    /// The first wait; each further one is twice as long, up to the longest.
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

impl Default for Patience {
    /// About half an hour in all.
    fn default() -> Self {
        Self {
            tries: 12,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(300),
        }
    }
}

/// Tells all channels. Copies are the same outbox.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    lines: Arc<[Arc<Line>]>,
}

/// One channel's queue, and what became of it so far.
#[derive(Debug)]
struct Line {
    channel: Channel,
    waiting: Mutex<VecDeque<Waiting>>,
    more: Notify,
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    folded: AtomicU64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) note: Note,
    /// Older words about the same that this one took the place of.
    pub(super) folded: u64,
}

impl Outbox {
    pub(super) fn open(
        channels: Vec<Channel>,
        patience: Patience,
        running: &mut JoinSet<()>,
    ) -> Self {
        let lines: Vec<_> = channels.into_iter().map(Line::new).map(Arc::new).collect();
        for line in &lines {
            running.spawn(deliver(Arc::clone(line), patience));
        }
        Self {
            lines: lines.into(),
        }
    }

    /// Never waits.
    pub(super) fn tell(&self, note: &Note) {
        for line in self.lines.iter() {
            line.add(note);
        }
    }

    pub(crate) fn encode(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let help = "Messages to the operator that wait";
        let mut family =
            encoder.encode_descriptor("outbox_waiting", help, None, MetricType::Gauge)?;
        for line in self.lines.iter() {
            let labels = [("channel", line.channel.name())];
            ConstGauge::new(line.count() as f64).encode(family.encode_family(&labels)?)?;
        }
        let counts: [(&str, &str, Count); 4] = [
            ("outbox_sent", "Messages the operator was sent", |line| {
                &line.sent
            }),
            ("outbox_failed", "Messages that were given up", |line| {
                &line.failed
            }),
            (
                "outbox_dropped",
                "Messages for which there was no room",
                |line| &line.dropped,
            ),
            (
                "outbox_folded",
                "Messages whose place a newer one about the same took",
                |line| &line.folded,
            ),
        ];
        for (name, help, of) in counts {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for line in self.lines.iter() {
                let labels = [("channel", line.channel.name())];
                let count = of(line).load(Ordering::Relaxed);
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

/// One of a line's counters.
type Count = fn(&Line) -> &AtomicU64;

impl Line {
    fn new(channel: Channel) -> Self {
        Self {
            channel,
            waiting: Mutex::default(),
            more: Notify::new(),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            folded: AtomicU64::new(0),
        }
    }

    fn add(&self, note: &Note) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut folded = 0;
        if let Some(place) = waiting.iter().position(|other| other.note.key == note.key) {
            folded = waiting.remove(place).map_or(0, |other| other.folded + 1);
            self.folded.fetch_add(1, Ordering::Relaxed);
        } else if waiting.len() == WAITING_MAX {
            waiting.pop_front();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        waiting.push_back(Waiting {
            note: note.clone(),
            folded,
        });
        drop(waiting);
        self.more.notify_one();
    }

    fn take(&self) -> Option<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    }

    fn count(&self) -> usize {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

async fn deliver(line: Arc<Line>, patience: Patience) {
    loop {
        let Some(waiting) = line.take() else {
            line.more.notified().await;
            continue;
        };
        match send(&line.channel, &waiting, patience).await {
            Ok(()) => line.sent.fetch_add(1, Ordering::Relaxed),
            Err(reason) => {
                tracing::error!(
                    channel = line.channel.name(),
                    event = waiting.note.event,
                    "the operator could not be told, and will not be: {reason}"
                );
                line.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}

/// Tries until it is told, or is given up.
async fn send(channel: &Channel, waiting: &Waiting, patience: Patience) -> Result<(), String> {
    let mut wait = patience.first;
    let mut tried = 0;
    loop {
        tried += 1;
        match channel.send(waiting).await {
            Ok(()) => return Ok(()),
            Err(Refusal::Never(reason)) => return Err(reason),
            Err(Refusal::Later { reason, .. }) if tried == patience.tries => return Err(reason),
            Err(Refusal::Later { reason, after }) => {
                tracing::debug!(channel = channel.name(), tried, "not told yet: {reason}");
                sleep(after.map_or(wait, |after| after.min(patience.longest))).await;
                wait = (wait * 2).min(patience.longest);
            }
        }
    }
}

#[cfg(test)]
mod tests;
