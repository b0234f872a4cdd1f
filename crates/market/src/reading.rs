//! What is read of a market for models: a row of numbers.

use crate::{SourceTime, Symbol, Timeframe};
use serde::{Deserialize, Serialize};

/// Numbers in an order that is agreed elsewhere. NaN is what is not known; equal are those of the same bits. They are stored
/// by their bits, so that none is lost in a text.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Readings(Vec<f64>);

impl Readings {
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}

impl From<Vec<f64>> for Readings {
    fn from(values: Vec<f64>) -> Self {
        Self(values)
    }
}

impl From<Vec<u64>> for Readings {
    fn from(bits: Vec<u64>) -> Self {
        Self(bits.into_iter().map(f64::from_bits).collect())
    }
}

impl From<Readings> for Vec<u64> {
    fn from(readings: Readings) -> Self {
        readings.0.into_iter().map(f64::to_bits).collect()
    }
}

impl PartialEq for Readings {
    fn eq(&self, other: &Self) -> bool {
        let bits = |readings: &Self| -> Vec<u64> {
            readings.0.iter().map(|value| value.to_bits()).collect()
        };
        bits(self) == bits(other)
    }
}

impl Eq for Readings {}

/// What of a row of features clients are shown: that of a closed bar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureUpdate {
    pub symbol: Symbol,
    /// Of the bar.
    pub timeframe: Timeframe,
    /// Its end.
    pub time: SourceTime,
    pub values: Readings,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_equals_itself() {
        let readings = |values: &[f64]| Readings::from(values.to_vec());
        assert_eq!(readings(&[1.5, f64::NAN]), readings(&[1.5, f64::NAN]));
        assert_ne!(readings(&[1.5, f64::NAN]), readings(&[1.5, 0.0]));
        assert_ne!(readings(&[0.0]), readings(&[-0.0]));
        assert_ne!(readings(&[]), readings(&[f64::NAN]));
        let stored: Vec<u64> = readings(&[0.1 + 0.2, f64::NAN]).into();
        assert_eq!(Readings::from(stored), readings(&[0.1 + 0.2, f64::NAN]));
    }
}
