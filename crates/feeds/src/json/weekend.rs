//! Markets of currencies rest from Friday 17:00 to Sunday 17:00 in New York. A venue that trades through the weekend shows
//! prices of its own then, and they are not the market's.

use market::{NewYork, SourceTime, Span, Weekday};

/// 17:00, in seconds since midnight.
const CLOSE: i32 = 17 * 3600;

/// Knows whether a time lies in the weekend. It remembers the last hour: New York's clock shows 17:00 at whole hours of UTC
/// only, so that the answer is the same for all of an hour.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weekend {
    hour: Option<(SourceTime, bool)>,
}

impl Weekend {
    pub(super) fn is(&mut self, time: SourceTime) -> bool {
        let hour = time.floor(Span::from_hours(1));
        match self.hour {
            Some((known, is)) if known == hour => is,
            _ => {
                let is = at(hour);
                self.hour = Some((hour, is));
                is
            }
        }
    }
}

fn at(time: SourceTime) -> bool {
    let local = NewYork::at(time);
    match local.weekday {
        Weekday::Friday => local.second >= CLOSE,
        Weekday::Saturday => true,
        Weekday::Sunday => local.second < CLOSE,
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weekend_is_new_yorks_in_summer_and_winter() {
        let mut weekend = Weekend::default();
        for (time, is) in [
            ("2026-07-10T20:59:59.999Z", false),
            ("2026-07-10T21:00:00Z", true),
            ("2026-07-11T12:00:00Z", true),
            ("2026-07-12T20:59:59Z", true),
            ("2026-07-12T21:00:00Z", false),
            ("2026-11-20T21:59:59Z", false),
            ("2026-11-20T22:00:00Z", true),
            ("2026-11-22T21:59:59Z", true),
            ("2026-11-22T22:00:00Z", false),
            // The clocks change on this Sunday, at 02:00.
            ("2026-11-01T21:30:00Z", true),
            ("2026-11-01T22:00:00Z", false),
        ] {
            assert_eq!(weekend.is(SourceTime::parse(time).unwrap()), is, "{time}");
        }
    }
}
