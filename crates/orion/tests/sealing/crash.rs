//! A sealing process that dies at any of its named points: nothing counts that is not whole, and the next one goes on.

use crate::made::{MARKET, command, file, hard, in_file, on_tape};
use std::fs;
use std::path::{Path, PathBuf};

/// Every file of the history and its bytes, but for the lock.
fn files(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let history = data.join(MARKET).join("history");
    let mut found = Vec::new();
    let mut folders = vec![history.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != ".lock") {
                let name = path.strip_prefix(&history).expect("below it").to_owned();
                found.push((name, fs::read(path).expect("a file")));
            }
        }
    }
    found.sort();
    found
}

#[cfg(debug_assertions)]
#[test]
fn whatever_a_death_leaves_the_next_pass_makes_the_same_files() {
    let whole = tempfile::tempdir().expect("a folder");
    hard(whole.path());
    assert!(
        command(whole.path(), &["seal"])
            .output()
            .expect("run")
            .status
            .success()
    );
    let expected = files(whole.path());
    // Three files of two days: each point is passed as often.
    for (point, times) in [("seal_draft", 3), ("seal_file", 3), ("seal_day", 2)] {
        for time in 1..=times {
            let data = tempfile::tempdir().expect("a folder");
            hard(data.path());
            let died = command(data.path(), &["seal"])
                .env("ORION_TEST_CRASH", format!("{point}:{time}"))
                .output()
                .expect("run");
            assert!(!died.status.success(), "{point}:{time} was not passed");
            for date in ["2026-11-25", "2026-11-26"] {
                let path = file(data.path(), "EURUSD", date);
                if path.exists() {
                    assert_eq!(in_file(&path), on_tape(data.path(), "EURUSD", date));
                }
            }
            let again = command(data.path(), &["seal"]).output().expect("run");
            assert!(again.status.success(), "{point}:{time}");
            assert_eq!(files(data.path()), expected, "{point}:{time}");
        }
    }
}

#[test]
fn two_never_seal_the_same_market() {
    let data = tempfile::tempdir().expect("a folder");
    hard(data.path());
    let history = data.path().join(MARKET).join("history");
    fs::create_dir_all(&history).expect("a folder");
    let lock = fs::File::create(history.join(".lock")).expect("a lock");
    lock.lock().expect("lock");
    let refused = command(data.path(), &["seal"]).output().expect("run");
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stdout).expect("text");
    assert!(told.contains("is in use"), "{told}");
    drop(lock);
    assert!(
        command(data.path(), &["seal"])
            .output()
            .expect("run")
            .status
            .success()
    );
}
