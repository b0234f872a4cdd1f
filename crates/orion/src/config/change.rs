//! What is not the same in two sets of settings.

use super::check::get;
use super::{Config, merge};
use std::fmt;
use toml::{Table, Value};

/// A setting that has changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its dotted path.
    pub key: String,
    pub old: Shown,
    pub new: Shown,
}

/// A setting's value as it would stand in the file, or that there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown(Option<Value>);

/// Lists longer than this are not written out in a log.
const SHOWN_MAX: usize = 200;

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(value) = &self.0 else {
            return f.write_str("not set");
        };
        let text = value.to_string();
        match text.char_indices().nth(SHOWN_MAX) {
            Some((end, _)) => write!(f, "{}...", &text[..end]),
            None => f.write_str(&text),
        }
    }
}

/// The settings that are not the same in both.
#[must_use]
pub fn changes(old: &Config, new: &Config) -> Vec<Change> {
    let (old, new) = (merge::table_of(old), merge::table_of(new));
    let mut keys = Vec::new();
    merge::differing("", &old, &new, &mut keys);
    let shown = |tree: &Table, key: &str| Shown(get(tree, key).cloned());
    keys.into_iter()
        .map(|key| Change {
            old: shown(&old, &key),
            new: shown(&new, &key),
            key,
        })
        .collect()
}

impl Config {
    /// These settings, with those of `new` where `taken` says so of their dotted paths.
    ///
    /// # Panics
    /// When settings that were written cannot be read: a test writes and reads them all.
    #[must_use]
    pub fn with(&self, new: &Self, taken: impl Fn(&str) -> bool) -> Self {
        let mut tree = merge::table_of(self);
        let values = merge::table_of(new);
        for change in changes(self, new) {
            if taken(&change.key)
                && let Some(value) = get(&values, &change.key)
            {
                let steps: Vec<_> = change.key.split('.').collect();
                merge::put(&mut tree, &steps, value.clone());
            }
        }
        tree.try_into()
            .expect("settings that were written can be read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_taken_is_taken() {
        let old = Config::default();
        let mut new = old.clone();
        new.gateway.messages_per_s = 3;
        new.gateway.recovery_events = 7;
        let told: Vec<_> = changes(&old, &new)
            .iter()
            .map(|change| format!("{}: {} {}", change.key, change.old, change.new))
            .collect();
        assert_eq!(
            told,
            [
                "gateway.messages_per_s: 10 3",
                "gateway.recovery_events: 10000 7"
            ]
        );
        let taken = old.with(&new, |key| key == "gateway.messages_per_s");
        assert_eq!(taken.gateway.messages_per_s, 3);
        assert_eq!(taken.gateway.recovery_events, 10_000);
        assert_eq!(changes(&taken, &new).len(), 1);
    }
}
