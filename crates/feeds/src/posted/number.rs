//! Numbers of JSON, read from their text and never through a float: `1.0853` is 1.0853, and `1.0853e0` is too.

use market::Price;
use std::fmt;

/// Longest text that is tried as a number: no float that anybody writes is longer.
const TEXT_MAX: usize = 64;
/// Decimals a price keeps.
const DECIMALS: usize = 9;
/// Digits before the point beyond which no price lies.
const WHOLE_MAX: i32 = 10;

/// Why a text is not a number that ORION takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotExact {
    NotANumber,
    TooLarge,
}

impl fmt::Display for NotExact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "it is no number",
            Self::TooLarge => "it is too large",
        })
    }
}

/// The decimal number that a text writes, with or without an exponent. Programs that compute with floats write
/// `1.0853000000000002` where they mean 1.0853: decimals beyond the ninth, which no price has, are rounded, half away from
/// zero.
pub(crate) fn exact(text: &str) -> Result<Price, NotExact> {
    if text.len() > TEXT_MAX {
        return Err(NotExact::NotANumber);
    }
    let number = Decimal::read(text).ok_or(NotExact::NotANumber)?;
    number.price().ok_or(NotExact::TooLarge)
}

/// `digits` with the decimal point before the digit at `point`, which may lie outside of them.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i32,
}

impl Decimal {
    /// The grammar of JSON's numbers (RFC 8259, section 6), but for zeros in front.
    fn read(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(decimals) {
            return None;
        }
        let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
        let zeros = whole.bytes().chain(decimals.bytes());
        let digits: Vec<u8> = zeros.map(|b| b - b'0').collect();
        Some(Self {
            negative,
            digits,
            point,
        })
    }

    /// The digit at a place of `digits` seen as endless.
    fn digit(&self, place: i32) -> i64 {
        let digit = usize::try_from(place)
            .ok()
            .and_then(|place| self.digits.get(place));
        digit.copied().map_or(0, i64::from)
    }

    fn price(&self) -> Option<Price> {
        let first = self.digits.iter().position(|&digit| digit != 0);
        let Some(first) = first.and_then(|place| i32::try_from(place).ok()) else {
            return Some(Price::ZERO);
        };
        if self.point - first > WHOLE_MAX {
            return None;
        }
        let end = self.point.checked_add(DECIMALS as i32)?;
        let mut units: i64 = 0;
        for place in first.min(end)..end {
            units = units.checked_mul(10)?.checked_add(self.digit(place))?;
        }
        if self.digit(end) >= 5 {
            units = units.checked_add(1)?;
        }
        Some(Price::from_units(if self.negative {
            -units
        } else {
            units
        }))
    }
}

fn read_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_short = (1..=4).contains(&digits.len());
    if !is_short || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.strip_prefix('+').unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(
            exact(text).map(|price| price.to_string()),
            Ok(expected.to_owned()),
            "{text}"
        );
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for (text, number) in [
            ("1.0853", "1.0853"),
            ("20125", "20125"),
            ("-0.5", "-0.5"),
            ("0.1", "0.1"),
            ("1.0853e0", "1.0853"),
            ("10853E-4", "1.0853"),
            ("0.00010853e+4", "1.0853"),
            ("2.65e3", "2650"),
            ("1e-9", "0.000000001"),
            ("00", "0"),
            ("0e9999", "0"),
            ("9223372036.854775807", "9223372036.854775807"),
        ] {
            check(text, number);
        }
    }

    #[test]
    fn the_noise_of_floats_is_rounded_at_the_ninth_decimal() {
        check("1.0853000000000002", "1.0853");
        check("1.0852999999999999", "1.0853");
        check("0.0000000005", "0.000000001");
        check("-0.0000000005", "-0.000000001");
        check("0.00000000049", "0");
        check("1e-9999", "0");
        check("5e-10", "0.000000001");
        check("5e-11", "0");
    }

    #[test]
    fn what_is_no_number_or_too_large_is_told_apart() {
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "+1",
            "1,5",
            "NaN",
            "Infinity",
            "0x10",
            "1e",
            "1e+",
            "e5",
            "1e99999",
            "1.2.3",
            "1 ",
            "--1",
            "١",
            "1_000",
            &"1".repeat(65),
        ] {
            assert_eq!(exact(text), Err(NotExact::NotANumber), "{text}");
        }
        for text in ["9223372036.854775808", "1e10", "99999999999", "1e9999"] {
            assert_eq!(exact(text), Err(NotExact::TooLarge), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_price_comes_back_with_its_point_moved(units in any::<i64>(), shift in -30_i32..30) {
            prop_assume!(units != i64::MIN);
            let price = Price::from_units(units);
            prop_assert_eq!(exact(&price.to_string()), Ok(price));
            prop_assert_eq!(exact(&format!("{units}e-9")), Ok(price));
            prop_assert_eq!(exact(&moved(units, shift)), Ok(price));
        }

        #[test]
        fn any_text_is_a_number_or_is_not(text in "[-+0-9.eE]{0,20}|\\PC{0,20}") {
            let _ = exact(&text);
        }
    }

    /// The same number with its point `shift` places to the right and an exponent that says so.
    fn moved(units: i64, shift: i32) -> String {
        let sign = if units < 0 { "-" } else { "" };
        let digits = format!("{:0>50}", units.unsigned_abs());
        let (whole, decimals) = digits.split_at(usize::try_from(41 + shift.clamp(-30, 8)).unwrap());
        let (whole, exponent) = (whole.trim_start_matches('0'), -shift.clamp(-30, 8));
        let whole = if whole.is_empty() { "0" } else { whole };
        format!("{sign}{whole}.{decimals}e{exponent}")
    }
}
