//! `orion record` and a disk that fails: nothing that it had room for is lost, nothing is half written, and it goes on by itself.

use crate::support::{lines, signal};
use crate::world::{PATIENCE, World};
use journal::tape::{TapeItem, TapeReader};
use market::Event;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;

/// A recorder of a vendor that is played, whose disk does what is wanted.
struct Recording {
    folder: tempfile::TempDir,
    child: Child,
    log: Receiver<String>,
    told: Receiver<String>,
    _world: World,
}

impl Recording {
    fn start(more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let world = World::new();
        let address = format!("feed.json.address=[\"kraken:{}\"]", world.kraken.address());
        let mut child = Command::new(env!("CARGO_BIN_EXE_orion"))
            .args(["record", "--feed", "kraken", "--set", &address, "--data"])
            .arg(folder.path().join("data"))
            .env("ORION__LOG__FORMAT", "pretty")
            .env("ORION_TEST_DISK", folder.path().join("fault"))
            .envs(more.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start recording");
        let recording = Self {
            log: lines(child.stderr.take().expect("standard error")),
            told: lines(child.stdout.take().expect("standard output")),
            folder,
            child,
            _world: world,
        };
        recording.logs("EURUSD");
        recording
    }

    fn logs(&self, words: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("no {words:?}: {error}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    fn fault(&self) -> PathBuf {
        self.folder.path().join("fault")
    }

    /// From now on the disk does this, such as `sync full`.
    fn fail(&self, how: &str) {
        let draft = self.folder.path().join("draft");
        std::fs::write(&draft, how).expect("write");
        std::fs::rename(draft, self.fault()).expect("rename");
    }

    fn mend(&self) {
        std::fs::remove_file(self.fault()).expect("remove");
    }

    /// Asks it to end; its exit code, and what it said at last.
    fn end(mut self) -> (Option<i32>, String, tempfile::TempDir) {
        signal(self.child.id(), "TERM");
        let code = self.child.wait().expect("the recorder ends").code();
        let told: Vec<_> = self.told.iter().chain(self.log.iter()).collect();
        (code, told.join("\n"), self.folder)
    }
}

/// All that is on the tape, which is whole.
fn events(folder: &Path) -> Vec<Event> {
    let tape = TapeReader::open(&folder.join("data/record/tape"), None).expect("open the tape");
    let events = tape.filter_map(|item| match item.expect("a whole tape") {
        TapeItem::Settings(_) => None,
        TapeItem::Event(_, event) => Some(event),
    });
    events.collect()
}

fn count(events: &[Event], which: impl Fn(&Event) -> bool) -> usize {
    events.iter().filter(|event| which(event)).count()
}

#[test]
fn a_recording_waits_for_a_disk_that_fails_and_loses_nothing() {
    let recording = Recording::start(&[]);
    for (how, words) in [
        ("all full", "No space left on device"),
        ("sync broken", "Input/output error"),
        ("write readonly", "Read-only file system"),
    ] {
        recording.fail(how);
        let told = recording.logs("the disk of the data folder fails");
        assert!(told.contains(words), "{how}: {told}");
        recording.mend();
        recording.logs("the disk of the data folder is well again");
    }
    let (code, told, folder) = recording.end();
    assert_eq!(code, Some(0), "{told}");
    let events = events(folder.path());
    assert!(
        told.contains(&format!("recorded {} events", events.len())),
        "{} are there: {told}",
        events.len()
    );
    assert!(count(&events, |event| matches!(event, Event::Tick(_))) > 2);
    assert_eq!(count(&events, |event| matches!(event, Event::Gap(_))), 0);
}

#[test]
fn what_finds_no_room_while_the_disk_is_away_is_a_gap() {
    let recording = Recording::start(&[("ORION_TEST_WAITING_MAX", "20")]);
    for how in ["all full", "all hang"] {
        recording.fail(how);
        recording.logs("no more can wait for the disk");
        recording.mend();
        recording.logs("the recording goes on behind a gap");
    }
    let (code, told, folder) = recording.end();
    assert_eq!(code, Some(0), "{told}");
    let events = events(folder.path());
    assert!(
        told.contains(&format!("recorded {} events", events.len())),
        "{} are there: {told}",
        events.len()
    );
    assert!(count(&events, |event| matches!(event, Event::Gap(_))) >= 2);
}

#[test]
fn an_end_while_the_disk_is_away_says_what_is_lost() {
    for (how, words) in [
        ("all full", "No space left on device"),
        ("all hang", "the disk has not answered for"),
    ] {
        let recording = Recording::start(&[("ORION_TEST_WAITING_MAX", "20")]);
        recording.fail(how);
        recording.logs("no more can wait for the disk");
        let (code, told, folder) = recording.end();
        assert_eq!(code, Some(1), "{how}: {told}");
        assert!(told.contains(words), "{how}: {told}");
        assert!(told.contains("events are not on the tape"), "{how}: {told}");
        assert!(!told.contains("recorded "), "{how}: {told}");
        // What was written before is whole.
        events(folder.path());
    }
}
