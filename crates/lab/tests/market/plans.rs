//! The plans: the shapes that setups look for are really there, by checks of our own over one-minute bars; and what
//! follows them is chance alone.

use crate::instruments::{anchor_of, catalog};
use lab::market::{Planned, SimMarket};
use market::{Direction, InstrumentId, Ohlc, Price, SourceTime, Span};

const MINUTE: Span = Span::from_minutes(1);

/// The middle's one-minute bars of the only instrument, mirrored for a short plan so that all checks read as for a long.
fn bars(market: &SimMarket, plan: &Planned) -> Vec<Ohlc> {
    let ticks = market.ticks_from(plan.begin - Span::from_minutes(20));
    let mut bars: Vec<(SourceTime, Ohlc)> = Vec::new();
    for tick in ticks.take_while(|tick| tick.time < plan.peak) {
        let open = tick.time.floor(MINUTE);
        let middle = match plan.direction {
            Direction::Long => tick.mid(),
            Direction::Short => -tick.mid(),
        };
        match bars.last_mut() {
            Some((last, bar)) if *last == open => bar.add(middle),
            _ => bars.push((open, Ohlc::of(middle))),
        }
    }
    bars.into_iter().map(|(_, bar)| bar).collect()
}

/// The newest bar, before the last `skip`, that is lower (or higher) than five to each side.
fn swing(bars: &[Ohlc], skip: usize, beyond: impl Fn(&Ohlc, &Ohlc) -> bool) -> Option<usize> {
    (5..bars.len() - skip.max(5)).rev().find(|&at| {
        let around = bars[at - 5..at].iter().chain(&bars[at + 1..=at + 5]);
        around.into_iter().all(|other| beyond(&bars[at], other))
    })
}

/// What of the setup's shape is there at a plan's peak: pool, sweep that closes back, swing high, displacement through it,
/// and the gap.
fn shape(bars: &[Ohlc]) -> [bool; 5] {
    let last = bars.len() - 1;
    let (sweep, displacing) = (&bars[last - 2], &bars[last]);
    let pool = swing(bars, 8, |a, b| a.low < b.low);
    let high = swing(bars, 5, |a, b| a.high > b.high);
    let swept = |at: usize| {
        let level = bars[at].low;
        bars[last - 4..=last - 2]
            .iter()
            .any(|bar| bar.low < level && bar.close > level)
    };
    let ranges = bars[last - 14..last]
        .iter()
        .map(|bar| (bar.high - bar.low).to_f64());
    let usual = ranges.sum::<f64>() / 14.0;
    let body = (displacing.close - displacing.open).to_f64();
    let gap = (displacing.low - sweep.high).to_f64();
    [
        pool.is_some(),
        pool.is_some_and(swept),
        high.is_some(),
        high.is_some_and(|at| displacing.close > bars[at].high) && body >= 1.2 * usual,
        gap >= 0.15 * usual,
    ]
}

/// Plans of many seeds, one market of one instrument each.
fn plans(seeds: u64, hours: i64) -> Vec<(SimMarket, Planned)> {
    let catalog = catalog(1);
    let of = |seed| {
        let anchor = anchor_of(seed);
        let market = SimMarket::new(seed, anchor, &catalog, None);
        let from = anchor - Span::from_hours(20);
        let plans = market.plans(InstrumentId(0), from, from + Span::from_hours(hours));
        plans.into_iter().map(move |plan| (market.clone(), plan))
    };
    (0..seeds).flat_map(of).collect()
}

#[test]
fn a_complete_plan_has_the_shape_of_the_setup() {
    let mut found = [0; 5];
    let plans = plans(40, 4);
    let complete: Vec<_> = plans.iter().filter(|(_, plan)| plan.complete).collect();
    for (market, plan) in &complete {
        for (count, there) in found.iter_mut().zip(shape(&bars(market, plan))) {
            *count += u32::from(there);
        }
    }
    let share = found.map(|count| f64::from(count) / complete.len() as f64);
    assert!(complete.len() > 300, "{} plans", complete.len());
    for (share, part) in share
        .iter()
        .zip(["pool", "sweep", "swing high", "displacement", "gap"])
    {
        assert!(
            *share > 0.95,
            "{part} in {share:.3} of the plans: {found:?}"
        );
    }
}

#[test]
fn some_plans_fail_and_the_coin_is_fair() {
    let plans = plans(200, 20);
    let n = plans.len() as f64;
    let share =
        |is: fn(&Planned) -> bool| plans.iter().filter(|(_, plan)| is(plan)).count() as f64 / n;
    assert!(n > 9000.0, "{n} plans");
    let long = share(|plan| plan.direction == Direction::Long);
    assert!((long - 0.5).abs() < 3.0 * 0.5 / n.sqrt(), "{long} long");
    let complete = share(|plan| plan.complete);
    assert!((0.85..0.89).contains(&complete), "{complete} complete");
}

#[test]
fn cycles_follow_each_other_without_a_gap() {
    let market = SimMarket::new(9, anchor_of(9), &catalog(7), None);
    for place in 0..7 {
        let plans = market.plans(
            InstrumentId(place),
            anchor_of(9) - Span::from_hours(20),
            anchor_of(9) + Span::from_hours(48),
        );
        assert!(plans.len() > 140, "{}", plans.len());
        for pair in plans.windows(2) {
            assert_eq!(pair[0].end, pair[1].begin);
            assert!(pair[0].begin < pair[0].peak && pair[0].peak < pair[0].trigger);
            assert!(pair[0].trigger + Span::from_minutes(2) <= pair[0].end);
        }
    }
    assert_eq!(
        market.plans(InstrumentId(99), anchor_of(9), anchor_of(9)),
        []
    );
}

/// The way of the price from the trigger on: to the cycle's end in units of the spread, towards the plan's direction.
fn free_moves(plans: &[(SimMarket, Planned)], until: impl Fn(&Planned) -> SourceTime) -> Vec<f64> {
    let spread = catalog(1).instruments[0].spread_default.to_f64();
    let middle_at = |market: &SimMarket, moment| {
        let next = market.ticks_from(moment).next().unwrap();
        next.mid()
    };
    let moved = |(market, plan): &(SimMarket, Planned)| -> f64 {
        let way: Price = middle_at(market, until(plan)) - middle_at(market, plan.trigger);
        way.times(plan.direction.sign()).to_f64() / spread
    };
    plans.iter().map(moved).collect()
}

#[test]
fn from_the_trigger_on_the_price_is_driftless() {
    let plans = plans(300, 3);
    // Just before the end: the next plan's first tick may lie a second into it.
    let early = Span::from_secs(6);
    for (name, moves) in [
        (
            "in a minute",
            free_moves(&plans, |plan| plan.trigger + MINUTE),
        ),
        ("to the end", free_moves(&plans, |plan| plan.end - early)),
    ] {
        let n = moves.len() as f64;
        let mean = moves.iter().sum::<f64>() / n;
        let deviation = (moves.iter().map(|way| way * way).sum::<f64>() / n).sqrt();
        assert!(
            mean.abs() < 3.0 * deviation / n.sqrt(),
            "{name}: {mean} of {deviation}"
        );
        assert!(deviation > 3.0, "{name}: lively, {deviation}");
    }
}
