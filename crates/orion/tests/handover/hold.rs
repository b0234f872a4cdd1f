//! `orion serve --hold`: what a process manager sees that watches one process.

use crate::line::{reload, until_price};
use crate::support::{Client, PATIENCE, Server, serve, signal};
use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use tokio::time::Instant;

/// A process that holds, and its data folder.
fn hold(data: &Path, more: &[&str]) -> Server {
    let mut options = vec!["--hold"];
    options.extend(more);
    Server::start(serve(data, &options)).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
}

/// The children of a process.
fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("its threads");
    let of = |task: std::io::Result<std::fs::DirEntry>| {
        let path = task.expect("a thread").path().join("children");
        std::fs::read_to_string(path).unwrap_or_default()
    };
    let all: String = tasks.map(of).collect();
    all.split_whitespace()
        .map(|pid| pid.parse().expect("a process"))
        .collect()
}

/// Waits until something is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        thread::yield_now();
    }
}

fn is_there(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // One that has ended and was not asked how is there, and is not.
    state
        .rsplit(')')
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

#[test]
fn crashes_and_reloads_of_a_held_server_refuse_nobody() {
    let rounds = if std::env::var_os("ORION_TEST_SLOW").is_some() {
        20
    } else {
        2
    };
    let folder = tempfile::tempdir().expect("a folder");
    let holder = hold(folder.path(), &[]);
    let (going, over) = mpsc::channel::<()>();
    let prober = thread::spawn({
        let address = holder.address.clone();
        move || {
            let mut connects = 0;
            while over.recv_timeout(Duration::from_millis(10)) == Err(RecvTimeoutError::Timeout) {
                // Who is with a server that crashes is cut; who connects is not refused.
                let connected = TcpStream::connect(&address);
                connected.unwrap_or_else(|error| panic!("connect {connects}: {error}"));
                connects += 1;
            }
            connects
        }
    });
    for round in 1..=rounds {
        let [server] = children(holder.pid())[..] else {
            panic!("one server is held");
        };
        signal(server, "KILL");
        assert!(holder.logs("was killed by signal 9"), "round {round}");
        // It connects while nobody serves, and is served by the next one.
        until_price(&mut waiting(&holder.address));
        let next = reload(folder.path()).expect("a reload");
        until("the new one is the holder's child", || {
            children(holder.pid()) == [next]
        });
        until_price(&mut holder.subscribe());
    }
    drop(going);
    assert!(prober.join().expect("nobody is refused") > 10);
    let [server] = children(holder.pid())[..] else {
        panic!("one server is held");
    };
    holder.terminate();
    assert_eq!(holder.wait(), Some(0));
    assert!(!is_there(server), "the server ended before who held it");
}

/// A client whose connect may have to wait for a start.
fn waiting(address: &str) -> Client {
    let mut client = Client::connect(address).expect("connect and be served");
    client.say(&serde_json::json!({"type": "subscribe", "channels": ["prices"]}));
    client
}

#[test]
fn what_the_holder_is_told_the_server_hears() {
    let folder = tempfile::tempdir().expect("a folder");
    let holder = hold(folder.path(), &["--set", "gateway.close_timeout_ms=60000"]);
    signal(holder.pid(), "HUP");
    assert!(holder.logs("SIGHUP: no setting has changed"));
    let mut client = holder.subscribe();
    signal(holder.pid(), "USR2");
    assert_eq!(client.closed(), Some(1012));
    let mut client = holder.subscribe();
    until_price(&mut client);
    // It does not answer its Close, and would be waited for; a second signal ends that.
    signal(holder.pid(), "INT");
    assert!(holder.logs("closing every client"), "no drain");
    signal(holder.pid(), "INT");
    assert_eq!(holder.wait(), Some(130));
}

#[test]
fn a_server_is_not_left_behind_by_who_held_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let holder = hold(folder.path(), &[]);
    let [server] = children(holder.pid())[..] else {
        panic!("one server is held");
    };
    signal(holder.pid(), "KILL");
    until("the server ends", || !is_there(server));
    let again = hold(folder.path(), &[]);
    until_price(&mut again.subscribe());
}

#[test]
fn settings_that_cannot_run_end_the_holder_too() {
    let folder = tempfile::tempdir().expect("a folder");
    for (setting, reason) in [
        // Seen before there is a server, and by the server alone.
        ("prices.repeat_ms=none", "the settings cannot run"),
        ("feed.kind=tape:there-is-no-such-file.csv", "there-is-no-such-file.csv"),
    ] {
        let command = serve(folder.path(), &["--hold", "--set", setting]);
        let (code, log) = Server::start(command).err().expect("no server");
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(reason), "{reason:?} is not in {log}");
    }
}
