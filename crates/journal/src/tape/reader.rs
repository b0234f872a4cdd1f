//! Reading a tape, from its begin, from a place, or from files by name.

use super::Place;
use super::codec::Codec;
use super::frame::Found;
use super::segment::{self, Reading, Settings};
use crate::Error;
use market::{Event, Time};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// What a tape holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TapeItem {
    /// What the events behind it were handled with. Comes first, and again wherever a segment begins.
    Settings(Settings),
    /// What the engine was told, and when.
    Event(Time, Event),
}

/// Gives every item in order; after an error, nothing more. A torn end of the last file is its end: the tape may be one
/// that a server is writing.
#[derive(Debug)]
pub struct TapeReader {
    /// What comes after this segment.
    files: VecDeque<PathBuf>,
    segment: Option<Reading>,
    /// Whether this segment's settings have been given.
    announced: bool,
    /// Bytes of the segments before this one.
    before: u64,
    batch: Batch,
}

impl TapeReader {
    /// The tape in the folder `dir`, whole or from a place that its writer told.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a segment is missing or no batch ends at the place; [`Error::Version`] and [`Error::Io`].
    pub fn open(dir: &Path, from: Option<Place>) -> Result<Self, Error> {
        let from = from.unwrap_or_default();
        let segments = segment::list(dir, from.segment)?;
        let first = segments.first().map(|&(number, _)| number);
        let mut reader = Self::open_files(segments.into_iter().map(|(_, path)| path));
        if from.segment > 0 {
            if first != Some(from.segment) {
                return Err(segment::missing(dir, from.segment));
            }
            reader.skip_to(from.offset)?;
        }
        Ok(reader)
    }

    /// These segments, one after the other. Errors come with the items.
    pub fn open_files(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            files: paths.into_iter().collect(),
            segment: None,
            announced: false,
            before: 0,
            batch: Batch::default(),
        }
    }

    /// How many bytes have been read, for those who wait for it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.before + self.segment.as_ref().map_or(0, Reading::at)
    }

    /// How many there are, as far as the files' sizes tell before they are opened.
    #[must_use]
    pub fn bytes_total(&self) -> u64 {
        let sizes = self.files.iter().filter_map(|path| path.metadata().ok());
        self.bytes() + sizes.map(|file| file.len()).sum::<u64>()
    }

    /// Opens the first segment and goes to `offset` in it.
    fn skip_to(&mut self, offset: u64) -> Result<(), Error> {
        if let Some(path) = self.files.pop_front() {
            let mut segment = Reading::open(path)?;
            if offset > segment.at() {
                match segment.base_of(offset)? {
                    Some(base) => self.batch.skip(&mut segment, base, offset)?,
                    // Should a live tape grow meanwhile, what is new could not be decoded without what was skipped.
                    None => segment.end(),
                }
            }
            self.segment = Some(segment);
        }
        Ok(())
    }

    /// What comes when the batch is used up: the next one's first event, the next segment's settings, or the end.
    fn advance(&mut self) -> Result<Option<TapeItem>, Error> {
        loop {
            let Some(segment) = &mut self.segment else {
                let Some(path) = self.files.pop_front() else {
                    return Ok(None);
                };
                self.segment = Some(Reading::open(path)?);
                continue;
            };
            if !self.announced {
                self.announced = true;
                return Ok(Some(TapeItem::Settings(segment.settings().clone())));
            }
            match self.batch.load(segment)? {
                Found::Batch(_) => return self.decode().map(Some),
                Found::End => {}
                Found::Broken(reason) if self.files.is_empty() => segment.is_lost(reason)?,
                Found::Broken(reason) => {
                    return Err(segment::corrupt(segment.path(), segment.at(), reason));
                }
            }
            self.before += segment.at();
            self.segment = None;
            self.announced = false;
        }
    }

    /// The next event of the batch, which has one.
    #[inline]
    fn decode(&mut self) -> Result<TapeItem, Error> {
        match self.batch.next() {
            Some((at, event)) => Ok(TapeItem::Event(at, event)),
            None => Err(self.batch_is_broken()),
        }
    }

    #[cold]
    fn batch_is_broken(&self) -> Error {
        let reason = "the batch before it does not decode";
        match &self.segment {
            Some(segment) => segment::corrupt(segment.path(), segment.at(), reason),
            None => segment::corrupt(Path::new("(none)"), 0, reason),
        }
    }
}

impl Iterator for TapeReader {
    type Item = Result<TapeItem, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let item = if self.batch.left > 0 {
            self.decode().map(Some)
        } else {
            self.advance()
        };
        if item.is_err() {
            self.files.clear();
            self.segment = None;
            self.batch.left = 0;
        }
        item.transpose()
    }
}

/// The batch that is being read.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<u8>,
    /// How many bytes of it are done.
    done: usize,
    /// How many records are not.
    left: u32,
    codec: Codec,
    /// The offset from which the codec has followed the records.
    base: u64,
}

impl Batch {
    /// Takes the next batch of a segment.
    fn load(&mut self, segment: &mut Reading) -> Result<Found, Error> {
        let begin = segment.at();
        let found = segment.next(&mut self.records)?;
        if let Found::Batch(frame) = found {
            if u64::from(frame.base) == begin {
                self.codec.reset();
                self.base = begin;
            } else if u64::from(frame.base) != self.base {
                let reason = "a batch does not follow the one before it";
                return Err(segment::corrupt(segment.path(), begin, reason));
            }
            (self.done, self.left) = (0, frame.count);
        }
        Ok(found)
    }

    /// The next record; `None` when there is none in the bytes, or when bytes are left behind the last one.
    #[inline]
    fn next(&mut self) -> Option<(Time, Event)> {
        let mut rest = &self.records[self.done..];
        let record = self.codec.decode(&mut rest)?;
        self.done = self.records.len() - rest.len();
        self.left -= 1;
        (self.left > 0 || rest.is_empty()).then_some(record)
    }

    /// Decodes from `base` on, where the records begin anew, up to the place, so that what follows can be decoded.
    fn skip(&mut self, segment: &mut Reading, base: u64, place: u64) -> Result<(), Error> {
        segment.seek(base)?;
        while segment.at() < place {
            let Found::Batch(_) = self.load(segment)? else {
                break;
            };
            while self.left > 0 && self.next().is_some() {}
        }
        if segment.at() != place || self.left > 0 {
            let reason = "the place that was asked for is not behind a whole batch";
            return Err(segment::corrupt(segment.path(), place, reason));
        }
        Ok(())
    }
}
