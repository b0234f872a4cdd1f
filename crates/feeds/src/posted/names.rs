//! What senders call things, and what ORION calls them: symbols, parts of the day, timeframes.

use super::refusal::Refusal;
use market::{Catalog, InstrumentId, Killzone, Timeframe};

/// Other names of the very same thing at brokers and on charts, by its name at ORION. Symbols of futures are in another
/// table, since a future is never taken for the index.
const SAME: [(&str, &str); 30] = [
    ("US30", "DJI"),
    ("US30", "DJ30"),
    ("US30", "WS30"),
    ("US30", "DOW"),
    ("US30", "US30USD"),
    ("US30", "US30.CASH"),
    ("NAS100", "US100"),
    ("NAS100", "NDX"),
    ("NAS100", "NDX100"),
    ("NAS100", "USTEC"),
    ("NAS100", "USTECH"),
    ("NAS100", "NASDAQ"),
    ("NAS100", "NASDAQ100"),
    ("NAS100", "NAS100USD"),
    ("NAS100", "NSXUSD"),
    ("NAS100", "US100.CASH"),
    ("SPX500", "US500"),
    ("SPX500", "SPX"),
    ("SPX500", "SP500"),
    ("SPX500", "SPXUSD"),
    ("SPX500", "SPX500USD"),
    ("SPX500", "US500.CASH"),
    ("XAUUSD", "GOLD"),
    // The chart's continuous contracts: the front month, and the next one.
    ("NQ", "NQ1!"),
    ("MNQ", "MNQ1!"),
    ("ES", "ES1!"),
    ("MES", "MES1!"),
    ("YM", "YM1!"),
    ("MYM", "MYM1!"),
    ("GC", "GC1!"),
];

/// Futures, and the index or metal that a sender may mean.
const FUTURES: [(&str, &str); 8] = [
    ("NQ", "NAS100"),
    ("MNQ", "NAS100"),
    ("ES", "SPX500"),
    ("MES", "SPX500"),
    ("YM", "US30"),
    ("MYM", "US30"),
    ("GC", "XAUUSD"),
    ("MGC", "XAUUSD"),
];

/// So much of an unknown symbol is told back.
const SHOWN_CHARS: usize = 24;

/// An instrument by ORION's own name for it, in upper or lower case.
pub(crate) fn own(catalog: &Catalog, name: &str) -> Option<InstrumentId> {
    let found = catalog.find(name);
    found.or_else(|| catalog.find(&name.to_ascii_uppercase()))
}

/// An instrument by the name a chart has for it: `OANDA:EURUSD`, `US100`, `NQ1!`.
pub(crate) fn charted(catalog: &Catalog, name: &str) -> Option<InstrumentId> {
    let name = name.rsplit(':').next().unwrap_or(name).trim();
    own(catalog, name).or_else(|| {
        let name = name.to_ascii_uppercase();
        let mut same = SAME.iter().filter(|(_, theirs)| *theirs == name);
        same.find_map(|(ours, _)| catalog.find(ours))
    })
}

/// What to tell about a symbol that is not in the catalog: those that are, and that a future is not its index.
pub(crate) fn unknown(catalog: &Catalog, field: &str, name: &str) -> Refusal {
    let symbols: Vec<String> = catalog
        .instruments
        .iter()
        .map(|instrument| instrument.symbol.as_str().to_owned())
        .collect();
    let shown: String = name.chars().take(SHOWN_CHARS).collect();
    let mut refusal = Refusal::wrong(field, format!("{shown} is none of ORION's symbols"));
    refusal.details().symbols = symbols;
    let root = name.rsplit(':').next().unwrap_or(name).to_ascii_uppercase();
    let root = root.trim_end_matches("1!");
    match FUTURES.iter().find(|(future, _)| *future == root) {
        Some((future, index)) => refusal.remedy(format!(
            "{future} is a future and is not taken for {index}, whose price differs: add {future} to [[instrument]] of the \
             settings, or send {index} with its own levels"
        )),
        None => refusal.remedy("send one of `symbols`, or add yours to [[instrument]] of the settings"),
    }
}

/// One of the five parts of the day, where the words say which; `London Open` does, `New York` and `Test` do not.
pub(crate) fn killzone(text: &str) -> Option<Killzone> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let has = |word: &str| words.contains(&word);
    if has("lunch") {
        Some(Killzone::Lunch)
    } else if has("asia") || has("asian") || has("tokyo") || has("sydney") {
        Some(Killzone::Asia)
    } else if has("london") && !has("close") {
        Some(Killzone::London)
    } else if has("am") || has("nyam") {
        Some(Killzone::NyAm)
    } else if has("pm") || has("nypm") {
        Some(Killzone::Pm)
    } else {
        None
    }
}

/// A timeframe by ORION's name or the chart's: `15m` and `15`, `4h` and `240`, `1d` and `D`. Others are none of ORION's.
pub(crate) fn timeframe(text: &str) -> Option<Timeframe> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "1m" | "m1" => Some(Timeframe::M1),
        "5" | "5m" | "m5" => Some(Timeframe::M5),
        "15" | "15m" | "m15" => Some(Timeframe::M15),
        "60" | "1h" | "h1" => Some(Timeframe::H1),
        "240" | "4h" | "h4" => Some(Timeframe::H4),
        "d" | "1d" | "d1" => Some(Timeframe::D1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog;
    use axum::http::StatusCode;

    #[test]
    fn charts_names_are_found_and_a_future_stays_itself() {
        let catalog = catalog();
        let check = |name: &str, expected: Option<&str>| {
            let found = charted(&catalog, name);
            let symbol = found.map(|id| catalog.instrument(id).symbol);
            assert_eq!(
                symbol.as_ref().map(|symbol| symbol.as_str()),
                expected,
                "{name}"
            );
        };
        for (name, symbol) in [
            ("EURUSD", "EURUSD"),
            ("eurusd", "EURUSD"),
            ("OANDA:EURUSD", "EURUSD"),
            ("FX:EURUSD", "EURUSD"),
            ("GOLD", "XAUUSD"),
            ("TVC:GOLD", "XAUUSD"),
            ("DJI", "US30"),
            ("US100", "NAS100"),
            ("NASDAQ:NDX", "NAS100"),
            ("USTEC", "NAS100"),
            ("US500", "SPX500"),
            ("SP:SPX", "SPX500"),
            ("ES1!", "ES"),
            ("CME_MINI:MNQ1!", "MNQ"),
        ] {
            check(name, Some(symbol));
        }
        for unknown in ["", "NQ", "NQ1!", "YM1!", "6E1!", "EUR/USD", "AAPL", ":"] {
            check(unknown, None);
        }
        assert_eq!(own(&catalog, "US100"), None, "a bot says what it means");
        assert_eq!(own(&catalog, "OANDA:EURUSD"), None);
    }

    #[test]
    fn an_unknown_symbol_is_told_the_known_ones_and_a_future_that_it_is_no_index() {
        let refusal = unknown(&catalog(), "symbol", "CME_MINI:NQ1!");
        assert_eq!(refusal.status, StatusCode::UNPROCESSABLE_ENTITY);
        let symbols = refusal.details.unwrap().symbols;
        assert!(symbols.contains(&"NAS100".to_owned()));
        let remedy = refusal.remedy.unwrap();
        assert!(remedy.contains("not taken for NAS100"), "{remedy}");
        let other = unknown(&catalog(), "symbol", "AAPL").remedy.unwrap();
        assert!(other.contains("send one of `symbols`"), "{other}");
    }

    #[test]
    fn free_words_for_the_part_of_the_day() {
        use Killzone::{Asia, London, Lunch, NyAm, Pm};
        for (text, expected) in [
            ("asia", Some(Asia)),
            ("ASIA", Some(Asia)),
            ("Asian session", Some(Asia)),
            ("Tokyo Open", Some(Asia)),
            ("london", Some(London)),
            ("London Open", Some(London)),
            ("LONDON_KZ", Some(London)),
            ("ny_am", Some(NyAm)),
            ("NY AM", Some(NyAm)),
            ("New York AM session", Some(NyAm)),
            ("lunch", Some(Lunch)),
            ("NY Lunch (no PM)", Some(Lunch)),
            ("pm", Some(Pm)),
            ("NY_PM", Some(Pm)),
            ("Test", None),
            ("New York", None),
            ("London Close", None),
            ("spam", None),
            ("", None),
        ] {
            assert_eq!(killzone(text), expected, "{text}");
        }
    }

    #[test]
    fn timeframes_as_charts_and_terminals_write_them() {
        for (text, expected) in [
            ("15", Some(Timeframe::M15)),
            ("1", Some(Timeframe::M1)),
            ("240", Some(Timeframe::H4)),
            ("1D", Some(Timeframe::D1)),
            ("D", Some(Timeframe::D1)),
            ("5m", Some(Timeframe::M5)),
            ("H1", Some(Timeframe::H1)),
            ("3", None),
            ("W", None),
            ("30S", None),
        ] {
            assert_eq!(timeframe(text), expected, "{text}");
        }
    }
}
