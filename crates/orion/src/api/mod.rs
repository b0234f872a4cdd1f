//! What is asked over HTTP, under `/api/v1`: a file for each resource. Each answer is made of what was published or kept, with
//! the wire's own words, and says which market it is of and whether that is simulated.

mod answer;
mod asked;
mod board;
mod index;
mod kept;
mod life;
mod operations;
mod outcomes;
mod query;
mod readers;
mod signals;
mod state;
mod track_record;

pub(crate) use board::Board;
pub(crate) use kept::Kept;
pub(crate) use readers::Readers;

use crate::clock::Clock;
use crate::config::AuthMode;
use crate::ops::Status;
use answer::Object;
use asked::{now, read};
use axum::Router;
use index::Index;
use life::Decisions;
use market::{Catalog, Position, Time};
use readers::Wants;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;
use track_record::TrackRecord;

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
    /// The market's folder.
    pub(crate) dir: &'a Path,
}

struct Inner {
    status: Arc<Status>,
    catalog: Arc<Catalog>,
    board: Arc<Board>,
    clock: Arc<Clock>,
    readers: Readers,
    auth: AuthMode,
    recorded: bool,
    /// Asked one after the other: each reads on where the last one ended.
    index: Arc<Mutex<Index>>,
    track_record: Arc<Mutex<TrackRecord>>,
    decisions: Arc<Mutex<Decisions>>,
    dir: PathBuf,
}

/// The routes.
pub(crate) fn router(given: Given<'_>) -> Router {
    let market = &given.status.about().market;
    let inner = Inner {
        index: Arc::new(Mutex::new(Index::new(given.dir))),
        track_record: Arc::new(Mutex::new(TrackRecord::new(market, given.dir))),
        decisions: Arc::default(),
        dir: given.dir.to_owned(),
        status: given.status,
        catalog: given.catalog,
        board: given.board,
        clock: given.clock,
        readers: given.readers,
        auth: given.auth,
        recorded: given.recorded,
    };
    Router::new()
        .route("/api/v1/status", now(Wants::Anything, state::status))
        .route("/api/v1/symbols", now(Wants::Anything, state::symbols))
        .route("/api/v1/prices", now(Wants::Prices, state::prices))
        .route("/api/v1/signals", read(Wants::Signals, signals::list))
        .route("/api/v1/signals/{id}", life::route())
        .route("/api/v1/outcomes", read(Wants::Signals, outcomes::list))
        .route("/api/v1/track-record", track_record::route())
        .route("/api/v1/operations", operations::route())
        .route("/api/v1/log", now(Wants::Server, operations::log))
        .with_state(Api(Arc::new(inner)))
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
