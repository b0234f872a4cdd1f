//! Breaks of structure: a close beyond the latest confirmed swing. With the trend it is a break of structure (BOS),
//! against it a change of character (CHoCH); a CHoCH whose leg displaced is a market structure shift (MSS).

use super::BarIndex;
use super::swings::Swing;
use market::{Direction, Ohlc, Price};
use serde::{Deserialize, Serialize};

/// A break and the leg that made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The order-block bar: for a break upwards the lowest low since the broken swing, the last such bar on ties.
    pub block: BarIndex,
    pub block_high: Price,
    pub block_low: Price,
    /// The leg's far end: its lowest low for a break upwards; can lie beyond the block.
    pub extreme: Price,
}

/// One side's reference swing, and the extreme of the bars since.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Reference {
    swing: BarIndex,
    level: Price,
    broken: bool,
    /// The deepest bar in `swing + 1 ..= t`, the last on ties.
    block: BarIndex,
    block_bar: Ohlc,
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
                Some(reference) => reference.deepen(swing.side, at, bar),
                None => {
                    let Swing {
                        bar: swing, level, ..
                    } = *swing;
                    reference = Some(Reference {
                        swing,
                        level,
                        broken: false,
                        block: at,
                        block_bar: *bar,
                    });
                }
            }
        }
        self.references[side(swing.side)] = reference;
    }

    /// Tests bar `t` against one side's reference; `reach` is the price that has to be beyond it.
    pub(crate) fn test(&mut self, direction: Direction, bar: &Ohlc, reach: Price) -> Option<Break> {
        let reference = self.references[side(direction)].as_mut()?;
        let beyond = match direction {
            Direction::Long => reach > reference.level,
            Direction::Short => reach < reference.level,
        };
        if reference.broken || !beyond {
            return None;
        }
        reference.broken = true;
        let Reference {
            swing,
            level,
            block,
            block_bar,
            ..
        } = *reference;
        let choch = self.trend == Some(direction.opposite());
        let displaced = self.displaced[side(direction)].is_some_and(|bar| bar >= block);
        self.trend = Some(direction);
        let extreme = match direction {
            Direction::Long => block_bar.low.min(bar.low),
            Direction::Short => block_bar.high.max(bar.high),
        };
        let leg = Leg {
            block,
            block_high: block_bar.high,
            block_low: block_bar.low,
            extreme,
        };
        Some(Break {
            direction,
            choch,
            displaced,
            level,
            swing,
            leg,
        })
    }

    /// Takes bar `t` into the extremes since the references, after it was tested.
    pub(crate) fn pass(&mut self, t: BarIndex, bar: &Ohlc) {
        for direction in [Direction::Long, Direction::Short] {
            if let Some(reference) = &mut self.references[side(direction)] {
                reference.deepen(direction, t, bar);
            }
        }
    }
}

impl Reference {
    /// Against a high, the deepest bar is the lowest one.
    fn deepen(&mut self, direction: Direction, at: BarIndex, bar: &Ohlc) {
        let deeper = match direction {
            Direction::Long => bar.low <= self.block_bar.low,
            Direction::Short => bar.high >= self.block_bar.high,
        };
        if deeper {
            (self.block, self.block_bar) = (at, *bar);
        }
    }
}

fn side(direction: Direction) -> usize {
    match direction {
        Direction::Long => 0,
        Direction::Short => 1,
    }
}
