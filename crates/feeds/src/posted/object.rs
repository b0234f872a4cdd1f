//! One JSON object whose values keep the text they were written as, so that a price is read as it was written and an error
//! can name its field.

use super::number::{NotExact, exact};
use super::refusal::Refusal;
use axum::http::StatusCode;
use market::{Price, SourceTime};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Whose habits a text follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// A number is a JSON number, true is `true`.
    Strict,
    /// TradingView fills its placeholders into quotes as well: `"price":"1.0853"` is a number too.
    Quoted,
}

/// The fields of one JSON object, each with its value's text.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    fields: BTreeMap<Cow<'a, str>, &'a str>,
    habit: Habit,
}

/// A field that is there and not null: the name it was sent under, and its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'o> {
    pub(crate) name: &'static str,
    text: &'o str,
    habit: Habit,
}

/// Most field names an answer tells back as not understood, and the longest of them.
const IGNORED_MAX: usize = 8;
const IGNORED_CHARS: usize = 40;

impl<'a> Object<'a> {
    /// Reads a body that has to be one JSON object.
    pub(crate) fn read(body: &'a [u8], habit: Habit) -> Result<Self, Refusal> {
        let pairs: Pairs = serde_json::from_slice(body).map_err(|error| not_json(&error))?;
        let mut fields = BTreeMap::new();
        for (name, value) in pairs.0 {
            if fields.contains_key(&name) {
                let name = shorten(&name);
                return Err(Refusal::unreadable(name, "it is there twice: send it once"));
            }
            fields.insert(name, value.get());
        }
        Ok(Self { fields, habit })
    }

    /// The first of these fields that is there and not null.
    pub(crate) fn get(&self, names: &[&'static str]) -> Option<Field<'_>> {
        let habit = self.habit;
        names.iter().find_map(|&name| {
            let text = self.fields.get(name).filter(|text| **text != "null")?;
            Some(Field { name, text, habit })
        })
    }

    /// Those of `known` that are there and not null.
    pub(crate) fn received(&self, known: &[&'static str]) -> Vec<&'static str> {
        let is_there = |name: &&&'static str| self.get(&[**name]).is_some();
        known.iter().filter(is_there).copied().collect()
    }

    /// Names of fields that ORION knows nothing to do with: a `stoploss` that was meant as `stop_loss` is among them.
    pub(crate) fn ignored(&self, known: &[&'static str]) -> Vec<String> {
        let unknown = self
            .fields
            .keys()
            .filter(|name| !known.contains(&name.as_ref()));
        unknown
            .take(IGNORED_MAX)
            .map(|name| shorten(name))
            .collect()
    }
}

fn shorten(name: &str) -> String {
    name.chars().take(IGNORED_CHARS).collect()
}

/// Where the text stops being JSON, in words of ours: the parser's own may repeat what was sent.
fn not_json(error: &serde_json::Error) -> Refusal {
    let what = match error.classify() {
        serde_json::error::Category::Data => "it is not one JSON object, {...}".to_owned(),
        serde_json::error::Category::Eof => "it ends in the middle".to_owned(),
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
            format!("look at line {}, column {}", error.line(), error.column())
        }
    };
    Refusal::new(StatusCode::BAD_REQUEST, "Invalid JSON format").remedy(what)
}

struct Pairs<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
        let mut pairs = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            pairs.push((name, map.next_value()?));
        }
        Ok(Pairs(pairs))
    }
}

/// A name that is borrowed unless it has escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'o> Field<'o> {
    /// The text of a JSON string, trimmed; `None` for every other kind of value.
    pub(crate) fn quoted(&self) -> Option<String> {
        let text: String = serde_json::from_str(self.text).ok()?;
        Some(text.trim().to_owned())
    }

    /// A string of at most `max` bytes.
    pub(crate) fn string(&self, max: usize) -> Result<String, Refusal> {
        let text = self
            .quoted()
            .ok_or_else(|| Refusal::unreadable(self.name, "it is no text: send it in quotes"))?;
        self.within(text, max)
    }

    /// A string, or a whole number as it is written: some senders count their ids.
    pub(crate) fn string_or_count(&self, max: usize) -> Result<String, Refusal> {
        let is_count = self.text.bytes().all(|b| b.is_ascii_digit());
        if is_count {
            self.within(self.text.to_owned(), max)
        } else {
            self.string(max)
        }
    }

    fn within(&self, text: String, max: usize) -> Result<String, Refusal> {
        if text.len() <= max {
            return Ok(text);
        }
        let what = format!("it has {} bytes, and at most {max} are taken", text.len());
        Err(Refusal::unreadable(self.name, what))
    }

    pub(crate) fn number(&self) -> Result<Price, Refusal> {
        number(self.text, self.habit, || self.name.to_owned())
    }

    /// A number above zero.
    pub(crate) fn price(&self) -> Result<Price, Refusal> {
        positive(self.number()?, || self.name.to_owned())
    }

    /// A list of prices; a single one is a list of one where that is the habit.
    pub(crate) fn prices(&self, max: usize) -> Result<Vec<Price>, Refusal> {
        if self.habit == Habit::Quoted && !self.text.starts_with('[') {
            return Ok(vec![self.price()?]);
        }
        let items = self.items("numbers, such as [1.0870, 1.0890]", max)?;
        let price = |(place, item): (usize, &&RawValue)| {
            let name = || format!("{}[{place}]", self.name);
            positive(number(item.get(), self.habit, name)?, name)
        };
        items.iter().enumerate().map(price).collect()
    }

    /// A list of short texts.
    pub(crate) fn strings(&self, max: usize, bytes: usize) -> Result<Vec<String>, Refusal> {
        let items = self.items("texts, such as [\"TP1 50%\", \"TP2 50%\"]", max)?;
        let text = |(place, item): (usize, &&RawValue)| {
            let text: Option<String> = serde_json::from_str(item.get()).ok();
            let text = text.filter(|text| text.len() <= bytes);
            let what = format!("it is no text of at most {bytes} bytes");
            text.ok_or_else(|| Refusal::unreadable(format!("{}[{place}]", self.name), what))
        };
        items.iter().enumerate().map(text).collect()
    }

    fn items(&self, of: &str, max: usize) -> Result<Vec<&'o RawValue>, Refusal> {
        let items: Result<Vec<&RawValue>, _> = serde_json::from_str(self.text);
        let items =
            items.map_err(|_| Refusal::unreadable(self.name, format!("it is no list of {of}")))?;
        if items.len() <= max {
            return Ok(items);
        }
        let what = format!(
            "it has {} entries, and at most {max} are taken",
            items.len()
        );
        Err(Refusal::unreadable(self.name, what))
    }

    pub(crate) fn flag(&self) -> Result<bool, Refusal> {
        let quoted = self.quoted().filter(|_| self.habit == Habit::Quoted);
        match quoted.as_deref().unwrap_or(self.text) {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Refusal::unreadable(
                self.name,
                "it is neither true nor false",
            )),
        }
    }

    /// A time with its offset, as RFC 3339 writes it, or Unix time in seconds or milliseconds.
    pub(crate) fn time(&self) -> Result<SourceTime, Refusal> {
        let wrong = || {
            let what = "it is no time with its offset: send it like 2026-11-23T14:05:00Z";
            Refusal::unreadable(self.name, what)
        };
        let digits = match self.quoted() {
            Some(text) if !is_whole(&text) => {
                return SourceTime::parse(&text).map_err(|_| wrong());
            }
            Some(digits) => digits,
            None => self.text.to_owned(),
        };
        unix_time(&digits).ok_or_else(wrong)
    }
}

fn is_whole(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Below this, a count since 1970 is one of seconds (until the year 5138), above it one of milliseconds (from 1973 on).
const SECONDS_MAX: i64 = 100_000_000_000;
/// 2200-01-01 in milliseconds: what lies beyond is no time of a market.
const MILLIS_MAX: i64 = 7_258_118_400_000;

fn unix_time(text: &str) -> Option<SourceTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !is_whole(whole) || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: i64 = whole.parse().ok()?;
    let millis = if count < SECONDS_MAX {
        let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
        count * 1000 + thousandths.parse::<i64>().ok()?
    } else {
        count
    };
    (millis <= MILLIS_MAX).then(|| SourceTime::from_millis(millis))
}

fn number(text: &str, habit: Habit, name: impl Fn() -> String) -> Result<Price, Refusal> {
    let quoted: Option<String> = serde_json::from_str(text).ok();
    let text = match (&quoted, habit) {
        (None, _) => text,
        (Some(text), Habit::Quoted) => text.trim(),
        (Some(_), Habit::Strict) => {
            let what = "it is a text and has to be a number: send 1.0853, without quotes";
            return Err(Refusal::unreadable(name(), what));
        }
    };
    exact(text).map_err(|why| match why {
        NotExact::NotANumber if habit == Habit::Quoted && is_unfilled(text) => {
            Refusal::unreadable(name(), "its placeholder was not filled in").remedy(
                "leave the field out of the message, or use a placeholder that has a value here",
            )
        }
        NotExact::NotANumber => Refusal::unreadable(name(), "it is no number, such as 1.0853"),
        NotExact::TooLarge => Refusal::unreadable(name(), why),
    })
}

/// What stands where TradingView had no value: `NaN`, `na`, nothing, or the placeholder itself.
pub(crate) fn is_unfilled(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || text.contains("{{")
        || ["nan", "na", "null"]
            .iter()
            .any(|empty| text.eq_ignore_ascii_case(empty))
}

fn positive(price: Price, name: impl Fn() -> String) -> Result<Price, Refusal> {
    if price.is_positive() {
        Ok(price)
    } else {
        let what = format!("{price} is no price: it has to be above 0");
        Err(Refusal::unreadable(name(), what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error<T: fmt::Debug>(result: Result<T, Refusal>) -> String {
        result.unwrap_err().error
    }

    #[test]
    fn a_number_is_read_as_its_sender_writes_numbers() {
        let text = br#"{"a":1.5,"b":"1.5","c":null,"d":"1,5","e":0,"f":"NaN","g":[1],"h":" 2 "}"#;
        let strict = Object::read(text, Habit::Strict).unwrap();
        let quoted = Object::read(text, Habit::Quoted).unwrap();
        let price = |object: &Object<'_>, name| object.get(&[name]).unwrap().price();
        assert_eq!(price(&strict, "a").unwrap().to_string(), "1.5");
        assert_eq!(price(&quoted, "b").unwrap().to_string(), "1.5");
        assert_eq!(price(&quoted, "h").unwrap().to_string(), "2");
        assert!(error(price(&strict, "b")).contains("`b`: it is a text"));
        assert!(error(price(&quoted, "d")).contains("`d`: it is no number"));
        assert!(error(price(&quoted, "e")).contains("above 0"));
        assert!(error(price(&quoted, "f")).contains("placeholder was not filled"));
        assert!(error(price(&strict, "g")).contains("`g`: it is no number"));
        assert!(strict.get(&["c"]).is_none(), "null is as absent");
        assert_eq!(
            strict.get(&["c", "x", "a"]).map(|field| field.name),
            Some("a")
        );
    }

    #[test]
    fn lists_name_the_entry_that_is_wrong() {
        let text = br#"{"tp":[1.1,null,"x"],"one":1.1,"many":[1,2,3,4,5],"modes":["TP1",2]}"#;
        let strict = Object::read(text, Habit::Strict).unwrap();
        let quoted = Object::read(text, Habit::Quoted).unwrap();
        let list = |object: &Object<'_>, name| object.get(&[name]).unwrap().prices(4);
        assert!(error(list(&strict, "tp")).contains("`tp[1]`"));
        assert!(error(list(&strict, "one")).contains("`one`: it is no list"));
        assert_eq!(list(&quoted, "one").unwrap().len(), 1);
        assert!(error(list(&strict, "many")).contains("5 entries"));
        let modes = strict.get(&["modes"]).unwrap().strings(4, 32);
        assert!(error(modes).contains("`modes[1]`"));
    }

    #[test]
    fn times_have_an_offset_or_are_counted_since_1970() {
        let check = |value: &str, expected: Option<&str>| {
            let text = format!("{{\"t\":{value}}}");
            let object = Object::read(text.as_bytes(), Habit::Strict).unwrap();
            let time = object.get(&["t"]).unwrap().time().ok();
            let shown = time.map(|time| time.to_string());
            assert_eq!(shown.as_deref(), expected, "{value}");
        };
        check(
            r#""2025-08-31T16:57:38Z""#,
            Some("2025-08-31T16:57:38.000Z"),
        );
        check(
            r#""2025-08-31T16:57:38.25-04:00""#,
            Some("2025-08-31T20:57:38.250Z"),
        );
        check("1756659458", Some("2025-08-31T16:57:38.000Z"));
        check("1756659458.25", Some("2025-08-31T16:57:38.250Z"));
        check("1756659458123", Some("2025-08-31T16:57:38.123Z"));
        check(r#""1756659458123""#, Some("2025-08-31T16:57:38.123Z"));
        for wrong in [
            r#""2025-08-31T16:57:38""#,
            r#""yesterday""#,
            r#""""#,
            "true",
            "-1",
            "1e9",
            "99999999999999999999",
            "9999999999999999",
            "[]",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn what_is_not_one_object_is_refused_without_repeating_it() {
        for text in [
            "",
            "[]",
            "\"secret\"",
            "{",
            "{\"a\":1}{",
            "{\"a\":NaN}",
            "{'a':1}",
            "null",
            "\u{feff}{}",
            "{\"a\":1,}",
        ] {
            let refusal = Object::read(text.as_bytes(), Habit::Strict).unwrap_err();
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST, "{text}");
            assert_eq!(refusal.error, "Invalid JSON format");
            assert!(!format!("{refusal:?}").contains("secret"), "{refusal:?}");
        }
        let twice = Object::read(br#"{"id":"1","i\u0064":"2"}"#, Habit::Strict).unwrap_err();
        assert_eq!(twice.error, "`id`: it is there twice: send it once");
    }

    #[test]
    fn fields_nobody_reads_are_told_back_shortened() {
        let long = "x".repeat(99);
        let text = format!("{{\"stoploss\":1,\"{long}\":2,\"id\":\"1\"}}");
        let object = Object::read(text.as_bytes(), Habit::Strict).unwrap();
        assert_eq!(
            object.ignored(&["id"]),
            ["stoploss".to_owned(), "x".repeat(40)]
        );
        assert_eq!(object.received(&["symbol", "id"]), ["id"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_object_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Object::read(&bytes, Habit::Quoted);
        }

        #[test]
        fn any_value_is_read_or_refused(value in "\\PC{0,30}|[-0-9.eE\"\\[\\],]{0,30}") {
            let text = format!("{{\"v\":{value}}}");
            if let Ok(object) = Object::read(text.as_bytes(), Habit::Quoted)
                && let Some(field) = object.get(&["v"])
            {
                let _ = (field.price(), field.prices(4), field.strings(4, 9), field.flag(), field.time());
                let _ = (field.string(9), field.string_or_count(9));
            }
        }
    }
}
