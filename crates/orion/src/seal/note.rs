//! The note of a sealed day: which files it has, and what each of them must be. A day without one is not sealed, whatever
//! files lie there.

use anyhow::{Context as _, Result, bail, ensure};
use history::day::{self, BarsRead, Digest, QuotesRead};
use market::Symbol;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The version of the note.
const VERSION: u32 = 1;

/// A sealed day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    version: u32,
    /// As in `2026-11-28`.
    pub day: String,
    pub files: Vec<Sealed>,
    /// Whose prices each symbol had when the day ended, where that is known.
    pub sources: BTreeMap<String, String>,
    /// Why the day cannot be sealed: its tape is damaged. Without this note it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// A sealed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// From the folder of the history.
    pub path: PathBuf,
    pub symbol: Symbol,
    pub kind: Kind,
    pub rows: u64,
    pub crc: u32,
    pub bytes: u64,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Quotes,
    Bars,
}

impl Kind {
    /// The word of it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quotes => "quotes",
            Self::Bars => "bars",
        }
    }
}

impl Note {
    pub(super) fn new(day: i64, files: Vec<Sealed>, sources: BTreeMap<String, String>) -> Self {
        Self {
            version: VERSION,
            day: day::date(day),
            files,
            sources,
            failed: None,
        }
    }

    /// The note of a day that cannot be sealed.
    pub(super) fn failed(day: i64, reason: String) -> Self {
        Self {
            failed: Some(reason),
            ..Self::new(day, Vec::new(), BTreeMap::new())
        }
    }

    /// The note of a day, if there is one and each of its files is there with its size; also of one that cannot be sealed.
    #[must_use]
    pub fn settled(history: &Path, day: i64) -> Option<Self> {
        let note = Self::read(&path_of(history, day)).ok()?;
        let there = |file: &Sealed| {
            let about = fs::metadata(history.join(&file.path));
            about.is_ok_and(|about| about.is_file() && about.len() == file.bytes)
        };
        note.files.iter().all(there).then_some(note)
    }

    /// The notes of all days, oldest first; with each that cannot be read the reason.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn all(history: &Path) -> Result<Vec<(PathBuf, Result<Self>)>> {
        if !history.is_dir() {
            return Ok(Vec::new());
        }
        let entries = history.read_dir();
        let entries = entries.with_context(|| format!("read the folder {}", history.display()))?;
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        let read = |path: PathBuf| {
            let note = Self::read(&path);
            (path, note)
        };
        Ok(paths.into_iter().map(read).collect())
    }

    fn read(path: &Path) -> Result<Self> {
        let text = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        let note: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} is no note of a sealed day", path.display()))?;
        ensure!(
            note.version == VERSION,
            "{} has version {}, and this ORION reads {VERSION}",
            path.display(),
            note.version
        );
        Ok(note)
    }

    /// Makes the day count as sealed: the note appears whole, and lasts.
    pub(super) fn publish(&self, history: &Path, day: i64) -> Result<()> {
        let path = path_of(history, day);
        let draft = path.with_extension("json.part");
        let publish = || {
            let mut file = File::create(&draft)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            #[cfg(unix)]
            File::open(history)?.sync_all()?;
            Ok::<(), std::io::Error>(())
        };
        publish().with_context(|| format!("write {}", path.display()))
    }
}

impl Sealed {
    /// Reads the whole file, and compares its rows and what they say with the note.
    ///
    /// # Errors
    /// When it cannot be read, or is another one.
    pub fn verify(&self, history: &Path) -> Result<()> {
        let path = history.join(&self.path);
        let found = digest(&path, self.kind)?;
        let noted = Digest {
            rows: self.rows,
            crc: self.crc,
        };
        if found != noted {
            bail!(
                "{} has {} rows with the checksum {:08x}, and its note says {} with {:08x}: it is not the file that was sealed",
                path.display(),
                found.rows,
                found.crc,
                noted.rows,
                noted.crc
            );
        }
        Ok(())
    }
}

/// What a file of this kind says, read whole.
pub(super) fn digest(path: &Path, kind: Kind) -> Result<Digest, history::Error> {
    match kind {
        Kind::Quotes => QuotesRead::open(path)?.digest(),
        Kind::Bars => BarsRead::open(path)?.digest(),
    }
}

fn path_of(history: &Path, day: i64) -> PathBuf {
    history.join(format!("{}.json", day::date(day)))
}
