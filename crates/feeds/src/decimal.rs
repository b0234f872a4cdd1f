//! Numbers as vendors write them in JSON: read from their text, never by way of a floating-point number.

use market::{ParsePriceError, Price, SourceTime};

/// Decimals that a price holds.
const DECIMALS: usize = 9;
/// From here on a stamp cannot be a count of seconds (the year 2286), of milliseconds, of microseconds.
const SECONDS_END: i64 = 10_000_000_000;
const MILLIS_END: i64 = 10_000_000_000_000;
const MICROS_END: i64 = 10_000_000_000_000_000;

/// What stands between the quotes, or the number as it stands.
pub(crate) fn unquote(text: &str) -> &str {
    let text = text.trim();
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(text)
}

/// A price that stands in JSON as a number or as a text. Digits after the ninth decimal are the noise of somebody's
/// floating-point number (`3988.4500000000003`) and are rounded away.
///
/// # Errors
/// When the text is no plain decimal: exponents, `NaN`, words.
pub(crate) fn price(text: &str) -> Result<Price, ParsePriceError> {
    let text = unquote(text);
    match Price::parse(text) {
        Err(ParsePriceError::TooPrecise) => round(text),
        read @ (Ok(_) | Err(ParsePriceError::Malformed | ParsePriceError::TooLarge)) => read,
    }
}

/// Half a unit goes away from zero.
fn round(text: &str) -> Result<Price, ParsePriceError> {
    let point = text.find('.').ok_or(ParsePriceError::Malformed)?;
    let end = point + 1 + DECIMALS;
    let kept = text.get(..end).ok_or(ParsePriceError::Malformed)?;
    let read = Price::parse(kept)?;
    let up = text.as_bytes().get(end).is_some_and(|digit| *digit >= b'5');
    let unit = if text.starts_with('-') { -1 } else { 1 };
    Ok(if up {
        read + Price::from_units(unit)
    } else {
        read
    })
}

/// A moment as a count since 1970 in seconds, milliseconds, microseconds or nanoseconds: its size says which. Vendors'
/// documents contradict each other and themselves about the unit.
pub(crate) fn stamp(text: &str) -> Option<SourceTime> {
    let text = unquote(text);
    let whole: i64 = text.split('.').next()?.parse().ok()?;
    if whole < 0 {
        return None;
    }
    if whole < SECONDS_END {
        // A price is a count of 1e-9, and so is a time.
        return price(text)
            .ok()
            .map(|seconds| SourceTime::from_nanos(seconds.units()));
    }
    let factor = match whole {
        ..MILLIS_END => 1_000_000,
        MILLIS_END..MICROS_END => 1000,
        MICROS_END.. => 1,
    };
    whole.checked_mul(factor).map(SourceTime::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Option<&str>) {
        let expected = expected.map(|text| Price::parse(text).unwrap());
        assert_eq!(price(text).ok(), expected, "{text}");
    }

    #[test]
    fn numbers_and_texts_are_read_exactly_and_noise_is_rounded_away() {
        check("1.1703", Some("1.1703"));
        check("\"148.19900000\"", Some("148.199"));
        check("3988.4500000000003", Some("3988.45"));
        check("0.1999999999999", Some("0.2"));
        check("-1.0000000005", Some("-1.000000001"));
        check("1.00000000049", Some("1"));
        for no in [
            "1e-5",
            "1.17E0",
            "NaN",
            "\"-\"",
            "",
            "null",
            "1.0000000001x",
            "1.00000000é1",
            "99999999999",
            "true",
        ] {
            check(no, None);
        }
    }

    #[test]
    fn the_size_of_a_stamp_tells_its_unit() {
        for (text, nanos) in [
            ("1759056000", 1_759_056_000_000_000_000),
            ("1759056000.25", 1_759_056_000_250_000_000),
            ("1759056000123", 1_759_056_000_123_000_000),
            ("1759056000123.0", 1_759_056_000_123_000_000),
            ("\"1759056000123456\"", 1_759_056_000_123_456_000),
            ("1759056000123456789", 1_759_056_000_123_456_789),
        ] {
            assert_eq!(stamp(text), Some(SourceTime::from_nanos(nanos)), "{text}");
        }
        for no in ["", "-1", "1.7e12", "now", "99999999999999999999"] {
            assert_eq!(stamp(no), None, "{no}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = (price(&text), stamp(&text));
        }
        #[test]
        fn any_digits_are_read_or_refused(text in "-?[0-9]{0,22}\\.?[0-9é]{0,14}") {
            let _ = (price(&text), stamp(&text));
        }
    }
}
