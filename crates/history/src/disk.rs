//! Making a file appear whole and for good: written beside its place, synced, renamed, and its folder synced. Or a stream,
//! whose reader sees it grow.

use crate::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What the name of a file ends in until it is whole; a crash may leave one behind, and the next one overwrites it.
const DRAFT: &str = ".part";

/// Makes the folder and those above it, and their names last.
pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    let made: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
    fs::create_dir_all(dir).map_err(Error::io("make folder", dir))?;
    for parent in made.iter().rev().filter_map(|dir| folder_of(dir)) {
        sync_dir(parent)?;
    }
    Ok(())
}

/// Where a file is written before it is put in its place.
pub(crate) fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(DRAFT);
    PathBuf::from(name)
}

/// Puts a draft that is on disk in its place, also over an older file there.
pub(crate) fn publish(draft: &Path, path: &Path) -> Result<(), Error> {
    fs::rename(draft, path).map_err(Error::io("put in its place", path))?;
    folder_of(path).map_or(Ok(()), sync_dir)
}

/// The folder of a file; the current one for a bare name.
pub(crate) fn folder_of(path: &Path) -> Option<&Path> {
    let folder = path.parent()?;
    let bare = folder.as_os_str().is_empty();
    Some(if bare { Path::new(".") } else { folder })
}

/// Makes the names in a folder last.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(Error::io("sync folder", dir))
}

/// Folders cannot be synced here; the file system keeps their names in its own log.
#[cfg(not(unix))]
fn sync_dir(_dir: &Path) -> Result<(), Error> {
    Ok(())
}

/// Where something is written.
pub enum Target {
    /// To a file, which appears whole or not at all.
    File(PathBuf),
    /// To who reads it at once, as a pipe.
    Stream(Box<dyn Write + Send>),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
            Self::Stream(_) => formatter.write_str("Stream"),
        }
    }
}

/// What is being written. Dropped before [`Growing::settle`], it leaves nothing behind.
pub(crate) struct Growing {
    sink: Sink,
    /// What removes the draft.
    draft: Draft,
    bytes: u64,
}

enum Sink {
    File(File),
    Stream(Box<dyn Write + Send>),
}

impl Growing {
    /// Begins a file beside its place, whose folder is made where it is missing, or a stream.
    pub(crate) fn begin(target: Target) -> Result<Self, Error> {
        let (sink, place, written) = match target {
            Target::Stream(stream) => (Sink::Stream(stream), None, PathBuf::from("the stream")),
            Target::File(path) => {
                if let Some(folder) = folder_of(&path) {
                    make_dir(folder)?;
                }
                let written = draft_of(&path);
                let file = File::create(&written).map_err(Error::io("create", &written))?;
                (Sink::File(file), Some(path), written)
            }
        };
        let draft = Draft {
            written,
            place,
            published: false,
        };
        Ok(Self {
            sink,
            draft,
            bytes: 0,
        })
    }

    /// What is written, for errors.
    pub(crate) fn name(&self) -> &Path {
        &self.draft.written
    }

    /// Waits until all is on disk; how many bytes it is.
    pub(crate) fn settle(mut self) -> Result<(Draft, u64), Error> {
        let settled = self.flush().and_then(|()| match &self.sink {
            Sink::File(file) => file.sync_all(),
            Sink::Stream(_) => Ok(()),
        });
        settled.map_err(Error::io("write", &self.draft.written))?;
        Ok((self.draft, self.bytes))
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.sink {
            Sink::File(file) => file.write(bytes)?,
            Sink::Stream(stream) => stream.write(bytes)?,
        };
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::File(file) => file.flush(),
            Sink::Stream(stream) => stream.flush(),
        }
    }
}

/// A whole file that is on disk, but not in its place yet. Dropped before [`Draft::publish`], it leaves nothing behind.
#[derive(Debug)]
pub struct Draft {
    written: PathBuf,
    /// None for a stream, which is where it is.
    place: Option<PathBuf>,
    published: bool,
}

impl Draft {
    /// Where it can be read until it is in its place.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.written
    }

    /// Puts it in its place, for good.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk fails.
    pub fn publish(mut self) -> Result<(), Error> {
        if let Some(place) = &self.place {
            publish(&self.written, place)?;
        }
        self.published = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.place.is_some() && !self.published {
            // Should it stay, the next one with this name overwrites it.
            let _ = fs::remove_file(&self.written);
        }
    }
}
