//! Backtests: the very same engine over recorded events, what became of its signals, and what that is worth.
//!
//! `run.rs` turns the engine, `watch.rs` hears what it says and keeps the trades, `control.rs` enters at random beside them,
//! `asked.rs` counts what models were asked, `confirmation.rs` looks at what was not confirmed, `make.rs` makes a [`Report`] of
//! it all; `trial.rs` is the short form that sets of parameters are compared by, and `together.rs` runs those whose charts read
//! the same.

mod asked;
mod bootstrap;
mod calendar;
mod chart;
mod confirmation;
mod control;
mod deflate;
mod figures;
mod make;
mod quote;
pub mod report;
mod row;
mod run;
mod together;
mod trial;
mod watch;

#[cfg(test)]
mod models;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use control::{Drawn, Tried};
pub use make::{Asked, Beside};
pub use report::Report;
pub use row::Row;
pub use run::{run, run_asking, tell};
pub use together::together;
pub use trial::{Deflated, Forward, Quarter, Trial, variance, walk_forward};
pub use watch::{Ended, Found, Period, Seen, Trained, Watch};
