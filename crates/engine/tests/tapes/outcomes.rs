//! What becomes of a confirmed signal, told with its prices and multiples of the risk.

use crate::desk::settings;
use crate::scene::{CONFIRM, LONG, later, triggered};
use crate::tape::{Show, driver, play, shown};
use engine::rules::TrailMode;
use engine::{Output, Rules};
use expect_test::{Expect, expect};
use market::Probability;

/// Plays what comes after the confirmation of 11:06:03 and shows what was said after it. Levels: entry 1.08530, stop
/// 1.08411, targets 1.08629, 1.08768, 1.08887.
fn check(tape: &str, expected: Expect) {
    let said = play(
        settings(),
        Show::Signals,
        &format!("{}{CONFIRM}{tape}", triggered()),
    );
    let (start, rest) = said.split_once("confirmed\n").unwrap();
    assert!(start.contains("pending"), "{start}");
    expected.assert_eq(rest);
}

#[test]
fn targets_trade_at_their_levels_one_by_one() {
    let tape = "
        11:07:00 EURUSD 1.08628 1.08640
        11:07:01 EURUSD 1.08629 1.08639
        11:07:02 EURUSD 1.08640 1.08650
        11:07:03 EURUSD 1.08770 1.08780   # beyond the second
        11:07:04 EURUSD 1.08887 1.08897
        11:07:05 EURUSD 1.08300 1.08310";
    check(
        tape,
        expect![[r#"
            11:07:01.000 EURUSD target 1 1.08629 0.83R
            11:07:01.000 EURUSD stop moved 1.08540 0.08R
            11:07:03.000 EURUSD target 2 1.08768 2.00R
            11:07:04.000 EURUSD target 3 1.08887 3.00R last, 1.66R in all
        "#]],
    );
}

#[test]
fn the_odds_of_chance_are_told_with_the_confirmation() {
    let driver = driver(settings(), &format!("{}{CONFIRM}", triggered()));
    let odds: Vec<_> = driver
        .said
        .iter()
        .filter_map(|(_, output)| match output {
            Output::Signal(signal) => Some(signal.evidence.odds),
            Output::Outcome(_)
            | Output::Price(_)
            | Output::Shadow(_)
            | Output::Calibration(_)
            | Output::Answer(_) => None,
        })
        .collect();
    // The bid was 1.08555 by then: 144 of the 218 points from the stop to the first target.
    assert_eq!(odds, [None, Some(Probability::new(144.0 / 218.0))]);
}

#[test]
fn one_jump_may_reach_all_targets() {
    check(
        "11:07:00 EURUSD 1.08990 1.09000",
        expect![[r#"
            11:07:00.000 EURUSD target 1 1.08629 0.83R
            11:07:00.000 EURUSD stop moved 1.08540 0.08R
            11:07:00.000 EURUSD target 2 1.08768 2.00R
            11:07:00.000 EURUSD target 3 1.08887 3.00R last, 1.66R in all
        "#]],
    );
}

#[test]
fn a_stop_trades_at_the_first_price_beyond_it() {
    check(
        "11:07:00 EURUSD 1.08411 1.08421\n11:07:01 EURUSD 1.08990 1.09000",
        expect![[r#"
            11:07:00.000 EURUSD stop 1.08411 -1.00R last, -1.29R in all
        "#]],
    );
    check(
        "11:07:00 EURUSD 1.08400 1.08410",
        expect![[r#"
            11:07:00.000 EURUSD stop 1.08400 -1.09R last, -1.39R in all
        "#]],
    );
}

#[test]
fn a_stop_after_a_target_is_told_too() {
    check(
        "11:07:00 EURUSD 1.08629 1.08639\n11:08:00 EURUSD 1.08411 1.08421",
        expect![[r#"
            11:07:00.000 EURUSD target 1 1.08629 0.83R
            11:07:00.000 EURUSD stop moved 1.08540 0.08R
            11:08:00.000 EURUSD stop 1.08411 -1.00R last, -0.74R in all
        "#]],
    );
}

#[test]
fn after_eight_hours_it_is_over_at_the_price_of_then() {
    check(
        "19:06:02 EURUSD 1.08600 1.08610\n19:06:04 EURUSD 1.08300 1.08310",
        expect![[r#"
            19:06:03.000 EURUSD timeout 1.08600 0.59R last, 0.29R in all
        "#]],
    );
}

#[test]
fn friday_five_in_new_york_ends_all() {
    let friday = later(8, &format!("{}{CONFIRM}", triggered()));
    let tape = format!("day 2026-07-10\n{friday}\n20:59:59 EURUSD 1.08600 1.08610\n21:00:30 wake");
    expect![[r#"
        19:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 pm at 19:04:10.000
        19:06:03.000 EURUSD long confirmed
        21:00:00.000 EURUSD timeout 1.08600 0.59R last, 0.29R in all
    "#]].assert_eq(&play(settings(), Show::Signals, &tape));
}

#[test]
fn what_is_confirmed_by_the_last_minute_of_the_week_ends_with_it() {
    // Triggered at 20:58:10, confirmed by the minute 20:59, which is closed at 21:00:03 when nothing more comes.
    let start = later(9, LONG);
    let tape = format!(
        "day 2026-07-10
        {start}
        20:55:00 EURUSD 1.08595 1.08605
        20:55:20 EURUSD 1.08565 1.08575
        20:56:10 EURUSD 1.08595 1.08605
        20:56:50 EURUSD 1.08615 1.08625
        20:57:10 EURUSD 1.08555 1.08565
        20:57:50 EURUSD 1.08535 1.08545
        20:58:10 EURUSD 1.08525 1.08535
        20:58:20 EURUSD 1.08515 1.08525
        20:59:10 EURUSD 1.08515 1.08525
        20:59:50 EURUSD 1.08555 1.08565
        21:00:10 wake"
    );
    expect![[r#"
        20:58:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 pm at 20:58:10.000
        21:00:03.000 EURUSD long confirmed
        21:00:03.000 EURUSD timeout 1.08555 0.21R last, -0.08R in all
    "#]].assert_eq(&play(settings(), Show::Signals, &tape));
}

#[test]
fn hits_are_counted_when_the_first_target_or_the_end_comes() {
    let counts = |tape: &str| {
        let driver = driver(settings(), &format!("{}{CONFIRM}{tape}", triggered()));
        let counts = driver.engine.counts();
        assert!(shown(&driver, Show::Signals).contains("confirmed"));
        (counts.resolved, counts.hits)
    };
    assert_eq!(counts(""), (0, 0));
    assert_eq!(
        counts("11:07:00 EURUSD 1.08629 1.08639\n11:08:00 EURUSD 1.08411 1.08421"),
        (1, 1)
    );
    assert_eq!(counts("11:07:00 EURUSD 1.08411 1.08421"), (1, 0));
    assert_eq!(counts("19:10:00 EURUSD 1.08600 1.08610"), (1, 0));
}

/// The same under other rules of what becomes of the stop.
fn check_stops(change: impl Fn(&mut Rules), tape: &str, expected: Expect) {
    let mut settings = settings();
    change(&mut settings.rules);
    let tape = format!("{}{CONFIRM}{tape}", triggered());
    let said = play(settings, Show::Signals, &tape);
    let (_, rest) = said.split_once("confirmed\n").unwrap();
    expected.assert_eq(rest);
}

/// Two targets trade, then bars leave a low at 78 pips, known at 11:25, go up to 87, and come down.
const RUNNER: &str = "
    11:07:00 EURUSD 1.08770 1.08780
    11:10 candle EURUSD 5m 85 86 80 84
    11:15 candle EURUSD 5m 84 86 78 85
    11:20 candle EURUSD 5m 85 87 79 86
    11:25 candle EURUSD 5m 86 87 79 80
    11:30 candle EURUSD 5m 80 81 70 71
    11:35 candle EURUSD 5m 71 72 60 61
    11:40 candle EURUSD 5m 61 62 50 51
    11:45:04 EURUSD 1.08505 1.08515";

#[test]
fn after_the_first_target_the_stop_lies_at_the_entry_and_its_cost() {
    let tape = "
        11:07:00 EURUSD 1.08629 1.08639
        11:08:00 EURUSD 1.08541 1.08551
        11:09:00 EURUSD 1.08540 1.08550";
    check_stops(
        |_| {},
        tape,
        expect![[r#"
        11:07:00.000 EURUSD target 1 1.08629 0.83R
        11:07:00.000 EURUSD stop moved 1.08540 0.08R
        11:09:00.000 EURUSD stop 1.08540 0.08R last, 0.01R in all
    "#]],
    );
    check_stops(
        |rules| rules.be_offset_spreads = 2.0,
        tape,
        expect![[r#"
        11:07:00.000 EURUSD target 1 1.08629 0.83R
        11:07:00.000 EURUSD stop moved 1.08550 0.17R
        11:08:00.000 EURUSD stop 1.08541 0.09R last, 0.02R in all
    "#]],
    );
    check_stops(
        |rules| rules.be_at_tp1 = false,
        tape,
        expect![[r#"
        11:07:00.000 EURUSD target 1 1.08629 0.83R
    "#]],
    );
}

#[test]
fn the_stop_of_a_runner_follows_the_swings() {
    check_stops(
        |_| {},
        RUNNER,
        expect![[r#"
        11:07:00.000 EURUSD target 1 1.08629 0.83R
        11:07:00.000 EURUSD stop moved 1.08540 0.08R
        11:07:00.000 EURUSD target 2 1.08768 2.00R
        11:25:03.000 EURUSD stop moved 1.08770 2.02R
        11:32:30.000 EURUSD stop 1.08758 1.92R last, 1.33R in all
    "#]],
    );
}

#[test]
fn the_stop_of_a_runner_follows_the_furthest_price() {
    check_stops(
        |rules| rules.trail_mode = TrailMode::Atr,
        RUNNER,
        expect![[r#"
            11:07:00.000 EURUSD target 1 1.08629 0.83R
            11:07:00.000 EURUSD stop moved 1.08540 0.08R
            11:07:00.000 EURUSD target 2 1.08768 2.00R
            11:15:03.000 EURUSD stop moved 1.08611 0.68R
            11:20:03.000 EURUSD stop moved 1.08640 0.92R
            11:25:03.000 EURUSD stop moved 1.08670 1.18R
            11:30:03.000 EURUSD stop moved 1.08683 1.29R
            11:37:15.000 EURUSD stop 1.08681 1.27R last, 1.14R in all
        "#]],
    );
}

#[test]
fn a_fixed_stop_stays() {
    check_stops(
        |rules| rules.trail_mode = TrailMode::Fixed,
        RUNNER,
        expect![[r#"
            11:07:00.000 EURUSD target 1 1.08629 0.83R
            11:07:00.000 EURUSD stop moved 1.08540 0.08R
            11:07:00.000 EURUSD target 2 1.08768 2.00R
            11:43:00.000 EURUSD stop 1.08529 -0.01R last, 0.75R in all
        "#]],
    );
}
