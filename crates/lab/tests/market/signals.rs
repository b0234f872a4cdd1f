//! What the engine makes of the market: signals in time, and enough of them.

use crate::instruments::{anchor_of, catalog, monday};
use crate::trader::{Life, trade};
use lab::market::SimMarket;
use market::{InstrumentId, SourceTime, Span, Status};
use std::collections::BTreeMap;

/// The first minutes of a server that was started for the first time at `anchor`.
fn first_minutes(seed: u64, anchor: SourceTime, before: Span) -> (bool, bool) {
    let catalog = catalog(11);
    let market = SimMarket::new(seed, anchor, &catalog, None);
    let trader = trade(
        &market,
        &catalog,
        anchor - before,
        anchor + Span::from_minutes(5),
    );
    let born_and_decided = |life: &&Life| {
        let born = life.signal.created_at.as_source() - anchor;
        (Span::ZERO..Span::from_secs(60)).contains(&born)
            && life
                .seconds_to_verdict()
                .is_some_and(|seconds| seconds <= 180.0)
    };
    let lives = trader.lives();
    let newborn = lives.iter().any(born_and_decided);
    let welcome = lives.iter().any(|life| is_shown(life, anchor));
    (newborn, welcome)
}

/// Pending at a moment, running, or decided in the five minutes before.
fn is_shown(life: &Life, at: SourceTime) -> bool {
    let (at, recent) = (at.as_stamp(), (at - Span::from_minutes(5)).as_stamp());
    let signal = &life.signal;
    let fresh = signal.decided_at.is_none_or(|decided| decided > recent);
    let runs = signal.status == Status::Confirmed
        && life
            .first_outcome
            .as_ref()
            .is_none_or(|outcome| outcome.at > at);
    signal.created_at < at && (fresh || runs)
}

#[test]
fn a_newcomer_sees_signals_at_once_and_one_that_is_born_and_decided_before_his_eyes() {
    // As a first start has it: the default seed, a whole day before.
    assert_eq!(
        first_minutes(1, monday(), Span::from_hours(24)),
        (true, true)
    );
    let others: Vec<(bool, bool)> = (2..22)
        .map(|seed| first_minutes(seed, anchor_of(seed), Span::from_hours(3)))
        .collect();
    let count = |is: fn(&(bool, bool)) -> bool| others.iter().filter(|seen| is(seen)).count();
    assert!(count(|seen| seen.0) >= 19, "born and decided: {others:?}");
    assert!(count(|seen| seen.1) >= 19, "shown at once: {others:?}");
}

#[test]
fn the_default_seed_works_at_every_second_of_the_minute() {
    let seen = (0..60)
        .step_by(5)
        .map(|second| first_minutes(1, monday() + Span::from_secs(second), Span::from_hours(2)));
    let failed = seen.filter(|seen| !seen.0).count();
    assert!(failed <= 1, "{failed} of 12");
}

#[test]
fn somewhere_a_signal_is_born_every_few_minutes() {
    let catalog = catalog(7);
    let (mut gaps, mut plans, mut met, mut shares) = (Vec::new(), 0, 0, [0; 2]);
    let mut causes: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..12 {
        let anchor = anchor_of(seed);
        let market = SimMarket::new(seed, anchor, &catalog, None);
        let (from, to) = (anchor - Span::from_hours(1), anchor + Span::from_hours(6));
        let trader = trade(&market, &catalog, from, to);
        let lives = trader.lives();
        let births: Vec<SourceTime> = lives.iter().map(|life| life.signal.entry_time).collect();
        let after = births.partition_point(|birth| *birth < anchor);
        gaps.extend(
            births[after..]
                .windows(2)
                .map(|pair| (pair[1] - pair[0]).nanos()),
        );
        shares[0] += lives
            .iter()
            .filter(|life| life.signal.status == Status::Confirmed)
            .count();
        shares[1] += lives.len();
        for life in &lives {
            let verdict = life
                .signal
                .cause
                .map_or(life.signal.status.as_str(), |cause| cause.as_str());
            *causes.entry(verdict).or_insert(0) += 1;
        }
        for place in 0..7 {
            let symbol = catalog.instrument(InstrumentId(place)).symbol;
            let mine = market.plans(InstrumentId(place), anchor, to - Span::from_hours(1));
            for plan in mine.iter().filter(|plan| plan.complete) {
                plans += 1;
                met += u32::from(lives.iter().any(|life| {
                    let signal = &life.signal;
                    let meant = signal.symbol == symbol && signal.direction == plan.direction;
                    meant && (plan.peak..plan.end).contains(&signal.entry_time)
                }));
            }
        }
    }
    gaps.sort_unstable();
    let minutes = |place: usize| gaps[place] as f64 / 6e10;
    let (median, most) = (minutes(gaps.len() / 2), minutes(gaps.len() * 9 / 10));
    let (met, confirmed) = (
        f64::from(met) / f64::from(plans),
        shares[0] as f64 / shares[1] as f64,
    );
    eprintln!("a signal each {median:.2} min (median; nine of ten within {most:.2})");
    eprintln!(
        "of the complete plans {met:.3} became signals; of the signals {confirmed:.3} were confirmed"
    );
    eprintln!("verdicts: {causes:?}");
    assert!(median <= 4.0 && most <= 9.0);
    assert!(met > 0.75);
    assert!((0.35..0.7).contains(&confirmed));
}
