//! Beginning anew where the journal cannot be explained any more: its word is taken for all that was, what it leaves open
//! is ended, and a new engine goes on from there. `docs/decisions/0006` says why.

use super::{Recovered, Spent};
use crate::bars::ClosedBars;
use crate::fault;
use crate::machine::{record_of, write_settings};
use anyhow::{Context as _, Result};
use engine::{Engine, Left, Settings};
use journal::snapshot::{self, Snapshot};
use journal::tape::{self, Tape, TapeItem, TapeReader, TapeWriter};
use journal::{Journal, Pages, Record};
use market::{Catalog, Direction, Event, InstrumentId, Position, Price, Span, Symbol, Time};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// How far back on the tape the last prices are looked for.
const OLDEST_PRICE: Span = Span::from_hours(7 * 24);

/// Ends what is open, and begins with a new engine after all that is on tape and journal.
///
/// Each step may be the last one before a crash: the endings are whole or not there, and until the marked segment is, the
/// next start comes here again and finds nothing open.
pub(super) async fn begin<J: Journal>(
    dir: &Path,
    written: Tape,
    settings: &Arc<Settings>,
    journal: &mut J,
    reason: &str,
) -> Result<Recovered> {
    let left = left(journal).await?;
    let last = Last::read(&dir.join("tape"), &left.symbols().collect())?;
    let at = left.newest().max(last.newest);
    let exit = |symbol, direction| last.exit(symbol, direction);
    let ended = left.end(at.unwrap_or_default(), exit);
    let ended: Vec<Record> = ended.into_iter().filter_map(record_of).collect();
    tracing::error!(
        reason,
        journal = journal.end().seq,
        ended = ended.len(),
        "begin anew: the journal is taken at its word, open signals end, and charts start empty"
    );
    fault::point("anew");
    if !ended.is_empty() {
        journal.append(journal.end(), ended).await?;
    }
    fault::point("anew");
    let end = journal.end();
    let mut tape = mark(written, settings, end)?;
    let mut engine = Engine::new(Arc::clone(settings));
    // Time goes on from where it was: stamps on a tape never go back.
    if let Some(at) = at {
        tape.push(at, &Event::Wake)?;
        engine.handle(at, &Event::Wake, &mut Vec::new());
    }
    tape.sync().context("write the tape")?;
    fault::point("anew");
    let snapshot = Snapshot {
        place: tape.place(),
        position: end,
        state: engine.snapshot(),
    };
    snapshot::replace(&dir.join("snapshots"), &snapshot).context("save the engine's state")?;
    Ok(Recovered {
        engine,
        tape,
        spent: Spent::load(journal, end.seq).await?,
        bars: ClosedBars::default(),
        out: Vec::new(),
    })
}

/// Begins the segment that says so.
fn mark(written: Tape, settings: &Settings, end: Position) -> Result<TapeWriter> {
    let plain = write_settings(settings)?;
    let marked = tape::Settings {
        text: format!("begun_after = {}\n{}", end.seq, plain.text),
        market: plain.market.clone(),
    };
    let mut tape = written.begin(&marked)?;
    tape.follow_with(&plain)?;
    Ok(tape)
}

/// What the journal leaves open.
async fn left<J: Journal>(journal: &J) -> Result<Left> {
    let mut left = Left::default();
    let mut pages = Pages::of(journal);
    while let Some(page) = pages.next(journal).await? {
        for (_, record) in page {
            match record {
                Record::Signal(signal) => left.signal(&signal),
                Record::Outcome(outcome) => left.outcome(&outcome),
            }
        }
    }
    Ok(left)
}

/// The last that a tape tells, whatever version wrote it.
#[derive(Default)]
struct Last {
    newest: Option<Time>,
    /// Bid and ask.
    quotes: BTreeMap<Symbol, (Price, Price)>,
}

/// What is needed of a tape's settings to know its instruments.
#[derive(Deserialize)]
struct Kept {
    catalog: Catalog,
}

impl Last {
    /// Reads segments from the newest back, until a stamp and the prices of all `wanted` are found.
    fn read(dir: &Path, wanted: &BTreeSet<Symbol>) -> Result<Self> {
        let mut last = Self::default();
        for segment in tape::segments(dir)?.into_iter().rev() {
            let before = Self::of(&segment.path);
            let oldest = last.newest.map(|newest| newest - OLDEST_PRICE);
            if before.newest < oldest {
                break;
            }
            last.newest = last.newest.max(before.newest);
            for (symbol, quote) in before.quotes {
                last.quotes.entry(symbol).or_insert(quote);
            }
            let found = wanted.iter().all(|symbol| last.quotes.contains_key(symbol));
            if last.newest.is_some() && found {
                break;
            }
        }
        Ok(last)
    }

    /// Of one segment; of a damaged one what comes before the damage.
    fn of(segment: &Path) -> Self {
        let mut last = Self::default();
        let mut catalog = Catalog::default();
        for item in TapeReader::open_files([segment.to_owned()]).map_while(Result::ok) {
            match item {
                TapeItem::Settings(kept) => {
                    catalog = toml::from_str(&kept.text).map_or(catalog, |kept: Kept| kept.catalog);
                }
                TapeItem::Event(at, event) => {
                    last.newest = last.newest.max(Some(at));
                    last.hear(&catalog, &event);
                }
            }
        }
        last
    }

    fn hear(&mut self, catalog: &Catalog, event: &Event) {
        let (id, quote) = match event {
            Event::Tick(tick) => (tick.instrument, (tick.bid, tick.ask)),
            Event::Bar(bar) => (bar.instrument, (bar.bid.close, bar.ask.close)),
            Event::Past(_)
            | Event::PreviousClose(_)
            | Event::Gap(_)
            | Event::Life(_)
            | Event::Switch(..)
            | Event::Alert(_)
            | Event::Start
            | Event::Stop
            | Event::Wake
            | Event::Opinion(_) => return,
        };
        let InstrumentId(place) = id;
        if let Some(instrument) = catalog.instruments.get(usize::from(place)) {
            self.quotes.insert(instrument.symbol, quote);
        }
    }

    /// The price a position could have been closed at last.
    fn exit(&self, symbol: Symbol, direction: Direction) -> Option<Price> {
        let (bid, ask) = self.quotes.get(&symbol)?;
        Some(match direction {
            Direction::Long => *bid,
            Direction::Short => *ask,
        })
    }
}
