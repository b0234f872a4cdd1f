//! Sizes for the operator's account: told beside signals, by the prices that the engine knows, and changing nothing else.

use crate::desk::settings;
use crate::driver::Driver;
use crate::scene::{BACK, CONFIRM, LONG, TRIGGER};
use crate::tape::driver;
use engine::{Account, Output, Settings};
use expect_test::{Expect, expect};
use market::{Contract, Currency, Measure, Signal, Size};

/// A pound is 1.25 dollars, ten seconds before the trigger.
const POUND: &str = "
    11:04:00 GBPUSD 1.24995 1.25005
";

/// EURUSD in lots of 100,000, for an account of 10,000 in this currency.
fn with(currency: &str) -> Settings {
    let mut settings = settings();
    settings.catalog.instruments[0].contract = Some(Contract {
        size: 100_000.0,
        currency: Currency::USD,
        lot_step: Measure::new(0.01),
        min_lot: Measure::new(0.01),
        max_lot: Measure::new(100.0),
        margin_rate: 0.0333,
    });
    settings.account = Account {
        currency: Currency::new(currency).unwrap(),
        equity: Some(10_000.0),
        ..Account::default()
    };
    settings
}

/// The size that the first signal of a tape is told with.
fn check(settings: Settings, tape: &str, expected: Expect) {
    let driver = driver(settings, tape);
    let size = signals(&driver).first().unwrap().evidence.size.clone();
    expected.assert_eq(&show(size.as_ref()));
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
    let said = driver.said.iter();
    said.filter_map(|(_, output)| signal(output)).collect()
}

fn show(size: Option<&Size>) -> String {
    let Some(size) = size else {
        return "nothing".to_owned();
    };
    let Some(lots) = &size.lots else {
        return format!("no lots: {}", size.note);
    };
    let parts: Vec<String> = lots.parts.iter().map(Measure::to_string).collect();
    let parts = parts.join(" + ");
    let (total, risk, currency, note) = (lots.total, lots.risk, size.currency, &size.note);
    format!("{total} = {parts}, {risk} {currency} {note}")
}

fn long() -> String {
    [LONG, BACK, POUND, TRIGGER].concat()
}

#[test]
fn own_and_posted_signals_are_told_with_a_size() {
    check(
        with("USD"),
        &long(),
        expect!["0.42 = 0.12 + 0.16 + 0.14, 49.98 USD "],
    );
    let posted = "10:00:00 EURUSD 1.08500 1.08510
        10:00:10 post EURUSD long 1 stop=1.08305 targets=1.08700,1.08900";
    check(with("USD"), posted, expect!["0.25 = 0.12 + 0.13, 50 USD "]);
}

#[test]
fn another_symbols_price_turns_the_money() {
    check(
        with("GBP"),
        &long(),
        expect!["0.52 = 0.15 + 0.2 + 0.17, 49.504 GBP "],
    );
    // Its newest one, also from before a restart.
    let again = [LONG, BACK, POUND, "11:04:05 restart\n", TRIGGER].concat();
    check(
        with("GBP"),
        &again,
        expect!["0.52 = 0.15 + 0.2 + 0.17, 49.504 GBP "],
    );
}

#[test]
fn without_a_fresh_price_a_contract_or_an_account_there_is_none() {
    let old = "
        11:03:09 GBPUSD 1.24995 1.25005
    ";
    let old = [LONG, BACK, old, TRIGGER].concat();
    check(
        with("GBP"),
        &old,
        expect!["no lots: the price of GBPUSD is 61 s old"],
    );
    check(
        with("CHF"),
        &long(),
        expect!["no lots: there is no price that turns USD into CHF"],
    );
    let mut unknown = with("USD");
    unknown.catalog.instruments[0].contract = None;
    check(
        unknown,
        &long(),
        expect!["no lots: what one lot is, is not configured"],
    );
    let mut nobody = with("USD");
    nobody.account.equity = None;
    check(nobody, &long(), expect!["nothing"]);
}

#[test]
fn a_bar_turns_the_money_too() {
    let bars = "10:01 bar GBPUSD 1m 60 62 58 60
        10:01:10 EURUSD 1.08500 1.08510
        10:01:20 post EURUSD long 1 stop=1.08305 targets=1.08700,1.08900";
    check(
        with("GBP"),
        bars,
        expect!["0.27 = 0.13 + 0.14, 49.723757 GBP "],
    );
}

#[test]
fn nothing_else_depends_on_the_account() {
    let tape = [long(), CONFIRM.to_owned()].concat();
    let mut rich = with("GBP");
    let (sized, plain) = (driver(rich.clone(), &tape), {
        rich.account.equity = None;
        driver(rich, &tape)
    });
    let bare = |(at, output): &(_, Output)| match output {
        Output::Signal(signal) => {
            let mut signal = signal.clone();
            signal.evidence.size = None;
            (*at, Output::Signal(signal))
        }
        Output::Outcome(_)
        | Output::Price(_)
        | Output::Shadow(_)
        | Output::Calibration(_)
        | Output::Answer(_) => (*at, output.clone()),
    };
    let sized_bare: Vec<_> = sized.said.iter().map(bare).collect();
    assert_eq!(sized_bare, plain.said);
    // A verdict keeps the size that its signal was born with.
    let sizes: Vec<_> = signals(&sized)
        .into_iter()
        .map(|one| one.evidence.size)
        .collect();
    assert_eq!(sizes.len(), 2);
    assert!(sizes[0].is_some() && sizes[0] == sizes[1]);
}
