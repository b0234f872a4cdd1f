//! "Order Block retest": a leg that displaced and left a gap broke structure; entry when price comes back to the block that
//! it began from.

use super::legs::Leg;
use super::{Armed, Pattern, SetupKind, View, Zone, depth};
use market::Condition;

/// Arms the setup if the block is still untouched.
pub(super) fn arm(view: &View, leg: &Leg) -> Option<Armed> {
    let found = &leg.found;
    let (direction, rules) = (found.direction, view.rules);
    let of_leg = |block: &&crate::structure::Block| {
        block.direction == direction && block.bar == found.leg.block
    };
    let block = view.chart.blocks().rev().find(of_leg)?;
    if !found.displaced || block.touched {
        return None;
    }
    let (near, far) = (
        depth(direction.opposite(), block.bottom, block.top),
        depth(direction, block.bottom, block.top),
    );
    let pattern = Pattern {
        setup: SetupKind::BlockRetest,
        direction,
        entry: near,
        stop_level: far,
        zone_far: Some(far),
        zone: Zone::Block(block.bar),
        armed_open: view.bar.open_time,
        conditions: vec![
            Condition::holds(if found.choch { "choch" } else { "bos" }),
            Condition::holds("leg_displaced"),
            Condition::at_least("leg_fvg_atr", leg.gap_atr, rules.setup_fvg_min_atr),
        ],
    };
    Some(Armed {
        trigger: near,
        pattern,
        armed_at: view.t,
    })
}
