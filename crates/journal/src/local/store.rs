//! The SQLite file behind [`super::Local`], and all that is done to it. Lives on the writer's thread.

use super::{Probe, versions};
use crate::{Error, Record, record};
use market::{Calibration, Epoch, Position, Shadow};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior,
};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};

/// `ORJN`: tells this file from anybody else's SQLite file.
const APPLICATION_ID: i32 = 0x4f52_4a4e;
/// Of the tables below. The records have a version of their own. 2 has shadows; a journal of 1 gets them when it is opened.
const SCHEMA_VERSION: u32 = 2;
const WITHOUT_SHADOWS: u32 = 1;
/// `prev_hash` has room for the chain that makes the journal tamper-evident.
const SCHEMA: &str = "
    CREATE TABLE log (epoch TEXT NOT NULL) STRICT;
    CREATE TABLE record (seq INTEGER PRIMARY KEY, body TEXT NOT NULL, prev_hash BLOB) STRICT;
";
/// One of each signal: its place, and the signal's id in the bytes of a UUID.
const SHADOWS: &str = "
    CREATE TABLE shadow (place INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;
";

/// What the writer is asked for.
#[derive(Debug)]
pub(super) enum Request {
    Append {
        after: Position,
        batch: Vec<Record>,
        shadows: Vec<Shadow>,
        answer: oneshot::Sender<Result<Position, Error>>,
    },
    Shadows {
        after: u64,
        limit: usize,
        answer: oneshot::Sender<Result<Vec<(u64, Shadow)>, Error>>,
    },
    Keep {
        calibrations: Vec<Calibration>,
        answer: oneshot::Sender<Result<(), Error>>,
    },
    Calibrations {
        answer: oneshot::Sender<Result<Vec<Calibration>, Error>>,
    },
    Read {
        after: Position,
        limit: usize,
        answer: oneshot::Sender<Result<Vec<(Position, Record)>, Error>>,
    },
}

/// What the writer's thread owns.
pub(super) struct Store {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    epoch: Epoch,
    /// The last one that was committed.
    pub(super) seq: Arc<AtomicU64>,
    probe: Probe,
    /// An older version wrote it, and it is only looked at.
    without_shadows: bool,
}

impl Store {
    pub(super) fn open(
        path: PathBuf,
        new_epoch: impl FnOnce() -> Epoch,
        probe: Probe,
    ) -> Result<(Self, Position), Error> {
        let (connection, epoch, seq) = open_file(&path, new_epoch)?;
        let end = Position { epoch, seq };
        let store = Self {
            connection,
            path,
            epoch,
            seq: Arc::new(AtomicU64::new(seq)),
            probe,
            without_shadows: false,
        };
        Ok((store, end))
    }

    /// Opens the file only to read it; `None` when nothing is in it yet.
    pub(super) fn look(path: PathBuf) -> Result<Option<(Self, Position)>, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&path, flags).map_err(failure(&path, "open"))?;
        let Some(version) = identify(&connection, &path)? else {
            return Ok(None);
        };
        let epoch = epoch(&connection, &path)?;
        let seq = check_dense(&connection, &path)?;
        let store = Self {
            connection,
            path,
            epoch,
            seq: Arc::new(AtomicU64::new(seq)),
            probe: |_| {},
            without_shadows: version == WITHOUT_SHADOWS,
        };
        Ok(Some((store, Position { epoch, seq })))
    }

    /// Where the journal ends now, that another process writes.
    pub(super) fn look_again(&mut self) -> Result<Position, Error> {
        self.without_shadows = identify(&self.connection, &self.path)? == Some(WITHOUT_SHADOWS);
        let seq = last_seq(&self.connection).map_err(failure(&self.path, "read"))?;
        self.seq.store(seq, Ordering::Relaxed);
        let epoch = self.epoch;
        Ok(Position { epoch, seq })
    }

    /// Answers until nobody can ask any more.
    pub(super) fn serve(mut self, mut inbox: mpsc::Receiver<Request>) {
        while let Some(request) = inbox.blocking_recv() {
            // Nobody waits for the answer when the asking future was dropped.
            let _unheard = match request {
                Request::Append {
                    after,
                    batch,
                    shadows,
                    answer,
                } => answer.send(self.append(after, &batch, &shadows)).is_err(),
                Request::Shadows {
                    after,
                    limit,
                    answer,
                } => answer.send(self.shadows(after, limit)).is_err(),
                Request::Keep {
                    calibrations,
                    answer,
                } => answer.send(self.keep(&calibrations)).is_err(),
                Request::Calibrations { answer } => answer.send(self.calibrations()).is_err(),
                Request::Read {
                    after,
                    limit,
                    answer,
                } => answer.send(self.read(after, limit)).is_err(),
            };
        }
    }

    fn append(
        &mut self,
        after: Position,
        batch: &[Record],
        shadows: &[Shadow],
    ) -> Result<Position, Error> {
        let failed = failure(&self.path, "append to");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let found = Position {
            epoch: self.epoch,
            seq: last_seq(&transaction).map_err(&failed)?,
        };
        if found != after {
            return Err(Error::Fenced {
                expected: after,
                found,
            });
        }
        insert(&transaction, after.seq, batch).map_err(&failed)?;
        insert_shadows(&transaction, shadows).map_err(&failed)?;
        (self.probe)("commit");
        transaction.commit().map_err(&failed)?;
        let end = after.after(batch.len() as u64);
        self.seq.store(end.seq, Ordering::Release);
        (self.probe)("committed");
        Ok(end)
    }

    pub(super) fn read(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(Position, Record)>, Error> {
        let failed = failure(&self.path, "read");
        let found = Position {
            epoch: self.epoch,
            seq: last_seq(&self.connection).map_err(&failed)?,
        };
        if after.epoch != self.epoch || after.seq > found.seq {
            return Err(Error::Fenced {
                expected: after,
                found,
            });
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = select(&self.connection, after.seq, limit).map_err(&failed)?;
        (1..)
            .map(|step| after.after(step))
            .zip(rows)
            .map(|(position, row)| self.record(position, row))
            .collect()
    }

    pub(super) fn shadows(&self, after: u64, limit: usize) -> Result<Vec<(u64, Shadow)>, Error> {
        if self.without_shadows {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = select_shadows(&self.connection, after, limit);
        let rows = rows.map_err(failure(&self.path, "read"))?.into_iter();
        let shadow = |(place, body): (u64, String)| {
            let named = || format!("shadow {place} of {}", self.path.display());
            Ok((place, record::decode_shadow(&body, named)?))
        };
        rows.map(shadow).collect()
    }

    /// The record of a row, which must stand where the count says.
    fn record(
        &self,
        position: Position,
        (seq, body): (u64, String),
    ) -> Result<(Position, Record), Error> {
        if seq != position.seq {
            return Err(hole(&self.path, position.seq));
        }
        let place = || format!("record {seq} of {}", self.path.display());
        Ok((position, record::decode(&body, place)?))
    }
}

/// Opens or makes the file, checks it, and answers with its epoch and its last seq.
fn open_file(
    path: &Path,
    new_epoch: impl FnOnce() -> Epoch,
) -> Result<(Connection, Epoch, u64), Error> {
    let failed = failure(path, "open");
    let mut connection = Connection::open(path).map_err(&failed)?;
    let version = identify(&connection, path)?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(&failed)?;
    if mode != "wal" {
        return Err(Error::Io {
            what: format!(
                "keep {} in WAL mode (the file system answers `{mode}`): put the data folder on a local disk",
                path.display()
            ),
            source: io::ErrorKind::Unsupported.into(),
        });
    }
    connection
        .pragma_update(None, "synchronous", "full")
        .map_err(&failed)?;
    match version {
        None => create(&mut connection, new_epoch()).map_err(&failed)?,
        Some(WITHOUT_SHADOWS) => add_shadows(&mut connection).map_err(&failed)?,
        Some(_) => {}
    }
    versions::make_room(&connection).map_err(&failed)?;
    let epoch = epoch(&connection, path)?;
    let seq = check_dense(&connection, path)?;
    Ok((connection, epoch, seq))
}

/// The version of its tables; `None` where the file is empty. Otherwise it must be a journal that this version knows.
fn identify(connection: &Connection, path: &Path) -> Result<Option<u32>, Error> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let failed = failure(path, "read");
    let application = number("PRAGMA application_id").map_err(&failed)?;
    let version = number("PRAGMA user_version").map_err(&failed)?;
    let tables = number("SELECT count(*) FROM sqlite_schema").map_err(&failed)?;
    if (application, version, tables) == (0, 0, 0) {
        return Ok(None);
    }
    if application != i64::from(APPLICATION_ID) {
        return Err(Error::Corrupt {
            what: format!("{} is no journal of ORION", path.display()),
            remedy: "move that file away, or give ORION a data folder of its own".to_owned(),
        });
    }
    let found = u32::try_from(version).unwrap_or(u32::MAX);
    if !(WITHOUT_SHADOWS..=SCHEMA_VERSION).contains(&found) {
        return Err(Error::Version {
            what: path.display().to_string(),
            found,
            supported: SCHEMA_VERSION,
        });
    }
    Ok(Some(found))
}

/// All at once, so that a crash leaves a whole journal or an empty file.
fn create(connection: &mut Connection, epoch: Epoch) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute_batch(SHADOWS)?;
    transaction.execute("INSERT INTO log (epoch) VALUES (?1)", [epoch.0.to_string()])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

/// A journal of an older version gets what it lacks.
fn add_shadows(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SHADOWS)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

fn epoch(connection: &Connection, path: &Path) -> Result<Epoch, Error> {
    let stored: Option<String> = connection
        .query_row("SELECT epoch FROM log", [], |row| row.get(0))
        .optional()
        .map_err(failure(path, "read"))?;
    let stored = stored.unwrap_or_default();
    stored.parse().map(Epoch).map_err(|_| Error::Corrupt {
        what: format!(
            "{} has the epoch `{stored}`, which is no number",
            path.display()
        ),
        remedy: RESTORE.to_owned(),
    })
}

/// The last seq, when every record from the first to it is there.
fn check_dense(connection: &Connection, path: &Path) -> Result<u64, Error> {
    let failed = failure(path, "read");
    let last = last_seq(connection).map_err(&failed)?;
    let sql = "SELECT count(*), coalesce(min(seq), 1) FROM record";
    let (count, first): (u64, i64) = connection
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(&failed)?;
    if count == last && first == 1 {
        return Ok(last);
    }
    let sql = "SELECT min(expected) FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS expected FROM record)
               WHERE seq <> expected";
    let missing = connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(&failed)?;
    Err(hole(path, missing))
}

fn last_seq(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT coalesce(max(seq), 0) FROM record", [], |row| {
        row.get(0)
    })
}

fn insert(transaction: &Transaction<'_>, after: u64, batch: &[Record]) -> rusqlite::Result<()> {
    let mut statement =
        transaction.prepare_cached("INSERT INTO record (seq, body) VALUES (?1, ?2)")?;
    for (seq, record) in (after + 1..).zip(batch) {
        statement.execute((seq, record::encode(record)))?;
    }
    Ok(())
}

fn insert_shadows(transaction: &Transaction<'_>, shadows: &[Shadow]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO shadow (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
    let mut statement = transaction.prepare_cached(sql)?;
    for shadow in shadows {
        let body = record::encode_shadow(shadow);
        statement.execute((shadow.id.as_bytes().as_slice(), body))?;
    }
    Ok(())
}

fn select_shadows(
    connection: &Connection,
    after: u64,
    limit: i64,
) -> rusqlite::Result<Vec<(u64, String)>> {
    let sql = "SELECT place, body FROM shadow WHERE place > ?1 ORDER BY place LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((after, limit), |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn select(connection: &Connection, after: u64, limit: i64) -> rusqlite::Result<Vec<(u64, String)>> {
    let sql = "SELECT seq, body FROM record WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((after, limit), |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

const RESTORE: &str = "restore the journal from a backup, or start with a new data folder";

fn hole(path: &Path, seq: u64) -> Error {
    Error::Corrupt {
        what: format!("{} has no record {seq} where one must be", path.display()),
        remedy: RESTORE.to_owned(),
    }
}

/// What SQLite reports, by what can be done about it.
pub(crate) fn failure(path: &Path, verb: &str) -> impl Fn(rusqlite::Error) -> Error {
    let what = format!("{verb} {}", path.display());
    move |source| match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Corrupt {
            what: format!("cannot {what}: {source}"),
            remedy: RESTORE.to_owned(),
        },
        _ => Error::Io {
            what: what.clone(),
            source: io::Error::other(source),
        },
    }
}
