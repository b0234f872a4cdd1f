//! The examples of `docs/protocol.md` are what the server understands and writes, byte for byte.

use market::{
    Direction, FeedState, Killzone, Price, PriceUpdate, Probability, Ratio, Signal, SourceTime,
    Status, Symbol, SymbolStatus, Target, Time, Timeframe, Uuid, Volume,
};
use wire::{Ask, Channel, Channels, Echo, Refusal, tell};

const DOCUMENT: &str = include_str!("../../../docs/protocol.md");

/// How a `signal_result` begins.
const SIGNAL_RESULT: &str = r#"{"type":"signal_result","#;

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
    let fenced = part.split("```json\n").skip(1);
    fenced
        .map(|rest| rest.split("\n```").next().unwrap_or_default())
        .collect()
}

#[test]
fn what_a_client_sends_is_understood() {
    let asks: Vec<_> = sent()
        .iter()
        .map(|example| Ask::parse_authenticated(example.as_bytes()))
        .collect();
    let subscribe = |channels| Ask::Subscribe {
        channels,
        has_unknown: false,
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
        tell::pong(&echo(), Time::parse("2026-11-23T14:05:00.012Z").unwrap()),
        tell::authenticated(),
        tell::error(Refusal::UnknownChannel),
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
        Refusal::AuthRequired,
        Refusal::AuthFailed,
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
