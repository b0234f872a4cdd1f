//! The stored form of what became of signals, and of what would have become of those that were not confirmed.

use super::{
    StoredCause, StoredTimeframe, VERSION, maybe_probability, maybe_ratio, price, ratio, read,
    symbol, time,
};
use crate::Error;
use market::{
    Cause, Ended, Measure, Outcome, OutcomeKind, Price, Probability, Ratio, Shadow, Span, Symbol,
    Time, Timeframe,
};
use serde::de::Deserializer;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

/// The text of a shadow to store.
pub(crate) fn encode_shadow(shadow: &Shadow) -> String {
    let stored = Writing {
        version: VERSION,
        shadow,
    };
    serde_json::to_string(&stored).expect("a shadow has only text keys, so it can be written")
}

/// Reads what [`encode_shadow`] of this or an older version wrote. `place` names the shadow in errors.
pub(crate) fn decode_shadow(text: &str, place: impl Fn() -> String) -> Result<Shadow, Error> {
    let reading: Reading = read(text, place)?;
    Ok(reading.shadow)
}

#[derive(Serialize)]
struct Writing<'a> {
    version: u32,
    #[serde(serialize_with = "borrowed")]
    shadow: &'a Shadow,
}

fn borrowed<S: Serializer>(shadow: &&Shadow, serializer: S) -> Result<S::Ok, S::Error> {
    StoredShadow::serialize(shadow, serializer)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    #[serde(rename = "version")]
    _version: u32,
    #[serde(with = "StoredShadow")]
    shadow: Shadow,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Shadow", deny_unknown_fields)]
struct StoredShadow {
    id: Uuid,
    #[serde(with = "StoredCause")]
    cause: Cause,
    #[serde(with = "time")]
    at: Time,
    #[serde(with = "StoredOutcomeKind")]
    kind: OutcomeKind,
    #[serde(rename = "odds_per_10000", with = "maybe_probability")]
    odds: Option<Probability>,
    #[serde(with = "maybe_timeframe")]
    bars: Option<Timeframe>,
    coarse: bool,
    #[serde(rename = "realised_per_100", with = "maybe_ratio")]
    realised: Option<Ratio>,
    #[serde(with = "maybe_ended")]
    end: Option<Ended>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Outcome", deny_unknown_fields)]
pub(super) struct StoredOutcome {
    id: Uuid,
    #[serde(with = "symbol")]
    symbol: Symbol,
    digits: u8,
    #[serde(with = "StoredOutcomeKind")]
    kind: OutcomeKind,
    #[serde(with = "price")]
    price: Price,
    #[serde(rename = "r_per_100", with = "ratio")]
    r: Ratio,
    #[serde(with = "time")]
    at: Time,
    last: bool,
    /// Since version 2.
    #[serde(default, rename = "realised_per_100", with = "maybe_ratio")]
    realised: Option<Ratio>,
    /// Since version 4.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "maybe_ended")]
    end: Option<Ended>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Ended", deny_unknown_fields)]
struct StoredEnded {
    hit: bool,
    #[serde(with = "price")]
    fill: Price,
    #[serde(with = "price")]
    spread: Price,
    #[serde(rename = "best_millionths", with = "super::measure")]
    best: Measure,
    #[serde(rename = "worst_millionths", with = "super::measure")]
    worst: Measure,
    #[serde(rename = "cost_millionths", with = "maybe_measure")]
    cost: Option<Measure>,
    #[serde(rename = "held_ns", with = "span")]
    held: Span,
    ambiguous: bool,
    #[serde(with = "maybe_timeframe")]
    bars: Option<Timeframe>,
    coarse: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "OutcomeKind", rename_all = "snake_case")]
enum StoredOutcomeKind {
    Target(u8),
    Stop,
    StopMoved,
    Timeout,
    Closed,
}

mod span {
    use super::*;

    pub(super) fn serialize<S: Serializer>(span: &Span, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_i64(span.nanos())
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Span, D::Error> {
        i64::deserialize(d).map(Span::from_nanos)
    }
}

mod maybe_measure {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "super::super::measure")] Measure);

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Measure>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(Stored).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Measure>, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(value)| value))
    }
}

mod maybe_timeframe {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "StoredTimeframe")] Timeframe);

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Timeframe>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(Stored).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Timeframe>, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(value)| value))
    }
}

mod maybe_ended {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "StoredEnded")] Ended);

    pub(super) fn serialize<S: Serializer>(end: &Option<Ended>, s: S) -> Result<S::Ok, S::Error> {
        end.map(Stored).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Ended>, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(end)| end))
    }
}
