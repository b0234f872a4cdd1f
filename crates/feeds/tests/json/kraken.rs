//! Kraken's description against the played Kraken.

use crate::support::{Source, id, shipped_with, ticking, within};
use feeds::health::{Coverage, Phase};
use feeds::inbox::Told;
use feeds::json::shipped;
use feeds::supervise::End;
use standin::kraken::{Fault, Kraken};
use std::time::Duration;

const TIME: &str = "2026-07-13T12:00:00.123456Z";

fn source(kraken: &Kraken) -> Source {
    Source::new(shipped("kraken").unwrap(), &kraken.address(), &[])
}

#[tokio::test]
async fn quotes_flow_and_each_symbol_is_answered_by_name() {
    let kraken = Kraken::start().await.unwrap();
    let description = shipped("kraken").unwrap();
    let running = Source::new(description, &kraken.address(), &["GBPUSD=XX/YY"]).run();
    running.began().await;
    kraken.snapshot("EUR/USD", "1.1426", "1.1428");
    assert_eq!(
        running.quote().await,
        "EURUSD 1.1426 1.1428 2026-07-13T12:00:00.500Z",
        "no time of its own: that of receipt"
    );
    kraken.quote("EUR/USD", "1.1427", "1.1429", TIME);
    assert_eq!(
        running.quote().await,
        "EURUSD 1.1427 1.1429 2026-07-13T12:00:00.123Z"
    );
    let coverage = running.coverage();
    assert_eq!(coverage[0], "EURUSD EUR/USD Confirmed");
    assert_eq!(
        coverage[1],
        "GBPUSD XX/YY Refused(\"Currency pair not supported XX/YY\")"
    );
    assert_eq!(coverage[2], "USDJPY USD/JPY Confirmed");
    assert_eq!(kraken.asked(), ["/v2"]);
    assert_eq!(
        kraken.heard()[0],
        r#"{"method":"subscribe","params":{"channel":"ticker","symbol":["EUR/USD","USD/JPY","XX/YY"],"event_trigger":"bbo","snapshot":true},"req_id":1}"#
    );
    assert_eq!(running.outlet.health().phase, Phase::Live);
}

#[tokio::test]
async fn weekend_prices_of_the_venue_are_not_the_markets() {
    let kraken = Kraken::start().await.unwrap();
    let saturday = "2026-07-11T12:00:00Z";
    let running = Source::at(saturday, shipped("kraken").unwrap(), &kraken.address(), &[]).run();
    running.began().await;
    kraken.quote("EUR/USD", "1.1427", "1.1429", saturday);
    // The market opens at 17:00 in New York; the two come in this order.
    kraken.quote("EUR/USD", "1.15", "1.16", "2026-07-10T20:59:59Z");
    assert_eq!(
        running.quote().await,
        "EURUSD 1.15 1.16 2026-07-10T20:59:59.000Z"
    );
    assert_eq!(running.outlet.health().ticks, 1);
    let open = shipped_with("kraken", &[("weekends = false", "weekends = true")]);
    let running = Source::at(saturday, open, &kraken.address(), &[]).run();
    running.began().await;
    kraken.quote("EUR/USD", "1.1427", "1.1429", saturday);
    assert_eq!(
        running.quote().await,
        "EURUSD 1.1427 1.1429 2026-07-11T12:00:00.000Z"
    );
}

#[tokio::test]
async fn maintenance_and_rate_limits_are_left_alone_for_a_while() {
    let kraken = Kraken::start().await.unwrap();
    let pause = Duration::from_secs(60);
    kraken.fault(Fault::Maintenance);
    assert_eq!(
        source(&kraken).end().await,
        End::Later {
            reason: "maintenance".to_owned(),
            pause
        }
    );
    kraken.fault(Fault::RateLimit);
    assert_eq!(
        source(&kraken).end().await,
        End::Later {
            reason: "EAPI:Rate limit exceeded".to_owned(),
            pause
        }
    );
}

#[tokio::test]
async fn what_kraken_does_not_understand_is_told_once() {
    let kraken = Kraken::start().await.unwrap();
    let wrong = shipped_with(
        "kraken",
        &[(
            r#""channel":"ticker","symbol""#,
            r#""channel":"tickers","symbol""#,
        )],
    );
    let end = Source::new(wrong, &kraken.address(), &[]).end().await;
    assert!(
        matches!(&end, End::Fatal { reason, remedy } if reason == "Malformed request" && remedy.contains("docs.kraken.com")),
        "{end:?}"
    );
}

#[tokio::test]
async fn handshakes_that_are_refused_are_told_as_what_they_are() {
    let kraken = Kraken::start().await.unwrap();
    for (fault, is_fatal) in [
        (Fault::WrongKey, true),
        (Fault::NotEntitled, true),
        (Fault::TooManyConnects, false),
        (Fault::Down, false),
    ] {
        kraken.fault(fault);
        let end = source(&kraken).end().await;
        assert_eq!(
            matches!(end, End::Fatal { .. }),
            is_fatal,
            "{fault:?} {end:?}"
        );
        assert_eq!(
            matches!(end, End::Transient { .. }),
            !is_fatal,
            "{fault:?} {end:?}"
        );
    }
}

#[tokio::test]
async fn heartbeats_keep_a_quiet_connection_and_a_half_open_one_ends() {
    let kraken = Kraken::with_heartbeat(Duration::from_millis(20))
        .await
        .unwrap();
    let quick = shipped_with(
        "kraken",
        &[
            ("silence_s = 30", "silence_s = 0.5"),
            ("heartbeat_s = 5", "heartbeat_s = 0.1"),
        ],
    );
    let running = Source::with_clock(ticking(), quick, &kraken.address(), &[]).run();
    running.began().await;
    // Life is told once a second, which is twice the silence that would end it.
    running.until(|told| *told == Told::Life).await;
    running.until(|told| *told == Told::Life).await;
    assert_eq!(running.outlet.health().phase, Phase::Live);
    kraken.half_open();
    assert_eq!(
        running.end().await,
        End::transient("nothing came for 0.5 s")
    );
}

#[tokio::test]
async fn a_cut_and_a_close_are_told_with_the_vendors_words() {
    let kraken = Kraken::start().await.unwrap();
    let running = source(&kraken).run();
    running.began().await;
    kraken.close(1008, "slow consumer");
    assert_eq!(
        running.end().await,
        End::transient("the source closed the connection: 1008 slow consumer")
    );
    let running = source(&kraken).run();
    running.began().await;
    kraken.cut();
    let end = running.end().await;
    assert!(
        matches!(&end, End::Transient { reason } if reason.starts_with("the connection broke")),
        "{end:?}"
    );
}

#[tokio::test]
async fn subscriptions_without_an_answer_end_the_connection() {
    let kraken = Kraken::start().await.unwrap();
    kraken.fault(Fault::Mute);
    let quick = shipped_with(
        "kraken",
        &[("answer_within_s = 15", "answer_within_s = 0.2")],
    );
    let end = Source::new(quick, &kraken.address(), &[]).end().await;
    assert_eq!(
        end,
        End::transient("no answer to the subscriptions within 0.2 s")
    );
}

#[tokio::test]
async fn rubbish_is_counted_and_the_flow_goes_on() {
    let kraken = Kraken::start().await.unwrap();
    let running = source(&kraken).run();
    running.began().await;
    kraken.send("<html>502</html>");
    kraken.send(r#"{"channel":"ticker","data":[{"symbol":"EUR/USD","bid":1.1,"ask":"#);
    kraken.send(r#"{"channel":"ticker","data":[{"symbol":"EUR/USD","bid":"NaN","ask":1.2}]}"#);
    kraken.send_bytes(&[0xff, 0xfe, 0]);
    kraken.send_bytes(
        br#"{"channel":"ticker","data":[{"symbol":"EUR/USD","bid":1.1,"ask":1.1001}]}"#,
    );
    assert_eq!(
        running.quote().await,
        "EURUSD 1.1 1.1001 2026-07-13T12:00:00.500Z",
        "JSON in a binary frame is JSON"
    );
    assert_eq!(running.outlet.health().malformed, 4);
    kraken.send(r#"{"channel":"news","data":[]}"#);
    kraken.quote("GBP/USD", "1.3", "1.3001", TIME);
    assert_eq!(
        running.quote().await,
        "GBPUSD 1.3 1.3001 2026-07-13T12:00:00.123Z"
    );
    assert_eq!(
        running.outlet.health().malformed,
        4,
        "an unknown message is none"
    );
}

#[tokio::test]
async fn rubbish_alone_is_no_life() {
    let kraken = Kraken::start().await.unwrap();
    kraken.fault(Fault::Mute);
    let quick = shipped_with(
        "kraken",
        &[
            ("silence_s = 30", "silence_s = 0.4"),
            ("heartbeat_s = 5", "heartbeat_s = 0.1"),
        ],
    );
    let running = Source::new(quick, &kraken.address(), &[]).run();
    within(kraken.until_heard(1)).await;
    let rubbish = async {
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        loop {
            pace.tick().await;
            kraken.send("rubbish");
        }
    };
    let end = tokio::select! {
        end = running.end() => end,
        () = rubbish => unreachable!("it sends for ever"),
    };
    assert_eq!(end, End::transient("nothing came for 0.4 s"));
}

#[tokio::test]
async fn a_clock_that_is_ahead_is_turned_away_and_crossed_quotes_too() {
    let kraken = Kraken::start().await.unwrap();
    let running = source(&kraken).run();
    running.began().await;
    kraken.quote("EUR/USD", "1.1427", "1.1429", "2026-07-13T13:00:00Z");
    kraken.quote("EUR/USD", "1.1429", "1.1427", TIME);
    kraken.quote("EUR/USD", "1.1427", "1.1429", TIME);
    assert_eq!(
        running.quote().await,
        "EURUSD 1.1427 1.1429 2026-07-13T12:00:00.123Z"
    );
    let health = running.outlet.health();
    assert_eq!(
        (
            health.ticks,
            health
                .quarantine
                .rejected(id("EURUSD"), feeds::quarantine::Reason::AbsurdTime)
        ),
        (1, 1)
    );
    assert_eq!(
        health
            .quarantine
            .rejected(id("EURUSD"), feeds::quarantine::Reason::Crossed),
        1
    );
}

#[tokio::test]
async fn a_flood_is_merged_by_symbol_and_the_newest_price_comes_through() {
    let kraken = Kraken::start().await.unwrap();
    let running = source(&kraken).run();
    running.began().await;
    const COUNT: u64 = 20_000;
    for number in 0..COUNT {
        kraken.quote("EUR/USD", &format!("1.1{number:05}"), "1.12", TIME);
    }
    kraken.quote("GBP/USD", "1.3", "1.3001", TIME);
    // The last quote is read, and nobody took anything meanwhile.
    within(async {
        while running.outlet.health().symbols[&id("GBPUSD")].ticks == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let health = running.outlet.health();
    let eurusd = &health.symbols[&id("EURUSD")];
    assert_eq!(eurusd.ticks, COUNT);
    assert_eq!(eurusd.last.unwrap().bid.to_string(), "1.119999");
    let mut waiting = Vec::new();
    let taken = running.inbox.try_take(&mut waiting, usize::MAX) as u64;
    assert_eq!(
        health.ticks - health.conflated,
        waiting
            .iter()
            .filter(|item| matches!(item.told, Told::Tick(_)))
            .count() as u64
    );
    assert!(
        health.conflated > 10_000 && taken < 8300,
        "{} merged, {taken} waited",
        health.conflated
    );
    assert_eq!(health.symbols[&id("EURUSD")].coverage, Coverage::Confirmed);
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_the_symbols_asked_for_again() {
    let kraken = Kraken::start().await.unwrap();
    let running = source(&kraken).supervise();
    for round in 1..=3 {
        running.began().await;
        kraken.quote("EUR/USD", "1.1427", "1.1429", TIME);
        running.tick().await;
        assert_eq!(kraken.asked().len(), round);
        kraken.cut();
        running.until(|told| *told == Told::Ended).await;
    }
}
