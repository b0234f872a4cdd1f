//! A trader who writes down what the engine says of every signal.

use crate::instruments::rules;
use engine::{Engine, Output, PriceRules, Rules, Settings};
use lab::market::SimMarket;
use market::{
    Catalog, Direction, Event, Outcome, OutcomeKind, Price, Shadow, Signal, SourceTime, Status,
    Tick, Time, Uuid,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One signal's life.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) signal: Signal,
    /// The price a position could have been closed at when it was confirmed: bid for a long, ask for a short.
    pub(crate) exit_at_verdict: Price,
    /// Whether the first target traded before the stop, once one of them has.
    pub(crate) hit: Option<bool>,
    pub(crate) first_outcome: Option<Outcome>,
}

impl Life {
    pub(crate) fn seconds_to_verdict(&self) -> Option<f64> {
        let decided = self.signal.decided_at?;
        Some((decided - self.signal.created_at).nanos() as f64 / 1e9)
    }
    /// The odds of a driftless walk to reach the first target before the stop, at the confirmation.
    pub(crate) fn odds(&self) -> f64 {
        let [stop, first] = [self.signal.stop, self.signal.targets[0].price].map(Price::to_f64);
        // A tick may close the confirming bar and lie beyond the target at once.
        ((self.exit_at_verdict.to_f64() - stop) / (first - stop)).clamp(0.0, 1.0)
    }
}

/// Trades ticks and writes down every signal's life, in the order of their births.
pub(crate) struct Trader {
    engine: Engine,
    out: Vec<Output>,
    last: Vec<Option<Tick>>,
    catalog: Catalog,
    births: Vec<Uuid>,
    lives: BTreeMap<Uuid, Life>,
    shadows: Vec<Shadow>,
    /// Those that were not confirmed and whose shadow has not ended, by when they were decided.
    unseen: BTreeMap<Uuid, Time>,
}

impl Trader {
    pub(crate) fn new(catalog: &Catalog) -> Self {
        Self::under(catalog, rules())
    }

    pub(crate) fn under(catalog: &Catalog, rules: Rules) -> Self {
        let settings = Settings {
            market: "sim".to_owned(),
            catalog: catalog.clone(),
            rules,
            own_rules: engine::RuleBook::default(),
            prices: PriceRules::default(),
            account: engine::Account::default(),
            portfolio: engine::Limits::default(),
            news: engine::News::default(),
            features: engine::features::FeatureRules::default(),
        };
        Self {
            engine: Engine::new(Arc::new(settings)),
            out: Vec::new(),
            last: vec![None; catalog.instruments.len()],
            catalog: catalog.clone(),
            births: Vec::new(),
            lives: BTreeMap::new(),
            shadows: Vec::new(),
            unseen: BTreeMap::new(),
        }
    }

    /// Hands over a tick, and before it the wakes that are due. Source and server share a clock.
    pub(crate) fn tick(&mut self, tick: Tick) {
        let at = tick.time.as_stamp();
        while let Some(wake) = self.engine.wake_at().filter(|wake| *wake <= at) {
            self.engine.handle(wake, &Event::Wake, &mut self.out);
            self.note();
        }
        let place = tick.instrument.index();
        self.last[place] = Some(tick.clone());
        self.engine.handle(at, &Event::Tick(tick), &mut self.out);
        self.note();
    }

    /// Every signal's life so far, oldest first.
    pub(crate) fn lives(&self) -> Vec<&Life> {
        self.births.iter().map(|id| &self.lives[id]).collect()
    }

    /// What would have become of signals that were not confirmed, in the order of its end.
    pub(crate) fn shadows(&self) -> &[Shadow] {
        &self.shadows
    }

    /// Whether a signal confirmed before a moment still has both its first target and its stop before it.
    pub(crate) fn is_waiting(&self, before: Time) -> bool {
        let waits = |life: &Life| {
            let decided = life
                .signal
                .decided_at
                .is_some_and(|decided| decided < before);
            decided && life.signal.status == Status::Confirmed && life.first_outcome.is_none()
        };
        self.lives.values().any(waits) || self.unseen.values().any(|decided| *decided < before)
    }

    fn note(&mut self) {
        for output in self.out.drain(..) {
            match output {
                Output::Signal(signal) => {
                    let place = self.catalog.find(signal.symbol.as_str()).unwrap();
                    let last = self.last[place.index()].as_ref().unwrap();
                    let exit_at_verdict = match signal.direction {
                        Direction::Long => last.bid,
                        Direction::Short => last.ask,
                    };
                    match (signal.status, signal.decided_at) {
                        (Status::Pending, _) => self.births.push(signal.id),
                        (Status::Invalidated, Some(at)) => {
                            self.unseen.insert(signal.id, at);
                        }
                        (Status::Confirmed | Status::Invalidated, _) => {}
                    }
                    let life = Life {
                        exit_at_verdict,
                        hit: None,
                        first_outcome: None,
                        signal: *signal,
                    };
                    self.lives.insert(life.signal.id, life);
                }
                Output::Outcome(outcome) => {
                    let life = self.lives.get_mut(&outcome.id).unwrap();
                    if life.hit.is_none() {
                        life.hit = match outcome.kind {
                            OutcomeKind::Target(_) => Some(true),
                            OutcomeKind::Stop => Some(false),
                            OutcomeKind::StopMoved | OutcomeKind::Timeout | OutcomeKind::Closed => {
                                None
                            }
                        };
                        life.first_outcome = Some(*outcome);
                    }
                }
                Output::Shadow(shadow) => {
                    self.unseen.remove(&shadow.id);
                    self.shadows.push(*shadow);
                }
                Output::Price(_) | Output::Calibration(_) | Output::Answer(_) => {}
            }
        }
    }
}

/// Trades a market from one moment to another.
pub(crate) fn trade(
    market: &SimMarket,
    catalog: &Catalog,
    from: SourceTime,
    to: SourceTime,
) -> Trader {
    let mut trader = Trader::new(catalog);
    for tick in market.ticks_from(from).take_while(|tick| tick.time < to) {
        trader.tick(tick);
    }
    trader
}
