//! The newest closed bars, saved beside the engine's snapshots: charts go on over a restart also where the tape's days are
//! gone. Nothing is decided by them, and without them nothing else suffers.
//!
//! A file is `ORIONBAR`, then little-endian: format version u32, CRC-32 u32 of all that follows, segment u64, offset u64,
//! and the bars.

use crate::tape::Place;
use crate::{Error, disk};
use market::BarUpdate;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

const MAGIC: &[u8; 8] = b"ORIONBAR";
const VERSION: u32 = 1;
const HEAD: usize = MAGIC.len() + 4 + 4;

/// What is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bars {
    /// Every bar that the tape up to here closes is in the list, but for the oldest.
    pub place: Place,
    /// In the order in which they closed.
    pub closed: Vec<BarUpdate>,
}

/// Saves the bars as the file `path`, whole or not at all. Blocks until they are on disk.
///
/// # Errors
/// [`Error::Io`] when the machine fails; what was saved before is unharmed.
pub fn save(path: &Path, bars: &Bars) -> Result<(), Error> {
    if let Some(dir) = path.parent() {
        disk::make_dir(dir)?;
    }
    disk::publish(path, &encode(bars)).map(drop)
}

/// The bars in the file `path`; none where there is no such file.
///
/// # Errors
/// The reason, where it cannot be read or is not whole.
pub fn load(path: &Path) -> Result<Option<Bars>, String> {
    match fs::read(path) {
        Ok(bytes) => decode(&bytes).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("it cannot be read: {error}")),
    }
}

fn encode(bars: &Bars) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    for number in [bars.place.segment, bars.place.offset] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let mut bytes =
        postcard::to_extend(&bars.closed, bytes).expect("plain data can be written to memory");
    let crc = crc32fast::hash(&bytes[HEAD..]);
    bytes[HEAD - 4..HEAD].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Result<Bars, String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("it holds no bars")?;
    let cut = || "it is cut short".to_owned();
    let (version, rest) = rest.split_first_chunk().ok_or_else(cut)?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(format!(
            "it has format version {version}, and this ORION reads {VERSION}"
        ));
    }
    let (crc, rest) = rest.split_first_chunk().ok_or_else(cut)?;
    if crc32fast::hash(rest) != u32::from_le_bytes(*crc) {
        return Err("its checksum differs: it is damaged".to_owned());
    }
    let (segment, rest) = rest.split_first_chunk().ok_or_else(cut)?;
    let (offset, rest) = rest.split_first_chunk().ok_or_else(cut)?;
    let closed = postcard::from_bytes(rest).map_err(|error| error.to_string())?;
    Ok(Bars {
        place: Place {
            segment: u64::from_le_bytes(*segment),
            offset: u64::from_le_bytes(*offset),
        },
        closed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Bar, Ohlc, Price, SourceTime, Span, Symbol, Timeframe};
    use tempfile::TempDir;

    fn sample() -> Bars {
        let open_time = SourceTime::from_secs(60);
        let bar = Bar {
            open_time,
            end_time: open_time + Span::from_minutes(1),
            price: Ohlc::of(Price::from_units(1_085_300_000)),
            ticks: 7,
            holed: true,
        };
        let update = BarUpdate {
            symbol: Symbol::new("EURUSD").unwrap(),
            digits: 5,
            timeframe: Timeframe::M1,
            bar,
            closed: true,
        };
        Bars {
            place: Place {
                segment: 3,
                offset: 4711,
            },
            closed: vec![update; 3],
        }
    }

    #[test]
    fn what_was_saved_last_comes_back() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("bars").join("closed.bars");
        assert_eq!(load(&path), Ok(None));
        let none = Bars {
            closed: Vec::new(),
            ..sample()
        };
        for bars in [none, sample()] {
            save(&path, &bars).unwrap();
            assert_eq!(load(&path), Ok(Some(bars)));
        }
    }

    #[test]
    fn a_file_that_is_not_whole_is_refused_with_the_reason() {
        let whole = encode(&sample());
        for length in 0..whole.len() {
            assert!(decode(&whole[..length]).is_err(), "{length}");
        }
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            assert!(decode(&bytes).is_err(), "{place}");
        }
    }
}
