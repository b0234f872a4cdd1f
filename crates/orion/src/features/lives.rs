//! What becomes of signals, beside what was known of them at their birth.

use engine::Output;
use engine::features::FeatureRow;
use market::{
    Cause, Direction, Outcome, OutcomeKind, Readings, Signal, SourceTime, Status, Symbol, Time,
    Uuid,
};
use std::collections::BTreeMap;

/// Signals in the order of their birth.
#[derive(Debug, Default)]
pub(super) struct Lives {
    lives: Vec<Life>,
    places: BTreeMap<u128, usize>,
}

/// A signal from its birth to where the recording ends.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) id: Uuid,
    pub(super) time: SourceTime,
    pub(super) values: Readings,
    /// What it says of itself; `None` before it was told.
    pub(super) told: Option<Told>,
    /// Whether the first target traded before the stop, and since when that is known.
    pub(super) hit: Option<bool>,
    pub(super) resolved_at: Option<Time>,
    pub(super) realised: Option<f64>,
    pub(super) ended_at: Option<Time>,
}

#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) symbol: Symbol,
    pub(super) timeframe: &'static str,
    pub(super) setup: String,
    pub(super) source: String,
    pub(super) direction: Direction,
    pub(super) status: Status,
    pub(super) cause: Option<Cause>,
    pub(super) confidence: f64,
    pub(super) odds: Option<f64>,
}

impl Lives {
    /// A signal is born, and this was known.
    pub(super) fn begin(&mut self, id: Uuid, row: &FeatureRow) {
        self.places.insert(id.as_u128(), self.lives.len());
        self.lives.push(Life {
            id,
            time: row.time,
            values: row.values.clone(),
            told: None,
            hit: None,
            resolved_at: None,
            realised: None,
            ended_at: None,
        });
    }

    /// Something was decided.
    pub(super) fn hear(&mut self, output: &Output) {
        match output {
            Output::Signal(signal) => {
                if let Some(life) = self.of(signal.id) {
                    life.told = Some(Told::of(signal));
                }
            }
            Output::Outcome(outcome) => {
                if let Some(life) = self.of(outcome.id) {
                    life.step(outcome);
                }
            }
            Output::Price(_) | Output::Shadow(_) | Output::Calibration(_) | Output::Answer(_) => {}
        }
    }

    /// Those that were told, oldest first.
    pub(super) fn into_order(self) -> Vec<Life> {
        let mut lives = self.lives;
        lives.retain(|life| life.told.is_some());
        lives
    }

    fn of(&mut self, id: Uuid) -> Option<&mut Life> {
        let place = self.places.get(&id.as_u128())?;
        self.lives.get_mut(*place)
    }
}

impl Life {
    fn step(&mut self, outcome: &Outcome) {
        let hit = match outcome.kind {
            OutcomeKind::Target(_) => Some(true),
            OutcomeKind::Stop | OutcomeKind::Timeout => Some(false),
            // A stop that moves decides nothing, and where nobody looked to the end nothing is known.
            OutcomeKind::StopMoved | OutcomeKind::Closed => None,
        };
        if self.hit.is_none() && hit.is_some() {
            (self.hit, self.resolved_at) = (hit, Some(outcome.at));
        }
        if outcome.last {
            self.realised = outcome.realised.map(market::Ratio::to_f64);
            self.ended_at = Some(outcome.at);
        }
    }
}

impl Told {
    fn of(signal: &Signal) -> Self {
        Self {
            symbol: signal.symbol,
            timeframe: signal.timeframe.as_str(),
            setup: signal.setup.clone(),
            source: signal.evidence.source.clone(),
            direction: signal.direction,
            status: signal.status,
            cause: signal.cause,
            confidence: signal.confidence.to_f64(),
            odds: signal.evidence.odds.map(market::Probability::to_f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Price, Ratio};

    fn life(steps: &[(OutcomeKind, bool)]) -> Life {
        let mut life = Life {
            id: Uuid::from_u128(1),
            time: SourceTime::MIN,
            values: Vec::<f64>::new().into(),
            told: None,
            hit: None,
            resolved_at: None,
            realised: None,
            ended_at: None,
        };
        for (second, (kind, last)) in (1..).zip(steps) {
            life.step(&Outcome {
                id: life.id,
                symbol: Symbol::new("EURUSD").unwrap(),
                digits: 5,
                kind: *kind,
                price: Price::ZERO,
                r: Ratio::default(),
                at: Time::from_secs(second),
                last: *last,
                realised: last.then(|| Ratio::from_hundredths(-50)),
                end: None,
            });
        }
        life
    }

    fn check(steps: &[(OutcomeKind, bool)], hit: Option<bool>, resolved: i64, ended: i64) {
        let life = life(steps);
        let at = |second| (second > 0).then(|| Time::from_secs(second));
        assert_eq!(
            (life.hit, life.resolved_at),
            (hit, at(resolved)),
            "{steps:?}"
        );
        assert_eq!(life.ended_at, at(ended), "{steps:?}");
        assert_eq!(life.realised, (ended > 0).then_some(-0.5), "{steps:?}");
    }

    #[test]
    fn the_first_target_or_the_stop_resolves_and_the_last_step_ends() {
        use OutcomeKind::{Closed, Stop, StopMoved, Target, Timeout};
        check(&[], None, 0, 0);
        check(&[(Stop, true)], Some(false), 1, 1);
        check(&[(Timeout, true)], Some(false), 1, 1);
        check(&[(StopMoved, false), (Stop, true)], Some(false), 2, 2);
        check(&[(Target(1), false), (StopMoved, false)], Some(true), 1, 0);
        check(&[(Target(1), false), (Stop, true)], Some(true), 1, 2);
        check(&[(Closed, true)], None, 0, 1);
        check(&[(Target(1), false), (Closed, true)], Some(true), 1, 2);
    }
}
