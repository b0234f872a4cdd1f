//! Recorded markets through the whole server: the same signals at every speed, and over every kill.

mod support;

use journal::Record;
use market::Span;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use support::recording::{self, Kept, command};
use support::{Client, Seen, Server, recorded, slow, waits};

/// Points between a decision and a client's socket.
const POINTS: [&str; 6] = [
    "decision",
    "append",
    "commit",
    "committed",
    "publish",
    "send",
];
/// Messages a client sees of the tape, at most, between two kills at random moments: so few that fifty kills come before
/// its end.
const KILL_AFTER: usize = 1100;

/// Waits until the tape is played to its end.
fn play(server: &Server) {
    assert!(server.logs("played to its end"), "it ended before its tape");
    let health: serde_json::Value = serde_json::from_str(&server.get("/health")).expect("JSON");
    assert_eq!(health["feed"]["state"], "ended");
}

/// Plays the files to their end, and ends the server: what it keeps.
fn run_through(data: &Path, files: &[PathBuf], speed: &str) -> Kept {
    let server = Server::start(command(data, files, speed)).expect("start");
    play(&server);
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    Kept::read(data)
}

#[test]
fn speed_changes_nothing_but_the_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = recording::make(folder.path(), Span::from_hours(1));
    let fast = run_through(&folder.path().join("max"), &files, "max");
    let records = fast.journal.len();
    assert!(records > 4, "too few records to compare: {records}");
    // An hour in three seconds.
    let paced = run_through(&folder.path().join("paced"), &files, "1200");
    paced.check_same(&fast, "paced");
}

/// Plays what is left to its end; then journal and tape must be those of one quiet run, and everything a client saw must be
/// in the journal.
fn check_rest(data: &Path, files: &[PathBuf], whole: &Kept, seen: &Seen, killed: &str) {
    let kept = run_through(data, files, "max");
    kept.check_same(whole, &format!("killed {killed}"));
    let told = |id: &String, status: &String| {
        kept.journal.iter().any(|record| match record {
            Record::Signal(signal) => {
                signal.id.to_string() == *id && signal.status.as_str() == status
            }
            Record::Outcome(_) => false,
        })
    };
    assert!(
        seen.0.iter().all(|(id, status)| told(id, status)),
        "killed {killed}: a client saw what is not in the journal"
    );
}

/// Lets the server end itself at a named point, and the next one go on from there.
fn check_kill_at(point: &str, folder: &Path, files: &[PathBuf], whole: &Kept) {
    let data = folder.join("killed");
    let _ = std::fs::remove_dir_all(&data);
    let mut seen = Seen::default();
    let mut first = command(&data, files, "max");
    first.env("ORION_TEST_CRASH", point);
    let code = match Server::start(first) {
        Ok(server) => {
            // It may be over before the client is in.
            let mut client = server.try_subscribe();
            while let Some(message) = client.as_mut().and_then(Client::next) {
                seen.take(&message);
            }
            server.wait()
        }
        Err((code, _)) => code,
    };
    assert_eq!(code, None, "it was to be killed at {point}");
    check_rest(&data, files, whole, &seen, &format!("at {point}"));
}

/// Kills a server that plays `files` twenty times at each named point.
fn check_kills_at_points(what: &str, folder: &Path, files: &[PathBuf]) {
    let whole = run_through(&folder.join("whole"), files, "max");
    for point in POINTS {
        for count in 1..=20 {
            check_kill_at(&format!("{point}:{count}"), folder, files, &whole);
        }
        eprintln!("{what}: killed 20 times at `{point}`");
    }
}

#[test]
fn a_kill_at_any_named_point_loses_and_doubles_nothing() {
    if slow("kills at named points") {
        let folder = tempfile::tempdir().expect("a folder");
        let files = recording::make(folder.path(), Span::from_hours(3));
        check_kills_at_points("a made market", folder.path(), &files);
    }
}

#[test]
fn a_kill_at_any_named_point_of_recorded_days_loses_and_doubles_nothing() {
    if !slow("kills at named points of recorded days") {
        return;
    }
    let Some(files) = recorded_days() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    check_kills_at_points("recorded EURUSD", folder.path(), &files);
}

/// Kills a server that plays `files` fifty times at random moments; each goes on where the one before was killed. `speed` is
/// slow enough that a kill falls between any two events.
fn check_random_kills(what: &str, folder: &Path, files: &[PathBuf], speed: &str) {
    let whole = run_through(&folder.join("whole"), files, "max");
    let data = folder.join("killed");
    let mut seen = Seen::default();
    let mut moments = BTreeSet::new();
    for wait in waits(2, KILL_AFTER).take(50) {
        let mut paced = command(&data, files, speed);
        // What is not written yet is played again: with a quarter of a second there would be hardly any progress.
        paced.args(["--set", "tape.batch_ms=50"]);
        let server = Server::start(paced).expect("start");
        let mut client = server.subscribe();
        let mut last = String::new();
        for _ in 0..wait {
            let message = client.next().expect("a message: the tape is not over");
            seen.take(&message);
            if message["type"] == "price_update" {
                last = message["payload"]["timestamp"].to_string();
            }
        }
        server.kill();
        moments.insert(last);
    }
    eprintln!(
        "{what}: killed at {} moments from {:?} to {:?}",
        moments.len(),
        moments.first(),
        moments.last()
    );
    assert!(moments.len() > 40, "too few different moments: {moments:?}");
    check_rest(&data, files, &whole, &seen, "at random moments");
}

#[test]
fn fifty_kills_at_random_moments_lose_and_double_nothing() {
    if slow("kills at random moments of a tape") {
        let folder = tempfile::tempdir().expect("a folder");
        let files = recording::make(folder.path(), Span::from_hours(3));
        check_random_kills("a made market", folder.path(), &files, "1080");
    }
}

#[test]
fn fifty_kills_at_random_moments_of_recorded_days_lose_and_double_nothing() {
    if !slow("kills at random moments of recorded days") {
        return;
    }
    let Some(files) = recorded_days() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    check_random_kills("recorded EURUSD", folder.path(), &files, "3600");
}

/// Three recorded days, if they are there.
fn recorded_days() -> Option<Vec<PathBuf>> {
    let file = |day| recorded(&format!("ticks/EURUSD_tick_oanda_201405{day}.zip"));
    ["06", "07", "08"].map(file).into_iter().collect()
}
