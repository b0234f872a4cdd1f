//! What proves ORION: the seeded simulated market (and the replays, backtests and faulty worlds that are built on it).
//! Everything here is pure; the very same core that serves is turned.

pub mod backtest;
pub mod market;
pub mod replay;
