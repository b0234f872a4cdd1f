//! Groups that are compressed together: a client that keeps its window over all of them reads every message back, and so
//! does one that begins with this group. Byte 0xFF ends a group, 0xFE a message.
#![no_main]

use flate2::{Decompress, FlushDecompress};
use hub::deflate::Deflater;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&bits, data)) = data.split_first() else {
        return;
    };
    let bits = 9 + bits % 7;
    let mut deflater = Deflater::with_window(bits);
    let mut client = Decompress::new_with_window_bits(false, bits);
    for group in data.split(|&byte| byte == 0xFF) {
        let mut newcomer = Decompress::new_with_window_bits(false, bits);
        deflater.begin();
        for message in group.split(|&byte| byte == 0xFE) {
            // Each twice over, so that there is something to refer to.
            let message = [message, message].concat();
            let payload = deflater.deflate(&message);
            assert!(payload.len() <= message.len() + message.len() / 8 + 3);
            let sent = [payload, &[0x00, 0x00, 0xFF, 0xFF]].concat();
            for reader in [&mut client, &mut newcomer] {
                let mut read = Vec::with_capacity(message.len() + 1);
                let result = reader.decompress_vec(&sent, &mut read, FlushDecompress::Sync);
                assert!(result.is_ok());
                assert_eq!(read, message);
            }
        }
    }
});
