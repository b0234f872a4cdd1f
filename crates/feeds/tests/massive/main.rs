//! Massive against its stand-in: the ordinary day, and each of its traps.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: where one cannot go on, the line says why"
)]

#[path = "../clients/mod.rs"]
mod clients;
mod ends;
mod faithful;
mod rest;
#[path = "../../src/sample.rs"]
mod sample;
mod scene;
mod stream;
