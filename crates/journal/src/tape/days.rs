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
}

/// The days of the tape in `dir`, oldest first. Reads the first event of each segment.
///
/// # Errors
/// As [`segment::segments`], and [`Error::Io`] when a segment cannot be read.
pub fn days(dir: &Path) -> Result<Vec<Day>, Error> {
    let mut days: Vec<Day> = Vec::new();
    let mut without = Vec::new();
    for segment in segment::segments(dir)? {
        let first = first_day(&segment.path)?;
        without.push(segment);
        let Some(number) = first else {
            continue;
        };
        match days.last_mut() {
            Some(day) if day.number == number => day.segments.append(&mut without),
            Some(_) | None => days.push(Day {
                number,
                segments: std::mem::take(&mut without),
            }),
        }
    }
    Ok(days)
}

/// The UTC day of a segment's first event. A damaged segment counts as one without events: it must not keep all that is
/// newer from being dealt with.
pub(super) fn first_day(path: &Path) -> Result<Option<i64>, Error> {
    for item in TapeReader::open_files([path.to_owned()]) {
        match item {
            Ok(TapeItem::Settings(_)) => {}
            Ok(TapeItem::Event(at, _)) => return Ok(Some(at.nanos().div_euclid(DAY_NANOS))),
            Err(Error::Corrupt { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
