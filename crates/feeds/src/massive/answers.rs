//! What Massive's REST answers, read. Numbers are taken from their text; one bad row costs none of the others.

use super::decode::string;
use crate::decimal;
use market::{Ohlc, Price, SourceTime};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A bar of what Massive calls aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// When it opened; for the day before, some moment of that day.
    pub time: SourceTime,
    pub price: Ohlc,
}

/// A page of bars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub rows: Vec<Row>,
    /// Rows that could not be read.
    pub bad: usize,
    /// Where the next page is.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct AggregatesJson<'a> {
    #[serde(borrow, default)]
    results: Option<Vec<&'a RawValue>>,
    next_url: Option<String>,
}

#[derive(Deserialize)]
struct RowJson<'a> {
    #[serde(borrow)]
    t: &'a RawValue,
    #[serde(borrow)]
    o: &'a RawValue,
    #[serde(borrow)]
    h: &'a RawValue,
    #[serde(borrow)]
    l: &'a RawValue,
    #[serde(borrow)]
    c: &'a RawValue,
}

/// Reads an answer with bars; none at all is an ordinary answer.
///
/// # Errors
/// When it is not of the documented shape.
pub fn page(body: &str) -> Result<Page, String> {
    let json: AggregatesJson<'_> = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let results = json.results.unwrap_or_default();
    let rows: Vec<Row> = results.iter().filter_map(|raw| row(raw.get())).collect();
    Ok(Page {
        bad: results.len() - rows.len(),
        rows,
        next: json.next_url,
    })
}

fn row(text: &str) -> Option<Row> {
    let json: RowJson<'_> = serde_json::from_str(text).ok()?;
    let price = |raw: &RawValue| decimal::price(raw.get()).ok();
    Some(Row {
        time: decimal::stamp(json.t.get())?,
        price: Ohlc {
            open: price(json.o)?,
            high: price(json.h)?,
            low: price(json.l)?,
            close: price(json.c)?,
        },
    })
}

/// The last quote of a currency pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastQuote {
    pub bid: Price,
    pub ask: Price,
    pub time: SourceTime,
}

#[derive(Deserialize)]
struct LastJson<'a> {
    #[serde(borrow)]
    last: QuoteJson<'a>,
}

#[derive(Deserialize)]
struct QuoteJson<'a> {
    #[serde(borrow)]
    ask: &'a RawValue,
    #[serde(borrow)]
    bid: &'a RawValue,
    #[serde(borrow)]
    timestamp: &'a RawValue,
}

/// Reads the answer with the last quote of a pair.
///
/// # Errors
/// When it is not of the documented shape, or a number is none.
pub fn last_quote(body: &str) -> Result<LastQuote, String> {
    let json: LastJson<'_> = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let price = |name: &str, raw: &RawValue| {
        decimal::price(raw.get()).map_err(|error| format!("`{name}`: {error}"))
    };
    Ok(LastQuote {
        bid: price("bid", json.last.bid)?,
        ask: price("ask", json.last.ask)?,
        time: decimal::stamp(json.last.timestamp.get())
            .ok_or("`timestamp` is not a time since 1970")?,
    })
}

/// One index of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Snapshot {
    /// Its value, and when that was; some answers hold no time.
    Value {
        ticker: String,
        value: Price,
        time: Option<SourceTime>,
    },
    /// An error of this ticker alone, inside an answer that is otherwise right.
    Refused { ticker: String, why: String },
}

#[derive(Deserialize)]
struct SnapshotsJson<'a> {
    #[serde(borrow, default)]
    results: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct SnapshotJson<'a> {
    ticker: String,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    last_updated: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

/// Reads a snapshot of indices, and says how many of its entries could not be read.
///
/// # Errors
/// When it is not of the documented shape.
pub fn snapshots(body: &str) -> Result<(Vec<Snapshot>, usize), String> {
    let json: SnapshotsJson<'_> = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let results = json.results.unwrap_or_default();
    let read: Vec<Snapshot> = results
        .iter()
        .filter_map(|raw| snapshot(raw.get()))
        .collect();
    let bad = results.len() - read.len();
    Ok((read, bad))
}

fn snapshot(text: &str) -> Option<Snapshot> {
    let json: SnapshotJson<'_> = serde_json::from_str(text).ok()?;
    let ticker = json.ticker;
    if let Some(error) = json.error.and_then(string) {
        let message = json.message.and_then(string).unwrap_or_default();
        let why = format!("{error}: {message}");
        return Some(Snapshot::Refused { ticker, why });
    }
    let value = decimal::price(json.value?.get()).ok()?;
    let time = json.last_updated.and_then(|raw| decimal::stamp(raw.get()));
    Some(Snapshot::Value {
        ticker,
        value,
        time,
    })
}

#[derive(Deserialize)]
struct ErrorJson<'a> {
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

/// What an answer says is wrong: its status word and its sentence. `None` when it is no error, whatever its HTTP status.
#[must_use]
pub fn error(body: &str) -> Option<(String, String)> {
    let json: ErrorJson<'_> = serde_json::from_str(body).ok()?;
    let status = json.status.and_then(string)?.into_owned();
    if !matches!(status.as_str(), "ERROR" | "NOT_AUTHORIZED" | "NOT_FOUND") {
        return None;
    }
    let message = json.error.or(json.message).and_then(string);
    Some((status, message.unwrap_or_default().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    #[test]
    fn bars_are_read_row_by_row() {
        let body = r#"{"ticker":"C:EURUSD","resultsCount":3,"results":[
            {"v":97.0,"vw":1.1,"o":1.10001,"c":1.2,"h":1.3,"l":1.0,"t":1651003200000,"n":97},
            {"o":"x","c":1,"h":1,"l":1,"t":1651003260000},{"t":1}],
            "status":"OK","next_url":"https://api.massive.com/v2/x?cursor=1"}"#;
        let page = page(body).unwrap();
        assert_eq!((page.rows.len(), page.bad), (1, 2));
        assert_eq!(page.rows[0].price.open, price("1.10001"));
        assert_eq!(page.rows[0].time.to_string(), "2022-04-26T20:00:00.000Z");
        assert_eq!(
            page.next.as_deref(),
            Some("https://api.massive.com/v2/x?cursor=1")
        );
    }

    #[test]
    fn no_bars_are_an_ordinary_answer() {
        for body in [
            r#"{"resultsCount":0,"status":"OK"}"#,
            r#"{"results":null,"status":"DELAYED"}"#,
        ] {
            assert_eq!(page(body), Ok(Page::default()));
            assert_eq!(error(body), None);
        }
        assert!(page("[]").is_err());
    }

    #[test]
    fn the_last_quote_and_the_snapshot_are_read() {
        let quote = last_quote(
            r#"{"last":{"ask":0.69527,"bid":0.6952,"exchange":48,"timestamp":1652193694000},"status":"success"}"#,
        )
        .unwrap();
        assert_eq!((quote.bid, quote.ask), (price("0.6952"), price("0.69527")));
        let body = r#"{"results":[{"value":3822.39,"ticker":"I:SPX","last_updated":1678220098130000000},
            {"ticker":"I:XX","error":"NOT_FOUND","message":"Ticker not found."},{"value":1},{"ticker":"I:NDX","value":2}]}"#;
        let (read, bad) = snapshots(body).unwrap();
        assert_eq!((read.len(), bad), (3, 1));
        let why = "NOT_FOUND: Ticker not found.".to_owned();
        let ticker = "I:XX".to_owned();
        assert_eq!(read[1], Snapshot::Refused { ticker, why });
    }

    #[test]
    fn errors_stand_under_two_names() {
        let (status, message) =
            error(r#"{"status":"NOT_AUTHORIZED","request_id":"1","message":"not entitled"}"#)
                .unwrap();
        assert_eq!(
            (status.as_str(), message.as_str()),
            ("NOT_AUTHORIZED", "not entitled")
        );
        assert_eq!(
            error(r#"{"status":"ERROR","error":"limit"}"#).unwrap().1,
            "limit"
        );
        assert_eq!(error(r#"{"status":"success"}"#), None);
        assert_eq!(error("<html>"), None);
    }

    #[test]
    fn the_vendors_own_samples_are_read() {
        let folder = std::env::var("ORION_TEST_DATA")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
        let folder = std::path::Path::new(&folder).join("data/wire/massive-rest");
        if !folder.is_dir() {
            eprintln!("skipped the_vendors_own_samples_are_read: no ORION_TEST_DATA");
            return;
        }
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let prev = page(&read("aggs_prev_AAPL.json")).unwrap();
        assert_eq!(prev.rows[0].price.close, price("156.8"));
        let quote = last_quote(&read("last_quote_currencies_AUD_USD.json")).unwrap();
        assert_eq!(quote.ask, price("0.69527"));
        let (read, bad) = snapshots(&read("snapshot_indices.json")).unwrap();
        assert_eq!((read.len(), bad), (3, 0));
        assert!(
            matches!(&read[2], Snapshot::Refused { why, .. } if why.starts_with("NOT_ENTITLED"))
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            let _ = (page(&text), last_quote(&text), snapshots(&text), error(&text));
        }
    }
}
