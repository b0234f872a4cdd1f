//! The setup from its first candle to its last target, and the ways in which an armed one ends unseen.

use crate::desk::settings;
use crate::scene::{BACK, CONFIRM, LONG, TRIGGER, short};
use crate::tape::{Show, play};
use expect_test::{Expect, expect};

fn check(tape: &str, expected: Expect) {
    expected.assert_eq(&play(settings(), Show::Signals, tape));
}

/// After the long has been armed.
fn check_armed(tape: &str, expected: Expect) {
    check(&format!("{LONG}{BACK}{tape}"), expected);
}

#[test]
fn a_long_from_the_sweep_to_its_last_target() {
    let tape = "
        11:10:00 EURUSD 1.08629 1.08639
        11:20:00 EURUSD 1.08768 1.08778
        11:30:00 EURUSD 1.08887 1.08897";
    check_armed(
        &format!("{TRIGGER}{CONFIRM}{tape}"),
        expect![[r#"
            11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
            11:06:03.000 EURUSD long confirmed
            11:10:00.000 EURUSD target 1 1.08629 0.83R
            11:10:00.000 EURUSD stop moved 1.08540 0.08R
            11:20:00.000 EURUSD target 2 1.08768 2.00R
            11:30:00.000 EURUSD target 3 1.08887 3.00R last, 1.66R in all
        "#]],
    );
}

#[test]
fn a_short_is_the_same_in_a_mirror() {
    let tape = "
        11:00:00 EURUSD 1.08455 1.08465
        11:00:20 EURUSD 1.08485 1.08495
        11:01:10 EURUSD 1.08455 1.08465
        11:01:50 EURUSD 1.08435 1.08445
        11:02:10 EURUSD 1.08495 1.08505
        11:02:50 EURUSD 1.08515 1.08525
        11:04:10 EURUSD 1.08525 1.08535
        11:04:20 EURUSD 1.08535 1.08545
        11:05:10 EURUSD 1.08535 1.08545
        11:05:50 EURUSD 1.08495 1.08505
        11:06:04 EURUSD 1.08495 1.08505
        11:10:00 EURUSD 1.08421 1.08431
        11:20:00 EURUSD 1.08282 1.08292
        11:30:00 EURUSD 1.08163 1.08173";
    check(
        &format!("{}{tape}", short()),
        expect![[r#"
            11:04:10.000 EURUSD short pending 1.08530 stop 1.08649 targets 1.08431:30 1.08292:40 1.08173:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
            11:06:03.000 EURUSD short confirmed
            11:10:00.000 EURUSD target 1 1.08431 0.83R
            11:10:00.000 EURUSD stop moved 1.08520 0.08R
            11:20:00.000 EURUSD target 2 1.08292 2.00R
            11:30:00.000 EURUSD target 3 1.08173 3.00R last, 1.66R in all
        "#]],
    );
}

#[test]
fn a_trigger_half_a_pip_short_is_none() {
    check_armed("11:04:10 EURUSD 1.085251 1.085350", expect![[""]]);
}

#[test]
fn a_tick_that_reaches_trigger_and_stop_sends_nothing_and_spends_the_setup() {
    let tape = "
        11:04:10 EURUSD 1.08411 1.08421
        11:04:20 EURUSD 1.08525 1.08535";
    check_armed(tape, expect![[""]]);
    // One tick short of the stop it is a signal.
    check_armed(
        "11:04:10 EURUSD 1.08412 1.08422",
        expect![[r#"
        11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
    "#]],
    );
}

#[test]
fn a_stop_that_trades_in_a_wide_quote_ends_the_setup_before_its_trigger() {
    let tape = "
        11:04:10 EURUSD 1.08400 1.08700   # the mid is 1.0855
        11:04:20 EURUSD 1.08525 1.08535";
    check_armed(tape, expect![[""]]);
    // One tick short of the stop, beyond its level.
    let tape = "
        11:04:10 EURUSD 1.08413 1.08713
        11:04:20 EURUSD 1.08525 1.08535";
    check_armed(
        tape,
        expect![[r#"
        11:04:20.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:20.000
    "#]],
    );
}

#[test]
fn a_setup_waits_24_bars_and_no_longer() {
    // It was armed by the bar that opened at 10:55: the 24th bar after it opens at 12:55.
    let wait: String = (1..24)
        .map(|bar| (11 * 60 + bar * 5) % 1440)
        .map(|minute| {
            format!(
                "{}:{:02} candle EURUSD 5m 61 66 56 61\n",
                minute / 60,
                minute % 60
            )
        })
        .collect();
    let tape = "12:59:50 EURUSD 1.08525 1.08535";
    check_armed(
        &format!("{wait}{tape}"),
        expect![[r#"
        12:59:50.000 EURUSD long pending 1.08530 stop 1.08410 targets 1.08659:30 1.08770:40 1.08890:30r rr 3.00 p 0.5 ny_am at 12:59:50.000
    "#]],
    );
    let tape = "
        13:00:04 EURUSD 1.08605 1.08615
        13:00:10 EURUSD 1.08525 1.08535";
    check_armed(&format!("{wait}{tape}"), expect![[""]]);
}

#[test]
fn a_change_of_character_against_it_ends_an_armed_setup() {
    // The close at 55 is below the low of 11:10, and above the gap.
    let tape = "
        11:05 candle EURUSD 5m 60 66 58 65
        11:10 candle EURUSD 5m 65 65 56 57
        11:15 candle EURUSD 5m 57 64 57 63
        11:20 candle EURUSD 5m 63 63 54 55
        11:25:05 EURUSD 1.08525 1.08535";
    check_armed(tape, expect![[""]]);
}

#[test]
fn a_late_tick_never_triggers() {
    let tape = "
        11:04:10 EURUSD 1.08535 1.08545
        11:04:11 EURUSD 1.08525 1.08535 @11:04:09.999
        11:04:12 EURUSD 1.08525 1.08535 @11:04:10";
    check_armed(
        tape,
        expect![[r#"
        11:04:12.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
    "#]],
    );
}
