//! Two clocks, two types. [`Time`] is ORION's own stamp, [`SourceTime`] is what a vendor wrote on its data. Deadlines and
//! the price pulse follow the stamp, bars and killzones follow the source. Comparing one with the other does not compile.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};

/// A length of time in nanoseconds; may be negative.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Span(i64);

impl Span {
    pub const ZERO: Self = Self(0);

    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis * 1_000_000)
    }
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1_000_000_000)
    }
    #[must_use]
    pub const fn from_minutes(minutes: i64) -> Self {
        Self::from_secs(minutes * 60)
    }
    #[must_use]
    pub const fn from_hours(hours: i64) -> Self {
        Self::from_secs(hours * 3600)
    }
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }
    /// Whole milliseconds, rounded towards the past.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// A text that is no RFC 3339 time between the years 1678 and 2261.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an RFC 3339 time such as 2026-11-23T14:05:00.000Z")]
pub struct ParseTimeError(String);

macro_rules! instant {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        ///
        /// UTC, in nanoseconds since 1970-01-01T00:00:00Z. Shown as RFC 3339 with milliseconds and `Z`.
        #[derive(
            Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name(i64);

        impl $name {
            pub const MIN: Self = Self(i64::MIN);
            pub const MAX: Self = Self(i64::MAX);

            #[must_use]
            pub const fn from_nanos(nanos: i64) -> Self {
                Self(nanos)
            }
            #[must_use]
            pub const fn from_millis(millis: i64) -> Self {
                Self(millis * 1_000_000)
            }
            #[must_use]
            pub const fn from_secs(secs: i64) -> Self {
                Self(secs * 1_000_000_000)
            }
            #[must_use]
            pub const fn nanos(self) -> i64 {
                self.0
            }
            /// Whole milliseconds since 1970, rounded towards the past.
            #[must_use]
            pub const fn millis(self) -> i64 {
                self.0.div_euclid(1_000_000)
            }
            /// The latest multiple of `step` (counted from 1970) that is not after this time.
            #[must_use]
            pub const fn floor(self, step: Span) -> Self {
                Self(self.0 - self.0.rem_euclid(step.0))
            }
            /// Reads RFC 3339 with any offset.
            ///
            /// # Errors
            /// When the text is not RFC 3339 or its year is outside 1678 to 2261.
            pub fn parse(text: &str) -> Result<Self, ParseTimeError> {
                let stamp: jiff::Timestamp = text
                    .trim()
                    .parse()
                    .map_err(|_| ParseTimeError(text.to_owned()))?;
                i64::try_from(stamp.as_nanosecond())
                    .map(Self)
                    .map_err(|_| ParseTimeError(text.to_owned()))
            }
        }

        impl Add<Span> for $name {
            type Output = Self;
            fn add(self, span: Span) -> Self {
                Self(self.0.saturating_add(span.0))
            }
        }

        impl Sub<Span> for $name {
            type Output = Self;
            fn sub(self, span: Span) -> Self {
                Self(self.0.saturating_sub(span.0))
            }
        }

        impl Sub for $name {
            type Output = Span;
            fn sub(self, other: Self) -> Span {
                Span(self.0.saturating_sub(other.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_rfc3339(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_rfc3339(self.0, f)
            }
        }
    };
}

instant!(Time, "ORION's own stamp: when ORION was told.");
instant!(SourceTime, "The time a source wrote on its data.");

impl Time {
    /// The stamp of our clock read as a time of a source that runs on it (the simulated market).
    #[must_use]
    pub const fn as_source(self) -> SourceTime {
        SourceTime(self.0)
    }
}

impl SourceTime {
    /// The stamp of data whose receive time was not recorded: under a tape the source's time is the only one there is.
    #[must_use]
    pub const fn as_stamp(self) -> Time {
        Time(self.0)
    }
}

/// Writes `2026-11-23T14:05:00.000Z`. Civil-from-days after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn write_rfc3339(nanos: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let millis = nanos.div_euclid(1_000_000);
    let (days, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1000 % 60, of_day % 1000);
    write!(
        f,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
    )
}

/// Year, month (1 to 12) and day (1 to 31) of a count of days since 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_rfc3339_with_milliseconds() {
        for text in [
            "1970-01-01T00:00:00.000Z",
            "2026-11-23T14:05:09.123Z",
            "2000-02-29T23:59:59.999Z",
            "1969-12-31T23:59:59.999Z",
        ] {
            assert_eq!(Time::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            SourceTime::parse("2026-03-01T01:00:00+02:00")
                .unwrap()
                .to_string(),
            "2026-02-28T23:00:00.000Z"
        );
        assert!(Time::parse("yesterday").is_err());
    }

    #[test]
    fn agrees_with_an_independent_calendar() {
        for day in (-50_000..80_000).step_by(17) {
            let ours = Time::from_secs(day * 86_400 + 3661).to_string();
            let theirs = jiff::Timestamp::from_second(day * 86_400 + 3661).unwrap();
            assert_eq!(ours, format!("{theirs:.3}"));
        }
    }

    #[test]
    fn floors_towards_the_past() {
        assert_eq!(
            Time::from_secs(-1).floor(Span::from_minutes(1)),
            Time::from_secs(-60)
        );
        assert_eq!(
            Time::from_secs(119).floor(Span::from_minutes(1)),
            Time::from_secs(60)
        );
    }
}
