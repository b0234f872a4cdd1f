//! Twelve Data's description against the played Twelve Data.

use crate::support::{Running, Source, shipped_with, within};
use feeds::inbox::Told;
use feeds::json::shipped;
use feeds::supervise::End;
use standin::twelvedata::{Fault, TwelveData};
use std::time::Duration;

const CHANGES: [&str; 2] = ["SPX500=SPX", "XAUUSD=XAU/USD"];

async fn running(vendor: &TwelveData) -> Running {
    let running = Source::new(shipped("twelvedata").unwrap(), &vendor.address(), &CHANGES).run();
    running.began().await;
    running
}

#[tokio::test]
async fn some_symbols_are_served_and_others_refused() {
    let vendor = TwelveData::start("good-key").await.unwrap();
    let running = running(&vendor).await;
    assert_eq!(vendor.asked(), ["/v1/quotes/price?apikey=good-key"]);
    assert_eq!(
        vendor.heard()[0],
        r#"{"action":"subscribe","params":{"symbols":"EUR/USD,GBP/USD,USD/JPY,SPX,XAU/USD"}}"#
    );
    vendor.quote("EUR/USD", "1.14273", "1.14277", 1_783_944_000);
    assert_eq!(
        running.quote().await,
        "EURUSD 1.14273 1.14277 2026-07-13T12:00:00.000Z"
    );
    vendor.price("EUR/USD", "1.14275", 1_783_944_000_093);
    assert_eq!(
        running.quote().await,
        "EURUSD 1.14269 1.14281 2026-07-13T12:00:00.093Z",
        "without bid and ask, and in milliseconds"
    );
    let coverage = running.coverage();
    assert_eq!(
        coverage
            .iter()
            .filter(|line| line.ends_with("Confirmed"))
            .count(),
        4,
        "{coverage:?}"
    );
    assert!(
        coverage.contains(&"SPX500 SPX Refused(\"the source refuses it\")".to_owned()),
        "{coverage:?}"
    );
}

#[tokio::test]
async fn heartbeats_are_sent_and_their_echo_is_life() {
    let vendor = TwelveData::start("good-key").await.unwrap();
    let quick = shipped_with(
        "twelvedata",
        &[
            ("every_s = 10", "every_s = 0.02"),
            ("silence_s = 45", "silence_s = 0.5"),
            ("heartbeat_s = 15", "heartbeat_s = 0.1"),
        ],
    );
    let running =
        Source::with_clock(crate::support::ticking(), quick, &vendor.address(), &[]).run();
    running.began().await;
    running.until(|told| *told == Told::Life).await;
    running.until(|told| *told == Told::Life).await;
    assert_eq!(vendor.heard()[1], r#"{"action":"heartbeat"}"#);
    vendor.half_open();
    assert_eq!(
        running.end().await,
        End::transient("nothing came for 0.5 s")
    );
}

#[tokio::test]
async fn a_wrong_key_ends_it_and_too_many_events_pause_it() {
    let vendor = TwelveData::start("another-key").await.unwrap();
    let end = Source::new(shipped("twelvedata").unwrap(), &vendor.address(), &[])
        .end()
        .await;
    assert!(
        matches!(&end, End::Fatal { reason, .. } if reason.contains("401")),
        "{end:?}"
    );
    let vendor = TwelveData::start("good-key").await.unwrap();
    vendor.fault(Fault::RateLimit);
    let end = Source::new(shipped("twelvedata").unwrap(), &vendor.address(), &[])
        .end()
        .await;
    let pause = Duration::from_secs(60);
    assert_eq!(
        end,
        End::Later {
            reason: "You have run out of client events".to_owned(),
            pause
        }
    );
}

#[tokio::test]
async fn an_error_of_the_account_is_for_the_operator() {
    let vendor = TwelveData::start("good-key").await.unwrap();
    let running = running(&vendor).await;
    vendor.send(r#"{"code":401,"message":"apikey good-key is wrong","status":"error"}"#);
    let end = running.end().await;
    assert!(
        matches!(&end, End::Fatal { reason, remedy } if reason == "apikey [key] is wrong" && remedy.contains("TWELVEDATA_API_KEY")),
        "{end:?}"
    );
}

#[tokio::test]
async fn when_no_symbol_is_served_the_source_is_not_live_and_says_why() {
    let vendor = TwelveData::start("good-key").await.unwrap();
    let only_indices = ["EURUSD=", "GBPUSD=", "USDJPY=", "SPX500=SPX"];
    let running = Source::new(
        shipped("twelvedata").unwrap(),
        &vendor.address(),
        &only_indices,
    )
    .run();
    running.until(|told| *told == Told::Life).await;
    within(async {
        while !running.coverage()[0].contains("Refused") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(
        running.outlet.health().phase,
        feeds::health::Phase::Subscribing
    );
}
