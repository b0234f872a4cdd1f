//! What the bytes of a client mean (RFC 6455, RFC 7692): frames, fragments of messages with control frames between them,
//! compressed messages, UTF-8. The bytes come in pieces of any size. Memory is only held while a message is under way.

mod message;

use crate::extension::Deflate;
use crate::inflate::Inflater;
use message::{Coding, Kind, Message};

/// Something a client said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// A whole text message: valid UTF-8.
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    /// With its code, if it had one: a code that may be sent.
    Close(Option<u16>),
}

/// The client broke the protocol or a limit: close with this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    pub code: u16,
    pub reason: &'static str,
}

#[derive(Debug)]
pub struct Decoder {
    rules: Rules,
    /// What was left in the middle; most clients say nothing for hours, or all of it at once.
    part: Option<Box<Part>>,
}

/// What a client may send.
#[derive(Clone, Copy, Debug)]
struct Rules {
    message_bytes: usize,
    message_fragments: u16,
    deflate: Option<Deflate>,
}

/// As far as something has come.
#[derive(Debug, Default)]
struct Part {
    /// The bytes of a frame's header so far.
    header: [u8; HEADER_MAX],
    header_len: u8,
    frame: Option<Frame>,
    message: Message,
    control: Vec<u8>,
}

/// A frame whose payload is being read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    is_final: bool,
    mask: [u8; 4],
    /// Payload bytes read, and still to come.
    read: usize,
    left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opcode {
    /// The first fragment of a message.
    Begin(Kind),
    Continue,
    Close,
    Ping,
    Pong,
}

/// Two bytes, eight of length, four of mask.
const HEADER_MAX: usize = 14;
const CONTROL_MAX: usize = 125;
/// The first byte's flag of a compressed message (RFC 7692 section 6), and those that nobody may set.
const DEFLATED: u8 = 0x40;
const RESERVED: u8 = 0x30;

impl Decoder {
    /// Messages have at most so many bytes, which compressed ones may not exceed when they are inflated, and come in at
    /// most so many fragments.
    #[must_use]
    pub fn new(message_bytes: usize, message_fragments: u16, deflate: Option<Deflate>) -> Self {
        Self {
            rules: Rules {
                message_bytes,
                message_fragments,
                deflate,
            },
            part: None,
        }
    }

    /// The next thing said in `input`, of which it takes away what was read; `None` when more bytes are needed.
    ///
    /// # Errors
    /// When the client broke a rule. Nothing that follows can be understood then.
    pub fn next(
        &mut self,
        input: &mut &[u8],
        inflater: &mut Inflater,
    ) -> Result<Option<Inbound>, Violation> {
        let mut part = self.part.take().map_or_else(Part::default, |part| *part);
        let next = part.next(&self.rules, input, inflater);
        if part.is_under_way() {
            self.part = Some(Box::new(part));
        }
        next
    }
}

impl Part {
    fn is_under_way(&self) -> bool {
        self.header_len > 0 || self.frame.is_some() || !self.message.is_none()
    }

    fn next(
        &mut self,
        rules: &Rules,
        input: &mut &[u8],
        inflater: &mut Inflater,
    ) -> Result<Option<Inbound>, Violation> {
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => match self.read_header(rules, input)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let frame = self.read_payload(frame, input)?;
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            self.frame = None;
            if let Some(inbound) = self.finish(rules, frame, inflater)? {
                return Ok(Some(inbound));
            }
        }
    }

    fn read_header(
        &mut self,
        rules: &Rules,
        input: &mut &[u8],
    ) -> Result<Option<Frame>, Violation> {
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            self.header[usize::from(self.header_len)] = byte;
            self.header_len += 1;
            if self.header_len == 2 {
                self.check_start(rules)?;
            }
            if self.header_len >= 2 && self.header_len == self.header_need() {
                self.header_len = 0;
                return self.begin(rules).map(Some);
            }
        }
        Ok(None)
    }

    /// What can be judged by the first two bytes.
    fn check_start(&self, rules: &Rules) -> Result<(), Violation> {
        let [first, second, ..] = self.header;
        let (is_final, length) = (first & 0x80 != 0, usize::from(second & 0x7F));
        let opcode = opcode(first)?;
        let may_be_deflated = rules.deflate.is_some() && matches!(opcode, Opcode::Begin(_));
        let reserved = if may_be_deflated {
            RESERVED
        } else {
            RESERVED | DEFLATED
        };
        broken(first & reserved == 0, "reserved bits")?;
        broken(second & 0x80 != 0, "frame not masked")?;
        let is_under_way = !self.message.is_none();
        match opcode {
            Opcode::Begin(_) => broken(!is_under_way, "message inside a message"),
            Opcode::Continue => broken(is_under_way, "continuation of nothing"),
            Opcode::Close | Opcode::Ping | Opcode::Pong => {
                broken(is_final, "control frame in fragments")?;
                broken(length <= CONTROL_MAX, "control frame too long")
            }
        }
    }

    fn header_need(&self) -> u8 {
        match self.header[1] & 0x7F {
            126 => 2 + 2 + 4,
            127 => 2 + 8 + 4,
            _ => 2 + 4,
        }
    }

    /// The header is there: what follows is its payload.
    fn begin(&mut self, rules: &Rules) -> Result<Frame, Violation> {
        let header = self.header;
        let (length, shortest, mask_at) = match header[1] & 0x7F {
            126 => (
                u64::from(u16::from_be_bytes([header[2], header[3]])),
                126,
                4,
            ),
            127 => (
                u64::from_be_bytes(header[2..10].try_into().unwrap_or_default()),
                65_536,
                10,
            ),
            short => (u64::from(short), 0, 2),
        };
        broken(
            length >= shortest && length >> 63 == 0,
            "length not in its shortest form",
        )?;
        let opcode = opcode(header[0])?;
        if let Opcode::Begin(kind) = opcode {
            self.message.kind = kind;
            self.message.coding = if header[0] & DEFLATED == 0 {
                Coding::Plain
            } else {
                Coding::Deflated
            };
        }
        if opcode.is_of_message() {
            self.message.fragments += 1;
            let max = self.message.bytes_max(rules.message_bytes);
            let room = (max - self.message.bytes.len()) as u64;
            let is_whole = self.message.fragments <= u32::from(rules.message_fragments);
            rule(length <= room && is_whole, 1009, "message too large")?;
        }
        Ok(Frame {
            opcode,
            is_final: header[0] & 0x80 != 0,
            mask: header[mask_at..mask_at + 4].try_into().unwrap_or_default(),
            read: 0,
            left: length as usize,
        })
    }

    fn read_payload(&mut self, mut frame: Frame, input: &mut &[u8]) -> Result<Frame, Violation> {
        let (part, rest) = input.split_at(frame.left.min(input.len()));
        *input = rest;
        let payload = if frame.opcode.is_of_message() {
            &mut self.message.bytes
        } else {
            &mut self.control
        };
        let start = payload.len();
        payload.extend_from_slice(part);
        for (byte, place) in payload[start..].iter_mut().zip(frame.read..) {
            *byte ^= frame.mask[place % 4];
        }
        frame.read += part.len();
        frame.left -= part.len();
        if frame.opcode.is_of_message() && self.message.coding == Coding::Plain {
            self.message.check_utf8()?;
        }
        Ok(frame)
    }

    /// A frame is whole: perhaps that makes something whole.
    fn finish(
        &mut self,
        rules: &Rules,
        frame: Frame,
        inflater: &mut Inflater,
    ) -> Result<Option<Inbound>, Violation> {
        if frame.opcode.is_of_message() && !frame.is_final {
            return Ok(None);
        }
        Ok(Some(match frame.opcode {
            Opcode::Begin(_) | Opcode::Continue => {
                let message = std::mem::take(&mut self.message);
                message.finish(rules.message_bytes, inflater)?
            }
            Opcode::Ping => Inbound::Ping(std::mem::take(&mut self.control)),
            Opcode::Pong => {
                self.control = Vec::new();
                Inbound::Pong
            }
            Opcode::Close => Inbound::Close(close_code(&std::mem::take(&mut self.control))?),
        }))
    }
}

impl Opcode {
    /// Or else of a control frame.
    fn is_of_message(self) -> bool {
        matches!(self, Self::Begin(_) | Self::Continue)
    }
}

fn opcode(first: u8) -> Result<Opcode, Violation> {
    match first & 0x0F {
        0x0 => Ok(Opcode::Continue),
        0x1 => Ok(Opcode::Begin(Kind::Text)),
        0x2 => Ok(Opcode::Begin(Kind::Binary)),
        0x8 => Ok(Opcode::Close),
        0x9 => Ok(Opcode::Ping),
        0xA => Ok(Opcode::Pong),
        _ => Err(Violation {
            code: 1002,
            reason: "unknown opcode",
        }),
    }
}

/// The code of a Close (RFC 6455 section 7.4, and the registry): none, or one that an endpoint may send.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Violation> {
    let (code, reason) = match *payload {
        [] => return Ok(None),
        [first, second, ref reason @ ..] => (u16::from_be_bytes([first, second]), reason),
        [_] => {
            return Err(Violation {
                code: 1002,
                reason: "close code cut",
            });
        }
    };
    let may_be_sent = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
    broken(may_be_sent, "close code")?;
    rule(std::str::from_utf8(reason).is_ok(), 1007, "not UTF-8")?;
    Ok(Some(code))
}

fn broken(holds: bool, reason: &'static str) -> Result<(), Violation> {
    rule(holds, 1002, reason)
}

fn rule(holds: bool, code: u16, reason: &'static str) -> Result<(), Violation> {
    if holds {
        Ok(())
    } else {
        Err(Violation { code, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};
    use proptest::prelude::*;

    const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
    const MAX: usize = 16 * 1024;
    const SHARED: Option<Deflate> = Some(Deflate::Shared);
    /// `Hello`, compressed (RFC 7692 section 7.2.3.1).
    const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

    /// A client's frame; `first` is the byte of flags and opcode.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..=125 => frame.push(0x80 | short as u8),
            middle @ 126..=65_535 => {
                frame.push(0x80 | 126);
                frame.extend((middle as u16).to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(
            payload
                .iter()
                .zip(MASK.into_iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        frame
    }

    /// Everything said in the bytes, and how it ended, when they come in pieces of this size.
    fn said(
        bytes: &[u8],
        piece: usize,
        deflate: Option<Deflate>,
    ) -> (Vec<Inbound>, Option<Violation>) {
        let mut decoder = Decoder::new(MAX, 1024, deflate);
        let mut inflater = Inflater::default();
        let mut said = Vec::new();
        for mut input in bytes.chunks(piece) {
            loop {
                match decoder.next(&mut input, &mut inflater) {
                    Ok(Some(inbound)) => said.push(inbound),
                    Ok(None) => break,
                    Err(violation) => return (said, Some(violation)),
                }
            }
            assert!(input.is_empty(), "what is not read is not lost");
        }
        (said, None)
    }

    /// With compression and without it.
    fn check(frames: &[Vec<u8>], expected: &[Inbound]) {
        check_with(None, frames, expected);
        check_with(SHARED, frames, expected);
    }

    fn check_with(deflate: Option<Deflate>, frames: &[Vec<u8>], expected: &[Inbound]) {
        let bytes = frames.concat();
        for piece in [1, 2, 3, 7, 1000, bytes.len()] {
            assert_eq!(
                said(&bytes, piece, deflate),
                (expected.to_vec(), None),
                "in pieces of {piece}"
            );
        }
    }

    fn refused(frames: &[Vec<u8>], code: u16, reason: &str) {
        refused_with(None, frames, code, reason);
        refused_with(SHARED, frames, code, reason);
    }

    fn refused_with(deflate: Option<Deflate>, frames: &[Vec<u8>], code: u16, reason: &str) {
        let bytes = frames.concat();
        for piece in [1, 5, bytes.len()] {
            let violation = said(&bytes, piece, deflate)
                .1
                .map(|found| (found.code, found.reason));
            assert_eq!(violation, Some((code, reason)), "in pieces of {piece}");
        }
    }

    fn text(payload: &str) -> Inbound {
        Inbound::Text(payload.as_bytes().to_vec())
    }

    #[test]
    fn the_rfcs_own_example() {
        let hello = vec![
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        check(&[hello], &[text("Hello")]);
    }

    #[test]
    fn messages_of_every_length() {
        for length in [0, 1, 125, 126, 127, 16 * 1024] {
            let payload = "x".repeat(length);
            check(&[frame(0x81, payload.as_bytes())], &[text(&payload)]);
        }
    }

    #[test]
    fn fragments_with_control_frames_between_them() {
        let euro = "€".as_bytes();
        check(
            &[
                frame(0x01, &euro[..1]),
                frame(0x89, b"are you there"),
                frame(0x00, b""),
                frame(0x00, &euro[1..2]),
                frame(0x8A, b"unasked"),
                frame(0x80, &euro[2..]),
                frame(0x88, &[]),
            ],
            &[
                Inbound::Ping(b"are you there".to_vec()),
                Inbound::Pong,
                text("€"),
                Inbound::Close(None),
            ],
        );
    }

    #[test]
    fn binary_messages_are_not_judged_by_their_bytes() {
        let bytes = [0xFF, 0x00, 0xC0];
        check(
            &[frame(0x02, &bytes), frame(0x80, &bytes), frame(0x82, b"")],
            &[Inbound::Binary(bytes.repeat(2)), Inbound::Binary(vec![])],
        );
    }

    #[test]
    fn compressed_messages_between_others() {
        check_with(
            SHARED,
            &[
                frame(0xC1, &HELLO),
                frame(0x81, b"plain"),
                frame(0x41, &HELLO[..2]),
                frame(0x89, b"between"),
                frame(0x00, b""),
                frame(0x80, &HELLO[2..]),
                frame(0xC2, &HELLO),
                frame(0xC1, &[0]),
            ],
            &[
                text("Hello"),
                text("plain"),
                Inbound::Ping(b"between".to_vec()),
                text("Hello"),
                Inbound::Binary(b"Hello".to_vec()),
                text(""),
            ],
        );
    }

    #[test]
    fn only_the_first_frame_of_a_message_says_that_it_is_compressed() {
        let begin = || frame(0x41, &HELLO[..2]);
        let refused = |frames: &[Vec<u8>]| refused_with(SHARED, frames, 1002, "reserved bits");
        refused(&[begin(), frame(0xC0, &HELLO[2..])]);
        refused(&[frame(0x01, b"x"), frame(0xC0, b"x")]);
        refused(&[begin(), frame(0xC9, b"x")]);
        refused(&[frame(0xC8, b"")]);
        refused(&[frame(0xCA, b"")]);
    }

    #[test]
    fn a_compressed_message_is_judged_when_it_is_inflated() {
        let deflated = |bytes: &[u8]| {
            let mut deflated = vec![0x00, bytes.len() as u8, 0, !(bytes.len() as u8), 0xFF];
            deflated.extend(bytes);
            deflated.push(0);
            frame(0xC1, &deflated)
        };
        check_with(SHARED, &[deflated("€".as_bytes())], &[text("€")]);
        let refused = |frame, code, reason| refused_with(SHARED, &[frame], code, reason);
        refused(deflated(b"\xE2\x28"), 1007, "not UTF-8");
        refused(deflated(b"\xE2\x82"), 1007, "not UTF-8");
        refused(frame(0xC1, b"hello"), 1007, "cannot be inflated");
    }

    #[test]
    fn the_limit_holds_for_what_comes_out() {
        let deflated = |length, level| {
            let mut compress = Compress::new(Compression::new(level), false);
            let mut bytes = Vec::with_capacity(MAX * 2);
            compress
                .compress_vec(&vec![b'x'; length], &mut bytes, FlushCompress::Sync)
                .unwrap();
            bytes.truncate(bytes.len() - 4);
            frame(0xC1, &bytes)
        };
        for level in [0, 9] {
            check_with(SHARED, &[deflated(MAX, level)], &[text(&"x".repeat(MAX))]);
            refused_with(
                SHARED,
                &[deflated(MAX + 1, level)],
                1009,
                "message too large",
            );
        }
        refused_with(
            SHARED,
            &[deflated(10_000_000, 9)],
            1009,
            "message too large",
        );
        let half = frame(0x41, &[0; MAX]);
        let frames = [half, frame(0x00, &[0; MAX / 8 + 65])];
        refused_with(SHARED, &frames, 1009, "message too large");
    }

    #[test]
    fn a_close_has_a_code_that_may_be_sent() {
        for code in [1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 4999] {
            let payload = [&u16::to_be_bytes(code)[..], "änd".as_bytes()].concat();
            check(&[frame(0x88, &payload)], &[Inbound::Close(Some(code))]);
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
            refused(&[frame(0x88, &u16::to_be_bytes(code))], 1002, "close code");
        }
        refused(&[frame(0x88, &[3])], 1002, "close code cut");
        refused(&[frame(0x88, &[3, 232, 0xFF])], 1007, "not UTF-8");
    }

    #[test]
    fn broken_frames_are_protocol_errors() {
        refused_with(None, &[frame(0xC1, b"x")], 1002, "reserved bits");
        refused(&[frame(0x91, b"x")], 1002, "reserved bits");
        refused(&[frame(0xE1, b"x")], 1002, "reserved bits");
        refused(&[vec![0x81, 0x01, b'x']], 1002, "frame not masked");
        refused(&[frame(0x83, b"x")], 1002, "unknown opcode");
        refused(&[frame(0x8F, b"x")], 1002, "unknown opcode");
        refused(&[frame(0x80, b"x")], 1002, "continuation of nothing");
        refused(
            &[frame(0x01, b"x"), frame(0x81, b"x")],
            1002,
            "message inside a message",
        );
        refused(&[frame(0x09, b"x")], 1002, "control frame in fragments");
        refused(&[frame(0x89, &[0; 126])], 1002, "control frame too long");
        let padded = [&[0x81, 0x80 | 126, 0, 1][..], &MASK, b"x"].concat();
        refused(&[padded], 1002, "length not in its shortest form");
    }

    #[test]
    fn limits_hold_before_the_bytes_are_there() {
        let header = [
            &[0x81, 0x80 | 127][..],
            &(16 * 1024 + 1_u64).to_be_bytes(),
            &MASK,
        ]
        .concat();
        refused(
            &[vec![0x81, 0x80 | 126, 0x40, 0x01, 0, 0, 0, 0]],
            1009,
            "message too large",
        );
        let huge = [
            &[0x81, 0x80 | 127][..],
            &(u64::MAX >> 1).to_be_bytes(),
            &MASK,
        ]
        .concat();
        refused(&[huge], 1009, "message too large");
        refused(&[header], 1002, "length not in its shortest form");
        let half = vec![b'x'; 9 * 1024];
        refused(
            &[frame(0x01, &half), frame(0x80, &half)],
            1009,
            "message too large",
        );
        let many: Vec<_> = (0..1025)
            .map(|part| frame(u8::from(part == 0), b""))
            .collect();
        refused(&many, 1009, "message too large");
    }

    #[test]
    fn bad_utf8_is_refused_at_the_byte_that_makes_it_so() {
        refused(&[frame(0x81, b"abc\xFF")], 1007, "not UTF-8");
        refused(&[frame(0x01, b"\xED\xA0\x80")], 1007, "not UTF-8");
        refused(
            &[frame(0x81, "€".as_bytes().split_last().unwrap().1)],
            1007,
            "not UTF-8",
        );
        refused(
            &[frame(0x01, b"\xE2"), frame(0x00, b"\x28")],
            1007,
            "not UTF-8",
        );
    }

    #[test]
    fn no_memory_stays_when_nothing_is_under_way() {
        let mut decoder = Decoder::new(1024, 10, SHARED);
        let frames = [
            frame(0x81, b"hello"),
            frame(0x8A, b"pong"),
            frame(0x89, b"ping"),
            frame(0xC1, &HELLO),
        ];
        let mut input = &frames.concat()[..];
        let mut inflater = Inflater::default();
        while let Ok(Some(_)) = decoder.next(&mut input, &mut inflater) {}
        assert_eq!(input, b"");
        assert!(decoder.part.is_none());
        let mut cut = &frame(0x81, b"hello")[..1];
        assert_eq!(decoder.next(&mut cut, &mut inflater), Ok(None));
        assert!(decoder.part.is_some(), "a byte of a header is kept");
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_are_understood_alike(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            piece in 1_usize..40,
            deflate in any_deflate(),
        ) {
            let whole = said(&bytes, bytes.len().max(1), deflate);
            prop_assert_eq!(said(&bytes, piece, deflate), whole);
        }

        #[test]
        fn almost_frames_are_understood_alike(
            frames in proptest::collection::vec((any::<u8>(), "\\PC{0,40}"), 0..8),
            piece in 1_usize..40,
            deflate in any_deflate(),
        ) {
            let frames: Vec<_> = frames.iter().map(|(first, text)| frame(first & 0xCF, text.as_bytes())).collect();
            let bytes = frames.concat();
            let whole = said(&bytes, bytes.len().max(1), deflate);
            prop_assert_eq!(said(&bytes, piece, deflate), whole);
        }
    }

    fn any_deflate() -> impl Strategy<Value = Option<Deflate>> {
        proptest::sample::select(vec![None, SHARED])
    }
}
