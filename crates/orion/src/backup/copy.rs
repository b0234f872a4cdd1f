//! Copying a data folder that a server is writing. What a start needs is that of a crash: the tape has all that led to the
//! journal's records, and journal and tape reach at least as far as the newest snapshot. So what may know least is copied
//! first: snapshots, then the journal, then everything else, and the tape last.

use super::keep::Keep;
use super::sums::{Hashing, Sums};
use super::{DATA, Kept};
use crate::fault;
use crate::history::{Market, Progress};
use anyhow::{Context as _, Result};
use journal::copy::database;
use journal::{Journal as _, Looking, tape};
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

/// The databases of a market.
const DATABASES: [&str; 2] = ["journal.sqlite", "charts.sqlite"];

/// What is copied changed in a way that a copy must not: it is begun again.
#[derive(Debug)]
pub(super) struct Changed(String);

impl std::fmt::Display for Changed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: try again in a minute", self.0)
    }
}

impl std::error::Error for Changed {}

/// A copy that is being made.
pub(super) struct Copying<'a> {
    keep: &'a mut dyn Keep,
    pub(super) sums: Sums,
    progress: Progress,
}

impl<'a> Copying<'a> {
    pub(super) fn new(keep: &'a mut dyn Keep) -> Self {
        Self {
            keep,
            sums: Sums::default(),
            progress: Progress::hidden(),
        }
    }

    /// Copies what lies in the data folder beside its markets: keys, what is revoked, and the like.
    pub(super) fn around(&mut self, data: &Path, markets: &[Market]) -> Result<()> {
        let is_market = |name: &str| markets.iter().any(|market| market.name == name);
        self.tree(data, DATA, &|name| is_market(name) || is_passing(name))
    }

    /// Copies a market, so that a server can go on with the copy.
    pub(super) fn market(&mut self, market: &Market) -> Result<Kept> {
        let from = &market.dir;
        let to = format!("{DATA}/{}", market.name);
        self.progress = Progress::new(&market.name, size(from)?);
        self.sums.begin();
        let before = oldest(from)?;
        let snapshots = from.join("snapshots");
        self.keep.folder(&to)?;
        if snapshots.is_dir() {
            self.tree(&snapshots, &format!("{to}/snapshots"), &is_passing)?;
        }
        let mut kept = Kept {
            name: market.name.clone(),
            epoch: None,
            seq: None,
        };
        for name in DATABASES {
            if from.join(name).exists() {
                self.database(from, &to, name, &mut kept)?;
            }
        }
        let is_done = |name: &str| ["snapshots", "tape"].contains(&name) || is_passing(name);
        self.tree(from, &to, &is_done)?;
        self.tape(&from.join("tape"), &format!("{to}/tape"))?;
        // What went while the copy was made may be what its snapshots need.
        if oldest(from)? != before {
            let what = format!(
                "old days of the tape in {} went while it was copied",
                from.display()
            );
            return Err(Changed(what).into());
        }
        Ok(kept)
    }

    /// Copies a database as it is at one moment, and looks where a journal ends in the copy.
    fn database(&mut self, from: &Path, to: &str, name: &str, kept: &mut Kept) -> Result<()> {
        fault::point("backup_file");
        let scratch = self.keep.scratch()?;
        let copy = scratch.join(name);
        database(&from.join(name), &copy)?;
        if name == DATABASES[0]
            && let Some(journal) = Looking::open(&scratch)?
        {
            let end = journal.end();
            (kept.epoch, kept.seq) = (Some(end.epoch.to_string()), Some(end.seq));
        }
        self.file(&copy, &format!("{to}/{name}"))?;
        fs::remove_dir_all(&scratch).with_context(|| format!("remove {}", scratch.display()))
    }

    /// Copies the tape's segments, oldest first. The journal's copy was made before they are listed: what is on them now has
    /// all that led to its records. The last one may be torn, as after a crash.
    fn tape(&mut self, from: &Path, to: &str) -> Result<()> {
        self.keep.folder(to)?;
        for segment in tape::segments(from)? {
            let name = segment.path.file_name().unwrap_or_default();
            self.file(&segment.path, &format!("{to}/{}", name.to_string_lossy()))?;
        }
        Ok(())
    }

    /// Copies a folder with all that is in it, but for what is left out by its name.
    fn tree(&mut self, from: &Path, to: &str, is_left_out: &dyn Fn(&str) -> bool) -> Result<()> {
        self.keep.folder(to)?;
        let reading = || format!("list {}", from.display());
        let mut entries = Vec::new();
        for entry in fs::read_dir(from).with_context(reading)? {
            entries.push(entry.with_context(reading)?);
        }
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_str().filter(|name| !name.contains(['\n', '\\']));
            let name = name.with_context(|| {
                format!(
                    "{} has a name that no backup can hold: give it another one",
                    path.display()
                )
            })?;
            if is_left_out(name) {
                continue;
            }
            let to = format!("{to}/{name}");
            let kind = entry.file_type().with_context(reading)?;
            if kind.is_dir() {
                // A name that is left out here is not meant deeper down, but for what is passing everywhere.
                self.tree(&path, &to, &is_passing)?;
            } else if kind.is_file() {
                self.file(&path, &to)?;
            }
        }
        Ok(())
    }

    /// Copies a file as far as it is written now. One that is gone is passed over.
    fn file(&mut self, from: &Path, name: &str) -> Result<()> {
        fault::point("backup_file");
        let reading = || format!("read {}", from.display());
        let source = match File::open(from) {
            Ok(source) => source,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).with_context(reading),
        };
        let about = source.metadata().with_context(reading)?;
        let read = self
            .progress
            .through(source.take(about.len()), self.sums.since_begin());
        let mut source = Hashing::new(read);
        self.keep.file(name, &mut source, &about)?;
        if source.count() != about.len() {
            let what = format!("{} became shorter while it was copied", from.display());
            return Err(Changed(what).into());
        }
        self.sums.add(name, source.sum(), about.len());
        self.progress.set(self.sums.since_begin());
        Ok(())
    }

    /// Puts a text of our own beside what was copied.
    pub(super) fn text(&mut self, name: &str, text: &str) -> Result<()> {
        let bytes = text.len() as u64;
        let mut source = Hashing::new(text.as_bytes());
        self.keep.text(name, &mut source, bytes)?;
        self.sums.add(name, source.sum(), bytes);
        Ok(())
    }

    /// Puts the sums of all, which come last.
    pub(super) fn sums(&mut self) -> Result<()> {
        let text = self.sums.text();
        self.keep
            .text(super::SUMS, &mut text.as_bytes(), text.len() as u64)
    }
}

fn oldest(market: &Path) -> Result<Option<u64>> {
    let segments = tape::segments(&market.join("tape"))?;
    Ok(segments.first().map(|segment| segment.number))
}

/// Locks, drafts, and databases with their logs, which are copied in another way.
fn is_passing(name: &str) -> bool {
    let is_database = DATABASES.iter().any(|of| name.starts_with(of));
    is_database
        || [".lock", ".new", ".part"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// All bytes of a folder, for the progress.
pub(super) fn size(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))? {
        let entry = entry?;
        bytes += match entry.file_type() {
            Ok(kind) if kind.is_dir() => size(&entry.path())?,
            // What has gone meanwhile counts as nothing.
            _ => entry.metadata().map_or(0, |about| about.len()),
        };
    }
    Ok(bytes)
}

pub(super) fn sync(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .with_context(|| format!("sync {}", path.display()))
}

/// Makes the names in a folder last; elsewhere than on Unix the file system keeps them by itself.
pub(super) fn sync_dir(dir: &Path) -> Result<()> {
    if cfg!(unix) { sync(dir) } else { Ok(()) }
}

/// The folder in which a path lies.
pub(super) fn sync_parent(path: &Path) -> Result<()> {
    let whole = std::path::absolute(path).with_context(|| format!("find {}", path.display()))?;
    whole.parent().map_or(Ok(()), sync_dir)
}
