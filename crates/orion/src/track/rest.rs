//! `GET /api/v1/track-record`.

use super::{Reader, json};
use crate::clock::Clock;
use access::{Access, Presented, Scope, Way};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Who may read it.
#[derive(Clone)]
pub(crate) enum Readers {
    /// Whoever reaches the server.
    All,
    /// Whoever shows a key or token that may read signals.
    Known(Access, Arc<Clock>),
}

#[derive(Clone)]
struct Served {
    market: Arc<str>,
    readers: Readers,
    /// Asked one after the other: each reads on where the last one ended.
    reader: Arc<Mutex<Reader>>,
}

/// The route, of the market whose folder this is.
pub(crate) fn router(market: &str, dir: &Path, readers: Readers) -> Router {
    let served = Served {
        market: market.into(),
        readers,
        reader: Arc::new(Mutex::new(Reader::new(dir))),
    };
    Router::new()
        .route("/api/v1/track-record", get(track_record))
        .with_state(served)
}

async fn track_record(State(served): State<Served>, headers: HeaderMap) -> Response {
    let any = [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    if let Err((status, why)) = served.readers.check(&headers) {
        let body = json!({"error": why, "remedy": "send Authorization: Bearer KEY, of a key that orion key add NAME --for dashboard made"});
        return (status, any, axum::Json(body)).into_response();
    }
    match served.report().await {
        Ok(report) => (any, axum::Json(report)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the track record cannot be read");
            let body = json!({"error": "the journal cannot be read now"});
            (StatusCode::SERVICE_UNAVAILABLE, any, axum::Json(body)).into_response()
        }
    }
}

impl Served {
    /// Away from the threads that serve: a whole journal is read the first time.
    async fn report(&self) -> anyhow::Result<serde_json::Value> {
        let (market, reader) = (Arc::clone(&self.market), Arc::clone(&self.reader));
        let handle = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            handle.block_on(async {
                let mut reader = reader.lock().await;
                reader.refresh().await?;
                Ok(json::report(&market, &reader))
            })
        })
        .await?
    }
}

impl Readers {
    fn check(&self, headers: &HeaderMap) -> Result<(), (StatusCode, String)> {
        let Self::Known(access, clock) = self else {
            return Ok(());
        };
        let unknown = |why: &dyn std::fmt::Display| (StatusCode::UNAUTHORIZED, why.to_string());
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let token = text(header::AUTHORIZATION).and_then(|text| {
            let (scheme, token) = text.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case("Bearer ").then(|| token.trim())
        });
        let presented = Presented {
            token: token.ok_or_else(|| unknown(&"this server wants to know who reads"))?,
            way: Way::Header,
            origin: text(header::ORIGIN),
        };
        let grant = access
            .grant(&presented, clock.now())
            .map_err(|denied| unknown(&denied))?;
        if grant.may(Scope::ReadSignals) {
            Ok(())
        } else {
            let why = format!("{} may not read signals", grant.name());
            Err((StatusCode::FORBIDDEN, why))
        }
    }
}
