//! Wall-clock times as files write them, in the many forms they write them in.

use super::row::LineError;
use super::zone::read_offset;
use market::{SourceTime, Span};
use std::str::FromStr;

/// What a clock on a wall shows: nanoseconds since 1970-01-01T00:00 of that clock, between the years 1700 and 2260.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime(i64);

const SECOND: i64 = 1_000_000_000;
pub(super) const DAY: i64 = 86_400 * SECOND;
const YEARS: std::ops::RangeInclusive<u32> = 1700..=2260;

impl LocalTime {
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Midnight of a date, if there is such a date.
    #[must_use]
    pub fn date(year: u32, month: u32, day: u32) -> Option<Self> {
        let real = YEARS.contains(&year) && day >= 1 && day <= days_in(year, month);
        real.then(|| Self(days_from_civil(year, month, day) * DAY))
    }

    /// The time of day `nanos` after midnight of this date; none when that is another day.
    pub(super) fn at(self, nanos: i64) -> Option<Self> {
        (0..DAY).contains(&nanos).then_some(Self(self.0 + nanos))
    }

    pub(super) fn plus(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

/// A text that is no date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no date or time such as 2019-02-04 or 2019-02-04T13:00")]
pub struct ParseLocalTimeError(String);

impl FromStr for LocalTime {
    type Err = ParseLocalTimeError;
    fn from_str(text: &str) -> Result<Self, ParseLocalTimeError> {
        match read_stamp(text.as_bytes(), DateOrder::MonthFirst) {
            Ok(Stamp::Local(local)) => Ok(local),
            Ok(Stamp::Utc(_)) | Err(_) => Err(ParseLocalTimeError(text.to_owned())),
        }
    }
}

/// Zero for a month that there is not.
fn days_in(year: u32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 0,
    }
}

/// Days since 1970-01-01. After Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days_from_civil(year: u32, month: u32, day: u32) -> i64 {
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let shifted = year - i64::from(month <= 2);
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// A time as a line gives it: by a wall clock whose zone the line does not say, or outright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    Local(LocalTime),
    Utc(SourceTime),
}

/// Which number comes first in a date such as `5/11/2019`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    MonthFirst,
    DayFirst,
}

/// Reads a date with or without a time of day and an offset, or a count of seconds to nanoseconds since 1970.
///
/// Dates: `2019-02-04` (also with `.` and `/`), `20190204`, `04.02.2019`, `04-02-2019`, `2/4/2019` (by `order`). Times:
/// `13:00`, `13:00:05.123456`, `130005`, `130005123`. Between them a blank, `T`, `,`, `;` or `_`. Offsets: `Z`, `+02:00`,
/// ` GMT+0200`, ` UTC`.
pub(super) fn read_stamp(text: &[u8], order: DateOrder) -> Result<Stamp, LineError> {
    if let Some(moment) = read_epoch(text) {
        return Ok(Stamp::Utc(moment));
    }
    let mut rest = text;
    let date = read_date(&mut rest, order).ok_or(LineError::Time)?;
    let local = match rest {
        [] => return Ok(Stamp::Local(date)),
        [b' ' | b'T' | b',' | b';' | b'_', clock @ ..] => {
            rest = clock;
            let nanos = read_clock(&mut rest).ok_or(LineError::Time)?;
            date.at(nanos).ok_or(LineError::Time)?
        }
        _ => return Err(LineError::Time),
    };
    match read_zone(rest) {
        Some(None) => Ok(Stamp::Local(local)),
        Some(Some(seconds)) => Ok(Stamp::Utc(
            SourceTime::from_nanos(local.0) - Span::from_secs(i64::from(seconds)),
        )),
        None => Err(LineError::Time),
    }
}

/// Reads a time of day that stands in a column of its own, in nanoseconds since midnight.
pub(super) fn read_time_of_day(text: &[u8]) -> Result<i64, LineError> {
    let mut rest = text;
    let nanos = read_clock(&mut rest).ok_or(LineError::Time)?;
    if rest.is_empty() && nanos < DAY {
        Ok(nanos)
    } else {
        Err(LineError::Time)
    }
}

/// Reads `1234.5678` milliseconds into nanoseconds; what is finer is cut off. At most a day.
#[inline]
pub(super) fn read_millis(text: &[u8]) -> Result<i64, LineError> {
    let mut rest = text;
    let (whole, digits) = take_number(&mut rest);
    let fraction = match rest {
        [] => 0,
        [b'.', decimals @ ..] => {
            rest = decimals;
            take_fraction(&mut rest, 6)
        }
        _ => return Err(LineError::Time),
    };
    if digits == 0 || digits > 9 || !rest.is_empty() {
        return Err(LineError::Time);
    }
    let nanos = i64::from(whole) * 1_000_000 + fraction;
    if nanos < DAY {
        Ok(nanos)
    } else {
        Err(LineError::Time)
    }
}

/// A count since 1970 says its unit by its length: 9 or 10 digits are seconds (with or without decimals), 12 or 13
/// milliseconds, 15 or 16 microseconds, 18 or 19 nanoseconds. All of them lie between 1973 and 2262.
fn read_epoch(text: &[u8]) -> Option<SourceTime> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (unit, decimals) = match digits {
        9 | 10 => (SECOND, 9),
        12 | 13 => (1_000_000, 6),
        15 | 16 => (1000, 3),
        18 | 19 => (1, 0),
        _ => return None,
    };
    let count = text[..digits].iter().try_fold(0_i64, |count, b| {
        count.checked_mul(10)?.checked_add(i64::from(b - b'0'))
    })?;
    let mut rest = &text[digits..];
    let fraction = match rest {
        [] => 0,
        [b'.', after @ ..] if decimals > 0 => {
            rest = after;
            let fraction = take_fraction(&mut rest, decimals);
            rest.is_empty().then_some(fraction)?
        }
        _ => return None,
    };
    let nanos = count.checked_mul(unit)?.checked_add(fraction)?;
    Some(SourceTime::from_nanos(nanos))
}

fn read_date(rest: &mut &[u8], order: DateOrder) -> Option<LocalTime> {
    let (first, digits) = take_number(rest);
    match digits {
        8 => LocalTime::date(first / 10_000, first / 100 % 100, first % 100),
        4 => {
            let separator = take_separator(rest)?;
            let (month, _) = take_short(rest)?;
            (take_separator(rest)? == separator).then_some(())?;
            let (day, _) = take_short(rest)?;
            LocalTime::date(first, month, day)
        }
        1 | 2 => {
            let separator = take_separator(rest)?;
            let (second, _) = take_short(rest)?;
            (take_separator(rest)? == separator).then_some(())?;
            let (year, year_digits) = take_number(rest);
            (year_digits == 4).then_some(())?;
            // Only the slash is written by people who put the month first.
            match (separator, order) {
                (b'/', DateOrder::MonthFirst) => LocalTime::date(year, first, second),
                _ => LocalTime::date(year, second, first),
            }
        }
        _ => None,
    }
}

/// Nanoseconds since midnight; may be a little over a day, which the caller refuses.
fn read_clock(rest: &mut &[u8]) -> Option<i64> {
    let (first, digits) = take_number(rest);
    let (hour, minute, second, mut fraction) = match digits {
        1 | 2 => {
            take_byte(rest, b':')?;
            let (minute, 2) = take_number(rest) else {
                return None;
            };
            let second = match take_byte(rest, b':') {
                Some(()) => take_short(rest)?.0,
                None => 0,
            };
            (first, minute, second, 0)
        }
        4 => (first / 100, first % 100, 0, 0),
        6 => (first / 10_000, first / 100 % 100, first % 100, 0),
        9 => {
            let (clock, millis) = (first / 1000, first % 1000);
            let fraction = i64::from(millis) * 1_000_000;
            (clock / 10_000, clock / 100 % 100, clock % 100, fraction)
        }
        _ => return None,
    };
    if take_byte(rest, b'.').is_some() {
        fraction = take_fraction(rest, 9);
    }
    let real = hour < 24 && minute < 60 && second < 60;
    real.then(|| i64::from(hour * 3600 + minute * 60 + second) * SECOND + fraction)
}

/// `None` when the text is no offset, `Some(None)` when there is no text.
fn read_zone(text: &[u8]) -> Option<Option<i32>> {
    let text = text.trim_ascii_start();
    let (named, text) = match text {
        [b'G', b'M', b'T', rest @ ..] | [b'U', b'T', b'C', rest @ ..] | [b'Z', rest @ ..] => {
            (true, rest)
        }
        rest => (false, rest),
    };
    match (text, named) {
        ([], false) => Some(None),
        ([], true) => Some(Some(0)),
        (offset, _) => match read_offset(offset)? {
            (seconds, []) => Some(Some(seconds)),
            _ => None,
        },
    }
}

fn take_separator(rest: &mut &[u8]) -> Option<u8> {
    let [separator @ (b'-' | b'.' | b'/'), after @ ..] = *rest else {
        return None;
    };
    *rest = after;
    Some(*separator)
}

fn take_byte(rest: &mut &[u8], byte: u8) -> Option<()> {
    let after = rest.strip_prefix(&[byte])?;
    *rest = after;
    Some(())
}

/// One or two digits.
fn take_short(rest: &mut &[u8]) -> Option<(u32, usize)> {
    let (number, digits) = take_number(rest);
    (digits == 1 || digits == 2).then_some((number, digits))
}

/// All digits at the beginning and how many they are; the number is only right up to nine of them.
#[inline]
fn take_number(rest: &mut &[u8]) -> (u32, usize) {
    let (mut number, mut digits) = (0_u32, 0);
    while let [digit @ b'0'..=b'9', after @ ..] = *rest {
        number = number
            .wrapping_mul(10)
            .wrapping_add(u32::from(digit - b'0'));
        digits += 1;
        *rest = after;
    }
    (number, digits)
}

/// All digits at the beginning as decimals of a unit that has `places` of them; what is finer is cut off.
#[inline]
fn take_fraction(rest: &mut &[u8], places: u32) -> i64 {
    let (mut fraction, mut left) = (0, places);
    while let [digit @ b'0'..=b'9', after @ ..] = *rest {
        if left > 0 {
            fraction = fraction * 10 + i64::from(digit - b'0');
            left -= 1;
        }
        *rest = after;
    }
    fraction * 10_i64.pow(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        let order = DateOrder::MonthFirst;
        let shown = match read_stamp(text.as_bytes(), order) {
            Ok(Stamp::Local(local)) => {
                let shown = SourceTime::from_nanos(local.nanos()).to_string();
                shown.replace('Z', " local")
            }
            Ok(Stamp::Utc(time)) => time.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn reads_the_forms_files_write_times_in() {
        let local = "2019-02-04T13:05:09.120 local";
        for text in [
            "2019-02-04 13:05:09.12",
            "2019-02-04T13:05:09.120",
            "2019.02.04 13:05:09.120",
            "2019/2/4 13:05:9.12",
            "20190204 130509120",
            "20190204,13:05:09.120",
            "04.02.2019 13:05:09.120",
            "2/4/2019 13:05:09.12",
        ] {
            check(text, local);
        }
        check("20190204 130509", "2019-02-04T13:05:09.000 local");
        check("20190204 13:05", "2019-02-04T13:05:00.000 local");
        check("11/5/2019 9:30", "2019-11-05T09:30:00.000 local");
        check("20190204", "2019-02-04T00:00:00.000 local");
    }

    #[test]
    fn an_offset_or_a_count_needs_no_zone() {
        for text in [
            "2013-01-01 22:00:00.295000+00:00",
            "2013-01-01T22:00:00.295Z",
            "2013-01-02 00:00:00.295+0200",
            "02.01.2013 00:00:00.295 GMT+0200",
            "2013-01-01 22:00:00.295 UTC",
            "1357077600.295",
            "1357077600295",
            "1357077600295000",
            "1357077600295000000",
        ] {
            check(text, "2013-01-01T22:00:00.295Z");
        }
        check("1357077600", "2013-01-01T22:00:00.000Z");
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "x",
            "2019-02-30",
            "2019-13-01",
            "2019-02-04 24:00",
            "2019-02-04 12:60",
            "2019-02-04 12:00:60",
            "2019-02.04",
            "1500-01-01",
            "9999-01-01",
            "2019-02-04 12",
            "2019-02-04 12:00 EST",
            "2019-02-04X12:00",
            "12345",
            "2019-02-04 12:00:00+99:00",
            "99999999999999999999",
        ] {
            check(text, "the time cannot be read");
        }
    }

    #[test]
    fn the_day_may_come_first() {
        let stamp = read_stamp(b"5/11/2019", DateOrder::DayFirst);
        assert_eq!(stamp.ok(), LocalTime::date(2019, 11, 5).map(Stamp::Local));
    }

    #[test]
    fn milliseconds_may_have_decimals_and_end_with_the_day() {
        assert_eq!(read_millis(b"40.1868").ok(), Some(40_186_800));
        assert_eq!(read_millis(b"0").ok(), Some(0));
        assert_eq!(read_millis(b"86399999.9999999").ok(), Some(DAY - 1));
        for text in ["", ".", "-1", "86400000", "1e3", "1.2.3", "9999999999"] {
            assert!(read_millis(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn agrees_with_an_independent_calendar() {
        for day in (-60_000..90_000).step_by(13) {
            let stamp = jiff::Timestamp::from_second(day * 86_400).unwrap();
            let date = stamp.to_zoned(jiff::tz::TimeZone::UTC).date();
            let (year, month) = (date.year().unsigned_abs(), date.month().unsigned_abs());
            let ours = LocalTime::date(year.into(), month.into(), date.day().unsigned_abs().into());
            assert_eq!(ours.map(LocalTime::nanos), Some(day * DAY), "{date}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_time_or_an_error(bytes in "[0-9:. /TZ+-]{0,32}") {
            let _ = read_stamp(bytes.as_bytes(), DateOrder::DayFirst);
            let _ = read_millis(bytes.as_bytes());
            let _ = read_time_of_day(bytes.as_bytes());
        }
    }
}
