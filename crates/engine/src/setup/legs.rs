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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::Pool;
    use market::{Killzone, Ohlc, Price, SourceTime, Span};

    /// Runs 5m candles `open high low close`, one a line, and shows what is armed after each that changes it.
    fn check(rules: &Rules, candles: &str, expected: &[&str]) {
        let (mut chart, mut setup) = (Chart::new(rules, 17), MssFvg::default());
        let mut shown = vec![String::new()];
        for (place, line) in candles.trim().lines().enumerate() {
            let price: Vec<Price> = line
                .split_whitespace()
                .map(|word| Price::parse(word).unwrap())
                .collect();
            let [open, high, low, close] = price[..] else {
                panic!("no candle: {line}")
            };
            let open_time = SourceTime::from_secs(place as i64 * 300);
            let bar = Bar {
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
            };
            let mut findings = Vec::new();
            let t = chart.close(&bar, rules, &mut findings);
            setup.close(t, &bar, &findings, &chart, rules);
            let armed = show(t, setup.armed());
            if armed
                != shown[shown.len() - 1]
                    .split_once(':')
                    .map_or("", |(_, armed)| armed)
            {
                shown.push(format!("{t}:{armed}"));
            }
        }
        assert_eq!(shown[1..], *expected);
    }

    fn show(t: BarIndex, armed: &[Armed]) -> String {
        assert!(armed.iter().all(|armed| armed.armed_at <= t));
        let show = |armed: &Armed| {
            let Armed {
                direction,
                entry,
                zone_far,
                stop_level,
                ..
            } = armed;
            format!("{direction} {entry} {zone_far} {stop_level}")
        };
        armed.iter().map(show).collect::<Vec<_>>().join(", ")
    }

    fn rules() -> Rules {
        Rules {
            atr_period: 3,
            swing_left: 1,
            swing_right: 1,
            ..Rules::default()
        }
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
        check(&rules(), &format!("{DOWN}\n{UP}"), &["11:long 53 49 43"]);
        let later = UP.replace("57 62 53 61", "57 62 48 61\n61 66 59 65");
        check(&rules(), &format!("{DOWN}\n{later}"), &[]);
    }

    #[test]
    fn the_middle_of_the_gap_may_be_the_entry() {
        let rules = Rules {
            fvg_entry: GapEntry::Ce,
            ..rules()
        };
        check(&rules, &format!("{DOWN}\n{UP}"), &["11:long 51 49 43"]);
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
        for (bars, expected) in [(1, &["11:long 53 49 43"][..]), (0, &[])] {
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
        check(&rules(), &slow("52"), &["13:long 51 49 43"]);
        check(&rules(), &slow("51"), &[]);
    }

    #[test]
    fn a_close_beyond_the_gap_ends_it() {
        let down = format!("{DOWN}\n{UP}\n61 61 47 49");
        check(&rules(), &down, &["11:long 53 49 43"]);
        let beyond = format!("{DOWN}\n{UP}\n61 61 47 48.9");
        check(&rules(), &beyond, &["11:long 53 49 43", "12:"]);
    }

    #[test]
    fn only_swings_and_equal_ones_count_as_swept() {
        for (kind, counts) in [
            (PoolKind::Swing, true),
            (PoolKind::Equal, true),
            (PoolKind::PreviousDay, false),
            (PoolKind::PreviousWeek, false),
            (PoolKind::Session(Killzone::Asia), false),
        ] {
            let mut setup = MssFvg::default();
            let level = Price::from_units(44);
            let sweep = Finding::Sweep {
                direction: Direction::Long,
                pool: Pool::new(Direction::Short, level, kind, 6),
                extreme: Price::from_units(43),
            };
            setup.note(9, &sweep);
            assert_eq!(setup.swept, [counts.then_some(9), None], "{kind:?}");
        }
    }

    #[test]
    fn it_expires() {
        let rules = Rules {
            arm_max_bars: 2,
            ..rules()
        };
        let quiet = format!("{DOWN}\n{UP}\n61 63 60 62\n62 63 60 62");
        check(&rules, &quiet, &["11:long 53 49 43", "13:"]);
    }
}
