//! What a hand-over is for clients, and for the market.

use crate::line::{Line, reload, until_price};
use crate::support::{Client, key, serve, signal};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn a_new_process_takes_over_and_the_old_one_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let mut line = Line::start(data, serve(data, &[]));
    let (old, started) = (line.first.pid(), line.started());
    let mut before = line.first.subscribe();
    until_price(&mut before);

    let new = line.reload().expect("a reload");
    assert_ne!(new, old);
    assert!(line.started() > started, "/health names the later start");
    assert_eq!(before.closed(), Some(1012));
    let mut after = line.first.subscribe();
    until_price(&mut after);

    // Whoever came by a hand-over hands over just the same.
    let newest = line.reload().expect("a second reload");
    assert_ne!(newest, new);
    assert_eq!(after.closed(), Some(1012));
    until_price(&mut line.first.subscribe());

    line.end();
    let gone = reload(data).expect_err("nobody is there");
    assert!(gone.contains("no server runs on"), "{gone}");
    let verified = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["history", "verify", "--data"])
        .arg(data)
        .output()
        .expect("run orion history verify");
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn who_is_still_with_the_old_process_hears_what_the_new_one_decides() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let authorization = format!("Bearer {}", key(data, "mybot", "bots"));
    let mut line = Line::start(
        data,
        serve(data, &["--set", "gateway.request_timeout_s=60"]),
    );
    let mut client = line.first.subscribe();
    // Accepted, and about to ask: the old process waits for it before it closes anybody.
    let mut asking = TcpStream::connect(&line.first.address).expect("connect");
    // They are accepted in their order: when this one has its answer, both were.
    let started = line.started();
    line.reload().expect("a reload");
    assert!(line.started() > started, "the new one answers");

    let signal = json!({
        "id": "sig_001", "symbol": "EURUSD", "direction": "long", "reason": "a bot's idea", "confidence": 85,
    });
    let headers = [("Authorization", authorization.as_str())];
    let posted = line
        .first
        .post("/api/signals", &headers, &signal.to_string());
    let (status, answer) = posted.expect("an answer of the new one");
    assert_eq!(status, 200, "{answer}");
    loop {
        let message = client.next().expect("the signal, before any close");
        if message["payload"]["id"] == answer["id"] {
            break;
        }
    }
    asking
        .write_all(b"GET /health HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n")
        .expect("ask");
    let mut health = String::new();
    asking
        .read_to_string(&mut health)
        .expect("the old one answers");
    assert!(health.contains(&started), "{health}");
    assert_eq!(client.closed(), Some(1012));
    line.end();
}

#[test]
fn a_recorded_market_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let recording = ten_minutes(folder.path());
    let feed = format!("tape:{}", recording.display());
    let data = folder.path().join("data");
    let mut line = Line::start(&data, serve(&data, &["--feed", &feed, "--speed", "10"]));
    let mut client = line.first.subscribe();
    until_price(&mut client);
    let last = |client: &mut Client| loop {
        let message = client.next().expect("a price");
        if message["type"] == "price_update" {
            break message["payload"]["timestamp"]
                .as_str()
                .expect("a time")
                .to_owned();
        }
    };
    let before = last(&mut client);
    line.reload().expect("a reload");
    let after = last(&mut line.first.subscribe());
    assert!(after >= before, "it went back from {before} to {after}");
    line.end();
}

/// A recording with a tick each second.
fn ten_minutes(folder: &Path) -> PathBuf {
    let recording = folder.join("EURUSD.csv");
    let lines: Vec<String> = (0..600)
        .map(|second| {
            let (minute, second) = (second / 60, second % 60);
            format!("20140502 10{minute:02}{second:02}000,1.38{second:02}0,1.38{second:02}2,0")
        })
        .collect();
    std::fs::write(&recording, lines.join("\n")).expect("write");
    recording
}

#[test]
fn bars_go_on_over_a_hand_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let feed = format!("tape:{}", ten_minutes(folder.path()).display());
    let data = folder.path().join("data");
    let mut line = Line::start(&data, serve(&data, &["--feed", &feed, "--speed", "40"]));
    let mut before = minutes(&line, "2000-01-01T00:00:00Z");
    let mut heard = vec![next_closed(&mut before).expect("a bar")];
    line.reload().expect("a reload");
    while let Some(bar) = next_closed(&mut before) {
        heard.push(bar);
    }
    // As the protocol advises: the last one that it has comes again.
    let last = heard.pop().expect("a bar");
    let mut after = minutes(&line, &last);
    while heard.len() < 9 {
        heard.push(next_closed(&mut after).expect("the tape is not over"));
    }
    let minute = |bar: &String| bar[14..16].to_owned();
    let expected: Vec<String> = (0..9).map(|minute| format!("{minute:02}")).collect();
    assert_eq!(heard.iter().map(minute).collect::<Vec<_>>(), expected);
    line.end();
}

/// Subscribes to minutes since a time.
fn minutes(line: &Line, since: &str) -> Client {
    let mut client = line.first.connect();
    client.say(&json!({
        "type": "subscribe", "v": 1, "channels": ["bars"], "tf": "1m", "since_time": since,
    }));
    client
}

/// When the next closed bar opened; none at the end of the connection, or when nothing has come for long.
fn next_closed(client: &mut Client) -> Option<String> {
    loop {
        let message = client.next()?;
        if message["type"] == "heartbeat" {
            return None;
        }
        let payload = &message["payload"];
        if message["type"] == "bar" && payload["closed"] == true {
            return payload["open_time"].as_str().map(str::to_owned);
        }
    }
}

#[test]
fn sigusr2_asks_for_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut line = Line::start(folder.path(), serve(folder.path(), &[]));
    let mut client = line.first.subscribe();
    signal(line.first.pid(), "USR2");
    assert_eq!(client.closed(), Some(1012));
    // The control socket is the new one's by now: this is the second hand-over.
    line.reload().expect("a reload");
    line.end();
}
