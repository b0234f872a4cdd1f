//! How things stand now.

use super::support::Server;
use super::{ask, items, start, text, told};
use serde_json::json;

#[test]
fn a_server_says_what_it_serves_and_that_it_is_simulated() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &[]);
    let status = told(&server, "/status");
    assert_eq!(status["market"], "sim-5");
    assert_eq!(status["simulated"], true);
    assert_eq!(status["feed"], "sim");
    assert_eq!(status["auth"], "off");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert!(text(&status["started"]) <= text(&status["now"]), "{status}");
    assert!(status["position"]["seq"].as_u64() > Some(100), "{status}");

    let symbols = told(&server, "/symbols");
    assert_eq!(symbols["simulated"], true);
    assert_eq!(
        symbols["timeframes"],
        json!(["1m", "5m", "15m", "1h", "4h", "1d"])
    );
    let shown = items(&symbols);
    assert_eq!(status["symbols"], shown.len());
    let euro = shown
        .iter()
        .find(|one| one["symbol"] == "EURUSD")
        .expect("EURUSD");
    assert_eq!(euro["name"], "EUR/USD");
    assert_eq!(euro["digits"], 5);
    assert_eq!(euro["simulated"], true);
    // The simulated market never closes.
    assert_eq!(
        (&euro["is_open"], &euro["next_close"]),
        (&json!(true), &json!(null))
    );
    let london = &euro["killzones"][1];
    assert_eq!(
        *london,
        json!({"name": "london", "from": "02:00", "to": "07:00", "core": ["02:00", "05:00"]})
    );

    prices_are_those_of_the_socket(&server);
}

fn prices_are_those_of_the_socket(server: &Server) {
    let mut client = server.subscribe_to(&["prices"]);
    let first = client.next().expect("a price")["payload"].clone();
    let prices = told(server, "/prices");
    let found = items(&prices)
        .iter()
        .find(|one| one["symbol"] == first["symbol"]);
    let found = found.unwrap_or_else(|| panic!("no {} in {prices}", first["symbol"]));
    assert!(text(&found["timestamp"]) >= text(&first["timestamp"]));
    let number = |name: &str| {
        found[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} of {found}"))
    };
    assert!(
        number("bid") <= number("price") && number("price") <= number("ask"),
        "{found}"
    );
    assert!(
        (number("ask") - number("bid") - number("spread")).abs() < 1e-9,
        "{found}"
    );
    assert!(number("age_ms") < 60_000.0, "{found}");
    assert_eq!(found["simulated"], true);
    // The day before has many more minutes.
    let spark = found["spark"].as_array().expect("closes");
    assert_eq!(spark.len(), 60);
    let near = |close: &f64| (close / number("price") - 1.0).abs() < 0.05;
    assert!(
        spark
            .iter()
            .all(|close| close.as_f64().is_some_and(|close| near(&close)))
    );
}

#[test]
fn a_question_that_cannot_be_is_answered_with_what_may_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &[]);
    for (path, error, remedy) in [
        (
            "/status?colour=red",
            "`colour` is no parameter",
            "it has none",
        ),
        (
            "/signals?colour=red",
            "`colour` is no parameter",
            "status, symbol",
        ),
        ("/signals?limit=501", "`limit` is `501`", "from 1 to 500"),
        (
            "/signals?status=open",
            "`status` is `open`",
            "pending, confirmed",
        ),
        ("/signals?cursor=1", "`cursor` is `1`", "`next`"),
        (
            "/signals?from=soon",
            "`from` is `soon`",
            "2026-11-23T14:05:00.000Z",
        ),
        ("/outcomes?limit=0", "`limit` is `0`", "from 1 to 5000"),
        (
            "/outcomes?killzone=tea",
            "`killzone` is `tea`",
            "asia, london",
        ),
    ] {
        let (status, body) = ask(&server, path, "");
        assert_eq!(status, 400, "{path}: {body}");
        assert!(text(&body["error"]).contains(error), "{path}: {body}");
        assert!(text(&body["remedy"]).contains(remedy), "{path}: {body}");
    }
    let (status, body) = ask(&server, "/signals/7c0e5a1e-9f0b-5c1d-8e2f-3a4b5c6d7e8f", "");
    assert_eq!(status, 404);
    assert!(text(&body["remedy"]).contains("/api/v1/signals"), "{body}");
    let (status, _) = ask(&server, "/signals/nonsense", "");
    assert_eq!(status, 404);
    for path in ["/signal", "/", "", "/signals/a/b"] {
        let (status, body) = ask(&server, path, "");
        assert_eq!(status, 404, "{path}");
        let named = format!("there is nothing at /api/v1{path}");
        assert_eq!(text(&body["error"]), named);
        assert!(text(&body["remedy"]).contains("/api/v1/docs"), "{body}");
    }
    let posted = server.post("/api/v1/status", &[], "{}");
    let (status, body) = posted.expect("an answer");
    assert_eq!(status, 405, "{body}");
    assert_eq!(
        text(&body["error"]),
        "/api/v1/status is not asked by POST",
        "{body}"
    );
}
