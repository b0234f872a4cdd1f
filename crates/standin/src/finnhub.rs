//! Finnhub, played: the WebSocket of trades (no acknowledgement, pings as JSON, one connection per key) and as much of REST as
//! its Python client needs to show that the key and the symbols are right. Shapes: finnhub.io/docs, finnhubio/Finnhub-API#472.

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

/// A played Finnhub with one good key. It knows EUR, GBP, JPY, gold and one index of OANDA.
#[derive(Debug)]
pub struct Finnhub {
    stage: Stage,
    rest: Rest,
}

controls!(Finnhub);

const LISTED: [&str; 5] = [
    "OANDA:EUR_USD",
    "OANDA:GBP_USD",
    "OANDA:USD_JPY",
    "OANDA:XAU_USD",
    "OANDA:US30_USD",
];

impl Finnhub {
    /// # Errors
    /// When no port of loopback can be had.
    pub async fn start(key: &str) -> std::io::Result<Self> {
        Self::with_heartbeat(key, Duration::from_secs(60)).await
    }

    /// With another time between pings than Finnhub's minute.
    ///
    /// # Errors
    /// When no port of loopback can be had.
    pub async fn with_heartbeat(key: &str, every: Duration) -> std::io::Result<Self> {
        let stage = Stage::start(
            Words {
                key: key.to_owned(),
            },
            every,
        )
        .await?;
        // Finnhub takes two slashes for one, and its Python client sends two.
        let router = Router::new()
            .route("/api/v1//quote", get(quote))
            .route("/api/v1/quote", get(quote))
            .route("/api/v1//forex/symbol", get(symbols))
            .route("/api/v1/forex/symbol", get(symbols))
            .with_state(Arc::new(key.to_owned()));
        let rest = Rest::start(router).await?;
        Ok(Self { stage, rest })
    }

    /// Where REST is: scheme, host and port.
    #[must_use]
    pub fn rest_address(&self) -> String {
        self.rest.address()
    }

    /// Tells trades in one message: the price as the text of a JSON number, and milliseconds since 1970.
    pub fn trades(&self, symbol: &str, trades: &[(&str, i64)]) {
        let one = |(price, time): &(&str, i64)| {
            format!(r#"{{"c":null,"p":{price},"s":"{symbol}","t":{time},"v":0}}"#)
        };
        let list: Vec<_> = trades.iter().map(one).collect();
        self.stage.quote(
            symbol,
            format!(r#"{{"data":[{}],"type":"trade"}}"#, list.join(",")),
        );
    }
}

struct Words {
    key: String,
}

impl Vendor for Words {
    fn knows(&self, path_and_query: &str) -> bool {
        has_key(path_and_query, "token", &self.key)
    }

    fn answers(
        &self,
        message: &str,
        fault: Fault,
        subscribed: &mut BTreeSet<String>,
    ) -> Vec<String> {
        let error = |text: String| vec![json!({"msg": text, "type": "error"}).to_string()];
        let Ok(message) = serde_json::from_str::<Value>(message) else {
            return error("Invalid message".to_owned());
        };
        let symbol = message["symbol"].as_str().unwrap_or_default();
        match message["type"].as_str() {
            Some("subscribe") if fault == Fault::Mute => Vec::new(),
            Some("subscribe") if fault == Fault::RateLimit => {
                error("Subscribing to too many symbols".to_owned())
            }
            Some("subscribe") if fault == Fault::Maintenance || !LISTED.contains(&symbol) => {
                error(format!("Invalid symbol {symbol}"))
            }
            Some("subscribe") => {
                subscribed.insert(symbol.to_owned());
                Vec::new()
            }
            Some("unsubscribe") => {
                subscribed.remove(symbol);
                Vec::new()
            }
            Some(_) | None => error("Invalid message".to_owned()),
        }
    }

    fn heartbeat(&self, _: &BTreeSet<String>) -> Option<String> {
        Some(json!({"type": "ping"}).to_string())
    }

    fn is_one_connection(&self) -> bool {
        true
    }
}

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

fn admitted(key: &str, uri: &Uri) -> Result<(), (StatusCode, Json<Value>)> {
    if has_key(&uri.to_string(), "token", key) {
        Ok(())
    } else {
        Err((
            StatusCode::UNAUTHORIZED,
            Json(json!({"error": "Invalid API key"})),
        ))
    }
}

async fn quote(State(key): State<Arc<String>>, uri: Uri) -> Answer {
    admitted(&key, &uri)?;
    Ok(Json(
        json!({"c": 1.14275, "d": 0.0012, "dp": 0.11, "h": 1.1444, "l": 1.139, "o": 1.1415, "pc": 1.14155, "t": 1_783_944_000}),
    ))
}

async fn symbols(State(key): State<Arc<String>>, uri: Uri) -> Answer {
    admitted(&key, &uri)?;
    let symbol = |name: &&str| json!({"description": name, "displaySymbol": name.trim_start_matches("OANDA:").replace('_', "/"), "symbol": name});
    Ok(Json(LISTED.iter().map(symbol).collect()))
}
