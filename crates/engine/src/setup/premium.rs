//! "Premium/Discount entry": price has come back deep into a leg of the dealing range that goes with the trend of the higher
//! timeframe; entry at the close that turns the small structure with it, while price is still cheap.

use super::{Pattern, SetupKind, View, Zone};
use crate::structure::{BarIndex, Break};
use market::{Condition, Direction, SourceTime};
use serde::{Deserialize, Serialize};

/// Where the setup waits: for a long, then for a short.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Premium {
    waiting: [Option<Waiting>; 2],
}

/// The last bar that armed it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Waiting {
    at: BarIndex,
    open_time: SourceTime,
    /// How much of the leg price had given back.
    retraced: f64,
}

impl Premium {
    /// Arms or ends what waits, and returns what this close triggers.
    pub(super) fn close(&mut self, view: &View) -> Option<Pattern> {
        let max_bars = BarIndex::from(view.rules.arm_max_bars);
        for waiting in &mut self.waiting {
            waiting.take_if(|waiting| view.t >= waiting.at + max_bars);
        }
        if let Some(direction) = view.htf_trend {
            self.arm(direction, view);
        }
        view.breaks().find_map(|found| self.fire(found, view))
    }

    fn arm(&mut self, direction: Direction, view: &View) {
        let (range, close) = (view.chart.range(), view.bar.price.close);
        if range.is_ote(direction, close, view.rules)
            && let Some(retraced) = range.retraced(direction, close)
        {
            self.waiting[direction as usize] = Some(Waiting {
                at: view.t,
                open_time: view.bar.open_time,
                retraced,
            });
        }
    }

    fn fire(&mut self, found: &Break, view: &View) -> Option<Pattern> {
        let (direction, close, rules) = (found.direction, view.bar.price.close, view.rules);
        let range = view.chart.range();
        if !found.choch || !range.favours(direction, close, rules) {
            return None;
        }
        let place = range.place(direction, close)?;
        let waiting = self.waiting[direction as usize].take()?;
        Some(Pattern {
            setup: SetupKind::PremiumDiscount,
            direction,
            entry: close,
            stop_level: found.leg.extreme,
            zone_far: None,
            zone: Zone::Bar(view.t),
            armed_open: waiting.open_time,
            conditions: vec![
                Condition::holds("htf_trend"),
                Condition::at_least("ote_retraced", waiting.retraced, rules.ote_lo),
                Condition::holds("choch"),
                Condition::at_most("range_place", place, 0.5 - rules.pd_dead),
            ],
        })
    }
}

const _: () = assert!(Direction::Long as usize == 0 && Direction::Short as usize == 1);
