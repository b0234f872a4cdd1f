//! The times that stand at a path, in whatever way a source writes them.

use super::value::text;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use market::SourceTime;

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
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
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
    let with_zone = in_utc(text).or_else(|| SourceTime::parse(text).ok());
    with_zone.or_else(|| in_zone(text.parse().ok()?, zone))
}

/// The spelling of nearly every stream, `2026-07-13T12:00:00.123456Z`, without the cost of knowing all others.
fn in_utc(text: &str) -> Option<SourceTime> {
    let (date_and_time, decimals) = text.strip_suffix('Z')?.split_at_checked(19)?;
    let bytes = date_and_time.as_bytes();
    if [bytes[4], bytes[7], bytes[10], bytes[13], bytes[16]] != *b"--T::" {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = &bytes[from..to];
        let add = |sum: i64, digit: &u8| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + i64::from(digit - b'0'))
        };
        digits.iter().try_fold(0, add)
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Jiff knows how long months are.
    let is_plain =
        (1970..2200).contains(&year) && (1..=12).contains(&month) && (1..=28).contains(&day);
    if !(is_plain && hour < 24 && minute < 60 && second < 60) {
        return None;
    }
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    let (shifted, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days =
        shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (153 * month + 2) / 5 + day
            - 1
            - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    let fraction = fraction(decimals)?;
    Some(SourceTime::from_nanos(seconds * 1_000_000_000 + fraction))
}

/// Nanoseconds of `.123456` or nothing.
fn fraction(text: &str) -> Option<i64> {
    let Some(digits) = text.strip_prefix('.') else {
        return text.is_empty().then_some(0);
    };
    if !(1..=9).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i64 = digits.parse().ok()?;
    Some(value * 10_i64.pow(9 - digits.len() as u32))
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

    proptest! {
        #[test]
        fn the_short_way_reads_what_the_long_one_reads(seconds in 0_i64..7_200_000_000, nanos in 0_i64..1_000_000_000, digits in 0_usize..=9) {
            let nanos = nanos - nanos % 10_i64.pow(9 - digits as u32);
            let stamp = jiff::Timestamp::new(seconds, nanos as i32).unwrap();
            let text = format!("{stamp:.digits$}");
            let expected = SourceTime::from_nanos(seconds * 1_000_000_000 + nanos);
            prop_assert_eq!(stamp_of(&text), Some(expected), "{}", &text);
            if let Some(short) = in_utc(&text) {
                prop_assert_eq!(short, expected, "{}", &text);
            }
        }

        #[test]
        fn any_text_is_a_time_or_an_error(raw in ".{0,40}", digits in "[0-9.\\-\":TZ]{0,30}") {
            for raw in [&raw, &digits] {
                for unit in ["auto", "s", "ns", "rfc3339", "%Y-%m-%d %H:%M:%S", "%s"] {
                    let form = TimeForm { unit: Unit::read(unit).unwrap(), zone: TimeZone::UTC };
                    let _ = time(raw, &form);
                }
            }
        }
    }

    fn stamp_of(text: &str) -> Option<SourceTime> {
        stamp(text, &TimeZone::UTC)
    }
}
