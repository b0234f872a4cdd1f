//! Twelve Data's WebSocket, played: the key in the address, one status for all symbols of a subscription with those that failed
//! beside those that did not, echoed heartbeats, and the end of a client that sends none. Shapes: the vendor's pages, its own
//! Python client, other people's programs; the lists of the status are not verified.

pub use crate::stage::Fault;
use crate::stage::{Rest, Stage, Vendor, controls, has_key};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A played Twelve Data with one good key, whose plan has EUR/USD, GBP/USD, USD/JPY and XAU/USD and no indices.
#[derive(Debug)]
pub struct TwelveData {
    stage: Stage,
    rest: Rest,
}

controls!(TwelveData);

const LISTED: [&str; 4] = ["EUR/USD", "GBP/USD", "USD/JPY", "XAU/USD"];

impl TwelveData {
    /// # Errors
    /// When no port of loopback can be had.
    pub async fn start(key: &str) -> std::io::Result<Self> {
        let words = Words {
            key: key.to_owned(),
        };
        // It shows no life by itself.
        let stage = Stage::start(words, Duration::from_secs(3600)).await?;
        // What its Python client asks for before anything else, and a price.
        let router = Router::new()
            .route("/technical_indicators", get(indicators))
            .route("/price", get(last))
            .with_state(Arc::new(key.to_owned()));
        let rest = Rest::start(router).await?;
        Ok(Self { stage, rest })
    }

    /// Where REST is: scheme, host and port.
    #[must_use]
    pub fn rest_address(&self) -> String {
        self.rest.address()
    }

    /// Tells a price with bid and ask: texts of JSON numbers, and seconds or milliseconds since 1970.
    pub fn quote(&self, symbol: &str, bid: &str, ask: &str, time: i64) {
        let sides = format!(r#","bid":{bid},"ask":{ask}"#);
        self.stage.quote(symbol, price(symbol, bid, &sides, time));
    }

    /// Tells a price alone.
    pub fn price(&self, symbol: &str, price_text: &str, time: i64) {
        self.stage
            .quote(symbol, price(symbol, price_text, "", time));
    }
}

fn price(symbol: &str, price: &str, sides: &str, time: i64) -> String {
    format!(
        r#"{{"event":"price","symbol":"{symbol}","currency_base":"Euro","currency_quote":"US Dollar","exchange":"","type":"Physical Currency","timestamp":{time},"price":{price}{sides}}}"#
    )
}

struct Words {
    key: String,
}

impl Vendor for Words {
    fn knows(&self, path_and_query: &str) -> bool {
        has_key(path_and_query, "apikey", &self.key)
    }

    fn answers(
        &self,
        message: &str,
        fault: Fault,
        subscribed: &mut BTreeSet<String>,
    ) -> Vec<String> {
        let Ok(message) = serde_json::from_str::<Value>(message) else {
            return vec![
                json!({"code": 400, "message": "the message is no JSON", "status": "error"})
                    .to_string(),
            ];
        };
        match message["action"].as_str() {
            Some("heartbeat") => vec![json!({"event": "heartbeat", "status": "ok"}).to_string()],
            Some("subscribe") if fault == Fault::Mute => Vec::new(),
            Some("subscribe") if fault == Fault::RateLimit => {
                vec![json!({"code": 429, "message": "You have run out of client events", "status": "error"}).to_string()]
            }
            Some("subscribe") => {
                vec![status(&message["params"]["symbols"], subscribed).to_string()]
            }
            Some("reset") => {
                subscribed.clear();
                Vec::new()
            }
            Some(_) | None => vec![
                json!({"code": 400, "message": "unknown action", "status": "error"}).to_string(),
            ],
        }
    }

    fn heartbeat(&self, _: &BTreeSet<String>) -> Option<String> {
        None
    }

    fn is_one_connection(&self) -> bool {
        true
    }
}

/// The answer to a subscription; names in one text, or a list of objects with a symbol.
fn status(symbols: &Value, subscribed: &mut BTreeSet<String>) -> Value {
    let names: Vec<String> = match symbols {
        Value::String(names) => names
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
        Value::Array(list) => list
            .iter()
            .filter_map(|one| one["symbol"].as_str().map(str::to_owned))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let (served, failed): (Vec<_>, Vec<_>) = names
        .into_iter()
        .partition(|name| LISTED.contains(&name.as_str()));
    subscribed.extend(served.iter().cloned());
    let one =
        |symbol: &String| json!({"symbol": symbol, "exchange": "", "type": "Physical Currency"});
    let success: Vec<_> = served.iter().map(one).collect();
    let fails: Vec<_> = failed
        .iter()
        .map(|symbol| json!({"symbol": symbol}))
        .collect();
    let ok = if served.is_empty() { "error" } else { "ok" };
    let fails = if fails.is_empty() {
        Value::Null
    } else {
        Value::Array(fails)
    };
    json!({"event": "subscribe-status", "status": ok, "success": success, "fails": fails})
}

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

async fn indicators(key: State<Arc<String>>, uri: Uri) -> Answer {
    admitted(&key, &uri)?;
    Ok(Json(json!({"data": {}, "status": "ok"})))
}

async fn last(key: State<Arc<String>>, uri: Uri) -> Answer {
    admitted(&key, &uri)?;
    Ok(Json(json!({"price": "1.14275"})))
}

fn admitted(key: &str, uri: &Uri) -> Result<(), (StatusCode, Json<Value>)> {
    if has_key(&uri.to_string(), "apikey", key) {
        return Ok(());
    }
    let error = json!({"code": 401, "message": "**apikey** parameter is incorrect or not specified", "status": "error"});
    Err((StatusCode::UNAUTHORIZED, Json(error)))
}
