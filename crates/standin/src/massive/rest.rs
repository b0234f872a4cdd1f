//! The REST side.

use super::{Asked, Bar, NextPage, Shared, State};
use axum::Router;
use axum::extract::State as Of;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let address = listener
        .local_addr()
        .map_or_else(|_| String::new(), |at| format!("http://{at}"));
    let app = Router::new().fallback(answer).with_state((shared, address));
    // It ends with the task that serves it.
    let _ = axum::serve(listener, app).await;
}

async fn answer(
    Of((shared, address)): Of<(Arc<Shared>, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let response = {
        let mut state = shared.state();
        let key = bearer == Some(&state.script.key)
            || query(&uri, "apiKey").as_deref() == Some(&state.script.key);
        let path = uri.to_string();
        state.asked.push(Asked::Called { path, key });
        match refusal(&mut state, key) {
            Some(refusal) => refusal,
            None => route(&state, &uri, &address),
        }
    };
    shared.changed.notify_waiters();
    response
}

/// What keeps a call from being answered.
fn refusal(state: &mut State, key: bool) -> Option<Response> {
    if let Some(status) = state.script.rest_statuses.pop_front() {
        return Some(error(status));
    }
    if let Some(to) = state.script.redirect.clone() {
        let location = [(header::LOCATION, to)];
        return Some((StatusCode::FOUND, location).into_response());
    }
    if !key {
        return Some(error(401));
    }
    let limit = state.script.calls_per_minute?;
    let now = Instant::now();
    while state
        .calls
        .front()
        .is_some_and(|call| now - *call >= Duration::from_secs(60))
    {
        state.calls.pop_front();
    }
    if state.calls.len() >= limit {
        return Some(error(429));
    }
    state.calls.push_back(now);
    None
}

fn error(status: u16) -> Response {
    let (word, field, message) = match status {
        401 => ("ERROR", "error", "Unknown API Key"),
        403 => (
            "NOT_AUTHORIZED",
            "message",
            "You are not entitled to this data.",
        ),
        404 => ("NOT_FOUND", "message", "Data not found."),
        429 => (
            "ERROR",
            "error",
            "You've exceeded the maximum requests per minute.",
        ),
        _ => ("ERROR", "error", "Something went wrong."),
    };
    let body = format!(r#"{{"status":"{word}","request_id":"1","{field}":"{message}"}}"#);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, body)
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn route(state: &State, uri: &Uri, address: &str) -> Response {
    let path: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let body = match path.as_slice() {
        ["v2", "aggs", "ticker", ticker, "prev"] => Some(day(state, ticker)),
        [
            "v2",
            "aggs",
            "ticker",
            ticker,
            "range",
            multiplier,
            span,
            from,
            to,
        ] => {
            let bars = chosen(state, ticker, multiplier, span, from, to);
            Some(page(state, uri, address, ticker, &bars))
        }
        ["v1", "last_quote", "currencies", base, quote] => last_quote(state, base, quote),
        ["v3", "snapshot", "indices"] => Some(snapshots(state, uri)),
        _ => None,
    };
    body.map_or_else(|| error(404), |body| json(StatusCode::OK, body))
}

fn day(state: &State, ticker: &str) -> String {
    let bars: Vec<&Bar> = state.days.get(ticker).into_iter().collect();
    aggregates(ticker, &bars, None)
}

/// The bars in a range; both ends are inclusive. Gold has no hours there.
fn chosen<'a>(
    state: &'a State,
    ticker: &str,
    multiplier: &str,
    span: &str,
    from: &str,
    to: &str,
) -> Vec<&'a Bar> {
    if (multiplier, span) != ("1", "minute") {
        return Vec::new();
    }
    let range = millis(from)..=millis(to);
    let minutes = state.minutes.get(ticker).map_or(&[][..], Vec::as_slice);
    minutes
        .iter()
        .filter(|bar| range.contains(&bar.t))
        .collect()
}

fn millis(text: &str) -> i64 {
    text.parse().unwrap_or_default()
}

fn page(state: &State, uri: &Uri, address: &str, ticker: &str, bars: &[&Bar]) -> String {
    let mut bars = bars.to_vec();
    if query(uri, "sort").as_deref() == Some("desc") {
        bars.reverse();
    }
    let asked = query(uri, "limit").and_then(|limit| limit.parse().ok());
    let size = state.script.page.min(asked.unwrap_or(5000)).max(1);
    let start: usize = query(uri, "cursor")
        .and_then(|at| at.parse().ok())
        .unwrap_or_default();
    let end = bars.len().min(start + size);
    let page = bars.get(start..end).unwrap_or_default();
    // A limit of one is a question for one.
    let more = end < bars.len() && asked != Some(1);
    let next = more.then(|| next_page(state, uri, address, end));
    aggregates(ticker, page, next)
}

fn next_page(state: &State, uri: &Uri, address: &str, at: usize) -> String {
    let path = uri.path();
    match &state.script.next_page {
        NextPage::Right => format!("{address}{path}?cursor={at}&limit={}", state.script.page),
        NextPage::Elsewhere(host) => format!("{host}{path}?cursor={at}"),
        NextPage::Circle => format!("{address}{uri}"),
    }
}

fn aggregates(ticker: &str, bars: &[&Bar], next: Option<String>) -> String {
    let row = |bar: &&Bar| {
        let Bar {
            t,
            open,
            high,
            low,
            close,
        } = bar;
        format!(
            r#"{{"v":97.0,"vw":{close},"o":{open},"c":{close},"h":{high},"l":{low},"t":{t},"n":97}}"#
        )
    };
    let rows: Vec<String> = bars.iter().map(row).collect();
    let (count, rows) = (rows.len(), rows.join(","));
    let next = next.map_or_else(String::new, |next| format!(r#","next_url":"{next}""#));
    format!(
        r#"{{"ticker":"{ticker}","queryCount":{count},"resultsCount":{count},"adjusted":true,"results":[{rows}],"status":"OK","request_id":"1","count":{count}{next}}}"#
    )
}

fn last_quote(state: &State, base: &str, quote: &str) -> Option<String> {
    let pair = format!("{base}/{quote}");
    let last = state.last_quotes.get(&pair)?;
    Some(format!(
        r#"{{"last":{last},"request_id":"1","status":"success","symbol":"{pair}"}}"#
    ))
}

/// One entry per ticker that was asked for, each with its own error.
fn snapshots(state: &State, uri: &Uri) -> String {
    let wanted = query(uri, "ticker.any_of").unwrap_or_default();
    let entry = |ticker: &str| {
        let unknown = || {
            format!(r#"{{"ticker":"{ticker}","error":"NOT_FOUND","message":"Ticker not found."}}"#)
        };
        state.snapshots.get(ticker).cloned().unwrap_or_else(unknown)
    };
    let entries: Vec<String> = wanted.split(',').map(entry).collect();
    format!(
        r#"{{"status":"OK","request_id":"1","results":[{}]}}"#,
        entries.join(",")
    )
}

/// A value of the query; the few escapes that clients use are undone.
fn query(uri: &Uri, name: &str) -> Option<String> {
    let pairs = uri.query()?.split('&');
    let mut found = pairs.filter_map(|pair| pair.split_once('='));
    let (_, value) = found.find(|(key, _)| *key == name)?;
    Some(
        value
            .replace("%3A", ":")
            .replace("%2C", ",")
            .replace("%3a", ":"),
    )
}
