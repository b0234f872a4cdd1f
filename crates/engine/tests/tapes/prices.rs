//! When prices are shown, with which time, and what changes are counted from.

use crate::desk::settings;
use crate::tape::{Show, play};
use engine::Settings;
use expect_test::{Expect, expect};

fn check(tape: &str, expected: Expect) {
    check_with(settings(), tape, expected);
}

fn check_with(settings: Settings, tape: &str, expected: Expect) {
    expected.assert_eq(&play(settings, Show::Prices, tape));
}

#[test]
fn at_most_one_a_second_and_the_newest_of_it() {
    let tape = "
        10:00:00.000 EURUSD 1.08500 1.08510
        10:00:00.400 EURUSD 1.08501 1.08511
        10:00:00.999 EURUSD 1.08502 1.08512
        10:00:02.500 EURUSD 1.08503 1.08513
        10:00:03.000 EURUSD 1.08504 1.08514
        10:00:03.100 XAUUSD 1300.10 1300.41
        10:00:03.200 EURUSD 1.08505 1.08516
        10:00:04.000 wake";
    check(
        tape,
        expect![[r#"
        10:00:00.000 EURUSD 1.08505 0.00000 0.0000% x1 of 10:00:00.000
        10:00:01.000 EURUSD 1.08507 0.00002 0.0018% x2 of 10:00:00.999
        10:00:02.500 EURUSD 1.08508 0.00003 0.0028% x1 of 10:00:02.500
        10:00:03.100 XAUUSD 1300.26 0.00 0.0000% x1 of 10:00:03.100
        10:00:03.500 EURUSD 1.08511 0.00006 0.0055% x2 of 10:00:03.200
    "#]],
    );
}

#[test]
fn the_latest_again_after_five_seconds_with_its_own_time() {
    let tape = "
        10:00:00 EURUSD 1.08500 1.08510
        10:00:12 EURUSD 1.08501 1.08511
        10:00:14 wake";
    check(
        tape,
        expect![[r#"
        10:00:00.000 EURUSD 1.08505 0.00000 0.0000% x1 of 10:00:00.000
        10:00:05.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:10.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:12.000 EURUSD 1.08506 0.00001 0.0009% x1 of 10:00:12.000
    "#]],
    );
}

#[test]
fn a_quiet_symbol_is_shown_as_long_as_its_source_lives() {
    let ticks: String = (0..6)
        .map(|n| format!("10:0{}:20 XAUUSD 1300.10 1300.40\n", n))
        .collect();
    let tape = format!("10:00:00 EURUSD 1.08500 1.08510\n{ticks}");
    let said = play(settings(), Show::Prices, &tape);
    let eurusd: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("EURUSD"))
        .collect();
    // Silent from half a minute after each tick of gold until the next one.
    expect![[r#"
        10:00:00.000 EURUSD 1.08505 0.00000 0.0000% x1 of 10:00:00.000
        10:00:05.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:10.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:15.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:20.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:25.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:30.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:35.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:40.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:45.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:01:20.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:01:25.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:01:30.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:01:35.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:01:40.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:01:45.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:02:20.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:02:25.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:02:30.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:02:35.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:02:40.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:02:45.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:03:20.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:03:25.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:03:30.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:03:35.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:03:40.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:03:45.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:04:20.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:04:25.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:04:30.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:04:35.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:04:40.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:04:45.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000"#]]
    .assert_eq(&eurusd.join("\n"));
}

#[test]
fn a_stale_source_is_silent_and_begins_again_with_its_next_tick() {
    let tape = "
        10:00:00 EURUSD 1.08500 1.08510
        10:00:01 XAUUSD 1300.10 1300.40
        10:01:00.500 EURUSD 1.08501 1.08511
        10:01:05.000 wake";
    let said = play(settings(), Show::Prices, tape);
    let later: Vec<&str> = said.lines().filter(|line| *line > "10:00:25").collect();
    expect![[r#"
        10:00:25.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:26.000 XAUUSD 1300.25 0.00 0.0000% x0 of 10:00:01.000
        10:00:30.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:01:00.500 EURUSD 1.08506 0.00001 0.0009% x1 of 10:01:00.500
        10:01:00.500 XAUUSD 1300.25 0.00 0.0000% x0 of 10:00:01.000"#]]
    .assert_eq(&later.join("\n"));
}

#[test]
fn without_heartbeats_a_symbol_is_stale_after_ten_minutes() {
    let tape = "
        10:00:00 GBPUSD 1.28500 1.28510
        10:20:00 GBPUSD 1.28501 1.28511
        10:20:00.001 wake";
    let said = play(settings(), Show::Prices, tape);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 121, "{said}");
    expect![[r#"
        10:09:50.000 GBPUSD 1.28505 0.00000 0.0000% x0 of 10:00:00.000
        10:09:55.000 GBPUSD 1.28505 0.00000 0.0000% x0 of 10:00:00.000
        10:20:00.000 GBPUSD 1.28506 0.00001 0.0008% x1 of 10:20:00.000"#]]
    .assert_eq(&lines[118..].join("\n"));
}

#[test]
fn a_closed_market_is_silent() {
    // Friday 17:00 New York, then Sunday 17:00.
    let tape = "
        day 2026-07-10
        20:59:57 EURUSD 1.08500 1.08510
        20:59:58 EURUSD 1.08502 1.08512
        21:00:02 EURUSD 1.08504 1.08514
        21:10:00 wake
        day 2026-07-12
        20:59:59 EURUSD 1.08600 1.08610
        21:00:01 EURUSD 1.08602 1.08612";
    check(
        tape,
        expect![[r#"
            20:59:57.000 EURUSD 1.08505 0.00000 0.0000% x1 of 20:59:57.000
            20:59:58.000 EURUSD 1.08507 0.00002 0.0018% x1 of 20:59:58.000
            21:00:01.000 EURUSD 1.08607 0.00002 0.0018% x3 of 21:00:01.000
        "#]],
    );
}

#[test]
fn the_daily_break_of_gold_is_silent_while_euro_goes_on() {
    let tape = "
        20:59:59 XAUUSD 1300.10 1300.40
        21:00:01 EURUSD 1.08500 1.08510
        21:00:02 XAUUSD 1300.20 1300.50
        21:00:02.5 EURUSD 1.08500 1.08510
        21:00:03.5 wake";
    check(
        tape,
        expect![[r#"
        20:59:59.000 XAUUSD 1300.25 0.00 0.0000% x1 of 20:59:59.000
        21:00:01.000 EURUSD 1.08505 0.00000 0.0000% x1 of 21:00:01.000
        21:00:02.500 EURUSD 1.08505 0.00000 0.0000% x1 of 21:00:02.500
    "#]],
    );
}

#[test]
fn changes_are_counted_from_the_last_price_before_the_roll() {
    let tape = "
        20:59:50 EURUSD 1.08000 1.08010
        20:59:55 EURUSD 1.08100 1.08110
        20:59:59.999 EURUSD 1.08200 1.08210
        21:00:04 EURUSD 1.08300 1.08310
        day 2026-07-07
        20:59:59 EURUSD 1.08400 1.08410
        21:00:03 EURUSD 1.08000 1.08010";
    let said = play(settings(), Show::Prices, tape);
    let fresh: Vec<&str> = said.lines().filter(|line| !line.contains(" x0 ")).collect();
    expect![[r#"
        20:59:50.000 EURUSD 1.08005 0.00000 0.0000% x1 of 20:59:50.000
        20:59:55.000 EURUSD 1.08105 0.00100 0.0926% x1 of 20:59:55.000
        20:59:59.999 EURUSD 1.08205 0.00200 0.1852% x1 of 20:59:59.999
        21:00:04.000 EURUSD 1.08305 0.00100 0.0924% x1 of 21:00:04.000
        20:59:59.000 EURUSD 1.08405 0.00200 0.1848% x1 of 20:59:59.000
        21:00:03.000 EURUSD 1.08005 -0.00400 -0.3690% x1 of 21:00:03.000"#]]
    .assert_eq(&fresh.join("\n"));
}

#[test]
fn the_roll_follows_daylight_saving() {
    // On Friday 2026-03-06 New York rolls at 22:00 UTC, on Monday 2026-03-09 at 21:00.
    let tape = "
        day 2026-03-05
        21:30:00 EURUSD 1.08000 1.08010
        22:00:00 EURUSD 1.08100 1.08110
        day 2026-03-09
        20:59:00 EURUSD 1.08200 1.08210
        21:00:00 EURUSD 1.08300 1.08310
        21:59:00 EURUSD 1.08400 1.08410
        22:00:00 EURUSD 1.08500 1.08510";
    let said = play(settings(), Show::Prices, tape);
    let fresh: Vec<&str> = said.lines().filter(|line| !line.contains(" x0 ")).collect();
    expect![[r#"
        21:30:00.000 EURUSD 1.08005 0.00000 0.0000% x1 of 21:30:00.000
        22:00:00.000 EURUSD 1.08105 0.00100 0.0926% x1 of 22:00:00.000
        20:59:00.000 EURUSD 1.08205 0.00100 0.0925% x1 of 20:59:00.000
        21:00:00.000 EURUSD 1.08305 0.00100 0.0924% x1 of 21:00:00.000
        21:59:00.000 EURUSD 1.08405 0.00200 0.1848% x1 of 21:59:00.000
        22:00:00.000 EURUSD 1.08505 0.00300 0.2773% x1 of 22:00:00.000"#]]
    .assert_eq(&fresh.join("\n"));
}

#[test]
fn a_price_never_goes_back_in_time() {
    let tape = "
        10:00:01 EURUSD 1.08500 1.08510
        10:00:02.5 EURUSD 1.08600 1.08610 @10:00:00.5
        10:00:04 EURUSD 1.08502 1.08512 @10:00:01
        10:00:05 wake";
    check(
        tape,
        expect![[r#"
        10:00:01.000 EURUSD 1.08505 0.00000 0.0000% x1 of 10:00:01.000
        10:00:04.000 EURUSD 1.08507 0.00002 0.0018% x1 of 10:00:01.000
    "#]],
    );
}

#[test]
fn without_a_least_interval_every_tick_is_shown() {
    let mut settings = settings();
    settings.prices.min_interval_ms = 0;
    let tape = "
        10:00:00.000 EURUSD 1.08500 1.08510
        10:00:00.001 EURUSD 1.08501 1.08511
        10:00:00.002 EURUSD 1.08502 1.08512";
    check_with(
        settings,
        tape,
        expect![[r#"
        10:00:00.000 EURUSD 1.08505 0.00000 0.0000% x1 of 10:00:00.000
        10:00:00.001 EURUSD 1.08506 0.00001 0.0009% x1 of 10:00:00.001
        10:00:00.002 EURUSD 1.08507 0.00002 0.0018% x1 of 10:00:00.002
    "#]],
    );
}

#[test]
fn mids_are_rounded_half_away_from_zero() {
    check(
        "10:00:00 EURUSD 1.08500 1.08509\n10:00:01 EURUSD 1.08500 1.08507",
        expect![[r#"
            10:00:00.000 EURUSD 1.08505 0.00000 0.0000% x1 of 10:00:00.000
            10:00:01.000 EURUSD 1.08504 -0.00001 -0.0009% x1 of 10:00:01.000
        "#]],
    );
}
