//! Fixed-point price: one scale for every instrument, exact decimal text in and out.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Neg, Sub};

/// A price, or a difference of prices, in units of 1e-9. Comparisons are plain integer comparisons.
///
/// The range is about ±9.2e9; sums and differences saturate at it, which no market price comes near.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Price(i64);

/// Why a text is no price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePriceError {
    #[error("it is not a plain decimal number such as 1.08505")]
    Malformed,
    #[error("it has more than nine decimals")]
    TooPrecise,
    #[error("it is too large (the limit is about 9.2e9)")]
    TooLarge,
}

const SCALE: i64 = 1_000_000_000;
const DECIMALS: usize = 9;

impl Price {
    pub const ZERO: Self = Self(0);
    pub const MAX: Self = Self(i64::MAX);
    pub const MIN: Self = Self(i64::MIN);

    /// A price from its count of 1e-9 units.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }
    /// The count of 1e-9 units.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Reads a plain decimal text exactly: sign, digits, point, up to nine decimals (further zeros are allowed).
    ///
    /// # Errors
    /// When the text is no plain decimal (exponents and `NaN` are not), has more than nine decimals, or is out of range.
    pub fn parse(text: &str) -> Result<Self, ParsePriceError> {
        Self::parse_bytes(text.as_bytes())
    }

    /// [`Price::parse`] for bytes that have not been checked to be UTF-8.
    ///
    /// # Errors
    /// As [`Price::parse`].
    pub fn parse_bytes(text: &[u8]) -> Result<Self, ParsePriceError> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let point = digits.iter().position(|&b| b == b'.');
        let (whole, decimals) = match point {
            Some(at) => (&digits[..at], &digits[at + 1..]),
            None => (digits, &[][..]),
        };
        if whole.is_empty() && decimals.is_empty() {
            return Err(ParsePriceError::Malformed);
        }
        let whole = parse_digits(whole)?;
        let (kept, beyond) = decimals.split_at(decimals.len().min(DECIMALS));
        if beyond.iter().any(|b| !b.is_ascii_digit()) {
            return Err(ParsePriceError::Malformed);
        }
        if beyond.iter().any(|&b| b != b'0') {
            return Err(ParsePriceError::TooPrecise);
        }
        let fraction = parse_digits(kept)? * POWERS[DECIMALS - kept.len()];
        let units = whole
            .checked_mul(SCALE)
            .and_then(|units| units.checked_add(fraction))
            .ok_or(ParsePriceError::TooLarge)?;
        Ok(Self(if negative { -units } else { units }))
    }

    /// The nearest price to a finite number, or `None` for NaN, infinities and numbers out of range.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        let units = value * SCALE as f64;
        (units.is_finite() && units.abs() < 9.2e18).then(|| Self(units.round() as i64))
    }

    /// The one place where a price becomes a floating-point number, for indicators and ratios.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / SCALE as f64
    }

    /// The mid between two prices, half a unit away from zero.
    #[must_use]
    pub fn mid(self, other: Self) -> Self {
        // The sum need not fit: what both have counts whole, what one has counts half.
        let below = (self.0 & other.0) + ((self.0 ^ other.0) >> 1);
        let odd = (self.0 ^ other.0) & 1;
        Self(if below >= 0 { below + odd } else { below })
    }

    /// Rounded to `digits` decimals, half away from zero.
    #[must_use]
    pub fn round_to_digits(self, digits: u8) -> Self {
        self.round_to(Self(step_of(digits)))
    }
    /// The nearest multiple of `step`, half away from zero.
    #[must_use]
    pub fn round_to(self, step: Self) -> Self {
        let step = step.0.max(1).unsigned_abs();
        // An odd step has no half.
        let rounded = (self.0.unsigned_abs() + step / 2) / step * step;
        Self(if self.0 < 0 {
            0_i64.saturating_sub_unsigned(rounded)
        } else {
            0_i64.saturating_add_unsigned(rounded)
        })
    }
    /// The largest multiple of `step` not above this price.
    #[must_use]
    pub fn floor_to(self, step: Self) -> Self {
        let step = step.0.max(1);
        Self(self.0.saturating_sub(self.0.rem_euclid(step)))
    }
    /// The smallest multiple of `step` not below this price.
    #[must_use]
    pub fn ceil_to(self, step: Self) -> Self {
        -(-self).floor_to(step)
    }
    /// This price `times` over; saturating.
    #[must_use]
    pub const fn times(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Shows the price with exactly `digits` decimals (at most nine), rounded half away from zero.
    #[must_use]
    pub const fn display(self, digits: u8) -> DisplayPrice {
        DisplayPrice {
            price: self,
            digits,
        }
    }
}

/// A price to be written with a fixed number of decimals; see [`Price::display`].
#[derive(Clone, Copy, Debug)]
pub struct DisplayPrice {
    price: Price,
    digits: u8,
}

impl fmt::Display for DisplayPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits.min(DECIMALS as u8);
        let shown = self.price.round_to_digits(digits).0;
        let sign = if shown < 0 { "-" } else { "" };
        let (whole, fraction) = (
            shown.unsigned_abs() / SCALE as u64,
            shown.unsigned_abs() % SCALE as u64,
        );
        if digits == 0 {
            return write!(f, "{sign}{whole}");
        }
        let fraction = fraction / step_of(digits) as u64;
        write!(
            f,
            "{sign}{whole}.{fraction:0width$}",
            width = usize::from(digits)
        )
    }
}

/// Every decimal the price has, and no more: `1.0851`.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = (0..=DECIMALS as u8)
            .find(|&digits| self.0 % step_of(digits) == 0)
            .unwrap_or(DECIMALS as u8);
        self.display(digits).fmt(f)
    }
}

impl Add for Price {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Price {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Price {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

const POWERS: [i64; 10] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
];

/// The units of one step at `digits` decimals.
fn step_of(digits: u8) -> i64 {
    POWERS[DECIMALS - usize::from(digits).min(DECIMALS)]
}

fn parse_digits(digits: &[u8]) -> Result<i64, ParsePriceError> {
    digits.iter().try_fold(0_i64, |value, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(ParsePriceError::Malformed);
        }
        value
            .checked_mul(10)
            .and_then(|value| value.checked_add(i64::from(digit)))
            .ok_or(ParsePriceError::TooLarge)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    #[test]
    fn keeps_up_to_nine_decimals() {
        for (text, units) in [
            ("1.08505", 1_085_050_000),
            ("-0.000000001", -1),
            ("+2650", 2_650_000_000_000),
            (".5", 500_000_000),
            ("158611.0", 158_611_000_000_000),
            ("1.1000000000000", 1_100_000_000),
        ] {
            assert_eq!(price(text).units(), units, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_plain_decimal() {
        for text in [
            "",
            "-",
            ".",
            "1e5",
            "NaN",
            "inf",
            "1.2.3",
            "1,5",
            " 1",
            "0x1",
            "1.0000000001x",
        ] {
            assert_eq!(
                Price::parse(text),
                Err(ParsePriceError::Malformed),
                "{text}"
            );
        }
        assert_eq!(
            Price::parse("1.0000000001"),
            Err(ParsePriceError::TooPrecise)
        );
        assert_eq!(Price::parse("9300000000"), Err(ParsePriceError::TooLarge));
        assert_eq!(
            Price::parse("99999999999999999999"),
            Err(ParsePriceError::TooLarge)
        );
    }

    #[test]
    fn prints_at_the_digits_half_away_from_zero() {
        for (text, digits, shown) in [
            ("1.085005", 5, "1.08501"),
            ("-1.085005", 5, "-1.08501"),
            ("1.085004999", 5, "1.08500"),
            ("149.9995", 3, "150.000"),
            ("39999.95", 1, "40000.0"),
            ("-0.00000004", 5, "0.00000"),
            ("2650.5", 0, "2651"),
        ] {
            assert_eq!(price(text).display(digits).to_string(), shown, "{text}");
        }
        assert_eq!(price("1.0850").to_string(), "1.085");
        assert_eq!(price("20125").to_string(), "20125");
    }

    #[test]
    fn rounds_to_steps_that_are_no_power_of_ten() {
        let tick = price("0.25");
        assert_eq!(price("20125.13").round_to(tick), price("20125.25"));
        assert_eq!(price("20125.12").floor_to(tick), price("20125.00"));
        assert_eq!(price("20125.12").ceil_to(tick), price("20125.25"));
        assert_eq!(price("20125.125").round_to(tick), price("20125.25"));
        assert_eq!(price("-20125.125").round_to(tick), price("-20125.25"));
    }

    #[test]
    fn the_mid_keeps_half_digits() {
        assert_eq!(price("1.38694").mid(price("1.38705")), price("1.386995"));
    }

    proptest! {
        #[test]
        fn the_mid_is_half_the_sum_away_from_zero(one in any::<i64>(), apart in -5_i64..5) {
            for other in [one.saturating_add(apart), apart, -(one.saturating_add(1))] {
                let sum = i128::from(one) + i128::from(other);
                let half = (sum.abs() + 1) / 2 * sum.signum();
                let mid = Price::from_units(one).mid(Price::from_units(other));
                prop_assert_eq!(i128::from(mid.units()), half);
            }
        }

        #[test]
        fn text_and_price_are_the_same_thing(units in any::<i64>()) {
            prop_assume!(units != i64::MIN);
            let price = Price::from_units(units);
            prop_assert_eq!(Price::parse(&price.display(9).to_string()), Ok(price));
            prop_assert_eq!(Price::parse(&price.to_string()), Ok(price));
        }

        #[test]
        fn the_ends_of_the_range_stay(digits in 0_u8..=9) {
            prop_assert!(Price::MIN.round_to_digits(digits) < Price::ZERO);
            prop_assert!(Price::MAX.round_to_digits(digits) > Price::ZERO);
            prop_assert_eq!(Price::MIN.round_to_digits(9), Price::MIN);
        }

        #[test]
        fn rounding_moves_by_at_most_half_a_step(units in -4_000_000_000_000_000_000_i64..4_000_000_000_000_000_000, digits in 0_u8..=9) {
            let (price, step) = (Price::from_units(units), step_of(digits));
            let rounded = price.round_to_digits(digits);
            prop_assert_eq!(rounded.units() % step, 0);
            prop_assert!((rounded - price).abs().units() * 2 <= step);
        }

        #[test]
        fn any_bytes_are_a_price_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Price::parse_bytes(&bytes);
        }
    }
}
