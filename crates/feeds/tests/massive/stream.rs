//! The ordinary day, refusals, and what cannot be read.

use crate::scene::*;

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
    scene.subscribed("C.EUR/USX").await;
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
