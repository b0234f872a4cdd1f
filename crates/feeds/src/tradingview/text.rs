//! Alerts that are no JSON: lines with commas, JSON that an empty placeholder broke, and plain words.

use super::reader::{TEMPLATE, unfilled};
use crate::posted::Refusal;
use crate::posted::object::is_unfilled;
use axum::http::StatusCode;
use serde_json::{Map, Value};

/// The text as JSON: itself, or the fields of a line such as `anything,buy,EURUSD,price=1.0853,sl=1.0831,tp=1.0897`. The
/// first word of such lines is another service's licence, and is passed over.
pub(super) fn to_json(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.starts_with('{') {
        return Ok(text.to_owned());
    }
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    let action = words.iter().take(2).position(|word| is_action(word));
    let Some(rest) = action.and_then(|place| words.get(place..)) else {
        return Err(plain_words());
    };
    line(rest)
}

/// Action, symbol, and `name=value` as often as there are.
fn line(words: &[&str]) -> Result<String, Refusal> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: &str| fields.insert(name.to_owned(), value.into());
    for (word, name) in words.iter().zip(["action", "symbol"]) {
        put(name, word);
    }
    for word in words.iter().skip(2).filter(|word| !word.is_empty()) {
        let (name, value) = word.split_once('=').ok_or_else(|| {
            let what =
                "after action and symbol, a line has name=value: price=1.0853,sl=1.0831,tp=1.0897";
            Refusal::new(StatusCode::BAD_REQUEST, what)
        })?;
        let name = name.trim().to_ascii_lowercase();
        if put(&name, value.trim()).is_some() {
            return Err(Refusal::unreadable(name, "it is there twice: send it once"));
        }
    }
    let has = |name: &str| fields.contains_key(name);
    if (has("sl") || has("tp")) && !has("price") {
        let level = if has("sl") { "sl" } else { "tp" };
        return Err(Refusal::unreadable(
            level,
            "a line with levels needs the price they belong to, since other services mean pips by them and ORION means prices",
        )
        .remedy("add price={{close}}, and give sl and tp as prices: buy,{{ticker}},price={{close}},sl=1.0831,tp=1.0897"));
    }
    Ok(Value::Object(fields).to_string())
}

fn is_action(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    matches!(word.as_str(), "buy" | "sell" | "long" | "short") || ends_position(&word)
}

/// Words for the end of a position.
pub(super) fn ends_position(action: &str) -> bool {
    matches!(
        action,
        "exit"
            | "close"
            | "flat"
            | "closelong"
            | "closeshort"
            | "closeall"
            | "exit_long"
            | "exit_short"
    )
}

fn plain_words() -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "the message is plain words, from which no signal can be read",
    )
    .remedy(format!("paste this as the alert's message: {TEMPLATE}"))
}

/// Why a message that begins as JSON is none: mostly a placeholder that had no value.
pub(super) fn explain(text: &str, refusal: Refusal) -> Refusal {
    let pieces: Vec<&str> = text.split('"').collect();
    let names = pieces.iter().zip(pieces.iter().skip(1)).skip(1).step_by(2);
    for (name, after) in names {
        let Some(value) = after.trim_start().strip_prefix(':') else {
            continue;
        };
        // A value in quotes is the next piece; what is left here is one that stands without.
        let end = value
            .find([',', '}'])
            .filter(|_| !value.trim_start().starts_with("{{"));
        let value = &value[..end.unwrap_or(value.len())];
        let is_quoted = value.trim().is_empty() && end.is_none();
        if !is_quoted && is_unfilled(value) {
            let name: String = name.chars().take(40).collect();
            return unfilled(&name);
        }
    }
    Refusal {
        remedy: Some(format!(
            "{}; compare the message with: {TEMPLATE}",
            refusal.remedy.unwrap_or_default()
        )),
        ..refusal
    }
}
