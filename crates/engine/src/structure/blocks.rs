//! Order blocks: the last bar before a leg that broke structure, and what price does there later.

use super::{BarIndex, Finding, Leg};
use crate::rules::{BlockPick, BlockZone, BreakMode};
use market::{Direction, Ohlc, Price};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// An order block, or with its direction turned a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    pub direction: Direction,
    pub top: Price,
    pub bottom: Price,
    /// The bar it is.
    pub bar: BarIndex,
    /// The bar of the break, at whose close it became known.
    pub born: BarIndex,
    pub touched: bool,
}

/// What becomes an order block, and what ends it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockRules {
    pub pick: BlockPick,
    pub zone: BlockZone,
    pub break_mode: BreakMode,
    pub cap: u32,
}

/// The top and the bottom of a bar as an order block.
pub(crate) fn zone(bar: &Ohlc, zone: BlockZone) -> (Price, Price) {
    match zone {
        BlockZone::Range => (bar.high, bar.low),
        BlockZone::Body => (bar.open.max(bar.close), bar.open.min(bar.close)),
    }
}

impl Block {
    fn survives(&mut self, bar: &Ohlc, break_mode: BreakMode, findings: &mut Vec<Finding>) -> bool {
        let touches = match self.direction {
            Direction::Long => bar.low <= self.top,
            Direction::Short => bar.high >= self.bottom,
        };
        let breaks = match (self.direction, break_mode) {
            (Direction::Long, BreakMode::Close) => bar.close < self.bottom,
            (Direction::Long, BreakMode::Wick) => bar.low < self.bottom,
            (Direction::Short, BreakMode::Close) => bar.close > self.top,
            (Direction::Short, BreakMode::Wick) => bar.high > self.top,
        };
        if touches && !self.touched {
            self.touched = true;
            findings.push(Finding::BlockTouched(*self));
        }
        if breaks {
            findings.push(Finding::BlockBroken(Self {
                direction: self.direction.opposite(),
                ..*self
            }));
        }
        !breaks
    }
}

/// The live order blocks of one timeframe, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Blocks {
    live: VecDeque<Block>,
    /// Those for which the last bar left no room: no event tells it, and whoever draws them asks.
    #[serde(skip)]
    expired: Vec<Block>,
}

impl Blocks {
    /// Tests the live blocks against a later bar.
    pub(crate) fn test(&mut self, bar: &Ohlc, rules: BlockRules, findings: &mut Vec<Finding>) {
        self.expired.clear();
        self.live
            .retain_mut(|block| block.survives(bar, rules.break_mode, findings));
    }

    /// The blocks that are followed no longer since the last bar brought newer ones.
    pub(crate) fn expired(&self) -> &[Block] {
        &self.expired
    }

    /// The live blocks, oldest first.
    pub(crate) fn live(&self) -> impl DoubleEndedIterator<Item = &Block> {
        self.live.iter()
    }

    /// Adds the block of a break at bar `t`, unless the same one lives already.
    pub(crate) fn add(
        &mut self,
        t: BarIndex,
        direction: Direction,
        leg: &Leg,
        rules: BlockRules,
        findings: &mut Vec<Finding>,
    ) {
        if self
            .live
            .iter()
            .any(|block| block.direction == direction && block.bar == leg.block)
        {
            return;
        }
        let (top, bottom) = (leg.block_top, leg.block_bottom);
        let block = Block {
            direction,
            top,
            bottom,
            bar: leg.block,
            born: t,
            touched: false,
        };
        findings.push(Finding::Block(block));
        self.live.push_back(block);
        if self.live.len() > rules.cap as usize {
            self.expired.extend(self.live.pop_front());
        }
    }
}
