//! `kill -9` at any moment of a backup, a restore or an export: what was there is there, nothing that looks whole is half, and the
//! same command said again succeeds and leaves nothing of the first.

use crate::backup::{backup, command, made, orion, restore, told};
use crate::support::{recording::journal, waits};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const FORMS: [&str; 2] = ["kept", "kept.tar.zst"];

/// Kills at a named point; the process must have come there.
fn kill_at(mut command: Command, point: &str) {
    let output = command.env("ORION_TEST_CRASH", point).output();
    let output = output.expect("run orion");
    assert!(!output.status.success(), "{point} was not passed");
}

/// Kills after so long, unless it has ended.
fn kill_after(mut command: Command, wait: Duration) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("run orion");
    // Any length will do: this is no wait for anything.
    std::thread::park_timeout(wait);
    child.kill().expect("kill");
    child.wait().expect("wait");
}

/// Times to kill after, over what the command takes.
fn moments(seed: u64) -> impl Iterator<Item = Duration> {
    let is_slow = std::env::var_os("ORION_TEST_SLOW").is_some();
    let count = if is_slow { 200 } else { 6 };
    waits(seed, 100_000)
        .map(|micros| Duration::from_micros(micros as u64))
        .take(count)
}

fn with_data(words: &[&str], paths: &[&Path], data: &Path) -> Command {
    let mut command = command(words, paths);
    command.arg("--data").arg(data);
    command
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn remove(path: &Path) {
    if path.is_dir() {
        fs::remove_dir_all(path).expect("remove");
    } else {
        fs::remove_file(path).expect("remove");
    }
}

#[test]
fn a_killed_backup_is_none_and_the_next_one_is_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = made(folder.path());
    for name in FORMS {
        let to = folder.path().join(name);
        let again = || with_data(&["backup"], &[&to], &data);
        let points = [1, 3, 6].map(|count| format!("backup_file:{count}"));
        for point in points.iter().map(String::as_str).chain(["backup_whole:1"]) {
            kill_at(again(), point);
            assert!(!to.exists(), "{point} left something that looks whole");
            let output = restore(&to, &folder.path().join("new"));
            assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        }
        for moment in moments(21) {
            kill_after(again(), moment);
            if to.exists() {
                let output = orion(&["verify"], &[&to]);
                assert!(output.status.success(), "{moment:?}: {}", told(&output));
                remove(&to);
            }
        }
        backup(&data, &to);
        let output = orion(&["verify"], &[&to]);
        assert!(output.status.success(), "{}", told(&output));
        assert_eq!(names(folder.path()), ["data", name]);
        remove(&to);
    }
}

#[test]
fn a_killed_restore_loses_nothing_and_the_next_one_is_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = made(folder.path());
    let records = journal(&data.join("sim-1"));
    let new = folder.path().join("new");
    for name in FORMS {
        let from = folder.path().join(name);
        backup(&data, &from);
        let again = || with_data(&["restore"], &[&from], &new);
        for point in ["restore_file:1", "restore_file:4", "restore_whole:1"] {
            kill_at(again(), point);
            assert!(!new.exists(), "{point} left something that looks whole");
        }
        for moment in moments(22) {
            kill_after(again(), moment);
            if new.exists() {
                assert_eq!(journal(&new.join("sim-1")), records, "{moment:?}");
                remove(&new);
            }
        }
        let output = restore(&from, &new);
        assert!(output.status.success(), "{}", told(&output));
        assert_eq!(journal(&new.join("sim-1")), records);
        // What is there goes aside: killed before or after it does, it is there.
        let replace = || with_data(&["restore", "--replace"], &[&from], &new);
        fs::write(new.join("mine"), "mine").expect("write");
        kill_at(replace(), "restore_whole:1");
        assert!(new.join("mine").exists());
        kill_at(replace(), "restore_aside:1");
        let aside = folder.path().join("new.before-1");
        assert!(!new.exists() && aside.join("mine").exists());
        let output = restore(&from, &new);
        assert!(output.status.success(), "{}", told(&output));
        assert_eq!(journal(&new.join("sim-1")), records);
        assert_eq!(names(folder.path()), ["data", name, "new", "new.before-1"]);
        for path in [&from, &new, &aside] {
            remove(path);
        }
    }
}

#[test]
fn a_killed_export_is_none_and_leaves_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = made(folder.path());
    for form in ["parquet", "csv", "json"] {
        let out: PathBuf = folder.path().join(format!("prices.{form}"));
        let again = || with_data(&["export", "prices", "--out"], &[&out], &data);
        kill_at(again(), "export_whole:1");
        assert!(!out.exists());
        assert!(again().output().expect("run orion").status.success());
        let whole = fs::read(&out).expect("a file");
        kill_at(again(), "export_whole:1");
        for moment in moments(23) {
            kill_after(again(), moment);
            assert!(fs::read(&out).expect("a file") == whole, "{moment:?}");
        }
        assert!(again().output().expect("run orion").status.success());
        assert!(fs::read(&out).expect("a file") == whole);
        assert_eq!(names(folder.path()), ["data", &*format!("prices.{form}")]);
        remove(&out);
    }
}
