//! ORION's own tape: everything the engine was told, each with its stamp, so that a replay gives the same journal again
//! and a restart gives the same engine.
//!
//! # Format
//!
//! A folder of segments `00000001.tape`, `00000002.tape`, ...; a new one for each start of the process, for each UTC day of
//! the stamps, and where one has grown past 256 MiB. The oldest days may be gone ([`keep`]): a tape begins at any number, and
//! goes on without a hole. Numbers are little-endian.
//!
//! A segment begins with `ORIONTAP`, format version u32, length u32 and CRC-32 u32 of what follows: length u32 and text of
//! the market's name, then the text of the settings that the engine ran with. After it come batches, each with a head of
//! 24 bytes: mark, length u32 of the records, CRC-32 u32 of all behind it, then
//! - `count` u32: how many records it has;
//! - `base` u32: the offset of the batch from which decoding must begin to read this one. Records are differences to
//!   earlier ones; every 1 MiB they begin anew, so that a reader can start near any place;
//! - `synced` u32: the offset up to which the segment was on disk when this batch was made. It tells damage (somebody
//!   changed what had been safe) from the loss of what was never promised (a crash, a loss of power).
//!
//! `codec.rs` has the form of the records.

mod codec;
mod days;
mod frame;
mod keep;
mod reader;
mod recover;
mod segment;
mod writer;

pub use days::{Day, days};
pub use keep::{Keep, Removed, keep};
pub use reader::{TapeItem, TapeReader};
pub use recover::{Cut, Tape};
pub use segment::{Segment, Settings, head, is_tape, segments};
pub use writer::{DiskProbe, TapeWriter};

/// A place on the tape, at the end of a written batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of the segment; they count from 1, and 0 is before the first.
    pub segment: u64,
    /// Bytes from the segment's begin.
    pub offset: u64,
}

#[cfg(test)]
mod tests;
