//! The channel of bars over real sockets: the past and then what is new, who may ask, and who is too slow.

mod support;

use gateway::Publication;
use market::{Bar, BarUpdate, Ohlc, Price, SourceTime, Span, Symbol, Timeframe};
use serde_json::{Value, json};
use std::sync::Arc;
use support::{Client, Server, config, now, of_prices, price, told_price};

/// The minute of this number.
fn minute(symbol: &str, number: i64, ticks: u32, closed: bool) -> Arc<BarUpdate> {
    let open_time = SourceTime::from_secs(60 * number);
    Arc::new(BarUpdate {
        symbol: Symbol::new(symbol).expect("a symbol"),
        digits: 1,
        timeframe: Timeframe::M1,
        bar: Bar {
            open_time,
            end_time: open_time + Span::from_minutes(1),
            price: Ohlc::of(Price::from_units(40_000_000_000_000)),
            ticks,
            holed: false,
        },
        closed,
    })
}

fn of_bars(bars: impl IntoIterator<Item = Arc<BarUpdate>>) -> Publication {
    Publication {
        bars: bars.into_iter().collect(),
        now: now(),
        ..Publication::default()
    }
}

fn ask(client: &mut Client, mut message: Value) -> Value {
    message["type"] = json!("subscribe");
    message["v"] = json!(1);
    client.say(&message.to_string());
    next(client)
}

fn next(client: &mut Client) -> Value {
    serde_json::from_str(&client.hear_text()).expect("JSON")
}

/// The symbol, number, ticks, and whether it is closed, of the next bars.
fn bars(client: &mut Client, count: usize) -> Vec<(String, i64, u64, bool)> {
    let told = (0..count).map(|_| {
        let message = next(client);
        assert_eq!(message["type"], "bar", "{message}");
        let of = &message["payload"];
        let time = of["open_time"].as_str().expect("a text");
        let time = SourceTime::parse(time).expect("a time");
        (
            of["symbol"].as_str().expect("a text").to_owned(),
            time.nanos() / 60_000_000_000,
            of["ticks"].as_u64().expect("a number"),
            of["closed"].as_bool().expect("true or false"),
        )
    });
    told.collect()
}

fn is(symbol: &str, number: i64, ticks: u64, closed: bool) -> (String, i64, u64, bool) {
    (symbol.to_owned(), number, ticks, closed)
}

#[test]
fn the_past_and_then_what_is_new_over_one_socket() {
    let past = of_bars([
        minute("US30", 1, 5, true),
        minute("XAUUSD", 1, 4, true),
        minute("US30", 2, 6, true),
        minute("US30", 3, 7, true),
        minute("US30", 4, 1, false),
    ]);
    let server = Server::recovered(&past, config());
    let mut client = server.connect();
    let answer = ask(
        &mut client,
        json!({"channels": ["bars"], "symbols": ["US30"], "tf": "1m", "since_time": "1970-01-01T00:02:00Z"}),
    );
    assert_eq!(
        answer["bars"],
        json!({"tf": "1m", "recovered": true, "replayed": 2})
    );
    assert_eq!(answer["price_interval_ms"], 1000);
    server.publish(of_bars([
        minute("US30", 4, 2, false),
        minute("XAUUSD", 2, 4, true),
    ]));
    server.publish(of_bars([minute("US30", 4, 3, true)]));
    server.publish(of_bars([minute("US30", 5, 1, false)]));
    let told = bars(&mut client, 3);
    assert_eq!(
        told,
        [
            is("US30", 2, 6, true),
            is("US30", 3, 7, true),
            is("US30", 4, 1, false)
        ]
    );
    // How an open bar stands may be told or not: only its end is certain.
    let mut live = bars(&mut client, 1);
    if !live[0].3 {
        assert_eq!(live, [is("US30", 4, 2, false)]);
        live = bars(&mut client, 1);
    }
    assert_eq!(live, [is("US30", 4, 3, true)]);
    assert_eq!(bars(&mut client, 1), [is("US30", 5, 1, false)]);
    let again = ask(
        &mut client,
        json!({"channels": ["bars"], "symbols": ["US30"], "tf": "1m", "since_time": "1970-01-01T00:00:00Z"}),
    );
    assert_eq!(
        again["bars"],
        json!({"tf": "1m", "recovered": false, "replayed": 4})
    );
}

#[test]
fn where_no_bar_of_the_past_is_kept_it_is_said() {
    let open = of_bars([minute("US30", 7, 1, false)]);
    let server = Server::recovered(&open, config());
    for (since, recovered) in [("00:06", false), ("00:07", true)] {
        let time = format!("1970-01-01T{since}:00Z");
        let answer = ask(
            &mut server.connect(),
            json!({"channels": ["bars"], "symbols": ["US30"], "tf": "1m", "since_time": time}),
        );
        assert_eq!(
            answer["bars"],
            json!({"tf": "1m", "recovered": recovered, "replayed": 0})
        );
    }
}

#[test]
fn who_does_not_name_bars_or_gives_no_version_hears_none() {
    let server = Server::start();
    let mut plain = server.connect();
    plain.say(r#"{"type":"subscribe","channels":["bars","prices"],"tf":"1m"}"#);
    assert!(plain.hear_text().contains(r#""code":"unknown_channel""#));
    let mut extended = server.connect();
    ask(&mut extended, json!({"channels": ["prices"]}));
    plain.say(r#"{"type":"ping"}"#);
    assert!(plain.hear_text().contains("pong"));
    server.publish(of_bars([minute("US30", 1, 5, true)]));
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(plain.hear_text(), told_price("US30", 1));
    assert_eq!(next(&mut extended)["type"], "price_update");
    let refused = ask(&mut extended, json!({"id": "c2", "channels": ["bars"]}));
    assert_eq!(
        (&refused["code"], &refused["id"]),
        (&json!("bad_message"), &json!("c2"))
    );
    assert!(refused["message"].as_str().expect("a text").contains("15m"));
}

#[test]
fn who_falls_behind_with_closed_bars_is_closed_and_never_skipped() {
    let mut config = config();
    config.hub.bar_log = 8;
    let server = Server::with(config);
    let mut client = server.connect();
    ask(&mut client, json!({"channels": ["bars"], "tf": "1m"}));
    // In one publication, so that no flush comes between.
    server.publish(of_bars(
        (1..=9).map(|number| minute("US30", number, 1, true)),
    ));
    let (code, _) = client.hear_close();
    assert_eq!(code, Some(4409));
}
