//! Recorded days of EURUSD and XAUUSD through the whole engine: found in `ORION_TEST_DATA` (default: a folder `shared`
//! beside the checkout), skipped by name where they are absent. What they prove, `properties.rs` proves on made-up paths.

use crate::desk::settings;
use crate::driver::Driver;
use crate::ledger::{self, Tally};
use crate::shared::shared;
use engine::{Engine, Output, Refusal, Rules, Settings};
use feeds::tape::{Recorded, Spec};
use market::{Event, Span, Status, Symbol, Time, Timeframe};
use std::collections::BTreeMap;
use std::sync::Arc;

const DAYS: [&str; 8] = ["01", "02", "04", "05", "06", "07", "08", "09"];

/// The ticks of some days of May 2014, both symbols as one stream; `None` where they are not recorded here.
fn ticks(days: &[&str]) -> Option<Vec<(Time, Event)>> {
    let mut specs = Vec::new();
    for day in days {
        for symbol in ["EURUSD", "XAUUSD"] {
            if symbol == "EURUSD" || *day > "02" {
                let file = format!("data/ticks/{symbol}_tick_oanda_201405{day}.zip");
                specs.push(Spec::new(shared(&file)?));
            }
        }
    }
    let tape = feeds::tape::open(&specs, &settings().catalog).unwrap();
    let event = |item: feeds::tape::Item| match item.event {
        Recorded::Tick(tick) => (item.time.as_stamp(), Event::Tick(tick)),
        Recorded::Bar(bar) => (item.time.as_stamp(), Event::Bar(bar)),
    };
    Some(tape.map(|item| event(item.unwrap())).collect())
}

/// ORION's own rules, over the two symbols.
fn own() -> Settings {
    Settings {
        rules: Rules::default(),
        ..settings()
    }
}

/// Setups on the minutes with every gate open: many signals a day.
fn busy() -> Settings {
    let rules = Rules {
        setup_tf: Timeframe::M1,
        min_risk_atr: 0.0,
        min_risk_spreads: 1.0,
        ..settings().rules
    };
    Settings {
        rules,
        ..settings()
    }
}

fn run(settings: Settings, ticks: &[(Time, Event)]) -> Driver {
    let mut driver = Driver::new(settings);
    for (at, event) in ticks {
        driver.tell(*at, event.clone());
    }
    driver
}

fn signals(driver: &Driver) -> Vec<&(Time, Output)> {
    let told = driver.said.iter();
    told.filter(|(_, output)| !matches!(output, Output::Price(_)))
        .collect()
}

/// Runs on until nothing is open, and checks all that was said.
fn check(driver: &mut Driver) -> Tally {
    while driver.engine.open_signals() != (0, 0) {
        let wake = driver.engine.wake_at().expect("something is open");
        driver.wake_until(wake + Span::from_nanos(1));
    }
    let mut tally = Tally::new();
    ledger::check(driver, &mut tally);
    tally
}

#[test]
fn the_first_minutes_of_a_day_say_what_the_whole_day_says() {
    let Some(ticks) = ticks(&["08"]) else {
        return;
    };
    let whole = run(busy(), &ticks);
    let expected = signals(&whole);
    assert!(expected.len() > 50, "{} signal events", expected.len());
    let begin = ticks[0].0;
    for minutes in (1..=1435).step_by(7) {
        let end = begin + Span::from_minutes(minutes);
        let first = &ticks[..ticks.partition_point(|(at, _)| *at < end)];
        let part = run(busy(), first);
        let said = signals(&part);
        assert_eq!(said, expected[..said.len()], "the first {minutes} minutes");
        let next = expected.get(said.len()).map_or(Time::MAX, |(at, _)| *at);
        let told = first.last().map_or(Time::MIN, |(at, _)| *at);
        assert!(
            next > told,
            "after {minutes} minutes one of {next} is missing"
        );
    }
}

#[test]
fn recorded_days_keep_the_books_and_say_the_same_again() {
    let Some(ticks) = ticks(&["05", "06"]) else {
        return;
    };
    let mut first = run(busy(), &ticks);
    // The second time another process takes over every 10,000 ticks.
    let mut second = Driver::on(Engine::new(Arc::new(busy())));
    for (place, (at, event)) in ticks.iter().enumerate() {
        if place % 10_000 == 0 {
            second.restart();
        }
        second.tell(*at, event.clone());
    }
    assert_eq!(first.said, second.said);
    assert_eq!(first.engine.snapshot(), second.engine.snapshot());
    let tally = check(&mut first);
    assert!(tally["confirmed"] > 3, "{tally:?}");
}

/// What ORION's own rules make of each recorded day, as a table (`--nocapture` shows it).
#[test]
fn signals_and_refusals_of_the_recorded_days() {
    let Some(ticks) = ticks(&DAYS) else {
        return;
    };
    for (name, settings) in [("own rules", own()), ("5m, all gates open", open())] {
        let mut driver = run(settings, &ticks);
        check(&mut driver);
        eprintln!("{name}, {} ticks:\n{}", ticks.len(), table(&driver));
        let refused =
            Refusal::ALL.map(|one| format!("{one} {}", driver.engine.counts().refused(one)));
        eprintln!("refused: {}", refused.join(", "));
        assert!(driver.engine.counts().signals > 0);
    }
}

/// ORION's own rules without killzones, cooldown and cap.
fn open() -> Settings {
    let rules = Rules {
        killzone_gate: false,
        symbol_cooldown_s: 0,
        max_signals_per_day: 0,
        ..Rules::default()
    };
    Settings {
        rules,
        ..settings()
    }
}

/// Signals by day and symbol, and what became of them.
fn table(driver: &Driver) -> String {
    let mut rows: BTreeMap<(String, Symbol), BTreeMap<&str, u32>> = BTreeMap::new();
    for (_, output) in &driver.said {
        if let Output::Signal(signal) = output {
            let day = signal.entry_time.to_string()[..10].to_owned();
            let verdict = signal
                .cause
                .map_or(signal.status.as_str(), |cause| cause.as_str());
            let row = rows.entry((day, signal.symbol)).or_default();
            *row.entry(verdict).or_default() += 1;
        }
    }
    let row = |((day, symbol), counts): (&(String, Symbol), &BTreeMap<&str, u32>)| {
        let pending = counts[Status::Pending.as_str()];
        let verdicts: Vec<String> = counts
            .iter()
            .filter(|(what, _)| **what != Status::Pending.as_str())
            .map(|(what, count)| format!("{what} {count}"))
            .collect();
        format!(
            "{day} {symbol}: {pending} signals: {}\n",
            verdicts.join(", ")
        )
    };
    rows.iter().map(row).collect()
}
