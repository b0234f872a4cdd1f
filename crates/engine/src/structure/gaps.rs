//! Fair value gaps: three bars of which the outer two leave a gap, and what price does in it later.

use super::{BarIndex, Finding};
use market::{Direction, Ohlc, Price};
use serde::{Deserialize, Serialize};

/// A gap between the first and the third of three bars.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    pub direction: Direction,
    pub top: Price,
    pub bottom: Price,
    /// The third bar, at whose close the gap became known. Its middle bar is the one before.
    pub born: BarIndex,
    /// Height in multiples of the average true range at its birth; `None` before there is one.
    pub height_atr: Option<f64>,
    pub touched: bool,
    filled: bool,
}

impl Gap {
    /// The edge price reaches first, and the far one.
    #[must_use]
    pub fn edges(&self) -> (Price, Price) {
        match self.direction {
            Direction::Long => (self.top, self.bottom),
            Direction::Short => (self.bottom, self.top),
        }
    }

    /// Whether a bar can change anything of it. Whoever closes beyond its far edge has reached its near one.
    fn is_met(&self, bar: &Ohlc) -> bool {
        let (near, far) = self.edges();
        let level = if self.touched { far } else { near };
        match self.direction {
            Direction::Long => bar.low <= level,
            Direction::Short => bar.high >= level,
        }
    }

    /// Tests a later bar: touch, fill, inversion, in this order. Says whether the gap lives on.
    fn survives(&mut self, bar: &Ohlc, findings: &mut Vec<Finding>) -> bool {
        let (near, far) = self.edges();
        let reaches = |level| match self.direction {
            Direction::Long => bar.low <= level,
            Direction::Short => bar.high >= level,
        };
        let inverts = match self.direction {
            Direction::Long => bar.close < far,
            Direction::Short => bar.close > far,
        };
        let (touches, fills) = (!self.touched && reaches(near), !self.filled && reaches(far));
        if touches {
            self.touched = true;
            findings.push(Finding::GapTouched(*self));
        }
        if fills {
            self.filled = true;
            findings.push(Finding::GapFilled(*self));
        }
        if inverts {
            findings.push(Finding::GapInverted(Self {
                direction: self.direction.opposite(),
                ..*self
            }));
        }
        !inverts
    }
}

/// What counts as a gap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GapRules {
    pub body: bool,
    pub min_atr: f64,
    pub max_age: BarIndex,
}

/// The live gaps of one timeframe, oldest first, and the two bars before the next one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Gaps {
    live: Vec<Gap>,
    /// Those that were too old at the last bar and had not been filled: no event tells it, and whoever draws them asks.
    #[serde(skip)]
    expired: Vec<Gap>,
    before: [Option<Ohlc>; 2],
}

impl Gaps {
    /// Tests the live gaps against bar `t`.
    pub(crate) fn test(
        &mut self,
        t: BarIndex,
        bar: &Ohlc,
        rules: GapRules,
        findings: &mut Vec<Finding>,
    ) {
        self.expired.clear();
        // Most bars come to none of them.
        let ends = |gap: &Gap| t >= gap.born + rules.max_age;
        if self.live.iter().any(|gap| gap.is_met(bar) || ends(gap)) {
            let expired = &mut self.expired;
            self.live.retain_mut(|gap| {
                let (lives, ends) = (gap.survives(bar, findings), ends(gap));
                if lives && ends && !gap.filled {
                    expired.push(*gap);
                }
                lives && !ends
            });
        }
    }

    /// Looks for a gap that bar `t` completes.
    pub(crate) fn find(
        &mut self,
        t: BarIndex,
        bar: &Ohlc,
        atr: Option<f64>,
        rules: GapRules,
        findings: &mut Vec<Finding>,
    ) {
        if let [Some(first), Some(middle)] = self.before
            && let Some(gap) = complete(t, &first, &middle, bar, atr, rules)
        {
            findings.push(Finding::Gap(gap));
            self.live.push(gap);
        }
        self.before = [self.before[1], Some(*bar)];
    }

    /// A part of the last bar was missed: what seems a gap beside it may be none.
    pub(crate) fn forget_bars(&mut self) {
        self.before = [None, None];
    }

    /// The gaps that the last bar left unfilled and that are followed no longer.
    pub(crate) fn expired(&self) -> &[Gap] {
        &self.expired
    }

    /// The live gaps, oldest first.
    pub(crate) fn live(&self) -> &[Gap] {
        &self.live
    }
}

fn complete(
    t: BarIndex,
    first: &Ohlc,
    middle: &Ohlc,
    third: &Ohlc,
    atr: Option<f64>,
    rules: GapRules,
) -> Option<Gap> {
    let up = third.low > first.high && (!rules.body || middle.close > middle.open);
    let down = third.high < first.low && (!rules.body || middle.close < middle.open);
    let (direction, top, bottom) = match (up, down) {
        (true, _) => (Direction::Long, third.low, first.high),
        (false, true) => (Direction::Short, first.low, third.high),
        (false, false) => return None,
    };
    let height_atr = atr.map(|atr| (top - bottom).to_f64() / atr);
    let high_enough =
        rules.min_atr == 0.0 || height_atr.is_some_and(|height| height >= rules.min_atr);
    high_enough.then_some(Gap {
        direction,
        top,
        bottom,
        born: t,
        height_atr,
        touched: false,
        filled: false,
    })
}
