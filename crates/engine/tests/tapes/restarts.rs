//! Processes that end, are killed, and go on: before a deadline, after it, and with a gap to tell of.

use crate::desk::settings;
use crate::scene::{CONFIRM, triggered};
use crate::tape::{Show, play};
use expect_test::{Expect, expect};

/// Plays what comes after the trigger of 11:04:10, to be decided by 11:08:55.
fn check(tape: &str, expected: Expect) {
    let said = play(settings(), Show::Signals, &format!("{}{tape}", triggered()));
    expected.assert_eq(said.split_once('\n').unwrap().1);
}

#[test]
fn before_the_deadline_it_is_kept() {
    let tape = "
        11:04:20 EURUSD 1.08535 1.08545
        11:04:30 down
        11:08:54 start
        11:08:54 gap live
        11:09:10 wake";
    check(
        tape,
        expect![[r#"
        11:08:55.000 EURUSD long invalidated stale_feed
    "#]],
    );
}

#[test]
fn after_the_deadline_it_is_lost_to_the_restart() {
    let tape = "
        11:04:20 EURUSD 1.08535 1.08545
        11:04:30 down
        11:08:55 start
        11:08:55 gap live
        11:09:10 wake";
    check(
        tape,
        expect![[r#"
        11:08:55.000 EURUSD long invalidated restart
    "#]],
    );
}

#[test]
fn what_follows_a_start_can_still_decide_in_time() {
    let tape = "
        11:04:20 EURUSD 1.08515 1.08525
        11:04:30 down
        11:05:10 start
        11:05:10 gap live
        11:05:20 EURUSD 1.08515 1.08525
        11:05:50 EURUSD 1.08555 1.08565   # a minute with a hole
        11:06:04 EURUSD 1.08515 1.08525
        11:06:50 EURUSD 1.08555 1.08565
        11:07:04 EURUSD 1.08555 1.08565";
    check(
        tape,
        expect![[r#"
        11:07:03.000 EURUSD long confirmed
    "#]],
    );
}

#[test]
fn a_clean_stop_and_start_without_a_gap_leaves_no_hole() {
    let tape = CONFIRM.replace("11:05:50", "11:05:20 stop\n 11:05:21 start\n 11:05:50");
    check(
        &tape,
        expect![[r#"
        11:06:03.000 EURUSD long confirmed
    "#]],
    );
}

#[test]
fn a_snapshot_at_any_line_changes_nothing() {
    let whole = format!("{}{CONFIRM}11:10:00 EURUSD 1.08629 1.08639\n", triggered());
    let expected = play(settings(), Show::Signals, &whole);
    assert!(expected.contains("target 1"), "{expected}");
    let lines: Vec<&str> = whole.lines().collect();
    for cut in 1..lines.len() {
        let (before, after) = lines.split_at(cut);
        let tape = format!("{}\n11:00 restart\n{}", before.join("\n"), after.join("\n"));
        assert_eq!(
            play(settings(), Show::Signals, &tape),
            expected,
            "cut at line {cut}"
        );
    }
}

#[test]
fn a_running_signal_whose_time_is_over_meanwhile_ends_at_the_start() {
    let tape = format!("{CONFIRM}11:07:00 down\n20:00:00 start\n20:00:00 gap live\n");
    check(
        &tape,
        expect![[r#"
            11:06:03.000 EURUSD long confirmed
            20:00:00.000 EURUSD timeout 1.08555 0.21R last, -0.08R in all
        "#]],
    );
}

#[test]
fn an_outage_of_the_feed_leaves_a_hole_from_its_last_tick_to_its_first() {
    // The minutes 11:05 to 11:07 are lost with the connection; the one in which it comes back is holed too.
    let tape = "
        11:04:20 EURUSD 1.08515 1.08525
        11:05:01 EURUSD 1.08515 1.08525
        11:05:20 gap live
        11:07:30 EURUSD 1.08515 1.08525
        11:07:50 EURUSD 1.08555 1.08565
        11:08:02 EURUSD 1.08515 1.08525
        11:08:50 EURUSD 1.08555 1.08565
        11:08:54 wake
        11:09:10 wake";
    check(
        tape,
        expect![[r#"
        11:08:55.000 EURUSD long invalidated timeout
    "#]],
    );
}
