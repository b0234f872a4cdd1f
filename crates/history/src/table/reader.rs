//! Reading a table that [`super::Writer`] has written, a group of rows at a time.

use super::checksum::Checksum;
use super::schema::{Column, Kind};
use super::{CHECKSUM, ROWS};
use crate::Error;
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{FileReader as _, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// The most rows of a group that is read: more than any this crate writes.
const GROUP_ROWS_MAX: i64 = 1 << 24;

/// A table, row by row.
pub struct Reader {
    path: PathBuf,
    file: SerializedFileReader<File>,
    columns: Vec<Column>,
    about: Vec<(String, String)>,
    /// What the file says of itself.
    told: Told,
    /// The next group to be read.
    next_group: usize,
    group: Vec<Cells>,
    /// Rows of the group, and the next one to be given.
    length: usize,
    at: usize,
    rows: u64,
    checksum: Checksum,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Reader")
            .field("path", &self.path)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug)]
struct Told {
    rows: u64,
    checksum: u32,
}

/// The cells of a column in a group.
#[derive(Debug)]
struct Cells {
    values: Values,
    /// For each row the place of its value, where the column is optional.
    places: Option<Vec<Option<usize>>>,
}

#[derive(Debug)]
enum Values {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Flags(Vec<bool>),
    Texts(Vec<ByteArray>),
}

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    group: &'a [Cells],
    at: usize,
}

impl Reader {
    /// Opens a table.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be opened, [`Error::Damaged`] when it is no whole table of ORION's.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let file = guarded(path, || SerializedFileReader::new(file))?;
        let metadata = file.metadata().file_metadata();
        let fields = metadata.schema_descr().root_schema().get_fields();
        let columns = fields.iter().map(|field| Column::from_parquet(field));
        let columns = columns.collect::<Option<Vec<Column>>>();
        let mut about: Vec<(String, String)> = Vec::new();
        for told in metadata.key_value_metadata().into_iter().flatten() {
            about.push((told.key.clone(), told.value.clone().unwrap_or_default()));
        }
        let foreign = || Error::damaged(path, "is a Parquet file, but none of ORION's");
        let told = Told::take(&mut about).ok_or_else(foreign)?;
        let columns = columns.ok_or_else(foreign)?;
        let pairs = about.iter().map(|(key, value)| (&**key, &**value));
        let checksum = Checksum::new(&columns, pairs);
        Ok(Self {
            path: path.to_owned(),
            file,
            columns,
            about,
            told,
            next_group: 0,
            group: Vec::new(),
            length: 0,
            at: 0,
            rows: 0,
            checksum,
        })
    }

    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What the writer told of the table.
    #[must_use]
    pub fn about(&self, key: &str) -> Option<&str> {
        let mut told = self.about.iter();
        told.find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// How many rows the file says it has.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.told.rows
    }

    /// The checksum that the file says it has.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        self.told.checksum
    }

    /// How many bytes of the file the cells of a column take, counted from the left.
    #[must_use]
    pub fn bytes_of(&self, column: usize) -> u64 {
        let groups = self.file.metadata().row_groups().iter();
        let sizes = groups.filter_map(|group| group.columns().get(column));
        let sizes = sizes.map(|chunk| u64::try_from(chunk.compressed_size()).unwrap_or_default());
        sizes.sum()
    }

    /// The next row; none behind the last one, and then the count and the checksum have been found right.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a group cannot be read, or the count or the checksum differ.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, Error> {
        while self.at == self.length {
            if !self.read_group()? {
                self.compare()?;
                return Ok(None);
            }
        }
        let row = Row {
            group: &self.group,
            at: self.at,
        };
        self.at += 1;
        Ok(Some(row))
    }

    /// Reads all that is left, for its count and its checksum.
    ///
    /// # Errors
    /// As [`Reader::next_row`].
    pub fn verify(mut self) -> Result<(), Error> {
        while self.read_group()? {}
        self.compare()
    }

    fn compare(&self) -> Result<(), Error> {
        if self.rows != self.told.rows {
            let reason = format!("has {} rows and says {}", self.rows, self.told.rows);
            return Err(Error::damaged(&self.path, reason));
        }
        if self.checksum.value() != self.told.checksum {
            let reason = "is damaged: its checksum differs";
            return Err(Error::damaged(&self.path, reason));
        }
        Ok(())
    }

    /// Reads the next group, if there is one.
    fn read_group(&mut self) -> Result<bool, Error> {
        let number = self.next_group;
        if number == self.file.num_row_groups() {
            return Ok(false);
        }
        self.next_group += 1;
        let (length, group) = guarded(&self.path, || {
            let group = self.file.get_row_group(number)?;
            let rows = group.metadata().num_rows();
            if !(0..=GROUP_ROWS_MAX).contains(&rows) {
                return Err(ParquetError::General(format!("a group of {rows} rows")));
            }
            let length = rows as usize;
            let columns = self.columns.iter().enumerate();
            let cells = columns.map(|(place, column)| Cells::read(&*group, place, column, length));
            Ok((length, cells.collect::<ParquetResult<Vec<_>>>()?))
        })?;
        for cells in &group {
            cells.add_to(&mut self.checksum);
        }
        self.group = group;
        self.length = length;
        self.at = 0;
        self.rows += length as u64;
        Ok(true)
    }
}

impl Told {
    /// What the file says of itself, which is no part of what its writer's caller told.
    fn take(about: &mut Vec<(String, String)>) -> Option<Self> {
        let mut value_of = |key: &str| {
            let place = about.iter().position(|(name, _)| name == key)?;
            Some(about.remove(place).1)
        };
        let rows = value_of(ROWS)?.parse().ok()?;
        let checksum = u32::from_str_radix(&value_of(CHECKSUM)?, 16).ok()?;
        Some(Self { rows, checksum })
    }
}

impl Cells {
    fn read(
        group: &dyn RowGroupReader,
        place: usize,
        column: &Column,
        length: usize,
    ) -> ParquetResult<Self> {
        let mut levels = Vec::new();
        let mut values = Values::new(column.kind);
        let levels_of = column.optional.then_some(&mut levels);
        let read = values.fill(group.get_column_reader(place)?, length, levels_of)?;
        if read != length || (column.optional && levels.len() != length) {
            let short = format!("column {} has {read} of {length} rows", column.name);
            return Err(ParquetError::General(short));
        }
        let places = column.optional.then(|| places(&levels));
        Ok(Self { values, places })
    }

    fn add_to(&self, checksum: &mut Checksum) {
        let levels: Vec<i16> = self.places.as_ref().map_or_else(Vec::new, |places| {
            places
                .iter()
                .map(|place| i16::from(place.is_some()))
                .collect()
        });
        checksum.levels(&levels);
        match &self.values {
            Values::Integers(values) => checksum.integers(values),
            Values::Floats(values) => checksum.floats(values),
            Values::Flags(values) => checksum.flags(values),
            Values::Texts(values) => checksum.texts(values),
        }
    }

    /// Where the value of a row is.
    fn place(&self, row: usize) -> Option<usize> {
        match &self.places {
            Some(places) => places[row],
            None => Some(row),
        }
    }
}

/// For each row the place of its value among those that are there.
fn places(levels: &[i16]) -> Vec<Option<usize>> {
    let mut next = 0;
    let place = |&level: &i16| {
        (level > 0).then(|| {
            next += 1;
            next - 1
        })
    };
    levels.iter().map(place).collect()
}

impl Values {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Integer | Kind::Decimal(_) | Kind::Time(_) => Self::Integers(Vec::new()),
            Kind::Float => Self::Floats(Vec::new()),
            Kind::Flag => Self::Flags(Vec::new()),
            Kind::Text => Self::Texts(Vec::new()),
        }
    }

    /// Reads `length` rows; how many there were.
    fn fill(
        &mut self,
        column: ColumnReader,
        length: usize,
        levels: Option<&mut Vec<i16>>,
    ) -> ParquetResult<usize> {
        let (rows, _, _) = match (column, self) {
            (ColumnReader::Int64ColumnReader(mut reader), Self::Integers(values)) => {
                reader.read_records(length, levels, None, values)?
            }
            (ColumnReader::DoubleColumnReader(mut reader), Self::Floats(values)) => {
                reader.read_records(length, levels, None, values)?
            }
            (ColumnReader::BoolColumnReader(mut reader), Self::Flags(values)) => {
                reader.read_records(length, levels, None, values)?
            }
            (ColumnReader::ByteArrayColumnReader(mut reader), Self::Texts(values)) => {
                reader.read_records(length, levels, None, values)?
            }
            _ => return Err(ParquetError::General("a column of another kind".to_owned())),
        };
        Ok(rows)
    }
}

impl<'a> Row<'a> {
    /// The whole number in a column, counted from the left; a decimal in units of its last place, a time in its unit. None
    /// where the cell is empty or of another kind.
    #[must_use]
    pub fn integer(&self, column: usize) -> Option<i64> {
        let (cells, place) = self.cell(column)?;
        match &cells.values {
            Values::Integers(values) => values.get(place).copied(),
            Values::Floats(_) | Values::Flags(_) | Values::Texts(_) => None,
        }
    }

    #[must_use]
    pub fn float(&self, column: usize) -> Option<f64> {
        let (cells, place) = self.cell(column)?;
        match &cells.values {
            Values::Floats(values) => values.get(place).copied(),
            Values::Integers(_) | Values::Flags(_) | Values::Texts(_) => None,
        }
    }

    #[must_use]
    pub fn flag(&self, column: usize) -> Option<bool> {
        let (cells, place) = self.cell(column)?;
        match &cells.values {
            Values::Flags(values) => values.get(place).copied(),
            Values::Integers(_) | Values::Floats(_) | Values::Texts(_) => None,
        }
    }

    #[must_use]
    pub fn text(&self, column: usize) -> Option<&'a str> {
        let (cells, place) = self.cell(column)?;
        match &cells.values {
            Values::Texts(values) => values.get(place)?.as_utf8().ok(),
            Values::Integers(_) | Values::Floats(_) | Values::Flags(_) => None,
        }
    }

    fn cell(&self, column: usize) -> Option<(&'a Cells, usize)> {
        let cells = self.group.get(column)?;
        Some((cells, cells.place(self.at)?))
    }
}

/// Calls the decoder, which may give up loudly on bytes that are no table.
fn guarded<T>(path: &Path, call: impl FnOnce() -> ParquetResult<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Error::damaged(
            path,
            format!("is no whole Parquet file: {error}"),
        )),
        Err(_) => Err(Error::damaged(
            path,
            "is no whole Parquet file: it cannot be decoded",
        )),
    }
}
