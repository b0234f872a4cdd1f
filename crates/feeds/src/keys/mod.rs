//! The keys of those who post to ORION: bots, TradingView's webhooks, MetaTrader terminals. A key is shown once, when it is
//! made; what is kept is its SHA-256, so that whoever reads the file can post nothing. There is no key by default.

mod file;

pub use file::{KeyError, Stored, add, list, remove};

use crate::clock::Clock;
use file::PATH;
use market::{Span, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// The file is looked at again at most so often: a removed key works no longer than this.
const LOOK_EVERY: Span = Span::from_secs(1);

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
}

impl Kind {
    /// Its word in the file of keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::TradingView => "tradingview",
            Self::MetaTrader => "metatrader",
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
pub struct Keys(Arc<Shared>);

struct Shared {
    path: PathBuf,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Vec<Stored>,
    /// When the file was last looked at, and what it looked like.
    looked: Option<Time>,
    seen: Option<Seen>,
}

/// What tells one version of the file from another without reading it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    changed: Option<SystemTime>,
    bytes: u64,
}

impl Keys {
    /// The keys of a data folder; the file need not exist, now or later.
    #[must_use]
    pub fn new(data: &Path, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            path: data.join(PATH),
            clock,
            state: Mutex::default(),
        }))
    }

    /// The key that this token is. Every key is compared, each in constant time, so that how long it takes says nothing.
    #[must_use]
    pub fn find(&self, token: &str) -> Option<Key> {
        let theirs = hash(token);
        self.look(|keys| {
            let mut found = None;
            for key in keys {
                if is_same(&key.sha256, &theirs) {
                    found = Some(key.key());
                }
            }
            found
        })
    }

    /// The names of the keys of one kind.
    #[must_use]
    pub fn names(&self, kind: Kind) -> Vec<String> {
        self.look(|keys| {
            let of_kind = keys.iter().filter(|key| key.kind == kind);
            of_kind.map(|key| key.name.clone()).collect()
        })
    }

    fn look<T>(&self, use_keys: impl FnOnce(&[Stored]) -> T) -> T {
        let now = self.0.clock.now();
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.is_none_or(|looked| now - looked >= LOOK_EVERY) {
            state.looked = Some(now);
            state.refresh(&self.0.path);
        }
        use_keys(&state.keys)
    }
}

impl State {
    /// Reads the file if it has changed. One that cannot be read leaves the keys as they were: a slip of the hand in an
    /// editor shuts nobody out, and is told once.
    fn refresh(&mut self, path: &Path) {
        let seen = std::fs::metadata(path).ok().map(|data| Seen {
            changed: data.modified().ok(),
            bytes: data.len(),
        });
        if seen == self.seen {
            return;
        }
        self.seen = seen;
        match file::read(path) {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), file = %path.display(), "keys read");
                self.keys = keys;
            }
            Err(error) => {
                tracing::error!(%error, keys = self.keys.len(), "the keys stay as they were");
            }
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.path.display())
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
    use std::fs;
    use std::sync::atomic::{AtomicI64, Ordering};

    /// A clock moved by hand, in seconds.
    fn hands() -> (Arc<AtomicI64>, Clock) {
        let hands = Arc::new(AtomicI64::new(1000));
        let read = Arc::clone(&hands);
        let clock = Clock::new(move || Time::from_secs(read.load(Ordering::Relaxed)));
        (hands, clock)
    }

    const NOW: Time = Time::from_secs(1000);

    #[test]
    fn there_is_no_key_until_one_is_made_and_one_is_found_by_its_token_only() {
        let dir = tempfile::tempdir().unwrap();
        let (_, clock) = hands();
        assert_eq!(Keys::new(dir.path(), clock.clone()).find(""), None);
        let token = add(dir.path(), "my-bot", Kind::Bot, NOW).unwrap();
        let other = add(dir.path(), "chart", Kind::TradingView, NOW).unwrap();
        let keys = Keys::new(dir.path(), clock);
        let name = |token: &str| keys.find(token).map(|key| (key.name, key.kind));
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
        assert_eq!(keys.names(Kind::Bot), ["my-bot"]);
        assert_eq!(keys.names(Kind::MetaTrader), Vec::<String>::new());
    }

    #[test]
    fn a_key_made_or_removed_counts_within_a_second_and_without_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let (hands, clock) = hands();
        let keys = Keys::new(dir.path(), clock);
        assert_eq!(keys.find("anything"), None);
        let token = add(dir.path(), "late", Kind::Bot, NOW).unwrap();
        assert_eq!(keys.find(token.reveal()), None, "looked at this second");
        hands.fetch_add(1, Ordering::Relaxed);
        assert!(keys.find(token.reveal()).is_some());
        remove(dir.path(), "late").unwrap();
        assert!(keys.find(token.reveal()).is_some());
        hands.fetch_add(1, Ordering::Relaxed);
        assert_eq!(keys.find(token.reveal()), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_leaves_the_keys_and_one_that_is_gone_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let (hands, clock) = hands();
        let token = add(dir.path(), "bot", Kind::Bot, NOW).unwrap();
        let keys = Keys::new(dir.path(), clock);
        assert!(keys.find(token.reveal()).is_some());
        fs::write(dir.path().join(PATH), "[[key]]\nname = ").unwrap();
        hands.fetch_add(2, Ordering::Relaxed);
        assert!(keys.find(token.reveal()).is_some());
        fs::remove_file(dir.path().join(PATH)).unwrap();
        hands.fetch_add(2, Ordering::Relaxed);
        assert_eq!(keys.find(token.reveal()), None);
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
