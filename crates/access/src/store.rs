//! Files of ours that hold a table each: read whole, changed under a lock, written whole or not at all, and for their
//! owner only.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Why a file could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot understand the file {path}: {reason}")]
    Damaged { path: PathBuf, reason: String },
    #[error("cannot {what} {path}")]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

/// What the file holds; nothing when there is none.
pub(crate) fn read<T: DeserializeOwned + Default>(path: &Path) -> Result<T, StoreError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
        Err(error) => return Err(failed("read", path)(error)),
    };
    toml::from_str(&text).map_err(|error| {
        let (path, reason) = (path.to_owned(), error.message().to_owned());
        StoreError::Damaged { path, reason }
    })
}

/// Changes what the file holds, below these first lines. Two changes at once do not undo each other; the folder is made
/// if absent.
pub(crate) fn change<T, R, E>(
    path: &Path,
    head: &str,
    edit: impl FnOnce(&mut T) -> Result<R, E>,
) -> Result<R, E>
where
    T: Serialize + DeserializeOwned + Default,
    E: From<StoreError>,
{
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed("make the data folder", folder))?;
    }
    let lock = path.with_extension("lock");
    let held = private(&lock).map_err(failed("open", &lock))?;
    held.lock().map_err(failed("lock", &lock))?;
    let mut contents: T = read(path)?;
    let done = edit(&mut contents)?;
    write(path, head, &contents)?;
    Ok(done)
}

/// A new file, renamed over the old one once it is on disk.
fn write<T: Serialize>(path: &Path, head: &str, contents: &T) -> Result<(), StoreError> {
    let text = toml::to_string(contents).map_err(|error| StoreError::Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    let new = path.with_extension("new");
    let write = || {
        let mut file = private(&new)?;
        file.set_len(0)?;
        file.write_all(head.as_bytes())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        sync_folder(path)
    };
    write().map_err(failed("write", path))
}

/// A file that its owner alone may read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The rename itself is on disk only when the folder is; other systems than Unix have no such call.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { what, path, source }
}
