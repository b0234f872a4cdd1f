//! The OpenAPI document and the schema of messages, against what a real server answers and sends: each field that is told
//! stands in them, and is what they say.

use super::schema::Judge;
use super::support::{Client, Server};
use super::{items, start, text, told};
use serde_json::{Value, json};

#[test]
fn every_answer_is_what_the_document_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &[]);
    let document = told(&server, "/openapi.json");
    let confirmed = told(&server, "/signals?status=confirmed&limit=500");
    let ended = items(&confirmed)
        .iter()
        .find(|one| one["outcome"]["ext"]["last"] == true);
    let ended = text(&ended.expect("one that has ended")["id"]).to_owned();
    let newest = text(&items(&told(&server, "/signals?limit=1"))[0]["id"]).to_owned();
    let invalid = told(&server, "/signals?status=invalidated&limit=1");
    let invalid = text(&items(&invalid)[0]["id"]).to_owned();
    for (path, method) in document["paths"].as_object().expect("paths") {
        let Some(route) = method.get("get") else {
            continue;
        };
        let answers = &route["responses"]["200"]["content"];
        let path = path.strip_prefix("/api/v1").expect("below it");
        if answers["application/json"]["schema"]["$ref"].is_null() {
            assert!(!server.get(&format!("/api/v1{path}")).is_empty());
            continue;
        }
        let place = text(&answers["application/json"]["schema"]["$ref"]);
        let judge = Judge::of(&document, place);
        let asked = match path {
            "/signals/{id}" => [&ended, &newest, &invalid]
                .map(|id| format!("/signals/{id}"))
                .to_vec(),
            "/signals" | "/outcomes" => vec![format!("{path}?limit=500")],
            "/candles" | "/chart" => ["1m", "1h", "1d"]
                .map(|of| format!("{path}?symbol=EURUSD&timeframe={of}"))
                .to_vec(),
            other => vec![other.to_owned()],
        };
        for one in asked {
            judge.fits(&local(&server, &one), &one);
        }
    }
    let problem = super::ask(&server, "/signals?limit=x", "").1;
    let judge = Judge::of(&document, "#/components/schemas/error");
    judge.fits(&problem, "a problem");
}

/// Some are told to this machine only.
fn local(server: &Server, path: &str) -> Value {
    let (status, body) = super::operations::local(server, path);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

#[test]
fn what_is_sent_on_the_socket_is_what_the_schema_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &[]);
    let schema = told(&server, "/schema.json");
    let mut client = Client::connect(&server.address).expect("connect");
    client.say(&json!({"type": "ping", "timestamp": 7}));
    client.say(&json!({
        "type": "subscribe", "v": 1, "id": "c1", "tf": "1m", "since_time": "2020-01-01T00:00:00.000Z",
        "channels": ["signals", "prices", "status", "outcomes", "bars", "nonsense"],
    }));
    let mut heard: std::collections::BTreeMap<String, u32> = std::collections::BTreeMap::new();
    let wanted = [
        "pong",
        "subscribed",
        "error",
        "signal",
        "price_update",
        "status",
        "bar",
    ];
    let mut judges = std::collections::BTreeMap::new();
    while wanted.iter().any(|kind| !heard.contains_key(*kind)) {
        let message = client.next().unwrap_or_else(|| panic!("only {heard:?}"));
        let kind = text(&message["type"]).to_owned();
        let judge = judges
            .entry(kind.clone())
            .or_insert_with(|| Judge::of(&schema, &format!("#/$defs/{kind}")));
        judge.fits(&message, &message.to_string());
        *heard.entry(kind).or_default() += 1;
    }
}
