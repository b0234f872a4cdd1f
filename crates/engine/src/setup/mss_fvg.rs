//! "MSS+FVG setup": a sweep of stops, then a shift of structure the other way whose leg leaves a gap; entry when price
//! comes back to the gap.

use super::legs::Leg;
use super::{Armed, Pattern, SetupKind, View, Zone};
use crate::rules::GapEntry;
use crate::structure::BarIndex;
use market::Condition;

/// Arms the setup if the leg shifted structure soon enough after a sweep.
pub(super) fn arm(view: &View, leg: &Leg) -> Option<Armed> {
    let (found, rules) = (&leg.found, view.rules);
    let since_sweep = leg.broke_at - leg.swept?;
    if !found.is_shift() || since_sweep > BarIndex::from(rules.mss_sweep_bars) {
        return None;
    }
    let (near, far) = leg.gap.edges();
    let entry = match rules.fvg_entry {
        GapEntry::Edge => near,
        GapEntry::Ce => near.mid(far),
    };
    let pattern = Pattern {
        setup: SetupKind::MssFvg,
        direction: found.direction,
        entry,
        stop_level: found.leg.extreme,
        zone_far: Some(far),
        zone: Zone::Gap(leg.gap.born),
        armed_open: view.bar.open_time,
        conditions: vec![
            Condition::at_most(
                "bars_since_sweep",
                since_sweep as f64,
                f64::from(rules.mss_sweep_bars),
            ),
            Condition::holds("mss"),
            Condition::at_least("leg_fvg_atr", leg.gap_atr, rules.setup_fvg_min_atr),
        ],
    };
    Some(Armed {
        trigger: entry,
        pattern,
        armed_at: view.t,
    })
}
