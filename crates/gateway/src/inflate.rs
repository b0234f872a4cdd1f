//! What clients compressed (RFC 7692 section 7.2.2). Every message begins with an empty window, so one inflater serves
//! every client of a shard, one whole message at a time, and a client costs nothing for it.

use crate::frame::Violation;
use flate2::{Decompress, FlushDecompress, Status};

#[derive(Debug)]
pub struct Inflater {
    decompress: Decompress,
}

/// The end of an empty block, which the sender cut off; then an empty final block, so that a message is whole if it ends
/// where the stream ends.
const TAIL: [u8; 6] = [0x00, 0x00, 0xFF, 0xFF, 0x03, 0x00];
/// How far back a message may refer.
const WINDOW: usize = 32 * 1024;
/// Streams in one message: each final block begins another. They are allowed and hardly used, and each costs a new start.
const STREAMS_MAX: usize = 64;

const NOT_DEFLATE: Violation = Violation {
    code: 1007,
    reason: "cannot be inflated",
};
const TOO_LARGE: Violation = Violation {
    code: 1009,
    reason: "message too large",
};

impl Default for Inflater {
    fn default() -> Self {
        Self {
            decompress: Decompress::new(false),
        }
    }
}

impl Inflater {
    /// The message, which is never let grow beyond `max` bytes.
    ///
    /// # Errors
    /// When the bytes are not what a compressor makes, or more than `max` comes out of them.
    pub fn inflate(&mut self, mut compressed: Vec<u8>, max: usize) -> Result<Vec<u8>, Violation> {
        compressed.extend(TAIL);
        let mut input = &compressed[..];
        let mut message = Vec::with_capacity((input.len() * 4).min(max + 1));
        for _ in 0..STREAMS_MAX {
            self.begin(&message)?;
            input = self.inflate_stream(input, &mut message, max)?;
            if input.is_empty() {
                return Ok(message);
            }
        }
        Err(NOT_DEFLATE)
    }

    /// A stream may refer back to the one before it in the same message.
    fn begin(&mut self, message: &[u8]) -> Result<(), Violation> {
        self.decompress.reset(false);
        let window = &message[message.len().saturating_sub(WINDOW)..];
        if window.is_empty() {
            return Ok(());
        }
        let set = self.decompress.set_dictionary(window);
        set.map(drop).map_err(|_| NOT_DEFLATE)
    }

    /// What is left of the input behind the end of the stream.
    fn inflate_stream<'a>(
        &mut self,
        mut input: &'a [u8],
        message: &mut Vec<u8>,
        max: usize,
    ) -> Result<&'a [u8], Violation> {
        loop {
            let before = self.decompress.total_in();
            let status = self
                .decompress
                .decompress_vec(input, message, FlushDecompress::Sync)
                .map_err(|_| NOT_DEFLATE)?;
            input = &input[(self.decompress.total_in() - before) as usize..];
            if message.len() > max {
                return Err(TOO_LARGE);
            }
            match status {
                Status::StreamEnd => return Ok(input),
                Status::Ok | Status::BufError if message.len() == message.capacity() => {
                    // One byte more than is allowed shows that it is too much.
                    let room = message.len().min(max + 1 - message.len());
                    message.reserve_exact(room.max(1));
                }
                // There was room, and still it has not ended.
                Status::Ok | Status::BufError => return Err(NOT_DEFLATE),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};
    use proptest::prelude::*;

    const MAX: usize = 16 * 1024;

    /// As a client compresses: in pieces, each with its own kind of flush, and the tail cut off.
    fn deflated(pieces: &[(&[u8], FlushCompress)], level: u32) -> Vec<u8> {
        let mut compress = Compress::new(Compression::new(level), false);
        let mut bytes = Vec::new();
        for (piece, flush) in pieces.iter().chain([&(&b""[..], FlushCompress::Sync)]) {
            bytes.reserve(piece.len() * 2 + 100);
            compress.compress_vec(piece, &mut bytes, *flush).unwrap();
        }
        assert_eq!(bytes.split_off(bytes.len() - 4), TAIL[..4]);
        bytes
    }

    fn once(message: &[u8]) -> Vec<u8> {
        deflated(&[(message, FlushCompress::Sync)], 6)
    }

    fn check(compressed: &[u8], expected: Result<&[u8], Violation>) {
        let inflated = Inflater::default().inflate(compressed.to_vec(), MAX);
        assert_eq!(
            inflated.as_deref(),
            expected.as_ref().map(|expected| &expected[..])
        );
    }

    /// RFC 7692 section 7.2.3.
    #[test]
    fn the_rfcs_own_examples() {
        for hello in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[
                0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
            ],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[
                0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
            ],
        ] {
            check(hello, Ok(b"Hello"));
        }
        check(&[0x00], Ok(b""));
        // It would refer back to an earlier message, which the client agreed not to do.
        check(&[0xf2, 0x00, 0x11, 0x00, 0x00], Err(NOT_DEFLATE));
    }

    #[test]
    fn a_message_of_the_longest_length_and_one_byte_more() {
        for fill in ["x", "€y"] {
            let message = fill.repeat(MAX + 1).into_bytes();
            check(&once(&message[..MAX]), Ok(&message[..MAX]));
            check(&once(&message[..=MAX]), Err(TOO_LARGE));
        }
        check(&once(&vec![0; 50_000_000]), Err(TOO_LARGE));
    }

    #[test]
    fn no_more_memory_than_a_message_may_have() {
        let bomb = once(&vec![b'x'; 10_000_000]);
        let message = Inflater::default().inflate(bomb.clone(), 10_000_000);
        assert!(message.is_ok_and(|message| message.capacity() <= 10_000_001));
        let small = Inflater::default().inflate(once(b"hello"), MAX).unwrap();
        assert!(small.capacity() < 100, "{}", small.capacity());
    }

    #[test]
    fn what_no_compressor_makes_is_refused() {
        let whole = once(br#"{"type":"subscribe","channels":["signals","prices"]}"#);
        for length in 1..whole.len() {
            check(&whole[..length], Err(NOT_DEFLATE));
        }
        check(b"", Err(NOT_DEFLATE));
        check(b"hello", Err(NOT_DEFLATE));
        check(&[0xFF; 100], Err(NOT_DEFLATE));
        check(&[&whole[..], &whole[..3]].concat(), Err(NOT_DEFLATE));
    }

    #[test]
    fn final_blocks_are_bounded_and_may_be_referred_back_to() {
        let finals = |count| [[0x03, 0x00].repeat(count), vec![0x00]].concat();
        check(&finals(STREAMS_MAX - 1), Ok(b""));
        check(&finals(STREAMS_MAX), Err(NOT_DEFLATE));
        // `Hello` with a final block, then the RFC's example of a message that refers back to it.
        let hello = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
        check(&[&hello[..], &again[..]].concat(), Ok(b"HelloHello"));
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_out_again_whatever_came_before(
            messages in proptest::collection::vec(("[ab]{0,20}|\\PC{0,200}", 0_usize..200, 0_u32..10), 1..6),
            rubbish in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut inflater = Inflater::default();
            for (message, cut, level) in messages {
                let bytes = message.as_bytes();
                let (begin, end) = bytes.split_at(cut.min(bytes.len()));
                let pieces = [(begin, FlushCompress::Full), (end, FlushCompress::Sync)];
                let whole = inflater.inflate(deflated(&pieces, level), MAX);
                prop_assert_eq!(whole, Ok(bytes.to_vec()));
                let _any = inflater.inflate(rubbish.clone(), MAX);
            }
        }
    }
}
