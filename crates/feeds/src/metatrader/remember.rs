//! Which ticks were acknowledged, over a restart: the last number of each session, in a small file that is written before
//! the answer leaves. It survives the end of the process, however that comes; not that of the machine, for which a rename
//! without a sync is no promise. Without the file a session goes on from the first number it is heard with.

use market::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Sessions that are remembered; the one that was silent longest is forgotten first.
const SESSIONS_MAX: usize = 64;

/// The last acknowledged number of each session.
#[derive(Debug)]
pub(super) struct Remembered {
    path: PathBuf,
    sessions: BTreeMap<String, Kept>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Kept {
    acked: u64,
    /// Milliseconds since 1970.
    heard: i64,
}

impl Remembered {
    /// Reads the file; one that is not there, or not readable, is as an empty one.
    pub(super) fn load(path: &Path) -> Self {
        let sessions = match read(path) {
            Ok(sessions) => sessions,
            Err(error) => {
                let path = path.display();
                tracing::warn!(%path, %error, "what terminals were told is not readable: ticks they send again may be doubled");
                BTreeMap::new()
            }
        };
        Self {
            path: path.to_owned(),
            sessions,
        }
    }

    pub(super) fn acked(&self, session: &str) -> Option<u64> {
        self.sessions.get(session).map(|kept| kept.acked)
    }

    /// Notes and writes. What cannot be written is told, and holds while the process lives: prices do not stop for it.
    pub(super) fn keep(&mut self, session: &str, acked: u64, now: Time) {
        let heard = now.millis();
        let unchanged = self.acked(session) == Some(acked);
        self.sessions
            .insert(session.to_owned(), Kept { acked, heard });
        self.forget_oldest();
        if unchanged {
            return;
        }
        if let Err(error) = self.write() {
            let path = self.path.display();
            tracing::warn!(%path, %error, "what terminals were told cannot be written: after a restart ticks may be doubled");
        }
    }

    fn forget_oldest(&mut self) {
        while self.sessions.len() > SESSIONS_MAX {
            let oldest = self.sessions.iter().min_by_key(|(_, kept)| kept.heard);
            let Some(oldest) = oldest.map(|(session, _)| session.clone()) else {
                return;
            };
            self.sessions.remove(&oldest);
        }
    }

    /// A new file in the place of the old one, so that there is always a whole one.
    fn write(&self) -> io::Result<()> {
        let text = serde_json::to_vec(&self.sessions)?;
        let new = self.path.with_extension("new");
        fs::write(&new, text)?;
        fs::rename(&new, &self.path)
    }
}

fn read(path: &Path) -> io::Result<BTreeMap<String, Kept>> {
    match fs::read(path) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metatrader.json");
        let mut first = Remembered::load(&path);
        assert_eq!(first.acked("a"), None);
        first.keep("a", 7, Time::from_secs(1));
        first.keep("b", 9, Time::from_secs(2));
        first.keep("a", 8, Time::from_secs(3));
        let second = Remembered::load(&path);
        assert_eq!((second.acked("a"), second.acked("b")), (Some(8), Some(9)));
    }

    #[test]
    fn the_longest_silent_are_forgotten_and_rubbish_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metatrader.json");
        let mut many = Remembered::load(&path);
        for second in 0..100_u64 {
            many.keep(
                &format!("s{second}"),
                second + 1,
                Time::from_secs(second as i64),
            );
        }
        let again = Remembered::load(&path);
        assert_eq!((again.acked("s35"), again.acked("s36")), (None, Some(37)));
        fs::write(&path, "not json").unwrap();
        assert_eq!(Remembered::load(&path).acked("s99"), None);
    }

    #[test]
    fn a_folder_that_is_not_there_stops_nothing() {
        let mut lost = Remembered::load(Path::new("/nowhere/at/all.json"));
        lost.keep("a", 1, Time::from_secs(1));
        assert_eq!(lost.acked("a"), Some(1));
    }
}
