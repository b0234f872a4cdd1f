//! The stored form of a version of what confidence is calibrated by. Its numbers are decimal text, which loses nothing.

use super::{VERSION, probability, read, time};
use crate::Error;
use market::{Basis, Calibration, Probability, Time};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

/// What tells one version from all others: an engine that begins anew counts from 1 again, at another time.
pub(crate) fn name_of(calibration: &Calibration) -> String {
    let Calibration {
        of, version, at, ..
    } = calibration;
    format!("{of}|{version}|{}", at.nanos())
}

/// The text to store.
pub(crate) fn encode_calibration(calibration: &Calibration) -> String {
    let stored = Writing {
        version: VERSION,
        calibration,
    };
    serde_json::to_string(&stored).expect("a calibration has only text keys, so it can be written")
}

/// Reads what [`encode_calibration`] of this or an older version wrote. `place` names it in errors.
pub(crate) fn decode_calibration(
    text: &str,
    place: impl Fn() -> String,
) -> Result<Calibration, Error> {
    let reading: Reading = read(text, place)?;
    Ok(reading.calibration)
}

#[derive(Serialize)]
struct Writing<'a> {
    version: u32,
    #[serde(serialize_with = "borrowed")]
    calibration: &'a Calibration,
}

fn borrowed<S: Serializer>(calibration: &&Calibration, serializer: S) -> Result<S::Ok, S::Error> {
    StoredCalibration::serialize(calibration, serializer)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    #[serde(rename = "version")]
    _version: u32,
    #[serde(with = "StoredCalibration")]
    calibration: Calibration,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Calibration", deny_unknown_fields)]
struct StoredCalibration {
    of: String,
    version: u32,
    #[serde(with = "time")]
    at: Time,
    #[serde(with = "StoredBasis")]
    basis: Basis,
    #[serde(with = "time")]
    from: Time,
    #[serde(with = "time")]
    until: Time,
    n: u32,
    hits: u32,
    #[serde(rename = "brier_before_per_10000", with = "probability")]
    brier_before: Probability,
    #[serde(rename = "brier_after_per_10000", with = "probability")]
    brier_after: Probability,
    #[serde(with = "parameters")]
    parameters: Vec<(String, f64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Basis", rename_all = "snake_case")]
pub(super) enum StoredBasis {
    Shrinkage,
    FellBack,
    Platt,
    Beta,
    Isotonic,
}

mod parameters {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        parameters: &[(String, f64)],
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_seq(
            parameters
                .iter()
                .map(|(name, value)| (name, value.to_string())),
        )
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Vec<(String, f64)>, D::Error> {
        let stored: Vec<(String, String)> = Vec::deserialize(d)?;
        let number = |(name, text): (String, String)| match text.parse() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(D::Error::custom(format!(
                "`{name}` is `{text}`, which is no number"
            ))),
        };
        stored.into_iter().map(number).collect()
    }
}
