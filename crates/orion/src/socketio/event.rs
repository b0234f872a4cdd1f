//! What is said in events, as messages, and the other way round.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// What a client may show of itself when it connects: `io(url, {auth: {token}})`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Shown {
    #[serde(default)]
    pub(super) token: Option<String>,
}

/// A message of the server, as far as it is read here.
#[derive(Debug, Deserialize)]
pub(super) struct Heard<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl<'a> Heard<'a> {
    /// `None` where it is no message.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The one argument of the event: the payload, to the byte; of a message that has none, all of it but its type.
    pub(super) fn argument(&self, text: &str) -> Box<RawValue> {
        if let Some(payload) = self.payload {
            return payload.to_owned();
        }
        let mut all: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        all.remove("type");
        serde_json::value::to_raw_value(&all).unwrap_or_default()
    }
}

/// The events of a client that are messages, and what they say.
pub(super) const SAID: [&str; 2] = ["subscribe", "unsubscribe"];

/// The message of such an event. Without an argument both channels are meant, and a list is one of channels.
pub(super) fn message(kind: &str, argument: Value) -> Map<String, Value> {
    let mut message = match argument {
        Value::Object(fields) => fields,
        Value::Array(channels) => Map::from_iter([("channels".to_owned(), Value::Array(channels))]),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Map::new(),
    };
    if kind == "subscribe" {
        message
            .entry("channels")
            .or_insert_with(|| json!(["signals", "prices"]));
    }
    message.insert("type".to_owned(), kind.into());
    message
}

/// Who shows a token says it first.
pub(super) fn auth(token: &str) -> String {
    json!({"type": "auth", "token": token}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_payload_to_the_byte() {
        let text = r#"{"type":"signal","payload":{"id":"a","price":1.0850}}"#;
        let heard = Heard::read(text).unwrap();
        assert_eq!(
            (heard.kind, heard.argument(text).get()),
            ("signal", r#"{"id":"a","price":1.0850}"#)
        );
        let text = r#"{"type":"error","code":"bad","message":"no"}"#;
        let heard = Heard::read(text).unwrap();
        assert_eq!(
            (heard.kind, heard.argument(text).get()),
            ("error", r#"{"code":"bad","message":"no"}"#)
        );
        assert!(Heard::read("[]").is_none());
    }

    #[test]
    fn what_a_client_emits_is_the_message_that_others_send() {
        let said = |kind, argument| Value::Object(message(kind, argument));
        let both = json!({"type": "subscribe", "channels": ["signals", "prices"]});
        for nothing in [json!(null), json!({}), json!("all"), json!(7)] {
            assert_eq!(said("subscribe", nothing), both);
        }
        let prices = json!({"type": "subscribe", "channels": ["prices"]});
        assert_eq!(said("subscribe", json!(["prices"])), prices);
        assert_eq!(
            said("subscribe", json!({"channels": ["prices"], "type": "auth"})),
            prices
        );
        assert_eq!(
            said("unsubscribe", json!({})),
            json!({"type": "unsubscribe"})
        );
    }
}
