//! What would have become of signals that were not confirmed, had they been opened at the verdict: what a confirmation is
//! worth can only be told beside them. Nobody outside is told, and nothing of ORION goes by it.

use super::{Opening, Running, Step, Terms};
use crate::confidence::barrier_odds;
use crate::lifecycle::{Origin, Reach};
use crate::structure::Chart;
use market::{Bar, Cause, OutcomeKind, Shadow, Signal, Time};
use serde::{Deserialize, Serialize};

/// Those of a desk that are still followed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Shadows {
    running: Vec<Running>,
    /// When the first of them is over; `MAX` without any.
    pub until: Time,
}

impl Default for Shadows {
    fn default() -> Self {
        Self {
            running: Vec::new(),
            until: Time::MAX,
        }
    }
}

impl Shadows {
    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Takes in a signal that was not confirmed. Where its verdict says already how it ended, that is returned at once.
    pub(crate) fn begin(
        &mut self,
        signal: &Signal,
        cause: Cause,
        origin: Origin,
        opening: Opening,
    ) -> Option<Shadow> {
        if let Some(kind) = told_by(cause) {
            return Some(Shadow {
                id: signal.id,
                cause,
                at: opening.at,
                kind,
                odds: None,
                bars: opening.bars,
                coarse: opening.coarse,
                realised: None,
                end: None,
            });
        }
        let mut signal = signal.clone();
        signal.evidence.odds = barrier_odds(&signal, opening.sides.exit);
        self.running.push(Running::begin(signal, origin, opening));
        self.find_until();
        None
    }

    /// Judges a tick or recorded bar; what ended is appended.
    pub(crate) fn judge(&mut self, at: Time, reach: &Reach, terms: Terms, ended: &mut Vec<Shadow>) {
        let mut steps = Vec::new();
        let before = self.running.len();
        self.running.retain_mut(|running| {
            let runs_on = running.judge(at, reach, terms, &mut steps);
            ended.extend(last_of(running, &mut steps));
            runs_on
        });
        if self.running.len() < before {
            self.find_until();
        }
    }

    /// Moves their stops with a closed bar.
    pub(crate) fn follow(&mut self, at: Time, bar: &Bar, chart: &Chart, terms: Terms) {
        let mut steps = Vec::new();
        for running in &mut self.running {
            running.follow(at, bar, chart, terms, &mut steps);
        }
    }

    /// Ends those whose time is over.
    pub(crate) fn end(&mut self, at: Time, ended: &mut Vec<Shadow>) {
        for mut over in self.running.extract_if(.., |running| running.until() <= at) {
            let step = over.end(at, OutcomeKind::Timeout);
            ended.extend(shadow_of(&over, step));
        }
        self.find_until();
    }

    /// Nobody follows them any more.
    pub(crate) fn close(&mut self, at: Time, ended: &mut Vec<Shadow>) {
        for mut over in self.running.drain(..) {
            let step = over.end(at, OutcomeKind::Closed);
            ended.extend(shadow_of(&over, step));
        }
        self.find_until();
    }

    fn find_until(&mut self) {
        let ends = self.running.iter().map(Running::until);
        self.until = ends.fold(Time::MAX, Time::min);
    }
}

/// How a signal ended, where the verdict says it: its stop or its first target has traded.
fn told_by(cause: Cause) -> Option<OutcomeKind> {
    match cause {
        Cause::Stop => Some(OutcomeKind::Stop),
        Cause::Missed => Some(OutcomeKind::Target(1)),
        Cause::Structure | Cause::Timeout | Cause::StaleFeed | Cause::Restart | Cause::Sender => {
            None
        }
    }
}

fn last_of(running: &Running, steps: &mut Vec<Step>) -> Option<Shadow> {
    let last = steps.pop();
    steps.clear();
    shadow_of(running, last?)
}

/// Of a last step; other steps are nobody's concern.
fn shadow_of(running: &Running, step: Step) -> Option<Shadow> {
    let Step { outcome, .. } = step;
    let cause = running.signal.cause?;
    outcome.last.then_some(Shadow {
        id: outcome.id,
        cause,
        at: outcome.at,
        kind: outcome.kind,
        odds: running.signal.evidence.odds,
        bars: running.opening.bars,
        coarse: running.opening.coarse,
        realised: outcome.realised,
        end: outcome.end,
    })
}
