//! What Alpha Vantage can be asked about an instrument, and whether asking still makes sense.

use super::decode::{self, Day, Quote, Refusal};
use market::{Catalog, InstrumentId, NewYork, Price, SourceTime};

/// Unreadable answers in a row after which a question is not asked again.
const STRIKES_MAX: u32 = 3;

/// What kind of thing it is, which decides the function that tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pair { from: String, to: String },
    Metal(String),
    Index(String),
}

/// What an operator may write: `EUR/USD`, `GOLD`, `NDX`.
pub(super) fn kind(theirs: &str) -> Result<Kind, String> {
    let is_word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    let pair = theirs.split_once('/');
    match (pair, theirs) {
        (Some((from, to)), _) if is_word(from) && is_word(to) => Ok(Kind::Pair {
            from: from.to_owned(),
            to: to.to_owned(),
        }),
        (None, "GOLD" | "XAU" | "SILVER" | "XAG") => Ok(Kind::Metal(theirs.to_owned())),
        (None, index) if is_word(index) => Ok(Kind::Index(index.to_owned())),
        _ => Err(format!(
            "`{theirs}` is neither a pair such as EUR/USD, nor GOLD or SILVER, nor an index such as NDX"
        )),
    }
}

/// A question that may turn out to be in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// Asked, after so many unreadable answers in a row.
    Open(u32),
    Shut,
}

impl Gate {
    pub(super) fn is_open(self) -> bool {
        self != Self::Shut
    }

    pub(super) fn answered(&mut self) {
        *self = Self::Open(0);
    }

    pub(super) fn shut(&mut self) {
        *self = Self::Shut;
    }

    /// An answer could not be read: whether that was once too often.
    pub(super) fn strike(&mut self) -> bool {
        match self {
            Self::Open(strikes) => {
                *strikes += 1;
                *strikes >= STRIKES_MAX
            }
            Self::Shut => true,
        }
    }
}

/// One of the two questions about an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Close,
    Quote,
}

impl Door {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Close => "the previous close",
            Self::Quote => "quotes",
        }
    }
}

/// An instrument that is taken from Alpha Vantage.
#[derive(Clone, Debug)]
pub(super) struct Asset {
    pub(super) id: InstrumentId,
    pub(super) ours: String,
    kind: Kind,
    /// Laid around prices that come without two sides.
    spread: Price,
    pub(super) close: Gate,
    pub(super) quote: Gate,
    /// The newest `Last Refreshed`.
    pub(super) refreshed: Option<SourceTime>,
}

impl Asset {
    pub(super) fn new(id: InstrumentId, theirs: &str, catalog: &Catalog) -> Result<Self, String> {
        let kind = kind(theirs)?;
        let instrument = catalog.instrument(id);
        let quote = match kind {
            Kind::Pair { .. } | Kind::Metal(_) => Gate::Open(0),
            // Of indices there are days, weeks and months, and nothing shorter.
            Kind::Index(_) => Gate::Shut,
        };
        Ok(Self {
            id,
            ours: instrument.symbol.to_string(),
            kind,
            spread: instrument.spread_default,
            close: Gate::Open(0),
            quote,
            refreshed: None,
        })
    }

    pub(super) fn door(&mut self, door: Door) -> &mut Gate {
        match door {
            Door::Close => &mut self.close,
            Door::Quote => &mut self.quote,
        }
    }

    /// Bid and ask around a price that is neither.
    pub(super) fn around(&self, price: Price) -> (Price, Price) {
        let bid = price - Price::from_units(self.spread.units() / 2);
        (bid, bid + self.spread)
    }

    pub(super) fn close_query(&self) -> Vec<(&str, &str)> {
        let mut query = match &self.kind {
            Kind::Pair { from, to } => vec![
                ("function", "FX_DAILY"),
                ("from_symbol", from),
                ("to_symbol", to),
                ("outputsize", "compact"),
            ],
            Kind::Metal(symbol) => vec![
                ("function", "GOLD_SILVER_HISTORY"),
                ("symbol", symbol),
                ("interval", "daily"),
            ],
            Kind::Index(symbol) => vec![
                ("function", "INDEX_DATA"),
                ("symbol", symbol),
                ("interval", "daily"),
            ],
        };
        query.push(("datatype", "csv"));
        query
    }

    /// `None` where there is no quote to ask for.
    pub(super) fn quote_query(&self) -> Option<Vec<(&str, &str)>> {
        match &self.kind {
            Kind::Pair { from, to } => Some(vec![
                ("function", "CURRENCY_EXCHANGE_RATE"),
                ("from_currency", from),
                ("to_currency", to),
            ]),
            Kind::Metal(symbol) => Some(vec![("function", "GOLD_SILVER_SPOT"), ("symbol", symbol)]),
            Kind::Index(_) => None,
        }
    }

    pub(super) fn read_quote(&self, body: &str) -> Result<Quote, Refusal> {
        match self.kind {
            Kind::Pair { .. } => decode::exchange_rate(body),
            Kind::Metal(_) | Kind::Index(_) => decode::spot(body),
        }
    }

    /// The close of the last day that ended before the trading day that began at `roll`, and when it ended. A day of
    /// currencies is taken to end at 17:00 in New York, like the trading day; Alpha Vantage's ends at midnight UTC.
    pub(super) fn last_close(&self, days: &[Day], roll: SourceTime) -> Option<(Price, SourceTime)> {
        let hour = match self.kind {
            Kind::Pair { .. } | Kind::Metal(_) => 17,
            Kind::Index(_) => 16,
        };
        let ended = |day: &Day| (day.close, NewYork::moment(day.date, hour));
        days.iter().rev().map(ended).find(|(_, end)| *end <= roll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog;

    #[test]
    fn names_say_what_a_thing_is() {
        let pair = |from: &str, to: &str| Kind::Pair {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        assert_eq!(kind("EUR/USD"), Ok(pair("EUR", "USD")));
        assert_eq!(kind("XAG"), Ok(Kind::Metal("XAG".to_owned())));
        assert_eq!(kind("NDX"), Ok(Kind::Index("NDX".to_owned())));
        for no in [
            "",
            "/",
            "EUR/",
            "eur/usd",
            "EUR/USD/X",
            "NDX&apikey=x",
            "ÄÖÜ",
        ] {
            assert!(kind(no).is_err(), "{no}");
        }
    }

    #[test]
    fn the_close_is_of_the_last_day_that_ended_before_this_one_began() {
        let catalog = catalog();
        let id = catalog.find("EURUSD").unwrap();
        let days: Vec<Day> = [20_644, 20_647, 20_648]
            .map(|date| Day {
                date,
                close: Price::from_units(i64::from(date)),
            })
            .to_vec();
        let at = |text: &str| SourceTime::parse(text).unwrap();
        for (theirs, roll, date, end) in [
            (
                "EUR/USD",
                "2026-07-13T21:00:00Z",
                20_647,
                "2026-07-13T21:00:00Z",
            ),
            (
                "EUR/USD",
                "2026-07-12T21:00:00Z",
                20_644,
                "2026-07-10T21:00:00Z",
            ),
            (
                "NDX",
                "2026-07-14T21:00:00Z",
                20_648,
                "2026-07-14T20:00:00Z",
            ),
        ] {
            let asset = Asset::new(id, theirs, &catalog).unwrap();
            let close = asset.last_close(&days, at(roll));
            assert_eq!(
                close,
                Some((Price::from_units(date), at(end))),
                "{theirs} {roll}"
            );
        }
        let asset = Asset::new(id, "EUR/USD", &catalog).unwrap();
        assert_eq!(asset.last_close(&days, at("2026-07-09T21:00:00Z")), None);
    }
}
