//! Letting go of a tape's oldest days as `[history]` says, and telling what went.

use crate::config::History;
use crate::fault;
use crate::seal;
use anyhow::{Context as _, Result};
use journal::tape::{self, Keep, Place, Removed};
use market::Time;
use std::path::Path;

/// Removes what need not be kept at `now`, which is the stamp of the newest event, and lies before `not_after`. No day goes
/// for its age before it is sealed, where days are; where there is no room, it goes all the same.
pub(crate) fn prune(
    market: &Path,
    history: &History,
    not_after: Place,
    now: Time,
) -> Result<Removed> {
    let unsealed = if history.parquet {
        seal::unsealed(market)?
    } else {
        None
    };
    let by_age = Keep {
        days: history.keep_days,
        bytes: 0,
        not_after: unsealed.map_or(not_after, |place| place.min(not_after)),
    };
    let by_size = Keep {
        days: 0,
        bytes: history.max_bytes,
        not_after,
    };
    let mut removed = Removed::default();
    for limits in [by_age, by_size] {
        let gone = tape::keep(&market.join("tape"), &limits, now, fault::point)
            .context("let go of the oldest days of the tape")?;
        removed.days += gone.days;
        removed.segments += gone.segments;
        removed.bytes += gone.bytes;
        removed.before = gone.before.or(removed.before);
    }
    if let Some(before) = removed.before {
        tracing::info!(
            days = removed.days,
            segments = removed.segments,
            bytes = removed.bytes,
            %before,
            "let go of the oldest days of the tape"
        );
    }
    Ok(removed)
}
