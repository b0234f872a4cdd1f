//! The first moments of a connection: which protocol it speaks, and whether it says a whole request. All of it stays in the
//! kernel until then, so who says nothing, or one letter a second, holds no memory here and takes nobody's turn.

use crate::head;
use std::io;
use std::mem::MaybeUninit;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// What is looked at of a request; a longer head is for the HTTP server to read or to refuse.
const LOOKED_AT: usize = 16 * 1024;
/// Between two looks at a head that is not whole.
const PAUSE_FIRST: Duration = Duration::from_millis(2);
const PAUSE_LONGEST: Duration = Duration::from_millis(500);

/// The type of the first record of a TLS connection (RFC 8446 section 5.1), and no letter of any HTTP method.
const TLS_HANDSHAKE: u8 = 0x16;
const TLS_RECORD_HEAD: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    /// A request of HTTP for where clients connect.
    Upgrade,
    Tls,
}

/// What is there so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// The other side ended before it said anything.
    End,
    Part,
    Whole(Protocol),
}

/// Waits for the head of a request, or for a client's first TLS record, and leaves it unread. Nothing where the other side
/// ends without a word.
///
/// # Errors
/// When the connection breaks.
pub(crate) async fn first_words(stream: &TcpStream) -> io::Result<Option<Protocol>> {
    let mut pause = PAUSE_FIRST;
    loop {
        match look(stream).await? {
            Look::End => return Ok(None),
            Look::Whole(protocol) => return Ok(Some(protocol)),
            Look::Part => sleep(pause).await,
        }
        pause = (pause * 2).min(PAUSE_LONGEST);
    }
}

/// Waits for the first byte. The memory for looking lies on the stack of the thread, not in each connection's task.
async fn look(stream: &TcpStream) -> io::Result<Look> {
    std::future::poll_fn(|context| {
        let mut memory = [MaybeUninit::uninit(); LOOKED_AT];
        let mut seen = ReadBuf::uninit(&mut memory);
        let peeked = ready!(stream.poll_peek(context, &mut seen));
        Poll::Ready(peeked.map(|_| judge(seen.filled())))
    })
    .await
}

fn judge(seen: &[u8]) -> Look {
    let is_whole = |holds: bool, protocol| match holds || seen.len() == LOOKED_AT {
        true => Look::Whole(protocol),
        false => Look::Part,
    };
    match seen {
        [] => Look::End,
        [TLS_HANDSHAKE, ..] => is_whole(has_record(seen), Protocol::Tls),
        // What begins with no letter is no HTTP: it is answered as that at once.
        [first, ..] if !first.is_ascii_alphabetic() => Look::Whole(Protocol::Http),
        _ if head::may_begin(seen) => is_whole(has_head(seen), Protocol::Upgrade),
        _ => is_whole(has_head(seen), Protocol::Http),
    }
}

fn has_record(seen: &[u8]) -> bool {
    let Some(&[_, _, _, high, low]) = seen.first_chunk() else {
        return false;
    };
    seen.len() >= TLS_RECORD_HEAD + usize::from(u16::from_be_bytes([high, low]))
}

/// An empty line ends a head; a lone line feed may end a line (RFC 9112 section 2.2).
fn has_head(seen: &[u8]) -> bool {
    let is_last = |end: usize| matches!(seen[end + 1..], [b'\n', ..] | [b'\r', b'\n', ..]);
    let mut bytes = seen.iter().enumerate();
    bytes.any(|(place, &byte)| byte == b'\n' && is_last(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_told_apart() {
        use Look::{End, Part, Whole};
        use Protocol::{Http, Tls, Upgrade};
        let long = [b'x'; LOOKED_AT];
        let tls = [0x16, 3, 1, 0, 2, 1, 1];
        for (seen, look) in [
            (&b""[..], End),
            (b"G", Part),
            (b"GET / HTTP/1.1\r\n", Part),
            (b"GET / HTTP/1.1\r\n\r", Part),
            (b"GET / HTTP/1.1\r\n\r\n", Whole(Http)),
            (b"GET / HTTP/1.1\nHost: x\n\n", Whole(Http)),
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\nmore", Whole(Http)),
            (b"GET / HTTP/1.1\r\nHost:\r\n x\r\n", Part),
            (b"GET /ws/signals HTTP/1.1\r\n", Part),
            (b"GET /ws/signals?key=x HTTP/1.1\r\n\r\n", Whole(Upgrade)),
            (&long, Whole(Http)),
            (b"\x00\x01", Whole(Http)),
            (&tls[..1], Part),
            (&tls[..6], Part),
            (&tls, Whole(Tls)),
        ] {
            assert_eq!(judge(seen), look, "{seen:?}");
        }
    }
}
