//! What is traded, on which sources, and under which rules in each year.

use engine::setup::SetupKind;
use engine::{PriceRules, Rules, Settings, rules::TrailMode};
use market::{
    Calendar, Catalog, Instrument, Price, PriceKind, Source, SourceId, Symbol, Timeframe,
};

/// Symbol, digits, tick size, calendar, and the price of the beginning in ticks.
pub(crate) const ROWS: [(&str, u8, &str, Calendar, i64); 7] = [
    ("EURUSD", 5, "0.00001", Calendar::Fx, 108_500),
    ("GBPUSD", 5, "0.00001", Calendar::Fx, 127_000),
    ("USDJPY", 3, "0.001", Calendar::Fx, 150_000),
    ("XAUUSD", 2, "0.01", Calendar::Metal, 265_000),
    ("US30", 1, "0.1", Calendar::Index, 430_000),
    ("NAS100", 1, "0.1", Calendar::Index, 205_000),
    ("SPX500", 1, "0.1", Calendar::Index, 59_000),
];

/// The places of what speaks in an ordinary week of a year.
pub(crate) fn speaking(year: i16) -> [usize; 3] {
    let turn = (year % 3) as usize;
    [turn, 3, 4 + turn]
}

/// A live source, and one without heartbeats that takes over now and then.
pub(crate) fn settings(year: i16) -> Settings {
    let source = |name: &str, heartbeats| Source {
        name: name.to_owned(),
        heartbeats,
        simulated: false,
        always_open: false,
    };
    let instruments = ROWS.map(|(symbol, digits, tick, calendar, _)| Instrument {
        symbol: Symbol::new(symbol).unwrap(),
        digits,
        tick_size: Price::parse(tick).unwrap(),
        pip_size: Price::parse(tick).unwrap(),
        kind: PriceKind::Cfd,
        calendar,
        spread_default: Price::parse(tick).unwrap().times(2),
        source: SourceId(0),
        signals: true,
        prices: true,
        contract: None,
        slippage_pips: None,
    });
    Settings {
        market: "years".to_owned(),
        catalog: Catalog {
            sources: vec![source("first", true), source("second", false)],
            instruments: instruments.into(),
        },
        rules: rules(year),
        prices: PriceRules {
            repeat_ms: 60_000,
            source_stale_s: 90,
            ..PriceRules::default()
        },
        own_rules: engine::RuleBook::default(),
        account: engine::Account::default(),
        portfolio: engine::Limits::default(),
        news: engine::News::default(),
        features: engine::features::FeatureRules::default(),
    }
}

/// ORION's own rules in some years; in others setups on the minutes, which bring many, with and without gates.
fn rules(year: i16) -> Rules {
    let fast = Rules {
        setup_tf: Timeframe::M1,
        htf: Timeframe::M5,
        atr_period: 3,
        swing_left: 1,
        swing_right: 1,
        major_left: 4,
        major_right: 4,
        smt_corr_win: 20,
        setups: SetupKind::ALL.to_vec(),
        symbol_cooldown_s: 600,
        max_signals_per_day: 12,
        ..Rules::default()
    };
    match year % 4 {
        0 => Rules::default(),
        1 => Rules {
            killzone_gate: false,
            symbol_cooldown_s: 0,
            max_signals_per_day: 20,
            ..fast
        },
        2 => fast,
        _ => Rules {
            trail_mode: TrailMode::Atr,
            symbol_cooldown_s: 0,
            ..fast
        },
    }
}
