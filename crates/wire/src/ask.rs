//! Client to server: what a client may ask, read from the bytes of one message. Nothing a client sends is trusted, nothing
//! it sends is repeated to anyone but itself, and nothing can panic.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What a client asks in one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    Subscribe {
        /// The channels we know, of those it named.
        channels: Channels,
        /// It named others too: the known ones are subscribed, and it is told [`Refusal::UnknownChannel`].
        has_unknown: bool,
    },
    Ping(Echo),
}

/// One stream of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Signals,
    Prices,
}

/// A set of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channels(u8);

/// The `timestamp` of a ping: the raw text of one JSON scalar, given back unchanged. Absent stays absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Echo(Option<Box<str>>);

/// Why a message was not understood. The connection stays open; the client is told [`Refusal::code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the message is not JSON")]
    BadJson,
    /// What is wrong with it, in words that hold nothing of the client's text.
    #[error("{0}")]
    BadMessage(&'static str),
    #[error("the type is not one of: subscribe, ping")]
    UnknownType,
    #[error("a channel is not one of: signals, prices; the others named are subscribed")]
    UnknownChannel,
}

/// Longest `timestamp` of a ping, in bytes of JSON.
const ECHO_MAX: usize = 128;

impl Ask {
    /// Reads one message. Unknown fields are ignored.
    ///
    /// # Errors
    /// When the bytes are no JSON, no known message, or a known one with a field of the wrong kind.
    pub fn parse(message: &[u8]) -> Result<Self, Refusal> {
        let whole: &RawValue = serde_json::from_slice(message).map_err(|_| Refusal::BadJson)?;
        let head: Head<'_> = read(whole, "a message is one JSON object with a string `type`")?;
        match text_of(head.kind)?.as_ref() {
            "subscribe" => subscribe(whole),
            "ping" => ping(whole),
            _ => Err(Refusal::UnknownType),
        }
    }
}

impl Channels {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(0b11);

    #[must_use]
    pub const fn with(self, channel: Channel) -> Self {
        Self(self.0 | channel.bit())
    }
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
    #[must_use]
    pub const fn has(self, channel: Channel) -> bool {
        self.0 & channel.bit() != 0
    }
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Channel {
    const fn bit(self) -> u8 {
        match self {
            Self::Signals => 0b01,
            Self::Prices => 0b10,
        }
    }
    fn named(name: &str) -> Option<Self> {
        match name {
            "signals" => Some(Self::Signals),
            "prices" => Some(Self::Prices),
            _ => None,
        }
    }
}

impl Echo {
    /// The JSON text to give back, if there was one.
    #[must_use]
    pub fn json(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl Refusal {
    /// The word programs know it by.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadJson => "bad_json",
            Self::BadMessage(_) => "bad_message",
            Self::UnknownType => "unknown_type",
            Self::UnknownChannel => "unknown_channel",
        }
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: &'a RawValue,
}

#[derive(Deserialize)]
struct SubscribeBody {
    channels: Vec<String>,
}

#[derive(Deserialize)]
struct PingBody<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    timestamp: Option<&'a RawValue>,
}

fn subscribe(whole: &RawValue) -> Result<Ask, Refusal> {
    let body: SubscribeBody = read(whole, "`channels` of a subscribe is a list of names")?;
    if body.channels.is_empty() {
        return Err(Refusal::BadMessage("`channels` of a subscribe is empty"));
    }
    let known = body.channels.iter().filter_map(|name| Channel::named(name));
    let channels = known.fold(Channels::NONE, Channels::with);
    let has_unknown = body
        .channels
        .iter()
        .any(|name| Channel::named(name).is_none());
    Ok(Ask::Subscribe {
        channels,
        has_unknown,
    })
}

fn ping(whole: &RawValue) -> Result<Ask, Refusal> {
    let body: PingBody<'_> = read(whole, "a ping has at most one `timestamp`")?;
    let given = body.timestamp.map(RawValue::get);
    if given.is_some_and(|json| json.len() > ECHO_MAX || json.starts_with(['{', '['])) {
        return Err(Refusal::BadMessage(
            "`timestamp` of a ping is a string, number, boolean or null of at most 128 bytes",
        ));
    }
    Ok(Ask::Ping(Echo(given.map(Box::from))))
}

/// What is there is given back, a `null` too, which an `Option` would take for absent.
fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(field).map(Some)
}

/// Reads the fields one message type has out of a text that is known to be JSON.
fn read<'a, T: Deserialize<'a>>(json: &'a RawValue, rule: &'static str) -> Result<T, Refusal> {
    // A struct would also be read from an array, by position.
    if !json.get().starts_with('{') {
        return Err(Refusal::BadMessage(rule));
    }
    serde_json::from_str(json.get()).map_err(|_| Refusal::BadMessage(rule))
}

fn text_of(json: &RawValue) -> Result<Cow<'_, str>, Refusal> {
    let text: Result<Cow<'_, str>, _> = serde_json::from_str(json.get());
    text.map_err(|_| Refusal::BadMessage("`type` is a string"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn subscribed(channels: Channels) -> Result<Ask, Refusal> {
        Ok(Ask::Subscribe {
            channels,
            has_unknown: false,
        })
    }

    fn pinged(echo: Option<&str>) -> Result<Ask, Refusal> {
        Ok(Ask::Ping(Echo(echo.map(Box::from))))
    }

    fn check(message: &str, expected: &Result<Ask, Refusal>) {
        assert_eq!(&Ask::parse(message.as_bytes()), expected, "{message}");
    }

    fn refused(message: &str, code: &str) {
        let refusal = Ask::parse(message.as_bytes()).expect_err(message);
        assert_eq!(refusal.code(), code, "{message}");
    }

    #[test]
    fn the_dashboards_subscribe() {
        let signals = Channels::NONE.with(Channel::Signals);
        check(
            r#"{"type":"subscribe","channels":["signals","prices"],"timestamp":"2026-11-23T14:05:00.000Z"}"#,
            &subscribed(Channels::ALL),
        );
        check(
            r#"{"channels":["signals"],"type":"subscribe"}"#,
            &subscribed(signals),
        );
        check(
            r#" {"type":"subscribe","channels":["signals","signals"],"timestamp":{"not":["judged"]},"x":1} "#,
            &subscribed(signals),
        );
        check(
            r#"{"type":"sub\u0073cribe","channels":["pr\u0069ces"]}"#,
            &subscribed(Channels::NONE.with(Channel::Prices)),
        );
    }

    #[test]
    fn an_unknown_channel_is_told_and_the_rest_is_subscribed() {
        check(
            r#"{"type":"subscribe","channels":["prices","weather"]}"#,
            &Ok(Ask::Subscribe {
                channels: Channels::NONE.with(Channel::Prices),
                has_unknown: true,
            }),
        );
        check(
            r#"{"type":"subscribe","channels":["Signals"]}"#,
            &Ok(Ask::Subscribe {
                channels: Channels::NONE,
                has_unknown: true,
            }),
        );
    }

    #[test]
    fn a_pings_timestamp_is_kept_as_it_was_written() {
        for echo in [
            r#""2026-11-23T14:05:00.000Z""#,
            r#""\u00e4 \" x""#,
            "1700000000000",
            "1.50e+3",
            "true",
            "null",
            "-0",
        ] {
            check(
                &format!(r#"{{"type":"ping","timestamp": {echo} }}"#),
                &pinged(Some(echo)),
            );
        }
        check(r#"{"type":"ping"}"#, &pinged(None));
        let longest = format!("\"{}\"", "x".repeat(126));
        check(
            &format!(r#"{{"type":"ping","timestamp":{longest}}}"#),
            &pinged(Some(&longest)),
        );
    }

    #[test]
    fn what_is_not_understood_has_a_code() {
        for message in [
            "",
            "{",
            "hello",
            r#"{"type":"ping"}{"type":"ping"}"#,
            "{'type':1}",
        ] {
            refused(message, "bad_json");
        }
        for message in [
            "[]",
            "null",
            "7",
            "{}",
            r#"["ping"]"#,
            r#"{"type":7}"#,
            r#"{"type":"ping","type":"ping"}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","channels":"signals"}"#,
            r#"{"type":"subscribe","channels":[1]}"#,
            r#"{"type":"subscribe","channels":[]}"#,
            r#"{"type":"ping","timestamp":[1]}"#,
            r#"{"type":"ping","timestamp":{}}"#,
        ] {
            refused(message, "bad_message");
        }
        let too_long = format!(
            r#"{{"type":"ping","timestamp":"{}"}}"#,
            "x".repeat(ECHO_MAX - 1)
        );
        refused(&too_long, "bad_message");
        refused(r#"{"type":"signal","data":{}}"#, "unknown_type");
        refused(
            r#"{"type":"Subscribe","channels":["signals"]}"#,
            "unknown_type",
        );
    }

    #[test]
    fn deep_nesting_is_an_answer_and_not_a_crash() {
        let deep = format!(
            r#"{{"type":"ping","x":{}{}}}"#,
            "[".repeat(8000),
            "]".repeat(8000)
        );
        check(&deep, &pinged(None));
        refused(&"[".repeat(16_000), "bad_json");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_ask_or_a_refusal(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Ask::parse(&bytes);
        }

        #[test]
        fn almost_messages_are_an_ask_or_a_refusal(
            text in r#"\{"type":"(subscribe|ping|[a-z]{1,5})"(,"(channels|timestamp|type)":(\["(signals|prices|\\u00)"\]|null|[0-9eE.+-]{1,6}|"[^"]{0,9}"))*\}?"#,
        ) {
            if let Ok(Ask::Ping(echo)) = Ask::parse(text.as_bytes())
                && let Some(json) = echo.json()
            {
                let parsed: Result<serde_json::Value, _> = serde_json::from_str(json);
                prop_assert!(parsed.is_ok(), "{json} is given back and is not JSON");
            }
        }
    }
}
