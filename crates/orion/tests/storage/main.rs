//! What is kept must not be lost: backups of a server that runs.

#[path = "../support/mod.rs"]
mod support;

mod backup;
