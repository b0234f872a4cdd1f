//! No edge: confirmed signals reach their first target before their stop as often as a driftless walk would from where
//! they were confirmed. And the test can tell: it finds an edge that is planted.

use crate::instruments::{anchor_of, catalog};
use crate::trader::Trader;
use lab::market::{Planned, SimMarket};
use market::{InstrumentId, Price, SourceTime, Span, Status, Tick};

/// Instruments traded per seed, and for how long around the anchor.
const INSTRUMENTS: usize = 3;
const BEFORE: Span = Span::from_hours(1);
const AFTER: Span = Span::from_minutes(150);

/// Hits against their odds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    pub(crate) signals: u32,
    hits: u32,
    excess: f64,
    variance: f64,
}

impl Score {
    /// How many standard deviations there are more hits than a driftless walk would have.
    pub(crate) fn sigmas(&self) -> f64 {
        self.excess / self.variance.sqrt()
    }

    pub(crate) fn add(&mut self, odds: f64, hit: bool) {
        let hits = u32::from(hit);
        self.signals += 1;
        self.hits += hits;
        self.excess += f64::from(hits) - odds;
        self.variance += odds * (1.0 - odds);
    }
}

/// Trades `seeds` markets, each tick moved by `steer` first, and follows what was confirmed to its first outcome.
fn score(seeds: u64, mut steer: impl FnMut(&[Vec<Planned>], &mut Tick)) -> Score {
    let catalog = catalog(INSTRUMENTS);
    let mut score = Score::default();
    for seed in 0..seeds {
        let anchor = anchor_of(seed);
        let market = SimMarket::new(seed, anchor, &catalog, None);
        let (from, to) = (anchor - BEFORE, anchor + AFTER);
        let plans: Vec<Vec<Planned>> = (0..INSTRUMENTS as u16)
            .map(|place| market.plans(InstrumentId(place), from, to + Span::from_hours(9)))
            .collect();
        let mut trader = Trader::new(&catalog);
        for mut tick in market.ticks_from(from) {
            // Signals are counted up to a moment that has nothing to do with their luck, and all of those to their end.
            if tick.time >= to && !trader.is_waiting(to.as_stamp()) {
                break;
            }
            steer(&plans, &mut tick);
            trader.tick(tick);
        }
        let confirmed = trader.lives().into_iter().filter(|life| {
            let signal = &life.signal;
            let in_time = signal
                .decided_at
                .is_some_and(|decided| decided < to.as_stamp());
            signal.status == Status::Confirmed && in_time
        });
        for life in confirmed {
            score.add(life.odds(), life.hit.unwrap_or(false));
        }
    }
    eprintln!("{seeds} markets: {:.2} sigmas, {score:?}", score.sigmas());
    score
}

#[test]
fn a_thousand_markets_have_no_edge() {
    let score = score(1000, |_, _| {});
    assert!(score.signals > 6000, "{score:?}");
    assert!(score.sigmas().abs() <= 3.0, "{:.2}", score.sigmas());
}

#[test]
fn an_edge_that_is_planted_is_found() {
    // From a plan's trigger to its cycle's end the price drifts the plan's way, by one usual spread a minute.
    let drift = catalog(INSTRUMENTS)
        .instruments
        .iter()
        .map(|of| of.spread_default.to_f64())
        .collect::<Vec<_>>();
    let steer = |plans: &[Vec<Planned>], tick: &mut Tick| {
        let place = tick.instrument.index();
        let minutes: f64 = plans[place]
            .iter()
            .map(|plan| signed_minutes(plan, tick.time))
            .sum();
        let moved = Price::from_f64(minutes * drift[place]).unwrap();
        (tick.bid, tick.ask) = (tick.bid + moved, tick.ask + moved);
    };
    let score = score(150, steer);
    assert!(score.sigmas() > 3.0, "{:.2}", score.sigmas());
}

/// Minutes that a plan's free stretch has lasted at a moment, negative for a short plan.
fn signed_minutes(plan: &Planned, at: SourceTime) -> f64 {
    let lasted = (at.clamp(plan.trigger, plan.end) - plan.trigger).nanos() as f64 / 6e10;
    lasted * plan.direction.sign() as f64
}
