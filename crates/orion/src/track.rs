//! The track record of a market: read from its journal and from nothing else, for a terminal (`orion track-record`) and for
//! dashboards (`GET /api/v1/track-record`).

mod json;
mod table;
mod versions;

pub(crate) use json::report;

use crate::cli;
use crate::history::{self, Market};
use anyhow::Result;
use engine::track::TrackRecord;
use journal::{Journal as _, Looking, Record};
use market::{Calibration, Position};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Records read from the journal at a time.
const PAGE: usize = 4096;

/// The track record as far as it was read. Asked again, it reads on from there.
#[derive(Debug)]
pub(crate) struct Reader {
    dir: PathBuf,
    /// `None` before there is one.
    journal: Option<Looking>,
    record: TrackRecord,
    /// The versions of what confidence was calibrated by.
    calibrations: Vec<Calibration>,
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
        let end = journal.end();
        let was = self.position;
        let mut position = was.unwrap_or(Position { seq: 0, ..end });
        while position.seq < end.seq {
            for (next, record) in journal.read(position, PAGE).await? {
                position = next;
                match record {
                    Record::Signal(signal) => self.record.signal(&signal),
                    Record::Outcome(outcome) => self.record.outcome(&outcome),
                }
            }
            // Where it breaks off, it goes on.
            self.position = Some(position);
        }
        // They come before what names them.
        if was != Some(position) {
            self.calibrations = journal.calibrations().await?;
        }
        self.position = Some(position);
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

/// Prints the track record of every market of a data folder, or of the one that is named.
///
/// # Errors
/// When the settings are impossible, there is no such market, a journal cannot be read, or nothing can be written.
pub async fn run(options: &cli::TrackRecord, environment: Vec<(String, String)>) -> Result<()> {
    let folder = history::data_folder(&options.kept, environment)?;
    let markets = history::markets(&folder, options.market.as_deref())?;
    let mut out = io::BufWriter::new(io::stdout().lock());
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
