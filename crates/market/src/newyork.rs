//! New York's wall clock, which rolls trading days, opens markets and names killzones. The zone's rules are built in.

use crate::{SourceTime, Span};
use jiff::civil::{Date, DateTime, Time as ClockTime};
use jiff::tz::TimeZone;
use std::sync::LazyLock;

static ZONE: LazyLock<TimeZone> = LazyLock::new(|| {
    TimeZone::get("America/New_York").expect("the zone's rules are built into the binary")
});

/// Until when (2100) [`OFFSETS`] is known, in seconds since 1970.
const KNOWN_UNTIL: i64 = 4_102_444_800;

/// From which second on New York's clock is how many seconds from UTC. The zone's rules say the same, but take ten times as
/// long, and every closed bar asks.
static OFFSETS: LazyLock<Vec<(i64, i32)>> = LazyLock::new(|| {
    let begin = jiff::Timestamp::MIN;
    let changes = ZONE.following(begin);
    let changes = changes.map(|change| (change.timestamp().as_second(), change.offset().seconds()));
    let known = changes.take_while(|(second, _)| *second < KNOWN_UNTIL);
    let first = (i64::MIN, ZONE.to_offset(begin).seconds());
    std::iter::once(first).chain(known).collect()
});

/// Seconds from UTC to New York's clock.
fn offset(second: i64) -> i32 {
    if second < KNOWN_UNTIL {
        let after = OFFSETS.partition_point(|(from, _)| *from <= second);
        OFFSETS[after - 1].1
    } else {
        by_rules(second)
    }
}

fn by_rules(second: i64) -> i32 {
    let stamp = jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    ZONE.to_offset(stamp).seconds()
}

/// Monday first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A moment as a clock on a wall in New York shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewYork {
    /// Days from 1970-01-01 to the local date.
    pub day: i32,
    pub weekday: Weekday,
    /// Seconds since local midnight as the clock shows them (not elapsed ones on days of a change).
    pub second: i32,
}

impl NewYork {
    #[must_use]
    pub fn at(time: SourceTime) -> Self {
        let second = time.nanos().div_euclid(1_000_000_000);
        let local = second + i64::from(offset(second));
        let day = local.div_euclid(86_400) as i32;
        Self {
            day,
            weekday: weekday(day),
            second: local.rem_euclid(86_400) as i32,
        }
    }

    /// The moment at which New York's clock shows `hour`:00 on a date (days since 1970-01-01). An hour that the clock
    /// skips means the one after it, an hour that it shows twice the first.
    #[must_use]
    pub fn moment(day: i32, hour: i8) -> SourceTime {
        let date = Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(day));
        let civil = DateTime::from_parts(date, ClockTime::constant(hour, 0, 0, 0));
        let stamp = ZONE
            .to_ambiguous_timestamp(civil)
            .compatible()
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        SourceTime::from_secs(stamp.as_second())
    }

    /// The latest moment, not after `time`, at which New York's clock showed `hour`:00.
    #[must_use]
    pub fn latest(time: SourceTime, hour: i8) -> SourceTime {
        let day = Self::at(time).day;
        let today = Self::moment(day, hour);
        if today <= time {
            today
        } else {
            Self::moment(day - 1, hour)
        }
    }

    /// The first moment after `time` at which New York's clock shows `hour`:00.
    #[must_use]
    pub fn next(time: SourceTime, hour: i8) -> SourceTime {
        let last = Self::latest(time, hour);
        let candidate = Self::latest(last + Span::from_hours(26), hour);
        debug_assert!(candidate > time, "a day is at most 25 hours long");
        candidate
    }
}

fn weekday(day: i32) -> Weekday {
    use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    // 1970-01-01 was a Thursday.
    [
        Thursday, Friday, Saturday, Sunday, Monday, Tuesday, Wednesday,
    ][day.rem_euclid(7) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SourceTime {
        SourceTime::parse(text).unwrap()
    }

    #[test]
    fn knows_both_halves_of_the_year() {
        for (utc, clock) in [
            ("2026-03-10T06:30:00Z", "02:30"),
            ("2026-03-05T06:30:00Z", "01:30"),
            ("2026-11-01T05:30:00Z", "01:30"),
            ("2026-11-01T06:30:00Z", "01:30"),
            ("2026-07-03T14:00:00Z", "10:00"),
        ] {
            let local = NewYork::at(at(utc));
            assert_eq!(
                format!("{:02}:{:02}", local.second / 3600, local.second / 60 % 60),
                clock,
                "{utc}"
            );
        }
        assert_eq!(
            NewYork::at(at("2026-11-23T05:00:00Z")).weekday,
            Weekday::Monday
        );
        assert_eq!(
            NewYork::at(at("2026-11-23T04:59:59Z")).weekday,
            Weekday::Sunday
        );
    }

    #[test]
    fn the_offsets_are_those_of_the_zones_rules() {
        // Every seventh hour, and around each change, the last of which are of the rules alone.
        let first = at("1690-01-01T00:00:00Z").nanos() / 1_000_000_000;
        let last = at("2200-01-01T00:00:00Z").nanos() / 1_000_000_000;
        let around = OFFSETS[1..]
            .iter()
            .flat_map(|(second, _)| second - 1..=second + 1);
        let ends = KNOWN_UNTIL - 1..=KNOWN_UNTIL;
        let hours = (first..last).step_by(7 * 3600);
        for second in hours.chain(around).chain(ends) {
            assert_eq!(offset(second), by_rules(second), "{second}");
        }
        assert!(OFFSETS.len() > 300, "{}", OFFSETS.len());
    }

    #[test]
    fn the_roll_moves_with_daylight_saving() {
        for (time, roll) in [
            ("2026-03-06T23:00:00Z", "2026-03-06T22:00:00Z"),
            ("2026-03-08T23:00:00Z", "2026-03-08T21:00:00Z"),
            ("2026-11-01T21:30:00Z", "2026-10-31T21:00:00Z"),
            ("2026-11-01T22:00:00Z", "2026-11-01T22:00:00Z"),
        ] {
            assert_eq!(NewYork::latest(at(time), 17), at(roll), "{time}");
        }
    }

    #[test]
    fn the_next_roll_is_a_day_of_23_to_25_hours_on() {
        let mut roll = NewYork::latest(at("2026-01-01T00:00:00Z"), 17);
        for _ in 0..800 {
            let next = NewYork::next(roll, 17);
            let hours = (next - roll).nanos() / 3_600_000_000_000;
            assert!((23..=25).contains(&hours), "{roll} {next}");
            assert_eq!(NewYork::latest(next - Span::from_nanos(1), 17), roll);
            roll = next;
        }
    }
}
