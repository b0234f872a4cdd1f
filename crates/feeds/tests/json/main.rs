//! Described sources over real sockets: the shipped ones against their stand-ins, made-up ones as a user would describe them,
//! and the vendors' own clients against the same stand-ins.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: where one cannot go on, the line says why"
)]

mod clients;
mod finnhub;
mod kraken;
mod poll;
#[path = "../../src/sample.rs"]
mod sample;
mod support;
mod twelvedata;
mod user;
