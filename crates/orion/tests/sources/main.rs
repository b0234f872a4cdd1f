//! Live sources of a real server against vendors that are played: what becomes of the others when one fails, who takes over,
//! what is fetched of the past, who may see the prices, and what `orion record` and `orion feed test` make of them.

#[path = "../support/mod.rs"]
mod support;

mod audience;
mod changes;
mod commands;
mod faults;
mod recording;
mod takeover;
mod vendors;
mod warm;
mod world;
