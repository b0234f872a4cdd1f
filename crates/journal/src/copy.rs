//! Copies of a market's databases while their server runs, and what a copy needs before it may be gone on with.

use crate::local::failure;
use crate::{Error, Looking, disk, snapshot};
use market::{Epoch, Position};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::Path;

/// Writes what the SQLite file `from` holds at one moment as the new file `to`. Its writer is not held up, and the copy
/// needs no log beside it. Blocks until it is on disk.
///
/// # Errors
/// [`Error::Corrupt`] when it is damaged, [`Error::Io`] when the machine fails, or `to` is there already.
pub fn database(from: &Path, to: &Path) -> Result<(), Error> {
    let connection = look(from)?;
    // https://sqlite.org/lang_vacuum.html: a VACUUM INTO is one read transaction.
    connection
        .execute("VACUUM INTO ?1", [to.to_string_lossy()])
        .map_err(failure(from, "copy"))?;
    File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("sync", to))
}

/// Reads every page and index of a SQLite file.
///
/// # Errors
/// [`Error::Corrupt`] when it is damaged, [`Error::Io`] when the machine fails.
pub fn check(path: &Path) -> Result<(), Error> {
    let connection = look(path)?;
    let first: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(failure(path, "check"))?;
    if first == "ok" {
        return Ok(());
    }
    Err(Error::Corrupt {
        what: format!("{} is damaged: {}", path.display(), first.trim()),
        remedy: "restore it from a backup".to_owned(),
    })
}

/// Gives the journal in `dir` another epoch, and the snapshots beside it: what clients of the old log saw behind this
/// one's end is not what will stand there. Nobody may be using the folder.
///
/// # Errors
/// As [`Looking::open`], and [`Error::Io`] when something cannot be written.
pub fn begin_log(dir: &Path, epoch: Epoch) -> Result<Option<Position>, Error> {
    if Looking::open(dir)?.is_none() {
        return Ok(None);
    }
    let path = dir.join("journal.sqlite");
    let failed = failure(&path, "change the epoch of");
    let connection = Connection::open(&path).map_err(&failed)?;
    connection
        .execute("UPDATE log SET epoch = ?1", [epoch.0.to_string()])
        .map_err(&failed)?;
    connection.close().map_err(|(_, error)| failed(error))?;
    snapshot::move_to(&dir.join("snapshots"), epoch)?;
    disk::sync_dir(dir)?;
    let changed = Looking::open(dir)?;
    Ok(changed.map(|journal| crate::Journal::end(&journal)))
}

fn look(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(failure(path, "open"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Snapshot;
    use crate::tape::Place;
    use crate::{Journal as _, Local, Record};
    use market::{Outcome, OutcomeKind, Price, Ratio, Symbol, Time, Uuid};
    use tempfile::TempDir;

    #[tokio::test]
    async fn a_copy_has_what_was_appended_and_goes_on_as_another_log() {
        let (dir, copied) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let mut journal = Local::open(dir.path(), || Epoch(7)).unwrap();
        let begin = journal.end();
        let end = journal
            .append(begin, vec![record(1), record(2)])
            .await
            .unwrap();
        let to = copied.path().join("journal.sqlite");
        database(&dir.path().join("journal.sqlite"), &to).unwrap();
        check(&to).unwrap();
        let state = Snapshot {
            place: Place::default(),
            position: end,
            state: vec![1, 2, 3],
        };
        let snapshots = copied.path().join("snapshots");
        snapshot::save(&snapshots, &state).unwrap();
        let moved = begin_log(copied.path(), Epoch(9)).unwrap().unwrap();
        assert_eq!((moved.epoch, moved.seq), (Epoch(9), 2));
        let found = snapshot::all(&snapshots).unwrap().remove(0);
        let expected = Snapshot {
            position: moved,
            ..state
        };
        assert_eq!(found.snapshot, Ok(expected));
        let mut copy = Local::open(copied.path(), || Epoch(0)).unwrap();
        let first = Position { seq: 0, ..moved };
        let read = copy.read(first, 9).await.unwrap();
        assert_eq!(read, [(first.after(1), record(1)), (moved, record(2))]);
        copy.append(moved, vec![record(3)]).await.unwrap();
        assert_eq!(journal.end(), end, "the first is untouched");
    }

    #[test]
    fn what_is_damaged_is_told() {
        let dir = TempDir::new().unwrap();
        drop(Local::open(dir.path(), || Epoch(7)).unwrap());
        let path = dir.path().join("journal.sqlite");
        check(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        // The number of cells on the second page: https://sqlite.org/fileformat2.html#b_tree_pages
        bytes[4096 + 3] ^= 0xff;
        std::fs::write(&path, bytes).unwrap();
        let error = check(&path).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }

    fn record(number: u128) -> Record {
        Record::Outcome(Outcome {
            id: Uuid::from_u128(number),
            symbol: Symbol::new("XAUUSD").unwrap(),
            digits: 2,
            kind: OutcomeKind::Stop,
            price: Price::ZERO,
            r: Ratio::from_hundredths(-100),
            at: Time::from_secs(1),
            last: true,
            realised: None,
            end: None,
        })
    }
}
