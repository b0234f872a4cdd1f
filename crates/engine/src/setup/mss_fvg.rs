//! "MSS+FVG setup": a sweep of stops, then a shift of structure the other way whose leg leaves a gap; entry when price
//! comes back to the gap.

use super::{Armed, SetupKind};
use crate::rules::{GapEntry, Rules};
use crate::structure::{BarIndex, Break, Chart, Finding, Gap, PoolKind};
use market::{Bar, Direction};
use serde::{Deserialize, Serialize};

/// Watches one chart for the pattern.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MssFvg {
    /// The last bar with a sweep that argues for a long, then for a short.
    swept: [Option<BarIndex>; 2],
    /// A shift of the bar before that had no gap yet: this bar may still bring it.
    waiting: Option<(BarIndex, Break)>,
    armed: Vec<Armed>,
}

impl MssFvg {
    /// Takes what became known at bar `t`: ends what it contradicts, arms what it completes.
    pub fn close(
        &mut self,
        t: BarIndex,
        bar: &Bar,
        findings: &[Finding],
        chart: &Chart,
        rules: &Rules,
    ) {
        let waited = self.waiting.take();
        for finding in findings {
            self.note(t, finding);
        }
        self.armed
            .retain(|armed| t < armed.armed_at + BarIndex::from(rules.arm_max_bars));
        let shift = findings
            .iter()
            .find_map(|finding| self.shift(t, finding, rules));
        match (shift, waited) {
            (Some(shift), _) if self.arm(t, t, &shift, bar, chart, rules) => {}
            (Some(shift), _) => self.waiting = Some((t, shift)),
            (None, Some((at, shift))) if !contradicted(&shift, findings) => {
                self.arm(at, t, &shift, bar, chart, rules);
            }
            (None, _) => {}
        }
    }

    /// What waits for its trigger, in the order of arming.
    #[must_use]
    pub fn armed(&self) -> &[Armed] {
        &self.armed
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.armed.is_empty()
    }

    /// Takes out the setups for which `ends` is true, in the order of arming.
    pub fn take_if(&mut self, mut ends: impl FnMut(&Armed) -> bool) -> Vec<Armed> {
        self.armed.extract_if(.., |armed| ends(armed)).collect()
    }

    fn note(&mut self, t: BarIndex, finding: &Finding) {
        match finding {
            Finding::Sweep {
                direction, pool, ..
            } if matches!(pool.kind, PoolKind::Swing | PoolKind::Equal) => {
                self.swept[*direction as usize] = Some(t);
            }
            Finding::Break(found) if found.choch => {
                self.armed
                    .retain(|armed| armed.direction == found.direction);
            }
            // The finding has the new direction: the gap that ended had the other one.
            Finding::GapInverted(gap) => self
                .armed
                .retain(|armed| armed.zone_born != gap.born || armed.direction == gap.direction),
            Finding::Sweep { .. }
            | Finding::Break(_)
            | Finding::Swing { .. }
            | Finding::Equal { .. }
            | Finding::Block(_)
            | Finding::BlockTouched(_)
            | Finding::BlockBroken(_)
            | Finding::Gap(_)
            | Finding::GapTouched(_)
            | Finding::GapFilled(_)
            | Finding::Run { .. } => {}
        }
    }

    /// A shift of structure at `t` that came soon enough after a sweep.
    fn shift(&self, t: BarIndex, finding: &Finding, rules: &Rules) -> Option<Break> {
        let Finding::Break(found) = finding else {
            return None;
        };
        let swept = self.swept[found.direction as usize]?;
        (found.mss && t - swept <= BarIndex::from(rules.mss_sweep_bars)).then(|| found.clone())
    }

    /// Arms the setup at bar `t` if the leg of the shift at `shifted` has a gap that is whole.
    fn arm(
        &mut self,
        shifted: BarIndex,
        t: BarIndex,
        shift: &Break,
        bar: &Bar,
        chart: &Chart,
        rules: &Rules,
    ) -> bool {
        let of_leg = |gap: &&Gap| {
            gap.direction == shift.direction
                && (shift.leg.block + 1..=shifted + 1).contains(&gap.born)
                && gap
                    .height_atr
                    .is_some_and(|height| height >= rules.setup_fvg_min_atr)
                && !gap.touched
        };
        let Some(gap) = chart.gaps().iter().rev().find(of_leg) else {
            return false;
        };
        let (near, far) = gap.edges();
        let entry = match rules.fvg_entry {
            GapEntry::Edge => near,
            GapEntry::Ce => near.mid(far),
        };
        self.armed.push(Armed {
            setup: SetupKind::MssFvg,
            direction: shift.direction,
            trigger: entry,
            entry,
            stop_level: shift.leg.extreme,
            zone_far: far,
            zone_born: gap.born,
            armed_at: t,
            armed_open: bar.open_time,
        });
        true
    }
}

/// Whether a change of character against the shift came meanwhile.
fn contradicted(shift: &Break, findings: &[Finding]) -> bool {
    findings.iter().any(|finding| {
        matches!(finding, Finding::Break(found) if found.choch && found.direction != shift.direction)
    })
}

const _: () = assert!(Direction::Long as usize == 0 && Direction::Short as usize == 1);
