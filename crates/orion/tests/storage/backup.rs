//! Backups of a data folder that is written meanwhile: what was seen is in them, a kill leaves none that is half, a byte that
//! changed is found, and who saw more than a backup holds is told everything anew.

use crate::support::{Server, key, recording::journal, serve};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Settings for little to read.
pub(crate) const ONE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/storage/one.toml");
const MANY: [&str; 4] = [
    "--set",
    "rules.posted_max_per_day=1000000",
    "--set",
    "feed.bots.rate_per_s=100",
];

pub(crate) fn orion(arguments: &[&str], paths: &[&Path]) -> Output {
    command(arguments, paths).output().expect("run orion")
}

pub(crate) fn command(arguments: &[&str], paths: &[&Path]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
    command.args(arguments).args(paths);
    command
}

pub(crate) fn told(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text + &String::from_utf8_lossy(&output.stderr)
}

/// `orion backup TO --data DATA` must succeed.
pub(crate) fn backup(data: &Path, to: &Path) {
    let output = command(&["backup"], &[to]).arg("--data").arg(data).output();
    let output = output.expect("run orion");
    assert!(output.status.success(), "{}", told(&output));
}

pub(crate) fn restore(from: &Path, data: &Path) -> Output {
    let output = command(&["restore"], &[from])
        .arg("--data")
        .arg(data)
        .output();
    output.expect("run orion")
}

pub(crate) fn start(data: &Path) -> Server {
    let mut command = serve(data, &MANY);
    command.args(["--config", ONE]);
    Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
}

pub(crate) fn post(address: &str, token: &str, number: usize, status: &str) {
    let signal = json!({
        "id": format!("sig_{number}"), "symbol": "EURUSD", "direction": "long", "reason": "a bot's idea",
        "confidence": 85, "timestamp": "2026-01-01T00:00:00.000Z", "status": status,
    });
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str())];
    let sent = crate::support::post(address, "/api/signals", &headers, &signal.to_string());
    let (code, answer) = sent.expect("an answer");
    assert!((200..300).contains(&code), "{code}: {answer}");
}

fn position(server: &Server) -> (String, u64) {
    let health: Value = serde_json::from_str(&server.get("/health")).expect("JSON");
    let position = &health["store"]["position"];
    let epoch = position["epoch"].as_str().expect("an epoch").to_owned();
    (epoch, position["seq"].as_u64().expect("a place"))
}

#[test]
fn what_was_seen_before_a_backup_is_in_it_and_who_saw_more_is_told_anew() {
    seen_before_a_backup("kept");
}

#[test]
fn so_it_is_with_a_backup_that_is_one_file() {
    seen_before_a_backup("kept.tar.zst");
}

fn seen_before_a_backup(name: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, kept, new) = (
        folder.path().join("data"),
        folder.path().join(name),
        folder.path().join("new"),
    );
    fs::create_dir(&data).expect("a folder");
    let token = key(&data, "mybot", "bots");
    let server = start(&data);
    let (is_over, posted) = (AtomicBool::new(false), AtomicUsize::new(0));
    let address = &server.address;
    let (epoch, before, more) = thread::scope(|scope| {
        let poster = scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                let number = posted.fetch_add(1, Ordering::SeqCst);
                post(address, &token, number, "pending");
                post(address, &token, number, "invalidated");
            }
        });
        while posted.load(Ordering::SeqCst) < 20 {
            // Its panic is told at the scope's end.
            if poster.is_finished() {
                break;
            }
            thread::yield_now();
        }
        let (epoch, before) = position(&server);
        backup(&data, &kept);
        is_over.store(true, Ordering::SeqCst);
        (epoch, before, posted.load(Ordering::SeqCst))
    });
    assert!(more > 20, "nothing was posted meanwhile");
    // What the backup cannot have.
    post(&server.address, &token, 1_000_000, "pending");
    let (_, last) = position(&server);
    server.kill();
    let original = journal(&data.join("sim-1"));
    assert!(original.len() as u64 >= last);

    let output = orion(&["verify"], &[&kept]);
    assert!(output.status.success(), "{}", told(&output));
    let output = restore(&kept, &new);
    assert!(output.status.success(), "{}", told(&output));
    let output = orion(&["verify"], &[&new]);
    assert!(output.status.success(), "{}", told(&output));

    let restored = journal(&new.join("sim-1"));
    let server = start(&new);
    let (new_epoch, place) = position(&server);
    assert_ne!(epoch, new_epoch, "it would be taken for the same log");
    assert!(place >= before, "{place} of {before} records were kept");
    let shared = usize::try_from(before).expect("a count");
    assert_eq!(restored[..shared], original[..shared]);
    // A client that saw the last of the old log.
    let mut client = server.connect();
    client.say(&json!({
        "type": "subscribe", "v": 1, "channels": ["signals"], "since": {"epoch": epoch, "seq": last},
    }));
    let answer = loop {
        let message = client.next().expect("an answer");
        if message["type"] == "subscribed" {
            break message;
        }
    };
    assert_eq!(answer["recovered"], false, "{answer}");
    assert_eq!(answer["epoch"], new_epoch.as_str(), "{answer}");
    assert!(posted.load(Ordering::SeqCst) > 0);
    post(&server.address, &token, 2_000_000, "pending");
}

/// A data folder with a journal, a tape, snapshots, bars and charts, that nobody uses; of one instrument and few ticks, since it
/// is read often.
pub(crate) fn made(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    let server = start(&data);
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    data
}

pub(crate) fn list(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
    files.sort();
}

#[test]
fn what_is_there_is_never_lost_by_a_restore() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = made(folder.path());
    let to = folder.path().join("kept");
    backup(&data, &to);
    let before = journal(&data.join("sim-1"));

    let output = restore(&to, &data);
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("--replace"), "{}", told(&output));
    let replace = || {
        let mut command = command(&["restore", "--replace"], &[&to]);
        command
            .arg("--data")
            .arg(&data)
            .output()
            .expect("run orion")
    };
    let server = start(&data);
    let output = replace();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told(&output).contains("a server is using"),
        "{}",
        told(&output)
    );
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let output = replace();
    assert!(output.status.success(), "{}", told(&output));
    let aside = folder.path().join("data.before-1");
    assert!(journal(&aside.join("sim-1")).starts_with(&before));
    assert_eq!(journal(&data.join("sim-1")), before);
}
