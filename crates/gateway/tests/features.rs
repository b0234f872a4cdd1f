//! The channel of features over real sockets: names once, the latest row, and then each new one.

mod support;

use gateway::Publication;
use market::{FeatureUpdate, SourceTime, Symbol, Timeframe};
use serde_json::{Value, json};
use support::{Client, FEATURES, Server, now, of_prices, price, told_price};

fn of_features(rows: &[(&str, i64, [f64; 2])]) -> Publication {
    let row = |(symbol, minute, values): &(&str, i64, [f64; 2])| FeatureUpdate {
        symbol: Symbol::new(symbol).expect("a symbol"),
        timeframe: Timeframe::M5,
        time: SourceTime::from_secs(60 * minute),
        values: values.to_vec().into(),
    };
    Publication {
        features: rows.iter().map(row).collect(),
        now: now(),
        ..Publication::default()
    }
}

fn next(client: &mut Client) -> Value {
    serde_json::from_str(&client.hear_text()).expect("JSON")
}

#[test]
fn names_once_then_the_latest_and_what_is_new() {
    let past = of_features(&[("US30", 5, [1.0, 0.5]), ("XAUUSD", 5, [2.0, 0.25])]);
    let server = Server::recovered(&past, support::config());
    let mut client = server.connect();
    client.say(r#"{"type":"subscribe","v":1,"channels":["features"],"symbols":["US30"]}"#);
    let answer = next(&mut client);
    assert_eq!(answer["features"], json!({ "names": FEATURES }));
    assert_eq!(answer.get("price_interval_ms"), None, "it hears no prices");
    let told = next(&mut client);
    assert_eq!(
        told["payload"],
        json!({"symbol": "US30", "timeframe": "5m", "time": "1970-01-01T00:05:00.000Z", "values": [1, 0.5]})
    );
    server.publish(of_features(&[
        ("XAUUSD", 10, [3.0, 0.25]),
        ("US30", 10, [f64::NAN, 0.125]),
    ]));
    let told = next(&mut client);
    assert_eq!(told["type"], "features");
    assert_eq!(told["payload"]["values"], json!([null, 0.125]));
    client.say(r#"{"type":"unsubscribe","channels":["features"]}"#);
    assert_eq!(next(&mut client)["left"], json!({}));
    server.publish(of_features(&[("US30", 15, [4.0, 0.5])]));
    client.say(r#"{"type":"ping"}"#);
    assert_eq!(next(&mut client)["type"], "pong");
    assert_eq!(server.stats.total(|of| &of.features_sent), 2);
}

#[test]
fn who_gives_no_version_hears_none() {
    let server = Server::start();
    let mut plain = server.connect();
    plain.say(r#"{"type":"subscribe","channels":["features","prices"]}"#);
    assert!(plain.hear_text().contains(r#""code":"unknown_channel""#));
    plain.say(r#"{"type":"ping"}"#);
    assert!(plain.hear_text().contains("pong"));
    server.publish(of_features(&[("US30", 5, [1.0, 0.5])]));
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(plain.hear_text(), told_price("US30", 1));
}
