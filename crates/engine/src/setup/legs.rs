//! Legs that broke structure and left a gap: what two of the setups wait for.

use super::{Armed, View, arm, mss_fvg, retest};
use crate::structure::{BarIndex, Break, Finding, Gap, PoolKind};
use market::Direction;
use serde::{Deserialize, Serialize};

/// Watches one chart for such legs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Legs {
    /// The last bar with a sweep that argues for a long, then for a short.
    swept: [Option<BarIndex>; 2],
    /// Breaks of the bar before whose leg had no gap yet: this bar may still bring it.
    waiting: Vec<Broke>,
}

/// A break of structure.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Broke {
    found: Break,
    at: BarIndex,
    /// The last sweep in its direction by then.
    swept: Option<BarIndex>,
}

/// A break whose leg has a whole gap.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub found: Break,
    pub broke_at: BarIndex,
    /// The last bar with a sweep in its direction, up to that of the break.
    pub swept: Option<BarIndex>,
    pub gap: Gap,
    pub gap_atr: f64,
}

impl Legs {
    /// Arms what a leg completes that is whole at this bar.
    pub(super) fn close(&mut self, view: &View, armed: &mut Vec<Armed>) {
        view.findings
            .iter()
            .for_each(|finding| self.note(view.t, finding));
        let mut broke = std::mem::take(&mut self.waiting);
        broke.retain(|broke| !is_contradicted(&broke.found, view));
        broke.extend(view.breaks().map(|found| Broke {
            found: *found,
            at: view.t,
            swept: self.swept[found.direction as usize],
        }));
        for broke in broke {
            match whole(&broke, view) {
                Some(leg) => {
                    let new = [mss_fvg::arm(view, &leg), retest::arm(view, &leg)];
                    new.into_iter().flatten().for_each(|new| arm(armed, new));
                }
                None if broke.at == view.t => self.waiting.push(broke),
                None => {}
            }
        }
    }

    fn note(&mut self, t: BarIndex, finding: &Finding) {
        if let Finding::Sweep {
            direction, pool, ..
        } = finding
            && is_internal(pool.kind)
        {
            self.swept[*direction as usize] = Some(t);
        }
    }
}

/// The leg of a break, if it has a gap that is large enough and untouched: the one born last.
fn whole(broke: &Broke, view: &View) -> Option<Leg> {
    let Broke { found, at, swept } = broke;
    let least = view.rules.setup_fvg_min_atr;
    let of_leg = |gap: &&Gap| {
        gap.direction == found.direction
            && (found.leg.block + 1..=at + 1).contains(&gap.born)
            && gap.height_atr.is_some_and(|height| height >= least)
            && !gap.touched
    };
    let gap = view.chart.gaps().iter().rev().find(of_leg)?;
    Some(Leg {
        found: *found,
        broke_at: *at,
        swept: *swept,
        gap: *gap,
        gap_atr: gap.height_atr?,
    })
}

/// Whether a change of character against a break came meanwhile.
fn is_contradicted(broke: &Break, view: &View) -> bool {
    view.breaks()
        .any(|found| found.turns_against(broke.direction))
}

/// The pools whose sweep may begin a shift of structure.
fn is_internal(kind: PoolKind) -> bool {
    match kind {
        PoolKind::Swing | PoolKind::Equal => true,
        PoolKind::Major | PoolKind::PreviousDay | PoolKind::PreviousWeek | PoolKind::Session(_) => {
            false
        }
    }
}

const _: () = assert!(Direction::Long as usize == 0 && Direction::Short as usize == 1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::Pool;
    use market::{Killzone, Price};

    #[test]
    fn only_swings_and_equal_ones_count_as_swept() {
        for (kind, counts) in [
            (PoolKind::Swing, true),
            (PoolKind::Equal, true),
            (PoolKind::Major, false),
            (PoolKind::PreviousDay, false),
            (PoolKind::PreviousWeek, false),
            (PoolKind::Session(Killzone::Asia), false),
        ] {
            let mut legs = Legs::default();
            let level = Price::from_units(44);
            let sweep = Finding::Sweep {
                direction: Direction::Long,
                pool: Pool::new(Direction::Short, level, kind, 6),
                extreme: Price::from_units(43),
            };
            legs.note(9, &sweep);
            assert_eq!(legs.swept, [counts.then_some(9), None], "{kind:?}");
        }
    }
}
