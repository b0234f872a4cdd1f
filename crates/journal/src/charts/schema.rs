//! The tables of the chart book, and what tells its file from others.

use super::{MarkKind, What};
use crate::Error;
use market::{Direction, Timeframe};
use rusqlite::Connection;
use std::io;
use std::path::Path;

/// `ORCB`: tells this file from anybody else's SQLite file.
const APPLICATION_ID: i32 = 0x4f52_4342;
/// Of the tables below. A book of an older version is made again; one of a newer is not touched.
const SCHEMA_VERSION: u32 = 1;

/// Times are in nanoseconds since 1970, prices in units of 1e-9. `series` is the stamp at which a chart began to count its
/// bars, `place` the count: findings name bars by it. `told` says up to where on the tape all is written, in one row.
const SCHEMA: &str = "
    CREATE TABLE told (segment INTEGER NOT NULL, offset INTEGER NOT NULL) STRICT;
    CREATE TABLE chart (id INTEGER PRIMARY KEY, symbol TEXT NOT NULL, timeframe INTEGER NOT NULL,
        UNIQUE (symbol, timeframe)) STRICT;
    CREATE TABLE bar (chart INTEGER NOT NULL, open_time INTEGER NOT NULL, end_time INTEGER NOT NULL,
        open INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL, close INTEGER NOT NULL,
        ticks INTEGER NOT NULL, holed INTEGER NOT NULL, known INTEGER NOT NULL,
        series INTEGER NOT NULL, place INTEGER NOT NULL,
        PRIMARY KEY (chart, open_time)) STRICT, WITHOUT ROWID;
    CREATE INDEX bar_by_place ON bar (chart, series, place);
    CREATE TABLE mark (id INTEGER PRIMARY KEY, chart INTEGER NOT NULL, kind INTEGER NOT NULL,
        direction INTEGER NOT NULL, bar INTEGER NOT NULL, top INTEGER NOT NULL, bottom INTEGER NOT NULL,
        born INTEGER NOT NULL, known INTEGER NOT NULL, begins INTEGER NOT NULL, ends INTEGER, about TEXT NOT NULL,
        UNIQUE (chart, kind, bar, direction, top, bottom, born)) STRICT;
    CREATE INDEX mark_by_begin ON mark (chart, begins);
    CREATE TABLE happened (mark INTEGER NOT NULL, known INTEGER NOT NULL, what INTEGER NOT NULL, bar INTEGER NOT NULL,
        PRIMARY KEY (mark, known, what)) STRICT, WITHOUT ROWID;
";

/// Makes the tables in an empty file, all at once.
pub(super) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute("INSERT INTO told VALUES (0, 0)", [])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

/// Whether the file is empty; otherwise it must be a book of this version.
pub(super) fn is_empty(connection: &Connection, path: &Path) -> Result<bool, Error> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let failed = failure(path, "read");
    let application = number("PRAGMA application_id").map_err(&failed)?;
    let version = number("PRAGMA user_version").map_err(&failed)?;
    let tables = number("SELECT count(*) FROM sqlite_schema").map_err(&failed)?;
    if (application, version, tables) == (0, 0, 0) {
        return Ok(true);
    }
    if application == i64::from(APPLICATION_ID) && version > SCHEMA_VERSION.into() {
        return Err(Error::Version {
            what: format!("the chart book {}", path.display()),
            found: u32::try_from(version).unwrap_or(u32::MAX),
            supported: SCHEMA_VERSION,
        });
    }
    if (application, version) != (APPLICATION_ID.into(), SCHEMA_VERSION.into()) {
        return Err(Error::Corrupt {
            what: format!("{} is no chart book of this version", path.display()),
            remedy: "it is made again from the tape".to_owned(),
        });
    }
    Ok(false)
}

/// What SQLite reports of a file, in words.
pub(super) fn failure(path: &Path, verb: &str) -> impl Fn(rusqlite::Error) -> Error {
    let what = format!("{verb} the chart book {}", path.display());
    move |error| Error::Io {
        what: what.clone(),
        source: io::Error::other(error),
    }
}

pub(super) fn direction_of(number: i64) -> rusqlite::Result<Direction> {
    match number {
        0 => Ok(Direction::Long),
        1 => Ok(Direction::Short),
        other => Err(unknown(other)),
    }
}

pub(super) fn kind_of(number: i64) -> rusqlite::Result<MarkKind> {
    one_of(&MarkKind::ALL, number)
}

pub(super) fn what_of(number: i64) -> rusqlite::Result<What> {
    one_of(&What::ALL, number)
}

fn one_of<T: Copy>(all: &[T], number: i64) -> rusqlite::Result<T> {
    let found = usize::try_from(number)
        .ok()
        .and_then(|place| all.get(place));
    found.copied().ok_or_else(|| unknown(number))
}

fn unknown(number: i64) -> rusqlite::Error {
    rusqlite::Error::IntegralValueOutOfRange(0, number)
}

/// The number a timeframe is kept by: its minutes.
pub(super) fn minutes(timeframe: Timeframe) -> i64 {
    timeframe.span().nanos() / 60_000_000_000
}
