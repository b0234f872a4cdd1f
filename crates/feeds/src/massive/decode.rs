//! What Massive's WebSocket sends, read. A frame is an array that mixes answers and data of several tickers; each element is
//! read by itself, so that a bad one costs none of the others.

use crate::decimal;
use market::{Price, SourceTime};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// One element of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// A quote of a currency pair, such as `EUR/USD` (event `C`).
    Quote {
        pair: Cow<'a, str>,
        bid: Price,
        ask: Price,
        time: SourceTime,
    },
    /// The value of an index, such as `I:SPX` (event `V`): one number, nothing was quoted.
    Value {
        ticker: Cow<'a, str>,
        value: Price,
        time: SourceTime,
    },
    /// How the connection or a subscription stands.
    Status {
        status: Cow<'a, str>,
        message: Cow<'a, str>,
    },
    /// An event that ORION does not ask for, or one that is yet to be invented.
    Other,
}

/// An element that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad<'a> {
    pub text: &'a str,
    /// Whom it spoke of, where that much could be read.
    pub ticker: Option<Cow<'a, str>>,
    pub why: String,
}

/// Reads a frame and hands on each element in order. Where the array itself is broken, what stood before the break is
/// handed on all the same, then the frame as [`Bad`].
pub fn decode<'a>(frame: &'a str, mut each: impl FnMut(Result<Element<'a>, Bad<'a>>)) {
    if !frame.trim_start().starts_with('[') {
        each(element(frame));
        return;
    }
    let elements = Elements(|text| each(element(text)));
    let mut json = serde_json::Deserializer::from_str(frame);
    let read = json.deserialize_seq(elements).and_then(|()| json.end());
    if let Err(error) = read {
        each(Err(bad(frame, None, error.to_string())));
    }
}

struct Elements<F>(F);

impl<'de, F: FnMut(&'de str)> Visitor<'de> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<&'de RawValue>()? {
            (self.0)(element.get());
        }
        Ok(())
    }
}

/// The fields of all events that are read; `p` is the pair of a `C` and the price of others.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    ev: &'a RawValue,
    #[serde(borrow)]
    p: Option<&'a RawValue>,
    #[serde(borrow)]
    a: Option<&'a RawValue>,
    #[serde(borrow)]
    b: Option<&'a RawValue>,
    #[serde(borrow)]
    t: Option<&'a RawValue>,
    #[serde(borrow, rename = "T")]
    ticker: Option<&'a RawValue>,
    #[serde(borrow)]
    val: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

fn element(text: &str) -> Result<Element<'_>, Bad<'_>> {
    let event: Event<'_> =
        serde_json::from_str(text).map_err(|error| bad(text, None, error.to_string()))?;
    match decimal::unquote(event.ev.get()) {
        "C" => quote(text, &event),
        "V" => value(text, &event),
        "status" => Ok(Element::Status {
            status: event.status.and_then(string).unwrap_or_default(),
            message: event.message.and_then(string).unwrap_or_default(),
        }),
        _ => Ok(Element::Other),
    }
}

fn quote<'a>(text: &'a str, event: &Event<'a>) -> Result<Element<'a>, Bad<'a>> {
    let pair = name(text, "p", event.p)?;
    let fail = |why| bad(text, Some(pair.clone()), why);
    Ok(Element::Quote {
        bid: price("b", event.b).map_err(fail)?,
        ask: price("a", event.a).map_err(fail)?,
        time: time(event.t).map_err(fail)?,
        pair,
    })
}

fn value<'a>(text: &'a str, event: &Event<'a>) -> Result<Element<'a>, Bad<'a>> {
    let ticker = name(text, "T", event.ticker)?;
    let fail = |why| bad(text, Some(ticker.clone()), why);
    Ok(Element::Value {
        value: price("val", event.val).map_err(fail)?,
        time: time(event.t).map_err(fail)?,
        ticker,
    })
}

fn bad<'a>(text: &'a str, ticker: Option<Cow<'a, str>>, why: String) -> Bad<'a> {
    Bad { text, ticker, why }
}

fn name<'a>(
    text: &'a str,
    field: &str,
    raw: Option<&'a RawValue>,
) -> Result<Cow<'a, str>, Bad<'a>> {
    raw.and_then(string)
        .ok_or_else(|| bad(text, None, format!("`{field}` is not a name")))
}

fn price(field: &str, raw: Option<&RawValue>) -> Result<Price, String> {
    let raw = raw.ok_or_else(|| format!("`{field}` is missing"))?;
    decimal::price(raw.get()).map_err(|error| format!("`{field}`: {error}"))
}

fn time(raw: Option<&RawValue>) -> Result<SourceTime, String> {
    raw.and_then(|raw| decimal::stamp(raw.get()))
        .ok_or_else(|| "`t` is not a time since 1970".to_owned())
}

/// A JSON text; most have no escapes, and are borrowed.
pub(super) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(raw.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    fn check(frame: &str, expected: Expect) {
        let mut lines = String::new();
        decode(frame, |element| lines += &(show(element) + "\n"));
        expected.assert_eq(&lines);
    }

    fn show(element: Result<Element<'_>, Bad<'_>>) -> String {
        match element {
            Ok(Element::Quote {
                pair,
                bid,
                ask,
                time,
            }) => format!("{pair} {bid} {ask} {time}"),
            Ok(Element::Value {
                ticker,
                value,
                time,
            }) => format!("{ticker} {value} {time}"),
            Ok(Element::Status { status, message }) => format!("{status}: {message}"),
            Ok(Element::Other) => "other".to_owned(),
            Err(Bad { ticker, why, .. }) => format!("bad {ticker:?}: {why}"),
        }
    }

    #[test]
    fn a_frame_mixes_answers_and_data_and_a_bad_element_costs_no_other() {
        check(
            r#"[{"ev":"C","p":"EUR/USD","x":48,"a":1.14277,"b":1.14273,"t":1783944000093},
                {"ev":"status","status":"success","message":"subscribed to: C.USD/JPY"},
                {"ev":"C","p":"EUR/USD","x":48,"a":"bad","b":1.1427,"t":1783944060100},
                7, {"ev":"CA","pair":"EUR/USD","o":1.1}, {"p":"EUR/USD"},
                {"ev":"XT","p":1.5,"t":1783944060100},
                {"ev":"C","p":"GBP\/USD","a":"1.34131","b":1.34128,"t":1783944000}]"#,
            expect![[r#"
                EUR/USD 1.14273 1.14277 2026-07-13T12:00:00.093Z
                success: subscribed to: C.USD/JPY
                bad Some("EUR/USD"): `a`: it is not a plain decimal number such as 1.08505
                bad None: invalid type: integer `7`, expected struct Event at line 1 column 1
                other
                bad None: missing field `ev` at line 1 column 15
                other
                GBP/USD 1.34128 1.34131 2026-07-13T12:00:00.000Z
            "#]],
        );
    }

    #[test]
    fn index_values_come_in_milliseconds_or_seconds() {
        check(
            r#"[{"ev":"V","val":3988.5,"T":"I:SPX","t":1678220098130},{"ev":"V","val":3988.4500000000003,"T":"I:SPX","t":1678220098},{"ev":"V","T":"I:SPX","t":1678220098},{"ev":"V","val":1,"T":"I:SPX"}]"#,
            expect![[r#"
                I:SPX 3988.5 2023-03-07T20:14:58.130Z
                I:SPX 3988.45 2023-03-07T20:14:58.000Z
                bad Some("I:SPX"): `val` is missing
                bad Some("I:SPX"): `t` is not a time since 1970
            "#]],
        );
    }

    #[test]
    fn what_stood_before_a_break_is_kept() {
        check(
            r#"[{"ev":"V","val":1.5,"T":"I:NDX","t":1678220098130},{"ev":"V","val":2.5,"T":"I:N"#,
            expect![[r#"
                I:NDX 1.5 2023-03-07T20:14:58.130Z
                bad None: EOF while parsing a string at line 1 column 80
            "#]],
        );
        check(
            "[]x",
            expect![[r#"
                bad None: trailing characters at line 1 column 3
            "#]],
        );
        check("[]", expect![""]);
        check(
            r#"{"ev":"status","status":"auth_failed"}"#,
            expect![[r#"
                auth_failed: 
            "#]],
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            decode(&text, |_| ());
        }

        #[test]
        fn any_element_is_read_or_refused(ev in "C|V|status|x", value in "[0-9eE.+\"\\[\\]{},:a-z-]{0,12}") {
            decode(&format!(r#"[{{"ev":"{ev}","p":{value},"a":{value},"b":{value},"t":{value},"T":{value},"val":{value},"status":{value}}}]"#), |_| ());
        }
    }
}
