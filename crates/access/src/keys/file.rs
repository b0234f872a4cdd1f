//! The file of keys: names, kinds, what they may do, and hashes; never a token.

use super::{Hash, Key, Kind, hash};
use crate::grant::{Scope, Scopes};
use crate::origin::Origin;
use crate::secret::Secret;
use crate::store::{self, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use market::Time;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file's name in the data folder.
pub(super) const PATH: &str = "keys.toml";
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
    /// Where there are none, those of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<Scope>>,
    /// The only pages it is taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "moment")]
    pub expires: Option<Time>,
}

/// A key that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct New {
    pub name: String,
    pub kind: Kind,
    /// Where there are none, those of its kind.
    pub scopes: Option<Vec<Scope>>,
    /// The only pages it is taken from.
    pub origin: Option<Origin>,
    pub expires: Option<Time>,
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
    #[error("a key for {kind} cannot have the scope {scope}; {}", what_it_may(.kind))]
    Scope { kind: Kind, scope: Scope },
    #[error(
        "a key for {0} cannot be bound to an origin, since no browser sends it: leave --origin out, or make one with --for dashboard"
    )]
    Origin(Kind),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("this machine gives no random bytes for a new key: {0}")]
    Random(getrandom::Error),
}

fn what_it_may(kind: &Kind) -> String {
    let most = kind.scopes_max();
    if most == Scopes::NONE {
        "it opens its own path and nothing else: leave --scope out".to_owned()
    } else {
        let names: Vec<_> = most.iter().map(Scope::as_str).collect();
        format!("it may have {}", names.join(", "))
    }
}

impl New {
    /// With the scopes of its kind, from anywhere, for ever.
    #[must_use]
    pub fn of(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            scopes: None,
            origin: None,
            expires: None,
        }
    }

    fn check(&self) -> Result<(), KeyError> {
        check_name(&self.name)?;
        let most = self.kind.scopes_max();
        let mut wanted = self.scopes.iter().flatten();
        if let Some(&scope) = wanted.find(|scope| !most.has(**scope)) {
            let kind = self.kind;
            return Err(KeyError::Scope { kind, scope });
        }
        if self.origin.is_some() && self.kind != Kind::Dashboard {
            return Err(KeyError::Origin(self.kind));
        }
        Ok(())
    }
}

impl Stored {
    pub(crate) fn key(&self) -> Key {
        Key {
            name: self.name.clone(),
            kind: self.kind,
        }
    }

    /// What it may do; never more than its kind may, whatever somebody wrote into the file.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        let most = self.kind.scopes_max();
        match &self.scopes {
            None => self.kind.scopes(),
            Some(scopes) => {
                let allowed = scopes.iter().copied().filter(|scope| most.has(*scope));
                allowed.collect()
            }
        }
    }
}

/// Makes a key: keeps its hash in the data folder, which is made if absent, and gives the token, which is shown once.
///
/// # Errors
/// When the name is not allowed or taken, the kind cannot have what is asked for, the file cannot be read or written, or
/// there is no randomness.
pub fn add(data: &Path, new: &New, now: Time) -> Result<Secret, KeyError> {
    new.check()?;
    change(data, |keys| {
        if let Some(taken) = keys.iter().find(|key| key.name == new.name) {
            let (name, created) = (taken.name.clone(), taken.created.clone());
            return Err(KeyError::Taken { name, created });
        }
        let token = new_token()?;
        let New {
            name,
            kind,
            scopes,
            origin,
            expires,
        } = new.clone();
        keys.push(Stored {
            name,
            kind,
            created: now.to_string(),
            sha256: hash(token.reveal()),
            scopes,
            origin,
            expires,
        });
        Ok(token)
    })
}

/// The keys there are, in the order they were made; none when there is no file.
///
/// # Errors
/// When the file is there and cannot be read or understood.
pub fn list(data: &Path) -> Result<Vec<Stored>, StoreError> {
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

pub(super) fn read(path: &Path) -> Result<Vec<Stored>, StoreError> {
    store::read(path).map(|contents: Contents| contents.key)
}

fn change<R>(
    data: &Path,
    edit: impl FnOnce(&mut Vec<Stored>) -> Result<R, KeyError>,
) -> Result<R, KeyError> {
    store::change(&data.join(PATH), HEAD, |contents: &mut Contents| {
        edit(&mut contents.key)
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

/// A moment as RFC 3339.
mod moment {
    use market::Time;
    use serde::de::{Deserialize as _, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(
        moment: &Option<Time>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match moment {
            Some(moment) => to.serialize_str(&moment.to_string()),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Time>, D::Error> {
        let text = String::deserialize(from)?;
        let moment = Time::parse(&text);
        moment
            .map(Some)
            .map_err(|_| D::Error::custom("a time is written as 2027-01-31T00:00:00Z"))
    }
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
    use std::fs;

    const NOW: Time = Time::from_secs(1_790_000_000);

    fn made(data: &Path, name: &str, kind: Kind) -> Result<Secret, KeyError> {
        add(data, &New::of(name, kind), NOW)
    }

    #[test]
    fn the_file_holds_hashes_for_its_owner_only_and_no_token() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("made/when/absent");
        let token = made(&data, "my-bot_1", Kind::Bot).unwrap();
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
        let first = made(dir.path(), "a", Kind::TradingView).unwrap();
        let second = made(dir.path(), "b", Kind::TradingView).unwrap();
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
            let error = made(dir.path(), name, Kind::Bot).unwrap_err();
            assert!(matches!(error, KeyError::Name(_)), "{error}");
        }
        made(dir.path(), &"a".repeat(32), Kind::Bot).unwrap();
        made(dir.path(), "bot", Kind::Bot).unwrap();
        let taken = made(dir.path(), "bot", Kind::MetaTrader).unwrap_err();
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
            let error = made(dir.path(), "b", Kind::Bot).unwrap_err();
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
                scope.spawn(move || made(data, &format!("k{number}"), Kind::Bot).unwrap());
            }
        });
        assert_eq!(list(dir.path()).unwrap().len(), 16);
    }

    #[test]
    fn a_key_may_be_narrowed_bound_and_made_to_end() {
        let dir = tempfile::tempdir().unwrap();
        let new = New {
            scopes: Some(vec![Scope::ReadPrices]),
            origin: Some("https://app.example.org".parse().unwrap()),
            expires: Some(NOW),
            ..New::of("wall", Kind::Dashboard)
        };
        add(dir.path(), &new, NOW).unwrap();
        let text = fs::read_to_string(dir.path().join(PATH)).unwrap();
        let tail = "scopes = [\"read:prices\"]\norigin = \"https://app.example.org\"\nexpires = \"2026-09-21T14:13:20.000Z\"\n";
        assert!(text.ends_with(tail), "{text}");
        let kept = list(dir.path()).unwrap().remove(0);
        assert_eq!(kept.scopes().to_string(), "read:prices");
        assert_eq!((kept.origin, kept.expires), (new.origin, new.expires));
    }

    #[test]
    fn a_kind_limits_what_a_key_may_do_also_when_the_file_says_more() {
        let dir = tempfile::tempdir().unwrap();
        let wants = |kind, scope| New {
            scopes: Some(vec![scope]),
            ..New::of("a", kind)
        };
        for (kind, scope, remedy) in [
            (
                Kind::Dashboard,
                Scope::Publish,
                "it may have read:signals, read:prices",
            ),
            (Kind::Dashboard, Scope::Admin, "it may have"),
            (Kind::TradingView, Scope::ReadPrices, "leave --scope out"),
        ] {
            let error = add(dir.path(), &wants(kind, scope), NOW).unwrap_err();
            assert!(error.to_string().contains(remedy), "{error}");
        }
        let bound = New {
            origin: Some("https://app.example.org".parse().unwrap()),
            ..New::of("a", Kind::Bot)
        };
        let error = add(dir.path(), &bound, NOW).unwrap_err();
        assert!(error.to_string().contains("--for dashboard"), "{error}");
        let sha256 = "ab".repeat(32);
        let line = format!(
            "[[key]]\nname = \"a\"\nkind = \"dashboard\"\ncreated = \"x\"\nsha256 = \"{sha256}\"\nscopes = [\"read:prices\", \"publish\"]\n"
        );
        fs::write(dir.path().join(PATH), line).unwrap();
        let kept = list(dir.path()).unwrap().remove(0);
        assert_eq!(kept.scopes().to_string(), "read:prices");
    }
}
