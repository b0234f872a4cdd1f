//! What is taken back before its time: ids of tokens, and subjects of whom no token is taken any more. (A key is taken
//! back by removing it.)

use crate::store::{self, StoreError};
use crate::watched::Watched;
use market::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The file's name in the data folder.
const PATH: &str = "revoked.toml";
const HEAD: &str = "# Tokens that are taken back. Made by `orion key revoke`; a line taken out by hand holds again.\n\n";

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// One token, by its `jti`.
    TokenId(String),
    /// Every token of a subject, by its `sub`, those of the future too.
    Subject(String),
}

/// A line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    what: What,
    /// RFC 3339, for people.
    at: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    #[serde(default)]
    revoked: Vec<Line>,
}

/// Revokes it from now on, in every server of this data folder. True when it was not revoked before.
///
/// # Errors
/// When the file cannot be read or written.
pub fn add(data: &Path, what: What, now: Time) -> Result<bool, StoreError> {
    store::change(&path(data), HEAD, |contents: &mut Contents| {
        let is_new = contents.revoked.iter().all(|line| line.what != what);
        if is_new {
            let at = now.to_string();
            contents.revoked.push(Line { what, at });
        }
        Ok(is_new)
    })
}

/// The list of a data folder, as its file has it now.
#[derive(Debug)]
pub(crate) struct Revoked(Watched<BTreeSet<What>>);

impl Revoked {
    /// # Errors
    /// When the file is there and cannot be read: without it, what was taken back would hold again.
    pub(crate) fn open(data: &Path, now: Time) -> Result<Self, StoreError> {
        let mut list = Watched::new(path(data));
        list.read_if_changed(now, read)?;
        Ok(Self(list))
    }

    /// Looks at the file; true when it was read again.
    pub(crate) fn refresh(&mut self, now: Time) -> bool {
        self.0.refresh(now, read)
    }

    pub(crate) fn has(&self, id: Option<&str>, subject: &str) -> bool {
        let list = self.0.value();
        let by_id = |id: &str| list.contains(&What::TokenId(id.to_owned()));
        id.is_some_and(by_id) || list.contains(&What::Subject(subject.to_owned()))
    }
}

fn path(data: &Path) -> PathBuf {
    data.join(PATH)
}

fn read(path: &Path) -> Result<BTreeSet<What>, StoreError> {
    let contents: Contents = store::read(path)?;
    Ok(contents.revoked.into_iter().map(|line| line.what).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Span;
    use std::fs;

    const NOW: Time = Time::from_secs(1_790_000_000);
    const LATER: Time = Time::from_secs(1_790_000_001);

    #[test]
    fn what_is_revoked_is_known_within_a_second_and_by_name_only() {
        let dir = tempfile::tempdir().unwrap();
        let mut list = Revoked::open(dir.path(), NOW).unwrap();
        assert!(!list.has(Some("t1"), "alice"));
        assert!(add(dir.path(), What::TokenId("t1".to_owned()), NOW).unwrap());
        assert!(add(dir.path(), What::Subject("bob".to_owned()), NOW).unwrap());
        assert!(!add(dir.path(), What::Subject("bob".to_owned()), NOW).unwrap());
        assert!(!list.refresh(NOW), "looked at this second");
        assert!(list.refresh(LATER));
        assert!(list.has(Some("t1"), "alice"));
        assert!(list.has(None, "bob") && list.has(Some("t2"), "bob"));
        assert!(!list.has(Some("t2"), "alice") && !list.has(Some("bob"), "t1"));
        let text = fs::read_to_string(dir.path().join(PATH)).unwrap();
        let line = "[[revoked]]\ntoken_id = \"t1\"\nat = \"2026-09-21T14:13:20.000Z\"\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn a_list_that_cannot_be_read_stops_the_start_and_holds_while_running() {
        let dir = tempfile::tempdir().unwrap();
        add(dir.path(), What::TokenId("t1".to_owned()), NOW).unwrap();
        let mut list = Revoked::open(dir.path(), NOW).unwrap();
        let broken = [
            "[[revoked]",
            "[[revoked]]\nat = \"x\"\n",
            "[[revoked]]\nuser = \"x\"\nat = \"x\"\n",
            "other = 1",
        ];
        for (second, text) in (1..).zip(broken) {
            fs::write(dir.path().join(PATH), text).unwrap();
            assert!(!list.refresh(NOW + Span::from_secs(second)));
            assert!(list.has(Some("t1"), "alice"), "{text}");
            let error = Revoked::open(dir.path(), NOW).unwrap_err();
            assert!(error.to_string().contains(PATH), "{error}");
        }
    }
}
