//! The track record of a market: read from its journal and from nothing else, for a terminal (`orion track-record`) and for
//! dashboards (`GET /api/v1/track-record`).

mod json;
mod page;
mod table;
mod versions;

pub(crate) use json::report;

use crate::cli;
use crate::history::{self, Market};
use anyhow::Result;
use engine::track::TrackRecord;
use journal::{Journal as _, Looking, Pages, Record};
use market::{Calibration, Position, Signal, Time};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The track record as far as it was read. Asked again, it reads on from there.
#[derive(Debug)]
pub(crate) struct Reader {
    dir: PathBuf,
    /// `None` before there is one.
    journal: Option<Looking>,
    record: TrackRecord,
    /// The versions of what confidence was calibrated by.
    calibrations: Vec<Calibration>,
    /// The names of the rules that made signals, and when each was first seen.
    rules: Vec<(String, Time)>,
    /// Where it has read to, and how many shadows.
    position: Option<Position>,
    shadows: u64,
}

impl Reader {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            journal: None,
            record: TrackRecord::default(),
            calibrations: Vec::new(),
            rules: Vec::new(),
            position: None,
            shadows: 0,
        }
    }

    /// Reads what the journal has more, beside whoever writes it.
    pub(crate) async fn refresh(&mut self) -> Result<()> {
        let journal = match &mut self.journal {
            Some(known) => known,
            none => match Looking::open(&self.dir)? {
                Some(journal) => none.insert(journal),
                None => return Ok(()),
            },
        };
        // First: a shadow is of a signal that stands in the journal when it does.
        let shadows = journal.shadows(self.shadows, usize::MAX).await?;
        journal.refresh()?;
        let was = self.position;
        let mut pages = was.map_or_else(|| Pages::of(journal), Pages::after);
        while let Some(page) = pages.next(journal).await? {
            for (_, record) in page {
                match record {
                    Record::Signal(signal) => {
                        self.record.signal(&signal);
                        note_rules(&mut self.rules, &signal);
                    }
                    Record::Outcome(outcome) => self.record.outcome(&outcome),
                }
            }
            // Where it breaks off, it goes on.
            self.position = Some(pages.position());
        }
        // They come before what names them.
        if was != Some(pages.position()) {
            self.calibrations = journal.calibrations().await?;
        }
        self.position = Some(pages.position());
        for (place, shadow) in shadows {
            self.record.shadow(&shadow);
            self.shadows = place;
        }
        Ok(())
    }

    /// Where it has read to, in both streams; `None` before there is a journal.
    pub(crate) fn place(&self) -> Option<(Position, u64)> {
        Some((self.position?, self.shadows))
    }
}

/// Notes rules that were not seen before. Rules that a sender has, none of ORION's, have no name.
fn note_rules(rules: &mut Vec<(String, Time)>, signal: &Signal) {
    let name = &signal.evidence.config_hash;
    if !name.is_empty() && !rules.iter().any(|(known, _)| known == name) {
        rules.push((name.clone(), signal.created_at));
    }
}

/// Prints the track record of every market of a data folder, or of the one that is named.
///
/// # Errors
/// When the settings are impossible, there is no such market, a journal cannot be read, or nothing can be written.
pub async fn run(options: &cli::TrackRecord, environment: Vec<(String, String)>) -> Result<()> {
    let folder = history::data_folder(&options.kept, environment)?;
    let markets = history::markets(&folder, options.market.as_deref())?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    if let Some(path) = &options.html {
        let [Market { name, dir }] = markets.as_slice() else {
            let names: Vec<&str> = markets.iter().map(|market| market.name.as_str()).collect();
            anyhow::bail!(
                "--html is of one market, and {} has {}: write orion track-record MARKET --html {}",
                folder.display(),
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                },
                path.display()
            );
        };
        return page::write(name, dir, path).await;
    }
    for Market { name, dir } in &markets {
        let mut reader = Reader::new(dir);
        reader.refresh().await?;
        match (options.versions, options.kept.json) {
            (true, true) => versions::print_json(name, &reader.calibrations, &mut out)?,
            (true, false) => versions::print(name, &reader.calibrations, &mut out)?,
            (false, true) => writeln!(out, "{}", json::report(name, &reader))?,
            (false, false) => table::print(name, &reader.record, &mut out)?,
        }
    }
    out.flush()?;
    Ok(())
}
