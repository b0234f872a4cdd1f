//! Writing the chart book. A batch is whole or not there; what is written already stays as it was written first.

use super::schema::{create, failure, is_empty, minutes};
use super::{ChartName, KnownBar, Mark, MarkEvent, MarkKey, What};
use crate::Error;
use crate::tape::Place;
use market::{SourceTime, Time};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another process may hold the file, which is letting go of it.
const BUSY: Duration = Duration::from_secs(5);

/// The one writer of a chart book.
#[derive(Debug)]
pub struct Book {
    connection: Connection,
    path: PathBuf,
    charts: BTreeMap<ChartName, Chart>,
}

/// A chart as it is kept.
#[derive(Clone, Copy, Debug)]
struct Chart {
    id: i64,
    /// The stamp at which it began to count its bars; 0 where nobody saw that.
    series: i64,
}

impl Book {
    /// Opens the book, or makes an empty one.
    ///
    /// # Errors
    /// When what is there is no whole book of this version, or the machine fails.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = failure(path, "open");
        let mut connection = Connection::open(path).map_err(&failed)?;
        connection.busy_timeout(BUSY).map_err(&failed)?;
        if is_empty(&connection, path)? {
            create(&mut connection).map_err(&failed)?;
        }
        connection
            .pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
            .map_err(&failed)?;
        connection
            .pragma_update(None, "synchronous", "normal")
            .map_err(&failed)?;
        let book = Self {
            connection,
            path: path.to_owned(),
            charts: BTreeMap::new(),
        };
        book.told()?;
        Ok(book)
    }

    /// Up to where on the tape all is written.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn told(&self) -> Result<Place, Error> {
        let sql = "SELECT segment, offset FROM told";
        let place = |row: &rusqlite::Row<'_>| {
            Ok(Place {
                segment: row.get(0)?,
                offset: row.get(1)?,
            })
        };
        let told = self.connection.query_row(sql, [], place);
        told.map_err(failure(&self.path, "read"))
    }

    /// Writes what `fill` puts in, all or nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(
        &mut self,
        fill: impl FnOnce(&mut Batch<'_>) -> Result<(), Failed>,
    ) -> Result<(), Error> {
        let failed = failure(&self.path, "write");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let filled = {
            let charts = &mut self.charts;
            let mut batch = Batch {
                transaction,
                charts,
            };
            match fill(&mut batch) {
                Ok(()) => batch.transaction.commit(),
                Err(Failed(error)) => Err(error),
            }
        };
        if filled.is_err() {
            // Charts of the batch that is not there may be among them.
            self.charts.clear();
        }
        filled.map_err(&failed)
    }
}

/// A batch could not be written, and nothing of it is.
#[derive(Debug)]
pub struct Failed(rusqlite::Error);

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self(error)
    }
}

/// What is written together.
#[derive(Debug)]
pub struct Batch<'a> {
    transaction: Transaction<'a>,
    charts: &'a mut BTreeMap<ChartName, Chart>,
}

impl Batch<'_> {
    /// A bar that closed. `place` is its place in its chart, if there is one: 0 begins a new count.
    ///
    /// # Errors
    /// As SQLite reports.
    pub fn bar(
        &mut self,
        name: ChartName,
        bar: &KnownBar,
        place: Option<u64>,
    ) -> Result<(), Failed> {
        let KnownBar { bar, known } = bar;
        let mut chart = self.chart(name, *known)?;
        if place == Some(0) {
            chart.series = known.nanos();
            self.charts.insert(name, chart);
        }
        let sql = "INSERT INTO bar VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                   ON CONFLICT DO UPDATE SET series = excluded.series, place = excluded.place
                   WHERE excluded.series > series";
        let place = place.map_or(Ok(-1), i64::try_from);
        self.transaction.prepare_cached(sql)?.execute(params![
            chart.id,
            bar.open_time.nanos(),
            bar.end_time.nanos(),
            bar.price.open.units(),
            bar.price.high.units(),
            bar.price.low.units(),
            bar.price.close.units(),
            bar.ticks,
            bar.holed,
            known.nanos(),
            chart.series,
            place.unwrap_or(-1),
        ])?;
        Ok(())
    }

    /// When the bar opened that has this place in its chart, as the chart counted at `known`.
    ///
    /// # Errors
    /// As SQLite reports.
    pub fn open_time(
        &mut self,
        name: ChartName,
        place: u64,
        known: Time,
    ) -> Result<Option<SourceTime>, Failed> {
        let chart = self.chart(name, known)?;
        let sql = "SELECT open_time FROM bar WHERE chart = ?1 AND series = ?2 AND place = ?3";
        let found = self
            .transaction
            .prepare_cached(sql)?
            .query_row(params![chart.id, chart.series, place], |row| row.get(0))
            .optional()?;
        Ok(found.map(SourceTime::from_nanos))
    }

    /// A mark that became known.
    ///
    /// # Errors
    /// As SQLite reports.
    pub fn mark(&mut self, name: ChartName, mark: &Mark) -> Result<(), Failed> {
        let chart = self.chart(name, mark.known)?;
        let sql = "INSERT OR IGNORE INTO mark
                   (chart, kind, direction, bar, top, bottom, born, known, begins, ends, about)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let key = mark.key;
        self.transaction.prepare_cached(sql)?.execute(params![
            chart.id,
            key.kind as i64,
            key.direction as i64,
            key.bar.nanos(),
            key.top.units(),
            key.bottom.units(),
            mark.born.nanos(),
            mark.known.nanos(),
            mark.from.nanos(),
            mark.to.map(SourceTime::nanos),
            mark.about,
        ])?;
        Ok(())
    }

    /// Something happened to a mark. Nothing is written of one that nobody saw become known.
    ///
    /// # Errors
    /// As SQLite reports.
    pub fn happened(
        &mut self,
        name: ChartName,
        key: &MarkKey,
        event: MarkEvent,
    ) -> Result<(), Failed> {
        let chart = self.chart(name, event.known)?;
        // The newest that was known by then: an older one alike is over.
        let sql = "INSERT OR IGNORE INTO happened
                   SELECT id, ?7, ?8, ?9 FROM mark
                   WHERE chart = ?1 AND kind = ?2 AND bar = ?4 AND direction = ?3 AND top = ?5 AND bottom = ?6
                   AND known <= ?7 ORDER BY known DESC, id DESC LIMIT 1";
        self.transaction.prepare_cached(sql)?.execute(params![
            chart.id,
            key.kind as i64,
            key.direction as i64,
            key.bar.nanos(),
            key.top.units(),
            key.bottom.units(),
            event.known.nanos(),
            event.what as i64,
            event.bar.nanos(),
        ])?;
        Ok(())
    }

    /// A level stands in the place of those of its kind and side that were before it and tell the same of themselves.
    ///
    /// # Errors
    /// As SQLite reports.
    pub fn replace(&mut self, name: ChartName, by: &Mark) -> Result<(), Failed> {
        let chart = self.chart(name, by.known)?;
        let sql = "INSERT OR IGNORE INTO happened
                   SELECT id, ?5, ?6, ?7 FROM
                   (SELECT id FROM mark WHERE chart = ?1 AND begins < ?8 AND kind = ?2 AND direction = ?3 AND about = ?4
                    AND known <= ?5 ORDER BY begins DESC LIMIT 1) AS old
                   WHERE NOT EXISTS (SELECT 1 FROM happened WHERE mark = old.id AND known <= ?5)";
        self.transaction.prepare_cached(sql)?.execute(params![
            chart.id,
            by.key.kind as i64,
            by.key.direction as i64,
            by.about,
            by.known.nanos(),
            What::Replaced as i64,
            by.born.nanos(),
            by.from.nanos(),
        ])?;
        Ok(())
    }

    /// All that the tape tells up to this place is written with this batch.
    ///
    /// # Errors
    /// As SQLite reports.
    pub fn told(&mut self, place: Place) -> Result<(), Failed> {
        let sql = "UPDATE told SET segment = ?1, offset = ?2";
        self.transaction
            .prepare_cached(sql)?
            .execute(params![place.segment, place.offset])?;
        Ok(())
    }

    /// Lets go of the bars of a timeframe that opened before a time, and of the marks that were known before it.
    ///
    /// # Errors
    /// As SQLite reports.
    pub fn prune(
        &mut self,
        timeframe: market::Timeframe,
        before: SourceTime,
    ) -> Result<(), Failed> {
        let charts = "(SELECT id FROM chart WHERE timeframe = ?1)";
        let of = params![minutes(timeframe), before.nanos()];
        for sql in [
            format!(
                "DELETE FROM happened WHERE mark IN
                 (SELECT id FROM mark WHERE chart IN {charts} AND begins < ?2)"
            ),
            format!("DELETE FROM mark WHERE chart IN {charts} AND begins < ?2"),
            format!("DELETE FROM bar WHERE chart IN {charts} AND open_time < ?2"),
        ] {
            self.transaction.execute(&sql, of)?;
        }
        Ok(())
    }

    /// The chart, with the count of bars that was its at `known`.
    fn chart(&mut self, name: ChartName, known: Time) -> rusqlite::Result<Chart> {
        if let Some(chart) = self.charts.get(&name) {
            return Ok(*chart);
        }
        let of = params![name.symbol.as_str(), minutes(name.timeframe)];
        self.transaction.execute(
            "INSERT OR IGNORE INTO chart (symbol, timeframe) VALUES (?1, ?2)",
            of,
        )?;
        let sql = "SELECT id FROM chart WHERE symbol = ?1 AND timeframe = ?2";
        let id: i64 = self.transaction.query_row(sql, of, |row| row.get(0))?;
        let sql = "SELECT coalesce(max(series), 0) FROM bar WHERE chart = ?1 AND series <= ?2";
        let series = self
            .transaction
            .query_row(sql, params![id, known.nanos()], |row| row.get(0))?;
        let chart = Chart { id, series };
        self.charts.insert(name, chart);
        Ok(chart)
    }
}
