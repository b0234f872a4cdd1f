//! Every rule, by a description that breaks it.

use super::*;
use crate::json::{SHIPPED, shipped_text};

const GOOD: &str = r#"
title = "Made up"
kind = "websocket"
address = "wss://example.com/{key}"
audience = "own"
licence = "none"
heartbeat_s = 5
silence_s = 30
key_variables = ["K"]
headers = { X-Key = "{key}" }
each_symbol = "{symbol}"
[symbols]
EURUSD = { theirs = "A", kind = "cash" }
[login]
send = "hello"
[subscribe]
send = "{symbols}"
[ping]
send = "ping"
every_s = 10
[[message]]
is = "prices"
symbol = "s"
bid = "b"
ask = "a"
time = "t"
unit = "ms"
zone = "UTC"
[[message]]
is = "error"
when = { e = 1 }
class = "later"
pause_s = 5
"#;

const HTTP: &str = r#"
title = "Made up"
kind = "http"
address = "https://example.com/{symbol}"
audience = "anybody"
licence = "none"
[symbols]
EURUSD = { theirs = "A", kind = "cash" }
USDJPY = { theirs = "B", kind = "cash" }
[poll]
every_s = 10
calls_per_day = 800
within_s = 5
[[message]]
is = "prices"
price = "p"
"#;

/// The problems of a description after a change of its text.
fn problems(good: &str, from: &str, to: &str) -> Vec<String> {
    assert!(good.contains(from), "no {from}");
    let changed = good.replacen(from, to, 1);
    match Description::parse(&changed) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.to_string().lines().map(str::to_owned).collect(),
    }
}

fn check(good: &str, from: &str, to: &str, expected: &str) {
    let found = problems(good, from, to);
    assert!(
        found.iter().any(|problem| problem.contains(expected)),
        "{from} -> {to}: {found:#?}"
    );
}

#[test]
fn good_descriptions_are_taken() {
    assert_eq!(problems(GOOD, "Made", "Made"), [""; 0]);
    assert_eq!(problems(HTTP, "Made", "Made"), [""; 0]);
    for name in SHIPPED {
        assert_eq!(
            problems(shipped_text(name).unwrap(), "title", "title"),
            [""; 0],
            "{name}"
        );
    }
}

#[test]
fn every_problem_names_key_value_reason_and_remedy() {
    for (from, to, expected) in [
        (
            "title = \"Made up\"",
            "title = \" \"",
            "title = \"\": it is empty; say it in a few words",
        ),
        (
            "licence = \"none\"",
            "licence = \"\"",
            "licence = \"\": it is empty",
        ),
        (
            "wss://example.com/{key}",
            "example.com/{key}",
            "address = example.com/{key}: it is no address; write wss://, a host and a path",
        ),
        (
            "wss://",
            "ws://",
            "the key would go through the net unencrypted; write wss://",
        ),
        (
            "wss://",
            "https://",
            "a source of this kind begins with wss://",
        ),
        (
            "{key}\"\naudience",
            "{symbol}\"\naudience",
            "{symbol} would need a connection for each",
        ),
        (
            "{key}\"\naudience",
            "{api_key}\"\naudience",
            "address = {api_key}: it is no place that can be filled",
        ),
        (
            "X-Key = \"{key}\"",
            "X-Key = \"{kee}\"",
            "headers.X-Key = {kee}: it is no place",
        ),
        (
            "X-Key = \"{key}\"",
            "\"X Key\" = \"{key}\"",
            "the name is not one of an HTTP header",
        ),
        (
            "X-Key = \"{key}\"",
            "X-Key = \"{symbols}\"",
            "a header holds plain characters",
        ),
        (
            "heartbeat_s = 5",
            "heartbeat_s = 30",
            "silence_s = 30: a connection would be given up between",
        ),
        (
            "silence_s = 30",
            "silence_s = -1",
            "silence_s = -1: it is no length of time",
        ),
        (
            "silence_s = 30",
            "silence_s = nan",
            "silence_s = NaN: it is no length of time",
        ),
        (
            "every_s = 10",
            "every_s = 0",
            "ping.every_s = 0: it is no length of time",
        ),
        ("pause_s = 5", "pause_s = 1e99", "message[2].pause_s = 1"),
        (
            "each_symbol = \"{symbol}\"",
            "each_symbol = \"x\"",
            "each_symbol = x: the name is not in it",
        ),
        (
            "EURUSD = {",
            "\"EUR/USD\" = {",
            "symbols.EUR/USD = A: `EUR/USD` is not a symbol",
        ),
        (
            "theirs = \"A\"",
            "theirs = \"\"",
            "symbols.EURUSD = \"\": it is no name",
        ),
        (
            "EURUSD = { theirs = \"A\", kind = \"cash\" }",
            "",
            "symbols = {}: no symbol is named",
        ),
        (
            "EURUSD =",
            "USDJPY = { theirs = \"A\", kind = \"cash\" }\nEURUSD =",
            "another symbol has this name",
        ),
        (
            "[login]",
            "[poll]\nevery_s = 1\n[login]",
            "poll = {..}: only http has it",
        ),
        (
            "send = \"hello\"",
            "send = \"{symbol}\"",
            "login.send = {symbol}: no symbols are filled in here",
        ),
        (
            "send = \"{symbols}\"",
            "send = \"{symbols}{symbol}\"",
            "subscribe.send = {symbols}{symbol}: it asks for one and for all",
        ),
        (
            "is = \"prices\"",
            "is = \"life\"",
            "message = [..]: no message brings prices",
        ),
        (
            "is = \"prices\"",
            "is = \"life\"",
            "message[1].bid: it says nothing in a message that is life; take it out",
        ),
        (
            "symbol = \"s\"",
            "",
            "message[1].symbol: it is not said which symbol a price is of",
        ),
        ("ask = \"a\"", "", "message[1].bid: bid and ask go together"),
        (
            "bid = \"b\"\nask = \"a\"",
            "",
            "message[1].bid: it is not said where the price is",
        ),
        (
            "bid = \"b\"",
            "bid = \"b..c\"",
            "message[1].bid = b..c: a path is names divided by single points",
        ),
        (
            "bid = \"b\"",
            "bid = []",
            "message[1].bid = []: a path is names",
        ),
        (
            "unit = \"ms\"",
            "unit = \"sec\"",
            "message[1].unit = sec: it is none of auto, s, ms",
        ),
        (
            "zone = \"UTC\"",
            "zone = \"New York\"",
            "message[1].zone = New York: it is no time zone such as",
        ),
        (
            "class = \"later\"",
            "",
            "message[2].class: it is not said what to do then",
        ),
        (
            "when = { e = 1 }",
            "",
            "message[2].when: every message would be an error",
        ),
        (
            "when = { e = 1 }",
            "when = { \"e.\" = 1 }",
            "message[2].when: a path is names",
        ),
        (
            "is = \"error\"",
            "is = \"confirmed\"",
            "message[2].symbol: it is not said which symbol is confirmed",
        ),
    ] {
        check(GOOD, from, to, expected);
    }
    for (from, to, expected) in [
        (
            "{symbol}",
            "{symbol}{symbols}",
            "it asks for one and for all at once",
        ),
        (
            "{symbol}",
            "all",
            "message[1].symbol: it is not said which symbol",
        ),
        (
            "[poll]",
            "[ping]\nevery_s = 1\n[poll]",
            "ping = {..}: only a websocket has it",
        ),
        (
            "[poll]",
            "[login]\nsend = \"x\"\n[poll]",
            "login = {..}: only a websocket has it",
        ),
        (
            "[poll]\nevery_s = 10\ncalls_per_day = 800\nwithin_s = 5",
            "",
            "poll = {}: it is not said how often to ask",
        ),
        (
            "calls_per_day = 800",
            "calls_per_day = 0",
            "poll.calls_per_day = 0: nothing could be asked",
        ),
        (
            "within_s = 5",
            "within_s = 0",
            "poll.within_s = 0: it is no length of time",
        ),
        (
            "[symbols]",
            "key_variables = [\"K\"]\n[symbols]",
            "key_variables = K: nothing sends the key",
        ),
        (
            "https://example.com/",
            "ftp://example.com/",
            "a source of this kind begins with https://",
        ),
    ] {
        check(HTTP, from, to, expected);
    }
}

#[test]
fn what_toml_refuses_is_told_with_its_place() {
    for (from, to, expected) in [
        ("title =", "titel =", "unknown field `titel`"),
        (
            "kind = \"websocket\"",
            "kind = \"carrier\"",
            "unknown variant `carrier`",
        ),
        ("audience = \"own\"", "", "missing field `audience`"),
        (
            "bid = \"b\"",
            "bid = 7",
            "a path such as \"data.bid\", or a list of names",
        ),
        (
            "bid = \"b\"",
            "bid = \"b\"\nvolume = \"v\"",
            "unknown field `volume`",
        ),
        (
            "class = \"later\"",
            "class = \"deadly\"",
            "unknown variant `deadly`",
        ),
        (
            "title = \"Made up\"",
            "title = ",
            "the description: TOML parse error at line 2",
        ),
    ] {
        check(GOOD, from, to, expected);
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let found = problems(
        &GOOD.replace("every_s = 10", "every_s = 0"),
        "title = \"Made up\"",
        "title = \"\"",
    );
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[test]
fn too_many_names_are_too_many() {
    let rules: String = (0..30)
        .map(|number| format!("[[message]]\nis = \"life\"\nwhen = {{ n{number} = 1 }}\n"))
        .collect();
    check(
        &format!("{GOOD}{rules}"),
        "Made",
        "Made",
        "look up more than 24 names of one object",
    );
}

#[test]
fn this_machine_is_known_by_any_of_its_names() {
    for (host, is) in [
        ("127.0.0.1", true),
        ("127.0.0.1:80", true),
        ("localhost:80/x", true),
        ("[::1]:80", true),
        ("127.example.com", false),
        ("localhost.example.com", false),
        ("10.0.0.1", false),
    ] {
        assert_eq!(is_loopback(host), is, "{host}");
    }
}
