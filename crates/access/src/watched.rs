//! A file that is read again when it has changed.

use market::{Span, Time};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The file is looked at again at most so often: what was taken away works no longer than this.
const LOOK_EVERY: Span = Span::from_secs(1);

/// What a file holds, as it was when it was last looked at.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    path: PathBuf,
    value: T,
    /// When it was last looked at, and what it looked like.
    looked: Option<Time>,
    seen: Option<Seen>,
}

/// What tells one version of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    changed: Option<SystemTime>,
    bytes: u64,
}

impl<T: Default> Watched<T> {
    /// A file that need not exist, now or later.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            value: T::default(),
            looked: None,
            seen: None,
        }
    }
}

impl<T> Watched<T> {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn value(&self) -> &T {
        &self.value
    }

    /// Reads the file if it is time to look and it has changed; true when it was read. One that cannot be read leaves what
    /// there was: a slip of the hand in an editor shuts nobody out and lets nobody in. It is told once.
    pub(crate) fn refresh<E: Display>(
        &mut self,
        now: Time,
        read: impl FnOnce(&Path) -> Result<T, E>,
    ) -> bool {
        if self.looked.is_some_and(|looked| now - looked < LOOK_EVERY) {
            return false;
        }
        match self.read_if_changed(now, read) {
            Ok(is_new) => is_new,
            Err(error) => {
                tracing::error!(%error, file = %self.path.display(), "what was read before stays");
                false
            }
        }
    }

    /// The same at once, for the start: what cannot be read is an error.
    pub(crate) fn read_if_changed<E>(
        &mut self,
        now: Time,
        read: impl FnOnce(&Path) -> Result<T, E>,
    ) -> Result<bool, E> {
        self.looked = Some(now);
        let seen = std::fs::metadata(&self.path).ok().map(|data| Seen {
            changed: data.modified().ok(),
            bytes: data.len(),
        });
        if seen == self.seen {
            return Ok(false);
        }
        self.seen = seen;
        self.value = read(&self.path)?;
        Ok(true)
    }
}
