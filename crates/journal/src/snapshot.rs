//! The engine's exact state at a place of the tape, so that a restart reads the tape only from there.
//!
//! A file is `ORIONSNP`, then little-endian: format version u32, CRC-32 u32 of all that follows, segment u64, offset u64,
//! epoch u64, seq u64, and the state. The newest two are kept: were the newest damaged, the older one and a longer
//! stretch of the tape give the same state.
//!
//! Sync the tape before saving: a snapshot must not know more than the tape.

use crate::tape::Place;
use crate::{Error, disk};
use market::{Epoch, Position};
use std::fs;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"ORIONSNP";
const VERSION: u32 = 1;
const HEAD: usize = MAGIC.len() + 4 + 4;
const KEPT: usize = 2;

/// What is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Everything on the tape up to here is in the state.
    pub place: Place,
    /// Where the journal stood.
    pub position: Position,
    /// The engine's own bytes.
    pub state: Vec<u8>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The newest usable one; without it, the whole tape is read.
    pub snapshot: Option<Snapshot>,
    /// Newer ones that were passed over, and why; worth a warning.
    pub refused: Vec<Refused>,
}

/// A snapshot that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub path: PathBuf,
    pub reason: String,
}

/// A file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    /// What is in it, or why it cannot be read.
    pub snapshot: Result<Snapshot, String>,
}

/// Saves a snapshot in `dir`, whole or not at all, and removes all but the newest two. Blocks until it is on disk.
///
/// # Errors
/// [`Error::Io`] when the machine fails; the snapshots that were there are unharmed.
pub fn save(dir: &Path, snapshot: &Snapshot) -> Result<(), Error> {
    disk::make_dir(dir)?;
    let present = list(dir)?;
    let next = present.last().map_or(1, |(number, _)| number + 1);
    let path = dir.join(format!("{next:08}.snapshot"));
    disk::publish(&path, &encode(snapshot))?;
    let surplus = (present.len() + 1).saturating_sub(KEPT);
    for (_, old) in present.iter().take(surplus) {
        fs::remove_file(old).map_err(Error::io("remove", old))?;
    }
    Ok(())
}

/// Saves a snapshot and removes every other: what came before it is no beginning any more.
///
/// # Errors
/// As [`save`].
pub fn replace(dir: &Path, snapshot: &Snapshot) -> Result<(), Error> {
    save(dir, snapshot)?;
    let mut present = list(dir)?;
    present.pop();
    for (_, old) in present {
        fs::remove_file(&old).map_err(Error::io("remove", &old))?;
    }
    Ok(())
}

/// Says of every whole snapshot that the journal beside it is of this epoch: a copy goes on as a log of its own.
///
/// # Errors
/// As [`save`].
pub(crate) fn move_to(dir: &Path, epoch: Epoch) -> Result<(), Error> {
    for found in all(dir)? {
        if let Ok(mut snapshot) = found.snapshot {
            snapshot.position.epoch = epoch;
            disk::publish(&found.path, &encode(&snapshot))?;
        }
    }
    Ok(())
}

/// Every snapshot of the folder, oldest first.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be listed.
pub fn all(dir: &Path) -> Result<Vec<Found>, Error> {
    let read = |(_, path): (u64, PathBuf)| Found {
        snapshot: read(&path),
        path,
    };
    Ok(list(dir)?.into_iter().map(read).collect())
}

/// The newest whole snapshot in `dir` that `usable` does not refuse with a reason: it may lie beyond the end of the tape
/// or of the journal, or its state may not decode.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be listed. A snapshot that cannot be read is refused, which is no error.
pub fn load(
    dir: &Path,
    mut usable: impl FnMut(&Snapshot) -> Result<(), String>,
) -> Result<Loaded, Error> {
    let mut loaded = Loaded::default();
    for (_, path) in list(dir)?.into_iter().rev() {
        let checked = read(&path).and_then(|snapshot| usable(&snapshot).map(|()| snapshot));
        match checked {
            Ok(snapshot) => {
                loaded.snapshot = Some(snapshot);
                break;
            }
            Err(reason) => loaded.refused.push(Refused { path, reason }),
        }
    }
    Ok(loaded)
}

/// Every snapshot of the folder with its number, oldest first; none where there is no folder.
fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, Error> {
    disk::numbered(dir, "snapshot")
}

fn read(path: &Path) -> Result<Snapshot, String> {
    let bytes = fs::read(path).map_err(|error| format!("it cannot be read: {error}"))?;
    decode(&bytes)
}

fn encode(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + 32 + snapshot.state.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    for number in [
        snapshot.place.segment,
        snapshot.place.offset,
        snapshot.position.epoch.0,
        snapshot.position.seq,
    ] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&snapshot.state);
    let crc = crc32fast::hash(&bytes[HEAD..]);
    bytes[HEAD - 4..HEAD].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Result<Snapshot, String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("it is no snapshot")?;
    let (version, rest) = take_u32(rest)?;
    if version != VERSION {
        return Err(format!(
            "it has format version {version}, and this ORION reads {VERSION}"
        ));
    }
    let (crc, rest) = take_u32(rest)?;
    if crc32fast::hash(rest) != crc {
        return Err("its checksum differs: it is damaged".to_owned());
    }
    let (segment, rest) = take_u64(rest)?;
    let (offset, rest) = take_u64(rest)?;
    let (epoch, rest) = take_u64(rest)?;
    let (seq, state) = take_u64(rest)?;
    Ok(Snapshot {
        place: Place { segment, offset },
        position: Position {
            epoch: Epoch(epoch),
            seq,
        },
        state: state.to_vec(),
    })
}

fn take_u32(bytes: &[u8]) -> Result<(u32, &[u8]), &'static str> {
    let (number, rest) = bytes.split_first_chunk().ok_or("it is cut short")?;
    Ok((u32::from_le_bytes(*number), rest))
}

fn take_u64(bytes: &[u8]) -> Result<(u64, &[u8]), &'static str> {
    let (number, rest) = bytes.split_first_chunk().ok_or("it is cut short")?;
    Ok((u64::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn the_newest_of_two_comes_back() {
        let dir = TempDir::new().unwrap();
        assert!(load_any(&dir.path().join("none")).snapshot.is_none());
        for number in 1..=4 {
            save(dir.path(), &sample(number)).unwrap();
            let loaded = load_any(dir.path());
            assert_eq!(loaded.snapshot, Some(sample(number)));
            assert_eq!(loaded.refused, []);
        }
        assert_eq!(
            names(dir.path()),
            ["00000003.snapshot", "00000004.snapshot"]
        );
    }

    #[test]
    fn one_that_replaces_all_others_is_alone() {
        let dir = TempDir::new().unwrap();
        for number in 1..=3 {
            save(dir.path(), &sample(number)).unwrap();
        }
        replace(dir.path(), &sample(9)).unwrap();
        assert_eq!(names(dir.path()), ["00000004.snapshot"]);
        assert_eq!(load_any(dir.path()).snapshot, Some(sample(9)));
    }

    #[test]
    fn all_are_shown_with_what_is_wrong() {
        let dir = TempDir::new().unwrap();
        assert_eq!(all(&dir.path().join("none")).unwrap(), []);
        save(dir.path(), &sample(1)).unwrap();
        save(dir.path(), &sample(2)).unwrap();
        let first = dir.path().join("00000001.snapshot");
        fs::write(&first, b"ORIONSNP\x09\0\0\0").unwrap();
        let found = all(dir.path()).unwrap();
        let reason = "it has format version 9, and this ORION reads 1".to_owned();
        assert_eq!(found[0].path, first);
        assert_eq!(found[0].snapshot, Err(reason));
        assert_eq!(found[1].snapshot, Ok(sample(2)));
    }

    #[test]
    fn a_damaged_one_gives_way_to_the_older_one() {
        let dir = TempDir::new().unwrap();
        save(dir.path(), &sample(1)).unwrap();
        let whole = encode(&sample(2));
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            check_falls_back(&dir, &flipped);
            check_falls_back(&dir, &whole[..at]);
        }
    }

    fn check_falls_back(dir: &TempDir, damaged: &[u8]) {
        fs::write(dir.path().join("00000002.snapshot"), damaged).unwrap();
        let loaded = load_any(dir.path());
        assert_eq!(loaded.snapshot, Some(sample(1)), "{damaged:?}");
        assert_eq!(loaded.refused.len(), 1);
    }

    #[test]
    fn what_is_refused_is_named() {
        let dir = TempDir::new().unwrap();
        for number in 1..=2 {
            save(dir.path(), &sample(number)).unwrap();
        }
        let newest = dir.path().join("00000002.snapshot");
        fs::write(&newest, b"ORIONSNP\x09\0\0\0").unwrap();
        let loaded = load_any(dir.path());
        assert_eq!(loaded.snapshot, Some(sample(1)));
        let reason = "it has format version 9, and this ORION reads 1".to_owned();
        let path = newest;
        assert_eq!(loaded.refused, [Refused { path, reason }]);

        let loaded = load(dir.path(), |found| {
            Err(format!("seq {}", found.position.seq))
        })
        .unwrap();
        assert_eq!(loaded.snapshot, None);
        assert_eq!(loaded.refused[1].reason, "seq 1");
    }

    #[test]
    fn a_save_that_was_cut_off_leaves_no_trace() {
        let dir = TempDir::new().unwrap();
        save(dir.path(), &sample(1)).unwrap();
        fs::write(dir.path().join("00000002.snapshot.new"), b"ORION").unwrap();
        assert_eq!(load_any(dir.path()).snapshot, Some(sample(1)));
        save(dir.path(), &sample(2)).unwrap();
        assert_eq!(
            names(dir.path()),
            ["00000001.snapshot", "00000002.snapshot"]
        );
    }

    fn load_any(dir: &Path) -> Loaded {
        load(dir, |_| Ok(())).unwrap()
    }

    fn names(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn sample(number: u64) -> Snapshot {
        Snapshot {
            place: Place {
                segment: number,
                offset: 40,
            },
            position: Position {
                epoch: Epoch(u64::MAX),
                seq: number,
            },
            state: vec![number as u8; 50],
        }
    }
}
