//! The bridge's answers one by one, without a terminal.

use crate::place::{TOKEN, bridge, id, utc};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use feeds::clock::Clock;
use feeds::inbox::{Inbox, Told};
use feeds::metatrader::{Bridge, Settings};
use market::{Price, SourceTime, Tick, Time};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tower::ServiceExt;

/// A bridge, the loop behind it, and a clock that the test turns.
struct Desk {
    bridge: Bridge,
    inbox: Inbox,
    now: Arc<AtomicI64>,
    folder: TempDir,
    settings: Settings,
    told: Vec<Told>,
}

const NOON: i64 = 1_700_049_600_000;

fn clock(now: &Arc<AtomicI64>) -> Clock {
    let now = Arc::clone(now);
    Clock::new(move || Time::from_millis(now.load(Ordering::Relaxed)))
}

impl Desk {
    fn new(settings: Settings) -> Self {
        let (inbox, folder) = (Inbox::default(), tempfile::tempdir().unwrap());
        let now = Arc::new(AtomicI64::new(NOON));
        let bridge = bridge(
            &inbox,
            &settings,
            clock(&now),
            &folder.path().join("m.json"),
        );
        Self {
            bridge,
            inbox,
            now,
            folder,
            settings,
            told: Vec::new(),
        }
    }

    /// The process is gone, without a word, and starts anew.
    fn restart(&mut self) {
        self.inbox = Inbox::default();
        self.bridge = bridge(
            &self.inbox,
            &self.settings,
            clock(&self.now),
            &self.folder.path().join("m.json"),
        );
    }

    fn later(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    fn now_ms(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    async fn post_as(&mut self, token: Option<&str>, body: impl Into<Body>) -> (StatusCode, Value) {
        let mut request = Request::post("/feeds/metatrader");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let call = self
            .bridge
            .router()
            .oneshot(request.body(body.into()).unwrap());
        tokio::pin!(call);
        let mut items = Vec::new();
        let response = loop {
            tokio::select! {
                response = &mut call => break response.unwrap(),
                () = self.inbox.take(&mut items, 10_000) => {}
            }
        };
        self.inbox.try_take(&mut items, 10_000);
        self.told.extend(items.into_iter().map(|item| item.told));
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn post(&mut self, body: &str) -> (StatusCode, Value) {
        self.post_as(Some(TOKEN), body.to_owned()).await
    }

    /// Posts, and compares the answer's words.
    async fn check(&mut self, body: &str, status: u16, words: &[&str]) -> Value {
        let (answered, answer) = self.post(body).await;
        assert_eq!(answered.as_u16(), status, "{answer}");
        for word in words {
            assert!(answer.to_string().contains(word), "{word} in {answer}");
        }
        answer
    }

    fn ticks(&self) -> Vec<Tick> {
        let tick = |told: &Told| match told {
            Told::Tick(tick) => Some(tick.clone()),
            Told::Life | Told::Began | Told::Ended | Told::Past(_) | Told::PreviousClose(_) => None,
        };
        self.told.iter().filter_map(tick).collect()
    }

    fn bids(&self) -> Vec<String> {
        self.ticks()
            .iter()
            .map(|tick| tick.bid.to_string())
            .collect()
    }
}

fn hello(session: &str, acc: &str, symbols: &str) -> String {
    format!(
        "{{\"t\":\"hello\",\"session\":\"{session}\",\"platform\":\"MT5\",\"srv\":\"Demo\",\"acc\":\"{acc}\",\"chart\":\"c\",\
         \"asked\":true,\"symbols\":[{symbols}]}}\n"
    )
}

const EURO: &str = r#"{"sym":"EURUSD.a","digits":5,"base":"EUR","profit":"USD"}"#;
const DOW: &str = r#"{"sym":"US30","digits":1,"base":"USD","profit":"USD"}"#;

fn beat(session: &str) -> String {
    format!("{{\"t\":\"hb\",\"session\":\"{session}\",\"connected\":true}}\n")
}

fn tick(sym: &str, seq: u64, price: &str) -> String {
    let time = NOON + i64::try_from(seq).unwrap();
    format!(
        "{{\"t\":\"tick\",\"sym\":\"{sym}\",\"bid\":{price},\"ask\":{price},\"time_msc\":{time},\"seq\":{seq}}}\n"
    )
}

fn ticks(seqs: std::ops::RangeInclusive<u64>) -> String {
    seqs.map(|seq| tick("EURUSD.a", seq, &format!("1.1{seq:04}")))
        .collect()
}

#[tokio::test]
async fn a_token_is_asked_for_and_never_repeated() {
    let mut desk = Desk::new(utc());
    let (status, answer) = desk.post_as(None, "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .starts_with("no token was given")
    );
    let (status, answer) = desk.post_as(Some("guess"), "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(!answer.to_string().contains("guess"));
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("orion key add terminal --for metatrader")
    );
    assert_eq!(desk.told, []);
}

#[tokio::test]
async fn what_is_no_batch_is_refused_with_the_reason() {
    let mut desk = Desk::new(utc());
    desk.check("", 400, &["session"]).await;
    desk.check("{\"t\":\"tick\"", 400, &["session"]).await;
    let (status, answer) = desk.post_as(Some(TOKEN), vec![b'x'; (1 << 20) + 1]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{answer}");
    desk.check(
        &(beat("a") + &ticks(1..=3)),
        200,
        &["\"hello\":true", "\"ok\":false"],
    )
    .await;
    assert_eq!(desk.ticks(), []);
}

#[tokio::test]
async fn ticks_are_taken_once_whatever_is_sent_again() {
    let mut desk = Desk::new(utc());
    let answer = desk
        .check(
            &(hello("a", "*1", EURO) + &beat("a") + &ticks(1..=3)),
            200,
            &["\"ack\":3"],
        )
        .await;
    assert_eq!(answer["take"], serde_json::json!(["EURUSD.a"]));
    assert_eq!(answer["next_ms"], 250);
    // The answer was lost: all of it again, and two more; then an old batch that was under way for long.
    desk.check(&(beat("a") + &ticks(1..=5)), 200, &["\"ack\":5"])
        .await;
    desk.check(&(beat("a") + &ticks(2..=4)), 200, &["\"ack\":5"])
        .await;
    assert_eq!(
        desk.bids(),
        ["1.10001", "1.10002", "1.10003", "1.10004", "1.10005"]
    );
    // A restart: it is asked who it is, and goes on where it was, though the same ticks come again.
    desk.restart();
    desk.check(&(beat("a") + &ticks(4..=6)), 200, &["\"hello\":true"])
        .await;
    desk.check(
        &(hello("a", "*1", EURO) + &beat("a") + &ticks(4..=6)),
        200,
        &["\"ack\":6"],
    )
    .await;
    assert_eq!(desk.bids()[5..], ["1.10006"]);
    // A session that nobody knows begins with whatever number comes first.
    desk.check(
        &(hello("b", "*1", EURO) + &beat("b") + &ticks(70..=71)),
        200,
        &["\"ack\":71"],
    )
    .await;
    assert_eq!(desk.ticks().len(), 8);
    assert!(!desk.told.contains(&Told::Ended), "nothing is missing");
}

/// The process was killed between taping and noting: the tape itself says what it has. Of its last millisecond it has what
/// came up to its last tick; what is sent from behind that one is new.
#[tokio::test]
async fn what_the_tape_holds_is_not_told_again() {
    let line = |seq: u64, price: &str| {
        let time = NOON + i64::try_from(seq.clamp(3, 6)).unwrap();
        format!(
            "{{\"t\":\"tick\",\"sym\":\"EURUSD.a\",\"bid\":{price},\"ask\":{price},\"time_msc\":{time},\"seq\":{seq}}}\n"
        )
    };
    let prices = [
        "1.1", "1.2", "1.11", "1.12", "1.13", "1.14", "1.141", "1.142", "1.143",
    ];
    let lines: Vec<String> = (1..)
        .zip(prices)
        .map(|(seq, price)| line(seq, price))
        .collect();
    // Numbers 6 to 9 are of one millisecond, and the tape ends with number 7.
    for (from, expected) in [
        (2, &["1.142", "1.143"][..]),
        (7, &["1.142", "1.143"]),
        (9, &["1.143"]),
    ] {
        let mut desk = Desk::new(utc());
        let price = Price::parse("1.141").unwrap();
        desk.bridge.resume(Tick {
            instrument: id("EURUSD"),
            bid: price,
            ask: price,
            volume: None,
            time: SourceTime::from_millis(NOON + 6),
            received: None,
        });
        let body = hello("a", "*1", EURO) + &beat("a") + &lines[from - 1..].concat();
        desk.check(&body, 200, &["\"ack\":9"]).await;
        assert_eq!(desk.bids(), expected, "from {from}");
    }
}

#[tokio::test]
async fn missing_numbers_tear_the_series_and_are_counted() {
    let mut desk = Desk::new(utc());
    desk.check(
        &(hello("a", "*1", EURO) + &beat("a") + &ticks(1..=2) + &ticks(6..=6)),
        200,
        &["\"ack\":6"],
    )
    .await;
    let shape: String = desk
        .told
        .iter()
        .map(|told| match told {
            Told::Tick(_) => 't',
            Told::Began => 'b',
            Told::Ended => 'e',
            Told::Life | Told::Past(_) | Told::PreviousClose(_) => '.',
        })
        .collect();
    assert_eq!(shape.replace('.', ""), "bttebt");
    assert_eq!(desk.bridge.advisors()[0].counts.missing, 3);
}

/// A line that cannot be read is counted and left out, and its number is missing; the NUL of MetaTrader is no line.
#[tokio::test]
async fn a_malformed_line_costs_itself() {
    let mut desk = Desk::new(utc());
    let bad = tick("EURUSD.a", 2, "1e5");
    let body = hello("a", "*1", EURO)
        + &beat("a")
        + &ticks(1..=1)
        + &bad
        + "rubbish\n"
        + &ticks(3..=3)
        + "\0";
    desk.check(&body, 200, &["\"ack\":3"]).await;
    assert_eq!(desk.bids(), ["1.10001", "1.10003"]);
    assert_eq!(desk.bridge.advisors()[0].counts.missing, 1);
}

#[tokio::test]
async fn a_second_advisor_is_refused_by_name_until_the_first_is_silent() {
    let mut desk = Desk::new(utc());
    desk.check(
        &(hello("a", "*1", EURO) + &beat("a") + &ticks(1..=1)),
        200,
        &[],
    )
    .await;
    let both = format!("{EURO},{DOW}");
    let second = hello("b", "*2", &both)
        + &beat("b")
        + &tick("EURUSD.a", 1, "1.2")
        + &tick("US30", 2, "34000");
    let named =
        "EURUSD.a is already sent by the advisor of MT5 Demo *1 since 2023-11-15T12:00:00.000Z";
    let answer = desk.check(&second, 200, &[named, "\"ack\":2"]).await;
    assert_eq!(
        answer["take"],
        serde_json::json!(["EURUSD.a", "US30"]),
        "it may be needed later"
    );
    assert_eq!(desk.bids(), ["1.10001", "34000"]);
    // One that has nothing else is told 409, and its ticks are acknowledged all the same.
    let third = hello("c", "*3", EURO) + &beat("c") + &tick("EURUSD.a", 1, "1.3");
    desk.check(
        &third,
        409,
        &["\"ack\":1", "MT5 Demo *1", "all symbols are already sent"],
    )
    .await;
    // Its heartbeats hold the symbol; a terminal without its broker does not.
    desk.later(14);
    desk.check(&beat("a"), 200, &[]).await;
    desk.later(14);
    desk.check(
        &(beat("b") + &tick("EURUSD.a", 3, "1.10007")),
        200,
        &[named],
    )
    .await;
    desk.check(&beat("a").replace("true", "false"), 200, &[])
        .await;
    desk.later(1);
    desk.check(
        &(beat("b") + &tick("EURUSD.a", 4, "1.10008")),
        200,
        &["\"ack\":4"],
    )
    .await;
    assert_eq!(desk.bids()[2..], ["1.10008"]);
    // And now the first is the second.
    desk.check(&(beat("a") + &ticks(2..=2)), 409, &["MT5 Demo *2"])
        .await;
    assert_eq!(desk.ticks().len(), 3);
}

/// The same advisor on the same chart starts anew: it does not wait for its former self.
#[tokio::test]
async fn an_advisor_that_starts_again_goes_on_at_once() {
    let mut desk = Desk::new(utc());
    desk.check(
        &(hello("a", "*1", EURO) + &beat("a") + &ticks(1..=1)),
        200,
        &[],
    )
    .await;
    desk.check(
        &(hello("b", "*1", EURO) + &beat("b") + &ticks(2..=2)),
        200,
        &["\"ack\":2"],
    )
    .await;
    assert_eq!(desk.bids(), ["1.10001", "1.10002"]);
    // What the former one still sends is no longer wanted.
    desk.check(&(beat("a") + &ticks(3..=3)), 409, &["already sent"])
        .await;
    assert_eq!(desk.ticks().len(), 2);
}

#[tokio::test]
async fn symbols_are_what_their_terminal_says_they_are() {
    let mut desk = Desk::new(Settings {
        symbols: vec!["NAS100=TECH.x".to_owned()],
        suffixes: vec![".vip".to_owned()],
        ..utc()
    });
    let described = [
        r#"{"sym":"GOLD","digits":2,"base":"XAU","profit":"EUR"}"#,
        r#"{"sym":"EURUSD","digits":2,"base":"EUR","profit":"USD"}"#,
        r#"{"sym":"GBPUSD.vip","digits":5,"base":"GBP","profit":"USD"}"#,
        r#"{"sym":"GBPUSD","digits":5,"base":"GBP","profit":"USD"}"#,
        r#"{"sym":"US30.cash","digits":1,"profit":"USD","expires":1800000000}"#,
        r#"{"sym":"TECH.x","digits":1,"profit":"USD"}"#,
        r#"{"sym":"USTEC","digits":1,"profit":"USD"}"#,
        r#"{"sym":"BTCUSD","digits":2,"profit":"USD"}"#,
    ];
    let answer = desk
        .check(
            &(hello("a", "*1", &described.join(",")) + &beat("a")),
            200,
            &[],
        )
        .await;
    assert_eq!(answer["take"], serde_json::json!(["GBPUSD.vip", "TECH.x"]));
    for reason in [
        "GOLD is quoted in EUR, and XAUUSD is not",
        "EURUSD has 2 decimals, and EURUSD about 5",
        "GBPUSD would be GBPUSD, and GBPUSD.vip of the same terminal is GBPUSD already",
        "US30.cash is a contract that ends, a future, and US30 is none",
        "USTEC would be NAS100, which the settings take from TECH.x",
        "BTCUSD is no name that is known here",
    ] {
        assert!(
            answer["refused"].to_string().contains(reason),
            "{reason} in {answer}"
        );
    }
    // What the user did not list is not worth a word.
    let quiet =
        hello("b", "*2", r#"{"sym":"BTCUSD"}"#).replace("\"asked\":true", "\"asked\":false");
    let answer = desk.check(&(quiet + &beat("b")), 200, &[]).await;
    assert!(answer.get("refused").is_none(), "{answer}");
}

#[tokio::test]
async fn an_alias_is_told_too_and_only_when_it_is_asked_for() {
    for aliases in [vec![], vec!["NQ=NAS100".to_owned()]] {
        let mut desk = Desk::new(Settings {
            futures_alias: aliases.clone(),
            ..utc()
        });
        let symbol = r#"{"sym":"USTEC","digits":1,"profit":"USD"}"#;
        desk.check(
            &(hello("a", "*1", symbol) + &beat("a") + &tick("USTEC", 1, "20100.5")),
            200,
            &[],
        )
        .await;
        let ids: Vec<_> = desk.ticks().iter().map(|tick| tick.instrument).collect();
        let expected = if aliases.is_empty() {
            vec![id("NAS100")]
        } else {
            vec![id("NAS100"), id("NQ")]
        };
        assert_eq!(ids, expected);
    }
}

/// Friday's last tick on a Sunday shows no zone: it is kept out, counted, and the reason stands in health.
#[tokio::test]
async fn while_the_zone_is_not_known_ticks_are_kept_out() {
    let mut desk = Desk::new(Settings::default());
    let line = |desk: &Desk, seq: u64, time: i64| {
        let at = desk.now_ms() - NOON;
        beat("a").replace("}\n", &format!(",\"at_ms\":{at}}}\n"))
            + &format!(
                "{{\"t\":\"tick\",\"sym\":\"EURUSD.a\",\"bid\":1.1,\"ask\":1.1,\"time_msc\":{time},\"at_ms\":{at},\"seq\":{seq},\"srv_offset_s\":7200}}\n"
            )
    };
    let stale = NOON - 40 * 3_600_000 - 400_000;
    let first = hello("a", "*1", EURO) + &line(&desk, 1, stale);
    desk.check(&first, 200, &["\"ack\":1"]).await;
    assert_eq!(desk.ticks(), []);
    let advisor = &desk.bridge.advisors()[0];
    assert_eq!((advisor.counts.kept_out, advisor.offset_s), (1, None));
    assert!(
        advisor
            .unknown
            .unwrap()
            .to_string()
            .contains("not known yet")
    );
    let fresh = line(&desk, 2, desk.now_ms() + 7_200_000 - 80);
    desk.check(&fresh, 200, &["\"ack\":2"]).await;
    assert_eq!(desk.ticks()[0].time, SourceTime::from_millis(NOON - 80));
    assert_eq!(desk.bridge.advisors()[0].unknown, None);
    // Ten minutes without this server: what waited was fresh when it was seen, and is taken as it was.
    let waited = line(&desk, 3, desk.now_ms() + 7_200_000 - 50);
    desk.later(600);
    let waited = waited.replacen(",\"at_ms\":0}", ",\"at_ms\":600000}", 1);
    desk.check(&waited, 200, &["\"ack\":3"]).await;
    assert_eq!(desk.ticks()[1].time, SourceTime::from_millis(NOON - 50));
}

/// An acknowledgement says that the loop has it: before that there is none.
#[tokio::test]
async fn nothing_is_acknowledged_before_the_loop_has_it() {
    let mut desk = Desk::new(utc());
    let body = hello("a", "*1", EURO) + &beat("a") + &ticks(1..=3);
    let request = |body: String| {
        Request::post("/feeds/metatrader")
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(Body::from(body))
            .unwrap()
    };
    let mut call = Box::pin(desk.bridge.router().oneshot(request(body.clone())));
    for _ in 0..1000 {
        tokio::select! {
            biased;
            _ = &mut call => panic!("it was answered though nobody took the ticks"),
            () = tokio::task::yield_now() => {}
        }
    }
    // The advisor gives up and sends again; now the loop takes them, once.
    drop(call);
    desk.check(&body, 200, &["\"ack\":3"]).await;
    assert_eq!(desk.bids(), ["1.10001", "1.10002", "1.10003"]);
}

/// More ticks in one batch than may wait for the loop: the advisor waits, and none takes another's place.
#[tokio::test]
async fn a_large_batch_is_not_merged() {
    let mut desk = Desk::new(utc());
    let body = hello("a", "*1", EURO) + &beat("a") + &ticks(1..=9999);
    assert!(body.len() < 1 << 20, "{}", body.len());
    desk.check(&body, 200, &["\"ack\":9999"]).await;
    assert_eq!(desk.ticks().len(), 9999);
}

/// The advisor gave up and the server stops: what the loop took is noted, though it was never acknowledged.
#[tokio::test]
async fn a_clean_end_notes_what_was_told() {
    let mut desk = Desk::new(utc());
    let body = hello("a", "*1", EURO) + &beat("a") + &ticks(1..=3);
    let request = Request::post("/feeds/metatrader")
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(Body::from(body.clone()))
        .unwrap();
    let mut call = Box::pin(desk.bridge.router().oneshot(request));
    tokio::select! {
        biased;
        _ = &mut call => panic!("it was answered though nobody took the ticks"),
        () = tokio::task::yield_now() => {}
    }
    drop(call);
    let mut items = Vec::new();
    desk.inbox.try_take(&mut items, 100);
    desk.bridge.stop();
    desk.restart();
    desk.check(&body, 200, &["\"ack\":3"]).await;
    assert_eq!(desk.ticks(), [], "they were taken before");
}

#[tokio::test]
async fn an_address_that_is_taken_ends_it_with_the_reason() {
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let desk = Desk::new(Settings {
        listen: other.local_addr().unwrap().to_string(),
        ..utc()
    });
    let error = desk.bridge.run().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn silence_of_all_is_told_once() {
    let mut desk = Desk::new(utc());
    desk.bridge.look();
    assert_eq!(desk.bridge.advisors(), []);
    desk.check(&(hello("a", "*1", EURO) + &beat("a")), 200, &[])
        .await;
    desk.later(14);
    desk.bridge.look();
    desk.later(1);
    desk.bridge.look();
    desk.bridge.look();
    let mut items = Vec::new();
    desk.inbox.try_take(&mut items, 100);
    let told: Vec<_> = items.into_iter().map(|item| item.told).collect();
    assert_eq!(told, [Told::Ended]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_body_is_answered(
        parts in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..80),
                Just(hello("a", "*1", EURO).into_bytes()),
                Just(beat("a").into_bytes()),
                (1_u64..20).prop_map(|seq| tick("EURUSD.a", seq, "1.1").into_bytes()),
                (any::<u64>(), any::<i64>(), any::<i64>()).prop_map(|(seq, time, at)| {
                    format!("{{\"t\":\"tick\",\"sym\":\"EURUSD.a\",\"bid\":1,\"ask\":1,\"time_msc\":{time},\"at_ms\":{at},\"seq\":{seq}}}\n").into_bytes()
                }),
                any::<i64>().prop_map(|at| format!("{{\"t\":\"hb\",\"session\":\"a\",\"at_ms\":{at}}}\n").into_bytes()),
            ],
            0..12,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut desk = Desk::new(Settings::default());
            for body in [parts.concat(), parts.concat()] {
                let (status, answer) = desk.post_as(Some(TOKEN), body).await;
                assert!([200, 400].contains(&status.as_u16()), "{answer}");
            }
        });
    }
}
