//! Where a backup is put: a folder, or one file (`backup/archive.rs`). Both appear whole or not at all.

use super::copy::{sync_dir, sync_parent};
use super::{SUMS, UNFINISHED};
use anyhow::{Context as _, Result, ensure};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Names are from the backup's root on, with `/` between folders.
pub(super) trait Keep {
    fn folder(&mut self, name: &str) -> Result<()>;

    /// Puts a file that was there, with its rights.
    fn file(&mut self, name: &str, from: &mut dyn Read, about: &Metadata) -> Result<()>;

    /// Puts a file of our own.
    fn text(&mut self, name: &str, from: &mut dyn Read, bytes: u64) -> Result<()>;

    /// A new folder for what must be written before it can be put.
    fn scratch(&mut self) -> Result<PathBuf>;

    /// Gives the backup its name: from here on it is one.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Makes a folder that is no whole thing yet, anew. One that is there must have been left by who was cut off.
pub(super) fn begin(draft: &Path) -> Result<()> {
    if draft.exists() {
        let is_ours = [UNFINISHED, SUMS]
            .iter()
            .any(|name| draft.join(name).exists());
        let is_empty = || fs::read_dir(draft).is_ok_and(|mut entries| entries.next().is_none());
        ensure!(
            is_ours || is_empty(),
            "{} is in the way and was not left by a backup or a restore: move it away",
            draft.display()
        );
        let removed = remove(draft);
        removed.with_context(|| format!("remove the unfinished {}", draft.display()))?;
    }
    fs::create_dir_all(draft).with_context(|| format!("make the folder {}", draft.display()))?;
    fs::write(draft.join(UNFINISHED), "").with_context(|| format!("write into {}", draft.display()))
}

/// Removes an unfinished folder, so that a kill meanwhile leaves one that can still be told from others: what says that it is
/// unfinished goes last.
pub(super) fn remove(draft: &Path) -> io::Result<()> {
    fs::write(draft.join(UNFINISHED), "")?;
    for entry in fs::read_dir(draft)? {
        let entry = entry?;
        if entry.file_name() == UNFINISHED {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir_all(draft)
}

/// `path` with another end to its name.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// A backup in a folder.
#[derive(Debug)]
pub(super) struct Folder {
    draft: PathBuf,
    to: PathBuf,
    folders: Vec<PathBuf>,
}

impl Folder {
    /// The folder in which the backup grows until it is whole.
    pub(super) fn begin(to: &Path) -> Result<Self> {
        let draft = beside(to, ".part");
        begin(&draft)?;
        Ok(Self {
            folders: vec![draft.clone()],
            draft,
            to: to.to_owned(),
        })
    }

    fn write(&self, name: &str, from: &mut dyn Read, about: Option<&Metadata>) -> Result<()> {
        let path = self.draft.join(name);
        write(&path, from, |file| match about {
            Some(about) => file.set_permissions(about.permissions()),
            None => Ok(()),
        })
    }
}

/// Writes a file and waits until it is on disk.
pub(super) fn write(
    path: &Path,
    from: &mut dyn Read,
    settle: impl FnOnce(&File) -> io::Result<()>,
) -> Result<()> {
    let writing = || format!("write {}", path.display());
    let mut file = File::create(path).with_context(writing)?;
    io::copy(from, &mut file).with_context(writing)?;
    settle(&file).with_context(writing)?;
    file.sync_all().with_context(writing)
}

impl Keep for Folder {
    fn folder(&mut self, name: &str) -> Result<()> {
        let path = self.draft.join(name);
        fs::create_dir_all(&path).with_context(|| format!("make the folder {}", path.display()))?;
        self.folders.push(path);
        Ok(())
    }

    fn file(&mut self, name: &str, from: &mut dyn Read, about: &Metadata) -> Result<()> {
        self.write(name, from, Some(about))
    }

    fn text(&mut self, name: &str, from: &mut dyn Read, _bytes: u64) -> Result<()> {
        self.write(name, from, None)
    }

    fn scratch(&mut self) -> Result<PathBuf> {
        scratch(self.draft.join("SCRATCH"))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let unfinished = self.draft.join(UNFINISHED);
        fs::remove_file(&unfinished).with_context(|| format!("remove {}", unfinished.display()))?;
        for folder in self.folders.iter().rev() {
            sync_dir(folder)?;
        }
        crate::fault::point("backup_whole");
        fs::rename(&self.draft, &self.to)
            .with_context(|| format!("put {} in its place", self.to.display()))?;
        sync_parent(&self.to)
    }
}

/// Makes a folder anew.
pub(super) fn scratch(path: PathBuf) -> Result<PathBuf> {
    if path.exists() {
        fs::remove_dir_all(&path).with_context(|| format!("remove {}", path.display()))?;
    }
    fs::create_dir(&path).with_context(|| format!("make the folder {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_backup_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("kept");
        let draft = Folder::begin(&to).unwrap().draft;
        fs::write(draft.join("half"), "x").unwrap();
        assert!(!Folder::begin(&to).unwrap().draft.join("half").exists());
        // An empty one may be what a kill left; one with something in it is somebody's.
        fs::remove_file(draft.join(UNFINISHED)).unwrap();
        fs::write(draft.join("own"), "x").unwrap();
        let error = Folder::begin(&to).unwrap_err().to_string();
        assert!(error.contains("was not left by a backup"), "{error}");
    }
}
