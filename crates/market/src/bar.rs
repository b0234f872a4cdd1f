//! Bars: what a price did in an interval.

use crate::{InstrumentId, Price, SourceTime, Span, Symbol, Volume};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The intervals ORION makes bars of. Up to 1h they start at multiples counted from 1970 (UTC); 4h and 1d bars start at
/// the trading day's roll (17:00 New York; 18:00 for futures) and every four hours after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Timeframe {
    #[serde(rename = "1m")]
    M1,
    #[serde(rename = "5m")]
    M5,
    #[serde(rename = "15m")]
    M15,
    #[serde(rename = "1h")]
    H1,
    #[serde(rename = "4h")]
    H4,
    #[serde(rename = "1d")]
    D1,
}

impl Timeframe {
    /// Shortest first.
    pub const ALL: [Self; 6] = [Self::M1, Self::M5, Self::M15, Self::H1, Self::H4, Self::D1];

    /// The nominal length; a day with a change of daylight saving time is an hour longer or shorter.
    #[must_use]
    pub const fn span(self) -> Span {
        match self {
            Self::M1 => Span::from_minutes(1),
            Self::M5 => Span::from_minutes(5),
            Self::M15 => Span::from_minutes(15),
            Self::H1 => Span::from_hours(1),
            Self::H4 => Span::from_hours(4),
            Self::D1 => Span::from_hours(24),
        }
    }
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::H1 => "1h",
            Self::H4 => "4h",
            Self::D1 => "1d",
        }
    }
    /// Its place in [`Timeframe::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Timeframe {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL
            .into_iter()
            .find(|timeframe| timeframe.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is not a timeframe: 1m, 5m, 15m, 1h, 4h or 1d"))
    }
}

/// Open, high, low and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ohlc {
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
}

impl Ohlc {
    #[must_use]
    pub const fn of(price: Price) -> Self {
        Self {
            open: price,
            high: price,
            low: price,
            close: price,
        }
    }
    /// Takes in a later price.
    pub fn add(&mut self, price: Price) {
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
    }
    /// Takes in a later interval.
    #[inline]
    pub fn append(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
    }
    /// `low <= open, close <= high`.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        self.low <= self.open.min(self.close) && self.high >= self.open.max(self.close)
    }
}

/// A closed bar of the bar price (mid of bid and ask, half digits kept).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    pub open_time: SourceTime,
    /// Exclusive.
    pub end_time: SourceTime,
    pub price: Ohlc,
    /// Quotes in it (for recorded bars: bars of the finest interval).
    pub ticks: u32,
    /// Part of the interval was not seen, or bars just before it: the feed had a gap, or ORION was not running.
    pub holed: bool,
}

/// What of a bar clients are shown: a closed one, or one as far as it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarUpdate {
    pub symbol: Symbol,
    pub digits: u8,
    pub timeframe: Timeframe,
    pub bar: Bar,
    /// Nothing of it changes any more.
    pub closed: bool,
}

/// A recorded bar as a source gives it: both sides of the quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteBar {
    pub instrument: InstrumentId,
    pub timeframe: Timeframe,
    pub open_time: SourceTime,
    pub bid: Ohlc,
    pub ask: Ohlc,
    pub volume: Option<Volume>,
}
