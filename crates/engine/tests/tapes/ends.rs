//! What is known of a position at its end, and of one that was never opened.

use crate::desk::settings;
use crate::driver::Driver;
use crate::scene::{BACK, CONFIRM, LONG, TRIGGER, triggered};
use crate::tape::{Player, clock};
use engine::{Output, Settings};
use expect_test::{Expect, expect};
use market::{Contract, Currency, Ended, Measure, Shadow, Timeframe};

fn play(settings: Settings, tape: &str) -> Driver {
    let mut player = Player::new(Driver::new(settings));
    player.play(tape);
    player.driver
}

fn show(end: &Ended) -> String {
    let Ended {
        fill,
        spread,
        best,
        worst,
        held,
        ..
    } = end;
    let flag = |on: bool, word: &'static str| if on { word } else { "" };
    let cost = end
        .cost
        .map_or("unknown".to_owned(), |cost| cost.to_string());
    format!(
        "{} fill {fill} spread {spread} best {best} worst {worst} cost {cost} held {} s{}{}{}",
        if end.hit { "hit" } else { "no hit" },
        held.millis() / 1000,
        flag(end.ambiguous, " ambiguous"),
        flag(end.coarse, " coarse"),
        end.bars.map_or(String::new(), |bars| format!(" by {bars}")),
    )
}

fn ends(driver: &Driver) -> String {
    let line = |(at, output): &(_, Output)| match output {
        Output::Outcome(outcome) => {
            let end = outcome.end?;
            let (at, kind) = (clock(market::Time::as_source(*at)), outcome.kind);
            Some(format!("{at} {kind}: {}\n", show(&end)))
        }
        Output::Shadow(shadow) => {
            let Shadow {
                cause,
                kind,
                realised,
                odds,
                end,
                ..
            } = &**shadow;
            let at = clock(shadow.at.as_source());
            let all = realised.map_or(String::new(), |all| format!(" {all}R"));
            let odds = odds.map_or(String::new(), |odds| format!(" of {odds}"));
            let end = end.map_or(String::new(), |end| format!(": {}", show(&end)));
            let cause = cause.as_str();
            let coarse = if shadow.coarse { " coarse" } else { "" };
            Some(format!(
                "{at} shadow of {cause}, {kind}{all}{odds}{coarse}{end}\n"
            ))
        }
        Output::Signal(_) | Output::Price(_) | Output::Calibration(_) | Output::Answer(_) => None,
    };
    driver.said.iter().filter_map(line).collect()
}

/// Confirmed at 11:06:03 with the ask at 1.08565; entry 1.08530, risk 0.00119.
fn check(tape: &str, expected: Expect) {
    let tape = format!("{}{CONFIRM}{tape}", triggered());
    expected.assert_eq(&ends(&play(settings(), &tape)));
}

#[test]
fn how_far_it_went_both_ways_is_counted_from_the_fill() {
    let tape = "
        11:07:00 EURUSD 1.08500 1.08510   # 65 points below the fill
        11:08:00 EURUSD 1.08628 1.08638   # 63 above it
        11:09:00 EURUSD 1.08540 1.08550
        11:10:00 EURUSD 1.08400 1.08410";
    check(
        tape,
        expect![[r#"
        11:10:00.000 stop: no hit fill 1.08565 spread 0.0001 best 0.529412 worst -1.386555 cost 0 held 237 s
    "#]],
    );
}

#[test]
fn nothing_beyond_the_last_target_is_its_own() {
    check(
        "11:07:00 EURUSD 1.08990 1.09000",
        expect![[r#"
        11:07:00.000 tp3: hit fill 1.08565 spread 0.0001 best 2.705882 worst -0.084034 cost 0 held 57 s
    "#]],
    );
}

#[test]
fn a_time_that_runs_out_ends_at_the_last_price() {
    check(
        "11:07:00 EURUSD 1.08600 1.08610\n19:10:00 EURUSD 1.08300 1.08310",
        expect![[r#"
            19:06:03.000 timeout: no hit fill 1.08565 spread 0.0001 best 0.294118 worst -0.084034 cost 0 held 28800 s
        "#]],
    );
}

#[test]
fn without_a_horizon_only_the_week_ends_it() {
    let mut settings = settings();
    settings.rules.outcome_horizon_h = 0;
    let tape = format!(
        "{}{CONFIRM}
        20:00:00 EURUSD 1.08600 1.08610
        day 2026-07-10
        20:59:59 EURUSD 1.08590 1.08600
        21:00:01 wake",
        triggered()
    );
    expect![[r#"
        21:00:00.000 timeout: no hit fill 1.08565 spread 0.0001 best 0.294118 worst -0.084034 cost 0 held 381237 s
    "#]].assert_eq(&ends(&play(settings, &tape)));
}

fn traded(change: impl Fn(&mut Settings)) -> String {
    let mut settings = settings();
    settings.catalog.instruments[0].contract = Some(Contract {
        size: 100_000.0,
        currency: Currency::USD,
        lot_step: Measure::new(0.01),
        min_lot: Measure::new(0.01),
        max_lot: Measure::new(100.0),
        margin_rate: 0.03,
    });
    change(&mut settings);
    let tape = format!("{}{CONFIRM}11:07:00 EURUSD 1.08990 1.09000", triggered());
    ends(&play(settings, &tape))
}

#[test]
fn costs_are_slippage_on_both_sides_and_the_commission() {
    let cost = |change: fn(&mut Settings)| {
        let told = traded(change);
        let (_, rest) = told.split_once("cost ").unwrap();
        rest.split(' ').next().unwrap().to_owned()
    };
    assert_eq!(cost(|_| {}), "0");
    // Two times 0.3 pips of a risk of 11.9 pips.
    assert_eq!(
        cost(|settings| settings.account.slippage_pips = 0.3),
        "0.05042"
    );
    assert_eq!(
        cost(|settings| {
            settings.account.slippage_pips = 9.0;
            settings.catalog.instruments[0].slippage_pips = Some(0.3);
        }),
        "0.05042"
    );
    // 7 dollars of the 119 that a lot risks.
    let commission = |settings: &mut Settings| settings.account.commission_round_turn = 7.0;
    assert_eq!(cost(commission), "0.058824");
    assert_eq!(
        cost(|settings| {
            settings.account.commission_round_turn = 7.0;
            settings.account.slippage_pips = 0.3;
        }),
        "0.109244"
    );
    // 7 pounds, which no price turns.
    let in_pounds = |settings: &mut Settings| {
        settings.account.commission_round_turn = 7.0;
        settings.account.currency = Currency::new("GBP").unwrap();
    };
    assert_eq!(cost(in_pounds), "unknown");
    assert_eq!(
        cost(|settings| {
            settings.account.commission_round_turn = 7.0;
            settings.catalog.instruments[0].contract = None;
        }),
        "unknown"
    );
}

#[test]
fn a_commission_in_another_currency_is_turned_by_the_price_of_then() {
    let mut settings = settings();
    settings.account.commission_round_turn = 7.0;
    settings.account.currency = Currency::new("GBP").unwrap();
    settings.catalog.instruments[0].contract = Some(Contract {
        size: 100_000.0,
        currency: Currency::USD,
        lot_step: Measure::new(0.01),
        min_lot: Measure::new(0.01),
        max_lot: Measure::new(100.0),
        margin_rate: 0.03,
    });
    let confirm = CONFIRM.replace("11:06:04", "11:06:00 GBPUSD 1.24995 1.25005\n11:06:04");
    let tape = format!("{}{confirm}11:07:00 EURUSD 1.08990 1.09000", triggered());
    // 7 GBP are 8.75 USD of the 119 that a lot risks.
    let told = ends(&play(settings, &tape));
    assert!(told.contains("cost 0.073529 "), "{told}");
}

/// What would have become of it, from its trigger on.
fn check_shadow(tape: &str, expected: Expect) {
    let tape = format!("{LONG}{BACK}{TRIGGER}{tape}");
    expected.assert_eq(&ends(&play(settings(), &tape)));
}

#[test]
fn a_verdict_by_the_stop_or_the_first_target_says_it_itself() {
    check_shadow(
        "11:04:20 EURUSD 1.08411 1.08421",
        expect![[r#"
        11:04:20.000 shadow of stop, stop
    "#]],
    );
    check_shadow(
        "11:04:20 EURUSD 1.08629 1.08639",
        expect![[r#"
        11:04:20.000 shadow of missed, tp1
    "#]],
    );
}

#[test]
fn another_verdict_opens_it_unseen() {
    // Nothing confirms it by 11:08:55; the bid is 1.08525 then, and 114 of 218 points from the stop.
    let tape = "
        11:06:00 EURUSD 1.08525 1.08535
        11:09:00 EURUSD 1.08500 1.08510
        11:20:00 EURUSD 1.08640 1.08650
        11:30:00 EURUSD 1.08541 1.08551
        11:40:00 EURUSD 1.08530 1.08540";
    check_shadow(
        tape,
        expect![[r#"
        11:40:00.000 shadow of stale_feed, stop 0.21R of 0.5229: hit fill 1.08535 spread 0.0001 best 0.882353 worst -0.294118 cost 0 held 1865 s
    "#]],
    );
}

#[test]
fn its_time_runs_out_too_and_wakes_the_engine() {
    let tape = "
        11:06:00 EURUSD 1.08525 1.08535
        11:09:00 EURUSD 1.08500 1.08510
        19:08:54 EURUSD 1.08510 1.08520
        19:09:00 wake";
    check_shadow(
        tape,
        expect![[r#"
        19:08:55.000 shadow of stale_feed, timeout -0.21R of 0.5229: no hit fill 1.08535 spread 0.0001 best 0 worst -0.294118 cost 0 held 28800 s
    "#]],
    );
}

#[test]
fn a_shadow_outlives_a_restart_and_counts_for_nothing() {
    let tape = format!("{LONG}{BACK}{TRIGGER}11:06:00 EURUSD 1.08525 1.08535\n11:09:00 wake\n");
    let end = "11:20:00 EURUSD 1.08411 1.08421\n";
    let whole = play(settings(), &format!("{tape}{end}"));
    let again = play(settings(), &format!("{tape}11:10:00 restart\n{end}"));
    assert_eq!(whole.said, again.said);
    assert!(
        ends(&whole).contains("shadow of stale_feed, stop -1.04R"),
        "{}",
        ends(&whole)
    );
    let counts = whole.engine.counts();
    assert_eq!((counts.resolved, counts.hits), (0, 0));
    assert_eq!(whole.engine.open_signals(), (0, 0));
}

/// The scene as recorded bars, and what comes then.
fn by_bars(timeframe: Timeframe, more: &[&str]) -> String {
    let mut settings = settings();
    settings.catalog.sources[0].heartbeats = false;
    settings.rules.setup_tf = timeframe;
    let driver = play(settings, &crate::coarse::bars(timeframe, more));
    ends(&driver)
}

#[test]
fn what_bars_judge_says_so() {
    // A minute that holds stop and target: the stop comes first, and nobody knows.
    let told = by_bars(
        Timeframe::M1,
        &["61 61 52 53", "53 57 52 56", "56 70 55 56", "56 90 40 60"],
    );
    expect![[r#"
        12:04:00.000 stop: hit fill 1.08565 spread 0.0001 best 1.092437 worst -0.210084 cost 0 held 120 s ambiguous by 1m
    "#]].assert_eq(&told);
    let told = by_bars(
        Timeframe::M1,
        &["61 61 52 53", "53 57 52 56", "56 90 40 60"],
    );
    expect![[r#"
        12:03:00.000 stop: no hit fill 1.08565 spread 0.0001 best 0 worst -1.294118 cost 0 held 60 s ambiguous by 1m
    "#]].assert_eq(&told);
    let told = by_bars(
        Timeframe::M1,
        &["61 61 52 53", "53 57 52 56", "56 61 40 60"],
    );
    expect![[r#"
        12:03:00.000 stop: no hit fill 1.08565 spread 0.0001 best 0 worst -1.294118 cost 0 held 60 s by 1m
    "#]].assert_eq(&told);
    let told = by_bars(
        Timeframe::H1,
        &["61 61 52 56", "56 57 50 56", "56 100 54 99"],
    );
    expect![[r#"
        15:00:00.000 tp3: hit fill 1.08565 spread 0.0001 best 2.705882 worst -0.588235 cost 0 held 7200 s coarse by 1h
    "#]].assert_eq(&told);
    let told = by_bars(Timeframe::H1, &["61 61 40 56"]);
    expect![[r#"
        13:00:00.000 shadow of stop, stop coarse
    "#]]
    .assert_eq(&told);
}
