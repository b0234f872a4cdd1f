//! `orion restore`: a data folder made of a backup. Its journals go on as logs of their own: clients may have seen more of
//! the old one than the backup holds, and are told everything anew instead of missing or doubling something.

use super::{DATA, copy, manifest, verify};
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
    let manifest = whole(from)?;
    let is_taken = is_taken(&data)?;
    ensure!(
        !is_taken || options.replace,
        "the data folder {} is not empty: give another one with --data, or say --replace, which moves it aside",
        data.display()
    );
    ensure_unused(&data)?;
    let draft = draft(&data, from)?;
    let now = u64::try_from(clock::Machine.system().millis()).unwrap_or(0);
    let mut lines = Vec::new();
    for kept in &manifest.markets {
        let before: u64 = kept.epoch.as_deref().and_then(read_epoch).unwrap_or(0);
        // A clock that was set back must not give an epoch that clients know.
        let epoch = Epoch(now.max(before + 1));
        let end = journal::copy::begin_log(&draft.join(&kept.name), epoch)
            .with_context(|| format!("begin the log of market {} anew", kept.name))?;
        lines.push(match end {
            Some(end) => format!("{}: {} records, now log {}", kept.name, end.seq, end.epoch),
            None => format!("{}: a tape alone", kept.name),
        });
    }
    let aside = put(&draft, &data, is_taken)?;
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
fn whole(backup: &Path) -> Result<super::Manifest> {
    let (_, wrong) = verify(backup)?;
    if let Some(first) = wrong.first() {
        bail!(
            "the backup {} is damaged, and nothing was restored: {first} ({} of its files; `orion verify {}` lists them): \
             take an older backup",
            backup.display(),
            wrong.len(),
            backup.display()
        );
    }
    manifest(backup)
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

/// The data folder with another end to its name.
fn beside(data: &Path, end: &str) -> PathBuf {
    let mut name = data.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// The backup's data beside the folder that it is for.
fn draft(data: &Path, backup: &Path) -> Result<PathBuf> {
    let draft = beside(data, ".part");
    ensure!(
        !draft.exists(),
        "{} is in the way, left by a restore that was cut off or by somebody else: remove it",
        draft.display()
    );
    let source = backup.join(DATA);
    let progress = Progress::new("restore", copy::size(&source)?);
    copy::all(&source, &draft, &progress)?;
    Ok(draft)
}

/// Gives the draft its name; what had it goes aside and stays.
fn put(draft: &Path, data: &Path, is_taken: bool) -> Result<Option<PathBuf>> {
    let mut aside = None;
    if is_taken {
        let free = (1..).map(|number| beside(data, &format!(".before-{number}")));
        let place = free.into_iter().find(|place| !place.exists());
        let place = place.context("find a name for what is moved aside")?;
        fs::rename(data, &place)
            .with_context(|| format!("move {} to {}", data.display(), place.display()))?;
        aside = Some(place);
    } else if data.exists() {
        fs::remove_dir(data).with_context(|| format!("remove the empty {}", data.display()))?;
    }
    fs::rename(draft, data).with_context(|| format!("put {} in its place", data.display()))?;
    copy::sync_dir(&std::path::absolute(data)?.join(".."))?;
    Ok(aside)
}
