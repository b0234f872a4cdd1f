//! The routes as bots call them: the documented answers, what is refused, what happens when much comes at once.

use super::*;
use crate::inbox::{Inbox, Item, Told};
use crate::posted::testing::{Book, Hands, Heard, KeyRing, NOW, closed_desk, desk, send};
use crate::sample::catalog;
use axum::body::Body;
use axum::http::Request;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use market::{Price, SourceId, Status, Volume};
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::Value;
use std::collections::BTreeSet;
use std::convert::Infallible;

/// The routes with a played engine behind them, and a bot's key.
struct Stage {
    hands: Hands,
    router: Router,
    ring: KeyRing,
    book: Book,
    inbox: Inbox,
}

fn outlet(inbox: &Inbox, hands: &Hands) -> Outlet {
    let catalog = catalog();
    let symbols = symbols(&catalog).unwrap();
    inbox.outlet(SourceId(0), &catalog, &symbols, hands.clock())
}

fn stage() -> Stage {
    let hands = Hands::new();
    let ring = KeyRing::new();
    let (desk, book) = desk(&hands, |_| None);
    let inbox = Inbox::default();
    let router = router(desk, ring.access.clone(), Some(outlet(&inbox, &hands)));
    Stage {
        hands,
        router,
        ring,
        book,
        inbox,
    }
}

fn request(method: &str, path: &str, authorization: Option<&str>, body: Body) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    request.body(body).unwrap()
}

impl Stage {
    async fn post(&self, path: &str, body: impl Into<Body>) -> Heard {
        let bearer = format!("Bearer {}", self.ring.bot);
        let request = request("POST", path, Some(&bearer), body.into());
        send(&self.router, request).await
    }

    fn taken(&self) -> Vec<Tick> {
        let mut items = Vec::new();
        self.inbox.try_take(&mut items, 100);
        let ticks = items.into_iter().filter_map(|item: Item| match item.told {
            Told::Tick(tick) => Some(tick),
            Told::Life | Told::Began | Told::Ended | Told::Past(_) | Told::PreviousClose(_) => None,
        });
        ticks.collect()
    }
}

const SIGNAL: &str = r#"{"id":"sig_001","symbol":"EURUSD","direction":"long","entry_price":1.0853,"stop_loss":1.0831,"take_profits":[1.0871],"confidence":85,"killzone":"London Open"}"#;

#[tokio::test]
async fn a_signal_is_answered_with_the_documented_fields() {
    let stage = stage();
    let heard = stage.post("/api/signals", SIGNAL).await;
    assert_eq!(heard.status, 200, "{}", heard.body);
    assert_eq!(heard.header("content-type"), "application/json");
    let expected = r#"{"success":true,"message":"Signal of EURUSD received","signal_id":"sig_001","dry_run":false,"line_sent":false,"timestamp":"2026-11-23T14:05:00.000Z","id":"ID","status":"pending","confidence":0.85}"#;
    let id = crate::posted::draft::shown_id("my-bot", "sig_001");
    assert_eq!(heard.body, expected.replace("ID", &id.to_string()));
    assert_eq!(stage.book.lock().unwrap()[&id].len(), 1);
}

#[tokio::test]
async fn the_same_again_is_the_first_answer_again_a_verdict_is_taken_and_the_rest_is_409() {
    let stage = stage();
    let first = stage.post("/api/signals", SIGNAL).await.body;
    stage.hands.pass(Span::from_secs(60));
    assert_eq!(stage.post("/api/signals", SIGNAL).await.body, first);
    let other = SIGNAL.replace("1.0871", "1.0872");
    let known = stage.post("/api/signals", other).await;
    assert_eq!(known.status, 409, "{}", known.body);
    assert_eq!(known.json()["signal_id"], "sig_001");
    let verdict = r#"{"id":"sig_001","symbol":"EURUSD","direction":"long","status":"INVALIDATED"}"#;
    let verdict = stage.post("/api/signals", verdict).await;
    assert_eq!(
        (verdict.status, verdict.json()["status"].as_str()),
        (200, Some("invalidated"))
    );
    assert!(verdict.json().get("note").is_none(), "{}", verdict.body);
    let book = stage.book.lock().unwrap();
    let statuses: Vec<Status> = book.values().flatten().map(|alert| alert.status).collect();
    assert_eq!(statuses, [Status::Pending, Status::Invalidated]);
}

#[tokio::test]
async fn a_dry_run_and_a_test_are_judged_and_shown_to_nobody() {
    let stage = stage();
    let dry = SIGNAL.replace("\"confidence\"", "\"dry_run\":true,\"confidence\"");
    let dry = stage.post("/api/signals", dry).await.json();
    assert_eq!(dry["dry_run"], true);
    assert!(dry["message"].as_str().unwrap().contains("shown to nobody"));
    let test = SIGNAL.replace("\"confidence\"", "\"signal_type\":\"test\",\"confidence\"");
    let test = stage.post("/api/signals", test).await.json();
    assert_eq!(
        (test["dry_run"].clone(), test["signal_type"].clone()),
        (true.into(), "test".into())
    );
    assert!(test["note"].as_str().unwrap().contains("signal_type test"));
    for real in ["trade", "analysis", "entry"] {
        let body = SIGNAL.replace(
            "\"confidence\"",
            &format!("\"signal_type\":\"{real}\",\"confidence\""),
        );
        assert_eq!(
            stage.post("/api/signals", body).await.json()["dry_run"],
            false
        );
    }
    assert_eq!(stage.book.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_posts_without_a_bots_key() {
    let stage = stage();
    let check = async |authorization: Option<&str>, status: u16, error: &str| {
        for path in ["/api/signals", "/api/prices"] {
            let request = request("POST", path, authorization, Body::from(SIGNAL));
            let heard = send(&stage.router, request).await;
            assert_eq!(heard.status, status, "{authorization:?}: {}", heard.body);
            assert!(heard.body.contains(error), "{}", heard.body);
            assert_eq!(heard.header("access-control-allow-origin"), "*");
            let challenge = if status == 401 { "Bearer" } else { "" };
            assert_eq!(heard.header("www-authenticate"), challenge);
            for secret in [&stage.ring.bot, &stage.ring.reader, &stage.ring.chart] {
                assert!(!heard.body.contains(secret.as_str()));
            }
        }
    };
    check(None, 401, "orion key add NAME").await;
    let documented = r#"{"error":"Invalid authorization format"}"#;
    for wrong in [
        "Basic abc",
        "Bearer",
        "",
        "Token x",
        &stage.ring.bot,
        "bearerX x",
    ] {
        check(Some(wrong), 401, documented).await;
    }
    check(Some("Bearer "), 401, "Unknown key").await;
    check(Some("Bearer wrong"), 401, "Unknown key").await;
    let chart = format!("Bearer {}", stage.ring.chart);
    check(Some(&chart), 403, "is one for tradingview").await;
    let reader = format!("Bearer {}", stage.ring.reader);
    check(Some(&reader), 403, "my-reader may not post").await;
    check(Some("Bearer a.b.c"), 401, "no JWT is taken here").await;
    let lower = format!("bearer {}", stage.ring.bot);
    let heard = send(
        &stage.router,
        request("POST", "/api/signals", Some(&lower), SIGNAL.into()),
    )
    .await;
    assert_eq!(
        heard.status, 200,
        "the scheme's name has no case (RFC 9110, section 11.1)"
    );
    assert_eq!(stage.book.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn browsers_may_ask_and_other_methods_are_405() {
    let stage = stage();
    for (path, own) in [
        ("/api/signals", "POST"),
        ("/api/prices", "POST"),
        ("/api/websocket", "GET"),
    ] {
        for method in ["OPTIONS", "PUT", "DELETE", "PATCH", "GET", "POST"] {
            if method == own {
                continue;
            }
            let heard = send(&stage.router, request(method, path, None, Body::empty())).await;
            let allowed = format!("{own}, OPTIONS");
            assert_eq!(heard.header("access-control-allow-origin"), "*");
            assert_eq!(heard.header("access-control-allow-methods"), allowed);
            assert_eq!(
                heard.header("access-control-allow-headers"),
                "Content-Type, Authorization"
            );
            if method == "OPTIONS" {
                assert_eq!((heard.status, heard.body.as_str()), (200, ""));
            } else {
                assert_eq!(heard.status, 405);
                assert_eq!(heard.body, r#"{"error":"Method not allowed"}"#);
                assert_eq!(heard.header("allow"), allowed);
            }
        }
    }
    let heard = send(
        &stage.router,
        request("GET", "/api/websocket", None, Body::empty()),
    )
    .await;
    assert_eq!(heard.status, 200);
    assert_eq!(heard.json()["signals"], "POST /api/signals");
    assert_eq!(heard.json()["websocket"], "/ws/signals");
    assert!(heard.body.contains("Nothing here is investment advice"));
}

#[tokio::test(start_paused = true)]
async fn a_body_has_a_bound_in_bytes_and_in_time() {
    let stage = stage();
    let padded = |bytes: usize| format!("{SIGNAL}{}", " ".repeat(bytes - SIGNAL.len()));
    assert_eq!(
        stage.post("/api/signals", padded(16 * 1024)).await.status,
        200
    );
    let long = stage.post("/api/signals", padded(16 * 1024 + 1)).await;
    assert_eq!(long.status, 413);
    assert_eq!(long.json()["error"], "the body is longer than 16384 bytes");
    let endless = stream::iter([Ok::<_, Infallible>("{")]).chain(stream::pending());
    assert_eq!(
        stage
            .post("/api/signals", Body::from_stream(endless))
            .await
            .status,
        408
    );
    let broken = stream::iter([Ok("{"), Err(std::io::Error::other("cut"))]);
    assert_eq!(
        stage
            .post("/api/signals", Body::from_stream(broken))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_thousand_signals_at_once_are_taken_once_each_up_to_the_limit_and_the_rest_are_429() {
    let stage = stage();
    let bodies: Vec<String> = (0..1000)
        .map(|n| SIGNAL.replace("sig_001", &format!("s{n}")))
        .collect();
    let heard = join_all(
        bodies
            .iter()
            .map(|body| stage.post("/api/signals", body.clone())),
    )
    .await;
    let taken: BTreeSet<String> = heard
        .iter()
        .filter(|heard| heard.status == 200)
        .map(|heard| heard.json()["signal_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(taken.len(), 100);
    for refused in heard.iter().filter(|heard| heard.status != 200) {
        assert_eq!(refused.status, 429, "{}", refused.body);
        assert_eq!(refused.header("retry-after"), "1");
        assert!(
            refused.body.contains("20 a second are taken"),
            "{}",
            refused.body
        );
    }
    let count = |stage: &Stage| {
        let book = stage.book.lock().unwrap();
        assert!(book.values().all(|alerts| alerts.len() == 1));
        book.len()
    };
    assert_eq!(count(&stage), 100);
    assert_eq!(
        stage.post("/api/prices", "{}").await.status,
        400,
        "prices have a limit of their own"
    );
    stage.hands.pass(Span::from_secs(1));
    let more = join_all(
        bodies[500..600]
            .iter()
            .map(|body| stage.post("/api/signals", body.clone())),
    )
    .await;
    assert_eq!(more.iter().filter(|heard| heard.status == 200).count(), 20);
    assert_eq!(count(&stage), 120);
}

#[tokio::test]
async fn an_engine_that_takes_nothing_is_503_with_advice() {
    let hands = Hands::new();
    let ring = KeyRing::new();
    let (desk, postings) = closed_desk(&hands);
    drop(postings);
    let router = router(desk, ring.access.clone(), None);
    let bearer = format!("Bearer {}", ring.bot);
    let heard = send(
        &router,
        request("POST", "/api/signals", Some(&bearer), SIGNAL.into()),
    )
    .await;
    assert_eq!((heard.status, heard.header("retry-after")), (503, "1"));
    assert!(heard.body.contains("never taken twice"), "{}", heard.body);
    let heard = send(
        &router,
        request(
            "POST",
            "/api/prices",
            Some(&bearer),
            r#"{"symbol":"ES","price":1}"#.into(),
        ),
    )
    .await;
    assert_eq!(heard.status, 422);
    assert!(heard.body.contains("--feed bots"), "{}", heard.body);
}

#[tokio::test]
async fn a_price_becomes_a_tick_of_the_source_bots() {
    let stage = stage();
    let price = |text: &str| Price::parse(text).unwrap();
    let at = |text: &str| market::SourceTime::parse(text).unwrap();
    let check = async |body: &str, answered: &str, bid: &str, ask: &str| {
        let heard = stage.post("/api/prices", body.to_owned()).await;
        assert_eq!(heard.status, 200, "{body}: {}", heard.body);
        let start = r#"{"success":true,"message":"Price update received","symbol":"#;
        assert_eq!(heard.body, format!("{start}{answered}}}"));
        let ticks = stage.taken();
        assert_eq!(ticks.len(), 1, "{body}");
        assert_eq!(
            (ticks[0].bid, ticks[0].ask),
            (price(bid), price(ask)),
            "{body}"
        );
        assert_eq!(ticks[0].received, Some(NOW));
        ticks.into_iter().next().unwrap()
    };
    let tick = check(
        r#"{"symbol":"EURUSD","price":1.0853,"change":0.001,"change_percent":-0.1,"volume":17,"timestamp":"2026-11-23T14:04:59.500Z"}"#,
        r#""EURUSD","price":1.0853,"timestamp":"2026-11-23T14:04:59.500Z""#,
        "1.08524",
        "1.08536",
    )
    .await;
    assert_eq!(tick.mid(), price("1.0853"));
    assert_eq!(tick.volume, None, "a currency has no real volume");
    assert_eq!(tick.time, at("2026-11-23T14:04:59.500Z"));
    let tick = check(
        r#"{"symbol":"es","price":6725.25,"volume":17}"#,
        r#""ES","price":6725.25,"timestamp":"2026-11-23T14:05:00.000Z""#,
        "6725.125",
        "6725.375",
    )
    .await;
    assert_eq!(tick.volume, Some(Volume(17_000_000_000)));
    check(
        r#"{"symbol":"XAUUSD","bid":2650.1,"ask":2650.5}"#,
        r#""XAUUSD","price":2650.3,"timestamp":"2026-11-23T14:05:00.000Z""#,
        "2650.1",
        "2650.5",
    )
    .await;
}

#[tokio::test]
async fn a_price_that_is_posted_again_is_answered_as_the_first_time_and_is_one_tick() {
    let stage = stage();
    let price = r#"{"symbol":"EURUSD","price":1.0853,"timestamp":"2026-11-23T14:04:59.500Z"}"#;
    let first = stage.post("/api/prices", price).await;
    let again = stage.post("/api/prices", price).await;
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.body, again.body);
    assert_eq!(stage.taken().len(), 1);
    // Another price of the same moment is another tick.
    let other = price.replace("1.0853", "1.0854");
    assert_eq!(stage.post("/api/prices", other).await.status, 200);
    assert_eq!(stage.taken().len(), 1);
}

#[tokio::test]
async fn what_can_be_no_price_is_refused_by_field() {
    let stage = stage();
    let check = async |body: &str, status: u16, words: &str| {
        let heard = stage.post("/api/prices", body.to_owned()).await;
        assert_eq!(heard.status, status, "{body}: {}", heard.body);
        assert!(heard.body.contains(words), "{body}: {}", heard.body);
    };
    check(
        "{}",
        400,
        r#""error":"Missing required fields: symbol, price""#,
    )
    .await;
    check(
        r#"{"symbol":"EURUSD","bid":1}"#,
        400,
        "Missing required fields",
    )
    .await;
    check(r#"{"price":1}"#, 400, "Missing required fields").await;
    check(
        r#"{"symbol":"EURUSD","price":"1.08"}"#,
        400,
        "without quotes",
    )
    .await;
    check(r#"{"symbol":"EURUSD","price":0}"#, 400, "above 0").await;
    check(
        r#"{"symbol":"EURUSD","price":1.08,"bid":1.07}"#,
        400,
        "`ask`",
    )
    .await;
    check(
        r#"{"symbol":"EURUSD","bid":1.09,"ask":1.08}"#,
        422,
        "above the ask",
    )
    .await;
    check(
        r#"{"symbol":"EURUSD","price":1.08,"change":"+1"}"#,
        400,
        "`change`",
    )
    .await;
    check(
        r#"{"symbol":"ES","price":6700,"volume":-1}"#,
        400,
        "`volume`",
    )
    .await;
    check(
        r#"{"symbol":"NQ","price":20000}"#,
        422,
        "not taken for NAS100",
    )
    .await;
    check(
        r#"{"symbol":"EURUSD","price":1.08,"timestamp":"2026-11-23T14:06:01Z"}"#,
        422,
        "61 s ahead",
    )
    .await;
    check(
        r#"{"symbol":"EURUSD","price":1.08,"timestamp":"now"}"#,
        400,
        "`timestamp`",
    )
    .await;
    assert_eq!(stage.taken(), []);
    check(r#"{"symbol":"EURUSD","price":1.08}"#, 200, "").await;
    let old = r#"{"symbol":"EURUSD","price":1.08,"timestamp":"2026-11-23T13:05:00Z"}"#;
    check(old, 422, "out_of_order").await;
    assert_eq!(stage.taken().len(), 1);
}

#[test]
fn settings_have_sane_bounds() {
    assert_eq!(Settings::default().check(), []);
    let keys = |rate_per_s, burst| {
        let wrong = Settings { rate_per_s, burst }.check();
        wrong.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(keys(0, 0), ["rate_per_s"]);
    assert_eq!(keys(20, 19), ["burst"]);
    assert_eq!(keys(10_001, 1), ["rate_per_s", "burst"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_are_answered_with_json_and_4xx(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let stage = stage();
            for path in ["/api/signals", "/api/prices"] {
                let heard = stage.post(path, bytes.clone()).await;
                assert!((400..500).contains(&heard.status), "{}", heard.status);
                let answer: Value = heard.json();
                assert!(answer["error"].is_string());
            }
        });
    }
}

/// The bodies that the guide shows.
#[tokio::test]
async fn every_body_of_the_guide_is_taken() {
    const GUIDE: &str = include_str!("../../../../docs/sources/bots.md");
    let stage = stage();
    let mut bodies = GUIDE
        .split("-d '")
        .skip(1)
        .map(|rest| rest.split_once('\'').unwrap().0);
    let (signal, price) = (bodies.next().unwrap(), bodies.next().unwrap());
    assert_eq!(bodies.next(), None);
    let heard = stage.post("/api/signals", signal).await;
    assert_eq!(
        (heard.status, heard.json()["signal_id"].as_str()),
        (200, Some("sig_001"))
    );
    assert_eq!(stage.post("/api/prices", price).await.status, 200);
    let (_, full) = GUIDE
        .split_once("## A signal: `POST /api/signals`")
        .unwrap();
    let (full, _) = full.split_once("| field |").unwrap();
    let full = full.replace("sig_001", "sig_002");
    let heard = stage.post("/api/signals", full).await;
    assert_eq!(heard.status, 200, "{}", heard.body);
    assert!(heard.json().get("planned").is_none() && heard.json().get("ignored").is_none());
}
