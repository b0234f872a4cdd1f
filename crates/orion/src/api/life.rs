//! `GET /api/v1/signals/{id}`: one signal's whole life, with the ticks that decided it.

use super::answer::{Object, Problem, Told};
use super::asked::{Asked, with_options};
use super::index::{Entry, Index};
use super::readers::{Sight, Wants};
use super::signals::{outcome_of, told};
use super::{Api, place};
use crate::machine::read_settings;
use anyhow::{Context as _, Result};
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use journal::Record;
use journal::tape::{self, TapeItem, TapeReader};
use market::{Event, Outcome, Price, Signal, Span, Symbol, Tick, Time, Uuid};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

/// Of the ticks that led to a decision: so long before it, and at most so many, the latest ones.
const BEFORE: Span = Span::from_secs(30);
const TICKS_MAX: usize = 2000;
const DAY_NANOS: i64 = 86_400_000_000_000;

/// A signal's records.
struct Life {
    /// As it was born, and as it stands.
    born: Signal,
    latest: Signal,
    outcome: Option<Outcome>,
    /// What happened to it, each as JSON.
    events: Vec<String>,
}

/// The ticks that decided a signal, of those that were asked for last.
#[derive(Debug, Default)]
pub(super) struct Decisions(VecDeque<(Uuid, String)>);

/// Answers of which the ticks are kept: the tape's day is read for each.
const KEPT: usize = 64;

pub(super) fn route() -> MethodRouter<Api> {
    with_options(get(life))
}

async fn life(State(api): State<Api>, asked: Asked) -> Response {
    let told = match find(&api, &asked).await {
        Ok((signal, begun)) => {
            let ticks = match withheld(&api, &asked, &signal) {
                Some(why) => without(why),
                None => decision(&api, signal).await,
            };
            Ok(begun.raw("ticks", ticks).end())
        }
        Err(problem) => Err(problem),
    };
    asked.answer(told)
}

/// Why whoever asks is not told the prices of a signal's symbol.
fn withheld(api: &Api, asked: &Asked, signal: &Signal) -> Option<&'static str> {
    let sight = asked.sight(api, Wants::Prices);
    if !sight.is_ok_and(|sight| sight.sees(signal.symbol)) {
        Some("your key or token does not open prices")
    } else if api.0.kept_back.contains(&signal.symbol) {
        Some("a source of this symbol is for the operator's own use, and this address is public")
    } else {
        None
    }
}

/// The signal as it stands, and the answer but for its ticks.
async fn find(api: &Api, asked: &Asked) -> Result<(Signal, Object), Problem> {
    let sight = asked.sight(api, Wants::Signals)?;
    asked.query(&[])?;
    let (owned, question) = (api.clone(), asked.clone());
    api.with_index(move |index| begin(owned.object(), index, question.path("id"), &sight))
        .await
}

/// A signal's life in a market's folder whose server does not run.
pub(super) fn of_folder(begun: Object, index: &Index, dir: &Path, id: &str) -> Told {
    let (signal, begun) = begin(begun, index, id, &Sight::default())?;
    let ticks = ticks(&dir.join("tape"), &signal);
    Ok(begun.raw("ticks", ticks).end())
}

fn begin(
    begun: Object,
    index: &Index,
    id: &str,
    sight: &Sight,
) -> Result<(Signal, Object), Problem> {
    let absent = || {
        Problem::absent(
            format!("there is no signal `{id}`"),
            "/api/v1/signals lists those there are",
        )
    };
    let entry = Uuid::parse_str(id).ok().and_then(|id| index.find(id));
    let entry = entry.ok_or_else(absent)?;
    sight.ensure_sees(entry.symbol)?;
    let unreadable = |error: anyhow::Error| Problem::unreadable("journal", &format!("{error:#}"));
    let life = Life::read(index, entry).map_err(unreadable)?;
    let signal = told(&life.latest, life.outcome.as_ref()).ok_or_else(absent)?;
    let outcome = life.outcome.as_ref();
    let begun = begun
        .raw("position", place(index.position()))
        .raw("signal", signal)
        .list("events", &life.events)
        .list("conditions", &conditions(&life.born))
        .raw("outcome", outcome.map_or("null".to_owned(), outcome_of));
    Ok((life.latest, begun))
}

/// The ticks up to its decision, as JSON. What was decided stays, and so what was read of it is kept.
async fn decision(api: &Api, signal: Signal) -> String {
    // One tape is read at a time, and whoever waits here holds no thread.
    let mut decisions = Arc::clone(&api.0.decisions).lock_owned().await;
    let known = decisions.0.iter().find(|(id, _)| *id == signal.id);
    if let Some((_, ticks)) = known {
        return ticks.clone();
    }
    let dir = api.0.dir.join("tape");
    let read = tokio::task::spawn_blocking(move || {
        let ticks = ticks(&dir, &signal);
        if signal.decided_at.is_some() {
            decisions.0.truncate(KEPT - 1);
            decisions.0.push_front((signal.id, ticks.clone()));
        }
        ticks
    });
    read.await.unwrap_or_else(|_| "null".to_owned())
}

impl Life {
    fn read(index: &Index, entry: &Entry) -> Result<Self> {
        let (mut signals, mut outcome, mut events) = (Vec::new(), None, Vec::new());
        for seq in &entry.records {
            match index.record(*seq)? {
                Record::Signal(signal) => {
                    events.push(change(*seq, &signal));
                    signals.push(signal);
                }
                Record::Outcome(step) => {
                    events.push(happened(*seq, &step));
                    outcome = Some(step);
                }
            }
        }
        let born = signals.first().context("its birth is not kept")?.clone();
        let latest = signals.pop().context("its birth is not kept")?;
        Ok(Self {
            born,
            latest,
            outcome,
            events,
        })
    }
}

/// It was born, or decided.
fn change(seq: u64, signal: &Signal) -> String {
    Object::new()
        .with("seq", seq)
        .with("at", signal.changed_at().to_string())
        .with("kind", signal.status.as_str())
        .with("cause", signal.cause.map(|cause| cause.as_str()))
        .with("confidence", signal.confidence.to_f64())
        .end()
}

/// Something became of it.
fn happened(seq: u64, outcome: &Outcome) -> String {
    Object::new()
        .with("seq", seq)
        .with("at", outcome.at.to_string())
        .with("kind", "outcome")
        .with("cause", outcome.kind.to_string())
        .raw("price", outcome.price.display(outcome.digits))
        .raw("r", outcome.r)
        .with("last", outcome.last)
        .end()
}

/// What held when it fired.
fn conditions(signal: &Signal) -> Vec<String> {
    let told = signal.evidence.conditions.iter().map(|condition| {
        Object::new()
            .with("name", &condition.name)
            .with("rule", condition.relation.as_str())
            .raw("value", condition.value)
            .raw("limit", condition.limit)
            .end()
    });
    told.collect()
}

/// The ticks up to its decision, or why there are none.
fn ticks(dir: &Path, signal: &Signal) -> String {
    match recorded(dir, signal) {
        Ok(ticks) => {
            let shown = |price: Price| price.display(signal.digits);
            let items = ticks
                .iter()
                .map(|(at, tick)| format!(r#"["{at}",{},{}]"#, shown(tick.bid), shown(tick.ask)));
            Object::new()
                .with("of", "decision")
                .with("why", None::<&str>)
                .list("items", &items.collect::<Vec<_>>())
                .end()
        }
        Err(why) => without(why),
    }
}

fn without(why: &str) -> String {
    Object::new()
        .with("of", "decision")
        .with("why", why)
        .raw("items", "null")
        .end()
}

fn recorded(dir: &Path, signal: &Signal) -> Result<Vec<(Time, Tick)>, &'static str> {
    let Some(decided) = signal.decided_at else {
        return Err("it is not decided yet");
    };
    match read_tape(dir, signal.symbol, decided) {
        Ok(Some(ticks)) => Ok(ticks),
        Ok(None) => Err("the tape of that day is not kept any more"),
        Err(error) => {
            tracing::warn!("the ticks that decided a signal cannot be read: {error:#}");
            Err("the tape of that day cannot be read; the server's log says why")
        }
    }
}

/// The ticks of a symbol in the time before a moment, from the days' parts of the tape; `None` where they are gone.
fn read_tape(dir: &Path, symbol: Symbol, until: Time) -> Result<Option<Vec<(Time, Tick)>>> {
    let from = until - BEFORE;
    let is_near = |number: i64| [day(from), day(until)].contains(&number);
    let days = tape::days(dir)?.into_iter();
    let segments = days
        .filter(|one| is_near(one.number))
        .flat_map(|day| day.segments);
    let paths: Vec<_> = segments.map(|segment| segment.path).collect();
    if paths.is_empty() {
        return Ok(None);
    }
    let mut ticks = VecDeque::new();
    // Its place in the catalog may have been another one then.
    let mut instrument = None;
    for item in TapeReader::open_files(paths) {
        match item? {
            TapeItem::Settings(settings) => {
                instrument = read_settings(&settings)?.catalog.find(symbol.as_str());
            }
            TapeItem::Event(at, _) if at > until => break,
            TapeItem::Event(at, Event::Tick(tick))
                if at >= from && Some(tick.instrument) == instrument =>
            {
                if ticks.len() == TICKS_MAX {
                    ticks.pop_front();
                }
                ticks.push_back((at, tick));
            }
            TapeItem::Event(..) => {}
        }
    }
    Ok(Some(ticks.into()))
}

fn day(at: Time) -> i64 {
    at.nanos().div_euclid(DAY_NANOS)
}
