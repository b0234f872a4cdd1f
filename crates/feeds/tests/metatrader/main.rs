//! The MetaTrader bridge: its answers one by one, and the advisors' own code against it over real sockets.
//!
//! MetaTrader cannot run here. The advisors are written so that a C++ compiler takes them with a small header that plays the
//! terminal (`mql/`): what is compiled and run is their text as it is shipped, without the `#property` lines.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: where one cannot go on, the line says why"
)]

mod answers;
mod faults;
mod gold;
mod once;
mod place;
mod proxy;
mod terminal;
