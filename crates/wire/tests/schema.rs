//! `schema.json` is what the protocol's document says and what is written and read; `tell` holds each of its own messages
//! against it too.

#[path = "support/schema.rs"]
mod schema;

use schema::Judge;
use serde_json::{Value, json};
use wire::{Channel, Channels, Refusal, tell};

const DOCUMENT: &str = include_str!("../../../docs/protocol.md");

fn document() -> Value {
    serde_json::from_str(wire::SCHEMA).expect("JSON")
}

/// All JSON examples of the protocol's document.
fn examples() -> Vec<Value> {
    let fenced = DOCUMENT.split("```json").skip(1);
    let texts = fenced.filter_map(|rest| rest.split_once('\n')?.1.split("\n```").next());
    texts
        .map(|text| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")))
        .collect()
}

#[test]
fn every_example_of_the_protocol_is_what_the_schema_says() {
    let document = document();
    let asks = ["subscribe", "unsubscribe", "ping", "auth"];
    let examples = examples();
    assert!(examples.len() > 25, "{}", examples.len());
    for example in examples {
        let name = match example["type"].as_str() {
            None => "posted_signal".to_owned(),
            Some(kind) if asks.contains(&kind) => format!("ask_{kind}"),
            Some("signal") if example.get("data").is_some() => "ask_signal".to_owned(),
            Some(kind) => kind.to_owned(),
        };
        let judge = Judge::of(&document, &format!("#/$defs/{name}"));
        judge.fits(&example, &format!("{name} {example}"));
        // The whole schema is of what the server says.
        let is_told = !name.starts_with("ask_") && name != "posted_signal";
        let whole = Judge::of(&document, "");
        assert_eq!(whole.takes(&example), is_told, "{example}");
    }
}

#[test]
fn what_breaks_a_rule_does_not_fit() {
    let document = document();
    let examples = examples();
    let of = |kind: &str| {
        let is = |one: &&Value| one["type"] == kind && one.get("data").is_none();
        examples.iter().find(is).expect("an example").clone()
    };
    type Break = fn(&mut Value);
    let breaks: [(&str, Break); 8] = [
        ("signal", |one| one["payload"]["status"] = json!("open")),
        ("signal", |one| one["payload"]["take_profits"] = json!([])),
        ("signal", |one| one["payload"]["confidence"] = json!(65)),
        ("signal", |one| {
            one["payload"]["entry_time"] = json!(1_763_906_700)
        }),
        ("signal", |one| one["payload"]["more"] = json!(1)),
        ("price_update", |one| {
            one["payload"]["price"] = json!("1.0853")
        }),
        ("status", |one| one["payload"]["feed"] = json!("open")),
        ("outcome", |one| one["payload"]["event"] = json!("tp5")),
    ];
    for (kind, break_it) in breaks {
        let judge = Judge::of(&document, &format!("#/$defs/{kind}"));
        let mut broken = of(kind);
        assert!(judge.takes(&broken), "{broken}");
        break_it(&mut broken);
        assert!(!judge.takes(&broken), "{broken}");
    }
}

#[test]
fn every_channel_and_every_refusal_is_in_it() {
    let document = document();
    let channels: Vec<&str> = Channels::EVERY.iter().map(Channel::as_str).collect();
    assert_eq!(document["$defs"]["channel"]["enum"], json!(channels));
    let judge = Judge::of(&document, "#/$defs/error");
    for refusal in [
        Refusal::BadJson,
        Refusal::BadMessage("it"),
        Refusal::UnknownType,
        Refusal::UnknownChannel,
        Refusal::BadVersion,
        Refusal::TooManySubscriptions,
        Refusal::TooManyClasses,
        Refusal::AuthRequired,
        Refusal::AuthFailed,
        Refusal::Forbidden,
        Refusal::RateLimited,
        Refusal::Internal,
    ] {
        let told: Value = serde_json::from_str(&tell::error(refusal, None)).expect("JSON");
        judge.fits(&told, refusal.code());
    }
}
