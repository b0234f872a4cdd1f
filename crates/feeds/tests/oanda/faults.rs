//! What goes wrong, what it is taken for, and that prices go on after it.

use crate::rig::{ACCOUNT, NOW, Rig, TOKEN, quote, show};
use feeds::health::{Coverage, Phase};
use feeds::inbox::Told;
use feeds::oanda::{Deadlines, Settings};
use market::{Price, Tick};
use standin::oanda::{Fault, Options, Page, Quote, Refuse, Which};
use std::collections::BTreeMap;
use std::time::Duration;

fn impatient() -> Deadlines {
    Deadlines {
        silence: Duration::from_millis(400),
        ..Deadlines::default()
    }
}

/// Heartbeats that come rarely enough never to be seen.
fn quiet() -> Options {
    Options {
        heartbeat: Duration::from_secs(3600),
        ..Options::default()
    }
}

#[tokio::test]
async fn a_wrong_token_is_told_once_and_not_repeated() {
    let mut rig = Rig::with(Options::default(), "not-the-token", NOW, |settings| {
        settings
    })
    .await;
    rig.run_out().await;
    let health = rig.health();
    let Phase::Failed { reason, remedy } = &health.phase else {
        panic!("{health:?}")
    };
    assert!(
        reason.contains("401") && reason.contains("Insufficient"),
        "{reason}"
    );
    assert!(remedy.contains("practice"), "{remedy}");
    assert!(!format!("{health:?}").contains("not-the-token"));
    assert_eq!(rig.vendor.asked().len(), 3, "no hot loop");
}

#[tokio::test]
async fn without_a_token_nobody_is_asked() {
    for token in ["", "two\nlines"] {
        let mut rig = Rig::with(Options::default(), token, NOW, |settings| settings).await;
        let (kind, reason) = show(&rig.connect().await);
        assert!(
            kind == 'f' && reason.contains("the token holds")
                || reason.contains("there is no token"),
            "{reason}"
        );
        assert!(!reason.contains("two"), "{reason}");
        assert_eq!(rig.vendor.asked().len(), 0);
    }
}

#[tokio::test]
async fn a_flicker_of_401_and_pages_of_520_are_waited_out() {
    let mut rig = Rig::new(Options::default()).await;
    let page = Page::Html("<html><body>cloudflare, and much more</body></html>".to_owned());
    let html = Refuse {
        page,
        ..Refuse::next(2, 520, "")
    };
    rig.vendor.fault(Fault::Refuse(html.clone()));
    rig.vendor
        .fault(Fault::Refuse(Refuse::next(1, 401, "maintenance")));
    rig.vendor.fault(Fault::Refuse(Refuse {
        which: Which::Stream,
        times: 1,
        ..html
    }));
    rig.vendor.play(&[quote("EUR_USD", 0, "1.1", "1.1002")]);
    let (kind, reason) = show(&rig.connect().await);
    assert_eq!((kind, reason.as_str()), ('t', "the server answered 520"));
    rig.run();
    assert_eq!(rig.shown().await, "EURUSD 1.1 1.1002");
    let statuses: Vec<u16> = rig
        .vendor
        .asked()
        .iter()
        .map(|asked| asked.status)
        .collect();
    assert_eq!(statuses[..8], [520, 520, 401, 200, 200, 520, 200, 200]);
    assert_eq!(rig.health().phase, Phase::Live);
}

#[tokio::test]
async fn each_refusal_means_what_it_means() {
    for (status, kind, words) in [
        (401, 't', "refusal 1 in a row"),
        (403, 'f', "feed.oanda.account"),
        (404, 'f', "feed.oanda.account"),
        (405, 'f', "check the settings"),
        (302, 't', "302"),
        (408, 't', "408"),
        (429, 'l', "(3 s)"),
        (500, 't', "500 Internal Server Error: words of the server"),
        (503, 't', "503"),
    ] {
        let mut rig = Rig::new(Options::default()).await;
        let message = format!("words of the server about {TOKEN}");
        rig.vendor.fault(Fault::Refuse(Refuse {
            retry_after: Some(3),
            ..Refuse::next(1, status, &message)
        }));
        let (shown, reason) = show(&rig.connect().await);
        assert_eq!(shown, kind, "{status}: {reason}");
        assert!(reason.contains(words), "{status}: {reason}");
        assert!(!reason.contains(TOKEN), "{status}: {reason}");
    }
}

#[tokio::test]
async fn an_account_of_somebody_else_is_refused() {
    let mut rig = Rig::with(Options::default(), TOKEN, NOW, |settings| Settings {
        account: "001-001-7-001".to_owned(),
        ..settings
    })
    .await;
    rig.run_out().await;
    let Phase::Failed { remedy, .. } = rig.health().phase else {
        panic!("{:?}", rig.health())
    };
    assert!(remedy.contains("feed.oanda.account"), "{remedy}");
}

#[tokio::test]
async fn an_instrument_that_the_stream_refuses_by_name_is_left_out() {
    let mut rig = Rig::new(Options::default()).await;
    let refuse = |message: &str| {
        Fault::Refuse(Refuse {
            which: Which::Stream,
            ..Refuse::next(1, 400, message)
        })
    };
    rig.vendor.fault(refuse("Invalid instrument GBP_USD"));
    let (kind, _) = show(&rig.connect().await);
    assert_eq!(kind, 't');
    let coverage = &rig.health().symbols[&rig.id("GBPUSD")].coverage;
    assert!(matches!(coverage, Coverage::Refused(reason) if reason.contains("GBP_USD")));
    rig.vendor
        .fault(refuse("Invalid value specified for 'instruments'"));
    let (kind, reason) = show(&rig.connect().await);
    assert_eq!(kind, 'f');
    assert!(
        reason.contains("asked for EUR_USD,USD_JPY,XAU_USD"),
        "{reason}"
    );
}

#[tokio::test]
async fn none_of_the_instruments_is_a_reason_to_give_up() {
    let options = Options {
        instruments: vec!["BTC_USD".to_owned()],
        ..Options::default()
    };
    let mut rig = Rig::new(options).await;
    let (kind, reason) = show(&rig.connect().await);
    assert_eq!(kind, 'f');
    assert!(
        reason.contains(ACCOUNT) && reason.contains("XAU_USD"),
        "{reason}"
    );
}

#[tokio::test]
async fn after_a_cut_prices_go_on_and_none_comes_twice() {
    for fault in [Fault::Cut, Fault::End] {
        let mut rig = Rig::new(Options::default()).await;
        rig.run();
        rig.until_begun(1).await;
        rig.vendor.play(&[
            quote("EUR_USD", 0, "1.1", "1.1002"),
            quote("XAU_USD", 0, "4000.1", "4000.3"),
        ]);
        assert_eq!(rig.next().await, Told::Began);
        assert_eq!(rig.shown().await, "EURUSD 1.1 1.1002");
        assert_eq!(rig.shown().await, "XAUUSD 4000.1 4000.3");
        rig.vendor.fault(fault.clone());
        assert_eq!(rig.next().await, Told::Ended, "{fault:?}");
        rig.until_begun(2).await;
        // The snapshot repeats both; a price that only looks the same is another.
        rig.vendor.play(&[
            quote("EUR_USD", 250, "1.1", "1.1002"),
            quote("EUR_USD", 250, "1.1", "1.1002"),
        ]);
        assert_eq!(rig.next().await, Told::Began);
        assert_eq!(rig.tick().await.time.millis() % 1000, 250);
        assert_eq!(rig.tick().await.time.millis() % 1000, 250);
        assert_eq!(rig.health().ticks, 4, "{fault:?}");
        assert_eq!(rig.health().connects, 2);
    }
}

#[tokio::test]
async fn how_a_stream_ended_is_told() {
    for (fault, words) in [
        (Fault::End, "the server ended the stream"),
        (Fault::Cut, "error"),
    ] {
        let mut rig = Rig::new(Options::default()).await;
        let run = rig.begin();
        rig.until_begun(1).await;
        rig.vendor.fault(fault);
        let (kind, reason) = show(&rig.ended(run).await);
        assert!(kind == 't' && reason.contains(words), "{kind} {reason}");
        assert!(!reason.contains(ACCOUNT), "{reason}");
    }
}

#[tokio::test]
async fn a_half_open_connection_ends() {
    let mut rig = Rig::new(Options::default()).await.deadlines(impatient());
    rig.vendor.fault(Fault::Stall);
    let (kind, reason) = show(&rig.connect().await);
    assert_eq!(kind, 't');
    assert!(reason.contains("nothing that could be read"), "{reason}");
    assert_eq!(rig.health().phase, Phase::Subscribing, "it never was live");
}

#[tokio::test]
async fn a_stall_ends_a_connection_that_was_live_and_the_next_one_heals() {
    let mut rig = Rig::new(quiet()).await.deadlines(impatient());
    rig.vendor.play(&[quote("EUR_USD", 0, "1.1", "1.1002")]);
    rig.run();
    assert_eq!(rig.shown().await, "EURUSD 1.1 1.1002");
    rig.vendor.fault(Fault::Stall);
    assert_eq!(rig.next().await, Told::Ended);
    rig.vendor.fault(Fault::Heal);
    rig.vendor.play(&[quote("EUR_USD", 1000, "1.15", "1.1502")]);
    assert_eq!(rig.shown().await, "EURUSD 1.15 1.1502");
}

#[tokio::test]
async fn heartbeats_alone_keep_a_connection() {
    let options = Options {
        heartbeat: Duration::from_millis(20),
        ..Options::default()
    };
    let mut rig = Rig::new(options).await.deadlines(impatient());
    let run = rig.begin();
    rig.until_begun(1).await;
    assert_eq!(rig.next().await, Told::Began);
    let lasts = tokio::time::timeout(impatient().silence * 4, rig.next()).await;
    assert!(lasts.is_err(), "{lasts:?}");
    rig.vendor.fault(Fault::End);
    assert_eq!(show(&rig.ended(run).await).1, "the server ended the stream");
}

#[tokio::test]
async fn rubbish_is_no_life() {
    let mut rig = Rig::new(quiet()).await.deadlines(impatient());
    let run = rig.begin();
    rig.until_begun(1).await;
    let mut rubbish = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..1000 {
        rig.vendor.say("<html>");
        rubbish.tick().await;
        if run.is_finished() {
            break;
        }
    }
    assert!(run.is_finished(), "20 s of rubbish kept it");
    let (_, reason) = show(&rig.ended(run).await);
    assert!(reason.contains("nothing that could be read"), "{reason}");
    assert!(rig.health().malformed > 3, "{}", rig.health().malformed);
}

/// A minute of a thousand prices a second, that nobody takes meanwhile.
fn flood() -> Vec<Quote> {
    let names = Options::default().instruments;
    let one = |number: usize| {
        let name = &names[number % names.len()];
        let millis = i64::try_from(number).unwrap() - 60_000;
        let ask = Price::from_units(1_000_000_000 + i64::try_from(number).unwrap());
        quote(name, millis, "1", &ask.to_string())
    };
    (0..60_000).map(one).collect()
}

#[tokio::test]
async fn a_flood_is_merged_and_the_newest_wins() {
    let mut rig = Rig::new(Options::default()).await;
    let flood = flood();
    rig.run();
    rig.until_begun(1).await;
    rig.vendor.play(&flood);
    rig.vendor.say("the end");
    let mut last: BTreeMap<_, Tick> = BTreeMap::new();
    let (mut taken, mut items) = (0, Vec::new());
    let until = async {
        // Taken only when all is in: the unreadable line comes last.
        while rig.health().malformed == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), until)
        .await
        .unwrap();
    rig.inbox.take(&mut items, usize::MAX).await;
    assert!(items.len() <= 8200, "{}", items.len());
    for item in items {
        if let Told::Tick(tick) = item.told {
            taken += 1;
            let before = last.insert(tick.instrument, tick.clone());
            assert!(
                before.is_none_or(|before| before.time < tick.time),
                "{tick:?}"
            );
        }
    }
    let health = rig.health();
    assert_eq!(health.ticks, 60_000, "let through");
    assert_eq!(taken + health.conflated, 60_000);
    assert!(health.conflated > 50_000, "{}", health.conflated);
    let newest: Vec<i64> = last.values().map(|tick| tick.ask.units()).collect();
    let expected: Vec<i64> = (0..7).map(|place| 1_000_059_993 + place).collect();
    let mut newest = newest;
    newest.sort_unstable();
    assert_eq!(newest, expected);
}

#[tokio::test]
async fn who_is_cut_for_being_slow_goes_on_from_the_snapshot() {
    let options = Options {
        waiting_max: 100_000,
        ..Options::default()
    };
    let mut rig = Rig::new(options).await;
    let flood = flood();
    rig.run();
    rig.until_begun(1).await;
    rig.vendor.play(&flood);
    rig.until_begun(2).await;
    let newest = flood.last().unwrap();
    loop {
        let tick = rig.tick().await;
        if tick.ask == Price::parse(&newest.ask).unwrap() {
            break;
        }
    }
    assert!(rig.health().connects >= 2);
}
