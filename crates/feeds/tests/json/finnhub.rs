//! Finnhub's description against the played Finnhub.

use crate::support::{Running, Source, shipped_with, within};
use access::Secret;
use feeds::health::Phase;
use feeds::json::{Description, Json, shipped};
use feeds::supervise::{Connector as _, End};
use standin::finnhub::{Fault, Finnhub};
use std::time::Duration;

fn source(finnhub: &Finnhub, description: Description) -> Source {
    Source::new(description, &finnhub.address(), &[])
}

/// Connected and subscribed; nothing of Finnhub's confirms that.
async fn subscribed(finnhub: &Finnhub, description: Description) -> Running {
    // Three pairs, and three indices of which two are not listed.
    let symbols = 6;
    let before = finnhub.heard().len();
    let running = source(finnhub, description).run();
    within(finnhub.until_heard(before + symbols)).await;
    running
}

#[tokio::test]
async fn trades_become_quotes_with_the_ordinary_spread() {
    let finnhub = Finnhub::start("good-key").await.unwrap();
    let running = subscribed(&finnhub, shipped("finnhub").unwrap()).await;
    assert_eq!(finnhub.asked(), ["/?token=good-key"]);
    assert_eq!(
        finnhub.heard()[0],
        r#"{"type":"subscribe","symbol":"OANDA:EUR_USD"}"#
    );
    // In one message, and out of order by less than the gate's grace.
    finnhub.trades(
        "OANDA:EUR_USD",
        &[
            ("1.14275", 1_783_944_000_093),
            ("1.14274", 1_783_944_000_090),
        ],
    );
    assert_eq!(
        running.quote().await,
        "EURUSD 1.14269 1.14281 2026-07-13T12:00:00.093Z"
    );
    assert_eq!(
        running.quote().await,
        "EURUSD 1.14268 1.1428 2026-07-13T12:00:00.090Z"
    );
}

#[tokio::test]
async fn pings_alone_are_a_live_source_without_prices() {
    let finnhub = Finnhub::with_heartbeat("good-key", Duration::from_millis(20))
        .await
        .unwrap();
    let running = subscribed(&finnhub, shipped("finnhub").unwrap()).await;
    running.began().await;
    assert_eq!(
        (running.outlet.health().phase, running.outlet.health().ticks),
        (Phase::Live, 0)
    );
}

#[tokio::test]
async fn a_wrong_key_is_told_once_and_never_shown() {
    let finnhub = Finnhub::start("another-key").await.unwrap();
    let running = source(&finnhub, shipped("finnhub").unwrap()).supervise();
    let outlet = running.outlet.clone();
    running.end().await;
    assert_eq!(finnhub.asked().len(), 1, "it does not try again");
    let health = format!("{:?}", outlet.health());
    assert!(
        health.contains("401") && !health.contains("good-key"),
        "{health}"
    );
}

#[tokio::test]
async fn a_missing_key_is_told_before_anything_is_opened() {
    let catalog = crate::sample::catalog();
    let description = shipped("finnhub").unwrap();
    let symbols = description.symbols(&catalog, &[]).unwrap();
    for key in [None, Some(Secret::new(" "))] {
        let mut json = Json::new(description.clone(), &catalog, key, symbols.clone(), None);
        let source = Source::new(description.clone(), "ws://127.0.0.1:1", &[]);
        let remedy = "put it into the environment as FINNHUB_API_KEY";
        assert_eq!(
            json.connect(&source.outlet).await,
            End::fatal("it needs a key", remedy)
        );
    }
}

#[tokio::test]
async fn a_key_that_is_repeated_by_the_vendor_is_cut_out() {
    let finnhub = Finnhub::start("good-key").await.unwrap();
    let running = subscribed(&finnhub, shipped("finnhub").unwrap()).await;
    finnhub.close(1008, "token good-key is in use");
    assert_eq!(
        running.end().await,
        End::transient("the source closed the connection: 1008 token [key] is in use")
    );
}

#[tokio::test]
async fn good_symbols_that_are_refused_are_asked_for_again() {
    let finnhub = Finnhub::start("good-key").await.unwrap();
    finnhub.fault(Fault::Maintenance);
    let quick = shipped_with(
        "finnhub",
        &[("retry_refused_s = 300", "retry_refused_s = 0.2")],
    );
    let running = subscribed(&finnhub, quick).await;
    finnhub.fault(Fault::None);
    within(finnhub.until_heard(12)).await;
    assert!(
        running.coverage()[0].contains("Refused(\"Invalid symbol OANDA:EUR_USD\")"),
        "{:?}",
        running.coverage()
    );
    finnhub.trades("OANDA:GBP_USD", &[("1.3", 1_783_944_000_093)]);
    assert!(
        running
            .quote()
            .await
            .starts_with("GBPUSD 1.299925 1.300075")
    );
    assert!(running.coverage()[1].contains("Confirmed"));
}

#[tokio::test]
async fn two_programs_with_one_key_are_found_out() {
    let finnhub = Finnhub::with_heartbeat("good-key", Duration::from_millis(10))
        .await
        .unwrap();
    let running = source(&finnhub, shipped("finnhub").unwrap()).supervise();
    for _ in 0..3 {
        running.began().await;
        // Another connects with the same key, and this one is closed.
        let other = source(&finnhub, shipped("finnhub").unwrap()).run();
        running
            .until(|told| *told == feeds::inbox::Told::Ended)
            .await;
        drop(other);
    }
    within(async {
        loop {
            if let Phase::BackOff { reason, .. } = running.outlet.health().phase
                && reason.contains("as if another used the key")
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn too_many_symbols_is_no_reason_to_leave() {
    let finnhub = Finnhub::with_heartbeat("good-key", Duration::from_millis(10))
        .await
        .unwrap();
    finnhub.fault(Fault::RateLimit);
    let running = subscribed(&finnhub, shipped("finnhub").unwrap()).await;
    running.began().await;
    assert_eq!(finnhub.connections(), 1);
}
