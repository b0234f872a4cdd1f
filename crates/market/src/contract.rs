//! What one lot of an instrument is, and how much of it a position would take.

use crate::{Measure, Symbol};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A currency's code, such as `USD`: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// A text that cannot be a currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency: three capital letters, such as USD")]
pub struct CurrencyError(String);

impl Currency {
    pub const USD: Self = Self(*b"USD");

    /// # Errors
    /// When the text is not three capital letters.
    pub fn new(code: &str) -> Result<Self, CurrencyError> {
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(bytes) if bytes.iter().all(u8::is_ascii_uppercase) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(CurrencyError(code.to_owned())),
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The instrument that says how much of another currency one unit of this one is: `EURUSD`.
    ///
    /// # Panics
    /// Never: six capital letters are a symbol.
    #[must_use]
    pub fn pair(self, other: Self) -> Symbol {
        Symbol::new(&format!("{self}{other}")).expect("six capital letters are a symbol")
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;
    fn try_from(code: String) -> Result<Self, CurrencyError> {
        Self::new(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is traded as one lot, and in which steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    /// What one lot wins or loses, in `currency`, when the price moves by 1.
    pub size: f64,
    /// The currency that prices are in.
    pub currency: Currency,
    pub lot_step: Measure,
    pub min_lot: Measure,
    pub max_lot: Measure,
    /// The part of a position's worth that has to be in the account; 0: none.
    pub margin_rate: f64,
}

impl Contract {
    /// How many whole steps of lots an amount of money is enough for, where one lot takes `per_lot`; without end where it
    /// takes nothing. What lacks a billionth of a step is a whole one: 0.29 / 0.01 is 28.999999999999996.
    #[must_use]
    pub fn steps(&self, money: f64, per_lot: f64) -> i64 {
        const SLACK: f64 = 1e-9;
        if per_lot <= 0.0 {
            return i64::MAX;
        }
        (money / per_lot / self.lot_step.to_f64() + SLACK).floor() as i64
    }

    /// So many steps, in lots.
    #[must_use]
    pub const fn lots(&self, steps: i64) -> Measure {
        Measure::from_millionths(self.lot_step.millionths().saturating_mul(steps))
    }
}

/// How large a position would be for the operator's account. It is advice: nothing of a signal depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// The account's.
    pub currency: Currency,
    /// `None` where it cannot be known; the note says why.
    pub lots: Option<Lots>,
    /// What there is to say of it; may be empty.
    pub note: String,
}

/// Lots, as a whole and by targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lots {
    /// 0 where the least lot would risk too much.
    pub total: Measure,
    /// What is lost at the stop, in the account's currency.
    pub risk: Measure,
    /// What is closed at each target, in their order; together the total.
    pub parts: Vec<Measure>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_capital_letters() {
        for code in ["USD", "JPY"] {
            assert_eq!(Currency::new(code).unwrap().as_str(), code);
        }
        for code in ["", "usd", "US", "USDT", "US1", "€"] {
            assert!(Currency::new(code).is_err(), "{code}");
        }
        let euro = Currency::new("EUR").unwrap();
        assert_eq!(euro.pair(Currency::USD).as_str(), "EURUSD");
    }
}
