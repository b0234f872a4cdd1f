//! The simulated market, live, over kills and restarts: its own tape gives its own journal again.

mod support;

use journal::Record;
use journal::tape::TapeReader;
use market::{Cause, Span, Status};
use orion::{machine, replay};
use std::path::Path;
use std::time::Duration;
use support::recording::journal;
use support::{PATIENCE, Seen, Server, serve, slow, waits};
use tokio::time::Instant;

fn records(market: &Path) -> (Vec<Record>, Vec<Record>) {
    let mut told = Vec::new();
    let tape = TapeReader::open(&market.join("tape"), None).expect("open the tape");
    replay::told(tape, |_, output| {
        told.extend(machine::record_of(output));
        Ok(())
    })
    .expect("replay the tape");
    (told, journal(market))
}

fn tape_bytes(market: &Path) -> u64 {
    let files = std::fs::read_dir(market.join("tape"));
    let lengths = files.into_iter().flatten().map(|file| file?.metadata());
    lengths.flatten().map(|about| about.len()).sum()
}

/// Serves, ends, and serves again, `rounds` times; every fifth end is a clean one.
fn check_restarts(rounds: usize, ended_by: impl Fn(usize) -> bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut seen = Seen::default();
    for (round, wait) in (0..rounds).zip(waits(1, 40)) {
        let server = Server::start(serve(folder.path(), &[]))
            .unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
        let mut client = server.subscribe();
        for _ in 0..wait {
            seen.take(&client.next().expect("a message"));
        }
        if ended_by(round) {
            server.terminate();
            assert_eq!(client.closed(), Some(1012));
            assert_eq!(server.wait(), Some(0));
        } else {
            server.kill();
        }
    }
    let (told, kept) = records(&folder.path().join("sim-1"));
    assert_eq!(told.len(), kept.len());
    for (place, (told, kept)) in told.iter().zip(&kept).enumerate() {
        assert_eq!(told, kept, "record {place}");
    }
    check_lives(&kept);
    let kept_as = |id: &str, status: &str| {
        kept.iter().any(|record| matches!(record, Record::Signal(signal) if signal.id.to_string() == id && signal.status.as_str() == status))
    };
    assert!(seen.0.len() > 3, "the client saw too little: {seen:?}");
    assert!(
        seen.0.iter().all(|(id, status)| kept_as(id, status)),
        "a client saw what is not in the journal"
    );
}

/// Each signal is pending once, decided at most once and in time, and nothing comes after its end.
fn check_lives(kept: &[Record]) {
    let signals: Vec<_> = kept
        .iter()
        .filter_map(|record| match record {
            Record::Signal(signal) => Some(signal),
            Record::Outcome(_) => None,
        })
        .collect();
    for signal in &signals {
        let states: Vec<_> = signals
            .iter()
            .filter(|other| other.id == signal.id)
            .map(|other| other.status)
            .collect();
        assert!(
            states.len() <= 2 && states[0] == Status::Pending,
            "{}: {states:?}",
            signal.id
        );
        // Who is late on a busy machine is still before dashboards give up.
        if let Some(decided_at) = signal.decided_at {
            let after = decided_at - signal.created_at;
            assert!(
                after < Span::from_secs(300) || signal.cause == Some(Cause::Restart),
                "{} {after:?}",
                signal.id
            );
        }
    }
}

#[test]
fn a_servers_tape_gives_its_journal_again() {
    check_restarts(3, |round| round == 1);
}

#[test]
fn fifty_kills_lose_and_double_nothing() {
    if slow("fifty kills of a live server") {
        check_restarts(60, |round| round % 6 == 5);
    }
}

#[test]
fn health_readiness_and_metrics_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(serve(folder.path(), &["--seed", "3"]))
        .unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    let mut client = server.subscribe();
    assert!(
        client.next().is_some(),
        "a message, so the client counts as connected"
    );
    let health: serde_json::Value = serde_json::from_str(&server.get("/health")).expect("JSON");
    assert_eq!(health["status"], "OK");
    assert_eq!(health["simulated"], true);
    assert_eq!(health["market"], "sim-3");
    assert!(
        health["timestamp"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z'))
    );
    assert_eq!(server.get("/health/ready"), r#"{"ready":true}"#);
    let metrics = server.get("/metrics");
    for line in [
        "orion_connections{kind=\"plain\",state=\"open\"} 1",
        "orion_signals_pending",
        "orion_engine_ticks_per_second",
        "orion_messages_per_second{type=\"signal\"}",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    assert!(server.get("/").contains("<!doctype html>"));
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let _first = Server::start(serve(folder.path(), &[]))
        .unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    let Err((code, log)) = Server::start(serve(folder.path(), &[])) else {
        panic!("it started")
    };
    assert_eq!(code, Some(1));
    assert!(
        log.contains("is in use by process") && log.contains("a data folder of its own"),
        "{log}"
    );
}

#[test]
fn asked_to_end_while_it_starts_a_server_ends_in_good_order_and_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    // A day of 17 million ticks.
    let arguments = ["--set", "feed.sim.rate=200"];
    let server = Server::begin(serve(folder.path(), &arguments), "simulate the day before");
    let (market, until) = (folder.path().join("sim-1"), Instant::now() + PATIENCE);
    // Some hours are over.
    while tape_bytes(&market) < 6 << 20 {
        assert!(Instant::now() < until, "{} bytes", tape_bytes(&market));
        std::thread::park_timeout(Duration::from_millis(20));
    }
    server.terminate();
    let log = server.rest_of_log();
    assert!(!log.contains("the day before is done"), "{log}");
    assert!(log.contains("ended before anybody was let in"), "{log}");
    assert_eq!(server.wait(), Some(0));
    let (told, kept) = records(&market);
    assert_eq!(told, kept);
    assert!(!kept.is_empty(), "it had begun to decide");
}
