//! One number for all that a file says, whatever its bytes look like.

use super::schema::Column;
use parquet::data_type::ByteArray;

/// Grows with everything that is written, and in the same way with everything that is read.
#[derive(Debug)]
pub(super) struct Checksum(crc32fast::Hasher);

impl Checksum {
    /// Begins with the columns and with what the caller tells of the table.
    pub(super) fn new<'a>(
        columns: &[Column],
        about: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut checksum = Self(crc32fast::Hasher::new());
        for column in columns {
            let Column {
                name,
                kind,
                optional,
                repeats: _,
            } = column;
            checksum.text(name);
            checksum.text(&format!("{kind:?} {optional}"));
        }
        for (key, value) in about {
            checksum.text(key);
            checksum.text(value);
        }
        checksum
    }

    /// A text with its length, so that no two lists of texts look alike.
    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Which cells of a column have a value.
    pub(super) fn levels(&mut self, levels: &[i16]) {
        let bytes: Vec<u8> = levels.iter().map(|&level| level as u8).collect();
        self.bytes(&bytes);
    }

    pub(super) fn integers(&mut self, values: &[i64]) {
        for value in values {
            self.0.update(&value.to_le_bytes());
        }
    }

    pub(super) fn floats(&mut self, values: &[f64]) {
        for value in values {
            self.0.update(&value.to_bits().to_le_bytes());
        }
    }

    pub(super) fn flags(&mut self, values: &[bool]) {
        let bytes: Vec<u8> = values.iter().map(|&value| u8::from(value)).collect();
        self.bytes(&bytes);
    }

    pub(super) fn texts(&mut self, values: &[ByteArray]) {
        for value in values {
            self.bytes(value.data());
        }
    }

    pub(super) fn value(&self) -> u32 {
        self.0.clone().finalize()
    }
}
