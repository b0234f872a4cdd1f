//! A simulated market with many signals, for the tests of backtests.

use super::watch::{Found, Period, Watch};
use crate::market::SimMarket;
use engine::{Engine, Output, Rules, Settings};
use market::{
    Calendar, Catalog, Event, Instrument, Opinion, Price, PriceKind, Question, Source, SourceId,
    SourceTime, Span, Symbol, Time, Timeframe,
};
use std::convert::Infallible;
use std::sync::Arc;

pub(super) type Recorded = Vec<(Time, Event)>;

pub(super) fn settings() -> Settings {
    let price = |text: &str| Price::parse(text).unwrap();
    let instrument = |(symbol, digits, tick, spread): (&str, u8, &str, &str)| Instrument {
        symbol: Symbol::new(symbol).unwrap(),
        digits,
        tick_size: price(tick),
        pip_size: price(tick),
        kind: PriceKind::Cfd,
        calendar: Calendar::Index,
        spread_default: price(spread),
        source: SourceId(0),
        signals: true,
        prices: false,
        contract: None,
        slippage_pips: None,
    };
    let rows = [
        ("EURUSD", 5, "0.00001", "0.00008"),
        ("XAUUSD", 2, "0.01", "0.30"),
        ("NAS100", 1, "0.1", "1.5"),
    ];
    Settings {
        market: "sim".to_owned(),
        catalog: Catalog {
            sources: vec![Source {
                name: "sim".to_owned(),
                heartbeats: true,
                simulated: true,
                always_open: true,
            }],
            instruments: rows.map(instrument).to_vec(),
        },
        rules: Rules {
            setup_tf: Timeframe::M1,
            killzone_gate: false,
            symbol_cooldown_s: 0,
            max_signals_per_day: 0,
            ..Rules::default()
        },
        own_rules: engine::RuleBook::default(),
        prices: engine::PriceRules::default(),
        account: engine::Account::default(),
        portfolio: engine::Limits::default(),
        news: engine::News::default(),
        features: engine::features::FeatureRules::default(),
        models: engine::ModelRules::default(),
    }
}

/// Some hours of the market.
pub(super) fn recorded(settings: &Settings, hours: i64) -> Recorded {
    let anchor = SourceTime::parse("2026-03-04T12:00:00Z").unwrap();
    let market = SimMarket::new(7, anchor, &settings.catalog, None);
    let end = anchor + Span::from_hours(hours);
    let ticks = market.ticks_from(anchor);
    ticks
        .take_while(|tick| tick.time < end)
        .map(|tick| (tick.time.as_stamp(), Event::Tick(tick)))
        .collect()
}

/// Runs it; what was found, and everything that was said.
pub(super) fn found(
    settings: &Settings,
    events: &[(Time, Event)],
    period: Period,
) -> (Found, Vec<(Time, Output)>) {
    asked(settings, events, period, |_| None)
}

/// The same with somebody who answers what models are asked.
pub(super) fn asked(
    settings: &Settings,
    events: &[(Time, Event)],
    period: Period,
    ask: impl FnMut(&Question) -> Option<Opinion>,
) -> (Found, Vec<(Time, Output)>) {
    let mut engine = Engine::new(Arc::new(settings.clone()));
    let mut watch = Watch::new(settings, period, 20);
    let mut said = Vec::new();
    let events = events.iter().cloned().map(Ok::<_, Infallible>);
    let Ok(()) = super::run_asking(&mut engine, events, &mut watch, ask, |at, output| {
        said.push((at, output.clone()));
    });
    (watch.finish(&engine), said)
}
