//! Rules that only some symbols or timeframes have: two symbols of one source hear the same prices, and go by other rules.

use crate::desk::{rules, settings};
use crate::driver::Driver;
use crate::past::as_past;
use crate::scene::{BACK, CONFIRM, LONG, TRIGGER, later, triggered};
use crate::tape::{Player, Show, play};
use engine::rules::PlanStep;
use engine::{Output, RuleBook, Rules, Settings, SymbolRules};
use market::{Event, InstrumentId, Signal, SourceId, Symbol, Tick, Time, Timeframe};
use std::collections::BTreeMap;

/// EURUSD at its place, and GBPUSD of the same source.
const EURUSD: InstrumentId = InstrumentId(0);
const GBPUSD: InstrumentId = InstrumentId(2);

fn symbol(id: InstrumentId) -> Symbol {
    settings().catalog.instrument(id).symbol
}

fn with(own_rules: RuleBook) -> Settings {
    let mut settings = Settings {
        own_rules,
        ..settings()
    };
    settings.catalog.instruments[GBPUSD.index()].source = SourceId(0);
    settings
}

/// A book with rules of GBPUSD.
fn gbpusd(rules: Rules) -> RuleBook {
    of_gbpusd(rules, &[])
}

fn of_gbpusd(rules: Rules, charts: &[(Timeframe, Rules)]) -> RuleBook {
    let own = SymbolRules {
        rules,
        timeframe: charts.iter().cloned().collect(),
    };
    RuleBook {
        symbol: BTreeMap::from([(symbol(GBPUSD), own)]),
        ..RuleBook::default()
    }
}

fn of_timeframe(timeframe: Timeframe, rules: Rules) -> RuleBook {
    RuleBook {
        timeframe: BTreeMap::from([(timeframe, rules)]),
        ..RuleBook::default()
    }
}

fn changed(change: impl FnOnce(&mut Rules)) -> Rules {
    let mut rules = rules();
    change(&mut rules);
    rules
}

fn one_target() -> Vec<PlanStep> {
    let step = PlanStep {
        r: Some(2.0),
        percent: 100,
    };
    vec![step]
}

/// The ticks that bring a signal of EURUSD and its end, and the same of GBPUSD.
fn ticks() -> Vec<(Time, Event)> {
    let tape = format!("{}{CONFIRM}12:30:00 EURUSD 1.08955 1.08965", triggered());
    let told = crate::tape::driver(with(RuleBook::default()), &tape).told;
    let ticks = told.into_iter().filter_map(|told| {
        let Event::Tick(tick) = told.event else {
            return None;
        };
        Some((told.at, tick))
    });
    let both = ticks.flat_map(|(at, tick)| {
        let of = |instrument| {
            let tick = tick.clone();
            (at, Event::Tick(Tick { instrument, ..tick }))
        };
        [of(EURUSD), of(GBPUSD)]
    });
    both.collect()
}

fn run(own_rules: RuleBook) -> Driver {
    let mut driver = Driver::new(with(own_rules));
    for (at, event) in ticks() {
        driver.tell(at, event);
    }
    driver
}

/// What was said of a symbol, prices aside.
fn said(driver: &Driver, of: InstrumentId) -> Vec<(Time, Output)> {
    let is_its = |(_, output): &&(Time, Output)| match output {
        Output::Signal(signal) => signal.symbol == symbol(of),
        Output::Outcome(outcome) => outcome.symbol == symbol(of),
        Output::Price(_) | Output::Shadow(_) | Output::Calibration(_) | Output::Answer(_) => false,
    };
    driver.said.iter().filter(is_its).cloned().collect()
}

fn signals(driver: &Driver, of: InstrumentId) -> Vec<Signal> {
    let signal = |(_, output): (Time, Output)| match output {
        Output::Signal(signal) => Some(*signal),
        Output::Outcome(_)
        | Output::Price(_)
        | Output::Shadow(_)
        | Output::Calibration(_)
        | Output::Answer(_) => None,
    };
    said(driver, of).into_iter().filter_map(signal).collect()
}

/// A change of GBPUSD's rules, and what holds of its signals then.
type Case = (fn(&mut Rules), fn(&[Signal]) -> bool);

#[test]
fn a_symbol_goes_by_its_own_rules_and_no_other_symbol_does() {
    let plain = run(RuleBook::default());
    assert_eq!(signals(&plain, EURUSD).len(), 2, "pending and confirmed");
    assert_eq!(signals(&plain, GBPUSD).len(), 2, "pending and confirmed");
    let cases: [Case; 8] = [
        (|rules| rules.min_rr = 100.0, <[Signal]>::is_empty),
        (|rules| rules.max_risk_atr = 0.31, <[Signal]>::is_empty),
        (|rules| rules.setups.clear(), <[Signal]>::is_empty),
        (|rules| rules.swing_left = 4, <[Signal]>::is_empty),
        (|rules| rules.killzone_gate = true, |said| said.len() == 2),
        (
            |rules| rules.confirm_timeout_s = 60,
            |said| said[0].decide_by - said[0].created_at == market::Span::from_secs(60),
        ),
        (
            |rules| rules.tp_plan = one_target(),
            |said| said[0].targets.len() == 1,
        ),
        (
            |rules| rules.confirm_atr = 5.0,
            |said| said[1].status == market::Status::Invalidated,
        ),
    ];
    for (place, (change, holds)) in cases.into_iter().enumerate() {
        let own = run(gbpusd(changed(change)));
        assert_eq!(said(&own, EURUSD), said(&plain, EURUSD), "case {place}");
        let signals = signals(&own, GBPUSD);
        assert!(holds(&signals), "case {place}: {signals:?}");
    }
}

/// What GBPUSD says to a tape of EURUSD, by its own rules and by the general ones.
fn said_to(tape: &str, change: fn(&mut Rules)) -> [String; 2] {
    let tape = tape.replace("EURUSD", "GBPUSD");
    [gbpusd(changed(change)), RuleBook::default()]
        .map(|book| play(with(book), Show::Signals, &tape))
}

#[test]
fn gates_and_the_past_go_by_a_symbols_own_rules_too() {
    let evening = later(9, &triggered());
    let [own, general] = said_to(&evening, |rules| rules.killzone_gate = true);
    assert_eq!(own, "");
    assert!(general.contains("long pending"), "{general}");

    let past = as_past(LONG, "11:00:00");
    let tape = format!("{past}{BACK}{TRIGGER}").replace("11:00:00 EURUSD", "11:00:01 EURUSD");
    let [own, general] = said_to(&tape, |rules| rules.setups.clear());
    assert_eq!(own, "");
    assert!(general.contains("long pending"), "{general}");
}

#[test]
fn a_posted_signal_is_planned_by_its_symbols_rules() {
    let far = changed(|rules| rules.posted_stop_atr = 5.0);
    let mut player = Player::new(run(gbpusd(far)));
    player.play("12:30:01 post GBPUSD long 7\n12:30:01 post EURUSD long 8");
    let posted = [GBPUSD, EURUSD].map(|id| {
        let mut signals = signals(&player.driver, id);
        signals.pop().expect("it was taken")
    });
    let [far, near] = posted.map(|signal| {
        let hash = player.driver.engine.settings().hash_of(signal.symbol);
        assert_eq!(signal.evidence.config_hash, hash);
        (signal.entry - signal.stop).to_f64()
    });
    assert!((far / near - 5.0 / 1.5).abs() < 0.05, "{far} {near}");
}

#[test]
fn what_follows_a_confirmed_signal_is_by_its_symbols_rules() {
    let plain = run(RuleBook::default());
    for change in [
        (|rules: &mut Rules| rules.be_at_tp1 = false) as fn(&mut Rules),
        |rules| rules.outcome_horizon_h = 1,
    ] {
        let own = run(gbpusd(changed(change)));
        assert_eq!(said(&own, EURUSD), said(&plain, EURUSD));
        let outcomes = |driver: &Driver| {
            let mut told = said(driver, GBPUSD);
            told.retain(|(_, output)| matches!(output, Output::Outcome(_)));
            told
        };
        assert_ne!(outcomes(&own), outcomes(&plain));
    }
}

#[test]
fn the_setups_timeframe_decides_and_another_one_only_names_itself() {
    let plain = run(RuleBook::default());
    let other = changed(|rules| rules.swing_left = 4);
    let setups = run(of_timeframe(Timeframe::M5, other.clone()));
    assert!(signals(&setups, EURUSD).is_empty() && signals(&setups, GBPUSD).is_empty());

    let hours = run(of_timeframe(Timeframe::H4, other.clone()));
    let hash = hours.engine.settings().hash_of(symbol(EURUSD));
    let named = |mut signal: Signal| {
        signal.evidence.config_hash.clone_from(&hash);
        signal
    };
    let expected: Vec<_> = signals(&plain, EURUSD).into_iter().map(named).collect();
    assert_eq!(signals(&hours, EURUSD), expected);

    // The symbol's own stand before the timeframe's, and its chart's before both.
    let mut book = of_gbpusd(rules(), &[(Timeframe::H4, other.clone())]);
    book.timeframe.insert(Timeframe::M5, other.clone());
    let own = run(book);
    assert!(signals(&own, EURUSD).is_empty());
    assert_eq!(signals(&own, GBPUSD).len(), 2);
    let chart = run(of_gbpusd(rules(), &[(Timeframe::M5, other)]));
    // Setups judge by what their chart was read by.
    let setups = chart.engine.settings().rules_of(symbol(GBPUSD));
    assert_eq!(setups.swing_left, 4);
    assert!(signals(&chart, GBPUSD).is_empty());
    assert_eq!(said(&chart, EURUSD), said(&plain, EURUSD));
}

#[test]
fn a_hash_names_the_rules_of_a_symbol_and_its_charts() {
    let hashes = |book: RuleBook| {
        let settings = with(book);
        [EURUSD, GBPUSD].map(|id| settings.hash_of(symbol(id)))
    };
    let (general, other) = (rules().hash(), changed(|rules| rules.swing_left = 4));
    assert_eq!(hashes(RuleBook::default()), [&*general, &*general]);
    // What says the same as the general rules is no other rule.
    assert_eq!(hashes(gbpusd(rules())), [&*general, &*general]);

    let [eurusd, own] = hashes(gbpusd(other.clone()));
    assert_eq!(eurusd, general);
    let [eurusd, chart] = hashes(of_gbpusd(rules(), &[(Timeframe::H4, other.clone())]));
    assert_eq!(eurusd, general);
    let [every, same] = hashes(of_timeframe(Timeframe::H4, other.clone()));
    // The charts of GBPUSD are the same, whoever said so.
    assert_eq!([&every, &same], [&chart, &chart]);
    let [_, day] = hashes(of_gbpusd(rules(), &[(Timeframe::D1, other.clone())]));
    let mut known = vec![general, own.clone(), chart, day];
    // Its pairs go by the general rules.
    let mut settings = with(gbpusd(other));
    settings.rules.swing_left = 3;
    known.push(settings.hash_of(symbol(GBPUSD)));
    known.sort();
    known.dedup();
    assert_eq!(known.len(), 5, "{known:?}");

    let driver = run(gbpusd(changed(|rules| rules.confirm_timeout_s = 60)));
    for id in [EURUSD, GBPUSD] {
        let hash = driver.engine.settings().hash_of(symbol(id));
        let signals = signals(&driver, id);
        assert!(!signals.is_empty());
        assert!(signals.iter().all(|one| one.evidence.config_hash == hash));
    }
}

#[test]
fn a_restart_with_own_rules_says_the_same() {
    let book = || {
        let other = changed(|rules| rules.swing_left = 2);
        let mut own = of_gbpusd(
            changed(|rules| rules.tp_plan = one_target()),
            &[(Timeframe::M1, other.clone())],
        );
        own.timeframe.insert(Timeframe::M1, other);
        own
    };
    let whole = run(book());
    let mut restarted = Driver::new(with(book()));
    for (at, event) in ticks() {
        restarted.restart();
        restarted.tell(at, event);
    }
    assert!(!signals(&whole, GBPUSD).is_empty());
    assert_eq!(whole.said, restarted.said);
    assert_eq!(whole.engine.snapshot(), restarted.engine.snapshot());
}

#[test]
fn what_one_symbol_adopts_leaves_the_other_as_it_is() {
    let ticks = ticks();
    let middle = ticks.len() / 2;
    let mut driver = Driver::new(with(RuleBook::default()));
    for (place, (at, event)) in ticks.into_iter().enumerate() {
        if place == middle {
            driver.adopt(with(gbpusd(changed(|rules| rules.swing_left = 4))));
        }
        driver.tell(at, event);
    }
    let plain = run(RuleBook::default());
    assert_eq!(said(&driver, EURUSD), said(&plain, EURUSD));
    assert!(signals(&driver, GBPUSD).is_empty());
}
