//! The head of a request to become a WebSocket, read where it lies, and of its answer. It is what nearly every connection
//! begins with, and needs neither the HTTP server's buffers nor a task (bench/README.md). What is unusual in any way is left to
//! that server.

use crate::upgrade::PATH;
use httparse::{EMPTY_HEADER, Status};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use std::io::{self, ErrorKind};

/// A request to become a WebSocket; whether it is a right one is for [`crate::codec::check`] to say.
#[derive(Debug)]
pub struct Head {
    pub request: Request<()>,
    /// In bytes, with the empty line that ends it.
    pub length: usize,
}

/// Browsers send about fifteen, and a proxy some more.
const HEADERS_MAX: usize = 48;
const TAKEN_AT_ONCE: usize = 1024;

/// Whether [`read`] may make something of it, as far as its first words say.
pub(crate) fn may_begin(bytes: &[u8]) -> bool {
    let target = bytes.strip_prefix(b"GET ");
    target.is_some_and(|target| target.starts_with(PATH.as_bytes()))
}

/// A whole head that asks by GET and HTTP/1.1 for where clients connect, at the start of these bytes; none where it is
/// anything else.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Head> {
    if !may_begin(bytes) {
        return None;
    }
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let Ok(Status::Complete(length)) = parsed.parse(bytes) else {
        return None;
    };
    let uri = Uri::try_from(parsed.path?).ok()?;
    if parsed.version != Some(1) || uri.path() != PATH {
        return None;
    }
    let mut request = Request::new(());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = uri;
    for header in &*parsed.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(header.value).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(Head { request, length })
}

/// Takes what was read so out of the socket, and nothing behind it; `read` reads the socket without waiting.
///
/// # Errors
/// When the connection broke meanwhile.
pub(crate) fn take(
    mut length: usize,
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> io::Result<()> {
    let mut taken = [0; TAKEN_AT_ONCE];
    while length > 0 {
        let most = length.min(TAKEN_AT_ONCE);
        match read(&mut taken[..most])? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => length -= count,
        }
    }
    Ok(())
}

/// The head of an answer, as it is sent.
pub(crate) fn of<B>(answer: &Response<B>) -> Vec<u8> {
    let status = answer.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    for (name, value) in answer.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "GET /ws/signals HTTP/1.1\r\nHost: x\r\nX-One: 1\r\nx-one: 2\r\n\r\n";

    #[test]
    fn a_head_is_read_up_to_its_end_and_no_further() {
        let frames = [GOOD.as_bytes(), b"\x81\x80GET "].concat();
        let head = read(&frames).expect("a whole head");
        assert_eq!(head.length, GOOD.len());
        assert_eq!(head.request.uri().path(), PATH);
        let all = head.request.headers().get_all("x-one");
        assert_eq!(all.iter().collect::<Vec<_>>(), ["1", "2"]);
        for end in 0..GOOD.len() {
            assert!(read(&GOOD.as_bytes()[..end]).is_none(), "{end} bytes");
        }
    }

    #[test]
    fn what_is_not_as_usual_is_left_to_the_http_server() {
        let many = "X: x\r\n".repeat(HEADERS_MAX);
        for (usual, unusual) in [
            ("GET", "POST"),
            ("1.1", "1.0"),
            ("/ws/signals", "/ws/signals/"),
            ("/ws/signals", "/ws/signalsx"),
            ("/ws/signals", "http://x/ws/signals"),
            ("Host: x", "Host : x"),
            ("X-One: 1\r\n", "X-One: 1\r\n folded\r\n"),
            ("X-One: 1\r\n", &many),
        ] {
            let request = GOOD.replace(usual, unusual);
            assert!(read(request.as_bytes()).is_none(), "{request}");
        }
    }

    #[test]
    fn an_answer_is_written_line_by_line() {
        let answer = Response::builder()
            .status(101)
            .header("Upgrade", "websocket");
        let bytes = of(&answer.body(()).expect("an answer"));
        assert_eq!(
            bytes,
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"
        );
    }
}
