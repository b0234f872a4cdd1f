//! How a market stands, in numbers for models.

use super::{BadPayload, List, rule};
use market::{FeatureUpdate, Time};

/// `{"type":"features",...}`: only extended clients are told. `values` stand in the order of the names that the answer to the
/// subscribe gave; `null` is what is not known. `ts` is the moment it is written.
///
/// # Errors
/// When there is not a value for each of so many names.
pub fn features(update: &FeatureUpdate, names: usize, ts: Time) -> Result<String, BadPayload> {
    let values = update.values.values();
    let fits = rule(values.len() == names, || {
        format!("{} values stand for {names} names", values.len())
    });
    fits.map_err(|fault| BadPayload {
        subject: format!(
            "the {} row of features of {} at {}",
            update.timeframe, update.symbol, update.time
        ),
        fault,
    })?;
    Ok(format!(
        r#"{{"type":"features","ts":"{ts}","payload":{{"symbol":"{}","timeframe":"{}","time":"{}","values":{}}}}}"#,
        update.symbol,
        update.timeframe,
        update.time,
        List(values, |value, _| number(*value)),
    ))
}

/// The shortest decimal that is this number again, never with an exponent.
fn number(value: f64) -> String {
    if value.is_finite() {
        value.to_string()
    } else {
        "null".to_owned()
    }
}
