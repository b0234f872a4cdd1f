//! Making a file appear whole and for good: written beside its place, synced, renamed, and its folder synced.

use crate::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Makes the folder and those above it.
pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(Error::io("make folder", dir))
}

/// Writes `bytes` as the file `path`: after a crash it is there whole or not at all. Answers with the open file, whose
/// cursor is at its end.
pub(crate) fn publish(path: &Path, bytes: &[u8]) -> Result<File, Error> {
    let draft = draft_of(path);
    let mut file = File::create(&draft).map_err(Error::io("create", &draft))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(Error::io("write", &draft))?;
    fs::rename(&draft, path).map_err(Error::io("put in its place", path))?;
    if let Some(dir) = path.parent() {
        sync_dir(dir)?;
    }
    Ok(file)
}

/// The files `<number>.<extension>` of a folder, lowest number first; none where there is no folder.
pub(crate) fn numbered(dir: &Path, extension: &str) -> Result<Vec<(u64, PathBuf)>, Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", dir)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io("list", dir))?.path();
        found.extend(number_of(&path, extension).map(|number| (number, path)));
    }
    found.sort();
    Ok(found)
}

fn number_of(path: &Path, extension: &str) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let number = name.strip_suffix(extension)?.strip_suffix('.')?;
    number.parse().ok()
}

/// Where [`publish`] writes before it renames; a crash may leave it behind, and the next one overwrites it.
fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Makes the names in a folder last.
#[cfg(unix)]
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(Error::io("sync folder", dir))
}

/// Folders cannot be synced here; the file system keeps their names in its own log.
#[cfg(not(unix))]
pub(crate) fn sync_dir(_dir: &Path) -> Result<(), Error> {
    Ok(())
}
