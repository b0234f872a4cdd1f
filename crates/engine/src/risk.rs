//! From an idea to levels: stop, targets, reward to risk. All levels are on the instrument's ticks, rounded to the side
//! that promises less.

use crate::rules::{PlanStep, Rules};
use crate::structure::{Pool, PoolKind};
use market::{Direction, Price, Ratio, Target};
use serde::{Deserialize, Serialize};

/// What the plan is made from.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Idea {
    pub direction: Direction,
    pub entry: Price,
    /// The stop goes behind this.
    pub stop_level: Price,
    /// Average true range of the setup's timeframe, in price units.
    pub atr: f64,
    /// The current spread: the median of the last quotes.
    pub spread: Price,
    pub tick_size: Price,
}

/// The levels of a signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub entry: Price,
    pub stop: Price,
    pub targets: Vec<Target>,
    pub rr_target: Ratio,
    /// The same, weighted by the percentages of all targets.
    pub rr_weighted: Ratio,
}

/// Why an idea becomes no signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    RiskTooSmall,
    RiskTooLarge,
    RewardTooSmall,
}

impl Idea {
    /// The stop, unrounded: behind its level by a buffer and the spread.
    #[must_use]
    pub fn stop(&self, rules: &Rules) -> Price {
        let buffer =
            Price::from_f64(rules.stop_buffer_atr * self.atr).unwrap_or_default() + self.spread;
        match self.direction {
            Direction::Long => self.stop_level - buffer,
            Direction::Short => self.stop_level + buffer,
        }
    }

    /// Makes the plan. `pools` are the live pools on the side of the targets.
    ///
    /// # Errors
    /// When the risk or the reward is outside the rules.
    pub fn plan(&self, pools: &[&Pool], rules: &Rules) -> Result<Plan, Unfit> {
        let entry = self.entry.round_to(self.tick_size);
        let stop = away(self.direction.opposite(), self.stop(rules), self.tick_size);
        let risk = (entry - stop).times(self.direction.sign());
        self.check_risk(risk, rules)?;
        let ladder = Ladder {
            direction: self.direction,
            entry,
            risk,
            tick_size: self.tick_size,
        };
        let targets = ladder.targets(pools, rules);
        let r = |target: &Target| ladder.distance(target.price).to_f64() / risk.to_f64();
        let weighted: f64 = targets
            .iter()
            .map(|target| f64::from(target.percent) / 100.0 * r(target))
            .sum();
        // Rounding towards the entry can bring targets of a tiny risk onto it, or onto each other.
        let rising = ladder.is_rising(targets.iter().map(|target| target.price));
        // A hair of tolerance: the rule means two decimals, not the last bit of a sum.
        if !rising || weighted < rules.min_rr - 1e-9 {
            return Err(Unfit::RewardTooSmall);
        }
        let last = targets.last().and_then(|target| Ratio::new(r(target)));
        let (rr_target, rr_weighted) = last
            .zip(Ratio::new(weighted))
            .ok_or(Unfit::RewardTooSmall)?;
        Ok(Plan {
            entry,
            stop,
            targets,
            rr_target,
            rr_weighted,
        })
    }

    fn check_risk(&self, risk: Price, rules: &Rules) -> Result<(), Unfit> {
        let (r, spread) = (risk.to_f64(), self.spread.to_f64());
        let least = (rules.min_risk_atr * self.atr).max(rules.min_risk_spreads * spread);
        if !risk.is_positive() || risk < self.tick_size || r < least {
            Err(Unfit::RiskTooSmall)
        } else if r > rules.max_risk_atr * self.atr {
            Err(Unfit::RiskTooLarge)
        } else {
            Ok(())
        }
    }
}

/// Entry and risk, from which distances are counted.
pub(crate) struct Ladder {
    pub direction: Direction,
    pub entry: Price,
    pub risk: Price,
    pub tick_size: Price,
}

impl Ladder {
    /// The rules' plan without any pools; `None` where rounding brings two of its targets together.
    pub(crate) fn plain_targets(&self, rules: &Rules) -> Option<Vec<Target>> {
        let targets = self.targets(&[], rules);
        self.is_rising(targets.iter().map(|target| target.price))
            .then_some(targets)
    }

    fn targets(&self, pools: &[&Pool], rules: &Rules) -> Vec<Target> {
        let plain: Vec<Price> = rules
            .tp_plan
            .iter()
            .map(|step| self.plain(step, rules))
            .collect();
        let snapped = rules
            .tp_plan
            .iter()
            .map(|step| self.snapped(step, pools, rules));
        let mut prices: Vec<Price> = snapped
            .zip(&plain)
            .map(|(snap, plain)| snap.unwrap_or(*plain))
            .collect();
        // A snap that puts two targets out of order is undone; a plan without any snap is in order by its check.
        for place in 1..prices.len() {
            if self.distance(prices[place]) <= self.distance(prices[place - 1]) {
                prices[place] = plain[place];
            }
        }
        if !self.is_rising(prices.iter().copied()) {
            prices = plain;
        }
        let target = |(step, price): (&PlanStep, Price)| {
            let (percent, runner) = (step.percent, step.r.is_none());
            Target {
                price,
                percent,
                runner,
            }
        };
        rules.tp_plan.iter().zip(prices).map(target).collect()
    }

    /// The target at its multiple of the risk, rounded towards the entry.
    fn plain(&self, step: &PlanStep, rules: &Rules) -> Price {
        self.at(step.r.unwrap_or(rules.runner_min_r))
    }

    /// One tick before the nearest fitting pool, if there is one.
    fn snapped(&self, step: &PlanStep, pools: &[&Pool], rules: &Rules) -> Option<Price> {
        let (low, high, far_only) = match step.r {
            Some(r) => (r * rules.tp_snap_lo, r * rules.tp_snap_hi, false),
            None => (rules.runner_min_r, rules.runner_max_r, true),
        };
        let risk = self.risk.to_f64();
        let fits = |pool: &&&Pool| {
            let r = self.distance(pool.level).to_f64() / risk;
            (low..=high).contains(&r) && (!far_only || is_far(pool.kind))
        };
        let nearest = pools
            .iter()
            .filter(fits)
            .map(|pool| pool.level)
            .min_by_key(|level| self.distance(*level))?;
        let before = nearest - self.tick_size.times(self.direction.sign());
        let price = away(self.direction.opposite(), before, self.tick_size);
        self.distance(price).is_positive().then_some(price)
    }

    fn at(&self, r: f64) -> Price {
        let distance = Price::from_f64(self.risk.to_f64() * r).unwrap_or_default();
        let price = self.entry + distance.times(self.direction.sign());
        away(self.direction.opposite(), price, self.tick_size)
    }

    /// Strictly away from the entry, one after the other.
    pub(crate) fn is_rising(&self, prices: impl Iterator<Item = Price>) -> bool {
        let distances =
            std::iter::once(Price::ZERO).chain(prices.map(|price| self.distance(price)));
        distances.is_sorted_by(|a, b| a < b)
    }

    /// From the entry, positive on the side of the targets.
    pub(crate) fn distance(&self, price: Price) -> Price {
        (price - self.entry).times(self.direction.sign())
    }
}

/// Rounded to a tick, up for `Long` and down for `Short`.
pub(crate) fn away(direction: Direction, price: Price, tick_size: Price) -> Price {
    match direction {
        Direction::Long => price.ceil_to(tick_size),
        Direction::Short => price.floor_to(tick_size),
    }
}

/// The pools a runner goes to.
fn is_far(kind: PoolKind) -> bool {
    match kind {
        PoolKind::PreviousDay | PoolKind::PreviousWeek | PoolKind::Equal => true,
        PoolKind::Swing | PoolKind::Major | PoolKind::Session(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    fn idea(direction: Direction, entry: &str, stop_level: &str) -> Idea {
        Idea {
            direction,
            entry: price(entry),
            stop_level: price(stop_level),
            atr: 0.0010,
            spread: price("0.0001"),
            tick_size: price("0.00001"),
        }
    }

    fn pool(side: Direction, level: &str, kind: PoolKind) -> Pool {
        Pool::new(side, price(level), kind, 0)
    }

    fn check(idea: &Idea, pools: &[Pool], expected: &str) {
        let shown = match idea.plan(&pools.iter().collect::<Vec<_>>(), &Rules::default()) {
            Err(unfit) => format!("{unfit:?}"),
            Ok(plan) => {
                let targets: Vec<String> = plan
                    .targets
                    .iter()
                    .map(|target| target.price.to_string())
                    .collect();
                format!(
                    "{} {} {} {}",
                    plan.entry,
                    plan.stop,
                    targets.join(" "),
                    plan.rr_target
                )
            }
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_plain_plan_is_one_two_and_three_times_the_risk() {
        // Stop 1.0830 - 0.1 * 0.0010 - 0.0001 = 1.0828, so the risk is 0.0022.
        check(
            &idea(Direction::Long, "1.0850", "1.0830"),
            &[],
            "1.085 1.0828 1.0872 1.0894 1.0916 3.00",
        );
        check(
            &idea(Direction::Short, "1.0850", "1.0870"),
            &[],
            "1.085 1.0872 1.0828 1.0806 1.0784 3.00",
        );
    }

    #[test]
    fn levels_are_rounded_to_the_side_that_promises_less() {
        check(
            &idea(Direction::Long, "1.085004", "1.083008"),
            &[],
            // The stop 1.082808 goes down to 1.08280.
            "1.085 1.0828 1.0872 1.0894 1.0916 3.00",
        );
        check(
            &idea(Direction::Short, "1.085006", "1.087001"),
            &[],
            "1.08501 1.08721 1.08281 1.08061 1.07841 3.00",
        );
    }

    #[test]
    fn targets_stop_one_tick_before_a_near_pool_and_the_runner_before_a_far_one() {
        let long = idea(Direction::Long, "1.0850", "1.0830");
        let swing = pool(Direction::Long, "1.0870", PoolKind::Swing);
        let day = pool(Direction::Long, "1.0940", PoolKind::PreviousDay);
        let too_far = pool(Direction::Long, "1.0999", PoolKind::PreviousWeek);
        let no_runner = pool(Direction::Long, "1.0930", PoolKind::Swing);
        check(
            &long,
            &[no_runner, too_far, day, swing],
            "1.085 1.0828 1.08699 1.0894 1.09399 4.09",
        );
    }

    #[test]
    fn the_risk_has_bounds_and_the_reward_a_floor() {
        check(
            &idea(Direction::Long, "1.0850", "1.0849"),
            &[],
            "RiskTooSmall",
        );
        check(
            &idea(Direction::Long, "1.0850", "1.0860"),
            &[],
            "RiskTooSmall",
        );
        check(
            &idea(Direction::Long, "1.0850", "1.0800"),
            &[],
            "RiskTooLarge",
        );
        let rules = Rules {
            tp_plan: vec![PlanStep {
                r: Some(1.0),
                percent: 100,
            }],
            ..Rules::default()
        };
        let long = idea(Direction::Long, "1.0850", "1.0830");
        assert_eq!(long.plan(&[], &rules), Err(Unfit::RewardTooSmall));
    }

    #[test]
    fn targets_that_rounding_brings_together_are_no_plan() {
        // A risk of one tick: the first target would be at the entry.
        let step = |r: f64, percent: u8| PlanStep {
            r: Some(r),
            percent,
        };
        let rules = Rules {
            tp_plan: vec![step(0.9, 50), step(3.0, 50)],
            min_rr: 0.0,
            min_risk_atr: 0.0,
            min_risk_spreads: 0.0,
            stop_buffer_atr: 0.0,
            ..Rules::default()
        };
        let mut long = idea(Direction::Long, "1.08502", "1.08502");
        long.spread = price("0.00001");
        assert_eq!(long.plan(&[], &rules), Err(Unfit::RewardTooSmall));
        long.spread = price("0.00002");
        assert!(long.plan(&[], &rules).is_ok());
    }
}
