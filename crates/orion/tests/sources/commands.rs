//! `orion record` and `orion feed test` with vendors that are played.

use crate::support::lines;
use crate::world::World;
use journal::tape::{TapeItem, TapeReader};
use market::Event;
use standin::kraken;
use standin::oanda::Options;
use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn sources_are_recorded_without_a_server_and_played_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
    let address = format!("feed.json.address=[\"kraken:{}\"]", world.kraken.address());
    command
        .args(["record", "--feed", "kraken", "--set", &address, "--data"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut recorder = command.spawn().expect("start recording");
    let log = lines(recorder.stderr.take().expect("standard error"));
    let mut flowing = BTreeSet::new();
    while flowing.len() < 2 {
        let line = log
            .recv_timeout(Duration::from_secs(60))
            .expect("prices flow");
        flowing.extend(
            ["EURUSD", "GBPUSD"]
                .into_iter()
                .filter(|symbol| line.contains(symbol)),
        );
    }
    let sent = Command::new("kill")
        .args(["-TERM", &recorder.id().to_string()])
        .status();
    assert!(sent.expect("send a signal").success());
    let output = recorder.wait_with_output().expect("the recorder ends");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.starts_with("recorded "),
        "{told}"
    );

    let folder = folder.path().join("record");
    let ticks = TapeReader::open(&folder.join("tape"), None)
        .expect("open the tape")
        .filter(|item| matches!(item, Ok(TapeItem::Event(_, Event::Tick(_)))));
    assert!(ticks.count() >= 2);
    let replayed = Command::new(env!("CARGO_BIN_EXE_orion"))
        .arg("replay")
        .arg(&folder)
        .output();
    assert!(replayed.expect("replay").status.success());
}

/// What `orion feed test` prints and how it ends.
fn feed_test(name: &str, sets: &[String], key: Option<(&str, &str)>) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
    command.args(["feed", "test", name, "--seconds", "3"]);
    for set in sets {
        command.args(["--set", set]);
    }
    if let Some((variable, value)) = key {
        command.env(variable, value);
    }
    let output = command.output().expect("run orion feed test");
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), text.concat())
}

#[test]
fn feed_test_shows_a_table_or_says_exactly_why_not() {
    let world = World::new();
    let url = world.oanda.url();
    let sets = [
        format!("feed.oanda.rest_url=\"{url}\""),
        format!("feed.oanda.stream_url=\"{url}\""),
        "feed.oanda.backfill_hours=0".to_owned(),
        format!("feed.json.address=[\"kraken:{}\"]", world.kraken.address()),
    ];
    let token = Options::default().token;
    let (good, text) = feed_test("oanda", &sets, Some(("ORION_KEY_OANDA", &token)));
    assert!(good, "{text}");
    assert!(text.contains("EURUSD   EUR_USD"), "{text}");
    assert!(text.contains("oanda is live"), "{text}");
    assert!(!text.contains(&token), "{text}");

    let (good, text) = feed_test("oanda", &sets, None);
    assert!(
        !good && text.contains("it needs a key; set the variable ORION_KEY_OANDA"),
        "{text}"
    );

    let (good, text) = feed_test("kraken", &sets, None);
    assert!(good && text.contains("GBPUSD   GBP/USD"), "{text}");

    world.kraken.fault(kraken::Fault::Down);
    world.kraken.cut();
    let (good, text) = feed_test("kraken", &sets, None);
    assert!(!good && text.contains("503"), "{text}");

    let (good, text) = feed_test(
        "metatrader",
        &["server.listen=\"127.0.0.1:9\"".to_owned()],
        None,
    );
    assert!(
        !good && text.contains("orion serve --feed metatrader"),
        "{text}"
    );
}
