//! The open signals of a desk: pending ones until their verdict, confirmed ones until their end.

use super::{Context, Desk, Spreads};
use crate::confidence::{self, Hit};
use crate::engine::Output;
use crate::lifecycle::{self, Pending, Reach, Verdict};
use crate::outcome::{Running, Sides, Step, Terms};
use crate::rules::{Rules, Settings};
use market::{Bar, Cause, InstrumentId, OutcomeKind, Signal, Status, Time};

impl Desk {
    /// Decides the signals whose deadline has come, for the cause that holds now.
    pub(crate) fn expire(&mut self, cause: Cause, context: &mut Context) {
        let at = context.at;
        self.decide_if(context, |pending, _| {
            (pending.signal.decide_by <= at).then_some(Verdict::Invalidated(cause))
        });
    }

    /// Ends the running signals whose time is over.
    pub(crate) fn end_runs(&mut self, context: &mut Context) {
        let at = context.at;
        for mut over in self.running.extract_if(.., |running| running.until <= at) {
            tell(over.end(at, OutcomeKind::Timeout), context);
        }
    }

    /// Invalidates and ends everything open: the instrument is no longer traded.
    pub(crate) fn retire(&mut self, context: &mut Context) {
        self.forget_questions();
        self.decide_if(context, |_, _| Some(Verdict::Invalidated(Cause::Restart)));
        for mut over in self.running.drain(..) {
            tell(over.end(context.at, OutcomeKind::Closed), context);
        }
    }

    /// Moves the stops of runners with a closed bar.
    pub(super) fn follow(&mut self, bar: &Bar, context: &mut Context) {
        let Some(chart) = &self.charts[context.settings.rules.setup_tf.index()] else {
            return;
        };
        let mut steps = Vec::new();
        let terms = terms(&self.spreads, self.id, context.settings);
        for running in &mut self.running {
            running.follow(context.at, bar, chart, terms, &mut steps);
        }
        steps.into_iter().for_each(|step| tell(step, context));
    }

    pub(super) fn judge_reach(&mut self, reach: &Reach, context: &mut Context) {
        if !self.running.is_empty() {
            let mut steps = Vec::new();
            let terms = terms(&self.spreads, self.id, context.settings);
            self.running
                .retain_mut(|running| running.judge(context.at, reach, terms, &mut steps));
            steps.into_iter().for_each(|step| tell(step, context));
        }
        if self.waits_for_score() {
            self.drop_stopped(reach, context.settings);
        }
        self.decide_if(context, |pending, _| pending.judge_reach(reach));
    }

    /// Decides each pending signal for which `judge` has a verdict.
    pub(super) fn decide_if(
        &mut self,
        context: &mut Context,
        mut judge: impl FnMut(&mut Pending, &Rules) -> Option<Verdict>,
    ) {
        let mut place = 0;
        while place < self.pending.len() {
            let rules = self.rules(context.settings);
            match judge(&mut self.pending[place], rules) {
                Some(verdict) => {
                    let pending = self.pending.remove(place);
                    self.decide(pending, verdict, context);
                }
                None => place += 1,
            }
        }
    }

    pub(super) fn decide(&mut self, pending: Pending, verdict: Verdict, context: &mut Context) {
        let signal = self.decided_as(&pending, verdict, context.at);
        if signal.status == Status::Confirmed {
            self.run(&signal, &pending, context);
        }
        context.shared.ledger.decided(&signal);
        context.shared.book.decided(&signal);
        context.out.push(Output::Signal(Box::new(signal)));
    }

    /// A pending signal as a verdict leaves it; a confirmed one says what chance alone would make of it.
    pub(super) fn decided_as(&self, pending: &Pending, verdict: Verdict, at: Time) -> Signal {
        let mut signal = lifecycle::decide(pending.signal.clone(), verdict, at);
        if signal.status == Status::Confirmed {
            let exit = self.sides(&signal).exit;
            signal.evidence.odds = confidence::barrier_odds(&signal, exit);
        }
        signal
    }

    /// What a signal's position could be opened and closed at now; its entry before any price.
    fn sides(&self, signal: &Signal) -> Sides {
        let price = |direction| self.pulse.exit(direction).unwrap_or(signal.entry);
        let (exit, fill) = (price(signal.direction), price(signal.direction.opposite()));
        Sides { fill, exit }
    }

    /// Follows a confirmed signal.
    fn run(&mut self, signal: &Signal, pending: &Pending, context: &mut Context) {
        let sides = self.sides(signal);
        context.shared.book.filled(signal, sides.fill);
        if let Some(setup) = pending.origin.setup() {
            context.shared.record(setup).confirm(signal, sides.exit);
        }
        let source = self.source_in(context.settings);
        let horizon = self.rules(context.settings).outcome_horizon_h;
        self.running.push(Running::begin(
            signal.clone(),
            pending,
            source,
            sides,
            context.at,
            horizon,
        ));
    }
}

/// What stops are moved by now.
fn terms<'a>(spreads: &'a Spreads, id: InstrumentId, settings: &'a Settings) -> Terms<'a> {
    let instrument = settings.catalog.instrument(id);
    Terms {
        rules: settings.rules_of(instrument.symbol),
        spreads,
        tick_size: instrument.tick_size,
    }
}

/// Tells an outcome, and counts it if it is of one of ORION's own setups.
fn tell(step: Step, context: &mut Context) {
    if step.outcome.last {
        context.shared.ledger.close(step.outcome.id);
    }
    let limits = &context.settings.portfolio;
    context.shared.book.follow(&step.outcome, limits);
    if let (Some(hit), Some(setup)) = (step.resolved, step.origin.setup()) {
        context.shared.record(setup).resolve(hit);
        context.shared.counts.resolved += 1;
        context.shared.counts.hits += u64::from(hit == Hit::Yes);
    }
    context.out.push(Output::Outcome(Box::new(step.outcome)));
}
