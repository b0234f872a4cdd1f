//! Whole files through the tape: what is found out, what comes out, what is turned away.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: where one cannot go on, the line says why"
)]

mod damage;
mod files;
mod formats;
mod merge;
mod pairs;
mod recorded;
#[path = "../../src/sample.rs"]
mod sample;
mod unclear;
