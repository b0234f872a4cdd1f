//! What happened to signals before we came. A snapshot says how they stand, not which targets traded and where the stop went
//! since: the life of a signal over HTTP does (docs/rest.md).

use super::told::{Level, OutcomeExt, OutcomePayload};
use crate::remote::Remote;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// What became of a signal, in the order in which it happened.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) id: String,
    /// Each with its place in the stream.
    pub(super) outcomes: Vec<(u64, OutcomePayload, OutcomeExt)>,
}

#[derive(Deserialize)]
struct LifeTold {
    events: Vec<Event>,
    outcome: Option<Latest>,
}

#[derive(Deserialize)]
struct Event {
    seq: u64,
    kind: String,
    at: String,
    cause: Option<String>,
    price: Option<Level>,
    r: Option<Level>,
    #[serde(default)]
    last: bool,
}

/// The latest of them, which says what the whole came to.
#[derive(Deserialize)]
struct Latest {
    #[serde(default)]
    ext: OutcomeExt,
}

/// Asks a server for these lives, one after the other.
///
/// # Errors
/// When an answer does not come, is an error, or is not understood.
pub(super) async fn ask(remote: Remote, ids: Vec<String>) -> Result<Vec<Life>> {
    let mut lives = Vec::new();
    for id in ids {
        let text = remote.want(&format!("/api/v1/signals/{id}")).await?;
        lives.push(read(id, &text)?);
    }
    Ok(lives)
}

pub(super) fn read(id: String, text: &str) -> Result<Life> {
    let told: LifeTold =
        serde_json::from_str(text).with_context(|| format!("read the life of {id}"))?;
    let realised = told.outcome.and_then(|latest| latest.ext.realised_r);
    let outcomes = told.events.into_iter().filter_map(|event| {
        let (true, Some(cause)) = (event.kind == "outcome", event.cause) else {
            return None;
        };
        let payload = OutcomePayload {
            id: id.clone(),
            event: cause,
            price: event.price?,
            r: event.r?,
            at: event.at,
        };
        let ext = OutcomeExt {
            last: event.last,
            realised_r: realised.clone().filter(|_| event.last),
        };
        Some((event.seq, payload, ext))
    });
    let outcomes = outcomes.collect();
    Ok(Life { id, outcomes })
}
