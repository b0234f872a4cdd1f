//! The limits of the portfolio as signals tell them: one that speaks against a signal is told with it, or keeps it back.

use crate::desk::{rules, settings};
use crate::driver::Driver;
use crate::scene::{BACK, CONFIRM, LONG, TRIGGER, later, triggered};
use crate::tape::{Show, driver, play, shown};
use engine::{Account, Gate, Limits, News, Output, Refusal, Release, RiskState, Settings};
use expect_test::{Expect, expect};
use market::{Contract, Currency, Measure, Signal, SourceTime, Time};

/// Two quotes, and two signals of a bot: the second is one too many where one may live.
const TWO: &str = "
    10:00:00 EURUSD 1.08500 1.08510
    10:00:10 post EURUSD long 1 stop=1.08305 targets=1.08700,1.08900
    10:00:20 post EURUSD short 2 stop=1.08705 targets=1.08300,1.08100
";

/// Confirmed at 11:06:03 and stopped a minute later, at -1.29 R from the price of then.
fn lost() -> String {
    format!("{}{CONFIRM}11:07:00 EURUSD 1.08411 1.08421\n", triggered())
}

fn limited(change: impl FnOnce(&mut Limits)) -> Settings {
    let mut settings = settings();
    settings.account.risk_percent = 1.0;
    change(&mut settings.portfolio);
    settings
}

fn signals(driver: &Driver) -> Vec<&Signal> {
    let said = driver.said.iter();
    said.filter_map(|(_, output)| match output {
        Output::Signal(signal) => Some(&**signal),
        Output::Outcome(_)
        | Output::Price(_)
        | Output::Shadow(_)
        | Output::Calibration(_)
        | Output::Answer(_) => None,
    })
    .collect()
}

/// What speaks against each signal, as it was born.
fn gates(driver: &Driver) -> Vec<String> {
    let born = signals(driver).into_iter();
    let born = born.filter(|signal| signal.decided_at.is_none());
    born.map(|signal| match &signal.evidence.risk_gate {
        Some(gate) => format!("{} {} of {}", gate.name, gate.value, gate.limit),
        None => "tradable".to_owned(),
    })
    .collect()
}

fn check(settings: Settings, tape: &str, expected: &[&str]) -> Driver {
    let driver = driver(settings, tape);
    assert_eq!(gates(&driver), expected);
    driver
}

#[test]
fn a_limit_that_speaks_against_a_signal_is_told_with_it_and_changes_nothing_else() {
    let one = limited(|limits| limits.max_live_signals = 1);
    let told = ["tradable", "max_live_signals 2 of 1"];
    let driver = check(one, TWO, &told);
    let none = limited(|limits| limits.max_live_signals = 0);
    let free = check(none, TWO, &["tradable", "tradable"]);
    assert_eq!(driver.engine.counts().gated(Gate::LiveSignals), 1);
    assert_eq!(driver.engine.standing().live, 1);
    assert_eq!(free.engine.standing().live, 2);
    assert_eq!(shown(&driver, Show::Signals), shown(&free, Show::Signals));
}

#[test]
fn where_limits_block_a_posted_signal_is_declined_and_an_own_one_refused() {
    let block = |limits: &mut Limits| {
        limits.max_live_signals = 1;
        limits.block = true;
    };
    let said = play(limited(block), Show::Posted, TWO);
    let declined = "a limit of the portfolio speaks against it (`portfolio.max_live_signals` is 1, and it would be 2)";
    assert!(said.contains(declined), "{said}");
    // The bot's signal of 11:03 holds ORION's own of 11:04:10 back.
    let bot = "11:03:04 post EURUSD short 1 stop=1.08805 targets=1.08300,1.08100\n";
    let tape = format!("{LONG}{BACK}{bot}{TRIGGER}");
    let driver = check(limited(block), &tape, &["tradable"]);
    assert_eq!(driver.engine.counts().refused(Refusal::Portfolio), 1);
    assert_eq!(driver.engine.counts().gated(Gate::LiveSignals), 1);
}

#[test]
fn a_verdict_makes_room_again() {
    let one = limited(|limits| limits.max_live_signals = 1);
    let tape = format!("{}{}", triggered(), later(3, &triggered()));
    check(one, &tape, &["tradable"; 3]);
}

#[test]
fn a_lost_signal_is_lost_equity_and_the_day_knows_it() {
    let daily = |limits: &mut Limits| limits.daily_loss_percent = 1.2;
    let tape = format!("{}{}", lost(), later(3, &triggered()));
    // 1 % of 1.29 R is 1.29 %.
    let driver = check(
        limited(daily),
        &tape,
        &["tradable", "daily_loss_percent 1.29 of 1.2"],
    );
    assert_eq!(driver.engine.standing().state, RiskState::Halted);
    let half = |limits: &mut Limits| limits.daily_loss_percent = 2.0;
    let driver = check(limited(half), &tape, &["tradable", "tradable"]);
    let standing = driver.engine.standing();
    assert_eq!(standing.state, RiskState::Reducing);
    assert!((standing.equity - 0.9871).abs() < 1e-9);
    // Half of 1 % of the equity is at risk.
    assert!((standing.open_risk_percent - 0.5).abs() < 1e-9);
    // The next day begins anew.
    let tomorrow = format!("{}day 2026-07-07\n{}", lost(), triggered());
    let driver = check(limited(daily), &tomorrow, &["tradable", "tradable"]);
    assert_eq!(driver.engine.standing().state, RiskState::Active);
}

#[test]
fn whatever_is_heard_first_after_the_roll_begins_the_day() {
    let state_at = |time: &str| {
        let daily = limited(|limits| limits.daily_loss_percent = 1.2);
        let tape = format!("{}{time} EURUSD 1.08411 1.08421\n", lost());
        driver(daily, &tape).engine.standing().state
    };
    // 17:00 in New York.
    assert_eq!(state_at("20:59:59"), RiskState::Halted);
    assert_eq!(state_at("21:00:00"), RiskState::Active);
}

#[test]
fn a_halt_outlives_restarts_until_a_person_resumes() {
    let drawdown = |limits: &mut Limits| limits.max_drawdown_percent = 1.2;
    let told = ["tradable", "max_drawdown_percent 1.29 of 1.2"];
    let again = later(3, &triggered());
    let tape = format!("{}13:00:00 restart\n{again}", lost());
    check(limited(drawdown), &tape, &told);
    // A day alone does not end it.
    let tomorrow = format!("{}day 2026-07-07\n{}", lost(), triggered());
    check(limited(drawdown), &tomorrow, &told);
    let mut halted = driver(limited(drawdown), &lost());
    halted.adopt(limited(|limits| {
        drawdown(limits);
        limits.resumed_at = Some(Time::parse("2026-07-06T11:07:01Z").unwrap());
    }));
    // As the settings stand it is resumed a second from now.
    assert_eq!(halted.engine.standing().state, RiskState::Halted);
    let mut resumed = limited(drawdown);
    resumed.portfolio.resumed_at = Some(Time::parse("2026-07-06T12:00:00Z").unwrap());
    check(resumed, &tape, &["tradable", "tradable"]);
}

#[test]
fn around_a_release_nothing_is_new() {
    let mut settings = limited(|_| ());
    settings.news = News {
        block_min: 5,
        releases: vec![Release {
            time: SourceTime::parse("2026-07-06T11:05:10Z").unwrap(),
            currency: Some(Currency::USD),
            title: "CPI".to_owned(),
        }],
    };
    check(settings, &triggered(), &["news_block_min 1 of 5"]);
}

#[test]
fn a_spread_that_is_wide_for_its_source_is_told() {
    let hour: String = (0..60)
        .map(|minute| format!("10:{minute:02}:00 EURUSD 1.08500 1.08501\n"))
        .collect();
    let rest = "11:00:00 EURUSD 1.08500 1.08501\n";
    let wide: String = (0..20)
        .map(|second| format!("11:00:{:02} EURUSD 1.08500 1.08504\n", second + 10))
        .collect();
    let post = "11:00:40 post EURUSD long 1 stop=1.08305 targets=1.08700,1.08900\n";
    let limit = |times: f64| limited(|limits| limits.max_spread_mult = times);
    let tape = format!("{hour}{rest}{wide}{post}");
    check(limit(3.0), &tape, &["max_spread_mult 4 of 3"]);
    check(limit(4.0), &tape, &["tradable"]);
    let elsewhere = format!("{hour}{rest}11:00:05 switch EURUSD quiet\n{wide}{post}");
    check(limit(3.0), &elsewhere, &["tradable"]);
}

/// EURUSD in lots of 100,000, for an account of 10,000 dollars.
fn sized(change: impl FnOnce(&mut Limits)) -> Settings {
    let mut settings = limited(change);
    settings.catalog.instruments[0].contract = Some(Contract {
        size: 100_000.0,
        currency: Currency::USD,
        lot_step: Measure::new(0.01),
        min_lot: Measure::new(0.01),
        max_lot: Measure::new(100.0),
        margin_rate: 0.001,
    });
    settings.account = Account {
        equity: Some(10_000.0),
        risk_percent: 1.0,
        ..Account::default()
    };
    settings
}

fn check_sizes(settings: Settings, tape: &str, expected: Expect) {
    let driver = driver(settings, tape);
    let born = signals(&driver).into_iter();
    let sizes = born
        .filter(|signal| signal.decided_at.is_none())
        .map(|signal| {
            let size = signal.evidence.size.as_ref().unwrap();
            match &size.lots {
                Some(lots) => format!("{} lots, {} at risk {}\n", lots.total, lots.risk, size.note),
                None => format!("none: {}\n", size.note),
            }
        });
    expected.assert_eq(&sizes.collect::<String>());
}

#[test]
fn sizes_follow_the_equity_and_the_limits() {
    let tape = format!("{}{}", lost(), later(3, &triggered()));
    // 100 of 10,000; then 98.71 of 9,871.
    check_sizes(
        sized(|limits| limits.daily_loss_percent = 0.0),
        &tape,
        expect![[r#"
            0.84 lots, 99.96 at risk 
            0.82 lots, 97.58 at risk 
        "#]],
    );
    check_sizes(
        sized(|limits| limits.daily_loss_percent = 2.0),
        &tape,
        expect![[r#"
            0.84 lots, 99.96 at risk 
            0.41 lots, 48.79 at risk half the risk: losses are near a limit
        "#]],
    );
    check_sizes(
        sized(|limits| limits.daily_loss_percent = 1.0),
        &tape,
        expect![[r#"
            0.84 lots, 99.96 at risk 
            none: no new risk: daily_loss_percent
        "#]],
    );
}

#[test]
fn an_equity_that_is_said_anew_is_what_sizes_follow() {
    let free = |limits: &mut Limits| limits.daily_loss_percent = 0.0;
    let mut driver = driver(sized(free), &lost());
    let mut settings = sized(free);
    settings.account.equity = Some(5_000.0);
    driver.adopt(settings);
    assert!((driver.engine.standing().equity - 1.0).abs() < 1e-12);
    assert!((driver.engine.standing().drawdown_percent - 1.29).abs() < 1e-9);
}

#[test]
fn without_limits_nothing_is_gated() {
    let free = limited(|limits| {
        *limits = Limits {
            max_live_signals: 0,
            max_open_risk_percent: 0.0,
            max_cluster_risk_percent: 0.0,
            daily_loss_percent: 0.0,
            max_drawdown_percent: 0.0,
            max_consecutive_losses: 0,
            max_spread_mult: 0.0,
            ..Limits::default()
        };
    });
    assert_eq!(free.rules, rules());
    let tape = format!("{}{}", lost(), later(3, &lost()));
    let driver = check(free, &tape, &["tradable", "tradable"]);
    assert!(
        Gate::ALL
            .iter()
            .all(|gate| driver.engine.counts().gated(*gate) == 0)
    );
}
