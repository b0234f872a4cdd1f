//! `orion restore`: a data folder made of a backup. Its journals go on as logs of their own: clients may have seen more of
//! the old one than the backup holds, and are told everything anew instead of missing or doubling something.

use super::archive::{self, Found};
use super::keep::{self, beside, write};
use super::{DATA, Manifest, copy, manifest, verify};
use crate::cli;
use crate::clock::{self, Sources as _};
use crate::history::{Progress, data_folder, markets};
use anyhow::{Context as _, Result, bail, ensure};
use market::Epoch;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Restores, and says where what was there before has gone.
///
/// # Errors
/// When the backup is not whole, the data folder is in use or not empty, or something cannot be written: then what was there
/// is as it was.
pub fn run(options: &cli::Restore, environment: Vec<(String, String)>) -> Result<()> {
    let data = data_folder(&options.kept, environment)?;
    let from = &options.from;
    let is_one_file = archive::is_stream(from) || from.is_file();
    // Of one file, which may come by a pipe, every checksum is read while it is unpacked.
    let known = (!is_one_file).then(|| whole(from)).transpose()?;
    let is_taken = is_taken(&data)?;
    ensure!(
        !is_taken || options.replace,
        "the data folder {} is not empty: give another one with --data, or say --replace, which moves it aside",
        data.display()
    );
    ensure_unused(&data)?;
    let draft = Draft::begin(&data)?;
    let manifest = match known {
        Some(manifest) => {
            draft.copy(from)?;
            manifest
        }
        None => draft.unpack(from)?,
    };
    let now = u64::try_from(clock::Machine.system().millis()).unwrap_or(0);
    let mut lines = Vec::new();
    for kept in &manifest.markets {
        let before: u64 = kept.epoch.as_deref().and_then(read_epoch).unwrap_or(0);
        // A clock that was set back must not give an epoch that clients know.
        let epoch = Epoch(now.max(before + 1));
        let end = journal::copy::begin_log(&draft.data().join(&kept.name), epoch)
            .with_context(|| format!("begin the log of market {} anew", kept.name))?;
        lines.push(match end {
            Some(end) => format!("{}: {} records, now log {}", kept.name, end.seq, end.epoch),
            None => format!("{}: a tape alone", kept.name),
        });
    }
    let aside = draft.put(&data, is_taken)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{} is as it was at {}", data.display(), manifest.begun)?;
    for line in lines {
        writeln!(out, "  {line}")?;
    }
    if let Some(aside) = aside {
        writeln!(out, "  what was there is now {}", aside.display())?;
    }
    Ok(())
}

/// What a backup says of itself, where all of it is there.
fn whole(backup: &Path) -> Result<Manifest> {
    let (_, wrong) = verify(backup)?;
    ensure_nothing(&wrong, backup)?;
    manifest(backup)
}

fn ensure_nothing(wrong: &[String], backup: &Path) -> Result<()> {
    let Some(first) = wrong.first() else {
        return Ok(());
    };
    bail!(
        "the backup {} is damaged, and nothing was restored: {first} ({} things are wrong; `orion verify {}` lists them): \
         take an older backup",
        backup.display(),
        wrong.len(),
        backup.display()
    )
}

fn read_epoch(text: &str) -> Option<u64> {
    text.parse::<Epoch>().ok().map(|epoch| epoch.0)
}

fn is_taken(data: &Path) -> Result<bool> {
    match fs::read_dir(data) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("list {}", data.display())),
    }
}

/// Nobody may be writing what is moved away.
fn ensure_unused(data: &Path) -> Result<()> {
    if !data.exists() {
        return Ok(());
    }
    for market in markets(data, None)? {
        for lock in ["journal.lock", "tape/tape.lock"] {
            let path = market.dir.join(lock);
            let Ok(file) = File::open(&path) else {
                continue;
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => bail!(
                    "a server is using {}: end it first, or give another folder with --data",
                    market.dir.display()
                ),
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("look at {}", path.display()));
                }
            }
        }
    }
    Ok(())
}

/// What is restored, beside the folder that it is for, until it is whole. Dropped before, it leaves nothing behind.
struct Draft {
    folder: PathBuf,
}

impl Draft {
    fn begin(data: &Path) -> Result<Self> {
        let folder = beside(data, ".part");
        keep::begin(&folder)?;
        let draft = Self { folder };
        fs::create_dir(draft.data())
            .with_context(|| format!("write into {}", draft.folder.display()))?;
        Ok(draft)
    }

    fn data(&self) -> PathBuf {
        self.folder.join(DATA)
    }

    /// Copies the data of a backup's folder.
    fn copy(&self, backup: &Path) -> Result<()> {
        let source = backup.join(DATA);
        let progress = Progress::new("restore", copy::size(&source)?);
        let mut done = 0;
        tree(&source, &self.data(), &mut |bytes| {
            done += bytes;
            progress.set(done);
        })
    }

    /// Unpacks the data of a backup that is one file, where all of it is there.
    fn unpack(&self, backup: &Path) -> Result<Manifest> {
        let Found {
            wrong, manifest, ..
        } = archive::read(backup, Some(&self.folder))?;
        ensure_nothing(&wrong, backup)?;
        manifest.context("the backup says nothing of itself")
    }

    /// Gives the data its name; what had it goes aside and stays.
    fn put(self, data: &Path, is_taken: bool) -> Result<Option<PathBuf>> {
        sync_all(&self.data())?;
        crate::fault::point("restore_whole");
        let mut aside = None;
        if is_taken {
            let mut free = (1..).map(|number| beside(data, &format!(".before-{number}")));
            let place = free.find(|place| !place.exists());
            let place = place.context("find a name for what is moved aside")?;
            fs::rename(data, &place)
                .with_context(|| format!("move {} to {}", data.display(), place.display()))?;
            aside = Some(place);
            crate::fault::point("restore_aside");
        } else if data.exists() {
            fs::remove_dir(data).with_context(|| format!("remove the empty {}", data.display()))?;
        }
        fs::rename(self.data(), data)
            .with_context(|| format!("put {} in its place", data.display()))?;
        copy::sync_parent(data)?;
        Ok(aside)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Should it stay, the next restore removes it.
        let _ = keep::remove(&self.folder);
    }
}

/// Copies a folder with all that is in it.
fn tree(from: &Path, to: &Path, told: &mut dyn FnMut(u64)) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("make the folder {}", to.display()))?;
    let reading = || format!("list {}", from.display());
    for entry in fs::read_dir(from).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().with_context(reading)?.is_dir() {
            tree(&path, &place, told)?;
            continue;
        }
        crate::fault::point("restore_file");
        let reading = || format!("read {}", path.display());
        let mut source = File::open(&path).with_context(reading)?;
        let about = source.metadata().with_context(reading)?;
        write(&place, &mut source, |file| {
            file.set_permissions(about.permissions())
        })?;
        told(about.len());
    }
    Ok(())
}

/// Makes all names below a folder last.
fn sync_all(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        }
    }
    copy::sync_dir(dir)
}
