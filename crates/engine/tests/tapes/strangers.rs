//! Paths on which sources change, are silent and tell of the past, and on which bots post: what holds for all of them.

use crate::driver::Driver;
use crate::ledger::{self, Tally};
use crate::moves::{Move, walk};
use crate::properties::{replay, runner, starts};
use crate::strange::any_event;
use engine::{Engine, Output};
use market::{Event, Time};
use proptest::prelude::*;
use proptest::sample::Index;
use std::cell::RefCell;
use std::sync::Arc;

#[test]
fn each_alert_has_one_answer_and_each_signal_one_verdict() {
    let starts = starts();
    let tally = RefCell::new(Tally::new());
    let paths = (0..starts.len(), prop::collection::vec(any_event(), 1..80));
    let result = runner(6_000).run(&paths, |(place, moves)| {
        let driver = walk(starts[place].1.clone(), &moves);
        ledger::check(&driver, &mut tally.borrow_mut());
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
    let tally = tally.into_inner();
    eprintln!("6,000 paths with strangers: {tally:?}");
    let ways = [
        "confirmed",
        "missed",
        "restart",
        "sender",
        "stale_feed",
        "stop",
        "structure",
        "timeout",
        "answer pending",
        "answer confirmed",
        "answer invalidated",
        "answer dry pending",
        "answer repeated",
        "answer known",
        "answer `stop_loss`:",
        "answer `take_profits`:",
    ];
    for way in ways {
        assert!(
            tally.get(way).is_some_and(|count| *count > 50),
            "{way}: {tally:?}"
        );
    }
}

#[test]
fn told_again_they_say_the_same_also_through_a_snapshot() {
    let starts = starts();
    let paths = (
        0..starts.len(),
        prop::collection::vec(any_event(), 1..80),
        any::<Index>(),
    );
    let result = runner(1_500).run(&paths, |(place, moves, cut)| {
        let (start, begun) = starts[place].clone();
        let driver = walk(begun, &moves);
        let settings = Arc::new(start.settings());
        let cut = cut.index(driver.told.len());
        let (before, after) = driver.told.split_at(cut);
        let (engine, mut said) = replay(Engine::new(settings.clone()), before);
        // Nothing that was said before the cut depends on what came after it.
        let so_far = driver
            .told
            .get(cut)
            .map_or(driver.said.len(), |next| next.said);
        prop_assert_eq!(&said[..], &driver.said[..so_far]);
        let restored = Engine::restore(settings, &engine.snapshot()).unwrap();
        let (engine, rest) = replay(restored, after);
        said.extend(rest);
        prop_assert_eq!(said, driver.said);
        prop_assert_eq!(engine.snapshot(), driver.engine.snapshot());
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

#[test]
fn what_is_posted_changes_nothing_of_orions_own() {
    let starts = starts();
    let lives = any_event().prop_filter("processes go on", |one| {
        !matches!(
            one,
            Move::Kill { .. } | Move::Restart | Move::AtDeadline { .. }
        )
    });
    let paths = (0..starts.len(), prop::collection::vec(lives, 1..80));
    let posted = RefCell::new(0);
    let result = runner(3_000).run(&paths, |(place, moves)| {
        let (start, begun) = starts[place].clone();
        let driver = walk(begun, &moves);
        let mut without = Driver::new(start.settings());
        for told in &driver.told {
            if matches!(told.event, Event::Alert(_)) {
                *posted.borrow_mut() += 1;
            } else if told.event != Event::Wake {
                without.tell(told.at, told.event.clone());
            }
        }
        // A posted one may run longer than what came before.
        let end = driver.engine.now();
        without.wake_until(end);
        if driver
            .told
            .last()
            .is_some_and(|last| last.event == Event::Wake)
        {
            without.handle(end, Event::Wake);
        }
        let (with, without) = (native(&driver.said), native(&without.said));
        for (with, without) in with.iter().zip(&without) {
            prop_assert_eq!(with, without);
        }
        prop_assert_eq!(with.len(), without.len());
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
    assert!(posted.into_inner() > 5_000);
}

/// Prices, and what was said of ORION's own signals.
fn native(said: &[(Time, Output)]) -> Vec<&(Time, Output)> {
    let own = |output: &Output| match output {
        Output::Signal(signal) => signal.setup == "mss_fvg",
        // Ids of the moves' alerts are small numbers.
        Output::Outcome(outcome) => outcome.id.as_u128() > 100,
        Output::Price(_) => true,
        Output::Answer(_) => false,
    };
    said.iter().filter(|(_, output)| own(output)).collect()
}
