//! What each request is answered with.

use super::text::{self, Candle, Stamp};
use super::{Asked, First, Page, Refuse, Script, State};
use axum::body::Body;
use axum::extract::{Query, Request, State as Shared};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// What is wrong with a request: the status and OANDA's words for it.
type Wrong = (u16, String);

/// A request, taken apart.
struct Call<'a> {
    path: Vec<&'a str>,
    query: BTreeMap<String, String>,
    stamp: Stamp,
}

pub(super) async fn answer(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let query = Query::<BTreeMap<String, String>>::try_from_uri(request.uri());
    let query = query.map_or_else(|_| BTreeMap::new(), |Query(query)| query);
    let response = respond(&state, &request, &path, query.clone());
    state.script().asked.push(Asked {
        at: Instant::now(),
        path,
        query,
        status: response.status().as_u16(),
    });
    state.happened.send_modify(|count| *count += 1);
    response
}

fn respond(
    state: &State,
    request: &Request,
    path: &str,
    query: BTreeMap<String, String>,
) -> Response {
    let refusal = state.script().refusal(path);
    if let Some(refuse) = refusal {
        return refused(&refuse);
    }
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    if header(AUTHORIZATION.as_str()) != Some(&format!("Bearer {}", state.options.token)) {
        return wrong((401, UNAUTHORISED.to_owned()));
    }
    if request.method() != Method::GET {
        return wrong((405, "Method Not Allowed".to_owned()));
    }
    let is_unix = header("accept-datetime-format") == Some("UNIX");
    let call = Call {
        path: path.trim_matches('/').split('/').collect(),
        query,
        stamp: if is_unix { Stamp::Unix } else { Stamp::Rfc3339 },
    };
    route(state, &call).unwrap_or_else(wrong)
}

const UNAUTHORISED: &str = "Insufficient authorization to perform request.";

fn route(state: &State, call: &Call<'_>) -> Result<Response, Wrong> {
    match call.path.as_slice() {
        ["v3", "accounts"] => Ok(accounts(state)),
        ["v3", "accounts", id, rest @ ..] => {
            if !state.options.accounts.iter().any(|account| account == id) {
                return Err((401, UNAUTHORISED.to_owned()));
            }
            match rest {
                ["instruments"] => instruments(state, call),
                ["pricing"] => pricing(state, call),
                ["pricing", "stream"] => stream(state, call),
                _ => Err(not_found()),
            }
        }
        ["v3", "instruments", name, "candles"] => candles(state, call, name),
        _ => Err(not_found()),
    }
}

fn not_found() -> Wrong {
    (404, "Not Found".to_owned())
}

fn accounts(state: &State) -> Response {
    let ids = state.options.accounts.iter();
    let list: Vec<Value> = ids.map(|id| json!({ "id": id, "tags": [] })).collect();
    ok(&json!({ "accounts": list }))
}

fn instruments(state: &State, call: &Call<'_>) -> Result<Response, Wrong> {
    let names = match call.query.get("instruments") {
        Some(_) => call.instruments(state)?,
        None => state.options.instruments.clone(),
    };
    let list: Vec<Value> = names.iter().map(|name| instrument(name)).collect();
    Ok(ok(
        &json!({ "instruments": list, "lastTransactionID": "1" }),
    ))
}

fn instrument(name: &str) -> Value {
    let (kind, pip, digits) = match name {
        "XAU_USD" => ("METAL", -2, 3),
        "USD_JPY" => ("CURRENCY", -2, 3),
        _ if name.contains(|c: char| c.is_ascii_digit()) => ("CFD", 0, 1),
        _ => ("CURRENCY", -4, 5),
    };
    json!({
        "name": name, "type": kind, "displayName": name.replace('_', "/"), "pipLocation": pip,
        "displayPrecision": digits, "tradeUnitsPrecision": 0, "minimumTradeSize": "1",
        "maximumTrailingStopDistance": "1.00000", "minimumTrailingStopDistance": "0.00050",
        "maximumPositionSize": "0", "maximumOrderUnits": "100000000", "marginRate": "0.02",
    })
}

fn pricing(state: &State, call: &Call<'_>) -> Result<Response, Wrong> {
    let names = call.instruments(state)?;
    let script = state.script();
    let prices = names.iter().filter_map(|name| script.last.get(name));
    let prices: Vec<Value> = prices.map(|quote| quote.json(call.stamp)).collect();
    let time = call.stamp.write(script.now());
    Ok(ok(&json!({ "prices": prices, "time": time })))
}

fn stream(state: &State, call: &Call<'_>) -> Result<Response, Wrong> {
    let names = call.instruments(state)?;
    let snapshot = call.query.get("snapshot").map(String::as_str);
    let first = match snapshot {
        Some("false" | "False") => First::Nothing,
        Some(_) | None => First::Snapshot,
    };
    let body = state.begin(names, call.stamp, first);
    Ok(([(CONTENT_TYPE, "application/octet-stream")], body).into_response())
}

/// The most candles that one request may ask for.
const COUNT_MAX: usize = 5000;

fn candles(state: &State, call: &Call<'_>, name: &str) -> Result<Response, Wrong> {
    if !state.options.instruments.iter().any(|known| known == name) {
        return Err(invalid("instrument", ""));
    }
    let granularity = call.query.get("granularity").map_or("S5", String::as_str);
    let price = call.query.get("price").map_or("M", String::as_str);
    let script = state.script();
    let key = (name.to_owned(), granularity.to_owned());
    let all = script.candles.get(&key).map_or(&[][..], Vec::as_slice);
    let chosen = choose(call, &script, all, state.options.candles_max)?;
    let list = chosen.iter().map(|candle| candle.json(price, call.stamp));
    Ok(ok(&json!({
        "instrument": name, "granularity": granularity, "candles": list.collect::<Vec<Value>>(),
    })))
}

/// The candles of a range: from a time on, up to one, or the last.
fn choose<'a>(
    call: &Call<'_>,
    script: &Script,
    all: &'a [Candle],
    most: usize,
) -> Result<&'a [Candle], Wrong> {
    let now = script.now();
    let from = call.time("from", now)?;
    let to = call.time("to", now)?;
    let count = call.count()?;
    if from.is_some() && to.is_some() && call.query.contains_key("count") {
        return Err(invalid("count", ""));
    }
    let begin = from.map_or(0, |from| all.partition_point(|candle| candle.nanos < from));
    let end = to.map_or(all.len(), |to| {
        all.partition_point(|candle| candle.nanos < to)
    });
    let range = all.get(begin..end).unwrap_or_default();
    if from.is_some() && to.is_some() && range.len() > COUNT_MAX {
        return Err((400, "Maximum value for 'count' exceeded".to_owned()));
    }
    let count = count.min(most).min(range.len());
    Ok(if from.is_some() {
        &range[..count]
    } else {
        &range[range.len() - count..]
    })
}

impl Call<'_> {
    /// The instruments asked for: one that is not known spoils the request.
    fn instruments(&self, state: &State) -> Result<Vec<String>, Wrong> {
        let names = self.query.get("instruments").map_or("", String::as_str);
        let names: Vec<String> = names.split(',').map(str::to_owned).collect();
        let known = |name: &String| state.options.instruments.contains(name);
        if names.iter().all(known) {
            Ok(names)
        } else {
            Err(invalid("instruments", ""))
        }
    }

    fn time(&self, name: &str, now: i64) -> Result<Option<i64>, Wrong> {
        let Some(text) = self.query.get(name) else {
            return Ok(None);
        };
        match text::read_time(text) {
            Some(time) if time > now => Err(invalid(name, ". Time is in the future")),
            Some(time) => Ok(Some(time)),
            None => Err(invalid(name, "")),
        }
    }

    fn count(&self) -> Result<usize, Wrong> {
        let Some(text) = self.query.get("count") else {
            return Ok(500);
        };
        match text.parse() {
            Ok(count) if count > COUNT_MAX => {
                Err((400, "Maximum value for 'count' exceeded".to_owned()))
            }
            Ok(count) => Ok(count),
            Err(_) => Err(invalid("count", "")),
        }
    }
}

fn invalid(name: &str, more: &str) -> Wrong {
    (400, format!("Invalid value specified for '{name}'{more}"))
}

fn ok(value: &Value) -> Response {
    json_response(200, value)
}

fn wrong((status, message): Wrong) -> Response {
    json_response(status, &json!({ "errorMessage": message }))
}

fn json_response(status: u16, value: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json")];
    (code(status), headers, value.to_string()).into_response()
}

fn refused(refuse: &Refuse) -> Response {
    let mut response = match &refuse.page {
        Page::Json(message) => wrong((refuse.status, message.clone())),
        Page::Html(html) => {
            let headers = [(CONTENT_TYPE, "text/html; charset=UTF-8")];
            (code(refuse.status), headers, Body::from(html.clone())).into_response()
        }
    };
    if let Some(seconds) = refuse.retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
