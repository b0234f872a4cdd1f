//! What is kept for people and their tools: tables as Parquet files, which pandas, polars and DuckDB read as they are.
//!
//! [`table`] writes and reads any table, whole or not at all.
//!
//! This crate knows no tape, no journal and no client's JSON: who calls it brings the rows.

#![forbid(unsafe_code)]

mod disk;
mod error;
pub mod table;

pub use error::Error;
