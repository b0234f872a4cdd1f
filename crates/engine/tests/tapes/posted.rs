//! Signals that somebody posts: what is taken, what is declined and why, and that they live like any other.

use crate::desk::settings;
use crate::driver::Driver;
use crate::scene::{CONFIRM, LONG, triggered};
use crate::tape::{Player, Show, play, shown};
use engine::{Output, Settings};
use expect_test::{Expect, expect};
use market::{Declined, Event, Price, Signal, Uuid};

/// A quote of EURUSD at 10:00:00: the mid is 1.08505.
const QUOTE: &str = "10:00:00 EURUSD 1.08500 1.08510\n";
/// A minute that closes above the entry.
const RISE: &str = "
    10:01:05 EURUSD 1.08505 1.08515
    10:01:50 EURUSD 1.08530 1.08540
    10:02:04 wake
";

fn check(tape: &str, expected: Expect) {
    check_with(settings(), tape, expected);
}

fn check_with(settings: Settings, tape: &str, expected: Expect) {
    expected.assert_eq(&play(settings, Show::Posted, tape));
}

/// What an alert that is told ten seconds after [`QUOTE`] is declined with.
fn declined(alert: &str) -> String {
    declined_with(settings(), alert)
}

fn declined_with(settings: Settings, alert: &str) -> String {
    let said = play(
        settings,
        Show::Posted,
        &format!("{QUOTE}10:00:10 post EURUSD {alert}"),
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    said.trim().split_once(": ").unwrap().1.to_owned()
}

fn signals(driver: &Driver) -> Vec<Signal> {
    let signal = |output: &Output| match output {
        Output::Signal(signal) => Some((**signal).clone()),
        Output::Outcome(_)
        | Output::Price(_)
        | Output::Shadow(_)
        | Output::Calibration(_)
        | Output::Answer(_) => None,
    };
    driver
        .said
        .iter()
        .filter_map(|(_, output)| signal(output))
        .collect()
}

fn driver(settings: Settings, tape: &str) -> Driver {
    crate::tape::driver(settings, tape)
}

#[test]
fn one_is_born_pending_confirmed_and_followed() {
    check(
        &format!(
            "{QUOTE}
            10:00:10 post EURUSD long 1 stop=1.08300 targets=1.08700,1.08900 as=confirmed
            {RISE}
            10:03:00 EURUSD 1.08700 1.08710
            10:04:00 EURUSD 1.08900 1.08910"
        ),
        expect![[r#"
            10:00:10.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:50 1.08900:50 rr 1.93 p 0.51 london at 10:00:10.000
            10:00:10.000 answer 1: pending at 10:00:10.000
            10:02:03.000 EURUSD long confirmed
            10:03:00.000 EURUSD target 1 1.08700 0.95R
            10:03:00.000 EURUSD stop moved 1.08515 0.05R
            10:04:00.000 EURUSD target 2 1.08900 1.93R last, 1.27R in all
        "#]],
    );
}

#[test]
fn its_text_numbers_and_times_are_the_senders() {
    let tape = format!(
        "{QUOTE}10:00:10 post EURUSD short 2 entry=1.08520 stop=1.08700 targets=1.08400,1.08300,1.08100 at=09:58 p=0.7 note=why"
    );
    let signal = signals(&driver(settings(), &tape)).remove(0);
    assert_eq!(signal.id, Uuid::from_u128(2));
    assert_eq!(signal.reason, "why");
    assert_eq!(signal.setup, "bot");
    assert_eq!(signal.entry_time.to_string(), "2026-07-06T09:58:00.000Z");
    let said = signal.evidence.source_confidence.unwrap();
    assert_eq!(said.to_string(), "0.7");
    // 180 points to the stop and 120 to the first target: his record is empty.
    assert_eq!(signal.confidence.to_string(), "0.6");
    assert_eq!(signal.rr_target.to_string(), "2.33");
    assert_eq!(
        signal
            .targets
            .iter()
            .map(|one| one.percent)
            .collect::<Vec<_>>(),
        [34, 33, 33]
    );
    assert!(!signal.simulated);
}

#[test]
fn a_simulated_feed_is_named_in_signal_and_reason() {
    let mut simulated = settings();
    simulated.catalog.sources[0].simulated = true;
    let tape = format!("{QUOTE}10:00:10 post EURUSD long 1 stop=1.083 targets=1.087");
    let signal = signals(&driver(simulated, &tape)).remove(0);
    assert!(signal.simulated);
    assert_eq!(signal.reason, "because (SIMULATED)");
}

#[test]
fn the_stop_the_first_target_and_the_deadline_end_it() {
    let alert = format!("{QUOTE}10:00:10 post EURUSD long 1 stop=1.08300 targets=1.08700");
    let end = |tape: &str| {
        let said = play(settings(), Show::Signals, &format!("{alert}\n{tape}"));
        said.lines().nth(1).unwrap_or_default().to_owned()
    };
    for (tape, expected) in [
        (
            "10:00:20 EURUSD 1.08300 1.08310",
            "10:00:20.000 EURUSD long invalidated stop",
        ),
        (
            "10:00:20 EURUSD 1.08700 1.08710",
            "10:00:20.000 EURUSD long invalidated missed",
        ),
        (
            "10:06 wake",
            "10:04:55.000 EURUSD long invalidated stale_feed",
        ),
        (
            "10:04:50 life live\n10:06 wake",
            "10:04:55.000 EURUSD long invalidated timeout",
        ),
        (
            "10:00:20 down\n10:20 start",
            "10:20:00.000 EURUSD long invalidated restart",
        ),
    ] {
        assert_eq!(end(tape), expected);
    }
}

#[test]
fn an_entry_away_from_the_market_waits_until_it_trades() {
    // The minute 10:01 closes beyond the entry, but the ask was never at it.
    let alert =
        format!("{QUOTE}10:00:10 post EURUSD long 1 entry=1.08450 stop=1.08300 targets=1.08700");
    let said = play(settings(), Show::Signals, &format!("{alert}\n{RISE}"));
    assert_eq!(said.lines().count(), 1, "{said}");
    let dip = "10:00:30 EURUSD 1.08440 1.08450\n";
    let said = play(settings(), Show::Signals, &format!("{alert}\n{dip}{RISE}"));
    assert!(
        said.ends_with("10:02:03.000 EURUSD long confirmed\n"),
        "{said}"
    );
}

#[test]
fn it_works_where_no_setups_run() {
    let mut off = settings();
    off.catalog.instruments[0].signals = false;
    let alert = "10:00:10 post EURUSD long 1 stop=1.08300 targets=1.08700";
    let said = play(off.clone(), Show::Signals, &format!("{QUOTE}{alert}{RISE}"));
    assert!(said.contains("long confirmed"), "{said}");
    assert_eq!(
        declined_with(off, "long 1 targets=1.08700"),
        "EURUSD has no average true range yet, from which a stop could be planned: give stop_loss"
    );
}

#[test]
fn a_structure_that_turns_contradicts_it() {
    // The same minutes that contradict ORION's own long contradict a posted one.
    let tape = "
        11:00:00 EURUSD 1.08595 1.08605
        11:01:10 EURUSD 1.08620 1.08630
        11:02:10 EURUSD 1.08540 1.08550
        11:03:10 EURUSD 1.08600 1.08610
        11:04:10 EURUSD 1.08640 1.08650
        11:04:20 post EURUSD long 1 entry=1.08500 stop=1.08300 targets=1.08900
        11:05:30 EURUSD 1.08560 1.08570
        11:06:30 EURUSD 1.08620 1.08630
        11:07:30 EURUSD 1.08530 1.08540
        11:08:04 EURUSD 1.08530 1.08540";
    let said = play(settings(), Show::Signals, tape);
    assert!(
        said.ends_with("11:08:03.000 EURUSD long invalidated structure\n"),
        "{said}"
    );
}

#[test]
fn missing_levels_are_planned() {
    let tape = format!("{LONG}11:00:10 EURUSD 1.08600 1.08610\n");
    check(
        &format!(
            "{tape}
            11:00:11 post EURUSD long 1
            11:00:12 post EURUSD short 2
            11:00:13 post EURUSD long 3 stop=1.08305
            11:00:14 post EURUSD long 4 targets=1.09000"
        ),
        expect![[r#"
            11:00:11.000 EURUSD long pending 1.08605 stop 1.08480 targets 1.08730:30 1.08855:40 1.08980:30r rr 3.00 p 0.52 ny_am at 11:00:11.000
            11:00:11.000 answer 1: pending at 11:00:11.000 planned
            11:00:12.000 EURUSD short pending 1.08605 stop 1.08730 targets 1.08480:30 1.08355:40 1.08230:30r rr 3.00 p 0.52 ny_am at 11:00:12.000
            11:00:12.000 answer 2: pending at 11:00:12.000 planned
            11:00:13.000 EURUSD long pending 1.08605 stop 1.08305 targets 1.08905:30 1.09205:40 1.09505:30r rr 3.00 p 0.51 ny_am at 11:00:13.000
            11:00:13.000 answer 3: pending at 11:00:13.000 planned
            11:00:14.000 EURUSD long pending 1.08605 stop 1.08480 targets 1.09000:100 rr 3.16 p 0.25 ny_am at 11:00:14.000
            11:00:14.000 answer 4: pending at 11:00:14.000 planned
        "#]],
    );
    // Without warm charts the stop cannot be planned, the targets can.
    check(
        &format!("{QUOTE}10:00:10 post EURUSD long 1 stop=1.08305\n10:00:11 post EURUSD long 2"),
        expect![[r#"
            10:00:10.000 EURUSD long pending 1.08505 stop 1.08305 targets 1.08705:30 1.08905:40 1.09105:30r rr 3.00 p 0.5 london at 10:00:10.000
            10:00:10.000 answer 1: pending at 10:00:10.000 planned
            10:00:11.000 answer 2: EURUSD has no average true range yet, from which a stop could be planned: give stop_loss
        "#]],
    );
}

#[test]
fn a_planned_stop_is_never_closer_than_the_least_risk() {
    let mut narrow = settings();
    narrow.rules.posted_stop_atr = 0.0;
    let tape = format!("{LONG}11:00:10 EURUSD 1.08600 1.08610\n11:00:11 post EURUSD long 1");
    let signal = signals(&driver(narrow, &tape)).remove(0);
    // Five spreads of one pip.
    assert_eq!(signal.risk(), Price::parse("0.0005").unwrap());
}

#[test]
fn levels_are_rounded_to_the_side_that_promises_less() {
    let levels = |alert: &str| {
        let tape = format!("{QUOTE}10:00:10 post EURUSD {alert}");
        let signal = signals(&driver(settings(), &tape)).remove(0);
        format!(
            "{} {} {}",
            signal.entry, signal.stop, signal.targets[0].price
        )
    };
    assert_eq!(
        levels("long 1 entry=1.084501 stop=1.083009 targets=1.087009"),
        "1.08451 1.083 1.087"
    );
    assert_eq!(
        levels("short 1 entry=1.085509 stop=1.087001 targets=1.083001"),
        "1.0855 1.08701 1.08301"
    );
    // The price now is half a tick beyond one: to the nearest.
    let tape =
        "10:00:00 EURUSD 1.08500 1.08509\n10:00:10 post EURUSD long 1 stop=1.083 targets=1.087";
    let signal = signals(&driver(settings(), tape)).remove(0);
    assert_eq!(signal.entry.to_string(), "1.08505");
}

#[test]
fn a_level_on_the_wrong_side_is_named() {
    for (alert, expected) in [
        (
            "long 1 stop=1.08600 targets=1.08700",
            "`stop_loss`: 1.086 is not below the entry 1.08505, where the stop of a long lies",
        ),
        (
            "short 1 stop=1.08400 targets=1.08300",
            "`stop_loss`: 1.084 is not above the entry 1.08505, where the stop of a short lies",
        ),
        (
            "long 1 entry=1.08600 stop=1.08600 targets=1.08700",
            "`stop_loss`: 1.086 is not below the entry 1.086, where the stop of a long lies",
        ),
        (
            "long 1 stop=1.08480 targets=1.08700",
            "`stop_loss`: 1.0848 is 0.00025 from the entry 1.08505, and the least is 0.0005 now",
        ),
        (
            "long 1 stop=0.97000 targets=1.08700",
            "`stop_loss`: 0.97 is more than 10 % away from the entry 1.08505",
        ),
        (
            "long 1 entry=1.09000 stop=1.08600 targets=1.09700",
            "`stop_loss`: 1.086 has traded already: the price is 1.085 now",
        ),
        (
            "short 1 entry=1.07900 stop=1.08510 targets=1.07700",
            "`stop_loss`: 1.0851 has traded already: the price is 1.0851 now",
        ),
        (
            "long 1 stop=1.083 targets=1.08400",
            "`take_profits`: 1.084 are not all above the entry 1.08505, where the targets of a long lie, each further \
             than the one before",
        ),
        (
            "short 1 stop=1.087 targets=1.08300,1.08400",
            "`take_profits`: 1.083, 1.084 are not all below the entry 1.08505, where the targets of a short lie, each \
             further than the one before",
        ),
        (
            "long 1 stop=1.083 targets=1.086,1.087,1.088,1.089,1.090",
            "`take_profits`: 5 targets with 100 percent together; it takes one to four with 100",
        ),
        (
            "long 1 entry=1.08200 stop=1.08000 targets=1.08450",
            "`take_profits`: the first, 1.0845, has traded already: the price is 1.085 now",
        ),
        (
            "long 1 entry=1.08200 stop=1.08000 targets=1.08500",
            "`take_profits`: the first, 1.085, has traded already: the price is 1.085 now",
        ),
        (
            "long 1 entry=1.10700 stop=1.083 targets=1.187",
            "`entry_price`: 1.107 is more than 2 % away from the price now, 1.08505",
        ),
        (
            "short 1 entry=0.00000 stop=1.083 targets=0.9",
            "`entry_price`: 0 is more than 2 % away from the price now, 1.08505",
        ),
        (
            "long 1 stop=1.083 targets=9000000000",
            "`take_profits`: the last one is too far away",
        ),
    ] {
        assert_eq!(declined(alert), expected, "{alert}");
    }
    // One tick inside each bound it is taken.
    for alert in [
        "long 1 stop=1.08455 targets=1.08700",
        "long 1 entry=1.09000 stop=1.08499 targets=1.09700",
        "long 1 entry=1.08200 stop=1.08000 targets=1.08501",
        "long 1 stop=1.083 targets=1.08506,1.08507",
        "long 1 entry=1.10675 stop=1.083 targets=1.187",
        "long 1 stop=0.97655 targets=1.08700",
    ] {
        let tape = format!("{QUOTE}10:00:10 post EURUSD {alert}");
        let said = play(settings(), Show::Posted, &tape);
        assert!(said.contains("answer 1: pending"), "{alert}: {said}");
    }
}

#[test]
fn percentages_make_a_whole() {
    let player = Player::new(Driver::new(settings()));
    for (percents, fits) in [([60, 40], true), ([60, 41], false), ([100, 0], false)] {
        let mut alert = player.alert(
            "EURUSD",
            "long",
            "1",
            &["stop=1.083", "targets=1.087,1.088"],
        );
        for (target, percent) in alert.targets.iter_mut().zip(percents) {
            target.percent = percent;
        }
        let mut driver = driver(settings(), QUOTE);
        let at = driver.engine.now();
        driver.handle(at, Event::Alert(Box::new(alert)));
        assert_eq!(signals(&driver).len(), usize::from(fits), "{percents:?}");
    }
}

#[test]
fn the_market_must_be_open_and_its_price_fresh() {
    let alert = "post EURUSD long 1 stop=1.08300 targets=1.08700";
    check(
        &format!("10:00:00 XAUUSD 1300.10 1300.40\n10:00:10 {alert}"),
        expect![[r#"
            10:00:10.000 answer 1: there is no price of EURUSD yet: no source that is running has told one
        "#]],
    );
    // 30 s of silence are stale, a sign of life is enough.
    check(
        &format!("{QUOTE}10:00:30 {alert}"),
        expect![[r#"
        10:00:30.000 answer 1: the price of EURUSD is stale: the last one came 30 s ago
    "#]],
    );
    check(
        &format!("{QUOTE}10:00:29 life live\n10:00:50 {alert}"),
        expect![[r#"
            10:00:50.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:100 rr 0.95 p 0.51 london at 10:00:50.000
            10:00:50.000 answer 1: pending at 10:00:50.000
        "#]],
    );
    check(
        &format!("day 2026-07-10\n20:59:50 EURUSD 1.08500 1.08510\n21:00:05 {alert}"),
        expect![[r#"
            21:00:05.000 answer 1: the market of EURUSD is closed
        "#]],
    );
    let mut always = settings();
    always.catalog.sources[0].always_open = true;
    check_with(
        always,
        &format!("day 2026-07-11\n12:00:00 EURUSD 1.08500 1.08510\n12:00:05 {alert}"),
        expect![[r#"
            12:00:05.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:100 rr 0.95 p 0.51 ny_am at 12:00:05.000
            12:00:05.000 answer 1: pending at 12:00:05.000
        "#]],
    );
}

#[test]
fn the_same_again_is_answered_as_the_first_time() {
    let alert = "post EURUSD long 1 stop=1.08300 targets=1.08700";
    check(
        &format!("{QUOTE}10:00:10 {alert}\n10:00:11 {alert}{RISE}10:05:00 {alert}"),
        expect![[r#"
            10:00:10.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:100 rr 0.95 p 0.51 london at 10:00:10.000
            10:00:10.000 answer 1: pending at 10:00:10.000
            10:00:11.000 answer 1: pending at 10:00:10.000 again
            10:02:03.000 EURUSD long confirmed
            10:05:00.000 answer 1: pending at 10:00:10.000 again
        "#]],
    );
}

#[test]
fn the_sender_may_decide_what_is_pending() {
    let alert = "post EURUSD long 1 stop=1.08300 targets=1.08700";
    for status in ["confirmed", "invalidated"] {
        let verdict = format!("{alert} as={status}");
        let tape = format!(
            "{QUOTE}10:00:10 {alert}\n10:00:20 {verdict}\n10:00:30 {verdict}\n10:00:40 {alert}
            10:01:00 {alert} note=other\n10:02:00 EURUSD 1.08700 1.08710"
        );
        match status {
            "confirmed" => check(
                &tape,
                expect![[r#"
                    10:00:10.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:100 rr 0.95 p 0.51 london at 10:00:10.000
                    10:00:10.000 answer 1: pending at 10:00:10.000
                    10:00:20.000 EURUSD long confirmed
                    10:00:20.000 answer 1: confirmed at 10:00:20.000
                    10:00:30.000 answer 1: confirmed at 10:00:20.000 again
                    10:00:40.000 answer 1: pending at 10:00:10.000 again
                    10:01:00.000 answer 1: this id is known: it stands as confirmed, and what was sent now is neither the same again nor a verdict on a pending signal
                    10:02:00.000 EURUSD target 1 1.08700 0.95R last, 0.93R in all
                "#]],
            ),
            _ => check(
                &tape,
                expect![[r#"
                10:00:10.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:100 rr 0.95 p 0.51 london at 10:00:10.000
                10:00:10.000 answer 1: pending at 10:00:10.000
                10:00:20.000 EURUSD long invalidated sender
                10:00:20.000 answer 1: invalidated at 10:00:20.000
                10:00:30.000 answer 1: invalidated at 10:00:20.000 again
                10:00:40.000 answer 1: pending at 10:00:10.000 again
                10:01:00.000 answer 1: this id is known: it stands as invalidated, and what was sent now is neither the same again nor a verdict on a pending signal
            "#]],
            ),
        }
    }
}

#[test]
fn anything_else_under_a_known_id_is_declined() {
    let alert = "post EURUSD long 1 stop=1.08300 targets=1.08700";
    let known = "this id is known: it stands as pending, and what was sent now is neither the same again nor a verdict \
                 on a pending signal";
    for other in [
        "post EURUSD long 1 stop=1.08310 targets=1.08700",
        "post EURUSD long 1 stop=1.08300 targets=1.08700 by=eve",
        "post EURUSD long 1 stop=1.08300 targets=1.08700 by=eve as=invalidated",
        "post EURUSD short 1 stop=1.08700 targets=1.08300 as=invalidated",
        "post XAUUSD long 1 stop=1290 targets=1310 as=invalidated",
    ] {
        let tape =
            format!("{QUOTE}10:00:01 XAUUSD 1300.10 1300.40\n10:00:10 {alert}\n10:00:20 {other}");
        let said = play(settings(), Show::Posted, &tape);
        let last = said.lines().last().unwrap();
        assert_eq!(last, format!("10:00:20.000 answer 1: {known}"), "{other}");
    }
}

#[test]
fn an_id_of_one_of_orions_own_is_known_too() {
    let mut player = Player::new(Driver::new(settings()));
    player.play(&triggered());
    let id = signals(&player.driver)[0].id;
    player.play(&format!(
        "11:04:11 post EURUSD long {id} stop=1.08300 targets=1.08700 as=invalidated"
    ));
    player.play(CONFIRM);
    player.play(&format!(
        "11:06:10 post EURUSD long {id} stop=1.08300 targets=1.08700"
    ));
    let declined: Vec<_> = player
        .driver
        .said
        .iter()
        .filter_map(|(_, output)| match output {
            Output::Answer(answer) => Some(answer.result.clone().unwrap_err()),
            Output::Signal(_)
            | Output::Outcome(_)
            | Output::Price(_)
            | Output::Shadow(_)
            | Output::Calibration(_) => None,
        })
        .collect();
    let known = |status| Declined::Known { status };
    assert_eq!(
        declined,
        [
            known(market::Status::Pending),
            known(market::Status::Confirmed)
        ]
    );
    assert_eq!(signals(&player.driver).len(), 2);
}

#[test]
fn a_dry_run_is_judged_and_leaves_nothing() {
    let alert = "post EURUSD long 1 stop=1.08300 targets=1.08700";
    check(
        &format!(
            "{QUOTE}10:00:10 {alert} dry\n10:00:11 {alert}\n10:00:12 {alert} as=invalidated dry
            10:00:13 post EURUSD long 2 stop=1.08600 dry"
        ),
        expect![[r#"
            10:00:10.000 answer 1: pending at 10:00:10.000
            10:00:11.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:100 rr 0.95 p 0.51 london at 10:00:11.000
            10:00:11.000 answer 1: pending at 10:00:11.000
            10:00:12.000 answer 1: invalidated at 10:00:12.000
            10:00:13.000 answer 2: `stop_loss`: 1.086 is not below the entry 1.08505, where the stop of a long lies
        "#]],
    );
    let mut once = driver(settings(), QUOTE);
    let before = once.engine.snapshot();
    let player = Player::new(Driver::new(settings()));
    let alert = player.alert("EURUSD", "long", "1", &["stop=1.083", "dry"]);
    let at = once.engine.now();
    once.handle(at, Event::Alert(Box::new(alert)));
    assert_eq!(once.engine.snapshot(), before);
}

#[test]
fn each_sender_has_his_own_limits() {
    let mut limited = settings();
    limited.rules.posted_max_open = 2;
    limited.rules.posted_max_per_day = 3;
    let post = |time: &str, id: u32, sender: &str| {
        format!("{time} post EURUSD long {id} stop=1.08300 targets=1.08700 by={sender}\n")
    };
    let tape = [
        QUOTE.to_owned(),
        post("10:00:10", 1, "bob"),
        post("10:00:11", 2, "bob"),
        post("10:00:12", 3, "bob"),
        post("10:00:13", 4, "eve"),
        "10:00:14 EURUSD 1.08700 1.08710\n10:00:15 EURUSD 1.08500 1.08510\n".to_owned(),
        post("10:00:16", 3, "bob"),
        post("10:00:17", 5, "bob"),
        // A new trading day.
        "21:00:01 EURUSD 1.08500 1.08510\n".to_owned(),
        post("21:00:02", 5, "bob"),
    ]
    .concat();
    check_with(
        limited,
        &tape,
        expect![[r#"
        10:00:10.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:100 rr 0.95 p 0.51 london at 10:00:10.000
        10:00:10.000 answer 1: pending at 10:00:10.000
        10:00:11.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:100 rr 0.95 p 0.51 london at 10:00:11.000
        10:00:11.000 answer 2: pending at 10:00:11.000
        10:00:12.000 answer 3: bob has 2 signals open, which is the limit (`rules.posted_max_open`)
        10:00:13.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:100 rr 0.95 p 0.51 london at 10:00:13.000
        10:00:13.000 answer 4: pending at 10:00:13.000
        10:00:14.000 EURUSD long invalidated missed
        10:00:14.000 EURUSD long invalidated missed
        10:00:14.000 EURUSD long invalidated missed
        10:00:16.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:100 rr 0.95 p 0.51 london at 10:00:16.000
        10:00:16.000 answer 3: pending at 10:00:16.000
        10:00:17.000 answer 5: bob has 3 signals on this trading day, which is the limit (`rules.posted_max_per_day`)
        10:05:01.000 EURUSD long invalidated stale_feed
        21:00:02.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:100 rr 0.95 p 0.51 asia at 21:00:02.000
        21:00:02.000 answer 5: pending at 21:00:02.000
    "#]],
    );
}

#[test]
fn what_runs_is_open_until_it_ends() {
    let mut limited = settings();
    limited.rules.posted_max_open = 1;
    let first = "10:00:10 post EURUSD long 1 stop=1.08300 targets=1.08700";
    let second = "post EURUSD long 2 stop=1.08300 targets=1.08900";
    let tape = format!(
        "{QUOTE}{first}{RISE}10:02:10 {second}\n10:03:00 EURUSD 1.08700 1.08710\n10:03:10 {second}"
    );
    check_with(
        limited,
        &tape,
        expect![[r#"
            10:00:10.000 EURUSD long pending 1.08505 stop 1.08300 targets 1.08700:100 rr 0.95 p 0.51 london at 10:00:10.000
            10:00:10.000 answer 1: pending at 10:00:10.000
            10:02:03.000 EURUSD long confirmed
            10:02:10.000 answer 2: bob has 1 signals open, which is the limit (`rules.posted_max_open`)
            10:03:00.000 EURUSD target 1 1.08700 0.95R last, 0.78R in all
            10:03:10.000 EURUSD long pending 1.08705 stop 1.08300 targets 1.08900:100 rr 0.48 p 0.68 london at 10:03:10.000
            10:03:10.000 answer 2: pending at 10:03:10.000
        "#]],
    );
}

#[test]
fn what_the_sender_says_of_its_time_is_information() {
    let entry_time = |at: &str| {
        let tape = format!("{QUOTE}10:00:10 post EURUSD long 1 stop=1.083 targets=1.087 {at}");
        let signal = signals(&driver(settings(), &tape)).remove(0);
        signal.entry_time.to_string()[11..19].to_owned()
    };
    assert_eq!(entry_time(""), "10:00:10");
    assert_eq!(entry_time("at=09:00"), "09:00:00");
    assert_eq!(entry_time("at=10:30"), "10:00:10");
    // A late tick from before its birth is not judged, whatever time it states.
    for at in ["", "at=09:00", "at=11:00"] {
        let post = format!("10:00:10 post EURUSD long 1 stop=1.083 targets=1.087 {at}");
        let late = "10:00:11 EURUSD 1.08300 1.08310 @09:59:59";
        let said = play(settings(), Show::Signals, &format!("{QUOTE}{post}\n{late}"));
        assert_eq!(said.lines().count(), 1, "{said}");
        let next = "10:00:11 EURUSD 1.08300 1.08310 @10:00:00";
        let said = play(settings(), Show::Signals, &format!("{QUOTE}{post}\n{next}"));
        assert!(said.contains("invalidated stop"), "{said}");
        // The minute in which it was born confirms nothing, whatever time it states.
        let rise = "10:00:20 EURUSD 1.08530 1.08540\n10:01:04 wake\n10:01:30 EURUSD 1.085 1.0851";
        let said = play(settings(), Show::Signals, &format!("{QUOTE}{post}\n{rise}"));
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    // What runs is followed for its hours, not to the end of a week of long ago.
    let old = format!(
        "{QUOTE}10:00:10 post EURUSD long 1 stop=1.083 targets=1.087 at=2026-06-22T10:00:00Z{RISE}"
    );
    let driver = driver(settings(), &old);
    assert_eq!(driver.engine.open_signals(), (0, 1));
}

#[test]
fn posted_ones_do_not_hold_back_orions_own() {
    let own = play(settings(), Show::Signals, &triggered());
    let post = "11:03:10 post EURUSD long 1 stop=1.08300 targets=1.08900\n";
    let both = triggered().replace("11:04:10", &format!("{post}    11:04:10"));
    let mut strict = settings();
    strict.rules.symbol_cooldown_s = 900;
    strict.rules.max_signals_per_day = 1;
    let driver = driver(strict, &both);
    let said = shown(&driver, Show::Signals);
    assert!(said.ends_with(&own), "{said}");
    assert_eq!(driver.engine.counts().signals, 1);
    assert_eq!(driver.engine.counts().posted, 1);
}

#[test]
fn outcomes_of_posted_ones_are_not_in_the_record_of_the_setups() {
    let tape = format!(
        "{QUOTE}10:00:10 post EURUSD long 1 stop=1.08300 targets=1.08700{RISE}10:03:00 EURUSD 1.08700 1.08710"
    );
    let driver = driver(settings(), &tape);
    assert!(shown(&driver, Show::Signals).contains("target 1"));
    let counts = driver.engine.counts();
    assert_eq!((counts.signals, counts.resolved, counts.hits), (0, 0, 0));
    assert_eq!((counts.posted, counts.declined), (1, 0));
}
