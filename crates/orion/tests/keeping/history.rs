//! `orion history` over markets of known content.

use crate::made::{open, settings, start, tell, time};
use crate::support::{Server, serve};
use expect_test::{Expect, expect};
use journal::tape::{Tape, TapeWriter};
use market::{Event, Price, SourceId, Span, Tick};
use orion::machine::write_settings;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Command, Output};

fn history(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orion"))
        .arg("history")
        .args(arguments)
        .arg("--data")
        .arg(data)
        .output()
        .expect("run orion")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn check(output: &Output, code: i32, expected: &Expect) {
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    expected.assert_eq(&text(&output.stdout));
}

/// A segment of a live source's tape.
fn begin(data: &Path) -> TapeWriter {
    let mut settings = settings();
    let source = &mut settings.catalog.sources[0];
    "oanda".clone_into(&mut source.name);
    (source.simulated, source.always_open) = (false, false);
    let tape = Tape::open(&data.join("live/tape")).expect("open the tape");
    let written = write_settings(&settings).expect("settings");
    tape.begin(&written).expect("begin")
}

fn push(tape: &mut TapeWriter, at: &str, symbol: Option<&str>) {
    let time = time(at);
    let event = match symbol {
        None => Event::Wake,
        Some(symbol) => Event::Tick(Tick {
            instrument: settings().catalog.find(symbol).expect("an instrument"),
            bid: Price::from_units(1_085_000_000),
            ask: Price::from_units(1_085_100_000),
            volume: None,
            time,
            received: None,
        }),
    };
    tape.push(time.as_stamp(), &event).expect("push");
}

/// A Thanksgiving and the day after, with a cut.
fn live(data: &Path) {
    let mut tape = begin(data);
    tape.push(time("2026-11-26T17:58:00Z").as_stamp(), &Event::Start)
        .expect("push");
    push(&mut tape, "2026-11-26T17:59:00Z", Some("EURUSD"));
    push(&mut tape, "2026-11-26T17:59:30Z", Some("NAS100"));
    push(&mut tape, "2026-11-26T18:00:00Z", Some("EURUSD"));
    push(&mut tape, "2026-11-26T18:05:00Z", Some("EURUSD"));
    push(&mut tape, "2026-11-26T23:00:30Z", Some("NAS100"));
    tape.sync().expect("sync");
    drop(tape);
    let mut tape = begin(data);
    let again = time("2026-11-27T02:00:00Z").as_stamp();
    tape.push(again, &Event::Start).expect("push");
    tape.push(again, &Event::Gap(SourceId(0))).expect("push");
    push(&mut tape, "2026-11-27T02:00:01Z", Some("EURUSD"));
    push(&mut tape, "2026-11-27T02:00:02Z", Some("NAS100"));
    push(&mut tape, "2026-11-27T02:00:30Z", None);
    tape.sync().expect("sync");
}

#[test]
fn a_list_counts_what_there_is() {
    let data = tempfile::tempdir().expect("a folder");
    live(data.path());
    let output = history(data.path(), &["list"]);
    let shown = without_sizes(&text(&output.stdout));
    expect![[r#"
        MARKET  DAYS  SEGMENTS  SIZE  FROM                      TO                        EVENTS  SIGNALS
        live       2         2  SIZE  2026-11-26T17:58:00.000Z  2026-11-27T02:00:30.000Z      11        -

        live
          events   gap 1, start 2, tick 7, wake 1
          EURUSD  4  2026-11-26T17:59:00.000Z  2026-11-27T02:00:01.000Z
          NAS100  3  2026-11-26T17:59:30.000Z  2026-11-27T02:00:02.000Z
    "#]]
    .assert_eq(&shown);

    let output = history(data.path(), &["list", "--json"]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(object["market"], "live");
    assert_eq!(object["events"]["tick"], 7);
    assert_eq!(object["symbols"][1]["symbol"], "NAS100");
    assert_eq!(object["symbols"][1]["last"], "2026-11-27T02:00:02.000Z");
    assert_eq!(object["journal"], serde_json::Value::Null);
}

/// The settings at the heads grow with ORION, and the sizes with them.
fn without_sizes(shown: &str) -> String {
    let words: Vec<&str> = shown.split(' ').collect();
    let unit = words
        .iter()
        .position(|word| word.ends_with("iB"))
        .expect("a size");
    let size = format!("{} {}", words[unit - 1], words[unit]);
    let narrow = shown.replace(&size, "SIZE");
    // The head of the column is as wide as the size was.
    let gap = size.len() - "SIZE".len();
    narrow.replacen(&format!("{}SIZE  FROM", " ".repeat(gap)), "SIZE  FROM", 1)
}

#[test]
fn gaps_are_told_by_the_calendar() {
    let data = tempfile::tempdir().expect("a folder");
    live(data.path());
    check(
        &history(data.path(), &["gaps"]),
        0,
        &expect![[r#"
            live: 3 gaps longer than 60 s while the market was open; with the source down 2 (10:54:33), without a price 1 (00:05:00)
              EURUSD  2026-11-26T18:00:00.000Z  2026-11-26T18:05:00.000Z  00:05:00  no price though the source lived
              EURUSD  2026-11-26T18:05:00.000Z  2026-11-27T02:00:01.000Z  07:55:01  the source was down
              NAS100  2026-11-26T23:00:30.000Z  2026-11-27T02:00:02.000Z  02:59:32  the source was down
        "#]],
    );
    check(
        &history(data.path(), &["gaps", "live", "--min", "20000", "--json"]),
        0,
        &expect![[r#"
            {"from":"2026-11-26T18:05:00.000Z","market":"live","seconds":28501.0,"symbol":"EURUSD","to":"2026-11-27T02:00:01.000Z","to_the_end":false,"why":"source_down"}
        "#]],
    );
    check(
        &history(data.path(), &["gaps", "--min", "40000"]),
        0,
        &expect![[r#"
            live: no gap longer than 40000 s
        "#]],
    );
}

#[test]
fn a_servers_market_is_whole_also_while_it_runs() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(serve(data.path(), &["--seed", "5"]))
        .unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    let verified = history(data.path(), &["verify"]);
    assert_eq!(
        verified.status.code(),
        Some(0),
        "{}",
        text(&verified.stdout)
    );
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let verified = history(data.path(), &["verify", "sim-5", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&verified.stdout).expect("JSON");
    assert_eq!(report["whole"], true, "{report}");
    assert_eq!(report["notes"], serde_json::json!([]));
    assert!(report["records"].as_u64() > Some(100), "{report}");
    assert_eq!(report["again"], report["records"]);
    let listed = history(data.path(), &["list", "--json"]);
    let object: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(object["journal"]["records"], report["records"]);
}

/// Two days of a simulated market, each in a segment, with a snapshot at the end of the first.
async fn two_days(dir: &Path) {
    let mut machine = open(dir).await;
    for day in ["2026-03-02", "2026-03-03"] {
        let noon = time(&format!("{day}T12:00:00Z"));
        start(&mut machine, noon).await;
        tell(&mut machine, noon, Span::from_hours(1)).await;
        if day == "2026-03-02" {
            machine.save().await.expect("save");
        }
    }
    machine.write_tape().await.expect("write");
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place() {
    let data = tempfile::tempdir().expect("a folder");
    let dir = data.path().join("sim-1");
    two_days(&dir).await;
    let verify = || history(data.path(), &["verify"]);
    let shown = |output: &Output| {
        let folder = format!("{}{}", dir.display(), std::path::MAIN_SEPARATOR);
        text(&output.stdout).replace(&folder, "")
    };
    let whole = verify();
    assert_eq!(whole.status.code(), Some(0), "{}", shown(&whole));

    // One bit in the middle of the first day, which later segments follow.
    let tape = dir.join("tape/00000001.tape");
    let middle = std::fs::metadata(&tape).expect("its size").len() / 2;
    flip(&tape, middle);
    let damaged = verify();
    assert_eq!(damaged.status.code(), Some(1));
    let told = shown(&damaged);
    assert!(told.contains("sim-1: DAMAGED"), "{told}");
    assert!(
        told.contains("wrong  tape tape/00000001.tape is damaged at byte "),
        "{told}"
    );
    flip(&tape, middle);

    let snapshot = dir.join("snapshots/00000001.snapshot");
    flip(&snapshot, 40);
    let told = shown(&verify());
    let reason = "wrong  snapshot snapshots/00000001.snapshot: its checksum differs: it is damaged";
    assert!(told.contains(reason), "{told}");
    flip(&snapshot, 40);
    assert_eq!(verify().status.code(), Some(0));

    // Without its first day the tape gives what came after the snapshot.
    std::fs::remove_file(&tape).expect("the first day");
    let pruned = verify();
    assert_eq!(pruned.status.code(), Some(0));
    let told = shown(&pruned);
    assert!(told.contains("older days are gone"), "{told}");
    assert!(told.contains("no snapshot can be used"), "{told}");
}

#[tokio::test]
async fn a_journal_that_its_tape_does_not_give_is_wrong() {
    let data = tempfile::tempdir().expect("a folder");
    let dir = data.path().join("sim-1");
    two_days(&dir).await;
    // A tape of which the last day was put back from an older backup.
    std::fs::remove_file(dir.join("tape/00000002.tape")).expect("the second day");
    let verified = history(data.path(), &["verify"]);
    assert_eq!(verified.status.code(), Some(1));
    let told = text(&verified.stdout);
    assert!(told.contains("that its tape does not explain"), "{told}");
}

#[test]
fn stamps_that_go_back_are_wrong() {
    let data = tempfile::tempdir().expect("a folder");
    live(data.path());
    let mut tape = begin(data.path());
    push(&mut tape, "2026-11-27T01:00:00Z", Some("EURUSD"));
    tape.sync().expect("sync");
    drop(tape);
    let verified = history(data.path(), &["verify", "live"]);
    assert_eq!(verified.status.code(), Some(1));
    let told = text(&verified.stdout);
    let reason =
        "00000003.tape: the stamp 2026-11-27T01:00:00.000Z comes after 2026-11-27T02:00:30.000Z";
    assert!(told.contains(reason), "{told}");
}

#[test]
fn what_is_not_there_is_named() {
    let data = tempfile::tempdir().expect("a folder");
    live(data.path());
    let missing = history(data.path(), &["verify", "live2"]);
    assert_eq!(missing.status.code(), Some(1));
    let told = text(&missing.stderr);
    assert!(told.contains("there is no market live2"), "{told}");
    let nowhere = history(&data.path().join("nowhere"), &["list"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("--data"));
}

fn flip(path: &Path, at: u64) {
    let mut file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .expect("open");
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).expect("seek");
    file.read_exact(&mut byte).expect("read");
    file.seek(SeekFrom::Start(at)).expect("seek");
    file.write_all(&[byte[0] ^ 1]).expect("write");
}
