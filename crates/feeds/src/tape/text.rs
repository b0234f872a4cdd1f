//! Fields of a line, and prices in them. No field is copied.

use super::row::LineError;
use market::{Ohlc, ParsePriceError, Price, Volume};

/// The first `N` fields of a line and whether there are more.
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
pub(super) fn cut(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&b| b == separator) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// A price; what is finer than nine decimals (the noise of a floating-point writer) is rounded.
pub(super) fn price(field: &'static str, text: &[u8]) -> Result<Price, LineError> {
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

    #[test]
    fn a_volume_of_zero_is_unknown() {
        assert_eq!(volume(b"1884"), Some(Volume(1_884_000_000_000)));
        assert_eq!(
            [volume(b"0"), volume(b""), volume(b"-1"), volume(b"x")],
            [None; 4]
        );
    }
}
