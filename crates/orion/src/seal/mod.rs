//! Finished days of a tape as Parquet files: one of quotes and, where bars were told, one of bars for each symbol, and a
//! note that says which there are. A day is finished when the tape has gone on to a later one.
//!
//! `day.rs` seals one day, `note.rs` is the note, `watch.rs` does it beside a running server.

mod day;
mod note;
mod watch;

pub(crate) use day::{DayRead, Row};
pub use note::{Kind, Note, Sealed};
pub use watch::Watch;

use anyhow::{Context as _, Result, bail};
use journal::tape::{self, Place, Segment};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// Held by who seals, so that two never write the same file.
const LOCK: &str = ".lock";

/// What a pass over a market's tape has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// The notes of the days that were sealed now.
    pub sealed: Vec<Note>,
    /// Days that could not be sealed, each with the reason.
    pub failed: Vec<(i64, String)>,
    /// The newest day of the tape, which is not finished.
    pub open: Option<i64>,
}

/// Who watches a pass, and may end it early.
pub trait Watcher {
    /// How far the pass is, in bytes of the tape; whether it is to go on.
    fn reads(&mut self, bytes: u64) -> bool;
}

impl<F: FnMut(u64) -> bool> Watcher for F {
    fn reads(&mut self, bytes: u64) -> bool {
        self(bytes)
    }
}

/// Where a market's history lies.
#[must_use]
pub fn folder(market: &Path) -> PathBuf {
    market.join("history")
}

/// Seals every finished day of a market's tape that is not sealed yet. What an earlier pass had begun is gone on with: a
/// file that is whole is not written again.
///
/// # Errors
/// When another process seals the same market, or the tape cannot be listed. That a day cannot be sealed is told in the
/// answer and keeps no other day from it.
pub fn pass(market: &Path, watcher: &mut dyn Watcher) -> Result<Pass> {
    let days = tape::days(&market.join("tape"))?;
    let mut pass = Pass {
        open: days.last().map(|day| day.number),
        ..Pass::default()
    };
    let history = folder(market);
    if days.len() < 2 {
        return Ok(pass);
    }
    let _lock = lock(&history)?;
    let mut sources = None;
    let mut bytes = 0;
    for pair in days.windows(2) {
        let (day, next) = (&pair[0], &pair[1].segments);
        let before = sources.take();
        if let Some(note) = Note::settled(&history, day.number) {
            // Of a day that cannot be sealed nothing is known: the one before it is the best there is.
            sources = if note.failed.is_some() {
                before
            } else {
                Some(note.sources)
            };
        } else {
            for lost in &day.damaged {
                let path = lost.path.display();
                let reason =
                    format!("{path} before it cannot be read: what it tells is in no file");
                pass.failed.push((day.number, reason));
            }
            let what = day::Day {
                market,
                history: &history,
                number: day.number,
                segments: &day.segments,
                next: next.first(),
                before: before.unwrap_or_default(),
            };
            match what.seal(&mut |read| watcher.reads(bytes + read)) {
                Ok(Some(note)) => {
                    sources = Some(note.sources.clone());
                    pass.sealed.push(note);
                }
                Ok(None) => break,
                Err(error) => {
                    let reason = format!("{error:#}");
                    if is_for_ever(&error) {
                        Note::failed(day.number, reason.clone()).publish(&history, day.number)?;
                    }
                    pass.failed.push((day.number, reason));
                }
            }
        }
        bytes += bytes_of(&day.segments);
    }
    Ok(pass)
}

/// Where the first finished day begins that is neither sealed nor known to be beyond it.
///
/// # Errors
/// When the tape cannot be listed.
pub fn unsealed(market: &Path) -> Result<Option<Place>> {
    let days = tape::days(&market.join("tape"))?;
    let history = folder(market);
    let finished = days.len().saturating_sub(1);
    let mut unsealed = days.iter().take(finished);
    let first = unsealed.find(|day| Note::settled(&history, day.number).is_none());
    let segment = first.and_then(|day| day.segments.first());
    Ok(segment.map(|segment| Place {
        segment: segment.number,
        offset: 0,
    }))
}

/// Whether trying again cannot help: the tape itself is damaged.
fn is_for_ever(error: &anyhow::Error) -> bool {
    let damage = error.downcast_ref::<journal::Error>();
    matches!(damage, Some(journal::Error::Corrupt { .. }))
}

/// The bytes of the tape that a pass would go through.
///
/// # Errors
/// When the tape cannot be listed.
pub fn bytes_ahead(market: &Path) -> Result<u64> {
    let segments = tape::segments(&market.join("tape"))?;
    Ok(bytes_of(&segments))
}

fn bytes_of(segments: &[Segment]) -> u64 {
    segments.iter().map(|segment| segment.bytes).sum()
}

fn lock(history: &Path) -> Result<File> {
    fs::create_dir_all(history)
        .with_context(|| format!("make the folder {}", history.display()))?;
    let path = history.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "{} is in use: a running server, or another `orion history seal`, is sealing these days; wait until it has",
            path.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("lock {}", path.display()))
        }
    }
}
