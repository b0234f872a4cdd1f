//! `GET /api/v1/outcomes`: how each confirmed signal ended, the oldest end first: what equity and bins are made of.

use super::answer::{Object, Problem, Told};
use super::asked::Asked;
use super::index::{End, Entry, Index};
use super::query::Query;
use super::readers::Sight;
use super::signals::cursor;
use super::{Api, place};
use market::{Killzone, Symbol, Time, Timeframe};

const PARAMETERS: [&str; 8] = [
    "symbol", "setup", "source", "killzone", "from", "to", "limit", "cursor",
];
/// Signals of a page, where none says otherwise, and at most.
const PAGE: usize = 1000;
const PAGE_MAX: usize = 5000;

/// Which ends are asked for.
struct Filter<'a> {
    symbol: Option<Symbol>,
    setup: Option<&'a str>,
    source: Option<&'a str>,
    killzone: Option<&'a str>,
    /// Of the end: from this on, and before that.
    from: Option<Time>,
    to: Option<Time>,
}

impl<'a> Filter<'a> {
    fn of(query: &'a Query) -> Result<Self, Problem> {
        Ok(Self {
            symbol: query.symbol("symbol")?,
            setup: query.text("setup"),
            source: query.text("source"),
            killzone: query.word("killzone", &Killzone::ALL.map(Killzone::as_str))?,
            from: query.time("from")?,
            to: query.time("to")?,
        })
    }

    fn takes(&self, entry: &Entry, end: &End) -> bool {
        let is = |wanted: Option<&str>, value: &str| wanted.is_none_or(|wanted| wanted == value);
        is(self.setup, &entry.setup)
            && is(self.source, &entry.source)
            && is(self.killzone, entry.killzone.as_str())
            && self.symbol.is_none_or(|symbol| symbol == entry.symbol)
            && self.from.is_none_or(|from| from <= end.at)
            && self.to.is_none_or(|to| end.at < to)
    }
}

pub(super) fn list(api: &Api, index: &Index, asked: &Asked, sight: &Sight) -> Told {
    let query = asked.query(&PARAMETERS)?;
    let filter = Filter::of(&query)?;
    let limit = query.number("limit", PAGE, (1, PAGE_MAX))?;
    let from = cursor(&query, index.position())?.unwrap_or(0);
    let ended = index.ended(usize::try_from(from).unwrap_or(usize::MAX));
    let mut found = ended.filter_map(|(place, entry)| {
        let end = entry.end.as_ref()?;
        let is_wanted = sight.sees(entry.symbol) && filter.takes(entry, end);
        is_wanted.then_some((place, entry, end))
    });
    let page: Vec<_> = found.by_ref().take(limit).collect();
    let next = found.next().zip(index.position());
    let next = next.map(|((place, ..), at)| format!("{}.{place}", at.epoch));
    let items = page.iter().map(|(_, entry, end)| item(entry, end));
    Ok(api
        .object()
        .raw("position", place(index.position()))
        .list("items", &items.collect::<Vec<_>>())
        .with("next", next)
        .end())
}

fn item(entry: &Entry, end: &End) -> String {
    let r = end.realised.map(|r| r.to_f64());
    let net = r.zip(end.cost).map(|(r, cost)| rounded(r - cost));
    Object::new()
        .with("id", entry.id.to_string())
        .with("symbol", entry.symbol.as_str())
        .with("setup", &*entry.setup)
        .with("own", engine::track::is_own(&entry.setup))
        .with("killzone", entry.killzone.as_str())
        .with("source", &*entry.source)
        .with("direction", entry.direction.as_str())
        .with("confirmed", entry.decided.map(|at| at.to_string()))
        .with("ended", end.at.to_string())
        .with("hit", end.hit)
        .with("r", r)
        .with("net", net)
        .with("confidence", entry.confidence.to_f64())
        .with("odds", entry.odds.map(|odds| odds.to_f64()))
        .with("config_hash", &*entry.config_hash)
        .with("by_bars", end.bars.map(Timeframe::as_str))
        .end()
}

/// To four decimals, as the track record's figures, and never a negative zero.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0 + 0.0
}
