//! Subscribing and unsubscribing. A subscribe with a version, or of a client that once sent one, may say more than which
//! channels; of any other client the further fields are ignored, as unknown ones are.

use super::{Channel, Channels, Refusal, present, read};
use market::{Position, SourceTime, Symbol, Timeframe};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// What a client wants to hear from now on, besides what it hears already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscribe {
    /// The channels we know, of those it named.
    pub channels: Channels,
    /// It named others too: the known ones are subscribed, and it is told [`Refusal::UnknownChannel`].
    pub has_unknown: bool,
    /// It gave the version of the protocol: its messages have the extended envelope from now on.
    pub is_extended: bool,
    pub id: Option<RequestId>,
    /// `None` for all, whatever there will be. Names that no symbol can have are in `unknown_symbols`.
    pub symbols: Option<Vec<Symbol>>,
    pub unknown_symbols: Vec<String>,
    pub since: Option<Since>,
    pub snapshot: SnapshotAsk,
    /// The least time between two prices of a symbol, and between two states of a bar that is not closed.
    pub price_interval_ms: Option<u32>,
    /// There where `channels` has bars.
    pub bars: Option<BarsAsk>,
}

/// What a client does not want to hear any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    pub channels: Channels,
    pub has_unknown: bool,
    pub id: Option<RequestId>,
    /// `None` for all.
    pub symbols: Option<Vec<Symbol>>,
}

/// The `id` of a request: the raw text of a JSON string, given back unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Box<str>);

/// From where on a client wants to hear signals and outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    After(Position),
    /// Behind a place of which only this is known: it is not in this server's stream.
    Elsewhere,
}

/// What a client wants to be shown of what is; `None` is the server's own default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotAsk {
    /// The most signals.
    pub signals: Option<u16>,
    pub prices: Option<bool>,
}

/// Which bars a client wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarsAsk {
    pub timeframe: Timeframe,
    /// The closed ones that opened then or later are replayed before what is new.
    pub since: Option<SourceTime>,
}

const VERSION: &str = "1";
const ID_MAX: usize = 64;
/// As many as channels times symbols there may be, and the longest name that is worth giving back.
const SYMBOLS_MAX: usize = 64;
const NAME_MAX: usize = 64;
const SNAPSHOT_MAX: u16 = 500;
const INTERVAL_MS: RangeInclusive<u32> = 250..=60_000;

impl RequestId {
    /// The JSON text to give back.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0
    }

    /// The `id` of a subscribe or unsubscribe, if it can be read: for the answer to one that is not obeyed.
    #[must_use]
    pub fn of(message: &[u8]) -> Option<Self> {
        let whole = super::json(message).ok()?;
        let WithId { kind, id } = read(whole, "").ok()?;
        let has_one = kind == "subscribe" || kind == "unsubscribe";
        request_id(id.filter(|_| has_one)).ok()?
    }
}

#[derive(Deserialize)]
struct WithId<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Plain<'a> {
    #[serde(borrow)]
    channels: Vec<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    v: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Extended<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    symbols: Option<&'a RawValue>,
    #[serde(borrow)]
    since: Option<&'a RawValue>,
    #[serde(borrow)]
    snapshot: Option<&'a RawValue>,
    #[serde(borrow)]
    price_interval_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    tf: Option<&'a RawValue>,
    #[serde(borrow)]
    since_time: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct SinceBody<'a> {
    #[serde(borrow)]
    epoch: Cow<'a, str>,
    seq: u64,
}

#[derive(Deserialize)]
struct SnapshotBody {
    signals: Option<u16>,
    prices: Option<bool>,
}

#[derive(Deserialize)]
struct UnsubscribeBody<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    channels: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow)]
    symbols: Option<&'a RawValue>,
}

/// What a list of symbols names.
#[derive(Default)]
struct Names {
    /// `None` for all.
    symbols: Option<Vec<Symbol>>,
    unknown: Vec<String>,
}

pub(super) fn subscribe(whole: &RawValue, is_extended: bool) -> Result<Subscribe, Refusal> {
    let body: Plain<'_> = read(whole, "`channels` of a subscribe is a list of names")?;
    if body.channels.is_empty() {
        return Err(Refusal::BadMessage("`channels` of a subscribe is empty"));
    }
    let (channels, has_unknown) = named(&body.channels);
    let plain = Subscribe {
        channels,
        has_unknown,
        ..Subscribe::default()
    };
    match body.v {
        Some(version) if version.get() != VERSION => Err(Refusal::BadVersion),
        None if !is_extended => Ok(without_extended(plain)),
        Some(_) | None => extend(whole, plain),
    }
}

/// A plain client cannot say which bars, and is not told the names of features: it knows no such channels.
fn without_extended(plain: Subscribe) -> Subscribe {
    let extended = Channels::NONE.with(Channel::Bars).with(Channel::Features);
    let named = plain.channels.within(extended);
    Subscribe {
        channels: plain.channels.without(extended),
        has_unknown: plain.has_unknown || !named.is_empty(),
        ..plain
    }
}

fn extend(whole: &RawValue, plain: Subscribe) -> Result<Subscribe, Refusal> {
    let body: Extended<'_> = read(whole, "a field of the subscribe is there twice")?;
    let names = names(body.symbols)?;
    Ok(Subscribe {
        is_extended: true,
        id: request_id(body.id)?,
        symbols: names.symbols,
        unknown_symbols: names.unknown,
        since: body.since.map(since).transpose()?,
        snapshot: body.snapshot.map(snapshot).transpose()?.unwrap_or_default(),
        price_interval_ms: body.price_interval_ms.map(interval).transpose()?,
        bars: bars(plain.channels, &body)?,
        ..plain
    })
}

pub(super) fn unsubscribe(whole: &RawValue) -> Result<Unsubscribe, Refusal> {
    let rule = "`channels` of an unsubscribe is a list of names, or left out for all";
    let body: UnsubscribeBody<'_> = read(whole, rule)?;
    let (channels, has_unknown) = match &body.channels {
        Some(names) => named(names),
        None => (Channels::EVERY, false),
    };
    Ok(Unsubscribe {
        channels,
        has_unknown,
        id: request_id(body.id)?,
        symbols: names(body.symbols)?.symbols,
    })
}

/// The channels of these names, and whether there are other names.
fn named(names: &[Cow<'_, str>]) -> (Channels, bool) {
    let channels = names.iter().map(|name| Channel::named(name));
    channels.fold(
        (Channels::NONE, false),
        |(all, has_unknown), channel| match channel {
            Some(channel) => (all.with(channel), has_unknown),
            None => (all, true),
        },
    )
}

fn request_id(given: Option<&RawValue>) -> Result<Option<RequestId>, Refusal> {
    let rule = "`id` is a string of at most 64 bytes";
    let Some(given) = given else { return Ok(None) };
    let text: Cow<'_, str> = of_json(given, rule)?;
    if text.len() > ID_MAX {
        return Err(Refusal::BadMessage(rule));
    }
    Ok(Some(RequestId(given.get().into())))
}

/// `["*"]`, and no list at all, is every symbol.
fn names(given: Option<&RawValue>) -> Result<Names, Refusal> {
    let rule = "`symbols` is a list of 1 to 64 names of at most 64 bytes";
    let Some(given) = given else {
        return Ok(Names::default());
    };
    let listed: Vec<Cow<'_, str>> = of_json(given, rule)?;
    let fits = (1..=SYMBOLS_MAX).contains(&listed.len())
        && listed.iter().all(|name| name.len() <= NAME_MAX);
    if !fits {
        return Err(Refusal::BadMessage(rule));
    }
    if listed.iter().any(|name| name == "*") {
        return Ok(Names::default());
    }
    let (mut symbols, mut unknown) = (Vec::new(), Vec::new());
    for name in listed {
        match Symbol::new(&name) {
            Ok(symbol) => symbols.push(symbol),
            Err(_) => unknown.push(name.into_owned()),
        }
    }
    Ok(Names {
        symbols: Some(symbols),
        unknown,
    })
}

fn since(given: &RawValue) -> Result<Since, Refusal> {
    let rule = "`since` has an `epoch`, a string, and a `seq`, a whole number";
    let body: SinceBody<'_> = read(given, rule)?;
    Ok(match body.epoch.parse() {
        Ok(epoch) => Since::After(Position {
            epoch,
            seq: body.seq,
        }),
        Err(_) => Since::Elsewhere,
    })
}

fn snapshot(given: &RawValue) -> Result<SnapshotAsk, Refusal> {
    let rule =
        "`snapshot` is false, or has `signals`, 0 to 500, and `prices`, true or false, or either";
    match given.get() {
        "true" => return Ok(SnapshotAsk::default()),
        "false" => {
            return Ok(SnapshotAsk {
                signals: Some(0),
                prices: Some(false),
            });
        }
        _ => {}
    }
    let SnapshotBody { signals, prices } = read(given, rule)?;
    if signals.is_some_and(|signals| signals > SNAPSHOT_MAX) {
        return Err(Refusal::BadMessage(rule));
    }
    Ok(SnapshotAsk { signals, prices })
}

fn interval(given: &RawValue) -> Result<u32, Refusal> {
    let rule = "`price_interval_ms` is a whole number from 250 to 60000";
    let millis: u32 = of_json(given, rule)?;
    if !INTERVAL_MS.contains(&millis) {
        return Err(Refusal::BadMessage(rule));
    }
    Ok(millis)
}

/// What of bars is asked for, where they are.
fn bars(channels: Channels, body: &Extended<'_>) -> Result<Option<BarsAsk>, Refusal> {
    if !channels.has(Channel::Bars) {
        return Ok(None);
    }
    let rule = "`tf` of a subscribe to bars is one of: 1m, 5m, 15m, 1h, 4h, 1d";
    let name: Cow<'_, str> = of_json(body.tf.ok_or(Refusal::BadMessage(rule))?, rule)?;
    let timeframe = name.parse().map_err(|_| Refusal::BadMessage(rule))?;
    let since = body.since_time.map(since_time).transpose()?;
    Ok(Some(BarsAsk { timeframe, since }))
}

fn since_time(given: &RawValue) -> Result<SourceTime, Refusal> {
    let rule = "`since_time` is a time in UTC, such as 2026-11-23T14:05:00.000Z";
    let text: Cow<'_, str> = of_json(given, rule)?;
    SourceTime::parse(&text).map_err(|_| Refusal::BadMessage(rule))
}

fn of_json<'a, T: Deserialize<'a>>(given: &'a RawValue, rule: &'static str) -> Result<T, Refusal> {
    serde_json::from_str(given.get()).map_err(|_| Refusal::BadMessage(rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ask, Speaker};
    use market::Epoch;
    use proptest::prelude::*;

    fn symbol(name: &str) -> Symbol {
        Symbol::new(name).unwrap()
    }

    fn id(json: &str) -> Option<RequestId> {
        Some(RequestId(json.into()))
    }

    fn check(message: &str, expected: &Subscribe) {
        let ask = Ask::parse(message.as_bytes());
        assert_eq!(ask, Ok(Ask::Subscribe(expected.clone())), "{message}");
    }

    fn refused(field: &str, code: &str) {
        let message = format!(r#"{{"type":"subscribe","v":1,"channels":["signals"],{field}}}"#);
        let refusal = Ask::parse(message.as_bytes()).expect_err(field);
        assert_eq!(refusal.code(), code, "{field}");
    }

    #[test]
    fn bars_are_asked_for_with_their_timeframe() {
        let bars = |since: Option<&str>| Subscribe {
            channels: Channels::NONE.with(Channel::Bars),
            is_extended: true,
            bars: Some(BarsAsk {
                timeframe: Timeframe::H4,
                since: since.map(|time| SourceTime::parse(time).unwrap()),
            }),
            ..Subscribe::default()
        };
        check(
            r#"{"type":"subscribe","v":1,"channels":["bars"],"tf":"4h"}"#,
            &bars(None),
        );
        check(
            r#"{"type":"subscribe","v":1,"channels":["bars"],"tf":"4h","since_time":"2026-11-23T14:05:00+01:00"}"#,
            &bars(Some("2026-11-23T13:05:00Z")),
        );
        for wrong in [
            r#""x":1"#,
            r#""tf":"2m""#,
            r#""tf":7"#,
            r#""tf":"1m","since_time":"yesterday""#,
            r#""tf":"1m","since_time":17"#,
        ] {
            let message = format!(r#"{{"type":"subscribe","v":1,"channels":["bars"],{wrong}}}"#);
            let refusal = Ask::parse(message.as_bytes()).expect_err(wrong);
            assert_eq!(refusal.code(), "bad_message", "{wrong}");
        }
        // Whoever asks for no bars may say what it likes.
        check(
            r#"{"type":"subscribe","v":1,"channels":["status"],"tf":7}"#,
            &Subscribe {
                channels: Channels::NONE.with(Channel::Status),
                is_extended: true,
                ..Subscribe::default()
            },
        );
        // To a plain client there is no such channel.
        check(
            r#"{"type":"subscribe","channels":["bars","prices"],"tf":"1m"}"#,
            &Subscribe {
                channels: Channels::NONE.with(Channel::Prices),
                has_unknown: true,
                ..Subscribe::default()
            },
        );
    }

    #[test]
    fn features_are_for_who_gave_the_version() {
        check(
            r#"{"type":"subscribe","v":1,"channels":["features","status"]}"#,
            &Subscribe {
                channels: Channels::NONE.with(Channel::Status).with(Channel::Features),
                is_extended: true,
                ..Subscribe::default()
            },
        );
        check(
            r#"{"type":"subscribe","channels":["features","prices"]}"#,
            &Subscribe {
                channels: Channels::NONE.with(Channel::Prices),
                has_unknown: true,
                ..Subscribe::default()
            },
        );
    }

    #[test]
    fn everything_that_can_be_asked() {
        check(
            r#"{"type":"subscribe","v":1,"id":"c1","channels":["signals","prices","status"],"timestamp":"x",
 "symbols":["EURUSD","XAUUSD","no such thing"],"since":{"epoch":"k3f9","seq":1841,"x":1},"snapshot":{"signals":50,"prices":true},
 "price_interval_ms":1000}"#,
            &Subscribe {
                channels: Channels::ALL.with(Channel::Status),
                is_extended: true,
                id: id(r#""c1""#),
                symbols: Some(vec![symbol("EURUSD"), symbol("XAUUSD")]),
                unknown_symbols: vec!["no such thing".to_owned()],
                since: Some(Since::After(Position {
                    epoch: Epoch(937_557),
                    seq: 1841,
                })),
                snapshot: SnapshotAsk {
                    signals: Some(50),
                    prices: Some(true),
                },
                price_interval_ms: Some(1000),
                ..Subscribe::default()
            },
        );
        let bare = Subscribe {
            channels: Channels::ALL,
            is_extended: true,
            ..Subscribe::default()
        };
        check(
            r#"{"type":"subscribe","v":1,"channels":["signals","prices"]}"#,
            &bare,
        );
        check(
            r#"{"type":"subscribe","v":1,"channels":["signals","prices"],"symbols":["EURUSD","*"],"since":null,"snapshot":true,"id":null}"#,
            &bare,
        );
        check(
            r#"{"type":"subscribe","v":1,"channels":["signals","prices"],"since":{"epoch":"K3F9","seq":1},"snapshot":false}"#,
            &Subscribe {
                since: Some(Since::Elsewhere),
                snapshot: SnapshotAsk {
                    signals: Some(0),
                    prices: Some(false),
                },
                ..bare
            },
        );
    }

    #[test]
    fn of_a_plain_client_only_the_channels_count() {
        let message = r#"{"type":"subscribe","channels":["outcomes"],"symbols":7,"since":[],"snapshot":"x","id":{},"price_interval_ms":-1}"#;
        let plain = Subscribe {
            channels: Channels::NONE.with(Channel::Outcomes),
            ..Subscribe::default()
        };
        check(message, &plain);
        let extended = Speaker {
            is_extended: true,
            ..Speaker::default()
        };
        let refusal = Ask::parse_from(message.as_bytes(), extended).expect_err("symbols are none");
        assert_eq!(refusal.code(), "bad_message");
        let later = br#"{"type":"subscribe","channels":["prices"],"symbols":["US30"]}"#;
        let Ok(Ask::Subscribe(later)) = Ask::parse_from(later, extended) else {
            panic!("it is a subscribe")
        };
        assert_eq!(later.symbols, Some(vec![symbol("US30")]));
    }

    #[test]
    fn each_field_that_is_wrong_is_refused() {
        for field in [
            r#""symbols":[]"#,
            r#""symbols":"EURUSD""#,
            r#""symbols":[1]"#,
            r#""id":7"#,
            r#""since":7"#,
            r#""since":{"epoch":"k3f9"}"#,
            r#""since":{"epoch":"k3f9","seq":-1}"#,
            r#""since":{"epoch":"k3f9","seq":1.5}"#,
            r#""since":["k3f9",1]"#,
            r#""snapshot":{"signals":501}"#,
            r#""snapshot":{"prices":1}"#,
            r#""snapshot":[50,true]"#,
            r#""price_interval_ms":249"#,
            r#""price_interval_ms":60001"#,
            r#""price_interval_ms":"1000""#,
            r#""id":"a","id":"b""#,
        ] {
            refused(field, "bad_message");
        }
        let long = format!(r#""id":"{}""#, "x".repeat(ID_MAX + 1));
        refused(&long, "bad_message");
        let many = vec![r#""EURUSD""#; SYMBOLS_MAX + 1].join(",");
        refused(&format!(r#""symbols":[{many}]"#), "bad_message");
        for version in ["2", r#""1""#, "null", "1.0", "0"] {
            let message = format!(r#"{{"type":"subscribe","channels":["signals"],"v":{version}}}"#);
            let refusal = Ask::parse(message.as_bytes()).expect_err(version);
            assert_eq!(refusal, Refusal::BadVersion, "{version}");
        }
    }

    #[test]
    fn an_unsubscribe_names_what_is_to_end() {
        let parse = |message: &str| match Ask::parse(message.as_bytes()) {
            Ok(Ask::Unsubscribe(unsubscribe)) => unsubscribe,
            other => panic!("{message}: {other:?}"),
        };
        assert_eq!(
            parse(
                r#"{"type":"unsubscribe","id":"c\u0032","channels":["prices","x"],"symbols":["XAUUSD"]}"#
            ),
            Unsubscribe {
                channels: Channels::NONE.with(Channel::Prices),
                has_unknown: true,
                id: id(r#""c\u0032""#),
                symbols: Some(vec![symbol("XAUUSD")]),
            }
        );
        assert_eq!(
            parse(r#"{"type":"unsubscribe"}"#),
            Unsubscribe {
                channels: Channels::EVERY,
                has_unknown: false,
                id: None,
                symbols: None,
            }
        );
    }

    #[test]
    fn the_id_of_a_message_that_is_not_obeyed_is_found() {
        let of = |message: &str| RequestId::of(message.as_bytes());
        assert_eq!(
            of(r#"{"type":"subscribe","v":9,"id":"c1","channels":[]}"#),
            id(r#""c1""#)
        );
        for message in [
            "",
            "[]",
            "{}",
            r#"{"type":"subscribe","id":7}"#,
            r#"{"type":"subscribe","id":"a","id":"b"}"#,
            r#"{"type":"signal","id":"sig_001"}"#,
            r#"{"id":"sig_001"}"#,
        ] {
            assert_eq!(of(message), None, "{message}");
        }
    }

    proptest! {
        #[test]
        fn almost_subscribes_are_an_ask_or_a_refusal(
            text in r#"\{"type":"(un)?subscribe","v":1(,"(channels|symbols|since|snapshot|id|price_interval_ms)":(\["(signals|EURUSD|\*|ä)"\]|\{"(epoch|seq|signals|prices)":("k3f9"|1|true)\}|null|[0-9eE.+-]{1,6}|"[^"]{0,9}"))*\}?"#,
        ) {
            if let Ok(Ask::Subscribe(subscribe)) = Ask::parse(text.as_bytes()) {
                prop_assert!(subscribe.is_extended);
                prop_assert!(subscribe.symbols.is_none_or(|symbols| symbols.len() <= SYMBOLS_MAX));
            }
        }
    }
}
