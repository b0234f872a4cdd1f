//! What one client is told in answer to what it sent, or of its own connection.

use super::{List, Quoted, append};
use crate::{Channel, Channels, Echo, Refusal, RequestId};
use market::{Position, Symbol, Time, Timeframe};

/// Which symbols of one channel a client hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    Every,
    Only(&'a [Symbol]),
}

/// What came of a subscribe.
#[derive(Clone, Debug)]
pub struct Subscribed<'a> {
    pub id: Option<&'a RequestId>,
    /// What was subscribed by it.
    pub channels: Channels,
    pub symbols: Heard<'a>,
    /// Names that no symbol of this server has.
    pub unknown_symbols: &'a [String],
    /// Where the stream of events stands: the client's own place as soon as it has heard what follows.
    pub position: Position,
    /// Of events.
    pub follows: Follows,
    /// Of bars, where it asked for some.
    pub bars: Option<Bars>,
    /// The names of features, where it asked for them.
    pub features: Option<&'a [String]>,
    /// The least time between two of its prices of a symbol, where it hears prices or bars.
    pub price_interval_ms: Option<u32>,
    pub simulated: bool,
    pub limits: Limits,
    pub heartbeat_ms: u64,
}

/// What follows of the past: so many messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Signals as they stand.
    Shown(u64),
    /// Each event behind the place that the client gave.
    Replayed(u64),
    /// What it asked for is not kept any more: signals as they stand.
    ShownInstead(u64),
}

/// What follows of bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bars {
    pub timeframe: Timeframe,
    pub past: Option<PastBars>,
}

/// Closed bars that are replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastBars {
    pub count: u64,
    /// They reach back to the time that the client gave.
    pub is_whole: bool,
}

/// What a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub message_bytes: usize,
    pub messages_per_s: u16,
}

/// `{"type":"pong",...}`: the answer to a JSON ping. `server_time` is the moment it is written.
#[must_use]
pub fn pong(echo: &Echo, server_time: Time) -> String {
    let mut text = String::from(r#"{"type":"pong""#);
    if let Some(json) = echo.json() {
        append(&mut text, format_args!(r#","timestamp":{json}"#));
    }
    append(
        &mut text,
        format_args!(r#","server_time":"{server_time}"}}"#),
    );
    text
}

/// `{"type":"subscribed",...}`: only extended clients are told.
#[must_use]
pub fn subscribed(subscribed: &Subscribed<'_>) -> String {
    let mut text = String::from(r#"{"type":"subscribed""#);
    append_id(&mut text, subscribed.id);
    append_channels(&mut text, subscribed.channels);
    append(
        &mut text,
        format_args!(
            r#","symbols":{},"unknown_symbols":{}"#,
            Names(subscribed.symbols),
            List(subscribed.unknown_symbols, |name, _| Quoted(name)
                .to_string()),
        ),
    );
    append_position(&mut text, subscribed.position);
    match subscribed.follows {
        Follows::Shown(signals) => append(&mut text, format_args!(r#","shown":{signals}"#)),
        Follows::Replayed(events) => append(
            &mut text,
            format_args!(r#","recovered":true,"replayed":{events}"#),
        ),
        Follows::ShownInstead(signals) => append(
            &mut text,
            format_args!(r#","recovered":false,"shown":{signals}"#),
        ),
    }
    if let Some(bars) = &subscribed.bars {
        append_bars(&mut text, bars);
    }
    if let Some(names) = subscribed.features {
        let names = List(names, |name, _| Quoted(name).to_string());
        append(
            &mut text,
            format_args!(r#","features":{{"names":{names}}}"#),
        );
    }
    if let Some(millis) = subscribed.price_interval_ms {
        append(&mut text, format_args!(r#","price_interval_ms":{millis}"#));
    }
    append(
        &mut text,
        format_args!(
            r#","simulated":{},"limits":{{"message_bytes":{},"messages_per_s":{}}},"heartbeat_ms":{}}}"#,
            subscribed.simulated,
            subscribed.limits.message_bytes,
            subscribed.limits.messages_per_s,
            subscribed.heartbeat_ms,
        ),
    );
    text
}

fn append_bars(text: &mut String, bars: &Bars) {
    append(text, format_args!(r#","bars":{{"tf":"{}""#, bars.timeframe));
    if let Some(PastBars { count, is_whole }) = bars.past {
        append(
            text,
            format_args!(r#","recovered":{is_whole},"replayed":{count}"#),
        );
    }
    text.push('}');
}

/// `{"type":"unsubscribed",...}`: with what the client still hears.
pub fn unsubscribed<'a>(
    id: Option<&RequestId>,
    left: impl IntoIterator<Item = (Channel, Heard<'a>)>,
    position: Position,
) -> String {
    let mut text = String::from(r#"{"type":"unsubscribed""#);
    append_id(&mut text, id);
    text.push_str(r#","left":{"#);
    for (place, (channel, symbols)) in left.into_iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        append(
            &mut text,
            format_args!(r#"{comma}"{}":{}"#, channel.as_str(), Names(symbols)),
        );
    }
    text.push('}');
    append_position(&mut text, position);
    text.push('}');
    text
}

/// `{"type":"heartbeat",...}`: nothing else was to be said. `position` is the last event that this client hears.
#[must_use]
pub fn heartbeat(position: Position, ts: Time) -> String {
    let mut text = String::from(r#"{"type":"heartbeat""#);
    append_position(&mut text, position);
    append(&mut text, format_args!(r#","ts":"{ts}"}}"#));
    text
}

/// `{"type":"slow",...}`: the client is behind, by so much, and so many prices were left out for it.
#[must_use]
pub fn slow(behind_ms: u64, folded: u64) -> String {
    format!(r#"{{"type":"slow","behind_ms":{behind_ms},"folded":{folded}}}"#)
}

/// `{"type":"closing",...}`: the Close frame that follows, for who cannot read its reason, and when to come back.
#[must_use]
pub fn closing(code: u16, reason: &str, retry_after_ms: Option<u64>) -> String {
    let mut text = format!(
        r#"{{"type":"closing","code":{code},"reason":{}"#,
        Quoted(reason)
    );
    if let Some(millis) = retry_after_ms {
        append(&mut text, format_args!(r#","retry_after_ms":{millis}"#));
    }
    text.push('}');
    text
}

/// `{"type":"authenticated"}`: the token is known. `expires` is left out where it never does.
#[must_use]
pub fn authenticated(expires: Option<Time>) -> String {
    match expires {
        Some(expires) => format!(r#"{{"type":"authenticated","expires":"{expires}"}}"#),
        None => r#"{"type":"authenticated"}"#.to_owned(),
    }
}

/// `{"type":"auth_expiring",...}`: the token ends soon; another `auth` renews it.
#[must_use]
pub fn auth_expiring(expires: Time) -> String {
    format!(r#"{{"type":"auth_expiring","expires":"{expires}"}}"#)
}

/// `{"type":"error",...}`: a message was not understood, or not obeyed; `id` is the message's own.
#[must_use]
pub fn error(refusal: Refusal, id: Option<&RequestId>) -> String {
    let mut text = String::from(r#"{"type":"error""#);
    append_id(&mut text, id);
    append(
        &mut text,
        format_args!(
            r#","code":"{}","message":{},"retryable":{}}}"#,
            refusal.code(),
            Quoted(&refusal.to_string()),
            refusal.is_retryable(),
        ),
    );
    text
}

fn append_id(text: &mut String, id: Option<&RequestId>) {
    if let Some(id) = id {
        append(text, format_args!(r#","id":{}"#, id.json()));
    }
}

fn append_channels(text: &mut String, channels: Channels) {
    let channels: Vec<_> = channels.iter().collect();
    let names = List(&channels, |channel, _| format!(r#""{}""#, channel.as_str()));
    append(text, format_args!(r#","channels":{names}"#));
}

fn append_position(text: &mut String, position: Position) {
    append(
        text,
        format_args!(r#","epoch":"{}","seq":{}"#, position.epoch, position.seq),
    );
}

/// A list of symbols, or `["*"]`.
struct Names<'a>(Heard<'a>);

impl std::fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Heard::Every => f.write_str(r#"["*"]"#),
            Heard::Only(symbols) => List(symbols, |symbol, _| format!(r#""{symbol}""#)).fmt(f),
        }
    }
}
