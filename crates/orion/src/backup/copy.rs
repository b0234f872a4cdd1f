//! Copying a market that a server is writing. What a start needs is that of a crash: the tape has all that led to the
//! journal's records, and journal and tape reach at least as far as the newest snapshot. So what may know least is copied
//! first: snapshots, then the journal, then everything else, and the tape last.

use crate::fault;
use crate::history::Progress;
use anyhow::{Context as _, Result, bail};
use journal::copy::database;
use journal::tape::{self, Segment};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;

/// The databases of a market.
pub(super) const DATABASES: [&str; 2] = ["journal.sqlite", "charts.sqlite"];
/// How often a market is copied again because old days of its tape went meanwhile.
const TRIES_MAX: usize = 5;
/// Bytes copied at a time.
const CHUNK: usize = 1024 * 1024;

/// Copies what lies in the data folder beside its markets: keys, what is revoked, and the like.
pub(super) fn around(data: &Path, to: &Path, markets: &[&str]) -> Result<()> {
    tree(
        data,
        to,
        &|name| markets.contains(&name) || is_passing(name),
        &mut |_| {},
    )
}

/// Copies a backup's data, all of it.
pub(super) fn all(from: &Path, to: &Path, progress: &Progress) -> Result<()> {
    let mut done = 0;
    let mut told = |bytes| {
        done += bytes;
        progress.set(done);
    };
    tree(from, to, &|_| false, &mut told)
}

/// Copies a market, so that a server can go on with the copy.
pub(super) fn market(from: &Path, to: &Path, progress: &Progress) -> Result<()> {
    for _ in 0..TRIES_MAX {
        let before = oldest(from)?;
        once(from, to, progress)?;
        // What went while the copy was made may be what its snapshots need.
        if oldest(from)? == before {
            return Ok(());
        }
        fs::remove_dir_all(to).with_context(|| format!("remove {}", to.display()))?;
    }
    bail!(
        "old days of the tape in {} went each of {TRIES_MAX} times while it was copied: try again in a minute",
        from.display()
    )
}

fn oldest(market: &Path) -> Result<Option<u64>> {
    let segments = tape::segments(&market.join("tape"))?;
    Ok(segments.first().map(|segment| segment.number))
}

fn once(from: &Path, to: &Path, progress: &Progress) -> Result<()> {
    let mut done = 0;
    let mut told = |bytes| {
        done += bytes;
        progress.set(done);
    };
    let snapshots = from.join("snapshots");
    if snapshots.is_dir() {
        tree(&snapshots, &to.join("snapshots"), &is_passing, &mut told)?;
    }
    fs::create_dir_all(to).with_context(|| format!("make the folder {}", to.display()))?;
    for name in DATABASES {
        let path = from.join(name);
        if path.exists() {
            fault::point("backup_file");
            database(&path, &to.join(name))?;
            told(fs::metadata(&path).map_or(0, |about| about.len()));
        }
    }
    let is_done = |name: &str| ["snapshots", "tape"].contains(&name) || is_passing(name);
    tree(from, to, &is_done, &mut told)?;
    whole_tape(&from.join("tape"), &to.join("tape"), &mut told)
}

/// Copies the tape's segments, oldest first. A segment that a newer one followed meanwhile is copied again: it has grown.
fn whole_tape(from: &Path, to: &Path, told: &mut dyn FnMut(u64)) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("make the folder {}", to.display()))?;
    let mut last = 0;
    loop {
        let segments = tape::segments(from)?;
        let newer = |segment: &&Segment| segment.number >= last;
        for segment in segments.iter().filter(newer) {
            let name = segment.path.file_name().unwrap_or_default();
            file(&segment.path, &to.join(name), told)?;
        }
        let newest = segments.last().map_or(0, |segment| segment.number);
        let now = tape::segments(from)?;
        if now.last().map_or(0, |segment| segment.number) == newest {
            return sync_dir(to);
        }
        last = newest;
    }
}

/// Copies a folder with all that is in it, but for what is left out by its name.
fn tree(
    from: &Path,
    to: &Path,
    is_left_out: &dyn Fn(&str) -> bool,
    told: &mut dyn FnMut(u64),
) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("make the folder {}", to.display()))?;
    let reading = || format!("list {}", from.display());
    // A name that is left out here is not meant deeper down, but for what is passing everywhere.
    let deeper: &dyn Fn(&str) -> bool = if is_left_out("journal.lock") {
        &is_passing
    } else {
        is_left_out
    };
    for entry in fs::read_dir(from).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if is_left_out(&text) {
            continue;
        }
        let kind = entry.file_type().with_context(reading)?;
        if kind.is_dir() {
            tree(&entry.path(), &to.join(&name), deeper, told)?;
        } else if kind.is_file() {
            file(&entry.path(), &to.join(&name), told)?;
        }
    }
    sync_dir(to)
}

/// Locks, drafts, and databases with their logs, which are copied in another way.
fn is_passing(name: &str) -> bool {
    let is_database = DATABASES.iter().any(|of| name.starts_with(of));
    is_database
        || [".lock", ".new", ".part"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// Copies a file as far as it is written now, with its rights, and syncs it. One that is gone is passed over.
pub(super) fn file(from: &Path, to: &Path, told: &mut dyn FnMut(u64)) -> Result<()> {
    fault::point("backup_file");
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("read {}", from.display())),
    };
    let writing = || format!("write {}", to.display());
    let mut target = File::create(to).with_context(writing)?;
    let mut room = vec![0; CHUNK];
    loop {
        let read = match source.read(&mut room) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).with_context(|| format!("read {}", from.display())),
        };
        target.write_all(&room[..read]).with_context(writing)?;
        told(read as u64);
    }
    let about = source
        .metadata()
        .with_context(|| format!("look at {}", from.display()))?;
    target
        .set_permissions(about.permissions())
        .with_context(writing)?;
    target.sync_all().with_context(writing)
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
