//! The past that is fetched at the start: charts are warm, and changes are right.

use crate::support::key;
use crate::world::{World, currencies_are_open, machine_time, until, until_source};
use market::{NewYork, SourceTime, Span};
use serde_json::Value;
use standin::oanda::{Candle, Oanda};

/// The minutes before `now` as OANDA keeps them, falling and rising by turns; and the close of the last trading day.
fn keep_history(oanda: &Oanda, now: SourceTime) {
    let minute = now.floor(Span::from_minutes(1));
    let candle = |minutes_ago: i64| {
        let turn = (minutes_ago % 7) * 10;
        let price = |points: i64| format!("1.{:05}", 10_000 + turn + points);
        let prices = |spread: i64| [0, 60, -40, 20].map(|points| price(points + spread));
        Candle {
            nanos: (minute - Span::from_minutes(minutes_ago)).nanos(),
            bid: prices(0),
            ask: prices(10),
            is_complete: true,
        }
    };
    oanda.set_candles("EUR_USD", "M1", (1..=300).rev().map(candle).collect());
    let yesterday = Candle {
        nanos: (NewYork::latest(now, 17) - Span::from_hours(24)).nanos(),
        bid: ["1.09000", "1.09500", "1.08500", "1.09000"].map(str::to_owned),
        ask: ["1.09010", "1.09510", "1.08510", "1.09010"].map(str::to_owned),
        is_complete: true,
    };
    oanda.set_candles("EUR_USD", "D", vec![yesterday]);
}

#[test]
fn charts_are_warm_and_changes_right_from_the_first_minute() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = key(folder.path(), "mybot", "bots");
    // The past is asked for by the clock of this machine.
    let now = machine_time();
    if !currencies_are_open(now) {
        eprintln!(
            "skipped: the market of EURUSD is closed now, and its past is told by this machine's clock"
        );
        return;
    }
    let world = World::at(now);
    keep_history(&world.oanda, now);
    let server = world.serve_with(
        folder.path(),
        "127.0.0.1:0",
        &["feed.oanda.backfill_hours=5"],
    );
    let mut client = server.subscribe_to(&["prices", "status"]);
    until_source(&mut client, "EURUSD", "oanda");
    until(&mut client, "a price with its change", |message| {
        let payload = &message["payload"];
        let number = |field: &str| payload[field].as_f64().unwrap_or(f64::NAN);
        // Against the mid of yesterday's close, 1.09005.
        payload["symbol"] == "EURUSD" && (number("price") - number("change") - 1.09005).abs() < 2e-5
    });
    // A stop can be planned: the average true range is known from what was fetched.
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str())];
    let body = r#"{"id":"warm","symbol":"EURUSD","direction":"long"}"#;
    let (status, answer) = server
        .post("/api/signals", &headers, body)
        .expect("an answer");
    assert_eq!(status, 200, "{answer}");
    assert!(answer["planned"]["stop_loss"].is_number(), "{answer}");
    assert_eq!(answer["simulated"], Value::Null, "a real source");
    // A symbol that no source tells has no price to judge by.
    let other = body.replace("EURUSD", "US30").replace("warm", "cold");
    let (status, answer) = server
        .post("/api/signals", &headers, &other)
        .expect("an answer");
    assert_eq!(status, 422, "{answer}");
}
