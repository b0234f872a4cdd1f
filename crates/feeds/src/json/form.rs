//! A description file as it is written: every key, its meaning and its default. What may not be said is found in
//! `check.rs`; nothing else reads these types.

use market::PriceKind;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How a source is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One connection that the vendor sends messages on.
    Websocket,
    /// An address that is asked again and again.
    Http,
}

/// Who may see a source's prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Whoever holds the account, and nobody else.
    Own,
    /// Everybody.
    Anybody,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    /// The vendor's name, for people.
    pub title: String,
    pub kind: Kind,
    /// Where it is: `wss://` or `https://`; may hold `{key}`, `{symbols}` and, for http, `{symbol}`.
    pub address: String,
    pub audience: Audience,
    /// What the vendor's terms say about showing its prices, in one sentence.
    pub licence: String,
    /// Names of environment variables that people keep this key in, best first.
    #[serde(default)]
    pub key_variables: Vec<String>,
    /// HTTP headers; values may hold `{key}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What one name becomes in `{symbols}`, and what stands between two.
    #[serde(default = "symbol")]
    pub each_symbol: String,
    #[serde(default = "comma")]
    pub join_symbols: String,
    /// Whether prices from Friday 17:00 to Sunday 17:00 in New York are taken.
    #[serde(default = "yes")]
    pub weekends: bool,
    /// Longest ordinary time between two signs of life, in seconds; left out where a quiet source shows none.
    pub heartbeat_s: Option<f64>,
    /// A connection that brings nothing at all for so long is given up, in seconds.
    #[serde(default = "silence")]
    pub silence_s: f64,
    /// How long an answer to a login or a subscription may take, in seconds.
    #[serde(default = "answer")]
    pub answer_within_s: f64,
    /// Refused symbols are asked for again after so long, in seconds; 0 is never.
    #[serde(default = "retry")]
    pub retry_refused_s: f64,
    /// The vendor allows one connection per key and drops the others.
    #[serde(default)]
    pub one_connection: bool,
    /// Texts that are no JSON and show that the vendor lives.
    #[serde(default)]
    pub plain_life: Vec<String>,
    /// Our names, theirs, and which price it is.
    pub symbols: BTreeMap<String, Name>,
    pub login: Option<Login>,
    pub subscribe: Option<Subscribe>,
    pub ping: Option<Ping>,
    pub poll: Option<Poll>,
    /// What messages mean. All that fit a message apply.
    pub message: Vec<Message>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    pub theirs: String,
    pub kind: PriceKind,
}

/// What is sent first, once the vendor has said welcome where a message is of that meaning.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    pub send: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscribe {
    /// With `{symbol}` it is sent once for each, with `{symbols}` for all at once, with neither once.
    pub send: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ping {
    /// Left out: a ping of the WebSocket protocol.
    pub send: Option<String>,
    pub every_s: f64,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Poll {
    /// Every symbol is asked for once in so many seconds; quotas may make it longer.
    pub every_s: f64,
    pub calls_per_minute: Option<u32>,
    pub calls_per_day: Option<u32>,
    /// What one request costs of the quota.
    #[serde(default)]
    pub cost: Cost,
    /// How long a whole answer may take, in seconds.
    #[serde(default = "within")]
    pub within_s: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Cost {
    #[default]
    Request,
    Symbol,
}

/// What a message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Is {
    Prices,
    /// The vendor sends these symbols from now on.
    Confirmed,
    /// It does not.
    Refused,
    /// It waits for the login, or for the subscriptions.
    Welcome,
    /// The login was good.
    Authenticated,
    Error,
    /// It lives, and no more.
    Life,
}

impl Is {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Prices => "prices",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
            Self::Welcome => "welcome",
            Self::Authenticated => "authenticated",
            Self::Error => "error",
            Self::Life => "life",
        }
    }
}

/// What is to be done after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Class {
    /// Nothing until somebody has done what the remedy says.
    Fatal,
    /// Connect again.
    Transient,
    /// Connect again after `pause_s`.
    Later,
    /// Another instance uses the same key.
    Contested,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    pub is: Is,
    /// Paths and what must stand there; all of them.
    #[serde(default)]
    pub when: BTreeMap<String, Wanted>,
    /// Where the list (or the map) of elements is; left out, the message is the one element.
    pub each: Option<PathText>,
    pub symbol: Option<PathText>,
    pub bid: Option<PathText>,
    pub ask: Option<PathText>,
    /// A last or middle price, for sources without bid and ask; the instrument's ordinary spread is put around it.
    pub price: Option<PathText>,
    /// Left out, or not in a message: the time of receipt.
    pub time: Option<PathText>,
    /// `auto`, `s`, `ms`, `us`, `ns`, `rfc3339`, or a pattern such as `%Y-%m-%d %H:%M:%S`.
    pub unit: Option<String>,
    /// The zone of times that name none.
    pub zone: Option<String>,
    /// Where the vendor says why.
    pub reason: Option<PathText>,
    pub class: Option<Class>,
    /// What the operator can do about it.
    pub remedy: Option<String>,
    pub pause_s: Option<f64>,
    /// What the vendor wants to hear back.
    pub answer: Option<String>,
}

/// A path: names divided by points, or a list of names that may hold points.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "a path such as \"data.bid\", or a list of names"
)]
pub(super) enum PathText {
    Dotted(String),
    Names(Vec<String>),
}

/// What must stand at a path. A text `*` is anything but null; a text that ends in `*` is a beginning.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a text, a whole number, true or false")]
pub(super) enum Wanted {
    Yes(bool),
    Number(i64),
    Text(String),
    /// `when = { result.channel = "ticker" }` without quotation marks is a table in a table.
    Inside(BTreeMap<String, Wanted>),
}

fn symbol() -> String {
    "{symbol}".to_owned()
}
fn comma() -> String {
    ",".to_owned()
}
const fn yes() -> bool {
    true
}
const fn silence() -> f64 {
    60.0
}
const fn answer() -> f64 {
    15.0
}
const fn retry() -> f64 {
    600.0
}
const fn within() -> f64 {
    10.0
}
