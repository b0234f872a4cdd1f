//! `orion backup`: a copy of the data folder that a server may be writing, as a folder or as one file. `backup/copy.rs` has the order
//! in which a market is copied, on which all depends; `backup/keep.rs` and `backup/archive.rs` where it goes; `backup/sums.rs` the
//! checksums; `backup/restore.rs` the way back. `docs/decisions/0016`.

mod archive;
mod copy;
mod keep;
pub mod restore;
mod sums;

use crate::cli;
use crate::clock::{self, Sources as _};
use crate::history::{Market, data_folder, markets, remark};
use anyhow::{Context as _, Result, ensure};
use archive::Archive;
use copy::{Changed, Copying};
use keep::{Folder, Keep};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

pub(crate) use archive::{is_stream, read as read_archive};
pub(crate) use sums::{SUMS, Written, verify};

/// How often it is begun again because what is copied changed in a way that a copy must not.
const TRIES_MAX: usize = 5;
/// The folder of a backup that has what was copied, laid out as the data folder is.
pub(crate) const DATA: &str = "data";
/// What says of which moment a backup is.
const MANIFEST: &str = "manifest.json";
/// Stands in a folder that is no whole backup yet, so that the next one may remove it.
const UNFINISHED: &str = "UNFINISHED";

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) orion: String,
    /// When copying began: what clients had seen until then is in it, and more.
    pub(crate) begun: String,
    pub(crate) markets: Vec<Kept>,
}

/// A market, and where its journal ended when it was copied. Its tape goes on further, and a start decides the rest again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epoch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<u64>,
}

/// Makes the backup and says what is in it.
///
/// # Errors
/// When there is nothing to keep, the place is taken, or something cannot be read or written: then there is no backup.
pub fn run(options: &cli::Backup, environment: Vec<(String, String)>) -> Result<()> {
    let data = data_folder(&options.kept, environment)?;
    let mut begun = clock::Machine.system().to_string();
    let to = options.to.clone().unwrap_or_else(|| named_by(&begun));
    ensure_free(&data, &to)?;
    let mut tries = 1;
    let (manifest, sums) = loop {
        match once(&data, &to, begun) {
            // What has gone to standard output cannot be taken back.
            Err(error) if error.is::<Changed>() && tries < TRIES_MAX && !is_stream(&to) => {
                tries += 1;
                begun = clock::Machine.system().to_string();
            }
            done => break done?,
        }
    };
    let told = if options.kept.json {
        let told = serde_json::json!({
            "backup": to, "files": sums.files, "bytes": sums.bytes, "begun": manifest.begun, "markets": manifest.markets,
        });
        told.to_string()
    } else {
        told(&to, &manifest, sums)?
    };
    if is_stream(&to) {
        remark(&told);
    } else {
        writeln!(io::stdout(), "{told}")?;
    }
    Ok(())
}

fn told(to: &Path, manifest: &Manifest, sums: sums::Written) -> Result<String> {
    let mut text = String::new();
    let name = if is_stream(to) {
        "backup".to_owned()
    } else {
        to.display().to_string()
    };
    let (files, bytes) = (sums.files, sums.bytes);
    write!(
        text,
        "{name}: {files} files, {bytes} bytes, of {}",
        manifest.begun
    )?;
    for market in &manifest.markets {
        match market.seq {
            Some(seq) => write!(text, "\n  {}  {seq} records in the journal", market.name)?,
            None => write!(text, "\n  {}  a tape alone", market.name)?,
        }
    }
    if !is_stream(to) {
        write!(
            text,
            "\nverify it with `orion verify {name}`, use it with `orion restore {name} --data DIR`"
        )?;
    }
    Ok(text)
}

/// Where a backup goes that nobody named: its time without what a file's name may not have everywhere.
fn named_by(begun: &str) -> PathBuf {
    let time: String = begun
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take("20261129T014500".len())
        .collect();
    PathBuf::from(format!("orion-backup-{time}Z"))
}

/// A backup replaces nothing, and inside of what it copies it would have itself in it.
fn ensure_free(data: &Path, to: &Path) -> Result<()> {
    if is_stream(to) {
        return Ok(());
    }
    archive::ensure_known(to)?;
    ensure!(
        !to.exists(),
        "{} is there already: a backup never replaces another one; give another name, or move that one away",
        to.display()
    );
    let whole = std::path::absolute(to).context("find the place of the backup")?;
    let data_whole = fs::canonicalize(data)
        .with_context(|| format!("find the data folder {}", data.display()))?;
    let parent = whole.parent().unwrap_or(&whole);
    let parent = fs::canonicalize(parent).with_context(|| {
        format!(
            "find the folder {} for the backup: make it first",
            parent.display()
        )
    })?;
    ensure!(
        !parent.starts_with(&data_whole),
        "the backup {} would lie in the data folder {} and copy itself: give a place outside of it",
        to.display(),
        data.display()
    );
    Ok(())
}

fn once(data: &Path, to: &Path, begun: String) -> Result<(Manifest, sums::Written)> {
    let found = markets(data, None)?;
    ensure!(
        !found.is_empty(),
        "there is no market in {}: nothing to keep; name the data folder with --data",
        data.display()
    );
    let mut keep: Box<dyn Keep> = if archive::is_named(to) {
        Box::new(Archive::begin(to)?)
    } else {
        Box::new(Folder::begin(to)?)
    };
    let done = fill(data, &found, begun, keep.as_mut())?;
    keep.finish()?;
    Ok(done)
}

fn fill(
    data: &Path,
    found: &[Market],
    begun: String,
    keep: &mut dyn Keep,
) -> Result<(Manifest, sums::Written)> {
    let mut copying = Copying::new(keep);
    copying.around(data, found)?;
    let mut kept = Vec::new();
    for market in found {
        let copied = copying.market(market);
        kept.push(copied.with_context(|| format!("copy market {}", market.name))?);
    }
    let manifest = Manifest {
        orion: env!("CARGO_PKG_VERSION").to_owned(),
        begun,
        markets: kept,
    };
    let text = serde_json::to_string_pretty(&manifest)?;
    copying.text(MANIFEST, &(text + "\n"))?;
    copying.sums()?;
    Ok((manifest, copying.sums.written))
}

/// Reads what a backup says of itself.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn manifest(backup: &Path) -> Result<Manifest> {
    let path = backup.join(MANIFEST);
    let file = File::open(&path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_reader(file).with_context(|| format!("understand {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_named_by_its_second() {
        assert_eq!(
            named_by("2026-11-29T01:45:47.123456789Z"),
            PathBuf::from("orion-backup-20261129T014547Z")
        );
    }

    #[test]
    fn a_backup_does_not_lie_in_what_it_copies() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        ensure_free(&data, &dir.path().join("backup")).unwrap();
        for inside in [data.join("backup"), data.join("../data/backup")] {
            let error = ensure_free(&data, &inside).unwrap_err().to_string();
            assert!(error.contains("would lie in the data folder"), "{error}");
        }
        let error = ensure_free(&data, &dir.path().join("none/backup")).unwrap_err();
        assert!(error.to_string().contains("make it first"), "{error}");
    }

    #[test]
    fn one_backup_never_replaces_another() {
        let dir = tempfile::tempdir().unwrap();
        let (data, to) = (dir.path().join("data"), dir.path().join("kept"));
        fs::create_dir(&data).unwrap();
        fs::create_dir(&to).unwrap();
        let error = ensure_free(&data, &to).unwrap_err().to_string();
        assert!(error.contains("never replaces another one"), "{error}");
        let error = ensure_free(&data, &dir.path().join("a.zip")).unwrap_err();
        assert!(error.to_string().contains(".tar.zst"), "{error}");
    }
}
