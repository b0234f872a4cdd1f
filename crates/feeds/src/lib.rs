//! Vendors' bytes to ORION's ticks and bars: one module per source, and the gate that every source's data passes.
//!
//! - [`tape`] reads recorded ticks and bars from files into one stream ordered by the source's time.
//! - [`quarantine`] turns away what cannot be a market's price, counts it with its reason, and lets the rest through.
//!
//! Nothing here knows the engine or the clients, and nothing a file or a vendor sends may panic.

#![forbid(unsafe_code)]

pub mod quarantine;
pub mod tape;

#[cfg(test)]
mod sample;
