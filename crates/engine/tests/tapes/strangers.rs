//! Paths on which sources change, are silent and tell of the past, and on which bots post: what holds for all of them.

use crate::driver::Driver;
use crate::moves::{Move, walk};
use crate::properties::{cases, check_often, check_told_again, paths, runner, starts, tally};
use crate::strange::any_event;
use engine::Output;
use market::{Event, Time};
use proptest::prelude::*;
use std::cell::RefCell;

#[test]
fn each_alert_has_one_answer_and_each_signal_one_verdict() {
    let tally = tally(cases(100_000, 5_000), any_event());
    let verdicts = [
        "confirmed",
        "missed",
        "restart",
        "sender",
        "stale_feed",
        "stop",
        "structure",
        "timeout",
    ];
    check_often(&tally, &verdicts, 50);
    let answers = [
        "answer pending",
        "answer confirmed",
        "answer invalidated",
        "answer dry pending",
        "answer repeated",
        "answer known",
        "answer `stop_loss`:",
        "answer `take_profits`:",
    ];
    check_often(&tally, &answers, 50);
}

#[test]
fn told_again_they_say_the_same_also_through_a_snapshot() {
    check_told_again(1_500, any_event());
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
    let posted = RefCell::new(0);
    let result = runner(3_000).run(&paths(lives), |(place, moves)| {
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

/// Prices, and what was said of ORION's own signals: all of it but what the portfolio, which is that of all signals, says
/// beside them.
fn native(said: &[(Time, Output)]) -> Vec<(Time, Output)> {
    let own = |output: &Output| match output {
        Output::Signal(signal) => signal.setup == "mss_fvg",
        // Ids of the moves' alerts are small numbers.
        Output::Outcome(outcome) => outcome.id.as_u128() > 100,
        Output::Shadow(shadow) => shadow.id.as_u128() > 100,
        Output::Calibration(one) => one.of == "mss_fvg",
        Output::Price(_) => true,
        Output::Answer(_) => false,
    };
    let bare = |(at, output): &(Time, Output)| match output {
        Output::Signal(signal) => {
            let mut signal = signal.clone();
            signal.evidence.risk_gate = None;
            (*at, Output::Signal(signal))
        }
        Output::Outcome(_)
        | Output::Price(_)
        | Output::Shadow(_)
        | Output::Calibration(_)
        | Output::Answer(_) => (*at, output.clone()),
    };
    let said = said.iter().filter(|(_, output)| own(output));
    said.map(bare).collect()
}
