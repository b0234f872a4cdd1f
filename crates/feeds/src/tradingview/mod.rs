//! TradingView's alerts: webhooks that it posts to `/hooks/tradingview/<key>`. It sends no headers of the user's, hangs up
//! after 3 s, sends again after an answer of 500 to 599 (after 5 s, three times at most) and after no other, and gives a
//! delivery no id (support pages 43000529348 and 43000735201). So the key stands in the path, an alert is stored before it
//! is answered, and what is sent again is known again.

mod reader;
#[cfg(test)]
mod tests;
mod text;

use crate::posted::{Desk, Posted, Refusal, Route, body};
use access::keys::{Key, Keys, Kind};
use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use market::{Catalog, Span, Time, Uuid};
use reader::{Read, Reader};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// Alerts tell no prices, so there is no life to miss.
pub const HEARTBEAT: Option<Span> = None;

/// Where TradingView says its alerts come from, for `addresses`.
pub const ADDRESSES: [&str; 4] = [
    "52.89.214.238",
    "34.212.75.30",
    "54.218.53.128",
    "52.32.178.7",
];

/// Settings of `[feed.tradingview]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// An alert whose `timenow` is older than this many seconds is not taken.
    pub max_age_s: u64,
    /// Addresses that alerts may come from; empty: any that knows the key.
    pub addresses: Vec<String>,
    /// Addresses of proxies of yours, whose `X-Forwarded-For` is believed.
    pub proxies: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_age_s: 300,
            addresses: Vec::new(),
            proxies: Vec::new(),
        }
    }
}

impl Settings {
    /// What is wrong: key and reason.
    #[must_use]
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if !(10..=86_400).contains(&self.max_age_s) {
            wrong.push(("max_age_s", "has to be 10 to 86400 seconds".to_owned()));
        }
        for (key, list) in [("addresses", &self.addresses), ("proxies", &self.proxies)] {
            for text in list.iter().filter(|text| text.parse::<IpAddr>().is_err()) {
                let reason = format!("`{text}` is no address such as 52.89.214.238");
                wrong.push((key, reason));
            }
        }
        wrong
    }

    fn max_age(&self) -> Span {
        Span::from_secs(i64::try_from(self.max_age_s).unwrap_or(i64::from(i32::MAX)))
    }
}

/// Reads one alert by the default settings; nothing where it asks for nothing that ORION does, such as an exit.
///
/// # Errors
/// What is missing, cannot be read or contradicts itself, by field.
pub fn read(
    body: &[u8],
    sender: &Key,
    catalog: &Catalog,
    now: Time,
) -> Result<Option<Posted>, Refusal> {
    let reader = Reader {
        sender,
        catalog,
        now,
        max_age: Settings::default().max_age(),
        recent: &Recent::default(),
    };
    Ok(match reader.read(body)? {
        Read::Signal(posted) => Some(*posted),
        Read::Ignored(_) => None,
    })
}

/// The route of the webhook. Whoever accepts connections puts [`ConnectInfo`]`<SocketAddr>` among a request's extensions, for
/// the second fence.
pub fn router(desk: Desk, keys: Keys, settings: &Settings) -> Router {
    let addresses = |list: &[String]| list.iter().filter_map(|text| text.parse().ok()).collect();
    let hook = Hook {
        desk,
        keys,
        max_age: settings.max_age(),
        fence: Fence {
            is_up: !settings.addresses.is_empty(),
            addresses: addresses(&settings.addresses),
            proxies: addresses(&settings.proxies),
        },
        recent: Recent::default(),
    };
    Router::new()
        .route("/hooks/tradingview/{key}", any(deliver))
        .with_state(Arc::new(hook))
}

#[derive(Debug)]
struct Hook {
    desk: Desk,
    keys: Keys,
    max_age: Span,
    fence: Fence,
    recent: Recent,
}

async fn deliver(
    State(hook): State<Arc<Hook>>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    if *request.method() != Method::POST {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
            .remedy("this is where TradingView posts its alerts");
        let mut response = refusal.into_response();
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    // A key of another kind opens nothing here, and nobody is told that it is one.
    let Some(key) = hook
        .keys
        .find(&token, hook.desk.now())
        .filter(|key| key.kind == Kind::TradingView)
    else {
        return Refusal::new(StatusCode::NOT_FOUND, "Not found").into_response();
    };
    let delivered = hook.take(&key, request).await;
    delivered.unwrap_or_else(|refusal| {
        // TradingView shows its user no answers: the log is where they look.
        tracing::warn!(
            key = key.name,
            status = refusal.status.as_u16(),
            error = refusal.error,
            remedy = refusal.remedy,
            "an alert of TradingView was not taken"
        );
        refusal.into_response()
    })
}

impl Hook {
    async fn take(&self, key: &Key, request: Request) -> Result<Response, Refusal> {
        self.fence.check(&request)?;
        self.desk.check_rate(key, Route::Signals)?;
        let body = body::whole(request.into_body()).await?;
        let reader = Reader {
            sender: key,
            catalog: self.desk.catalog(),
            now: self.desk.now(),
            max_age: self.max_age,
            recent: &self.recent,
        };
        match reader.read(&body)? {
            Read::Signal(posted) => Ok(self.desk.take(*posted).await?.into_response()),
            Read::Ignored(why) => {
                tracing::info!(key = key.name, why, "an alert of TradingView is no signal");
                let body = serde_json::json!({ "success": true, "ignored": why });
                Ok(body::json(StatusCode::OK, body.to_string()))
            }
        }
    }
}

/// The second fence: where an alert may come from.
#[derive(Debug)]
struct Fence {
    is_up: bool,
    addresses: Vec<IpAddr>,
    proxies: Vec<IpAddr>,
}

impl Fence {
    fn check(&self, request: &Request) -> Result<(), Refusal> {
        if !self.is_up {
            return Ok(());
        }
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let from = peer.and_then(|peer| self.origin(peer.0.ip(), request.headers()));
        if from.is_some_and(|from| self.addresses.contains(&from)) {
            return Ok(());
        }
        let from = from.map_or_else(|| "an unknown address".to_owned(), |from| from.to_string());
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            format!("alerts are not taken from {from}"),
        )
        .remedy("add it to feed.tradingview.addresses, or your proxy to feed.tradingview.proxies"))
    }

    /// The address a request came from: behind proxies of ours, the last one they report that is not one of them. A list
    /// that cannot be read is nobody's.
    fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let is_ours = |address: &IpAddr| self.proxies.contains(address);
        let peer = peer.to_canonical();
        if !is_ours(&peer) {
            return Some(peer);
        }
        let lines = headers.get_all("x-forwarded-for").iter();
        let words = lines.map(|line| line.to_str().unwrap_or("?").split(','));
        let reported: Option<Vec<IpAddr>> = words
            .flatten()
            .map(|word| {
                word.trim()
                    .parse::<IpAddr>()
                    .ok()
                    .map(|ip| ip.to_canonical())
            })
            .collect();
        let reported = reported?;
        Some(
            reported
                .into_iter()
                .rfind(|address| !is_ours(address))
                .unwrap_or(peer),
        )
    }
}

/// Alerts without an id and without a time, as they came lately: the same text within a minute is the same alert sent again.
#[derive(Debug, Default)]
struct Recent(Mutex<VecDeque<(Uuid, Time)>>);

/// TradingView sends again for at most 15 s.
const SAME_WITHIN: Span = Span::from_secs(60);
const RECENT_MAX: usize = 1024;

impl Recent {
    /// When this alert first came.
    fn first(&self, alert: Uuid, now: Time) -> Time {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|(_, first)| now - *first < SAME_WITHIN);
        if let Some((_, first)) = recent.iter().find(|(known, _)| *known == alert) {
            return *first;
        }
        if recent.len() >= RECENT_MAX {
            recent.pop_front();
        }
        recent.push_back((alert, now));
        now
    }
}
