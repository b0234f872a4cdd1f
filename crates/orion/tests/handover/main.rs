//! `orion reload`: a new process takes over, and nobody outside notices more than a close that says to come back. Where it
//! cannot, the old one goes on.

#[path = "../support/mod.rs"]
mod support;

mod client;
mod failures;
mod hold;
mod installed;
mod line;
mod market;
mod process;
mod proxies;
mod restarts;
mod settings;
