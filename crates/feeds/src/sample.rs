//! A catalog of the symbols that tests speak of; the tests beside the crate use it too.

use market::{Calendar, Catalog, Instrument, Price, PriceKind, Source, SourceId, Symbol};

pub(crate) fn catalog() -> Catalog {
    use PriceKind::{Cash, Cfd, Future};
    Catalog {
        sources: vec![Source {
            name: "tape:test".to_owned(),
            heartbeats: false,
            simulated: false,
            always_open: false,
        }],
        instruments: vec![
            instrument("EURUSD", 5, "0.00012", Cash),
            instrument("GBPUSD", 5, "0.00015", Cash),
            instrument("USDJPY", 3, "0.012", Cash),
            instrument("XAUUSD", 2, "0.35", Cfd),
            instrument("US30", 1, "2.5", Cfd),
            instrument("NAS100", 1, "1.5", Cfd),
            instrument("SPX500", 1, "0.5", Cfd),
            instrument("ES", 2, "0.25", Future),
            instrument("MNQ", 2, "0.25", Future),
            instrument("6E", 5, "0.00005", Future),
        ],
    }
}

fn instrument(symbol: &str, digits: u8, spread: &str, kind: PriceKind) -> Instrument {
    let step = Price::from_units(10_i64.pow(9 - u32::from(digits)));
    Instrument {
        symbol: Symbol::new(symbol).unwrap(),
        digits,
        tick_size: step,
        pip_size: step,
        kind,
        calendar: Calendar::Fx,
        spread_default: Price::parse(spread).unwrap(),
        source: SourceId(0),
        signals: true,
        prices: true,
        contract: None,
        slippage_pips: None,
    }
}
