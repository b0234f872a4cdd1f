//! The storage of `orion record`: a tape of what live sources tell, without an engine, a journal or dashboards. It lies in
//! the folder `record` of the data folder; `orion replay` and `orion serve --feed tape:` play it.

use crate::config::{Config, History};
use crate::keep;
use crate::machine::write_settings;
use anyhow::{Context as _, Result};
use journal::tape::{self, Removed, Tape, TapeItem, TapeReader, TapeWriter};
use market::{Event, SourceId, Time};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of the market, and of its folder.
pub const MARKET: &str = "record";
/// How often what was written is synced: a loss of power costs that much at most.
pub const SYNC_EVERY: Duration = Duration::from_secs(5);

/// Records what it is told. Call [`Recorder::write`] each `tape.batch_ms`, [`Recorder::sync`] each [`SYNC_EVERY`] and at the
/// end, [`Recorder::prune`] each hour.
#[derive(Debug)]
pub struct Recorder {
    dir: PathBuf,
    tape: TapeWriter,
    history: History,
    sources: usize,
    /// The stamp of the newest event; `MIN` on a new tape.
    newest: Time,
    events: u64,
}

impl Recorder {
    /// Opens the recording in the data folder, or makes one, and begins a segment with the settings at its head. Reads the
    /// last segment.
    ///
    /// # Errors
    /// When another process records there, or the tape is damaged or cannot be written.
    pub fn open(config: &Config) -> Result<Self> {
        let mut settings = config.engine_settings();
        MARKET.clone_into(&mut settings.market);
        let dir = config.data.dir.join(MARKET).join("tape");
        let written = Tape::open(&dir)?;
        if let Some(cut) = written.cut() {
            tracing::warn!(file = %cut.path.display(), bytes = cut.bytes, "cut off what the last run had half written");
        }
        let newest = newest(&dir)?;
        Ok(Self {
            tape: written.begin(&write_settings(&settings)?)?,
            dir,
            history: config.history.clone(),
            sources: settings.catalog.sources.len(),
            newest,
            events: 0,
        })
    }

    /// The stamp of the newest event, after which the next ones must come; `MIN` on a new tape.
    #[must_use]
    pub fn newest(&self) -> Time {
        self.newest
    }

    /// How many events have been recorded since it was opened.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The folder to give to `orion replay`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.dir.parent().unwrap_or(&self.dir)
    }

    /// Records that a process began; where a recording goes on, something of every source was missed. `stamp` gives the
    /// stamps.
    ///
    /// # Errors
    /// When the tape cannot be written.
    pub fn start(&mut self, mut stamp: impl FnMut() -> Time) -> Result<()> {
        let goes_on = self.newest > Time::MIN;
        self.push(stamp(), &Event::Start)?;
        let sources = if goes_on { self.sources } else { 0 };
        for place in 0..sources {
            self.push(stamp(), &Event::Gap(SourceId(u8::try_from(place)?)))?;
        }
        Ok(())
    }

    /// Takes in one event. Stamps never go back.
    ///
    /// # Errors
    /// When the tape cannot be written; then the event was not taken in.
    ///
    /// # Panics
    /// When `at` is before the newest event's stamp.
    pub fn push(&mut self, at: Time, event: &Event) -> Result<()> {
        assert!(
            at >= self.newest,
            "stamps never go back: {at} after {}",
            self.newest
        );
        self.tape.push(at, event).context("write the tape")?;
        self.newest = at;
        self.events += 1;
        Ok(())
    }

    /// Hands what was pushed to the operating system: a killed process does not lose it any more.
    ///
    /// # Errors
    /// When the tape cannot be written; the next call tries again.
    pub fn write(&mut self) -> Result<()> {
        self.tape.write().context("write the tape")
    }

    /// Writes, and waits until all of it is on disk.
    ///
    /// # Errors
    /// When the tape cannot be written.
    pub fn sync(&mut self) -> Result<()> {
        self.tape.sync().context("write the tape")
    }

    /// Lets go of the oldest days that need not be kept.
    ///
    /// # Errors
    /// When the folder cannot be read or a file not be removed. Recording does not suffer by that.
    pub fn prune(&self) -> Result<Removed> {
        keep::prune(self.folder(), &self.history, self.tape.place(), self.newest)
    }
}

/// Whether these settings stand at the head of a recording made here.
#[must_use]
pub fn is_recording(settings: &tape::Settings) -> bool {
    settings.market == MARKET
}

/// The stamp of the newest event on the tape; `MIN` when there is none.
fn newest(dir: &Path) -> Result<Time> {
    for segment in tape::segments(dir)?.into_iter().rev() {
        let mut newest = None;
        for item in TapeReader::open_files([segment.path]) {
            match item? {
                TapeItem::Settings(_) => {}
                TapeItem::Event(at, _) => newest = newest.max(Some(at)),
            }
        }
        if let Some(newest) = newest {
            return Ok(newest);
        }
    }
    Ok(Time::MIN)
}
