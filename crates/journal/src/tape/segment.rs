//! One file of the tape: its name, its header, and reading it batch by batch.

use super::frame::{self, Found, Frame};
use crate::{Error, disk};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"ORIONTAP";
/// The format that is written. 2 may have what models said among its rare records; all else is as in 1, which is read too.
const VERSION: u32 = 2;
const OLDEST: u32 = 1;
const HEAD: usize = MAGIC.len() + 4 + 4 + 4;
/// The most bytes of market name and settings.
const TEXT_MAX: usize = 16 * 1024 * 1024;
/// What is asked of the operating system at a time.
const CHUNK: usize = 1024 * 1024;
/// The same where only the settings are wanted, which mostly fit.
const HEAD_CHUNK: usize = 16 * 1024;

/// What the engine ran with, as whoever began the segment told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The settings in a form of the caller's.
    pub text: String,
    /// `live`, `sim` or the name of the tape that was played.
    pub market: String,
}

/// Whether the file is a segment of ORION's own tape.
///
/// # Errors
/// [`Error::Io`] when it cannot be read.
pub fn is_tape(path: &Path) -> Result<bool, Error> {
    let mut magic = [0; MAGIC.len()];
    let read = File::open(path).and_then(|mut file| fill(&mut file, &mut magic));
    read.map_err(Error::io("read", path))?;
    Ok(magic == *MAGIC)
}

/// A segment of a tape, as its folder shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub number: u64,
    pub path: PathBuf,
    pub bytes: u64,
}

/// The segments of the tape in `dir`, oldest first; none where there is no folder. Reads nothing of them.
///
/// # Errors
/// [`Error::Corrupt`] when one is missing between two others, [`Error::Io`] when the folder cannot be read.
pub fn segments(dir: &Path) -> Result<Vec<Segment>, Error> {
    let sized = |(number, path): (u64, PathBuf)| {
        let file = fs::metadata(&path).map_err(Error::io("look at", &path))?;
        let bytes = file.len();
        Ok(Segment {
            number,
            path,
            bytes,
        })
    };
    list(dir, 0)?.into_iter().map(sized).collect()
}

/// What a segment says it was begun with. Reads only its beginning.
///
/// # Errors
/// [`Error::Corrupt`] and [`Error::Version`] when it cannot be understood, [`Error::Io`] when it cannot be read.
pub fn head(path: &Path) -> Result<Settings, Error> {
    Ok(Reading::open_with(path.to_owned(), HEAD_CHUNK)?.settings)
}

pub(super) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.tape"))
}

/// The segments of the folder from number `from` on, lowest first. None may be missing between them.
pub(super) fn list(dir: &Path, from: u64) -> Result<Vec<(u64, PathBuf)>, Error> {
    let mut segments = disk::numbered(dir, "tape")?;
    segments.retain(|&(number, _)| number >= from);
    for pair in segments.windows(2) {
        if pair[0].0 + 1 != pair[1].0 {
            return Err(missing(dir, pair[0].0 + 1));
        }
    }
    Ok(segments)
}

pub(super) fn missing(dir: &Path, number: u64) -> Error {
    Error::Corrupt {
        what: format!("the tape has no {}", path_of(dir, number).display()),
        remedy: REMEDY.to_owned(),
    }
}

const REMEDY: &str = "restore it from a backup, or move the tape's folder and the snapshots away: then the engine \
                      begins afresh, and the journal keeps its signals";

pub(super) fn corrupt(path: &Path, offset: u64, reason: &str) -> Error {
    Error::Corrupt {
        what: format!(
            "tape {} is damaged at byte {offset}: {reason}",
            path.display()
        ),
        remedy: REMEDY.to_owned(),
    }
}

/// The bytes that a segment begins with.
pub(super) fn header(settings: &Settings) -> Result<Vec<u8>, Error> {
    let len = 4 + settings.market.len() + settings.text.len();
    if len > TEXT_MAX {
        return Err(Error::Io {
            what: format!("write {len} bytes of settings to the tape: the limit is {TEXT_MAX}"),
            source: io::ErrorKind::InvalidInput.into(),
        });
    }
    let mut bytes = Vec::with_capacity(HEAD + len);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&(len as u32).to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&(settings.market.len() as u32).to_le_bytes());
    bytes.extend_from_slice(settings.market.as_bytes());
    bytes.extend_from_slice(settings.text.as_bytes());
    let crc = crc32fast::hash(&bytes[HEAD..]);
    bytes[HEAD - 4..HEAD].copy_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}

/// A segment that is read.
#[derive(Debug)]
pub(super) struct Reading {
    path: PathBuf,
    source: BufReader<File>,
    settings: Settings,
    /// Where the next batch begins.
    at: u64,
    /// Nothing more is read.
    ended: bool,
}

impl Reading {
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        Self::open_with(path, CHUNK)
    }

    /// Asks the operating system for `chunk` bytes at a time.
    fn open_with(path: PathBuf, chunk: usize) -> Result<Self, Error> {
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        let mut source = BufReader::with_capacity(chunk, file);
        let mut head = [0; HEAD];
        let read = fill(&mut source, &mut head).map_err(Error::io("read", &path))?;
        let word = |place: usize| {
            let bytes = head[place..].first_chunk();
            u32::from_le_bytes(bytes.copied().unwrap_or_default())
        };
        if read < HEAD || !head.starts_with(MAGIC) {
            return Err(corrupt(&path, 0, "it does not begin as a tape of ORION"));
        }
        if !(OLDEST..=VERSION).contains(&word(8)) {
            return Err(Error::Version {
                what: format!("tape {}", path.display()),
                found: word(8),
                supported: VERSION,
            });
        }
        let len = word(12) as usize;
        if len > TEXT_MAX {
            return Err(corrupt(&path, 12, "its header is too long"));
        }
        let mut body = vec![0; len];
        let read = fill(&mut source, &mut body).map_err(Error::io("read", &path))?;
        if read < len || crc32fast::hash(&body) != word(16) {
            return Err(corrupt(&path, 16, "the checksum of its header differs"));
        }
        let settings = parse(&body).ok_or_else(|| corrupt(&path, 20, "its header is no text"))?;
        Ok(Self {
            path,
            source,
            settings,
            at: (HEAD + len) as u64,
            ended: false,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// From where decoding must begin to read on at `place`; `None` when the segment ends there.
    pub(super) fn base_of(&mut self, place: u64) -> Result<Option<u64>, Error> {
        let mut head = [0; frame::HEAD];
        self.seek(place)?;
        let file = self.source.get_ref();
        let len = file
            .metadata()
            .map_err(Error::io("read", &self.path))?
            .len();
        if len == place {
            return Ok(None);
        }
        fill(&mut self.source, &mut head).map_err(Error::io("read", &self.path))?;
        match Frame::parse(&head) {
            Some(frame) => Ok(Some(u64::from(frame.base))),
            None => Err(corrupt(&self.path, place, "no batch begins or ends here")),
        }
    }

    /// Goes to the batch that begins at `offset`.
    pub(super) fn seek(&mut self, offset: u64) -> Result<(), Error> {
        let moved = self.source.seek(SeekFrom::Start(offset));
        moved.map_err(Error::io("read", &self.path))?;
        self.at = offset;
        Ok(())
    }

    /// Gives no more batches.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Reads the next batch into `records`; stays before it when it is broken.
    pub(super) fn next(&mut self, records: &mut Vec<u8>) -> Result<Found, Error> {
        if self.ended {
            return Ok(Found::End);
        }
        let found = frame::read(&mut self.source, records);
        let found = found.map_err(Error::io("read", &self.path))?;
        if let Found::Batch(Frame { len, .. }) = found {
            self.at += frame::HEAD as u64 + u64::from(len);
        }
        Ok(found)
    }

    /// Whether nothing of what is broken here was ever known to be on disk: then it was lost in a crash, together with
    /// what follows. Otherwise the error that says so.
    pub(super) fn is_lost(&mut self, reason: &str) -> Result<(), Error> {
        let mut rest = Vec::new();
        self.seek(self.at)?;
        let read = self.source.read_to_end(&mut rest);
        read.map_err(Error::io("read", &self.path))?;
        if frame::proves_damage(&rest, self.at) {
            return Err(corrupt(&self.path, self.at, reason));
        }
        Ok(())
    }
}

fn parse(body: &[u8]) -> Option<Settings> {
    let (len, texts) = body.split_first_chunk()?;
    let (market, text) = texts.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    Some(Settings {
        text: String::from_utf8(text.to_vec()).ok()?,
        market: String::from_utf8(market.to_vec()).ok()?,
    })
}

/// Reads until `buffer` is full or the source ends, and says how far it came.
pub(super) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
