//! When a symbol's price is due to be shown: not too often, and again while it stands still, as long as its source lives
//! and its market is open.

use crate::rules::PriceRules;
use crate::session;
use market::{
    Catalog, Direction, Instrument, InstrumentId, NewYork, Price, PriceUpdate, SourceTime, Span,
    Tick, Time, Volume,
};
use serde::{Deserialize, Serialize};

/// The newest quote of a symbol, and when it was shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pulse {
    quote: Option<Quote>,
    /// Quotes since the last send.
    unsent: u32,
    sent: Option<Time>,
    /// When the newest quote came.
    heard: Time,
    /// The price that changes are counted from: the last before the latest roll, or else the first seen.
    reference: Price,
    /// When the trading day ends.
    roll: SourceTime,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Quote {
    bid: Price,
    ask: Price,
    price: Price,
    volume: Option<Volume>,
    time: SourceTime,
}

impl Pulse {
    /// Takes a quote that is not older than the one before.
    pub(crate) fn hear(&mut self, at: Time, tick: &Tick, instrument: &Instrument) {
        let price = tick.mid().round_to_digits(instrument.digits);
        match &self.quote {
            None => self.reference = price,
            Some(last) if tick.time >= self.roll => self.reference = last.price,
            Some(_) => {}
        }
        if self.quote.is_none() || tick.time >= self.roll {
            self.roll = NewYork::next(tick.time, session::roll_hour(instrument.calendar));
        }
        let (bid, ask, volume) = (tick.bid, tick.ask, tick.volume);
        self.quote = Some(Quote {
            bid,
            ask,
            price,
            volume,
            time: tick.time,
        });
        self.unsent += 1;
        self.heard = at;
    }

    /// The price a position would be closed at now.
    pub(crate) fn exit(&self, direction: Direction) -> Option<Price> {
        self.quote.map(|quote| match direction {
            Direction::Long => quote.bid,
            Direction::Short => quote.ask,
        })
    }

    /// When the next send is due if nothing else happens.
    pub(crate) fn due(
        &self,
        catalog: &Catalog,
        id: InstrumentId,
        rules: &PriceRules,
    ) -> Option<Time> {
        self.quote?;
        if !catalog.instrument(id).prices {
            return None;
        }
        let Some(sent) = self.sent else {
            return Some(self.heard);
        };
        if self.unsent > 0 {
            return Some(self.heard.max(sent + millis(rules.min_interval_ms)));
        }
        let due = sent + millis(rules.repeat_ms);
        let quiet_for_good =
            !catalog.source_of(id).heartbeats && self.is_stale(due, catalog, id, self.heard, rules);
        (!quiet_for_good).then_some(due)
    }

    /// Whether the symbol, or its source where that shows life between ticks, has been silent for too long. `heard` is
    /// when the source last showed life.
    pub(crate) fn is_stale(
        &self,
        at: Time,
        catalog: &Catalog,
        id: InstrumentId,
        heard: Time,
        rules: &PriceRules,
    ) -> bool {
        if catalog.source_of(id).heartbeats {
            at - heard >= seconds(rules.source_stale_s)
        } else {
            at - self.heard >= seconds(rules.symbol_stale_s)
        }
    }

    /// Sends what is due, unless the source is stale or the market closed.
    pub(crate) fn send(
        &mut self,
        at: Time,
        catalog: &Catalog,
        id: InstrumentId,
        source_heard: Time,
        rules: &PriceRules,
    ) -> Option<PriceUpdate> {
        let quote = self.quote?;
        let instrument = catalog.instrument(id);
        self.sent = Some(at);
        // The time of the market: the quote's own, carried on by our clock while the symbol is quiet.
        let now = quote.time + (at - self.heard);
        let silent = self.is_stale(at, catalog, id, source_heard, rules)
            || !session::is_open(instrument, catalog.source_of(id), now);
        let ticks = std::mem::take(&mut self.unsent);
        if silent {
            return None;
        }
        self.shown(instrument, ticks)
    }

    /// What there is to be shown now, with the count of quotes it stands for.
    pub(crate) fn shown(&self, instrument: &Instrument, ticks: u32) -> Option<PriceUpdate> {
        let quote = self.quote?;
        let change = quote.price - self.reference;
        Some(PriceUpdate {
            symbol: instrument.symbol,
            digits: instrument.digits,
            price: quote.price,
            bid: quote.bid,
            ask: quote.ask,
            time: quote.time,
            change,
            change_percent: percent(change, self.reference),
            volume: quote.volume,
            ticks,
        })
    }
}

/// `change` in percent of `reference`, rounded to four decimals; zero where there is nothing to compare with.
fn percent(change: Price, reference: Price) -> Price {
    let (change, reference) = (i128::from(change.units()), i128::from(reference.units()));
    if reference == 0 {
        return Price::ZERO;
    }
    let units = change * 100_000_000_000 / reference;
    Price::from_units(i64::try_from(units).unwrap_or(0)).round_to_digits(4)
}

fn millis(millis: u32) -> Span {
    Span::from_millis(i64::from(millis))
}

fn seconds(seconds: u32) -> Span {
    Span::from_secs(i64::from(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_rounded_to_four_decimals() {
        let check = |change: &str, reference: &str, expected: &str| {
            let shown = percent(
                Price::parse(change).unwrap(),
                Price::parse(reference).unwrap(),
            );
            assert_eq!(shown.display(4).to_string(), expected);
        };
        check("0.00123", "1.08500", "0.1134");
        check("-0.00123", "1.08500", "-0.1134");
        check("0.5", "0", "0.0000");
        check("43000", "0.00001", "0.0000");
    }
}
