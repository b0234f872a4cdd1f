//! Order blocks: the last bar before a leg that broke structure, and what price does there later.

use super::{BarIndex, Finding, Leg};
use market::{Direction, Ohlc, Price};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// An order block, or with its direction turned a breaker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

impl Block {
    fn survives(&mut self, bar: &Ohlc, findings: &mut Vec<Finding>) -> bool {
        let (touches, breaks) = match self.direction {
            Direction::Long => (bar.low <= self.top, bar.close < self.bottom),
            Direction::Short => (bar.high >= self.bottom, bar.close > self.top),
        };
        if touches && !self.touched {
            self.touched = true;
            findings.push(Finding::BlockTouched(self.clone()));
        }
        if breaks {
            findings.push(Finding::BlockBroken(Self {
                direction: self.direction.opposite(),
                ..self.clone()
            }));
        }
        !breaks
    }
}

/// The live order blocks of one timeframe, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Blocks {
    live: VecDeque<Block>,
}

impl Blocks {
    /// Tests the live blocks against a later bar.
    pub(crate) fn test(&mut self, bar: &Ohlc, findings: &mut Vec<Finding>) {
        self.live.retain_mut(|block| block.survives(bar, findings));
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
        cap: u32,
        findings: &mut Vec<Finding>,
    ) {
        if self
            .live
            .iter()
            .any(|block| block.direction == direction && block.bar == leg.block)
        {
            return;
        }
        let (top, bottom) = (leg.block_high, leg.block_low);
        let block = Block {
            direction,
            top,
            bottom,
            bar: leg.block,
            born: t,
            touched: false,
        };
        findings.push(Finding::Block(block.clone()));
        self.live.push_back(block);
        if self.live.len() > cap as usize {
            self.live.pop_front();
        }
    }
}
