//! Engine, tape and journal, turned together. What the engine is told goes on the tape; what it decides goes into the
//! journal, after what led to it is on disk; only then may anybody see it.

use crate::bars::ClosedBars;
use crate::chartbook::Teller;
use crate::config::History;
use crate::fault;
use crate::keep;
use crate::recover::{Heading, Recovered, Spent, recover};
use anyhow::{Context as _, Result};
use engine::features::{FeatureRow, Occasion};
use engine::{Engine, Output, Settings};
use hub::{Beginning, Publication};
use journal::snapshot::{self, Snapshot};
use journal::tape::{self, Removed, TapeItem, TapeWriter};
use journal::{Journal, Record};
use market::{
    Answer, BarUpdate, Event, FeatureUpdate, InstrumentId, Position, Question, SourceId, Time,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The machine that serves one market.
#[derive(Debug)]
pub struct Machine<J> {
    dir: PathBuf,
    engine: Engine,
    tape: TapeWriter,
    journal: J,
    spent: Spent,
    out: Vec<Output>,
    bars: ClosedBars,
    charts: Teller,
    /// Those that closed since the last commit.
    closed: Vec<Arc<BarUpdate>>,
    /// The features of bars that closed since the last commit.
    features: Vec<FeatureUpdate>,
}

/// What a commit kept, and what follows from it.
#[derive(Debug, Default)]
pub struct Committed {
    pub publication: Publication,
    /// What came of the alerts, in their order. They may be told now that what they brought is kept.
    pub answers: Vec<Answer>,
    /// What models are to be asked.
    pub questions: Vec<Question>,
    /// How long the journal took, where there was something to keep.
    pub kept_in: Option<Duration>,
}

/// The settings as the tape keeps them: text that people can read and that loses nothing, below the engine's version.
///
/// # Errors
/// When a value has no form in TOML.
pub fn write_settings(settings: &Settings) -> Result<tape::Settings> {
    let text = toml::to_string(settings).context("write the engine's settings")?;
    Ok(tape::Settings {
        text: format!("engine = {}\n{text}", Engine::VERSION),
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
    /// tape decides and the journal does not have yet is appended. Where the tape cannot explain the journal any more, the
    /// engine begins anew. Blocks on the disk.
    ///
    /// # Errors
    /// When the folder cannot be used, or journal and tape contradict each other.
    pub async fn open(dir: &Path, settings: Arc<Settings>, journal: J) -> Result<Self> {
        Self::open_with(dir, settings, journal, Teller::none()).await
    }

    /// The same, with a chart book.
    ///
    /// # Errors
    /// As [`Machine::open`].
    pub(crate) async fn open_with(
        dir: &Path,
        settings: Arc<Settings>,
        mut journal: J,
        mut charts: Teller,
    ) -> Result<Self> {
        let recovered = recover(dir, &settings, &mut journal, &mut charts).await?;
        let Recovered {
            engine,
            tape,
            spent,
            bars,
            out,
        } = recovered;
        Ok(Self {
            dir: dir.to_owned(),
            engine,
            tape,
            journal,
            spent,
            out,
            bars,
            charts,
            closed: Vec::new(),
            features: Vec::new(),
        })
    }

    /// Tells the engine one event. What follows from it waits for [`Machine::commit`].
    ///
    /// # Errors
    /// When the tape cannot be written.
    pub fn tell(&mut self, at: Time, event: &Event) -> Result<()> {
        self.tape.push(at, event)?;
        let from = self.out.len();
        self.engine.handle(at, event, &mut self.out);
        self.spent.strike(&mut self.out, from);
        self.closed.extend(self.bars.hear(&self.engine));
        self.charts.hear(&self.engine);
        let rows = self.engine.just_read().iter();
        let of_bars = rows.filter(|row| row.occasion == Occasion::Bar);
        self.features
            .extend(of_bars.map(|row| shown(row, &self.engine)));
        Ok(())
    }

    /// Goes on under other settings. They stand on the tape before the next event, as where a process begins, so that a replay
    /// takes them up there too. What follows waits for [`Machine::commit`]; call it after one.
    ///
    /// # Errors
    /// When the tape cannot be written: then nothing has changed.
    pub fn adopt(&mut self, settings: Arc<Settings>) -> Result<()> {
        fault::point("adopt");
        self.tape
            .begin_under(&write_settings(&settings)?)
            .context("write the new settings on the tape")?;
        fault::point("adopt");
        let from = self.out.len();
        self.engine.adopt(settings, &mut self.out);
        self.spent.strike(&mut self.out, from);
        fault::point("adopt");
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
        let (mut records, mut shadows, mut calibrations) = (Vec::new(), Vec::new(), Vec::new());
        for output in self.out.drain(..) {
            match output {
                Output::Price(update) => publication.prices.push(*update),
                Output::Signal(signal) => records.push(Record::Signal(*signal)),
                Output::Outcome(outcome) => records.push(Record::Outcome(*outcome)),
                Output::Shadow(shadow) => shadows.push(*shadow),
                Output::Calibration(calibration) => calibrations.push(*calibration),
                Output::Answer(answer) => committed.answers.push(*answer),
                Output::Question(question) => committed.questions.push(*question),
            }
        }
        publication.bars = std::mem::take(&mut self.closed);
        publication.features = std::mem::take(&mut self.features);
        self.add_forming(publication);
        if records.is_empty() && shadows.is_empty() && calibrations.is_empty() {
            self.charts.hand_on(&self.engine);
            return Ok(committed);
        }
        fault::point("decision");
        self.tape.sync().context("write the tape")?;
        let begun = Instant::now();
        // Before the signals that name them.
        self.journal
            .keep(calibrations)
            .await
            .context("keep calibrations in the journal")?;
        let before = self.journal.end();
        self.journal
            .append_with(before, records.clone(), shadows)
            .await
            .context("append to the journal")?;
        committed.kept_in = Some(begun.elapsed());
        let publication = &mut committed.publication;
        for (place, record) in (1..).zip(records) {
            sort(before.after(place), record, publication);
        }
        // Last: whoever reads of a moment finds its signals in the journal.
        self.charts.hand_on(&self.engine);
        Ok(committed)
    }

    /// Adds how the open bars stand of the symbols whose prices are shown: they are told as often.
    fn add_forming(&self, publication: &mut Publication) {
        let catalog = &self.engine.settings().catalog;
        let symbols: BTreeSet<_> = publication.prices.iter().map(|of| of.symbol).collect();
        for symbol in symbols {
            if let Some(instrument) = catalog.find(symbol.as_str()) {
                let forming = self.bars.forming(&self.engine, instrument);
                publication.bars.extend(forming);
            }
        }
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
        // First: bars that end before a snapshot would leave a gap.
        self.bars.save(&self.dir, place).context("save the bars")?;
        self.charts.told(place);
        let snapshot = Snapshot {
            place,
            position,
            state: self.engine.snapshot(),
        };
        snapshot::save(&self.dir.join("snapshots"), &snapshot).context("save the engine's state")
    }

    /// Lets go of the tape's oldest days that need not be kept, by the time of the market. Each snapshot can still be gone
    /// on from; without two nothing goes. Call it at the start and after a save.
    ///
    /// # Errors
    /// When the folder cannot be read or a file not be removed. Nothing else suffers by that.
    pub fn prune(&self, history: &History) -> Result<Removed> {
        let snapshots = snapshot::all(&self.dir.join("snapshots"))?;
        let whole = snapshots
            .into_iter()
            .filter_map(|found| found.snapshot.ok());
        let places: Vec<_> = whole.map(|snapshot| snapshot.place).collect();
        // Were the only one damaged, the tape from its beginning would be needed.
        let (Some(not_after), 2..) = (places.iter().min().copied(), places.len()) else {
            return Ok(Removed::default());
        };
        keep::prune(&self.dir, history, not_after, self.engine.now())
    }

    /// What dashboards that connect from now on must know of what was: recent signals and outcomes, the latest prices, and
    /// the newest bars.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn beginning(&self, records: u64) -> Result<Beginning> {
        let end = self.journal.end();
        let after = Position {
            seq: end.seq.saturating_sub(records),
            ..end
        };
        let mut past = self.since(after).await?;
        past.prices = self.engine.prices().collect();
        past.bars = self.bars.in_order().cloned().collect();
        let instruments = 0..self.engine.settings().catalog.instruments.len() as u16;
        for instrument in instruments.map(InstrumentId) {
            past.bars
                .extend(self.bars.forming(&self.engine, instrument));
        }
        let names = self.engine.settings().features.names.iter();
        Ok(Beginning {
            catalog: Arc::new(self.engine.settings().catalog.clone()),
            features: names.map(ToString::to_string).collect(),
            past,
            end,
        })
    }

    /// The records behind a position.
    ///
    /// # Errors
    /// When the journal cannot be read, or has no such position.
    pub async fn since(&self, after: Position) -> Result<Publication> {
        let records = self.journal.end().seq.saturating_sub(after.seq);
        let mut since = Publication {
            now: self.engine.now(),
            ..Publication::default()
        };
        for (position, record) in self.journal.read(after, usize::try_from(records)?).await? {
            sort(position, record, &mut since);
        }
        Ok(since)
    }

    /// The bars that have closed and that `others` does not know.
    pub(crate) fn bars_beyond(&self, others: &ClosedBars) -> Vec<Arc<BarUpdate>> {
        self.bars.beyond(others)
    }

    /// What of the market's bars it knows, which outlives it.
    pub(crate) fn into_bars(self) -> ClosedBars {
        self.bars
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

/// Tells an engine what a tape holds. Where one began anew on the tape, so does this one.
///
/// # Errors
/// When the tape's settings are not understood.
pub fn tell(engine: &mut Engine, item: TapeItem, out: &mut Vec<Output>) -> Result<()> {
    tell_with(engine, item, out, |_| {})
}

/// The same, with something about the tape's settings changed that decides nothing.
///
/// # Errors
/// When the tape's settings are not understood.
pub fn tell_with(
    engine: &mut Engine,
    item: TapeItem,
    out: &mut Vec<Output>,
    change: impl Fn(&mut Settings),
) -> Result<()> {
    match item {
        TapeItem::Settings(kept) => {
            let mut settings = read_settings(&kept)?;
            change(&mut settings);
            let settings = Arc::new(settings);
            match Heading::read(&kept).begun_after {
                None => engine.adopt(settings, out),
                Some(_) => *engine = Engine::new(settings),
            }
        }
        TapeItem::Event(at, event) => engine.handle(at, &event, out),
    }
    Ok(())
}

/// A row of features as clients are shown it.
fn shown(row: &FeatureRow, engine: &Engine) -> FeatureUpdate {
    let instrument = engine.settings().catalog.instrument(row.instrument);
    FeatureUpdate {
        symbol: instrument.symbol,
        timeframe: row.timeframe,
        time: row.time,
        values: row.values.clone(),
    }
}

/// The record of an output that clients hear of and that is kept.
#[must_use]
pub fn record_of(output: Output) -> Option<Record> {
    match output {
        Output::Price(_)
        | Output::Shadow(_)
        | Output::Calibration(_)
        | Output::Answer(_)
        | Output::Question(_) => None,
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
