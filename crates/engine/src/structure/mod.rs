//! Market structure of one timeframe: what a chart reader marks, found without looking ahead. A finding belongs to the
//! bar at whose close it became known. Definitions follow the project's `docs/signals.md`.
//!
//! Work per bar is bounded: rings of a few bars and capped lists of live zones and pools.

mod blocks;
mod breaks;
mod chart;
mod correlation;
mod gaps;
mod levels;
mod major;
mod pools;
mod range;
mod smt;
mod survey;
mod swings;

pub use blocks::Block;
pub use breaks::{Break, Leg};
pub use chart::Chart;
pub use gaps::Gap;
pub use levels::Levels;
pub use pools::{Pool, PoolKind};
pub use range::DealingRange;
pub use smt::{CorrelationGate, Divergence, Member, Relation, Smt};
pub use survey::{Observation, Survey};

use market::{Direction, Price};

/// The place of a closed bar in its series, counted from 0.
pub type BarIndex = u64;

/// Something that became known at a bar's close. Directions: a swing high, a sweep of lows and a gap up are `Long`... see
/// each case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Finding {
    /// `Long`: a swing high; `Short`: a swing low.
    Swing {
        side: Direction,
        level: Price,
        bar: BarIndex,
    },
    /// The same on the major scale.
    MajorSwing {
        side: Direction,
        level: Price,
        bar: BarIndex,
    },
    /// Two successive swings of one side at about the same price.
    Equal {
        side: Direction,
        level: Price,
        bar: BarIndex,
        earlier: BarIndex,
    },
    /// A close beyond the reference swing.
    Break(Break),
    /// The order block that a break leaves behind.
    Block(Block),
    BlockTouched(Block),
    /// The direction is the new one: the broken block now works the other way (a breaker).
    BlockBroken(Block),
    Gap(Gap),
    GapTouched(Gap),
    GapFilled(Gap),
    /// The direction is the new one.
    GapInverted(Gap),
    /// The pool's level was exceeded up to `extreme` and price closed back. The direction is the trade's: a swept high is
    /// `Short`.
    Sweep {
        direction: Direction,
        pool: Pool,
        extreme: Price,
    },
    /// The pool's level was exceeded and price went on. The direction is that of the run.
    Run {
        direction: Direction,
        pool: Pool,
        extreme: Price,
    },
}

impl Finding {
    /// The break, where it is one.
    #[must_use]
    pub fn as_break(&self) -> Option<&Break> {
        if let Self::Break(found) = self {
            Some(found)
        } else {
            None
        }
    }
}
