//! One recording under several settings whose charts read the same: the first set reads them, piece by piece, and the others
//! take what it read. What a set comes to is what it comes to alone.

use super::run::run;
use super::watch::{Found, Period, Watch};
use engine::{Engine, Output, Settings};
use market::{Event, Time};
use std::convert::Infallible;
use std::sync::Arc;

/// Events of a piece: what all charts read of it is held, near the core while one set after the other takes it.
const PIECE: usize = 256;

/// Runs a recording under each of these settings, which have one [`Settings::readings_name`].
#[must_use]
pub fn together(sets: &[Arc<Settings>], events: &[(Time, Event)], period: Period) -> Vec<Found> {
    let found = shared(sets, events, period, |_, _, _| {});
    let found = found.into_iter().zip(sets);
    found
        .map(|(found, set)| found.unwrap_or_else(|| alone(set, events, period)))
        .collect()
}

/// The same, with what each says; `None` of a set that came to other bars than the first, and so has to run alone. Stamps
/// that were pushed apart by wakes of its own could do that; none is known that did.
pub(super) fn shared(
    sets: &[Arc<Settings>],
    events: &[(Time, Event)],
    period: Period,
    mut told: impl FnMut(usize, Time, &Output),
) -> Vec<Option<Found>> {
    let mut runs: Vec<Run> = sets.iter().map(|set| Run::new(set, period)).collect();
    let Some((first, others)) = runs.split_first_mut() else {
        return Vec::new();
    };
    for piece in within(events, first).chunks(PIECE) {
        if others.is_empty() {
            first.tell(piece, |at, output| told(0, at, output));
            continue;
        }
        first.engine.keep_readings();
        first.tell(piece, |at, output| told(0, at, output));
        let readings = Arc::new(first.engine.take_readings());
        for (place, other) in (1..).zip(&mut *others) {
            other.follow(&readings, piece, |at, output| told(place, at, output));
        }
    }
    runs.into_iter().map(Run::finish).collect()
}

fn alone(set: &Arc<Settings>, events: &[(Time, Event)], period: Period) -> Found {
    let mut run = Run::new(set, period);
    run.tell(events, |_, _| {});
    run.watch.finish(&run.engine)
}

/// What is told before the period ends.
fn within<'a>(events: &'a [(Time, Event)], run: &Run) -> &'a [(Time, Event)] {
    let is_over = |(_, event): &(Time, Event)| !run.watch.is_before_end(event);
    let end = events.iter().position(is_over);
    &events[..end.unwrap_or(events.len())]
}

/// A set that runs.
struct Run {
    engine: Engine,
    watch: Watch,
    parted: bool,
}

impl Run {
    fn new(set: &Arc<Settings>, period: Period) -> Self {
        Self {
            engine: Engine::new(Arc::clone(set)),
            watch: Watch::new(set, period, 0),
            parted: false,
        }
    }

    fn tell(&mut self, events: &[(Time, Event)], told: impl FnMut(Time, &Output)) {
        let events = events
            .iter()
            .map(|(at, event)| Ok::<_, Infallible>((*at, event)));
        let Ok(()) = run(&mut self.engine, events, &mut self.watch, told);
    }

    fn follow(
        &mut self,
        readings: &Arc<engine::Readings>,
        piece: &[(Time, Event)],
        told: impl FnMut(Time, &Output),
    ) {
        if self.parted {
            return;
        }
        self.engine.follow_readings(Arc::clone(readings));
        self.tell(piece, told);
        self.parted = self.engine.has_parted();
    }

    fn finish(self) -> Option<Found> {
        (!self.parted).then(|| self.watch.finish(&self.engine))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Recorded, recorded, settings};
    use super::*;
    use crate::market::random::Random;
    use engine::Rules;
    use market::{InstrumentId, Ohlc, QuoteBar, Span, Timeframe};
    use std::collections::BTreeMap;

    /// Rules that differ in what is traded, and by `structure` in what charts read.
    fn drawn(random: &mut Random, structure: u32) -> Arc<Settings> {
        let mut one_of = |values: &[f64]| values[random.whole(0, values.len() as i64 - 1) as usize];
        let mut settings = settings();
        settings.rules = Rules {
            min_rr: one_of(&[0.5, 1.0, 1.5]),
            stop_buffer_atr: one_of(&[0.0, 0.1, 0.3]),
            confirm_atr: one_of(&[0.0, 0.05, 0.2]),
            min_risk_atr: one_of(&[0.1, 0.5]),
            arm_max_bars: one_of(&[5.0, 20.0, 60.0]) as u32,
            outcome_horizon_h: one_of(&[1.0, 4.0]) as u32,
            confirm_timeout_s: one_of(&[60.0, 200.0, 285.0]) as u32,
            swing_left: 3 + structure,
            ..settings.rules
        };
        Arc::new(settings)
    }

    type Said = Vec<(Time, Output)>;

    fn said_alone(set: &Arc<Settings>, events: &[(Time, Event)], period: Period) -> (Found, Said) {
        let (mut run, mut said) = (Run::new(set, period), Vec::new());
        run.tell(events, |at, output| said.push((at, output.clone())));
        (run.watch.finish(&run.engine), said)
    }

    /// Each set says, and comes to, what it does alone, to the bit.
    fn check(sets: &[Arc<Settings>], events: &[(Time, Event)], period: Period) -> usize {
        let mut said: BTreeMap<usize, Said> = BTreeMap::new();
        let found = shared(sets, events, period, |place, at, output| {
            said.entry(place).or_default().push((at, output.clone()));
        });
        let mut trades = 0;
        for (place, (set, found)) in sets.iter().zip(found).enumerate() {
            let (expected, alone) = said_alone(set, events, period);
            assert_eq!(
                said.remove(&place).unwrap_or_default(),
                alone,
                "set {place}"
            );
            let found = found.expect("no set parts");
            assert_eq!(found.ended, expected.ended, "set {place}");
            assert_eq!(found.refused, expected.refused, "set {place}");
            assert_eq!(
                (found.born, found.running),
                (expected.born, expected.running)
            );
            trades += found.ended.len();
        }
        trades
    }

    /// Minutes of both sides, made of ticks; each seventh is absent, and an hour of one symbol.
    fn minutes(events: &Recorded) -> Recorded {
        let mut open: BTreeMap<InstrumentId, QuoteBar> = BTreeMap::new();
        let (mut minutes, mut count) = (Vec::new(), 0);
        for (_, event) in events {
            let Event::Tick(tick) = event else { continue };
            let open_time = tick.time.floor(Span::from_minutes(1));
            if let Some(bar) = open.get_mut(&tick.instrument)
                && bar.open_time == open_time
            {
                bar.bid.add(tick.bid);
                bar.ask.add(tick.ask);
                continue;
            }
            let new = QuoteBar {
                instrument: tick.instrument,
                timeframe: Timeframe::M1,
                open_time,
                bid: Ohlc::of(tick.bid),
                ask: Ohlc::of(tick.ask),
                volume: None,
            };
            if let Some(bar) = open.insert(tick.instrument, new) {
                count += 1;
                let is_absent = count % 7 == 0 || (600..780).contains(&count);
                if !is_absent || bar.instrument == InstrumentId(1) {
                    let end = bar.open_time + Span::from_minutes(1);
                    minutes.push((end.as_stamp(), Event::Bar(bar)));
                }
            }
        }
        minutes.sort_by_key(|(at, _)| *at);
        minutes
    }

    #[test]
    fn sets_that_share_what_charts_read_are_what_they_are_alone() {
        let mut random = Random::of([2, 3, 5]);
        let ticks = recorded(&settings(), 10);
        let bars = minutes(&recorded(&settings(), 40));
        for (structure, events) in [(0, &ticks), (2, &bars)] {
            let sets: Vec<_> = (0..6).map(|_| drawn(&mut random, structure)).collect();
            let name = sets[0].readings_name();
            assert!(sets.iter().all(|set| set.readings_name() == name));
            let trades = check(&sets, events, Period::ALL);
            assert!(trades > 60, "{trades}");
        }
    }

    #[test]
    fn a_period_is_the_same_for_all() {
        let mut random = Random::of([7, 11, 13]);
        let events = recorded(&settings(), 8);
        let (from, to) = (events[events.len() / 4].0, events[events.len() / 2].0);
        let period = Period {
            from: from.as_source(),
            to: to.as_source(),
        };
        let sets: Vec<_> = (0..3).map(|_| drawn(&mut random, 0)).collect();
        assert!(check(&sets, &events, period) > 3);
    }

    #[test]
    fn a_set_whose_charts_read_something_else_is_told_apart() {
        let events = recorded(&settings(), 3);
        let mut other = settings();
        other.rules.bar_grace_ms += 3_600_000;
        let sets = [Arc::new(settings()), Arc::new(other)];
        assert_ne!(sets[0].readings_name(), sets[1].readings_name());
        let parted = shared(&sets, &events, Period::ALL, |_, _, _| {});
        assert!(parted[0].is_some() && parted[1].is_none());
        // It is run by itself then.
        let found = together(&sets, &events, Period::ALL);
        let (expected, _) = said_alone(&sets[1], &events, Period::ALL);
        assert_eq!(found[1].ended, expected.ended);
    }
}
