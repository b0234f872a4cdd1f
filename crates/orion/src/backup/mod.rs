//! `orion backup`: a copy of the data folder that a server may be writing. `backup/copy.rs` has the order in which a market is
//! copied, on which all depends; `backup/sums.rs` the checksums; `backup/restore.rs` the way back. `docs/decisions/0016`.

mod copy;
pub mod restore;
mod sums;

use crate::cli;
use crate::clock::{self, Sources as _};
use crate::history::{Progress, data_folder, markets};
use anyhow::{Context as _, Result, bail, ensure};
use journal::{Journal as _, Looking};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

pub(crate) use sums::{SUMS, verify};

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
    let begun = clock::Machine.system().to_string();
    let to = options.to.clone().unwrap_or_else(|| named_by(&begun));
    ensure_apart(&data, &to)?;
    let draft = begin(&to)?;
    let manifest = fill(&data, &draft, begun)?;
    let sums = finish(&draft, &to, &manifest)?;
    let mut out = io::stdout().lock();
    if options.kept.json {
        let told = serde_json::json!({
            "backup": to, "files": sums.files, "bytes": sums.bytes, "begun": manifest.begun, "markets": manifest.markets,
        });
        writeln!(out, "{told}")?;
        return Ok(());
    }
    writeln!(
        out,
        "{}: {} files, {} bytes, of {}",
        to.display(),
        sums.files,
        sums.bytes,
        manifest.begun
    )?;
    for market in &manifest.markets {
        match market.seq {
            Some(seq) => writeln!(out, "  {}  {seq} records in the journal", market.name)?,
            None => writeln!(out, "  {}  a tape alone", market.name)?,
        }
    }
    writeln!(
        out,
        "verify it with `orion verify {}`, use it with `orion restore {} --data DIR`",
        to.display(),
        to.display()
    )?;
    Ok(())
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

/// A backup inside of what it copies would have itself in it.
fn ensure_apart(data: &Path, to: &Path) -> Result<()> {
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

/// The folder in which the backup grows until it is whole.
fn begin(to: &Path) -> Result<PathBuf> {
    ensure!(
        !to.exists(),
        "{} is there already: a backup never replaces another one; give another name, or move that one away",
        to.display()
    );
    let mut name = to.as_os_str().to_owned();
    name.push(".part");
    let draft = PathBuf::from(name);
    if draft.exists() {
        ensure!(
            draft.join(UNFINISHED).exists() || draft.join(SUMS).exists(),
            "{} is in the way and was not left by a backup: move it away",
            draft.display()
        );
        fs::remove_dir_all(&draft)
            .with_context(|| format!("remove the unfinished backup {}", draft.display()))?;
    }
    fs::create_dir(&draft).with_context(|| format!("make the folder {}", draft.display()))?;
    fs::write(draft.join(UNFINISHED), "")
        .with_context(|| format!("write into {}", draft.display()))?;
    Ok(draft)
}

fn fill(data: &Path, draft: &Path, begun: String) -> Result<Manifest> {
    let found = markets(data, None)?;
    if found.is_empty() {
        bail!(
            "there is no market in {}: nothing to keep; name the data folder with --data",
            data.display()
        );
    }
    let to = draft.join(DATA);
    let names: Vec<&str> = found.iter().map(|market| market.name.as_str()).collect();
    copy::around(data, &to, &names)?;
    let mut kept = Vec::new();
    for market in &found {
        let target = to.join(&market.name);
        let progress = Progress::new(&market.name, copy::size(&market.dir)?);
        copy::market(&market.dir, &target, &progress)
            .with_context(|| format!("copy market {}", market.name))?;
        let end = Looking::open(&target)?.map(|journal| journal.end());
        kept.push(Kept {
            name: market.name.clone(),
            epoch: end.map(|end| end.epoch.to_string()),
            seq: end.map(|end| end.seq),
        });
    }
    Ok(Manifest {
        orion: env!("CARGO_PKG_VERSION").to_owned(),
        begun,
        markets: kept,
    })
}

/// Sums up what is in the draft, and gives it its name: from here on it is a backup.
fn finish(draft: &Path, to: &Path, manifest: &Manifest) -> Result<sums::Written> {
    let path = draft.join(MANIFEST);
    let text = serde_json::to_string_pretty(manifest)?;
    fs::write(&path, text + "\n").with_context(|| format!("write {}", path.display()))?;
    copy::sync(&path)?;
    let unfinished = draft.join(UNFINISHED);
    let written = sums::write(draft, &unfinished)?;
    fs::remove_file(&unfinished).with_context(|| format!("remove {}", unfinished.display()))?;
    copy::sync_dir(draft)?;
    crate::fault::point("backup_whole");
    fs::rename(draft, to).with_context(|| format!("put {} in its place", to.display()))?;
    copy::sync_dir(&std::path::absolute(to)?.join(".."))?;
    Ok(written)
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
        ensure_apart(&data, &dir.path().join("backup")).unwrap();
        for inside in [data.join("backup"), data.join("../data/backup")] {
            let error = ensure_apart(&data, &inside).unwrap_err().to_string();
            assert!(error.contains("would lie in the data folder"), "{error}");
        }
        let error = ensure_apart(&data, &dir.path().join("none/backup")).unwrap_err();
        assert!(error.to_string().contains("make it first"), "{error}");
    }

    #[test]
    fn only_what_a_backup_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("kept");
        let draft = begin(&to).unwrap();
        fs::write(draft.join("half"), "x").unwrap();
        assert!(!begin(&to).unwrap().join("half").exists());
        fs::remove_file(draft.join(UNFINISHED)).unwrap();
        let error = begin(&to).unwrap_err().to_string();
        assert!(error.contains("was not left by a backup"), "{error}");
        fs::create_dir(&to).unwrap();
        let error = begin(&to).unwrap_err().to_string();
        assert!(error.contains("never replaces another one"), "{error}");
    }
}
