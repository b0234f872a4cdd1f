//! `orion replay` and `orion serve` over recordings and over ORION's own tape: the same bytes every time.

mod support;

use std::path::Path;
use std::process::{Command, Output};
use support::{Server, serve};

fn orion(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(arguments)
        .output()
        .expect("run orion")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A server's own tape of a simulated market's first day, ended cleanly.
fn own_tape(data: &Path) -> String {
    let server = Server::start(serve(data, &["--seed", "5"]))
        .unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    data.join("sim-5").display().to_string()
}

#[test]
fn a_replay_of_a_servers_tape_gives_the_same_bytes_every_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let tape = own_tape(folder.path());
    let first = orion(&["replay", "--json", &tape]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert_eq!(first.stdout, orion(&["replay", "--json", &tape]).stdout);
    let lines: Vec<serde_json::Value> = text(&first.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
        .collect();
    assert!(lines.len() > 200, "{} lines", lines.len());
    assert!(
        lines
            .iter()
            .any(|line| line["payload"]["status"] == "confirmed")
    );
    let rising = lines
        .iter()
        .map(|line| line["at_ns"].as_i64().expect("a stamp"))
        .is_sorted();
    assert!(rising);
}

#[test]
fn a_simulated_markets_tape_played_again_still_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let tape = own_tape(folder.path());
    let feed = format!("tape:{tape}");
    let server = Server::start(serve(
        &folder.path().join("again"),
        &["--feed", &feed, "--speed", "max"],
    ));
    let server = server.unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    assert!(server.logs("played to its end"), "it ended before its tape");
    let health: serde_json::Value = serde_json::from_str(&server.get("/health")).expect("JSON");
    assert_eq!(health["simulated"], true);
    let mut client = server.subscribe();
    let signal = std::iter::from_fn(|| client.next())
        .find(|message| message["type"] == "signal")
        .expect("a signal");
    // Which setup is first depends on the hour at which the server made its day.
    let reason = signal["payload"]["reason"].as_str().expect("a reason");
    assert!(reason.ends_with(" (SIMULATED)"), "{reason}");
}

#[test]
fn a_recording_with_rubbish_in_it_is_played_and_the_rubbish_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("EURUSD.csv");
    let lines = [
        "time,bid,ask",
        "2026-03-04T12:00:00.000Z,1.08500,1.08510",
        "2026-03-04T12:00:01.000Z,1.08520,1.08510",
        "2026-03-04T12:00:02.000Z,NaN,1.08510",
        "2026-03-04T12:00:03.000Z,-1,1.08510",
        "2026-03-04T12:00:04.000Z,9.08500,9.08510",
        "2026-03-04T11:00:00.000Z,1.08500,1.08510",
        "2026-03-04T12:00:05.000Z,1.08500,1.08510",
    ];
    std::fs::write(&file, lines.join("\n")).expect("write");
    let replayed = orion(&["replay", &file.display().to_string()]);
    assert!(replayed.status.success());
    assert!(
        text(&replayed.stderr).starts_with("2 ticks and 0 bars, 5 quarantined"),
        "{}",
        text(&replayed.stderr)
    );

    let feed = format!("tape:{}", file.display());
    let server = Server::start(serve(
        &folder.path().join("data"),
        &["--feed", &feed, "--speed", "max"],
    ));
    let server = server.unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    assert!(server.logs("played to its end"), "it ended before its tape");
    let metrics = server.get("/metrics");
    for reason in ["crossed", "not_positive", "absurd_jump", "out_of_order"] {
        let line =
            format!("orion_feed_quarantined_total{{symbol=\"EURUSD\",reason=\"{reason}\"}} 1");
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn a_server_whose_tape_is_taken_away_says_so_keeps_its_clients_and_goes_on_when_it_is_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("EURUSD.csv");
    // The second tick comes on another day, for which the tape begins a new segment: three seconds later at this speed.
    let ticks = "time,bid,ask\n2026-03-04T23:59:30Z,1.08500,1.08510\n2026-03-05T00:00:30Z,1.08501,1.08511\n";
    std::fs::write(&file, ticks).expect("write");
    let (data, feed) = (
        folder.path().join("data"),
        format!("tape:{}", file.display()),
    );
    let server = Server::start(serve(&data, &["--feed", &feed, "--speed", "20"]));
    let server = server.unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    let mut client = server.subscribe();
    assert_eq!(client.next().expect("a price")["type"], "price_update");
    let tape = data.join("EURUSD").join("tape");
    std::fs::remove_dir_all(&tape).expect("remove the tape");
    assert!(
        server.logs("the disk of the data folder fails"),
        "it ended without a reason"
    );
    std::fs::create_dir(&tape).expect("a folder");
    let heard = std::iter::from_fn(|| client.next());
    let next =
        |message: &serde_json::Value| message["payload"]["timestamp"] == "2026-03-05T00:00:30.000Z";
    assert!(
        heard.into_iter().any(|message| next(&message)),
        "no next price"
    );
    assert!(server.logs("well again"), "it was not told");
}

#[test]
fn what_cannot_be_played_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "this is no recording\n").expect("write");
    let replayed = orion(&["replay", &file.display().to_string()]);
    assert_eq!(replayed.status.code(), Some(1));
    let told = text(&replayed.stderr);
    assert!(told.contains("notes.txt"), "{told}");
    let missing = orion(&["replay", "nowhere.zip"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        text(&missing.stderr).contains("nowhere.zip"),
        "{}",
        text(&missing.stderr)
    );
}
