//! Client to server: what a client may ask, read from the bytes of one message. Nothing a client sends is trusted, nothing
//! it sends is repeated to anyone but itself, and nothing can panic.

mod channel;
mod refusal;
mod subscribe;

pub use channel::{Channel, Channels};
pub use refusal::Refusal;
pub use subscribe::{BarsAsk, RequestId, Since, SnapshotAsk, Subscribe, Unsubscribe};

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// What a client asks in one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
    Ping(Echo),
    /// Says who it is.
    Auth(Token),
    /// Posts a signal, as bots do: the JSON text of one object, of which nothing is known yet.
    Signal(Box<str>),
}

/// The `timestamp` of a ping: the raw text of one JSON scalar, given back unchanged. Absent stays absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Echo(Option<Box<str>>);

/// The secret of an `auth`. It can be looked at in one place, and printed nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<str>);

/// Longest `timestamp` of a ping, in bytes of JSON.
const ECHO_MAX: usize = 128;
/// Longest token, in bytes: an API key has 49, a JWT some hundred and, with what identity providers put in, some thousand.
const TOKEN_MAX: usize = 8 * 1024;

/// What is known of who sent a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Speaker {
    /// It has said who it is. It may also send the bare object of a signal, without a `type`, as bots do that were written
    /// against the dashboard's own test server. Of anybody else that would be taken for the message it is not: dashboards
    /// and bots share the endpoint.
    pub is_authenticated: bool,
    /// It has subscribed with a version before: what it subscribes from then on may have every field, with or without one.
    pub is_extended: bool,
}

impl Ask {
    /// Reads one message of somebody of whom nothing is known. Unknown fields are ignored.
    ///
    /// # Errors
    /// When the bytes are no JSON, no known message, or a known one with a field of the wrong kind.
    pub fn parse(message: &[u8]) -> Result<Self, Refusal> {
        Self::parse_from(message, Speaker::default())
    }

    /// Reads one message. Unknown fields are ignored.
    ///
    /// # Errors
    /// As [`Ask::parse`].
    pub fn parse_from(message: &[u8], speaker: Speaker) -> Result<Self, Refusal> {
        let whole = json(message)?;
        if speaker.is_authenticated && is_bare_signal(whole) {
            return Ok(Self::Signal(whole.get().into()));
        }
        message_of(whole, speaker)
    }
}

impl Token {
    /// The secret itself: to be compared, and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Echo {
    /// The JSON text to give back, if there was one.
    #[must_use]
    pub fn json(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: &'a RawValue,
}

#[derive(Deserialize)]
struct PingBody<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    timestamp: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct AuthBody {
    token: String,
}

/// Bots write `data`; some send back the very message they heard, with its `payload`.
#[derive(Deserialize)]
struct SignalBody<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

/// What tells the bare object of a signal from a message.
#[derive(Deserialize)]
struct Bare<'a> {
    #[serde(rename = "type", borrow, default, deserialize_with = "present")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    symbol: Option<&'a RawValue>,
}

fn json(message: &[u8]) -> Result<&RawValue, Refusal> {
    serde_json::from_slice(message).map_err(|_| Refusal::BadJson)
}

fn message_of(whole: &RawValue, speaker: Speaker) -> Result<Ask, Refusal> {
    let head: Head<'_> = read(whole, "a message is one JSON object with a string `type`")?;
    match text_of(head.kind)?.as_ref() {
        "subscribe" => subscribe::subscribe(whole, speaker.is_extended).map(Ask::Subscribe),
        "unsubscribe" => subscribe::unsubscribe(whole).map(Ask::Unsubscribe),
        "ping" => ping(whole),
        "auth" => auth(whole),
        "signal" => signal(whole),
        _ => Err(Refusal::UnknownType),
    }
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

fn auth(whole: &RawValue) -> Result<Ask, Refusal> {
    let rule = "`token` of an auth is a string of 1 to 8192 bytes";
    let body: AuthBody = read(whole, rule)?;
    if !(1..=TOKEN_MAX).contains(&body.token.len()) {
        return Err(Refusal::BadMessage(rule));
    }
    Ok(Ask::Auth(Token(body.token.into())))
}

fn signal(whole: &RawValue) -> Result<Ask, Refusal> {
    let rule = "a signal has its object as `data`, or else as `payload`";
    let body: SignalBody<'_> = read(whole, rule)?;
    let object = match (body.data, body.payload) {
        (Some(only), None) | (None, Some(only)) => only.get(),
        (None, None) | (Some(_), Some(_)) => return Err(Refusal::BadMessage(rule)),
    };
    if !object.starts_with('{') {
        return Err(Refusal::BadMessage(rule));
    }
    Ok(Ask::Signal(object.into()))
}

fn is_bare_signal(whole: &RawValue) -> bool {
    let bare: Result<Bare<'_>, _> = read(whole, "");
    bare.is_ok_and(|bare| bare.kind.is_none() && bare.id.is_some() && bare.symbol.is_some())
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

    const BOT: Speaker = Speaker {
        is_authenticated: true,
        is_extended: false,
    };

    fn subscribed(channels: Channels) -> Result<Ask, Refusal> {
        Ok(Ask::Subscribe(Subscribe {
            channels,
            ..Subscribe::default()
        }))
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
            &Ok(Ask::Subscribe(Subscribe {
                channels: Channels::NONE.with(Channel::Prices),
                has_unknown: true,
                ..Subscribe::default()
            })),
        );
        check(
            r#"{"type":"subscribe","channels":["Signals"]}"#,
            &Ok(Ask::Subscribe(Subscribe {
                channels: Channels::NONE,
                has_unknown: true,
                ..Subscribe::default()
            })),
        );
    }

    #[test]
    fn the_status_channel_is_heard_by_who_names_it() {
        check(
            r#"{"type":"subscribe","channels":["signals","prices","status"]}"#,
            &subscribed(Channels::ALL.with(Channel::Status)),
        );
        check(
            r#"{"type":"subscribe","channels":["status"]}"#,
            &subscribed(Channels::NONE.with(Channel::Status)),
        );
        assert!(!Channels::ALL.has(Channel::Status));
    }

    #[test]
    fn a_token_is_bounded_and_never_shown() {
        let auth = |token: &str| format!(r#"{{"type":"auth","token":"{token}","x":1}}"#);
        for token in ["orion_s3cret", &"s".repeat(TOKEN_MAX)] {
            let ask = Ask::parse(auth(token).as_bytes()).expect("it is an auth");
            assert_eq!(format!("{ask:?}"), "Auth(Token(..))");
            assert_eq!(ask, Ask::Auth(Token(token.into())));
        }
        let written = Ask::parse(br#"{"token":"a\u0062\"","type":"auth"}"#);
        assert_eq!(written, Ok(Ask::Auth(Token(r#"ab""#.into()))));
        refused(&auth(""), "bad_message");
        refused(&auth(&"s".repeat(TOKEN_MAX + 1)), "bad_message");
        for message in [
            r#"{"type":"auth"}"#,
            r#"{"type":"auth","token":null}"#,
            r#"{"type":"auth","token":7}"#,
            r#"{"type":"auth","token":["x"]}"#,
            r#"{"type":"auth","token":"x","token":"y"}"#,
        ] {
            refused(message, "bad_message");
        }
    }

    #[test]
    fn a_signal_is_handed_on_as_it_was_written() {
        let data = r#"{"id" : "sig_001","symbol":"EURUSD","confidence":8.50e1}"#;
        let posted = |data: &str| Ok(Ask::Signal(data.into()));
        check(
            &format!(r#"{{"type":"signal","data": {data} }}"#),
            &posted(data),
        );
        check(
            &format!(r#"{{"payload":{data},"type":"signal","seq":7}}"#),
            &posted(data),
        );
        check(r#"{"type":"signal","data":{}}"#, &posted("{}"));
        for message in [
            r#"{"type":"signal"}"#,
            r#"{"type":"signal","data":null}"#,
            r#"{"type":"signal","data":[{}]}"#,
            r#"{"type":"signal","data":"{}"}"#,
            r#"{"type":"signal","data":{},"payload":{}}"#,
            r#"{"type":"signal","data":{},"data":{}}"#,
        ] {
            refused(message, "bad_message");
        }
    }

    #[test]
    fn a_bare_signal_is_one_only_from_who_has_said_who_it_is() {
        let known = |message: &str| Ask::parse_from(message.as_bytes(), BOT);
        for bare in [
            r#"{"id":"sig_001","symbol":"EURUSD","direction":"long"}"#,
            r#"{"symbol":7,"id":null}"#,
        ] {
            assert_eq!(known(&format!(" {bare} ")), Ok(Ask::Signal(bare.into())));
            refused(bare, "bad_message");
        }
        for message in [
            r#"{"id":"sig_001"}"#,
            r#"{"id":"sig_001","symbol":"EURUSD","type":null}"#,
            r#"{"id":"sig_001","symbol":"EURUSD","id":2}"#,
            r#"["id","symbol"]"#,
            r#"{"type":"ping","id":"c1","symbol":"EURUSD"}"#,
            r#"{"type":"trade","id":"c1","symbol":"EURUSD"}"#,
            "hello",
        ] {
            assert_eq!(known(message), Ask::parse(message.as_bytes()), "{message}");
        }
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
        refused(r#"{"type":"price","data":{}}"#, "unknown_type");
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
            let anybody = Ask::parse(&bytes);
            let known = Ask::parse_from(&bytes, BOT);
            prop_assert!(anybody == known || matches!(known, Ok(Ask::Signal(_))));
        }

        #[test]
        fn almost_signals_are_an_ask_or_a_refusal(
            text in r#"\{("(type|id|symbol|data|payload|token)":("(auth|signal|[^"\\]{0,9})"|\{\}|\{"id":1\}|null|\[\]|[0-9.]{1,4}),?){0,5}\}?"#,
        ) {
            for ask in [Ask::parse(text.as_bytes()), Ask::parse_from(text.as_bytes(), BOT)] {
                if let Ok(Ask::Signal(data)) = ask {
                    let parsed: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(&data);
                    prop_assert!(parsed.is_ok(), "{} is handed on and is no JSON object", data);
                }
            }
        }

        #[test]
        fn no_refusal_repeats_a_token(
            token in "s3cret[a-z]{4}",
            rest in r#"[,\]}" ]{0,3}"#,
        ) {
            let message = format!(r#"{{"type":"auth","token":"{token}"{rest}"#);
            let told = Ask::parse(message.as_bytes()).map_or_else(|refusal| crate::tell::error(refusal, None), |ask| format!("{ask:?}"));
            prop_assert!(!told.contains(&token), "{}", told);
        }

        #[test]
        fn almost_messages_are_an_ask_or_a_refusal(
            text in r#"\{"type":"(subscribe|ping|[a-z]{1,5})"(,"(channels|timestamp|type)":(\["(signals|prices|status|\\u00)"\]|null|[0-9eE.+-]{1,6}|"[^"]{0,9}"))*\}?"#,
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
