//! The track record of a market: read from its journal and from nothing else, for a terminal (`orion track-record`) and for
//! dashboards (`GET /api/v1/track-record`).

mod json;
mod rest;
mod table;
mod versions;

pub(crate) use rest::{Readers, router};

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
struct Reader {
    dir: PathBuf,
    /// `None` before there is one.
    journal: Option<Looking>,
    record: TrackRecord,
    /// The versions of what confidence was calibrated by.
    calibrations: Vec<Calibration>,
    /// Where it has read to.
    position: Option<Position>,
}

impl Reader {
    fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            journal: None,
            record: TrackRecord::default(),
            calibrations: Vec::new(),
            position: None,
        }
    }

    /// Reads what the journal has more, beside whoever writes it.
    async fn refresh(&mut self) -> Result<()> {
        let journal = match &mut self.journal {
            Some(known) => {
                known.refresh()?;
                known
            }
            none => match Looking::open(&self.dir)? {
                Some(journal) => none.insert(journal),
                None => return Ok(()),
            },
        };
        let end = journal.end();
        let mut position = self.position.unwrap_or(Position { seq: 0, ..end });
        while position.seq < end.seq {
            for (next, record) in journal.read(position, PAGE).await? {
                position = next;
                match record {
                    Record::Signal(signal) => self.record.signal(&signal),
                    Record::Outcome(outcome) => self.record.outcome(&outcome),
                }
            }
        }
        if self.position != Some(position) || self.calibrations.is_empty() {
            self.calibrations = journal.calibrations().await?;
        }
        self.position = Some(position);
        Ok(())
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
