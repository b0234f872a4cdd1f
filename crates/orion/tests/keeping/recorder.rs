//! What `orion record` keeps: it goes on after a kill, is played by `replay` and `serve`, and old days of it go.

use crate::made::{segments, settings, time};
use crate::support::recording::Kept;
use crate::support::{PATIENCE, Server, serve};
use journal::tape::{TapeItem, TapeReader};
use lab::market::SimMarket;
use market::{Event, SourceId, Span, Tick, Time};
use orion::config::{self, Config, Flag, Layers};
use orion::record::Recorder;
use std::path::Path;
use std::process::Command;

fn config(data: &Path) -> Config {
    let dir = Flag {
        name: "--data",
        key: "data.dir",
        text: data.display().to_string(),
    };
    let layers = Layers {
        flags: vec![dir],
        sets: vec!["history.max_bytes=1".to_owned()],
        ..Layers::default()
    };
    config::load(&layers).expect("settings").config
}

fn ticks(from: &str, length: Span) -> impl Iterator<Item = Tick> {
    let from = time(from);
    let sim = SimMarket::new(5, from, &settings().catalog, None);
    sim.ticks_from(from)
        .take_while(move |tick| tick.time < from + length)
}

/// Records the simulated market as a source would tell it; how many ticks.
fn record(data: &Path, from: &str, length: Span) -> usize {
    let mut recorder = Recorder::open(&config(data)).expect("open");
    let mut stamp = recorder.newest().max(time(from).as_stamp());
    recorder.start(|| {
        stamp = stamp + Span::from_nanos(1);
        stamp
    });
    let mut count = 0;
    for tick in ticks(from, length) {
        let at = tick.time.as_stamp().max(recorder.newest());
        recorder.push(at, &Event::Tick(tick));
        count += 1;
    }
    assert!(recorder.events() > count as u64);
    assert_eq!(recorder.folder(), data.join("record"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let ended = runtime.expect("a runtime").block_on(recorder.end(PATIENCE));
    ended.expect("the end");
    count
}

fn items(data: &Path) -> Vec<(Time, Event)> {
    let tape = TapeReader::open(&data.join("record/tape"), None).expect("open the tape");
    tape.filter_map(|item| match item.expect("a whole tape") {
        TapeItem::Settings(kept) => {
            assert_eq!(kept.market, "record");
            None
        }
        TapeItem::Event(at, event) => Some((at, event)),
    })
    .collect()
}

#[test]
fn a_recording_goes_on_behind_a_gap_and_lets_old_days_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let first = record(data, "2026-03-02T12:00:00Z", Span::from_minutes(5));
    let told = items(data);
    assert_eq!(told.len(), first + 1);
    assert!(matches!(told[0], (_, Event::Start)));

    let second = record(data, "2026-03-03T12:00:00Z", Span::from_minutes(5));
    let told = items(data);
    assert_eq!(told.len(), first + second + 3);
    let again: Vec<&Event> = told[first + 1..first + 3]
        .iter()
        .map(|(_, event)| event)
        .collect();
    assert_eq!(again, [&Event::Start, &Event::Gap(SourceId(0))]);
    assert!(told.is_sorted_by_key(|(at, _)| *at));

    let recorder = Recorder::open(&config(data)).expect("open");
    assert_eq!(Some(recorder.newest()), told.last().map(|(at, _)| *at));
    assert_eq!(segments(&data.join("record")), [1, 2, 3]);
    assert_eq!(recorder.prune().expect("prune").days, 1);
    assert_eq!(segments(&data.join("record")), [2, 3]);
}

#[test]
fn two_cannot_record_into_one_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let _first = Recorder::open(&config(folder.path())).expect("open");
    let second = Recorder::open(&config(folder.path())).expect_err("a refusal");
    assert!(
        second.to_string().contains("is in use by process"),
        "{second}"
    );
}

#[test]
fn a_recording_is_replayed_and_served_with_the_same_signals() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    record(data, "2026-03-02T12:00:00Z", Span::from_hours(2));
    let before = items(data);
    let dir = data.join("record").display().to_string();

    let replayed = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["replay", "--json", &dir])
        .output()
        .expect("replay");
    assert!(replayed.status.success());
    let replayed = String::from_utf8(replayed.stdout).expect("text");
    let ids: Vec<serde_json::Value> = replayed
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .map(|line| line["payload"]["id"].clone())
        .collect();
    assert!(ids.len() > 10, "{} records", ids.len());

    // Into the same data folder: it must not be played into itself.
    let feed = format!("tape:{dir}");
    let server = Server::start(serve(data, &["--feed", &feed, "--speed", "max"]));
    let server = server.unwrap_or_else(|(_, log)| panic!("{log}"));
    assert!(server.logs("played to its end"), "it ended before its tape");
    let health: serde_json::Value = serde_json::from_str(&server.get("/health")).expect("JSON");
    assert_eq!(health["market"], "record-again");
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    assert_eq!(items(data), before);

    let played = folder.path().join("played");
    std::fs::create_dir(&played).expect("a folder");
    std::fs::rename(data.join("record-again"), played.join("market")).expect("move");
    let kept = Kept::read(&played);
    assert_eq!(kept.journal.len(), ids.len());
    // Time passes between the ticks, so that deadlines are kept though nobody was woken while it was recorded.
    assert!(kept.told.iter().any(|(_, event)| *event == Event::Wake));
}
