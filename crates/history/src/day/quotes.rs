//! The quotes of a day.

use super::{About, Digest, Digester, NANOS_PER_MILLI, open, publish, split, step};
use crate::Error;
use crate::table::{Cell, Column, Reader, Row, Unit, Writer, Written};
use market::{Price, SourceTime, Time, Volume};
use std::path::{Path, PathBuf};

const KIND: &str = "quotes";
/// Places of a [`Volume`].
const VOLUME_PLACES: u8 = 9;

/// A quote as it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote<'a> {
    pub time: SourceTime,
    pub bid: Price,
    pub ask: Price,
    /// Our stamp.
    pub stamp: Time,
    /// The name of the source, where it is known.
    pub source: Option<&'a str>,
    pub volume: Option<Volume>,
}

/// A file of quotes that is being written.
#[derive(Debug)]
pub struct Quotes {
    table: Writer,
    put: Digester,
}

/// A file of quotes that is read.
#[derive(Debug)]
pub struct QuotesRead {
    path: PathBuf,
    table: Reader,
    about: About,
    /// The 1e-9 units of a price's last place.
    step: i64,
}

fn columns(digits: u8) -> Vec<Column> {
    vec![
        Column::time("time", Unit::Millis),
        Column::integer("time_ns").repeating(),
        Column::decimal("bid", digits),
        Column::decimal("ask", digits),
        Column::time("stamp", Unit::Nanos),
        Column::text("source").optional(),
        Column::decimal("volume", VOLUME_PLACES).optional(),
    ]
}

impl Quotes {
    /// Begins the file `path`.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be made.
    pub fn create(path: &Path, about: &About) -> Result<Self, Error> {
        let table = Writer::create(path, &columns(about.digits), &about.metadata(KIND))?;
        Ok(Self {
            table,
            put: Digester::default(),
        })
    }

    /// Adds a quote.
    ///
    /// # Errors
    /// [`Error::Inexact`] when a price has more decimals than the file, [`Error::Io`] when the disk fails.
    pub fn push(&mut self, quote: &Quote<'_>) -> Result<(), Error> {
        let (millis, rest) = split(quote.time.nanos());
        self.table.row(&[
            Cell::Nanos(millis),
            Cell::Integer(rest),
            Cell::Price(quote.bid),
            Cell::Price(quote.ask),
            Cell::Nanos(quote.stamp.nanos()),
            quote.source.map_or(Cell::None, Cell::Text),
            quote
                .volume
                .map_or(Cell::None, |volume| Cell::Units(volume.0)),
        ])?;
        self.put.quote(quote);
        Ok(())
    }

    /// Finishes the file, reads it back, and gives it its name when that gave every quote again. `probe` is passed with
    /// `seal_draft` when all is on disk under a name that does not count, and with `seal_file` when it has its own.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it does not, [`Error::Io`] when the disk fails.
    pub fn seal(self, probe: fn(&'static str)) -> Result<Written, Error> {
        let put = self.put.digest();
        let (draft, written) = self.table.finish_draft()?;
        probe("seal_draft");
        let got = QuotesRead::open(draft.path())?.digest()?;
        let written = publish(draft, written, put, got)?;
        probe("seal_file");
        Ok(written)
    }
}

impl QuotesRead {
    /// Opens a file of quotes.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is no whole one, [`Error::Io`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let (table, about) = open(path, KIND, columns)?;
        Ok(Self {
            path: path.to_owned(),
            table,
            step: step(about.digits),
            about,
        })
    }

    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// How many quotes the file says it has.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.table.rows()
    }

    /// The next quote; none behind the last one, and then the count and the checksum have been found right.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the file is not whole.
    pub fn next_quote(&mut self) -> Result<Option<Quote<'_>>, Error> {
        let step = self.step;
        let Some(row) = self.table.next_row()? else {
            return Ok(None);
        };
        let quote = quote(row, step);
        let broken = || Error::damaged(&self.path, "has a row that is no quote");
        quote.map(Some).ok_or_else(broken)
    }

    /// Reads all that is left, for its digest.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the file is not whole.
    pub fn digest(mut self) -> Result<Digest, Error> {
        let mut digester = Digester::default();
        while let Some(quote) = self.next_quote()? {
            digester.quote(&quote);
        }
        Ok(digester.digest())
    }
}

fn quote(row: Row<'_>, step: i64) -> Option<Quote<'_>> {
    let millis = row.integer(0)?.checked_mul(NANOS_PER_MILLI)?;
    let time = millis.checked_add(row.integer(1)?)?;
    Some(Quote {
        time: SourceTime::from_nanos(time),
        bid: Price::from_units(row.integer(2)?.checked_mul(step)?),
        ask: Price::from_units(row.integer(3)?.checked_mul(step)?),
        stamp: Time::from_nanos(row.integer(4)?),
        source: row.text(5),
        volume: row.integer(6).map(Volume),
    })
}
