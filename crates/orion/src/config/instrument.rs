//! The list of instruments: what can be set of each, and those ORION knows by itself.

use super::value::decimal;
use market::{Calendar, Contract, Currency, Measure, Price, PriceKind, Symbol};
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
    /// What one lot wins or loses when the price moves by 1, in the currency of the prices.
    pub contract_size: Option<f64>,
    pub quote_currency: Option<Currency>,
    /// What can be traded, in lots.
    pub lot_step: Option<f64>,
    pub min_lot: Option<f64>,
    pub max_lot: Option<f64>,
    /// The part of a position's worth that has to be in the account.
    pub margin_rate: Option<f64>,
    /// Slippage of each side in pips, where it is another than `account.slippage_pips`.
    pub slippage_pips: Option<f64>,
}

impl InstrumentSettings {
    /// The fields that say what one lot is: all of them, or none.
    pub(super) const CONTRACT: [&'static str; 6] = [
        "contract_size",
        "quote_currency",
        "lot_step",
        "min_lot",
        "max_lot",
        "margin_rate",
    ];

    /// What may be left out of an instrument that is not built in.
    pub(super) fn may_lack(field: &str) -> bool {
        field == "slippage_pips" || Self::CONTRACT.contains(&field)
    }

    /// What one lot is, where all is said of it.
    pub(super) fn contract(&self) -> Option<Contract> {
        Some(Contract {
            size: self.contract_size?,
            currency: self.quote_currency?,
            lot_step: Measure::new(self.lot_step?),
            min_lot: Measure::new(self.min_lot?),
            max_lot: Measure::new(self.max_lot?),
            margin_rate: self.margin_rate?,
        })
    }
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
    let instrument = |(name, digits, tick, pip, kind, calendar, spread, signals)| {
        let (size, currency, step, most, margin) = lot(name);
        InstrumentSettings {
            symbol: Symbol::new(name).expect("a built-in symbol"),
            digits,
            tick_size: built_in_price(tick),
            pip_size: built_in_price(pip),
            kind,
            calendar,
            spread_default: built_in_price(spread),
            signals,
            prices: true,
            contract_size: Some(size),
            quote_currency: Some(Currency::new(currency).expect("a built-in currency")),
            lot_step: Some(step),
            min_lot: Some(step),
            max_lot: Some(most),
            margin_rate: Some(margin),
            slippage_pips: None,
        }
    };
    rows.into_iter().map(instrument).collect()
}

/// Size and currency of one lot of a built-in instrument, its step, which is the least too, the most, and the margin.
///
/// Sizes: the table of contracts in signals.md, section 10. Margins: those of retail clients in the European Union (ESMA,
/// decision 2018/796: 1 to 30 for major currencies, 1 to 20 for gold and major indices). An exchange's own is an amount of
/// money that changes; a tenth is on the safe side.
fn lot(symbol: &str) -> (f64, &'static str, f64, f64, f64) {
    match symbol {
        "EURUSD" | "GBPUSD" => (100_000.0, "USD", 0.01, 100.0, 0.0333),
        "USDJPY" => (100_000.0, "JPY", 0.01, 100.0, 0.0333),
        "XAUUSD" => (100.0, "USD", 0.01, 100.0, 0.05),
        "NQ" => (20.0, "USD", 1.0, 1000.0, 0.1),
        "MNQ" => (2.0, "USD", 1.0, 1000.0, 0.1),
        "ES" => (50.0, "USD", 1.0, 1000.0, 0.1),
        "MES" => (5.0, "USD", 1.0, 1000.0, 0.1),
        _ => (1.0, "USD", 0.1, 1000.0, 0.05),
    }
}

fn built_in_price(text: &str) -> Price {
    Price::parse(text).expect("a built-in price")
}
