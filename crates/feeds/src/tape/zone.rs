//! The time zones that recorded data is written in, and the way from a wall clock to UTC. The zones' rules are built in.

use super::local::LocalTime;
use jiff::tz::{Offset, TimeZone};
use market::{SourceTime, Span};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// The wall clock a file's times are read from.
///
/// Where a clock skips an hour, times in it mean the hour after; where it shows one twice, they mean the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    Utc,
    /// So many seconds ahead of UTC, the whole year.
    Fixed(i32),
    NewYork,
    Chicago,
    /// Eastern European Time with the European Union's dates of change.
    EetEu,
    /// Brokers' Eastern European Time with the United States' dates: midnight is always 17:00 in New York.
    EetUs,
}

/// A text that names no zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no time zone known here: utc, a fixed offset such as -05:00, new_york, chicago, eet_eu or eet_us"
)]
pub struct ParseZoneError(String);

const HOUR_SECONDS: i64 = 3600;
const HOUR: i64 = HOUR_SECONDS * 1_000_000_000;
/// From New York's midnight clock to that of [`Zone::EetUs`].
const EET_US_LEAD: i64 = 7 * HOUR_SECONDS;
/// Further from UTC than this is no zone.
const MAX_OFFSET: i32 = 18 * 3600;

fn rules(name: &str) -> TimeZone {
    TimeZone::get(name).expect("the zone's rules are built into the binary")
}

static NEW_YORK: LazyLock<TimeZone> = LazyLock::new(|| rules("America/New_York"));
static CHICAGO: LazyLock<TimeZone> = LazyLock::new(|| rules("America/Chicago"));
static EET_EU: LazyLock<TimeZone> = LazyLock::new(|| rules("Europe/Helsinki"));

impl Zone {
    /// New York's winter time all year, as HistData and FXCM write.
    pub const EST_FIXED: Self = Self::Fixed(-5 * 3600);

    /// Seconds ahead of UTC at `local` seconds of this clock since 1970.
    pub(crate) fn offset(self, local: i64) -> i64 {
        match self {
            Self::Utc => 0,
            Self::Fixed(seconds) => i64::from(seconds),
            Self::NewYork => offset_in(&NEW_YORK, local),
            Self::Chicago => offset_in(&CHICAGO, local),
            Self::EetEu => offset_in(&EET_EU, local),
            Self::EetUs => offset_in(&NEW_YORK, local - EET_US_LEAD) + EET_US_LEAD,
        }
    }
}

fn offset_in(zone: &TimeZone, local: i64) -> i64 {
    let Ok(as_if_utc) = jiff::Timestamp::from_second(local) else {
        return 0;
    };
    let civil = Offset::UTC.to_datetime(as_if_utc);
    match zone.to_ambiguous_timestamp(civil).compatible() {
        Ok(moment) => local - moment.as_second(),
        Err(_) => 0,
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Utc => f.pad("utc"),
            Self::NewYork => f.pad("new_york"),
            Self::Chicago => f.pad("chicago"),
            Self::EetEu => f.pad("eet_eu"),
            Self::EetUs => f.pad("eet_us"),
            Self::Fixed(seconds) => {
                let sign = if seconds < 0 { '-' } else { '+' };
                let minutes = seconds.unsigned_abs() / 60;
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

impl FromStr for Zone {
    type Err = ParseZoneError;
    fn from_str(text: &str) -> Result<Self, ParseZoneError> {
        match text.to_ascii_lowercase().as_str() {
            "utc" | "gmt" | "z" => Ok(Self::Utc),
            "new_york" | "america/new_york" => Ok(Self::NewYork),
            "chicago" | "america/chicago" => Ok(Self::Chicago),
            "eet_eu" => Ok(Self::EetEu),
            "eet_us" => Ok(Self::EetUs),
            offset => parse_offset(offset).ok_or_else(|| ParseZoneError(text.to_owned())),
        }
    }
}

/// `-05:00`, `+0530`, `+2`, each also with `utc` or `gmt` before it.
fn parse_offset(text: &str) -> Option<Zone> {
    let text = text
        .strip_prefix("utc")
        .or_else(|| text.strip_prefix("gmt"))
        .unwrap_or(text);
    let (seconds, rest) = read_offset(text.as_bytes())?;
    rest.is_empty().then_some(Zone::Fixed(seconds))
}

/// Reads `+HH:MM`, `+HHMM`, `+HH` or `+H` from the beginning of a text: seconds, and what follows.
pub(super) fn read_offset(text: &[u8]) -> Option<(i32, &[u8])> {
    let (sign, digits) = match text {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let number = |part: &[u8]| part.iter().fold(0, |n, b| n * 10 + i32::from(b - b'0'));
    let (hours, minutes, rest) = match (count, &digits[count..]) {
        (1 | 2, [b':', a, b, rest @ ..]) if a.is_ascii_digit() && b.is_ascii_digit() => {
            (number(&digits[..count]), number(&[*a, *b]), rest)
        }
        (1 | 2, rest) => (number(&digits[..count]), 0, rest),
        (4, rest) => (number(&digits[..2]), number(&digits[2..4]), rest),
        _ => return None,
    };
    let seconds = sign * (hours * 3600 + minutes * 60);
    (minutes < 60 && seconds.abs() <= MAX_OFFSET).then_some((seconds, rest))
}

/// Turns one file's wall-clock times into UTC. Changes of the offset happen at whole hours in all of these zones, so the
/// rules are asked once per hour of data and not per tick.
#[derive(Clone, Debug)]
pub(super) struct ZoneClock {
    zone: Zone,
    /// The hour of the wall clock, counted from 1970, that `offset` (in nanoseconds) holds in.
    hour: i64,
    offset: i64,
}

impl ZoneClock {
    pub(super) fn new(zone: Zone) -> Self {
        Self {
            zone,
            hour: i64::MIN,
            offset: 0,
        }
    }

    #[inline]
    pub(super) fn utc(&mut self, local: LocalTime) -> SourceTime {
        let hour = local.nanos().div_euclid(HOUR);
        if hour != self.hour {
            self.hour = hour;
            self.offset = self.zone.offset(hour * HOUR_SECONDS) * 1_000_000_000;
        }
        SourceTime::from_nanos(local.nanos()) - Span::from_nanos(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: Zone, local: &str, utc: &str) {
        let local: LocalTime = local.parse().unwrap();
        let expected = SourceTime::parse(utc).unwrap();
        assert_eq!(
            ZoneClock::new(zone).utc(local),
            expected,
            "{zone} {local:?}"
        );
    }

    #[test]
    fn every_zone_in_both_halves_of_the_year() {
        for (zone, winter, summer) in [
            (Zone::Utc, "12", "12"),
            (Zone::EST_FIXED, "17", "17"),
            (Zone::NewYork, "17", "16"),
            (Zone::Chicago, "18", "17"),
            (Zone::EetEu, "10", "09"),
            (Zone::EetUs, "10", "09"),
        ] {
            check(
                zone,
                "2019-01-15T12:00",
                &format!("2019-01-15T{winter}:00:00Z"),
            );
            check(
                zone,
                "2019-07-15T12:00",
                &format!("2019-07-15T{summer}:00:00Z"),
            );
        }
    }

    /// 2019: the United States changed on 10 March and 3 November, the European Union on 31 March and 27 October.
    #[test]
    fn the_two_kinds_of_eet_differ_between_the_dates_of_change() {
        for (local, eu, us) in [
            ("2019-03-08T12:00", "10", "10"),
            ("2019-03-20T12:00", "10", "09"),
            ("2019-04-01T12:00", "09", "09"),
            ("2019-10-25T12:00", "09", "09"),
            ("2019-10-30T12:00", "10", "09"),
            ("2019-11-04T12:00", "10", "10"),
        ] {
            let day = &local[..10];
            check(Zone::EetEu, local, &format!("{day}T{eu}:00:00Z"));
            check(Zone::EetUs, local, &format!("{day}T{us}:00:00Z"));
        }
    }

    #[test]
    fn midnight_of_the_american_eet_is_seventeen_in_new_york() {
        for (local, utc) in [
            ("2019-03-11T00:00", "2019-03-10T21:00:00Z"),
            ("2019-01-07T00:00", "2019-01-06T22:00:00Z"),
        ] {
            check(Zone::EetUs, local, utc);
        }
    }

    #[test]
    fn a_skipped_hour_is_the_one_after_and_a_doubled_one_the_first() {
        check(Zone::NewYork, "2019-03-10T02:30", "2019-03-10T07:30:00Z");
        check(Zone::NewYork, "2019-11-03T01:30", "2019-11-03T05:30:00Z");
        check(Zone::NewYork, "2019-11-03T02:00", "2019-11-03T07:00:00Z");
    }

    #[test]
    fn one_clock_follows_a_change_of_the_offset() {
        let mut clock = ZoneClock::new(Zone::NewYork);
        let mut utc = |local: &str| clock.utc(local.parse().unwrap()).to_string();
        assert_eq!(utc("2019-03-10T01:59:59"), "2019-03-10T06:59:59.000Z");
        assert_eq!(utc("2019-03-10T03:00"), "2019-03-10T07:00:00.000Z");
        assert_eq!(utc("2019-03-10T01:59:59"), "2019-03-10T06:59:59.000Z");
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for zone in [
            Zone::Utc,
            Zone::EST_FIXED,
            Zone::Fixed(19_800),
            Zone::NewYork,
            Zone::Chicago,
            Zone::EetEu,
            Zone::EetUs,
        ] {
            assert_eq!(zone.to_string().parse(), Ok(zone));
        }
        assert_eq!("UTC-5".parse(), Ok(Zone::EST_FIXED));
        assert_eq!("gmt+0200".parse(), Ok(Zone::Fixed(7200)));
        for text in ["", "EST", "+25:00", "+5:99", "-05:00x", "europe/paris"] {
            assert!(text.parse::<Zone>().is_err(), "{text}");
        }
    }
}
