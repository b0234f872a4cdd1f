//! A client's frames, with compression and without it. The first byte chooses that, and the size of the pieces that they
//! come in: pieces of any size say what the whole says.
#![no_main]

use gateway::codec::{Decoder, Deflate, Inbound, Inflater, Violation};

const MESSAGE_BYTES: usize = 2048;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&which, bytes)) = data.split_first() else {
        return;
    };
    let deflate = (which & 1 == 1).then_some(Deflate::Shared);
    let piece = usize::from(which >> 1) + 1;
    let whole = said(bytes, bytes.len().max(1), deflate);
    assert_eq!(said(bytes, piece, deflate), whole);
    for inbound in whole.0 {
        match inbound {
            Inbound::Text(text) => {
                assert!(std::str::from_utf8(&text).is_ok() && text.len() <= MESSAGE_BYTES);
            }
            Inbound::Binary(bytes) => assert!(bytes.len() <= MESSAGE_BYTES),
            Inbound::Ping(payload) => assert!(payload.len() <= 125),
            Inbound::Pong | Inbound::Close(_) => {}
        }
    }
});

fn said(bytes: &[u8], piece: usize, deflate: Option<Deflate>) -> (Vec<Inbound>, Option<Violation>) {
    let mut decoder = Decoder::new(MESSAGE_BYTES, 16, deflate);
    let (mut inflater, mut said) = (Inflater::default(), Vec::new());
    for mut input in bytes.chunks(piece) {
        loop {
            match decoder.next(&mut input, &mut inflater) {
                Ok(Some(inbound)) => said.push(inbound),
                Ok(None) => break,
                Err(violation) => return (said, Some(violation)),
            }
        }
    }
    (said, None)
}
