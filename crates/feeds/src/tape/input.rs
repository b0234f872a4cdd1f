//! Files as streams of plain bytes: as they are, from gzip, or one entry of a zip, always unpacked piece by piece.

use super::Error;
use flate2::Crc;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;
use zip::{CompressionMethod, ZipArchive};

/// How a file wraps its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Plain,
    Gzip,
    Zip(Entry),
}

impl Container {
    pub(super) fn entry_name(&self) -> Option<&str> {
        match self {
            Self::Zip(entry) => Some(&entry.name),
            Self::Plain | Self::Gzip => None,
        }
    }
}

/// One file in a zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    offset: u64,
    packed_bytes: u64,
    crc: u32,
    deflated: bool,
}

/// The first bytes of a file say what it is.
pub(super) fn is_zip(path: &Path) -> Result<bool, Error> {
    Ok(first_bytes(path)?.starts_with(b"PK"))
}

pub(super) fn is_gzip(path: &Path) -> Result<bool, Error> {
    Ok(first_bytes(path)?.starts_with(&[0x1f, 0x8b]))
}

fn first_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(2);
    let file = File::open(path).map_err(|source| read_error(path, source))?;
    file.take(2)
        .read_to_end(&mut bytes)
        .map_err(|source| read_error(path, source))?;
    Ok(bytes)
}

/// The data files in a zip, by name: its `.csv` entries, or where there are none its `.txt` ones.
pub(super) fn zip_entries(path: &Path) -> Result<Vec<Entry>, Error> {
    let damaged = |reason: String| Error::Damaged {
        path: path.to_owned(),
        reason,
    };
    let file = File::open(path).map_err(|source| read_error(path, source))?;
    let mut archive =
        ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(error.to_string()))?;
    let mut entries = Vec::new();
    for place in 0..archive.len() {
        let found = archive
            .by_index_raw(place)
            .map_err(|error| damaged(error.to_string()))?;
        let name = found
            .name()
            .map_err(|error| damaged(error.to_string()))?
            .into_owned();
        if found.is_dir() || !is_data(&name) {
            continue;
        }
        let method = found.compression();
        let deflated = method == CompressionMethod::Deflated;
        if found.encrypted() || !(deflated || method == CompressionMethod::Stored) {
            return Err(damaged(format!(
                "its entry {name} is encrypted or packed by a method that is not read here ({method}): unpack it"
            )));
        }
        let offset = found
            .data_start()
            .ok_or_else(|| damaged(format!("its entry {name} has no place in it")))?;
        entries.push(Entry {
            offset,
            packed_bytes: found.compressed_size(),
            crc: found.crc32(),
            deflated,
            name,
        });
    }
    if entries.iter().any(|entry| ends_with(&entry.name, ".csv")) {
        entries.retain(|entry| ends_with(&entry.name, ".csv"));
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

fn is_data(name: &str) -> bool {
    !name.starts_with("__MACOSX") && (ends_with(name, ".csv") || ends_with(name, ".txt"))
}

fn ends_with(name: &str, extension: &str) -> bool {
    name.to_ascii_lowercase().ends_with(extension)
}

/// What an input or output error means for the file it came from.
pub(super) fn read_error(path: &Path, source: io::Error) -> Error {
    let path = path.to_owned();
    // These are what the unpackers say of bytes that are not theirs.
    let is_damage = [
        io::ErrorKind::InvalidData,
        io::ErrorKind::InvalidInput,
        io::ErrorKind::UnexpectedEof,
    ]
    .contains(&source.kind());
    if is_damage {
        let reason = source.to_string();
        Error::Damaged { path, reason }
    } else {
        Error::Read { path, source }
    }
}

/// Bytes of a file, unpacked.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Counted),
    Gzip(Box<MultiGzDecoder<BufReader<Counted>>>),
    Zip(Box<ZipStream>),
}

const BUFFER: usize = 64 << 10;

impl Stream {
    pub(super) fn open(path: &Path, container: &Container) -> io::Result<Self> {
        let mut file = File::open(path)?;
        match container {
            Container::Plain => Ok(Self::Plain(Counted { file, bytes: 0 })),
            Container::Gzip => {
                let counted = Counted { file, bytes: 0 };
                let buffered = BufReader::with_capacity(BUFFER, counted);
                Ok(Self::Gzip(Box::new(MultiGzDecoder::new(buffered))))
            }
            Container::Zip(entry) => {
                file.seek(SeekFrom::Start(entry.offset))?;
                let packed = Counted { file, bytes: 0 }.take(entry.packed_bytes);
                let buffered = BufReader::with_capacity(BUFFER, packed);
                let unpacked = if entry.deflated {
                    Unpacked::Deflated(DeflateDecoder::new(buffered))
                } else {
                    Unpacked::Stored(buffered)
                };
                Ok(Self::Zip(Box::new(ZipStream {
                    unpacked,
                    crc: Crc::new(),
                    expected: entry.crc,
                })))
            }
        }
    }

    /// Bytes of the file on the disk that were read.
    pub(super) fn consumed(&self) -> u64 {
        match self {
            Self::Plain(counted) => counted.bytes,
            Self::Gzip(decoder) => decoder.get_ref().get_ref().bytes,
            Self::Zip(stream) => match &stream.unpacked {
                Unpacked::Deflated(decoder) => decoder.get_ref().get_ref().get_ref().bytes,
                Unpacked::Stored(buffered) => buffered.get_ref().get_ref().bytes,
            },
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(counted) => counted.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zip(stream) => stream.read(buffer),
        }
    }
}

/// A file that counts what is read of it.
#[derive(Debug)]
pub(super) struct Counted {
    file: File,
    bytes: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.bytes += count as u64;
        Ok(count)
    }
}

/// One entry of a zip; its checksum is compared at the end.
#[derive(Debug)]
pub(super) struct ZipStream {
    unpacked: Unpacked,
    crc: Crc,
    expected: u32,
}

#[derive(Debug)]
enum Unpacked {
    Deflated(DeflateDecoder<BufReader<Take<Counted>>>),
    Stored(BufReader<Take<Counted>>),
}

impl Read for ZipStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.unpacked {
            Unpacked::Deflated(decoder) => decoder.read(buffer)?,
            Unpacked::Stored(buffered) => buffered.read(buffer)?,
        };
        self.crc.update(&buffer[..count]);
        if count == 0 && !buffer.is_empty() && self.crc.sum() != self.expected {
            let reason = "the checksum of its content is wrong";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(count)
    }
}
