//! Deliveries as TradingView makes them: the templates of the guide, what users paste from elsewhere, resends, fences.

use super::*;
use crate::posted::testing::{Book, Hands, Heard, KeyRing, NOW, closed_desk, desk, send};
use crate::sample::catalog;
use axum::body::Body;
use axum::http::Request as HttpRequest;
use futures_util::future::join_all;
use market::{Alert, Direction, Price, Status};
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::Value;
use std::path::PathBuf;

struct Stage {
    hands: Hands,
    router: Router,
    ring: KeyRing,
    book: Book,
}

fn stage_with(settings: &Settings) -> Stage {
    let hands = Hands::new();
    let ring = KeyRing::new();
    let (desk, book) = desk(&hands, |_| None);
    Stage {
        router: router(desk, ring.access.keys().clone(), settings),
        hands,
        ring,
        book,
    }
}

fn stage() -> Stage {
    stage_with(&Settings::default())
}

impl Stage {
    fn request(&self, body: impl Into<Body>) -> HttpRequest<Body> {
        let path = format!("/hooks/tradingview/{}", self.ring.chart);
        HttpRequest::post(path).body(body.into()).unwrap()
    }

    async fn post(&self, body: impl Into<Body>) -> Heard {
        send(&self.router, self.request(body)).await
    }

    fn alerts(&self) -> Vec<Alert> {
        self.book
            .lock()
            .unwrap()
            .values()
            .flatten()
            .cloned()
            .collect()
    }

    /// The one alert that a text makes.
    async fn alert(&self, text: &str) -> Alert {
        self.book.lock().unwrap().clear();
        let heard = self.post(text.to_owned()).await;
        assert_eq!(heard.status, 200, "{text}: {}", heard.body);
        let mut alerts = self.alerts();
        assert_eq!(alerts.len(), 1, "{text}: {}", heard.body);
        alerts.remove(0)
    }

    async fn refused(&self, text: &str) -> Heard {
        let heard = self.post(text.to_owned()).await;
        assert!((400..500).contains(&heard.status), "{text}: {}", heard.body);
        assert_eq!(self.alerts().len(), 0, "{text}");
        heard
    }
}

fn symbol(alert: &Alert) -> String {
    catalog().instrument(alert.instrument).symbol.to_string()
}

const JSON: &str = r#"{"ticker":"EURUSD","action":"buy","price":"1.14275","sentiment":"long","interval":"15","time":"2026-11-23T14:00:00Z","timenow":"2026-11-23T14:04:58Z"}"#;

#[tokio::test]
async fn json_alerts_of_the_guide_and_of_other_services_are_signals() {
    let stage = stage();
    let alert = stage.alert(JSON).await;
    assert_eq!(
        (alert.direction, symbol(&alert)),
        (Direction::Long, "EURUSD".to_owned())
    );
    assert_eq!(
        (alert.sender.as_str(), alert.setup.as_str()),
        ("my-chart", "tradingview")
    );
    assert_eq!((alert.status, alert.dry_run), (Status::Pending, false));
    assert_eq!(alert.entry, Price::parse("1.14275").ok());
    assert_eq!(
        alert.entry_time.unwrap().to_string(),
        "2026-11-23T14:04:58.000Z"
    );
    assert_eq!(alert.timeframe, Some(market::Timeframe::M15));
    assert_eq!(alert.reason, "TradingView alert");
    let full = r#"{"symbol":"OANDA:XAUUSD","action":"SELL","price":2650.5,"sl":2655,"tp":[2645,"2640"],"tp_modes":["60%","40%"],"alert_name":"My MSS","confidence":70,"killzone":"NY AM","time":"2026-11-23T14:00:00Z"}"#;
    let alert = stage.alert(full).await;
    assert_eq!(
        (alert.direction, symbol(&alert)),
        (Direction::Short, "XAUUSD".to_owned())
    );
    assert_eq!(alert.stop, Price::parse("2655").ok());
    let parts: Vec<_> = alert
        .targets
        .iter()
        .map(|target| (target.price.to_string(), target.percent))
        .collect();
    assert_eq!(parts, [("2645".to_owned(), 60), ("2640".to_owned(), 40)]);
    assert_eq!((alert.reason.as_str(), alert.entry_time), ("My MSS", None));
    assert_eq!(alert.killzone, Some(market::Killzone::NyAm));
    let one = stage
        .alert(r#"{"ticker":"CME_MINI:ES1!","action":"long","tp":"6800.5","id":7}"#)
        .await;
    assert_eq!((symbol(&one), one.targets.len()), ("ES".to_owned(), 1));
    let by_position = stage
        .alert(r#"{"ticker":"US100","market_position":"short","id":"a"}"#)
        .await;
    assert_eq!(
        (symbol(&by_position), by_position.direction),
        ("NAS100".to_owned(), Direction::Short)
    );
}

#[tokio::test]
async fn a_line_with_commas_is_the_same_when_its_levels_are_prices() {
    let stage = stage();
    let alert = stage
        .alert("LICENSE123,buy,EURUSD,price=1.0853,sl=1.0831,tp=1.0897,risk=1")
        .await;
    assert_eq!(alert.entry, Price::parse("1.0853").ok());
    assert_eq!(alert.stop, Price::parse("1.0831").ok());
    assert_eq!(alert.targets.len(), 1);
    let bare = stage.alert(" sell , FX:EURUSD ").await;
    assert_eq!(
        (bare.direction, bare.entry, bare.stop),
        (Direction::Short, None, None)
    );
    stage.book.lock().unwrap().clear();
    let pips = stage.refused("LICENSE,buy,XAUUSD,sl=10,tp=20,risk=1").await;
    assert!(
        pips.body.contains("other services mean pips"),
        "{}",
        pips.body
    );
    let pips = stage
        .refused("LICENSE,buy,XAUUSD,price=2650,sl=10,tp=20")
        .await;
    assert!(
        pips.body.contains("no price near the entry"),
        "{}",
        pips.body
    );
    let twice = stage.refused("buy,EURUSD,price=1.08,price=1.09").await;
    assert!(twice.body.contains("twice"), "{}", twice.body);
    let loose = stage.refused("x,buy,EURUSD,now").await;
    assert!(loose.body.contains("name=value"), "{}", loose.body);
    assert_eq!(stage.refused("buy").await.json()["field"], "symbol");
}

#[tokio::test]
async fn what_ends_a_position_is_answered_and_is_no_signal() {
    let stage = stage();
    for text in [
        r#"{"ticker":"NQ1!","exchange":"CME_MINI_DL","action":"sell","sentiment":"flat","timenow":"2026-11-23T13:31:09Z"}"#,
        r#"{"ticker":"EURUSD","action":"exit"}"#,
        r#"{"ticker":"EURUSD","action":"CLOSE"}"#,
        r#"{"ticker":"EURUSD","action":"sell","market_position":"long"}"#,
        r#"{"ticker":"EURUSD","action":"buy","market_position":"short"}"#,
        r#"{"ticker":"EURUSD","market_position":"flat"}"#,
        "LICENSE,closelong,EURUSD",
    ] {
        let heard = stage.post(text).await;
        assert_eq!(heard.status, 200, "{text}: {}", heard.body);
        assert_eq!(heard.json()["success"], true);
        let why = heard.json()["ignored"].as_str().unwrap().to_owned();
        assert!(why.contains("ORION follows each signal"), "{why}");
    }
    assert_eq!(stage.alerts(), []);
}

#[tokio::test]
async fn what_is_no_signal_is_told_which_field_and_what_to_paste() {
    let stage = stage();
    for (text, field, words) in [
        (
            r#"{"ticker":"US100","action":"sell","price":NaN}"#,
            Some("price"),
            "placeholder was not filled",
        ),
        (
            r#"{"ticker":"US100","action":"sell","price":{{plot("Stop, 1")}}}"#,
            Some("price"),
            "placeholder",
        ),
        (
            r#"{"action":"sell", "price" : {{close}}, "ticker":"US100"}"#,
            Some("price"),
            "placeholder",
        ),
        (
            r#"{"ticker":"US100","sl":,"action":"sell"}"#,
            Some("sl"),
            "placeholder",
        ),
        (
            r#"{"ticker":"US100","action":"sell","sl":}"#,
            Some("sl"),
            "placeholder",
        ),
        (
            r#"{"ticker":"US100","action":"sell","sl":"NaN"}"#,
            Some("sl"),
            "placeholder",
        ),
        (
            r#"{"ticker":"{{ticker}}","action":"sell"}"#,
            Some("ticker"),
            "Pine's alert()",
        ),
        (
            r#"{"ticker":"EURUSD","action":"{{strategy.order.action}}"}"#,
            Some("action"),
            "placeholder",
        ),
        (
            r#"{"ticker":"EURUSD","action":"buy","id":"{{strategy.order.id}}"}"#,
            Some("id"),
            "placeholder",
        ),
        (
            r#"{"ticker":"EURUSD","action":"buy","time":"{{time}}"}"#,
            Some("time"),
            "no time with its offset",
        ),
        (r#"{"ticker":"EURUSD"}"#, Some("action"), "{{ticker}}"),
        (r#"{"action":"buy"}"#, Some("symbol"), "{{ticker}}"),
        (
            r#"{"ticker":"EURUSD","action":"up"}"#,
            Some("action"),
            "none of buy",
        ),
        (
            r#"{"ticker":"EURUSD","action":"buy","sentiment":"up"}"#,
            Some("sentiment"),
            "none of long",
        ),
        (
            r#"{"ticker":"EURUSD","action":"buy","price":1.08,"sl":1.09}"#,
            Some("sl"),
            "below the entry",
        ),
        (
            r#"{"ticker":"EURUSD","action":"buy","price":1.08"#,
            None,
            "compare the message with",
        ),
        (
            r#"{"ticker":"EURUSD" "action":"buy"}"#,
            None,
            "compare the message with",
        ),
        (
            "OANDA:EURUSD, price = 1.14275, volume = 431",
            None,
            "plain words",
        ),
        ("EURUSD crossed 1.14", None, "{{ticker}}"),
        ("", None, "plain words"),
    ] {
        let heard = stage.refused(text).await;
        assert_eq!(
            heard.json()["field"].as_str(),
            field,
            "{text}: {}",
            heard.body
        );
        let answer = heard.json();
        let told = format!("{} {}", answer["error"], answer["remedy"]);
        assert!(told.contains(words), "{text}: {told}");
    }
    let unknown = stage.refused(r#"{"ticker":"NQ1!","action":"buy"}"#).await;
    assert_eq!(unknown.status, 422);
    assert!(
        unknown.body.contains("not taken for NAS100"),
        "{}",
        unknown.body
    );
    assert_eq!(stage.refused("\u{0}").await.status, 400);
    assert_eq!(stage.post(vec![0xff, 0xfe]).await.status, 400);
}

#[tokio::test]
async fn an_alert_that_is_late_or_from_a_delayed_chart_is_not_taken() {
    let stage = stage();
    let fired = |seconds: i64| {
        let time = NOW.as_source() - Span::from_secs(seconds);
        format!(r#"{{"ticker":"EURUSD","action":"buy","timenow":"{time}"}}"#)
    };
    let late = stage.refused(&fired(301)).await;
    assert_eq!(late.status, 422);
    assert!(late.body.contains("301 s ago"), "{}", late.body);
    let early = stage.refused(&fired(-61)).await;
    assert!(early.body.contains("61 s ahead"), "{}", early.body);
    let delayed = r#"{"ticker":"ES1!","exchange":"CME_MINI_DL","action":"buy","id":"1"}"#;
    assert!(stage.refused(delayed).await.body.contains("delayed"));
    stage.alert(&fired(300)).await;
    stage.alert(&fired(-60)).await;
}

#[tokio::test]
async fn a_delivery_that_is_sent_again_is_one_signal_and_the_next_bar_is_another() {
    let stage = stage();
    let distinct = async |texts: &[String]| {
        stage.book.lock().unwrap().clear();
        for text in texts {
            for _ in 0..4 {
                let heard = stage.post(text.clone()).await;
                assert_eq!(heard.status, 200, "{text}: {}", heard.body);
            }
        }
        assert!(
            stage
                .book
                .lock()
                .unwrap()
                .values()
                .all(|alerts| alerts.len() == 1)
        );
        stage.book.lock().unwrap().len()
    };
    let next_bar = JSON.replace("14:00:00Z", "14:01:00Z");
    assert_eq!(distinct(&[JSON.to_owned(), next_bar.clone()]).await, 2);
    let other_order = JSON.replace("\"interval\"", "\"order_id\":\"L2\",\"interval\"");
    let sell = JSON.replace("buy", "sell").replace("long", "short");
    let other_chart = JSON.replace("\"15\"", "\"60\"");
    assert_eq!(
        distinct(&[JSON.to_owned(), other_order, sell, other_chart]).await,
        4
    );
    let own_id = JSON.replace("\"interval\"", "\"id\":\"x\",\"interval\"");
    let later = own_id.replace("14:04:58Z", "14:04:59Z");
    assert_eq!(
        distinct(&[own_id, later]).await,
        1,
        "the sender's id is what counts"
    );
    // Without any time in it, the same text within a minute is the same alert.
    let timeless = "buy,EURUSD".to_owned();
    assert_eq!(distinct(std::slice::from_ref(&timeless)).await, 1);
    stage.hands.pass(Span::from_secs(59));
    stage.post(timeless.clone()).await;
    assert_eq!(stage.alerts().len(), 1);
    stage.hands.pass(Span::from_secs(1));
    stage.post(timeless).await;
    assert_eq!(stage.alerts().len(), 2);
}

#[tokio::test]
async fn what_was_not_stored_is_503_and_works_when_it_is_sent_again() {
    let hands = Hands::new();
    let ring = KeyRing::new();
    let (shut, postings) = closed_desk(&hands);
    drop(postings);
    let path = format!("/hooks/tradingview/{}", ring.chart);
    let request = || HttpRequest::post(&path).body(Body::from(JSON)).unwrap();
    let router_of = |desk| router(desk, ring.access.keys().clone(), &Settings::default());
    let first = send(&router_of(shut), request()).await;
    assert_eq!(first.status, 503, "{}", first.body);
    let (open, book) = desk(&hands, |_| None);
    hands.pass(Span::from_secs(5));
    assert_eq!(send(&router_of(open), request()).await.status, 200);
    assert_eq!(book.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn forty_alerts_at_once_are_forty_signals() {
    let stage = stage();
    let texts = (0..40).map(|n| {
        JSON.replace(
            "\"interval\"",
            &format!("\"order_id\":\"{n}\",\"interval\""),
        )
    });
    let heard = join_all(texts.map(|text| stage.post(text))).await;
    assert!(heard.iter().all(|heard| heard.status == 200));
    assert_eq!(stage.alerts().len(), 40);
}

#[tokio::test]
async fn only_the_key_of_a_chart_opens_the_hook() {
    let stage = stage();
    let wrong = format!("{}x", stage.ring.chart);
    for token in [
        stage.ring.bot.as_str(),
        wrong.as_str(),
        "x",
        "%00",
        "my-chart",
    ] {
        let path = format!("/hooks/tradingview/{token}");
        let request = HttpRequest::post(path).body(Body::from(JSON)).unwrap();
        let heard = send(&stage.router, request).await;
        assert_eq!(
            (heard.status, heard.body.as_str()),
            (404, r#"{"error":"Not found"}"#)
        );
    }
    let path = format!("/hooks/tradingview/{}", stage.ring.chart);
    let heard = send(
        &stage.router,
        HttpRequest::get(path).body(Body::empty()).unwrap(),
    )
    .await;
    assert_eq!((heard.status, heard.header("allow")), (405, "POST"));
    assert!(!heard.body.contains(&stage.ring.chart));
    let long = stage.post(" ".repeat(16 * 1024 + 1)).await;
    assert_eq!(long.status, 413);
    assert_eq!(stage.alerts(), []);
}

#[tokio::test]
async fn addresses_are_a_second_fence_and_only_own_proxies_are_believed() {
    let stage = stage_with(&Settings {
        addresses: ADDRESSES.map(str::to_owned).to_vec(),
        proxies: vec!["10.0.0.2".to_owned(), "10.0.0.3".to_owned()],
        ..Settings::default()
    });
    let check = async |peer: Option<&str>, forwarded: &[&str], status: u16| {
        let mut request = stage.request(JSON);
        if let Some(peer) = peer {
            let peer: SocketAddr = peer.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        for line in forwarded {
            request
                .headers_mut()
                .append("x-forwarded-for", line.parse().unwrap());
        }
        let heard = send(&stage.router, request).await;
        assert_eq!(
            heard.status, status,
            "{peer:?} {forwarded:?}: {}",
            heard.body
        );
    };
    check(Some("52.89.214.238:4711"), &[], 200).await;
    check(Some("[::ffff:52.89.214.238]:4711"), &[], 200).await;
    check(Some("203.0.113.9:4711"), &[], 403).await;
    check(None, &[], 403).await;
    // Anybody can write the header; a proxy of ours appends what it saw.
    check(Some("203.0.113.9:4711"), &["52.89.214.238"], 403).await;
    check(Some("10.0.0.2:80"), &["52.89.214.238"], 200).await;
    check(
        Some("10.0.0.2:80"),
        &["203.0.113.9, 52.89.214.238, 10.0.0.3"],
        200,
    )
    .await;
    check(Some("10.0.0.2:80"), &["52.89.214.238, 203.0.113.9"], 403).await;
    check(Some("10.0.0.2:80"), &["52.89.214.238", "203.0.113.9"], 403).await;
    check(Some("10.0.0.2:80"), &["52.89.214.238, unknown"], 403).await;
    check(Some("10.0.0.2:80"), &[], 403).await;
}

#[test]
fn settings_have_sane_bounds() {
    assert_eq!(Settings::default().check(), []);
    let wrong = Settings {
        max_age_s: 9,
        addresses: vec!["52.89.214.238".to_owned(), "tradingview.com".to_owned()],
        proxies: vec!["10.0.0.0/8".to_owned()],
    };
    let keys: Vec<_> = wrong.check().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["max_age_s", "addresses", "proxies"]);
}

/// What was seen of TradingView's posts, as the notes on the source have it.
#[tokio::test]
async fn the_recorded_posts_are_read_as_the_notes_say() {
    let data = std::env::var_os("ORION_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = data.join("data/wire/transcripts/tradingview_posts.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: the recorded posts of TradingView are not there (ORION_TEST_DATA)");
        return;
    };
    let stage = stage();
    let then = market::Time::parse("2026-07-13T12:00:05Z").unwrap();
    stage.hands.pass(then - NOW);
    let mut statuses = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let raw = line["raw"].as_str().unwrap().to_owned();
        let heard = stage.post(raw).await;
        let ignored = heard.json().get("ignored").is_some();
        statuses.push((heard.status, ignored));
    }
    // A signal; a remark of the notes; NaN; pips; plain words; the end of a position.
    assert_eq!(
        statuses,
        [
            (200, false),
            (400, false),
            (400, false),
            (400, false),
            (400, false),
            (200, true)
        ]
    );
    assert_eq!(stage.alerts().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_answered_and_never_with_5xx(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        text in "(\\{\"[a-z]{1,6}\":(NaN|\\{\\{[a-z]{1,5}\\}\\}|\"[^\"]{0,9}\"|[0-9.]{0,6})[,}\"]{0,3}){1,3}|([a-z]{0,6}[,=]){0,9}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let stage = stage();
            for body in [bytes, text.into_bytes()] {
                assert!(stage.post(body).await.status < 500);
            }
        });
    }
}

/// The messages that the guide says to paste, with their placeholders filled in as TradingView does.
#[tokio::test]
async fn every_message_of_the_guide_is_a_signal() {
    const GUIDE: &str = include_str!("../../../../docs/sources/tradingview.md");
    const VALUES: [(&str, &str); 12] = [
        ("ticker", "EURUSD"),
        ("close", "1.0853"),
        ("time", "2026-11-23T14:00:00Z"),
        ("timenow", "2026-11-23T14:04:58Z"),
        ("interval", "15"),
        ("exchange", "OANDA"),
        ("plot(\"Stop\")", "1.0831"),
        ("plot(\"Target 1\")", "1.0875"),
        ("plot(\"Target 2\")", "1.0897"),
        ("strategy.order.action", "buy"),
        ("strategy.market_position", "long"),
        ("strategy.order.price", "1.0853"),
    ];
    let stage = stage();
    let (_, messages) = GUIDE.split_once("## Messages to paste").unwrap();
    let (messages, _) = messages.split_once("| field |").unwrap();
    let lines = messages
        .lines()
        .filter_map(|line| line.strip_prefix("    "));
    let mut kinds = Vec::new();
    for line in lines {
        // What Pine's alert() makes of its parts.
        let pine = line
            .strip_prefix("alert('")
            .and_then(|rest| rest.split_once("', alert."));
        let mut text = pine.map_or(line, |(text, _)| text).to_owned();
        for (part, value) in [
            ("syminfo.ticker", "EURUSD"),
            ("str.tostring(close)", "1.0853"),
            ("str.tostring(low)", "1.0831"),
            ("str.tostring(time)", "1795442400000"),
        ] {
            text = text.replace(&format!("' + {part} + '"), value);
        }
        for (name, value) in VALUES {
            text = text.replace(&format!("{{{{{name}}}}}"), value);
        }
        let text = text.replace("{{strategy.order.id}}", "Long 1");
        assert!(!text.contains("{{") && !text.contains("' +"), "{text}");
        let alert = stage.alert(&text).await;
        assert_eq!(
            (alert.direction, symbol(&alert).as_str()),
            (Direction::Long, "EURUSD")
        );
        kinds.push((
            alert.entry.is_some(),
            alert.stop.is_some(),
            alert.targets.len(),
        ));
    }
    let (bare, full) = ((true, false, 0), (true, true, 2));
    assert_eq!(kinds, [bare, full, bare, (true, true, 0), (true, true, 1)]);
}
