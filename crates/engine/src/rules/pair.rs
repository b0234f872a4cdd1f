//! The pairs of symbols whose divergences are looked for.

use market::Symbol;
use serde::{Deserialize, Serialize};

/// Two symbols that move together, or against each other. In text: `EURUSD~GBPUSD`, or `EURUSD~-DXY` for an inverse pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SmtPair {
    pub first: Symbol,
    pub second: Symbol,
    pub inverse: bool,
}

impl SmtPair {
    pub(super) fn defaults() -> Vec<Self> {
        let pairs = [
            "EURUSD~GBPUSD",
            "NAS100~SPX500",
            "US30~SPX500",
            "NAS100~US30",
        ];
        pairs.into_iter().flat_map(str::parse).collect()
    }
}

impl std::str::FromStr for SmtPair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a pair: write `EURUSD~GBPUSD`, or `EURUSD~-DXY` for one that is inverse"
            )
        };
        let (first, second) = text.split_once('~').ok_or_else(wrong)?;
        let (second, inverse) = match second.strip_prefix('-') {
            Some(second) => (second, true),
            None => (second, false),
        };
        let symbol = |text: &str| Symbol::new(text).map_err(|_| wrong());
        let (first, second) = (symbol(first)?, symbol(second)?);
        if first == second {
            return Err(wrong());
        }
        Ok(Self {
            first,
            second,
            inverse,
        })
    }
}

impl TryFrom<String> for SmtPair {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<SmtPair> for String {
    fn from(pair: SmtPair) -> Self {
        let sign = if pair.inverse { "-" } else { "" };
        format!("{}~{sign}{}", pair.first, pair.second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_written() {
        for text in ["EURUSD~GBPUSD", "EURUSD~-DXY"] {
            assert_eq!(String::from(text.parse::<SmtPair>().unwrap()), text);
        }
        for text in ["EURUSD", "EURUSD~", "~GBPUSD", "EURUSD~EURUSD", "A~B~C"] {
            let error = text.parse::<SmtPair>().unwrap_err();
            assert!(
                error.starts_with(&format!("`{text}` is not a pair")),
                "{error}"
            );
        }
        assert_eq!(SmtPair::defaults().len(), 4);
    }
}
