//! API keys: of bots, TradingView's webhooks, MetaTrader terminals and dashboards. A key is shown once, when it is made;
//! what is kept is its SHA-256, so that whoever reads the file can use none. There is no key by default.

mod file;

pub use crate::store::StoreError;
pub use file::{KeyError, New, Stored, add, list, remove};

use crate::grant::{Grant, Holder, Limits, Scope, Scopes};
use crate::watched::Watched;
use file::PATH;
use market::Time;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What a key opens. One kind opens nothing of another: a key that stands in a chart's alert cannot send prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `/api/signals`, `/api/prices`, and signals on the WebSocket.
    Bot,
    /// `/hooks/tradingview/<key>`.
    TradingView,
    /// What ORION's expert advisors send.
    MetaTrader,
    /// Reading on the WebSocket, and nothing else.
    Dashboard,
}

impl Kind {
    /// Its word in the file of keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::TradingView => "tradingview",
            Self::MetaTrader => "metatrader",
            Self::Dashboard => "dashboard",
        }
    }

    /// What a key of this kind may do on the WebSocket when it was made without a word about it. What stands in an alert
    /// or in a terminal's settings opens its own path there, and nothing here.
    #[must_use]
    pub const fn scopes(self) -> Scopes {
        match self {
            Self::Bot => Scopes::READ.with(Scope::Publish),
            Self::Dashboard => Scopes::READ,
            Self::TradingView | Self::MetaTrader => Scopes::NONE,
        }
    }

    /// What such a key may be given at most.
    #[must_use]
    pub const fn scopes_max(self) -> Scopes {
        match self {
            Self::Bot => self.scopes().with(Scope::Admin),
            Self::Dashboard | Self::TradingView | Self::MetaTrader => self.scopes(),
        }
    }

    /// Whether somebody can bring signals or prices in with it.
    #[must_use]
    pub const fn publishes(self) -> bool {
        match self {
            Self::Bot | Self::TradingView | Self::MetaTrader => true,
            Self::Dashboard => false,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub name: String,
    pub kind: Kind,
}

/// The SHA-256 of a token.
pub(crate) type Hash = [u8; 32];

pub(crate) fn hash(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

/// The keys of a data folder, as its file has them now. Copies share what was read.
#[derive(Clone)]
pub struct Keys(Arc<Mutex<State>>);

struct State {
    file: Watched<Vec<Stored>>,
    /// How often the file was read.
    version: u64,
}

impl Keys {
    /// The keys of a data folder; the file need not exist, now or later.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self(Arc::new(Mutex::new(State {
            file: Watched::new(data.join(PATH)),
            version: 0,
        })))
    }

    /// The key that this token is, if it has not expired.
    #[must_use]
    pub fn find(&self, token: &str, now: Time) -> Option<Key> {
        let found = self.stored(token, now)?;
        (!found.has_expired(now)).then(|| found.key())
    }

    /// The same with all that is kept of it, expired or not. Every key is compared, each in constant time, so that how
    /// long it takes says nothing.
    pub(crate) fn stored(&self, token: &str, now: Time) -> Option<Stored> {
        let theirs = hash(token);
        self.look(now, |keys| {
            let mut found = None;
            for key in keys {
                if is_same(&key.sha256, &theirs) {
                    found = Some(key.clone());
                }
            }
            found
        })
    }

    /// Whether this very key is still there, whatever its name.
    pub(crate) fn has(&self, sha256: &Hash, now: Time) -> bool {
        self.look(now, |keys| keys.iter().any(|key| key.sha256 == *sha256))
    }

    /// Another number whenever the file was read again.
    pub(crate) fn version(&self, now: Time) -> u64 {
        self.look(now, |_| ());
        self.lock().version
    }

    fn look<T>(&self, now: Time, use_keys: impl FnOnce(&[Stored]) -> T) -> T {
        let mut state = self.lock();
        if state.file.refresh(now, file::read) {
            state.version += 1;
            let (keys, file) = (state.file.value().len(), state.file.path().display());
            tracing::info!(keys, %file, "keys read");
        }
        use_keys(state.file.value())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stored {
    pub(crate) fn has_expired(&self, now: Time) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    pub(crate) fn grant(&self) -> Grant {
        Grant {
            subject: self.name.clone(),
            holder: Holder::Key {
                kind: self.kind,
                sha256: self.sha256,
            },
            scopes: self.scopes(),
            limits: Limits::default(),
            expires: self.expires,
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.lock().file.path().display())
    }
}

/// Compares every byte, whatever the first ones are.
fn is_same(ours: &Hash, theirs: &Hash) -> bool {
    let pairs = ours.iter().zip(theirs);
    let apart = pairs.fold(0_u8, |apart, (a, b)| apart | std::hint::black_box(a ^ b));
    std::hint::black_box(apart) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Span;
    use std::fs;

    const NOW: Time = Time::from_secs(1000);

    fn after(secs: i64) -> Time {
        NOW + Span::from_secs(secs)
    }

    fn made(data: &Path, name: &str, kind: Kind) -> crate::Secret {
        add(data, &New::of(name, kind), NOW).unwrap()
    }

    #[test]
    fn there_is_no_key_until_one_is_made_and_one_is_found_by_its_token_only() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Keys::new(dir.path()).find("", NOW), None);
        let token = made(dir.path(), "my-bot", Kind::Bot);
        let other = made(dir.path(), "chart", Kind::TradingView);
        let keys = Keys::new(dir.path());
        let name = |token: &str| keys.find(token, NOW).map(|key| (key.name, key.kind));
        assert_eq!(name(token.reveal()), Some(("my-bot".to_owned(), Kind::Bot)));
        assert_eq!(
            name(other.reveal()),
            Some(("chart".to_owned(), Kind::TradingView))
        );
        let text = token.reveal();
        let longer = format!("{text}A");
        for wrong in ["", "my-bot", &text[1..], &text[..text.len() - 1], &longer] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_made_or_removed_counts_within_a_second_and_without_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::new(dir.path());
        assert_eq!(keys.find("anything", NOW), None);
        let token = made(dir.path(), "late", Kind::Bot);
        assert_eq!(
            keys.find(token.reveal(), NOW),
            None,
            "looked at this second"
        );
        let before = keys.version(NOW);
        let found = keys.stored(token.reveal(), after(1)).unwrap();
        assert_ne!(keys.version(after(1)), before);
        assert!(keys.has(&found.sha256, after(1)));
        remove(dir.path(), "late").unwrap();
        made(dir.path(), "late", Kind::Bot);
        assert!(keys.find(token.reveal(), after(1)).is_some());
        assert_eq!(keys.find(token.reveal(), after(2)), None);
        assert!(
            !keys.has(&found.sha256, after(2)),
            "another one of its name is another"
        );
    }

    #[test]
    fn an_expired_key_opens_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let new = New {
            expires: Some(after(10)),
            ..New::of("brief", Kind::Bot)
        };
        let token = add(dir.path(), &new, NOW).unwrap();
        let keys = Keys::new(dir.path());
        assert!(keys.find(token.reveal(), after(9)).is_some());
        assert_eq!(keys.find(token.reveal(), after(10)), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_leaves_the_keys_and_one_that_is_gone_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let token = made(dir.path(), "bot", Kind::Bot);
        let keys = Keys::new(dir.path());
        assert!(keys.find(token.reveal(), NOW).is_some());
        fs::write(dir.path().join(PATH), "[[key]]\nname = ").unwrap();
        assert!(keys.find(token.reveal(), after(2)).is_some());
        fs::remove_file(dir.path().join(PATH)).unwrap();
        assert_eq!(keys.find(token.reveal(), after(4)), None);
    }

    #[test]
    fn every_byte_counts() {
        let ours = hash("a token");
        assert!(is_same(&ours, &ours));
        for place in 0..32 {
            let mut theirs = ours;
            theirs[place] ^= 0x10;
            assert!(!is_same(&ours, &theirs), "byte {place}");
        }
    }
}
