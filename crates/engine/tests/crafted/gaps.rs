//! Gaps: the first three bars leave one from 10 to 15, known at bar 2.

use crate::table::{Subject, check, rules};
use engine::Rules;

fn short_lived() -> Rules {
    Rules {
        fvg_max_age: 3,
        ..rules()
    }
}

#[test]
fn a_gap_still_has_events_at_its_last_bar() {
    check(
        Subject::Gaps,
        &short_lived(),
        "
        5 10 4 9
        9 20 8 19
        20 30 15 28 : gap up of 2 10-15
        28 30 16 29
        29 30 16 28
        28 30 15 29 : gap up of 2 touched   # bar 5 = 2 + 3 is its last: what happens in it is told
        29 30 9 28                          # it would be filled here, and says nothing
        28 30 5 8                           # nor is it inverted
        ",
    );
}

#[test]
fn a_gap_that_nothing_has_reached_ends_without_a_word() {
    check(
        Subject::Gaps,
        &short_lived(),
        "
        5 10 4 9
        9 20 8 19
        20 30 15 28 : gap up of 2 10-15
        28 30 16 29
        29 30 16 28
        28 30 16 29                         # 2 + 3: its last bar, and no event of expiry
        29 30 15 28                         # one bar late
        28 30 5 8
        ",
    );
}

#[test]
fn one_bar_may_touch_fill_and_invert_a_gap_in_this_order() {
    check(
        Subject::Gaps,
        &rules(),
        "
        5 10 4 9
        9 20 8 19
        20 30 15 28 : gap up of 2 10-15
        28 30 5 8 : gap up of 2 touched; gap up of 2 filled; gap down of 2 by inversion
        8 16 4 5                            # inverted gaps have no events
        ",
    );
}

#[test]
fn one_bar_may_end_several_gaps_the_oldest_first() {
    check(
        Subject::Gaps,
        &rules(),
        "
        5 10 4 9
        9 20 8 19
        19 30 15 29 : gap up of 2 10-15
        29 40 25 39 : gap up of 3 20-25
        39 40 5 8 : gap up of 2 touched; gap up of 2 filled; gap down of 2 by inversion; gap up of 3 touched; \
         gap up of 3 filled; gap down of 3 by inversion
        8 12 6 9 : gap down of 5 12-25      # bar 4 closed down and 12 is below the low of bar 3
        ",
    );
}

#[test]
fn touch_and_fill_do_not_end_a_gap_and_come_once() {
    check(
        Subject::Gaps,
        &rules(),
        "
        5 10 4 9
        9 20 8 19
        20 30 15 28 : gap up of 2 10-15
        28 30 15 29 : gap up of 2 touched   # at the edge
        29 30 10 28 : gap up of 2 filled    # at the far edge
        28 30 9 10                          # a close at the far edge is not beyond it
        10 30 9 9.5 : gap down of 2 by inversion
        ",
    );
}
