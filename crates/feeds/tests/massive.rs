//! Massive against its stand-in: the ordinary day, and each of its traps.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: where one cannot go on, the line says why"
)]

mod clients;
#[path = "../src/sample.rs"]
mod sample;

use feeds::clock::Clock;
use feeds::health::{Coverage, Phase};
use feeds::inbox::{Inbox, Item, Outlet, Told};
use feeds::massive::decode::{Element, decode};
use feeds::massive::{Cluster, Deadlines, Massive, Settings};
use feeds::quarantine::Reason;
use feeds::secret::Secret;
use feeds::supervise::{Connector, End, Patience, supervise};
use feeds::symbols::Symbols;
use futures_util::SinkExt;
use market::{Catalog, InstrumentId, Price, PriceKind, QuoteBar, SourceId, Span, Tick, Time};
use standin::massive::{Asked, Bar, Massive as Standin, NextPage, Script};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

/// 2026-07-13T12:00:00Z, a Monday: the one moment of these tests.
const NOW_MS: i64 = 1_783_944_000_000;
const MINUTE_MS: i64 = 60_000;
const KEY: &str = "KEY-5f2a";

/// Long enough for a busy machine, short enough to wait for.
const DEADLINES: Deadlines = Deadlines {
    answer: Duration::from_secs(1),
    ping: Duration::from_millis(50),
    silence: Duration::from_secs(1),
    retry: Duration::from_millis(5),
    limited: Duration::from_millis(5),
};

fn script() -> Script {
    let key = KEY.to_owned();
    Script {
        key,
        ..Script::default()
    }
}

/// A stand-in, and a source that is to use it.
struct Scene {
    standin: Standin,
    catalog: Catalog,
    inbox: Inbox,
    outlet: Outlet,
    /// All that was told, but signs of life.
    told: Vec<Told>,
    source: Option<Massive>,
}

impl Scene {
    async fn new(cluster: Cluster, script: Script) -> Self {
        Self::with(cluster, script, |_| ()).await
    }

    async fn with(cluster: Cluster, script: Script, change: impl FnOnce(&mut Settings)) -> Self {
        let standin = Standin::start(script).await.unwrap();
        let mut settings = Settings {
            ws_url: standin.ws_url(),
            rest_url: standin.rest_url(),
            backfill_hours: 0,
            calls_per_minute: 0,
            ..Settings::default()
        };
        change(&mut settings);
        let catalog = cash_catalog();
        let symbols = Symbols::new(&catalog, cluster.offers(), &settings.symbols).unwrap();
        let inbox = Inbox::default();
        let clock = Clock::new(|| Time::from_millis(NOW_MS));
        let outlet = inbox.outlet(SourceId(0), &catalog, &symbols, clock);
        let key = Secret::new(KEY);
        let source = Massive::new(settings, key, &symbols, &catalog, cluster);
        Self {
            standin,
            inbox,
            outlet,
            told: Vec::new(),
            source: Some(source.with_deadlines(DEADLINES)),
            catalog,
        }
    }

    /// Connects once.
    fn connect(&mut self) -> JoinHandle<End> {
        let (mut source, outlet) = (self.source.take().unwrap(), self.outlet.clone());
        tokio::spawn(async move { source.connect(&outlet).await })
    }

    async fn end(&mut self) -> End {
        timeout(Duration::from_secs(20), self.connect())
            .await
            .unwrap()
            .unwrap()
    }

    /// Waits until what was told satisfies `enough`.
    async fn until(&mut self, enough: impl Fn(&[Told]) -> bool) {
        while !enough(&self.told) {
            let mut items: Vec<Item> = Vec::new();
            let more = self.inbox.take(&mut items, 1000);
            timeout(Duration::from_secs(20), more)
                .await
                .expect("more is told");
            let told = items.into_iter().map(|item| item.told);
            self.told.extend(told.filter(|told| *told != Told::Life));
        }
    }

    async fn ticks(&mut self, count: usize) -> Vec<Tick> {
        self.until(|told| ticks(told).len() >= count).await;
        ticks(&self.told)
    }

    async fn bars(&mut self) -> Vec<QuoteBar> {
        self.until(|told| told.iter().any(|told| matches!(told, Told::Past(_))))
            .await;
        past(&self.told)
    }

    async fn subscribed(&self, topic: &str) {
        let waiting = self.standin.subscribed(topic);
        timeout(Duration::from_secs(20), waiting)
            .await
            .expect("it subscribes");
    }

    fn id(&self, symbol: &str) -> InstrumentId {
        self.catalog.find(symbol).unwrap()
    }

    fn coverage(&self, symbol: &str) -> Coverage {
        self.outlet.health().symbols[&self.id(symbol)]
            .coverage
            .clone()
    }
}

/// Everything in it is a cash price, so that the indices are taken.
fn cash_catalog() -> Catalog {
    let mut catalog = sample::catalog();
    for instrument in &mut catalog.instruments {
        instrument.kind = PriceKind::Cash;
    }
    catalog
}

fn ticks(told: &[Told]) -> Vec<Tick> {
    let tick = |told: &Told| match told {
        Told::Tick(tick) => Some(tick.clone()),
        Told::Life | Told::Began | Told::Ended | Told::Past(_) | Told::PreviousClose(_) => None,
    };
    told.iter().filter_map(tick).collect()
}

fn past(told: &[Told]) -> Vec<QuoteBar> {
    let bars = |told: &Told| match told {
        Told::Past(bars) => bars.clone(),
        Told::Life | Told::Began | Told::Ended | Told::Tick(_) | Told::PreviousClose(_) => {
            Vec::new()
        }
    };
    told.iter().flat_map(bars).collect()
}

/// Previous closes as symbol, price and time.
fn closes(scene: &Scene) -> Vec<(String, String, String)> {
    let close = |told: &Told| match told {
        Told::PreviousClose(close) => {
            let symbol = scene.catalog.instrument(close.instrument).symbol;
            Some((
                symbol.to_string(),
                close.price.to_string(),
                close.time.to_string(),
            ))
        }
        Told::Life | Told::Began | Told::Ended | Told::Tick(_) | Told::Past(_) => None,
    };
    scene.told.iter().filter_map(close).collect()
}

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn said(standin: &Standin) -> Vec<String> {
    let said = |asked| match asked {
        Asked::Said(text) => Some(text),
        Asked::Opened(_) | Asked::Called { .. } => None,
    };
    standin.asked().into_iter().filter_map(said).collect()
}

fn called(standin: &Standin) -> Vec<String> {
    let called = |asked| match asked {
        Asked::Called { path, key } => {
            assert!(
                key && !path.contains(KEY),
                "the key is in the header only: {path}"
            );
            Some(path)
        }
        Asked::Opened(_) | Asked::Said(_) => None,
    };
    standin.asked().into_iter().filter_map(called).collect()
}

fn reason(end: &End) -> &str {
    let (End::Transient { reason }
    | End::Later { reason, .. }
    | End::Contested { reason, .. }
    | End::Fatal { reason, .. }) = end;
    assert!(!reason.contains(KEY), "{reason}");
    reason
}

fn is_transient(end: &End, part: &str) {
    assert!(matches!(end, End::Transient { .. }), "{end:?}");
    assert!(reason(end).contains(part), "{end:?}");
}

fn is_fatal(end: &End, part: &str) {
    assert!(matches!(end, End::Fatal { .. }), "{end:?}");
    assert!(reason(end).contains(part), "{end:?}");
}

#[tokio::test]
async fn quotes_flow_after_key_and_subscriptions_one_at_a_time() {
    let mut scene = Scene::new(Cluster::Forex, script()).await;
    let _task = scene.connect();
    scene.subscribed("C.XAU/USD").await;
    scene
        .standin
        .quote("EUR/USD", "1.14273", "1.14277", NOW_MS + 93);
    scene
        .standin
        .quote("USD/JPY", "161.211", "161.215", NOW_MS + 243);
    let ticks = scene.ticks(2).await;
    assert_eq!(ticks[0].instrument, scene.id("EURUSD"));
    assert_eq!(
        (ticks[0].bid, ticks[0].ask),
        (price("1.14273"), price("1.14277"))
    );
    assert_eq!(ticks[0].time.to_string(), "2026-07-13T12:00:00.093Z");
    assert_eq!(ticks[0].received, Some(Time::from_millis(NOW_MS)));
    assert_eq!(ticks[1].bid, price("161.211"));
    let topics = ["C.EUR/USD", "C.GBP/USD", "C.USD/JPY", "C.XAU/USD"];
    let mut expected = vec![format!(r#"{{"action":"auth","params":"{KEY}"}}"#)];
    expected.extend(topics.map(|t| format!(r#"{{"action":"subscribe","params":"{t}"}}"#)));
    assert_eq!(said(&scene.standin), expected);
    let health = scene.outlet.health();
    assert_eq!(health.phase, Phase::Live);
    assert_eq!(health.lag, Some(Span::from_millis(-243)));
    for symbol in ["EURUSD", "GBPUSD", "USDJPY", "XAUUSD"] {
        assert_eq!(scene.coverage(symbol), Coverage::Confirmed);
    }
}

#[tokio::test]
async fn the_value_of_an_index_is_the_mid_of_its_default_spread() {
    let mut scene = Scene::new(Cluster::Indices, script()).await;
    scene
        .standin
        .snapshot("I:DJI", "44001.5", (NOW_MS - 5000) * 1_000_000);
    scene.standin.snapshot_error("I:NDX", "NOT_ENTITLED");
    scene
        .standin
        .day("I:SPX", Bar::at(1_783_713_600_000, "3822.39"));
    let _task = scene.connect();
    scene.subscribed("V.I:SPX").await;
    scene.standin.value("I:SPX", "3988.4500000000003", NOW_MS);
    let ticks = scene.ticks(2).await;
    let spx = ticks
        .iter()
        .find(|tick| tick.instrument == scene.id("SPX500"))
        .unwrap();
    assert_eq!((spx.bid, spx.ask), (price("3988.2"), price("3988.7")));
    let dow = ticks
        .iter()
        .find(|tick| tick.instrument == scene.id("US30"))
        .unwrap();
    assert_eq!((dow.mid(), dow.spread()), (price("44001.5"), price("2.5")));
    assert_eq!(dow.time.to_string(), "2026-07-13T11:59:55.000Z");
    // What the snapshot says against one index is of that one alone. Its stream said yes; REST is the one to believe.
    let refused = Coverage::Refused("NOT_ENTITLED: NOT_ENTITLED.".to_owned());
    assert_eq!(scene.coverage("NAS100"), refused);
    let spx = ("SPX500", "3822.39", "2026-07-10T20:00:00.000Z");
    assert_eq!(closes(&scene), [(spx.0.into(), spx.1.into(), spx.2.into())]);
}

#[tokio::test]
async fn a_wrong_key_is_told_once_and_for_good() {
    let script = Script {
        key: "another".to_owned(),
        ..script()
    };
    let mut scene = Scene::new(Cluster::Forex, script).await;
    is_fatal(&scene.end().await, "authentication failed");
    assert_eq!(scene.told, [], "nothing began");
}

#[tokio::test]
async fn without_a_key_or_a_symbol_nothing_is_asked() {
    let catalog = cash_catalog();
    let symbols = Symbols::new(&catalog, Cluster::Forex.offers(), &[]).unwrap();
    for (key, symbols, part) in [
        ("", symbols, "there is no key"),
        (KEY, Symbols::default(), "no symbol"),
    ] {
        let mut scene = Scene::new(Cluster::Forex, script()).await;
        let settings = Settings {
            ws_url: scene.standin.ws_url(),
            ..Settings::default()
        };
        let source = Massive::new(
            settings,
            Secret::new(key),
            &symbols,
            &catalog,
            Cluster::Forex,
        );
        scene.source = Some(source);
        is_fatal(&scene.end().await, part);
        assert_eq!(scene.standin.asked(), []);
    }
}

#[tokio::test]
async fn a_bare_refusal_is_of_the_one_in_flight() {
    let mut script = script();
    script.not_authorized.insert("C.GBP/USD".to_owned());
    let mut scene = Scene::new(Cluster::Forex, script).await;
    let _task = scene.connect();
    scene.subscribed("C.XAU/USD").await;
    let why = "not authorized: the plan of this key does not include it".to_owned();
    assert_eq!(scene.coverage("GBPUSD"), Coverage::Refused(why));
    scene.standin.quote("USD/JPY", "161.211", "161.215", NOW_MS);
    scene.ticks(1).await;
    assert_eq!(scene.coverage("EURUSD"), Coverage::Confirmed);
}

#[tokio::test]
async fn a_plan_without_any_of_it_is_for_somebody_to_mend() {
    let mut script = script();
    for topic in ["V.I:DJI", "V.I:NDX", "V.I:SPX"] {
        script.not_authorized.insert(topic.to_owned());
    }
    let mut scene = Scene::new(Cluster::Indices, script).await;
    let end = scene.end().await;
    is_fatal(&end, "refuses every symbol");
    assert!(
        format!("{end:?}").contains("Indices"),
        "the remedy names the plan"
    );
}

#[tokio::test]
async fn what_the_cluster_does_not_publish_is_not_waited_for_long() {
    let mut script = script();
    script.unanswered.insert("C.USD/JPY".to_owned());
    let mut scene = Scene::with(Cluster::Forex, script, |settings| {
        let changes = ["XAUUSD=XAU-USD", "EURUSD=", "GBPUSD=", "US30=C:*"];
        settings.symbols = changes.map(str::to_owned).to_vec();
    })
    .await;
    let _task = scene.connect();
    // It is asked for after the one that gets no answer.
    scene.subscribed("C.XAU/USD").await;
    let why = "no answer: the forex cluster does not publish it".to_owned();
    assert_eq!(scene.coverage("USDJPY"), Coverage::Refused(why));
    let why = "`C:*` is not a pair such as C:EURUSD".to_owned();
    assert_eq!(scene.coverage("US30"), Coverage::Refused(why));
    scene.standin.quote("XAU/USD", "3650.1", "3650.4", NOW_MS);
    scene.ticks(1).await;
    assert_eq!(scene.coverage("XAUUSD"), Coverage::Confirmed);
}

#[tokio::test]
async fn a_cluster_that_answers_nothing_is_tried_again() {
    let mut script = script();
    script.unanswered.insert("C.EUR/USD".to_owned());
    let mut scene = Scene::with(Cluster::Forex, script, |settings| {
        settings.symbols = ["GBPUSD=", "USDJPY=", "XAUUSD="]
            .map(str::to_owned)
            .to_vec();
    })
    .await;
    is_transient(&scene.end().await, "answered no subscription");
}

#[tokio::test]
async fn a_misspelt_ticker_is_confirmed_and_silent() {
    let mut scene = Scene::with(Cluster::Forex, script(), |settings| {
        settings.symbols = vec!["EURUSD=C:EURUSX".to_owned()];
    })
    .await;
    let _task = scene.connect();
    scene.subscribed("C.XAU/USD").await;
    scene.standin.quote("EUR/USD", "1.1", "1.2", NOW_MS);
    scene.standin.quote("GBP/USD", "1.34128", "1.34131", NOW_MS);
    let ticks = scene.ticks(1).await;
    assert_eq!(ticks[0].instrument, scene.id("GBPUSD"));
    assert_eq!(scene.coverage("EURUSD"), Coverage::Confirmed);
    assert_eq!(scene.outlet.health().symbols[&scene.id("EURUSD")].ticks, 0);
}

#[tokio::test]
async fn one_bad_element_costs_no_other() {
    let mut scene = Scene::new(Cluster::Forex, script()).await;
    let _task = scene.connect();
    scene.subscribed("C.XAU/USD").await;
    let good = |bid: &str| format!(r#"{{"ev":"C","p":"EUR/USD","a":1.2,"b":{bid},"t":{NOW_MS}}}"#);
    let (first, second, third) = (good("1.191"), good("1.192"), good("1.193"));
    let standin = &scene.standin;
    standin.frame("forex", &format!(r#"[{first},{{"ev":"C","p":"EUR/USD","a":"bad","b":1,"t":1}},{{"ev":"C","p":"EUR/USD","a":1.2,"b":0,"t":{NOW_MS}}},{{"ev":"C","p":"EUR/USD","a":1.2,"b":1.3,"t":{NOW_MS}}},null,{second}]"#));
    standin.frame("forex", r#"not json at all"#);
    standin.frame("forex", &format!("[{third},{{"));
    let bids: Vec<_> = scene.ticks(3).await.iter().map(|tick| tick.bid).collect();
    assert_eq!(bids, [price("1.191"), price("1.192"), price("1.193")]);
    // The last frame's break is counted after its good element is told.
    scene.standin.quote("EUR/USD", "1.194", "1.2", NOW_MS);
    scene.ticks(4).await;
    let health = scene.outlet.health();
    let eurusd = scene.id("EURUSD");
    assert_eq!(health.malformed, 4);
    for (reason, count) in [
        (Reason::Malformed, 1),
        (Reason::NotPositive, 1),
        (Reason::Crossed, 1),
    ] {
        assert_eq!(
            health.quarantine.rejected(eurusd, reason),
            count,
            "{reason}"
        );
    }
}

#[tokio::test]
async fn a_clock_that_is_ahead_costs_its_ticks_and_is_counted() {
    let script = Script {
        skew_ms: 120_000,
        ..script()
    };
    let mut scene = Scene::new(Cluster::Forex, script).await;
    let _task = scene.connect();
    scene.subscribed("C.EUR/USD").await;
    scene.standin.quote("EUR/USD", "1.14273", "1.14277", NOW_MS);
    scene.standin.set(|script| script.skew_ms = 30_000);
    scene.standin.quote("EUR/USD", "1.14274", "1.14278", NOW_MS);
    let ticks = scene.ticks(1).await;
    assert_eq!(ticks[0].bid, price("1.14274"));
    let health = scene.outlet.health();
    assert_eq!(
        health
            .quarantine
            .rejected(scene.id("EURUSD"), Reason::AbsurdTime),
        1
    );
    assert_eq!(
        health.lag,
        Some(Span::from_secs(-30)),
        "the lag shows the skew"
    );
}

#[tokio::test]
async fn a_quiet_market_is_kept_and_a_dead_line_is_not() {
    let mut scene = Scene::new(Cluster::Forex, script()).await;
    let mut task = scene.connect();
    scene.subscribed("C.XAU/USD").await;
    // Not a price, only answers to pings: three times the silence that would end it.
    let kept = timeout(DEADLINES.silence * 3, &mut task).await;
    assert!(kept.is_err(), "{kept:?}");
    scene.standin.stall("forex");
    let end = timeout(Duration::from_secs(20), task)
        .await
        .unwrap()
        .unwrap();
    is_transient(&end, "the line is dead");
}

#[tokio::test]
async fn two_with_one_key_do_not_push_each_other_out_for_ever() {
    let mut first = Scene::new(Cluster::Forex, script()).await;
    let task = first.connect();
    first.subscribed("C.XAU/USD").await;
    let url = first.standin.ws_url();
    let mut second = Scene::with(Cluster::Forex, script(), |settings| {
        settings.ws_url = url;
    })
    .await;
    let newer = second.connect();
    let end = timeout(Duration::from_secs(20), task)
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(end, End::Contested { .. }), "{end:?}");
    assert!(reason(&end).contains("Maximum number of websocket connections"));
    assert!(!newer.is_finished(), "the newer one stays");
}

#[tokio::test]
async fn the_end_of_a_connection_is_told_by_its_kind() {
    type Act = fn(&Standin);
    let cases: [(Act, &str); 4] = [
        (|s| s.cut("forex"), "the connection was lost"),
        (
            |s| {
                s.frame(
                    "forex",
                    r#"[{"ev":"status","status":"slow_consumer","message":"too slow"}]"#,
                )
            },
            "too slow",
        ),
        (
            |s| {
                s.frame(
                    "forex",
                    &format!(
                        r#"[{{"ev":"status","status":"force_disconnect","message":"bye {KEY}"}}]"#
                    ),
                )
            },
            "ended it: bye [key]",
        ),
        (
            |s| {
                s.frame(
                    "forex",
                    r#"[{"ev":"status","status":"auth_failed","message":"expired"}]"#,
                )
            },
            "expired",
        ),
    ];
    for (act, part) in cases {
        let mut scene = Scene::new(Cluster::Forex, script()).await;
        let task = scene.connect();
        scene.subscribed("C.XAU/USD").await;
        act(&scene.standin);
        let end = timeout(Duration::from_secs(20), task)
            .await
            .unwrap()
            .unwrap();
        assert!(reason(&end).contains(part), "{end:?}");
    }
}

#[tokio::test]
async fn what_never_becomes_a_connection_is_told_by_its_kind() {
    let mute = Script {
        mute: true,
        ..script()
    };
    let mut scene = Scene::new(Cluster::Forex, mute).await;
    is_transient(&scene.end().await, "did not greet");
    for (status, fatal) in [(403, true), (503, false), (429, false)] {
        let script = Script {
            refuse_upgrade: Some(status),
            ..script()
        };
        let mut scene = Scene::new(Cluster::Forex, script).await;
        let end = scene.end().await;
        assert_eq!(matches!(end, End::Fatal { .. }), fatal, "{end:?}");
        assert!(reason(&end).contains(&status.to_string()), "{end:?}");
    }
}

#[tokio::test]
async fn after_a_cut_it_is_back_and_fetches_only_what_was_missed() {
    let mut scene = Scene::with(Cluster::Forex, script(), |settings| {
        settings.backfill_hours = 2;
        settings.symbols = ["GBPUSD=", "USDJPY=", "XAUUSD="]
            .map(str::to_owned)
            .to_vec();
    })
    .await;
    let minute = |n: i64| Bar::at(NOW_MS - n * MINUTE_MS, "1.1400");
    scene
        .standin
        .minutes("C:EURUSD", (1..=200).rev().map(minute).collect());
    let patience = Patience {
        connect_every: Duration::from_millis(50),
        first: Duration::from_millis(1),
        ..Patience::default()
    };
    let source = scene.source.take().unwrap();
    let life = tokio::spawn(supervise(source, scene.outlet.clone(), patience, 7));
    scene.subscribed("C.EUR/USD").await;
    assert_eq!(scene.bars().await.len(), 120, "two hours");
    scene.standin.quote(
        "EUR/USD",
        "1.14273",
        "1.14277",
        NOW_MS - 3 * MINUTE_MS - 1000,
    );
    scene.ticks(1).await;
    scene.standin.cut("forex");
    let count = |told: &[Told], wanted: &Told| told.iter().filter(|told| *told == wanted).count();
    scene
        .until(|told| count(told, &Told::Began) == 2 && past(told).len() > 120)
        .await;
    assert_eq!(count(&scene.told, &Told::Ended), 1);
    assert_eq!(
        past(&scene.told).len(),
        124,
        "the minute it was cut in, and three more"
    );
    assert_eq!(closes(&scene).len(), 1, "once a day");
    life.abort();
}

#[tokio::test]
async fn the_past_is_asked_at_the_roll_page_by_page_and_calls_are_tried_again() {
    let script = Script {
        page: 50,
        rest_statuses: [429, 500, 503].into(),
        ..script()
    };
    let mut scene = Scene::with(Cluster::Forex, script, |settings| {
        settings.backfill_hours = 2;
        settings.symbols = ["GBPUSD=", "USDJPY=", "XAUUSD="]
            .map(str::to_owned)
            .to_vec();
    })
    .await;
    let mut bars: Vec<Bar> = (1..=120)
        .rev()
        .map(|n| Bar::at(NOW_MS - n * MINUTE_MS, "1.1400"))
        .collect();
    // The last minute of Friday, the first of Sunday, and the one that is not over yet.
    bars.insert(0, Bar::at(1_783_716_000_000 - MINUTE_MS, "1.1388"));
    bars.insert(1, Bar::at(1_783_890_000_000, "1.1390"));
    bars.push(Bar::at(NOW_MS, "1.1500"));
    scene.standin.minutes("C:EURUSD", bars);
    scene
        .standin
        .last_quote("EUR/USD", "1.1426", "1.1427", NOW_MS - 1000);
    let _task = scene.connect();
    let told = scene.bars().await;
    assert_eq!(told.len(), 120);
    assert!(told.is_sorted_by_key(|bar| bar.open_time));
    assert_eq!(
        (told[0].bid.close, told[0].ask.close),
        (price("1.13994"), price("1.14006"))
    );
    let ticks = scene.ticks(1).await;
    assert_eq!(
        (ticks[0].bid, ticks[0].time.millis()),
        (price("1.1426"), NOW_MS - 1000)
    );
    let close = ("EURUSD", "1.1388", "2026-07-12T21:00:00.000Z");
    assert_eq!(
        closes(&scene),
        [(close.0.into(), close.1.into(), close.2.into())]
    );
    assert_eq!(
        called(&scene.standin).len(),
        3 + 1 + 3 + 1,
        "refused, close, pages, quote"
    );
}

#[tokio::test]
async fn no_answer_of_rest_ends_the_stream_and_the_key_goes_nowhere_else() {
    let elsewhere = Standin::start(script()).await.unwrap();
    let to = elsewhere.rest_url();
    let scripts = [
        Script {
            rest_statuses: [401; 50].into(),
            ..script()
        },
        Script {
            rest_statuses: [403; 50].into(),
            ..script()
        },
        Script {
            rest_statuses: [503; 50].into(),
            ..script()
        },
        Script {
            redirect: Some(to.clone()),
            ..script()
        },
        Script {
            page: 10,
            next_page: NextPage::Elsewhere(to),
            ..script()
        },
        Script {
            page: 10,
            next_page: NextPage::Circle,
            ..script()
        },
    ];
    for script in scripts {
        let case = format!("{script:?}");
        let mut scene = Scene::with(Cluster::Forex, script, |settings| {
            settings.backfill_hours = 1;
            settings.symbols = ["GBPUSD=", "USDJPY=", "XAUUSD="]
                .map(str::to_owned)
                .to_vec();
        })
        .await;
        let bars = (1..=60)
            .rev()
            .map(|n| Bar::at(NOW_MS - n * MINUTE_MS, "1.1400"));
        scene.standin.minutes("C:EURUSD", bars.collect());
        let task = scene.connect();
        // The last quote is asked for last of all.
        let last = |asked: &[Asked]| {
            asked.iter().any(|asked| matches!(asked, Asked::Called { path, .. } if path.starts_with("/v1/last_quote")))
        };
        timeout(Duration::from_secs(20), scene.standin.until(last))
            .await
            .expect(&case);
        scene.standin.quote("EUR/USD", "1.14273", "1.14277", NOW_MS);
        scene.ticks(1).await;
        assert_eq!(past(&scene.told), [], "{case}");
        assert!(!task.is_finished(), "{case}");
    }
    assert_eq!(elsewhere.asked(), []);
}

#[tokio::test]
async fn a_flood_is_taken() {
    let mut scene = Scene::new(Cluster::Forex, script()).await;
    let _task = scene.connect();
    scene.subscribed("C.XAU/USD").await;
    for n in 0..50_000_i64 {
        let t = NOW_MS - 50_000 + n;
        scene.standin.quote("EUR/USD", "1.14273", "1.14277", t);
    }
    scene.standin.quote("GBP/USD", "1.34128", "1.34131", NOW_MS);
    let gbpusd = scene.id("GBPUSD");
    let last = |told: &[Told]| ticks(told).last().is_some_and(|t| t.instrument == gbpusd);
    scene.until(last).await;
    assert_eq!(scene.outlet.health().ticks, 50_001);
}

#[tokio::test]
async fn the_stand_in_cuts_a_client_that_does_not_read() {
    let standin = Standin::start(Script {
        buffer: 1000,
        ..script()
    })
    .await
    .unwrap();
    let url = format!("{}/forex", standin.ws_url());
    let (mut slow, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    for (action, params) in [("auth", KEY), ("subscribe", "C.*")] {
        let text = format!(r#"{{"action":"{action}","params":"{params}"}}"#);
        slow.send(Message::text(text)).await.unwrap();
    }
    standin.subscribed("C.*").await;
    let flood = async {
        loop {
            standin.quote("EUR/USD", "1.14273", "1.14277", NOW_MS);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = standin.deserted("forex") => {}
        () = flood => {}
        () = tokio::time::sleep(Duration::from_secs(30)) => panic!("it was not cut"),
    }
}

#[tokio::test]
async fn the_official_python_client_is_content_with_the_stand_in() {
    let mut script = Script::default();
    script.not_authorized.insert("C.NOT/PAID".to_owned());
    script.rest_statuses = [429, 503].into();
    let standin = Standin::start(script).await.unwrap();
    standin.day("I:SPX", Bar::at(1_783_713_600_000, "3822.39"));
    let minute = |n: i64| Bar::at(NOW_MS + (n - 5) * MINUTE_MS, &format!("1.140{}", n + 1));
    standin.minutes("C:EURUSD", (0..5).map(minute).collect());
    standin.last_quote("EUR/USD", "1.1426", "1.1427", NOW_MS - 1000);
    standin.snapshot("I:SPX", "3988.25", NOW_MS * 1_000_000);
    standin.snapshot_error("I:DJI", "NOT_ENTITLED");
    let host = standin.ws_url().replace("ws://", "");
    let prices = async {
        standin.subscribed("C.EUR/USD").await;
        standin.subscribed("C.GBP/USD").await;
        standin.quote("EUR/USD", "1.14273", "1.14277", NOW_MS + 93);
        standin.quote("GBP/USD", "1.34128", "1.34131", NOW_MS + 197);
        standin.subscribed("V.I:SPX").await;
        standin.value("I:SPX", "3988.5", 1_678_220_098_130);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = clients::run("massive", &[&host, &standin.rest_url()]) => {}
        () = prices => {}
    }
}

#[test]
fn the_transcripts_are_read_as_written() {
    let folder = std::env::var("ORION_TEST_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let folder = std::path::Path::new(&folder).join("data/wire/transcripts");
    if !folder.is_dir() {
        eprintln!("skipped the_transcripts_are_read_as_written: no ORION_TEST_DATA");
        return;
    }
    for (name, expected) in [
        ("massive_forex", (4, 9, 1, 1)),
        ("massive_indices", (1, 8, 1, 0)),
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
        let (mut prices, mut statuses, mut others, mut bad) = (0, 0, 0, 0);
        for line in text.lines().filter(|line| line.contains("\"s2c\"")) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            decode(line["raw"].as_str().unwrap(), |element| match element {
                Ok(Element::Quote { .. } | Element::Value { .. }) => prices += 1,
                Ok(Element::Status { .. }) => statuses += 1,
                Ok(Element::Other) => others += 1,
                Err(_) => bad += 1,
            });
        }
        assert_eq!((prices, statuses, others, bad), expected, "{name}");
    }
}
