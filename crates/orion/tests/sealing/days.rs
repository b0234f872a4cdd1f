//! What sealing makes of a tape, and what `history list` and `verify` say of it.

use crate::made::{MARKET, bar, file, hard, history, in_file, on_tape, text, time};
use expect_test::expect;
use history::day::BarsRead;
use std::fs;
use std::path::Path;

fn seal(data: &Path) -> String {
    let output = history(data, &["seal"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_days_file_has_every_tick_of_the_tape() {
    let data = tempfile::tempdir().expect("a folder");
    hard(data.path());
    seal(data.path());
    for (date, count) in [("2026-11-25", 6), ("2026-11-26", 2)] {
        let kept = in_file(&file(data.path(), "EURUSD", date));
        assert_eq!(kept.len(), count);
        assert_eq!(kept, on_tape(data.path(), "EURUSD", date));
    }
    assert!(
        !file(data.path(), "EURUSD", "2026-11-27").exists(),
        "the day is not over"
    );
    let first = in_file(&file(data.path(), "EURUSD", "2026-11-25"));
    let sources = first
        .iter()
        .map(|kept| kept.source.as_deref().unwrap_or("-"));
    assert_eq!(
        sources.collect::<Vec<_>>(),
        ["oanda", "oanda", "oanda", "oanda", "oanda", "fxcm"]
    );
    let second = in_file(&file(data.path(), "EURUSD", "2026-11-26"));
    assert_eq!(
        second[0].source.as_deref(),
        Some("fxcm"),
        "it went on with it"
    );
}

#[test]
fn bars_of_the_past_have_a_file_of_their_own() {
    let data = tempfile::tempdir().expect("a folder");
    hard(data.path());
    seal(data.path());
    let path = file(data.path(), "EURUSD", "2026-11-25").with_extension("bars.parquet");
    let mut bars = BarsRead::open(&path).expect("a file of bars");
    for hour in 0..3 {
        let told = bars.next_bar().expect("whole").expect("a bar");
        assert_eq!((told.past, told.source), (true, Some("oanda")));
        let mut expected = bar(time("2026-11-25T12:00:00Z"), hour);
        expected.instrument = told.bar.instrument;
        assert_eq!(*told.bar, expected);
    }
    assert!(bars.next_bar().expect("whole").is_none());
}

#[test]
fn what_is_sealed_is_told_and_not_sealed_again() {
    let data = tempfile::tempdir().expect("a folder");
    hard(data.path());
    let told = seal(data.path());
    let told: String = told.lines().map(without_bytes).collect();
    expect![[r#"
        record: sealed 2 days; 2026-11-27 is sealed when the tape has gone on to a later day
          EURUSD/2026-11-25.parquet  6 quotes
          EURUSD/2026-11-25.bars.parquet  3 bars
          EURUSD/2026-11-26.parquet  2 quotes
    "#]]
    .assert_eq(&told);
    let before = fs::metadata(file(data.path(), "EURUSD", "2026-11-25")).expect("a file");
    expect![[r#"
        record: no day is left to be sealed; 2026-11-27 is sealed when the tape has gone on to a later day
    "#]]
    .assert_eq(&seal(data.path()));
    let after = fs::metadata(file(data.path(), "EURUSD", "2026-11-25")).expect("a file");
    assert_eq!(
        before.modified().expect("a time"),
        after.modified().expect("a time")
    );

    let listed = text(&history(data.path(), &["list"]).stdout);
    let line = listed
        .lines()
        .find(|line| line.contains("sealed"))
        .expect("a line");
    assert!(
        line.starts_with("  sealed   2 days (2026-11-25 to 2026-11-26) in 3 files, "),
        "{listed}"
    );
    assert!(line.ends_with(": 8 quotes, 3 bars"), "{listed}");
    let listed = text(&history(data.path(), &["list", "--json"]).stdout);
    let object: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(object["sealed"]["quotes"], 8);
    let verified = history(data.path(), &["verify", "--json"]);
    let object: serde_json::Value = serde_json::from_slice(&verified.stdout).expect("JSON");
    assert_eq!(object["whole"], true, "{object}");
    assert_eq!(
        (&object["sealed"], &object["rows"]),
        (&2.into(), &11.into())
    );
}

/// A line of a file without its size.
fn without_bytes(line: &str) -> String {
    let cut = line.split(", ").next().unwrap_or_default();
    format!("{cut}\n")
}

#[test]
fn a_file_that_is_not_whole_is_wrong_and_is_sealed_anew_while_the_tape_has_its_day() {
    let data = tempfile::tempdir().expect("a folder");
    hard(data.path());
    seal(data.path());
    let path = file(data.path(), "EURUSD", "2026-11-25");
    let whole = fs::read(&path).expect("a file");
    let mut damaged = whole.clone();
    damaged[40] ^= 1;
    for bytes in [damaged, whole[..whole.len() / 2].to_vec(), b"PAR1".to_vec()] {
        fs::write(&path, &bytes).expect("write");
        let verified = history(data.path(), &["verify"]);
        let told = text(&verified.stdout);
        assert_eq!(verified.status.code(), Some(1), "{told}");
        assert!(told.contains("2026-11-25.parquet"), "{told}");
        // Its note still says the size; one that differs is noticed without reading.
        if bytes.len() == whole.len() {
            fs::remove_file(note(data.path(), "2026-11-25")).expect("remove the note");
        }
        seal(data.path());
        assert_eq!(fs::read(&path).expect("a file"), whole);
    }
    // Another day's file, whole as it is, is not this day's.
    fs::copy(file(data.path(), "EURUSD", "2026-11-26"), &path).expect("copy");
    let told = text(&history(data.path(), &["verify"]).stdout);
    assert!(
        told.contains("it is not the file that was sealed"),
        "{told}"
    );
    seal(data.path());
    assert_eq!(fs::read(&path).expect("a file"), whole);
}

#[test]
fn a_day_whose_tape_is_damaged_keeps_no_other_from_being_sealed() {
    let data = tempfile::tempdir().expect("a folder");
    hard(data.path());
    let segment = data.path().join(MARKET).join("tape/00000001.tape");
    let mut bytes = fs::read(&segment).expect("a segment");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&segment, bytes).expect("write");
    let sealed = history(data.path(), &["seal"]);
    assert_eq!(sealed.status.code(), Some(1));
    let told = text(&sealed.stdout);
    assert!(
        told.contains("00000001.tape before it cannot be read"),
        "{told}"
    );
    assert!(!file(data.path(), "EURUSD", "2026-11-25").exists());
    assert!(file(data.path(), "EURUSD", "2026-11-26").exists());
}

#[test]
fn a_day_that_is_damaged_in_its_middle_says_so_once() {
    let data = tempfile::tempdir().expect("a folder");
    hard(data.path());
    let segment = data.path().join(MARKET).join("tape/00000001.tape");
    // A second batch, torn as by a crash that nobody has mended, and then a day behind it.
    let mut bytes = fs::read(&segment).expect("a segment");
    bytes.extend_from_slice(&[0xf5, b'o', b'r', 0xc1, 9, 0, 0, 0]);
    fs::write(&segment, bytes).expect("write");
    let sealed = history(data.path(), &["seal"]);
    assert_eq!(sealed.status.code(), Some(1));
    let told = text(&sealed.stdout);
    assert!(told.contains("wrong  2026-11-25: "), "{told}");
    assert!(!file(data.path(), "EURUSD", "2026-11-25").exists());
    assert!(file(data.path(), "EURUSD", "2026-11-26").exists());
    assert!(seal(data.path()).contains("no day is left"));
    let verified = text(&history(data.path(), &["verify"]).stdout);
    assert!(
        verified.contains("2026-11-25 was not sealed: "),
        "{verified}"
    );
}

fn note(data: &Path, date: &str) -> std::path::PathBuf {
    data.join(MARKET).join(format!("history/{date}.json"))
}
