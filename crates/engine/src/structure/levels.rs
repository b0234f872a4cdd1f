//! The highs and lows of the previous day, the previous week and the sessions of the last day, as pools.

use super::pools::SweepRules;
use super::{BarIndex, Finding, Pool, PoolKind};
use crate::session;
use market::{Bar, Direction, Killzone, Ohlc, Price, SourceTime, Timeframe};
use serde::{Deserialize, Serialize};

/// The running range of one period.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Range {
    /// The number of the day or week.
    key: i32,
    high: Price,
    low: Price,
}

/// Follows days, weeks and sessions by the open times of bars.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Levels {
    roll_hour: i8,
    day: Option<Range>,
    week: Option<Range>,
    sessions: [Option<Range>; Killzone::ALL.len()],
    /// The session of the bar before.
    session: Option<Killzone>,
    /// The last completed day's high and low, and the week's.
    previous_day: Option<(Price, Price)>,
    previous_week: Option<(Price, Price)>,
    /// Live pools: day, week, then sessions; the high before the low.
    pools: Vec<Pool>,
}

impl Levels {
    #[must_use]
    pub fn new(roll_hour: i8) -> Self {
        Self {
            roll_hour,
            day: None,
            week: None,
            sessions: [None; Killzone::ALL.len()],
            session: None,
            previous_day: None,
            previous_week: None,
            pools: Vec::new(),
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
        self.pools
            .retain_mut(|pool| pool.survives(t, bar, atr_before, rules, findings));
    }

    /// Bars were lost: no sweep and no run lies across them.
    pub(crate) fn forget_tested(&mut self) {
        self.pools.retain(|pool| !pool.is_tested());
    }

    /// Takes bar `t` into its day, week and session; what ended before it becomes a level, to be tested from `t + 1`.
    pub fn update(&mut self, t: BarIndex, bar: &Bar) {
        if bar.end_time - bar.open_time > Timeframe::H4.span() {
            return;
        }
        let day = session::trading_day(bar.open_time, self.roll_hour);
        if let Some(ended) = roll(&mut self.day, day, &bar.price) {
            self.previous_day = Some((ended.high, ended.low));
            self.replace(PoolKind::PreviousDay, &ended, t);
        }
        if let Some(ended) = roll(&mut self.week, session::trading_week(day), &bar.price) {
            self.previous_week = Some((ended.high, ended.low));
            self.replace(PoolKind::PreviousWeek, &ended, t);
        }
        self.update_session(t, day, bar.open_time, &bar.price);
    }

    fn update_session(&mut self, t: BarIndex, day: i32, open_time: SourceTime, price: &Ohlc) {
        let now = session::killzone(open_time);
        if let Some(before) = self.session.replace(now)
            && before != now
            && let Some(ended) = self.sessions[before as usize].take()
        {
            self.replace(PoolKind::Session(before), &ended, t);
        }
        if let Some(ended) = roll(&mut self.sessions[now as usize], day, price) {
            // The session of another day ended without a bar of any other session between.
            self.replace(PoolKind::Session(now), &ended, t);
        }
    }

    /// The high and low of the last completed day that had bars.
    #[must_use]
    pub fn previous_day(&self) -> Option<(Price, Price)> {
        self.previous_day
    }
    /// The high and low of the last completed week that had bars.
    #[must_use]
    pub fn previous_week(&self) -> Option<(Price, Price)> {
        self.previous_week
    }
    /// The live pools of one side.
    pub fn pools(&self, side: Direction) -> impl Iterator<Item = &Pool> {
        self.pools.iter().filter(move |pool| pool.side == side)
    }

    /// Puts the two pools of a period in the place of its older ones, keeping the order of kinds.
    fn replace(&mut self, kind: PoolKind, ended: &Range, t: BarIndex) {
        self.pools.retain(|pool| pool.kind != kind);
        let place = self
            .pools
            .partition_point(|pool| rank(pool.kind) <= rank(kind));
        self.pools
            .insert(place, Pool::new(Direction::Short, ended.low, kind, t));
        self.pools
            .insert(place, Pool::new(Direction::Long, ended.high, kind, t));
    }
}

/// Adds a bar to the range of period `key`; if that begins with it, returns the range that ended.
fn roll(range: &mut Option<Range>, key: i32, bar: &Ohlc) -> Option<Range> {
    match range {
        Some(open) if open.key == key => {
            open.high = open.high.max(bar.high);
            open.low = open.low.min(bar.low);
            None
        }
        Some(_) | None => range.replace(Range {
            key,
            high: bar.high,
            low: bar.low,
        }),
    }
}

fn rank(kind: PoolKind) -> usize {
    match kind {
        PoolKind::Swing | PoolKind::Equal | PoolKind::Major => 0,
        PoolKind::PreviousDay => 1,
        PoolKind::PreviousWeek => 2,
        PoolKind::Session(killzone) => 3 + killzone as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Span;

    fn ohlc(high: i64, low: i64) -> Ohlc {
        let [high, low] = [high, low].map(Price::from_units);
        Ohlc {
            open: low,
            high,
            low,
            close: high,
        }
    }

    #[test]
    fn a_level_that_price_was_beyond_is_forgotten_with_lost_bars() {
        let mut levels = Levels::new(17);
        for (t, price) in [ohlc(110, 90), ohlc(101, 100)].iter().enumerate() {
            let open_time = SourceTime::from_secs(t as i64 * 86_400);
            let bar = Bar {
                open_time,
                end_time: open_time + Span::from_hours(1),
                price: *price,
                ticks: 1,
                holed: false,
            };
            levels.update(t as BarIndex, &bar);
        }
        let count = |levels: &Levels| {
            let days = levels.pools.iter();
            let days = days.filter(|pool| pool.kind == PoolKind::PreviousDay);
            days.map(|pool| pool.level.units()).collect::<Vec<_>>()
        };
        let rules = SweepRules {
            max_depth_atr: 2.0,
            max_bars: 3,
        };
        levels.test(2, &ohlc(111, 105), None, rules, &mut Vec::new());
        assert_eq!(count(&levels), [110, 90]);
        levels.forget_tested();
        assert_eq!(count(&levels), [90]);
    }
}
