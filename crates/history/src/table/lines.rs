//! A table as lines of text: comma separated values (RFC 4180) with a header, or a JSON object a line (RFC 8259). Numbers are
//! exact: a price has at least the places of its instrument, and no digit that it does not have. A time is RFC 3339 in UTC, with
//! as many decimals as its column keeps.

use super::schema::{Cell, Column, Kind, Raw, Unit};
use crate::Error;
use crate::disk::{Growing, Target};
use market::{Price, Time};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

/// The most places that a price has.
const PRICE_PLACES: u8 = 9;

/// A table that is being written.
#[derive(Debug)]
pub struct Lines {
    /// For errors: what is written.
    name: PathBuf,
    columns: Vec<Column>,
    form: Form,
}

enum Form {
    /// An empty cell is nothing.
    Csv(Box<csv::Writer<BufWriter<Growing>>>),
    /// An empty cell is `null`.
    Json(BufWriter<Growing>, Vec<String>),
}

impl std::fmt::Debug for Form {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Csv(_) => "Csv",
            Self::Json(..) => "Json",
        })
    }
}

impl Lines {
    pub(super) fn csv(target: Target, columns: &[Column]) -> Result<Self, Error> {
        let file = Growing::begin(target)?;
        let name = file.name().to_owned();
        let mut file = csv::Writer::from_writer(BufWriter::new(file));
        let names = columns.iter().map(|column| column.name.as_str());
        let written = file.write_record(names).map_err(failure);
        written.map_err(Error::io("write", &name))?;
        Ok(Self {
            name,
            columns: columns.to_vec(),
            form: Form::Csv(Box::new(file)),
        })
    }

    pub(super) fn json(target: Target, columns: &[Column]) -> Result<Self, Error> {
        let file = Growing::begin(target)?;
        let mut keys = Vec::new();
        for (column, before) in columns
            .iter()
            .zip(["{"].into_iter().chain([","].repeat(columns.len())))
        {
            keys.push(format!("{before}{}:", quoted(&column.name)));
        }
        Ok(Self {
            name: file.name().to_owned(),
            columns: columns.to_vec(),
            form: Form::Json(BufWriter::new(file), keys),
        })
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        let written = match &mut self.form {
            Form::Csv(file) => {
                let mut row = Vec::with_capacity(cells.len());
                for (column, cell) in self.columns.iter().zip(cells) {
                    row.push(text(column, *cell)?);
                }
                file.write_record(row).map_err(failure)
            }
            Form::Json(file, keys) => {
                let mut row = String::new();
                for ((column, key), cell) in self.columns.iter().zip(keys).zip(cells) {
                    row.push_str(key);
                    row.push_str(&value(column, *cell)?);
                }
                row.push_str("}\n");
                file.write_all(row.as_bytes())
            }
        };
        written.map_err(Error::io("write", &self.name))
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        let file = match self.form {
            Form::Csv(file) => file.into_inner().map_err(|error| copied(error.error())),
            Form::Json(file, _) => Ok(file),
        };
        let file = file.and_then(|file| file.into_inner().map_err(|error| copied(error.error())));
        let (draft, _) = file.map_err(Error::io("write", &self.name))?.settle()?;
        draft.publish()
    }
}

/// What the file or the stream said. The crate's own way to an [`io::Error`] forgets its kind, by which a reader who has gone is
/// known.
fn failure(error: csv::Error) -> io::Error {
    let words = error.to_string();
    if let csv::ErrorKind::Io(error) = error.into_kind() {
        error
    } else {
        io::Error::other(words)
    }
}

/// The same failure: what has it may not be taken apart.
fn copied(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

/// A cell in CSV.
fn text(column: &Column, cell: Cell<'_>) -> Result<String, Error> {
    let raw = column.raw(cell)?;
    Ok(match raw {
        Raw::None => String::new(),
        Raw::Integer(number) => match (cell, column.kind) {
            (Cell::Exact(price, digits), _) => exact(price, digits),
            (_, Kind::Decimal(places)) => decimal(number, places),
            (_, Kind::Time(unit)) => moment(number, unit),
            (_, Kind::Integer | Kind::Float | Kind::Flag | Kind::Text) => number.to_string(),
        },
        Raw::Float(number) => number.to_string(),
        Raw::Flag(flag) => flag.to_string(),
        Raw::Text(text) => String::from_utf8_lossy(text.data()).into_owned(),
    })
}

/// A cell in JSON.
fn value(column: &Column, cell: Cell<'_>) -> Result<String, Error> {
    let text = text(column, cell)?;
    Ok(match (cell, column.kind) {
        (Cell::None, _) => "null".to_owned(),
        (Cell::Float(number), _) if !number.is_finite() => "null".to_owned(),
        (Cell::Json(_), _) | (_, Kind::Integer | Kind::Float | Kind::Flag | Kind::Decimal(_)) => {
            text
        }
        (_, Kind::Text | Kind::Time(_)) => quoted(&text),
    })
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A price with at least so many places, and with more where it has them.
fn exact(price: Price, digits: u8) -> String {
    let places = crate::day::places(digits, price);
    let step = 10_i64.pow(u32::from(PRICE_PLACES - places));
    decimal(price.units() / step, places)
}

fn decimal(units: i64, places: u8) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let places = usize::from(places);
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = places + 1);
    let (whole, rest) = digits.split_at(digits.len() - places);
    if rest.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{rest}")
    }
}

fn moment(value: i64, unit: Unit) -> String {
    let nanos = value.saturating_mul(unit.nanos());
    let second = Time::from_nanos(nanos).to_string();
    let second = second.split('.').next().unwrap_or_default();
    let width = match unit {
        Unit::Millis => 3,
        Unit::Micros => 6,
        Unit::Nanos => 9,
    };
    let fraction = nanos.rem_euclid(1_000_000_000) / unit.nanos();
    format!("{second}.{fraction:0width$}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_exactly() {
        for (units, places, expected) in [
            (108_512, 5, "1.08512"),
            (-5, 2, "-0.05"),
            (0, 2, "0.00"),
            (7, 0, "7"),
            (i64::MIN, 9, "-9223372036.854775808"),
        ] {
            assert_eq!(decimal(units, places), expected);
        }
        for (units, digits, expected) in [
            (1_085_120_000, 5, "1.08512"),
            (1_085_100_000, 5, "1.08510"),
            (1_085_123_000, 5, "1.085123"),
            (-1, 2, "-0.000000001"),
            (7_000_000_000, 0, "7"),
        ] {
            assert_eq!(exact(Price::from_units(units), digits), expected);
        }
        for (value, unit, expected) in [
            (1_795_824_000_007, Unit::Millis, "2026-11-28T00:00:00.007Z"),
            (
                1_795_824_000_000_007,
                Unit::Micros,
                "2026-11-28T00:00:00.000007Z",
            ),
            (-1, Unit::Nanos, "1969-12-31T23:59:59.999999999Z"),
        ] {
            assert_eq!(moment(value, unit), expected);
        }
    }
}
