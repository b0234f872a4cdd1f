//! Engine, tape and journal, turned together. What the engine is told goes on the tape; what it decides goes into the
//! journal, after what led to it is on disk; only then may anybody see it. Prices are no decisions: they may be shown at once.
//! `scribe.rs` is the hand that writes, `machine/keeping.rs` what it is given and what comes back.

mod keeping;

pub(crate) use keeping::Remains;

use self::keeping::Pending;
use crate::bars::ClosedBars;
use crate::chartbook::Teller;
use crate::config::History;
use crate::fault;
use crate::recover::{Heading, Recovered, Spent, recover};
use crate::scribe::{self, Decided, Scribe, Store, Work};
use anyhow::{Context as _, Result};
use engine::features::{FeatureRow, Occasion};
use engine::{Engine, Output, Settings};
use hub::{Beginning, Publication};
use journal::tape::{self, Removed, TapeItem};
use journal::{Journal, Record};
use market::{
    Answer, BarUpdate, Event, FeatureUpdate, InstrumentId, Position, Question, SourceId, Time,
};
use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Events that are handed over without being asked for.
const EVENTS_MAX: usize = 4096;
/// Events that may wait for the disk, some 25 MB: an hour of a busy market.
pub(crate) const WAITING_MAX: usize = 250_000;

/// The machine that serves one market.
#[derive(Debug)]
pub struct Machine<J> {
    dir: PathBuf,
    engine: Engine,
    /// None once it was let go of: then nothing is kept, and nothing shown but prices.
    scribe: Option<Scribe<J>>,
    store: Arc<Store>,
    /// What the engine was told and is not handed over.
    events: Vec<(Time, Event)>,
    /// What was handed over and is not done, oldest first.
    pending: VecDeque<Pending>,
    /// Events that are not on the disk.
    waiting: usize,
    waiting_max: usize,
    /// A commit was not waited for to its end.
    is_behind: bool,
    /// Where the journal ended with what was given back last.
    end: Position,
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
    /// What came of a wish to save the engine's state.
    saved: Option<Result<()>>,
    /// What came of a wish to go on under other settings.
    begun: Option<Result<()>>,
}

impl Committed {
    /// Why the engine's state could not be saved, where it should have been.
    pub(crate) fn save_failed(&self) -> Option<&anyhow::Error> {
        self.saved.as_ref()?.as_ref().err()
    }
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

impl<J: Journal + 'static> Machine<J> {
    /// Starts or recovers, which is one path: the newest snapshot, the tape since, checked against the journal. What the
    /// tape decides and the journal does not have yet is appended. Where the tape cannot explain the journal any more, the
    /// engine begins anew. Blocks on the disk.
    ///
    /// # Errors
    /// When the folder cannot be used, or journal and tape contradict each other.
    pub async fn open(dir: &Path, settings: Arc<Settings>, journal: J) -> Result<Self> {
        let store = Arc::default();
        Self::open_with(dir, settings, journal, Teller::none(), &store).await
    }

    /// The same, with a chart book, and with a store that others know.
    ///
    /// # Errors
    /// As [`Machine::open`].
    pub(crate) async fn open_with(
        dir: &Path,
        settings: Arc<Settings>,
        mut journal: J,
        mut charts: Teller,
        store: &Arc<Store>,
    ) -> Result<Self> {
        let recovered = recover(dir, &settings, &mut journal, &mut charts).await?;
        let Recovered {
            engine,
            tape,
            spent,
            bars,
            out,
        } = recovered;
        let end = journal.end();
        Ok(Self {
            dir: dir.to_owned(),
            engine,
            scribe: Some(Scribe::start(dir, tape, journal, store)?),
            store: Arc::clone(store),
            events: Vec::new(),
            pending: VecDeque::new(),
            waiting: 0,
            waiting_max: fault::waiting_max().unwrap_or(WAITING_MAX),
            is_behind: false,
            end,
            spent,
            out,
            bars,
            charts,
            closed: Vec::new(),
            features: Vec::new(),
        })
    }

    /// Tells the engine one event. What follows from it waits for [`Machine::commit`].
    pub fn tell(&mut self, at: Time, event: &Event) {
        if self.scribe.is_some() {
            self.events.push((at, event.clone()));
            self.waiting += 1;
        }
        let from = self.out.len();
        self.engine.handle(at, event, &mut self.out);
        self.spent.strike(&mut self.out, from);
        self.closed.extend(self.bars.hear(&self.engine));
        self.charts.hear(&self.engine);
        let rows = self.engine.just_read().iter();
        let of_bars = rows.filter(|row| row.occasion == Occasion::Bar);
        self.features
            .extend(of_bars.map(|row| shown(row, &self.engine)));
    }

    /// Goes on under other settings. They stand on the tape before the next event, as where a process begins, so that a replay
    /// takes them up there too. What follows waits for [`Machine::commit`]; call it after one.
    ///
    /// The outer error is as [`Machine::commit`] says; the inner one is why everything is as before, such as a disk that does
    /// not take them.
    ///
    /// # Errors
    /// As [`Machine::commit`].
    pub async fn adopt(&mut self, settings: Arc<Settings>) -> Result<Result<()>> {
        fault::point("adopt");
        let written = self.begin_under(write_settings(&settings)?).await?;
        if let Err(reason) = written {
            return Ok(Err(reason.context("write the new settings on the tape")));
        }
        fault::point("adopt");
        let from = self.out.len();
        self.engine.adopt(settings, &mut self.out);
        self.spent.strike(&mut self.out, from);
        fault::point("adopt");
        Ok(Ok(()))
    }

    /// Keeps what was decided since the last commit, however long that takes, and returns what may be shown now.
    ///
    /// # Errors
    /// When tape or journal cannot be written: then nothing of it may be shown.
    pub async fn commit(&mut self) -> Result<Committed> {
        let mut committed = self.close();
        while !self.pending.is_empty() {
            self.take_next(&mut committed).await?;
        }
        self.hand_on_charts();
        Ok(committed)
    }

    /// The same, but what takes longer than `patience` is given back by [`Machine::stored`] or a later commit; from then on
    /// nothing is waited for until all of it is stored.
    ///
    /// # Errors
    /// As [`Machine::commit`].
    pub(crate) async fn commit_within(&mut self, patience: Duration) -> Result<Committed> {
        let mut committed = self.close();
        if self.is_behind {
            self.take_ready(&mut committed)?;
        } else if let Ok(taken) = timeout(patience, self.take_decisions(&mut committed)).await {
            taken?;
        }
        self.hand_on_charts();
        Ok(committed)
    }

    /// What was stored meanwhile; for ever while nothing is to be. May be dropped and called again.
    ///
    /// # Errors
    /// As [`Machine::commit`].
    pub(crate) async fn stored(&mut self) -> Result<Committed> {
        if self.pending.is_empty() {
            return std::future::pending().await;
        }
        let mut committed = Committed::default();
        self.take_next(&mut committed).await?;
        committed.publication.now = self.engine.now();
        self.hand_on_charts();
        Ok(committed)
    }

    /// Sorts what came out of the engine, and hands over what is to be kept.
    fn close(&mut self) -> Committed {
        let mut committed = Committed::default();
        let publication = &mut committed.publication;
        publication.now = self.engine.now();
        let mut decided = Decided::default();
        for output in self.out.drain(..) {
            match output {
                Output::Price(update) => publication.prices.push(*update),
                Output::Signal(signal) => decided.records.push(Record::Signal(*signal)),
                Output::Outcome(outcome) => decided.records.push(Record::Outcome(*outcome)),
                Output::Shadow(shadow) => decided.shadows.push(*shadow),
                Output::Calibration(calibration) => decided.calibrations.push(*calibration),
                Output::Answer(answer) => committed.answers.push(*answer),
                Output::Question(question) => committed.questions.push(*question),
            }
        }
        publication.bars = std::mem::take(&mut self.closed);
        publication.features = std::mem::take(&mut self.features);
        self.add_forming(publication);
        if self.scribe.is_none() {
            // What cannot be kept is not decided.
            committed.answers.clear();
            committed.questions.clear();
            return committed;
        }
        // An answer may speak of what waits.
        let waits = !committed.answers.is_empty() && self.awaits_decisions();
        if !decided.is_empty() || waits {
            let answers = std::mem::take(&mut committed.answers);
            let decision = (decided.records.clone(), answers);
            self.hand_over(Work::Keep(decided), Some(decision));
        } else if self.events.len() >= EVENTS_MAX {
            self.hand_over(Work::Write, None);
        }
        committed
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

    /// Lets go of the tape's oldest days that need not be kept, by the time of the market. Each snapshot can still be gone
    /// on from; without two nothing goes. Call it at the start.
    ///
    /// # Errors
    /// When the folder cannot be read or a file not be removed. Nothing else suffers by that.
    pub fn prune(&self, history: &History) -> Result<Removed> {
        scribe::prune(&self.dir, history, self.engine.now())
    }

    /// What dashboards that connect from now on must know of what was: recent signals and outcomes, the latest prices, and
    /// the newest bars.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn beginning(&self, records: u64) -> Result<Beginning> {
        let end = self.end;
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
        let records = self.end.seq.saturating_sub(after.seq);
        let mut since = Publication {
            now: self.engine.now(),
            ..Publication::default()
        };
        let Some(scribe) = &self.scribe else {
            return Ok(since);
        };
        let journal = scribe.journal().lock().await;
        for (position, record) in journal.read(after, usize::try_from(records)?).await? {
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
    /// Where the journal ends with what may be shown.
    #[must_use]
    pub fn end(&self) -> Position {
        self.end
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
