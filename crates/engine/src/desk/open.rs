//! The open signals of a desk: pending ones until their verdict, confirmed ones until their end.

use super::{Context, Desk, Spreads};
use crate::confidence::{self, Hit};
use crate::engine::Output;
use crate::lifecycle::{self, Pending, Reach, Since, Verdict};
use crate::outcome::{Opening, Running, Sides, Step, Terms};
use crate::rules::{Rules, Settings};
use crate::session;
use market::{
    Bar, Cause, Direction, InstrumentId, OutcomeKind, Shadow, Signal, Span, Status, Time,
};

impl Desk {
    /// Decides the signals whose deadline has come, for the cause that holds now.
    pub(crate) fn expire(&mut self, cause: Cause, context: &mut Context) {
        let at = context.at;
        self.decide_if(context, |pending, _| {
            (pending.signal.decide_by <= at).then_some(Verdict::Invalidated(cause))
        });
    }

    /// Decides the own signals that were born just now, where no bar is short enough to confirm them later.
    pub(crate) fn decide_coarse(&mut self, context: &mut Context) {
        if self.pending.is_empty() || !self.is_coarse(self.rules(context.settings)) {
            return;
        }
        let (at, exit) = (context.at, |direction| self.pulse.exit(direction));
        let (long, short) = (exit(Direction::Long), exit(Direction::Short));
        self.decide_if(context, |pending, _| {
            let exit = match pending.signal.direction {
                Direction::Long => long,
                Direction::Short => short,
            };
            let is_new = pending.signal.created_at == at && pending.origin.setup().is_some();
            is_new.then(|| pending.judge_touch(exit.unwrap_or(pending.signal.entry)))
        });
    }

    /// Ends the running signals whose time is over.
    pub(crate) fn end_runs(&mut self, context: &mut Context) {
        let at = context.at;
        for mut over in self.running.extract_if(.., |running| running.until() <= at) {
            tell(over.end(at, OutcomeKind::Timeout), context);
        }
        if self.shadows.until <= at {
            let mut ended = Vec::new();
            self.shadows.end(at, &mut ended);
            keep(ended, context);
        }
    }

    /// Invalidates and ends everything open: the instrument is no longer traded.
    pub(crate) fn retire(&mut self, context: &mut Context) {
        self.decide_if(context, |_, _| Some(Verdict::Invalidated(Cause::Restart)));
        for mut over in self.running.drain(..) {
            tell(over.end(context.at, OutcomeKind::Closed), context);
        }
        let mut ended = Vec::new();
        self.shadows.close(context.at, &mut ended);
        keep(ended, context);
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
        self.shadows.follow(context.at, bar, chart, terms);
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
        if !self.shadows.is_empty() {
            let mut ended = Vec::new();
            let terms = terms(&self.spreads, self.id, context.settings);
            self.shadows.judge(context.at, reach, terms, &mut ended);
            keep(ended, context);
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
        let shadow = match verdict {
            Verdict::Confirmed => {
                self.run(&signal, &pending, context);
                None
            }
            Verdict::Invalidated(cause) => {
                context.shared.calibrators.forget(signal.id);
                let opening = self.opening(&signal, pending.since, context);
                let origin = pending.origin;
                self.shadows.begin(&signal, cause, origin, opening)
            }
        };
        context.shared.ledger.decided(&signal);
        context.shared.book.decided(&signal);
        context.out.push(Output::Signal(Box::new(signal)));
        keep(shadow, context);
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
        context.shared.calibrators.confirmed(signal, sides.exit);
        if let Some(setup) = pending.origin.setup() {
            context.shared.record(setup).confirm(signal, sides.exit);
        }
        let opening = self.opening(signal, pending.since, context);
        let running = Running::begin(signal.clone(), pending.origin, opening);
        self.running.push(running);
    }

    /// How a position would be opened now, of a signal that was born then.
    fn opening(&self, signal: &Signal, born: Since, context: &Context) -> Opening {
        let (rules, settings) = (self.rules(context.settings), context.settings);
        let (instrument, mids) = (self.instrument(context), &context.shared.mids);
        let account = &settings.account;
        Opening {
            at: context.at,
            sides: self.sides(signal),
            until: self.followed_until(born, rules, context),
            cost: account.cost(instrument, signal.risk(), mids, self.newest),
            bars: self.grain,
            coarse: self.is_coarse(rules),
        }
    }

    /// The end of its horizon, if it has one, or of the week.
    fn followed_until(&self, born: Since, rules: &Rules, context: &Context) -> Time {
        let horizon = match rules.outcome_horizon_h {
            0 => Time::MAX,
            hours => context.at + Span::from_hours(i64::from(hours)),
        };
        if self.source_in(context.settings).always_open {
            return horizon;
        }
        // By the source's time: the last bar of the week confirms when the market has just closed.
        horizon.min(session::week_end(born.bar).as_stamp())
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
    let (outcome, resolved) = (step.outcome, step.resolved);
    context.out.push(Output::Outcome(Box::new(outcome.clone())));
    context.learn(&outcome, resolved);
}

/// Hands out what is kept apart.
fn keep(shadows: impl IntoIterator<Item = Shadow>, context: &mut Context) {
    let shadows = shadows.into_iter();
    context
        .out
        .extend(shadows.map(|shadow| Output::Shadow(Box::new(shadow))));
}
