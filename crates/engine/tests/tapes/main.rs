//! Short text tapes through the whole engine: what it answers to them, as inline snapshots.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bars_only;
mod bounded;
mod coarse;
mod confide;
mod desk;
mod driver;
mod ends;
mod features;
mod gates;
mod holes;
mod ledger;
mod mirror;
mod moves;
mod outcomes;
mod own_rules;
mod past;
mod portfolio;
mod posted;
mod prices;
mod properties;
mod recorded;
mod restarts;
mod scene;
mod settings;
mod setup;
#[path = "../shared/mod.rs"]
mod shared;
mod size;
mod sources;
mod strange;
mod strangers;
mod tape;
mod verdicts;
mod walk;
