//! An instrument under the names that Massive knows it by: one for data, one to subscribe, one for REST.

use super::Cluster;
use market::{Catalog, InstrumentId, Price};

/// Massive's names of one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// In data: `EUR/USD`, `I:SPX`.
    pub(super) data: String,
    /// To subscribe: `C.EUR/USD`, `V.I:SPX`.
    pub(super) topic: String,
    /// In REST: `C:EURUSD`, `I:SPX`.
    pub(super) rest: String,
}

/// An instrument that is taken from Massive.
#[derive(Clone, Debug)]
pub(super) struct Ticker {
    pub(super) id: InstrumentId,
    pub(super) names: Names,
    /// Laid around prices that come without two sides.
    spread: Price,
}

impl Ticker {
    pub(super) fn new(
        cluster: Cluster,
        id: InstrumentId,
        theirs: &str,
        catalog: &Catalog,
    ) -> Result<Self, String> {
        Ok(Self {
            id,
            names: names(cluster, theirs)?,
            spread: catalog.instrument(id).spread_default,
        })
    }

    /// Bid and ask around a price that is neither.
    pub(super) fn around(&self, price: Price) -> (Price, Price) {
        let half = Price::from_units(self.spread.units() / 2);
        let bid = price - half;
        (bid, bid + self.spread)
    }

    /// The two currencies of a pair.
    pub(super) fn pair(&self) -> Option<(&str, &str)> {
        self.names.data.split_once('/')
    }
}

/// The names of what an operator may have written as `C:EURUSD`, `C.EUR/USD`, `EUR/USD`, `EUR-USD` or `EURUSD`; of an index
/// as `I:SPX`, `V.I:SPX` or `SPX`.
pub(super) fn names(cluster: Cluster, theirs: &str) -> Result<Names, String> {
    match cluster {
        Cluster::Forex => pair_names(theirs),
        Cluster::Indices => index_names(theirs),
    }
}

fn pair_names(theirs: &str) -> Result<Names, String> {
    let bare = strip(theirs, &["C:", "C."]);
    let (base, quote) = bare
        .split_once(['/', '-'])
        .or_else(|| bare.split_at_checked(3))
        .filter(|(base, quote)| is_code(base) && is_code(quote))
        .ok_or_else(|| format!("`{theirs}` is not a pair such as C:EURUSD"))?;
    Ok(Names {
        data: format!("{base}/{quote}"),
        topic: format!("C.{base}/{quote}"),
        rest: format!("C:{base}{quote}"),
    })
}

fn index_names(theirs: &str) -> Result<Names, String> {
    let bare = strip(strip(theirs, &["V."]), &["I:"]);
    let is_name = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_name {
        return Err(format!("`{theirs}` is not an index such as I:SPX"));
    }
    Ok(Names {
        data: format!("I:{bare}"),
        topic: format!("V.I:{bare}"),
        rest: format!("I:{bare}"),
    })
}

fn strip<'a>(text: &'a str, prefixes: &[&str]) -> &'a str {
    let found = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix));
    found.unwrap_or(text)
}

/// A currency or metal: three letters or a little more.
fn is_code(text: &str) -> bool {
    (3..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog;

    fn check(cluster: Cluster, theirs: &str, expected: Option<[&str; 3]>) {
        let read = names(cluster, theirs).ok();
        let read = read.map(|names| [names.data, names.topic, names.rest]);
        assert_eq!(
            read,
            expected.map(|names| names.map(str::to_owned)),
            "{theirs}"
        );
    }

    #[test]
    fn every_way_to_write_a_name_is_the_same_instrument() {
        for theirs in ["C:EURUSD", "C.EUR/USD", "EUR/USD", "EUR-USD", "EURUSD"] {
            let expected = ["EUR/USD", "C.EUR/USD", "C:EURUSD"];
            check(Cluster::Forex, theirs, Some(expected));
        }
        for theirs in ["I:SPX", "V.I:SPX", "SPX"] {
            check(
                Cluster::Indices,
                theirs,
                Some(["I:SPX", "V.I:SPX", "I:SPX"]),
            );
        }
        for no in ["", "EUR", "C:*", "C.*", "EUR/", "eurusd", "ÄÖÜUSD", "I:SPX"] {
            check(Cluster::Forex, no, None);
        }
        for no in ["", "V.*", "I:", "I:SPX,I:NDX"] {
            check(Cluster::Indices, no, None);
        }
    }

    #[test]
    fn one_number_is_the_mid_of_the_default_spread() {
        let catalog = catalog();
        let id = catalog.find("SPX500").unwrap();
        let ticker = Ticker::new(Cluster::Indices, id, "I:SPX", &catalog).unwrap();
        let value = Price::parse("3988.5").unwrap();
        let (bid, ask) = ticker.around(value);
        assert_eq!((bid.to_string().as_str(), bid.mid(ask)), ("3988.25", value));
        assert_eq!(ask - bid, Price::parse("0.5").unwrap());
    }
}
