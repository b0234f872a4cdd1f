//! A posted signal, read strictly: the one way from somebody's JSON to an alert, from an alert to the engine, and from what
//! came of it to the answer. Bots over HTTP and WebSocket, and TradingView's alerts, all come this way.
//!
//! - `signal` reads the dialects of bots; `tradingview` has its own; both make the same draft, which is checked once.
//! - `desk` is the way to the engine, with its limits; `answer` is what the sender is told.

mod advice;
mod answer;
pub(crate) mod body;
mod desk;
pub(crate) mod draft;
pub(crate) mod names;
mod number;
pub(crate) mod object;
pub(crate) mod refusal;
mod signal;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use desk::check_kind;
pub use desk::{Desk, Posting, Route, Unavailable};
pub use refusal::Refusal;
pub use signal::{Posted, read};
