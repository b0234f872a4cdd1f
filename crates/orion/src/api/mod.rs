//! What is asked over HTTP, under `/api/v1`: a file for each resource. Each answer is made of what was published or kept, with
//! the wire's own words, and says which market it is of and whether that is simulated.

mod answer;
mod asked;
mod board;
mod charts;
mod index;
mod kept;
mod life;
mod operations;
mod outcomes;
mod pages;
mod query;
mod readers;
mod signals;
mod state;
mod track_record;
mod unread;

pub(crate) use board::Board;
pub(crate) use kept::Kept;
pub(crate) use readers::Readers;
pub(crate) use unread::held as held_unread;

use crate::chartbook::Shelf;
use crate::clock::Clock;
use crate::config::AuthMode;
use crate::ops::Status;
use answer::{Object, Problem, respond};
use asked::{now, read};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use axum::{Extension, Router};
use index::Index;
use life::Decisions;
use market::{Catalog, Position, Symbol, Time};
use readers::Wants;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};
use track_record::TrackRecord;

/// Charts that are worked out at a time, each on a thread of its own.
const DRAWN_TOGETHER: usize = 4;

/// What all answers are made of.
#[derive(Clone)]
pub(crate) struct Api(Arc<Inner>);

/// What a server hands in.
pub(crate) struct Given<'a> {
    pub(crate) status: Arc<Status>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) board: Arc<Board>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) readers: Readers,
    pub(crate) auth: AuthMode,
    /// A recorded market: its time is not the clock's.
    pub(crate) recorded: bool,
    /// Who asks from this machine is told how the server does.
    pub(crate) own_machine: bool,
    /// Symbols whose recorded prices are for the operator's own use.
    pub(crate) kept_back: BTreeSet<Symbol>,
    /// The market's folder.
    pub(crate) dir: &'a Path,
    pub(crate) shelf: Arc<Shelf>,
}

struct Inner {
    status: Arc<Status>,
    catalog: Arc<Catalog>,
    board: Arc<Board>,
    clock: Arc<Clock>,
    readers: Readers,
    auth: AuthMode,
    recorded: bool,
    own_machine: bool,
    kept_back: BTreeSet<Symbol>,
    /// Asked one after the other: each reads on where the last one ended.
    index: Arc<Mutex<Index>>,
    track_record: Arc<Mutex<TrackRecord>>,
    decisions: Arc<Mutex<Decisions>>,
    dir: PathBuf,
    shelf: Arc<Shelf>,
    /// Charts that are worked out at a time.
    drawing: Semaphore,
}

/// What is asked where dashboards connect, and what may be asked where the operator does.
pub(crate) struct Routers {
    pub(crate) all: Router,
    pub(crate) server: Router,
}

/// The routes.
pub(crate) fn routers(given: Given<'_>) -> Routers {
    let market = &given.status.about().market;
    let inner = Inner {
        index: Arc::new(Mutex::new(Index::new(given.dir))),
        track_record: Arc::new(Mutex::new(TrackRecord::new(market, given.dir))),
        decisions: Arc::default(),
        dir: given.dir.to_owned(),
        shelf: given.shelf,
        drawing: Semaphore::new(DRAWN_TOGETHER),
        status: given.status,
        catalog: given.catalog,
        board: given.board,
        clock: given.clock,
        readers: given.readers,
        auth: given.auth,
        recorded: given.recorded,
        own_machine: given.own_machine,
        kept_back: given.kept_back,
    };
    let api = Api(Arc::new(inner));
    let router = |wanted: fn(&str) -> bool| {
        let routes = routes().into_iter().filter(|(path, _)| wanted(path));
        let router = routes.fold(Router::new(), |router, (path, route)| {
            router.route(&format!("{BELOW}{path}"), route)
        });
        let router = router.method_not_allowed_fallback(wrong_method);
        router.with_state(api.clone())
    };
    let others = ["", "/", "/{*path}"];
    let all = others.into_iter().fold(router(|_| true), |router, path| {
        router.route(&format!("{BELOW}{path}"), any(nothing_there))
    });
    Routers {
        all,
        server: router(|path| OF_SERVER.contains(&path)).layer(Extension(asked::AtAdmin)),
    }
}

/// How the server does.
const OF_SERVER: [&str; 2] = ["/operations", "/log"];

/// Where they all lie.
const BELOW: &str = "/api/v1";

/// Every route; a test holds `openapi.json` against them.
fn routes() -> Vec<(&'static str, MethodRouter<Api>)> {
    vec![
        ("/status", now(Wants::Anything, state::status)),
        ("/symbols", now(Wants::Anything, state::symbols)),
        ("/prices", now(Wants::Prices, state::prices)),
        ("/signals", read(Wants::Signals, signals::list)),
        ("/signals/{id}", life::route()),
        ("/outcomes", read(Wants::Signals, outcomes::list)),
        ("/track-record", track_record::route()),
        ("/candles", charts::candles_route()),
        ("/chart", charts::chart_route()),
        ("/operations", operations::route()),
        ("/log", now(Wants::Server, operations::log)),
        ("/openapi.json", pages::openapi()),
        ("/schema.json", pages::schema()),
        ("/docs", pages::docs()),
        ("/docs.css", pages::style()),
    ]
}

const REMEDY: &str = "every path, and what it takes, stands at /api/v1/docs";

async fn nothing_there(path: Uri, asked: HeaderMap) -> Response {
    let error = format!("there is nothing at {}", path.path());
    respond(Err(Problem::absent(error, REMEDY)), &asked)
}

async fn wrong_method(method: Method, path: Uri, asked: HeaderMap) -> Response {
    let error = format!("{} is not asked by {method}", path.path());
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, error, REMEDY);
    respond(Err(problem), &asked)
}

impl Api {
    /// An answer begins with whose it is.
    fn object(&self) -> Object {
        let about = self.0.status.about();
        Object::new()
            .with("market", &about.market)
            .with("simulated", about.simulated)
    }

    /// The market's time: a recorded one stands where its tape does.
    fn time(&self) -> Time {
        if self.0.recorded {
            self.0.status.last_event().unwrap_or_default()
        } else {
            self.0.clock.now()
        }
    }
}

/// Where the journal stands, as JSON.
fn place(position: Option<Position>) -> String {
    match position {
        Some(at) => Object::new()
            .with("epoch", at.epoch.to_string())
            .with("seq", at.seq)
            .end(),
        None => "null".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_route_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(pages::OPENAPI).unwrap();
        let told = document["paths"].as_object().unwrap().keys();
        let told: BTreeSet<&str> = told.map(String::as_str).collect();
        // What is posted is taken in by `feeds`.
        let posted = ["/api/signals", "/api/prices"].map(str::to_owned);
        let served = routes()
            .into_iter()
            .map(|(path, _)| format!("{BELOW}{path}"));
        let served: BTreeSet<String> = served.chain(posted).collect();
        assert_eq!(told, served.iter().map(String::as_str).collect());
    }
}
