//! Making a file appear whole and for good: written beside its place, synced, renamed, and its folder synced.

use crate::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What the name of a file ends in until it is whole; a crash may leave one behind, and the next one overwrites it.
const DRAFT: &str = ".new";

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
