use super::*;
use crate::schema::Judge;
use crate::{Ask, Channel, Channels, Echo, Refusal, RequestId};
use expect_test::{Expect, expect};
use market::{
    Bar, BarUpdate, Cause, Direction, Epoch, Evidence, FeedState, Killzone, Ohlc, Outcome,
    OutcomeKind, Position, Price, PriceKind, PriceUpdate, Probability, Ratio, Signal, SourceId,
    SourceTime, Status, Symbol, Target, Time, Timeframe, Uuid, Volume,
};
use proptest::prelude::*;
use serde_json::Value;

fn check(text: &str, expected: &Expect) {
    let parsed: Value = serde_json::from_str(text).expect("every message is JSON");
    assert!(parsed.is_object());
    expected.assert_eq(text);
    let schema: Value = serde_json::from_str(crate::SCHEMA).unwrap();
    let kind = parsed["type"].as_str().unwrap();
    Judge::of(&schema, &format!("#/$defs/{kind}")).fits(&parsed, text);
}

fn refused(break_it: impl FnOnce(&mut Signal), expected: &Expect) {
    let mut broken = sample();
    break_it(&mut broken);
    expected.assert_eq(&signal(&broken).expect_err("it breaks a rule").fault);
}

#[test]
fn a_signal() {
    check(
        &signal(&sample()).unwrap(),
        &expect![[
            r#"{"type":"signal","payload":{"id":"7c0e5a1e-9f0b-5c1d-8e2f-3a4b5c6d7e8f","status":"pending","direction":"long","symbol":"EURUSD","entry_time":"2026-11-23T14:05:00.000Z","entry_price":1.08530,"stop_loss":1.08450,"take_profits":[1.08610,1.08690,1.08770],"tp_modes":["TP1 30%","TP2 40%","Runner 30%"],"reason":"MSS+FVG setup","confidence":0.65,"rr_target":3.00,"killzone":"london"}}"#
        ]],
    );
    let short = Signal {
        status: Status::Invalidated,
        direction: Direction::Short,
        symbol: Symbol::new("XAUUSD").unwrap(),
        digits: 2,
        entry: price("2650.5"),
        stop: price("2653"),
        targets: vec![Target {
            price: price("2640.004"),
            percent: 100,
            runner: false,
        }],
        reason: r#"<b>"MSS+FVG"</b> \ é"#.to_owned(),
        killzone: Killzone::NyAm,
        ..sample()
    };
    check(
        &signal(&short).unwrap(),
        &expect![[
            r#"{"type":"signal","payload":{"id":"7c0e5a1e-9f0b-5c1d-8e2f-3a4b5c6d7e8f","status":"invalidated","direction":"short","symbol":"XAUUSD","entry_time":"2026-11-23T14:05:00.000Z","entry_price":2650.50,"stop_loss":2653.00,"take_profits":[2640.00],"tp_modes":["TP1 100%"],"reason":"<b>\"MSS+FVG\"</b> \\ é","confidence":0.65,"rr_target":3.00,"killzone":"ny_am"}}"#
        ]],
    );
}

#[test]
fn a_price_update() {
    let update = sample_price();
    check(
        &price_update(&update).unwrap(),
        &expect![[
            r#"{"type":"price_update","payload":{"symbol":"EURUSD","price":1.08532,"timestamp":"2026-11-23T14:05:01.250Z","change":0.00120,"change_percent":0.1107}}"#
        ]],
    );
    let falling = PriceUpdate {
        symbol: Symbol::new("NQ").unwrap(),
        digits: 2,
        price: price("20125.25"),
        change: price("-0.00000004"),
        change_percent: price("-12.5"),
        volume: Some(Volume(1_500_000_000)),
        ..update
    };
    check(
        &price_update(&falling).unwrap(),
        &expect![[
            r#"{"type":"price_update","payload":{"symbol":"NQ","price":20125.25,"timestamp":"2026-11-23T14:05:01.250Z","change":0.00,"change_percent":-12.5000,"volume":1.5}}"#
        ]],
    );
    let nothing = PriceUpdate {
        price: Price::ZERO,
        ..sample_price()
    };
    assert!(price_update(&nothing).is_err());
    let sold_back = PriceUpdate {
        volume: Some(Volume(-1)),
        ..sample_price()
    };
    assert!(price_update(&sold_back).is_err());
}

#[test]
fn a_bar() {
    let bar = BarUpdate {
        symbol: Symbol::new("XAUUSD").unwrap(),
        digits: 2,
        timeframe: Timeframe::H4,
        bar: Bar {
            open_time: SourceTime::parse("2026-11-23T14:00:00Z").unwrap(),
            end_time: SourceTime::parse("2026-11-23T18:00:00Z").unwrap(),
            price: Ohlc {
                open: price("2650.505"),
                high: price("2653"),
                low: price("2640.004"),
                close: price("2650.5"),
            },
            ticks: 12,
            holed: true,
        },
        closed: true,
    };
    check(
        &super::bar(&bar, ts()).unwrap(),
        &expect![[
            r#"{"type":"bar","ts":"2026-11-23T14:05:00.112Z","payload":{"symbol":"XAUUSD","tf":"4h","open_time":"2026-11-23T14:00:00.000Z","o":2650.51,"h":2653.00,"l":2640.00,"c":2650.50,"ticks":12,"closed":true},"ext":{"holed":true}}"#
        ]],
    );
    let refused = |break_it: fn(&mut BarUpdate), expected: Expect| {
        let mut broken = bar;
        break_it(&mut broken);
        let error = super::bar(&broken, ts()).expect_err("it breaks a rule");
        expected.assert_eq(&error.to_string());
    };
    refused(
        |bar| bar.bar.price.low = Price::ZERO,
        expect![
            "4h bar of XAUUSD at 2026-11-23T14:00:00.000Z was not published: its low 0 is not above zero"
        ],
    );
    refused(
        |bar| bar.digits = 10,
        expect![
            "4h bar of XAUUSD at 2026-11-23T14:00:00.000Z was not published: 10 digits are more than a price has"
        ],
    );
    let twisted = BarUpdate {
        bar: Bar {
            price: Ohlc {
                high: price("2650"),
                ..bar.bar.price
            },
            ..bar.bar
        },
        ..bar
    };
    assert!(super::bar(&twisted, ts()).is_err());
}

#[test]
fn answers() {
    let Ok(Ask::Ping(echo)) =
        Ask::parse(br#"{"type":"ping","timestamp":"2026-11-23T14:05:00.000Z"}"#)
    else {
        panic!("it is a ping");
    };
    let now = Time::parse("2026-11-23T14:05:00.0129Z").unwrap();
    check(
        &pong(&echo, now),
        &expect![[
            r#"{"type":"pong","timestamp":"2026-11-23T14:05:00.000Z","server_time":"2026-11-23T14:05:00.012Z"}"#
        ]],
    );
    check(
        &pong(&Echo::default(), now),
        &expect![[r#"{"type":"pong","server_time":"2026-11-23T14:05:00.012Z"}"#]],
    );
    check(
        &error(Refusal::BadJson, None),
        &expect![[
            r#"{"type":"error","code":"bad_json","message":"the message is not JSON","retryable":false}"#
        ]],
    );
    check(
        &error(Refusal::BadMessage("`type` is a string"), None),
        &expect![[
            r#"{"type":"error","code":"bad_message","message":"`type` is a string","retryable":false}"#
        ]],
    );
    check(
        &error(Refusal::UnknownType, None),
        &expect![[
            r#"{"type":"error","code":"unknown_type","message":"the type is not one of: subscribe, unsubscribe, ping, auth, signal","retryable":false}"#
        ]],
    );
    check(
        &error(Refusal::UnknownChannel, None),
        &expect![[
            r#"{"type":"error","code":"unknown_channel","message":"a channel is not one of: signals, prices, status, outcomes; the others named are subscribed","retryable":false}"#
        ]],
    );
}

#[test]
fn answers_to_bots() {
    check(
        &authenticated(None),
        &expect![[r#"{"type":"authenticated"}"#]],
    );
    check(
        &error(Refusal::AuthRequired, None),
        &expect![[
            r#"{"type":"error","code":"auth_required","message":"send an auth with your token first","retryable":false}"#
        ]],
    );
    check(
        &error(Refusal::AuthFailed, None),
        &expect![[
            r#"{"type":"error","code":"auth_failed","message":"the token is not one of this server's, or it does not hold any more","retryable":false}"#
        ]],
    );
    check(
        &error(Refusal::RateLimited, None),
        &expect![[
            r#"{"type":"error","code":"rate_limited","message":"too much of what you sent waits for its answer; send this again when some has come","retryable":true}"#
        ]],
    );
    check(
        &error(Refusal::Internal, None),
        &expect![[
            r#"{"type":"error","code":"internal","message":"the server could not deal with the message; send it again","retryable":true}"#
        ]],
    );
}

#[test]
fn a_status() {
    let live = SymbolStatus {
        symbol: Symbol::new("EURUSD").unwrap(),
        feed: FeedState::Live,
        since: Time::parse("2026-11-23T14:05:00.0129Z").unwrap(),
        source: Some("oanda".to_owned()),
        simulated: false,
    };
    check(
        &status(&live),
        &expect![[
            r#"{"type":"status","payload":{"symbol":"EURUSD","feed":"live","since":"2026-11-23T14:05:00.012Z","source":"oanda","simulated":false}}"#
        ]],
    );
    for (feed, word) in [
        (FeedState::Live, "live"),
        (FeedState::Stale, "stale"),
        (FeedState::Closed, "closed"),
        (FeedState::Silent, "silent"),
    ] {
        let told = status(&SymbolStatus {
            feed,
            ..live.clone()
        });
        assert!(told.contains(&format!(r#""feed":"{word}""#)), "{told}");
    }
    let silent = SymbolStatus {
        feed: FeedState::Silent,
        source: None,
        simulated: true,
        ..live.clone()
    };
    check(
        &status(&silent),
        &expect![[
            r#"{"type":"status","payload":{"symbol":"EURUSD","feed":"silent","since":"2026-11-23T14:05:00.012Z","simulated":true}}"#
        ]],
    );
    let odd = SymbolStatus {
        source: Some("my \"own\"\n".to_owned()),
        ..live
    };
    check(
        &status(&odd),
        &expect![[
            r#"{"type":"status","payload":{"symbol":"EURUSD","feed":"live","since":"2026-11-23T14:05:00.012Z","source":"my \"own\"\n","simulated":false}}"#
        ]],
    );
}

const TS: &str = "2026-11-23T14:05:00.112Z";

fn at(seq: u64) -> Position {
    Position {
        epoch: Epoch(937_557),
        seq,
    }
}

fn ts() -> Time {
    Time::parse(TS).unwrap()
}

fn evidence() -> Evidence {
    Evidence {
        source: "a \"source\"".to_owned(),
        price_kind: Some(market::PriceKind::Future),
        conditions: vec![
            market::Condition::holds("mss"),
            market::Condition::at_most("sweep_depth_atr", -1e-6, 2.0),
        ],
        odds: Some(Probability::new(0.5614)),
        rr_weighted: Ratio::new(-1.5),
        backing: Some(market::Backing {
            version: 7,
            basis: market::Basis::FellBack,
            score: Some(Probability::new(0.5931)),
            ..market::Backing::default()
        }),
        source_confidence: Some(Probability::new(0.9)),
        config_hash: "6f1c8a5e2b7d9043".to_owned(),
        size: Some(market::Size {
            currency: market::Currency::USD,
            lots: None,
            note: "the price of \"X\" is old".to_owned(),
        }),
        risk_gate: Some(market::Condition::at_most("max_live_signals", 6.0, 5.0)),
        model: Some(market::Rated {
            model: "gaps".to_owned(),
            version: "a \"v\"".to_owned(),
            score: market::Measure::new(0.612_345),
            counts_from: ts().as_source(),
        }),
    }
}

#[test]
fn events_for_extended_clients() {
    let body = EventBody::signal(&sample()).unwrap();
    let place = Place {
        position: at(1851),
        prev: 1848,
    };
    check(
        &body.placed(place, ts()),
        &expect![[
            r#"{"type":"signal","seq":1851,"prev":1848,"epoch":"k3f9","ts":"2026-11-23T14:05:00.112Z","payload":{"id":"7c0e5a1e-9f0b-5c1d-8e2f-3a4b5c6d7e8f","status":"pending","direction":"long","symbol":"EURUSD","entry_time":"2026-11-23T14:05:00.000Z","entry_price":1.08530,"stop_loss":1.08450,"take_profits":[1.08610,1.08690,1.08770],"tp_modes":["TP1 30%","TP2 40%","Runner 30%"],"reason":"MSS+FVG setup","confidence":0.65,"rr_target":3.00,"killzone":"london"},"ext":{"setup":"mss_fvg","tf":"5m","simulated":false,"decide_by":"2026-11-23T14:09:45.100Z"}}"#
        ]],
    );
    let died = Signal {
        status: Status::Invalidated,
        cause: Some(Cause::StaleFeed),
        simulated: true,
        evidence: evidence(),
        ..sample()
    };
    let body = EventBody::signal(&died).unwrap();
    check(
        &body.shown(at(1840), ts()),
        &expect![[
            r#"{"type":"signal","seq":1840,"epoch":"k3f9","ts":"2026-11-23T14:05:00.112Z","snapshot":true,"payload":{"id":"7c0e5a1e-9f0b-5c1d-8e2f-3a4b5c6d7e8f","status":"invalidated","direction":"long","symbol":"EURUSD","entry_time":"2026-11-23T14:05:00.000Z","entry_price":1.08530,"stop_loss":1.08450,"take_profits":[1.08610,1.08690,1.08770],"tp_modes":["TP1 30%","TP2 40%","Runner 30%"],"reason":"MSS+FVG setup","confidence":0.65,"rr_target":3.00,"killzone":"london"},"ext":{"setup":"mss_fvg","tf":"5m","simulated":true,"decide_by":"2026-11-23T14:09:45.100Z","cause":"stale_feed","source":"a \"source\"","price_kind":"future","conditions":[{"name":"mss","rule":"holds","value":1,"limit":1},{"name":"sweep_depth_atr","rule":"at_most","value":-0.000001,"limit":2}],"confidence":{"n":0,"hits":0,"score":0.5931,"version":7,"basis":"shrinkage","fallback":true},"source_confidence":0.9,"odds":0.5614,"rr_weighted":-1.50,"config_hash":"6f1c8a5e2b7d9043","size":{"currency":"USD","note":"the price of \"X\" is old"},"risk_gate":{"name":"max_live_signals","rule":"at_most","value":6,"limit":5},"model":{"name":"gaps","version":"a \"v\"","score":0.612345,"counts_from":"2026-11-23T14:05:00.112Z"}}}"#
        ]],
    );
    let told = |kind| {
        EventBody::outcome(&Outcome {
            id: sample().id,
            symbol: sample().symbol,
            digits: 5,
            kind,
            price: price("1.08610"),
            r: Ratio::from_hundredths(100),
            at: ts(),
            last: false,
            realised: None,
            end: None,
        })
    };
    let target = told(OutcomeKind::Target(1));
    check(
        &target.plain(),
        &expect![[
            r#"{"type":"outcome","payload":{"id":"7c0e5a1e-9f0b-5c1d-8e2f-3a4b5c6d7e8f","event":"tp1","price":1.08610,"r":1.00,"at":"2026-11-23T14:05:00.112Z"}}"#
        ]],
    );
    check(
        &target.placed(place, ts()),
        &expect![[
            r#"{"type":"outcome","seq":1851,"prev":1848,"epoch":"k3f9","ts":"2026-11-23T14:05:00.112Z","payload":{"id":"7c0e5a1e-9f0b-5c1d-8e2f-3a4b5c6d7e8f","event":"tp1","price":1.08610,"r":1.00,"at":"2026-11-23T14:05:00.112Z"},"ext":{"last":false}}"#
        ]],
    );
    for (kind, event) in [
        (OutcomeKind::Target(4), "tp4"),
        (OutcomeKind::Stop, "stop"),
        (OutcomeKind::Timeout, "timeout"),
    ] {
        let parsed: Value = serde_json::from_str(&told(kind).plain()).unwrap();
        assert_eq!(parsed["payload"]["event"], event);
    }
}

#[test]
fn a_price_for_extended_clients() {
    let update = sample_price();
    let origin = Origin {
        source: r#"tape:"x""#,
        kind: PriceKind::Cfd,
        simulated: false,
    };
    let told = PriceBody::new(&update).unwrap();
    check(
        &told.extended(&update, 9, origin, ts()),
        &expect![[
            r#"{"type":"price_update","ts":"2026-11-23T14:05:00.112Z","n":9,"payload":{"symbol":"EURUSD","price":1.08532,"timestamp":"2026-11-23T14:05:01.250Z","change":0.00120,"change_percent":0.1107},"ext":{"bid":1.08531,"ask":1.08533,"source":"tape:\"x\"","price_kind":"cfd","simulated":false}}"#
        ]],
    );
}

#[test]
fn features_are_the_same_numbers_again() {
    let now = Time::parse("2026-11-23T14:05:00.112Z").unwrap();
    let update = |values: &[f64]| market::FeatureUpdate {
        symbol: Symbol::new("EURUSD").unwrap(),
        timeframe: Timeframe::M5,
        time: SourceTime::parse("2026-11-23T14:05:00Z").unwrap(),
        values: values.to_vec().into(),
    };
    let values = [0.1 + 0.2, -0.0, 1e-9, 1e300, f64::NAN, f64::INFINITY, 50.0];
    let told = features(&update(&values), values.len(), now).unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    for (value, told) in values
        .iter()
        .zip(told["payload"]["values"].as_array().unwrap())
    {
        assert_eq!(told.as_f64(), value.is_finite().then_some(*value), "{told}");
    }
    check(
        &features(&update(&[-1.25, f64::NAN]), 2, now).unwrap(),
        &expect![[
            r#"{"type":"features","ts":"2026-11-23T14:05:00.112Z","payload":{"symbol":"EURUSD","timeframe":"5m","time":"2026-11-23T14:05:00.000Z","values":[-1.25,null]}}"#
        ]],
    );
    check(
        &features(&update(&[]), 0, now).unwrap(),
        &expect![[
            r#"{"type":"features","ts":"2026-11-23T14:05:00.112Z","payload":{"symbol":"EURUSD","timeframe":"5m","time":"2026-11-23T14:05:00.000Z","values":[]}}"#
        ]],
    );
    let refused = features(&update(&[1.0]), 2, now).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the 5m row of features of EURUSD at 2026-11-23T14:05:00.000Z was not published: 1 values stand for 2 names"
    );
}

#[test]
fn what_an_extended_client_is_told_of_its_subscriptions() {
    let id = RequestId::of(br#"{"type":"subscribe","id":"c1"}"#);
    let symbols = [
        Symbol::new("EURUSD").unwrap(),
        Symbol::new("XAUUSD").unwrap(),
    ];
    let unknown = ["<\"x\">".to_owned()];
    let all = Subscribed {
        id: id.as_ref(),
        channels: Channels::ALL,
        symbols: Heard::Only(&symbols),
        unknown_symbols: &unknown,
        position: at(1850),
        follows: Follows::Replayed(9),
        bars: None,
        features: None,
        price_interval_ms: Some(1000),
        simulated: false,
        limits: Limits {
            message_bytes: 16_384,
            messages_per_s: 10,
        },
        heartbeat_ms: 15_000,
    };
    check(
        &subscribed(&all),
        &expect![[
            r#"{"type":"subscribed","id":"c1","channels":["signals","prices"],"symbols":["EURUSD","XAUUSD"],"unknown_symbols":["<\"x\">"],"epoch":"k3f9","seq":1850,"recovered":true,"replayed":9,"price_interval_ms":1000,"simulated":false,"limits":{"message_bytes":16384,"messages_per_s":10},"heartbeat_ms":15000}"#
        ]],
    );
    let least = Subscribed {
        id: None,
        channels: Channels::NONE.with(Channel::Outcomes),
        symbols: Heard::Every,
        unknown_symbols: &[],
        follows: Follows::ShownInstead(3),
        price_interval_ms: None,
        simulated: true,
        ..all
    };
    check(
        &subscribed(&least),
        &expect![[
            r#"{"type":"subscribed","channels":["outcomes"],"symbols":["*"],"unknown_symbols":[],"epoch":"k3f9","seq":1850,"recovered":false,"shown":3,"simulated":true,"limits":{"message_bytes":16384,"messages_per_s":10},"heartbeat_ms":15000}"#
        ]],
    );
    let with_bars = Subscribed {
        id: None,
        channels: Channels::NONE.with(Channel::Bars),
        bars: Some(Bars {
            timeframe: Timeframe::M5,
            past: None,
        }),
        ..least
    };
    check(
        &subscribed(&with_bars),
        &expect![[
            r#"{"type":"subscribed","channels":["bars"],"symbols":["*"],"unknown_symbols":[],"epoch":"k3f9","seq":1850,"recovered":false,"shown":3,"bars":{"tf":"5m"},"simulated":true,"limits":{"message_bytes":16384,"messages_per_s":10},"heartbeat_ms":15000}"#
        ]],
    );
    let with_features = Subscribed {
        channels: Channels::NONE.with(Channel::Features),
        features: Some(&[]),
        bars: None,
        ..with_bars
    };
    check(
        &subscribed(&with_features),
        &expect![[
            r#"{"type":"subscribed","channels":["features"],"symbols":["*"],"unknown_symbols":[],"epoch":"k3f9","seq":1850,"recovered":false,"shown":3,"features":{"names":[]},"simulated":true,"limits":{"message_bytes":16384,"messages_per_s":10},"heartbeat_ms":15000}"#
        ]],
    );
    let left = [
        (Channel::Signals, Heard::Every),
        (Channel::Prices, Heard::Only(&symbols)),
    ];
    check(
        &unsubscribed(id.as_ref(), left, at(1850)),
        &expect![[
            r#"{"type":"unsubscribed","id":"c1","left":{"signals":["*"],"prices":["EURUSD","XAUUSD"]},"epoch":"k3f9","seq":1850}"#
        ]],
    );
    check(
        &unsubscribed(None, [], at(0)),
        &expect![[r#"{"type":"unsubscribed","left":{},"epoch":"k3f9","seq":0}"#]],
    );
}

#[test]
fn what_an_extended_client_is_told_of_its_connection() {
    check(
        &heartbeat(at(1851), ts()),
        &expect![[
            r#"{"type":"heartbeat","epoch":"k3f9","seq":1851,"ts":"2026-11-23T14:05:00.112Z"}"#
        ]],
    );
    check(
        &slow(2400, 17),
        &expect![[r#"{"type":"slow","behind_ms":2400,"folded":17}"#]],
    );
    check(
        &closing(1012, "restart retry=2500", Some(2500)),
        &expect![[
            r#"{"type":"closing","code":1012,"reason":"restart retry=2500","retry_after_ms":2500}"#
        ]],
    );
    check(
        &closing(1011, "internal error", None),
        &expect![[r#"{"type":"closing","code":1011,"reason":"internal error"}"#]],
    );
    let id = RequestId::of(br#"{"type":"subscribe","id":"c1"}"#);
    check(
        &error(Refusal::BadVersion, id.as_ref()),
        &expect![[
            r#"{"type":"error","id":"c1","code":"bad_version","message":"`v` is not a version that this server speaks: 1","retryable":false}"#
        ]],
    );
}

#[test]
fn a_payload_that_would_blank_a_dashboard_is_not_written() {
    refused(
        |s| s.targets.clear(),
        &expect!["there are 0 take_profits, and 1 to 4 are allowed"],
    );
    refused(
        |s| s.targets = vec![sample().targets[0]; 5],
        &expect!["there are 5 take_profits, and 1 to 4 are allowed"],
    );
    refused(
        |s| s.targets[0].price = s.entry,
        &expect!["take profit 1.0853 does not lie beyond 1.0853 for a long"],
    );
    refused(
        |s| s.targets[1].price = s.targets[0].price,
        &expect!["take profit 1.0861 does not lie beyond 1.0861 for a long"],
    );
    refused(
        |s| s.targets[0].price = s.entry + price("0.000004"),
        &expect!["take profit 1.0853 does not lie beyond 1.0853 for a long"],
    );
    refused(
        |s| s.targets[0].runner = true,
        &expect!["a runner is not the last target"],
    );
    refused(
        |s| s.targets[0].percent = 31,
        &expect!["the parts of tp_modes are 101 percent together, not 100"],
    );
    refused(
        |s| {
            s.targets[0].percent = 0;
            s.targets[1].percent = 70;
        },
        &expect!["take profit 1.0861 closes 0 percent"],
    );
    refused(
        |s| s.stop = s.entry,
        &expect!["stop_loss 1.0853 is not on the losing side of entry_price 1.0853"],
    );
    refused(
        |s| s.stop = s.entry + price("0.001"),
        &expect!["stop_loss 1.0863 is not on the losing side of entry_price 1.0853"],
    );
    refused(
        |s| s.stop = -s.stop,
        &expect!["stop_loss -1.0845 is not above 0"],
    );
    refused(
        |s| s.entry = Price::ZERO,
        &expect!["entry_price 0 is not above 0"],
    );
    refused(
        |s| s.direction = Direction::Short,
        &expect!["stop_loss 1.0845 is not on the losing side of entry_price 1.0853"],
    );
    refused(
        |s| s.reason = "MSS\nFVG".to_owned(),
        &expect![[r#"reason "MSS\nFVG" has a control character"#]],
    );
    refused(|s| s.reason = String::new(), &expect!["reason is empty"]);
    refused(
        |s| s.reason = "x".repeat(501),
        &expect!["reason has 501 bytes, at most 500 are allowed"],
    );
    refused(
        |s| s.rr_target = Ratio::from_hundredths(-300),
        &expect!["rr_target -3.00 is not above 0"],
    );
    refused(
        |s| s.digits = 10,
        &expect!["10 digits are more than a price has"],
    );
}

proptest! {
    #[test]
    fn every_signal_is_the_json_it_says(
        reason in "\\PC{1,60}",
        confidence in 0.0..=1.0_f64,
        digits in 0_u8..=5,
        entry in 1_000_i64..1_000_000,
        steps in proptest::collection::vec(1_i64..500, 2..=5),
    ) {
        let unit = Price::from_units(10_i64.pow(9 - u32::from(digits)));
        let far = |places: usize| steps[1..=places].iter().sum::<i64>();
        let parts = [[100, 0, 0, 0], [40, 60, 0, 0], [30, 30, 40, 0], [25, 25, 25, 25]];
        let count = steps.len() - 1;
        let given = Signal {
            reason: reason.clone(),
            confidence: Probability::new(confidence),
            digits,
            entry: unit.times(entry),
            stop: unit.times(entry - steps[0]),
            targets: (0..count).map(|place| Target {
                price: unit.times(entry + far(place + 1)),
                percent: parts[count - 1][place],
                runner: place + 1 == count,
            }).collect(),
            ..sample()
        };
        let told = signal(&given).map_err(|bad| TestCaseError::fail(bad.to_string()))?;
        let parsed: Value = serde_json::from_str(&told).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let payload = &parsed["payload"];
        prop_assert_eq!(payload["reason"].as_str(), Some(reason.as_str()));
        prop_assert_eq!(payload["entry_price"].as_f64(), Some(given.entry.to_f64()));
        prop_assert_eq!(payload["take_profits"].as_array().map(Vec::len), Some(count));
        prop_assert_eq!(payload["tp_modes"].as_array().map(Vec::len), Some(count));
        prop_assert_eq!(payload["confidence"].as_f64(), Some(given.confidence.to_f64()));
        prop_assert_eq!(payload.as_object().map(serde_json::Map::len), Some(13));
    }

    #[test]
    fn every_price_is_the_json_it_says(units in 1_i64..i64::MAX / 2, change in any::<i64>(), digits in 0_u8..=9, volume in proptest::option::of(0_i64..i64::MAX)) {
        let update = PriceUpdate {
            digits,
            price: Price::from_units(units),
            change: Price::from_units(change),
            change_percent: Price::from_units(change),
            volume: volume.map(Volume),
            ..sample_price()
        };
        if let Ok(told) = price_update(&update) {
            let parsed: Value = serde_json::from_str(&told).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let told_price = parsed["payload"]["price"].as_f64().unwrap_or(f64::NAN);
            let error = told_price - update.price.round_to_digits(digits).to_f64();
            prop_assert!(error.abs() <= told_price * 1e-12, "{} tells {}", told, update.price);
            prop_assert_eq!(parsed["payload"].get("volume").is_some(), volume.is_some());
            let numbers = told.split_once("\"change\":").map_or("", |(_, numbers)| numbers);
            prop_assert!(!numbers.replace("change_percent", "").replace("volume", "").contains(['e', 'E']), "an exponent in {}", numbers);
        }
    }
}

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn sample() -> Signal {
    Signal {
        id: Uuid::from_u128(0x7c0e_5a1e_9f0b_5c1d_8e2f_3a4b_5c6d_7e8f),
        status: Status::Pending,
        direction: Direction::Long,
        symbol: Symbol::new("EURUSD").unwrap(),
        digits: 5,
        entry_time: SourceTime::parse("2026-11-23T14:05:00Z").unwrap(),
        entry: price("1.0853"),
        stop: price("1.0845"),
        targets: vec![
            Target {
                price: price("1.0861"),
                percent: 30,
                runner: false,
            },
            Target {
                price: price("1.0869"),
                percent: 40,
                runner: false,
            },
            Target {
                price: price("1.0877"),
                percent: 30,
                runner: true,
            },
        ],
        reason: "MSS+FVG setup".to_owned(),
        confidence: Probability::new(0.65),
        rr_target: Ratio::from_hundredths(300),
        killzone: Killzone::London,
        setup: "mss_fvg".to_owned(),
        timeframe: Timeframe::M5,
        simulated: false,
        created_at: Time::parse("2026-11-23T14:05:00.1Z").unwrap(),
        decide_by: Time::parse("2026-11-23T14:09:45.1Z").unwrap(),
        decided_at: None,
        cause: None,
        evidence: Evidence::default(),
    }
}

fn sample_price() -> PriceUpdate {
    PriceUpdate {
        symbol: Symbol::new("EURUSD").unwrap(),
        digits: 5,
        price: price("1.08532"),
        bid: price("1.08531"),
        ask: price("1.08533"),
        time: SourceTime::parse("2026-11-23T14:05:01.25Z").unwrap(),
        change: price("0.0012"),
        change_percent: price("0.1107"),
        volume: None,
        source: SourceId(0),
        ticks: 4,
    }
}
