//! The examples of `docs/protocol.md` are what the server understands and writes, byte for byte.

use market::{
    Backing, Bar, BarUpdate, Basis, Condition, Currency, Direction, Ended, Epoch, Evidence,
    FeatureUpdate, FeedState, Killzone, Lots, Measure, Ohlc, Outcome, OutcomeKind, Position, Price,
    PriceKind, PriceUpdate, Probability, Ratio, Signal, Size, SourceId, SourceTime, Span, Status,
    Symbol, SymbolStatus, Target, Time, Timeframe, Uuid, Volume,
};
use wire::{Ask, Channel, Channels, Echo, Refusal, Since, Speaker, Subscribe, tell};

const DOCUMENT: &str = include_str!("../../../docs/protocol.md");

/// How a `signal_result` begins.
const SIGNAL_RESULT: &str = r#"{"type":"signal_result","#;

/// Who has said `auth`.
const BOT: Speaker = Speaker {
    is_authenticated: true,
    is_extended: false,
};

/// Where what clients send ends and what they see begins.
const SEEN: &str = "\n## What you see\n";

fn sent() -> Vec<&'static str> {
    examples(DOCUMENT.split(SEEN).next().unwrap_or_default())
}

fn seen() -> Vec<&'static str> {
    examples(DOCUMENT.split(SEEN).nth(1).unwrap_or_default())
}

/// The texts between ```` ```json ```` and ```` ``` ````.
fn examples(part: &'static str) -> Vec<&'static str> {
    fenced(part, "```json\n")
}

/// Those of the extended protocol, which has messages of both directions in one part.
fn extended() -> Vec<&'static str> {
    fenced(DOCUMENT, "```json extended\n")
}

fn fenced(part: &'static str, fence: &str) -> Vec<&'static str> {
    let fenced = part.split(fence).skip(1);
    fenced
        .map(|rest| rest.split("\n```").next().unwrap_or_default())
        .collect()
}

#[test]
fn what_a_client_sends_is_understood() {
    let asks: Vec<_> = sent()
        .iter()
        .map(|example| Ask::parse_from(example.as_bytes(), BOT))
        .collect();
    let subscribe = |channels| {
        Ask::Subscribe(Subscribe {
            channels,
            ..Subscribe::default()
        })
    };
    let [plain, with_status, ping, auth, posted, alone] = &asks[..] else {
        panic!("{asks:?}");
    };
    assert_eq!(plain, &Ok(subscribe(Channels::ALL)));
    let and_status = Channels::ALL.with(Channel::Status);
    assert_eq!(with_status, &Ok(subscribe(and_status)));
    assert_eq!(ping, &Ok(Ask::Ping(echo())));
    assert!(matches!(auth, Ok(Ask::Auth(token)) if token.expose() == "YOUR_TOKEN"));
    assert!(matches!(posted, Ok(Ask::Signal(data)) if data.contains("sig_001")));
    assert_eq!(
        alone, posted,
        "the same signal with and without its envelope"
    );
}

#[test]
fn the_extended_protocol_is_as_it_is_told() {
    let [
        ask,
        subscribed,
        leave,
        left,
        event,
        over,
        update,
        heartbeat,
        expiring,
        slow,
        closing,
        ask_bars,
        bars_subscribed,
        closed_bar,
        open_bar,
        ask_features,
        features_subscribed,
        features,
    ] = extended()[..]
    else {
        panic!("{:?}", extended());
    };
    let position = |seq| Position {
        epoch: Epoch(937_557),
        seq,
    };
    let symbols = ["EURUSD", "XAUUSD"].map(|name| Symbol::new(name).unwrap());
    let Ok(Ask::Subscribe(asked)) = Ask::parse(ask.as_bytes()) else {
        panic!("{ask}");
    };
    assert_eq!(asked.symbols.as_deref(), Some(&symbols[..]));
    assert_eq!(asked.since, Some(Since::After(position(1841))));
    let told = tell::subscribed(&tell::Subscribed {
        id: asked.id.as_ref(),
        channels: asked.channels,
        symbols: tell::Heard::Only(&symbols),
        unknown_symbols: &asked.unknown_symbols,
        position: position(1850),
        follows: tell::Follows::Replayed(9),
        bars: None,
        features: None,
        price_interval_ms: asked.price_interval_ms,
        simulated: false,
        limits: tell::Limits {
            message_bytes: 16_384,
            messages_per_s: 10,
        },
        heartbeat_ms: 15_000,
    });
    assert_eq!(told, subscribed);
    check_bars(ask_bars, bars_subscribed, [closed_bar, open_bar]);
    check_features(ask_features, features_subscribed, features);
    let Ok(Ask::Unsubscribe(asked)) = Ask::parse(leave.as_bytes()) else {
        panic!("{leave}");
    };
    let is_left = [
        (Channel::Signals, tell::Heard::Only(&symbols)),
        (Channel::Prices, tell::Heard::Only(&symbols[..1])),
    ];
    let told = tell::unsubscribed(asked.id.as_ref(), is_left, position(1850));
    assert_eq!(told, left);
    let time = |text| Time::parse(text).unwrap();
    let decided_by = Signal {
        decide_by: time("2026-11-23T14:09:45Z"),
        ..signal()
    };
    let place = tell::Place {
        position: position(1851),
        prev: 1848,
    };
    let body = tell::EventBody::signal(&decided_by).unwrap();
    assert_eq!(body.placed(place, time("2026-11-23T14:05:00.112Z")), event);
    check_end(over, position(1874));
    let origin = tell::Origin {
        source: "oanda",
        kind: PriceKind::Cfd,
        simulated: false,
    };
    let body = tell::PriceBody::new(&price()).unwrap();
    let told = body.extended(&price(), 4, origin, time("2026-11-23T14:05:01.3Z"));
    assert_eq!(told, update);
    let told = tell::heartbeat(position(1851), time("2026-11-23T14:05:16Z"));
    assert_eq!(told, heartbeat);
    let told = tell::auth_expiring(time("2026-11-23T15:05:00Z"));
    assert_eq!(told, expiring);
    assert_eq!(tell::slow(2400, 17), slow);
    assert_eq!(
        tell::closing(1012, "restart retry=2500", Some(2500)),
        closing
    );
}

/// 30 % left at the first target, 75 points from the fill, and the rest at the stop, 5 points from it; 80 were at risk.
#[expect(clippy::unwrap_used, reason = "a test's own values")]
fn check_end(told: &str, position: Position) {
    let time = |text| Time::parse(text).unwrap();
    let last = Outcome {
        kind: OutcomeKind::Stop,
        price: decimal("1.0854"),
        r: Ratio::new(10.0 / 80.0).unwrap(),
        at: time("2026-11-23T14:37:15.104Z"),
        last: true,
        realised: Ratio::new(0.3 * 75.0 / 80.0 + 0.7 * 5.0 / 80.0),
        end: Some(Ended {
            hit: true,
            fill: decimal("1.08535"),
            spread: decimal("0.00008"),
            best: Measure::new(77.0 / 80.0),
            worst: Measure::new(-25.0 / 80.0),
            cost: Some(Measure::new(4.0 / 80.0)),
            held: Span::from_secs(1873),
            ambiguous: false,
            bars: None,
            coarse: false,
        }),
        ..outcome()
    };
    let place = tell::Place {
        position,
        prev: 1851,
    };
    let body = tell::EventBody::outcome(&last);
    assert_eq!(body.placed(place, time("2026-11-23T14:37:15.112Z")), told);
}

#[expect(clippy::unwrap_used, reason = "a test's own values")]
fn check_bars(ask: &str, subscribed: &str, told: [&str; 2]) {
    let Ok(Ask::Subscribe(asked)) = Ask::parse(ask.as_bytes()) else {
        panic!("{ask}");
    };
    let bars = asked.bars.unwrap();
    assert_eq!(bars.since, SourceTime::parse("2026-11-23T12:00:00Z").ok());
    let symbols = asked.symbols.unwrap();
    let answer = tell::subscribed(&tell::Subscribed {
        id: asked.id.as_ref(),
        channels: asked.channels,
        symbols: tell::Heard::Only(&symbols),
        unknown_symbols: &[],
        position: Position {
            epoch: Epoch(937_557),
            seq: 1850,
        },
        follows: tell::Follows::Shown(0),
        bars: Some(tell::Bars {
            timeframe: bars.timeframe,
            past: Some(tell::PastBars {
                count: 124,
                is_whole: true,
            }),
        }),
        features: None,
        price_interval_ms: Some(1000),
        simulated: false,
        limits: tell::Limits {
            message_bytes: 16_384,
            messages_per_s: 10,
        },
        heartbeat_ms: 15_000,
    });
    assert_eq!(answer, subscribed);
    let now = Time::parse("2026-11-23T14:05:02.104Z").unwrap();
    let open = BarUpdate {
        bar: Bar {
            open_time: SourceTime::parse("2026-11-23T14:05:00Z").unwrap(),
            price: Ohlc::of(decimal("1.08534")),
            ticks: 3,
            ..bar().bar
        },
        closed: false,
        ..bar()
    };
    assert_eq!([bar(), open].map(|bar| tell::bar(&bar, now).unwrap()), told);
}

#[expect(clippy::unwrap_used, reason = "a test's own values")]
fn check_features(ask: &str, subscribed: &str, told: &str) {
    let Ok(Ask::Subscribe(asked)) = Ask::parse(ask.as_bytes()) else {
        panic!("{ask}");
    };
    assert!(asked.channels.has(Channel::Features));
    let symbols = asked.symbols.unwrap();
    let names = ["5m.rsi14", "1h.trend", "1h.day_high_atr", "spread_atr"];
    let answer = tell::subscribed(&tell::Subscribed {
        id: asked.id.as_ref(),
        channels: asked.channels,
        symbols: tell::Heard::Only(&symbols),
        unknown_symbols: &[],
        position: Position {
            epoch: Epoch(937_557),
            seq: 1850,
        },
        follows: tell::Follows::Shown(0),
        bars: None,
        features: Some(&names.map(str::to_owned)),
        price_interval_ms: None,
        simulated: false,
        limits: tell::Limits {
            message_bytes: 16_384,
            messages_per_s: 10,
        },
        heartbeat_ms: 15_000,
    });
    assert_eq!(answer, subscribed);
    let update = FeatureUpdate {
        symbol: symbols[0],
        timeframe: Timeframe::M5,
        time: SourceTime::parse("2026-11-23T14:05:00Z").unwrap(),
        values: vec![61.703_845_21, 1.0, f64::NAN, 1.0 / 12.0].into(),
    };
    let now = Time::parse("2026-11-23T14:05:02.104Z").unwrap();
    assert_eq!(tell::features(&update, 4, now).unwrap(), told);
}

#[expect(clippy::unwrap_used, reason = "a test's own values")]
fn bar() -> BarUpdate {
    let time = |text| SourceTime::parse(text).unwrap();
    BarUpdate {
        symbol: Symbol::new("EURUSD").unwrap(),
        digits: 5,
        timeframe: Timeframe::M1,
        bar: Bar {
            open_time: time("2026-11-23T14:04:00Z"),
            end_time: time("2026-11-23T14:05:00Z"),
            price: Ohlc {
                open: decimal("1.08521"),
                high: decimal("1.08540"),
                low: decimal("1.085185"),
                close: decimal("1.08532"),
            },
            ticks: 87,
            holed: false,
        },
        closed: true,
    }
}

#[test]
fn what_a_client_sees_is_what_is_written() {
    let confirmed = Signal {
        status: Status::Confirmed,
        ..signal()
    };
    let future = PriceUpdate {
        symbol: Symbol::new("NQ").unwrap(),
        digits: 2,
        price: decimal("20125.25"),
        change: decimal("-32.5"),
        change_percent: decimal("-0.1612"),
        volume: Some(Volume(18_000_000_000)),
        ..price()
    };
    let written = [
        tell::signal(&signal()).unwrap(),
        tell::signal(&confirmed).unwrap(),
        tell::price_update(&price()).unwrap(),
        tell::price_update(&future).unwrap(),
        tell::status(&status()),
        tell::EventBody::outcome(&outcome()).plain(),
        tell::pong(&echo(), Time::parse("2026-11-23T14:05:00.012Z").unwrap()),
        tell::authenticated(None),
        tell::authenticated(Time::parse("2026-11-23T15:05:00Z").ok()),
        tell::error(Refusal::UnknownChannel, None),
    ];
    let mut told = seen();
    told.retain(|example| !example.starts_with(SIGNAL_RESULT));
    assert_eq!(told, written);
}

/// What becomes of a posted signal is written where signals are taken in; here it is held to what every message is.
#[test]
fn what_became_of_a_signal_is_one_message() {
    let mut results = seen();
    results.retain(|example| example.starts_with(SIGNAL_RESULT));
    assert_eq!(results.len(), 2, "one taken and one refused");
    for (result, success) in results.into_iter().zip([true, false]) {
        let value: serde_json::Value = serde_json::from_str(result).expect("it is JSON");
        assert_eq!(value["type"], "signal_result");
        assert_eq!(value["success"], success);
        assert_eq!(Ask::parse(result.as_bytes()), Err(Refusal::UnknownType));
    }
}

#[test]
fn every_code_of_an_error_is_named() {
    let refusals = [
        Refusal::BadJson,
        Refusal::BadMessage(""),
        Refusal::UnknownType,
        Refusal::UnknownChannel,
        Refusal::BadVersion,
        Refusal::TooManySubscriptions,
        Refusal::TooManyClasses,
        Refusal::AuthRequired,
        Refusal::AuthFailed,
        Refusal::Forbidden,
        Refusal::RateLimited,
        Refusal::Internal,
    ];
    for refusal in refusals {
        let code = format!("`{}`", refusal.code());
        assert!(DOCUMENT.contains(&code), "{code} is not in the document");
    }
}

fn echo() -> Echo {
    match Ask::parse(br#"{"type":"ping","timestamp":"2026-11-23T14:05:00.000Z"}"#) {
        Ok(Ask::Ping(echo)) => echo,
        other => panic!("{other:?}"),
    }
}

#[expect(clippy::unwrap_used, reason = "a test's own values")]
fn status() -> SymbolStatus {
    SymbolStatus {
        symbol: Symbol::new("EURUSD").unwrap(),
        feed: FeedState::Stale,
        since: Time::parse("2026-11-23T14:05:31.250Z").unwrap(),
        source: Some("oanda".to_owned()),
        simulated: false,
    }
}

#[expect(clippy::unwrap_used, reason = "a test's own values")]
fn outcome() -> Outcome {
    Outcome {
        id: signal().id,
        symbol: signal().symbol,
        digits: 5,
        kind: OutcomeKind::Target(1),
        price: decimal("1.0861"),
        r: Ratio::from_hundredths(100),
        at: Time::parse("2026-11-23T14:25:10.4Z").unwrap(),
        last: false,
        realised: None,
        end: None,
    }
}

#[expect(clippy::unwrap_used, reason = "a test's own number")]
fn decimal(text: &str) -> Price {
    Price::parse(text).unwrap()
}

#[expect(clippy::unwrap_used, reason = "a test's own values")]
fn signal() -> Signal {
    let target = |price, percent, runner| Target {
        price: decimal(price),
        percent,
        runner,
    };
    Signal {
        id: Uuid::from_u128(0x7c0e_5a1e_9f0b_5c1d_8e2f_3a4b_5c6d_7e8f),
        status: Status::Pending,
        direction: Direction::Long,
        symbol: Symbol::new("EURUSD").unwrap(),
        digits: 5,
        entry_time: SourceTime::parse("2026-11-23T14:05:00Z").unwrap(),
        entry: decimal("1.0853"),
        stop: decimal("1.0845"),
        targets: vec![
            target("1.0861", 30, false),
            target("1.0869", 40, false),
            target("1.0877", 30, true),
        ],
        reason: "MSS+FVG setup".to_owned(),
        confidence: Probability::new(0.65),
        rr_target: Ratio::from_hundredths(300),
        killzone: Killzone::NyAm,
        setup: "mss_fvg".to_owned(),
        timeframe: Timeframe::M5,
        simulated: false,
        created_at: Time::MIN,
        decide_by: Time::MAX,
        decided_at: None,
        cause: None,
        evidence: Evidence {
            source: "oanda".to_owned(),
            price_kind: Some(PriceKind::Cfd),
            conditions: vec![
                Condition::at_most("bars_since_sweep", 4.0, 30.0),
                Condition::holds("mss"),
                Condition::at_least("leg_fvg_atr", 0.412, 0.15),
            ],
            rr_weighted: Some(Ratio::from_hundredths(200)),
            backing: Some(Backing {
                resolved: 212,
                hits: 129,
                interval: Some((Probability::new(0.5414), Probability::new(0.6717))),
                version: 7,
                basis: Basis::Platt,
                score: Some(Probability::new(0.6231)),
            }),
            source_confidence: None,
            config_hash: "6f1c8a5e2b7d9043".to_owned(),
            size: Some(Size {
                currency: Currency::USD,
                lots: Some(Lots {
                    total: Measure::new(0.62),
                    risk: Measure::new(49.6),
                    parts: [0.18, 0.24, 0.2].map(Measure::new).to_vec(),
                }),
                note: String::new(),
            }),
            odds: None,
            risk_gate: None,
        },
    }
}

#[expect(clippy::unwrap_used, reason = "a test's own values")]
fn price() -> PriceUpdate {
    PriceUpdate {
        symbol: Symbol::new("EURUSD").unwrap(),
        digits: 5,
        price: decimal("1.08532"),
        bid: decimal("1.08531"),
        ask: decimal("1.08533"),
        time: SourceTime::parse("2026-11-23T14:05:01.25Z").unwrap(),
        change: decimal("0.0012"),
        change_percent: decimal("0.1107"),
        volume: None,
        source: SourceId(0),
        ticks: 1,
    }
}
