//! Lines and answers in OANDA's shapes, with what has been seen to be odd about them.

use super::*;
use proptest::prelude::*;

fn show(text: &str) -> String {
    match line(text.as_bytes()) {
        Ok(Line::Price(quote)) => format!(
            "{} {} {} {}",
            quote.instrument, quote.time, quote.bid, quote.ask
        ),
        Ok(Line::Closed { instrument, time }) => format!("{instrument} {time} closed"),
        Ok(Line::Heartbeat(time)) => format!("heartbeat {time}"),
        Ok(Line::Other) => "other".to_owned(),
        Err(error) => format!("no: {error}"),
    }
}

fn check(text: &str, expected: &str) {
    assert_eq!(show(text), expected, "{text}");
}

#[test]
fn a_price_is_the_best_of_both_sides() {
    check(
        r#"{"type":"PRICE","time":"2026-07-13T12:00:00.093000000Z","bids":[{"price":"1.14273","liquidity":10000000}],"asks":[{"price":"1.14277","liquidity":"10000000"}],"closeoutBid":"1.14268","closeoutAsk":"1.14282","status":"tradeable","tradeable":true,"instrument":"EUR_USD"}"#,
        "EUR_USD 2026-07-13T12:00:00.093Z 1.14273 1.14277",
    );
    // Larger amounts at worse prices, in whatever order.
    check(
        r#"{"type":"PRICE","time":"2026-07-13T12:00:00Z","bids":[{"price":"4123.80"},{"price":"4123.95","liquidity":500}],"asks":[{"price":"4124.31"},{"price":"4124.50"}],"tradeable":true,"instrument":"XAU_USD"}"#,
        "XAU_USD 2026-07-13T12:00:00.000Z 4123.95 4124.31",
    );
    // Numbers are read as exactly as texts; the type and both words about trading may be absent.
    check(
        r#"{"instrument":"US30_USD","time":"2026-07-13T12:00:00Z","bids":[{"price":44871.3}],"asks":[{"price":44873}]}"#,
        "US30_USD 2026-07-13T12:00:00.000Z 44871.3 44873",
    );
}

#[test]
fn nobody_trades_at_a_closed_price() {
    for (fields, word) in [
        (
            r#""bids":[],"asks":[],"tradeable":false,"status":"non-tradeable""#,
            "closed",
        ),
        (
            r#""bids":[],"asks":[{"price":"2"}],"tradeable":true"#,
            "closed",
        ),
        (r#""bids":null,"tradeable":true"#, "closed"),
        (
            r#""bids":[{"price":"1"}],"asks":[{"price":"2"}],"tradeable":false"#,
            "closed",
        ),
        (
            r#""bids":[{"price":"1"}],"asks":[{"price":"2"}],"status":"non-tradeable""#,
            "closed",
        ),
        (
            r#""bids":[{"price":"1"}],"asks":[{"price":"2"}],"status":"tradeable""#,
            "1 2",
        ),
    ] {
        let text = format!(
            r#"{{"type":"PRICE","instrument":"NAS100_USD","time":"2026-07-13T21:00:01Z","closeoutBid":"29731.4",{fields}}}"#
        );
        check(
            &text,
            &format!("NAS100_USD 2026-07-13T21:00:01.000Z {word}"),
        );
    }
}

#[test]
fn other_lines_are_life_or_unreadable() {
    check(
        r#"{"type":"HEARTBEAT","time":"2026-07-13T12:00:05.000000000Z"}"#,
        "heartbeat 2026-07-13T12:00:05.000Z",
    );
    check(r#"{"type":"NEWS","text":"x"}"#, "other");
    for text in [
        "garbage line",
        "",
        "[]",
        r#"{"time":"2026-07-13T12:00:05Z"}"#,
        r#"{"type":"HEARTBEAT"}"#,
        r#"{"type":"PRICE","time":"2026-07-13T12:00:05Z"}"#,
        r#"{"type":"PRICE","instrument":"EUR_USD","time":"yesterday"}"#,
        r#"{"type":"PRICE","instrument":"EUR_USD","time":"2026-07-13T12:00:05Z","bids":[{"price":1.1e0}],"asks":[]}"#,
        r#"{"type":"PRICE","instrument":"EUR_USD","time":"2026-07-13T12:00:05Z","bids":[{"price":"NaN"}],"asks":[]}"#,
        r#"{"type":"PRICE","instrument":"EUR_USD","time":"2026-07-13T12:00:05Z","bids":[{"price":"1.0000000001"}],"asks":[]}"#,
        r#"{"type":"PRICE","instrument":"EUR_USD","time":"2026-07-13T12:00:05Z","bids":[{"price":null}],"asks":[]}"#,
    ] {
        assert!(show(text).starts_with("no: "), "{text}: {}", show(text));
    }
}

const ANSWER: &str = r#"{"instrument":"EUR_USD","granularity":"M1","candles":[
    {"complete":true,"volume":12,"time":"2026-07-13T12:00:00.000000000Z",
     "bid":{"o":"1.1","h":"1.3","l":"1.0","c":"1.2"},"ask":{"o":"1.11","h":"1.31","l":"1.01","c":"1.21"}},
    {"complete":true,"volume":1,"time":"2026-07-13T12:02:00.000000000Z","mid":{"o":"1","h":"1","l":"1","c":"1"}},
    {"complete":false,"volume":3,"time":"2026-07-13T12:03:00.000000000Z",
     "bid":{"o":"1.1","h":"1.3","l":"1.0","c":"1.2"},"ask":{"o":"1.11","h":"1.31","l":"1.01","c":"1.21"}}]}"#;

#[test]
fn only_closed_candles_are_bars_and_one_bad_one_costs_no_other() {
    let read = candles(ANSWER.as_bytes(), InstrumentId(3), Timeframe::M1).unwrap();
    assert!(read.reaches_now);
    let [bar] = read.closed.as_slice() else {
        panic!("{:?}", read.closed)
    };
    let price = |text: &str| Price::parse(text).unwrap();
    assert_eq!(bar.instrument, InstrumentId(3));
    assert_eq!(bar.open_time.to_string(), "2026-07-13T12:00:00.000Z");
    assert_eq!(bar.volume, None, "a count of prices is no volume");
    assert_eq!((bar.bid.open, bar.bid.high), (price("1.1"), price("1.3")));
    assert_eq!((bar.ask.low, bar.ask.close), (price("1.01"), price("1.21")));
    assert_eq!(read.unreadable.len(), 1, "{:?}", read.unreadable);
    assert!(read.unreadable[0].1.to_string().contains("bid"));
    assert!(candles(b"{}", InstrumentId(0), Timeframe::M1).is_err());
}

#[test]
fn accounts_instruments_and_refusals() {
    let text = br#"{"accounts":[{"id":"101-001-1234567-001","tags":[]},{"id":"101-001-1234567-002","tags":["x"]}]}"#;
    assert_eq!(
        accounts(text).unwrap(),
        ["101-001-1234567-001", "101-001-1234567-002"]
    );
    let text = br#"{"instruments":[{"name":"EUR_USD","type":"CURRENCY","pipLocation":-4}],"lastTransactionID":"7"}"#;
    assert_eq!(instruments(text).unwrap(), ["EUR_USD"]);
    assert!(accounts(b"<html>").is_err() && instruments(b"{}").is_err());
    let text = br#"{"errorMessage":"Insufficient authorization to perform request."}"#;
    assert_eq!(
        error_message(text).unwrap(),
        "Insufficient authorization to perform request."
    );
    assert_eq!(error_message(b"<html>520</html>"), None);
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_a_reason(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }

    /// Damaged lines come closer to what a reader believes than noise does.
    #[test]
    fn damaged_text_is_an_answer_or_a_reason(at in 0_usize..700, byte in any::<u8>(), cut in 0_usize..700) {
        for text in [ANSWER, r#"{"type":"PRICE","time":"2026-07-13T12:00:00.093Z","bids":[{"price":"1.14273"}],"asks":[{"price":1.2}],"tradeable":true,"instrument":"EUR_USD"}"#] {
            let mut bytes = text.as_bytes().to_vec();
            bytes.truncate(cut.max(1));
            let place = at % bytes.len();
            bytes[place] = byte;
            read_all(&bytes);
        }
    }
}

fn read_all(bytes: &[u8]) {
    let _ = line(bytes);
    let _ = candles(bytes, InstrumentId(0), Timeframe::M1);
    let _ = accounts(bytes);
    let _ = instruments(bytes);
    let _ = error_message(bytes);
}
