//! The five rules of a verdict, their order and their boundaries.

use crate::desk::settings;
use crate::scene::{BACK, CONFIRM, LONG, later, triggered};
use crate::tape::{Show, play};
use expect_test::{Expect, expect};

/// Plays what comes after the trigger of 11:04:10 and shows what was said after it.
fn check(tape: &str, expected: Expect) {
    let said = play(settings(), Show::Signals, &format!("{}{tape}", triggered()));
    let (pending, rest) = said.split_once('\n').unwrap();
    assert!(
        pending.contains("long pending 1.08530 stop 1.08411 targets 1.08629"),
        "{pending}"
    );
    expected.assert_eq(rest);
}

#[test]
fn rule_1_the_bid_at_the_stop() {
    check(
        "11:04:20 EURUSD 1.08411 1.08421",
        expect![[r#"
        11:04:20.000 EURUSD long invalidated stop
    "#]],
    );
    check("11:04:20 EURUSD 1.084111 1.08421", expect![[""]]);
    check(
        "11:04:20 EURUSD 1.08300 1.08310",
        expect![[r#"
        11:04:20.000 EURUSD long invalidated stop
    "#]],
    );
}

#[test]
fn rule_2_the_bid_at_the_first_target() {
    check(
        "11:04:20 EURUSD 1.08629 1.08639",
        expect![[r#"
        11:04:20.000 EURUSD long invalidated missed
    "#]],
    );
    // The ask is beyond it, the bid is not.
    check("11:04:20 EURUSD 1.08628 1.08638", expect![[""]]);
}

#[test]
fn rule_3_a_minute_closes_beyond_the_far_edge_of_the_gap() {
    // The gap's bottom is 1.0849. At its edge it holds.
    check(
        "11:04:50 EURUSD 1.08484 1.08494\n11:05:10 EURUSD 1.08515 1.08525",
        expect![[r#"
            11:05:03.000 EURUSD long invalidated structure
        "#]],
    );
    check(
        "11:04:50 EURUSD 1.08485 1.08495\n11:05:10 EURUSD 1.08515 1.08525",
        expect![[""]],
    );
}

#[test]
fn rule_3_a_change_of_character_on_the_minutes() {
    // A low in 11:05, up over the high of 11:01, then below that low, which is above the far edge. None confirms: the
    // ask has not come to the entry.
    let tape = "
        11:05:30 EURUSD 1.08509 1.08531
        11:06:30 EURUSD 1.08620 1.08630
        11:07:30 EURUSD 1.08490 1.08531
        11:08:04 EURUSD 1.08490 1.08531";
    check(
        tape,
        expect![[r#"
            11:08:03.000 EURUSD long invalidated structure
        "#]],
    );
}

#[test]
fn rule_4_a_whole_minute_closes_beyond_the_entry_that_traded() {
    check(
        CONFIRM,
        expect![[r#"
        11:06:03.000 EURUSD long confirmed
    "#]],
    );
}

#[test]
fn rule_4_wants_the_entry_traded_at_the_ask() {
    let tape = "
        11:04:20 EURUSD 1.085201 1.085301
        11:05:10 EURUSD 1.08525 1.08535
        11:05:50 EURUSD 1.08555 1.08565
        11:06:04 EURUSD 1.08555 1.08565";
    check(tape, expect![[""]]);
}

#[test]
fn rule_4_wants_a_minute_that_opened_after_the_entry() {
    // The minute 11:04 was open at the trigger, 11:05 closes downwards, 11:06 too near: 0.05 ATR are 0.45 pips.
    let tape = "
        11:04:20 EURUSD 1.08515 1.08525
        11:04:50 EURUSD 1.08555 1.08565
        11:05:10 EURUSD 1.08556 1.08566
        11:05:50 EURUSD 1.08555 1.08565
        11:06:10 EURUSD 1.08525 1.08535
        11:06:50 EURUSD 1.08529 1.08539
        11:07:04 EURUSD 1.08529 1.08539";
    check(tape, expect![[""]]);
}

#[test]
fn rule_4_wants_a_minute_without_a_hole() {
    let holed = CONFIRM.replace("11:05:50", "11:05:30 gap live\n 11:05:50");
    check(&holed, expect![[""]]);
    // The minute in which a feed comes back has one too; the next may confirm.
    let back = "
        11:04:20 EURUSD 1.08515 1.08525
        11:04:30 gap live
        11:05:10 EURUSD 1.08515 1.08525
        11:05:50 EURUSD 1.08555 1.08565
        11:06:10 EURUSD 1.08545 1.08555
        11:06:50 EURUSD 1.08555 1.08565
        11:07:04 EURUSD 1.08555 1.08565";
    check(
        back,
        expect![[r#"
        11:07:03.000 EURUSD long confirmed
    "#]],
    );
    // A gap of another source does not concern it.
    check(
        &CONFIRM.replace("11:05:50", "11:05:30 gap quiet\n 11:05:50"),
        expect![[r#"
            11:06:03.000 EURUSD long confirmed
        "#]],
    );
}

#[test]
fn rule_5_time_runs_out_while_the_source_lives() {
    let tape = "
        11:08:30 XAUUSD 1300.10 1300.40   # the symbol is quiet, its source is not
        11:09:00 EURUSD 1.08535 1.08545";
    check(
        tape,
        expect![[r#"
        11:08:55.000 EURUSD long invalidated timeout
    "#]],
    );
}

#[test]
fn rule_5_the_source_is_silent() {
    // 30 s of silence are over exactly at the deadline.
    check(
        "11:08:25 EURUSD 1.08535 1.08545\n11:10 wake",
        expect![[r#"
        11:08:55.000 EURUSD long invalidated stale_feed
    "#]],
    );
    check(
        "11:08:25.001 EURUSD 1.08535 1.08545\n11:10 wake",
        expect![[r#"
            11:08:55.000 EURUSD long invalidated timeout
        "#]],
    );
}

#[test]
fn rule_5_holds_for_what_comes_at_the_deadline() {
    check(
        "11:08:55 EURUSD 1.08300 1.08310",
        expect![[r#"
        11:08:55.000 EURUSD long invalidated stale_feed
    "#]],
    );
    check(
        "11:08:54.999 EURUSD 1.08300 1.08310",
        expect![[r#"
        11:08:54.999 EURUSD long invalidated stop
    "#]],
    );
}

#[test]
fn rule_5_comes_before_a_bar_that_closes_at_the_deadline() {
    // Pending at 11:04:18, so to be decided at 11:09:03: just when the minute 11:08 closes, which would confirm.
    let tape = |trigger: &str| {
        let later = "
            11:04:20 EURUSD 1.08515 1.08525
            11:08:10 EURUSD 1.08515 1.08525
            11:08:50 EURUSD 1.08555 1.08565
            11:10 wake";
        play(
            settings(),
            Show::Signals,
            &format!("{LONG}{BACK}{trigger} EURUSD 1.08525 1.08535{later}"),
        )
    };
    let verdict = |trigger: &str| tape(trigger).lines().nth(1).unwrap().to_owned();
    assert_eq!(
        verdict("11:04:18"),
        "11:09:03.000 EURUSD long invalidated timeout"
    );
    assert_eq!(
        verdict("11:04:18.001"),
        "11:09:03.000 EURUSD long confirmed"
    );
}

#[test]
fn a_stop_within_the_grace_of_a_bar_comes_before_its_close() {
    // The minute 11:05 closes as a confirmation at 11:06:03, or when the watermark passes its end.
    let minute = "
        11:04:20 EURUSD 1.08515 1.08525
        11:05:10 EURUSD 1.08515 1.08525
        11:05:50 EURUSD 1.08555 1.08565";
    check(
        &format!("{minute}\n11:06:01.499 EURUSD 1.08300 1.08310"),
        expect![[r#"
            11:06:01.499 EURUSD long invalidated stop
        "#]],
    );
    check(
        &format!("{minute}\n11:06:01.500 EURUSD 1.08300 1.08310"),
        expect![[r#"
            11:06:01.500 EURUSD long confirmed
            11:06:01.500 EURUSD stop 1.08300 -1.93R last, -2.23R in all
        "#]],
    );
}

#[test]
fn what_is_older_than_the_entry_is_not_judged() {
    check(
        "11:04:11 EURUSD 1.08300 1.08310 @11:04:09.999\n11:04:12 EURUSD 1.08525 1.08535",
        expect![[""]],
    );
    check(
        "11:04:11 EURUSD 1.08300 1.08310 @11:04:10",
        expect![[r#"
        11:04:11.000 EURUSD long invalidated stop
    "#]],
    );
}

#[test]
fn when_the_market_closes_before_the_deadline_the_silence_is_no_fault() {
    // Friday 17:00 New York is 21:00 UTC.
    let tape = format!(
        "day 2026-07-10
        {}
        20:55:00 EURUSD 1.08595 1.08605
        20:58:10 EURUSD 1.08525 1.08535
        21:10:00 wake",
        later(9, LONG)
    );
    expect![[r#"
        20:58:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 pm at 20:58:10.000
        21:02:55.000 EURUSD long invalidated timeout
    "#]].assert_eq(&play(settings(), Show::Signals, &tape));
}
