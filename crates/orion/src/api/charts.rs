//! `GET /api/v1/candles` and `GET /api/v1/chart`: bars, and what was known of a chart at a moment. The answer for a moment
//! depends on nothing that came later: a server that was fed only up to it gives the same bytes.

#[cfg(test)]
mod tests;

use super::answer::{Object, Problem, Told};
use super::asked::{Asked, with_options};
use super::index::{Entry, Index};
use super::query::Query;
use super::readers::{Sight, Wants};
use super::signals::told;
use super::{Api, place};
use crate::chartbook::{Behind, Shelf, answer};
use anyhow::Result;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use journal::Record;
use journal::charts::{ChartName, KnownBar, Mark, MarkEvent};
use market::{Outcome, Position, Signal, SourceTime, Status, Symbol, Time};
use std::sync::Arc;

/// Bars of an answer, where none says otherwise, and at most.
const CANDLES: (usize, usize) = (500, 2000);
const BARS: (usize, usize) = (300, 1500);
/// Signals of an answer, the newest.
const SIGNALS_MAX: usize = 500;

pub(super) fn candles_route() -> MethodRouter<Api> {
    let candles = async |State(api): State<Api>, asked: Asked| -> Response {
        let told = draw(&api, &asked, candles).await;
        asked.answer(told)
    };
    with_options(get(candles))
}

pub(super) fn chart_route() -> MethodRouter<Api> {
    let chart = async |State(api): State<Api>, asked: Asked| -> Response {
        let told = tell_chart(&api, &asked).await;
        asked.answer(told)
    };
    with_options(get(chart))
}

/// A chart as it was known at a moment, but for its signals.
struct Drawn {
    name: ChartName,
    digits: u8,
    at: Time,
    bars: Vec<KnownBar>,
    marks: Vec<(Mark, Vec<MarkEvent>)>,
}

async fn tell_chart(api: &Api, asked: &Asked) -> Told {
    let signals = asked.sight(api, Wants::Signals)?;
    let drawn = draw(api, asked, |_, shelf, query, sight| {
        drawn(shelf, query, sight)
    })
    .await?;
    signals.ensure_sees(drawn.name.symbol)?;
    let begun = api.object();
    api.with_index(move |index| {
        let answer = finish(begun, &drawn, index);
        answer.map_err(|error| Problem::unreadable("journal", &format!("{error:#}")))
    })
    .await
}

/// What is worked out of the book, away from the threads that serve; whoever waits for a turn holds none.
async fn draw<T: Send + 'static>(
    api: &Api,
    asked: &Asked,
    work: fn(Object, &Shelf, &Query, &Sight) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let sight = asked.sight(api, Wants::Prices)?;
    let query = asked.query(&["symbol", "timeframe", "before", "limit", "at", "bars"])?;
    let _turn = api.0.drawing.acquire().await;
    let (begun, shelf) = (api.object(), Arc::clone(&api.0.shelf));
    let done = tokio::task::spawn_blocking(move || work(begun, &shelf, &query, &sight));
    done.await
        .unwrap_or_else(|error| Err(Problem::unreadable("chart book", &error)))
}

fn candles(begun: Object, shelf: &Shelf, query: &Query, sight: &Sight) -> Told {
    query.ensure_only(&["symbol", "timeframe", "before", "limit"])?;
    let (name, digits) = chart_of(shelf, query, sight)?;
    let limit = query.number("limit", CANDLES.0, (1, CANDLES.1))?;
    let before = query.source_time("before")?;
    let now = shelf.catch_up().map_err(behind)?;
    let upto = before.unwrap_or(SourceTime::MAX);
    let read = shelf.read(|page| page.bars(name, upto, now, limit + 1));
    let mut bars = read.map_err(unreadable)?;
    let earlier = bars.len() > limit;
    if earlier {
        bars.remove(0);
    }
    let last = bars.last().map(|last| last.bar.open_time);
    let forming = shelf.forming(name.symbol, name.timeframe);
    let forming = forming.filter(|bar| before.is_none() && Some(bar.bar.open_time) > last);
    let forming = forming.map_or("null".to_owned(), |bar| answer::forming(&bar, now));
    Ok(headed(begun, name, digits)
        .list("bars", &shown(&bars, digits))
        .raw("forming", forming)
        .with("earlier", earlier)
        .end())
}

fn drawn(shelf: &Shelf, query: &Query, sight: &Sight) -> Result<Drawn, Problem> {
    query.ensure_only(&["symbol", "timeframe", "at", "bars"])?;
    let (name, digits) = chart_of(shelf, query, sight)?;
    let limit = query.number("bars", BARS.0, (1, BARS.1))?;
    let asked = query.time("at")?;
    let now = shelf.catch_up().map_err(behind)?;
    let at = asked.unwrap_or(now);
    if at > now {
        return Err(Problem::parameter(
            format!("`at` is {at}, which is still to come"),
            format!("the newest that is known here is of {now}; leave `at` out for that"),
        ));
    }
    let read = shelf.read(|page| {
        let bars = page.bars(name, SourceTime::MAX, at, limit)?;
        let marks = page.marks(name, first(&bars), at)?;
        Ok((bars, marks))
    });
    let (bars, marks) = read.map_err(unreadable)?;
    Ok(Drawn {
        name,
        digits,
        at,
        bars,
        marks,
    })
}

/// The whole answer, with the signals of the moment.
fn finish(begun: Object, drawn: &Drawn, index: &Index) -> Result<String> {
    let Drawn {
        name,
        digits,
        at,
        bars,
        marks,
    } = drawn;
    let signals = signals(index, name.symbol, first(bars), *at)?;
    let marks = marks.iter().map(|mark| answer::mark(mark, *digits));
    let marks: Vec<_> = marks.collect();
    Ok(headed(begun, *name, *digits)
        .with("at", at.to_string())
        .raw("position", place(position(index, *at)?))
        .list("bars", &shown(bars, *digits))
        .list("marks", &marks)
        .list("signals", &signals)
        .list("killzones", &answer::killzones(name.timeframe, bars))
        .end())
}

fn headed(begun: Object, name: ChartName, digits: u8) -> Object {
    begun
        .with("symbol", name.symbol.as_str())
        .with("timeframe", name.timeframe.as_str())
        .with("digits", digits)
}

fn shown(bars: &[KnownBar], digits: u8) -> Vec<String> {
    bars.iter().map(|bar| answer::bar(bar, digits)).collect()
}

/// When the first bar opened; without bars nothing is of the time that is shown.
fn first(bars: &[KnownBar]) -> SourceTime {
    let first = bars.first().map(|first| first.bar.open_time);
    first.unwrap_or(SourceTime::MAX)
}

/// The signals of a symbol that were born while the bars were made or were open at `at`, as they stood then; newest first.
fn signals(index: &Index, symbol: Symbol, from: SourceTime, at: Time) -> Result<Vec<String>> {
    let born = index.signals();
    let born = &born[..born.partition_point(|entry| entry.born <= at)];
    let mut found = Vec::new();
    for entry in born.iter().rev().filter(|entry| entry.symbol == symbol) {
        if found.len() == SIGNALS_MAX {
            break;
        }
        let is_shown = entry.born.as_source() >= from;
        if !is_shown && had_ended(entry, at) {
            continue;
        }
        let Some((signal, outcome)) = stood(index, entry, at)? else {
            continue;
        };
        if is_shown || is_open(&signal, outcome.as_ref()) {
            found.extend(told(&signal, outcome.as_ref()));
        }
    }
    Ok(found)
}

/// Whether a signal was surely over, by what is known of it without its records.
fn had_ended(entry: &Entry, at: Time) -> bool {
    let is_past = |time: Option<Time>| time.is_some_and(|time| time <= at);
    let ended = entry.end.as_ref().map(|end| end.at);
    is_past(ended) || (entry.status == Status::Invalidated && is_past(entry.decided))
}

/// A signal, and what had become of it, as both stood at a moment.
fn stood(index: &Index, entry: &Entry, at: Time) -> Result<Option<(Signal, Option<Outcome>)>> {
    let (mut signal, mut outcome) = (None, None);
    for seq in &entry.records {
        match index.record(*seq)? {
            Record::Signal(copy) if copy.changed_at() <= at => signal = Some(copy),
            Record::Outcome(step) if step.at <= at => outcome = Some(step),
            Record::Signal(_) | Record::Outcome(_) => break,
        }
    }
    Ok(signal.map(|signal| (signal, outcome)))
}

fn is_open(signal: &Signal, outcome: Option<&Outcome>) -> bool {
    match signal.status {
        Status::Pending => true,
        Status::Confirmed => outcome.is_none_or(|outcome| !outcome.last),
        Status::Invalidated => false,
    }
}

/// Where the journal stood at a moment: the stamps of its records never go back.
fn position(index: &Index, at: Time) -> Result<Option<Position>> {
    let Some(end) = index.position() else {
        return Ok(None);
    };
    let (mut known, mut later) = (0, end.seq + 1);
    while later - known > 1 {
        let middle = known + (later - known) / 2;
        let stamp = match index.record(middle)? {
            Record::Signal(signal) => signal.changed_at(),
            Record::Outcome(outcome) => outcome.at,
        };
        if stamp <= at {
            known = middle;
        } else {
            later = middle;
        }
    }
    Ok(Some(Position { seq: known, ..end }))
}

fn chart_of(shelf: &Shelf, query: &Query, sight: &Sight) -> Result<(ChartName, u8), Problem> {
    let timeframe = query.word("timeframe", &TIMEFRAMES)?;
    let (Some(symbol), Some(timeframe)) = (query.symbol("symbol")?, timeframe) else {
        return Err(Problem::parameter(
            "a chart is of a `symbol` and a `timeframe`",
            format!("send both; `timeframe` is one of {}", TIMEFRAMES.join(", ")),
        ));
    };
    let known = shelf.digits(symbol).zip(timeframe.parse().ok());
    let Some((digits, timeframe)) = known else {
        let names: Vec<_> = shelf.symbols().map(ToString::to_string).collect();
        return Err(Problem::absent(
            format!("there are no charts of `{symbol}` here"),
            format!("there are charts of {}", names.join(", ")),
        ));
    };
    sight.ensure_sees(symbol)?;
    Ok((ChartName { symbol, timeframe }, digits))
}

const TIMEFRAMES: [&str; 6] = ["1m", "5m", "15m", "1h", "4h", "1d"];

fn behind(behind: Behind) -> Problem {
    let (error, remedy) = match behind {
        Behind::Late => (
            "the chart book is being written",
            "ask again in a while; the server's log says when it is done",
        ),
        Behind::Lost => (
            "the chart book could not be written",
            "see the server's log, mend the disk and start the server again: it makes the book anew from its tape",
        ),
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, error, remedy)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: anyhow::Error) -> Problem {
    Problem::unreadable("chart book", &format!("{error:#}"))
}
