//! "Liquidity sweep": stops beyond a level that many watch were taken and price closed back, in the cheap half of the
//! dealing range; entry at that close.

use super::{Pattern, SetupKind, View, Zone};
use crate::structure::{Finding, PoolKind};
use market::{Condition, Price};

/// What this bar's close triggers: of several sweeps of one direction the one that went deepest.
pub(super) fn fire(view: &View) -> Vec<Pattern> {
    let mut fired: Vec<Pattern> = Vec::new();
    for finding in view.findings {
        let Some(pattern) = pattern(view, finding) else {
            continue;
        };
        let other = |one: &&mut Pattern| one.direction == pattern.direction;
        match fired.iter_mut().find(other) {
            Some(known) => {
                let sign = pattern.direction.sign();
                if (known.stop_level - pattern.stop_level).times(sign) > Price::ZERO {
                    *known = pattern;
                }
            }
            None => fired.push(pattern),
        }
    }
    fired
}

fn pattern(view: &View, finding: &Finding) -> Option<Pattern> {
    let Finding::Sweep {
        direction,
        pool,
        extreme,
    } = finding
    else {
        return None;
    };
    let (direction, rules, range) = (*direction, view.rules, view.chart.range());
    let close = view.bar.price.close;
    if !is_watched(pool.kind) || !range.favours(direction, close, rules) {
        return None;
    }
    let depth = (pool.level - *extreme).abs().to_f64() / view.chart.atr()?;
    Some(Pattern {
        setup: SetupKind::LiquiditySweep,
        direction,
        entry: close,
        stop_level: *extreme,
        zone_far: None,
        zone: Zone::Bar(view.t),
        armed_open: view.bar.open_time,
        conditions: vec![
            Condition::holds(pool.kind.as_str()),
            Condition::at_most("sweep_depth_atr", depth, rules.sweep_max_depth_atr),
            Condition::at_most(
                "range_place",
                range.place(direction, close)?,
                0.5 - rules.pd_dead,
            ),
        ],
    })
}

/// The levels whose sweep is a reason by itself.
fn is_watched(kind: PoolKind) -> bool {
    match kind {
        PoolKind::Equal | PoolKind::Major | PoolKind::PreviousDay | PoolKind::Session(_) => true,
        PoolKind::Swing | PoolKind::PreviousWeek => false,
    }
}
