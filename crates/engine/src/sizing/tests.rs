use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;

/// Contracts of signals.md, section 10.
fn contract(size: f64, currency: &str, lot: f64) -> Contract {
    Contract {
        size,
        currency: code(currency),
        lot_step: Measure::new(lot),
        min_lot: Measure::new(lot),
        max_lot: Measure::new(100.0),
        margin_rate: 0.0333,
    }
}

fn euro() -> Contract {
    contract(100_000.0, "USD", 0.01)
}

fn account() -> Account {
    Account {
        equity: Some(10_000.0),
        ..Account::default()
    }
}

fn code(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn targets(percents: &[u8]) -> Vec<Target> {
    let target = |percent: &u8| Target {
        price: Price::ZERO,
        percent: *percent,
        runner: false,
    };
    percents.iter().map(target).collect()
}

fn trade<'a>(entry: &str, stop: &str, targets: &'a [Target]) -> Trade<'a> {
    let (entry, stop) = (price(entry), price(stop));
    Trade {
        entry,
        stop,
        targets,
    }
}

fn show(sizing: &Sizing) -> String {
    let Lots { total, risk, parts } = &sizing.lots;
    let parts: Vec<String> = parts.iter().map(Measure::to_string).collect();
    let (parts, words) = (parts.join(" + "), words(&sizing.remarks));
    format!(
        "{total} = {parts}, {risk} of {}. {words}",
        sizing.risk_money
    )
}

/// A position of the plan's three targets, for 10,000 USD.
fn check(account: &Account, contract: &Contract, levels: (&str, &str), rate: f64, is: Expect) {
    let targets = targets(&[30, 40, 30]);
    let trade = trade(levels.0, levels.1, &targets);
    let equity = account.equity.unwrap();
    is.assert_eq(&show(&account.size(equity, contract, trade, 0.0, rate)));
}

#[test]
fn the_worked_examples_come_out_to_the_cent() {
    let of = |contract: &Contract, levels, rate, is| {
        check(&account(), contract, levels, rate, is);
    };
    of(
        &euro(),
        ("1.0850", "1.0820"),
        1.0,
        expect!["0.16 = 0.04 + 0.06 + 0.06, 48 of 50. "],
    );
    let yen = contract(100_000.0, "JPY", 0.01);
    let levels = ("150.00", "149.60");
    of(
        &yen,
        levels,
        1.0 / 150.0,
        expect!["0.18 = 0.05 + 0.07 + 0.06, 48 of 50. "],
    );
    let gold = contract(100.0, "USD", 0.01);
    of(
        &gold,
        ("2650", "2642"),
        1.0,
        expect!["0.06 = 0.01 + 0.02 + 0.03, 48 of 50. "],
    );
    let micro = contract(2.0, "USD", 1.0);
    let none = expect!["0 = 0 + 0 + 0, 0 of 50. the least is 1 lots, which is too much"];
    of(&micro, ("20125.5", "20100"), 1.0, none);
}

#[test]
fn a_size_knows_no_direction() {
    let short = ("1.0820", "1.0850");
    check(
        &account(),
        &euro(),
        short,
        1.0,
        expect!["0.16 = 0.04 + 0.06 + 0.06, 48 of 50. "],
    );
}

#[test]
fn what_lacks_a_hair_of_a_step_is_a_step() {
    // As a plain floor has it: 0.29 / 0.01 is 28.999999999999996.
    assert_eq!((0.29_f64 / 0.01).floor(), 28.0);
    assert_eq!(euro().steps(0.29, 1.0), 29);
    assert_eq!(euro().steps(0.289_999, 1.0), 28);
    assert_eq!(euro().lots(29).to_string(), "0.29");
}

#[test]
fn slip_and_commission_make_it_smaller() {
    let targets = targets(&[100]);
    let trade = trade("1.0850", "1.0820", &targets);
    // 300 and 20 a lot; and 8 more.
    let slipped = account().size(10_000.0, &euro(), trade, 0.0002, 1.0);
    assert_eq!(show(&slipped), "0.15 = 0.15, 48 of 50. ");
    let paid = Account {
        commission_round_turn: 8.0,
        ..account()
    };
    let paid = paid.size(10_000.0, &euro(), trade, 0.0002, 1.0);
    assert_eq!(show(&paid), "0.15 = 0.15, 49.2 of 50. ");
}

#[test]
fn the_most_lots_and_the_margin_are_caps() {
    let levels = ("1.0850", "1.0820");
    let most = Contract {
        max_lot: Measure::new(0.1),
        ..euro()
    };
    let is = expect!["0.1 = 0.03 + 0.04 + 0.03, 30 of 50. no more than 0.1 lots at once"];
    check(&account(), &most, levels, 1.0, is);
    // 0.12 lots of 100,000 at 1.085 are 13,020, of which 1,953 are needed; 2,000 may be.
    let dear = Contract {
        margin_rate: 0.15,
        ..euro()
    };
    let is = expect!["0.12 = 0.03 + 0.04 + 0.05, 36 of 50. no more than the margin allows"];
    check(&account(), &dear, levels, 1.0, is);
    let free = Contract {
        margin_rate: 0.0,
        ..euro()
    };
    check(
        &account(),
        &free,
        levels,
        1.0,
        expect!["0.16 = 0.04 + 0.06 + 0.06, 48 of 50. "],
    );
}

#[test]
fn targets_are_dropped_from_the_first_one_on() {
    for (steps, percents, parts, dropped) in [
        (10, vec![30, 40, 30], vec![3, 4, 3], 0),
        (4, vec![30, 40, 30], vec![1, 1, 2], 0),
        (3, vec![30, 40, 30], vec![0, 1, 2], 1),
        (2, vec![30, 40, 30], vec![0, 0, 2], 2),
        (1, vec![30, 40, 30], vec![0, 0, 1], 2),
        (4, vec![50, 10, 40], vec![0, 0, 4], 2),
        (1, vec![100], vec![1], 0),
        (0, vec![50, 50], vec![0, 0], 1),
        (5, vec![], vec![], 0),
    ] {
        assert_eq!(
            share(steps, &targets(&percents)),
            (parts, dropped),
            "{steps}"
        );
    }
    let small = Account {
        equity: Some(2_000.0),
        ..account()
    };
    let is =
        expect!["0.03 = 0 + 0.01 + 0.02, 9 of 10. too few lots for TP1: its part goes to the last"];
    check(&small, &euro(), ("1.0850", "1.0820"), 1.0, is);
}

/// Prices at 0 s, asked for at a second.
fn rate(prices: &[(&str, &str)], from: &str, to: &str, second: i64) -> Result<f64, String> {
    let mut mids = Mids::default();
    for (symbol, mid) in prices {
        mids.hear(Symbol::new(symbol).unwrap(), at(0), price(mid));
    }
    mids.rate(code(from), code(to), at(second), Span::from_secs(60))
        .map_err(|why| why.to_string())
}

fn at(second: i64) -> SourceTime {
    SourceTime::from_nanos(second * 1_000_000_000)
}

#[test]
fn a_currency_is_turned_into_another_by_the_nearest_way() {
    let prices = [
        ("EURUSD", "1.25"),
        ("USDJPY", "160"),
        ("EURJPY", "210"),
        ("GBPUSD", "0"),
    ];
    for (from, to, is) in [
        ("USD", "USD", 1.0),
        ("EUR", "USD", 1.25),
        ("JPY", "USD", 1.0 / 160.0),
        ("USD", "EUR", 0.8),
        // Its own price, not the one through the dollar.
        ("EUR", "JPY", 210.0),
        ("JPY", "EUR", 1.0 / 210.0),
    ] {
        assert_eq!(rate(&prices, from, to, 1), Ok(is), "{from} {to}");
    }
    assert_eq!(rate(&prices[..2], "EUR", "JPY", 1), Ok(200.0));
    assert_eq!(rate(&prices[..2], "JPY", "EUR", 1), Ok(1.0 / 160.0 * 0.8));
    for (from, to) in [
        ("CHF", "USD"),
        ("USD", "CHF"),
        ("CHF", "EUR"),
        ("GBP", "USD"),
    ] {
        let none = format!("there is no price that turns {from} into {to}");
        assert_eq!(rate(&prices, from, to, 1), Err(none));
    }
}

#[test]
fn an_old_price_turns_nothing() {
    let prices = [("EURUSD", "1.25"), ("USDJPY", "160")];
    assert_eq!(rate(&prices, "EUR", "USD", 60), Ok(1.25));
    let old = |symbol| Err(format!("the price of {symbol} is 61 s old"));
    assert_eq!(rate(&prices, "EUR", "USD", 61), old("EURUSD"));
    assert_eq!(rate(&prices, "JPY", "USD", 61), old("USDJPY"));
    assert_eq!(rate(&prices, "JPY", "EUR", 61), old("USDJPY"));
    // The same money is the same at all times.
    assert_eq!(rate(&prices, "EUR", "EUR", 61), Ok(1.0));
}

#[test]
fn an_impossible_account_is_told_by_its_keys() {
    let wrong = Account {
        equity: Some(0.0),
        risk_percent: -1.0,
        max_margin_percent: f64::NAN,
        fx_stale_s: 0,
        ..Account::default()
    };
    let keys: Vec<_> = wrong
        .check()
        .unwrap_err()
        .into_iter()
        .map(|error| error.key)
        .collect();
    assert_eq!(
        keys,
        ["equity", "risk_percent", "max_margin_percent", "fx_stale_s"]
    );
    assert_eq!(Account::default().check(), Ok(()));
}

proptest! {
    #[test]
    fn no_size_loses_more_than_may_be_lost(
        (equity, risk_percent, commission) in (1.0..1e7_f64, 0.0..5.0_f64, 0.0..20.0_f64),
        (size, rate, lot) in (0.1..2e5_f64, 1e-3..1e3_f64, 1_i64..2_000_000),
        (entry, distance, slip) in (1_i64..50_000_000, 1_i64..1_000_000, 0.0..1.0_f64),
        (least, most, margin_rate) in (1_i64..20, 1_i64..100_000, 0.0..1.0_f64),
        percents in prop::sample::select(vec![
            vec![100], vec![50, 50], vec![30, 40, 30], vec![25, 25, 25, 25], vec![1, 98, 1],
        ]),
    ) {
        let account = Account { risk_percent, commission_round_turn: commission, ..account() };
        let step = Measure::from_millionths(lot);
        let times = |count: i64| Measure::from_millionths(lot * count);
        let contract = Contract {
            size, currency: Currency::USD, lot_step: step, min_lot: times(least), max_lot: times(least + most), margin_rate,
        };
        let targets = targets(&percents);
        let entry = Price::from_units(entry * 1000);
        let trade = Trade { entry, stop: entry - Price::from_units(distance * 1000), targets: &targets };
        let Sizing { risk_money, lots, remarks } = account.size(equity, &contract, trade, slip, rate);
        let per_lot = ((trade.entry - trade.stop).to_f64() + slip) * size * rate + commission;
        // A billionth of a step, and half of the millionth that is shown.
        let hair = 1e-9 * step.to_f64() * per_lot + 1e-6 + risk_money * 1e-12;
        prop_assert!(lots.risk.to_f64() <= risk_money + hair);
        let parts: i64 = lots.parts.iter().map(|part| part.millionths()).sum();
        prop_assert_eq!(parts, lots.total.millionths());
        prop_assert!(lots.parts.iter().all(|part| part.millionths() % lot == 0 && part.millionths() >= 0));
        prop_assert_eq!(lots.parts.len(), targets.len());
        let total = lots.total;
        prop_assert!(total == Measure::default() || (contract.min_lot..=contract.max_lot).contains(&total));
        let margin = total.to_f64() * size * entry.to_f64() * margin_rate * rate;
        prop_assert!(margin <= equity * 0.2 * (1.0 + 1e-9) + 1e-6 * size * entry.to_f64() * rate * step.to_f64());
        // Never smaller without a reason: one step more would be too much.
        if remarks.is_empty() {
            prop_assert!((total.to_f64() + step.to_f64()) * per_lot > risk_money * (1.0 - 1e-9));
        }
    }
}
