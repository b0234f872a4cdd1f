//! The file of keys: names, kinds and hashes, never a token. It is written whole or not at all, for its owner only.

use super::{Hash, Key, Kind, hash};
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use market::Time;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file's name in the data folder.
pub(super) const PATH: &str = "keys.toml";
/// Held while the file is changed, so that two changes at once do not undo each other.
const LOCK: &str = "keys.lock";
/// What every token begins with, so that people and scanners of leaked secrets know one when they see it.
const PREFIX: &str = "orion_";
const TOKEN_BYTES: usize = 32;
const NAME_MAX: usize = 32;
const HEAD: &str = "# ORION's keys. Made by `orion key add`, taken away by `orion key remove`.\n\
    # Only hashes are kept: a lost key cannot be shown again, only replaced.\n\n";

/// A key as the file keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    pub name: String,
    pub kind: Kind,
    /// RFC 3339, for people.
    pub created: String,
    #[serde(with = "hex")]
    pub(super) sha256: Hash,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    #[serde(default)]
    key: Vec<Stored>,
}

/// Why keys could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("`{0}` cannot name a key: use 1 to 32 of a-z, 0-9, `_` and `-`")]
    Name(String),
    #[error(
        "there is a key named `{name}` already, made {created}: take another name, or remove it first with `orion key remove {name}`"
    )]
    Taken { name: String, created: String },
    #[error("there is no key named `{0}`: `orion key list` shows those there are")]
    Unknown(String),
    #[error("cannot understand the file of keys {path}: {reason}")]
    Damaged { path: PathBuf, reason: String },
    #[error("cannot {what} {path}")]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("this machine gives no random bytes for a new key: {0}")]
    Random(getrandom::Error),
}

impl Stored {
    pub(super) fn key(&self) -> Key {
        Key {
            name: self.name.clone(),
            kind: self.kind,
        }
    }
}

/// Makes a key: keeps its hash in the data folder, which is made if absent, and gives the token, which is shown once.
///
/// # Errors
/// When the name is not allowed or taken, the file cannot be read or written, or there is no randomness.
pub fn add(data: &Path, name: &str, kind: Kind, now: Time) -> Result<Secret, KeyError> {
    check_name(name)?;
    fs::create_dir_all(data).map_err(failed("make the data folder", data))?;
    change(data, |keys| {
        if let Some(taken) = keys.iter().find(|key| key.name == name) {
            let (name, created) = (taken.name.clone(), taken.created.clone());
            return Err(KeyError::Taken { name, created });
        }
        let token = new_token()?;
        keys.push(Stored {
            name: name.to_owned(),
            kind,
            created: now.to_string(),
            sha256: hash(token.reveal()),
        });
        Ok(token)
    })
}

/// The keys there are, in the order they were made; none when there is no file.
///
/// # Errors
/// When the file is there and cannot be read or understood.
pub fn list(data: &Path) -> Result<Vec<Stored>, KeyError> {
    read(&data.join(PATH))
}

/// Takes a key away: a server that runs refuses it within a second.
///
/// # Errors
/// When there is none of that name, or the file cannot be read or written.
pub fn remove(data: &Path, name: &str) -> Result<(), KeyError> {
    if !data.join(PATH).exists() {
        return Err(KeyError::Unknown(name.to_owned()));
    }
    change(data, |keys| {
        let place = keys.iter().position(|key| key.name == name);
        let place = place.ok_or_else(|| KeyError::Unknown(name.to_owned()))?;
        keys.remove(place);
        Ok(())
    })
}

pub(super) fn read(path: &Path) -> Result<Vec<Stored>, KeyError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let contents: Result<Contents, _> = toml::from_str(&text);
    contents.map(|contents| contents.key).map_err(|error| {
        let (path, reason) = (path.to_owned(), error.message().to_owned());
        KeyError::Damaged { path, reason }
    })
}

fn check_name(name: &str) -> Result<(), KeyError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(KeyError::Name(name.to_owned()))
    }
}

fn new_token() -> Result<Secret, KeyError> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(KeyError::Random)?;
    let text = URL_SAFE_NO_PAD.encode(bytes);
    Ok(Secret::new(&format!("{PREFIX}{text}")))
}

fn change<T>(
    data: &Path,
    edit: impl FnOnce(&mut Vec<Stored>) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    let lock = data.join(LOCK);
    let held = private(&lock).map_err(failed("open", &lock))?;
    held.lock().map_err(failed("lock", &lock))?;
    let path = data.join(PATH);
    let mut keys = read(&path)?;
    let done = edit(&mut keys)?;
    write(&path, &Contents { key: keys })?;
    Ok(done)
}

/// A new file, renamed over the old one once it is on disk.
fn write(path: &Path, contents: &Contents) -> Result<(), KeyError> {
    let text = toml::to_string(contents).map_err(|error| KeyError::Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    let new = path.with_extension("new");
    let write = || {
        let mut file = private(&new)?;
        file.set_len(0)?;
        file.write_all(HEAD.as_bytes())?;
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

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::Io { what, path, source }
}

/// A hash as 64 hexadecimal digits.
mod hex {
    use super::Hash;
    use serde::de::{Deserialize as _, Deserializer, Error};
    use serde::ser::Serializer;
    use std::fmt::Write as _;

    pub(super) fn serialize<S: Serializer>(hash: &Hash, to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(64);
        for byte in hash {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(from)?;
        read(text.as_bytes()).ok_or_else(|| D::Error::custom("sha256 is not 64 hexadecimal digits"))
    }

    fn read(text: &[u8]) -> Option<Hash> {
        let mut hash = Hash::default();
        if text.len() != 2 * hash.len() {
            return None;
        }
        let digit = |b: u8| char::from(b).to_digit(16);
        for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
            *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
        }
        Some(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_secs(1_790_000_000);

    #[test]
    fn the_file_holds_hashes_for_its_owner_only_and_no_token() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("made/when/absent");
        let token = add(&data, "my-bot_1", Kind::Bot, NOW).unwrap();
        let text = fs::read_to_string(data.join(PATH)).unwrap();
        assert!(!text.contains(token.reveal()) && !text.contains(&token.reveal()[6..]));
        assert!(text.starts_with("# ORION's keys."), "{text}");
        let hash: String = hash(token.reveal())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let created = "2026-09-21T14:13:20.000Z";
        let tail = format!(
            "[[key]]\nname = \"my-bot_1\"\nkind = \"bot\"\ncreated = \"{created}\"\nsha256 = \"{hash}\"\n"
        );
        assert!(text.ends_with(&tail), "{text}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(data.join(PATH)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert!(!data.join("keys.new").exists());
        assert_eq!(list(&data).unwrap()[0].key().name, "my-bot_1");
    }

    #[test]
    fn a_token_is_256_random_bits_that_fit_a_url() {
        let dir = tempfile::tempdir().unwrap();
        let first = add(dir.path(), "a", Kind::TradingView, NOW).unwrap();
        let second = add(dir.path(), "b", Kind::TradingView, NOW).unwrap();
        assert_ne!(first, second);
        for token in [first, second] {
            let text = token.reveal().strip_prefix("orion_").unwrap();
            assert_eq!(URL_SAFE_NO_PAD.decode(text).unwrap().len(), TOKEN_BYTES);
        }
    }

    #[test]
    fn refusals_name_the_key_and_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["", "Bot", "a b", "é", "a/b", &"a".repeat(33)] {
            let error = add(dir.path(), name, Kind::Bot, NOW).unwrap_err();
            assert!(matches!(error, KeyError::Name(_)), "{error}");
        }
        add(dir.path(), &"a".repeat(32), Kind::Bot, NOW).unwrap();
        add(dir.path(), "bot", Kind::Bot, NOW).unwrap();
        let taken = add(dir.path(), "bot", Kind::MetaTrader, NOW).unwrap_err();
        assert!(
            taken.to_string().contains("orion key remove bot"),
            "{taken}"
        );
        remove(dir.path(), "bot").unwrap();
        let unknown = remove(dir.path(), "bot").unwrap_err();
        assert!(matches!(unknown, KeyError::Unknown(_)), "{unknown}");
        assert_eq!(list(dir.path()).unwrap().len(), 1);
        let nowhere = remove(&dir.path().join("nowhere"), "bot").unwrap_err();
        assert!(matches!(nowhere, KeyError::Unknown(_)), "{nowhere}");
    }

    #[test]
    fn a_damaged_file_is_named_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let short = "[[key]]\nname = \"a\"\nkind = \"bot\"\ncreated = \"x\"\nsha256 = \"abcd\"\n";
        for text in [
            short,
            "[[key]]\nname = \"a\"\n",
            "key = 3",
            "\u{0}",
            "[[key",
        ] {
            fs::write(dir.path().join(PATH), text).unwrap();
            let error = add(dir.path(), "b", Kind::Bot, NOW).unwrap_err();
            assert!(error.to_string().contains("keys.toml"), "{error}");
            assert_eq!(fs::read_to_string(dir.path().join(PATH)).unwrap(), text);
        }
    }

    #[test]
    fn keys_made_at_the_same_time_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for number in 0..16 {
                let data = dir.path();
                scope.spawn(move || add(data, &format!("k{number}"), Kind::Bot, NOW).unwrap());
            }
        });
        assert_eq!(list(dir.path()).unwrap().len(), 16);
    }
}
