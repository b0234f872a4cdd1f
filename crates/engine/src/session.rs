//! The trading day in New York time: killzones, rolls, weeks, and when a market is open.

mod holidays;

use market::{Calendar, Instrument, Killzone, NewYork, Source, SourceTime, Span, Weekday};
use std::ops::Range;

/// The hour at which a calendar's trading day begins.
#[must_use]
pub fn roll_hour(calendar: Calendar) -> i8 {
    match calendar {
        Calendar::Fx | Calendar::Metal | Calendar::Index => 17,
        Calendar::Future => 18,
    }
}

/// The part of the day every moment belongs to.
#[must_use]
pub fn killzone(time: SourceTime) -> Killzone {
    let minute = minute_of_day(time);
    let mut zones = Killzone::ALL.into_iter();
    let holds = |zone: &Killzone| {
        let Range { start, end } = zone_minutes(*zone);
        if start < end {
            (start..end).contains(&minute)
        } else {
            start <= minute || minute < end
        }
    };
    zones.find(holds).unwrap_or(Killzone::Asia)
}

/// From which minute of New York's day to which a killzone goes; where it ends before it begins, over midnight.
#[must_use]
pub const fn zone_minutes(zone: Killzone) -> Range<i32> {
    match zone {
        Killzone::Asia => 1020..120,
        Killzone::London => 120..420,
        Killzone::NyAm => 420..720,
        Killzone::Lunch => 720..810,
        Killzone::Pm => 810..1020,
    }
}

/// The part of a killzone in which native setups may fire, in minutes of New York's day; none in lunch.
#[must_use]
pub const fn core_minutes(zone: Killzone, calendar: Calendar) -> Option<Range<i32>> {
    match (zone, calendar) {
        (Killzone::Asia, _) => Some(1200..1440),
        (Killzone::London, _) => Some(120..300),
        (Killzone::NyAm, Calendar::Fx | Calendar::Metal) => Some(420..600),
        (Killzone::NyAm, Calendar::Index | Calendar::Future) => Some(510..660),
        (Killzone::Lunch, _) => None,
        (Killzone::Pm, _) => Some(810..960),
    }
}

/// Whether native setups may fire: the core windows, which are narrower than the parts of the day.
#[must_use]
pub fn in_core_window(time: SourceTime, calendar: Calendar) -> bool {
    let minute = minute_of_day(time);
    let mut zones = Killzone::ALL.into_iter();
    zones.any(|zone| core_minutes(zone, calendar).is_some_and(|core| core.contains(&minute)))
}

/// The number of the trading day a moment lies in: the local date, the next one from the roll on.
#[must_use]
pub fn trading_day(time: SourceTime, roll_hour: i8) -> i32 {
    let local = NewYork::at(time);
    local.day + i32::from(local.second >= i32::from(roll_hour) * 3600)
}

/// The number of the trading week of a trading day; weeks begin with the roll on Sunday.
#[must_use]
pub fn trading_week(trading_day: i32) -> i32 {
    // Day -3 (1969-12-29) was a Monday.
    (trading_day + 3).div_euclid(7)
}

/// Markets open and close at quarters of New York's hours, which are quarters of UTC's.
const QUARTER: Span = Span::from_minutes(15);

/// Whether the market is open by its calendar, holidays included where their year is known.
#[must_use]
pub fn is_open(instrument: &Instrument, source: &Source, time: SourceTime) -> bool {
    source.always_open || calendar_is_open(instrument.calendar, time)
}

/// When the market last opened or closed by its calendar, at or before `time`; `None` where it is always open. Markets turn
/// at quarters of an hour, and at least once in any ten days.
#[must_use]
pub fn last_turn(instrument: &Instrument, source: &Source, time: SourceTime) -> Option<SourceTime> {
    if source.always_open {
        return None;
    }
    let is_open = |time| calendar_is_open(instrument.calendar, time);
    let now = is_open(time);
    let mut turn = time.floor(QUARTER);
    for _ in 0..10 * 24 * 4 {
        if is_open(turn - Span::from_nanos(1)) != now {
            return Some(turn);
        }
        turn = turn - QUARTER;
    }
    None
}

/// When the market next opens or closes by its calendar, after `time`; `None` where it is always open. Markets turn at
/// quarters of an hour, and at least once in any ten days.
#[must_use]
pub fn next_turn(instrument: &Instrument, source: &Source, time: SourceTime) -> Option<SourceTime> {
    if source.always_open {
        return None;
    }
    let is_open = |time| calendar_is_open(instrument.calendar, time);
    let now = is_open(time);
    let mut turn = time.floor(QUARTER);
    for _ in 0..10 * 24 * 4 {
        turn = turn + QUARTER;
        if is_open(turn) != now {
            return Some(turn);
        }
    }
    None
}

/// Whether the calendar knows the holidays of this moment's year; on those of other years markets count as open.
#[must_use]
pub fn knows_holidays(time: SourceTime) -> bool {
    holidays::are_known(NewYork::at(time).day)
}

/// The parts of a span of time in which the market is open by its calendar, earliest first.
#[must_use]
pub fn open_parts(
    instrument: &Instrument,
    source: &Source,
    from: SourceTime,
    to: SourceTime,
) -> Vec<(SourceTime, SourceTime)> {
    let mut parts: Vec<(SourceTime, SourceTime)> = Vec::new();
    let mut begin = from;
    while begin < to {
        let end = (begin.floor(QUARTER) + QUARTER).min(to);
        if is_open(instrument, source, begin) {
            match parts.last_mut() {
                Some(part) if part.1 == begin => part.1 = end,
                _ => parts.push((begin, end)),
            }
        }
        begin = end;
    }
    parts
}

fn calendar_is_open(calendar: Calendar, time: SourceTime) -> bool {
    let (opens, has_break) = match calendar {
        Calendar::Fx => (17, false),
        Calendar::Metal | Calendar::Index | Calendar::Future => (18, true),
    };
    let local = NewYork::at(time);
    if holidays::is_shut(calendar, &local) {
        return false;
    }
    let hour = local.second / 3600;
    match local.weekday {
        Weekday::Saturday => false,
        Weekday::Sunday => hour >= opens,
        Weekday::Friday => hour < 17,
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday => {
            !(has_break && hour == 17)
        }
    }
}

/// [`is_open`] of one instrument, remembered for a quarter of an hour.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OpenHours {
    quarter: SourceTime,
    open: Option<bool>,
}

impl OpenHours {
    pub(crate) fn is_open(
        &mut self,
        instrument: &Instrument,
        source: &Source,
        time: SourceTime,
    ) -> bool {
        let quarter = time.floor(QUARTER);
        if let Some(open) = self.open
            && quarter == self.quarter
        {
            return open;
        }
        let open = is_open(instrument, source, time);
        (self.quarter, self.open) = (quarter, Some(open));
        open
    }
}

/// The first Friday 17:00 New York after `time`, when the week ends.
#[must_use]
pub fn week_end(time: SourceTime) -> SourceTime {
    let mut end = NewYork::next(time, 17);
    while NewYork::at(end).weekday != Weekday::Friday {
        end = NewYork::next(end, 17);
    }
    end
}

fn minute_of_day(time: SourceTime) -> i32 {
    NewYork::at(time).second / 60
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SourceTime {
        SourceTime::parse(text).unwrap()
    }

    #[test]
    fn every_moment_has_a_killzone_in_both_seasons() {
        for (utc, zone) in [
            ("2026-03-10T06:30:00Z", Killzone::London),
            ("2026-03-05T06:30:00Z", Killzone::Asia),
            ("2026-11-01T05:30:00Z", Killzone::Asia),
            ("2026-07-03T14:00:00Z", Killzone::NyAm),
            ("2026-07-03T16:00:00Z", Killzone::Lunch),
            ("2026-07-03T17:29:59Z", Killzone::Lunch),
            ("2026-07-03T17:30:00Z", Killzone::Pm),
            ("2026-07-03T20:59:59Z", Killzone::Pm),
            ("2026-07-03T21:00:00Z", Killzone::Asia),
            ("2026-01-05T12:00:00Z", Killzone::NyAm),
        ] {
            assert_eq!(killzone(at(utc)), zone, "{utc}");
        }
    }

    #[test]
    fn core_windows_differ_by_market() {
        for (utc, fx, index) in [
            ("2026-07-03T11:30:00Z", true, false),
            ("2026-07-03T12:30:00Z", true, true),
            ("2026-07-03T14:30:00Z", false, true),
            ("2026-07-03T16:30:00Z", false, false),
            ("2026-07-03T06:00:00Z", true, true),
            ("2026-07-03T03:59:59Z", true, true),
            ("2026-07-03T04:00:00Z", false, false),
            ("2026-07-03T20:00:00Z", false, false),
        ] {
            assert_eq!(in_core_window(at(utc), Calendar::Fx), fx, "{utc}");
            assert_eq!(in_core_window(at(utc), Calendar::Index), index, "{utc}");
        }
    }

    #[test]
    fn markets_open_and_close_by_new_york() {
        for (utc, fx, metal) in [
            ("2026-07-10T20:59:59Z", true, true),
            ("2026-07-10T21:00:00Z", false, false),
            ("2026-07-11T12:00:00Z", false, false),
            ("2026-07-12T21:00:00Z", true, false),
            ("2026-07-12T22:00:00Z", true, true),
            ("2026-07-13T21:30:00Z", true, false),
            ("2026-01-09T21:59:59Z", true, true),
            ("2026-01-11T21:30:00Z", false, false),
        ] {
            assert_eq!(calendar_is_open(Calendar::Fx, at(utc)), fx, "{utc}");
            assert_eq!(calendar_is_open(Calendar::Metal, at(utc)), metal, "{utc}");
        }
    }

    #[test]
    fn the_next_turn_is_the_one_that_will_be_the_last() {
        let (instrument, mut source) = (gold(), source());
        for (now, turn) in [
            // On a Friday, over a weekend in which daylight saving begins, and in a daily break.
            ("2026-03-06T21:58:00Z", "2026-03-06T22:00:00.000Z"),
            ("2026-03-06T22:00:00Z", "2026-03-08T22:00:00.000Z"),
            ("2026-03-09T21:00:00Z", "2026-03-09T22:00:00.000Z"),
        ] {
            let next = next_turn(&instrument, &source, at(now)).unwrap();
            assert_eq!(next.to_string(), turn);
            assert_eq!(last_turn(&instrument, &source, next), Some(next));
            let before = last_turn(&instrument, &source, next - Span::from_nanos(1)).unwrap();
            assert!(before <= at(now), "{before} lies between {now} and {next}");
        }
        source.always_open = true;
        assert_eq!(
            next_turn(&instrument, &source, at("2026-03-06T22:00:00Z")),
            None
        );
    }

    #[test]
    fn what_is_open_of_a_span_is_told_in_parts() {
        let (instrument, mut source) = (gold(), source());
        let parts = |source: &Source, from, to| {
            let parts = open_parts(&instrument, source, at(from), at(to));
            parts
                .iter()
                .map(|(from, to)| format!("{from} {to}"))
                .collect::<Vec<_>>()
        };
        // Over a weekend in which daylight saving begins, and the Monday's break.
        assert_eq!(
            parts(&source, "2026-03-06T21:58:00Z", "2026-03-09T22:05:00Z"),
            [
                "2026-03-06T21:58:00.000Z 2026-03-06T22:00:00.000Z",
                "2026-03-08T22:00:00.000Z 2026-03-09T21:00:00.000Z",
                "2026-03-09T22:00:00.000Z 2026-03-09T22:05:00.000Z",
            ]
        );
        assert_eq!(
            parts(&source, "2026-07-04T00:00:00Z", "2026-07-05T00:00:00Z"),
            [""; 0]
        );
        source.always_open = true;
        assert_eq!(
            parts(&source, "2026-07-04T00:00:01Z", "2026-07-05T00:00:00Z"),
            ["2026-07-04T00:00:01.000Z 2026-07-05T00:00:00.000Z"]
        );
    }

    fn gold() -> Instrument {
        Instrument {
            symbol: market::Symbol::new("XAUUSD").unwrap(),
            digits: 2,
            tick_size: market::Price::from_units(10_000_000),
            pip_size: market::Price::from_units(100_000_000),
            kind: market::PriceKind::Cfd,
            calendar: Calendar::Metal,
            spread_default: market::Price::ZERO,
            source: market::SourceId(0),
            signals: true,
            prices: true,
            contract: None,
            slippage_pips: None,
        }
    }

    fn source() -> Source {
        Source {
            name: "sim".to_owned(),
            heartbeats: true,
            simulated: false,
            always_open: false,
        }
    }

    #[test]
    fn days_and_weeks_roll_at_the_roll() {
        let sunday = trading_day(at("2026-07-05T21:00:00Z"), 17);
        assert_eq!(sunday, trading_day(at("2026-07-06T20:59:59Z"), 17));
        assert_eq!(sunday + 1, trading_day(at("2026-07-06T21:00:00Z"), 17));
        assert_eq!(
            trading_week(sunday),
            trading_week(trading_day(at("2026-07-03T20:00:00Z"), 17)) + 1
        );
        assert_eq!(
            week_end(at("2026-07-05T21:00:00Z")),
            at("2026-07-10T21:00:00Z")
        );
        assert_eq!(
            week_end(at("2026-07-10T21:00:00Z")),
            at("2026-07-17T21:00:00Z")
        );
    }
}
