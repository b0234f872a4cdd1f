//! What clients compress: never more comes out than is allowed, what one message leaves behind does not show in the next,
//! and where another inflater can read a message, both read the same.
#![no_main]

use flate2::{Decompress, FlushDecompress};
use gateway::codec::Inflater;

const MAX: usize = 4096;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut inflater = Inflater::default();
    let first = inflater.inflate(data.to_vec(), MAX);
    assert_eq!(inflater.inflate(data.to_vec(), MAX), first);
    let Ok(message) = first else { return };
    assert!(message.len() <= MAX);
    let mut other = Vec::with_capacity(MAX + 1);
    let tail = [data, &[0x00, 0x00, 0xFF, 0xFF]].concat();
    let read = Decompress::new(false).decompress_vec(&tail, &mut other, FlushDecompress::Sync);
    // It stops at the first final block, behind which a message may go on.
    assert!(read.is_ok() && message.starts_with(&other));
});
