//! OANDA's connector against the stand-in, and the stand-in against OANDA's own Python client and the most used one.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: where one cannot go on, the line says why"
)]

mod bars;
mod client;
mod faults;
mod flow;
mod past;
mod rig;
#[path = "../../src/sample.rs"]
mod sample;
