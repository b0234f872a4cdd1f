//! The checksums of a backup, in the form of `sha256sum`: `sha256sum -c SHA256SUMS` verifies it without ORION.

use super::copy;
use crate::history::Progress;
use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

pub(crate) const SUMS: &str = "SHA256SUMS";

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) files: usize,
    pub(crate) bytes: u64,
}

/// Sums up every file of a backup but the one that says it is unfinished.
pub(super) fn write(backup: &Path, without: &Path) -> Result<Written> {
    let mut files = BTreeMap::new();
    list(backup, backup, &mut files)?;
    let mut written = Written::default();
    let progress = Progress::new("checksums", files.values().sum());
    let mut text = String::new();
    for (name, bytes) in &files {
        let path = backup.join(name);
        if path == without {
            continue;
        }
        let _written = writeln!(text, "{}  {name}", sum(&path)?);
        written.files += 1;
        written.bytes += bytes;
        progress.set(written.bytes);
    }
    let path = backup.join(SUMS);
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    copy::sync(&path)?;
    copy::sync_dir(backup)?;
    Ok(written)
}

/// Reads every byte of a backup; what is wrong, a line for each file.
///
/// # Errors
/// When it is no backup, or its folder cannot be read.
pub(crate) fn verify(backup: &Path) -> Result<(Written, Vec<String>)> {
    let path = backup.join(SUMS);
    let text = fs::read(&path).with_context(|| {
        format!(
            "read {}: a whole backup has it; give the folder that `orion backup` named",
            path.display()
        )
    })?;
    let text = String::from_utf8_lossy(&text);
    let mut files = BTreeMap::new();
    list(backup, backup, &mut files)?;
    files.remove(SUMS);
    let progress = Progress::new("checksums", files.values().sum());
    let (mut seen, mut wrong) = (Written::default(), Vec::new());
    for (place, line) in (1..).zip(text.lines()) {
        let Some((wanted, name)) = line.split_once("  ") else {
            wrong.push(format!("{SUMS} line {place}: it has no checksum and name"));
            continue;
        };
        let Some(bytes) = files.remove(name) else {
            wrong.push(format!(
                "{name}: it is gone, or {SUMS} line {place} is damaged"
            ));
            continue;
        };
        match sum(&backup.join(name)) {
            Ok(found) if found == wanted => {}
            Ok(_) => wrong.push(format!(
                "{name}: its checksum differs, somewhere in its {bytes} bytes, or {SUMS} line {place} is damaged"
            )),
            Err(error) => wrong.push(format!("{name}: {error:#}")),
        }
        seen.files += 1;
        seen.bytes += bytes;
        progress.set(seen.bytes);
    }
    let unknown = files
        .keys()
        .map(|name| format!("{name}: {SUMS} does not name it"));
    wrong.extend(unknown);
    Ok((seen, wrong))
}

/// Every file with its bytes, named from `root` on with `/` between folders.
fn list(root: &Path, dir: &Path, files: &mut BTreeMap<String, u64>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            list(root, &path, files)?;
            continue;
        }
        let parts = path.strip_prefix(root).unwrap_or(&path).components();
        let parts: Vec<_> = parts
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        let name = parts.join("/");
        ensure!(
            !name.contains(['\n', '\\']),
            "{} has a name that {SUMS} cannot hold: give it another one",
            path.display()
        );
        files.insert(name, fs::metadata(&path).map_or(0, |about| about.len()));
    }
    Ok(())
}

fn sum(path: &Path) -> Result<String> {
    let reading = || format!("read {}", path.display());
    let mut file = File::open(path).with_context(reading)?;
    let (mut sum, mut room) = (Sha256::new(), vec![0; 1024 * 1024]);
    loop {
        match file.read(&mut room).with_context(reading)? {
            0 => break,
            read => sum.update(&room[..read]),
        }
    }
    let mut text = String::new();
    for byte in sum.finalize() {
        let _written = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    #[test]
    fn the_sum_is_sha_256() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        fs::write(&path, "abc").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sum(&path).unwrap(), known);
    }

    #[test]
    fn every_file_that_is_changed_gone_or_unknown_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("data")).unwrap();
        for name in ["data/a", "data/b", "c", "UNFINISHED"] {
            fs::write(path(name), name).unwrap();
        }
        let written = write(dir.path(), &path("UNFINISHED")).unwrap();
        assert_eq!((written.files, written.bytes), (3, 13));
        fs::remove_file(path("UNFINISHED")).unwrap();
        assert_eq!(verify(dir.path()).unwrap(), (written, Vec::new()));
        fs::write(path("data/a"), "data/A").unwrap();
        fs::remove_file(path("c")).unwrap();
        fs::write(path("data/new"), "").unwrap();
        let wrong = verify(dir.path()).unwrap().1;
        let names: Vec<_> = wrong
            .iter()
            .filter_map(|line| line.split_once(':'))
            .collect();
        let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["c", "data/a", "data/new"], "{wrong:?}");
    }
}
