//! All detectors of one instrument and timeframe, in the order of work that the definitions prescribe.

use super::blocks::{BlockRules, Blocks};
use super::breaks::Breaks;
use super::gaps::{GapRules, Gaps};
use super::levels::Levels;
use super::major::Major;
use super::pools::{Pool, PoolKind, Pools, SweepRules};
use super::swings::{Swing, Swings};
use super::{BarIndex, Block, DealingRange, Finding, Gap};
use crate::indicator::Atr;
use crate::rules::{BreakMode, Rules};
use market::{Bar, Direction, Ohlc, SourceTime};
use serde::{Deserialize, Serialize};

/// The structure of one timeframe, bar after bar.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chart {
    /// Closed bars so far.
    bars: BarIndex,
    /// When the last one ended.
    end_time: SourceTime,
    atr: Atr,
    gaps: Gaps,
    blocks: Blocks,
    pools: Pools,
    levels: Levels,
    swings: Swings,
    breaks: Breaks,
    major: Major,
    /// The latest confirmed swing high, then low.
    last_swing: [Option<(BarIndex, market::Price)>; 2],
}

impl Chart {
    #[must_use]
    pub fn new(rules: &Rules, roll_hour: i8) -> Self {
        Self {
            bars: 0,
            end_time: SourceTime::MIN,
            atr: Atr::new(rules.atr_period),
            gaps: Gaps::default(),
            blocks: Blocks::default(),
            pools: Pools::default(),
            levels: Levels::new(roll_hour),
            swings: Swings::new(rules.swing_left, rules.swing_right),
            breaks: Breaks::default(),
            major: Major::new(rules),
            last_swing: [None, None],
        }
    }

    /// Takes the next closed bar and appends what became known at its close, in order: lives of gaps, blocks and pools,
    /// new swings, breaks with their blocks, a new gap. Returns the bar's index. No swing, no gap and no sweep lies across
    /// bars that were lost.
    pub fn close(&mut self, bar: &Bar, rules: &Rules, findings: &mut Vec<Finding>) -> BarIndex {
        let (t, price) = (self.bars, &bar.price);
        self.bars += 1;
        self.pools.forget_expired();
        self.skip_lost(bar);
        let atr_before = self.atr.value();
        let atr = self.atr.update(price);
        if let Some(direction) = displacement(price, atr_before, rules) {
            self.breaks.displaced(direction, t);
        }
        let gap_rules = gap_rules(rules);
        self.gaps.test(t, price, gap_rules, findings);
        self.blocks.test(price, block_rules(rules), findings);
        let sweep_rules = sweep_rules(rules);
        self.pools.test(t, price, atr_before, sweep_rules, findings);
        self.levels
            .test(t, price, atr_before, sweep_rules, findings);
        self.major.test(t, price, atr_before, sweep_rules, findings);
        self.levels.update(t, bar);
        for swing in self.swings.update(t, price).into_iter().flatten() {
            self.confirm(swing, atr, rules, findings);
        }
        self.major.update(t, price, rules.pool_cap, findings);
        for direction in [Direction::Long, Direction::Short] {
            self.test_break(t, direction, price, rules, findings);
        }
        self.breaks.pass(t, price);
        self.gaps.find(t, price, atr, gap_rules, findings);
        if bar.holed {
            self.gaps.forget_bars();
        }
        t
    }

    /// Takes the next closed bar for the sake of stops alone: of what moves them, the average true range and the latest swings,
    /// it learns as ever, and of nothing else.
    pub(crate) fn close_for_stops(&mut self, bar: &Bar) -> BarIndex {
        let (t, price) = (self.bars, &bar.price);
        self.bars += 1;
        if bar.holed && bar.open_time > self.end_time {
            self.swings.forget();
        }
        self.end_time = bar.end_time;
        self.atr.update(price);
        for Swing { side, level, bar } in self.swings.update(t, price).into_iter().flatten() {
            self.last_swing[side as usize] = Some((bar, level));
        }
        t
    }

    /// Average true range at the last closed bar, in price units.
    #[must_use]
    pub fn atr(&self) -> Option<f64> {
        self.atr.value()
    }
    /// Where the last break of structure went; `None` before the first.
    #[must_use]
    pub fn trend(&self) -> Option<Direction> {
        self.breaks.trend()
    }
    /// The price of the latest swing: a high for `Long`, a low for `Short`.
    #[must_use]
    pub fn last_swing(&self, side: Direction) -> Option<market::Price> {
        self.last_swing[side as usize].map(|(_, level)| level)
    }
    /// The dealing range of the major scale.
    #[must_use]
    pub fn range(&self) -> &DealingRange {
        self.major.range()
    }
    /// Live order blocks, oldest first.
    pub fn blocks(&self) -> impl DoubleEndedIterator<Item = &Block> {
        self.blocks.live()
    }
    /// Live gaps, oldest first.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        self.gaps.live()
    }
    /// What was let go of at the last close without a finding: gaps that are too old, blocks and equal levels with too many
    /// newer ones, equal levels in whose place a newer one stands or whose sweep lies across lost bars.
    #[must_use]
    pub(crate) fn expired(&self) -> (&[Gap], &[Block], &[Pool]) {
        (
            self.gaps.expired(),
            self.blocks.expired(),
            self.pools.expired(),
        )
    }
    /// Live pools of one side: swing and equal ones, then those of day, week and sessions.
    pub fn pools(&self, side: Direction) -> impl Iterator<Item = &Pool> {
        self.pools.side(side).iter().chain(self.levels.pools(side))
    }
    /// Levels of days, weeks and sessions.
    #[must_use]
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    /// Where whole bars before this one were lost, what it seems to stand beside it does not.
    fn skip_lost(&mut self, bar: &Bar) {
        if bar.holed {
            self.gaps.forget_bars();
        }
        if bar.holed && bar.open_time > self.end_time {
            self.swings.forget();
            self.major.forget_bars();
            self.pools.forget_tested();
            self.levels.forget_tested();
        }
        self.end_time = bar.end_time;
    }

    fn confirm(
        &mut self,
        swing: Swing,
        atr: Option<f64>,
        rules: &Rules,
        findings: &mut Vec<Finding>,
    ) {
        let Swing { side, level, bar } = swing;
        findings.push(Finding::Swing { side, level, bar });
        self.breaks
            .confirm(&swing, self.swings.newest(rules.swing_right as usize));
        let before = self.last_swing[side as usize].replace((bar, level));
        let near = |other: market::Price| {
            atr.is_some_and(|atr| (level - other).abs().to_f64() <= rules.eq_tol_atr * atr)
        };
        let pool = match before {
            Some((earlier, other)) if near(other) => {
                let level = match side {
                    Direction::Long => level.max(other),
                    Direction::Short => level.min(other),
                };
                self.pools.remove(side, earlier);
                findings.push(Finding::Equal {
                    side,
                    level,
                    bar,
                    earlier,
                });
                Pool::new(side, level, PoolKind::Equal, bar)
            }
            Some(_) | None => Pool::new(side, level, PoolKind::Swing, bar),
        };
        self.pools.add(pool, rules.pool_cap);
    }

    fn test_break(
        &mut self,
        t: BarIndex,
        direction: Direction,
        bar: &Ohlc,
        rules: &Rules,
        findings: &mut Vec<Finding>,
    ) {
        let reach = match (rules.break_mode, direction) {
            (BreakMode::Close, _) => bar.close,
            (BreakMode::Wick, Direction::Long) => bar.high,
            (BreakMode::Wick, Direction::Short) => bar.low,
        };
        let block_rules = block_rules(rules);
        if let Some(found) = self.breaks.test(direction, bar, reach, block_rules) {
            let leg = found.leg;
            findings.push(Finding::Break(found));
            self.blocks.add(t, direction, &leg, block_rules, findings);
        }
    }
}

/// A bar that moves far and closes near its end.
fn displacement(bar: &Ohlc, atr_before: Option<f64>, rules: &Rules) -> Option<Direction> {
    let body = (bar.close - bar.open).abs().to_f64();
    let range = (bar.high - bar.low).to_f64();
    let far = body >= rules.disp_body_atr * atr_before? && body >= rules.disp_body_ratio * range;
    match bar.close.cmp(&bar.open) {
        std::cmp::Ordering::Greater if far => Some(Direction::Long),
        std::cmp::Ordering::Less if far => Some(Direction::Short),
        std::cmp::Ordering::Greater | std::cmp::Ordering::Less | std::cmp::Ordering::Equal => None,
    }
}

fn gap_rules(rules: &Rules) -> GapRules {
    let max_age = BarIndex::from(rules.fvg_max_age);
    GapRules {
        body: rules.fvg_body,
        min_atr: rules.fvg_min_atr,
        max_age,
    }
}

fn block_rules(rules: &Rules) -> BlockRules {
    BlockRules {
        pick: rules.ob_pick,
        zone: rules.ob_zone,
        break_mode: rules.ob_break_mode,
        cap: rules.ob_cap,
    }
}

fn sweep_rules(rules: &Rules) -> SweepRules {
    let max_bars = BarIndex::from(rules.sweep_max_bars);
    SweepRules {
        max_depth_atr: rules.sweep_max_depth_atr,
        max_bars,
    }
}
