//! The first moments of a connection: which protocol it speaks, and whether it says a whole request. All of it stays in the
//! kernel until then, so who says nothing, or one letter a second, holds no memory here and takes nobody's turn.

use crate::head::{self, Head};
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

/// What a connection begins with.
#[derive(Debug)]
pub(crate) enum Words {
    /// A request to become a WebSocket.
    Upgrade(Box<Head>),
    /// Anything else, in whatever it is written.
    Http,
    Tls,
}

/// What is there so far.
#[derive(Debug)]
enum Look {
    /// The other side ended before it said anything.
    End,
    Part,
    Whole(Words),
}

/// Waits for the head of a request, or for a client's first TLS record, and leaves it unread. Nothing where the other side
/// ends without a word.
///
/// # Errors
/// When the connection breaks.
pub(crate) async fn first_words(stream: &TcpStream) -> io::Result<Option<Words>> {
    let mut pause = PAUSE_FIRST;
    loop {
        match look(stream).await? {
            Look::End => return Ok(None),
            Look::Whole(words) => return Ok(Some(words)),
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
    let is_long = seen.len() == LOOKED_AT;
    match seen {
        [] => Look::End,
        [TLS_HANDSHAKE, ..] if is_long || has_record(seen) => Look::Whole(Words::Tls),
        [TLS_HANDSHAKE, ..] => Look::Part,
        // What begins with no letter is no HTTP: it is answered as that at once.
        [first, ..] if !first.is_ascii_alphabetic() => Look::Whole(Words::Http),
        _ if has_head(seen) => {
            let head = head::read(seen).map(Box::new);
            Look::Whole(head.map_or(Words::Http, Words::Upgrade))
        }
        _ if is_long => Look::Whole(Words::Http),
        _ => Look::Part,
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

    /// End, part, TLS, HTTP, or the length of a request to become a WebSocket.
    fn told(look: &Look) -> String {
        match look {
            Look::End => "end".to_owned(),
            Look::Part => "part".to_owned(),
            Look::Whole(Words::Tls) => "tls".to_owned(),
            Look::Whole(Words::Http) => "http".to_owned(),
            Look::Whole(Words::Upgrade(head)) => head.length.to_string(),
        }
    }

    #[test]
    fn what_is_said_is_told_apart() {
        let long = [b'x'; LOOKED_AT];
        let tls = [0x16, 3, 1, 0, 2, 1, 1];
        for (seen, expected) in [
            (&b""[..], "end"),
            (b"G", "part"),
            (b"GET / HTTP/1.1\r\n", "part"),
            (b"GET / HTTP/1.1\r\n\r", "part"),
            (b"GET / HTTP/1.1\r\n\r\n", "http"),
            (b"GET / HTTP/1.1\nHost: x\n\n", "http"),
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\nmore", "http"),
            (b"GET / HTTP/1.1\r\nHost:\r\n x\r\n", "part"),
            (b"GET /ws/signals HTTP/1.1\r\nHost: x\r\n", "part"),
            (b"GET /ws/signals HTTP/1.1\r\nHost: x\r\n\r\nmore", "37"),
            (&long, "http"),
            (b"\x00\x01", "http"),
            (&tls[..1], "part"),
            (&tls[..6], "part"),
            (&tls, "tls"),
        ] {
            assert_eq!(told(&judge(seen)), expected, "{seen:?}");
        }
    }
}
