//! A replay of recorded bars: each is one step at its end, the bad outcome first.

use crate::desk::settings;
use crate::scene::LONG;
use crate::tape::{Show, play};
use engine::Settings;
use expect_test::{Expect, expect};

/// The scene's candles as minutes: the first, third and fifth of each go from its open over the extremes to its close.
fn minutes() -> String {
    let pips = |text: &str| text.parse::<i32>().unwrap();
    let candle = |line: &str| {
        let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
        let [time, "candle", symbol, _, open, high, low, close] = words[..] else {
            return String::new();
        };
        let (open, high, low, close) = (pips(open), pips(high), pips(low), pips(close));
        let (first, second) = if close >= open {
            (low, high)
        } else {
            (high, low)
        };
        let ways = [(1, open, first), (3, first, second), (5, second, close)];
        let bar = |(minute, from, to): (i32, i32, i32)| {
            let end = pips(&time[3..]) + minute;
            let (hour, minute) = (10 + end / 60, end % 60);
            let (high, low) = (from.max(to), from.min(to));
            format!("{hour}:{minute:02} bar {symbol} 1m {from} {high} {low} {to}\n")
        };
        ways.map(bar).concat()
    };
    LONG.lines().map(candle).collect()
}

fn check(tape: &str, expected: Expect) {
    let tape = format!("{}11:01 bar EURUSD 1m 61 61 54 54\n{tape}", minutes());
    expected.assert_eq(&play(quiet(), Show::Signals, &tape));
}

/// Recorded bars come once a minute: their source shows no life between them.
fn quiet() -> Settings {
    let mut settings = settings();
    settings.catalog.sources[0].heartbeats = false;
    settings
}

#[test]
fn a_signal_from_trigger_to_target() {
    let tape = "
        11:02 bar EURUSD 1m 54 54 52 53      # triggers, and does not judge itself
        11:03 bar EURUSD 1m 53 57 52.4 56    # enters and confirms
        11:04 bar EURUSD 1m 56 63.5 55 60";
    check(
        tape,
        expect![[r#"
            11:02:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:02:00.000
            11:03:00.000 EURUSD long confirmed
            11:04:00.000 EURUSD target 1 1.08629 0.83R
            11:04:00.000 EURUSD stop moved 1.08540 0.08R
        "#]],
    );
}

#[test]
fn a_bar_that_holds_trigger_and_stop_sends_nothing() {
    check(
        "11:02 bar EURUSD 1m 54 54 40 53\n11:03 bar EURUSD 1m 53 54 52 53",
        expect![[""]],
    );
}

#[test]
fn the_stop_comes_before_the_target_and_the_confirmation() {
    let tape = "
        11:02 bar EURUSD 1m 54 54 52 53
        11:03 bar EURUSD 1m 53 70 40 60";
    check(
        tape,
        expect![[r#"
        11:02:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:02:00.000
        11:03:00.000 EURUSD long invalidated stop
    "#]],
    );
    let tape = "
        11:02 bar EURUSD 1m 54 54 52 53
        11:03 bar EURUSD 1m 53 57 52 56
        11:04 bar EURUSD 1m 56 90 40 60";
    check(
        tape,
        expect![[r#"
            11:02:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:02:00.000
            11:03:00.000 EURUSD long confirmed
            11:04:00.000 EURUSD stop 1.08411 -1.00R last, -1.29R in all
        "#]],
    );
}

#[test]
fn a_bar_that_opens_beyond_the_stop_stops_at_its_open() {
    let tape = "
        11:02 bar EURUSD 1m 54 54 52 53
        11:03 bar EURUSD 1m 53 57 52 56
        11:04 bar EURUSD 1m 35 60 30 50";
    check(
        tape,
        expect![[r#"
            11:02:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:02:00.000
            11:03:00.000 EURUSD long confirmed
            11:04:00.000 EURUSD stop 1.08345 -1.55R last, -1.85R in all
        "#]],
    );
}

#[test]
fn the_first_target_comes_before_the_confirmation() {
    check(
        "11:02 bar EURUSD 1m 54 54 52 53\n11:03 bar EURUSD 1m 53 70 52 69",
        expect![[r#"
            11:02:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:02:00.000
            11:03:00.000 EURUSD long invalidated missed
        "#]],
    );
}

#[test]
fn a_missing_bar_is_none_and_the_deadline_holds() {
    let tape = "
        11:02 bar EURUSD 1m 54 54 52 53      # to be decided by 11:06:45
        11:06 bar EURUSD 1m 53 54 52 52.5
        11:07 bar EURUSD 1m 53 57 52 56";
    check(
        tape,
        expect![[r#"
            11:02:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:02:00.000
            11:06:45.000 EURUSD long invalidated timeout
        "#]],
    );
}

#[test]
fn a_bar_that_comes_again_is_late() {
    let tape = "
        11:02 bar EURUSD 1m 54 54 53.5 54
        11:03 bar EURUSD 1m 54 54 53.5 54
        11:03 bar EURUSD 1m 54 54 52 53";
    check(tape, expect![[""]]);
}
