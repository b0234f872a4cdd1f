//! What Alpha Vantage answers, read. Errors come with HTTP 200 as a JSON object of one sentence, even where CSV was asked
//! for; what a sentence means is decided by its words.

use crate::decimal;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use market::{Price, SourceTime};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A quote, or one price that is neither bid nor ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub price: Price,
    /// Bid and ask, where the answer has both.
    pub sides: Option<(Price, Price)>,
    pub time: SourceTime,
}

/// The close of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Days from 1970-01-01.
    pub date: i32,
    pub close: Price,
}

/// Why an answer is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Calls came too fast, or the day's are used up: the sentence leaves it open.
    TooMany(String),
    /// The day's calls are used up.
    DayUsed(String),
    /// The function is not in the plan.
    Premium(String),
    /// The key is wrong, or the demonstration's.
    Key(String),
    /// The parameters are wrong: a symbol that is not known.
    Wrong(String),
    /// Nothing at all came: `{}`.
    Empty,
    /// A sentence that is not known: for somebody to read.
    Unknown(String),
    /// It is no answer of Alpha Vantage's.
    Unreadable(String),
}

/// The object that an answer is, by its keys.
type Object<'a> = BTreeMap<String, &'a RawValue>;

fn object(body: &str) -> Result<Object<'_>, Refusal> {
    let object: Object<'_> =
        serde_json::from_str(body).map_err(|error| Refusal::Unreadable(error.to_string()))?;
    if object.is_empty() {
        return Err(Refusal::Empty);
    }
    match refusal(&object) {
        Some(refusal) => Err(refusal),
        None => Ok(object),
    }
}

/// The sentence of an error, under one of its three names.
fn refusal(object: &Object<'_>) -> Option<Refusal> {
    let text = |name: &str| object.get(name).map(|raw| string(raw));
    if let Some(message) = text("Error Message") {
        let is_key = message.to_lowercase().contains("apikey");
        return Some(if is_key {
            Refusal::Key(message)
        } else {
            Refusal::Wrong(message)
        });
    }
    let message = text("Information").or_else(|| text("Note"))?;
    Some(meaning(message))
}

/// `Information` has three meanings. The sentences on limits also praise the premium endpoints, so limits come first; the one
/// of the free plan names the day's limit and the second's in one breath, and is said for either.
fn meaning(message: String) -> Refusal {
    let text = message.to_lowercase();
    let has = |words: &str| text.contains(words);
    if has("demo") && has("api key") {
        Refusal::Key(message)
    } else if has("sparingly") || has("per second") || has("per minute") {
        Refusal::TooMany(message)
    } else if has("requests per day") || has("calls per day") {
        Refusal::DayUsed(message)
    } else if has("premium endpoint") {
        Refusal::Premium(message)
    } else {
        Refusal::Unknown(message)
    }
}

fn string(raw: &RawValue) -> String {
    serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
}

#[derive(Deserialize)]
struct RateJson<'a> {
    #[serde(borrow, rename = "5. Exchange Rate")]
    rate: &'a RawValue,
    #[serde(borrow, rename = "6. Last Refreshed")]
    refreshed: &'a RawValue,
    #[serde(rename = "7. Time Zone")]
    zone: Option<String>,
    #[serde(borrow, rename = "8. Bid Price")]
    bid: Option<&'a RawValue>,
    #[serde(borrow, rename = "9. Ask Price")]
    ask: Option<&'a RawValue>,
}

/// Reads the answer to `CURRENCY_EXCHANGE_RATE`. Bid and ask may be missing or `-`.
///
/// # Errors
/// Why it is no answer.
pub fn exchange_rate(body: &str) -> Result<Quote, Refusal> {
    let object = object(body)?;
    let unreadable = |why: &str| Refusal::Unreadable(why.to_owned());
    let rate = object
        .get("Realtime Currency Exchange Rate")
        .ok_or_else(|| unreadable("there is no `Realtime Currency Exchange Rate`"))?;
    let rate: RateJson<'_> =
        serde_json::from_str(rate.get()).map_err(|error| unreadable(&error.to_string()))?;
    let side = |raw: Option<&RawValue>| decimal::price(raw?.get()).ok();
    let zone = rate.zone.as_deref().unwrap_or("UTC");
    Ok(Quote {
        price: decimal::price(rate.rate.get())
            .map_err(|error| unreadable(&format!("`5. Exchange Rate`: {error}")))?,
        sides: side(rate.bid).zip(side(rate.ask)),
        time: moment(rate.refreshed.get(), zone)
            .ok_or_else(|| unreadable("`6. Last Refreshed` is not a time"))?,
    })
}

/// Reads the answer to `GOLD_SILVER_SPOT`: a flat object with `price` and a time. The form of the time is not documented;
/// without a zone it is taken as UTC, as all times of currencies are there.
///
/// # Errors
/// Why it is no answer.
pub fn spot(body: &str) -> Result<Quote, Refusal> {
    let object = object(body)?;
    let find = |names: &[&str]| names.iter().find_map(|name| object.get(*name));
    let price = find(&["price"])
        .and_then(|raw| decimal::price(raw.get()).ok())
        .ok_or_else(|| Refusal::Unreadable("there is no `price`".to_owned()))?;
    let time = find(&["timestamp", "last_refreshed", "date"])
        .and_then(|raw| moment(raw.get(), "UTC"))
        .ok_or_else(|| Refusal::Unreadable("`timestamp` is not a time".to_owned()))?;
    let sides = None;
    Ok(Quote { price, sides, time })
}

/// A time as `2026-03-14 12:00:00`, with `T`, with a zone of its own, or as a count since 1970.
fn moment(text: &str, zone: &str) -> Option<SourceTime> {
    let text = decimal::unquote(text);
    if let Some(time) = decimal::stamp(text) {
        return Some(time);
    }
    if let Ok(time) = SourceTime::parse(text) {
        return Some(time);
    }
    let text = text.strip_suffix("UTC").unwrap_or(text).trim();
    let civil: DateTime = text.parse().ok()?;
    let zone = match zone {
        "US/Eastern" => TimeZone::get("America/New_York").ok()?,
        zone => TimeZone::get(zone).ok()?,
    };
    let stamp = zone.to_ambiguous_timestamp(civil).compatible().ok()?;
    let nanos = i64::try_from(stamp.as_nanosecond()).ok()?;
    Some(SourceTime::from_nanos(nanos))
}

/// Reads daily closes, in any of the forms they come in, oldest first: CSV with a header; an object of days by date
/// (`Time Series FX (Daily)`); a list of days with a `date` (`INDEX_DATA` and `GOLD_SILVER_HISTORY`, as public programs read
/// them). Days without a value are left out.
///
/// # Errors
/// Why it is no answer.
pub fn days(body: &str) -> Result<Vec<Day>, Refusal> {
    // An error is JSON even where CSV was asked for.
    let mut days = if body.trim_start().starts_with('{') {
        json_days(body)?
    } else {
        csv_days(body)
    };
    if days.is_empty() {
        return Err(Refusal::Unreadable("there are no days in it".to_owned()));
    }
    days.sort_by_key(|day| day.date);
    Ok(days)
}

fn json_days(body: &str) -> Result<Vec<Day>, Refusal> {
    let object = object(body)?;
    let mut found = Vec::new();
    for series in object.values() {
        found.extend(days_by_date(series.get()));
        found.extend(days_in_list(series.get()));
    }
    Ok(found)
}

fn days_by_date(text: &str) -> Vec<Day> {
    let Ok(days) = serde_json::from_str::<Object<'_>>(text) else {
        return Vec::new();
    };
    let day = |(date, fields): (&String, &&RawValue)| {
        let fields: Object<'_> = serde_json::from_str(fields.get()).ok()?;
        Some(Day {
            date: date_of(date)?,
            close: close_of(&fields)?,
        })
    };
    days.iter().filter_map(day).collect()
}

fn days_in_list(text: &str) -> Vec<Day> {
    let Ok(days) = serde_json::from_str::<Vec<Object<'_>>>(text) else {
        return Vec::new();
    };
    let day = |fields: &Object<'_>| {
        let date = fields.get("date").or_else(|| fields.get("timestamp"))?;
        Some(Day {
            date: date_of(&string(date))?,
            close: close_of(fields)?,
        })
    };
    days.iter().filter_map(day).collect()
}

/// `4. close`, `close`, `price` or `value`.
fn close_of(fields: &Object<'_>) -> Option<Price> {
    let named = |word: &str| fields.iter().find(|(name, _)| is_field(name, word));
    let (_, raw) = CLOSES.iter().find_map(|word| named(word))?;
    decimal::price(raw.get()).ok()
}

const CLOSES: [&str; 3] = ["close", "price", "value"];

/// Whether a name is the word, with or without a number before it.
fn is_field(name: &str, word: &str) -> bool {
    let bare = name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ' ');
    bare.eq_ignore_ascii_case(word)
}

/// Days from 1970-01-01 of the date that a text begins with.
fn date_of(text: &str) -> Option<i32> {
    let date: Date = text.trim().get(..10)?.parse().ok()?;
    let since = date.since(Date::constant(1970, 1, 1)).ok()?;
    Some(since.get_days())
}

fn csv_days(body: &str) -> Vec<Day> {
    let mut lines = body.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |word: &str| header.iter().position(|name| is_field(name.trim(), word));
    let date_at = column("timestamp").or_else(|| column("date"));
    let close_at = CLOSES.iter().find_map(|word| column(word));
    let (Some(date_at), Some(close_at)) = (date_at, close_at) else {
        return Vec::new();
    };
    let day = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        Some(Day {
            date: date_of(fields.get(date_at)?)?,
            close: decimal::price(fields.get(close_at)?).ok()?,
        })
    };
    lines.filter_map(day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    fn rate(bid: &str, zone: &str) -> String {
        format!(
            r#"{{"Realtime Currency Exchange Rate":{{"1. From_Currency Code":"USD","3. To_Currency Code":"JPY","5. Exchange Rate":"148.19900000","6. Last Refreshed":"2023-11-30 21:43:02","7. Time Zone":"{zone}","8. Bid Price":"{bid}","9. Ask Price":"148.20420000"}}}}"#
        )
    }

    #[test]
    fn a_rate_is_read_with_its_sides_if_it_has_both() {
        let quote = exchange_rate(&rate("148.19590000", "UTC")).unwrap();
        assert_eq!(quote.sides, Some((price("148.1959"), price("148.2042"))));
        assert_eq!(quote.time.to_string(), "2023-11-30T21:43:02.000Z");
        let eastern = exchange_rate(&rate("-", "US/Eastern")).unwrap();
        assert_eq!((eastern.price, eastern.sides), (price("148.199"), None));
        assert_eq!(eastern.time.to_string(), "2023-12-01T02:43:02.000Z");
        assert!(exchange_rate(&rate("1", "Mars/Olympus")).is_err());
        assert!(exchange_rate(r#"{"Realtime Currency Exchange Rate":{}}"#).is_err());
    }

    #[test]
    fn gold_is_read_whatever_its_time_looks_like() {
        for (time, expected) in [
            ("\"2026-03-14 12:00:00\"", "2026-03-14T12:00:00.000Z"),
            ("\"2026-03-14T12:00:00\"", "2026-03-14T12:00:00.000Z"),
            ("\"2026-03-14T12:00:00Z\"", "2026-03-14T12:00:00.000Z"),
            ("\"2026-03-14 12:00:00 UTC\"", "2026-03-14T12:00:00.000Z"),
            ("\"2026-03-14T12:00:00+01:00\"", "2026-03-14T11:00:00.000Z"),
            ("1773489600", "2026-03-14T12:00:00.000Z"),
            ("\"1773489600000\"", "2026-03-14T12:00:00.000Z"),
        ] {
            let body = format!(r#"{{"nominal":"XAUUSD","timestamp":{time},"price":"4123.95"}}"#);
            let quote = spot(&body).unwrap();
            assert_eq!(quote.time.to_string(), expected, "{time}");
            assert_eq!((quote.price, quote.sides), (price("4123.95"), None));
        }
        assert!(matches!(
            spot(r#"{"price":"4123.95","timestamp":"just now"}"#),
            Err(Refusal::Unreadable(_))
        ));
        assert!(spot(r#"{"price":4123.95,"timestamp":"2026-03-14 12:00:00"}"#).is_ok());
    }

    #[test]
    fn a_sentence_is_known_by_its_words() {
        let info = |text: &str| spot(&format!(r#"{{"Information":"{text}"}}"#)).unwrap_err();
        let free = "Thank you for using Alpha Vantage! Please consider spreading out your free API requests more sparingly. You may subscribe to any of the premium plans at https://www.alphavantage.co/premium/ to lift the free key rate limit (25 requests per day) and instantly unlock all premium endpoints";
        assert_eq!(info(free), Refusal::TooMany(free.to_owned()));
        let day = "We have detected your API key and our standard API rate limit is 25 requests per day. Please subscribe to any of the premium plans to instantly remove all daily rate limits.";
        assert_eq!(info(day), Refusal::DayUsed(day.to_owned()));
        let premium = "Thank you for using Alpha Vantage! This is a premium endpoint. You may subscribe to any of the premium plans to instantly unlock all premium endpoints";
        assert_eq!(info(premium), Refusal::Premium(premium.to_owned()));
        let demo =
            "The **demo** API key is for demo purposes only. Please claim your free API key.";
        assert_eq!(info(demo), Refusal::Key(demo.to_owned()));
        assert_eq!(
            info("We have moved."),
            Refusal::Unknown("We have moved.".to_owned())
        );
        let note = r#"{"Note":"Our standard API call frequency is 5 calls per minute and 500 calls per day."}"#;
        assert!(matches!(spot(note), Err(Refusal::TooMany(_))));
        let key = r#"{"Error Message":"the parameter apikey is invalid or missing."}"#;
        assert!(matches!(days(key), Err(Refusal::Key(_))));
        let wrong = r#"{"Error Message":"Invalid API call."}"#;
        assert!(matches!(exchange_rate(wrong), Err(Refusal::Wrong(_))));
        assert_eq!(spot("{}"), Err(Refusal::Empty));
        for no in [
            "",
            "<html>",
            "[1]",
            "Service Unavailable",
            "timestamp,close\n",
        ] {
            assert!(matches!(days(no), Err(Refusal::Unreadable(_))), "{no}");
        }
    }

    #[test]
    fn days_are_read_in_every_form() {
        let by_date = r#"{"Meta Data":{"1. Information":"Forex Daily Prices","6. Time Zone":"UTC"},"Time Series FX (Daily)":{
            "2026-07-13":{"1. open":"1.1","2. high":"1.3","3. low":"1.0","4. close":"1.2"},
            "2026-07-10":{"1. open":"1.1","2. high":"1.3","3. low":"1.0","4. close":"1.15"}}}"#;
        let list = r#"{"symbol":"SPX","name":"S&P 500","interval":"daily","data":[
            {"date":"2026-07-13","open":"1","high":"2","low":"1","close":"1.2"},
            {"date":"2026-07-11","open":".","close":"."},
            {"date":"2026-07-10","open":"1","close":"1.15"}]}"#;
        let gold = r#"{"name":"Gold Prices","interval":"daily","unit":"USD","data":[{"date":"2026-07-13","price":"1.2"},{"date":"2026-07-10","price":1.15}]}"#;
        let csv = "timestamp,open,high,low,close\r\n2026-07-13,1.1,1.3,1.0,1.2\r\n2026-07-10,1.1,1.3,1.0,1.15\r\nrubbish\r\n";
        let gold_csv = "date,price\n2026-07-13,1.2\n2026-07-10,1.15\n";
        let friday = Day {
            date: 20_644,
            close: price("1.15"),
        };
        let monday = Day {
            date: 20_647,
            close: price("1.2"),
        };
        for body in [by_date, list, gold, csv, gold_csv] {
            assert_eq!(days(body), Ok(vec![friday, monday]), "{body}");
        }
        let refused = r#"{"Information":"This is a premium endpoint."}"#;
        assert!(matches!(days(refused), Err(Refusal::Premium(_))));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            let _ = (exchange_rate(&text), spot(&text), days(&text));
        }
        #[test]
        fn any_value_is_read_or_refused(value in "[-0-9:.eTZ\" a-zé]{0,24}") {
            let text = serde_json::to_string(&value).unwrap();
            let _ = spot(&format!(r#"{{"price":{text},"timestamp":{text}}}"#));
            let _ = days(&format!(r#"{{"data":[{{"date":{text},"close":{text}}}],"x":{{{text}:{{"close":{text}}}}}}}"#));
            let _ = days(&format!("date,close\n{value},{value}"));
        }
    }
}
