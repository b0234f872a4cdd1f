//! Recorded markets through the whole server: the same signals at every speed, and over every kill.

mod support;

use journal::{Journal as _, Local, Record};
use lab::market::SimMarket;
use market::{Epoch, Position, SourceTime, Span};
use orion::config::{self, Layers};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Seen, Server, serve, slow};

/// Points between a decision and a client's socket.
const POINTS: [&str; 6] = [
    "decision",
    "append",
    "commit",
    "committed",
    "publish",
    "send",
];
/// Rules under which the recorded market below has many signals.
const RULES: [&str; 4] = [
    "rules.setup_tf=1m",
    "rules.killzone_gate=false",
    "rules.symbol_cooldown_s=0",
    "rules.max_signals_per_day=0",
];

/// A recorded market of a few hours, made from the simulated one: one CSV file per symbol.
fn recording(folder: &Path, hours: i64) -> Vec<PathBuf> {
    let catalog = config::load(&Layers::default())
        .expect("the defaults")
        .config
        .catalog();
    let anchor = SourceTime::parse("2026-03-04T12:00:00Z").expect("a time");
    let sim = SimMarket::new(7, anchor, &catalog, None);
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for name in ["EURUSD", "XAUUSD", "NAS100"] {
        files.insert(name, "time,bid,ask\n".to_owned());
    }
    let end = anchor + Span::from_hours(hours);
    for tick in sim.ticks_from(anchor).take_while(|tick| tick.time < end) {
        if let Some(text) = files.get_mut(catalog.instrument(tick.instrument).symbol.as_str()) {
            writeln!(text, "{},{},{}", tick.time, tick.bid, tick.ask).expect("write to a text");
        }
    }
    let write = |(name, text): (&str, String)| {
        let path = folder.join(format!("{name}.csv"));
        std::fs::write(&path, text).expect("write a recording");
        path
    };
    files.into_iter().map(write).collect()
}

fn feed(files: &[PathBuf]) -> String {
    let files: Vec<_> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    format!("tape:{}", files.join(","))
}

fn command(data: &Path, files: &[PathBuf], speed: &str) -> Command {
    let mut command = serve(data, &["--feed", &feed(files), "--speed", speed]);
    RULES
        .iter()
        .for_each(|rule| drop(command.args(["--set", rule])));
    command
}

/// Every record of the journal of the one market in `data`.
fn journal(data: &Path) -> Vec<Record> {
    let market = std::fs::read_dir(data)
        .expect("the data folder")
        .next()
        .expect("a market")
        .expect("an entry")
        .path();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let journal = Local::open(&market, || Epoch(1)).expect("open the journal");
    let after = Position {
        seq: 0,
        ..journal.end()
    };
    let read = runtime
        .block_on(journal.read(after, usize::MAX >> 1))
        .expect("read the journal");
    read.into_iter().map(|(_, record)| record).collect()
}

/// Waits until the tape is played to its end.
fn play(server: &Server) {
    assert!(server.logs("played to its end"), "it ended before its tape");
    let health: serde_json::Value = serde_json::from_str(&server.get("/health")).expect("JSON");
    assert_eq!(health["feed"]["state"], "ended");
}

fn run_through(data: &Path, files: &[PathBuf], speed: &str) -> Vec<Record> {
    let server = Server::start(command(data, files, speed)).expect("start");
    play(&server);
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    journal(data)
}

#[test]
fn speed_changes_nothing_but_the_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = recording(folder.path(), 1);
    let fast = run_through(&folder.path().join("max"), &files, "max");
    assert!(fast.len() > 4, "too few records to compare: {}", fast.len());
    // An hour in three seconds.
    let paced = run_through(&folder.path().join("paced"), &files, "1200");
    assert_eq!(paced, fast);
}

/// Kills the server, starts it again, until it has played to the end; then the journal must be that of one quiet run, and
/// everything a client saw must be in it.
fn check_kills(folder: &Path, files: &[PathBuf], whole: &[Record], crash: Option<&str>) -> bool {
    let data = folder.join("killed");
    let _ = std::fs::remove_dir_all(&data);
    let mut seen = Seen::default();
    let mut first = command(&data, files, "max");
    if let Some(crash) = crash {
        first.env("ORION_TEST_CRASH", crash);
    }
    if let Ok(server) = Server::start(first) {
        let mut client = server.subscribe();
        while let Some(message) = client.next() {
            seen.take(&message);
        }
        assert_eq!(server.wait(), None, "it was to be killed at {crash:?}");
    }
    let server = Server::start(command(&data, files, "max")).expect("start again");
    play(&server);
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let kept = journal(&data);
    assert_eq!(kept, whole, "killed at {crash:?}");
    let told = |id: &String, status: &String| {
        kept.iter().any(|record| match record {
            Record::Signal(signal) => {
                signal.id.to_string() == *id && signal.status.as_str() == status
            }
            Record::Outcome(_) => false,
        })
    };
    assert!(
        seen.0.iter().all(|(id, status)| told(id, status)),
        "a client saw what is not in the journal"
    );
    true
}

#[test]
fn a_kill_at_any_named_point_loses_and_doubles_nothing() {
    if !slow("kills at named points") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let files = recording(folder.path(), 3);
    let whole = run_through(&folder.path().join("whole"), &files, "max");
    for point in POINTS {
        let mut kills = 0;
        for count in 1..=20 {
            kills += usize::from(check_kills(
                folder.path(),
                &files,
                &whole,
                Some(&format!("{point}:{count}")),
            ));
        }
        println!("killed {kills} times at `{point}`");
    }
}
