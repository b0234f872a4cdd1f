//! Liquidity pools: levels where stops rest, above highs (buy side) and below lows (sell side). A pool ends when price
//! goes beyond it: as a sweep if price comes back soon, as a run if not.

use super::{BarIndex, Finding};
use market::{Direction, Killzone, Ohlc, Price};
use serde::{Deserialize, Serialize};

/// What made the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolKind {
    Swing,
    Equal,
    /// A swing of the major scale.
    Major,
    PreviousDay,
    PreviousWeek,
    Session(Killzone),
}

impl PoolKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Swing => "swing",
            Self::Equal => "equal",
            Self::Major => "major_swing",
            Self::PreviousDay => "previous_day",
            Self::PreviousWeek => "previous_week",
            Self::Session(Killzone::Asia) => "session_asia",
            Self::Session(Killzone::London) => "session_london",
            Self::Session(Killzone::NyAm) => "session_ny_am",
            Self::Session(Killzone::Lunch) => "session_lunch",
            Self::Session(Killzone::Pm) => "session_pm",
        }
    }
}

/// A level with resting stops. `Long`: above a high; `Short`: below a low.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    pub side: Direction,
    pub level: Price,
    pub kind: PoolKind,
    /// The swing's bar; for levels of days, weeks and sessions the bar of their birth.
    pub bar: BarIndex,
    test: Option<Test>,
}

/// Price has gone beyond the level and it is not yet clear whether it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Test {
    first: BarIndex,
    /// Average true range of the bar before the first one.
    atr: Option<f64>,
    extreme: Price,
}

/// How a pool ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Sweep(Price),
    Run(Price),
}

/// What tells a sweep from a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SweepRules {
    pub max_depth_atr: f64,
    pub max_bars: BarIndex,
}

impl Pool {
    pub(crate) fn new(side: Direction, level: Price, kind: PoolKind, bar: BarIndex) -> Self {
        Self {
            side,
            level,
            kind,
            bar,
            test: None,
        }
    }

    /// Whether a bar can change anything of it.
    fn is_met(&self, bar: &Ohlc) -> bool {
        let is_beyond = match self.side {
            Direction::Long => bar.high > self.level,
            Direction::Short => bar.low < self.level,
        };
        is_beyond || self.is_tested()
    }

    fn is_equal(&self) -> bool {
        self.kind == PoolKind::Equal
    }

    /// Whether price is beyond the level and it is not yet clear what becomes of it.
    pub(crate) fn is_tested(&self) -> bool {
        self.test.is_some()
    }

    /// Tests bar `t`, and says whether the pool lives on. `atr_before` is the value at the bar before.
    pub(crate) fn survives(
        &mut self,
        t: BarIndex,
        bar: &Ohlc,
        atr_before: Option<f64>,
        rules: SweepRules,
        findings: &mut Vec<Finding>,
    ) -> bool {
        let Some(end) = self.end(t, bar, atr_before, rules) else {
            return true;
        };
        let pool = *self;
        findings.push(match end {
            End::Sweep(extreme) => Finding::Sweep {
                direction: self.side.opposite(),
                pool,
                extreme,
            },
            End::Run(extreme) => Finding::Run {
                direction: self.side,
                pool,
                extreme,
            },
        });
        false
    }

    fn end(
        &mut self,
        t: BarIndex,
        bar: &Ohlc,
        atr_before: Option<f64>,
        rules: SweepRules,
    ) -> Option<End> {
        let (reach, back) = match self.side {
            Direction::Long => (bar.high, bar.close < self.level),
            Direction::Short => (bar.low, bar.close > self.level),
        };
        let further = |a: Price, b: Price| match self.side {
            Direction::Long => a.max(b),
            Direction::Short => a.min(b),
        };
        let test = match &mut self.test {
            Some(test) => {
                test.extreme = further(test.extreme, reach);
                *test
            }
            None if further(self.level, reach) == self.level => return None,
            None => *self.test.insert(Test {
                first: t,
                atr: atr_before,
                extreme: reach,
            }),
        };
        let depth = (test.extreme - self.level).abs().to_f64();
        if test
            .atr
            .is_some_and(|atr| depth > rules.max_depth_atr * atr)
        {
            Some(End::Run(test.extreme))
        } else if back {
            Some(End::Sweep(test.extreme))
        } else if t - test.first + 1 >= rules.max_bars {
            Some(End::Run(test.extreme))
        } else {
            None
        }
    }
}

/// The live swing and equal pools of one timeframe: buy side, then sell side, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pools {
    sides: [Vec<Pool>; 2],
    /// Equal levels that went with the last bar and were neither swept nor run: no event tells it, and whoever draws them asks.
    #[serde(skip)]
    expired: Vec<Pool>,
}

impl Pools {
    /// Another bar comes: what went with the last has been told.
    pub(crate) fn forget_expired(&mut self) {
        self.expired.clear();
    }

    /// The equal levels that are followed no longer since the last bar.
    pub(crate) fn expired(&self) -> &[Pool] {
        &self.expired
    }

    pub(crate) fn test(
        &mut self,
        t: BarIndex,
        bar: &Ohlc,
        atr_before: Option<f64>,
        rules: SweepRules,
        findings: &mut Vec<Finding>,
    ) {
        for side in &mut self.sides {
            // Most bars come to none of them.
            if side.iter().any(|pool| pool.is_met(bar)) {
                side.retain_mut(|pool| pool.survives(t, bar, atr_before, rules, findings));
            }
        }
    }

    /// Adds a pool as the youngest of its side; beyond the cap the oldest is dropped.
    pub(crate) fn add(&mut self, pool: Pool, cap: u32) {
        let side = &mut self.sides[pool.side as usize];
        side.push(pool);
        let oldest = (side.len() > cap as usize).then(|| side.remove(0));
        self.expired.extend(oldest.filter(Pool::is_equal));
    }

    /// Bars were lost: no sweep and no run lies across them.
    pub(crate) fn forget_tested(&mut self) {
        for side in &mut self.sides {
            let lost = side.extract_if(.., |pool| pool.is_tested());
            self.expired.extend(lost.filter(Pool::is_equal));
        }
    }

    /// Removes the pool of a swing, if it still lives.
    pub(crate) fn remove(&mut self, side: Direction, bar: BarIndex) {
        let side = &mut self.sides[side as usize];
        let gone = side.extract_if(.., |pool| pool.bar == bar);
        self.expired.extend(gone.filter(Pool::is_equal));
    }

    pub(crate) fn side(&self, side: Direction) -> &[Pool] {
        &self.sides[side as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: SweepRules = SweepRules {
        max_depth_atr: 1.0,
        max_bars: 3,
    };

    fn high(level: i64, kind: PoolKind, bar: BarIndex) -> Pool {
        Pool::new(Direction::Long, Price::from_units(level), kind, bar)
    }

    /// The bars of the levels that went without a word since this was asked last.
    fn gone(pools: &mut Pools) -> Vec<BarIndex> {
        let gone = pools.expired().iter().map(|pool| pool.bar).collect();
        pools.forget_expired();
        gone
    }

    #[test]
    fn equal_levels_that_go_without_a_word_are_told_and_no_others() {
        let mut pools = Pools::default();
        for (kind, bar) in [
            (PoolKind::Swing, 1),
            (PoolKind::Equal, 2),
            (PoolKind::Equal, 3),
        ] {
            pools.add(high(100 + bar as i64, kind, bar), 3);
        }
        // No room: first for the swing, then for the first of the equal levels.
        pools.add(high(104, PoolKind::Equal, 4), 3);
        assert_eq!(gone(&mut pools), []);
        pools.add(high(105, PoolKind::Swing, 5), 3);
        assert_eq!(gone(&mut pools), [2]);
        // A newer swing stands at the level of one.
        pools.remove(Direction::Short, 3);
        assert_eq!(gone(&mut pools), []);
        pools.remove(Direction::Long, 3);
        assert_eq!(gone(&mut pools), [3]);
        // Price is beyond the two that are left, and bars are lost before it is clear what that was.
        let beyond = Ohlc::of(Price::from_units(106));
        let mut findings = Vec::new();
        pools.test(6, &beyond, None, RULES, &mut findings);
        pools.forget_tested();
        assert_eq!((gone(&mut pools), findings.len()), (vec![4], 0));
        assert!(pools.side(Direction::Long).is_empty());
        // A sweep is told as such.
        pools.add(high(104, PoolKind::Equal, 7), 3);
        let swept = Ohlc {
            high: Price::from_units(106),
            ..Ohlc::of(Price::from_units(100))
        };
        pools.test(8, &swept, None, RULES, &mut findings);
        assert!(matches!(findings[..], [Finding::Sweep { .. }]));
        assert_eq!(gone(&mut pools), []);
    }
}
