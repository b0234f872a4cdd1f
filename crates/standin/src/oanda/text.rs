//! Prices, candles and times as OANDA writes them.

use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write;

/// A price of an instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    pub instrument: String,
    /// Nanoseconds since 1970, UTC.
    pub nanos: i64,
    pub bid: String,
    pub ask: String,
    /// Whether somebody trades at it. If not, the books are empty.
    pub is_tradeable: bool,
}

/// A candle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candle {
    /// Its beginning: nanoseconds since 1970, UTC.
    pub nanos: i64,
    /// Open, high, low and close.
    pub bid: [String; 4],
    pub ask: [String; 4],
    pub is_complete: bool,
}

/// How times are written, which a client chooses by the header `Accept-Datetime-Format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    Rfc3339,
    Unix,
}

impl Stamp {
    pub(super) fn write(self, nanos: i64) -> String {
        let (second, nano) = (
            nanos.div_euclid(1_000_000_000),
            nanos.rem_euclid(1_000_000_000),
        );
        match self {
            Self::Unix => format!("{second}.{nano:09}"),
            Self::Rfc3339 => {
                let time = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
                let text = time.to_string();
                format!("{}.{nano:09}Z", text.trim_end_matches('Z'))
            }
        }
    }
}

/// Reads a time of a query, in either form.
pub(super) fn read_time(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return i64::try_from(time.as_nanosecond()).ok();
    }
    let (second, fraction) = text.split_once('.').unwrap_or((text, ""));
    let second: i64 = second.parse().ok()?;
    let fraction: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    second.checked_mul(1_000_000_000)?.checked_add(fraction)
}

/// This machine's time.
pub(super) fn now() -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "a vendor has a clock of its own, and clients compare it with theirs"
    )]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(0))
}

pub(super) fn heartbeat(now: i64, stamp: Stamp) -> String {
    format!(
        "{}\n",
        json!({ "type": "HEARTBEAT", "time": stamp.write(now) })
    )
}

impl Quote {
    /// A price at which somebody trades.
    #[must_use]
    pub fn new(instrument: &str, nanos: i64, bid: &str, ask: &str) -> Self {
        Self {
            instrument: instrument.to_owned(),
            nanos,
            bid: bid.to_owned(),
            ask: ask.to_owned(),
            is_tradeable: true,
        }
    }

    /// A line of the stream. Liquidity comes as a number and as a text, as it does.
    pub(super) fn line(&self, stamp: Stamp) -> String {
        let mut line = String::with_capacity(320);
        let time = stamp.write(self.nanos);
        let (bid, ask) = (&self.bid, &self.ask);
        let (bids, asks) = self.books();
        let (status, tradeable) = (self.status(), self.is_tradeable);
        // Written and not made by serde_json: the order of the fields is OANDA's.
        let _ = writeln!(
            line,
            r#"{{"type":"PRICE","time":"{time}","bids":{bids},"asks":{asks},"closeoutBid":"{bid}","closeoutAsk":"{ask}","status":"{status}","tradeable":{tradeable},"instrument":"{}"}}"#,
            self.instrument
        );
        line
    }

    /// An element of the answer to `pricing`.
    pub(super) fn json(&self, stamp: Stamp) -> Value {
        serde_json::from_str(&self.line(stamp)).unwrap_or_default()
    }

    fn books(&self) -> (String, String) {
        if !self.is_tradeable {
            return ("[]".to_owned(), "[]".to_owned());
        }
        let book = |price: &str, liquidity: &str| {
            format!(r#"[{{"price":"{price}","liquidity":{liquidity}}}]"#)
        };
        (
            book(&self.bid, "10000000"),
            book(&self.ask, r#""10000000""#),
        )
    }

    fn status(&self) -> &'static str {
        if self.is_tradeable {
            "tradeable"
        } else {
            "non-tradeable"
        }
    }
}

impl Candle {
    /// An element of `candles`; `price` holds the letters of the components asked for.
    pub(super) fn json(&self, price: &str, stamp: Stamp) -> Value {
        let mut candle = json!({
            "complete": self.is_complete,
            "volume": 1,
            "time": stamp.write(self.nanos),
        });
        let side = |[o, h, l, c]: &[String; 4]| json!({ "o": o, "h": h, "l": l, "c": c });
        for (letter, name, value) in [
            ('M', "mid", side(&self.mid())),
            ('B', "bid", side(&self.bid)),
            ('A', "ask", side(&self.ask)),
        ] {
            if price.contains(letter) {
                candle[name] = value;
            }
        }
        candle
    }

    fn mid(&self) -> [String; 4] {
        std::array::from_fn(|place| {
            let number = |text: &str| text.parse::<f64>().unwrap_or_default();
            let mid = (number(&self.bid[place]) + number(&self.ask[place])) / 2.0;
            format!("{mid:.5}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_in_both_forms() {
        let nanos = 1_783_944_000_093_000_000;
        for (stamp, text) in [
            (Stamp::Rfc3339, "2026-07-13T12:00:00.093000000Z"),
            (Stamp::Unix, "1783944000.093000000"),
        ] {
            assert_eq!(stamp.write(nanos), text);
            assert_eq!(read_time(text), Some(nanos));
        }
        assert_eq!(read_time("1783944000"), Some(1_783_944_000_000_000_000));
        assert_eq!(read_time("soon"), None);
    }

    #[test]
    fn a_line_is_as_recorded() {
        let mut quote = Quote::new("EUR_USD", 1_783_944_000_093_000_000, "1.14273", "1.14277");
        assert_eq!(
            quote.line(Stamp::Rfc3339),
            concat!(
                r#"{"type":"PRICE","time":"2026-07-13T12:00:00.093000000Z","bids":[{"price":"1.14273","liquidity":10000000}],"#,
                r#""asks":[{"price":"1.14277","liquidity":"10000000"}],"closeoutBid":"1.14273","closeoutAsk":"1.14277","#,
                r#""status":"tradeable","tradeable":true,"instrument":"EUR_USD"}"#,
                "\n"
            )
        );
        quote.is_tradeable = false;
        let value = quote.json(Stamp::Unix);
        assert_eq!(value["bids"], json!([]));
        assert_eq!(value["status"], "non-tradeable");
    }
}
