//! Looking at a journal that may be another process's: nothing is locked, nothing is written.

use super::store::Store;
use crate::{Error, Journal, Record};
use market::{Calibration, Position, Shadow};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

/// A journal as it was when it was looked at last: what its server appends meanwhile is not seen.
pub struct Looking {
    store: Mutex<Store>,
    end: Position,
}

impl fmt::Debug for Looking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Looking")
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl Looking {
    /// The journal in `dir`; `None` when there is none. Reads which records there are.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Version`] when what is there is no whole journal of this version, [`Error::Io`] when
    /// the machine fails.
    pub fn open(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join("journal.sqlite");
        if !path.exists() {
            return Ok(None);
        }
        let found = Store::look(path)?;
        Ok(found.map(|(store, end)| Self {
            store: Mutex::new(store),
            end,
        }))
    }
}

impl Looking {
    /// Looks where it ends now. What was appended since is dense, as its writer promises; it is not counted again.
    ///
    /// # Errors
    /// [`Error::Io`] when the machine fails.
    pub fn refresh(&mut self) -> Result<(), Error> {
        let store = self.store.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.end = store.look_again()?;
        Ok(())
    }
}

impl Journal for Looking {
    async fn append_with(
        &mut self,
        _after: Position,
        _batch: Vec<Record>,
        _shadows: Vec<Shadow>,
    ) -> Result<Position, Error> {
        Err(only_looked_at())
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<(Position, Record)>, Error> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.end.seq.saturating_sub(after.seq);
        store.read(after, limit.min(usize::try_from(left).unwrap_or(limit)))
    }

    async fn shadows(&self, after: u64, limit: usize) -> Result<Vec<(u64, Shadow)>, Error> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.shadows(after, limit)
    }

    async fn keep(&mut self, _calibrations: Vec<Calibration>) -> Result<(), Error> {
        Err(only_looked_at())
    }

    async fn calibrations(&self) -> Result<Vec<Calibration>, Error> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.calibrations()
    }

    fn end(&self) -> Position {
        self.end
    }
}

fn only_looked_at() -> Error {
    Error::Io {
        what: "append to a journal that was opened to be looked at".to_owned(),
        source: io::ErrorKind::Unsupported.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Local;
    use market::{Epoch, Outcome, OutcomeKind, Price, Ratio, Symbol, Time, Uuid};
    use tempfile::TempDir;

    #[tokio::test]
    async fn it_sees_what_was_there_beside_the_writer_and_changes_nothing() {
        let dir = TempDir::new().unwrap();
        assert!(Looking::open(dir.path()).unwrap().is_none());
        let mut writer = Local::open(dir.path(), || Epoch(7)).unwrap();
        let begin = writer.end();
        let end = writer
            .append(begin, vec![record(1), record(2)])
            .await
            .unwrap();
        let mut looking = Looking::open(dir.path()).unwrap().unwrap();
        writer.append(end, vec![record(3)]).await.unwrap();

        assert_eq!(looking.end(), end);
        let read = looking.read(begin, usize::MAX).await.unwrap();
        assert_eq!(read, [(begin.after(1), record(1)), (end, record(2))]);
        assert_eq!(looking.read(end, 9).await.unwrap(), []);
        let error = looking.append(end, vec![record(4)]).await.unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        assert_eq!(writer.end(), end.after(1));
        looking.refresh().unwrap();
        assert_eq!(looking.end(), end.after(1));
        let more = looking.read(end, usize::MAX).await.unwrap();
        assert_eq!(more, [(end.after(1), record(3))]);
    }

    #[test]
    fn what_is_no_journal_is_refused() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("journal.sqlite");
        std::fs::write(&path, "").unwrap();
        assert!(Looking::open(dir.path()).unwrap().is_none());
        std::fs::write(&path, "this is no journal of anybody's at all".repeat(99)).unwrap();
        let error = Looking::open(dir.path()).unwrap_err();
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
