//! "BOS confirmation": structure broke with the trend of the higher timeframe; entry when price comes back to the level.

use super::{Armed, Pattern, SetupKind, View, Zone, depth};
use market::{Condition, Price};

/// Arms what a break with the trend completes.
pub(super) fn arm(view: &View, armed: &mut Vec<Armed>) {
    for found in view.breaks() {
        if found.choch || view.htf_trend != Some(found.direction) {
            continue;
        }
        let leg = &found.leg;
        let pattern = Pattern {
            setup: SetupKind::BosRetest,
            direction: found.direction,
            entry: found.level,
            stop_level: depth(found.direction, leg.block_bottom, leg.block_top),
            zone_far: None,
            zone: Zone::Level(found.swing),
            armed_open: view.bar.open_time,
            conditions: vec![
                Condition::holds("bos"),
                Condition::holds("htf_trend"),
                Condition::at_most(
                    "retest_atr",
                    view.rules.bos_retest_atr,
                    view.rules.bos_retest_atr,
                ),
            ],
        };
        armed.push(Armed {
            trigger: pattern.entry,
            pattern,
            armed_at: view.t,
        });
    }
}

/// Near the level counts as back at it: how near, changes with each bar.
pub(super) fn follow(view: &View, armed: &mut [Armed]) {
    let near = view.chart.atr().map(|atr| view.rules.bos_retest_atr * atr);
    let near = near.and_then(Price::from_f64).unwrap_or_default();
    for armed in armed {
        if armed.pattern.setup == SetupKind::BosRetest {
            let pattern = &armed.pattern;
            armed.trigger = pattern.entry + near.times(pattern.direction.sign());
        }
    }
}
