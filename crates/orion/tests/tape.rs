//! Recorded markets through the whole server: the same signals at every speed, and over every kill.

mod support;

use journal::Record;
use market::Span;
use std::path::{Path, PathBuf};
use support::recording::{self, command, journal};
use support::{Seen, Server, slow};

/// Points between a decision and a client's socket.
const POINTS: [&str; 6] = [
    "decision",
    "append",
    "commit",
    "committed",
    "publish",
    "send",
];
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
    let files = recording::make(folder.path(), Span::from_hours(1));
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
    let files = recording::make(folder.path(), Span::from_hours(3));
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
