//! The examples of `docs/protocol.md` are what the server understands and writes, byte for byte.

use market::{
    Direction, Killzone, Price, PriceUpdate, Probability, Ratio, Signal, SourceTime, Status,
    Symbol, Target, Time, Timeframe, Uuid, Volume,
};
use wire::{Ask, Channels, Echo, Refusal, tell};

const DOCUMENT: &str = include_str!("../../../docs/protocol.md");

/// The texts between ```` ```json ```` and ```` ``` ````.
fn examples() -> Vec<&'static str> {
    let fenced = DOCUMENT.split("```json\n").skip(1);
    fenced
        .map(|rest| rest.split("\n```").next().unwrap_or_default())
        .collect()
}

#[test]
fn what_a_client_sends_is_understood() {
    let asks: Vec<_> = examples()
        .iter()
        .filter_map(|example| Ask::parse(example.as_bytes()).ok())
        .collect();
    let subscribe = Ask::Subscribe {
        channels: Channels::ALL,
        has_unknown: false,
    };
    assert_eq!(asks, [subscribe, Ask::Ping(echo())]);
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
        tell::pong(&echo(), Time::parse("2026-11-23T14:05:00.012Z").unwrap()),
        tell::error(Refusal::UnknownChannel),
    ];
    let told: Vec<_> = examples()
        .into_iter()
        .filter(|example| Ask::parse(example.as_bytes()).is_err())
        .collect();
    assert_eq!(told, written);
}

#[test]
fn every_code_of_an_error_is_named() {
    let refusals = [
        Refusal::BadJson,
        Refusal::BadMessage(""),
        Refusal::UnknownType,
        Refusal::UnknownChannel,
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
        ticks: 1,
    }
}
