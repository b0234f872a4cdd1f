//! Order blocks: a swing high of 104 at bar 1 is broken at bar 5; the lowest bar between is bar 3, from 88 to 92.

use crate::table::{Subject, check, rules};
use engine::{BlockPick, BlockZone, BreakMode, Rules};

#[test]
fn beyond_the_cap_the_oldest_block_goes_whatever_its_direction() {
    let until_15 = "
        100 101 95 100
        100 104 99 103                      # a swing high
        99 99 90 91                         # confirms it
        91 92 88 91                         # the lowest bar, and a swing low
        91 103 90 102
        102 106 101 105 : bos up 104, leg from 88; block up 88-92 at 3
        105 106 100 101
        101 103 98 99                       # a swing low of 98
        99 104 99 103
        103 105 96 97 : choch down 98, leg from 105; block down 99-104 at 8
        97 97 95 96
        96 98 96 97                         # a swing high of 98
        97 97 94 95
        95 97 93 96
        96 98.8 94 98.5 : choch up 98, leg from 93; block up 93-97 at 13   # the third block
    ";
    // Bar 15 reaches all three.
    let case = |ob_cap, bar_15: &str| {
        let rules = Rules { ob_cap, ..rules() };
        let table = format!("{until_15}\n98.5 99 91 96 : {bar_15}");
        check(Subject::Blocks, &rules, &table);
    };
    // With room for two the first has gone, though only one block downwards lives beside the new one.
    case(2, "block down of 9 touched; block up of 14 touched");
    case(1, "block up of 14 touched");
    case(
        3,
        "block up of 5 touched; block down of 9 touched; block up of 14 touched",
    );
}

#[test]
fn one_bar_may_touch_and_break_a_block_in_this_order() {
    check(
        Subject::Blocks,
        &rules(),
        "
        100 101 95 100
        100 104 99 103
        99 99 90 91
        91 92 88 91
        91 103 90 102
        102 106 101 105 : bos up 104, leg from 88; block up 88-92 at 3
        105 106 80 85 : block up of 5 touched; block down of 5 by breaking; choch down 88, leg from 106; \
         block down 101-106 at 5            # 80 is below 92 and 85 below 88, which is the swing low too
        85 93 84 86                         # a broken block has no events, neither at 88 nor at 92
        ",
    );
}

/// The bars up to the break that makes the block, then one that goes below its low and closes above it.
fn check_block(rules: Rules, bar_5: &str, bar_6: &str) {
    let table = format!(
        "
        100 101 95 100
        100 104 99 103
        99 99 90 91                         # closes down
        91 92 88 91                         # the lowest, and closes where it opened
        91 103 90 102
        102 106 101 105 : {bar_5}
        105 106 87 88 : {bar_6}"
    );
    check(Subject::Blocks, &rules, &table);
}

#[test]
fn a_block_is_broken_by_a_close_or_by_a_wick() {
    let born = "bos up 104, leg from 88; block up 88-92 at 3";
    check_block(rules(), born, "block up of 5 touched");
    let wick = Rules {
        ob_break_mode: BreakMode::Wick,
        ..rules()
    };
    check_block(
        wick,
        born,
        "block up of 5 touched; block down of 5 by breaking",
    );
}

#[test]
fn a_wick_that_ends_at_the_edge_breaks_nothing() {
    let wick = Rules {
        ob_break_mode: BreakMode::Wick,
        ..rules()
    };
    check(
        Subject::Blocks,
        &wick,
        "
        100 101 95 100
        100 104 99 103
        99 99 90 91
        91 92 88 91
        91 103 90 102
        102 106 101 105 : bos up 104, leg from 88; block up 88-92 at 3
        105 106 88 89 : block up of 5 touched
        89 95 87.9 94 : block down of 5 by breaking   # touched before
        ",
    );
}

#[test]
fn a_block_may_be_the_last_bar_that_closed_against_the_leg() {
    let last_opposite = Rules {
        ob_pick: BlockPick::LastOpposite,
        ..rules()
    };
    // Bar 2, from 90 to 99. Its leg is lower than the block: bar 3 is in it.
    let born = "bos up 104, leg from 88; block up 90-99 at 2";
    check_block(
        last_opposite,
        born,
        "block up of 5 touched; block down of 5 by breaking",
    );
}

#[test]
fn a_block_may_be_the_body_of_its_bar() {
    let body = Rules {
        ob_zone: BlockZone::Body,
        ..rules()
    };
    // Bar 3 opens and closes at 91: a level.
    let born = "bos up 104, leg from 88; block up 91-91 at 3";
    check_block(
        body.clone(),
        born,
        "block up of 5 touched; block down of 5 by breaking",
    );
    let of_opposite = Rules {
        ob_pick: BlockPick::LastOpposite,
        ..body
    };
    let born = "bos up 104, leg from 88; block up 91-99 at 2";
    check_block(
        of_opposite,
        born,
        "block up of 5 touched; block down of 5 by breaking",
    );
}

#[test]
fn the_leg_of_a_later_block_begins_with_it() {
    let table = |born: &str| {
        format!(
            "
            100 101 95 100
            100 104 99 100                  # the swing closes down itself: not a bar of the leg
            99 100 88 90                    # closes down and is the lowest
            90 102 89 101                   # displaces: 11 up, after a bar of 12
            101 102.5 93 95                 # the last that closes down
            95 103 94 102
            102 106 92 105 : {born}
            "
        )
    };
    let displacing = Rules {
        disp_body_atr: 0.9,
        ..rules()
    };
    check(
        Subject::Blocks,
        &displacing,
        &table("bos up 104, leg from 88 displaced; block up 88-100 at 2"),
    );
    // Bars 4 to 6: none of them displaces, and the lowest is the one that breaks.
    let last_opposite = Rules {
        ob_pick: BlockPick::LastOpposite,
        ..displacing
    };
    check(
        Subject::Blocks,
        &last_opposite,
        &table("bos up 104, leg from 92; block up 93-102.5 at 4"),
    );
}

#[test]
fn without_a_bar_that_closed_against_the_leg_the_block_is_the_lowest() {
    let last_opposite = Rules {
        ob_pick: BlockPick::LastOpposite,
        break_mode: BreakMode::Wick,
        ..rules()
    };
    check(
        Subject::Blocks,
        &last_opposite,
        "
        100 101 95 100
        103 104 99 100                      # closes down, but is the swing
        91 99 90 92
        90 92 88 90
        91 103 90 102
        103 106 101 102 : bos up 104, leg from 88; block up 88-92 at 3   # breaks by its wick and closes down: not before itself
        ",
    );
}

#[test]
fn the_first_bar_behind_a_swing_may_be_the_block() {
    let two_to_the_right = Rules {
        ob_pick: BlockPick::LastOpposite,
        swing_right: 2,
        ..rules()
    };
    check(
        Subject::Blocks,
        &two_to_the_right,
        "
        100 101 95 100
        100 104 99 103
        99 99 90 91                         # the only one that closes down, before the swing is known
        91 92 88 91                         # it is known now
        91 103 90 102
        102 106 101 105 : bos up 104, leg from 88; block up 90-99 at 2
        ",
    );
}
