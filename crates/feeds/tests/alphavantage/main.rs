//! Alpha Vantage against its stand-in: the ordinary day, and each of its sentences.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: where one cannot go on, the line says why"
)]

#[path = "../clients/mod.rs"]
mod clients;
mod refusals;
#[path = "../../src/sample.rs"]
mod sample;
mod scene;

use crate::scene::*;

#[tokio::test]
async fn closes_come_first_and_then_quotes_in_turn() {
    let mut scene = Scene::new(Script::default()).await;
    let _task = scene.connect();
    let ticks = scene.ticks(3).await;
    let told: Vec<_> = ticks
        .iter()
        .map(|tick| {
            (
                scene.symbol(tick.instrument),
                tick.bid,
                tick.ask,
                tick.time.to_string(),
            )
        })
        .collect();
    let row = |symbol: &str, bid: &str, ask: &str, time: &str| {
        (symbol.to_owned(), price(bid), price(ask), time.to_owned())
    };
    let expected = [
        row("EURUSD", "1.1427", "1.1429", "2026-07-13T11:59:00.000Z"),
        // No bid and ask: the default spread around the rate.
        row("USDJPY", "148.193", "148.205", "2026-07-13T11:58:00.000Z"),
        row("XAUUSD", "3650.125", "3650.475", "2026-07-13T11:57:00.000Z"),
    ];
    assert_eq!(told, expected);
    let closes = [
        ("EURUSD", "1.1388", "2026-07-10T21:00:00.000Z"),
        ("USDJPY", "147.5", "2026-07-10T21:00:00.000Z"),
        ("XAUUSD", "3600.5", "2026-07-10T21:00:00.000Z"),
        ("NAS100", "22000.5", "2026-07-10T20:00:00.000Z"),
    ];
    assert_eq!(
        scene.closes(),
        closes.map(|(s, p, t)| (s.to_owned(), p.to_owned(), t.to_owned()))
    );
    assert_eq!(scene.outlet.health().phase, Phase::Live);
    assert_eq!(scene.coverage("NAS100"), Coverage::Confirmed);
    let functions = scene.functions();
    let expected = [
        "FX_DAILY",
        "FX_DAILY",
        "GOLD_SILVER_HISTORY",
        "INDEX_DATA",
        "CURRENCY_EXCHANGE_RATE",
        "CURRENCY_EXCHANGE_RATE",
        "GOLD_SILVER_SPOT",
    ];
    assert_eq!(functions[..7], expected);
}

#[tokio::test]
async fn a_standing_last_refreshed_is_no_new_tick() {
    let mut scene = Scene::new(Script::default()).await;
    let _task = scene.connect();
    scene.ticks(3).await;
    // Two more rounds of the same, then one that moved.
    scene.called(4 + 3 * 3).await;
    scene.standin.rate(
        "EUR/USD",
        "1.1430",
        ("1.1429", "1.1431"),
        "2026-07-13 11:59:30",
    );
    let ticks = scene.ticks(4).await;
    assert_eq!((ticks.len(), ticks[3].bid), (4, price("1.1429")));
}

#[tokio::test]
async fn a_restart_on_the_same_day_asks_for_no_close_again_and_keeps_the_count() {
    let mut scene = Scene::new(Script::default()).await;
    let task = scene.connect();
    scene.ticks(3).await;
    let calls = scene.standin.asked().len();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let closes = scene.closes();
    scene.told.clear();
    scene.restart(|settings| settings.quotes = false);
    let _task = scene.connect();
    scene.until(|told| told.len() >= 5).await;
    assert_eq!(scene.closes(), closes);
    assert!(scene.told.contains(&Told::Began), "the key was taken today");
    assert!(
        scene.standin.asked().len() <= calls + 1,
        "at most the call that was under way"
    );
}

#[tokio::test]
async fn the_day_ends_at_our_count_and_lasts_over_a_restart() {
    let mut scene = Scene::with(Script::default(), |settings| settings.calls_per_day = 9).await;
    let later = |end: End| match end {
        End::Later { reason, pause } => (reason, pause),
        End::Transient { .. } | End::Contested { .. } | End::Fatal { .. } => panic!("{end:?}"),
    };
    // Four closes, and four more are kept for the evening: one quote is left.
    let _task = scene.connect();
    scene.ticks(1).await;
    scene.standin.called(5).await;
    assert_eq!(scene.functions().len(), 5);
    scene.restart(|settings| settings.calls_per_day = 5);
    let (reason, pause) = later(scene.end().await);
    assert_eq!(reason, "the day's 5 calls are used up");
    // 12:00 UTC is 08:00 in New York.
    assert_eq!(pause.as_secs(), 16 * 3600 + 60);
    assert_eq!(scene.functions().len(), 5);
}

#[tokio::test]
async fn the_python_client_is_content_with_the_stand_in() {
    let script = Script {
        calls_per_day: 3,
        ..Script::default()
    };
    let standin = Standin::start(script).await.unwrap();
    standin.rate(
        "USD/JPY",
        "148.19900000",
        ("148.19590000", "148.20420000"),
        "2023-11-30 21:43:02",
    );
    standin.days(
        "EUR/USD",
        &[("2026-07-13", "1.1420"), ("2026-07-10", "1.1388")],
    );
    clients::run("alphavantage", &[&standin.url()]).await;
}
