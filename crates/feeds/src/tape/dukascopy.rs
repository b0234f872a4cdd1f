//! Dukascopy's `.bi5` files: a stream of LZMA (the old, "alone" form) with fixed big-endian records. Their times count
//! from the hour, day, month or year that the file's name or folders tell; prices are integers. Ticks are 20 bytes
//! (`u32 ms, ask, bid; f32 volumes`), candles 24 (`u32 s, open, close, low, high; f32 volume`: mind the order).
//!
//! The volumes are what the bank offered, not what was traded, so none is kept.

use super::local::{LocalTime, Stamp};
use super::row::{LineError, Row};
use market::{Ohlc, Price};

/// What a file's records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Records {
    Ticks,
    Candles,
}

impl Records {
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Ticks => 20,
            Self::Candles => 24,
        }
    }
}

/// An unpacked file may be no longer than this; the busiest hour known is under 2 MiB.
pub(super) const MAX_UNPACKED: usize = 64 << 20;

/// Reads one record. `base` is what its time counts from, `unit` the price of one integer step.
pub(super) fn decode(
    records: Records,
    base: LocalTime,
    unit: Price,
    record: &[u8],
) -> Result<Row, LineError> {
    match (records, record.as_chunks::<4>().0) {
        (Records::Ticks, &[ms, ask, bid, _, _]) => Ok(Row::Quote {
            time: Stamp::Local(base.plus(i64::from(u32::from_be_bytes(ms)) * 1_000_000)),
            bid: scaled(bid, unit),
            ask: scaled(ask, unit),
        }),
        (Records::Candles, &[seconds, open, close, low, high, volume]) => {
            if f32::from_be_bytes(volume) == 0.0 {
                return Ok(Row::Nothing);
            }
            let seconds = i64::from(u32::from_be_bytes(seconds));
            Ok(Row::PriceBar {
                open_time: Stamp::Local(base.plus(seconds * 1_000_000_000)),
                price: Ohlc {
                    open: scaled(open, unit),
                    high: scaled(high, unit),
                    low: scaled(low, unit),
                    close: scaled(close, unit),
                },
                volume: None,
            })
        }
        _ => Err(LineError::CutOff),
    }
}

fn scaled(count: [u8; 4], unit: Price) -> Price {
    unit.times(i64::from(u32::from_be_bytes(count)))
}

/// The price of one integer step: 1e-5 for currencies with five digits, 1e-3 for yen pairs, metals and indices.
pub(super) fn unit_of(digits: u8) -> Price {
    Price::from_units(if digits >= 4 { 10_000 } else { 1_000_000 })
}

/// Unpacks a whole file. An empty file is an hour without ticks.
///
/// # Errors
/// What is wrong with the stream, in words.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>, String> {
    if packed.is_empty() {
        return Ok(Vec::new());
    }
    let mut unpacked = Capped(Vec::new());
    let options = lzma_rs::decompress::Options {
        memlimit: Some(MAX_UNPACKED),
        ..Default::default()
    };
    let mut input = packed;
    match lzma_rs::lzma_decompress_with_options(&mut input, &mut unpacked, &options) {
        Ok(()) => Ok(unpacked.0),
        Err(error) => Err(format!("the LZMA stream cannot be unpacked: {error}")),
    }
}

/// Grows to the limit and no further, whatever the stream promises.
struct Capped(Vec<u8>);

impl std::io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_UNPACKED {
            return Err(std::io::Error::other("it unpacks to more than 64 MiB"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(fields: [u32; 5]) -> Vec<u8> {
        fields
            .iter()
            .flat_map(|field| field.to_be_bytes())
            .collect()
    }

    fn base() -> LocalTime {
        "2019-02-04T13:00".parse().unwrap()
    }

    #[test]
    fn a_tick_has_the_ask_before_the_bid() {
        let bytes = record([1_500, 114_570, 114_543, 0, 0]);
        let row = decode(Records::Ticks, base(), unit_of(5), &bytes);
        let expected = Row::Quote {
            time: Stamp::Local("2019-02-04T13:00:01.500".parse().unwrap()),
            bid: Price::parse("1.14543").unwrap(),
            ask: Price::parse("1.14570").unwrap(),
        };
        assert_eq!(row, Ok(expected));
        assert_eq!(
            decode(Records::Ticks, base(), unit_of(5), &bytes[1..]),
            Err(LineError::CutOff)
        );
    }

    #[test]
    fn a_candle_has_the_close_before_the_low() {
        let mut bytes = record([60, 1_300_335, 1_300_854, 1_300_277, 1_300_978]);
        bytes.extend(1.5_f32.to_be_bytes());
        let price = |text| Price::parse(text).unwrap();
        let expected = Row::PriceBar {
            open_time: Stamp::Local("2019-02-04T13:01".parse().unwrap()),
            price: Ohlc {
                open: price("1300.335"),
                high: price("1300.978"),
                low: price("1300.277"),
                close: price("1300.854"),
            },
            volume: None,
        };
        assert_eq!(
            decode(Records::Candles, base(), unit_of(2), &bytes),
            Ok(expected)
        );
        bytes[20..].copy_from_slice(&0_f32.to_be_bytes());
        assert_eq!(
            decode(Records::Candles, base(), unit_of(2), &bytes),
            Ok(Row::Nothing)
        );
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let (mut input, mut packed) = (bytes, Vec::new());
        lzma_rs::lzma_compress(&mut input, &mut packed).unwrap();
        packed
    }

    #[test]
    fn unpacks_what_was_packed_and_nothing_else() {
        let bytes = record([1, 2, 3, 4, 5]).repeat(100);
        let packed = packed(&bytes);
        assert_eq!(unpack(&packed), Ok(bytes));
        assert_eq!(unpack(&[]), Ok(Vec::new()));
        assert!(unpack(&packed[..packed.len() / 2]).is_err());
        assert!(unpack(b"]\0\0@\0").is_err());
        assert!(unpack(b"no LZMA at all, but a text").is_err());
    }

    proptest! {
        #[test]
        fn a_damaged_stream_is_an_error_or_bytes(at in 0_usize..200, value in any::<u8>(), cut in 0_usize..400) {
            let mut stream = packed(&record([1, 2, 3, 4, 5]).repeat(20));
            stream.truncate(cut.max(1));
            let at = at % stream.len();
            stream[at] = value;
            let _ = unpack(&stream);
        }

        #[test]
        fn any_bytes_are_unpacked_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&bytes);
            let _ = decode(Records::Ticks, base(), unit_of(5), &bytes);
            let _ = decode(Records::Candles, base(), unit_of(5), &bytes);
        }
    }
}
