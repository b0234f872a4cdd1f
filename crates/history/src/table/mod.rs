//! Tables of named columns as Parquet files.
//!
//! ```no_run
//! use history::table::{Cell, Column, Unit, Writer};
//!
//! let columns = [Column::time("at", Unit::Millis), Column::float("score").optional()];
//! let about = [("orion.features", "3".to_owned())];
//! let mut table = Writer::create("features.parquet".as_ref(), &columns, &about)?;
//! table.row(&[Cell::Nanos(1_764_338_400_000_000_000), Cell::Float(0.25)])?;
//! table.row(&[Cell::Nanos(1_764_338_401_000_000_000), Cell::None])?;
//! table.finish()?;
//! # Ok::<(), history::Error>(())
//! ```
//!
//! # What the files look like
//!
//! Whole numbers, times and decimals are 64-bit integers as differences to the value before (`DELTA_BINARY_PACKED`); times
//! are `TIMESTAMP` in UTC, decimals `DECIMAL` with their places, texts UTF-8 with a dictionary; all of it packed by Zstandard.
//! Besides what the caller tells, the file's metadata has `orion.rows`, how many there are, and `orion.checksum`, the CRC-32
//! of the columns, of what the caller tells and of every value.

mod checksum;
mod lines;
mod reader;
mod schema;
mod sheet;
mod writer;

pub use crate::disk::{Draft, Target};
pub use reader::{Reader, Row};
pub use schema::{Cell, Column, Kind, Unit};
pub use sheet::{Form, Sheet};
pub use writer::{Writer, Written};

/// The metadata that says how many rows a file has.
const ROWS: &str = "orion.rows";
/// The metadata that says what [`checksum`] makes of the file.
const CHECKSUM: &str = "orion.checksum";

#[cfg(test)]
mod tests;
