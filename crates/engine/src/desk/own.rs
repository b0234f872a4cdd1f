//! ORION's own signals: a setup that is triggered, judged by the gates, planned and written.

use super::{Context, Desk, enter};
use crate::calibration::{Open, Whose};
use crate::engine::Output;
use crate::gates::Refusal;
use crate::lifecycle::{Origin, Pending, Reach, Since};
use crate::portfolio::Gate;
use crate::risk::{Idea, Plan, Unfit};
use crate::rules::{Rules, Settings};
use crate::session;
use crate::setup::{Armed, Pattern};
use crate::sizing::Trade;
use crate::structure::Pool;
use market::{
    Condition, Direction, Evidence, Price, Probability, Rated, Signal, Source, SourceTime, Span,
    Status, Symbol, Uuid,
};
use serde::{Deserialize, Serialize};

/// Zones that have signalled and are remembered.
const ZONES_MAX: usize = 256;

/// ORION's own namespace for the ids of signals (version 5 UUIDs).
const NAMESPACE: Uuid = Uuid::from_u128(0x4f52_494f_4e00_5369_a67e_616c_7300_0001);

impl Desk {
    /// Ends the armed setups whose stop trades, then fires those that the price triggers.
    pub(super) fn fire(&mut self, trigger: &Trigger, context: &mut Context) {
        // The stop lies behind its level: where that has not traded the stop need not be known.
        let touched = |armed: &Armed| {
            let pattern = &armed.pattern;
            armed.is_reached(trigger.price)
                || trigger.reach.stops(pattern.direction, pattern.stop_level)
        };
        if !self.setups.armed().iter().any(touched) {
            return;
        }
        let rules = self.rules(context.settings);
        let Some(ground) = self.ground(context) else {
            return;
        };
        // A bar that is too long to be judged again has its stop told with its trigger, unless it opened beyond it.
        let is_coarse = self.is_coarse(rules);
        self.setups.take_if(|armed| {
            let direction = armed.pattern.direction;
            let stop = ground.idea(&armed.pattern).stop(rules);
            if is_coarse {
                trigger.reach.opens_beyond(direction, stop)
            } else {
                trigger.reach.stops(direction, stop)
            }
        });
        for armed in self.setups.take_if(|armed| armed.is_reached(trigger.price)) {
            let moment = Moment {
                entry_time: trigger.entry_time,
                reach: Some(trigger.reach),
            };
            self.try_signal(&armed.pattern, &ground, moment, context);
        }
    }

    /// Ends the armed setups whose stop traded in a bar that did not trigger them.
    pub(super) fn end_stopped(&mut self, reach: &Reach, context: &Context) {
        let rules = self.rules(context.settings);
        if let Some(ground) = self.ground(context) {
            self.setups.take_if(|armed| {
                let stop = ground.idea(&armed.pattern).stop(rules);
                reach.stops(armed.pattern.direction, stop)
            });
        }
    }

    /// Fires what a bar's close triggers.
    pub(super) fn fire_at_close(
        &mut self,
        pattern: &Pattern,
        entry_time: SourceTime,
        context: &mut Context,
    ) {
        if let Some(ground) = self.ground(context) {
            let moment = Moment {
                entry_time,
                reach: None,
            };
            self.try_signal(pattern, &ground, moment, context);
        }
    }

    /// What all ideas of this moment are measured by; `None` before the range of bars is known.
    pub(super) fn ground(&self, context: &Context) -> Option<Ground> {
        let settings = context.settings;
        Some(Ground {
            atr: self.atr(self.rules(settings))?,
            spread: self.spreads.median(),
            tick_size: settings.catalog.instrument(self.id).tick_size,
        })
    }

    fn try_signal(
        &mut self,
        pattern: &Pattern,
        ground: &Ground,
        moment: Moment,
        context: &mut Context,
    ) {
        let idea = ground.idea(pattern);
        if let Err(moment) = self.ask_of_setup(pattern, &idea, moment, context) {
            self.open_or_refuse(pattern, &idea, moment, None, context);
        }
    }

    /// A triggered setup becomes a signal, with the score that a model gave it, or is refused.
    pub(super) fn open_or_refuse(
        &mut self,
        pattern: &Pattern,
        idea: &Idea,
        moment: Moment,
        rated: Option<Rated>,
        context: &mut Context,
    ) {
        match self.signal(pattern, idea, moment, rated, context) {
            Ok((pending, born)) => self.open(pattern, pending, born, context),
            Err(refusal) => context.shared.counts.refuse(refusal),
        }
    }

    /// The levels of a triggered setup.
    pub(super) fn plan(
        &self,
        pattern: &Pattern,
        idea: &Idea,
        context: &Context,
    ) -> Result<Plan, Unfit> {
        let rules = self.rules(context.settings);
        let chart = self.charts[rules.setup_tf.index()].iter();
        let pools: Vec<&Pool> = chart
            .flat_map(|chart| chart.pools(pattern.direction))
            .collect();
        idea.plan(&pools, rules)
    }

    /// Makes the signal of a triggered setup.
    fn signal(
        &self,
        pattern: &Pattern,
        idea: &Idea,
        moment: Moment,
        rated: Option<Rated>,
        context: &mut Context,
    ) -> Result<(Pending, Open), Refusal> {
        let (rules, entry_time) = (self.rules(context.settings), moment.entry_time);
        self.check_gates(pattern, entry_time, context)?;
        let plan = self.plan(pattern, idea, context)?;
        let gate = self.weigh(pattern.direction, entry_time, context);
        if let Some((gate, _)) = &gate {
            context.shared.counts.gate(*gate);
            if context.settings.portfolio.block {
                return Err(Refusal::Portfolio);
            }
        }
        let mut signal = self.write(pattern, &plan, idea, entry_time, gate, context);
        signal.evidence.model = rated;
        let whose = Whose::Own(pattern.setup);
        context.refresh(&whose);
        let raw = self.raw(&signal, context);
        let confirm = rules.confirm_atr * idea.atr;
        let born = context.confide(&mut signal, whose, raw, confirm);
        let pending = Pending {
            entered: moment.has_traded(signal.direction, signal.entry),
            stopped: moment.has_stopped(signal.direction, signal.stop),
            signal,
            origin: Origin::Own(pattern.setup),
            since: Since::at(entry_time),
            zone_far: pattern.zone_far,
            atr: idea.atr,
        };
        Ok((pending, born))
    }

    pub(super) fn check_gates(
        &self,
        pattern: &Pattern,
        entry_time: SourceTime,
        context: &Context,
    ) -> Result<(), Refusal> {
        let (rules, instrument) = (self.rules(context.settings), self.instrument(context));
        let (direction, calendar) = (pattern.direction, instrument.calendar);
        let is_open = session::is_open(instrument, self.source_in(context.settings), entry_time);
        let live = self.own_open().any(|signal| signal.direction == direction);
        let cooldown = Span::from_secs(i64::from(rules.symbol_cooldown_s));
        let rests = |last| entry_time - last < cooldown;
        let spent = context.shared.signals_on(entry_time);
        if !is_open {
            Err(Refusal::Closed)
        } else if rules.killzone_gate && !session::in_core_window(entry_time, calendar) {
            Err(Refusal::Killzone)
        } else if live {
            Err(Refusal::Live)
        } else if self.zones.contains(&(direction, pattern.zone)) {
            Err(Refusal::ZoneUsed)
        } else if self.last_entry.is_some_and(rests) {
            Err(Refusal::Cooldown)
        } else if rules.max_signals_per_day > 0 && spent >= rules.max_signals_per_day {
            Err(Refusal::DailyCap)
        } else {
            Ok(())
        }
    }

    /// ORION's own signals that are pending or run.
    fn own_open(&self) -> impl Iterator<Item = &Signal> {
        let pending = self.pending.iter().map(|one| (one.origin, &one.signal));
        let running = self.running.iter().map(|one| (one.origin, &one.signal));
        pending
            .chain(running)
            .filter(|(origin, _)| origin.setup().is_some())
            .map(|(_, signal)| signal)
    }

    fn write(
        &self,
        pattern: &Pattern,
        plan: &Plan,
        idea: &Idea,
        entry_time: SourceTime,
        gate: Option<(Gate, Condition)>,
        context: &Context,
    ) -> Signal {
        let settings = context.settings;
        let instrument = settings.catalog.instrument(self.id);
        let source = self.source_in(settings);
        let (at, rules) = (context.at, self.rules(settings));
        let trade = Trade {
            entry: plan.entry,
            stop: plan.stop,
            targets: &plan.targets,
        };
        Signal {
            id: identity(settings, &source.name, instrument.symbol, pattern),
            status: Status::Pending,
            direction: pattern.direction,
            symbol: instrument.symbol,
            digits: instrument.digits,
            entry_time,
            entry: plan.entry,
            stop: plan.stop,
            targets: plan.targets.clone(),
            reason: reason(pattern.setup.reason(), source),
            // What it is given next.
            confidence: Probability::from_steps(0),
            rr_target: plan.rr_target,
            killzone: session::killzone(entry_time),
            setup: pattern.setup.as_str().to_owned(),
            timeframe: rules.setup_tf,
            simulated: source.simulated,
            created_at: at,
            decide_by: at + Span::from_secs(i64::from(rules.confirm_timeout_s)),
            decided_at: None,
            cause: None,
            evidence: Evidence {
                source: source.name.clone(),
                price_kind: Some(instrument.kind),
                conditions: conditions(pattern, plan, idea, rules),
                odds: None,
                rr_weighted: Some(plan.rr_weighted),
                backing: None,
                source_confidence: None,
                config_hash: self.rules_name(settings),
                size: self.size(
                    trade,
                    entry_time,
                    gate.as_ref().map(|(gate, _)| *gate),
                    context,
                ),
                risk_gate: gate.map(|(_, condition)| condition),
                model: None,
            },
        }
    }

    fn open(&mut self, pattern: &Pattern, pending: Pending, born: Open, context: &mut Context) {
        let signal = &pending.signal;
        context.shared.calibrators.born(signal.id, born);
        self.last_entry = Some(signal.entry_time);
        if self.zones.len() == ZONES_MAX {
            self.zones.pop_front();
        }
        self.zones.push_back((pattern.direction, pattern.zone));
        context.shared.count_signal(signal.entry_time);
        context.shared.ledger.own(signal);
        enter(signal, context);
        self.read_signal(signal, signal.entry_time, context);
        context.out.push(Output::Signal(Box::new(signal.clone())));
        self.pending.push(pending);
    }
}

/// A price that may trigger setups, with its whole quote and the entry time of what it triggers.
pub(super) struct Trigger {
    pub price: Price,
    pub entry_time: SourceTime,
    pub reach: Reach,
}

/// When a setup is triggered.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Moment {
    pub entry_time: SourceTime,
    /// The quote that reached the trigger; `None` at a bar's close, which is the entry.
    reach: Option<Reach>,
}

impl Moment {
    fn has_traded(&self, direction: Direction, entry: Price) -> bool {
        let reach = self.reach.as_ref();
        reach.is_none_or(|reach| reach.fills(direction, entry))
    }

    fn has_stopped(&self, direction: Direction, stop: Price) -> bool {
        let reach = self.reach.as_ref();
        reach.is_some_and(|reach| reach.stops(direction, stop))
    }
}

/// The reason as clients see it: simulated data never passes for real.
pub(super) fn reason(text: &str, source: &Source) -> String {
    let suffix = if source.simulated { " (SIMULATED)" } else { "" };
    format!("{text}{suffix}")
}

/// What ideas of one moment are measured by.
pub(super) struct Ground {
    atr: f64,
    spread: Price,
    tick_size: Price,
}

impl Ground {
    pub(super) fn idea(&self, pattern: &Pattern) -> Idea {
        Idea {
            direction: pattern.direction,
            entry: pattern.entry,
            stop_level: pattern.stop_level,
            atr: self.atr,
            spread: self.spread,
            tick_size: self.tick_size,
        }
    }
}

/// What made a signal fire: its pattern, and the bounds of its risk.
fn conditions(pattern: &Pattern, plan: &Plan, idea: &Idea, rules: &Rules) -> Vec<Condition> {
    let risk = (plan.entry - plan.stop).abs().to_f64();
    let mut conditions = pattern.conditions.clone();
    conditions.push(Condition::at_least(
        "risk_atr",
        risk / idea.atr,
        rules.min_risk_atr,
    ));
    conditions.push(Condition::at_most(
        "risk_atr",
        risk / idea.atr,
        rules.max_risk_atr,
    ));
    if idea.spread.is_positive() {
        let spreads = risk / idea.spread.to_f64();
        conditions.push(Condition::at_least(
            "risk_spreads",
            spreads,
            rules.min_risk_spreads,
        ));
    }
    let weighted = plan.rr_weighted.to_f64();
    conditions.push(Condition::at_least("rr_weighted", weighted, rules.min_rr));
    conditions
}

/// `market|source|symbol|timeframe|setup|direction|open time of the bar that armed it`.
fn identity(settings: &Settings, source: &str, symbol: Symbol, pattern: &Pattern) -> Uuid {
    let (market, timeframe, setup) = (
        &settings.market,
        settings.rules.setup_tf,
        pattern.setup.as_str(),
    );
    let (direction, open) = (pattern.direction, pattern.armed_open);
    let name = format!("{market}|{source}|{symbol}|{timeframe}|{setup}|{direction}|{open}");
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}
