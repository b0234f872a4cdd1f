//! Breaks of structure: a close beyond the latest confirmed swing. With the trend it is a break of structure (BOS),
//! against it a change of character (CHoCH); a CHoCH whose leg displaced is a market structure shift (MSS).

use super::BarIndex;
use super::blocks::{BlockRules, zone};
use super::swings::Swing;
use crate::rules::BlockPick;
use market::{Direction, Ohlc, Price};
use serde::{Deserialize, Serialize};

/// A break and the leg that made it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Break {
    pub direction: Direction,
    /// Against the trend there was.
    pub choch: bool,
    /// A bar of the leg displaced in its direction.
    pub displaced: bool,
    /// The broken swing's price and bar.
    pub level: Price,
    pub swing: BarIndex,
    pub leg: Leg,
}

impl Break {
    /// A change of character against a trade of this direction.
    #[must_use]
    pub fn turns_against(&self, direction: Direction) -> bool {
        self.choch && self.direction != direction
    }

    /// A market structure shift: a CHoCH whose leg displaced.
    #[must_use]
    pub fn is_shift(&self) -> bool {
        self.choch && self.displaced
    }
}

/// The move that broke structure: from its order-block bar to the bar of the break.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// The order-block bar: for a break upwards the lowest low since the broken swing, the last such bar on ties; or as
    /// `ob_pick` says.
    pub block: BarIndex,
    /// The edges of the order block.
    pub block_top: Price,
    pub block_bottom: Price,
    /// The leg's far end: its lowest low for a break upwards; can lie beyond the block.
    pub extreme: Price,
}

/// One side's reference swing, and the bars since that may become order blocks, in `swing + 1 ..= t`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Reference {
    swing: BarIndex,
    level: Price,
    broken: bool,
    /// The deepest bar, the last on ties.
    deepest: Candidate,
    /// The last bar that closed against the break.
    opposite: Option<Candidate>,
}

/// A bar that may become an order block.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Candidate {
    bar: BarIndex,
    price: Ohlc,
    /// The furthest price against the break since it began.
    extreme: Price,
}

/// The state of the structure of one timeframe.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Breaks {
    trend: Option<Direction>,
    /// The swing high, then the swing low.
    references: [Option<Reference>; 2],
    /// The last bar that displaced upwards, then downwards.
    displaced: [Option<BarIndex>; 2],
}

impl Breaks {
    /// Where the last break went.
    pub(crate) fn trend(&self) -> Option<Direction> {
        self.trend
    }

    /// A displacing bar closed at `t`.
    pub(crate) fn displaced(&mut self, direction: Direction, t: BarIndex) {
        self.displaced[side(direction)] = Some(t);
    }

    /// A newer swing replaces the reference of its side. `since` are the bars after the swing, oldest first: never empty,
    /// since a swing is confirmed by bars to its right. The last of them is the bar that is tested next, which cannot
    /// break the swing that it confirms.
    pub(crate) fn confirm<'a>(&mut self, swing: &Swing, since: impl Iterator<Item = &'a Ohlc>) {
        let mut reference: Option<Reference> = None;
        for (place, bar) in since.enumerate() {
            let at = swing.bar + 1 + place as BarIndex;
            match &mut reference {
                Some(reference) => reference.take(swing.side, at, bar),
                None => reference = Some(Reference::new(swing, at, bar)),
            }
        }
        self.references[side(swing.side)] = reference;
    }

    /// Tests bar `t` against one side's reference; `reach` is the price that has to be beyond it.
    pub(crate) fn test(
        &mut self,
        direction: Direction,
        bar: &Ohlc,
        reach: Price,
        rules: BlockRules,
    ) -> Option<Break> {
        let reference = self.references[side(direction)].as_mut()?;
        let beyond = match direction {
            Direction::Long => reach > reference.level,
            Direction::Short => reach < reference.level,
        };
        if reference.broken || !beyond {
            return None;
        }
        reference.broken = true;
        let Reference { swing, level, .. } = *reference;
        let leg = reference.leg(direction, bar, rules);
        let choch = self.trend == Some(direction.opposite());
        let displaced = self.displaced[side(direction)].is_some_and(|bar| bar >= leg.block);
        self.trend = Some(direction);
        Some(Break {
            direction,
            choch,
            displaced,
            level,
            swing,
            leg,
        })
    }

    /// Takes bar `t` into the legs since the references, after it was tested.
    pub(crate) fn pass(&mut self, t: BarIndex, bar: &Ohlc) {
        for direction in [Direction::Long, Direction::Short] {
            if let Some(reference) = &mut self.references[side(direction)] {
                reference.take(direction, t, bar);
            }
        }
    }
}

impl Reference {
    /// A swing that is known now, and the first bar after it.
    fn new(swing: &Swing, at: BarIndex, bar: &Ohlc) -> Self {
        let first = Candidate::new(swing.side, at, bar);
        Self {
            swing: swing.bar,
            level: swing.level,
            broken: false,
            deepest: first,
            opposite: is_against(swing.side, bar).then_some(first),
        }
    }

    /// Takes a later bar.
    fn take(&mut self, direction: Direction, at: BarIndex, bar: &Ohlc) {
        let this = Candidate::new(direction, at, bar);
        self.deepest.extreme = deeper(direction, self.deepest.extreme, this.extreme);
        if self.deepest.extreme == this.extreme {
            self.deepest = this;
        }
        if let Some(opposite) = &mut self.opposite {
            opposite.extreme = deeper(direction, opposite.extreme, this.extreme);
        }
        if is_against(direction, bar) {
            self.opposite = Some(this);
        }
    }

    /// The leg of a break by `bar`.
    fn leg(&self, direction: Direction, bar: &Ohlc, rules: BlockRules) -> Leg {
        let block = match rules.pick {
            BlockPick::Extreme => self.deepest,
            BlockPick::LastOpposite => self.opposite.unwrap_or(self.deepest),
        };
        let (block_top, block_bottom) = zone(&block.price, rules.zone);
        Leg {
            block: block.bar,
            block_top,
            block_bottom,
            extreme: deeper(direction, block.extreme, depth(direction, bar)),
        }
    }
}

impl Candidate {
    fn new(direction: Direction, at: BarIndex, bar: &Ohlc) -> Self {
        Self {
            bar: at,
            price: *bar,
            extreme: depth(direction, bar),
        }
    }
}

/// How far a bar goes against a break: to its low for one upwards.
fn depth(direction: Direction, bar: &Ohlc) -> Price {
    match direction {
        Direction::Long => bar.low,
        Direction::Short => bar.high,
    }
}

fn deeper(direction: Direction, one: Price, other: Price) -> Price {
    match direction {
        Direction::Long => one.min(other),
        Direction::Short => one.max(other),
    }
}

/// Whether a bar closed against a break.
fn is_against(direction: Direction, bar: &Ohlc) -> bool {
    match direction {
        Direction::Long => bar.close < bar.open,
        Direction::Short => bar.close > bar.open,
    }
}

fn side(direction: Direction) -> usize {
    match direction {
        Direction::Long => 0,
        Direction::Short => 1,
    }
}
