//! Where a record stands in the journal, and where a client stands in the stream.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The name of one journal. A new epoch means a different log, so an old position never means a new record.
/// Shown in base 36.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch(pub u64);

/// A text that names no epoch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an epoch is a number in base 36: 1 to 13 of 0-9 and a-z")]
pub struct EpochError;

impl FromStr for Epoch {
    type Err = EpochError;
    /// Reads what [`Epoch`] shows, and nothing else.
    fn from_str(text: &str) -> Result<Self, EpochError> {
        let epoch = u64::from_str_radix(text, 36).map(Self);
        epoch
            .ok()
            .filter(|epoch| epoch.to_string() == text)
            .ok_or(EpochError)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = Vec::new();
        let mut rest = self.0;
        loop {
            digits.push(char::from_digit((rest % 36) as u32, 36).unwrap_or('0'));
            rest /= 36;
            if rest == 0 {
                break;
            }
        }
        f.write_str(&digits.iter().rev().collect::<String>())
    }
}

/// A place in the one stream of what clients may resume. `seq` is dense, starts at 1 with the first record, and 0 means
/// "before the first".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Position {
    pub epoch: Epoch,
    pub seq: u64,
}

impl Position {
    /// The place `records` further on.
    #[must_use]
    pub const fn after(self, records: u64) -> Self {
        Self {
            epoch: self.epoch,
            seq: self.seq + records,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_shown_in_base_36() {
        for (number, shown) in [(0, "0"), (35, "z"), (36, "10"), (u64::MAX, "3w5e11264sgsf")] {
            assert_eq!(Epoch(number).to_string(), shown);
            assert_eq!(shown.parse(), Ok(Epoch(number)));
        }
        for text in ["", "K3F9", "01", "+1", "-1", "3w5e11264sgsg", "k3f9 "] {
            assert_eq!(text.parse::<Epoch>(), Err(EpochError), "{text}");
        }
    }
}
