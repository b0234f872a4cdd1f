//! Where a record stands in the journal, and where a client stands in the stream.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of one journal. A new epoch means a different log, so an old position never means a new record.
/// Shown in base 36.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u64);

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
        }
    }
}
