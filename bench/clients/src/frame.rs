//! As much of RFC 6455 as a client of our own server needs: its frames are never masked and never fragmented.

use std::io;

pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PONG: u8 = 10;
const PING: u8 = 9;

/// A frame that came whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Text(&'a [u8]),
    Ping(&'a [u8]),
    Close(&'a [u8]),
    Other(u8),
}

/// The frames in a stream of bytes.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The beginning of a frame whose end has not come.
    rest: Vec<u8>,
}

impl Frames {
    /// Hands every frame that ends in these bytes to `take`.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(Frame<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let joined;
        let mut ahead = if self.rest.is_empty() {
            bytes
        } else {
            self.rest.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.rest);
            &joined
        };
        while let Some((frame, behind)) = split(ahead) {
            take(frame)?;
            ahead = behind;
        }
        self.rest = ahead.to_owned();
        Ok(())
    }
}

/// The first frame, and what follows it.
fn split(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (&[first, short], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match short {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*length)).ok()?, rest)
        }
        short => (usize::from(short), rest),
    };
    let (payload, rest) = rest.split_at_checked(length)?;
    let frame = match first & 0xF {
        TEXT => Frame::Text(payload),
        PING => Frame::Ping(payload),
        CLOSE => Frame::Close(payload),
        other => Frame::Other(other),
    };
    Some((frame, rest))
}

/// A client's frame of at most 125 bytes. A mask of zeros is a mask, and leaves the payload as it is.
pub(crate) fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() <= 125, "a short frame");
    let mut frame = vec![0x80 | opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_whole_however_the_bytes_are_cut() {
        let long = vec![b'x'; 300];
        let mut stream = vec![0x81, 2, b'h', b'i', 0x89, 1, b'p', 0x81, 126, 1, 44];
        stream.extend_from_slice(&long);
        stream.extend_from_slice(&[0x88, 0]);
        for step in 1..stream.len() {
            let (mut frames, mut seen) = (Frames::default(), Vec::new());
            for bytes in stream.chunks(step) {
                let take = |frame: Frame<'_>| {
                    seen.push(format!("{frame:?}"));
                    Ok(())
                };
                frames.feed(bytes, take).unwrap();
            }
            let expected = [
                Frame::Text(b"hi"),
                Frame::Ping(b"p"),
                Frame::Text(&long),
                Frame::Close(b""),
            ];
            assert_eq!(seen, expected.map(|frame| format!("{frame:?}")), "{step}");
        }
    }
}
