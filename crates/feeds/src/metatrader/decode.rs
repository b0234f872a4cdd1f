//! The advisors' lines, from bytes. One JSON object per line; a POST is several lines, a socket has no end of them.
//!
//! `hello` says who sends and what its symbols are, `hb` how the terminal is and what its counter of milliseconds shows,
//! `tick` is one tick with its number. Prices are read exactly, as numbers or as text. What else a line holds is ignored,
//! so that an older server understands a newer advisor.

use market::{ParsePriceError, Price};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Names and numbers longer than this are nobody's.
const NAME_BYTES: usize = 64;
/// Symbols that one advisor may describe.
const SYMBOLS_MAX: usize = 4096;
/// 1990 to 2200, in milliseconds: outside, a time is no time.
const TIMES_MS: std::ops::Range<i64> = 631_152_000_000..7_258_118_400_000;

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub enum Line<'a> {
    Hello(Box<Hello>),
    Beat(Beat),
    Tick(TickLine<'a>),
}

/// Who sends, and what it could send.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Hello {
    /// Made anew each time an advisor starts; the ticks' numbers count within it.
    pub session: String,
    /// `MT4` or `MT5`.
    pub platform: String,
    /// The broker's server, such as `Broker-Demo`.
    pub srv: String,
    /// What may be shown of the account's number.
    pub acc: String,
    /// The chart it runs on: with server and account it says whether this is the same advisor as before.
    pub chart: String,
    /// Of a connection by socket; over HTTP it stands in a header.
    pub token: String,
    /// Whether the user listed the symbols, or they are whatever the terminal shows.
    pub asked: bool,
    pub symbols: Vec<Described>,
}

/// A symbol as the terminal describes it. What is absent is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Described {
    pub sym: String,
    pub digits: Option<u8>,
    /// Currencies of the base and of the profit; brokers write the latter for the former of a CFD.
    pub base: String,
    pub profit: String,
    /// Of a contract that ends: when, in seconds since 1970.
    pub expires: i64,
}

/// How the terminal is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Beat {
    pub session: String,
    /// The advisor's own counter of milliseconds when it sent this.
    pub at_ms: Option<i64>,
    /// Whether the terminal is connected to its broker.
    pub connected: bool,
    /// Ticks that waited too long for the server and were dropped, since the advisor started.
    pub lost: u64,
}

impl Default for Beat {
    fn default() -> Self {
        Self {
            session: String::new(),
            at_ms: None,
            connected: true,
            lost: 0,
        }
    }
}

/// One tick as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickLine<'a> {
    pub sym: Cow<'a, str>,
    pub bid: Price,
    pub ask: Price,
    /// By the broker's clock, in milliseconds as if that were UTC.
    pub time_msc: i64,
    /// The advisor's counter of milliseconds when it saw the tick.
    pub at_ms: Option<i64>,
    /// How far the advisor believes the broker's clock to be ahead of UTC.
    pub srv_offset_s: Option<i64>,
    /// Counts from 1 within the session, over all its symbols.
    pub seq: u64,
}

/// Why a line is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it is no line of an advisor: {0}")]
    Json(String),
    #[error("its t is `{0}`, and only hello, hb and tick are known")]
    Kind(String),
    #[error("its {0} is no price: {1}")]
    Price(&'static str, ParsePriceError),
    #[error("its time_msc is {0}, which is no time in milliseconds")]
    Time(i64),
    #[error("its seq is 0: ticks are counted from 1")]
    Seq,
    #[error("its {0} is too long")]
    TooLong(&'static str),
}

/// The lines of a text, each with what became of it. Empty lines are none, and neither is the NUL that MetaTrader's
/// `StringToCharArray` leaves at the end.
pub fn lines(text: &[u8]) -> impl Iterator<Item = (&[u8], Result<Line<'_>, Malformed>)> {
    let is_end = |b: u8| b == 0 || b.is_ascii_whitespace();
    let length = text.len() - text.iter().rev().take_while(|&&b| is_end(b)).count();
    text[..length]
        .split(|&b| b == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .map(|bytes| (bytes, line(bytes)))
}

/// Reads one line.
///
/// # Errors
/// When it is no line of an advisor.
pub fn line(text: &[u8]) -> Result<Line<'_>, Malformed> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        t: Cow<'a, str>,
    }
    // Nearly every line is a tick: it is tried first.
    if let Ok(raw) = serde_json::from_slice::<RawTick<'_>>(text)
        && raw.t == "tick"
    {
        return tick(raw).map(Line::Tick);
    }
    let kind: Kind<'_> = json(text)?;
    match kind.t.as_ref() {
        "hello" => hello(text),
        "hb" => beat(text),
        "tick" => tick(json(text)?).map(Line::Tick),
        other => Err(Malformed::Kind(other.chars().take(NAME_BYTES).collect())),
    }
}

fn json<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(text).map_err(|error| Malformed::Json(error.to_string()))
}

fn hello(text: &[u8]) -> Result<Line<'_>, Malformed> {
    let hello: Box<Hello> = json(text)?;
    for (name, value) in [
        ("session", &hello.session),
        ("platform", &hello.platform),
        ("srv", &hello.srv),
        ("acc", &hello.acc),
        ("chart", &hello.chart),
    ] {
        is_short(name, value)?;
    }
    if hello.symbols.len() > SYMBOLS_MAX {
        return Err(Malformed::TooLong("list of symbols"));
    }
    for symbol in &hello.symbols {
        is_short("sym", &symbol.sym)?;
    }
    Ok(Line::Hello(hello))
}

fn beat(text: &[u8]) -> Result<Line<'_>, Malformed> {
    let beat: Beat = json(text)?;
    is_short("session", &beat.session)?;
    Ok(Line::Beat(beat))
}

fn is_short(name: &'static str, value: &str) -> Result<(), Malformed> {
    if value.len() > NAME_BYTES {
        return Err(Malformed::TooLong(name));
    }
    Ok(())
}

#[derive(Deserialize)]
struct RawTick<'a> {
    #[serde(borrow)]
    t: Cow<'a, str>,
    #[serde(borrow)]
    sym: Cow<'a, str>,
    #[serde(borrow)]
    bid: &'a RawValue,
    #[serde(borrow)]
    ask: &'a RawValue,
    time_msc: i64,
    at_ms: Option<i64>,
    srv_offset_s: Option<i64>,
    seq: u64,
}

fn tick(raw: RawTick<'_>) -> Result<TickLine<'_>, Malformed> {
    is_short("sym", &raw.sym)?;
    if !TIMES_MS.contains(&raw.time_msc) {
        return Err(Malformed::Time(raw.time_msc));
    }
    if raw.seq == 0 {
        return Err(Malformed::Seq);
    }
    Ok(TickLine {
        bid: price("bid", raw.bid)?,
        ask: price("ask", raw.ask)?,
        sym: raw.sym,
        time_msc: raw.time_msc,
        at_ms: raw.at_ms,
        srv_offset_s: raw.srv_offset_s,
        seq: raw.seq,
    })
}

fn price(name: &'static str, raw: &RawValue) -> Result<Price, Malformed> {
    let text = raw.get();
    let plain = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    Price::parse(plain).map_err(|error| Malformed::Price(name, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn p(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    /// What becomes of a text: one word per line.
    fn check(text: &str, expected: &[&str]) {
        let words: Vec<String> = lines(text.as_bytes())
            .map(|(_, line)| match line {
                Ok(Line::Hello(hello)) => format!("hello {}", hello.symbols.len()),
                Ok(Line::Beat(beat)) => format!("hb {}", beat.connected),
                Ok(Line::Tick(tick)) => format!("tick {} {}", tick.sym, tick.seq),
                Err(error) => error.to_string(),
            })
            .collect();
        assert_eq!(words, expected, "{text}");
    }

    #[test]
    fn a_batch_is_lines_and_may_end_in_a_nul() {
        let batch = "{\"v\":1,\"t\":\"hb\",\"session\":\"a\",\"at_ms\":5,\"connected\":true}\r\n\n\
            {\"v\":1,\"t\":\"tick\",\"sym\":\"EURUSD.a\",\"bid\":1.14273,\"ask\":1.14277,\"last\":0,\"vol\":0,\
            \"time_msc\":1783954800093,\"srv_offset_s\":10800,\"seq\":1}\n\0";
        check(batch, &["hb true", "tick EURUSD.a 1"]);
        check("", &[]);
        check("\0\n\0", &[]);
    }

    #[test]
    fn a_tick_is_read_to_the_digit() {
        let text = br#"{"t":"tick","sym":"EUR\/USD","bid":"1.14273","ask":1.14277,"time_msc":1783954800093,"at_ms":7,"srv_offset_s":-18000,"seq":42,"new":{"a":[1]}}"#;
        let expected = TickLine {
            sym: Cow::Borrowed("EUR/USD"),
            bid: p("1.14273"),
            ask: p("1.14277"),
            time_msc: 1_783_954_800_093,
            at_ms: Some(7),
            srv_offset_s: Some(-18_000),
            seq: 42,
        };
        assert_eq!(line(text), Ok(Line::Tick(expected)));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let tick = |fields: &str| format!("{{\"t\":\"tick\",\"sym\":\"E\",{fields}}}");
        for (text, expected) in [
            (
                tick("\"bid\":1e5,\"ask\":1,\"time_msc\":1783954800093,\"seq\":1"),
                "its bid is no price: it is not a plain decimal number such as 1.08505",
            ),
            (
                tick("\"bid\":1,\"ask\":\"nan\",\"time_msc\":1783954800093,\"seq\":1"),
                "its ask is no price: it is not a plain decimal number such as 1.08505",
            ),
            (
                tick("\"bid\":1,\"ask\":null,\"time_msc\":1783954800093,\"seq\":1"),
                "its ask is no price: it is not a plain decimal number such as 1.08505",
            ),
            (
                tick("\"bid\":1,\"ask\":1,\"time_msc\":1783954800,\"seq\":1"),
                "its time_msc is 1783954800, which is no time in milliseconds",
            ),
            (
                tick("\"bid\":1,\"ask\":1,\"time_msc\":9223372036854775807,\"seq\":1"),
                "its time_msc is 9223372036854775807, which is no time in milliseconds",
            ),
            (
                tick("\"bid\":1,\"ask\":1,\"time_msc\":1783954800093,\"seq\":0"),
                "its seq is 0: ticks are counted from 1",
            ),
            (
                "{\"t\":\"trade\"}".to_owned(),
                "its t is `trade`, and only hello, hb and tick are known",
            ),
            (
                format!("{{\"t\":\"hb\",\"session\":\"{}\"}}", "x".repeat(65)),
                "its session is too long",
            ),
        ] {
            check(&text, &[expected]);
        }
        for text in ["{", "[]", "nothing", "{\"t\":1}", "{\"t\":\"tick\"}"] {
            assert!(
                matches!(line(text.as_bytes()), Err(Malformed::Json(_))),
                "{text}"
            );
        }
    }

    /// The proposal's lines as they were written down, of which ours are a superset.
    #[test]
    fn the_lines_of_the_proposal_are_read() {
        check(
            "{\"v\":1,\"t\":\"hello\",\"srv\":\"Broker-Demo\",\"platform\":\"MT5\",\"symbols\":[{\"sym\":\"EURUSD.a\",\"digits\":5},{\"sym\":\"GOLD\",\"digits\":2}],\"srv_offset_s\":10800}\n\
             {\"v\":1,\"t\":\"tick\",\"sym\":\"EURUSD.a\",\"bid\":1.14273,\"ask\":1.14277,\"last\":0,\"vol\":0,\"time_msc\":1783954800093,\"srv_offset_s\":10800,\"seq\":1}\n\
             {\"v\":1,\"t\":\"hb\",\"connected\":false,\"seq\":3}\n",
            &["hello 2", "tick EURUSD.a 1", "hb false"],
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_lines_or_errors(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for (_, line) in lines(&bytes) {
                let _ = line;
            }
        }

        #[test]
        fn any_field_of_a_tick_is_read_or_refused(
            time in any::<i64>(), seq in any::<u64>(), offset in any::<i64>(), bid in "[0-9.eE+-]{0,12}",
        ) {
            let text = format!(
                "{{\"t\":\"tick\",\"sym\":\"E\",\"bid\":\"{bid}\",\"ask\":1,\"time_msc\":{time},\"seq\":{seq},\"srv_offset_s\":{offset}}}"
            );
            if let Ok(Line::Tick(tick)) = line(text.as_bytes()) {
                prop_assert_eq!((tick.time_msc, tick.seq), (time, seq));
            }
        }
    }
}
