//! Releases around which nothing new is traded.

use market::{Currency, Instrument, SourceTime, Span};
use serde::{Deserialize, Serialize};

/// The calendar, and how far from a release is safe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct News {
    /// Nothing new so many minutes before and after a release; 0: releases are not looked at.
    pub block_min: u32,
    pub releases: Vec<Release>,
}

/// A number or decision that is published at a known time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub time: SourceTime,
    /// Whose prices it moves; `None`: all.
    pub currency: Option<Currency>,
    pub title: String,
}

impl News {
    /// How far the nearest release is that moves an instrument, if it is near enough to keep still.
    pub(crate) fn near(&self, instrument: &Instrument, time: SourceTime) -> Option<Span> {
        let near = Span::from_minutes(i64::from(self.block_min));
        let moves = |release: &&Release| {
            let currency = release.currency;
            currency.is_none_or(|currency| is_priced_in(instrument, currency))
        };
        let distance = |release: &Release| {
            let away = (release.time - time).nanos();
            Span::from_nanos(away.saturating_abs())
        };
        let nearest = self.releases.iter().filter(moves).map(distance).min()?;
        (self.block_min > 0 && nearest <= near).then_some(nearest)
    }
}

/// Whether an instrument's price depends on a currency: its contract's, and both halves of a pair's name.
fn is_priced_in(instrument: &Instrument, currency: Currency) -> bool {
    let symbol = instrument.symbol.as_str();
    // Brokers write more behind it: `EURUSD.r`, `EURUSDm`.
    let capitals = symbol.find(|c: char| !c.is_ascii_uppercase());
    let symbol = &symbol[..capitals.unwrap_or(symbol.len())];
    let contract = instrument.contract.as_ref();
    let halves = if symbol.len() == 6 {
        [symbol.get(..3), symbol.get(3..)]
    } else {
        [None, None]
    };
    let is = |name: Option<&str>| name.and_then(|name| Currency::new(name).ok()) == Some(currency);
    contract.is_some_and(|contract| contract.currency == currency) || halves.into_iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Calendar, Contract, Measure, Price, PriceKind, SourceId, Symbol};

    fn instrument(name: &str, contract: Option<&str>) -> Instrument {
        let contract = contract.map(|currency| Contract {
            size: 1.0,
            currency: Currency::new(currency).unwrap(),
            lot_step: Measure::new(1.0),
            min_lot: Measure::new(1.0),
            max_lot: Measure::new(1.0),
            margin_rate: 0.05,
        });
        Instrument {
            symbol: Symbol::new(name).unwrap(),
            digits: 2,
            tick_size: Price::parse("0.01").unwrap(),
            pip_size: Price::parse("0.01").unwrap(),
            kind: PriceKind::Cfd,
            calendar: Calendar::Fx,
            spread_default: Price::ZERO,
            source: SourceId(0),
            signals: true,
            prices: true,
            contract,
            slippage_pips: None,
        }
    }

    #[test]
    fn a_release_is_near_for_the_instruments_of_its_currency() {
        let release = |minute: i64, currency: Option<&str>| Release {
            time: SourceTime::from_secs(minute * 60),
            currency: currency.map(|code| Currency::new(code).unwrap()),
            title: String::new(),
        };
        let news = News {
            block_min: 5,
            releases: vec![
                release(100, Some("USD")),
                release(200, Some("EUR")),
                release(300, None),
            ],
        };
        let near = |name, contract, seconds: i64| {
            let found = news.near(
                &instrument(name, contract),
                SourceTime::from_secs(100 * 60 + seconds),
            );
            found.map(|away| away.millis() / 1000)
        };
        assert_eq!(near("EURUSD", None, -301), None);
        assert_eq!(near("EURUSD", None, -300), Some(300));
        assert_eq!(near("EURUSD", None, 300), Some(300));
        assert_eq!(near("EURUSD", None, 301), None);
        assert_eq!(near("US30", Some("USD"), 7), Some(7));
        assert_eq!(near("US30", None, 7), None);
        assert_eq!(near("EURGBP", None, 7), None);
        assert_eq!(near("EURGBP", None, 6000), Some(0));
        assert_eq!(near("USDJPY", None, 6000), None);
        assert_eq!(near("EURUSD.r", None, 12_000 - 6000), Some(0));
        assert_eq!(near("EURUSDm", None, 6000), Some(0));
        assert_eq!(near("DE40", Some("EUR"), 12_000), Some(0));
        let off = News {
            block_min: 0,
            ..news
        };
        assert_eq!(
            off.near(&instrument("EURUSD", None), SourceTime::from_secs(6000)),
            None
        );
    }
}
