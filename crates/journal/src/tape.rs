//! ORION's own tape.

/// A place on the tape, at the end of a written batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of the segment; they count from 1, and 0 is before the first.
    pub segment: u64,
    /// Bytes from the segment's begin.
    pub offset: u64,
}
