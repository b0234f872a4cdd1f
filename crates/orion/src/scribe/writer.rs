//! The thread that writes: takes all jobs that wait, and does them together where it can.

use super::{Decided, Done, Job, Permit, Saving, Store, Work};
use crate::bars;
use crate::config::History;
use crate::fault;
use crate::keep;
use anyhow::{Context as _, Result, ensure};
use journal::snapshot::{self, Snapshot};
use journal::tape::{Place, Removed, Settings, TapeWriter};
use journal::{Error, Journal};
use market::Time;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// A disk that failed is tried again so often.
const AGAIN_EVERY: Duration = Duration::from_secs(1);
/// What nothing was decided by is synced so often: what a disk does not take shows itself also where nothing is decided.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Jobs that are done together.
const TOGETHER: usize = 256;

pub(super) struct Writer<J> {
    dir: PathBuf,
    tape: TapeWriter,
    journal: Arc<Mutex<J>>,
    store: Arc<Store>,
    abandoned: Arc<AtomicBool>,
    /// Turns the journal's futures.
    runtime: Runtime,
    synced: Instant,
}

/// What is done at the end of the tape, behind all else.
enum Last {
    Save(Saving),
    Begin(Settings, Permit),
}

/// Why nothing more is written.
enum Halt {
    /// It need not be.
    Abandoned,
    /// It cannot be.
    Failed(anyhow::Error),
}

impl<J: Journal> Writer<J> {
    pub(super) fn new(
        dir: &Path,
        mut tape: TapeWriter,
        journal: &Arc<Mutex<J>>,
        store: &Arc<Store>,
        abandoned: &Arc<AtomicBool>,
    ) -> Result<Self> {
        tape.set_probe(fault::disk);
        Ok(Self {
            dir: dir.to_owned(),
            tape,
            journal: Arc::clone(journal),
            store: Arc::clone(store),
            abandoned: Arc::clone(abandoned),
            runtime: Builder::new_current_thread()
                .build()
                .context("prepare the thread that writes")?,
            synced: Instant::now(),
        })
    }

    /// Writes until nobody can ask any more. An error is the last answer.
    pub(super) fn serve(mut self, jobs: &Receiver<Job>, tell: &UnboundedSender<Result<Done>>) {
        loop {
            let done = match jobs.recv_timeout(SYNC_EVERY) {
                Ok(first) => self.work(together(first, jobs)),
                Err(RecvTimeoutError::Timeout) => self.sync().map(|()| Vec::new()),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let told = match done {
                Ok(done) => done.into_iter().try_for_each(|done| tell.send(Ok(done))),
                Err(Halt::Abandoned) => return,
                Err(Halt::Failed(error)) => {
                    let _unheard = tell.send(Err(error));
                    return;
                }
            };
            // Nobody waits for answers any more; what is handed over yet is still written.
            let _unheard = told;
        }
    }

    /// Everything goes on the tape; then, if something was decided or is to be saved, it is synced, and all that was decided
    /// kept at once: a superset of what led to each of it is on the disk before.
    fn work(&mut self, jobs: Vec<Job>) -> Result<Vec<Done>, Halt> {
        let mut all = Decided::default();
        let (mut works, mut last) = (Vec::with_capacity(jobs.len()), None);
        for job in jobs {
            let mut pushed = 0;
            self.again("write the tape", |writer| {
                for (at, event) in &job.events[pushed..] {
                    writer.tape.push(*at, event)?;
                    pushed += 1;
                }
                Ok(())
            })?;
            works.push(match job.work {
                Work::Write => None,
                Work::Keep(mut decided) => {
                    let records = decided.records.len() as u64;
                    all.records.append(&mut decided.records);
                    all.shadows.append(&mut decided.shadows);
                    all.calibrations.append(&mut decided.calibrations);
                    Some(records)
                }
                Work::Save(wanted) => {
                    last = Some(Last::Save(*wanted));
                    None
                }
                Work::Begin(settings, permit) => {
                    last = Some(Last::Begin(settings, permit));
                    None
                }
            });
        }
        let is_kept = works.iter().any(Option::is_some);
        if !is_kept && last.is_none() {
            self.again("write the tape", |writer| writer.tape.write())?;
            if self.synced.elapsed() >= SYNC_EVERY {
                self.sync()?;
            }
            return Ok(works.iter().map(|_| Done::Written).collect());
        }
        if !all.is_empty() {
            fault::point("decision");
        }
        self.sync()?;
        let begun = Instant::now();
        let mut after = self.journal.blocking_lock().end();
        if !all.is_empty() {
            self.keep(&all)?;
        }
        let took = begun.elapsed();
        let mut done = Vec::with_capacity(works.len());
        for records in works {
            done.push(match records {
                None => Done::Written,
                Some(records) => {
                    let kept = Done::Kept { after, took };
                    after = after.after(records);
                    kept
                }
            });
        }
        if let Some(last) = last {
            done.pop();
            done.push(match last {
                Last::Save(saving) => Done::Saved(self.save(saving)),
                Last::Begin(settings, permit) => Done::Begun(self.begin_under(&settings, &permit)),
            });
        }
        Ok(done)
    }

    fn sync(&mut self) -> Result<(), Halt> {
        self.again("write the tape", |writer| writer.tape.sync())?;
        self.synced = Instant::now();
        Ok(())
    }

    fn keep(&mut self, all: &Decided) -> Result<(), Halt> {
        // Before the signals that name them.
        self.again("keep calibrations in the journal", |writer| {
            let calibrations = all.calibrations.clone();
            let mut journal = writer.journal.blocking_lock();
            writer.runtime.block_on(journal.keep(calibrations))
        })?;
        self.again("append to the journal", |writer| {
            fault::disk("append").map_err(|source| Error::Io {
                what: "append to the journal".to_owned(),
                source,
            })?;
            let mut journal = writer.journal.blocking_lock();
            let (end, shadows) = (journal.end(), all.shadows.clone());
            let appended = journal.append_with(end, all.records.clone(), shadows);
            writer.runtime.block_on(appended)
        })?;
        Ok(())
    }

    /// Where it fails, the tape goes on under the settings that it has.
    fn begin_under(&mut self, settings: &Settings, permit: &Permit) -> Result<()> {
        ensure!(permit.take(), "it came too late");
        Ok(self.tape.begin_under(settings)?)
    }

    /// Saves the state that the engine had at the end of the tape. It is not tried again: the next one is as good.
    fn save(&mut self, saving: Saving) -> Result<Place> {
        let (place, position) = (self.tape.place(), self.journal.blocking_lock().end());
        // First: bars that end before a snapshot would leave a gap.
        bars::save(&self.dir, place, saving.bars).context("save the bars")?;
        let snapshot = Snapshot {
            place,
            position,
            state: saving.state,
        };
        snapshot::save(&self.dir.join("snapshots"), &snapshot)
            .context("save the engine's state")?;
        if let Some((history, now)) = saving.prune
            && let Err(error) = prune(&self.dir, &history, now)
        {
            tracing::error!("{error:#}");
        }
        Ok(place)
    }

    /// Does something until it comes to pass.
    fn again<T>(
        &mut self,
        what: &'static str,
        mut work: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Halt> {
        loop {
            if self.abandoned.load(Ordering::Acquire) {
                return Err(Halt::Abandoned);
            }
            let asked = self.store.ask();
            let error = match work(self) {
                Ok(done) => {
                    self.store.answered(asked);
                    return Ok(done);
                }
                Err(error) => error,
            };
            self.store.failed(asked, &error);
            let is_disk = matches!(error, Error::Io { .. });
            if !is_disk || !self.store.tries_again() {
                return Err(Halt::Failed(anyhow::Error::from(error).context(what)));
            }
            thread::park_timeout(AGAIN_EVERY);
        }
    }
}

/// The jobs that wait, up to one that speaks of the tape's end.
fn together(first: Job, jobs: &Receiver<Job>) -> Vec<Job> {
    let mut taken = vec![first];
    let ends = |job: Option<&Job>| {
        job.is_some_and(|job| matches!(job.work, Work::Save(_) | Work::Begin(..)))
    };
    while taken.len() < TOGETHER
        && !ends(taken.last())
        && let Ok(next) = jobs.try_recv()
    {
        taken.push(next);
    }
    taken
}

/// Lets go of the tape's oldest days that need not be kept, by the time of the market. Each snapshot can still be gone on from;
/// without two nothing goes.
pub(crate) fn prune(dir: &Path, history: &History, now: Time) -> Result<Removed> {
    let snapshots = snapshot::all(&dir.join("snapshots"))?;
    let whole = snapshots
        .into_iter()
        .filter_map(|found| found.snapshot.ok());
    let places: Vec<_> = whole.map(|snapshot| snapshot.place).collect();
    // Were the only one damaged, the tape from its beginning would be needed.
    let (Some(not_after), 2..) = (places.iter().min().copied(), places.len()) else {
        return Ok(Removed::default());
    };
    keep::prune(dir, history, not_after, now)
}
