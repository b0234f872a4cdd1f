//! What a server says, as far as a terminal shows it (docs/protocol.md, the extended protocol).

use market::{SourceTime, Time};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A message.
#[derive(Debug)]
pub(super) enum Told {
    Signal(Box<SignalTold>),
    Outcome(OutcomeTold),
    Price(PriceTold),
    Status(StatusTold),
    Subscribed(Subscribed),
    Heartbeat(Heartbeat),
    Error(Refusal),
    /// The key or token ends soon.
    Expiring,
    Other,
}

impl Told {
    pub(super) fn read(text: &str) -> Result<Self, serde_json::Error> {
        let Head { kind } = serde_json::from_str(text)?;
        Ok(match kind.as_str() {
            "signal" => Self::Signal(serde_json::from_str(text)?),
            "outcome" => Self::Outcome(serde_json::from_str(text)?),
            "price_update" => Self::Price(serde_json::from_str(text)?),
            "status" => Self::Status(serde_json::from_str(text)?),
            "subscribed" => Self::Subscribed(serde_json::from_str(text)?),
            "heartbeat" => Self::Heartbeat(serde_json::from_str(text)?),
            "error" => Self::Error(serde_json::from_str(text)?),
            "auth_expiring" => Self::Expiring,
            _ => Self::Other,
        })
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
}

/// A price as it was written, with the symbol's digits, and its value for distances.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Level {
    pub(crate) text: String,
    pub(crate) value: f64,
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        let value = raw.get().parse().map_err(serde::de::Error::custom)?;
        Ok(Self {
            text: raw.get().to_owned(),
            value,
        })
    }
}

impl Level {
    pub(super) fn digits(&self) -> usize {
        self.text.split_once('.').map_or(0, |(_, part)| part.len())
    }
}

/// A time as it is written, if it is one.
fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Time>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.and_then(|text| Time::parse(&text).ok()))
}

fn source_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SourceTime>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.and_then(|text| SourceTime::parse(&text).ok()))
}

#[derive(Debug, Deserialize)]
pub(super) struct SignalTold {
    pub(super) seq: u64,
    pub(super) prev: Option<u64>,
    pub(super) epoch: String,
    #[serde(default, deserialize_with = "time")]
    pub(super) ts: Option<Time>,
    #[serde(default)]
    pub(super) snapshot: bool,
    pub(super) payload: SignalPayload,
    #[serde(default)]
    pub(super) ext: SignalExt,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct SignalPayload {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) direction: String,
    pub(super) symbol: String,
    pub(super) entry_time: String,
    pub(super) entry_price: Level,
    pub(super) stop_loss: Level,
    pub(super) take_profits: Vec<Level>,
    pub(super) reason: String,
    pub(super) confidence: f64,
    pub(super) rr_target: Level,
    pub(super) killzone: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct SignalExt {
    #[serde(default, deserialize_with = "time")]
    pub(super) decide_by: Option<Time>,
    pub(super) cause: Option<String>,
    pub(super) confidence: Option<Basis>,
}

/// How many signals the confidence is known from.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Basis {
    pub(super) n: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct OutcomeTold {
    pub(super) seq: u64,
    pub(super) prev: Option<u64>,
    pub(super) epoch: String,
    #[serde(default, deserialize_with = "time")]
    pub(super) ts: Option<Time>,
    pub(super) payload: OutcomePayload,
    #[serde(default)]
    pub(super) ext: OutcomeExt,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct OutcomePayload {
    pub(super) id: String,
    pub(super) event: String,
    pub(super) price: Level,
    pub(super) r: Level,
    pub(super) at: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct OutcomeExt {
    #[serde(default)]
    pub(super) last: bool,
    pub(super) realised_r: Option<Level>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PriceTold {
    #[serde(default, deserialize_with = "time")]
    pub(super) ts: Option<Time>,
    pub(super) payload: PricePayload,
    #[serde(default)]
    pub(super) ext: PriceExt,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct PricePayload {
    pub(super) symbol: String,
    pub(super) price: Level,
    #[serde(default, deserialize_with = "source_time")]
    pub(super) timestamp: Option<SourceTime>,
    pub(super) change: Level,
    pub(super) change_percent: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct PriceExt {
    pub(super) bid: Option<Level>,
    pub(super) ask: Option<Level>,
}

#[derive(Debug, Deserialize)]
pub(super) struct StatusTold {
    pub(super) payload: StatusPayload,
}

#[derive(Debug, Deserialize)]
pub(super) struct StatusPayload {
    pub(super) symbol: String,
    pub(super) feed: String,
}

/// The answer to a subscribe: where the stream stands, and how many events or signals follow.
#[derive(Debug, Deserialize)]
pub(super) struct Subscribed {
    pub(super) epoch: String,
    pub(super) seq: u64,
    pub(super) recovered: Option<bool>,
    #[serde(default)]
    pub(super) replayed: u64,
    #[serde(default)]
    pub(super) shown: u64,
    pub(super) simulated: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Heartbeat {
    pub(super) epoch: String,
    pub(super) seq: u64,
    #[serde(default, deserialize_with = "time")]
    pub(super) ts: Option<Time>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}
