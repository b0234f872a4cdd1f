//! Starting where the last run ended, however it ended: the newest snapshot, the tape since, each decision compared with
//! the journal (`recover/retell.rs`). `recover/anew.rs` begins anew where the tape cannot explain the journal any more.

mod anew;
mod retell;

pub(crate) use retell::{Retold, Told, retell};

use crate::bars::ClosedBars;
use crate::chartbook::Teller;
use crate::machine::{read_settings, write_settings};
use anyhow::{Result, ensure};
use engine::{Engine, Output, Settings};
use journal::snapshot::{self, Snapshot};
use journal::tape::{self, Place, Tape, TapeItem, TapeReader, TapeWriter};
use journal::{Journal, Looking, Record};
use market::{Position, Uuid};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Records read from the journal at a time.
const PAGE: usize = 4096;
/// Of the journal's last records before an engine began anew: their signals are not told a second time.
const REMEMBERED: u64 = 10_000;

/// A machine's parts, ready to go on.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) engine: Engine,
    pub(crate) tape: TapeWriter,
    pub(crate) spent: Spent,
    /// The newest bars that closed.
    pub(crate) bars: ClosedBars,
    /// What taking up changed settings brought.
    pub(crate) out: Vec<Output>,
}

/// What the head of a segment says besides the settings.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Heading {
    /// The version of the engine that was told what follows.
    engine: Option<u32>,
    /// The engine was new here, and the journal's records up to this one were taken as said.
    pub(crate) begun_after: Option<u64>,
}

impl Heading {
    pub(crate) fn read(kept: &tape::Settings) -> Self {
        toml::from_str(&kept.text).unwrap_or_default()
    }

    fn is_of_other_version(self) -> bool {
        self.engine != Some(Engine::VERSION)
    }
}

/// Signals that an engine knew which is gone. Should the new one find the same setup once more, it would give it the same
/// id, and a decided signal would be born again: nobody hears of that.
#[derive(Debug, Default)]
pub(crate) struct Spent(BTreeSet<Uuid>);

impl Spent {
    /// The signals of the last records up to the `after`th.
    async fn load<J: Journal>(journal: &J, after: u64) -> Result<Self> {
        let first = Position {
            seq: after.saturating_sub(REMEMBERED),
            ..journal.end()
        };
        let records = usize::try_from(after - first.seq)?;
        let read = journal.read(first, records).await?;
        let ids = read.into_iter().map(|(_, record)| match record {
            Record::Signal(signal) => signal.id,
            Record::Outcome(outcome) => outcome.id,
        });
        Ok(Self(ids.collect()))
    }

    /// Strikes what tells of these signals out of the outputs from place `from` on.
    pub(crate) fn strike(&self, out: &mut Vec<Output>, from: usize) {
        if self.0.is_empty() {
            return;
        }
        let told = out.split_off(from);
        out.extend(told.into_iter().filter(|output| !self.has(output)));
    }

    fn has(&self, output: &Output) -> bool {
        match output {
            Output::Signal(signal) => self.0.contains(&signal.id),
            Output::Outcome(outcome) => self.0.contains(&outcome.id),
            Output::Shadow(shadow) => self.0.contains(&shadow.id),
            Output::Price(_) | Output::Calibration(_) | Output::Answer(_) | Output::Question(_) => {
                false
            }
        }
    }
}

/// Goes on with the market in `dir`. What its tape decides and the journal does not have yet is appended.
///
/// # Errors
/// When the folder cannot be used, or journal and tape contradict each other.
pub(crate) async fn recover<J: Journal>(
    dir: &Path,
    settings: &Arc<Settings>,
    journal: &mut J,
    charts: &mut Teller,
) -> Result<Recovered> {
    let written = Tape::open(&dir.join("tape"))?;
    if let Some(cut) = written.cut() {
        tracing::warn!(file = %cut.path.display(), bytes = cut.bytes, "cut off what the last run had half written");
    }
    let retold = match begin(dir, written.end(), settings, journal).await? {
        Ok(mut start) => {
            start.bars = ClosedBars::load(dir, start.place);
            charts.begin(start.place, || earliest(dir, journal.end()));
            retell(start, journal, charts).await?
        }
        Err(reason) => Retold::Lost(reason),
    };
    charts.begun();
    match retold {
        Retold::Whole(told) => go_on(written, *told, settings, journal).await,
        Retold::Lost(reason) => {
            ensure_can_begin_anew(dir, settings, &reason)?;
            anew::begin(dir, written, settings, journal, &reason).await
        }
    }
}

/// Whether [`recover`] would find in `dir` what it needs. Another process may be writing there: nothing is changed.
///
/// # Errors
/// When it would not.
pub(crate) async fn rehearse(dir: &Path, settings: &Arc<Settings>) -> Result<()> {
    let Some(journal) = Looking::open(dir)? else {
        return Ok(());
    };
    let segments = tape::segments(&dir.join("tape"))?;
    let end = segments.last().map_or(Place::default(), |last| Place {
        segment: last.number,
        offset: last.bytes,
    });
    if let Err(reason) = begin(dir, end, settings, &journal).await? {
        ensure_can_begin_anew(dir, settings, &reason)?;
    }
    Ok(())
}

/// A recorded market never begins anew.
fn ensure_can_begin_anew(dir: &Path, settings: &Settings, reason: &str) -> Result<()> {
    ensure!(
        !is_recorded(settings),
        "cannot go on with the recorded market in {}: {reason}; a recording can be played again from its beginning: give \
         another folder with --data, or move this one away",
        dir.display()
    );
    Ok(())
}

/// Whether the market is a recording, which can be had again.
fn is_recorded(settings: &Settings) -> bool {
    let mut sources = settings.catalog.sources.iter();
    sources.any(|source| source.name.starts_with("tape:"))
}

async fn go_on<J: Journal>(
    written: Tape,
    told: Told,
    settings: &Arc<Settings>,
    journal: &mut J,
) -> Result<Recovered> {
    let Told {
        mut engine,
        missing,
        shadows,
        calibrations,
        spent,
        bars,
        ..
    } = told;
    if !missing.is_empty() {
        tracing::info!(
            records = missing.len(),
            "append what was decided and not yet kept"
        );
    }
    // Those that it has are left out.
    journal.keep(calibrations).await?;
    if !(missing.is_empty() && shadows.is_empty()) {
        let end = journal.end();
        journal.append_with(end, missing, shadows).await?;
    }
    let mut out = Vec::new();
    engine.adopt(Arc::clone(settings), &mut out);
    spent.strike(&mut out, 0);
    let tape = written.begin(&write_settings(settings)?)?;
    Ok(Recovered {
        engine,
        tape,
        spent,
        bars,
        out,
    })
}

/// Where a tape is begun to be told again.
#[derive(Debug)]
pub(crate) struct Start {
    engine: Engine,
    /// What the journal holds up to here, the engine knows.
    position: Position,
    place: Place,
    reader: TapeReader,
    spent: Spent,
    /// What had closed before, as far as it is wanted.
    bars: ClosedBars,
    /// Another version wrote what comes first.
    other: bool,
}

impl Start {
    /// The engine there, and what the tape tells from there on.
    pub(crate) fn into_tape(self) -> (Engine, TapeReader) {
        (self.engine, self.reader)
    }

    /// How many of the journal's records come before it.
    pub(crate) fn after(&self) -> u64 {
        self.position.seq
    }
}

/// Where an engine was new: the number of the segment, and how many records were in the journal.
#[derive(Clone, Copy, Debug)]
struct Base {
    segment: u64,
    after: u64,
}

/// The engine where the newest usable snapshot left it, with the tape since, up to its `end`; or a new one with the tape
/// since an engine was new. The reason in words when there is neither.
pub(crate) async fn begin<J: Journal>(
    dir: &Path,
    end: Place,
    settings: &Arc<Settings>,
    journal: &J,
) -> Result<Result<Start, String>> {
    let tape_dir = dir.join("tape");
    let base = newest_base(&tape_dir, journal.end())?;
    let mut restored = None;
    let loaded = snapshot::load(&dir.join("snapshots"), |snapshot| {
        if base.is_ok_and(|base| snapshot.place.segment < base.segment) {
            return Err("the engine began anew after it".to_owned());
        }
        restored = Some(restore(&tape_dir, end, journal.end(), snapshot)?);
        Ok(())
    })?;
    for refused in &loaded.refused {
        tracing::warn!(file = %refused.path.display(), reason = refused.reason, "snapshot not used");
    }
    if let (Some(mut start), after) = (restored, base.map_or(0, |base| base.after)) {
        start.spent = Spent::load(journal, after.min(journal.end().seq)).await?;
        return Ok(Ok(start));
    }
    match base {
        Ok(base) => from_base(&tape_dir, base, settings, journal.end()).map(Ok),
        Err(reason) => Ok(Err(reason.to_owned())),
    }
}

/// The newest place of the tape at which an engine was new.
fn newest_base(tape_dir: &Path, end: Position) -> Result<Result<Base, &'static str>> {
    let segments = tape::segments(tape_dir)?;
    for segment in segments.iter().rev() {
        // A head that is damaged is told when it is read, if it is.
        let heading = tape::head(&segment.path)
            .map_or_else(|_| Heading::default(), |kept| Heading::read(&kept));
        if let Some(after) = heading.begun_after {
            let segment = segment.number;
            return Ok(Ok(Base { segment, after }));
        }
    }
    let whole = Base {
        segment: 1,
        after: 0,
    };
    Ok(match segments.first() {
        Some(first) if first.number == 1 => Ok(whole),
        Some(_) => Err("the beginning of its tape is gone, and no snapshot can be used"),
        None if end.seq == 0 => Ok(whole),
        None => Err("its tape is gone"),
    })
}

/// The earliest place from which a tape can be told again, for who wants all of it compared: its beginning, where that is
/// not gone, the oldest usable snapshot, or where an engine was new. `None` when there is no such place.
pub(crate) fn earliest(dir: &Path, journal_end: Position) -> Result<Option<Start>> {
    let tape_dir = dir.join("tape");
    let segments = tape::segments(&tape_dir)?;
    let Some(last) = segments.last() else {
        return Ok(None);
    };
    let end = Place {
        segment: last.number,
        offset: last.bytes,
    };
    let mut bases = segments.iter().filter_map(|segment| {
        let kept = tape::head(&segment.path).ok()?;
        let first = (segment.number == 1).then_some(0);
        let after = Heading::read(&kept).begun_after.or(first)?;
        let segment = segment.number;
        Some((Base { segment, after }, kept))
    });
    let base = bases.next();
    for found in snapshot::all(&dir.join("snapshots"))? {
        let Ok(snapshot) = found.snapshot else {
            continue;
        };
        let is_before = base
            .as_ref()
            .is_none_or(|(base, _)| snapshot.place.segment < base.segment);
        if is_before && let Ok(start) = restore(&tape_dir, end, journal_end, &snapshot) {
            return Ok(Some(start));
        }
    }
    let Some((base, kept)) = base else {
        return Ok(None);
    };
    let settings = Arc::new(read_settings(&kept)?);
    from_base(&tape_dir, base, &settings, journal_end).map(Some)
}

fn restore(
    tape_dir: &Path,
    end: Place,
    journal_end: Position,
    snapshot: &Snapshot,
) -> Result<Start, String> {
    if snapshot.place > end
        || snapshot.position.epoch != journal_end.epoch
        || snapshot.position.seq > journal_end.seq
    {
        return Err("it knows more than tape and journal".to_owned());
    }
    let reader = TapeReader::open(tape_dir, Some(snapshot.place));
    let mut reader = reader.map_err(|error| error.to_string())?;
    let Some(Ok(TapeItem::Settings(kept))) = reader.next() else {
        return Err("the tape has no settings there".to_owned());
    };
    let settings = read_settings(&kept).map_err(|error| format!("{error:#}"))?;
    let engine = Engine::restore(Arc::new(settings), &snapshot.state)
        .map_err(|_| "another version wrote it".to_owned())?;
    Ok(Start {
        engine,
        position: snapshot.position,
        place: snapshot.place,
        reader,
        spent: Spent::default(),
        bars: ClosedBars::default(),
        other: Heading::read(&kept).is_of_other_version(),
    })
}

fn from_base(
    tape_dir: &Path,
    base: Base,
    settings: &Arc<Settings>,
    journal_end: Position,
) -> Result<Start> {
    // The whole tape, which may also be empty, or the one since a segment's begin.
    let from = (base.segment > 1).then_some(Place {
        segment: base.segment,
        offset: 0,
    });
    Ok(Start {
        engine: Engine::new(Arc::clone(settings)),
        position: Position {
            seq: base.after,
            ..journal_end
        },
        place: from.unwrap_or_default(),
        reader: TapeReader::open(tape_dir, from)?,
        spent: Spent::default(),
        bars: ClosedBars::default(),
        other: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Outcome, OutcomeKind, Price, Ratio, Symbol, Time};

    #[test]
    fn what_an_older_engine_told_is_not_told_again() {
        let spent = Spent([Uuid::from_u128(1)].into());
        let told = [1, 2, 1, 3].map(outcome);
        let ids = |out: &[Output]| {
            let id = |output: &Output| {
                let Output::Outcome(outcome) = output else {
                    panic!("{output:?}")
                };
                outcome.id.as_u128()
            };
            out.iter().map(id).collect::<Vec<_>>()
        };
        let mut out = told.to_vec();
        spent.strike(&mut out, 1);
        assert_eq!(ids(&out), [1, 2, 3], "what stood there before stays");
        spent.strike(&mut out, 0);
        assert_eq!(ids(&out), [2, 3]);
        Spent::default().strike(&mut out, 0);
        assert_eq!(ids(&out), [2, 3]);
    }

    fn outcome(number: u128) -> Output {
        Output::Outcome(Box::new(Outcome {
            id: Uuid::from_u128(number),
            symbol: Symbol::new("EURUSD").unwrap(),
            digits: 5,
            kind: OutcomeKind::Stop,
            price: Price::ZERO,
            r: Ratio::default(),
            at: Time::default(),
            last: true,
            realised: None,
            end: None,
        }))
    }

    #[test]
    fn a_head_says_which_engine_and_whether_it_was_new() {
        let read = |text: &str| {
            Heading::read(&tape::Settings {
                text: text.to_owned(),
                market: "any".to_owned(),
            })
        };
        let settings = crate::config::Config::default().engine_settings();
        let plain = write_settings(&settings).unwrap();
        let heading = Heading::read(&plain);
        assert!(!heading.is_of_other_version() && heading.begun_after.is_none());
        assert_eq!(read_settings(&plain).unwrap(), settings);

        let marked = format!("begun_after = 7\n{}", plain.text);
        assert_eq!(read(&marked).begun_after, Some(7));
        let marked = tape::Settings {
            text: marked,
            ..plain
        };
        assert_eq!(read_settings(&marked).unwrap(), settings);
        for other in ["", "engine = 1", "engine = \"new\"", "no TOML"] {
            assert!(read(other).is_of_other_version(), "{other}");
        }
    }
}
