//! When a symbol's price is due to be shown: not too often, and again while it stands still, as long as its source lives
//! and its market is open.

mod closes;

use crate::rules::PriceRules;
use crate::session::{self, OpenHours};
use closes::{Close, Closes};
use market::{
    Direction, Instrument, NewYork, Price, PriceUpdate, Source, SourceId, SourceTime, Span, Tick,
    Time, Volume,
};
use serde::{Deserialize, Serialize};

/// The newest quote of a symbol, and when it was shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pulse {
    quote: Option<Quote>,
    /// Quotes since the last send.
    unsent: u32,
    sent: Option<Time>,
    hush: Hush,
    /// When the newest quote came.
    heard: Time,
    /// Since when it is not stale, the market's hours not counted.
    fresh_since: Time,
    /// The price that changes are counted from: the last before the latest roll, or else the first seen.
    reference: Price,
    closes: Closes,
    /// The number of the trading day of the newest quote, and when it ends.
    day: i32,
    roll: SourceTime,
    #[serde(skip)]
    hours: OpenHours,
}

/// Why nothing was sent when it was last due.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
enum Hush {
    #[default]
    No,
    /// The source, or the symbol, was stale: nothing is due until it is heard again.
    Stale,
    /// The market was closed at this time.
    Closed(Time),
    /// The quote's source is none of the catalog's any more: nothing is shown until there is another quote.
    Gone,
}

/// A quote as it came.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Quote {
    pub bid: Price,
    pub ask: Price,
    volume: Option<Volume>,
    pub time: SourceTime,
    /// Whose it is, also after another source was taken.
    source: SourceId,
}

impl Quote {
    /// The mid as it is shown.
    fn price(&self, instrument: &Instrument) -> Price {
        self.bid.mid(self.ask).round_to_digits(instrument.digits)
    }
}

impl Pulse {
    /// Takes a quote that is not older than the one before.
    pub(crate) fn hear(
        &mut self,
        at: Time,
        tick: &Tick,
        instrument: &Instrument,
        source: SourceId,
    ) {
        let (bid, ask, volume, time) = (tick.bid, tick.ask, tick.volume, tick.time);
        let quote = Quote {
            bid,
            ask,
            volume,
            time,
            source,
        };
        if self.quote.is_none() || time >= self.roll {
            self.begin_day(at, &quote, instrument);
        }
        self.quote = Some(quote);
        self.unsent += 1;
        self.hush = Hush::No;
        self.heard = at;
    }

    /// The first quote, or the first of a new trading day.
    fn begin_day(&mut self, at: Time, quote: &Quote, instrument: &Instrument) {
        let roll_hour = session::roll_hour(instrument.calendar);
        match self.quote {
            None => {
                self.fresh_since = at;
                self.reference = quote.price(instrument);
            }
            Some(last) => self.closes.offer(Close {
                day: self.day,
                official: false,
                time: last.time,
                price: last.price(instrument),
            }),
        }
        self.day = session::trading_day(quote.time, roll_hour);
        self.roll = NewYork::next(quote.time, roll_hour);
        self.refer();
    }

    /// Takes a past price: the last one of its trading day, or one that may be.
    pub(crate) fn close(
        &mut self,
        time: SourceTime,
        price: Price,
        source: Stated,
        instrument: &Instrument,
    ) {
        // What is stated at the roll itself closes the day that ends there.
        let within = time - Span::from_nanos(1);
        self.closes.offer(Close {
            day: session::trading_day(within, session::roll_hour(instrument.calendar)),
            official: source == Stated::Official,
            time,
            price: price.round_to_digits(instrument.digits),
        });
        if self.quote.is_some() {
            self.refer();
        }
    }

    /// Changes are counted from the last price before the day of the newest quote, where one is known.
    fn refer(&mut self) {
        self.reference = self.closes.before(self.day).unwrap_or(self.reference);
    }

    /// Something came after a silence in which it was stale.
    pub(crate) fn refresh(&mut self, at: Time) {
        self.fresh_since = at;
    }

    /// Its source shows life again.
    pub(crate) fn rouse(&mut self) {
        if matches!(self.hush, Hush::Stale) {
            self.hush = Hush::No;
        }
    }

    /// Another source may have other hours.
    pub(crate) fn forget_hours(&mut self) {
        self.hours = OpenHours::default();
    }

    /// Takes up another catalog. `place_of` says where a source of the one before stands now, if it does: a quote that is
    /// shown again names whose it is by that. `next` is the source of the quotes to come.
    pub(crate) fn adopt(
        &mut self,
        next: SourceId,
        place_of: impl FnOnce(SourceId) -> Option<SourceId>,
    ) {
        self.forget_hours();
        let Some(quote) = &mut self.quote else { return };
        let place = place_of(quote.source);
        if place.is_none() {
            self.hush = Hush::Gone;
        }
        // No place of the catalog before may stay: it might be none of the one after.
        quote.source = place.unwrap_or(next);
    }

    /// The newest quote.
    pub(crate) fn quote(&self) -> Option<Quote> {
        self.quote
    }
    /// When the newest quote came.
    pub(crate) fn heard(&self) -> Time {
        self.heard
    }
    /// Since when it is not stale; only what [`Pulse::is_stale`] denies asks for it.
    pub(crate) fn fresh_since(&self) -> Time {
        self.fresh_since
    }
    /// The time of the market: the newest quote's own, carried on by our clock while the symbol is quiet.
    pub(crate) fn market_time(&self, at: Time) -> Option<SourceTime> {
        self.quote.map(|quote| quote.time + (at - self.heard))
    }

    /// The price a position would be closed at now.
    pub(crate) fn exit(&self, direction: Direction) -> Option<Price> {
        self.quote.map(|quote| match direction {
            Direction::Long => quote.bid,
            Direction::Short => quote.ask,
        })
    }

    /// When the next send is due if nothing else happens; `MAX` for never.
    pub(crate) fn due(&self, instrument: &Instrument, rules: &PriceRules) -> Time {
        if !instrument.prices || self.quote.is_none() {
            return Time::MAX;
        }
        let (interval, repeat) = (millis(rules.min_interval_ms), millis(rules.repeat_ms));
        match (self.hush, self.sent) {
            (Hush::Stale | Hush::Gone, _) => Time::MAX,
            (Hush::Closed(tried), _) => tried + repeat,
            (Hush::No, None) => self.heard,
            (Hush::No, Some(sent)) if self.unsent > 0 => self.heard.max(sent + interval),
            (Hush::No, Some(sent)) => sent + repeat,
        }
    }

    /// Whether the symbol, or its source where that shows life between ticks, has been silent for too long. `heard` is
    /// when the source last showed life.
    pub(crate) fn is_stale(
        &self,
        at: Time,
        source: &Source,
        heard: Time,
        rules: &PriceRules,
    ) -> bool {
        self.stale_at(source, heard, rules) <= at
    }

    /// When it is stale, if nothing more comes.
    pub(crate) fn stale_at(&self, source: &Source, heard: Time, rules: &PriceRules) -> Time {
        if source.heartbeats {
            heard + seconds(rules.source_stale_s)
        } else {
            self.heard + seconds(rules.symbol_stale_s)
        }
    }

    /// Sends what is due, unless the source is stale or the market closed. `source_heard` is when the source last showed
    /// life.
    pub(crate) fn send(
        &mut self,
        at: Time,
        instrument: &Instrument,
        source: &Source,
        source_heard: Time,
        rules: &PriceRules,
    ) -> Option<PriceUpdate> {
        if self.is_stale(at, source, source_heard, rules) {
            self.hush = Hush::Stale;
            return None;
        }
        let now = self.market_time(at)?;
        if !self.hours.is_open(instrument, source, now) {
            self.hush = Hush::Closed(at);
            return None;
        }
        (self.sent, self.hush) = (Some(at), Hush::No);
        let ticks = std::mem::take(&mut self.unsent);
        self.shown(instrument, ticks)
    }

    /// What there is to be shown now, with the count of quotes it stands for.
    pub(crate) fn shown(&self, instrument: &Instrument, ticks: u32) -> Option<PriceUpdate> {
        if matches!(self.hush, Hush::Gone) {
            return None;
        }
        let quote = self.quote?;
        let price = quote.price(instrument);
        let change = price - self.reference;
        Some(PriceUpdate {
            symbol: instrument.symbol,
            digits: instrument.digits,
            price,
            bid: quote.bid,
            ask: quote.ask,
            time: quote.time,
            change,
            change_percent: percent(change, self.reference),
            volume: quote.volume,
            source: quote.source,
            ticks,
        })
    }
}

/// Who says that a price was the last of its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stated {
    Official,
    /// A bar's close: a later one is better.
    Bar,
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
