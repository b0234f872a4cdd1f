//! What can go wrong, by what the caller can do about it.

use market::Position;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stop leading: whoever wrote meanwhile is the leader. For a read: forget the position and start from a known one.
    #[error(
        "the journal is at record {} of log {}, not at record {} of log {}: it was written by somebody else; \
         restart to go on from what is there",
        found.seq, found.epoch, expected.seq, expected.epoch
    )]
    Fenced { expected: Position, found: Position },

    /// End the other process, or use another folder.
    #[error(
        "folder {} is in use by {holder}: end that process, or give this one a data folder of its own",
        dir.display()
    )]
    Locked { dir: PathBuf, holder: String },

    /// Do what the remedy says; trying again does not help.
    #[error("{what}; {remedy}")]
    Corrupt { what: String, remedy: String },

    /// Use the version of ORION that wrote it, or a newer one.
    #[error(
        "{what} has format version {found} and this ORION reads up to {supported}: \
         start it with the version of ORION that wrote it, or a newer one"
    )]
    Version {
        what: String,
        found: u32,
        supported: u32,
    },

    /// The machine failed: a full or broken disk, a missing right. Mend it and try again.
    #[error("cannot {what}")]
    Io {
        what: String,
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// For `map_err` on a call that touches `path`.
    pub(crate) fn io(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = format!("{verb} {}", path.display());
        move |source| Self::Io { what, source }
    }
}
