//! Kraken's spot WebSocket v2, played: status on connecting, one answer per symbol, tickers, heartbeats while a subscription
//! exists, maintenance. Shapes: docs.kraken.com, and what `python-kraken-sdk` expects.

pub use crate::stage::Fault;
use crate::stage::{Stage, Vendor, controls};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// A played Kraken, which lists `EUR/USD`, `GBP/USD` and `USD/JPY`.
#[derive(Debug)]
pub struct Kraken {
    stage: Stage,
}

controls!(Kraken);

const LISTED: [&str; 3] = ["EUR/USD", "GBP/USD", "USD/JPY"];
const TIMES: (&str, &str) = ("2026-07-13T12:00:00.000001Z", "2026-07-13T12:00:00.000050Z");

impl Kraken {
    /// # Errors
    /// When no port of loopback can be had.
    pub async fn start() -> std::io::Result<Self> {
        Self::with_heartbeat(Duration::from_secs(1)).await
    }

    /// With another time between heartbeats than Kraken's second.
    ///
    /// # Errors
    /// When no port of loopback can be had.
    pub async fn with_heartbeat(every: Duration) -> std::io::Result<Self> {
        let stage = Stage::start(Words, every).await?;
        Ok(Self { stage })
    }

    /// Tells a best bid and offer to those who subscribed. Prices are texts of JSON numbers, `time` is RFC 3339.
    pub fn quote(&self, symbol: &str, bid: &str, ask: &str, time: &str) {
        let text = ticker("update", symbol, bid, ask, Some(time));
        self.stage.quote(symbol, text);
    }

    /// Tells the first quote after a subscription, which names no time.
    pub fn snapshot(&self, symbol: &str, bid: &str, ask: &str) {
        self.stage
            .quote(symbol, ticker("snapshot", symbol, bid, ask, None));
    }
}

fn ticker(kind: &str, symbol: &str, bid: &str, ask: &str, time: Option<&str>) -> String {
    let time = time.map_or(String::new(), |time| format!(r#","timestamp":"{time}""#));
    format!(
        r#"{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"{symbol}","bid":{bid},"bid_qty":1200.5,"ask":{ask},"ask_qty":800.0,"last":{bid},"volume":812345.1,"vwap":1.1421,"low":1.139,"high":1.1444,"change":0.0012,"change_pct":0.11{time}}}]}}"#
    )
}

struct Words;

impl Vendor for Words {
    fn knows(&self, _: &str) -> bool {
        true
    }

    fn greeting(&self, fault: Fault) -> Vec<String> {
        let system = if fault == Fault::Maintenance {
            "maintenance"
        } else {
            "online"
        };
        let status = json!({"api_version": "v2", "connection_id": 1_234_567_890_u32, "system": system, "version": "2.0.0"});
        vec![json!({"channel": "status", "type": "update", "data": [status]}).to_string()]
    }

    fn answers(
        &self,
        message: &str,
        fault: Fault,
        subscribed: &mut BTreeSet<String>,
    ) -> Vec<String> {
        let (time_in, time_out) = TIMES;
        let malformed = || {
            vec![json!({"error": "Malformed request", "method": "error", "success": false, "time_in": time_in, "time_out": time_out}).to_string()]
        };
        let Ok(message) = serde_json::from_str::<Value>(message) else {
            return malformed();
        };
        match message["method"].as_str() {
            Some("ping") => vec![json!({"method": "pong", "req_id": message["req_id"], "time_in": time_in, "time_out": time_out}).to_string()],
            Some("subscribe") if fault == Fault::Mute => Vec::new(),
            Some("subscribe") => {
                let symbols = message["params"]["symbol"].as_array().cloned().unwrap_or_default();
                if message["params"]["channel"] != "ticker" || symbols.is_empty() {
                    return malformed();
                }
                let answer = |symbol: &Value| answer(symbol, &message, fault, subscribed).to_string();
                symbols.iter().map(answer).collect()
            }
            Some(_) | None => malformed(),
        }
    }

    fn heartbeat(&self, subscribed: &BTreeSet<String>) -> Option<String> {
        (!subscribed.is_empty()).then(|| json!({"channel": "heartbeat"}).to_string())
    }

    fn is_one_connection(&self) -> bool {
        false
    }
}

fn answer(
    symbol: &Value,
    message: &Value,
    fault: Fault,
    subscribed: &mut BTreeSet<String>,
) -> Value {
    let (time_in, time_out) = TIMES;
    let name = symbol.as_str().unwrap_or_default();
    let refused = |error: String| json!({"error": error, "method": "subscribe", "success": false, "symbol": name, "time_in": time_in, "time_out": time_out, "req_id": message["req_id"]});
    if fault == Fault::RateLimit {
        return refused("EAPI:Rate limit exceeded".to_owned());
    }
    if !LISTED.contains(&name) {
        return refused(format!("Currency pair not supported {name}"));
    }
    subscribed.insert(name.to_owned());
    let params = &message["params"];
    let result = json!({"channel": "ticker", "event_trigger": params["event_trigger"], "snapshot": params["snapshot"], "symbol": name});
    json!({"method": "subscribe", "result": result, "success": true, "time_in": time_in, "time_out": time_out, "req_id": message["req_id"]})
}
