//! `orion history list`: each market of the data folder in a row, its symbols below.

use super::sealed::{self, Count};
use super::{Market, read_all, remark, table};
use anyhow::Result;
use journal::tape::{self, Segment, TapeItem};
use journal::{Looking, Pages, Record};
use market::{Catalog, Event, SourceTime, Status, Symbol, Time};
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// What a market keeps.
#[derive(Debug, Default)]
struct Summary {
    segments: Vec<Segment>,
    /// The UTC days of the stamps.
    days: BTreeSet<i64>,
    from: Option<Time>,
    to: Option<Time>,
    events: BTreeMap<&'static str, u64>,
    symbols: BTreeMap<Symbol, Seen>,
    journal: Option<Kept>,
    sealed: Option<Count>,
}

/// The ticks and bars of a symbol, by their source's time.
#[derive(Clone, Copy, Debug)]
struct Seen {
    count: u64,
    first: SourceTime,
    last: SourceTime,
}

/// What a journal holds.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    records: u64,
    signals: u64,
    confirmed: u64,
    invalidated: u64,
    outcomes: u64,
}

/// What is needed of a tape's settings to know its instruments.
#[derive(Deserialize)]
struct Instruments {
    catalog: Catalog,
}

/// Prints a table, or an object a line; whether every market could be read.
pub(super) async fn run(markets: &[Market], json: bool, out: &mut impl Write) -> Result<bool> {
    let mut summaries = Vec::new();
    let mut well = true;
    for market in markets {
        match summary(market).await {
            Ok(summary) => summaries.push((market, summary)),
            Err(error) => {
                let name = &market.name;
                remark(&format!(
                    "{name} cannot be read: {error:#}; `orion history verify {name}` tells more"
                ));
                well = false;
            }
        }
    }
    if json {
        for (market, summary) in &summaries {
            writeln!(out, "{}", object(market, summary))?;
        }
    } else {
        print(&summaries, out)?;
    }
    Ok(well)
}

async fn summary(market: &Market) -> Result<Summary> {
    let mut summary = Summary {
        segments: tape::segments(&market.tape())?,
        journal: journal(market).await?,
        sealed: sealed::count(market)?,
        ..Summary::default()
    };
    let segments = summary.segments.clone();
    let mut catalog = Catalog::default();
    read_all(market, &segments, |item| {
        match item {
            TapeItem::Settings(kept) => {
                catalog = toml::from_str::<Instruments>(&kept.text)?.catalog;
            }
            TapeItem::Event(at, event) => summary.count(&catalog, at, &event),
        }
        Ok(())
    })?;
    Ok(summary)
}

async fn journal(market: &Market) -> Result<Option<Kept>> {
    let Some(journal) = Looking::open(&market.dir)? else {
        return Ok(None);
    };
    let mut kept = Kept::default();
    let mut pages = Pages::of(&journal);
    while let Some(page) = pages.next(&journal).await? {
        page.iter().for_each(|(_, record)| kept.count(record));
    }
    Ok(Some(kept))
}

impl Kept {
    fn count(&mut self, record: &Record) {
        self.records += 1;
        match record {
            Record::Signal(signal) => match signal.status {
                Status::Pending => self.signals += 1,
                Status::Confirmed => self.confirmed += 1,
                Status::Invalidated => self.invalidated += 1,
            },
            Record::Outcome(_) => self.outcomes += 1,
        }
    }
}

impl Summary {
    fn count(&mut self, catalog: &Catalog, at: Time, event: &Event) {
        self.days.insert(at.nanos().div_euclid(DAY_NANOS));
        self.from.get_or_insert(at);
        self.to = Some(at);
        *self.events.entry(word(event)).or_default() += 1;
        let (id, time) = match event {
            Event::Tick(tick) => (tick.instrument, tick.time),
            Event::Bar(bar) => (bar.instrument, bar.open_time),
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
        let Some(instrument) = catalog.instruments.get(id.index()) else {
            return;
        };
        let seen = self.symbols.entry(instrument.symbol).or_insert(Seen {
            count: 0,
            first: time,
            last: time,
        });
        seen.count += 1;
        seen.first = seen.first.min(time);
        seen.last = seen.last.max(time);
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}

/// What an event is called here.
fn word(event: &Event) -> &'static str {
    match event {
        Event::Tick(_) => "tick",
        Event::Bar(_) => "bar",
        Event::Past(_) => "past bar",
        Event::PreviousClose(_) => "previous close",
        Event::Gap(_) => "gap",
        Event::Life(_) => "life",
        Event::Switch(..) => "switch",
        Event::Alert(_) => "alert",
        Event::Start => "start",
        Event::Stop => "stop",
        Event::Wake => "wake",
        Event::Opinion(_) => "opinion",
    }
}

fn print(summaries: &[(&Market, Summary)], out: &mut impl Write) -> Result<()> {
    let heads = [
        "MARKET", "DAYS", "SEGMENTS", "SIZE", "FROM", "TO", "EVENTS", "SIGNALS",
    ];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    rows.extend(
        summaries
            .iter()
            .map(|(market, summary)| row(market, summary)),
    );
    for line in table(&rows, &[1, 2, 3, 6, 7]) {
        writeln!(out, "{line}")?;
    }
    for (market, summary) in summaries {
        details(market, summary, out)?;
    }
    Ok(())
}

fn row(market: &Market, summary: &Summary) -> Vec<String> {
    let time = |time: Option<Time>| time.map_or("-".to_owned(), |time| time.to_string());
    let signals = summary
        .journal
        .map_or("-".to_owned(), |kept| kept.signals.to_string());
    vec![
        market.name.clone(),
        summary.days.len().to_string(),
        summary.segments.len().to_string(),
        size(summary.bytes()),
        time(summary.from),
        time(summary.to),
        summary.events.values().sum::<u64>().to_string(),
        signals,
    ]
}

fn details(market: &Market, summary: &Summary, out: &mut impl Write) -> Result<()> {
    writeln!(out, "\n{}", market.name)?;
    let counted: Vec<String> = summary
        .events
        .iter()
        .map(|(word, count)| format!("{word} {count}"))
        .collect();
    if !counted.is_empty() {
        writeln!(out, "  events   {}", counted.join(", "))?;
    }
    if let Some(kept) = summary.journal {
        writeln!(
            out,
            "  journal  {} signals: {} confirmed, {} invalidated; {} outcomes",
            kept.signals, kept.confirmed, kept.invalidated, kept.outcomes
        )?;
    }
    if let Some(sealed) = &summary.sealed {
        writeln!(out, "  sealed   {}", sealed_line(sealed))?;
    }
    let mut rows = Vec::new();
    for (symbol, seen) in &summary.symbols {
        let (first, last) = (seen.first.to_string(), seen.last.to_string());
        rows.push(vec![
            symbol.to_string(),
            seen.count.to_string(),
            first,
            last,
        ]);
    }
    for line in table(&rows, &[1]) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

/// The sealed days in a line.
fn sealed_line(sealed: &Count) -> String {
    let dates = match (&sealed.from, &sealed.to) {
        (Some(from), Some(to)) if from == to => from.clone(),
        (Some(from), Some(to)) => format!("{from} to {to}"),
        (Some(_), None) | (None, _) => String::new(),
    };
    format!(
        "{} days ({dates}) in {} files, {}: {} quotes, {} bars",
        sealed.days,
        sealed.files,
        size(sealed.bytes),
        sealed.quotes,
        sealed.bars
    )
}

fn object(market: &Market, summary: &Summary) -> serde_json::Value {
    let time = |time: Option<Time>| time.map(|time| time.to_string());
    let symbols: Vec<serde_json::Value> = summary
        .symbols
        .iter()
        .map(|(symbol, seen)| {
            let (first, last) = (seen.first.to_string(), seen.last.to_string());
            json!({"symbol": symbol.as_str(), "count": seen.count, "first": first, "last": last})
        })
        .collect();
    let journal = summary.journal.map(|kept| {
        json!({
            "records": kept.records, "signals": kept.signals, "confirmed": kept.confirmed,
            "invalidated": kept.invalidated, "outcomes": kept.outcomes,
        })
    });
    let sealed = summary.sealed.as_ref().map(|sealed| {
        json!({
            "days": sealed.days, "files": sealed.files, "quotes": sealed.quotes, "bars": sealed.bars,
            "bytes": sealed.bytes, "from": sealed.from, "to": sealed.to,
        })
    });
    json!({
        "market": market.name, "days": summary.days.len(), "segments": summary.segments.len(),
        "bytes": summary.bytes(), "from": time(summary.from), "to": time(summary.to),
        "events": summary.events, "journal": journal, "sealed": sealed, "symbols": symbols,
    })
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in units {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (10 * 1024 * 1024 * 1024, "10.0 GiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }
}
