//! Sealed days are played as the ticks of their tape are.

use crate::made::{MARKET, begin, history, on_tape, play, settings, text};
use market::Span;
use std::path::{Path, PathBuf};
use std::process::Command;

const FROM: &str = "2026-03-02T12:00:00Z";
const DATE: &str = "2026-03-02";

fn replay(paths: &[PathBuf]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["replay", "--json"])
        .args(paths)
        .output()
        .expect("replay");
    let errors = text(&output.stderr);
    assert!(output.status.success(), "{errors}");
    (text(&output.stdout), errors)
}

/// A day of the simulated market on the tape, and the first minutes of the next where it is to be sealed.
fn tape(data: &Path, and_the_next: Option<&str>) {
    let market = data.join(MARKET);
    let mut tape = begin(&market, &settings());
    play(&mut tape, FROM, Span::from_hours(2));
    if let Some(next) = and_the_next {
        drop(tape);
        play(
            &mut begin(&market, &settings()),
            next,
            Span::from_minutes(1),
        );
    }
}

#[test]
fn the_signals_of_sealed_days_are_those_of_their_tape() {
    let alone = tempfile::tempdir().expect("a folder");
    let data = tempfile::tempdir().expect("a folder");
    std::thread::scope(|scope| {
        scope.spawn(|| tape(alone.path(), None));
        scope.spawn(|| tape(data.path(), Some("2026-03-03T12:00:00Z")));
    });
    let sealed = history(data.path(), &["seal"]);
    assert!(sealed.status.success(), "{}", text(&sealed.stdout));
    let (expected, _) = replay(&[alone.path().join(MARKET)]);
    assert!(expected.lines().count() > 10, "{expected}");

    let folder = data.path().join(MARKET).join("history");
    let (by_folder, _) = replay(std::slice::from_ref(&folder));
    assert_eq!(signals(&by_folder), signals(&expected));
    let mut files: Vec<PathBuf> = Vec::new();
    for symbol in folder.read_dir().expect("a folder") {
        let symbol = symbol.expect("an entry").path();
        if symbol.is_dir() {
            files.push(symbol.join(format!("{DATE}.parquet")));
        }
    }
    // In whatever order they are named.
    files.sort();
    files.reverse();
    let (by_files, _) = replay(&files);
    assert_eq!(signals(&by_files), signals(&expected));
    assert!(!on_tape(data.path(), "EURUSD", DATE).is_empty());
}

/// The lines but for what is named after the recording.
fn signals(lines: &str) -> Vec<serde_json::Value> {
    let parsed = lines.lines().map(|line| {
        let mut line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        // Signals are named after the market, and a tape's market is its file.
        line["payload"]["id"] = serde_json::Value::Null;
        line
    });
    parsed.collect()
}

#[test]
fn what_is_no_sealed_day_is_refused_by_name() {
    let data = tempfile::tempdir().expect("a folder");
    let path = data.path().join("EURUSD.parquet");
    for bytes in [b"PAR1, or so it says".as_slice(), b""] {
        std::fs::write(&path, bytes).expect("write");
        let output = Command::new(env!("CARGO_BIN_EXE_orion"))
            .arg("replay")
            .arg(&path)
            .output()
            .expect("replay");
        assert_eq!(output.status.code(), Some(1));
        let told = text(&output.stderr);
        assert!(told.contains("EURUSD.parquet"), "{told}");
        assert!(told.contains("orion history seal"), "{told}");
    }
}
