//! Which rules each chart goes by, seen from inside.

use crate::engine::Engine;
use crate::rules::{PriceRules, Rules, Settings};
use crate::structure::Chart;
use crate::{RuleBook, SymbolRules};
use market::{
    Calendar, Catalog, Event, Instrument, InstrumentId, Ohlc, Price, PriceKind, QuoteBar, Source,
    SourceId, SourceTime, Span, Symbol, Timeframe,
};
use std::collections::BTreeMap;
use std::sync::Arc;

fn settings(own_rules: RuleBook) -> Settings {
    let instrument = |name: &str| Instrument {
        symbol: Symbol::new(name).unwrap(),
        digits: 5,
        tick_size: Price::parse("0.00001").unwrap(),
        pip_size: Price::parse("0.0001").unwrap(),
        kind: PriceKind::Cfd,
        calendar: Calendar::Fx,
        spread_default: Price::parse("0.0001").unwrap(),
        source: SourceId(0),
        signals: true,
        prices: true,
        contract: None,
        slippage_pips: None,
    };
    let source = Source {
        name: "live".into(),
        heartbeats: true,
        simulated: false,
        always_open: false,
    };
    Settings {
        market: "test".into(),
        catalog: Catalog {
            sources: vec![source],
            instruments: vec![instrument("A"), instrument("B")],
        },
        rules: general(),
        own_rules,
        prices: PriceRules::default(),
        account: crate::Account::default(),
        portfolio: crate::portfolio::Limits::default(),
        news: crate::portfolio::News::default(),
        features: crate::features::FeatureRules::default(),
    }
}

fn general() -> Rules {
    Rules {
        swing_left: 3,
        swing_right: 2,
        ..Rules::default()
    }
}

fn other() -> Rules {
    Rules {
        swing_left: 1,
        ..general()
    }
}

fn of_timeframe(timeframe: Timeframe, rules: Rules) -> RuleBook {
    RuleBook {
        timeframe: BTreeMap::from([(timeframe, rules)]),
        ..RuleBook::default()
    }
}

fn of_b(rules: Rules, charts: &[(Timeframe, Rules)]) -> RuleBook {
    let own = SymbolRules {
        rules,
        timeframe: charts.iter().cloned().collect(),
    };
    RuleBook {
        symbol: BTreeMap::from([(Symbol::new("B").unwrap(), own)]),
        ..RuleBook::default()
    }
}

/// An engine that has heard a day and a half of minutes, the same of both symbols.
fn engine(own_rules: RuleBook) -> Engine {
    let mut engine = Engine::new(Arc::new(settings(own_rules)));
    let start = SourceTime::parse("2026-07-06T06:00:00Z").unwrap();
    let (mut seed, mut mid) = (7_u64, 1_085_000_i64);
    for minute in 0..2160 {
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % most
        };
        let close = mid + draw(41) as i64 - 20;
        let side = |by: i64| Ohlc {
            open: Price::from_units((mid + by) * 1000),
            high: Price::from_units((mid.max(close) + by) * 1000),
            low: Price::from_units((mid.min(close) + by) * 1000),
            close: Price::from_units((close + by) * 1000),
        };
        let open_time = start + Span::from_minutes(minute);
        for instrument in [InstrumentId(0), InstrumentId(1)] {
            let bar = QuoteBar {
                instrument,
                timeframe: Timeframe::M1,
                open_time,
                bid: side(-5),
                ask: side(5),
                volume: None,
            };
            let at = (open_time + Span::from_minutes(1)).as_stamp();
            engine.handle(at, &Event::Bar(bar), &mut Vec::new());
        }
        mid = close;
    }
    engine
}

/// The charts of a symbol, each to the bit.
fn charts(engine: &Engine, id: u16) -> Vec<Vec<u8>> {
    let charts = engine.desk_of(InstrumentId(id)).charts.iter();
    charts
        .map(|chart| postcard::to_stdvec(chart).unwrap())
        .collect()
}

/// The timeframes whose charts are not the same.
fn differing(one: &[Vec<u8>], other: &[Vec<u8>]) -> Vec<Timeframe> {
    let charts = Timeframe::ALL.into_iter().zip(one.iter().zip(other));
    charts
        .filter(|(_, (one, other))| one != other)
        .map(|(timeframe, _)| timeframe)
        .collect()
}

#[test]
fn a_chart_goes_by_the_most_specific_rules() {
    use Timeframe::{H1, M15};
    let plain = engine(RuleBook::default());
    let check = |book: RuleBook, a: &[Timeframe], b: &[Timeframe]| {
        let own = engine(book);
        for (id, expected) in [(0, a), (1, b)] {
            let differing = differing(&charts(&own, id), &charts(&plain, id));
            assert_eq!(differing, expected, "symbol {id}");
        }
    };
    check(of_timeframe(M15, other()), &[M15], &[M15]);
    check(of_b(general(), &[(M15, other())]), &[], &[M15]);
    check(of_b(other(), &[]), &[], &Timeframe::ALL);
    // Also what a chart is not begun with, and only read by.
    let no_gaps = Rules {
        fvg_min_atr: 1000.0,
        ..general()
    };
    check(of_timeframe(M15, no_gaps.clone()), &[M15], &[M15]);
    check(of_b(general(), &[(M15, no_gaps)]), &[], &[M15]);
    // A symbol that is named has nothing of a timeframe but what its own charts say.
    let mut both = of_b(general(), &[(H1, other())]);
    both.timeframe.insert(M15, other());
    check(both, &[M15], &[H1]);
}

#[test]
fn a_chart_begins_anew_only_where_its_own_periods_change() {
    let before = of_timeframe(Timeframe::M15, other());
    let fresh = |rules: &Rules| {
        let roll_hour = crate::session::roll_hour(Calendar::Fx);
        postcard::to_stdvec(&Some(Chart::new(rules, roll_hour))).unwrap()
    };
    let check = |book: RuleBook, anew: [&[Timeframe]; 2]| {
        let mut engine = engine(before.clone());
        let known = [0, 1].map(|id| charts(&engine, id));
        let settings = settings(book);
        engine.adopt(Arc::new(settings.clone()), &mut Vec::new());
        for (id, anew) in anew.into_iter().enumerate() {
            let charts = charts(&engine, id as u16);
            assert_eq!(differing(&charts, &known[id]), anew, "symbol {id}");
            let symbol = settings.catalog.instruments[id].symbol;
            for timeframe in anew {
                let rules = settings.structure_of(symbol, *timeframe);
                assert_eq!(charts[timeframe.index()], fresh(rules));
            }
        }
    };
    let m15: &[Timeframe] = &[Timeframe::M15];
    check(RuleBook::default(), [m15, m15]);
    // B has general rules then, and the same chart of an hour.
    check(of_b(general(), &[(Timeframe::M15, other())]), [m15, &[]]);
    let mut one_more = before.clone();
    one_more.timeframe.insert(Timeframe::H1, other());
    let h1: &[Timeframe] = &[Timeframe::H1];
    check(one_more, [h1, h1]);
    let mut depth = before.clone();
    let deeper = Rules {
        sweep_max_depth_atr: 3.0,
        ..general()
    };
    depth.timeframe.insert(Timeframe::M5, deeper);
    check(depth, [&[], &[]]);
}
