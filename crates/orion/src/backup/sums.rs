//! The checksums of a backup, in the form of `sha256sum`: `sha256sum -c SHA256SUMS` verifies it without ORION.

use crate::history::Progress;
use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

pub(crate) const SUMS: &str = "SHA256SUMS";

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) files: usize,
    pub(crate) bytes: u64,
}

/// The sums of what is put into a backup.
#[derive(Debug, Default)]
pub(super) struct Sums {
    files: BTreeMap<String, String>,
    pub(super) written: Written,
    /// Bytes when a market was begun.
    begun: u64,
}

impl Sums {
    pub(super) fn begin(&mut self) {
        self.begun = self.written.bytes;
    }

    pub(super) fn since_begin(&self) -> u64 {
        self.written.bytes - self.begun
    }

    pub(super) fn add(&mut self, name: &str, sum: String, bytes: u64) {
        self.files.insert(name.to_owned(), sum);
        self.written.files += 1;
        self.written.bytes += bytes;
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (name, sum) in &self.files {
            let _written = writeln!(text, "{sum}  {name}");
        }
        text
    }
}

/// Sums up what is read through it.
pub(super) struct Hashing<R> {
    from: R,
    sum: Sha256,
    bytes: u64,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            sum: Sha256::new(),
            bytes: 0,
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.bytes
    }

    pub(super) fn sum(&self) -> String {
        let mut text = String::new();
        for byte in self.sum.clone().finalize() {
            let _written = write!(text, "{byte:02x}");
        }
        text
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(to)?;
        self.sum.update(&to[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Reads every byte of a backup's folder; what is wrong, a line for each file.
///
/// # Errors
/// When it is no backup, or its folder cannot be read.
pub(crate) fn verify(backup: &Path) -> Result<(Written, Vec<String>)> {
    let path = backup.join(SUMS);
    let text = fs::read(&path).with_context(|| {
        format!(
            "read {}: a whole backup has it; give the folder or the file that `orion backup` named",
            path.display()
        )
    })?;
    let mut files = BTreeMap::new();
    list(backup, backup, &mut files)?;
    files.remove(SUMS);
    let progress = Progress::new("checksums", files.values().sum());
    let (mut seen, mut wrong) = (Written::default(), Vec::new());
    let mut found = BTreeMap::new();
    for (name, bytes) in files {
        seen.files += 1;
        seen.bytes += bytes;
        match sum(&backup.join(&name)) {
            Ok(sum) => {
                found.insert(name, (sum, bytes));
            }
            Err(error) => wrong.push(format!("{name}: {error:#}")),
        }
        progress.set(seen.bytes);
    }
    wrong.extend(compare(&String::from_utf8_lossy(&text), &found));
    Ok((seen, wrong))
}

/// What is wrong with these files, of which sum and size were found, a line for each.
pub(super) fn compare(text: &str, found: &BTreeMap<String, (String, u64)>) -> Vec<String> {
    let mut left = found.clone();
    let mut wrong = Vec::new();
    if !text.ends_with('\n') {
        wrong.push(format!("{SUMS}: it is cut off"));
    }
    for (place, line) in (1..).zip(text.lines()) {
        let Some((wanted, name)) = line.split_once("  ") else {
            wrong.push(format!("{SUMS} line {place}: it has no checksum and name"));
            continue;
        };
        match left.remove(name) {
            None => wrong.push(format!(
                "{name}: it is gone, or {SUMS} line {place} is damaged"
            )),
            Some((found, _)) if found == wanted => {}
            Some((_, bytes)) => wrong.push(format!(
                "{name}: its checksum differs, somewhere in its {bytes} bytes, or {SUMS} line {place} is damaged"
            )),
        }
    }
    let unknown = left.keys();
    wrong.extend(unknown.map(|name| format!("{name}: {SUMS} does not name it")));
    wrong
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
    let mut file = Hashing::new(File::open(path).with_context(reading)?);
    io::copy(&mut file, &mut io::sink()).with_context(reading)?;
    Ok(file.sum())
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
        let mut sums = Sums::default();
        for name in ["data/a", "data/b", "c"] {
            fs::write(path(name), name).unwrap();
            sums.add(name, sum(&path(name)).unwrap(), name.len() as u64);
        }
        assert_eq!((sums.written.files, sums.written.bytes), (3, 13));
        fs::write(path(SUMS), sums.text()).unwrap();
        assert_eq!(verify(dir.path()).unwrap(), (sums.written, Vec::new()));
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
