//! OANDA's JSON to prices, candles, accounts and instruments. Pure; any bytes are an answer or a reason.
//!
//! Shapes after OANDA's own client (v20-python: `ClientPrice`, `PricingHeartbeat`, `Candlestick`, `AccountProperties`).
//! Prices are `DecimalNumber`s, texts such as `"1.07132"`; a number instead of a text is read as exactly. What has an
//! exponent or more than nine decimals is no price that OANDA quotes: it is refused, not rounded.

use market::{InstrumentId, Ohlc, Price, QuoteBar, SourceTime, Timeframe};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// One line of the price stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Price(Quote<'a>),
    /// A price at which nobody trades: the market is closed, or the book is empty. A sign of life and no price.
    Closed {
        instrument: Cow<'a, str>,
        time: SourceTime,
    },
    Heartbeat(SourceTime),
    /// Some other message of a stream that lives.
    Other,
}

/// The best bid and ask of an instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote<'a> {
    pub instrument: Cow<'a, str>,
    pub time: SourceTime,
    pub bid: Price,
    pub ask: Price,
}

/// What is wrong with a text that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

fn unreadable(why: &str) -> Unreadable {
    Unreadable(why.to_owned())
}

/// A line as it comes; of a price and of a heartbeat. A price may come without its type (so does v20-python read it).
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    time: Cow<'a, str>,
    #[serde(borrow, default)]
    instrument: Cow<'a, str>,
    #[serde(default)]
    bids: Option<Book>,
    #[serde(default)]
    asks: Option<Book>,
    #[serde(default)]
    tradeable: Option<bool>,
    /// Deprecated in favour of `tradeable`, and may be absent.
    #[serde(borrow, default)]
    status: Cow<'a, str>,
}

/// Reads one line of the price stream.
///
/// # Errors
/// What is wrong with it.
pub fn line(text: &[u8]) -> Result<Line<'_>, Unreadable> {
    let message: Message<'_> = serde_json::from_slice(text)?;
    match &*message.kind {
        "PRICE" => price(message),
        "" if !message.instrument.is_empty() => price(message),
        "HEARTBEAT" => Ok(Line::Heartbeat(time(&message.time)?)),
        "" => Err(unreadable("it has neither a type nor an instrument")),
        _ => Ok(Line::Other),
    }
}

fn price(message: Message<'_>) -> Result<Line<'_>, Unreadable> {
    let time = time(&message.time)?;
    let instrument = message.instrument;
    if instrument.is_empty() {
        return Err(unreadable("a price without its instrument"));
    }
    let is_tradeable = message
        .tradeable
        .unwrap_or_else(|| matches!(&*message.status, "" | "tradeable"));
    let bid = message.bids.and_then(|book| book.highest);
    let ask = message.asks.and_then(|book| book.lowest);
    Ok(match (is_tradeable, bid, ask) {
        (true, Some(bid), Some(ask)) => Line::Price(Quote {
            instrument,
            time,
            bid,
            ask,
        }),
        (true | false, _, _) => Line::Closed { instrument, time },
    })
}

fn time(text: &str) -> Result<SourceTime, Unreadable> {
    SourceTime::parse(text).map_err(|error| Unreadable(error.to_string()))
}

/// Both ends of one side of the book: larger amounts stand at worse prices, in an order that is not promised.
#[derive(Default)]
struct Book {
    lowest: Option<Price>,
    highest: Option<Price>,
}

#[derive(Deserialize)]
struct Bucket<'a> {
    #[serde(borrow)]
    price: &'a RawValue,
}

impl<'de> Deserialize<'de> for Book {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BookVisitor)
    }
}

struct BookVisitor;

impl<'de> Visitor<'de> for BookVisitor {
    type Value = Book;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of prices with their liquidity")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Book, A::Error> {
        let mut book = Book::default();
        while let Some(bucket) = list.next_element::<Bucket<'de>>()? {
            let price = decimal(bucket.price).map_err(A::Error::custom)?;
            book.lowest = Some(book.lowest.map_or(price, |lowest| lowest.min(price)));
            book.highest = Some(book.highest.map_or(price, |highest| highest.max(price)));
        }
        Ok(book)
    }
}

/// A price from a JSON text or number, digit by digit.
fn decimal(raw: &RawValue) -> Result<Price, Unreadable> {
    let text = raw.get();
    let bare = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    Price::parse(bare).map_err(|error| Unreadable(format!("a price that cannot be read: {error}")))
}

/// The candles of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candles {
    /// The closed ones, in the order they came.
    pub closed: Vec<QuoteBar>,
    /// Whether the one that is still running came too: nothing newer exists.
    pub reaches_now: bool,
    /// What could not be read, and why.
    pub unreadable: Vec<(String, Unreadable)>,
}

#[derive(Deserialize)]
struct CandleList<'a> {
    #[serde(borrow)]
    candles: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Candle<'a> {
    complete: bool,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    bid: Sides<'a>,
    #[serde(borrow)]
    ask: Sides<'a>,
}

#[derive(Deserialize)]
struct Sides<'a> {
    #[serde(borrow)]
    o: &'a RawValue,
    #[serde(borrow)]
    h: &'a RawValue,
    #[serde(borrow)]
    l: &'a RawValue,
    #[serde(borrow)]
    c: &'a RawValue,
}

/// Reads an answer with candles of both sides (`price=BA`). Their volume is a count of prices, so it is left out.
///
/// # Errors
/// When the answer as a whole is not of that shape.
pub fn candles(
    text: &[u8],
    instrument: InstrumentId,
    timeframe: Timeframe,
) -> Result<Candles, Unreadable> {
    let list: CandleList<'_> = serde_json::from_slice(text)?;
    let mut candles = Candles::default();
    for raw in list.candles {
        match candle(raw.get(), instrument, timeframe) {
            Ok(Some(bar)) => candles.closed.push(bar),
            Ok(None) => candles.reaches_now = true,
            Err(error) => candles.unreadable.push((raw.get().to_owned(), error)),
        }
    }
    Ok(candles)
}

/// A closed candle; none where it is still running.
fn candle(
    text: &str,
    instrument: InstrumentId,
    timeframe: Timeframe,
) -> Result<Option<QuoteBar>, Unreadable> {
    let candle: Candle<'_> = serde_json::from_str(text)?;
    if !candle.complete {
        return Ok(None);
    }
    Ok(Some(QuoteBar {
        instrument,
        timeframe,
        open_time: time(&candle.time)?,
        bid: ohlc(&candle.bid)?,
        ask: ohlc(&candle.ask)?,
        volume: None,
    }))
}

fn ohlc(sides: &Sides<'_>) -> Result<Ohlc, Unreadable> {
    Ok(Ohlc {
        open: decimal(sides.o)?,
        high: decimal(sides.h)?,
        low: decimal(sides.l)?,
        close: decimal(sides.c)?,
    })
}

/// The ids of the accounts that a token reaches.
///
/// # Errors
/// When the answer is not of that shape.
pub fn accounts(text: &[u8]) -> Result<Vec<String>, Unreadable> {
    #[derive(Deserialize)]
    struct Accounts {
        accounts: Vec<Account>,
    }
    #[derive(Deserialize)]
    struct Account {
        id: String,
    }
    let answer: Accounts = serde_json::from_slice(text)?;
    Ok(answer
        .accounts
        .into_iter()
        .map(|account| account.id)
        .collect())
}

/// The names of the instruments that an account may trade.
///
/// # Errors
/// When the answer is not of that shape.
pub fn instruments(text: &[u8]) -> Result<Vec<String>, Unreadable> {
    #[derive(Deserialize)]
    struct Instruments {
        instruments: Vec<Instrument>,
    }
    #[derive(Deserialize)]
    struct Instrument {
        name: String,
    }
    let answer: Instruments = serde_json::from_slice(text)?;
    let names = answer.instruments.into_iter();
    Ok(names.map(|instrument| instrument.name).collect())
}

/// What the server says is wrong; none where the body is not its JSON (a page of a proxy during maintenance).
#[must_use]
pub fn error_message(text: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Refusal {
        error_message: String,
    }
    let refusal: Refusal = serde_json::from_slice(text).ok()?;
    Some(refusal.error_message)
}

#[cfg(test)]
mod tests;
