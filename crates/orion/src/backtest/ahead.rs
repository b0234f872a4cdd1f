//! The recording, read ahead on a thread of its own: decoding and deciding need not wait for each other.

use super::input::Reading;
use anyhow::Result;
use market::{Event, Time};
use std::convert::Infallible;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

/// Events that are handed over at once, and how often that is done before whoever reads waits for whoever takes.
const BATCH: usize = 1024;
const AHEAD: usize = 8;

type Batch = Vec<(Time, Event)>;

/// Events in their order, as [`Reading`] gives them.
#[derive(Debug)]
pub(super) struct Ahead {
    batches: Receiver<Batch>,
    batch: std::vec::IntoIter<(Time, Event)>,
    reader: JoinHandle<u64>,
}

impl Ahead {
    /// # Errors
    /// When no thread can be had.
    pub(super) fn of(mut reading: Reading) -> Result<Self> {
        let (hand, batches) = mpsc::sync_channel(AHEAD);
        let read = move || {
            loop {
                let batch = reading.by_ref().take(BATCH);
                let batch: Batch = batch.map(|Ok(event)| event).collect();
                let is_last = batch.len() < BATCH;
                // Nobody takes more where the end of a period is reached.
                if hand.send(batch).is_err() || is_last {
                    return reading.lost;
                }
            }
        };
        let reader = thread::Builder::new().name("recording".to_owned());
        Ok(Self {
            batches,
            batch: Batch::new().into_iter(),
            reader: reader.spawn(read)?,
        })
    }

    /// How many parts of what was read could not be.
    pub(super) fn lost(self) -> u64 {
        drop(self.batches);
        match self.reader.join() {
            Ok(lost) => lost,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Iterator for Ahead {
    type Item = Result<(Time, Event), Infallible>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.batch.next() {
                return Some(Ok(event));
            }
            self.batch = self.batches.recv().ok()?.into_iter();
        }
    }
}
