//! The list of instruments: what can be set of each, and those ORION knows by itself.

use super::value::decimal;
use market::{Calendar, Price, PriceKind, Symbol};
use serde::{Deserialize, Serialize};

/// One `[[instrument]]`. In a file, what an instrument ORION knows leaves out is as built in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentSettings {
    pub symbol: Symbol,
    /// Decimals its prices are shown with.
    pub digits: u8,
    /// The smallest price step.
    #[serde(with = "decimal")]
    pub tick_size: Price,
    /// One pip (FX, metals) or point (indices, futures).
    #[serde(with = "decimal")]
    pub pip_size: Price,
    pub kind: PriceKind,
    pub calendar: Calendar,
    /// Ask minus bid where the source has no quotes.
    #[serde(with = "decimal")]
    pub spread_default: Price,
    /// Whether setups run on it.
    pub signals: bool,
    /// Whether its prices are sent to dashboards.
    pub prices: bool,
}

/// The instruments of an ORION without settings: seven with signals, four futures with prices only.
pub(super) fn built_in() -> Vec<InstrumentSettings> {
    use Calendar::{Future, Fx, Index, Metal};
    use PriceKind::{Cash, Cfd, Future as Futures};
    // Steps and pips: the table of contracts in signals.md, section 10. Spreads: what a retail account sees on an ordinary day.
    let rows = [
        ("EURUSD", 5, "0.00001", "0.0001", Cash, Fx, "0.00008", true),
        ("GBPUSD", 5, "0.00001", "0.0001", Cash, Fx, "0.00012", true),
        ("USDJPY", 3, "0.001", "0.01", Cash, Fx, "0.010", true),
        ("XAUUSD", 2, "0.01", "0.1", Cash, Metal, "0.30", true),
        ("US30", 1, "0.1", "1", Cfd, Index, "2.5", true),
        ("NAS100", 1, "0.1", "1", Cfd, Index, "1.5", true),
        ("SPX500", 1, "0.1", "1", Cfd, Index, "0.5", true),
        ("NQ", 2, "0.25", "1", Futures, Future, "0.25", false),
        ("MNQ", 2, "0.25", "1", Futures, Future, "0.25", false),
        ("ES", 2, "0.25", "1", Futures, Future, "0.25", false),
        ("MES", 2, "0.25", "1", Futures, Future, "0.25", false),
    ];
    let instrument =
        |(name, digits, tick, pip, kind, calendar, spread, signals)| InstrumentSettings {
            symbol: Symbol::new(name).expect("a built-in symbol"),
            digits,
            tick_size: built_in_price(tick),
            pip_size: built_in_price(pip),
            kind,
            calendar,
            spread_default: built_in_price(spread),
            signals,
            prices: true,
        };
    rows.into_iter().map(instrument).collect()
}

fn built_in_price(text: &str) -> Price {
    Price::parse(text).expect("a built-in price")
}
