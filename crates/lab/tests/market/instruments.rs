//! The instruments and rules that the tests trade with.

use engine::Rules;
use market::{
    Calendar, Catalog, Instrument, Price, PriceKind, Source, SourceId, SourceTime, Span, Symbol,
    Timeframe,
};

/// A Monday afternoon in New York.
pub(crate) fn monday() -> SourceTime {
    SourceTime::parse("2026-11-23T19:05:31.250Z").unwrap()
}

/// An anchor for a seed: they come at all hours of the week and at all seconds of the minute.
pub(crate) fn anchor_of(seed: u64) -> SourceTime {
    monday()
        + Span::from_millis(((seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24) % 604_800_000) as i64)
}

/// Symbol, digits, tick size, usual spread, gives signals.
const ROWS: [(&str, u8, &str, &str, bool); 11] = [
    ("EURUSD", 5, "0.00001", "0.00008", true),
    ("GBPUSD", 5, "0.00001", "0.00012", true),
    ("USDJPY", 3, "0.001", "0.010", true),
    ("XAUUSD", 2, "0.01", "0.30", true),
    ("US30", 1, "0.1", "2.5", true),
    ("NAS100", 1, "0.1", "1.5", true),
    ("SPX500", 1, "0.1", "0.5", true),
    ("NQ", 2, "0.25", "0.50", false),
    ("MNQ", 2, "0.25", "0.50", false),
    ("ES", 2, "0.25", "0.25", false),
    ("MES", 2, "0.25", "0.25", false),
];

/// The first `count` of the usual instruments.
pub(crate) fn catalog(count: usize) -> Catalog {
    let price = |text: &str| Price::parse(text).unwrap();
    let instruments = ROWS[..count]
        .iter()
        .map(|&(symbol, digits, tick, spread, signals)| Instrument {
            symbol: Symbol::new(symbol).unwrap(),
            digits,
            tick_size: price(tick),
            pip_size: price(tick),
            kind: PriceKind::Cfd,
            calendar: Calendar::Index,
            spread_default: price(spread),
            source: SourceId(0),
            signals,
            prices: true,
            contract: None,
            slippage_pips: None,
        });
    Catalog {
        sources: vec![Source {
            name: "sim".to_owned(),
            heartbeats: true,
            simulated: true,
            always_open: true,
        }],
        instruments: instruments.collect(),
    }
}

/// The rules as the simulated market's settings have them.
pub(crate) fn rules() -> Rules {
    Rules {
        setup_tf: Timeframe::M1,
        killzone_gate: false,
        symbol_cooldown_s: 0,
        max_signals_per_day: 0,
        ..Rules::default()
    }
}
