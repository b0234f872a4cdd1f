//! The holidays of the United States, by which index, metal and currency markets close early or stay shut.
//!
//! A table, since governments and exchanges decide anew each year: NYSE's closed days and half days for 2025 to 2028, and
//! what the index and metal futures of CME make of them (Lean's market hours database, which agrees to 2027; later days
//! follow the rule of the same holiday). Brokers' index and gold CFDs mostly keep the futures' hours. A year that is not
//! in the table has ordinary weeks: on a holiday its markets count as open and quiet.

use market::{Calendar, NewYork, Weekday};

/// How a day differs from an ordinary one. Times are New York's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Christmas, New Year: nothing trades from the evening before to this day's.
    Shut,
    /// Good Friday, and Christmas kept on a Friday: only currencies trade.
    CurrenciesOnly,
    /// Good Friday on a day of the employment report: besides currencies, index futures trade to 09:15.
    Employment,
    /// Bank holidays: indices to 13:00, metals to 14:30, on a Friday to 13:00; both are back in the evening.
    Bank,
    /// NYSE was closed for mourning: indices as on bank holidays, metals as ever.
    Mourning,
    /// The day before Independence Day: indices to 13:15.
    EveOfIndependence,
    /// The day after Thanksgiving: indices to 13:15, metals to 14:45.
    AfterThanksgiving,
    /// Christmas Eve: indices to 13:15, metals to 13:45.
    ChristmasEve,
}

/// Each day that differs, earliest first. The last row is there for the evening before it.
const TABLE: [(i32, Kind); 49] = [
    (day(2025, 1, 1), Kind::Shut),
    (day(2025, 1, 9), Kind::Mourning),
    (day(2025, 1, 20), Kind::Bank),
    (day(2025, 2, 17), Kind::Bank),
    (day(2025, 4, 18), Kind::CurrenciesOnly),
    (day(2025, 5, 26), Kind::Bank),
    (day(2025, 6, 19), Kind::Bank),
    (day(2025, 7, 3), Kind::EveOfIndependence),
    (day(2025, 7, 4), Kind::Bank),
    (day(2025, 9, 1), Kind::Bank),
    (day(2025, 11, 27), Kind::Bank),
    (day(2025, 11, 28), Kind::AfterThanksgiving),
    (day(2025, 12, 24), Kind::ChristmasEve),
    (day(2025, 12, 25), Kind::Shut),
    (day(2026, 1, 1), Kind::Shut),
    (day(2026, 1, 19), Kind::Bank),
    (day(2026, 2, 16), Kind::Bank),
    (day(2026, 4, 3), Kind::Employment),
    (day(2026, 5, 25), Kind::Bank),
    (day(2026, 6, 19), Kind::Bank),
    (day(2026, 7, 3), Kind::Bank),
    (day(2026, 9, 7), Kind::Bank),
    (day(2026, 11, 26), Kind::Bank),
    (day(2026, 11, 27), Kind::AfterThanksgiving),
    (day(2026, 12, 24), Kind::ChristmasEve),
    (day(2026, 12, 25), Kind::Shut),
    (day(2027, 1, 1), Kind::Shut),
    (day(2027, 1, 18), Kind::Bank),
    (day(2027, 2, 15), Kind::Bank),
    (day(2027, 3, 26), Kind::CurrenciesOnly),
    (day(2027, 5, 31), Kind::Bank),
    (day(2027, 6, 18), Kind::Bank),
    (day(2027, 7, 5), Kind::Bank),
    (day(2027, 9, 6), Kind::Bank),
    (day(2027, 11, 25), Kind::Bank),
    (day(2027, 11, 26), Kind::AfterThanksgiving),
    (day(2027, 12, 24), Kind::CurrenciesOnly),
    (day(2028, 1, 17), Kind::Bank),
    (day(2028, 2, 21), Kind::Bank),
    (day(2028, 4, 14), Kind::CurrenciesOnly),
    (day(2028, 5, 29), Kind::Bank),
    (day(2028, 6, 19), Kind::Bank),
    (day(2028, 7, 3), Kind::EveOfIndependence),
    (day(2028, 7, 4), Kind::Bank),
    (day(2028, 9, 4), Kind::Bank),
    (day(2028, 11, 23), Kind::Bank),
    (day(2028, 11, 24), Kind::AfterThanksgiving),
    (day(2028, 12, 25), Kind::Shut),
    (day(2029, 1, 1), Kind::Shut),
];

/// When the evening's session begins, in minutes of the day.
const EVENING: i32 = 17 * 60;

/// Whether a holiday keeps the market shut at this moment, which the ordinary week may do too.
pub(super) fn is_shut(calendar: Calendar, local: &NewYork) -> bool {
    let minute = local.second / 60;
    let today = find(local.day).and_then(|kind| shut_from(kind, calendar, local.weekday));
    let tomorrow =
        find(local.day.saturating_add(1)).and_then(|kind| shut_from(kind, calendar, local.weekday));
    let reopens = match calendar {
        Calendar::Fx => EVENING,
        Calendar::Metal | Calendar::Index | Calendar::Future => EVENING + 60,
    };
    today.is_some_and(|from| (from..reopens).contains(&minute))
        || (minute >= EVENING && tomorrow == Some(0))
}

/// Whether the day lies in a year of the table.
pub(super) fn are_known(local_day: i32) -> bool {
    (day(2025, 1, 1)..day(2029, 1, 1)).contains(&local_day)
}

fn find(day: i32) -> Option<Kind> {
    let place = TABLE.binary_search_by_key(&day, |(day, _)| *day).ok()?;
    Some(TABLE[place].1)
}

/// The minute of the day from which a market is shut until the evening: 0 for a session that does not even begin on the
/// evening before.
fn shut_from(kind: Kind, calendar: Calendar, weekday: Weekday) -> Option<i32> {
    use Calendar::{Future, Fx, Index, Metal};
    let at = |hour: i32, minute: i32| Some(hour * 60 + minute);
    match (kind, calendar) {
        (Kind::Shut, _) | (Kind::CurrenciesOnly, Metal | Index | Future) => Some(0),
        (Kind::Employment, Metal) => Some(0),
        (Kind::Employment, Index | Future) => at(9, 15),
        (Kind::Bank, Metal) if weekday != Weekday::Friday => at(14, 30),
        (Kind::Bank, Metal | Index | Future) | (Kind::Mourning, Index | Future) => at(13, 0),
        (Kind::AfterThanksgiving, Metal) => at(14, 45),
        (Kind::ChristmasEve, Metal) => at(13, 45),
        (
            Kind::EveOfIndependence | Kind::AfterThanksgiving | Kind::ChristmasEve,
            Index | Future,
        ) => at(13, 15),
        (Kind::EveOfIndependence | Kind::Mourning, Metal) => None,
        (
            Kind::CurrenciesOnly
            | Kind::Employment
            | Kind::Bank
            | Kind::Mourning
            | Kind::EveOfIndependence
            | Kind::AfterThanksgiving
            | Kind::ChristmasEve,
            Fx,
        ) => None,
    }
}

/// Days from 1970-01-01 to a date. Days-from-civil after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// for years after 0.
const fn day(year: i32, month: i32, day: i32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::super::calendar_is_open;
    use super::*;
    use market::SourceTime;

    fn check(utc: &str, expected: [bool; 3]) {
        let time = SourceTime::parse(utc).unwrap();
        let open = [Calendar::Fx, Calendar::Metal, Calendar::Index]
            .map(|calendar| calendar_is_open(calendar, time));
        assert_eq!(open, expected, "{utc}: currencies, metals, indices");
        let futures = calendar_is_open(Calendar::Future, time);
        assert_eq!(futures, expected[2], "{utc}: futures");
    }

    #[test]
    fn the_table_is_in_order_and_on_working_days() {
        assert_eq!(day(1970, 1, 1), 0);
        assert_eq!(day(2026, 7, 3), 20_637);
        assert!(TABLE.is_sorted_by(|one, next| one.0 < next.0));
        for (day, kind) in TABLE {
            let noon = NewYork::at(NewYork::moment(day, 12));
            assert_eq!(noon.day, day);
            assert!(noon.weekday < Weekday::Saturday, "{day} {kind:?}");
        }
    }

    #[test]
    fn bank_holidays_end_early_and_the_evening_is_open_again() {
        // Independence Day of 2026 is kept on a Friday: indices and gold to 13:00 in New York, and not back before Sunday.
        check("2026-07-03T14:00:00Z", [true, true, true]);
        check("2026-07-03T16:59:59Z", [true, true, true]);
        check("2026-07-03T17:00:00Z", [true, false, false]);
        check("2026-07-03T22:30:00Z", [false, false, false]);
        check("2026-07-05T22:00:00Z", [true, true, true]);
        // Martin Luther King's day, a Monday in winter.
        check("2026-01-19T17:59:59Z", [true, true, true]);
        check("2026-01-19T18:00:00Z", [true, true, false]);
        check("2026-01-19T19:29:59Z", [true, true, false]);
        check("2026-01-19T19:30:00Z", [true, false, false]);
        check("2026-01-19T23:00:00Z", [true, true, true]);
    }

    #[test]
    fn half_days_end_a_little_later() {
        check("2026-11-27T18:14:59Z", [true, true, true]);
        check("2026-11-27T18:15:00Z", [true, true, false]);
        check("2026-11-27T19:45:00Z", [true, false, false]);
        check("2026-12-24T18:44:59Z", [true, true, false]);
        check("2026-12-24T18:45:00Z", [true, false, false]);
        check("2025-07-03T17:15:00Z", [true, true, false]);
        check("2025-07-03T22:00:00Z", [true, true, true]);
        check("2025-01-09T18:00:00Z", [true, true, false]);
    }

    #[test]
    fn christmas_and_new_year_are_shut_from_the_evening_before() {
        check("2025-12-24T21:59:59Z", [true, false, false]);
        check("2025-12-24T22:00:00Z", [false, false, false]);
        check("2025-12-25T15:00:00Z", [false, false, false]);
        check("2025-12-25T22:00:00Z", [true, false, false]);
        check("2025-12-25T23:00:00Z", [true, true, true]);
        check("2025-12-31T21:59:59Z", [true, true, true]);
        check("2025-12-31T23:00:00Z", [false, false, false]);
        check("2026-01-01T23:00:00Z", [true, true, true]);
        // The week after Christmas of 2026 begins on Sunday; that of 2028, a Monday, only on its evening.
        check("2026-12-27T23:00:00Z", [true, true, true]);
        check("2028-12-24T23:30:00Z", [false, false, false]);
        check("2028-12-25T23:00:00Z", [true, true, true]);
        check("2028-12-31T23:30:00Z", [false, false, false]);
    }

    #[test]
    fn good_friday_is_for_currencies() {
        check("2025-04-17T20:59:59Z", [true, true, true]);
        check("2025-04-17T22:00:00Z", [true, false, false]);
        check("2025-04-18T15:00:00Z", [true, false, false]);
        check("2026-04-02T22:00:00Z", [true, false, true]);
        check("2026-04-03T13:14:59Z", [true, false, true]);
        check("2026-04-03T13:15:00Z", [true, false, false]);
        check("2027-12-24T15:00:00Z", [true, false, false]);
    }

    #[test]
    fn a_year_that_is_not_in_the_table_has_ordinary_weeks() {
        for utc in [
            "2014-07-04T18:00:00Z",
            "2014-12-25T15:00:00Z",
            "2024-11-28T20:00:00Z",
            "2029-12-25T15:00:00Z",
        ] {
            check(utc, [true, true, true]);
            let time = SourceTime::parse(utc).unwrap();
            assert!(!super::super::knows_holidays(time), "{utc}");
        }
        for utc in ["2025-01-01T05:00:00Z", "2029-01-01T04:59:59Z"] {
            let time = SourceTime::parse(utc).unwrap();
            assert!(super::super::knows_holidays(time), "{utc}");
        }
    }
}
