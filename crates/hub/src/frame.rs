//! Server frames (RFC 6455 section 5.2): never masked, never fragmented, so the same bytes serve every client.

const FINAL: u8 = 0x80;
const TEXT: u8 = 0x1;
/// Two bytes, and eight of length.
const HEADER_MAX: usize = 10;
/// Longest payload of a control frame (RFC 6455 section 5.5).
const CONTROL_MAX: usize = 125;

/// One text message.
#[must_use]
pub fn text(payload: &str) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + HEADER_MAX);
    put(FINAL | TEXT, payload.as_bytes(), &mut frame);
    frame
}

/// Appends a frame; `first` is the byte of flags and opcode.
pub(crate) fn put(first: u8, payload: &[u8], frames: &mut Vec<u8>) {
    frames.push(first);
    let length = payload.len();
    if length <= CONTROL_MAX {
        frames.push(length as u8);
    } else if let Ok(short) = u16::try_from(length) {
        frames.push(126);
        frames.extend(short.to_be_bytes());
    } else {
        frames.push(127);
        frames.extend((length as u64).to_be_bytes());
    }
    frames.extend_from_slice(payload);
}

#[must_use]
pub fn ping(payload: &[u8]) -> Vec<u8> {
    control(0x9, payload)
}

#[must_use]
pub fn pong(payload: &[u8]) -> Vec<u8> {
    control(0xA, payload)
}

/// A Close with a code and a word of reason, cut at 123 bytes.
#[must_use]
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    let end = reason.floor_char_boundary(CONTROL_MAX - payload.len());
    payload.extend(&reason.as_bytes()[..end]);
    control(0x8, &payload)
}

/// The answer to a Close without a code.
#[must_use]
pub fn close_without_code() -> Vec<u8> {
    control(0x8, &[])
}

fn control(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(CONTROL_MAX)];
    let mut frame = vec![FINAL | opcode, payload.len() as u8];
    frame.extend(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_takes_as_few_bytes_as_it_can() {
        for (length, header) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xFF, 0xFF]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = text(&"x".repeat(length));
            assert_eq!(frame[..frame.len() - length], header, "{length}");
        }
    }

    #[test]
    fn control_frames() {
        assert_eq!(ping(b"7"), [0x89, 1, b'7']);
        assert_eq!(pong(b""), [0x8A, 0]);
        assert_eq!(close(1012, "go"), [0x88, 4, 0x03, 0xF4, b'g', b'o']);
        assert_eq!(close_without_code(), [0x88, 0]);
        let long = close(1012, &"ä".repeat(100));
        assert_eq!(
            usize::from(long[1]),
            124,
            "cut at a character, not inside one"
        );
        assert!(std::str::from_utf8(&long[4..]).is_ok());
    }
}
