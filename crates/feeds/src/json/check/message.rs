//! What may be wrong with a `[[message]]`.

use super::List;
use crate::json::form::{Form, Is, Kind, Message, PathText};
use crate::json::template::SYMBOL;

impl List {
    pub(super) fn messages(&mut self, form: &Form) {
        if !form.message.iter().any(|message| message.is == Is::Prices) {
            self.add(
                "message",
                "[..]",
                "no message brings prices",
                "add [[message]] with is = \"prices\"",
            );
        }
        for (place, message) in form.message.iter().enumerate() {
            self.foreign_keys(place, message);
            self.message(place, message, form);
            self.span(message_key(place, "pause_s"), message.pause_s, 0.001);
        }
    }

    fn message(&mut self, place: usize, message: &Message, form: &Form) {
        let mut lacks = |key: &str, reason: &str, remedy: &str| {
            self.add(message_key(place, key), "", reason, remedy);
        };
        match message.is {
            Is::Prices => {
                let asked_one_by_one = form.kind == Kind::Http && form.address.contains(SYMBOL);
                if message.symbol.is_none() && !asked_one_by_one {
                    lacks(
                        "symbol",
                        "it is not said which symbol a price is of",
                        "write the path of its name, or ask for one {symbol} at a time",
                    );
                }
                if message.bid.is_some() != message.ask.is_some() {
                    lacks(
                        "bid",
                        "bid and ask go together",
                        "write both, or price alone",
                    );
                }
                if message.bid.is_none() && message.price.is_none() {
                    lacks(
                        "bid",
                        "it is not said where the price is",
                        "write bid and ask, or price",
                    );
                }
            }
            Is::Confirmed if message.symbol.is_none() => {
                lacks(
                    "symbol",
                    "it is not said which symbol is confirmed",
                    "write the path of its name",
                );
            }
            Is::Error if message.class.is_none() => {
                lacks(
                    "class",
                    "it is not said what to do then",
                    "write fatal, transient, later or contested",
                );
            }
            Is::Error if message.when.is_empty() => {
                lacks(
                    "when",
                    "every message would be an error",
                    "say which messages are errors",
                );
            }
            Is::Confirmed
            | Is::Refused
            | Is::Welcome
            | Is::Authenticated
            | Is::Error
            | Is::Life => {}
        }
    }

    /// Keys that say nothing in a message of this meaning.
    fn foreign_keys(&mut self, place: usize, message: &Message) {
        use Is::{Confirmed, Error, Life, Prices, Refused};
        let keys: [(&str, bool, &[Is]); 13] = [
            (
                "each",
                message.each.is_some(),
                &[Prices, Confirmed, Refused],
            ),
            (
                "symbol",
                message.symbol.is_some(),
                &[Prices, Confirmed, Refused],
            ),
            ("bid", message.bid.is_some(), &[Prices]),
            ("ask", message.ask.is_some(), &[Prices]),
            ("price", message.price.is_some(), &[Prices]),
            ("time", message.time.is_some(), &[Prices]),
            ("unit", message.unit.is_some(), &[Prices]),
            ("zone", message.zone.is_some(), &[Prices]),
            ("reason", message.reason.is_some(), &[Refused, Error]),
            ("class", message.class.is_some(), &[Error]),
            ("remedy", message.remedy.is_some(), &[Error]),
            ("pause_s", message.pause_s.is_some(), &[Error]),
            ("answer", message.answer.is_some(), &[Life]),
        ];
        for (key, is_there, belongs) in keys {
            if is_there && !belongs.contains(&message.is) {
                let reason = format!(
                    "it says nothing in a message that is {}",
                    message.is.as_str()
                );
                self.add(message_key(place, key), "", &reason, "take it out");
            }
        }
    }
}

pub(super) fn message_key(place: usize, key: &str) -> String {
    format!("message[{}].{key}", place + 1)
}

pub(super) fn shown(message: &Message, key: &str) -> String {
    let path = match key {
        "each" => &message.each,
        "symbol" => &message.symbol,
        "bid" => &message.bid,
        "ask" => &message.ask,
        "price" => &message.price,
        "time" => &message.time,
        "reason" => &message.reason,
        "unit" => return message.unit.clone().unwrap_or_default(),
        "zone" => return message.zone.clone().unwrap_or_default(),
        _ => &None,
    };
    match path {
        Some(PathText::Dotted(path)) => path.clone(),
        Some(PathText::Names(names)) => format!("{names:?}"),
        None => String::new(),
    }
}
