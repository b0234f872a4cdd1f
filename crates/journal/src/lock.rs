//! One writer per folder: a lock that the operating system gives back however its holder ends.

use crate::{Error, disk};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

/// Held while it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock `name` of `dir`, and makes the folder if it is not there.
    pub(crate) fn take(dir: &Path, name: &str) -> Result<Self, Error> {
        disk::make_dir(dir)?;
        let path = dir.join(name);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked {
                    dir: dir.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", &path)(source)),
        }
        sign(&mut file).map_err(Error::io("write", &path))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    /// Closing the file is not enough: a process that is just being started by another thread shares it for a moment.
    fn drop(&mut self) {
        // Should this fail, the lock goes with the last of those who share the file.
        let _unlocked = self.file.unlock();
    }
}

/// Says who holds the lock, for the message of whoever comes second.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut pid = String::new();
    match file.read_to_string(&mut pid) {
        Ok(_) if pid.parse::<u32>().is_ok() => format!("process {pid}"),
        // Between its lock and its signature, or where a locked file cannot be read (Windows).
        Ok(_) | Err(_) => "another process".to_owned(),
    }
}
