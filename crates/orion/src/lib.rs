//! The binary of ORION as a library, so that tests and benchmarks can reach its parts. `serve/run.rs` is the loop; read
//! `machine.rs` for what may be shown when.

mod admin;
pub mod auth;
mod bars;
mod capacity;
pub mod cli;
pub mod clock;
pub mod config;
pub mod fault;
pub mod feed;
pub mod feed_test;
pub mod handover;
pub mod hangup;
pub mod history;
mod keep;
mod keeper;
pub mod key;
pub mod live;
pub mod logs;
pub mod machine;
pub mod ops;
pub mod place;
pub mod posts;
pub mod record;
pub mod recorder;
pub mod recording;
mod recover;
pub mod reload;
pub mod replay;
pub mod secrets;
pub mod serve;
pub mod shutdown;
mod signers;
pub mod sources;
pub mod statuses;
pub mod survey;
pub mod tail;
