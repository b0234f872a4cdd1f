//! `GET /api/v1/track-record`.

use super::Api;
use super::answer::{Problem, Told};
use super::asked::{Asked, with_options};
use super::readers::Wants;
use crate::track::{Reader, report};
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use market::Position;
use std::path::Path;
use std::sync::Arc;

/// The record as it was last told: asked one after the other, each reads on where the last one ended, and where nothing is new
/// is told the same.
pub(super) struct TrackRecord {
    market: String,
    reader: Reader,
    told: Option<((Position, u64), String)>,
}

pub(super) fn route() -> MethodRouter<Api> {
    with_options(get(track_record))
}

async fn track_record(State(api): State<Api>, asked: Asked) -> Response {
    let told = match asked.sight(&api, Wants::EverySignal).and(asked.query(&[])) {
        Err(problem) => Err(problem),
        Ok(_) => tell(&api).await,
    };
    asked.answer(told)
}

async fn tell(api: &Api) -> Told {
    // Whoever waits here holds no thread.
    let mut asked = Arc::clone(&api.0.track_record).lock_owned().await;
    let handle = tokio::runtime::Handle::current();
    let is_simulated = api.0.status.about().simulated;
    // Away from the threads that serve: a whole journal is read the first time.
    let told = tokio::task::spawn_blocking(move || handle.block_on(asked.tell(is_simulated)));
    let told = told.await.map_err(anyhow::Error::from).flatten();
    told.map_err(|error| Problem::unreadable("journal", &format!("{error:#}")))
}

impl TrackRecord {
    pub(super) fn new(market: &str, dir: &Path) -> Self {
        Self {
            market: market.to_owned(),
            reader: Reader::new(dir),
            told: None,
        }
    }

    async fn tell(&mut self, is_simulated: bool) -> anyhow::Result<String> {
        self.reader.refresh().await?;
        let place = self.reader.place();
        if let Some((at, text)) = &self.told
            && Some(*at) == place
        {
            return Ok(text.clone());
        }
        let mut report = report(&self.market, &self.reader);
        report["simulated"] = is_simulated.into();
        let text = report.to_string();
        self.told = place.map(|at| (at, text.clone()));
        Ok(text)
    }
}
