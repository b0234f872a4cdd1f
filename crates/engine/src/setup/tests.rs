//! Candles in, armed and fired setups out.

use super::*;
use crate::rules::{BlockPick, BlockZone, GapEntry};
use market::{Ohlc, Span};

/// Runs 5m candles `open high low close`, one a line, and shows what is armed after each that changes it, and what fires.
fn check(rules: &Rules, candles: &str, expected: &[&str]) {
    check_with(None, rules, candles, expected);
}

/// The same under a trend of the higher timeframe.
fn check_with(htf_trend: Option<Direction>, rules: &Rules, candles: &str, expected: &[&str]) {
    let (mut chart, mut setups) = (Chart::new(rules, 17), Setups::default());
    let (mut shown, mut armed_before) = (Vec::new(), String::new());
    for (place, line) in candles.trim().lines().enumerate() {
        let bar = candle(place, line);
        let mut findings = Vec::new();
        let t = chart.close(&bar, rules, &mut findings);
        let fired = setups.close(View {
            t,
            bar: &bar,
            findings: &findings,
            chart: &chart,
            htf_trend,
            rules,
        });
        assert!(setups.armed().iter().all(|armed| armed.armed_at <= t));
        let armed: Vec<String> = setups
            .armed()
            .iter()
            .map(|armed| show(&armed.pattern))
            .collect();
        let armed = armed.join(", ");
        if armed != armed_before {
            shown.push(format!("{t}:{armed}"));
            armed_before = armed;
        }
        shown.extend(fired.iter().map(|pattern| format!("{t}!{}", show(pattern))));
    }
    assert_eq!(shown, *expected);
}

fn candle(place: usize, line: &str) -> Bar {
    let words = line.split_whitespace();
    let price: Vec<Price> = words.map(|word| Price::parse(word).unwrap()).collect();
    let [open, high, low, close] = price[..] else {
        panic!("no candle: {line}")
    };
    let open_time = SourceTime::from_secs(place as i64 * 300);
    Bar {
        open_time,
        end_time: open_time + Span::from_minutes(5),
        price: Ohlc {
            open,
            high,
            low,
            close,
        },
        ticks: 1,
        holed: false,
    }
}

fn show(pattern: &Pattern) -> String {
    let Pattern {
        setup,
        direction,
        entry,
        stop_level,
        zone_far,
        ..
    } = pattern;
    let far = zone_far.map_or("-".to_owned(), |far| far.to_string());
    format!("{} {direction} {entry} {far} {stop_level}", setup.as_str())
}

fn rules_of(setup: SetupKind) -> Rules {
    Rules {
        atr_period: 3,
        swing_left: 1,
        swing_right: 1,
        major_left: 2,
        major_right: 2,
        setups: vec![setup],
        ..Rules::default()
    }
}

fn rules() -> Rules {
    rules_of(SetupKind::MssFvg)
}

/// Down through a low, and a new low that waits to be swept.
const DOWN: &str = "60 62 58 60
    60 63 55 56
    56 57 50 52
    52 58 51 57
    57 60 56 58
    58 59 48 49
    49 51 44 46
    46 50 45 49";
/// The sweep at bar 9, the shift at 10, the gap 49 to 53 at 11.
const UP: &str = "49 51 47 48
    48 49 43 46
    46 58 46 57
    57 62 53 61";

#[test]
fn the_bar_after_the_shift_may_bring_the_gap() {
    check(
        &rules(),
        &format!("{DOWN}\n{UP}"),
        &["11:mss_fvg long 53 49 43"],
    );
    let later = UP.replace("57 62 53 61", "57 62 48 61\n61 66 59 65");
    check(&rules(), &format!("{DOWN}\n{later}"), &[]);
}

#[test]
fn the_middle_of_the_gap_may_be_the_entry() {
    let rules = Rules {
        fvg_entry: GapEntry::Ce,
        ..rules()
    };
    check(
        &rules,
        &format!("{DOWN}\n{UP}"),
        &["11:mss_fvg long 51 49 43"],
    );
}

#[test]
fn a_gap_that_is_too_small_is_none() {
    let rules = Rules {
        setup_fvg_min_atr: 1.0,
        ..rules()
    };
    check(&rules, &format!("{DOWN}\n{UP}"), &[]);
}

#[test]
fn the_sweep_lies_close_enough_before_the_shift() {
    for (bars, expected) in [(1, &["11:mss_fvg long 53 49 43"][..]), (0, &[])] {
        let rules = Rules {
            mss_sweep_bars: bars,
            ..rules()
        };
        check(&rules, &format!("{DOWN}\n{UP}"), expected);
    }
    // Without a sweep, since the low of bar 6 is not exceeded.
    let held = UP.replace("48 49 43 46", "48 49 44 46");
    check(&rules(), &format!("{DOWN}\n{held}"), &[]);
}

#[test]
fn a_gap_that_was_touched_before_the_shift_arms_nothing() {
    // The gap 49 to 51 is born at bar 11; bar 13 breaks the high of bar 8.
    let slow = |low: &str| {
        format!(
            "{DOWN}
            49 58 47 48
            48 49 43 46
            46 57 46 56
            56 57.5 51 57
            57 57.8 {low} 57.5
            57.5 62 57 61"
        )
    };
    check(&rules(), &slow("52"), &["13:mss_fvg long 51 49 43"]);
    check(&rules(), &slow("51"), &[]);
}

#[test]
fn a_close_beyond_the_gap_ends_it() {
    let down = format!("{DOWN}\n{UP}\n61 61 47 49");
    check(&rules(), &down, &["11:mss_fvg long 53 49 43"]);
    let beyond = format!("{DOWN}\n{UP}\n61 61 47 48.9");
    check(&rules(), &beyond, &["11:mss_fvg long 53 49 43", "12:"]);
}

#[test]
fn it_expires() {
    let rules = Rules {
        arm_max_bars: 2,
        ..rules()
    };
    let quiet = format!("{DOWN}\n{UP}\n61 63 60 62\n62 63 60 62");
    check(&rules, &quiet, &["11:mss_fvg long 53 49 43", "13:"]);
}

#[test]
fn a_leg_with_a_gap_arms_the_retest_of_its_block() {
    // Bar 5 breaks the low of bar 2 and displaces, bar 6 leaves the gap 51 to 56; the highest bar since is bar 4. Bar 10 turns
    // up: its lowest bar is bar 9.
    let rules = rules_of(SetupKind::BlockRetest);
    let expected = [
        "6:block_retest short 56 60 60",
        "10:",
        "11:block_retest long 49 43 43",
    ];
    check(&rules, &format!("{DOWN}\n{UP}"), &expected);
}

#[test]
fn a_block_that_was_touched_before_the_gap_arms_nothing() {
    // Bar 6 comes back to 56 after bar 5 has made the gap from 51 to 56 impossible: the gap lies higher.
    let rules = rules_of(SetupKind::BlockRetest);
    let touched = DOWN.replace("49 51 44 46", "49 56 44 46");
    check(&rules, &touched, &[]);
}

#[test]
fn a_leg_that_does_not_displace_arms_no_retest() {
    let rules = Rules {
        disp_body_atr: 3.0,
        ..rules_of(SetupKind::BlockRetest)
    };
    check(&rules, &format!("{DOWN}\n{UP}"), &[]);
}

#[test]
fn a_break_with_the_higher_trend_arms_the_retest_of_its_level() {
    let rules = rules_of(SetupKind::BosRetest);
    let candles = format!("{DOWN}\n{UP}");
    // Bar 5 breaks the low 50, and the break of bar 10 is a change of character: it ends that and is no break of structure.
    let short = ["5:bos_retest short 50 - 60", "10:"];
    check_with(Some(Direction::Short), &rules, &candles, &short);
    check_with(Some(Direction::Long), &rules, &candles, &[]);
    check_with(None, &rules, &candles, &[]);
}

#[test]
fn stops_and_entries_lie_at_the_edges_of_the_block_that_is_wanted() {
    let body = Rules {
        ob_zone: BlockZone::Body,
        ..rules_of(SetupKind::BlockRetest)
    };
    // The bodies of bars 4 and 9.
    let expected = [
        "6:block_retest short 57 58 58",
        "10:",
        "11:block_retest long 48 46 46",
    ];
    check(&body, &format!("{DOWN}\n{UP}"), &expected);
    // Bar 4 closes down, so that the last one that closed up is bar 3, up to 58.
    let last_opposite = Rules {
        ob_pick: BlockPick::LastOpposite,
        ..rules_of(SetupKind::BosRetest)
    };
    let candles = DOWN.replace("57 60 56 58", "57 60 56 56.5");
    let short = Some(Direction::Short);
    check_with(
        short,
        &last_opposite,
        &candles,
        &["5:bos_retest short 50 - 58"],
    );
}

#[test]
fn near_the_broken_level_is_back_at_it() {
    let rules = Rules {
        bos_retest_atr: 0.5,
        ..rules_of(SetupKind::BosRetest)
    };
    let (mut chart, mut setups) = (Chart::new(&rules, 17), Setups::default());
    let mut triggers = Vec::new();
    for (place, line) in DOWN.lines().enumerate() {
        let (bar, mut findings) = (candle(place, line), Vec::new());
        let t = chart.close(&bar, &rules, &mut findings);
        setups.close(View {
            t,
            bar: &bar,
            findings: &findings,
            chart: &chart,
            htf_trend: Some(Direction::Short),
            rules: &rules,
        });
        let near = chart.atr().map(|atr| 50.0 - 0.5 * atr);
        triggers.extend(
            setups
                .armed()
                .iter()
                .map(|armed| (armed.trigger.to_f64() - near.unwrap()).abs() < 1e-8),
        );
    }
    assert_eq!(triggers, [true, true, true], "after bars 5, 6 and 7");
}

#[test]
fn a_sweep_of_a_major_low_in_the_cheap_half_fires_at_its_close() {
    // The major low 44 of bar 6 and the major high 60 of bar 4; bar 9 reaches 43 and closes at 46.
    let rules = rules_of(SetupKind::LiquiditySweep);
    let candles = format!("{DOWN}\n{UP}");
    check(&rules, &candles, &["9!liquidity_sweep long 46 - 43"]);
    // 46 is above the cheap part.
    let dead = Rules {
        pd_dead: 0.35,
        ..rules.clone()
    };
    check(&dead, &candles, &[]);
    // On the internal scale alone it is no reason.
    let far = Rules {
        major_left: 9,
        ..rules
    };
    check(&far, &candles, &[]);
}

/// A leg from 10 to 60, back to 24 against the internal structure, whose last high is 32.
const LEG: &str = "20 22 18 20
    20 21 16 17
    17 18 10 12
    12 20 11 19
    19 30 18 29
    29 45 28 44
    44 60 43 58
    58 59 50 51
    51 54 40 41
    41 55 42 47
    47 47 30 31
    31 33 24 25
    25 28 22 27
    27 32 26 30
    30 31 23 24";

#[test]
fn a_turn_deep_in_a_leg_fires_at_its_close() {
    let rules = Rules {
        major_right: 4,
        ..rules_of(SetupKind::PremiumDiscount)
    };
    let up = Some(Direction::Long);
    let turn = format!("{LEG}\n24 34 24 33");
    check_with(up, &rules, &turn, &["15!premium_discount long 33 - 23"]);
    check_with(None, &rules, &turn, &[]);
    check_with(Some(Direction::Short), &rules, &turn, &[]);
    // Above the middle of the range, 35, it is not cheap any more.
    let dear = format!("{LEG}\n24 37 24 36");
    check_with(up, &rules, &dear, &[]);
    // Bar 14 was the last to close between 20.5 and 29.
    let brief = Rules {
        arm_max_bars: 1,
        ..rules.clone()
    };
    check_with(up, &brief, &turn, &[]);
    let shallow = Rules {
        ote_lo: 0.73,
        ..rules
    };
    check_with(up, &shallow, &turn, &[]);
}

#[test]
fn a_setup_that_is_not_wanted_is_silent() {
    let rules = Rules {
        setups: Vec::new(),
        ..rules()
    };
    let (up, down) = (Some(Direction::Long), Some(Direction::Short));
    check_with(up, &rules, &format!("{DOWN}\n{UP}"), &[]);
    check_with(down, &rules, &format!("{DOWN}\n{UP}"), &[]);
}

/// A divergence for a long that becomes known with the bar at this place.
fn divided(place: usize, extreme: i64) -> Divided {
    Divided {
        direction: Direction::Long,
        swept: market::Symbol::new("GBPUSD").unwrap(),
        extreme: Price::parse(&extreme.to_string()).unwrap(),
        open_time: SourceTime::from_secs(place as i64 * 300),
    }
}

/// Tells the divergence before or after the bar with which it becomes known, and returns what fires at which bar.
fn after_divided(rules: &Rules, place: usize, before: bool) -> Vec<String> {
    let (mut chart, mut setups) = (Chart::new(rules, 17), Setups::default());
    let mut shown = Vec::new();
    let candles = format!("{DOWN}\n{UP}");
    for (at, line) in candles.lines().enumerate() {
        let (bar, mut findings) = (candle(at, line), Vec::new());
        let t = chart.close(&bar, rules, &mut findings);
        let mut fired = Vec::new();
        if at == place && before {
            fired.extend(setups.divide(divided(place, 45), rules));
        }
        fired.extend(setups.close(View {
            t,
            bar: &bar,
            findings: &findings,
            chart: &chart,
            htf_trend: None,
            rules,
        }));
        if at == place && !before {
            fired.extend(setups.divide(divided(place, 45), rules));
        }
        shown.extend(fired.iter().map(|pattern| format!("{t}!{}", show(pattern))));
    }
    shown
}

#[test]
fn a_divergence_fires_at_the_first_break_at_its_bar_or_later() {
    let rules = rules_of(SetupKind::Smt);
    // Bar 10 breaks upwards and closes at 57; bar 9 has reached 43.
    for before in [true, false] {
        assert_eq!(after_divided(&rules, 8, before), ["10!smt long 57 - 43"]);
        assert_eq!(after_divided(&rules, 10, before), ["10!smt long 57 - 45"]);
        assert_eq!(after_divided(&rules, 11, before), [""; 0]);
    }
}

#[test]
fn a_divergence_waits_no_longer_than_it_may() {
    for (bars, expected) in [(3, &["10!smt long 57 - 43"][..]), (2, &[])] {
        let rules = Rules {
            smt_arm_bars: bars,
            ..rules_of(SetupKind::Smt)
        };
        for before in [true, false] {
            assert_eq!(after_divided(&rules, 8, before), expected, "{bars}");
        }
    }
}

#[test]
fn two_of_one_bar_would_be_one_signal_by_name() {
    let armed = |setup, direction, block, armed_at| Armed {
        pattern: Pattern {
            setup,
            direction,
            entry: Price::ZERO,
            stop_level: Price::ZERO,
            zone_far: None,
            zone: Zone::Block(block),
            armed_open: SourceTime::from_secs(0),
            conditions: Vec::new(),
        },
        trigger: Price::ZERO,
        armed_at,
    };
    let (retest, long) = (SetupKind::BlockRetest, Direction::Long);
    let first = armed(retest, long, 1, 9);
    let others = [
        armed(SetupKind::MssFvg, long, 1, 9),
        armed(retest, Direction::Short, 1, 9),
        armed(retest, long, 1, 10),
    ];
    let mut list = vec![first.clone()];
    arm(&mut list, armed(retest, long, 2, 9));
    assert_eq!(list, [first]);
    others
        .iter()
        .for_each(|other| arm(&mut list, other.clone()));
    assert_eq!(list[1..], others);
}
