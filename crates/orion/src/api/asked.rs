//! One question, from its headers to its answer: who asks, whether he may, and where the answer is worked out.

use super::Api;
use super::answer::{Problem, Told, respond};
use super::index::Index;
use super::query::Query;
use super::readers::{Sight, Wants, is_own, with_cors};
use axum::extract::{ConnectInfo, FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A question.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    headers: HeaderMap,
    uri: Uri,
    /// What stands in the path where the route has names.
    path: BTreeMap<String, String>,
    peer: Option<IpAddr>,
    /// On the operator's own address.
    at_admin: bool,
}

/// Marks what comes by `admin.listen`.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtAdmin;

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::<BTreeMap<String, String>>::from_request_parts(parts, state).await;
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self {
            headers: parts.headers.clone(),
            uri: parts.uri.clone(),
            path: path.map(|Path(path)| path).unwrap_or_default(),
            peer: peer.map(|ConnectInfo(peer)| peer.ip()),
            at_admin: parts.extensions.get::<AtAdmin>().is_some(),
        })
    }
}

impl Asked {
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(super) fn query(&self, known: &[&str]) -> Result<Query, Problem> {
        Query::of(&self.uri, known)
    }

    /// What stands in the path in place of a name.
    pub(super) fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// What whoever asks may see.
    pub(super) fn sight(&self, api: &Api, wants: Wants) -> Result<Sight, Problem> {
        let is_here = api.0.own_machine || self.at_admin;
        let is_own = is_here && is_own(self.peer, &self.headers);
        api.0.readers.admit(wants, &self.headers, is_own)
    }

    pub(super) fn answer(&self, told: Told) -> Response {
        respond(told, &self.headers)
    }
}

/// A route that is answered at once, from memory.
pub(super) fn now(wants: Wants, tell: fn(&Api, &Asked, &Sight) -> Told) -> MethodRouter<Api> {
    let answer = async move |State(api): State<Api>, asked: Asked| {
        let told = asked.sight(&api, wants);
        let told = told.and_then(|sight| tell(&api, &asked, &sight));
        asked.answer(told)
    };
    with_options(get(answer))
}

/// A route that is answered from the journal, away from the threads that serve.
pub(super) fn read(
    wants: Wants,
    tell: fn(&Api, &Index, &Asked, &Sight) -> Told,
) -> MethodRouter<Api> {
    let answer = async move |State(api): State<Api>, asked: Asked| {
        let sight = match asked.sight(&api, wants) {
            Ok(sight) => sight,
            Err(problem) => return asked.answer(Err(problem)),
        };
        let (owned, question) = (api.clone(), asked.clone());
        let told = api.with_index(move |index| tell(&owned, index, &question, &sight));
        asked.answer(told.await)
    };
    with_options(get(answer))
}

impl Api {
    /// What is worked out of the index, after it has read what is new, away from the threads that serve.
    pub(super) async fn with_index<T: Send + 'static>(
        &self,
        tell: impl FnOnce(&Index) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        // Whoever waits here holds no thread.
        let mut index = Arc::clone(&self.0.index).lock_owned().await;
        let told = tokio::task::spawn_blocking(move || {
            let refreshed = index.refresh();
            refreshed.map_err(|error| Problem::unreadable("journal", &format!("{error:#}")))?;
            tell(&index)
        });
        let told = told.await;
        told.unwrap_or_else(|error| Err(Problem::unreadable("journal", &error)))
    }
}

/// A browser asks first whether a page may send a key.
pub(super) fn with_options(route: MethodRouter<Api>) -> MethodRouter<Api> {
    route.options(async || with_cors(StatusCode::OK.into_response()))
}
