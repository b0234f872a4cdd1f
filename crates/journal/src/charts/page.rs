//! Reading the chart book, beside whoever writes it.

use super::schema::{direction_of, failure, is_empty, kind_of, minutes, what_of};
use super::{ChartName, KnownBar, Mark, MarkEvent, MarkKey, MarkKind, What};
use crate::Error;
use market::{Bar, Ohlc, Price, SourceTime, Symbol, Time, Timeframe};
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a writer that makes room may be waited for.
const BUSY: Duration = Duration::from_secs(2);
/// Of the marks that begin before what is shown, as many are looked through for such as still stand.
const OLDER_MAX: i64 = 1000;

/// A reader of a chart book.
#[derive(Debug)]
pub struct Page {
    connection: Connection,
    path: PathBuf,
}

impl Page {
    /// Opens the book to read it; `None` where there is none yet.
    ///
    /// # Errors
    /// When what is there is no whole book of this version, or the machine fails.
    pub fn open(path: &Path) -> Result<Option<Self>, Error> {
        if !path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = failure(path, "open");
        let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
        connection.busy_timeout(BUSY).map_err(&failed)?;
        if is_empty(&connection, path)? {
            return Ok(None);
        }
        let path = path.to_owned();
        Ok(Some(Self { connection, path }))
    }

    /// The newest bars that opened before `before` and were known at `at`, at most `limit`; the oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bars(
        &self,
        name: ChartName,
        before: SourceTime,
        at: Time,
        limit: usize,
    ) -> Result<Vec<KnownBar>, Error> {
        self.read(|page| {
            let Some(chart) = page.chart(name)? else {
                return Ok(Vec::new());
            };
            let sql = "SELECT open_time, end_time, open, high, low, close, ticks, holed, known FROM bar
                       WHERE chart = ?1 AND open_time < ?2 AND known <= ?3 ORDER BY open_time DESC LIMIT ?4";
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = page.connection.prepare_cached(sql)?;
            let of = params![chart, before.nanos(), at.nanos(), limit];
            let mut bars = statement.query_map(of, bar)?.collect::<Result<Vec<_>, _>>()?;
            bars.reverse();
            Ok(bars)
        })
    }

    /// Bars that opened after `after`, at most `limit`; the oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bars_after(
        &self,
        name: ChartName,
        after: SourceTime,
        limit: usize,
    ) -> Result<Vec<KnownBar>, Error> {
        self.read(|page| {
            let Some(chart) = page.chart(name)? else {
                return Ok(Vec::new());
            };
            let sql =
                "SELECT open_time, end_time, open, high, low, close, ticks, holed, known FROM bar
                       WHERE chart = ?1 AND open_time > ?2 ORDER BY open_time LIMIT ?3";
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = page.connection.prepare_cached(sql)?;
            statement
                .query_map(params![chart, after.nanos(), limit], bar)?
                .collect()
        })
    }

    /// The charts there are, by symbol and timeframe.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn charts(&self) -> Result<Vec<ChartName>, Error> {
        self.read(|page| {
            let sql = "SELECT symbol, timeframe FROM chart ORDER BY symbol, timeframe";
            let mut statement = page.connection.prepare_cached(sql)?;
            statement.query_map([], chart_name)?.collect()
        })
    }

    /// How many bars there are.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count(&self) -> Result<u64, Error> {
        self.read(|page| {
            let sql = "SELECT count(*) FROM bar";
            page.connection.query_row(sql, [], |row| row.get(0))
        })
    }

    /// The marks that were known at `at`, with what had happened to them by then: those that begin at `from` or later, and
    /// of the older ones those that still stood. In the order in which they became known.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn marks(
        &self,
        name: ChartName,
        from: SourceTime,
        at: Time,
    ) -> Result<Vec<(Mark, Vec<MarkEvent>)>, Error> {
        self.read(|page| {
            let Some(chart) = page.chart(name)? else {
                return Ok(Vec::new());
            };
            let recent = "SELECT kind, direction, bar, top, bottom, born, known, begins, ends, about, id FROM mark
                          WHERE chart = ?1 AND begins >= ?2 AND known <= ?3 AND ?4 > 0";
            let older = "SELECT kind, direction, bar, top, bottom, born, known, begins, ends, about, id FROM mark
                         WHERE chart = ?1 AND begins < ?2 AND known <= ?3
                         ORDER BY begins DESC, id DESC LIMIT ?4";
            let mut marks = Vec::new();
            for (sql, is_older) in [(older, true), (recent, false)] {
                let mut statement = page.connection.prepare_cached(sql)?;
                let of = params![chart, from.nanos(), at.nanos(), OLDER_MAX];
                let found = statement.query_map(of, |row| Ok((mark(row)?, row.get(10)?)))?;
                for found in found {
                    let (mark, id): (Mark, i64) = found?;
                    let events = page.events(id, at)?;
                    if !is_older || stands(&mark, &events) {
                        marks.push((mark, events));
                    }
                }
            }
            marks.sort_by_key(|(mark, _)| order(mark));
            Ok(marks)
        })
    }

    fn chart(&self, name: ChartName) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT id FROM chart WHERE symbol = ?1 AND timeframe = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let of = params![name.symbol.as_str(), minutes(name.timeframe)];
        statement.query_row(of, |row| row.get(0)).optional()
    }

    fn events(&self, mark: i64, at: Time) -> rusqlite::Result<Vec<MarkEvent>> {
        let sql = "SELECT what, bar, known FROM happened WHERE mark = ?1 AND known <= ?2 ORDER BY known, what";
        let mut statement = self.connection.prepare_cached(sql)?;
        let event = |row: &Row<'_>| {
            Ok(MarkEvent {
                what: what_of(row.get(0)?)?,
                bar: SourceTime::from_nanos(row.get(1)?),
                known: Time::from_nanos(row.get(2)?),
            })
        };
        statement
            .query_map(params![mark, at.nanos()], event)?
            .collect()
    }

    /// All of an answer is of one moment of the file.
    fn read<T>(&self, ask: impl FnOnce(&Self) -> rusqlite::Result<T>) -> Result<T, Error> {
        let answer = || {
            let transaction = self.connection.unchecked_transaction()?;
            let answer = ask(self)?;
            transaction.finish()?;
            Ok(answer)
        };
        answer().map_err(failure(&self.path, "read"))
    }
}

/// Whether a mark that begins before what is shown still has a meaning there.
fn stands(mark: &Mark, events: &[MarkEvent]) -> bool {
    let lasts = match mark.key.kind {
        MarkKind::Break | MarkKind::Sweep | MarkKind::Run => false,
        MarkKind::Swing
        | MarkKind::MajorSwing
        | MarkKind::Equal
        | MarkKind::Block
        | MarkKind::Gap
        | MarkKind::PoolDay
        | MarkKind::PoolWeek
        | MarkKind::PoolSession => true,
    };
    lasts && !events.iter().any(|event| What::ends(event.what))
}

/// Nothing of it depends on when the book was written.
fn order(mark: &Mark) -> impl Ord + use<> {
    let key = mark.key;
    (
        (mark.known, mark.born, key.kind, key.bar),
        (key.direction, key.top, key.bottom),
    )
}

fn chart_name(row: &Row<'_>) -> rusqlite::Result<ChartName> {
    let (symbol, length): (String, i64) = (row.get(0)?, row.get(1)?);
    let unknown = || rusqlite::Error::InvalidColumnType(0, symbol.clone(), Type::Text);
    let timeframe = Timeframe::ALL
        .into_iter()
        .find(|timeframe| minutes(*timeframe) == length);
    Ok(ChartName {
        symbol: Symbol::new(&symbol).map_err(|_| unknown())?,
        timeframe: timeframe.ok_or_else(unknown)?,
    })
}

fn bar(row: &Row<'_>) -> rusqlite::Result<KnownBar> {
    let price = |place| row.get(place).map(Price::from_units);
    Ok(KnownBar {
        bar: Bar {
            open_time: SourceTime::from_nanos(row.get(0)?),
            end_time: SourceTime::from_nanos(row.get(1)?),
            price: Ohlc {
                open: price(2)?,
                high: price(3)?,
                low: price(4)?,
                close: price(5)?,
            },
            ticks: row.get(6)?,
            holed: row.get(7)?,
        },
        known: Time::from_nanos(row.get(8)?),
    })
}

fn mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    let time = |place| row.get(place).map(SourceTime::from_nanos);
    Ok(Mark {
        key: MarkKey {
            kind: kind_of(row.get(0)?)?,
            direction: direction_of(row.get(1)?)?,
            bar: time(2)?,
            top: Price::from_units(row.get(3)?),
            bottom: Price::from_units(row.get(4)?),
        },
        born: time(5)?,
        known: Time::from_nanos(row.get(6)?),
        from: time(7)?,
        to: row.get::<_, Option<i64>>(8)?.map(SourceTime::from_nanos),
        about: row.get(9)?,
    })
}
