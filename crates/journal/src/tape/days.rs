//! The days of a tape: which of its segments are of which UTC day.

use super::segment::{self, Segment};
use super::{TapeItem, TapeReader};
use crate::Error;
use std::path::Path;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// A day of a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// The UTC day of its stamps, counted from 1970.
    pub number: i64,
    /// Its segments, oldest first, and those without events before them.
    pub segments: Vec<Segment>,
    /// Segments before these of which not even the first event can be read; nobody knows of which day they were.
    pub damaged: Vec<Segment>,
}

/// What a segment begins with.
enum Begin {
    /// An event of this UTC day.
    Day(i64),
    /// No event.
    Empty,
    Damaged,
}

/// The days of the tape in `dir`, oldest first. Reads the first event of each segment.
///
/// # Errors
/// As [`segment::segments`], and [`Error::Io`] when a segment cannot be read.
pub fn days(dir: &Path) -> Result<Vec<Day>, Error> {
    let mut days: Vec<Day> = Vec::new();
    let (mut without, mut damaged) = (Vec::new(), Vec::new());
    for segment in segment::segments(dir)? {
        match begin(&segment.path, segment.bytes)? {
            Begin::Empty => without.push(segment),
            Begin::Damaged => damaged.push(segment),
            Begin::Day(number) => {
                without.push(segment);
                let (mut segments, mut broken) =
                    (std::mem::take(&mut without), std::mem::take(&mut damaged));
                match days.last_mut() {
                    Some(day) if day.number == number => {
                        day.segments.append(&mut segments);
                        day.damaged.append(&mut broken);
                    }
                    Some(_) | None => days.push(Day {
                        number,
                        segments,
                        damaged: broken,
                    }),
                }
            }
        }
    }
    Ok(days)
}

/// The UTC day of a segment's first event. A damaged segment counts as one without events: it must not keep all that is
/// newer from going.
pub(super) fn first_day(path: &Path) -> Result<Option<i64>, Error> {
    match begin(path, 0)? {
        Begin::Day(number) => Ok(Some(number)),
        Begin::Empty | Begin::Damaged => Ok(None),
    }
}

/// What a segment of so many bytes begins with. One that has bytes and no event that can be read is damaged, unless it is the
/// last one, which may just be written.
fn begin(path: &Path, bytes: u64) -> Result<Begin, Error> {
    let mut reader = TapeReader::open_files([path.to_owned()]);
    for item in reader.by_ref() {
        match item {
            Ok(TapeItem::Settings(_)) => {}
            Ok(TapeItem::Event(at, _)) => {
                return Ok(Begin::Day(at.nanos().div_euclid(DAY_NANOS)));
            }
            Err(Error::Corrupt { .. }) => return Ok(Begin::Damaged),
            Err(error) => return Err(error),
        }
    }
    Ok(if reader.bytes() < bytes {
        Begin::Damaged
    } else {
        Begin::Empty
    })
}
