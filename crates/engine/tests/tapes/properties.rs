//! A hundred thousand paths through the life of a signal (fewer, unless `ORION_TEST_SLOW` asks for all), and markets made of random legs: what holds for all of them.

use crate::desk::{rules, settings};
use crate::driver::{Driver, Told};
use crate::ledger::{self, Tally};
use crate::mirror::{self, Reflected};
use crate::moves::{Move, Start, any_move, walk};
use engine::setup::SetupKind;
use engine::{Engine, Output, Rules, Settings};
use market::{Event, InstrumentId, Price, SourceTime, Span, Tick, Time, Timeframe};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The same cases on every run.
pub(crate) fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]))
}

/// As many cases as slow tests have, or the fewer of every day.
pub(crate) fn cases(slow: u32, usual: u32) -> u32 {
    match std::env::var_os("ORION_TEST_SLOW") {
        Some(_) => slow,
        None => usual,
    }
}

pub(crate) fn starts() -> Vec<(Start, Driver)> {
    let driven = |start: Start| (start, start.driver());
    Start::all().into_iter().map(driven).collect()
}

/// Paths of these moves, each from any start.
pub(crate) fn paths(
    moves: impl Strategy<Value = Move>,
) -> impl Strategy<Value = (usize, Vec<Move>)> {
    (0..Start::all().len(), prop::collection::vec(moves, 1..80))
}

/// On every path each signal has one verdict, in time, and whoever asks has one answer; how often each way was taken.
pub(crate) fn tally(cases: u32, moves: impl Strategy<Value = Move>) -> Tally {
    let starts = starts();
    let tally = RefCell::new(Tally::new());
    let result = runner(cases).run(&paths(moves), |(place, moves)| {
        let driver = walk(starts[place].1.clone(), &moves);
        ledger::check(&driver, &mut tally.borrow_mut());
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
    let tally = tally.into_inner();
    eprintln!("{cases} paths: {tally:?}");
    tally
}

/// Every one of these ways was taken more often than that.
pub(crate) fn check_often(tally: &Tally, ways: &[&str], often: usize) {
    for way in ways {
        let count = tally.get(*way).copied().unwrap_or_default();
        assert!(count > often, "{way}: {tally:?}");
    }
}

#[test]
fn every_path_brings_each_signal_one_verdict_in_time() {
    let tally = tally(cases(100_000, 5_000), any_move());
    let verdicts = [
        "confirmed",
        "missed",
        "restart",
        "stale_feed",
        "stop",
        "structure",
        "timeout",
    ];
    check_often(&tally, &verdicts, 100);
    let outcomes = ["Target(1)", "Target(2)", "Target(3)", "Stop", "Timeout"];
    check_often(&tally, &outcomes, 100);
}

/// A path that is told again says the same, also when the engine was put away at any point of it.
pub(crate) fn check_told_again(cases: u32, moves: impl Strategy<Value = Move>) {
    let starts = starts();
    let cut_paths = (paths(moves), any::<Index>());
    let result = runner(cases).run(&cut_paths, |((place, moves), cut)| {
        let (start, begun) = starts[place].clone();
        let driver = walk(begun, &moves);
        let settings = Arc::new(start.settings());
        let cut = cut.index(driver.told.len());
        let (before, after) = driver.told.split_at(cut);
        let (engine, mut said) = replay(Engine::new(Arc::clone(&settings)), before);
        // Nothing that was said before the cut depends on what came after it.
        let so_far = driver
            .told
            .get(cut)
            .map_or(driver.said.len(), |next| next.said);
        prop_assert_eq!(&said[..], &driver.said[..so_far]);
        let snapshot = engine.snapshot();
        let restored = Engine::restore(settings, &snapshot).unwrap();
        prop_assert_eq!(restored.snapshot(), snapshot);
        let (engine, rest) = replay(restored, after);
        said.extend(rest);
        prop_assert_eq!(said, driver.said);
        prop_assert_eq!(engine.snapshot(), driver.engine.snapshot());
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

#[test]
fn a_path_told_again_says_the_same_also_through_a_snapshot() {
    check_told_again(2_000, any_move());
}

#[test]
fn in_a_mirror_long_is_short_and_nothing_else_changes() {
    let starts = starts();
    let result = runner(2_000).run(&paths(any_move()), |(place, moves)| {
        let (start, begun) = starts[place].clone();
        let driver = walk(begun, &moves);
        assert_mirrored(start.settings(), &driver);
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

#[test]
fn markets_of_random_legs_hold_the_same() {
    let (mut tally, mut setups) = (Tally::new(), BTreeMap::new());
    for seed in 0..60 {
        let driver = legs(seed);
        ledger::check(&driver, &mut tally);
        for (_, output) in &driver.said {
            if let Output::Signal(signal) = output {
                *setups.entry(signal.setup.clone()).or_insert(0) += 1;
            }
        }
        assert_mirrored(fast(), &driver);
        let mut second = Driver::on(Engine::new(Arc::new(fast())));
        for (place, Told { at, event, .. }) in driver.told.iter().enumerate() {
            if place % 100 == 0 {
                second.restart();
            }
            second.handle(*at, event.clone());
        }
        assert_eq!(second.said, driver.said, "seed {seed}");
    }
    eprintln!("60 markets of random legs: {tally:?}, {setups:?}");
    assert!(tally.values().sum::<usize>() > 200, "{tally:?}");
    let often = |setup: &SetupKind| setups.get(setup.as_str()).is_some_and(|count| *count > 10);
    assert!(SetupKind::ALL.iter().all(often), "{setups:?}");
}

pub(crate) fn replay(mut engine: Engine, told: &[Told]) -> (Engine, Vec<(Time, Output)>) {
    let (mut said, mut out) = (Vec::new(), Vec::new());
    for Told { at, event, .. } in told {
        engine.handle(*at, event, &mut out);
        said.extend(out.drain(..).map(|output| (*at, output)));
    }
    (engine, said)
}

fn assert_mirrored(settings: Settings, driver: &Driver) {
    let reflect = |told: &Told| Told {
        event: mirror::event(&told.event),
        ..told.clone()
    };
    let told: Vec<Told> = driver.told.iter().map(reflect).collect();
    let (_, said) = replay(Engine::new(Arc::new(settings)), &told);
    let (here, there) = (
        mirror::lines(&driver.said, Reflected::No),
        mirror::lines(&said, Reflected::Yes),
    );
    for (here, there) in here.iter().zip(&there) {
        assert_eq!(here, there);
    }
    assert_eq!(here.len(), there.len());
}

/// All setups, on the minutes, so that a morning brings many, with every gate in use.
pub(crate) fn fast() -> Settings {
    let rules = Rules {
        setup_tf: Timeframe::M1,
        htf: Timeframe::M5,
        major_left: 4,
        major_right: 4,
        setups: SetupKind::ALL.to_vec(),
        smt_corr_win: 20,
        killzone_gate: true,
        symbol_cooldown_s: 600,
        max_signals_per_day: 12,
        ..rules()
    };
    Settings {
        rules,
        ..settings()
    }
}

/// Six hours of zigzag: legs of random length and speed that often end just beyond an earlier extreme.
pub(crate) fn legs(seed: u64) -> Driver {
    let mut driver = Driver::new(fast());
    let mut random = Random(seed);
    let (mut at, mut mid) = (
        SourceTime::parse("2026-07-06T08:00:00Z").unwrap(),
        108_500_i64,
    );
    let mut extremes = vec![mid];
    let (mut sign, mut apart) = (1, 0);
    for _ in 0..240 {
        let old = extremes[random.below(extremes.len() as u64) as usize];
        let target = match random.below(3) {
            0 => old + sign * random.below(12) as i64,
            _ => mid + sign * (20 + random.below(160) as i64),
        };
        let steps = 3 + random.below(20) as i64;
        let from = mid;
        for step in 1..=steps {
            at = at + Span::from_millis(500 + random.below(9_000) as i64);
            mid = from + (target - from) * step / steps + random.below(5) as i64 - 2;
            apart += random.below(9) as i64 - 4;
            // EURUSD and GBPUSD, which goes with it but not always as far.
            for (instrument, mid) in [(InstrumentId(0), mid), (InstrumentId(2), mid + apart)] {
                let price = |points: i64| Price::from_units(points * 10_000);
                let tick = Tick {
                    instrument,
                    bid: price(mid - 2),
                    ask: price(mid + 2),
                    volume: None,
                    time: at,
                    received: None,
                };
                driver.tell(at.as_stamp(), Event::Tick(tick));
            }
        }
        extremes.push(mid);
        extremes.drain(..extremes.len().saturating_sub(6));
        sign = -sign;
    }
    walk(driver, &[] as &[Move])
}

/// Steele, Lea, Flood: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}
