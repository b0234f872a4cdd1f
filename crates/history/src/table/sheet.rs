//! The same table as Parquet or as CSV, whichever the name of its file asks for.

use super::schema::{Cell, Column, Kind, Raw, Unit};
use super::writer::Writer;
use crate::{Error, disk};
use market::Time;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Parquet,
    Csv,
}

impl Form {
    /// What the name of a file asks for; `None` for another ending than `.parquet` or `.csv`.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let end = path.extension()?.to_ascii_lowercase();
        match end.to_str()? {
            "parquet" => Some(Self::Parquet),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// A table that is being written in either form. Dropped before [`Sheet::finish`], it leaves nothing behind.
#[derive(Debug)]
pub enum Sheet {
    Parquet(Box<Writer>),
    Csv(Box<Lines>),
}

/// A table as comma separated values (RFC 4180) with a header; an empty cell is nothing, a time is RFC 3339 in UTC.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    columns: Vec<Column>,
    /// Until it is finished.
    file: Option<csv::Writer<BufWriter<File>>>,
}

impl Sheet {
    /// As [`Writer::create`]; CSV has no place for what is told of the table.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder or the file cannot be made.
    pub fn create(
        form: Form,
        path: &Path,
        columns: &[Column],
        about: &[(&str, String)],
    ) -> Result<Self, Error> {
        Ok(match form {
            Form::Parquet => Self::Parquet(Box::new(Writer::create(path, columns, about)?)),
            Form::Csv => Self::Csv(Box::new(Lines::create(path, columns)?)),
        })
    }

    /// As [`Writer::row`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        match self {
            Self::Parquet(table) => table.row(cells),
            Self::Csv(lines) => lines.row(cells),
        }
    }

    /// Writes the rest, waits until all is on disk and gives the file its name.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk fails; what was at the place before is unharmed.
    pub fn finish(self) -> Result<(), Error> {
        match self {
            Self::Parquet(table) => table.finish().map(drop),
            Self::Csv(lines) => lines.finish(),
        }
    }
}

impl Lines {
    fn create(path: &Path, columns: &[Column]) -> Result<Self, Error> {
        if let Some(folder) = disk::folder_of(path) {
            disk::make_dir(folder)?;
        }
        let draft = disk::draft_of(path);
        let file = File::create(&draft).map_err(Error::io("create", &draft))?;
        let mut file = csv::Writer::from_writer(BufWriter::new(file));
        let names = columns.iter().map(|column| column.name.as_str());
        let written = file.write_record(names).map_err(io::Error::from);
        written.map_err(Error::io("write", &draft))?;
        Ok(Self {
            path: path.to_owned(),
            columns: columns.to_vec(),
            file: Some(file),
        })
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        let columns = self.columns.iter().zip(cells);
        let texts = columns.map(|(column, cell)| Ok(text(column.kind, column.raw(*cell)?)));
        let texts = texts.collect::<Result<Vec<String>, Error>>()?;
        let file = self.file.as_mut().expect("it is not finished");
        let written = file.write_record(texts).map_err(io::Error::from);
        written.map_err(Error::io("write", &disk::draft_of(&self.path)))
    }

    fn finish(mut self) -> Result<(), Error> {
        let draft = disk::draft_of(&self.path);
        let file = self.file.take().expect("it is finished once");
        let buffer = file
            .into_inner()
            .map_err(|error| io::Error::other(error.to_string()));
        let file = buffer.and_then(|buffer| buffer.into_inner().map_err(io::Error::from));
        let synced = file.and_then(|file| file.sync_all());
        synced.map_err(Error::io("write", &draft))?;
        disk::publish(&draft, &self.path)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Should it stay, the next one with this name overwrites it.
            let _ = fs::remove_file(disk::draft_of(&self.path));
        }
    }
}

/// A cell as text.
fn text(kind: Kind, raw: Raw) -> String {
    match raw {
        Raw::None => String::new(),
        Raw::Integer(value) => match kind {
            Kind::Decimal(places) => decimal(value, places),
            Kind::Time(unit) => moment(value, unit),
            Kind::Integer | Kind::Float | Kind::Flag | Kind::Text => value.to_string(),
        },
        Raw::Float(value) => value.to_string(),
        Raw::Flag(value) => value.to_string(),
        Raw::Text(value) => String::from_utf8_lossy(value.data()).into_owned(),
    }
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

    #[test]
    fn both_forms_are_written_by_the_files_name() {
        let dir = tempfile::TempDir::new().unwrap();
        let columns = [
            Column::text("reason").optional(),
            Column::decimal("bid", 2),
            Column::flag("last"),
            Column::float("score").optional(),
        ];
        let path = dir.path().join("out/a.csv");
        let form = Form::of(&path).unwrap();
        let mut sheet = Sheet::create(form, &path, &columns, &[]).unwrap();
        let words = Cell::Text("swept, and \"turned\"");
        sheet
            .row(&[words, Cell::Units(150), Cell::Flag(true), Cell::Float(0.1)])
            .unwrap();
        sheet
            .row(&[Cell::None, Cell::Units(-1), Cell::Flag(false), Cell::None])
            .unwrap();
        assert!(!path.exists(), "it is not finished");
        sheet.finish().unwrap();
        let expected =
            "reason,bid,last,score\n\"swept, and \"\"turned\"\"\",1.50,true,0.1\n,-0.01,false,\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        assert_eq!(fs::read_dir(dir.path().join("out")).unwrap().count(), 1);

        let path = dir.path().join("a.Parquet");
        let form = Form::of(&path).unwrap();
        let mut sheet = Sheet::create(form, &path, &columns, &[]).unwrap();
        sheet
            .row(&[Cell::None, Cell::Units(1), Cell::Flag(true), Cell::None])
            .unwrap();
        sheet.finish().unwrap();
        assert_eq!(crate::table::Reader::open(&path).unwrap().rows(), 1);
        assert_eq!(Form::of(Path::new("a.txt")), None);
        assert_eq!(Form::of(Path::new("parquet")), None);
    }
}
