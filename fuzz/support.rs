//! What several targets need.

use market::{Calendar, Catalog, Instrument, Price, PriceKind, Source, SourceId, Symbol};

/// A few instruments.
pub fn catalog() -> Catalog {
    let instrument = |(symbol, digits, kind): (&str, u8, PriceKind)| {
        let step = Price::from_units(10_i64.pow(9 - u32::from(digits)));
        Instrument {
            symbol: Symbol::new(symbol).expect("a symbol"),
            digits,
            tick_size: step,
            pip_size: step,
            kind,
            calendar: Calendar::Fx,
            spread_default: step.times(10),
            source: SourceId(0),
            signals: true,
            prices: true,
            contract: None,
            slippage_pips: None,
        }
    };
    let instruments = [
        ("EURUSD", 5, PriceKind::Cash),
        ("USDJPY", 3, PriceKind::Cash),
        ("XAUUSD", 2, PriceKind::Cash),
        ("NAS100", 1, PriceKind::Cfd),
        ("NQ", 2, PriceKind::Future),
    ];
    Catalog {
        sources: vec![Source {
            name: "fuzz".to_owned(),
            heartbeats: false,
            simulated: false,
            always_open: false,
        }],
        instruments: instruments.into_iter().map(instrument).collect(),
    }
}
