//! `GET /api/v1/track-record`.

use super::{Reader, json};
use crate::clock::Clock;
use access::{Access, Presented, Scope};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use market::Position;
use serde_json::json;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Mutex;

const ALLOWED: &str = "GET, OPTIONS";

/// Who may read it.
#[derive(Clone)]
pub(crate) enum Readers {
    /// Whoever reaches the server.
    All,
    /// The same; but who shows a key or token is judged by it.
    Any(Access, Arc<Clock>),
    /// Whoever shows a key or token that may read signals.
    Known(Access, Arc<Clock>),
}

#[derive(Clone)]
struct Served {
    market: Arc<str>,
    readers: Readers,
    asked: Arc<Mutex<Asked>>,
}

/// Asked one after the other: each reads on where the last one ended, and where nothing is new is told the same.
struct Asked {
    reader: Reader,
    told: Option<((Position, u64), Arc<str>)>,
}

/// The route, of the market whose folder this is.
pub(crate) fn router(market: &str, dir: &Path, readers: Readers) -> Router {
    let served = Served {
        market: market.into(),
        readers,
        asked: Arc::new(Mutex::new(Asked {
            reader: Reader::new(dir),
            told: None,
        })),
    };
    let asks_first = || async { with_cors(StatusCode::OK.into_response()) };
    Router::new()
        .route(
            "/api/v1/track-record",
            get(track_record).options(asks_first),
        )
        .with_state(served)
}

async fn track_record(State(served): State<Served>, headers: HeaderMap) -> Response {
    let response = match served.readers.check(&headers) {
        Err((status, why)) => {
            let remedy = "send Authorization: Bearer KEY, of a key that orion key add NAME --for dashboard made";
            (status, axum::Json(json!({"error": why, "remedy": remedy}))).into_response()
        }
        Ok(()) => served.report().await,
    };
    with_cors(response)
}

/// Any page may read what its reader may.
pub(crate) fn with_cors(mut response: Response) -> Response {
    let is_unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    say(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED);
    say(header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization");
    if is_unauthorized {
        say(header::WWW_AUTHENTICATE, "Bearer");
    }
    response
}

impl Served {
    async fn report(&self) -> Response {
        // Whoever waits here holds no thread.
        let asked = Arc::clone(&self.asked).lock_owned().await;
        let market = Arc::clone(&self.market);
        let handle = tokio::runtime::Handle::current();
        // Away from the threads that serve: a whole journal is read the first time.
        let told = tokio::task::spawn_blocking(move || {
            let mut asked = asked;
            handle.block_on(asked.tell(&market))
        });
        let told = told.await.map_err(anyhow::Error::from).flatten();
        match told {
            Ok(text) => (
                [(header::CONTENT_TYPE, "application/json")],
                text.to_string(),
            )
                .into_response(),
            Err(error) => {
                tracing::error!(%error, "the track record cannot be read");
                let body = json!({"error": "the journal cannot be read now"});
                (StatusCode::SERVICE_UNAVAILABLE, axum::Json(body)).into_response()
            }
        }
    }
}

impl Asked {
    async fn tell(&mut self, market: &str) -> anyhow::Result<Arc<str>> {
        self.reader.refresh().await?;
        let place = self.reader.place();
        if let Some((at, text)) = &self.told
            && Some(*at) == place
        {
            return Ok(Arc::clone(text));
        }
        let text: Arc<str> = json::report(market, &self.reader).to_string().into();
        self.told = place.map(|at| (at, Arc::clone(&text)));
        Ok(text)
    }
}

impl Readers {
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), (StatusCode, String)> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (authorization, origin) = (text(header::AUTHORIZATION), text(header::ORIGIN));
        let presented = authorization.and_then(|text| Presented::by_header(text, origin));
        let (access, clock, presented) = match (self, presented) {
            (Self::All, _) | (Self::Any(..), None) => return Ok(()),
            (Self::Known(..), None) => {
                return Err(unknown(&"this server wants to know who reads"));
            }
            (Self::Any(access, clock) | Self::Known(access, clock), Some(presented)) => {
                (access, clock, presented)
            }
        };
        let grant = access.grant(&presented, clock.now());
        let grant = grant.map_err(|denied| unknown(&denied))?;
        let forbidden = |why: &str| Err((StatusCode::FORBIDDEN, format!("{} {why}", grant.name())));
        if !grant.may(Scope::ReadSignals) {
            forbidden("may not read signals")
        } else if grant.limits.symbols.is_some() || grant.limits.channels.is_some() {
            forbidden("may read some symbols or channels only, and the track record is of all")
        } else {
            Ok(())
        }
    }
}

fn unknown(why: &dyn Display) -> (StatusCode, String) {
    (StatusCode::UNAUTHORIZED, why.to_string())
}
