//! The past: what is asked for, what is told of it, and that it comes before the prices.

use crate::rig::{NOW, Rig, TOKEN, at, quote};
use feeds::inbox::Told;
use feeds::oanda::Settings;
use market::{PreviousClose, Price, QuoteBar, Timeframe};
use standin::oanda::{Asked, Candle, Fault, Options, Refuse, Which};

const MINUTE: i64 = 60_000_000_000;

/// Candles of consecutive minutes up to the one that is running; each opens where its number says.
fn minutes(from: &str, count: i64) -> Vec<Candle> {
    let candle = |number: i64| Candle {
        nanos: at(from) + number * MINUTE,
        bid: side(number, "1"),
        ask: side(number, "2"),
        is_complete: at(from) + (number + 1) * MINUTE <= at(NOW),
    };
    (0..count).map(candle).collect()
}

/// Open, high, low and close around 1.1, or 2 units more.
fn side(number: i64, last: &str) -> [String; 4] {
    ["3", "4", "2", "3"].map(|digit| format!("1.1{number:02}{digit}{last}"))
}

async fn rig(hours: u32, candles_max: usize) -> Rig {
    let options = Options {
        candles_max,
        instruments: vec!["EUR_USD".to_owned()],
        ..Options::default()
    };
    Rig::with(options, TOKEN, NOW, |settings| Settings {
        backfill_hours: hours,
        ..settings
    })
    .await
}

fn candle_requests(asked: &[Asked], granularity: &str) -> Vec<String> {
    let asked = asked.iter().filter(|asked| {
        asked.path == "/v3/instruments/EUR_USD/candles" && asked.query["granularity"] == granularity
    });
    asked
        .map(|asked| {
            assert_eq!((asked.status, &*asked.query["price"]), (200, "BA"));
            asked.query.get("from").cloned().unwrap_or_default()
        })
        .collect()
}

/// What is told until the first price: `began`, the close's time, the minutes.
async fn until_price(rig: &mut Rig) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        told.push(match rig.next().await {
            Told::Tick(tick) => {
                told.push(format!("price {}", tick.bid));
                return told;
            }
            Told::Past(bars) => bars.iter().map(show).collect::<Vec<_>>().join(" "),
            Told::PreviousClose(PreviousClose { price, time, .. }) => {
                format!("close {price} {time}")
            }
            Told::Began => "began".to_owned(),
            Told::Ended => "ended".to_owned(),
            Told::Life => "life".to_owned(),
        });
    }
}

fn show(bar: &QuoteBar) -> String {
    assert_eq!((bar.timeframe, bar.volume), (Timeframe::M1, None));
    assert_eq!(
        bar.ask.open - bar.bid.open,
        Price::parse("0.00001").unwrap()
    );
    bar.open_time.to_string()[11..16].to_owned()
}

#[tokio::test]
async fn the_past_comes_in_pages_before_the_prices_and_only_what_has_closed() {
    let mut rig = rig(1, 3).await;
    rig.vendor.play(&[quote("EUR_USD", 0, "1.1", "1.1002")]);
    rig.vendor
        .set_candles("EUR_USD", "M1", minutes("2026-07-13T11:53:00Z", 8));
    rig.run();
    assert_eq!(
        until_price(&mut rig).await,
        [
            "11:53 11:54 11:55",
            "11:56 11:57 11:58",
            "11:59",
            "began",
            "price 1.1"
        ]
    );
    assert_eq!(
        candle_requests(&rig.vendor.asked(), "M1"),
        [
            "2026-07-13T11:00:00.000Z",
            "2026-07-13T11:56:00.000Z",
            "2026-07-13T11:59:00.000Z"
        ]
    );
}

#[tokio::test]
async fn after_a_loss_only_what_was_missed_is_fetched() {
    let mut rig = rig(26, 5000).await;
    rig.vendor
        .set_candles("EUR_USD", "M1", minutes("2026-07-13T11:50:00Z", 6));
    rig.vendor
        .play(&[quote("EUR_USD", -200_000, "1.1", "1.1002")]);
    rig.run();
    let told = until_price(&mut rig).await;
    assert_eq!(told[0], "11:50 11:51 11:52 11:53 11:54 11:55");
    // The stream tells everything up to 11:58:10; then it is lost.
    rig.vendor
        .play(&[quote("EUR_USD", -120_000, "1.11", "1.1102")]);
    assert_eq!(rig.shown().await, "EURUSD 1.11 1.1102");
    rig.vendor
        .set_candles("EUR_USD", "M1", minutes("2026-07-13T11:50:00Z", 11));
    rig.vendor.fault(Fault::Cut);
    rig.until_begun(2).await;
    rig.vendor.play(&[quote("EUR_USD", 0, "1.12", "1.1202")]);
    assert_eq!(
        until_price(&mut rig).await,
        ["ended", "11:58 11:59", "began", "price 1.12"]
    );
    let asked = candle_requests(&rig.vendor.asked(), "M1");
    assert_eq!(
        [&asked[0], &asked[asked.len() - 1]],
        ["2026-07-12T10:00:00.000Z", "2026-07-13T11:58:00.000Z"]
    );
}

#[tokio::test]
async fn the_close_of_the_last_trading_day_is_asked_for_once_a_day() {
    let mut rig = rig(0, 5000).await;
    let day = |text: &str, is_complete: bool, close: &str| Candle {
        nanos: at(text),
        bid: ["1.1", "1.2", "1.0", close].map(str::to_owned),
        ask: ["1.1", "1.2", "1.0", "1.14277"].map(str::to_owned),
        is_complete,
    };
    rig.vendor.set_candles(
        "EUR_USD",
        "D",
        vec![
            day("2026-07-08T21:00:00Z", true, "1.0"),
            day("2026-07-09T21:00:00Z", true, "1.14273"),
            day("2026-07-12T21:00:00Z", false, "1.13"),
        ],
    );
    rig.vendor.play(&[quote("EUR_USD", 0, "1.1", "1.1002")]);
    rig.run();
    assert_eq!(
        until_price(&mut rig).await,
        [
            "close 1.14275 2026-07-10T20:59:59.999Z",
            "began",
            "price 1.1"
        ]
    );
    rig.vendor.fault(Fault::Cut);
    rig.until_begun(2).await;
    rig.vendor.play(&[quote("EUR_USD", 250, "1.11", "1.1102")]);
    assert_eq!(
        until_price(&mut rig).await,
        ["ended", "began", "price 1.11"]
    );
    let asked = rig.vendor.asked();
    assert_eq!(candle_requests(&asked, "D"), [""]);
    assert_eq!(candle_requests(&asked, "M1"), Vec::<String>::new(), "off");
    let day = asked.iter().find(|asked| asked.path.ends_with("/candles"));
    let day = &day.unwrap().query;
    assert_eq!(day["dailyAlignment"], "17");
    assert_eq!(day["alignmentTimezone"], "America/New_York");
}

#[tokio::test]
async fn prices_do_not_wait_for_a_past_that_cannot_be_had() {
    for status in [400, 401, 429, 520] {
        let mut rig = rig(1, 5000).await;
        rig.vendor.play(&[quote("EUR_USD", 0, "1.1", "1.1002")]);
        rig.vendor
            .set_candles("EUR_USD", "M1", minutes("2026-07-13T11:58:00Z", 3));
        rig.vendor.fault(Fault::Refuse(Refuse {
            which: Which::Candles,
            ..Refuse::next(1, status, "no")
        }));
        rig.run();
        assert_eq!(
            until_price(&mut rig).await,
            ["began", "price 1.1"],
            "{status}"
        );
        rig.vendor.fault(Fault::Cut);
        rig.until_begun(2).await;
        rig.vendor.play(&[quote("EUR_USD", 250, "1.11", "1.1102")]);
        assert_eq!(
            until_price(&mut rig).await,
            ["ended", "11:58 11:59", "began", "price 1.11"],
            "{status}"
        );
    }
}

#[tokio::test]
async fn candles_that_cannot_be_are_counted_and_left_out() {
    let mut rig = rig(1, 5000).await;
    rig.vendor.play(&[quote("EUR_USD", 0, "1.1", "1.1002")]);
    let mut candles = minutes("2026-07-13T11:55:00Z", 4);
    candles[1].bid[1] = "NaN".to_owned();
    candles[2].bid[1] = "0.5".to_owned();
    rig.vendor.set_candles("EUR_USD", "M1", candles);
    rig.run();
    assert_eq!(until_price(&mut rig).await[0], "11:55 11:58");
    let (health, euro) = (rig.health(), rig.id("EURUSD"));
    assert_eq!(health.malformed, 1);
    assert_eq!(
        health
            .quarantine
            .rejected(euro, feeds::quarantine::Reason::Inconsistent),
        1
    );
}
