//! New York's clock and the markets' hours as these tests know them: by another road than the engine's.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use market::{Calendar, Killzone, SourceTime, Span};
use std::sync::LazyLock;

static ZONE: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("America/New_York").unwrap());

/// What a clock on a wall in New York shows.
pub(crate) fn local(time: SourceTime) -> DateTime {
    let stamp = jiff::Timestamp::from_nanosecond(i128::from(time.nanos())).unwrap();
    stamp.to_zoned(ZONE.clone()).datetime()
}

/// The date on which the trading day ends that begins at 17:00.
pub(crate) fn trading_day(time: SourceTime) -> Date {
    let local = local(time);
    let date = local.date();
    if local.hour() >= 17 {
        date.tomorrow().unwrap()
    } else {
        date
    }
}

pub(crate) fn killzone(time: SourceTime) -> Killzone {
    let local = local(time);
    match (local.hour(), local.minute()) {
        (2..=6, _) => Killzone::London,
        (7..=11, _) => Killzone::NyAm,
        (12, _) | (13, 0..=29) => Killzone::Lunch,
        (13..=16, _) => Killzone::Pm,
        _ => Killzone::Asia,
    }
}

/// Whether New York's clock changes within a week.
pub(crate) fn is_near_a_change(time: SourceTime) -> bool {
    let week = Span::from_hours(7 * 24);
    let utc = |time: SourceTime| time.nanos() / 1_000_000_000;
    let offset = |time: SourceTime| {
        let stamp = jiff::Timestamp::from_second(utc(time)).unwrap();
        ZONE.to_offset(stamp)
    };
    offset(time - week) != offset(time + week)
}

/// A day on which metals and indices close early: when they do, in hours and minutes.
struct Early {
    date: Date,
    metals: (i8, i8),
    indices: (i8, i8),
}

const fn early(date: Date, metals: (i8, i8), indices: (i8, i8)) -> Early {
    Early {
        date,
        metals,
        indices,
    }
}

/// Some of them, as the exchanges told them.
const EARLY: [Early; 6] = [
    early(Date::constant(2025, 9, 1), (14, 30), (13, 0)),
    early(Date::constant(2025, 11, 27), (14, 30), (13, 0)),
    early(Date::constant(2025, 12, 24), (13, 45), (13, 15)),
    early(Date::constant(2026, 1, 19), (14, 30), (13, 0)),
    early(Date::constant(2026, 2, 16), (14, 30), (13, 0)),
    early(Date::constant(2026, 7, 3), (13, 0), (13, 0)),
];

/// Whether a market is surely closed: nights, weekends, and holidays of which nobody doubts.
pub(crate) fn is_closed(calendar: Calendar, time: SourceTime) -> bool {
    let local = local(time);
    let opens = if calendar == Calendar::Fx { 17 } else { 18 };
    let weekly = match local.weekday() {
        Weekday::Saturday => true,
        Weekday::Sunday => local.hour() < opens,
        Weekday::Friday => local.hour() >= 17,
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday => {
            opens == 18 && local.hour() == 17
        }
    };
    weekly || is_shut(local, opens) || is_early(calendar, local)
}

/// Christmas and New Year of the years whose holidays are known, from the evening before to that of the day.
fn is_shut(local: DateTime, opens: i8) -> bool {
    let date = local.date();
    let begins =
        |date: Date| date.year() >= 2025 && matches!((date.month(), date.day()), (12, 25) | (1, 1));
    (begins(date) && local.hour() < opens)
        || (begins(date.tomorrow().unwrap()) && local.hour() >= 17)
}

fn is_early(calendar: Calendar, local: DateTime) -> bool {
    let mut days = EARLY.iter();
    let Some(day) = days.find(|day| day.date == local.date()) else {
        return false;
    };
    let closes = match calendar {
        Calendar::Fx => return false,
        Calendar::Metal => day.metals,
        Calendar::Index | Calendar::Future => day.indices,
    };
    (closes..(18, 0)).contains(&(local.hour(), local.minute()))
}
