//! Engine, tape and journal, turned together. What the engine is told goes on the tape; what it decides goes into the
//! journal, after what led to it is on disk; only then may anybody see it.

use crate::fault;
use anyhow::{Context as _, Result, bail, ensure};
use engine::{Engine, Output, Settings};
use hub::Publication;
use journal::snapshot::{self, Snapshot};
use journal::tape::{self, Tape, TapeItem, TapeReader, TapeWriter};
use journal::{Journal, Record};
use market::{Answer, Event, Position, SourceId, Time};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Records read from the journal at a time.
const PAGE: usize = 4096;

/// The machine that serves one market.
#[derive(Debug)]
pub struct Machine<J> {
    dir: PathBuf,
    engine: Engine,
    tape: TapeWriter,
    journal: J,
    out: Vec<Output>,
}

/// What a commit kept, and what follows from it.
#[derive(Debug, Default)]
pub struct Committed {
    pub publication: Publication,
    /// What came of the alerts, in their order. They may be told now that what they brought is kept.
    pub answers: Vec<Answer>,
}

/// The settings as the tape keeps them: text that people can read and that loses nothing.
///
/// # Errors
/// When a value has no form in TOML.
pub fn write_settings(settings: &Settings) -> Result<tape::Settings> {
    let text = toml::to_string(settings).context("write the engine's settings")?;
    Ok(tape::Settings {
        text,
        market: settings.market.clone(),
    })
}

/// Reads what [`write_settings`] wrote.
///
/// # Errors
/// When another version of ORION wrote it and this one does not understand it.
pub fn read_settings(settings: &tape::Settings) -> Result<Settings> {
    toml::from_str(&settings.text).with_context(|| {
        format!(
            "read the settings on the tape of market {}",
            settings.market
        )
    })
}

impl<J: Journal> Machine<J> {
    /// Starts or recovers, which is one path: the newest snapshot, the tape since, checked against the journal. What the
    /// tape decides and the journal does not have yet is appended. Blocks on the disk.
    ///
    /// # Errors
    /// When the folder cannot be used, or journal and tape contradict each other.
    pub async fn open(dir: &Path, settings: Arc<Settings>, mut journal: J) -> Result<Self> {
        let written = Tape::open(&dir.join("tape"))?;
        if let Some(cut) = written.cut() {
            tracing::warn!(file = %cut.path.display(), bytes = cut.bytes, "cut off what the last run had half written");
        }
        let (mut engine, mut position, reader) = begin(dir, &written, &settings, &journal)?;
        let mut check = Check {
            journal: &mut journal,
            page: VecDeque::new(),
            missing: Vec::new(),
        };
        let mut out = Vec::new();
        for item in reader {
            tell(&mut engine, item?, &mut out)?;
            for record in out.drain(..).filter_map(record_of) {
                position = check.next(position, record).await?;
            }
        }
        let missing = check.missing;
        let end = journal.end();
        ensure!(
            position.seq >= end.seq,
            "the journal in {} holds records {} to {} that its tape does not explain; one of them is not whole: put back \
             both from one backup, or move the folder away to begin anew",
            dir.display(),
            position.seq + 1,
            end.seq
        );
        if !missing.is_empty() {
            tracing::info!(
                records = missing.len(),
                "append what was decided and not yet kept"
            );
            journal.append(end, missing).await?;
        }
        engine.adopt(Arc::clone(&settings), &mut out);
        let tape = written.begin(&write_settings(&settings)?)?;
        Ok(Self {
            dir: dir.to_owned(),
            engine,
            tape,
            journal,
            out,
        })
    }

    /// Tells the engine one event. What follows from it waits for [`Machine::commit`].
    ///
    /// # Errors
    /// When the tape cannot be written.
    pub fn tell(&mut self, at: Time, event: &Event) -> Result<()> {
        self.tape.push(at, event)?;
        self.engine.handle(at, event, &mut self.out);
        Ok(())
    }

    /// Keeps what was decided since the last commit, and returns what may be shown now.
    ///
    /// # Errors
    /// When tape or journal cannot be written: then nothing of it may be shown.
    pub async fn commit(&mut self) -> Result<Committed> {
        let mut committed = Committed::default();
        let publication = &mut committed.publication;
        publication.now = self.engine.now();
        let mut records = Vec::new();
        for output in self.out.drain(..) {
            match output {
                Output::Price(update) => publication.prices.push(*update),
                Output::Signal(signal) => records.push(Record::Signal(*signal)),
                Output::Outcome(outcome) => records.push(Record::Outcome(*outcome)),
                Output::Answer(answer) => committed.answers.push(*answer),
            }
        }
        if records.is_empty() {
            return Ok(committed);
        }
        fault::point("decision");
        self.tape.sync().context("write the tape")?;
        let before = self.journal.end();
        self.journal
            .append(before, records.clone())
            .await
            .context("append to the journal")?;
        for (place, record) in (1..).zip(records) {
            sort(before.after(place), record, publication);
        }
        Ok(committed)
    }

    /// Hands what the engine was told to the operating system: a killed process does not lose it any more.
    ///
    /// # Errors
    /// When the tape cannot be written.
    pub fn write_tape(&mut self) -> Result<()> {
        self.tape.write().context("write the tape")
    }

    /// Saves the engine's state, so that the next start reads the tape only from here. Call it after a commit.
    ///
    /// # Errors
    /// When the tape or the snapshot cannot be written.
    pub fn save(&mut self) -> Result<()> {
        self.tape.sync().context("write the tape")?;
        let (place, position) = (self.tape.place(), self.journal.end());
        let snapshot = Snapshot {
            place,
            position,
            state: self.engine.snapshot(),
        };
        snapshot::save(&self.dir.join("snapshots"), &snapshot).context("save the engine's state")
    }

    /// What a dashboard that connects now must know of the past: recent signals and outcomes, and the latest prices.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn past(&self, records: u64) -> Result<Publication> {
        let end = self.journal.end();
        let after = Position {
            seq: end.seq.saturating_sub(records),
            ..end
        };
        let mut past = Publication {
            now: self.engine.now(),
            ..Publication::default()
        };
        for (position, record) in self.journal.read(after, usize::try_from(records)?).await? {
            sort(position, record, &mut past);
        }
        past.prices = self.engine.prices().collect();
        Ok(past)
    }

    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
    #[must_use]
    pub fn journal(&self) -> &J {
        &self.journal
    }
    /// The sources that had been heard before: something of them was missed while ORION was not running.
    pub fn sources_heard(&self) -> Vec<SourceId> {
        let sources = 0..self.engine.settings().catalog.sources.len();
        let ids = sources.map(|place| SourceId(place as u8));
        ids.filter(|id| self.engine.heard(*id).is_some()).collect()
    }
}

/// The engine where the newest usable snapshot left it, with the tape since; or a new one with the whole tape.
fn begin<J: Journal>(
    dir: &Path,
    written: &Tape,
    settings: &Arc<Settings>,
    journal: &J,
) -> Result<(Engine, Position, TapeReader)> {
    let tape_dir = dir.join("tape");
    let restore = |snapshot: &Snapshot| -> Result<(Engine, TapeReader), String> {
        let end = journal.end();
        if snapshot.place > written.end()
            || snapshot.position.epoch != end.epoch
            || snapshot.position.seq > end.seq
        {
            return Err("it knows more than tape and journal".to_owned());
        }
        let open = || TapeReader::open(&tape_dir, Some(snapshot.place));
        let first = open().map_err(|error| error.to_string())?.next();
        let Some(Ok(TapeItem::Settings(kept))) = first else {
            return Err("the tape has no settings there".to_owned());
        };
        let kept = read_settings(&kept).map_err(|error| format!("{error:#}"))?;
        let engine = Engine::restore(Arc::new(kept), &snapshot.state)
            .map_err(|_| "another version wrote it".to_owned())?;
        Ok((engine, open().map_err(|error| error.to_string())?))
    };
    let loaded = snapshot::load(&dir.join("snapshots"), |snapshot| {
        restore(snapshot).map(|_| ())
    })?;
    for refused in &loaded.refused {
        tracing::warn!(file = %refused.path.display(), reason = refused.reason, "snapshot not used");
    }
    match loaded.snapshot {
        Some(snapshot) => {
            let (engine, reader) = restore(&snapshot).map_err(anyhow::Error::msg)?;
            Ok((engine, snapshot.position, reader))
        }
        None => {
            let start = Position {
                seq: 0,
                ..journal.end()
            };
            Ok((
                Engine::new(Arc::clone(settings)),
                start,
                TapeReader::open(&tape_dir, None)?,
            ))
        }
    }
}

/// Tells an engine what a tape holds.
///
/// # Errors
/// When the tape's settings are not understood.
pub fn tell(engine: &mut Engine, item: TapeItem, out: &mut Vec<Output>) -> Result<()> {
    match item {
        TapeItem::Settings(kept) => engine.adopt(Arc::new(read_settings(&kept)?), out),
        TapeItem::Event(at, event) => engine.handle(at, &event, out),
    }
    Ok(())
}

/// Compares what a tape decides with what the journal holds.
struct Check<'a, J> {
    journal: &'a mut J,
    page: VecDeque<(Position, Record)>,
    /// What the journal does not have.
    missing: Vec<Record>,
}

impl<J: Journal> Check<'_, J> {
    async fn next(&mut self, after: Position, record: Record) -> Result<Position> {
        if self.page.is_empty() && after.seq < self.journal.end().seq {
            self.page = self.journal.read(after, PAGE).await?.into();
        }
        match self.page.pop_front() {
            Some((position, kept)) if kept == record => Ok(position),
            Some((position, kept)) => bail!(
                "record {} of the journal is not what its tape gives: {kept:?} and {record:?}; another version of ORION \
                 may have written it: start that once and end it with Ctrl-C, or move the folder away to begin anew",
                position.seq
            ),
            None => {
                self.missing.push(record);
                Ok(after.after(1))
            }
        }
    }
}

/// The record of an output that is kept.
#[must_use]
pub fn record_of(output: Output) -> Option<Record> {
    match output {
        Output::Price(_) | Output::Answer(_) => None,
        Output::Signal(signal) => Some(Record::Signal(*signal)),
        Output::Outcome(outcome) => Some(Record::Outcome(*outcome)),
    }
}

fn sort(position: Position, record: Record, publication: &mut Publication) {
    match record {
        Record::Signal(signal) => publication.signals.push((position, signal)),
        Record::Outcome(outcome) => publication.outcomes.push((position, outcome)),
    }
}
