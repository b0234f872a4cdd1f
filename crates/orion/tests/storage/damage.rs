//! A backup that was changed or cut off anywhere is found by `orion verify`, and `orion restore` makes nothing of it.

use crate::backup::{backup, list, made, orion, restore, told};
use crate::support::waits;
use std::fs;
use std::path::{Path, PathBuf};

/// Places that are changed, and lengths that are cut, of each file.
fn rounds() -> usize {
    if std::env::var_os("ORION_TEST_SLOW").is_some() {
        100
    } else {
        1
    }
}

/// A backup, and how it is damaged.
struct Damage<'a> {
    backup: &'a Path,
    file: PathBuf,
    whole: Vec<u8>,
    new: &'a Path,
}

impl Damage<'_> {
    fn flip(&self, place: usize, bit: usize) {
        let mut bytes = self.whole.clone();
        bytes[place] ^= 1 << (bit % 8);
        self.check(&bytes, &format!("bit {} of byte {place}", bit % 8));
    }

    fn cut(&self, length: usize) {
        self.check(&self.whole[..length], &format!("cut to {length} bytes"));
    }

    fn check(&self, bytes: &[u8], how: &str) {
        fs::write(&self.file, bytes).expect("write");
        let how = format!("{}: {how}", self.file.display());
        let output = orion(&["verify"], &[self.backup]);
        let text = told(&output);
        assert_eq!(output.status.code(), Some(1), "{how}: {text}");
        assert!(
            text.contains("wrong  ") || text.contains("DAMAGED"),
            "{how}: {text}"
        );
        let output = restore(self.backup, self.new);
        assert_eq!(output.status.code(), Some(1), "{how}: {}", told(&output));
        assert!(
            told(&output).contains("is damaged"),
            "{how}: {}",
            told(&output)
        );
        assert!(!self.new.exists(), "{how}: something was restored");
        let draft = self.new.with_extension("part");
        assert!(!draft.exists(), "{how}: {} was left", draft.display());
        fs::write(&self.file, &self.whole).expect("write");
    }
}

#[test]
fn a_change_anywhere_in_a_folder_is_found_and_nothing_is_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = made(folder.path());
    let to = folder.path().join("kept");
    backup(&data, &to);
    let mut files = Vec::new();
    list(&to, &mut files);
    let ends = [
        "tape",
        "sqlite",
        "snapshot",
        "bars",
        "toml",
        "json",
        "SHA256SUMS",
    ];
    for end in ends {
        let has = |path: &PathBuf| path.to_string_lossy().ends_with(end);
        assert!(files.iter().any(has), "there is no {end} in {files:?}");
    }
    let new = folder.path().join("new");
    let mut places = waits(8, usize::MAX);
    let mut next = || places.next().unwrap_or_default();
    for file in files {
        let damage = Damage {
            backup: &to,
            whole: fs::read(&file).expect("a file"),
            file,
            new: &new,
        };
        let length = damage.whole.len();
        // The file of sums says itself whether a folder is a backup.
        let is_sums = damage.file.ends_with("SHA256SUMS");
        for _ in 0..rounds() {
            if length > 0 {
                damage.flip(next() % length, next());
                damage.cut(if is_sums { length - 1 } else { next() % length });
            }
        }
    }
    let output = orion(&["verify"], &[&to]);
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn a_change_anywhere_in_one_file_is_found_and_nothing_is_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = made(folder.path());
    let to = folder.path().join("kept.tar.zst");
    backup(&data, &to);
    let new = folder.path().join("new");
    let damage = Damage {
        backup: &to,
        whole: fs::read(&to).expect("a file"),
        file: to.clone(),
        new: &new,
    };
    let length = damage.whole.len();
    // What Zstandard passes over: a bit of its header that means nothing, and the frame that seals the file.
    damage.flip(4, 4);
    for place in [1, 20, 47, 48, 49, 52] {
        damage.flip(length - place, place);
        damage.cut(length - place);
    }
    damage.cut(0);
    let longer = [&damage.whole[..], b"\0"].concat();
    damage.check(&longer, "a byte behind it");
    let mut places = waits(9, usize::MAX);
    let mut next = || places.next().unwrap_or_default();
    for _ in 0..rounds() * 10 {
        damage.flip(next() % length, next());
        damage.cut(next() % length);
    }
    let output = orion(&["verify"], &[&to]);
    assert!(output.status.success(), "{}", told(&output));
    let output = restore(&to, &new);
    assert!(output.status.success(), "{}", told(&output));
}
