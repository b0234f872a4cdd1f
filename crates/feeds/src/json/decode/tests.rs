//! Frames of the shipped sources, and what a file must be able to say beyond them.

use super::*;
use crate::json::{Description, shipped};
use crate::sample::catalog;
use proptest::prelude::*;
use std::fmt::Write as _;

/// What a frame says, in a line for each thing.
fn said_by(decoder: &Decoder, frame: &str, asked: Option<&str>) -> String {
    let catalog = catalog();
    let asked = asked.map(|symbol| catalog.find(symbol).unwrap());
    let mut found = Vec::new();
    decoder.decode(frame, asked, &mut found);
    let name = |id: InstrumentId| catalog.instrument(id).symbol;
    let mut lines = String::new();
    for found in found {
        let line = match found {
            Found::Quote {
                instrument,
                bid,
                ask,
                time,
            } => {
                let time = time.map_or("-".to_owned(), |time| time.to_string());
                format!("{} {bid} {ask} {time}", name(instrument))
            }
            Found::Confirmed(instrument) => format!("confirmed {}", name(instrument)),
            Found::Refused { instrument, reason } => {
                format!(
                    "refused {}: {reason}",
                    instrument.map_or("-".to_owned(), |id| name(id).to_string())
                )
            }
            Found::Failed(failed) => format!("{:?}: {}", failed.class, failed.reason),
            Found::Malformed { instrument, why } => {
                format!(
                    "malformed {}: {why}",
                    instrument.map_or("-".to_owned(), |id| name(id).to_string())
                )
            }
            other @ (Found::Welcome
            | Found::Authenticated
            | Found::Life { .. }
            | Found::Unknown) => format!("{other:?}"),
        };
        writeln!(lines, "{line}").unwrap();
    }
    lines
}

fn decoder(description: &Description) -> Decoder {
    let catalog = catalog();
    let changes = ["XAUUSD=XAU/USD".to_owned()];
    let symbols = description
        .symbols(
            &catalog,
            if description.title() == "Finnhub" {
                &[]
            } else {
                &changes
            },
        )
        .unwrap();
    Decoder::new(description, &symbols, &catalog)
}

fn check(description: &str, frame: &str, lines: &[&str]) {
    let said = match shipped(description) {
        Some(description) => said_by(&decoder(&description), frame, None),
        None => said_by(&decoder(&made_up(description)), frame, None),
    };
    assert_eq!(said.lines().collect::<Vec<_>>(), lines, "{frame}");
}

/// A description with the given messages, for a made-up vendor of EURUSD, XAUUSD and USDJPY.
fn made_up(messages: &str) -> Description {
    let head = r#"
        title = "Made up"
        kind = "websocket"
        address = "wss://example.com"
        audience = "own"
        licence = "none"
        plain_life = ["pong"]
        [symbols]
        EURUSD = { theirs = "EUR/USD", kind = "cash" }
        USDJPY = { theirs = "USD/JPY", kind = "cash" }
    "#;
    Description::parse(&format!("{head}{messages}")).unwrap()
}

#[test]
fn kraken() {
    let check = |frame, lines: &[&str]| check("kraken", frame, lines);
    check(
        r#"{"channel":"ticker","type":"update","data":[{"symbol":"EUR/USD","bid":1.1427,"bid_qty":1200.5,"ask":1.1429,"ask_qty":800.0,"last":1.1428,"volume":812345.1,"vwap":1.1421,"low":1.139,"high":1.1444,"change":0.0012,"change_pct":0.11,"timestamp":"2026-07-13T12:00:00.123456Z"}]}"#,
        &["EURUSD 1.1427 1.1429 2026-07-13T12:00:00.123Z"],
    );
    check(
        r#"{"channel":"ticker","type":"snapshot","data":[{"symbol":"EUR/USD","bid":1.1427,"ask":1.1429}]}"#,
        &["EURUSD 1.1427 1.1429 -"],
    );
    check(
        r#"{"channel":"ticker","data":[{"symbol":"BTC/USD","bid":1,"ask":2}]}"#,
        &["Life { answer: None }"],
    );
    check(
        r#"{"channel":"ticker","data":[{"symbol":"EUR/USD","bid":1.1427,"ask":null},{"symbol":"GBP/USD","bid":1.3e0,"ask":1.3}]}"#,
        &[
            "malformed EURUSD: it has neither bid and ask nor a price",
            "malformed GBPUSD: bid 1.3e0: it is not a plain decimal number such as 1.08505",
        ],
    );
    check(
        r#"{"channel":"ticker","data":[7,{"bid":1},null]}"#,
        &["malformed -: it names no symbol"; 3],
    );
    check(
        r#"{"channel":"ticker","data":7}"#,
        &["malformed -: where its elements should be is neither a list nor a map"],
    );
    check(
        r#"{"channel":"status","type":"update","data":[{"api_version":"v2","connection_id":1,"system":"online","version":"2.0.0"}]}"#,
        &["Life { answer: None }"],
    );
    check(
        r#"{"channel":"status","type":"update","data":[{"system":"maintenance"}]}"#,
        &["Later: maintenance", "Life { answer: None }"],
    );
    check(
        r#"{"method":"subscribe","result":{"channel":"ticker","symbol":"EUR/USD"},"success":true,"req_id":1}"#,
        &["confirmed EURUSD"],
    );
    check(
        r#"{"error":"Currency pair not supported GBP/USD","method":"subscribe","success":false,"symbol":"GBP/USD"}"#,
        &["refused GBPUSD: Currency pair not supported GBP/USD"],
    );
    check(
        r#"{"error":"EAPI:Rate limit exceeded","method":"subscribe","success":false}"#,
        &[
            "refused -: EAPI:Rate limit exceeded",
            "Later: EAPI:Rate limit exceeded",
        ],
    );
    check(
        r#"{"error":"Malformed request","method":"error","success":false}"#,
        &["Fatal: Malformed request"],
    );
    check(r#"{"channel":"heartbeat"}"#, &["Life { answer: None }"]);
    check(r#"{"channel":"instrument"}"#, &["Unknown"]);
    check(
        r#"{"channel":"ticker","data":[{"symbol":"EUR/USD","bid":1.1427,"ask":1.1429}"#,
        &["malformed -: EOF while parsing a list at line 1 column 74"],
    );
    check(
        "<html>",
        &["malformed -: expected value at line 1 column 1"],
    );
}

#[test]
fn finnhub_prices_get_the_ordinary_spread() {
    let check = |frame, lines: &[&str]| check("finnhub", frame, lines);
    check(
        r#"{"data":[{"c":null,"p":1.14275,"s":"OANDA:EUR_USD","t":1783944000093,"v":0},{"c":null,"p":1.14274,"s":"OANDA:EUR_USD","t":1783944000090,"v":0}],"type":"trade"}"#,
        &[
            "EURUSD 1.14269 1.14281 2026-07-13T12:00:00.093Z",
            "EURUSD 1.14268 1.1428 2026-07-13T12:00:00.090Z",
        ],
    );
    check(r#"{"type":"ping"}"#, &["Life { answer: None }"]);
    check(
        r#"{"msg":"Invalid symbol OANDA:EUR_USD","type":"error"}"#,
        &["refused EURUSD: Invalid symbol OANDA:EUR_USD"],
    );
    check(
        r#"{"msg":"Subscribing to too many symbols","type":"error"}"#,
        &["refused -: Subscribing to too many symbols"],
    );
    check(
        r#"{"data":[{"p":1.1,"s":"OANDA:EUR_USD","t":"soon"}],"type":"trade"}"#,
        &["malformed EURUSD: time \\\"soon\\\": it is no count since 1970"],
    );
}

#[test]
fn twelvedata_serves_some_symbols_and_refuses_others_in_one_message() {
    let check = |frame, lines: &[&str]| check("twelvedata", frame, lines);
    check(
        r#"{"event":"subscribe-status","status":"ok","success":[{"symbol":"EUR/USD","exchange":"","type":"Physical Currency"},{"symbol":"XAU/USD"}],"fails":[{"symbol":"GBP/USD"},{"symbol":"NOPE"}]}"#,
        &[
            "confirmed EURUSD",
            "confirmed XAUUSD",
            "refused GBPUSD: the source refuses it",
            "refused -: the source refuses it",
        ],
    );
    check(
        r#"{"event":"subscribe-status","status":"ok","success":[{"symbol":"EUR/USD"}],"fails":null}"#,
        &["confirmed EURUSD"],
    );
    check(
        r#"{"event":"price","symbol":"EUR/USD","timestamp":1783944000,"price":1.14275,"bid":1.14273,"ask":1.14277}"#,
        &["EURUSD 1.14273 1.14277 2026-07-13T12:00:00.000Z"],
    );
    check(
        r#"{"event":"price","symbol":"EUR/USD","timestamp":1783944000093,"price":1.14275}"#,
        &["EURUSD 1.14269 1.14281 2026-07-13T12:00:00.093Z"],
    );
    check(
        r#"{"event":"heartbeat","status":"ok"}"#,
        &["Life { answer: None }"],
    );
    check(
        r#"{"code":401,"message":"bad key","status":"error"}"#,
        &["Fatal: bad key"],
    );
    check(
        r#"{"code":"429","message":"slow down","status":"error"}"#,
        &["Later: slow down"],
    );
}

#[test]
fn an_element_may_be_anywhere_and_of_any_form() {
    // Lists with places instead of names, the time beside the list.
    let places = r#"
        [[message]]
        is = "prices"
        when = { type = "A" }
        each = "data"
        symbol = "1"
        bid = "4"
        ask = "5.0"
        time = "$.at"
    "#;
    check(
        places,
        r#"{"type":"A","at":1783944000,"data":[["Q","eurusd"],["Q","EUR\/USD",0,0,1.1,[1.2]]]}"#,
        &["EURUSD 1.1 1.2 2026-07-13T12:00:00.000Z"],
    );
    // A map by name, and bare values in it.
    let map = r#"
        [[message]]
        is = "prices"
        each = ["Rates of 5.0", "x"]
        symbol = "@name"
        price = "@"
    "#;
    check(
        map,
        r#"{"Rates of 5.0":{"x":{"EUR/USD":"1.1","USD/JPY":158.25,"X":2}}}"#,
        &["EURUSD 1.09994 1.10006 -", "USDJPY 158.244 158.256 -"],
    );
    // The message itself, several in a frame, rules that also look inside.
    let itself = r#"
        [[message]]
        is = "prices"
        when = { ev = "C", q.ok = true, x = "*" }
        symbol = "q.s"
        bid = "q.b"
        ask = "q.a"
        [[message]]
        is = "life"
        when = { ev = "ping" }
        answer = '{"ev":"pong"}'
        [[message]]
        is = "welcome"
        when = { ev = "hel*" }
        [[message]]
        is = "authenticated"
        when = { ev = 1 }
    "#;
    check(
        itself,
        r#" [{"ev":"C","x":1,"q":{"ok":true,"s":"EUR/USD","b":1,"a":2}},{"ev":"C","x":null,"q":{"ok":true}}] "#,
        &["EURUSD 1 2 -", "Unknown"],
    );
    check(
        itself,
        r#"{"ev":"p\u0069ng"}"#,
        &["Life { answer: Some(\"{\\\"ev\\\":\\\"pong\\\"}\") }"],
    );
    check(itself, r#"{"ev":"hello"}"#, &["Welcome"]);
    check(itself, r#"{"ev":"1"}"#, &["Authenticated"]);
    check(itself, "pong\n", &["Life { answer: None }"]);
    check(
        itself,
        "ping",
        &["malformed -: expected value at line 1 column 1"],
    );
    check(
        itself,
        r#"[{"ev":"hello"},7]"#,
        &["Welcome", "malformed -: it is no object"],
    );
}

#[test]
fn an_answer_for_one_symbol_needs_no_name() {
    let description = made_up("[[message]]\nis = \"prices\"\nsymbol = \"s\"\nprice = \"p\"");
    let mut named = decoder(&description);
    assert_eq!(
        said_by(&named, r#"{"s":"USD/JPY","p":1}"#, Some("EURUSD")),
        "USDJPY 0.994 1.006 -\n"
    );
    let Means::Prices(prices) = &mut named.plan.rules[0].means else {
        panic!("the rule is for prices");
    };
    prices.named.symbol = None;
    assert_eq!(
        said_by(&named, r#"{"p":1}"#, Some("EURUSD")),
        "EURUSD 0.99994 1.00006 -\n"
    );
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    let deep = format!(
        r#"{{"channel":"ticker","data":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let said = said_by(&decoder(&shipped("kraken").unwrap()), &deep, None);
    assert!(said.starts_with("malformed"), "{said}");
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(frame in ".{0,200}", asked in any::<bool>()) {
        for name in crate::json::SHIPPED {
            let _ = said_by(&decoder(&shipped(name).unwrap()), &frame, asked.then_some("EURUSD"));
        }
    }

    #[test]
    fn damaged_frames_are_read_without_panic(at in 0_usize..200, with in "[\\[\\]{}\",:0-9a-z\\\\ ]{0,3}", cut in 0_usize..4) {
        let frames = [
            r#"{"channel":"ticker","type":"update","data":[{"symbol":"EUR/USD","bid":1.1427,"ask":1.1429,"timestamp":"2026-07-13T12:00:00.123456Z"}]}"#,
            r#"{"data":[{"p":1.14275,"s":"OANDA:EUR_USD","t":1783944000093}],"type":"trade"}"#,
            r#"{"event":"subscribe-status","success":[{"symbol":"EUR/USD"}],"fails":[{"symbol":"NOPE"}]}"#,
        ];
        for (name, frame) in crate::json::SHIPPED.iter().zip(frames) {
            let at = at.min(frame.len());
            let damaged = format!("{}{with}{}", &frame[..at], &frame[(at + cut).min(frame.len())..]);
            let _ = said_by(&decoder(&shipped(name).unwrap()), &damaged, None);
        }
    }
}
