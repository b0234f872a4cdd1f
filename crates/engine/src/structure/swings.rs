//! Swing highs and lows: bars that stand out between their neighbours, known only after the bars to their right.

use super::BarIndex;
use market::{Direction, Ohlc, Price};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Keeps the last `left + right + 1` bars and says which of them is a swing now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Swings {
    left: usize,
    right: usize,
    window: VecDeque<Ohlc>,
}

/// A swing that has just become known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Swing {
    pub side: Direction,
    pub level: Price,
    pub bar: BarIndex,
}

impl Swings {
    pub(crate) fn new(left: u32, right: u32) -> Self {
        let (left, right) = (left as usize, right as usize);
        Self {
            left,
            right,
            window: VecDeque::with_capacity(left + right + 2),
        }
    }

    /// Takes bar `t` and returns the swing high and the swing low it confirms: bar `i = t - right` is a swing high if its
    /// high is above those of the `left` bars before it and not below those of the `right` bars after it.
    pub(crate) fn update(&mut self, t: BarIndex, bar: &Ohlc) -> [Option<Swing>; 2] {
        self.window.push_back(*bar);
        if self.window.len() > self.left + self.right + 1 {
            self.window.pop_front();
        }
        if self.window.len() <= self.left + self.right {
            return [None, None];
        }
        let at = t - self.right as BarIndex;
        let swing = |side| {
            let level = self.stands_out(side)?;
            Some(Swing {
                side,
                level,
                bar: at,
            })
        };
        [swing(Direction::Long), swing(Direction::Short)]
    }

    /// Bars were lost: no swing lies across them.
    pub(crate) fn forget(&mut self) {
        self.window.clear();
    }

    /// The bars after bar `t - age`, that one not included, up to `t`; oldest first.
    pub(crate) fn newest(&self, count: usize) -> impl Iterator<Item = &Ohlc> {
        self.window
            .iter()
            .skip(self.window.len().saturating_sub(count))
    }

    fn stands_out(&self, side: Direction) -> Option<Price> {
        let reach = |bar: &Ohlc| match side {
            Direction::Long => bar.high,
            Direction::Short => -bar.low,
        };
        let middle = self.window.get(self.left)?;
        let top = reach(middle);
        // Most bars fall at once to a neighbour: the nearest are asked first.
        let mut left = self.window.range(..self.left).rev();
        let mut right = self.window.range(self.left + 1..);
        let stands = left.all(|bar| reach(bar) < top) && right.all(|bar| reach(bar) <= top);
        stands.then_some(match side {
            Direction::Long => middle.high,
            Direction::Short => middle.low,
        })
    }
}
