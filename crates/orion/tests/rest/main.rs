//! What a server is asked over HTTP: each route of a real server, in a market whose day before has many signals.

#[path = "../support/mod.rs"]
mod support;

#[path = "../../../wire/tests/support/schema.rs"]
mod schema;

mod charts;
mod operations;
mod readers;
mod schemas;
mod signals;
mod state;
mod unread;

use serde_json::Value;
use std::path::Path;
use support::{Server, get, serve};

/// A simulated market whose day before the first start is done.
fn start(data: &Path, arguments: &[&str]) -> Server {
    let arguments = [&["--seed", "5"], arguments].concat();
    Server::start(serve(data, &arguments)).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
}

/// What stands at a path below `/api/v1`.
fn told(server: &Server, path: &str) -> Value {
    let text = server.get(&format!("/api/v1{path}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error} in {text}"))
}

/// The status of an answer, and its body.
fn ask(server: &Server, path: &str, headers: &str) -> (u16, Value) {
    let (status, body) =
        get(&server.address, &format!("/api/v1{path}"), headers).expect("an answer");
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn items(answer: &Value) -> &Vec<Value> {
    answer["items"]
        .as_array()
        .unwrap_or_else(|| panic!("no items: {answer}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
