//! Looking at a journal that may be another process's: nothing is locked, nothing is written.

use super::store::Store;
use crate::{Error, Journal, Record};
use market::Position;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

/// A journal as it was when it was opened: what its server appends meanwhile is not seen.
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

impl Journal for Looking {
    async fn append(&mut self, _after: Position, _batch: Vec<Record>) -> Result<Position, Error> {
        Err(Error::Io {
            what: "append to a journal that was opened to be looked at".to_owned(),
            source: io::ErrorKind::Unsupported.into(),
        })
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<(Position, Record)>, Error> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.end.seq.saturating_sub(after.seq);
        store.read(after, limit.min(usize::try_from(left).unwrap_or(limit)))
    }

    fn end(&self) -> Position {
        self.end
    }
}
