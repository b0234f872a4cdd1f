//! The bars that were told on a day: those of a source that tells bars, and those of the past that filled a hole.

use super::{About, Digest, Digester, open, publish, step};
use crate::Error;
use crate::table::{Cell, Column, Reader, Row, Unit, Writer, Written};
use market::{InstrumentId, Ohlc, Price, QuoteBar, SourceTime, Time, Timeframe, Volume};
use std::path::{Path, PathBuf};

const KIND: &str = "bars";
/// Places of a [`Volume`].
const VOLUME_PLACES: u8 = 9;
/// The place of the first of the eight prices.
const PRICES: usize = 2;

/// A bar as it was told. Its instrument's number is the reader's affair: the file is of one symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    pub bar: &'a QuoteBar,
    /// Our stamp.
    pub stamp: Time,
    /// Fetched to fill a hole: charts and levels took it, and nothing was judged by it.
    pub past: bool,
    /// The name of the source, where it is known.
    pub source: Option<&'a str>,
}

/// A file of bars that is being written.
#[derive(Debug)]
pub struct Bars {
    table: Writer,
    put: Digester,
}

/// A file of bars that is read.
#[derive(Debug)]
pub struct BarsRead {
    path: PathBuf,
    table: Reader,
    about: About,
    /// The bar that was read last.
    bar: QuoteBar,
}

fn columns(digits: u8) -> Vec<Column> {
    let mut columns = vec![
        Column::text("timeframe"),
        Column::time("open_time", Unit::Nanos),
    ];
    for side in ["bid", "ask"] {
        let names = ["open", "high", "low", "close"].map(|name| format!("{side}_{name}"));
        columns.extend(names.iter().map(|name| Column::decimal(name, digits)));
    }
    columns.extend([
        Column::decimal("volume", VOLUME_PLACES).optional(),
        Column::flag("past"),
        Column::time("stamp", Unit::Nanos),
        Column::text("source").optional(),
    ]);
    columns
}

impl Bars {
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

    /// Adds a bar.
    ///
    /// # Errors
    /// [`Error::Inexact`] when a price has more decimals than the file, [`Error::Io`] when the disk fails.
    pub fn push(&mut self, told: &Told<'_>) -> Result<(), Error> {
        let bar = told.bar;
        let mut cells = vec![
            Cell::Text(bar.timeframe.as_str()),
            Cell::Nanos(bar.open_time.nanos()),
        ];
        for side in [&bar.bid, &bar.ask] {
            let prices = [side.open, side.high, side.low, side.close];
            cells.extend(prices.map(Cell::Price));
        }
        cells.extend([
            bar.volume
                .map_or(Cell::None, |volume| Cell::Units(volume.0)),
            Cell::Flag(told.past),
            Cell::Nanos(told.stamp.nanos()),
            told.source.map_or(Cell::None, Cell::Text),
        ]);
        self.table.row(&cells)?;
        self.put.bar(told);
        Ok(())
    }

    /// As [`super::Quotes::seal`].
    ///
    /// # Errors
    /// As there.
    pub fn seal(self, probe: fn(&'static str)) -> Result<Written, Error> {
        let put = self.put.digest();
        let (draft, written) = self.table.finish_draft()?;
        probe("seal_draft");
        let got = BarsRead::open(draft.path())?.digest()?;
        let written = publish(draft, written, put, got)?;
        probe("seal_file");
        Ok(written)
    }
}

impl BarsRead {
    /// Opens a file of bars.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is no whole one, [`Error::Io`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let (table, about) = open(path, KIND, columns)?;
        let zero = Ohlc::of(Price::ZERO);
        let bar = QuoteBar {
            instrument: InstrumentId(0),
            timeframe: Timeframe::M1,
            open_time: SourceTime::MIN,
            bid: zero,
            ask: zero,
            volume: None,
        };
        Ok(Self {
            path: path.to_owned(),
            table,
            about,
            bar,
        })
    }

    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The next bar; none behind the last one, and then the count and the checksum have been found right.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the file is not whole.
    pub fn next_bar(&mut self) -> Result<Option<Told<'_>>, Error> {
        let Some(row) = self.table.next_row()? else {
            return Ok(None);
        };
        let broken = || Error::damaged(&self.path, "has a row that is no bar");
        self.bar = bar(row, self.about.digits).ok_or_else(broken)?;
        Ok(Some(Told {
            bar: &self.bar,
            stamp: Time::from_nanos(row.integer(12).ok_or_else(broken)?),
            past: row.flag(11).ok_or_else(broken)?,
            source: row.text(13),
        }))
    }

    /// Reads all that is left, for its digest.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the file is not whole.
    pub fn digest(mut self) -> Result<Digest, Error> {
        let mut digester = Digester::default();
        while let Some(told) = self.next_bar()? {
            digester.bar(&told);
        }
        Ok(digester.digest())
    }
}

fn bar(row: Row<'_>, digits: u8) -> Option<QuoteBar> {
    let step = step(digits);
    let price = |place: usize| Some(Price::from_units(row.integer(place)?.checked_mul(step)?));
    let side = |first: usize| {
        Some(Ohlc {
            open: price(first)?,
            high: price(first + 1)?,
            low: price(first + 2)?,
            close: price(first + 3)?,
        })
    };
    Some(QuoteBar {
        instrument: InstrumentId(0),
        timeframe: row.text(0)?.parse().ok()?,
        open_time: SourceTime::from_nanos(row.integer(1)?),
        bid: side(PRICES)?,
        ask: side(PRICES + 4)?,
        volume: row.integer(10).map(Volume),
    })
}
