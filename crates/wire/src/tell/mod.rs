//! Server to client: every message as JSON text, written by hand so that the order of fields and the form of every number
//! are exactly those of `docs/protocol.md`.
//!
//! One wrong field blanks every open dashboard, so a payload is checked here, at the last place before the wire, and one
//! that breaks a rule is not written at all.

mod answer;
mod bar;
mod event;
mod features;
mod price;

pub use answer::{
    Bars, Follows, Heard, Limits, PastBars, Subscribed, auth_expiring, authenticated, closing,
    error, heartbeat, pong, slow, subscribed, unsubscribed,
};
pub use bar::bar;
pub use event::{EventBody, Place, signal};
pub use features::features;
pub use price::{Origin, PriceBody, price_update};

use market::SymbolStatus;
use std::fmt::{self, Write};

/// A payload that must not be published: drop it, count it, find who made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject} was not published: {fault}")]
pub struct BadPayload {
    /// Which one, such as `signal 7c0e...`.
    pub subject: String,
    /// The rule it breaks, with the value.
    pub fault: String,
}

/// `{"type":"status","payload":{...}}`: how a symbol's feed stands. `source` is left out while none has told a price.
#[must_use]
pub fn status(status: &SymbolStatus) -> String {
    let mut text = format!(
        r#"{{"type":"status","payload":{{"symbol":"{}","feed":"{}","since":"{}""#,
        status.symbol, status.feed, status.since,
    );
    if let Some(source) = &status.source {
        append(&mut text, format_args!(r#","source":{}"#, Quoted(source)));
    }
    append(
        &mut text,
        format_args!(r#","simulated":{}}}}}"#, status.simulated),
    );
    text
}

fn check_digits(digits: u8) -> Result<(), String> {
    rule(digits <= 9, || {
        format!("{digits} digits are more than a price has")
    })
}

fn rule(holds: bool, fault: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault()) }
}

/// A JSON list of what a function makes of each item and its place.
struct List<'a, T, F: Fn(&T, usize) -> String>(&'a [T], F);

impl<T, F: Fn(&T, usize) -> String> fmt::Display for List<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        for (place, item) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}", (self.1)(item, place))?;
        }
        f.write_char(']')
    }
}

/// A JSON string.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

fn append(text: &mut String, more: fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a String takes every text");
}

#[cfg(test)]
mod tests;
