//! The ordinary hours of markets, in New York, for sources that must know whether silence is odd or a question is in vain.
//! Holidays are not known here: on one, a word too many is said or a question too many asked.

use market::{NewYork, SourceTime, Weekday};

const HOUR: i32 = 3600;

/// Currencies and metals: Sunday 17:00 to Friday 17:00.
pub(crate) fn currencies_are_open(time: SourceTime) -> bool {
    let local = NewYork::at(time);
    match local.weekday {
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday => true,
        Weekday::Friday => local.second < 17 * HOUR,
        Weekday::Saturday => false,
        Weekday::Sunday => local.second >= 17 * HOUR,
    }
}

/// The stock market, and with it the cash indices: Monday to Friday 09:30 to 16:00.
pub(crate) fn stocks_are_open(time: SourceTime) -> bool {
    let local = NewYork::at(time);
    let session = 9 * HOUR + HOUR / 2..16 * HOUR;
    local.weekday <= Weekday::Friday && session.contains(&local.second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_new_yorks_on_both_sides_of_a_change() {
        for (time, currencies, stocks) in [
            ("2026-07-13T13:29:59Z", true, false),
            ("2026-07-13T13:30:00Z", true, true),
            ("2026-07-17T20:00:00Z", true, false),
            ("2026-07-17T21:00:00Z", false, false),
            ("2026-07-19T20:59:59Z", false, false),
            ("2026-07-19T21:00:00Z", true, false),
            ("2026-01-05T14:00:00Z", true, false),
            ("2026-01-05T14:30:00Z", true, true),
            ("2026-03-08T21:00:00Z", true, false),
        ] {
            let at = SourceTime::parse(time).unwrap();
            let open = (currencies_are_open(at), stocks_are_open(at));
            assert_eq!(open, (currencies, stocks), "{time}");
        }
    }
}
