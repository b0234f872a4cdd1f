//! Hand-made tapes, told to the search.

use super::*;
use crate::config::Config;
use market::{Price, Tick};

#[test]
fn a_hole_in_open_hours_is_a_gap() {
    check(
        "EURUSD",
        &[
            "2026-03-03T12:00:00Z",
            "2026-03-03T12:01:00Z",
            "2026-03-03T12:02:01Z",
            "2026-03-03T12:03:00Z",
        ],
        &["2026-03-03T12:01:00Z 2026-03-03T12:02:01Z quiet"],
    );
}

#[test]
fn a_weekend_is_none_in_either_season_nor_over_the_change_of_the_clocks() {
    for (friday, sunday) in [
        ("2026-01-09T21:59:30Z", "2026-01-11T22:00:30Z"),
        ("2026-07-10T20:59:30Z", "2026-07-12T21:00:30Z"),
        // Daylight saving begins and ends on these Sundays.
        ("2026-03-06T21:59:30Z", "2026-03-08T21:00:30Z"),
        ("2026-10-30T20:59:30Z", "2026-11-01T22:00:30Z"),
    ] {
        check("EURUSD", &[friday, sunday], &[]);
    }
    // What is missing before and after a weekend is.
    check(
        "EURUSD",
        &["2026-03-06T21:50:00Z", "2026-03-08T21:30:00Z"],
        &[
            "2026-03-06T21:50:00Z 2026-03-06T22:00:00Z quiet",
            "2026-03-08T21:00:00Z 2026-03-08T21:30:00Z quiet",
        ],
    );
}

#[test]
fn the_daily_break_is_none_for_gold_and_one_for_currencies() {
    let times = ["2026-03-03T21:59:30Z", "2026-03-03T23:00:30Z"];
    check("XAUUSD", &times, &[]);
    check(
        "EURUSD",
        &times,
        &["2026-03-03T21:59:30Z 2026-03-03T23:00:30Z quiet"],
    );
}

#[test]
fn holidays_are_none() {
    // Thanksgiving: indices end at 13:00 in New York and are back at 18:00; currencies trade.
    let times = ["2026-11-26T17:59:30Z", "2026-11-26T23:00:30Z"];
    check("NAS100", &times, &[]);
    check(
        "EURUSD",
        &times,
        &["2026-11-26T17:59:30Z 2026-11-26T23:00:30Z quiet"],
    );
    // Christmas, for everybody.
    check(
        "EURUSD",
        &["2025-12-24T21:59:30Z", "2025-12-25T22:00:30Z"],
        &[],
    );
}

#[test]
fn a_lost_source_is_told_apart_from_a_quiet_one() {
    let mut tape = Tape::new();
    tape.tick("EURUSD", "2026-03-03T12:00:00Z");
    tape.tick("XAUUSD", "2026-03-03T12:00:00Z");
    tape.event("2026-03-03T12:05:00Z", &Event::Gap(SourceId(0)));
    tape.tick("EURUSD", "2026-03-03T12:10:00Z");
    tape.tick("EURUSD", "2026-03-03T12:20:00Z");
    tape.tick("XAUUSD", "2026-03-03T12:20:00Z");
    tape.event("2026-03-03T12:30:00Z", &Event::Start);
    tape.tick("XAUUSD", "2026-03-03T12:40:00Z");
    assert_eq!(
        tape.gaps(),
        [
            "EURUSD 2026-03-03T12:00:00Z 2026-03-03T12:10:00Z source_down",
            "XAUUSD 2026-03-03T12:00:00Z 2026-03-03T12:20:00Z source_down",
            "EURUSD 2026-03-03T12:10:00Z 2026-03-03T12:20:00Z quiet",
            "EURUSD 2026-03-03T12:20:00Z 2026-03-03T12:40:00Z source_down to the end",
            "XAUUSD 2026-03-03T12:20:00Z 2026-03-03T12:40:00Z source_down",
        ]
    );
}

#[test]
fn a_recorded_market_misses_nothing_while_nobody_plays_it() {
    let mut tape = Tape::new();
    tape.catalog.sources[0].name = "tape:x".to_owned();
    tape.follow.take_up(tape.catalog.clone());
    tape.tick("EURUSD", "2026-03-03T12:00:00Z");
    tape.event("2026-03-03T12:00:00Z", &Event::Start);
    tape.tick("EURUSD", "2026-03-03T12:10:00Z");
    assert_eq!(
        tape.gaps(),
        ["EURUSD 2026-03-03T12:00:00Z 2026-03-03T12:10:00Z quiet"]
    );
}

#[test]
fn a_symbol_that_falls_silent_is_missed_until_the_tape_ends() {
    let mut tape = Tape::new();
    tape.tick("EURUSD", "2026-03-06T21:00:00Z");
    tape.event("2026-03-08T22:00:00Z", &Event::Wake);
    assert_eq!(
        tape.gaps(),
        [
            "EURUSD 2026-03-06T21:00:00Z 2026-03-06T22:00:00Z quiet to the end",
            "EURUSD 2026-03-08T21:00:00Z 2026-03-08T22:00:00Z quiet to the end",
        ]
    );
}

#[test]
fn another_catalog_moves_a_symbol_and_a_late_tick_changes_nothing() {
    let mut tape = Tape::new();
    tape.tick("EURUSD", "2026-03-03T12:00:00Z");
    tape.tick("GBPUSD", "2026-03-03T12:00:00Z");
    tape.catalog
        .instruments
        .retain(|one| one.symbol.as_str() != "GBPUSD");
    tape.catalog.instruments.reverse();
    tape.follow.take_up(tape.catalog.clone());
    tape.tick("EURUSD", "2026-03-03T12:00:50Z");
    tape.tick("EURUSD", "2026-03-03T12:00:10Z");
    tape.tick("EURUSD", "2026-03-03T12:01:40Z");
    assert_eq!(tape.gaps(), [""; 0]);
}

/// Ticks of one symbol at these times, and its gaps.
fn check(symbol: &str, times: &[&str], expected: &[&str]) {
    let mut tape = Tape::new();
    times.iter().for_each(|time| tape.tick(symbol, time));
    let expected: Vec<String> = expected
        .iter()
        .map(|gap| format!("{symbol} {gap}"))
        .collect();
    assert_eq!(tape.gaps(), expected);
}

struct Tape {
    catalog: Catalog,
    follow: Follow,
}

impl Tape {
    /// The built-in instruments under a live source.
    fn new() -> Self {
        let mut catalog = Config::default().catalog();
        catalog.sources[0].name = "oanda".to_owned();
        catalog.sources[0].always_open = false;
        let mut follow = Follow::new(Span::from_secs(60));
        follow.take_up(catalog.clone());
        Self { catalog, follow }
    }

    fn tick(&mut self, symbol: &str, time: &str) {
        let tick = Tick {
            instrument: self.catalog.find(symbol).unwrap(),
            bid: Price::from_units(1),
            ask: Price::from_units(2),
            volume: None,
            time: SourceTime::parse(time).unwrap(),
            received: None,
        };
        self.event(time, &Event::Tick(tick));
    }

    fn event(&mut self, time: &str, event: &Event) {
        let at = Time::parse(time).unwrap().max(self.follow.now);
        self.follow.tell(at, event);
    }

    fn gaps(self) -> Vec<String> {
        let shown = |hole: &Hole| {
            let time = |time: SourceTime| time.to_string().replace(".000Z", "Z");
            let end = if hole.last { " to the end" } else { "" };
            let (from, to) = (time(hole.from), time(hole.to));
            format!("{} {from} {to} {}{end}", hole.symbol, hole.why.key())
        };
        self.follow.end().iter().map(shown).collect()
    }
}
