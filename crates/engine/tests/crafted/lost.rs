//! Bars that were lost, and days on which there were none.

use crate::table::{Subject, check, rules};

/// The same bars, once with some lost before one of them, and once with the market closed there.
fn check_both(subject: Subject, table: &str, lost: &[&str], shut: &[&str]) {
    let fill = |word: &str, said: &[&str]| {
        let mut filled = table.replace("(days)", word);
        for one in said {
            filled = filled.replacen("(said)", one, 1);
        }
        filled
    };
    check(subject, &rules(), &fill("lost", lost));
    check(subject, &rules(), &fill("shut", shut));
}

#[test]
fn no_gap_lies_across_bars_that_were_lost() {
    check_both(
        Subject::Gaps,
        "
        5 10 4 9
        9 20 8 19
        (days) 20 30 15 28 : (said)
        28 40 27 39 : (said)
        39 50 35 49 : (said)
        49 60 45 59 : (said)
        59 70 55 69 : (said)
        ",
        // Nor beside the bar in which prices came back, of which a part may be lost too.
        &["", "", "", "gap up of 5 40-45", "gap up of 6 50-55"],
        // Neighbours, however long it was closed: 15 is above 10, 27 above 20, and so on.
        &[
            "gap up of 2 10-15",
            "gap up of 3 20-27",
            "gap up of 4 30-35",
            "gap up of 5 40-45",
            "gap up of 6 50-55",
        ],
    );
}

#[test]
fn no_swing_lies_across_bars_that_were_lost() {
    check_both(
        Subject::Pools,
        "
        100 101 99 100
        100 110 99 104
        (days) 104 106 100 105 : (said)
        105 108 100 106
        106 107 100 105 : (said)
        ",
        // 110 may not have been the highest.
        &["", "high 108 at 3"],
        &["high 110 at 1", "high 108 at 3"],
    );
}

#[test]
fn no_sweep_lies_across_bars_that_were_lost() {
    check_both(
        Subject::Pools,
        "
        100 101 99 100
        100 110 99 104
        104 106 100 105 : high 110 at 1
        105 110.5 102 110.2                 # beyond 110 and not back
        (days) 110 110.3 101 103 : (said)
        103 111 102 106 : (said)
        ",
        // How deep it went and how long it stayed, nobody knows: the level is taken, and neither swept nor run.
        &["", ""],
        &[
            "sweep of swing high 110 at 1 to 110.5; high 110.5 at 3; equal high 110.5 at 3 and 1",
            "sweep of equal high 110.5 at 3 to 111; low 101 at 4",
        ],
    );
}

#[test]
fn a_level_that_price_had_not_reached_outlives_lost_bars() {
    check(
        Subject::Pools,
        &rules(),
        "
        100 101 99 100
        100 110 99 104
        104 106 100 105 : high 110 at 1
        lost 105 111 101 103 : sweep of swing high 110 at 1 to 111   # beyond and back in this one bar
        ",
    );
}
