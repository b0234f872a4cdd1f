//! The stored form of a record: JSON text that any tool can read, with names and units of its own. It is neither the
//! wire's nor the domain's, so that either may change and an old journal still reads.
//!
//! Prices are decimal text, times RFC 3339 text in nanoseconds, both exact. The types below are serde's *remote* forms: a
//! field or a variant that the domain gains does not compile until it is decided here how it is stored.
//!
//! A change of this form raises [`VERSION`] and keeps reading every older one.

mod calibration;
mod outcome;

pub(crate) use calibration::{decode_calibration, encode_calibration, name_of};
pub(crate) use outcome::{decode_shadow, encode_shadow};

use crate::{Error, Record};
use calibration::StoredBasis;
use market::{
    Backing, Basis, Cause, Condition, Currency, Direction, Evidence, Killzone, Lots, Measure,
    Outcome, Price, PriceKind, Probability, Ratio, Relation, Signal, Size, SourceTime, Status,
    Symbol, Target, Time, Timeframe,
};
use outcome::StoredOutcome;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

/// The version that is written. 2 has what a signal stands on, 3 the limit that speaks against trading it, and the
/// odds of chance, 4 how a position ended, shadows and calibrations.
pub(crate) const VERSION: u32 = 4;
/// The oldest that is read.
const OLDEST: u32 = 1;

/// The text to store.
pub(crate) fn encode(record: &Record) -> String {
    let stored = Writing {
        version: VERSION,
        record,
    };
    serde_json::to_string(&stored).expect("a record has only text keys, so it can be written")
}

/// Reads what [`encode`] of this or an older version wrote. `place` names the record in errors.
pub(crate) fn decode(text: &str, place: impl Fn() -> String) -> Result<Record, Error> {
    let reading: Reading = read(text, place)?;
    Ok(reading.record)
}

/// Reads a text of a version that is known.
fn read<T: DeserializeOwned>(text: &str, place: impl Fn() -> String) -> Result<T, Error> {
    let broken = |source: serde_json::Error| Error::Corrupt {
        what: format!("{} cannot be read: {source}", place()),
        remedy: "restore the journal from a backup".to_owned(),
    };
    let head: Head = serde_json::from_str(text).map_err(broken)?;
    if !(OLDEST..=VERSION).contains(&head.version) {
        return Err(Error::Version {
            what: place(),
            found: head.version,
            supported: VERSION,
        });
    }
    serde_json::from_str(text).map_err(broken)
}

/// What every version has.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

#[derive(Serialize)]
struct Writing<'a> {
    version: u32,
    #[serde(serialize_with = "borrowed")]
    record: &'a Record,
}

fn borrowed<S: Serializer>(record: &&Record, serializer: S) -> Result<S::Ok, S::Error> {
    StoredRecord::serialize(record, serializer)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    #[serde(rename = "version")]
    _version: u32,
    #[serde(with = "StoredRecord")]
    record: Record,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Record", rename_all = "lowercase")]
#[expect(clippy::large_enum_variant, reason = "most records are signals")]
enum StoredRecord {
    Signal(#[serde(with = "StoredSignal")] Signal),
    Outcome(#[serde(with = "StoredOutcome")] Outcome),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Signal", deny_unknown_fields)]
struct StoredSignal {
    id: Uuid,
    #[serde(with = "StoredStatus")]
    status: Status,
    #[serde(with = "StoredDirection")]
    direction: Direction,
    #[serde(with = "symbol")]
    symbol: Symbol,
    digits: u8,
    #[serde(with = "source_time")]
    entry_time: SourceTime,
    #[serde(with = "price")]
    entry: Price,
    #[serde(with = "price")]
    stop: Price,
    #[serde(with = "targets")]
    targets: Vec<Target>,
    reason: String,
    #[serde(rename = "confidence_per_10000", with = "probability")]
    confidence: Probability,
    #[serde(rename = "rr_target_per_100", with = "ratio")]
    rr_target: Ratio,
    #[serde(with = "StoredKillzone")]
    killzone: Killzone,
    setup: String,
    #[serde(with = "StoredTimeframe")]
    timeframe: Timeframe,
    simulated: bool,
    #[serde(with = "time")]
    created_at: Time,
    #[serde(with = "time")]
    decide_by: Time,
    #[serde(with = "maybe_time")]
    decided_at: Option<Time>,
    #[serde(with = "maybe_cause")]
    cause: Option<Cause>,
    /// Since version 2.
    #[serde(default, with = "StoredEvidence")]
    evidence: Evidence,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Evidence", deny_unknown_fields)]
struct StoredEvidence {
    source: String,
    #[serde(with = "maybe_price_kind")]
    price_kind: Option<PriceKind>,
    #[serde(with = "conditions")]
    conditions: Vec<Condition>,
    #[serde(rename = "rr_weighted_per_100", with = "maybe_ratio")]
    rr_weighted: Option<Ratio>,
    #[serde(with = "maybe_backing")]
    backing: Option<Backing>,
    config_hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "maybe_size")]
    size: Option<Size>,
    /// Since version 3.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "maybe_condition"
    )]
    risk_gate: Option<Condition>,
    /// Since version 3.
    #[serde(
        default,
        rename = "odds_per_10000",
        skip_serializing_if = "Option::is_none",
        with = "maybe_probability"
    )]
    odds: Option<Probability>,
    /// Since version 4.
    #[serde(
        default,
        rename = "source_confidence_per_10000",
        skip_serializing_if = "Option::is_none",
        with = "maybe_probability"
    )]
    source_confidence: Option<Probability>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Size", deny_unknown_fields)]
struct StoredSize {
    #[serde(with = "currency")]
    currency: Currency,
    #[serde(with = "maybe_lots")]
    lots: Option<Lots>,
    note: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Lots", deny_unknown_fields)]
struct StoredLots {
    #[serde(rename = "total_millionths", with = "measure")]
    total: Measure,
    #[serde(rename = "risk_millionths", with = "measure")]
    risk: Measure,
    #[serde(rename = "parts_millionths", with = "measures")]
    parts: Vec<Measure>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "PriceKind", rename_all = "snake_case")]
enum StoredPriceKind {
    Cash,
    Cfd,
    Future,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Condition", deny_unknown_fields)]
struct StoredCondition {
    name: String,
    #[serde(with = "StoredRelation")]
    relation: Relation,
    #[serde(rename = "value_millionths", with = "measure")]
    value: Measure,
    #[serde(rename = "limit_millionths", with = "measure")]
    limit: Measure,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Relation", rename_all = "snake_case")]
enum StoredRelation {
    AtLeast,
    AtMost,
    Holds,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Backing", deny_unknown_fields)]
struct StoredBacking {
    resolved: u32,
    hits: u32,
    #[serde(rename = "interval_per_10000", with = "maybe_interval")]
    interval: Option<(Probability, Probability)>,
    /// Since version 4.
    #[serde(default, rename = "calibration")]
    version: u32,
    /// Since version 4.
    #[serde(default, with = "StoredBasis")]
    basis: Basis,
    /// Since version 4.
    #[serde(
        default,
        rename = "score_per_10000",
        skip_serializing_if = "Option::is_none",
        with = "maybe_probability"
    )]
    score: Option<Probability>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Status", rename_all = "snake_case")]
enum StoredStatus {
    Pending,
    Confirmed,
    Invalidated,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Direction", rename_all = "snake_case")]
enum StoredDirection {
    Long,
    Short,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Killzone", rename_all = "snake_case")]
enum StoredKillzone {
    Asia,
    London,
    NyAm,
    Lunch,
    Pm,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Timeframe")]
enum StoredTimeframe {
    #[serde(rename = "1m")]
    M1,
    #[serde(rename = "5m")]
    M5,
    #[serde(rename = "15m")]
    M15,
    #[serde(rename = "1h")]
    H1,
    #[serde(rename = "4h")]
    H4,
    #[serde(rename = "1d")]
    D1,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Cause", rename_all = "snake_case")]
enum StoredCause {
    Stop,
    Missed,
    Structure,
    Timeout,
    StaleFeed,
    Restart,
    Sender,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Target", deny_unknown_fields)]
struct StoredTarget {
    #[serde(with = "price")]
    price: Price,
    percent: u8,
    runner: bool,
}

mod symbol {
    use super::*;

    pub(super) fn serialize<S: Serializer>(symbol: &Symbol, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(symbol.as_str())
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Symbol, D::Error> {
        Symbol::new(&String::deserialize(d)?).map_err(D::Error::custom)
    }
}

mod price {
    use super::*;

    pub(super) fn serialize<S: Serializer>(price: &Price, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(price)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Price, D::Error> {
        let text = String::deserialize(d)?;
        parse(&text).map_err(|reason| D::Error::custom(format!("`{text}` is no price: {reason}")))
    }

    /// Every price comes back, the lowest too, which [`Price::parse`] leaves out.
    fn parse(text: &str) -> Result<Price, market::ParsePriceError> {
        if text == "-9223372036.854775808" {
            return Ok(Price::MIN);
        }
        Price::parse(text)
    }
}

mod probability {
    use super::*;

    pub(super) fn serialize<S: Serializer>(value: &Probability, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u16(value.steps())
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Probability, D::Error> {
        let steps = u16::deserialize(d)?;
        if steps > 10_000 {
            return Err(D::Error::custom(format!("{steps} is more than 10000")));
        }
        Ok(Probability::from_steps(steps))
    }
}

mod ratio {
    use super::*;

    pub(super) fn serialize<S: Serializer>(ratio: &Ratio, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_i32(ratio.hundredths())
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Ratio, D::Error> {
        i32::deserialize(d).map(Ratio::from_hundredths)
    }
}

mod measure {
    use super::*;

    pub(super) fn serialize<S: Serializer>(value: &Measure, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_i64(value.millionths())
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Measure, D::Error> {
        i64::deserialize(d).map(Measure::from_millionths)
    }
}

mod measures {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "super::measure")] Measure);

    pub(super) fn serialize<S: Serializer>(values: &[Measure], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(values.iter().copied().map(Stored))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Measure>, D::Error> {
        let values = Vec::deserialize(d)?.into_iter();
        Ok(values.map(|Stored(value)| value).collect())
    }
}

mod currency {
    use super::*;

    pub(super) fn serialize<S: Serializer>(code: &Currency, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(code.as_str())
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Currency, D::Error> {
        Currency::new(&String::deserialize(d)?).map_err(D::Error::custom)
    }
}

mod maybe_condition {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "StoredCondition")] Condition);

    pub(super) fn serialize<S: Serializer>(
        condition: &Option<Condition>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        condition.clone().map(Stored).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Condition>, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(condition)| condition))
    }
}

mod maybe_size {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "StoredSize")] Size);

    pub(super) fn serialize<S: Serializer>(size: &Option<Size>, s: S) -> Result<S::Ok, S::Error> {
        size.clone().map(Stored).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Size>, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(size)| size))
    }
}

mod maybe_lots {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "StoredLots")] Lots);

    pub(super) fn serialize<S: Serializer>(lots: &Option<Lots>, s: S) -> Result<S::Ok, S::Error> {
        lots.clone().map(Stored).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Lots>, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(lots)| lots))
    }
}

mod maybe_probability {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "super::probability")] Probability);

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Probability>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(Stored).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Probability>, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(value)| value))
    }
}
mod maybe_ratio {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "super::ratio")] Ratio);

    pub(super) fn serialize<S: Serializer>(ratio: &Option<Ratio>, s: S) -> Result<S::Ok, S::Error> {
        ratio.map(Stored).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Ratio>, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(ratio)| ratio))
    }
}

mod maybe_price_kind {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "StoredPriceKind")] PriceKind);

    pub(super) fn serialize<S: Serializer>(
        kind: &Option<PriceKind>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        kind.map(Stored).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<PriceKind>, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(kind)| kind))
    }
}

mod maybe_backing {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "StoredBacking")] Backing);

    pub(super) fn serialize<S: Serializer>(
        backing: &Option<Backing>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        backing.map(Stored).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Backing>, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(backing)| backing))
    }
}

mod maybe_interval {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(
        #[serde(with = "super::probability")] Probability,
        #[serde(with = "super::probability")] Probability,
    );

    type Interval = Option<(Probability, Probability)>;

    pub(super) fn serialize<S: Serializer>(interval: &Interval, s: S) -> Result<S::Ok, S::Error> {
        interval.map(|(low, high)| Stored(low, high)).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Interval, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(low, high)| (low, high)))
    }
}

mod conditions {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "StoredCondition")] Condition);

    pub(super) fn serialize<S: Serializer>(
        conditions: &[Condition],
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_seq(conditions.iter().cloned().map(Stored))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Condition>, D::Error> {
        let stored: Vec<Stored> = Vec::deserialize(d)?;
        Ok(stored.into_iter().map(|Stored(one)| one).collect())
    }
}

mod time {
    use super::*;

    pub(super) fn serialize<S: Serializer>(time: &Time, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&text(*time))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Time, D::Error> {
        Time::parse(&String::deserialize(d)?).map_err(D::Error::custom)
    }

    /// RFC 3339 with nine decimals: [`Time`] shows milliseconds rounded to the past, and the rest follows.
    fn text(time: Time) -> String {
        let shown = time.to_string();
        let beyond = time.nanos().rem_euclid(1_000_000);
        format!("{}{beyond:06}Z", shown.trim_end_matches('Z'))
    }
}

mod source_time {
    use super::*;

    pub(super) fn serialize<S: Serializer>(time: &SourceTime, s: S) -> Result<S::Ok, S::Error> {
        super::time::serialize(&time.as_stamp(), s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<SourceTime, D::Error> {
        super::time::deserialize(d).map(Time::as_source)
    }
}

mod maybe_time {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "super::time")] Time);

    pub(super) fn serialize<S: Serializer>(time: &Option<Time>, s: S) -> Result<S::Ok, S::Error> {
        time.map(Stored).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Time>, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(time)| time))
    }
}

mod maybe_cause {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "StoredCause")] Cause);

    pub(super) fn serialize<S: Serializer>(cause: &Option<Cause>, s: S) -> Result<S::Ok, S::Error> {
        cause.map(Stored).serialize(s)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Cause>, D::Error> {
        Ok(Option::deserialize(d)?.map(|Stored(cause)| cause))
    }
}

mod targets {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "StoredTarget")] Target);

    pub(super) fn serialize<S: Serializer>(targets: &[Target], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(targets.iter().copied().map(Stored))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Target>, D::Error> {
        let stored: Vec<Stored> = Vec::deserialize(d)?;
        Ok(stored.into_iter().map(|Stored(target)| target).collect())
    }
}

#[cfg(test)]
mod tests;
