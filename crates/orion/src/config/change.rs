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
/// An address that is a secret: whoever has it may post there.
const HIDDEN: &[&str] = &["operator.webhook"];
const HIDDEN_AS: &str = "(not shown)";

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

impl Shown {
    fn of(key: &str, value: Option<&Value>) -> Self {
        let hidden = || Value::String(HIDDEN_AS.to_owned());
        if HIDDEN.contains(&key) {
            return Self(value.map(|_| hidden()));
        }
        Self(value.cloned().map(without_credentials))
    }
}

/// Addresses without what stands before an `@` or behind a `?`: that may be somebody's key.
fn without_credentials(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(bare(&text)),
        Value::Array(list) => Value::Array(list.into_iter().map(without_credentials).collect()),
        Value::Table(table) => {
            let entries = table.into_iter();
            Value::Table(
                entries
                    .map(|(key, value)| (key, without_credentials(value)))
                    .collect(),
            )
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => value,
    }
}

fn bare(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let (place, asked) = match rest.split_once('?') {
        Some((place, _)) => (place, "?..."),
        None => (rest, ""),
    };
    let end = place.find('/').unwrap_or(place.len());
    let place = match place[..end].rfind('@') {
        Some(at) => format!("...{}", &place[at..]),
        None => place.to_owned(),
    };
    format!("{scheme}://{place}{asked}")
}

/// The settings that are not the same in both.
#[must_use]
pub fn changes(old: &Config, new: &Config) -> Vec<Change> {
    let (old, new) = (merge::table_of(old), merge::table_of(new));
    let mut keys = Vec::new();
    merge::differing("", &old, &new, &mut keys);
    let shown = |tree: &Table, key: &str| Shown::of(key, get(tree, key));
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
            if taken(&change.key) {
                let steps: Vec<_> = change.key.split('.').collect();
                match get(&values, &change.key) {
                    Some(value) => merge::put(&mut tree, &steps, value.clone()),
                    None => remove(&mut tree, &steps),
                }
            }
        }
        tree.try_into()
            .expect("settings that were written can be read")
    }
}

/// What is not set any more must not stay.
fn remove(tree: &mut Table, steps: &[&str]) {
    match steps {
        [] => {}
        [last] => drop(tree.remove(*last)),
        [section, rest @ ..] => {
            if let Some(Value::Table(table)) = tree.get_mut(*section) {
                remove(table, rest);
            }
        }
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

        let mut rated = old.clone();
        rated.feed.sim.rate = Some(2.0);
        assert_eq!(rated.with(&old, |_| true), old, "what is gone is taken too");
    }

    #[test]
    fn no_secret_is_shown() {
        for (text, shown) in [
            ("plain", "plain"),
            ("wss://a.example:9/ws", "wss://a.example:9/ws"),
            ("wss://a.example/ws?token=hush", "wss://a.example/ws?..."),
            ("https://me:hush@a.example/x@y", "https://...@a.example/x@y"),
            ("kraken:wss://hush@a.example", "kraken:wss://...@a.example"),
        ] {
            assert_eq!(bare(text), shown);
        }
        let old = Config::default();
        let mut new = old.clone();
        new.operator.webhook = Some("https://a.example/services/hush".to_owned());
        new.feed.json.address = vec!["kraken:wss://a.example/?key=hush".to_owned()];
        let told = format!("{:?}", changes(&old, &new));
        assert!(told.contains("kraken:wss://a.example/?..."), "{told}");
        assert!(!told.contains("hush"), "{told}");
    }
}
