//! The channel of bars through the whole server: what is heard over a socket, past and live, and over a restart, is what
//! the recorded file gives by arithmetic that knows nothing of the engine.

mod support;

use market::{Ohlc, Price, SourceTime, Span};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::recording::{self, command};
use support::{Client, Server};

const DIGITS: [(&str, u8); 3] = [("EURUSD", 5), ("NAS100", 1), ("XAUUSD", 2)];
/// An hour in six seconds.
const SPEED: &str = "600";
/// Closed bars that one client has heard when another comes: the rest is live for it.
const HEARD_BEFORE: usize = 60;

/// Open time, prices and ticks as they are told.
type Told = (String, [String; 4], u64);
/// The bars of each symbol.
type BySymbol = BTreeMap<String, Vec<Told>>;

/// The minutes of the recorded files.
fn minutes(files: &[PathBuf]) -> BySymbol {
    let of = |file: &PathBuf| {
        let symbol = file.file_stem().expect("a name").to_string_lossy();
        (symbol.to_string(), minutes_of(&symbol, file))
    };
    files.iter().map(of).collect()
}

fn minutes_of(symbol: &str, file: &Path) -> Vec<Told> {
    let digits = DIGITS.iter().find(|(name, _)| *name == symbol);
    let digits = digits.expect("one of them").1;
    let mut minutes: BTreeMap<SourceTime, (Ohlc, u64)> = BTreeMap::new();
    let text = std::fs::read_to_string(file).expect("a recording");
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let price = |text: &str| Price::parse(text).expect("a price");
        let mid = price(fields[1]).mid(price(fields[2]));
        let time = SourceTime::parse(fields[0]).expect("a time");
        let minute = minutes.entry(time.floor(Span::from_minutes(1)));
        let (prices, ticks) = minute.or_insert((Ohlc::of(mid), 0));
        prices.add(mid);
        *ticks += 1;
    }
    let told = minutes.into_iter().map(|(open_time, (of, ticks))| {
        let shown = [of.open, of.high, of.low, of.close];
        let shown = shown.map(|price| number(&price.display(digits).to_string()));
        (open_time.to_string(), shown, ticks)
    });
    told.collect()
}

/// A number as JSON gives it back.
fn number(text: &str) -> String {
    let value: Value = serde_json::from_str(text).expect("a number");
    value.to_string()
}

/// Subscribes to the minutes since the beginning; what the answer says of them.
fn subscribe(server: &Server) -> (Client, Value) {
    let mut client = server.connect();
    client.say(&json!({
        "type": "subscribe", "v": 1, "channels": ["bars"], "tf": "1m", "since_time": "2000-01-01T00:00:00Z",
    }));
    let answer = client.next().expect("an answer");
    assert_eq!(answer["type"], "subscribed", "{answer}");
    (client, answer["bars"].clone())
}

/// Hears on until there are so many closed bars.
fn hear(client: &mut Client, heard: &mut BySymbol, count: usize) {
    while heard.values().map(Vec::len).sum::<usize>() < count {
        let message = client.next().expect("it goes on");
        take(heard, &message);
    }
}

/// Takes a message in, if it is a closed bar.
fn take(heard: &mut BySymbol, message: &Value) {
    let payload = &message["payload"];
    if message["type"] != "bar" || payload["closed"] == false {
        return;
    }
    let text = |key: &str| payload[key].as_str().expect("a text").to_owned();
    let prices = ["o", "h", "l", "c"].map(|key| payload[key].to_string());
    let ticks = payload["ticks"].as_u64().expect("a number");
    let bars = heard.entry(text("symbol")).or_default();
    bars.push((text("open_time"), prices, ticks));
}

/// All but the last minute have been heard.
fn check(heard: &BySymbol, minutes: &BySymbol, who: &str) {
    for (symbol, minutes) in minutes {
        let closed = &minutes[..minutes.len() - 1];
        assert_eq!(heard[symbol], closed, "{who}: {symbol}");
    }
}

#[test]
fn bars_of_the_past_and_live_ones_are_those_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = recording::make(folder.path(), Span::from_hours(1));
    let minutes = minutes(&files);
    let data = folder.path().join("data");
    let server = Server::start(command(&data, &files, SPEED)).expect("start");
    let (mut first, _) = subscribe(&server);
    let mut early = BySymbol::new();
    hear(&mut first, &mut early, HEARD_BEFORE);
    let (mut second, told) = subscribe(&server);
    let replayed = told["replayed"].as_u64().expect("a number") as usize;
    assert!(replayed >= HEARD_BEFORE, "{told}");
    // The last of each symbol does not close: nothing follows it.
    let all: usize = minutes.values().map(|minutes| minutes.len() - 1).sum();
    assert!(replayed < all, "some are live: {replayed} of {all}");
    let mut late = BySymbol::new();
    hear(&mut first, &mut early, all);
    hear(&mut second, &mut late, all);
    check(&early, &minutes, "live");
    check(&late, &minutes, "past and live");
    assert!(server.logs("played to its end"), "it ended before its tape");
    server.terminate();
    assert_eq!(server.wait(), Some(0));

    let server = Server::start(command(&data, &files, SPEED)).expect("start again");
    let (mut third, told) = subscribe(&server);
    assert_eq!(told["replayed"], all, "a restart keeps them");
    let mut again = BySymbol::new();
    hear(&mut third, &mut again, all);
    check(&again, &minutes, "after a restart");
    server.terminate();
    assert_eq!(server.wait(), Some(0));
}
