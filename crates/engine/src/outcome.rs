//! What becomes of a confirmed signal: targets at their levels, the stop at the first price beyond it, or the end of its
//! time. Stop before target where both lie in one recorded bar. After the first target the stop is moved, and after the last
//! one before the runner it trails; it never loosens. What was not confirmed goes the same way unseen: `shadow.rs`.
//! signals.md, section 7.

mod shadow;

pub(crate) use shadow::Shadows;

use crate::confidence::Hit;
use crate::desk::Spreads;
use crate::lifecycle::{Origin, Reach};
use crate::risk::away;
use crate::rules::{Rules, TrailMode};
use crate::structure::Chart;
use market::{
    Bar, Direction, Ended, Measure, Outcome, OutcomeKind, Price, Ratio, Signal, Time, Timeframe,
};
use serde::{Deserialize, Serialize};

/// A signal that is followed to its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub signal: Signal,
    pub origin: Origin,
    opening: Opening,
    /// Targets that traded.
    reached: usize,
    /// Where the stop lies now.
    stop: Price,
    /// What the parts that are closed have brought, as parts of the position times multiples of the risk.
    realised: f64,
    /// How far bars have gone its way since it was opened.
    furthest: Price,
    /// The best and the worst price it could have been closed at so far, and the last.
    best: Price,
    worst: Price,
    exit: Price,
    /// A stop and a target lay in one recorded bar.
    ambiguous: bool,
    /// The longest recorded bars that have judged it.
    bars: Option<Timeframe>,
}

/// When and how a position is opened.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub at: Time,
    pub sides: Sides,
    /// When it is no longer followed.
    pub until: Time,
    /// What slippage and commission will take.
    pub cost: Option<Measure>,
    /// How long the recorded bars are that are told; `None` for ticks.
    pub bars: Option<Timeframe>,
    /// They are too long to confirm anything.
    pub coarse: bool,
}

/// What a position could be opened and closed at.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Sides {
    pub fill: Price,
    pub exit: Price,
}

/// What stops are moved by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    pub rules: &'a Rules,
    pub spreads: &'a Spreads,
    pub tick_size: Price,
}

/// What a step brought: whether the first target came before the stop is known from now on, or not yet.
pub(crate) struct Step {
    pub origin: Origin,
    pub outcome: Outcome,
    pub resolved: Option<Hit>,
}

impl Running {
    pub(crate) fn begin(signal: Signal, origin: Origin, opening: Opening) -> Self {
        let (exit, stop) = (opening.sides.exit, signal.stop);
        Self {
            stop,
            signal,
            origin,
            reached: 0,
            realised: 0.0,
            furthest: exit,
            // Nothing good has been seen: the first price is looked at whatever it is.
            best: stop,
            worst: exit,
            exit,
            ambiguous: false,
            bars: opening.bars,
            opening,
        }
    }

    /// When it is no longer followed.
    pub(crate) const fn until(&self) -> Time {
        self.opening.until
    }

    /// Judges a tick or recorded bar; says whether the signal runs on.
    pub(crate) fn judge(
        &mut self,
        at: Time,
        reach: &Reach,
        terms: Terms,
        steps: &mut Vec<Step>,
    ) -> bool {
        let direction = self.signal.direction;
        self.exit = reach.exit(direction);
        self.bars = self.bars.max(reach.bars);
        // Most prices are nothing new.
        if self.has_seen(reach) {
            return true;
        }
        if reach.stops(direction, self.stop) {
            let next = self.signal.targets.get(self.reached);
            self.ambiguous |= next.is_some_and(|target| reach.hits(direction, target.price));
            let price = reach.stopped_at(direction, self.stop);
            self.see_worst(price);
            steps.push(self.close(at, OutcomeKind::Stop, price));
            return false;
        }
        // The bad first: it may have come before the target at which the position left.
        self.see_worst(reach.worst(direction));
        while let Some(target) = self.signal.targets.get(self.reached).copied() {
            if !reach.hits(direction, target.price) {
                self.see_best(reach.best(direction));
                return true;
            }
            self.see_best(target.price);
            let kind = OutcomeKind::Target(self.reached as u8 + 1);
            if self.reached + 1 == self.signal.targets.len() {
                steps.push(self.close(at, kind, target.price));
                return false;
            }
            self.realised += f64::from(target.percent) / 100.0 * self.gained(target.price);
            steps.push(self.step(at, kind, target.price));
            self.reached += 1;
            if self.reached == 1 && terms.rules.be_at_tp1 {
                self.move_stop(at, self.break_even(terms), steps);
            }
        }
        false
    }

    /// Whether nothing lies in it but what has been seen: neither the stop nor a target can trade there. The next target
    /// lies beyond the best so far.
    fn has_seen(&self, reach: &Reach) -> bool {
        let (best, worst) = (
            reach.best(self.signal.direction),
            reach.worst(self.signal.direction),
        );
        match self.signal.direction {
            Direction::Long => worst > self.stop && worst >= self.worst && best <= self.best,
            Direction::Short => worst < self.stop && worst <= self.worst && best >= self.best,
        }
    }

    fn see_best(&mut self, price: Price) {
        self.best = match self.signal.direction {
            Direction::Long => self.best.max(price),
            Direction::Short => self.best.min(price),
        };
    }

    fn see_worst(&mut self, price: Price) {
        self.worst = match self.signal.direction {
            Direction::Long => self.worst.min(price),
            Direction::Short => self.worst.max(price),
        };
    }

    /// A bar of the setups' timeframe has closed: the stop of a runner follows the market.
    pub(crate) fn follow(
        &mut self,
        at: Time,
        bar: &Bar,
        chart: &Chart,
        terms: Terms,
        steps: &mut Vec<Step>,
    ) {
        self.furthest = match self.signal.direction {
            Direction::Long => self.furthest.max(bar.price.high),
            Direction::Short => self.furthest.min(bar.price.low),
        };
        if self.trails()
            && let Some(level) = self.trailed(chart, terms.rules)
        {
            let level = away(self.signal.direction.opposite(), level, terms.tick_size);
            self.move_stop(at, level, steps);
        }
    }

    /// Its time is over, or nobody follows it any more.
    pub(crate) fn end(&mut self, at: Time, kind: OutcomeKind) -> Step {
        self.close(at, kind, self.exit)
    }

    /// The last target before the runner has traded.
    fn trails(&self) -> bool {
        let left = &self.signal.targets[self.reached..];
        self.reached > 0 && matches!(left, [last] if last.runner)
    }

    /// The entry and what it costs to come out there.
    fn break_even(&self, terms: Terms) -> Price {
        let cost = terms.rules.be_offset_spreads * terms.spreads.median().to_f64();
        let cost = Price::from_f64(cost).unwrap_or_default();
        let direction = self.signal.direction;
        let level = self.signal.entry + cost.times(direction.sign());
        away(direction, level, terms.tick_size)
    }

    /// Where a trailing stop would lie.
    fn trailed(&self, chart: &Chart, rules: &Rules) -> Option<Price> {
        let direction = self.signal.direction;
        let behind = |from: Price, atrs: f64| {
            let distance = Price::from_f64(atrs * chart.atr()?)?;
            Some(from - distance.times(direction.sign()))
        };
        match rules.trail_mode {
            TrailMode::Fixed => None,
            TrailMode::Atr => behind(self.furthest, rules.trail_atr),
            TrailMode::Swing => {
                let swing = chart.last_swing(direction.opposite())?;
                behind(swing, rules.stop_buffer_atr)
            }
        }
    }

    /// Moves the stop if that is nearer to the price and still behind it.
    fn move_stop(&mut self, at: Time, level: Price, steps: &mut Vec<Step>) {
        let sign = self.signal.direction.sign();
        let is_nearer = (level - self.stop).times(sign).is_positive();
        let is_behind = (self.exit - level).times(sign).is_positive();
        if is_nearer && is_behind {
            self.stop = level;
            steps.push(self.step(at, OutcomeKind::StopMoved, level));
        }
    }

    /// What is left of the position leaves at a price.
    fn close(&mut self, at: Time, kind: OutcomeKind, price: Price) -> Step {
        let left = self.signal.targets.iter().skip(self.reached);
        let left: u32 = left.map(|target| u32::from(target.percent)).sum();
        self.realised += f64::from(left) / 100.0 * self.gained(price);
        let mut step = self.step(at, kind, price);
        step.outcome.last = true;
        step.outcome.realised = Ratio::new(self.realised).or(Some(Ratio::default()));
        step.outcome.end = Some(self.ended(at, kind));
        step
    }

    /// What is known of it at its end.
    fn ended(&self, at: Time, kind: OutcomeKind) -> Ended {
        let (opening, direction) = (&self.opening, self.signal.direction);
        let Sides { fill, exit } = opening.sides;
        Ended {
            hit: self.reached > 0 || is_target(kind),
            fill,
            spread: (fill - exit).times(direction.sign()),
            best: Measure::new(self.gained(self.best).max(0.0)),
            worst: Measure::new(self.gained(self.worst).min(0.0)),
            cost: opening.cost,
            held: at - opening.at,
            ambiguous: self.ambiguous,
            bars: self.bars,
            coarse: opening.coarse,
        }
    }

    /// From the fill to a price, in multiples of the risk.
    fn gained(&self, price: Price) -> f64 {
        let moved = (price - self.opening.sides.fill).times(self.signal.direction.sign());
        moved.to_f64() / self.signal.risk().to_f64()
    }

    fn step(&self, at: Time, kind: OutcomeKind, price: Price) -> Step {
        let signal = &self.signal;
        let moved = (price - signal.entry).times(signal.direction.sign());
        let r = Ratio::new(moved.to_f64() / signal.risk().to_f64()).unwrap_or_default();
        let hit = if is_target(kind) { Hit::Yes } else { Hit::No };
        let (id, symbol, digits) = (signal.id, signal.symbol, signal.digits);
        Step {
            origin: self.origin,
            outcome: Outcome {
                id,
                symbol,
                digits,
                kind,
                price,
                r,
                at,
                last: false,
                realised: None,
                end: None,
            },
            resolved: (self.reached == 0).then_some(hit),
        }
    }
}

fn is_target(kind: OutcomeKind) -> bool {
    match kind {
        OutcomeKind::Target(_) => true,
        OutcomeKind::Stop | OutcomeKind::StopMoved | OutcomeKind::Timeout | OutcomeKind::Closed => {
            false
        }
    }
}
