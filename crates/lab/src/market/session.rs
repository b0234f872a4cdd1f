//! The rhythm of the day: how busy, how wide and how restless a market is by New York's clock.

use market::{NewYork, SourceTime};

/// How a part of the day differs from the busiest one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Session {
    /// Ticks, as a part of an instrument's rate at its busiest.
    pub rate: f64,
    /// Ask minus bid, in multiples of the instrument's usual spread.
    pub spread: f64,
    /// Size of moves, in multiples of the usual.
    pub range: f64,
}

/// From this hour of New York's clock on; the last row holds over midnight. The roll at 17:00 is wide and slow, as it is
/// everywhere; setups reject what does not pay five spreads, so it is not so wide that the market falls silent.
const SESSIONS: [(i32, Session); 7] = [
    (2, session(1.0, 0.8, 1.0)),
    (7, session(1.1, 0.75, 1.1)),
    (12, session(0.7, 0.8, 0.95)),
    (13, session(0.8, 0.8, 1.0)),
    (16, session(0.6, 0.95, 0.95)),
    (17, session(0.35, 1.35, 0.95)),
    (18, session(0.45, 1.0, 0.9)),
];

const fn session(rate: f64, spread: f64, range: f64) -> Session {
    Session {
        rate,
        spread,
        range,
    }
}

/// Tells the session of a minute; remembers New York's offset of one UTC day, since it is asked for years of minutes in a
/// row. On the two days a year on which the clock changes, the offset at 00:00 UTC serves for all of the day.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    day: i64,
    offset: i64,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self {
            day: i64::MIN,
            offset: 0,
        }
    }

    /// `minute`: minutes since 1970, UTC.
    pub(super) fn at(&mut self, minute: i64) -> Session {
        let day = minute.div_euclid(1440);
        if day != self.day {
            let midnight = NewYork::at(SourceTime::from_secs(day * 86_400));
            let local = i64::from(midnight.day) * 86_400 + i64::from(midnight.second);
            (self.day, self.offset) = (day, (local - day * 86_400).div_euclid(60));
        }
        let hour = (minute + self.offset).rem_euclid(1440) / 60;
        let begun = SESSIONS
            .iter()
            .rev()
            .find(|(from, _)| i64::from(*from) <= hour);
        begun.map_or(SESSIONS[SESSIONS.len() - 1].1, |(_, session)| *session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_new_yorks_clock_through_the_year() {
        let check = |utc: &str, rate: f64| {
            let minute = SourceTime::parse(utc).unwrap().millis() / 60_000;
            assert_eq!(Sessions::new().at(minute).rate, rate, "{utc}");
        };
        check("2026-03-10T06:00:00Z", 1.0);
        check("2026-03-05T06:30:00Z", 0.45);
        check("2026-07-03T13:00:00Z", 1.1);
        check("2026-07-03T21:00:00Z", 0.35);
        check("2026-12-03T22:59:00Z", 0.35);
        check("2026-12-03T23:00:00Z", 0.45);
        check("2026-12-04T06:59:00Z", 0.45);
    }

    #[test]
    fn remembering_the_day_changes_nothing() {
        let mut remembering = Sessions::new();
        let first = SourceTime::parse("2026-10-30T00:00:00Z").unwrap().millis() / 60_000;
        for minute in (first..first + 4 * 1440).chain(first..first + 100) {
            assert_eq!(remembering.at(minute), Sessions::new().at(minute));
        }
    }
}
