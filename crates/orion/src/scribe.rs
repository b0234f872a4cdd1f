//! The hand that writes. Tape and journal belong to a thread of its own, so that no disk holds up the loop: what the engine was
//! told and what it decided is handed over in order, and the answers come back in the same order. A disk that fails is asked
//! again each second, and nothing that was handed over is lost or written twice by that. `docs/decisions/0017`.

mod store;
mod writer;

pub(crate) use store::{Look, State, Store};
pub(crate) use writer::prune;

use self::writer::Writer;
use crate::config::History;
use anyhow::{Context as _, Result};
use journal::tape::{Place, Settings, TapeWriter};
use journal::{Journal, Record};
use market::{BarUpdate, Calibration, Event, Position, Shadow, Time};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// At an end, a disk that does not answer is waited for so long: whoever asked for the end kills what has not ended, and does not
/// hear why. Units, Docker and PM2 wait longer than this and a drain together.
pub(crate) const END_MAX: Duration = Duration::from_secs(10);

/// What is handed over. How much may wait is bounded by who hands over.
pub(crate) struct Job {
    /// What the engine was told since the job before.
    pub(crate) events: Vec<(Time, Event)>,
    pub(crate) work: Work,
}

/// What is to be done after the events are on the tape.
pub(crate) enum Work {
    /// They are given to the operating system.
    Write,
    /// They are synced, and what followed from them is kept.
    Keep(Decided),
    /// They are synced, and the engine's state after them is saved.
    Save(Box<Saving>),
    /// They are synced, and a segment under other settings is begun, unless that was withdrawn. It is tried once.
    Begin(Settings, Permit),
}

/// To begin with other settings. Who wants that may take it back for as long as the disk has not come to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Permit(Arc<AtomicBool>);

impl Permit {
    /// For whoever asks first, to do it or to take it back.
    pub(crate) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// What the engine decided.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    pub(crate) records: Vec<Record>,
    pub(crate) shadows: Vec<Shadow>,
    pub(crate) calibrations: Vec<Calibration>,
}

impl Decided {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.shadows.is_empty() && self.calibrations.is_empty()
    }
}

/// What a snapshot is made of.
#[derive(Debug)]
pub(crate) struct Saving {
    pub(crate) state: Vec<u8>,
    pub(crate) bars: Vec<BarUpdate>,
    /// What may go after it, by the time of the market.
    pub(crate) prune: Option<(History, Time)>,
}

/// What came of a job.
pub(crate) enum Done {
    Written,
    Kept {
        /// The records stand behind it.
        after: Position,
        took: Duration,
    },
    /// The place of the snapshot on the tape, or why there is none.
    Saved(Result<Place>),
    /// Whether the tape goes on under the other settings.
    Begun(Result<()>),
}

/// The way to the thread. Dropping it waits until that has done what it was given, or cannot.
#[derive(Debug)]
pub(crate) struct Scribe<J> {
    journal: Arc<Mutex<J>>,
    jobs: Option<mpsc::Sender<Job>>,
    done: UnboundedReceiver<Result<Done>>,
    thread: Option<JoinHandle<()>>,
    store: Arc<Store>,
    abandoned: Arc<AtomicBool>,
}

impl<J: Journal + 'static> Scribe<J> {
    pub(crate) fn start(
        dir: &Path,
        tape: TapeWriter,
        journal: J,
        store: &Arc<Store>,
    ) -> Result<Self> {
        let journal = Arc::new(Mutex::new(journal));
        let abandoned = Arc::new(AtomicBool::new(false));
        let (jobs, inbox) = mpsc::channel();
        let (tell, done) = unbounded_channel();
        let writer = Writer::new(dir, tape, &journal, store, &abandoned)?;
        let thread = thread::Builder::new()
            .name("scribe".to_owned())
            .spawn(move || writer.serve(&inbox, &tell))
            .context("start the thread that writes")?;
        Ok(Self {
            journal,
            jobs: Some(jobs),
            done,
            thread: Some(thread),
            store: Arc::clone(store),
            abandoned,
        })
    }
}

impl<J> Scribe<J> {
    pub(crate) fn hand_over(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // A thread that has ended has said why, as its last answer.
            let _unheard = jobs.send(job);
        }
    }

    /// What came of the next job. May be dropped and called again.
    ///
    /// # Errors
    /// When nothing more can be kept, whatever is done to the disk.
    pub(crate) async fn next(&mut self) -> Result<Done> {
        let done = self.done.recv().await;
        done.context("the thread that writes has ended early: restart the server")?
    }

    /// The same, if it is there.
    pub(crate) fn ready(&mut self) -> Option<Result<Done>> {
        self.done.try_recv().ok()
    }

    /// For reading.
    pub(crate) fn journal(&self) -> &Mutex<J> {
        &self.journal
    }

    /// What was handed over and is not done need not be done any more.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.wake();
    }

    /// Leaves the thread to itself, with its locks, for as long as the process lives: it may never be done.
    pub(crate) fn leave(mut self) {
        self.abandon();
        self.thread = None;
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl<J> Drop for Scribe<J> {
    fn drop(&mut self) {
        // What fails now is not tried again.
        self.store.try_again(false);
        self.jobs = None;
        self.wake();
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so on standard error.
            let _ended = thread.join();
        }
    }
}
