//! What comes when all is well, and what of it is no price.

use crate::rig::{ACCOUNT, NOW, Rig, TOKEN, at, quote, show};
use feeds::health::{Coverage, Phase};
use feeds::inbox::Told;
use feeds::oanda::OFFERS;
use feeds::quarantine::Reason;
use market::{PriceKind, Span};
use standin::oanda::{Fault, Options, Quote};

const SEVEN: [(&str, &str, &str); 7] = [
    ("EUR_USD", "1.14273", "1.14277"),
    ("GBP_USD", "1.3251", "1.32524"),
    ("USD_JPY", "151.204", "151.21"),
    ("XAU_USD", "4123.95", "4124.31"),
    ("US30_USD", "44871.3", "44873.1"),
    ("NAS100_USD", "29731.4", "29733.9"),
    ("SPX500_USD", "6702.1", "6702.7"),
];

#[tokio::test]
async fn all_seven_symbols_flow_exactly_as_they_were_sent() {
    let mut rig = Rig::new(Options::default()).await;
    let quotes = SEVEN.map(|(name, bid, ask)| quote(name, -250, bid, ask));
    rig.vendor.play(&quotes);
    rig.run();
    assert_eq!(rig.next().await, Told::Began, "before any price");
    for offer in OFFERS {
        // The snapshot comes in the order of the names.
        let shown = rig.shown().await;
        let symbol = shown.split(' ').next().unwrap().to_owned();
        let (_, bid, ask) = SEVEN
            .into_iter()
            .find(|(name, _, _)| {
                let offer = OFFERS.iter().find(|offer| offer.theirs == *name).unwrap();
                offer.ours == symbol
            })
            .unwrap();
        assert_eq!(shown, format!("{symbol} {bid} {ask}"));
        let health = &rig.health().symbols[&rig.id(offer.ours)];
        assert_eq!(health.coverage, Coverage::Confirmed);
        assert_eq!(health.theirs, offer.theirs);
    }
    rig.vendor
        .play(&[quote("XAU_USD", 0, "4124.000", "4124.4")]);
    let tick = rig.tick().await;
    assert_eq!(tick.time.to_string(), "2026-07-13T12:00:10.000Z");
    assert_eq!(tick.received.unwrap().nanos(), at(NOW));
    assert_eq!(tick.volume, None);
    let health = rig.health();
    assert_eq!((health.phase, health.connects), (Phase::Live, 1));
    assert_eq!((health.ticks, health.malformed), (8, 0));
}

#[tokio::test]
async fn it_asks_for_what_it_needs_and_no_more() {
    let mut rig = Rig::new(Options::default()).await;
    rig.run();
    rig.until_begun(1).await;
    let asked = rig.vendor.asked();
    let paths: Vec<&str> = asked.iter().map(|asked| asked.path.as_str()).collect();
    let account = format!("/v3/accounts/{ACCOUNT}");
    assert_eq!(
        paths[..3],
        [
            "/v3/accounts",
            &format!("{account}/instruments"),
            &format!("{account}/pricing/stream")
        ]
    );
    let stream = &asked[2].query;
    assert_eq!(
        stream["instruments"],
        "EUR_USD,GBP_USD,USD_JPY,XAU_USD,US30_USD,NAS100_USD,SPX500_USD"
    );
    assert_eq!(stream["snapshot"], "true");
}

#[tokio::test]
async fn what_is_no_price_shows_life_and_what_cannot_be_read_is_counted() {
    let mut rig = Rig::new(Options::default()).await;
    rig.run();
    rig.until_begun(1).await;
    let closed = Quote {
        is_tradeable: false,
        ..quote("NAS100_USD", 0, "29731.4", "29733.9")
    };
    rig.vendor.play(&[closed]);
    for line in [
        "garbage line",
        r#"{"type":"PRICE","instrument":"EUR_USD"}"#,
        r#"{"type":"PRICE","time":"2026-07-13T12:00:10Z","instrument":"BTC_USD","bids":[{"price":"1"}],"asks":[{"price":"1"}]}"#,
        r#"{"type":"PRICE","time":"2026-07-13T12:00:10Z","instrument":"EUR_USD","bids":[{"price":"2"}],"asks":[{"price":"1"}]}"#,
        "",
    ] {
        rig.vendor.say(line);
    }
    rig.vendor.heartbeat();
    rig.vendor.play(&[quote("EUR_USD", 0, "1.1", "1.1002")]);
    assert_eq!(rig.next().await, Told::Began);
    assert_eq!(rig.shown().await, "EURUSD 1.1 1.1002", "nothing before it");
    let health = rig.health();
    assert_eq!((health.ticks, health.malformed), (1, 3));
    assert_eq!(health.quarantine.total(Reason::Crossed), 1);
    assert_eq!(health.symbols[&rig.id("NAS100")].ticks, 0);
}

#[tokio::test]
async fn lines_may_be_split_anywhere() {
    for bytes in [1, 7, 150] {
        let mut rig = Rig::new(Options::default()).await;
        rig.vendor.fault(Fault::Split(bytes));
        rig.run();
        rig.until_begun(1).await;
        rig.vendor
            .play(&SEVEN.map(|(name, bid, ask)| quote(name, 0, bid, ask)));
        for (_, bid, ask) in SEVEN {
            let shown = rig.shown().await;
            assert!(shown.ends_with(&format!("{bid} {ask}")), "{shown}");
        }
        assert_eq!(rig.health().malformed, 0, "pieces of {bytes}");
    }
}

#[tokio::test]
async fn clocks_that_disagree_show_in_the_lag_and_a_future_is_turned_away() {
    let mut rig = Rig::new(Options::default()).await;
    rig.run();
    rig.until_begun(1).await;
    for (instrument, millis, lag) in [
        ("EUR_USD", -3_000, 3_000),
        ("GBP_USD", 40_000, -40_000),
        ("XAU_USD", 0, 0),
    ] {
        rig.vendor
            .play(&[quote(instrument, millis, "1.1", "1.1002")]);
        rig.tick().await;
        assert_eq!(
            rig.health().lag,
            Some(Span::from_millis(lag)),
            "{instrument}"
        );
    }
    rig.vendor.fault(Fault::Skew(120_000));
    rig.vendor.heartbeat();
    rig.vendor.play(&[
        quote("USD_JPY", 120_000, "150.1", "150.2"),
        quote("USD_JPY", 0, "151.1", "151.2"),
    ]);
    assert_eq!(rig.shown().await, "USDJPY 151.1 151.2");
    assert_eq!(rig.health().quarantine.total(Reason::AbsurdTime), 1);
}

#[tokio::test]
async fn an_instrument_that_the_account_has_not_costs_no_other() {
    let mut instruments = Options::default().instruments;
    instruments.retain(|name| !name.contains("NAS100"));
    let options = Options {
        instruments,
        ..Options::default()
    };
    let mut rig = Rig::new(options).await;
    rig.run();
    rig.until_begun(1).await;
    rig.vendor.play(&[quote("EUR_USD", 0, "1.1", "1.1002")]);
    assert_eq!(rig.shown().await, "EURUSD 1.1 1.1002");
    let health = rig.health();
    let Coverage::Refused(reason) = &health.symbols[&rig.id("NAS100")].coverage else {
        panic!("{health:?}")
    };
    assert!(reason.contains("does not have it"), "{reason}");
    let confirmed = health.symbols.values();
    let confirmed = confirmed.filter(|symbol| symbol.coverage == Coverage::Confirmed);
    assert_eq!(confirmed.count(), 6);
}

#[tokio::test]
async fn the_account_is_found_where_there_is_only_one() {
    for (accounts, set, expected) in [
        (&["101-001-1-001"][..], "", "t"),
        (&["101-001-1-001", "101-001-1-002"], "101-001-1-002", "t"),
        (
            &["101-001-1-001", "101-001-1-002"],
            "",
            "f the token reaches 2 accounts; set feed.oanda.account to one of 101-001-1-001,101-001-1-002",
        ),
        (&[], "", "f the token reaches no account"),
    ] {
        let options = Options {
            accounts: accounts.iter().map(|id| (*id).to_owned()).collect(),
            ..Options::default()
        };
        let mut rig = Rig::with(options, TOKEN, NOW, |settings| feeds::oanda::Settings {
            account: set.to_owned(),
            ..settings
        })
        .await;
        let run = rig.begin();
        if expected == "t" {
            rig.until_begun(1).await;
            rig.vendor.fault(Fault::End);
        }
        let (kind, reason) = show(&rig.ended(run).await);
        let shown = format!("{kind} {reason}");
        assert!(shown.starts_with(expected), "{accounts:?}: {shown}");
    }
}

#[test]
fn offers_are_of_the_kinds_that_oanda_trades() {
    for offer in OFFERS {
        let is_index = offer.theirs.contains(|c: char| c.is_ascii_digit());
        let kind = if is_index {
            PriceKind::Cfd
        } else {
            PriceKind::Cash
        };
        assert_eq!(offer.kind, kind, "{}", offer.ours);
    }
}
