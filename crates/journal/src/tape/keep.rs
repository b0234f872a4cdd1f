//! Letting go of the oldest days of a tape. Whole days go, the oldest first, one file after the other, so that whatever
//! ends the process half-way, what is left is a tape without a hole.

use super::Place;
use super::days::first_day;
use super::segment::{self, Segment};
use crate::{Error, Probe, disk};
use market::Time;
use std::fs;
use std::path::Path;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// What is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// A day goes when it has been over for this many days; 0 keeps every day.
    pub days: u32,
    /// The oldest days go while the tape has more bytes than this; 0 sets no limit.
    pub bytes: u64,
    /// Nothing of this place's segment or behind it goes, whatever its age: a start reads from here.
    pub not_after: Place,
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    pub days: u64,
    pub segments: u64,
    pub bytes: u64,
    /// The end of the last day that went: nothing before it is left.
    pub before: Option<Time>,
}

/// Removes the oldest days of the tape in `dir` that need not be kept at `now`, which is the stamp of the newest event. A
/// day is the UTC day of a segment's first event, and its segments go together; a segment without events goes with the
/// one behind it. The last segment always stays.
///
/// `probe` is passed with `prune` before each file that is removed, so that a test can end the process there.
///
/// # Errors
/// [`Error::Io`] when the folder or a segment cannot be read, or a file not be removed; what went until then is gone.
pub fn keep(dir: &Path, keep: &Keep, now: Time, probe: Probe) -> Result<Removed, Error> {
    let mut files = Files::list(dir)?;
    let mut removed = Removed::default();
    while let Some(day) = files.oldest_day(keep.not_after)? {
        let end = Time::from_nanos((day.number + 1).saturating_mul(DAY_NANOS));
        let age = now.nanos().saturating_sub(end.nanos());
        let too_old = keep.days > 0 && age >= i64::from(keep.days).saturating_mul(DAY_NANOS);
        let too_much = keep.bytes > 0 && files.bytes > keep.bytes;
        if !too_old && !too_much {
            break;
        }
        for file in files.take(day.files) {
            probe("prune");
            fs::remove_file(&file.path).map_err(Error::io("remove", &file.path))?;
            // One after the other: a loss of power must not undo an older removal and keep a newer one.
            disk::sync_dir(dir)?;
            removed.segments += 1;
            removed.bytes += file.bytes;
        }
        removed.days += 1;
        removed.before = Some(end);
    }
    Ok(removed)
}

/// The segments that are left, oldest first.
struct Files {
    left: Vec<Segment>,
    /// Of all that are left.
    bytes: u64,
}

/// A day at the front of what is left.
struct Day {
    /// Counted from 1970.
    number: i64,
    /// How many files it has.
    files: usize,
}

impl Files {
    fn list(dir: &Path) -> Result<Self, Error> {
        let left = segment::segments(dir)?;
        let bytes = left.iter().map(|segment| segment.bytes).sum();
        Ok(Self { left, bytes })
    }

    /// The oldest day, if all of it may go.
    fn oldest_day(&self, not_after: Place) -> Result<Option<Day>, Error> {
        let mut begun: Option<Day> = None;
        for (place, file) in self.left.iter().enumerate() {
            match (first_day(&file.path)?, &mut begun) {
                (Some(number), None) => {
                    let files = place + 1;
                    begun = Some(Day { number, files });
                }
                (Some(number), Some(day)) if number == day.number => day.files = place + 1,
                (Some(_), Some(_)) => return Ok(begun),
                (None, _) => {}
            }
            if file.number >= not_after.segment {
                break;
            }
        }
        Ok(None)
    }

    /// The first `count` files, which leave the list.
    fn take(&mut self, count: usize) -> Vec<Segment> {
        let taken: Vec<Segment> = self.left.drain(..count).collect();
        self.bytes -= taken.iter().map(|file| file.bytes).sum::<u64>();
        taken
    }
}
