//! What becomes of a confirmed signal: targets at their levels, the stop at the first price beyond it, or the end of its
//! time. Stop before target where both lie in one recorded bar. After the first target the stop is moved, and after the last
//! one before the runner it trails; it never loosens.

use crate::confidence::Hit;
use crate::desk::Spreads;
use crate::lifecycle::{Origin, Pending, Reach};
use crate::risk::away;
use crate::rules::{Rules, TrailMode};
use crate::session;
use crate::structure::Chart;
use market::{Bar, Direction, Outcome, OutcomeKind, Price, Ratio, Signal, Source, Span, Time};
use serde::{Deserialize, Serialize};

/// A confirmed signal that still runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub signal: Signal,
    pub origin: Origin,
    /// Targets that traded.
    reached: usize,
    /// Where the stop lies now.
    stop: Price,
    /// What a position could be opened at when it was confirmed.
    fill: Price,
    /// What the parts that are closed have brought, as parts of the position times multiples of the risk.
    realised: f64,
    /// How far bars have gone its way since it was confirmed.
    best: Price,
    /// When it is no longer followed.
    pub until: Time,
    /// The last price it could have been closed at.
    exit: Price,
}

/// What a position could be opened and closed at.
#[derive(Clone, Copy, Debug)]
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
    /// Begins at the confirmation of what was pending, with the prices of that moment.
    pub(crate) fn begin(
        signal: Signal,
        pending: &Pending,
        source: &Source,
        sides: Sides,
        at: Time,
        horizon_h: u32,
    ) -> Self {
        let horizon = at + Span::from_hours(i64::from(horizon_h));
        let until = if source.always_open {
            horizon
        } else {
            // By the source's time: the last bar of the week confirms when the market has just closed.
            horizon.min(session::week_end(pending.since.bar).as_stamp())
        };
        Self {
            stop: signal.stop,
            best: sides.exit,
            signal,
            origin: pending.origin,
            reached: 0,
            fill: sides.fill,
            realised: 0.0,
            until,
            exit: sides.exit,
        }
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
        if reach.stops(direction, self.stop) {
            let price = reach.stopped_at(direction, self.stop);
            steps.push(self.close(at, OutcomeKind::Stop, price));
            return false;
        }
        while let Some(target) = self.signal.targets.get(self.reached).copied() {
            if !reach.hits(direction, target.price) {
                return true;
            }
            let kind = OutcomeKind::Target(self.reached as u8 + 1);
            if self.reached + 1 == self.signal.targets.len() {
                steps.push(self.close(at, kind, target.price));
                return false;
            }
            self.realised += f64::from(target.percent) / 100.0 * self.gained(target.price);
            steps.push(self.step(at, kind, target.price, None));
            self.reached += 1;
            if self.reached == 1 && terms.rules.be_at_tp1 {
                self.move_stop(at, self.break_even(terms), steps);
            }
        }
        false
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
        self.best = match self.signal.direction {
            Direction::Long => self.best.max(bar.price.high),
            Direction::Short => self.best.min(bar.price.low),
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
            TrailMode::Atr => behind(self.best, rules.trail_atr),
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
            steps.push(self.step(at, OutcomeKind::StopMoved, level, None));
        }
    }

    /// What is left of the position leaves at a price.
    fn close(&mut self, at: Time, kind: OutcomeKind, price: Price) -> Step {
        let left = self.signal.targets.iter().skip(self.reached);
        let left: u32 = left.map(|target| u32::from(target.percent)).sum();
        self.realised += f64::from(left) / 100.0 * self.gained(price);
        self.step(
            at,
            kind,
            price,
            Ratio::new(self.realised).or(Some(Ratio::default())),
        )
    }

    /// From the fill to a price, in multiples of the risk.
    fn gained(&self, price: Price) -> f64 {
        let moved = (price - self.fill).times(self.signal.direction.sign());
        moved.to_f64() / self.signal.risk().to_f64()
    }

    fn step(&self, at: Time, kind: OutcomeKind, price: Price, realised: Option<Ratio>) -> Step {
        let signal = &self.signal;
        let moved = (price - signal.entry).times(signal.direction.sign());
        let r = Ratio::new(moved.to_f64() / signal.risk().to_f64()).unwrap_or_default();
        let hit = match kind {
            OutcomeKind::Target(_) => Hit::Yes,
            OutcomeKind::Stop
            | OutcomeKind::StopMoved
            | OutcomeKind::Timeout
            | OutcomeKind::Closed => Hit::No,
        };
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
                last: realised.is_some(),
                realised,
            },
            resolved: (self.reached == 0).then_some(hit),
        }
    }
}
