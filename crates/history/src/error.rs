//! What can go wrong, by what the caller can do about it.

use parquet::errors::ParquetError;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine failed: a full or broken disk, a missing right. Mend it and try again.
    #[error("cannot {what}")]
    Io {
        what: String,
        #[source]
        source: io::Error,
    },

    /// Remove the file, or bring it back from a copy; trying again does not help.
    #[error("{} {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },

    /// Give the column more places or a finer unit.
    #[error("column {column} cannot hold {value} exactly: it keeps {kept}")]
    Inexact {
        column: String,
        value: String,
        kept: String,
    },
}

impl Error {
    /// For `map_err` on a call that touches `path`.
    pub(crate) fn io(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = format!("{verb} {}", path.display());
        move |source| Self::Io { what, source }
    }

    /// For `map_err` on a call that writes a table to `path`: what fails then is the disk.
    pub(crate) fn writing(path: &Path) -> impl FnOnce(ParquetError) -> Self {
        let what = format!("write {}", path.display());
        move |error| Self::Io {
            what,
            source: io::Error::other(error),
        }
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}
