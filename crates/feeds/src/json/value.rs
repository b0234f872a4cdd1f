//! What stands at a path, read: texts, prices and times, exactly.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use market::{ParsePriceError, Price, SourceTime};
use std::borrow::Cow;

/// The text that a JSON text or number says; nothing for null, lists and objects.
pub(super) fn text(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' => unquoted(raw),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

fn unquoted(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A price from a JSON number or a text that holds one. Digits after the ninth decimal are the noise of a vendor's
/// floating-point numbers (1.0854200000000001) and rounded away; exponents and separators of thousands are no price.
pub(super) fn price(raw: &str) -> Result<Price, String> {
    let text = text(raw).ok_or_else(|| "it is no number".to_owned())?;
    match Price::parse(&text) {
        Err(ParsePriceError::TooPrecise) => rounded(&text).map_err(|error| error.to_string()),
        read => read.map_err(|error| error.to_string()),
    }
}

fn rounded(text: &str) -> Result<Price, ParsePriceError> {
    let kept = text.find('.').map_or(text.len(), |point| point + 10);
    let (kept, beyond) = text
        .split_at_checked(kept)
        .ok_or(ParsePriceError::Malformed)?;
    let price = Price::parse(kept)?;
    let up = i64::from(
        beyond
            .as_bytes()
            .first()
            .is_some_and(|&digit| digit >= b'5'),
    );
    let step = Price::from_units(if text.starts_with('-') { -up } else { up });
    Ok(price + step)
}

/// How a source writes times.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimeForm {
    pub unit: Unit,
    /// For times that name no zone.
    pub zone: TimeZone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A number is s, ms, us or ns since 1970 by its size; a text is RFC 3339, with `T` or a space, with a zone or without.
    Auto,
    /// Nanoseconds of one unit.
    Count(i64),
    Rfc3339,
    /// After strptime.
    Pattern(String),
}

impl Unit {
    pub(super) fn read(text: &str) -> Option<Self> {
        Some(match text {
            "auto" => Self::Auto,
            "s" => Self::Count(1_000_000_000),
            "ms" => Self::Count(1_000_000),
            "us" => Self::Count(1_000),
            "ns" => Self::Count(1),
            "rfc3339" => Self::Rfc3339,
            pattern if pattern.contains('%') => Self::Pattern(pattern.to_owned()),
            _ => return None,
        })
    }
}

/// A time from a JSON number or text.
pub(super) fn time(raw: &str, form: &TimeForm) -> Result<SourceTime, String> {
    let text = text(raw).ok_or_else(|| "it is neither a number nor a text".to_owned())?;
    let read = match &form.unit {
        Unit::Auto => count(&text, None).or_else(|| stamp(&text, &form.zone)),
        Unit::Count(unit) => count(&text, Some(*unit)),
        Unit::Rfc3339 => stamp(&text, &form.zone),
        Unit::Pattern(pattern) => by_pattern(&text, pattern, &form.zone),
    };
    read.ok_or_else(|| match &form.unit {
        Unit::Auto => "it is neither a count since 1970 nor an RFC 3339 time".to_owned(),
        Unit::Count(_) => "it is no count since 1970".to_owned(),
        Unit::Rfc3339 => "it is no RFC 3339 time".to_owned(),
        Unit::Pattern(pattern) => format!("it is not of the form {pattern}"),
    })
}

/// A count since 1970, decimals included. Without a unit the size decides: below 1e11 s (the year 5138), below 1e14 ms,
/// below 1e17 us, else ns. As milliseconds 1e11 is 1973, so that no market's time is ambiguous.
fn count(text: &str, unit: Option<i64>) -> Option<SourceTime> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty()
        || !whole
            .bytes()
            .chain(decimals.bytes())
            .all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let unit = unit.unwrap_or(match whole {
        ..100_000_000_000 => 1_000_000_000,
        ..100_000_000_000_000 => 1_000_000,
        ..100_000_000_000_000_000 => 1_000,
        _ => 1,
    });
    let mut nanos = whole.checked_mul(unit)?;
    let mut step = unit;
    for digit in decimals.bytes() {
        step /= 10;
        nanos = nanos.checked_add(step * i64::from(digit - b'0'))?;
    }
    Some(SourceTime::from_nanos(nanos))
}

fn stamp(text: &str, zone: &TimeZone) -> Option<SourceTime> {
    let with_zone = SourceTime::parse(text).ok();
    with_zone.or_else(|| in_zone(text.parse().ok()?, zone))
}

fn in_zone(local: DateTime, zone: &TimeZone) -> Option<SourceTime> {
    let stamp = zone.to_ambiguous_timestamp(local).compatible().ok()?;
    nanos(stamp)
}

fn by_pattern(text: &str, pattern: &str, zone: &TimeZone) -> Option<SourceTime> {
    let parts = jiff::fmt::strtime::parse(pattern, text).ok()?;
    if let Ok(stamp) = parts.to_timestamp() {
        return nanos(stamp);
    }
    // A date alone is no price's time.
    parts.hour()?;
    in_zone(parts.to_datetime().ok()?, zone)
}

fn nanos(stamp: jiff::Timestamp) -> Option<SourceTime> {
    let nanos = i64::try_from(stamp.as_nanosecond()).ok()?;
    Some(SourceTime::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prices_are_read_exactly_from_numbers_and_texts() {
        for (raw, shown) in [
            ("1.08542", "1.08542"),
            ("\"1.08542\"", "1.08542"),
            ("1.0854200000000001", "1.08542"),
            ("1.0854199999999999", "1.08542"),
            ("\"0.12345678951\"", "0.12345679"),
            ("158", "158"),
            ("-2.5", "-2.5"),
            ("-0.0000000005", "-0.000000001"),
        ] {
            assert_eq!(price(raw).unwrap().to_string(), shown, "{raw}");
        }
        for raw in [
            "null",
            "true",
            "[1]",
            "{}",
            "1e2",
            "1.5E-3",
            "\"\"",
            "\"NaN\"",
            "\"1,085.5\"",
            "\"1.2.3\"",
            "1.00000000001x",
            "\"1.000000000µ\"",
            "9300000000.00000000001",
            "",
        ] {
            assert!(price(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn times_are_read_in_every_spelling() {
        let read = |raw: &str, unit: &str, zone: &str| {
            let form = TimeForm {
                unit: Unit::read(unit).unwrap(),
                zone: TimeZone::get(zone).unwrap(),
            };
            time(raw, &form)
        };
        for (raw, unit, zone, wanted) in [
            ("1783944000", "auto", "UTC", "2026-07-13T12:00:00Z"),
            ("1783944000093", "auto", "UTC", "2026-07-13T12:00:00.093Z"),
            (
                "\"1783944000093456\"",
                "auto",
                "UTC",
                "2026-07-13T12:00:00.093456Z",
            ),
            (
                "1783944000093456789",
                "auto",
                "UTC",
                "2026-07-13T12:00:00.093456789Z",
            ),
            ("1783944000.093", "auto", "UTC", "2026-07-13T12:00:00.093Z"),
            ("1783944000093.5", "ms", "UTC", "2026-07-13T12:00:00.0935Z"),
            ("1783944000", "s", "UTC", "2026-07-13T12:00:00Z"),
            (
                "\"2026-01-02T09:37:24.760146+00:00\"",
                "auto",
                "UTC",
                "2026-01-02T09:37:24.760146Z",
            ),
            (
                "\"2026-01-02 09:37:24.760146+00:00\"",
                "auto",
                "UTC",
                "2026-01-02T09:37:24.760146Z",
            ),
            (
                "\"2026-01-02 09:37:24\"",
                "auto",
                "America/New_York",
                "2026-01-02T14:37:24Z",
            ),
            (
                "\"2026-07-13T14:00:00+02:00\"",
                "rfc3339",
                "UTC",
                "2026-07-13T12:00:00Z",
            ),
            (
                "\"13.07.2026 14:00:00\"",
                "%d.%m.%Y %H:%M:%S",
                "Europe/Berlin",
                "2026-07-13T12:00:00Z",
            ),
            (
                "\"13.07.2026 14:00:00 +0300\"",
                "%d.%m.%Y %H:%M:%S %z",
                "Europe/Berlin",
                "2026-07-13T11:00:00Z",
            ),
        ] {
            assert_eq!(
                read(raw, unit, zone),
                Ok(SourceTime::parse(wanted).unwrap()),
                "{raw}"
            );
        }
        for (raw, unit) in [
            ("null", "auto"),
            ("\"\"", "auto"),
            ("\"yesterday\"", "auto"),
            ("-5", "auto"),
            ("1e9", "auto"),
            ("99999999999999999999", "auto"),
            ("9999999999999", "s"),
            ("\"2026-01-02\"", "s"),
            ("1783944000", "rfc3339"),
            ("\"2026-07-13\"", "%d.%m.%Y"),
            ("\"13.07.2026\"", "%d.%m.%Y"),
            ("{}", "ms"),
            ("\"5.\u{e9}\"", "ms"),
        ] {
            assert!(read(raw, unit, "UTC").is_err(), "{raw} {unit}");
        }
    }

    #[test]
    fn texts_are_unescaped() {
        assert_eq!(text(r#""EUR\/USD""#).unwrap(), "EUR/USD");
        assert_eq!(text(r#""EUR/USD""#).unwrap(), "EUR/USD");
        assert_eq!(text("401").unwrap(), "401");
        assert!(
            text("null").is_none()
                && text("[]").is_none()
                && text("").is_none()
                && text("\"").is_none()
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(raw in ".{0,40}", digits in "[0-9.\"-]{0,30}") {
            for raw in [&raw, &digits] {
                let _ = price(raw);
                for unit in ["auto", "s", "ns", "rfc3339", "%Y-%m-%d %H:%M:%S", "%s"] {
                    let form = TimeForm { unit: Unit::read(unit).unwrap(), zone: TimeZone::UTC };
                    let _ = time(raw, &form);
                }
            }
        }
    }
}
