//! The large scale beside the internal one: swings among many more bars, the pools they leave, and the dealing range.

use super::pools::{Pool, PoolKind, Pools, SweepRules};
use super::range::DealingRange;
use super::swings::Swings;
use super::{BarIndex, Finding};
use crate::rules::Rules;
use market::Ohlc;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Major {
    swings: Swings,
    pools: Pools,
    range: DealingRange,
}

impl Major {
    pub(crate) fn new(rules: &Rules) -> Self {
        Self {
            swings: Swings::new(rules.major_left, rules.major_right),
            pools: Pools::default(),
            range: DealingRange::default(),
        }
    }

    /// Tests the live pools against bar `t`.
    pub(crate) fn test(
        &mut self,
        t: BarIndex,
        bar: &Ohlc,
        atr_before: Option<f64>,
        rules: SweepRules,
        findings: &mut Vec<Finding>,
    ) {
        self.pools.test(t, bar, atr_before, rules, findings);
    }

    /// Takes bar `t`, after the pools were tested.
    pub(crate) fn update(
        &mut self,
        t: BarIndex,
        bar: &Ohlc,
        pool_cap: u32,
        findings: &mut Vec<Finding>,
    ) {
        self.range.update(t, bar);
        for swing in self.swings.update(t, bar).into_iter().flatten() {
            self.range.confirm(&swing);
            findings.push(Finding::MajorSwing {
                side: swing.side,
                level: swing.level,
                bar: swing.bar,
            });
            let pool = Pool::new(swing.side, swing.level, PoolKind::Major, swing.bar);
            self.pools.add(pool, pool_cap);
        }
    }

    /// Bars were lost: no swing and no sweep lies across them.
    pub(crate) fn forget_bars(&mut self) {
        self.swings.forget();
        self.pools.forget_tested();
    }

    pub(crate) fn range(&self) -> &DealingRange {
        &self.range
    }
}
