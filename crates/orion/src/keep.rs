//! Letting go of a tape's oldest days as `[history]` says, and telling what went.

use crate::config::History;
use crate::fault;
use anyhow::{Context as _, Result};
use journal::tape::{self, Keep, Place, Removed};
use market::Time;
use std::path::Path;

/// Removes what need not be kept at `now`, which is the stamp of the newest event, and lies before `not_after`.
pub(crate) fn prune(
    tape: &Path,
    history: &History,
    not_after: Place,
    now: Time,
) -> Result<Removed> {
    let limits = Keep {
        days: history.keep_days,
        bytes: history.max_bytes,
        not_after,
    };
    let removed = tape::keep(tape, &limits, now, fault::point)
        .context("let go of the oldest days of the tape")?;
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
