//! What bots and models post over HTTP: signals and prices, with the paths, fields and answers that the dashboard's
//! documents describe, so that a bot written for those speaks to ORION as it is.

mod prices;

#[cfg(test)]
mod tests;

use crate::inbox::Outlet;
use crate::posted::{self, Desk, Refusal, Route, body, check_kind};
use crate::symbols::Symbols;
use access::keys::{Key, Kind};
use access::{Access, Denied, Presented, Scope};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
    AUTHORIZATION, HeaderMap, HeaderValue, ORIGIN, WWW_AUTHENTICATE,
};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use market::{Catalog, Span, Tick, Time};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Bots show no life between prices.
pub const HEARTBEAT: Option<Span> = None;

/// Settings of `[feed.bots]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Signals that one key may send per second in the long run, and as many prices.
    pub rate_per_s: u32,
    /// Signals, and prices, that one key may send at once.
    pub burst: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rate_per_s: 20,
            burst: 100,
        }
    }
}

impl Settings {
    /// What is wrong: key and reason.
    #[must_use]
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if !(1..=10_000).contains(&self.rate_per_s) {
            let reason = "has to be 1 to 10000 a second".to_owned();
            wrong.push(("rate_per_s", reason));
        }
        if !(self.rate_per_s..=100_000).contains(&self.burst) {
            let reason = "has to be at least rate_per_s, and at most 100000".to_owned();
            wrong.push(("burst", reason));
        }
        wrong
    }
}

/// Every instrument under ORION's own name for it: a bot may tell the price of any.
///
/// # Errors
/// Never: the names are the catalog's own. The type is that of [`Symbols::new`].
pub fn symbols(catalog: &Catalog) -> Result<Symbols, String> {
    let symbols = catalog
        .instruments
        .iter()
        .map(|instrument| instrument.symbol);
    let same: Vec<String> = symbols.map(|symbol| format!("{symbol}={symbol}")).collect();
    Symbols::new(catalog, &[], &same)
}

/// `/api/signals`, `/api/prices` and `/api/websocket`. `prices` is where prices go, if `bots` is among the sources that run.
pub fn router(desk: Desk, access: Access, prices: Option<Outlet>) -> Router {
    Router::new()
        .route("/api/signals", any(signals))
        .route("/api/prices", any(prices_of))
        .route("/api/websocket", any(websocket))
        .with_state(Bots {
            desk,
            access,
            prices,
        })
}

/// Reads one price, as `POST /api/prices` does.
///
/// # Errors
/// What is missing, cannot be read or contradicts itself, by field.
pub fn read_price(body: &[u8], catalog: &Catalog, now: Time) -> Result<Tick, Refusal> {
    prices::read(body, catalog, now).map(|told| told.tick)
}

/// What the routes need.
#[derive(Clone, Debug)]
struct Bots {
    desk: Desk,
    access: Access,
    prices: Option<Outlet>,
}

async fn signals(State(bots): State<Bots>, request: Request) -> Response {
    let response = match preflight(&request, &POST) {
        Some(response) => response,
        None => bots
            .signal(request)
            .await
            .unwrap_or_else(IntoResponse::into_response),
    };
    with_cors(response, &POST)
}

async fn prices_of(State(bots): State<Bots>, request: Request) -> Response {
    let response = match preflight(&request, &POST) {
        Some(response) => response,
        None => bots
            .price(request)
            .await
            .unwrap_or_else(IntoResponse::into_response),
    };
    with_cors(response, &POST)
}

/// Where the dashboard looks on hosts without WebSockets; it is told where signals are posted.
async fn websocket(State(bots): State<Bots>, request: Request) -> Response {
    let response = preflight(&request, &GET).unwrap_or_else(|| {
        let body = json!({
            "message": "Signals are posted to /api/signals, and streamed on the WebSocket /ws/signals",
            "signals": "POST /api/signals",
            "prices": "POST /api/prices",
            "websocket": "/ws/signals",
            "disclaimer": "Signals and sizes are computed from rules. Nothing here is investment advice.",
            "timestamp": bots.desk.now().to_string(),
        });
        body::json(StatusCode::OK, body.to_string())
    });
    with_cors(response, &GET)
}

impl Bots {
    async fn signal(&self, request: Request) -> Result<Response, Refusal> {
        let key = bearer(&self.access, request.headers(), self.desk.now())?;
        self.desk.check_rate(&key, Route::Signals)?;
        let body = body::whole(request.into_body()).await?;
        let posted = posted::read(&body, &key, self.desk.catalog(), self.desk.now())?;
        Ok(self.desk.take(posted).await?.into_response())
    }

    async fn price(&self, request: Request) -> Result<Response, Refusal> {
        let key = bearer(&self.access, request.headers(), self.desk.now())?;
        self.desk.check_rate(&key, Route::Prices)?;
        let body = body::whole(request.into_body()).await?;
        let told = prices::read(&body, self.desk.catalog(), self.desk.now())?;
        let outlet = self.prices.as_ref().ok_or_else(not_running)?;
        Ok(body::json(StatusCode::OK, prices::take(told, outlet)?))
    }
}

/// The bot that a request is of: the holder of a key, or of a token that may publish.
fn bearer(access: &Access, headers: &HeaderMap, now: Time) -> Result<Key, Refusal> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        let error = "Missing Authorization header: send Authorization: Bearer <key>";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, error).remedy(NEW_KEY));
    };
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let text = header.to_str().ok();
    let presented = text.and_then(|text| Presented::by_header(text, origin));
    // These words are the documented ones, and bots may look for them.
    let presented = presented
        .ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "Invalid authorization format"))?;
    let grant = access.grant(&presented, now).map_err(denied)?;
    let sender = grant.sender();
    check_kind(&sender, Kind::Bot)?;
    if !grant.may(Scope::Publish) {
        let error = format!("{} may not post: it lacks the scope publish", sender.name);
        return Err(Refusal::new(StatusCode::FORBIDDEN, error)
            .remedy("a key made by orion key add NAME has it; a token names it in its `scope`"));
    }
    Ok(sender)
}

fn denied(why: Denied) -> Refusal {
    let error = if why == Denied::Unknown {
        "Unknown key".to_owned()
    } else {
        format!("The key or token is not taken: {why}")
    };
    Refusal::new(StatusCode::UNAUTHORIZED, error).remedy(NEW_KEY)
}

const NEW_KEY: &str = "on the machine that runs ORION: orion key add NAME; it prints the key once";

fn not_running() -> Refusal {
    Refusal::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "prices are not taken from bots here: `bots` is not among the sources that run",
    )
    .remedy("start ORION with --feed bots, or with bots among several: --feed oanda,bots")
}

/// A method, and what is said of it to browsers and others.
struct Allowed {
    method: Method,
    list: &'static str,
}

const POST: Allowed = Allowed {
    method: Method::POST,
    list: "POST, OPTIONS",
};
const GET: Allowed = Allowed {
    method: Method::GET,
    list: "GET, OPTIONS",
};

/// The answer to a browser that asks first, and to a method that is not the route's.
fn preflight(request: &Request, allowed: &Allowed) -> Option<Response> {
    if *request.method() == Method::OPTIONS {
        Some(StatusCode::OK.into_response())
    } else if *request.method() == allowed.method {
        None
    } else {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
        let mut response = refusal.into_response();
        let list = HeaderValue::from_static(allowed.list);
        response.headers_mut().insert(ALLOW, list);
        Some(response)
    }
}

/// Any page may post: what counts is the key, and a page cannot send one it does not know.
fn with_cors(mut response: Response, allowed: &Allowed) -> Response {
    let is_unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    say(ACCESS_CONTROL_ALLOW_METHODS, allowed.list);
    say(ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type, Authorization");
    if is_unauthorized {
        say(WWW_AUTHENTICATE, "Bearer");
    }
    response
}
