//! The head of a batch. `tape.rs` tells its fields.

use super::segment;
use std::io;

/// Bytes before the records.
pub(super) const HEAD: usize = 24;
/// The most bytes of records in a batch.
pub(super) const BATCH_MAX: usize = 64 * 1024;

/// Unlikely in records, so that whole batches behind a damaged one can be found.
const MARK: [u8; 4] = [0xf5, b'o', b'r', 0xc1];

/// A batch's head, read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) len: u32,
    crc: u32,
    pub(super) count: u32,
    pub(super) base: u32,
    pub(super) synced: u32,
    /// What the checksum covers besides the records.
    covered: [u8; 12],
}

impl Frame {
    /// Reads a head; `None` when it cannot be one.
    pub(super) fn parse(head: &[u8; HEAD]) -> Option<Self> {
        let word = |place: usize| {
            let bytes = head[place..].first_chunk();
            u32::from_le_bytes(bytes.copied().unwrap_or_default())
        };
        let mut covered = [0; 12];
        covered.copy_from_slice(&head[12..]);
        let frame = Self {
            len: word(4),
            crc: word(8),
            count: word(12),
            base: word(16),
            synced: word(20),
            covered,
        };
        let fits =
            (1..=BATCH_MAX as u32).contains(&frame.len) && (1..=frame.len).contains(&frame.count);
        (head.starts_with(&MARK) && fits).then_some(frame)
    }

    pub(super) fn fits(&self, records: &[u8]) -> bool {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&self.covered);
        crc.update(records);
        crc.finalize() == self.crc
    }
}

/// Fills in the head of `batch`, whose first [`HEAD`] bytes are room for it.
pub(super) fn seal(batch: &mut [u8], count: u32, base: u32, synced: u32) {
    let len = (batch.len() - HEAD) as u32;
    batch[..4].copy_from_slice(&MARK);
    batch[4..8].copy_from_slice(&len.to_le_bytes());
    batch[12..16].copy_from_slice(&count.to_le_bytes());
    batch[16..20].copy_from_slice(&base.to_le_bytes());
    batch[20..24].copy_from_slice(&synced.to_le_bytes());
    let crc = crc32fast::hash(&batch[12..]);
    batch[8..12].copy_from_slice(&crc.to_le_bytes());
}

/// Whether a whole batch in `rest`, which follows damage at `offset`, proves that the damaged bytes had been on disk.
pub(super) fn proves_damage(rest: &[u8], offset: u64) -> bool {
    let mut places = rest.windows(HEAD).enumerate();
    places.any(|(place, head)| {
        head.starts_with(&MARK)
            && whole_at(&rest[place..]).is_some_and(|frame| u64::from(frame.synced) > offset)
    })
}

/// The batch that begins here, if it is whole.
fn whole_at(bytes: &[u8]) -> Option<Frame> {
    let (head, rest) = bytes.split_first_chunk()?;
    let frame = Frame::parse(head)?;
    let records = rest.get(..frame.len as usize)?;
    frame.fits(records).then_some(frame)
}

/// What stands at a place of a segment.
#[derive(Debug)]
pub(super) enum Found {
    Batch(Frame),
    End,
    /// No batch, or none that is whole.
    Broken(&'static str),
}

/// Reads the next batch's records into `records`, in place of what is there.
pub(super) fn read(source: &mut impl io::Read, records: &mut Vec<u8>) -> io::Result<Found> {
    let mut head = [0; HEAD];
    match segment::fill(source, &mut head)? {
        0 => return Ok(Found::End),
        HEAD => {}
        _ => return Ok(Found::Broken("the head of a batch is cut short")),
    }
    let Some(frame) = Frame::parse(&head) else {
        return Ok(Found::Broken("there is no head of a batch"));
    };
    records.resize(frame.len as usize, 0);
    if segment::fill(source, records)? < records.len() {
        return Ok(Found::Broken("a batch is cut short"));
    }
    if !frame.fits(records) {
        return Ok(Found::Broken("the checksum of a batch differs"));
    }
    Ok(Found::Batch(frame))
}
