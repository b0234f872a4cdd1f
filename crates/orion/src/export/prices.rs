//! One row a quote: of sealed days from their files, of other days from the tape.

use super::{Out, price};
use crate::history::{Market, Progress};
use crate::seal::{self, DayRead, Kind, Note, Row};
use anyhow::{Context as _, Result, bail};
use history::day::{self, Quote, QuotesRead};
use history::table::{Cell, Column, Unit};
use journal::tape;
use market::{Price, SourceTime, Symbol, Time, Volume};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

const DAY_NANOS: i64 = 86_400_000_000_000;

pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::text("market"),
        Column::text("symbol"),
        Column::time("time", Unit::Nanos),
        price("bid"),
        price("ask"),
        Column::time("stamp", Unit::Nanos),
        Column::text("source").optional(),
        price("volume").optional(),
    ]
}

/// A day of a market, in either form.
#[derive(Default)]
struct Day {
    note: Option<Note>,
    tape: Option<tape::Day>,
    /// The segment behind the tape's.
    next: Option<tape::Segment>,
}

/// Writes the rows of a market in the order in which they were taken; whether it has any tape or sealed day.
pub(super) fn write(market: &Market, out: &mut Out<'_>) -> Result<bool> {
    let days = days(market)?;
    let is_there = !days.is_empty();
    let bytes = days.values().map(Day::bytes).sum();
    let progress = Progress::new(&market.name, bytes);
    let mut writer = Prices {
        market,
        out,
        progress,
        before: BTreeMap::new(),
        done: 0,
    };
    for (number, day) in days {
        let bytes = day.bytes();
        writer
            .day(number, day)
            .with_context(|| format!("read the prices of {}", day::date(number)))?;
        writer.done += bytes;
    }
    Ok(is_there)
}

/// The days that are kept, oldest first.
fn days(market: &Market) -> Result<BTreeMap<i64, Day>> {
    let history = seal::folder(&market.dir);
    let mut days: BTreeMap<i64, Day> = BTreeMap::new();
    // The tape first: a day that goes from it meanwhile is sealed by then.
    let on_tape = tape::days(&market.dir.join("tape"))?;
    let mut nexts = on_tape
        .iter()
        .skip(1)
        .map(|day| day.segments.first().cloned())
        .collect::<Vec<_>>();
    nexts.push(None);
    for (day, next) in on_tape.into_iter().zip(nexts) {
        let entry = days.entry(day.number).or_default();
        (entry.tape, entry.next) = (Some(day), next);
    }
    for (path, note) in Note::all(&history)? {
        let note = note?;
        let number = day::day_of(&note.day);
        let number = number.with_context(|| format!("{} names no day", path.display()))?;
        let is_settled = note.failed.is_none() && Note::settled(&history, number).is_some();
        let entry = days.entry(number).or_default();
        if is_settled {
            entry.note = Some(note);
        } else if entry.tape.is_none() {
            bail!(
                "{} is sealed, but its files are not whole, and the tape has it no more: `orion history verify {}` says what is \
                 wrong; with --from and --to other days can be exported",
                note.day,
                market.name
            );
        }
    }
    Ok(days)
}

impl Day {
    fn bytes(&self) -> u64 {
        match (&self.note, &self.tape) {
            (Some(note), _) => note.files.iter().map(|file| file.bytes).sum(),
            (None, Some(day)) => day.segments.iter().map(|segment| segment.bytes).sum(),
            (None, None) => 0,
        }
    }
}

/// Writing the prices of a market.
struct Prices<'a, 'o> {
    market: &'a Market,
    out: &'a mut Out<'o>,
    progress: Progress,
    /// Whose prices each symbol had when the day before ended.
    before: BTreeMap<String, String>,
    /// Bytes of the days before.
    done: u64,
}

impl Prices<'_, '_> {
    fn day(&mut self, number: i64, day: Day) -> Result<()> {
        match (day.note, day.tape) {
            (Some(note), _) => {
                if self.is_wanted(number) {
                    self.sealed(&note)?;
                }
                self.before = note.sources;
            }
            // Read also where no row of it is wanted: it says whose prices the next day begins with.
            (None, Some(tape)) => self.taped(&tape, day.next.as_ref())?,
            (None, None) => {}
        }
        Ok(())
    }

    fn is_wanted(&self, number: i64) -> bool {
        let begin = Time::from_nanos(number.saturating_mul(DAY_NANOS));
        let end = Time::from_nanos((number + 1).saturating_mul(DAY_NANOS));
        self.out.wanted.from < end && begin < self.out.wanted.to
    }

    /// Quotes of all symbols by their stamps; where two are equal, by the symbols.
    fn sealed(&mut self, note: &Note) -> Result<()> {
        let history = seal::folder(&self.market.dir);
        let mut files = Vec::new();
        let mut due = BinaryHeap::new();
        for sealed in &note.files {
            if sealed.kind != Kind::Quotes || !self.out.wanted.has_symbol(sealed.symbol) {
                continue;
            }
            let mut file = File::open(&history.join(&sealed.path), sealed.symbol)?;
            if file.advance()? {
                due.push(Reverse((file.stamp(), files.len())));
            }
            files.push(file);
        }
        let (total, bytes) = (
            files
                .iter()
                .map(|file| file.read.rows())
                .sum::<u64>()
                .max(1),
            note.files.iter().map(|file| file.bytes).sum::<u64>(),
        );
        let mut rows = 0_u64;
        while let Some(Reverse((_, place))) = due.pop() {
            let file = &mut files[place];
            if let Some(next) = &file.next {
                next.write(self.market, file.symbol, file.digits, self.out)?;
            }
            if file.advance()? {
                due.push(Reverse((file.stamp(), place)));
            }
            rows += 1;
            if rows.is_multiple_of(65_536) {
                self.progress.set(self.done + bytes * rows / total);
            }
        }
        Ok(())
    }

    fn taped(&mut self, day: &tape::Day, next: Option<&tape::Segment>) -> Result<()> {
        let read = DayRead {
            segments: &day.segments,
            next,
            before: std::mem::take(&mut self.before),
        };
        let (market, progress, done) = (self.market, &self.progress, self.done);
        let out = &mut *self.out;
        let mut watcher = |bytes| {
            progress.set(done + bytes);
            true
        };
        let sources = read.rows(&mut watcher, |symbol, digits, row| match row {
            Row::Quote(quote) => Owned::of(&quote, None).write(market, symbol, digits, out),
            Row::Bar(_) => Ok(()),
        })?;
        self.before = sources.unwrap_or_default();
        Ok(())
    }
}

/// A sealed file, and what it tells next.
struct File {
    read: QuotesRead,
    symbol: Symbol,
    digits: u8,
    next: Option<Owned>,
}

impl File {
    fn open(path: &std::path::Path, symbol: Symbol) -> Result<Self> {
        let read = QuotesRead::open(path)?;
        Ok(Self {
            symbol,
            digits: read.about().digits,
            read,
            next: None,
        })
    }

    /// Reads the next quote; whether there is one.
    fn advance(&mut self) -> Result<bool> {
        let before = self.next.take();
        let quote = self.read.next_quote()?;
        self.next = quote.map(|quote| Owned::of(&quote, before.as_ref()));
        Ok(self.next.is_some())
    }

    fn stamp(&self) -> Time {
        self.next.as_ref().map_or(Time::MAX, |next| next.stamp)
    }
}

/// A quote that outlives the row it was read from.
struct Owned {
    time: SourceTime,
    bid: Price,
    ask: Price,
    stamp: Time,
    source: Option<Arc<str>>,
    volume: Option<Volume>,
}

impl Owned {
    /// Sources are the same for long: the name of the one before is shared.
    fn of(quote: &Quote<'_>, before: Option<&Self>) -> Self {
        let shared = before.and_then(|before| before.source.as_ref());
        let source = quote.source.map(|name| match shared {
            Some(shared) if **shared == *name => Arc::clone(shared),
            Some(_) | None => Arc::from(name),
        });
        Self {
            time: quote.time,
            bid: quote.bid,
            ask: quote.ask,
            stamp: quote.stamp,
            source,
            volume: quote.volume,
        }
    }

    /// Writes it where it is wanted.
    fn write(&self, market: &Market, symbol: Symbol, digits: u8, out: &mut Out<'_>) -> Result<()> {
        if !out.wanted.has(self.stamp, symbol) {
            return Ok(());
        }
        let volume = self.volume.map(|volume| Price::from_units(volume.0));
        out.row(&[
            Cell::Text(&market.name),
            Cell::Text(symbol.as_str()),
            Cell::Nanos(self.time.nanos()),
            Cell::Exact(self.bid, digits),
            Cell::Exact(self.ask, digits),
            Cell::Nanos(self.stamp.nanos()),
            self.source.as_deref().map_or(Cell::None, Cell::Text),
            volume.map_or(Cell::None, |volume| Cell::Exact(volume, 0)),
        ])
    }
}
