//! `GET /api/v1/signals`: the newest first, a page at a time.

use super::answer::{Object, Problem, Told};
use super::asked::Asked;
use super::index::{Entry, Index};
use super::query::Query;
use super::readers::Sight;
use super::{Api, place};
use anyhow::Result;
use axum::http::Uri;
use market::{Epoch, Outcome, Position, Signal, Symbol, Time};
use wire::tell::EventBody;

const PARAMETERS: [&str; 9] = [
    "status",
    "symbol",
    "setup",
    "source",
    "direction",
    "from",
    "to",
    "limit",
    "cursor",
];
/// Signals of a page, where none says otherwise, and at most.
const PAGE: usize = 50;
const PAGE_MAX: usize = 500;

/// Which signals are asked for.
struct Filter<'a> {
    status: Option<&'a str>,
    symbol: Option<Symbol>,
    setup: Option<&'a str>,
    source: Option<&'a str>,
    direction: Option<&'a str>,
    /// Of their birth: from this on, and before that.
    from: Option<Time>,
    to: Option<Time>,
}

impl<'a> Filter<'a> {
    fn of(query: &'a Query) -> Result<Self, Problem> {
        Ok(Self {
            status: query.word("status", &["pending", "confirmed", "invalidated"])?,
            symbol: query.symbol("symbol")?,
            setup: query.text("setup"),
            source: query.text("source"),
            direction: query.word("direction", &["long", "short"])?,
            from: query.time("from")?,
            to: query.time("to")?,
        })
    }

    fn takes(&self, entry: &Entry) -> bool {
        let is = |wanted: Option<&str>, value: &str| wanted.is_none_or(|wanted| wanted == value);
        is(self.status, entry.status.as_str())
            && self.symbol.is_none_or(|symbol| symbol == entry.symbol)
            && is(self.setup, &entry.setup)
            && is(self.source, &entry.source)
            && is(self.direction, entry.direction.as_str())
            && self.from.is_none_or(|from| from <= entry.born)
            && self.to.is_none_or(|to| entry.born < to)
    }
}

pub(super) fn list(api: &Api, index: &Index, asked: &Asked, sight: &Sight) -> Told {
    page(api.object(), index, &asked.query(&PARAMETERS)?, sight)
}

/// The same of a journal whose server does not run.
pub(super) fn page_of(begun: Object, index: &Index, uri: &Uri) -> Told {
    page(
        begun,
        index,
        &Query::of(uri, &PARAMETERS)?,
        &Sight::default(),
    )
}

fn page(begun: Object, index: &Index, query: &Query, sight: &Sight) -> Told {
    let filter = Filter::of(query)?;
    let limit = query.number("limit", PAGE, (1, PAGE_MAX))?;
    let before = cursor(query, index.position())?;
    let signals = index.signals();
    // Each stands behind those that were born before it.
    let older =
        signals.partition_point(|entry| before.is_none_or(|before| entry.records[0] < before));
    let mut found = signals[..older].iter().rev();
    let mut found = found
        .by_ref()
        .filter(|entry| sight.sees(entry.symbol) && filter.takes(entry));
    let page: Vec<&Entry> = found.by_ref().take(limit).collect();
    let is_more = found.next().is_some();
    let items = page
        .iter()
        .filter_map(|entry| item(index, entry).transpose());
    let items = items.collect::<Result<Vec<_>>>();
    let items = items.map_err(|error| Problem::unreadable("journal", &format!("{error:#}")))?;
    let next = page.last().zip(index.position()).filter(|_| is_more);
    let next = next.map(|(last, at)| format!("{}.{}", at.epoch, last.records[0]));
    Ok(begun
        .raw("position", place(index.position()))
        .list("items", &items)
        .with("next", next)
        .end())
}

/// Where a page goes on: what stands in its `next`, which is a place of this journal.
pub(super) fn cursor(query: &Query, position: Option<Position>) -> Result<Option<u64>, Problem> {
    let Some(text) = query.text("cursor") else {
        return Ok(None);
    };
    let read = text.split_once('.');
    let read =
        read.and_then(|(epoch, seq)| Some((epoch.parse::<Epoch>().ok()?, seq.parse().ok()?)));
    let epoch = position.map(|position| position.epoch);
    match read {
        Some((of, seq)) if Some(of) == epoch => Ok(Some(seq)),
        _ => Err(Problem::parameter(
            format!("`cursor` is `{text}`, which is no place of this journal"),
            "send `next` of the page before as it came, or none to begin anew",
        )),
    }
}

/// A signal as it stands, as the socket tells it and with more; `None` where it may not be shown.
fn item(index: &Index, entry: &Entry) -> Result<Option<String>> {
    let signal = index.signal(entry.latest)?;
    let outcome = entry.outcome.map(|seq| index.outcome(seq)).transpose()?;
    Ok(told(&signal, outcome.as_ref()))
}

/// The same of records that are at hand.
pub(super) fn told(signal: &Signal, outcome: Option<&Outcome>) -> Option<String> {
    let body = EventBody::signal(signal)
        .inspect_err(|error| tracing::warn!("{error}"))
        .ok()?;
    let told = Object::after(body.payload())
        .raw("ext", body.ext().unwrap_or("{}"))
        .with("born", signal.created_at.to_string())
        .with("decided", signal.decided_at.map(|at| at.to_string()))
        .raw("outcome", outcome.map_or("null".to_owned(), outcome_of));
    Some(told.end())
}

/// What became of a signal, as the socket tells it.
pub(super) fn outcome_of(outcome: &Outcome) -> String {
    let body = EventBody::outcome(outcome);
    Object::after(body.payload())
        .raw("ext", body.ext().unwrap_or("{}"))
        .end()
}
