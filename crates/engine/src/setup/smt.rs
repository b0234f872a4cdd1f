//! "SMT divergence": of two symbols that move together the other one took its last swing out, and this one held; entry at the
//! close that breaks structure in its direction.

use super::{Pattern, SetupKind, View, Zone, depth};
use crate::structure::{BarIndex, Break};
use market::{Condition, Direction, Price, SourceTime, Symbol};
use serde::{Deserialize, Serialize};

/// A divergence in which this symbol held.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Divided {
    pub direction: Direction,
    /// The other symbol.
    pub swept: Symbol,
    /// The furthest that price went against the trade since the other symbol's earlier swing.
    pub extreme: Price,
    /// When the bar opened with which it became known.
    pub open_time: SourceTime,
}

/// Waits for breaks after divergences: for a long, then for a short.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Smt {
    waiting: [Option<Waiting>; 2],
    /// The last bar that closed, and what broke with it: a divergence may become known only after it.
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Waiting {
    divided: Divided,
    at: BarIndex,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Last {
    t: BarIndex,
    open_time: SourceTime,
    close: Price,
    /// Upwards, then downwards.
    broke: [bool; 2],
}

impl Smt {
    /// Takes a bar of this symbol, and returns what its close triggers.
    pub(super) fn close(&mut self, view: &View) -> Vec<Pattern> {
        let (price, max_bars) = (&view.bar.price, BarIndex::from(view.rules.smt_arm_bars));
        for waiting in &mut self.waiting {
            waiting.take_if(|waiting| view.t >= waiting.at + max_bars);
            if let Some(Waiting { divided, .. }) = waiting {
                let reach = depth(divided.direction, price.low, price.high);
                divided.extreme = match divided.direction {
                    Direction::Long => divided.extreme.min(reach),
                    Direction::Short => divided.extreme.max(reach),
                };
            }
        }
        // Of a bar that was not wholly seen nobody knows where it would have closed.
        let goes = |found: &Break, direction| found.direction == direction && !view.bar.holed;
        let broke = |direction| view.breaks().any(|found| goes(found, direction));
        self.last = Some(Last {
            t: view.t,
            open_time: view.bar.open_time,
            close: price.close,
            broke: [broke(Direction::Long), broke(Direction::Short)],
        });
        [Direction::Long, Direction::Short]
            .into_iter()
            .filter_map(|direction| self.fire(direction, max_bars))
            .collect()
    }

    /// Arms what became known after the symbol's own bar had closed, or before it; returns what that bar's close triggers, if
    /// it is the last one.
    pub(super) fn arm(&mut self, divided: Divided, max_bars: BarIndex) -> Option<Pattern> {
        let direction = divided.direction;
        let after = |last: &Last| match last.open_time < divided.open_time {
            true => last.t + 1,
            false => last.t,
        };
        let at = self.last.as_ref().map_or(0, after);
        self.waiting[direction as usize] = Some(Waiting { divided, at });
        let is_closed = |last: &Last| last.open_time == divided.open_time;
        self.last.as_ref().is_some_and(is_closed).then_some(())?;
        self.fire(direction, max_bars)
    }

    /// What the last close triggers, if it broke in this direction.
    fn fire(&mut self, direction: Direction, max_bars: BarIndex) -> Option<Pattern> {
        let last = self.last?;
        if !last.broke[direction as usize] {
            return None;
        }
        let Waiting { divided, at } = self.waiting[direction as usize].take()?;
        Some(Pattern {
            setup: SetupKind::Smt,
            direction,
            entry: last.close,
            stop_level: divided.extreme,
            zone_far: None,
            zone: Zone::Bar(last.t),
            armed_open: divided.open_time,
            conditions: vec![
                Condition::holds("smt"),
                Condition::holds(&format!("swept_{}", divided.swept)),
                Condition::holds("break"),
                Condition::at_most(
                    "bars_since_smt",
                    last.t.saturating_sub(at) as f64,
                    max_bars as f64,
                ),
            ],
        })
    }
}

const _: () = assert!(Direction::Long as usize == 0 && Direction::Short as usize == 1);
