//! What becomes of a confirmed signal: targets at their levels, the stop at the first price beyond it, or the end of its
//! time. Stop before target where both lie in one recorded bar.

use crate::confidence::Hit;
use crate::lifecycle::{Origin, Pending, Reach};
use crate::session;
use market::{Outcome, OutcomeKind, Price, Ratio, Signal, Source, Span, Time};
use serde::{Deserialize, Serialize};

/// A confirmed signal that still runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub signal: Signal,
    pub origin: Origin,
    /// Targets that traded.
    reached: usize,
    /// When it is no longer followed.
    pub until: Time,
    /// The last price it could have been closed at.
    exit: Price,
}

/// What a step brought: whether the first target came before the stop is known from now on, or not yet.
pub(crate) struct Step {
    pub origin: Origin,
    pub outcome: Outcome,
    pub resolved: Option<Hit>,
}

impl Running {
    /// Begins at the confirmation of what was pending, with the price a position could be closed at.
    pub(crate) fn begin(
        signal: Signal,
        pending: &Pending,
        source: &Source,
        exit: Price,
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
            signal,
            origin: pending.origin,
            reached: 0,
            until,
            exit,
        }
    }

    /// Judges a tick or recorded bar; says whether the signal runs on.
    pub(crate) fn judge(&mut self, at: Time, reach: &Reach, steps: &mut Vec<Step>) -> bool {
        let (direction, stop) = (self.signal.direction, self.signal.stop);
        self.exit = reach.exit(direction);
        if reach.stops(direction, stop) {
            let price = reach.stopped_at(direction, stop);
            steps.push(self.step(at, OutcomeKind::Stop, price, true));
            return false;
        }
        while let Some(target) = self.signal.targets.get(self.reached) {
            if !reach.hits(direction, target.price) {
                return true;
            }
            let last = self.reached + 1 == self.signal.targets.len();
            let kind = OutcomeKind::Target(self.reached as u8 + 1);
            steps.push(self.step(at, kind, target.price, last));
            self.reached += 1;
        }
        false
    }

    /// Its time is over.
    pub(crate) fn end(&self, at: Time) -> Step {
        self.step(at, OutcomeKind::Timeout, self.exit, true)
    }

    fn step(&self, at: Time, kind: OutcomeKind, price: Price, last: bool) -> Step {
        let signal = &self.signal;
        let moved = (price - signal.entry).times(signal.direction.sign());
        let r = Ratio::new(moved.to_f64() / signal.risk().to_f64()).unwrap_or_default();
        let resolved = (self.reached == 0).then_some(match kind {
            OutcomeKind::Target(_) => Hit::Yes,
            OutcomeKind::Stop | OutcomeKind::Timeout => Hit::No,
        });
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
                last,
            },
            resolved,
        }
    }
}
