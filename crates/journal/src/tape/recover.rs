//! Opening a tape to go on with it: what a crash left half written at its end is cut off.

use super::frame::Found;
use super::segment::{self, Reading, Settings};
use super::{Place, TapeWriter};
use crate::Error;
use crate::lock::Lock;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

/// A tape that nobody else writes, whole up to its end. It can be read and then gone on with.
#[derive(Debug)]
pub struct Tape {
    dir: PathBuf,
    lock: Lock,
    end: Place,
    cut: Option<Cut>,
}

/// What was cut off: a crash came before it was synced, so nothing that anybody saw depends on it. Worth a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    pub path: PathBuf,
    /// Where the file ends now.
    pub offset: u64,
    /// How many bytes are gone.
    pub bytes: u64,
}

impl Tape {
    /// Opens the tape in `dir`, which need not be there yet. Reads the last segment.
    ///
    /// # Errors
    /// [`Error::Locked`] when another server writes it, [`Error::Corrupt`] when something is damaged that had been synced,
    /// [`Error::Version`] when a newer ORION wrote it, [`Error::Io`] when the machine fails.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let lock = Lock::take(dir, "tape.lock")?;
        let mut tape = Self {
            dir: dir.to_owned(),
            lock,
            end: Place::default(),
            cut: None,
        };
        if let Some((number, path)) = segment::list(dir, 0)?.pop() {
            let (offset, cut) = recover(path)?;
            tape.end = Place {
                segment: number,
                offset,
            };
            tape.cut = cut;
        }
        Ok(tape)
    }

    /// The end of what is on the tape.
    #[must_use]
    pub fn end(&self) -> Place {
        self.end
    }

    /// What had to be cut off its end.
    #[must_use]
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// Goes on with a new segment.
    ///
    /// # Errors
    /// [`Error::Io`] when the machine fails, or when the settings are longer than 16 MiB.
    pub fn begin(self, settings: &Settings) -> Result<TapeWriter, Error> {
        TapeWriter::begin(self.dir, self.lock, self.end.segment + 1, settings)
    }
}

/// Where the last segment ends, after what is torn was cut off.
fn recover(path: PathBuf) -> Result<(u64, Option<Cut>), Error> {
    let mut segment = Reading::open(path)?;
    let mut records = Vec::new();
    loop {
        match segment.next(&mut records)? {
            Found::Batch(_) => {}
            Found::End => return Ok((segment.at(), None)),
            Found::Broken(reason) => {
                segment.is_lost(reason)?;
                let cut = cut(segment.path(), segment.at())?;
                return Ok((segment.at(), Some(cut)));
            }
        }
    }
}

fn cut(path: &Path, offset: u64) -> Result<Cut, Error> {
    let cut = || {
        let file = OpenOptions::new().write(true).open(path)?;
        let before = file.metadata()?.len();
        file.set_len(offset)?;
        file.sync_all()?;
        Ok(before.saturating_sub(offset))
    };
    let bytes = cut().map_err(Error::io("cut the torn end off", path))?;
    Ok(Cut {
        path: path.to_owned(),
        offset,
        bytes,
    })
}
