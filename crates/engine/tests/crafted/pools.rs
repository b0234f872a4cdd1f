//! Pools: how many are kept, and what equal swings replace.

use crate::table::{Subject, check, rules};
use engine::Rules;

/// Highs that fall and lows that rise, three of each, then a bar that is beyond all of them.
fn check_triangle(pool_cap: u32, bar_8: &str) {
    let rules = Rules {
        pool_cap,
        ..rules()
    };
    let table = format!(
        "
        100 101 99 100
        100 110 98 105
        105 105 90 95 : high 110 at 1
        95 108 95 100 : low 90 at 2
        100 104 92 96 : high 108 at 3       # 2 apart, of 1.2 that would be equal
        96 106 96 100 : low 92 at 4         # of 1.0
        100 102 94 98 : high 106 at 5       # of 0.8
        98 101 96 99 : low 94 at 6          # of 0.5
        99 111 89 99 : {bar_8}              # at most 5 beyond, of 10 that would be a run; closes back
        "
    );
    check(Subject::Pools, &rules, &table);
}

#[test]
fn beyond_the_cap_the_oldest_pool_of_a_side_goes() {
    check_triangle(
        2,
        "sweep of swing high 108 at 3 to 111; sweep of swing high 106 at 5 to 111; \
         sweep of swing low 92 at 4 to 89; sweep of swing low 94 at 6 to 89",
    );
    check_triangle(
        1,
        "sweep of swing high 106 at 5 to 111; sweep of swing low 94 at 6 to 89",
    );
    check_triangle(
        3,
        "sweep of swing high 110 at 1 to 111; sweep of swing high 108 at 3 to 111; \
         sweep of swing high 106 at 5 to 111; sweep of swing low 90 at 2 to 89; \
         sweep of swing low 92 at 4 to 89; sweep of swing low 94 at 6 to 89",
    );
}

#[test]
fn an_equal_pool_takes_the_place_of_its_swing_and_counts_like_one() {
    let rules = Rules {
        pool_cap: 2,
        ..rules()
    };
    // Bars with equal lows have no swing lows.
    let until_6 = "
        100 101 90 100
        100 110 90 95
        95 100 90 95 : high 110 at 1
        95 106 90 95
        95 100 90 95 : high 106 at 3
        95 106 90 95
        95 100 90 95 : high 106 at 5; equal high 106 at 5 and 3
    ";
    // Two pools, the swing of 110 and the equal one: nothing has gone.
    let all =
        "95 111 90 95 : sweep of swing high 110 at 1 to 111; sweep of equal high 106 at 5 to 111";
    check(Subject::Pools, &rules, &format!("{until_6}{all}"));
    // A third one drives 110 out, a fourth one the equal ones: they are the oldest then.
    let until_8 = format!("{until_6}95 104 90 95\n95 100 90 95 : high 104 at 7\n");
    let without_110 =
        "95 111 90 95 : sweep of equal high 106 at 5 to 111; sweep of swing high 104 at 7 to 111";
    check(Subject::Pools, &rules, &format!("{until_8}{without_110}"));
    let until_10 = format!("{until_8}95 102 90 95\n95 100 90 95 : high 102 at 9\n");
    let without_106 =
        "95 111 90 95 : sweep of swing high 104 at 7 to 111; sweep of swing high 102 at 9 to 111";
    check(Subject::Pools, &rules, &format!("{until_10}{without_106}"));
}

#[test]
fn equal_highs_replace_a_pool_in_the_middle_of_its_test() {
    check(
        Subject::Pools,
        &rules(),
        "
        100 101 99 100
        100 110 99 104
        104 106 100 105 : high 110 at 1
        105 110.5 102 110.2                 # beyond 110 and not back: the first bar of its test
        110.2 110.4 104 110.1 : high 110.5 at 3; equal high 110.5 at 3 and 1   # the second; 0.5 apart, of 0.64
        110.1 110.3 101 103                 # back below 110, which is no pool any more; 110.5 is not reached
        103 111 102 106 : sweep of equal high 110.5 at 3 to 111; low 101 at 5
        ",
    );
}

#[test]
fn equal_highs_are_told_where_the_pool_has_ended_before() {
    check(
        Subject::Pools,
        &rules(),
        "
        100 101 99 100
        100 110 99 104
        104 106 100 105 : high 110 at 1
        105 110.5 102 108 : sweep of swing high 110 at 1 to 110.5
        108 109 103 107 : high 110.5 at 3; equal high 110.5 at 3 and 1   # 0.5 apart, of 0.6
        107 110.6 104 106 : sweep of equal high 110.5 at 3 to 110.6
        ",
    );
}
