//! Writing the tape. `push` gathers, `write` hands a batch to the operating system, `sync` waits for the disk.

use super::Place;
use super::codec::{Codec, RECORD_MAX};
use super::frame::{self, BATCH_MAX};
use super::segment::{self, Settings};
use crate::lock::Lock;
use crate::{Error, disk};
use market::{Event, Time};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

/// A segment that has grown past this is followed by a new one.
const SEGMENT_MAX: u64 = 256 * 1024 * 1024;
/// How far a reader may have to go back before a place.
const BASE_EVERY: u64 = 1024 * 1024;
/// No more than this is written without a sync: it is kept in memory until then.
const UNSYNCED_MAX: usize = 16 * 1024 * 1024;
const DAY_NANOS: i64 = 86_400_000_000_000;

/// Called before the disk is asked for something, `write` or `sync`, so that a test can have it fail or hang.
pub type DiskProbe = fn(&'static str) -> io::Result<()>;

/// The one writer of a tape. Call [`TapeWriter::write`] at most 250 ms after a push, and [`TapeWriter::sync`] before what
/// follows from it is journaled. What was pushed and not written is lost when this is dropped.
#[derive(Debug)]
pub struct TapeWriter {
    dir: PathBuf,
    _lock: Lock,
    /// The next segment begins with it.
    header: Vec<u8>,
    segment: Open,
    segment_max: u64,
    /// Of the first event in the segment, counted from 1970.
    day: Option<i64>,
    /// Room for the head of a batch, then its records.
    batch: Vec<u8>,
    count: u32,
    codec: Codec,
}

impl TapeWriter {
    pub(super) fn begin(
        dir: PathBuf,
        lock: Lock,
        number: u64,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let header = segment::header(settings)?;
        let segment = Open::new(segment::path_of(&dir, number), number, &header)?;
        Ok(Self {
            dir,
            _lock: lock,
            header,
            segment,
            segment_max: SEGMENT_MAX,
            day: None,
            batch: vec![0; frame::HEAD],
            count: 0,
            codec: Codec::default(),
        })
    }

    /// Takes in one event. Mostly only gathers; writes when 64 KiB are full, and begins a new segment when the day of the
    /// stamps changes or the segment is full.
    ///
    /// # Errors
    /// [`Error::Io`] when it had to write and the machine failed; then the event was not taken in and may be pushed again.
    pub fn push(&mut self, at: Time, event: &Event) -> Result<(), Error> {
        let day = at.nanos().div_euclid(DAY_NANOS);
        if self.day.is_some_and(|begun| begun != day) || self.segment.end >= self.segment_max {
            self.roll()?;
        }
        if self.batch.len() + RECORD_MAX > frame::HEAD + BATCH_MAX {
            self.write()?;
        }
        self.day = Some(day);
        self.codec.encode(at, event, &mut self.batch);
        self.count += 1;
        Ok(())
    }

    /// Hands what was pushed to the operating system as one batch: a killed process does not lose it any more.
    ///
    /// # Errors
    /// [`Error::Io`] when the machine fails. Nothing is lost by that: the next call tries again.
    pub fn write(&mut self) -> Result<(), Error> {
        if self.count == 0 {
            return Ok(());
        }
        self.segment.write(&mut self.batch, self.count)?;
        self.batch.truncate(frame::HEAD);
        self.count = 0;
        if self.segment.end - self.segment.base >= BASE_EVERY {
            self.segment.base = self.segment.end;
            self.codec.reset();
        }
        Ok(())
    }

    /// Writes, and waits until all of it is on disk: a loss of power does not lose it any more.
    ///
    /// # Errors
    /// [`Error::Io`] when the machine fails. The next call tries again: after a failed sync nobody knows what is on disk, so
    /// all since the last good one is written anew first.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.write()?;
        self.segment.sync()
    }

    /// Has a test see what the disk is asked for.
    pub fn set_probe(&mut self, probe: DiskProbe) {
        self.segment.probe = probe;
    }

    /// Begins the segments after this one with other settings.
    ///
    /// # Errors
    /// [`Error::Io`] when they are longer than 16 MiB.
    pub fn follow_with(&mut self, settings: &Settings) -> Result<(), Error> {
        self.header = segment::header(settings)?;
        Ok(())
    }

    /// Begins a segment under other settings: what is pushed from now on was told under them. All that was pushed before is on
    /// disk then, under the old ones.
    ///
    /// # Errors
    /// [`Error::Io`] when they are too long, or the machine fails: then the tape goes on under the old ones.
    pub fn begin_under(&mut self, settings: &Settings) -> Result<(), Error> {
        let other = segment::header(settings)?;
        let header = std::mem::replace(&mut self.header, other);
        self.roll().inspect_err(|_| self.header = header)
    }

    /// The end of what was written.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            segment: self.segment.number,
            offset: self.segment.end,
        }
    }

    /// Ends this segment and begins the next. All but the last segment of a tape are whole, so this one is synced first.
    fn roll(&mut self) -> Result<(), Error> {
        self.sync()?;
        let number = self.segment.number + 1;
        let path = segment::path_of(&self.dir, number);
        let probe = self.segment.probe;
        probe("write").map_err(Error::io("begin", &path))?;
        self.segment = Open::new(path, number, &self.header)?;
        self.segment.probe = probe;
        self.codec.reset();
        self.day = None;
        Ok(())
    }
}

/// The segment that is written. All offsets fit `u32`: it is not much longer than [`SEGMENT_MAX`].
#[derive(Debug)]
struct Open {
    path: PathBuf,
    number: u64,
    file: File,
    /// The end of what was written whole.
    end: u64,
    /// Up to where it is on disk.
    synced: u64,
    /// What lies between the two.
    unsynced: Vec<u8>,
    /// Where the records begin anew.
    base: u64,
    /// A write failed half-way: what is behind `end` must go.
    torn: bool,
    /// A sync failed: the system may have dropped what it could not write, and say so only once.
    doubtful: bool,
    probe: DiskProbe,
}

impl Open {
    fn new(path: PathBuf, number: u64, header: &[u8]) -> Result<Self, Error> {
        let file = disk::publish(&path, header)?;
        let end = header.len() as u64;
        Ok(Self {
            path,
            number,
            file,
            end,
            synced: end,
            unsynced: Vec::new(),
            base: end,
            torn: false,
            doubtful: false,
            probe: |_| Ok(()),
        })
    }

    fn write(&mut self, batch: &mut [u8], count: u32) -> Result<(), Error> {
        if self.unsynced.len() > UNSYNCED_MAX {
            self.sync()?;
        }
        frame::seal(batch, count, self.base as u32, self.synced as u32);
        let written = self.mend().and_then(|()| {
            self.torn = true;
            (self.probe)("write")?;
            self.file.write_all(batch)
        });
        written.map_err(Error::io("write", &self.path))?;
        self.torn = false;
        self.unsynced.extend_from_slice(batch);
        self.end += batch.len() as u64;
        Ok(())
    }

    /// Removes what a failed write left, and writes anew what a failed sync leaves in doubt. The bytes are those that may be
    /// there, in their places: nothing that was written is gone for a moment.
    fn mend(&mut self) -> io::Result<()> {
        if self.doubtful {
            // By its name: the disk may have been away.
            self.file = OpenOptions::new().write(true).open(&self.path)?;
            self.torn = true;
            self.file.seek(SeekFrom::Start(self.synced))?;
            self.file.write_all(&self.unsynced)?;
        }
        if self.torn {
            self.file.set_len(self.end)?;
            self.file.seek(SeekFrom::Start(self.end))?;
        }
        (self.doubtful, self.torn) = (false, false);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Error> {
        if self.synced < self.end {
            let synced = self.mend().and_then(|()| {
                self.doubtful = true;
                (self.probe)("sync")?;
                self.file.sync_data()
            });
            synced.map_err(Error::io("sync", &self.path))?;
            self.doubtful = false;
            self.synced = self.end;
            self.unsynced.clear();
        }
        Ok(())
    }
}

/// What the tests of the folder need to bring about.
#[cfg(test)]
impl TapeWriter {
    pub(super) fn set_segment_max(&mut self, bytes: u64) {
        self.segment_max = bytes;
    }
    /// Puts another file in the place of the segment's, and gives that back.
    pub(super) fn swap_file(&mut self, file: File) -> File {
        std::mem::replace(&mut self.segment.file, file)
    }
}
