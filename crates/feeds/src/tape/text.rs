//! Fields of a line, and prices in them. No field is copied.

use super::row::LineError;
use market::{Ohlc, ParsePriceError, Price, Volume};

/// The first `N` fields of a line.
#[inline]
pub(super) fn split<const N: usize>(line: &[u8], separator: u8) -> Result<[&[u8]; N], LineError> {
    let mut fields = [&[][..]; N];
    let mut rest = Some(line);
    for (found, field) in fields.iter_mut().enumerate() {
        let Some(text) = rest else {
            return Err(LineError::Fields { expected: N, found });
        };
        (*field, rest) = cut(text, separator);
    }
    Ok(fields)
}

/// The field before the first separator, and what follows it. Fields are short, so a plain loop beats a search.
#[inline]
pub(super) fn cut(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&b| b == separator) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// A price; what is finer than nine decimals (the noise of a floating-point writer) is rounded.
#[inline]
pub(super) fn price(field: &'static str, text: &[u8]) -> Result<Price, LineError> {
    match plain_price(text) {
        Some(price) => Ok(price),
        None => any_price(field, text),
    }
}

/// The prices that almost all files are full of: digits with at most one point and nine decimals, no sign. They are read
/// in one go, since this is half of the work of reading a file.
#[inline]
fn plain_price(text: &[u8]) -> Option<Price> {
    // With at most 16 digits the number cannot overflow.
    if text.len() > 17 {
        return None;
    }
    let (mut number, mut decimals, mut digits) = (0_i64, 0, 0);
    let mut points = 0;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            number = number * 10 + i64::from(digit);
            decimals += points;
            digits += 1;
        } else if byte == b'.' && points == 0 {
            points = 1;
        } else {
            return None;
        }
    }
    let unit = UNITS.get(decimals).filter(|_| digits > 0)?;
    number.checked_mul(*unit).map(Price::from_units)
}

/// What one step of a number with so many decimals is worth, in units of 1e-9.
const UNITS: [i64; 10] = [
    1_000_000_000,
    100_000_000,
    10_000_000,
    1_000_000,
    100_000,
    10_000,
    1_000,
    100,
    10,
    1,
];

#[cold]
fn any_price(field: &'static str, text: &[u8]) -> Result<Price, LineError> {
    match Price::parse_bytes(text) {
        Ok(price) => Ok(price),
        Err(ParsePriceError::TooPrecise) => Ok(rounded(text)),
        Err(reason) => Err(LineError::Price { field, reason }),
    }
}

/// Rounds a text that is a price but for having too many decimals.
#[cold]
fn rounded(text: &[u8]) -> Price {
    let point = text.iter().position(|&b| b == b'.').unwrap_or(text.len());
    let (kept, beyond) = text.split_at(text.len().min(point + 10));
    let toward_zero = Price::parse_bytes(kept).unwrap_or_default();
    let away = match (beyond.first(), text.first()) {
        (Some(b'5'..), Some(b'-')) => -1,
        (Some(b'5'..), _) => 1,
        _ => 0,
    };
    toward_zero + Price::from_units(away)
}

/// Open, high, low and close from four fields in that order.
pub(super) fn ohlc(fields: &[&[u8]; 4]) -> Result<Ohlc, LineError> {
    Ok(Ohlc {
        open: price("open", fields[0])?,
        high: price("high", fields[1])?,
        low: price("low", fields[2])?,
        close: price("close", fields[3])?,
    })
}

/// As [`ohlc`], or none where all four fields are empty.
pub(super) fn side(fields: &[&[u8]; 4]) -> Result<Option<Ohlc>, LineError> {
    if fields.iter().all(|field| field.is_empty()) {
        return Ok(None);
    }
    ohlc(fields).map(Some)
}

/// A traded volume; what is absent, unreadable or zero is unknown (every source here writes zero for "not known").
pub(super) fn volume(text: &[u8]) -> Option<Volume> {
    let volume = Price::parse_bytes(text).ok()?;
    volume.is_positive().then(|| Volume(volume.units()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splits_without_copying() {
        assert_eq!(split(b"a,,c,d", b','), Ok([&b"a"[..], b"", b"c"]));
        assert_eq!(split(b"a,", b','), Ok([&b"a"[..], b""]));
        let too_few = LineError::Fields {
            expected: 3,
            found: 2,
        };
        assert_eq!(split::<3>(b"a;b", b';'), Err(too_few));
    }

    #[test]
    fn the_noise_of_floating_point_is_rounded() {
        for (text, units) in [
            ("1.1363299999999999", 1_136_330_000),
            ("1.13633000000000004", 1_136_330_000),
            ("-0.0000000005", -1),
            ("1.5", 1_500_000_000),
        ] {
            assert_eq!(
                price("bid", text.as_bytes()).map(Price::units),
                Ok(units),
                "{text}"
            );
        }
        for text in ["", "NaN", "1e5", "1.00000000001x", "inf", "--1"] {
            assert!(price("bid", text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        /// The quick way is the same as the market's own.
        #[test]
        fn a_price_is_what_the_market_reads(text in "[+-]?[0-9]{0,12}[.]?[0-9]{0,11}[.x]?") {
            match (price("bid", text.as_bytes()), Price::parse(&text)) {
                (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
                (Ok(_), Err(reason)) => prop_assert_eq!(reason, ParsePriceError::TooPrecise),
                (Err(_), theirs) => prop_assert!(theirs.is_err()),
            }
        }
    }

    #[test]
    fn a_volume_of_zero_is_unknown() {
        assert_eq!(volume(b"1884"), Some(Volume(1_884_000_000_000)));
        assert_eq!(
            [volume(b"0"), volume(b""), volume(b"-1"), volume(b"x")],
            [None; 4]
        );
    }
}
