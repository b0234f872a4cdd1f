//! Vendors' bytes to ORION's ticks and bars: one module per source, and the gate that every source's data passes.
//!
//! - [`tape`] reads recorded ticks and bars from files into one stream ordered by the source's time.
//! - [`quarantine`] turns away what cannot be a market's price, counts it with its reason, and lets the rest through.
//!
//! - [`inbox`], [`supervise`], [`ranking`] are what live sources share: the way to the loop, patience with a vendor, and
//!   which of several sources an instrument's prices are taken from.
//!
//! Nothing here knows the engine or the clients, and nothing a file or a vendor sends may panic.

#![forbid(unsafe_code)]

pub mod alphavantage;
pub mod bots;
pub mod clock;
mod decimal;
pub mod health;
mod hours;
pub mod inbox;
pub mod json;
pub mod massive;
pub mod metatrader;
pub mod net;
pub mod oanda;
pub mod posted;
pub mod quarantine;
pub mod ranking;
pub mod supervise;
pub mod symbols;
pub mod tape;
pub mod tradingview;

#[cfg(test)]
mod sample;
