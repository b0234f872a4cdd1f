//! What is at risk, what was won and lost, and the answer to one more.

use super::correlation::Correlations;
use super::news::News;
use super::{Gate, Limits, RiskState, Standing};
use crate::session;
use market::{
    Condition, Direction, Instrument, NewYork, Outcome, OutcomeKind, Price, Signal, SourceTime,
    Span, Status, Symbol, Time, Uuid,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// A hair, for limits that sums of parts reach exactly.
const HAIR: f64 = 1e-9;

/// No market is older: under a tape a process begins before all time.
const BEGINNING: Time = Time::from_secs(0);

/// The portfolio. Money is in units of the equity that was configured: it begins at 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Book {
    equity: f64,
    peak: f64,
    /// The trading day, and the equity at its beginning.
    day: i32,
    day_start: f64,
    /// Until then time changes nothing: the next trading day, or when a person resumes.
    until: Time,
    reducing: bool,
    /// When too much was lost from the peak.
    halted: Option<Time>,
    live: BTreeMap<Uuid, Held>,
    losses: BTreeMap<Symbol, Losses>,
    pub correlations: Correlations,
}

/// A signal that is traded.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Held {
    symbol: Symbol,
    direction: Direction,
    /// What its whole position loses at the stop it was born with.
    risk: f64,
    /// What its targets close, in percent of the position.
    parts: Vec<u8>,
    /// What is not closed yet.
    left: u32,
    /// Where it was filled, and where its stop lies, in multiples of the risk from the entry.
    fill_r: f64,
    stop_r: f64,
}

/// A symbol's losses in a row, and when its rest is over.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Losses {
    count: u32,
    rests_until: Time,
}

/// A signal that may be born.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub instrument: &'a Instrument,
    pub direction: Direction,
    pub at: Time,
    pub time: SourceTime,
    pub spread: Price,
    /// The spread of its last day, once enough of it is known.
    pub usual_spread: Option<Price>,
    /// What it would risk, in units of the equity.
    pub risk: f64,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            equity: 1.0,
            peak: 1.0,
            day: i32::MIN,
            day_start: 1.0,
            until: BEGINNING,
            reducing: false,
            halted: None,
            live: BTreeMap::new(),
            losses: BTreeMap::new(),
            correlations: Correlations::default(),
        }
    }
}

impl Book {
    /// Time passes, before anything happens: a trading day begins, or a person has resumed.
    pub(crate) fn pass(&mut self, at: Time, limits: &Limits) {
        if at >= self.until {
            self.turn(at, limits);
        }
    }

    fn turn(&mut self, at: Time, limits: &Limits) {
        let halted_before = |resumed: &Time| {
            let before = self.halted.is_some_and(|halted| halted < *resumed);
            before && *resumed <= at
        };
        if limits.resumed_at.as_ref().is_some_and(halted_before) {
            self.halted = None;
            self.peak = self.equity;
            self.reducing = self.is_half_way(limits);
        }
        let roll_hour = session::roll_hour(market::Calendar::Fx);
        let day = session::trading_day(at.as_source(), roll_hour);
        if day != self.day {
            self.day = day;
            self.day_start = self.equity;
            self.reducing = self.is_half_way(limits);
        }
        let roll = NewYork::next(at.as_source(), roll_hour).as_stamp();
        let resumed = limits.resumed_at.filter(|resumed| *resumed > at);
        self.until = resumed.map_or(roll, |resumed| resumed.min(roll));
    }

    /// What a signal would risk now, in units of the equity.
    pub(crate) fn risk(&self, risk_percent: f64) -> f64 {
        self.equity * self.part(risk_percent) / 100.0
    }

    /// The part of the equity that a new signal risks: half of what is set while losses are near a limit.
    pub(crate) fn part(&self, risk_percent: f64) -> f64 {
        if self.reducing {
            risk_percent / 2.0
        } else {
            risk_percent
        }
    }

    /// What every unit of the equity has become.
    pub(crate) fn equity(&self) -> f64 {
        self.equity
    }

    /// The first limit that speaks against one more signal, with what it would be and what it may be.
    pub(crate) fn check(
        &self,
        candidate: &Candidate,
        limits: &Limits,
        news: &News,
    ) -> Option<(Gate, Condition)> {
        let mut gates = Gate::ALL.into_iter();
        gates.find_map(|gate| Some((gate, self.ask(gate, candidate, limits, news)?)))
    }

    /// What one limit says; nothing where it lets the signal pass.
    fn ask(
        &self,
        gate: Gate,
        candidate: &Candidate,
        limits: &Limits,
        news: &News,
    ) -> Option<Condition> {
        let name = gate.as_str();
        let most = |value: f64, limit: f64| Condition::at_most(name, value, limit);
        let above = |value: f64, limit: f64| {
            (limit > 0.0 && value > limit + HAIR).then(|| most(value, limit))
        };
        match gate {
            Gate::Drawdown => {
                let limit = limits.max_drawdown_percent;
                self.is_halted(limits).then(|| most(self.drawdown(), limit))
            }
            Gate::DailyLoss => {
                let limit = limits.daily_loss_percent;
                let lost = self.day_loss();
                reaches(lost, limit).then(|| most(lost, limit))
            }
            Gate::Losses => {
                let losses = self.losses.get(&candidate.instrument.symbol)?;
                let limit = f64::from(limits.max_consecutive_losses);
                let rests =
                    reaches(f64::from(losses.count), limit) && candidate.at < losses.rests_until;
                rests.then(|| most(f64::from(losses.count), limit))
            }
            Gate::News => {
                let away = news.near(candidate.instrument, candidate.time)?;
                let minutes = away.nanos() as f64 / Span::from_minutes(1).nanos() as f64;
                let limit = f64::from(news.block_min);
                Some(Condition::at_least(name, minutes, limit))
            }
            Gate::Spread => {
                let usual = candidate.usual_spread.filter(|usual| usual.is_positive())?;
                let times = candidate.spread.to_f64() / usual.to_f64();
                above(times, limits.max_spread_mult)
            }
            Gate::LiveSignals => above(
                self.live.len() as f64 + 1.0,
                f64::from(limits.max_live_signals),
            ),
            Gate::OpenRisk => {
                let risk = self.open_risk() + candidate.risk;
                above(self.percent(risk), limits.max_open_risk_percent)
            }
            Gate::ClusterRisk => {
                let risk = self.cluster_risk(candidate, limits);
                above(self.percent(risk), limits.max_cluster_risk_percent)
            }
        }
    }

    /// A signal that may be traded was born.
    pub(crate) fn born(&mut self, signal: &Signal, risk: f64) {
        let held = Held {
            symbol: signal.symbol,
            direction: signal.direction,
            risk,
            parts: signal.targets.iter().map(|target| target.percent).collect(),
            left: 100,
            fill_r: 0.0,
            stop_r: -1.0,
        };
        self.live.insert(signal.id, held);
    }

    /// A confirmed one is bought (sold) at a price beyond its entry, from which its result is counted.
    pub(crate) fn filled(&mut self, signal: &Signal, fill: Price) {
        if let Some(held) = self.live.get_mut(&signal.id) {
            let beyond = (fill - signal.entry).times(signal.direction.sign());
            held.fill_r = beyond.to_f64() / signal.risk().to_f64();
        }
    }

    /// A verdict: what was not confirmed is not traded.
    pub(crate) fn decided(&mut self, signal: &Signal) {
        match signal.status {
            Status::Invalidated => {
                self.live.remove(&signal.id);
            }
            Status::Pending | Status::Confirmed => {}
        }
    }

    /// A step of a signal that is traded: less is at risk, or its result is known.
    pub(crate) fn follow(&mut self, outcome: &Outcome, limits: &Limits) {
        let Some(held) = self.live.get_mut(&outcome.id) else {
            return;
        };
        if outcome.last {
            let risk = held.risk;
            self.live.remove(&outcome.id);
            let realised = outcome.realised.unwrap_or_default().to_f64();
            return self.settle(outcome, risk, realised, limits);
        }
        match outcome.kind {
            OutcomeKind::Target(number) => {
                let part = held.parts.get(usize::from(number).wrapping_sub(1));
                let part = part.map_or(0, |part| u32::from(*part));
                held.left = held.left.saturating_sub(part);
            }
            OutcomeKind::StopMoved => held.stop_r = outcome.r.to_f64(),
            OutcomeKind::Stop | OutcomeKind::Timeout | OutcomeKind::Closed => {}
        }
    }

    /// Books a result.
    fn settle(&mut self, outcome: &Outcome, risk: f64, realised: f64, limits: &Limits) {
        self.equity = (self.equity + risk * realised).max(0.0);
        self.peak = self.peak.max(self.equity);
        self.count_loss(outcome, realised, limits);
        self.reducing |= self.is_half_way(limits);
        self.halt_if_lost(outcome.at, limits);
    }

    fn halt_if_lost(&mut self, at: Time, limits: &Limits) {
        if self.halted.is_none() && reaches(self.drawdown(), limits.max_drawdown_percent) {
            self.halted = Some(at);
        }
    }

    fn is_halted(&self, limits: &Limits) -> bool {
        limits.max_drawdown_percent > 0.0 && self.halted.is_some()
    }

    /// The limits are others: what was lost is judged by them.
    pub(crate) fn adopt(&mut self, at: Time, limits: &Limits) {
        self.until = BEGINNING;
        self.pass(at, limits);
        self.reducing = self.is_half_way(limits);
        self.halt_if_lost(at, limits);
    }

    /// Only a gain ends a row of losses.
    fn count_loss(&mut self, outcome: &Outcome, realised: f64, limits: &Limits) {
        if realised > 0.0 {
            self.losses.remove(&outcome.symbol);
        } else if realised < 0.0 {
            let none = Losses {
                count: 0,
                rests_until: Time::MIN,
            };
            let losses = self.losses.entry(outcome.symbol).or_insert(none);
            losses.count = losses.count.saturating_add(1);
            if losses.count >= limits.max_consecutive_losses {
                let rest = Span::from_hours(i64::from(limits.loss_pause_h));
                losses.rests_until = outcome.at + rest;
            }
        }
    }

    /// Half of a limit on losses is reached.
    fn is_half_way(&self, limits: &Limits) -> bool {
        reaches(self.day_loss(), limits.daily_loss_percent / 2.0)
            || reaches(self.drawdown(), limits.max_drawdown_percent / 2.0)
    }

    fn day_loss(&self) -> f64 {
        part_of(self.day_start - self.equity, self.day_start)
    }

    fn drawdown(&self) -> f64 {
        part_of(self.peak - self.equity, self.peak)
    }

    fn percent(&self, money: f64) -> f64 {
        part_of(money, self.equity)
    }

    fn open_risk(&self) -> f64 {
        // Not `sum`, which of nothing makes -0.
        self.live
            .values()
            .fold(0.0, |sum, held| sum + held.at_risk())
    }

    /// `sqrt(w' C w)` with the signed risk of each symbol, the candidate's among them.
    fn cluster_risk(&self, candidate: &Candidate, limits: &Limits) -> f64 {
        let mut risks: BTreeMap<Symbol, f64> = BTreeMap::new();
        let sign = |direction: Direction| direction.sign() as f64;
        let own = sign(candidate.direction) * candidate.risk;
        risks.insert(candidate.instrument.symbol, own);
        for held in self.live.values() {
            *risks.entry(held.symbol).or_default() += sign(held.direction) * held.at_risk();
        }
        let mut sum = 0.0;
        for (one, first) in &risks {
            for (other, second) in &risks {
                sum += first * second * self.correlations.between(*one, *other, limits);
            }
        }
        // Correlations of different spans and floors need not be those of one market: less than nothing is nothing.
        sum.max(0.0).sqrt()
    }

    pub(crate) fn standing(&self, limits: &Limits) -> Standing {
        let is_over = self.is_halted(limits) || reaches(self.day_loss(), limits.daily_loss_percent);
        let state = match (is_over, self.reducing) {
            (true, _) => RiskState::Halted,
            (false, true) => RiskState::Reducing,
            (false, false) => RiskState::Active,
        };
        Standing {
            state,
            live: self.live.len(),
            open_risk_percent: self.percent(self.open_risk()),
            day_loss_percent: self.day_loss(),
            drawdown_percent: self.drawdown(),
            equity: self.equity,
        }
    }

    /// The operator has said anew what is in the account: results count from there on, losses stay in their proportion.
    pub(crate) fn rebase(&mut self) {
        let scale = if self.equity > 0.0 {
            1.0 / self.equity
        } else {
            1.0
        };
        self.equity = 1.0;
        self.peak *= scale;
        self.day_start *= scale;
        for held in self.live.values_mut() {
            held.risk *= scale;
        }
    }

    /// Forgets the symbols that are gone.
    pub(crate) fn keep(&mut self, has: impl Fn(Symbol) -> bool) {
        self.losses.retain(|symbol, _| has(*symbol));
        self.correlations.keep(has);
    }
}

impl Held {
    /// What would be lost at the stop now.
    fn at_risk(&self) -> f64 {
        self.risk * f64::from(self.left) / 100.0 * (self.fill_r - self.stop_r).max(0.0)
    }
}

fn reaches(value: f64, limit: f64) -> bool {
    limit > 0.0 && value >= limit - HAIR
}

/// In percent; of nothing everything is lost.
fn part_of(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        part / whole * 100.0
    } else {
        100.0
    }
}
