//! Backtests: the very same engine over recorded events, and what became of the signals.

pub mod report;

pub use report::Report;
