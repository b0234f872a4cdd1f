//! The simulated market, by what it promises: its ticks, its plans, and what the engine makes of them.

#![expect(clippy::unwrap_used, reason = "a broken test fails where it breaks")]

mod driftless;
mod instruments;
mod odds;
mod plans;
mod signals;
mod ticks;
mod trader;
