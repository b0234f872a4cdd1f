//! The journal of one machine: a SQLite file with one writer.
//!
//! The connection belongs to a thread of its own, so that no sync of the disk ever holds up the loop. A batch is one
//! transaction; the file is in WAL mode with full sync, so what was acknowledged survives a loss of power, and of what was
//! not, nothing half is left.
//!
//! `journal.sqlite` can be read with any SQLite tool while the server runs:
//! `select seq, body ->> '$.record.signal.status' from record`. What would have become of signals that were not confirmed lies
//! in a table of its own, `shadow`, and so does each version of what confidence was calibrated by, `calibration`.

mod look;
mod store;
mod versions;

pub use self::look::Looking;
pub(crate) use self::store::failure;
use self::store::{Request, Store};
use crate::lock::Lock;
use crate::{Error, Journal, Record, disk};
use market::{Calibration, Epoch, Position, Shadow};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot};

/// Called at named points of an append, so that a test can end the process there: `append` when it is entered, `commit`
/// after the inserts and before the commit, `committed` after the commit and before the answer.
pub type Probe = fn(&'static str);

/// A request may wait behind this many others; then its sender waits too.
const REQUESTS_MAX: usize = 16;

/// The embedded store. Dropping it waits for the writer to finish what it was given.
#[derive(Debug)]
pub struct Local {
    requests: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
    epoch: Epoch,
    /// Written by the writer, so that it is true even when an append's future was dropped.
    seq: Arc<AtomicU64>,
    probe: Probe,
    /// Declared last: given back when the connection is closed.
    _lock: Lock,
}

impl Local {
    /// Opens the journal in `dir`, or makes one there, whose epoch `new_epoch` then gives. Blocks; meant for the start.
    ///
    /// # Errors
    /// [`Error::Locked`] when another server has the folder, [`Error::Corrupt`] or [`Error::Version`] when what is there
    /// cannot be used, [`Error::Io`] when the machine fails.
    pub fn open(dir: &Path, new_epoch: impl FnOnce() -> Epoch) -> Result<Self, Error> {
        Self::open_probed(dir, new_epoch, |_| {})
    }

    /// [`Local::open`] with a [`Probe`].
    ///
    /// # Errors
    /// As [`Local::open`].
    pub fn open_probed(
        dir: &Path,
        new_epoch: impl FnOnce() -> Epoch,
        probe: Probe,
    ) -> Result<Self, Error> {
        let lock = Lock::take(dir, "journal.lock")?;
        let path = dir.join("journal.sqlite");
        let (store, end) = Store::open(path, new_epoch, probe)?;
        disk::sync_dir(dir)?;
        let seq = Arc::clone(&store.seq);
        let (requests, inbox) = mpsc::channel(REQUESTS_MAX);
        let writer = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || store.serve(inbox))
            .map_err(Error::io("start the writer's thread for", dir))?;
        Ok(Self {
            requests: Some(requests),
            writer: Some(writer),
            epoch: end.epoch,
            seq,
            probe,
            _lock: lock,
        })
    }

    /// Sends a request to the writer and waits for its answer.
    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Request,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        if let Some(requests) = &self.requests
            && requests.send(request(answer)).await.is_ok()
            && let Ok(result) = answered.await
        {
            return result;
        }
        Err(Error::Io {
            what: "reach the journal's writer, which ended early: restart the server".to_owned(),
            source: io::ErrorKind::BrokenPipe.into(),
        })
    }
}

impl Journal for Local {
    async fn append_with(
        &mut self,
        after: Position,
        batch: Vec<Record>,
        shadows: Vec<Shadow>,
    ) -> Result<Position, Error> {
        (self.probe)("append");
        self.ask(|answer| Request::Append {
            after,
            batch,
            shadows,
            answer,
        })
        .await
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<(Position, Record)>, Error> {
        self.ask(|answer| Request::Read {
            after,
            limit,
            answer,
        })
        .await
    }

    async fn shadows(&self, after: u64, limit: usize) -> Result<Vec<(u64, Shadow)>, Error> {
        self.ask(|answer| Request::Shadows {
            after,
            limit,
            answer,
        })
        .await
    }

    async fn keep(&mut self, calibrations: Vec<Calibration>) -> Result<(), Error> {
        if calibrations.is_empty() {
            return Ok(());
        }
        self.ask(|answer| Request::Keep {
            calibrations,
            answer,
        })
        .await
    }

    async fn calibrations(&self) -> Result<Vec<Calibration>, Error> {
        self.ask(|answer| Request::Calibrations { answer }).await
    }

    fn end(&self) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.seq.load(Ordering::Acquire),
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so on standard error; there is nothing left to close.
            let _ended = writer.join();
        }
    }
}
