//! A day of a symbol as a table: its quotes, or the bars that were told of it.
//!
//! The columns and their types are the same in every file, so that many days can be read as one table. Times of the source
//! have a column of milliseconds and one of the nanoseconds beyond them, which is nothing but zeros for most sources: so a
//! time takes half the bytes. `docs/history.md` has the columns.

mod bars;
mod quotes;

pub use bars::{Bars, BarsRead, Told};
pub use quotes::{Quote, Quotes, QuotesRead};

use crate::Error;
use crate::table::{Draft, Reader, Written};
use market::{Price, Symbol, Time};
use std::path::Path;

/// The version of the columns.
const VERSION: &str = "1";
const DAY_NANOS: i64 = 86_400_000_000_000;
const NANOS_PER_MILLI: i64 = 1_000_000;
/// The most places that a price has.
const PLACES_MAX: u8 = 9;

/// What a file is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// `live`, `sim-1`, `record` or the name of the tape that was played.
    pub market: String,
    pub symbol: Symbol,
    /// The UTC day of the stamps, counted from 1970.
    pub day: i64,
    /// Decimals of the prices; more than the instrument's where a price had more.
    pub digits: u8,
    /// As the source is described in its catalog.
    pub simulated: bool,
    pub always_open: bool,
    pub heartbeats: bool,
}

/// How many rows there are, and what all of them say as one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    pub rows: u64,
    pub crc: u32,
}

/// Makes a [`Digest`], row by row.
#[derive(Clone, Debug, Default)]
pub struct Digester {
    rows: u64,
    crc: crc32fast::Hasher,
}

impl Digester {
    pub fn quote(&mut self, quote: &Quote<'_>) {
        self.rows += 1;
        let numbers = [
            quote.time.nanos(),
            quote.bid.units(),
            quote.ask.units(),
            quote.stamp.nanos(),
            quote.volume.map_or(i64::MIN, |volume| volume.0),
        ];
        self.numbers(&numbers);
        self.text(quote.source);
    }

    pub fn bar(&mut self, told: &Told<'_>) {
        self.rows += 1;
        let bar = told.bar;
        let sides = [&bar.bid, &bar.ask];
        let prices = sides.map(|side| [side.open, side.high, side.low, side.close]);
        let prices = prices.as_flattened().iter().map(|price| price.units());
        let others = [
            bar.timeframe.index() as i64,
            bar.open_time.nanos(),
            bar.volume.map_or(i64::MIN, |volume| volume.0),
            told.stamp.nanos(),
            i64::from(told.past),
        ];
        self.numbers(&prices.chain(others).collect::<Vec<_>>());
        self.text(told.source);
    }

    fn numbers(&mut self, numbers: &[i64]) {
        for number in numbers {
            self.crc.update(&number.to_le_bytes());
        }
    }

    fn text(&mut self, text: Option<&str>) {
        let length = text.map_or(u64::MAX, |text| text.len() as u64);
        self.crc.update(&length.to_le_bytes());
        self.crc.update(text.unwrap_or_default().as_bytes());
    }

    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest {
            rows: self.rows,
            crc: self.crc.clone().finalize(),
        }
    }
}

/// How many decimals a price needs, at least `digits`.
#[must_use]
pub fn places(digits: u8, price: Price) -> u8 {
    let fits = |places: &u8| price.round_to_digits(*places) == price;
    (digits..PLACES_MAX).find(fits).unwrap_or(PLACES_MAX)
}

/// A day counted from 1970 as `2026-11-28`.
#[must_use]
pub fn date(day: i64) -> String {
    let midnight = Time::from_nanos(day.saturating_mul(DAY_NANOS)).to_string();
    midnight.chars().take_while(|&char| char != 'T').collect()
}

/// The day that a date says.
#[must_use]
pub fn day_of(date: &str) -> Option<i64> {
    let midnight = Time::parse(&format!("{date}T00:00:00Z")).ok()?;
    Some(midnight.nanos().div_euclid(DAY_NANOS))
}

impl About {
    fn metadata(&self, kind: &str) -> Vec<(&'static str, String)> {
        vec![
            ("orion.kind", kind.to_owned()),
            ("orion.version", VERSION.to_owned()),
            ("orion.market", self.market.clone()),
            ("orion.symbol", self.symbol.to_string()),
            ("orion.day", date(self.day)),
            ("orion.digits", self.digits.to_string()),
            ("orion.simulated", self.simulated.to_string()),
            ("orion.always_open", self.always_open.to_string()),
            ("orion.heartbeats", self.heartbeats.to_string()),
        ]
    }

    /// What a table says it is of; `None` where it is no day of this kind and version.
    fn read(table: &Reader, kind: &str) -> Option<Self> {
        let told = |key: &str| table.about(key);
        if told("orion.kind") != Some(kind) || told("orion.version") != Some(VERSION) {
            return None;
        }
        Some(Self {
            market: told("orion.market")?.to_owned(),
            symbol: Symbol::new(told("orion.symbol")?).ok()?,
            day: day_of(told("orion.day")?)?,
            digits: told("orion.digits")?
                .parse()
                .ok()
                .filter(|digits| *digits <= PLACES_MAX)?,
            simulated: told("orion.simulated")?.parse().ok()?,
            always_open: told("orion.always_open")?.parse().ok()?,
            heartbeats: told("orion.heartbeats")?.parse().ok()?,
        })
    }
}

/// Opens a table that must be a day of this kind with these columns.
fn open(
    path: &Path,
    kind: &str,
    columns: impl Fn(u8) -> Vec<crate::table::Column>,
) -> Result<(Reader, About), Error> {
    let table = Reader::open(path)?;
    let about = About::read(&table, kind);
    let about = about.ok_or_else(|| {
        let reason = format!("is no file of a day's {kind} that this ORION reads");
        Error::damaged(path, reason)
    })?;
    let named = |column: &crate::table::Column| (column.name.clone(), column.kind, column.optional);
    let expected = columns(about.digits);
    if !table
        .columns()
        .iter()
        .map(named)
        .eq(expected.iter().map(named))
    {
        return Err(Error::damaged(
            path,
            format!("has not the columns of a day's {kind}"),
        ));
    }
    Ok((table, about))
}

/// Puts a finished table in its place, when reading it back has given what was put in.
fn publish(draft: Draft, written: Written, put: Digest, got: Digest) -> Result<Written, Error> {
    if put != got {
        let reason = format!(
            "gives {} rows back where {} were written, or other ones: the disk or the memory of this machine is not to be \
             trusted",
            got.rows, put.rows
        );
        return Err(Error::damaged(draft.path(), reason));
    }
    draft.publish()?;
    Ok(written)
}

/// The 1e-9 units of the last of so many decimals.
fn step(digits: u8) -> i64 {
    10_i64.pow(u32::from(PLACES_MAX.saturating_sub(digits)))
}

/// The milliseconds of a time, and the nanoseconds beyond them.
fn split(nanos: i64) -> (i64, i64) {
    let rest = nanos.rem_euclid(NANOS_PER_MILLI);
    (nanos.wrapping_sub(rest), rest)
}

#[cfg(test)]
mod tests;
