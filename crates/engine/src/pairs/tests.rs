//! Which bars meet, and who is told.

use super::*;
use crate::rules::PriceRules;
use market::{
    Calendar, Catalog, Direction, Instrument, Price, PriceKind, Source, SourceId, Symbol,
};

const A: InstrumentId = InstrumentId(0);
const B: InstrumentId = InstrumentId(1);

fn settings() -> Settings {
    let instrument = |symbol| Instrument {
        symbol: Symbol::new(symbol).unwrap(),
        digits: 0,
        tick_size: Price::parse("1").unwrap(),
        pip_size: Price::parse("1").unwrap(),
        kind: PriceKind::Cfd,
        calendar: Calendar::Fx,
        spread_default: Price::ZERO,
        source: SourceId(0),
        signals: true,
        prices: true,
        contract: None,
        slippage_pips: None,
    };
    let source = Source {
        name: "live".to_owned(),
        heartbeats: true,
        simulated: false,
        always_open: false,
    };
    Settings {
        market: "test".to_owned(),
        catalog: Catalog {
            sources: vec![source],
            instruments: vec![instrument("A"), instrument("B")],
        },
        rules: Rules {
            atr_period: 1,
            swing_left: 1,
            swing_right: 1,
            smt_win: 0,
            smt_corr_win: 2,
            smt_corr_min: 0.0,
            smt_min_atr: 0.0,
            smt_pairs: vec!["A~B".parse().unwrap(), "A~NOWHERE".parse().unwrap()],
            ..Rules::default()
        },
        own_rules: crate::RuleBook::default(),
        prices: PriceRules::default(),
        account: crate::Account::default(),
        portfolio: crate::portfolio::Limits::default(),
        news: crate::portfolio::News::default(),
        features: crate::features::FeatureRules::default(),
    }
}

/// A bar that reaches down to a low and closes one above it.
fn bar(number: i64, low: i64) -> Bar {
    let open_time = SourceTime::from_secs(number * 300);
    let price = |value: i64| Price::parse(&value.to_string()).unwrap();
    Bar {
        open_time,
        end_time: open_time + Span::from_minutes(5),
        price: Ohlc {
            open: price(low + 1),
            high: price(low + 2),
            low: price(low),
            close: price(low + 1),
        },
        ticks: 1,
        holed: false,
    }
}

/// The lows of A and B in bars 0 to 5: A takes its low of bar 1 out in bar 4, B does not; that is known with bar 5.
const LOWS: [[i64; 2]; 6] = [
    [100, 200],
    [90, 190],
    [100, 200],
    [101, 201],
    [85, 193],
    [100, 202],
];

fn at(number: i64) -> Time {
    bar(number + 1, 1).open_time.as_stamp()
}

/// Tells both symbols' bars, the second `late` after the first, and returns what divides.
fn told(late: Span, skip: &[(usize, i64)]) -> Vec<(InstrumentId, Divided)> {
    let settings = settings();
    let mut pairs = Pairs::new(&settings);
    let mut divided = Vec::new();
    for (number, lows) in (0..).zip(LOWS) {
        for (place, id) in [A, B].into_iter().enumerate() {
            if skip.contains(&(place, number)) {
                continue;
            }
            let since = at(number) + if id == B { late } else { Span::ZERO };
            let bar = bar(number, lows[place]);
            divided.extend(pairs.close(id, &bar, Some(since), &settings.rules));
        }
    }
    divided
}

#[test]
fn who_held_is_told_with_its_lowest_low_since() {
    let [(held, divided)] = told(Span::ZERO, &[])[..] else {
        panic!("one divergence")
    };
    assert_eq!(held, B);
    assert_eq!(divided.direction, Direction::Long);
    assert_eq!(divided.swept.as_str(), "A");
    assert_eq!(divided.extreme, bar(1, 190).price.low);
    assert_eq!(divided.open_time, bar(5, 1).open_time);
}

#[test]
fn a_bar_that_comes_too_late_never_enters() {
    assert_eq!(told(Span::from_secs(3), &[]).len(), 1);
    assert_eq!(told(Span::from_millis(3001), &[]).len(), 0);
}

#[test]
fn a_bar_without_its_partner_is_left_out() {
    // Without bar 3, which says nothing, the swings are the same.
    assert_eq!(told(Span::ZERO, &[(0, 3)]).len(), 1);
    assert_eq!(told(Span::ZERO, &[(1, 3)]).len(), 1);
    assert_eq!(told(Span::ZERO, &[(0, 4)]).len(), 0);
}

#[test]
fn the_past_of_one_symbol_after_that_of_the_other_warms_a_pair() {
    let settings = settings();
    let mut pairs = Pairs::new(&settings);
    for (place, id) in [A, B].into_iter().enumerate() {
        for (number, lows) in (0..5).zip(LOWS) {
            let bar = bar(number, lows[place]);
            assert!(pairs.close(id, &bar, None, &settings.rules).is_empty());
        }
    }
    let mut last = |id, low| pairs.close(id, &bar(5, low), Some(at(5)), &settings.rules);
    assert!(last(A, 100).is_empty());
    assert_eq!(last(B, 202).len(), 1);
}

#[test]
fn what_waits_is_bounded() {
    let settings = settings();
    let mut pairs = Pairs::new(&settings);
    for number in 0..3000 {
        pairs.close(A, &bar(number, 100), None, &settings.rules);
    }
    assert_eq!(pairs.0.len(), 1, "the other one has no second symbol");
    assert_eq!(pairs.0[0].waiting[0].len(), WAITING_MAX);
}

#[test]
fn a_pair_goes_on_under_other_settings_of_the_same_periods() {
    let settings = settings();
    let mut pairs = Pairs::new(&settings);
    pairs.close(A, &bar(0, 100), None, &settings.rules);
    let change = |change: fn(&mut Rules)| {
        let mut changed = settings.clone();
        change(&mut changed.rules);
        let mut pairs = pairs.clone();
        pairs.adopt(&settings, &changed);
        pairs
            .0
            .iter()
            .map(|pair| pair.waiting[0].len())
            .sum::<usize>()
    };
    assert_eq!(change(|rules| rules.smt_corr_min = 0.9), 1);
    assert_eq!(change(|rules| rules.swing_left = 2), 0);
    assert_eq!(change(|rules| rules.smt_pairs.clear()), 0);
}
