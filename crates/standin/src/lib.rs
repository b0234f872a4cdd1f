//! The vendors, played on loopback: each module speaks one vendor's documented protocol, with its awkward cases on
//! demand. For tests, benchmarks, and for trying a source without an account; nothing that ships depends on it.
pub mod alphavantage;
pub mod finnhub;
pub mod kraken;
pub mod line;
pub mod massive;
pub mod oanda;
mod stage;
pub mod twelvedata;
