//! What is sealed of a market: counted for `history list`, read whole for `history verify`.

use super::Market;
use crate::seal::{self, Kind, Note};
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The sealed days of a market, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) days: u64,
    pub(super) files: u64,
    pub(super) quotes: u64,
    pub(super) bars: u64,
    pub(super) bytes: u64,
    /// The dates of the first and of the last.
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

/// What was read, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Verified {
    pub(super) days: u64,
    pub(super) files: u64,
    pub(super) rows: u64,
    pub(super) notes: Vec<String>,
    pub(super) wrong: Vec<String>,
}

/// Counts by the notes; none where nothing is sealed.
pub(super) fn count(market: &Market) -> Result<Option<Count>> {
    let mut count = Count::default();
    for (_, note) in Note::all(&seal::folder(&market.dir))? {
        let note = note?;
        if note.failed.is_some() {
            continue;
        }
        count.days += 1;
        count.from.get_or_insert_with(|| note.day.clone());
        count.to = Some(note.day);
        for file in note.files {
            count.files += 1;
            count.bytes += file.bytes;
            match file.kind {
                Kind::Quotes => count.quotes += file.rows,
                Kind::Bars => count.bars += file.rows,
            }
        }
    }
    Ok((count.days > 0).then_some(count))
}

/// Reads every sealed file.
pub(super) fn verify(market: &Market) -> Verified {
    let history = seal::folder(&market.dir);
    let mut verified = Verified::default();
    let notes = match Note::all(&history) {
        Ok(notes) => notes,
        Err(error) => {
            verified.wrong.push(format!("{error:#}"));
            return verified;
        }
    };
    let mut known = BTreeSet::new();
    for (path, note) in notes {
        match note {
            Ok(note) => verified.day(&history, &path, note, &mut known),
            Err(error) => verified.wrong.push(format!("{error:#}")),
        }
    }
    for stranger in strangers(&history, &known) {
        verified.notes.push(format!(
            "{} is of no sealed day: a day that is being sealed, or somebody else's file",
            stranger.display()
        ));
    }
    verified
}

impl Verified {
    fn day(&mut self, history: &Path, path: &Path, note: Note, known: &mut BTreeSet<PathBuf>) {
        if let Some(reason) = note.failed {
            self.notes.push(format!(
                "{} was not sealed: {reason}; it is tried again when {} is removed",
                note.day,
                path.display()
            ));
            return;
        }
        self.days += 1;
        for file in note.files {
            match file.verify(history) {
                Ok(()) => {
                    self.files += 1;
                    self.rows += file.rows;
                }
                Err(error) => self.wrong.push(format!("{error:#}")),
            }
            known.insert(history.join(file.path));
        }
    }
}

/// The Parquet files in the folders of the symbols that no note has.
fn strangers(history: &Path, known: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        let entries = folder.read_dir().into_iter().flatten();
        entries.filter_map(|entry| entry.ok().map(|entry| entry.path()))
    };
    let folders = entries(history).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| entries(&folder).collect::<Vec<_>>());
    let mut strangers: Vec<PathBuf> = files.filter(|path| !known.contains(path)).collect();
    strangers.sort();
    strangers
}
