//! What is kept for people and their tools: tables as Parquet files, which pandas, polars and DuckDB read as they are.
//!
//! [`table`] writes and reads any table, whole or not at all. [`day`] is the shape of a symbol's day: its quotes, its bars.
//!
//! This crate knows no tape, no journal and no client's JSON: who calls it brings the rows.

#![forbid(unsafe_code)]

pub mod day;
mod disk;
mod error;
pub mod table;

pub use error::Error;
