//! SMT divergence: against independent outputs, against its definition written out plainly, and the proofs of every
//! detector: nothing looks ahead, a mirror and a scale change nothing else, a snapshot goes on as if nothing had been.
//!
//! The reference over recorded prices is looked for in `ORION_TEST_DATA` (default: a folder `shared` beside the checkout)
//! and skipped by name where it is absent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod shared;

use engine::Rules;
use engine::indicator::Atr;
use engine::structure::{BarIndex, CorrelationGate, Divergence, Member, Relation, Smt};
use market::{Direction, Ohlc, Price};
use proptest::prelude::*;

type Pair = [Ohlc; 2];

fn run(pairs: &[Pair], rules: &Rules, relation: Relation, gate: CorrelationGate) -> Vec<String> {
    let mut smt = Smt::new(rules, relation, gate);
    told(&mut smt, pairs, rules)
}

fn told(smt: &mut Smt, pairs: &[Pair], rules: &Rules) -> Vec<String> {
    let mut lines = Vec::new();
    for [first, second] in pairs {
        let mut found = Vec::new();
        let t = smt.close([first, second], rules, &mut found);
        lines.extend(found.iter().map(|divergence| line(t, divergence)));
    }
    lines
}

fn line(t: BarIndex, found: &Divergence) -> String {
    format!(
        "{t} {} {:?} {} {} {} {}",
        found.direction.sign(),
        found.swept,
        found.level,
        found.bar,
        found.earlier,
        found.extreme
    )
}

fn bar_of(line: &str) -> u64 {
    line.split(' ').next().unwrap().parse().unwrap()
}

/// Bars of one unit of height around these prices.
fn bars(middles: &[i64]) -> Vec<Ohlc> {
    let bar = |middle: &i64| {
        let price = |units: i64| Price::from_units(units * 1_000_000_000);
        let middle = price(*middle);
        Ohlc {
            open: middle,
            high: middle + price(1),
            low: middle - price(1),
            close: middle,
        }
    };
    middles.iter().map(bar).collect()
}

fn pairs(first: &[Ohlc], second: &[Ohlc]) -> Vec<Pair> {
    first
        .iter()
        .copied()
        .zip(second.iter().copied())
        .map(Into::into)
        .collect()
}

fn small() -> Rules {
    Rules {
        atr_period: 2,
        swing_left: 2,
        swing_right: 2,
        smt_win: 1,
        smt_corr_win: 4,
        ..Rules::default()
    }
}

// Two swing lows at bars 3 and 9, known at 5 and 11. The first symbol's second low is lower, the other's higher.
const SWEPT: [i64; 12] = [50, 46, 43, 40, 44, 47, 48, 46, 42, 36, 40, 43];
const HELD: [i64; 12] = [90, 86, 83, 80, 84, 87, 88, 87, 86, 85, 86, 88];

fn check(first: &[i64], second: &[i64], rules: &Rules, expected: &[&str]) {
    let pairs = pairs(&bars(first), &bars(second));
    let found = run(&pairs, rules, Relation::Together, CorrelationGate::Open);
    assert_eq!(found, expected);
}

#[test]
fn a_lower_low_beside_a_higher_low_is_bullish_for_the_symbol_that_held() {
    check(&SWEPT, &HELD, &small(), &["11 1 First 35 9 3 79"]);
    check(&HELD, &SWEPT, &small(), &["11 1 Second 35 9 3 79"]);
}

#[test]
fn a_higher_high_beside_a_lower_high_is_bearish() {
    let turned = |prices: [i64; 12]| prices.map(|price| 200 - price);
    check(
        &turned(SWEPT),
        &turned(HELD),
        &small(),
        &["11 -1 First 165 9 3 121"],
    );
}

#[test]
fn what_held_is_the_extreme_around_the_swing_and_not_at_it() {
    // The lowest low of the other comes a bar before the swing: lower than the earlier one, so that nothing held.
    let mut held = HELD;
    held[8] = 79;
    check(&SWEPT, &held, &small(), &[]);
    let alone = Rules {
        smt_win: 0,
        ..small()
    };
    // That low is a swing of its own, beyond the earlier one while the first symbol still held.
    let both = ["10 1 Second 78 8 3 35", "11 1 First 35 9 3 78"];
    check(&SWEPT, &held, &alone, &both);
    // Two bars before it is too far to count.
    let mut held = HELD;
    held[7] = 79;
    let both = ["9 1 Second 78 7 3 35", "11 1 First 35 9 3 78"];
    check(&SWEPT, &held, &small(), &both);
}

#[test]
fn each_differs_by_at_least_a_part_of_its_own_true_range() {
    let atr = |prices: &[i64]| {
        let mut atr = Atr::new(2);
        bars(prices).iter().filter_map(|bar| atr.update(bar)).last()
    };
    let check_least = |first: &[i64], second: &[i64], least: f64| {
        let rules = |smt_min_atr| Rules {
            smt_min_atr,
            ..small()
        };
        let found = |rules: &Rules| {
            let pairs = pairs(&bars(first), &bars(second));
            run(&pairs, rules, Relation::Together, CorrelationGate::Open).len()
        };
        assert_eq!(found(&rules(least * (1.0 - 1e-12))), 1);
        assert_eq!(found(&rules(least * (1.0 + 1e-12))), 0);
    };
    // The swept lows differ by 4, those around the held one's by 5.
    let (swept, held) = (4.0 / atr(&SWEPT).unwrap(), 5.0 / atr(&HELD).unwrap());
    assert!(swept < held);
    check_least(&SWEPT, &HELD, swept);
    // By 10 and by 1.
    let mut further = SWEPT;
    further[9] = 30;
    let swept = 10.0 / atr(&further).unwrap();
    let mut near = HELD;
    near[9] = 81;
    near[8] = 82;
    let held = 1.0 / atr(&near).unwrap();
    assert!(held < swept);
    check_least(&further, &near, held);
}

#[test]
fn equal_lows_are_no_lower_ones_even_where_nothing_is_asked() {
    let rules = Rules {
        smt_min_atr: 0.0,
        ..small()
    };
    let mut equal = SWEPT;
    equal[9] = 40;
    check(&equal, &HELD, &rules, &[]);
    let mut level = HELD;
    level[9] = 80;
    check(&SWEPT, &level, &rules, &[]);
}

#[test]
fn a_divergence_counts_only_while_the_two_move_together() {
    let shut = |first: &[i64], second: &[i64], smt_corr_min| {
        let rules = Rules {
            smt_corr_min,
            ..small()
        };
        let pairs = pairs(&bars(first), &bars(second));
        run(&pairs, &rules, Relation::Together, CorrelationGate::Shut).len()
    };
    // From bar 7 on both fall and rise together: about 0.93.
    assert_eq!(shut(&SWEPT, &HELD, 0.9), 1);
    assert_eq!(shut(&SWEPT, &HELD, 0.99), 0);
    // None before there are as many returns as the window asks for.
    let long = Rules {
        smt_corr_win: 12,
        smt_corr_min: 0.0,
        ..small()
    };
    let pairs = pairs(&bars(&SWEPT), &bars(&HELD));
    let found = run(&pairs, &long, Relation::Together, CorrelationGate::Shut);
    assert_eq!(found, [""; 0]);
    let just = Rules {
        smt_corr_win: 11,
        ..long
    };
    let found = run(&pairs, &just, Relation::Together, CorrelationGate::Shut);
    assert_eq!(found.len(), 1);
}

#[test]
fn the_second_of_an_inverse_pair_is_seen_in_a_mirror_and_told_in_real_prices() {
    let turned: Vec<i64> = HELD.iter().map(|price| 200 - price).collect();
    let (swept, held) = (bars(&SWEPT), bars(&turned));
    let found = |first: &[Ohlc], second: &[Ohlc], gate| {
        run(&pairs(first, second), &small(), Relation::Inverse, gate)
    };
    for gate in [CorrelationGate::Open, CorrelationGate::Shut] {
        // The first made a lower low, the second no higher high: it is sold.
        assert_eq!(found(&swept, &held, gate), ["11 -1 First 35 9 3 121"]);
        // The second made a lower low, the first no higher high.
        assert_eq!(found(&held, &swept, gate), ["11 -1 Second 35 9 3 121"]);
    }
    // Against each other, but not well enough: about -0.93.
    let rules = Rules {
        smt_corr_min: 0.99,
        ..small()
    };
    let pairs_seen = pairs(&swept, &held);
    let badly = run(
        &pairs_seen,
        &rules,
        Relation::Inverse,
        CorrelationGate::Shut,
    );
    assert_eq!(badly, [""; 0]);
    // Two that rise and fall together are no inverse pair.
    let together = run(
        &pairs(&swept, &bars(&HELD)),
        &small(),
        Relation::Inverse,
        CorrelationGate::Shut,
    );
    assert_eq!(together, [""; 0]);
}

#[test]
fn the_first_and_the_last_bars_are_no_special_case() {
    let rules = Rules {
        smt_win: 2,
        swing_left: 1,
        atr_period: 1,
        ..small()
    };
    let (first, second) = (bars(&SWEPT[2..]), bars(&HELD[2..]));
    let found = run(
        &pairs(&first, &second),
        &rules,
        Relation::Together,
        CorrelationGate::Open,
    );
    assert_eq!(found, ["9 1 First 35 7 1 79"]);
}

/// A file of the reference outputs.
fn reference(file: &str) -> Option<String> {
    let path = shared::shared(&format!("reference/{file}"))?;
    std::fs::read_to_string(path).ok()
}

#[test]
fn divergences_of_recorded_indices_are_those_of_the_reference() {
    let (Some(text), Some(reference)) = (
        reference("nas100_spx500_1h.bars.csv"),
        reference("nas100_spx500_1h.smt.csv"),
    ) else {
        return;
    };
    let row = |line: &str| -> Pair {
        let prices: Vec<Price> = line
            .split(',')
            .skip(2)
            .map(|field| Price::parse(field).unwrap())
            .collect();
        let bar = |at: usize| Ohlc {
            open: prices[at],
            high: prices[at + 1],
            low: prices[at + 2],
            close: prices[at + 3],
        };
        [bar(0), bar(4)]
    };
    let rules = Rules::default();
    let mut smt = Smt::new(&rules, Relation::Together, CorrelationGate::Open);
    let mut ours = Vec::new();
    for line in text.lines().skip(1) {
        let [first, second] = row(line);
        let mut found = Vec::new();
        let t = smt.close([&first, &second], &rules, &mut found);
        ours.extend(found.iter().map(|found| {
            let name = |member| match member {
                Member::First => "NAS100",
                Member::Second => "SPX500",
            };
            format!(
                "{t},smt,{},{},,,,{},{},,,{},{}",
                found.direction.sign(),
                found.level,
                found.bar,
                found.earlier,
                name(found.swept),
                name(found.swept.other())
            )
        }));
    }
    let theirs: Vec<&str> = reference.lines().skip(1).collect();
    assert_eq!(ours, theirs);
}

/// The definition, over all bars at once: every swing by looking at all its neighbours, every extreme by looking at all its
/// bars. Without the gate.
fn plain(pairs: &[Pair], rules: &Rules) -> Vec<String> {
    let (left, right) = (rules.swing_left as usize, rules.swing_right as usize);
    let reach = rules.smt_win as usize;
    let mut atr = [0, 1].map(|_| Atr::new(rules.atr_period));
    let atrs = pairs.iter().map(|pair| {
        let [first, second] = &mut atr;
        [first.update(&pair[0]), second.update(&pair[1])]
    });
    // Lows are highs of negated prices.
    let value = |place: usize, bar: usize, side: Direction| match side {
        Direction::Long => pairs[bar][place].high,
        Direction::Short => -pairs[bar][place].low,
    };
    let is_swing = |place: usize, bar: usize, side: Direction| {
        let top = value(place, bar, side);
        (bar - left..bar).all(|other| value(place, other, side) < top)
            && (bar + 1..=bar + right).all(|other| value(place, other, side) <= top)
    };
    let around = |place: usize, bar: usize, side: Direction| {
        let bars = bar.saturating_sub(reach)..=bar + reach;
        bars.map(|bar| value(place, bar, side)).max().unwrap()
    };
    let mut latest = [[None::<usize>; 2]; 2];
    let mut lines = Vec::new();
    for (t, atrs) in atrs.enumerate().skip(left + right) {
        let now = t - right;
        for (swept, member) in Member::ALL.into_iter().enumerate() {
            let held = 1 - swept;
            for side in [Direction::Long, Direction::Short] {
                if !is_swing(swept, now, side) {
                    continue;
                }
                let Some(earlier) = latest[swept][side as usize].replace(now) else {
                    continue;
                };
                let (Some(of_swept), Some(of_held)) = (atrs[swept], atrs[held]) else {
                    continue;
                };
                let beyond = value(swept, now, side) - value(swept, earlier, side);
                let behind = around(held, earlier, side) - around(held, now, side);
                let enough =
                    |by: Price, atr| by.is_positive() && by.to_f64() >= rules.smt_min_atr * atr;
                if !enough(beyond, of_swept) || !enough(behind, of_held) {
                    continue;
                }
                let bars = earlier..=t;
                let extreme = bars.map(|bar| value(held, bar, side)).max().unwrap();
                let real = |value: Price| match side {
                    Direction::Long => value,
                    Direction::Short => -value,
                };
                let found = Divergence {
                    direction: side.opposite(),
                    swept: member,
                    level: real(value(swept, now, side)),
                    bar: now as u64,
                    earlier: earlier as u64,
                    extreme: real(extreme),
                };
                lines.push(line(t as u64, &found));
            }
        }
    }
    lines
}

/// Two walks of a few steps in common, so that both diverge now and then; prices stay far above zero.
fn walks() -> impl Strategy<Value = Vec<Pair>> {
    let step = (-3_i64..=3, -2_i64..=2, -2_i64..=2, 0_i64..=3, 0_i64..=3);
    prop::collection::vec(step, 1..260).prop_map(|steps| {
        let mut middles = [5_000_i64, 9_000];
        let bar = |middle: i64, wick: i64, move_: i64| {
            let price = |units: i64| Price::from_units(units * 10_000_000);
            Ohlc {
                open: price(middle - move_),
                high: price(middle.max(middle - move_) + wick),
                low: price(middle.min(middle - move_) - wick),
                close: price(middle),
            }
        };
        let pair = |(common, one, other, up, down): (i64, i64, i64, i64, i64)| {
            let moves = [common + one, common + other];
            middles[0] += moves[0];
            middles[1] += moves[1];
            [
                bar(middles[0], up, moves[0]),
                bar(middles[1], down, moves[1]),
            ]
        };
        steps.into_iter().map(pair).collect()
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let gate =
        (2_u32..30, 0_u32..=10).prop_map(|(window, least)| (window, f64::from(least) / 10.0));
    (1_u32..5, 1_u32..5, 0_u32..5, 1_u32..15, gate).prop_map(|(left, right, reach, atr, gate)| {
        let rules = Rules {
            swing_left: left,
            swing_right: right,
            smt_win: reach.min(right),
            atr_period: atr,
            smt_corr_win: gate.0,
            smt_corr_min: gate.1,
            ..Rules::default()
        };
        assert_eq!(rules.check(), Ok(()));
        rules
    })
}

fn relation() -> impl Strategy<Value = Relation> {
    prop_oneof![Just(Relation::Together), Just(Relation::Inverse)]
}

fn gate() -> impl Strategy<Value = CorrelationGate> {
    prop_oneof![Just(CorrelationGate::Open), Just(CorrelationGate::Shut)]
}

fn mirrored(bar: &Ohlc) -> Ohlc {
    Ohlc {
        open: -bar.open,
        high: -bar.low,
        low: -bar.high,
        close: -bar.close,
    }
}

/// With direction and prices turned, in an order that does not depend on which side comes first.
fn turned(lines: &[String]) -> Vec<String> {
    let turn = |line: &String| {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        for place in [1, 3, 6] {
            words[place] = match words[place].strip_prefix('-') {
                Some(rest) => rest.to_owned(),
                None => format!("-{}", words[place]),
            };
        }
        words.join(" ")
    };
    let mut turned: Vec<String> = lines.iter().map(turn).collect();
    turned.sort();
    turned
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::with_cases(400)
    })]

    #[test]
    fn it_is_the_definition(pairs in walks(), rules in rules()) {
        let found = run(&pairs, &rules, Relation::Together, CorrelationGate::Open);
        prop_assert_eq!(found, plain(&pairs, &rules));
    }

    #[test]
    fn what_comes_later_changes_nothing(
        pairs in walks(), noise in walks(), rules in rules(), relation in relation(), gate in gate(), cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(pairs.len());
        let whole = run(&pairs, &rules, relation, gate);
        let before: Vec<String> = whole.into_iter().filter(|line| bar_of(line) < cut as u64).collect();
        prop_assert_eq!(&run(&pairs[..cut], &rules, relation, gate), &before);
        let scrambled: Vec<Pair> = pairs[..cut].iter().chain(&noise).copied().collect();
        let scrambled = run(&scrambled, &rules, relation, gate);
        let kept: Vec<String> = scrambled.into_iter().filter(|line| bar_of(line) < cut as u64).collect();
        prop_assert_eq!(kept, before);
    }

    #[test]
    fn a_snapshot_goes_on_as_if_nothing_had_been(
        pairs in walks(), rules in rules(), relation in relation(), gate in gate(), cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(pairs.len());
        let mut smt = Smt::new(&rules, relation, gate);
        let mut lines = told(&mut smt, &pairs[..cut], &rules);
        let bytes = postcard::to_stdvec(&smt).unwrap();
        let mut restored: Smt = postcard::from_bytes(&bytes).unwrap();
        lines.extend(told(&mut restored, &pairs[cut..], &rules));
        prop_assert_eq!(lines, run(&pairs, &rules, relation, gate));
    }

    #[test]
    fn in_a_mirror_long_is_short_and_nothing_else_changes(
        pairs in walks(), rules in rules(), relation in relation(),
    ) {
        // Prices below zero have no returns: without the gate.
        let found = run(&pairs, &rules, relation, CorrelationGate::Open);
        let turned_pairs: Vec<Pair> = pairs.iter().map(|pair| [mirrored(&pair[0]), mirrored(&pair[1])]).collect();
        let mut mirror = run(&turned_pairs, &rules, relation, CorrelationGate::Open);
        mirror.sort();
        prop_assert_eq!(mirror, turned(&found));
    }

    #[test]
    fn the_scale_of_prices_changes_nothing(
        pairs in walks(), rules in rules(), relation in relation(), gate in gate(),
    ) {
        let scaled = |bar: &Ohlc| Ohlc {
            open: bar.open.times(1024),
            high: bar.high.times(1024),
            low: bar.low.times(1024),
            close: bar.close.times(1024),
        };
        let pairs_scaled: Vec<Pair> = pairs.iter().map(|pair| [scaled(&pair[0]), scaled(&pair[1])]).collect();
        let without_prices = |lines: Vec<String>| -> Vec<String> {
            let kept = |line: &String| {
                let words: Vec<&str> = line.split(' ').collect();
                [words[0], words[1], words[2], words[4], words[5]].join(" ")
            };
            lines.iter().map(kept).collect()
        };
        let found = run(&pairs, &rules, relation, gate);
        let scaled = run(&pairs_scaled, &rules, relation, gate);
        prop_assert_eq!(without_prices(scaled), without_prices(found));
    }

    #[test]
    fn a_swing_is_known_when_its_right_bars_are(pairs in walks(), rules in rules(), relation in relation(), gate in gate()) {
        for line in run(&pairs, &rules, relation, gate) {
            let words: Vec<&str> = line.split(' ').collect();
            let (bar, swing, earlier): (u64, u64, u64) = (
                words[0].parse().unwrap(), words[4].parse().unwrap(), words[5].parse().unwrap(),
            );
            prop_assert_eq!(bar, swing + u64::from(rules.swing_right));
            prop_assert!(earlier < swing);
        }
    }
}

/// Of the walks above, so that none of these tests is about nothing.
#[test]
fn the_walks_diverge_now_and_then() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut counts = [0; 2];
    for _ in 0..200 {
        let pairs = walks().new_tree(&mut runner).unwrap().current();
        let rules = rules().new_tree(&mut runner).unwrap().current();
        for (count, gate) in counts
            .iter_mut()
            .zip([CorrelationGate::Open, CorrelationGate::Shut])
        {
            *count += run(&pairs, &rules, Relation::Together, gate).len();
        }
    }
    let [open, shut] = counts;
    assert!(open > 200 && shut > 50 && shut < open, "{open} {shut}");
}
