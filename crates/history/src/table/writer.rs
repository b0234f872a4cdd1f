//! Writing a table: rows are gathered, a group of them is written at a time, and only the whole file gets its name.

use super::checksum::Checksum;
use super::schema::{self, Cell, Column, Kind, Raw};
use super::{CHECKSUM, ROWS};
use crate::Error;
use crate::disk::{Draft, Growing, Target};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::ColumnPath;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a group. Larger ones pack no better; a reader has one in memory.
const GROUP_ROWS: usize = 1 << 17;
/// Higher levels of Zstandard cost much more time and gain under a hundredth on columns of differences.
const ZSTD_LEVEL: i32 = 3;

/// A table that is being written. Dropped before [`Writer::finish`], it leaves nothing behind.
pub struct Writer {
    /// For errors: what is written.
    name: PathBuf,
    columns: Vec<Column>,
    file: SerializedFileWriter<Growing>,
    group: Vec<Buffer>,
    /// Rows of the group.
    gathered: usize,
    rows: u64,
    checksum: Checksum,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Writer")
            .field("name", &self.name)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// What a finished table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub rows: u64,
    pub checksum: u32,
    /// Of the file.
    pub bytes: u64,
}

/// The cells of a column, until their group is written.
struct Buffer {
    values: Values,
    /// For each row whether there is a value, where the column is optional.
    levels: Vec<i16>,
}

enum Values {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Flags(Vec<bool>),
    Texts(Vec<ByteArray>),
}

impl Writer {
    /// Begins a table whose file will be `path`; its folder is made where it is missing. `about` goes into the file's
    /// metadata; its keys are the caller's, those that begin with `orion.` have a meaning here.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder or the file cannot be made.
    pub fn create(
        path: &Path,
        columns: &[Column],
        about: &[(&str, String)],
    ) -> Result<Self, Error> {
        Self::begin(Target::File(path.to_owned()), columns, about)
    }

    /// The same to any target.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn begin(
        target: Target,
        columns: &[Column],
        about: &[(&str, String)],
    ) -> Result<Self, Error> {
        let file = Growing::begin(target)?;
        let name = file.name().to_owned();
        let schema = schema::schema(columns).map_err(Error::writing(&name))?;
        let properties = Arc::new(properties(columns, about));
        let file = SerializedFileWriter::new(file, schema, properties);
        let told = about.iter().map(|(key, value)| (*key, value.as_str()));
        Ok(Self {
            columns: columns.to_vec(),
            file: file.map_err(Error::writing(&name))?,
            name,
            group: columns.iter().map(Buffer::new).collect(),
            gathered: 0,
            rows: 0,
            checksum: Checksum::new(columns, told),
        })
    }

    /// Adds a row, a cell for each column.
    ///
    /// # Errors
    /// [`Error::Inexact`] when a column cannot keep its cell, [`Error::Io`] when the disk fails. The table cannot be gone on
    /// with then.
    ///
    /// # Panics
    /// When there are not as many cells as columns, or one is of another kind than its column.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        for ((column, buffer), cell) in self.columns.iter().zip(&mut self.group).zip(cells) {
            buffer.push(column.raw(*cell)?, column.optional);
        }
        self.gathered += 1;
        self.rows += 1;
        if self.gathered == GROUP_ROWS {
            self.write_group()?;
        }
        Ok(())
    }

    /// How many rows there are so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes the rest, waits until all is on disk and gives the file its name, also where another one had it.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk fails; what was at the place before is unharmed.
    pub fn finish(self) -> Result<Written, Error> {
        let (draft, written) = self.finish_draft()?;
        draft.publish()?;
        Ok(written)
    }

    /// Writes the rest and waits until all is on disk, under a name that does not count yet.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk fails.
    pub fn finish_draft(mut self) -> Result<(Draft, Written), Error> {
        if self.gathered > 0 {
            self.write_group()?;
        }
        let checksum = self.checksum.value();
        for (key, value) in [
            (ROWS, self.rows.to_string()),
            (CHECKSUM, format!("{checksum:08x}")),
        ] {
            self.file
                .append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        let file = self.file.into_inner().map_err(Error::writing(&self.name))?;
        let (draft, bytes) = file.settle()?;
        let written = Written {
            rows: self.rows,
            checksum,
            bytes,
        };
        Ok((draft, written))
    }

    fn write_group(&mut self) -> Result<(), Error> {
        for buffer in &self.group {
            buffer.add_to(&mut self.checksum);
        }
        write(&mut self.file, &self.group).map_err(Error::writing(&self.name))?;
        for buffer in &mut self.group {
            buffer.clear();
        }
        self.gathered = 0;
        Ok(())
    }
}

impl Buffer {
    fn new(column: &Column) -> Self {
        let values = match column.kind {
            Kind::Integer | Kind::Decimal(_) | Kind::Time(_) => Values::Integers(Vec::new()),
            Kind::Float => Values::Floats(Vec::new()),
            Kind::Flag => Values::Flags(Vec::new()),
            Kind::Text => Values::Texts(Vec::new()),
        };
        Self {
            values,
            levels: Vec::new(),
        }
    }

    fn push(&mut self, raw: Raw, optional: bool) {
        if optional {
            self.levels.push(i16::from(!matches!(raw, Raw::None)));
        }
        match (&mut self.values, raw) {
            (_, Raw::None) => {}
            (Values::Integers(values), Raw::Integer(value)) => values.push(value),
            (Values::Floats(values), Raw::Float(value)) => values.push(value),
            (Values::Flags(values), Raw::Flag(value)) => values.push(value),
            (Values::Texts(values), Raw::Text(value)) => values.push(value),
            _ => unreachable!("the column has made it of its own kind"),
        }
    }

    fn add_to(&self, checksum: &mut Checksum) {
        checksum.levels(&self.levels);
        match &self.values {
            Values::Integers(values) => checksum.integers(values),
            Values::Floats(values) => checksum.floats(values),
            Values::Flags(values) => checksum.flags(values),
            Values::Texts(values) => checksum.texts(values),
        }
    }

    fn clear(&mut self) {
        self.levels.clear();
        match &mut self.values {
            Values::Integers(values) => values.clear(),
            Values::Floats(values) => values.clear(),
            Values::Flags(values) => values.clear(),
            Values::Texts(values) => values.clear(),
        }
    }

    fn write(&self, column: &mut SerializedColumnWriter<'_>) -> ParquetResult<()> {
        let levels = (!self.levels.is_empty()).then_some(self.levels.as_slice());
        let written = match (column.untyped(), &self.values) {
            (ColumnWriter::Int64ColumnWriter(writer), Values::Integers(values)) => {
                writer.write_batch(values, levels, None)
            }
            (ColumnWriter::DoubleColumnWriter(writer), Values::Floats(values)) => {
                writer.write_batch(values, levels, None)
            }
            (ColumnWriter::BoolColumnWriter(writer), Values::Flags(values)) => {
                writer.write_batch(values, levels, None)
            }
            (ColumnWriter::ByteArrayColumnWriter(writer), Values::Texts(values)) => {
                writer.write_batch(values, levels, None)
            }
            _ => Err(ParquetError::General("a column of another kind".to_owned())),
        };
        written.map(drop)
    }
}

fn write(file: &mut SerializedFileWriter<Growing>, group: &[Buffer]) -> ParquetResult<()> {
    let mut row_group = file.next_row_group()?;
    for buffer in group {
        let missing = || ParquetError::General("a column too few".to_owned());
        let mut column = row_group.next_column()?.ok_or_else(missing)?;
        buffer.write(&mut column)?;
        column.close()?;
    }
    row_group.close().map(drop)
}

fn properties(columns: &[Column], about: &[(&str, String)]) -> WriterProperties {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    let told = about
        .iter()
        .map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone()));
    let mut builder = WriterProperties::builder()
        .set_created_by("ORION".to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_data_page_row_count_limit(GROUP_ROWS)
        .set_key_value_metadata(Some(told.collect()));
    for column in columns {
        let path = ColumnPath::from(column.name.as_str());
        builder = match column.kind {
            Kind::Integer | Kind::Decimal(_) | Kind::Time(_) => builder
                .set_column_dictionary_enabled(path.clone(), column.repeats)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            Kind::Float => builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::PLAIN),
            Kind::Flag | Kind::Text => builder,
        };
    }
    builder.build()
}
