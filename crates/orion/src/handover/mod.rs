//! A restart that refuses nobody: the listening socket outlives the process. `docs/decisions/0008` says who owns what at
//! each step.
//!
//! The old process starts the new one ([`Candidate`]) with a [`Link`](link) for its standard input and passes it the
//! listening socket. The new one ([`Predecessor`]) checks and says so; the old one gives up engine and store; the new one
//! takes both and lets clients in; the old one stops listening and drains, and hears by a [`Relay`] what to tell its clients
//! until the last is gone. Whatever goes wrong before the new one serves, the old one goes on.

mod control;
mod link;
mod listening;
mod predecessor;
mod relay;
mod reloads;
pub(crate) mod service;
mod successor;
mod words;

pub(crate) use control::{Answer, Near, differences_of, is_running, log_levels, near, reload};
pub use listening::Entrance;
pub(crate) use listening::{BACKLOG, Listening, give};
pub(crate) use predecessor::Waiting;
pub use predecessor::{Complaint, Predecessor};
pub(crate) use relay::Relay;
pub(crate) use reloads::{Plan, Reloads, Request, Turn, listen};
pub(crate) use successor::{Successor, program};

use anyhow::{Context as _, Result};
use std::path::Path;

/// Set for a process that is started to take over: its standard input is the link.
const VARIABLE: &str = "ORION_HANDOVER";

/// A market's folder as both processes call it, whatever path each was given.
fn name_of(dir: &Path) -> Result<String> {
    let dir = dir
        .canonicalize()
        .with_context(|| format!("look at {}", dir.display()))?;
    Ok(dir.to_string_lossy().into_owned())
}
