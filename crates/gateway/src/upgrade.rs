//! The WebSocket handshake (RFC 6455 section 4.2), checked by hand: what is refused is refused with an HTTP answer that
//! says why, never by a dropped connection.

use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode, Version};
use sha1::{Digest, Sha1};

/// Where clients connect.
pub(crate) const PATH: &str = "/ws/signals";

/// RFC 6455 section 1.3.
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY_BYTES: usize = 16;

/// Why an upgrade is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) reason: &'static str,
}

/// The value of `Sec-WebSocket-Accept`, if the request may be upgraded.
pub(crate) fn check<B>(request: &Request<B>) -> Result<HeaderValue, Refusal> {
    let headers = request.headers();
    let bad = StatusCode::BAD_REQUEST;
    rule(
        request.method() == Method::GET,
        StatusCode::METHOD_NOT_ALLOWED,
        "use GET",
    )?;
    rule(
        request.version() == Version::HTTP_11,
        bad,
        "a WebSocket needs HTTP/1.1",
    )?;
    rule(
        headers.get_all(HOST).iter().count() == 1,
        bad,
        "send one Host header",
    )?;
    let asks = has_token(headers, &UPGRADE, "websocket");
    rule(
        asks,
        StatusCode::UPGRADE_REQUIRED,
        "this is a WebSocket endpoint: send Upgrade: websocket",
    )?;
    let asks = has_token(headers, &CONNECTION, "upgrade");
    rule(asks, bad, "send Connection: Upgrade")?;
    rule(!has_body(headers), bad, "an upgrade request has no body")?;
    check_version(headers)?;
    accept(headers)
}

/// The answer that makes the connection a WebSocket.
pub(crate) fn accepted(accept: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

impl Refusal {
    pub(crate) fn answer(self) -> Response<Body> {
        let mut response = Response::new(Body::from(format!("{}\n", self.reason)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET"));
        }
        response
    }
}

fn check_version(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut versions = headers.get_all(SEC_WEBSOCKET_VERSION).iter();
    let only = versions.next().filter(|_| versions.next().is_none());
    let only = only.ok_or(Refusal {
        status: StatusCode::BAD_REQUEST,
        reason: "send one Sec-WebSocket-Version header",
    })?;
    rule(
        only == "13",
        StatusCode::UPGRADE_REQUIRED,
        "Sec-WebSocket-Version must be 13",
    )
}

fn accept(headers: &HeaderMap) -> Result<HeaderValue, Refusal> {
    let bad = Refusal {
        status: StatusCode::BAD_REQUEST,
        reason: "send one Sec-WebSocket-Key header: 16 bytes in base64",
    };
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let key = keys.next().filter(|_| keys.next().is_none()).ok_or(bad)?;
    let bytes = STANDARD.decode(key.as_bytes()).map_err(|_| bad)?;
    rule(bytes.len() == KEY_BYTES, bad.status, bad.reason)?;
    let digest = Sha1::new()
        .chain_update(key.as_bytes())
        .chain_update(ACCEPT_GUID)
        .finalize();
    HeaderValue::from_str(&STANDARD.encode(digest)).map_err(|_| bad)
}

/// Whether a header that is a list of words, on one line or several, has this one.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lines = headers
        .get_all(name)
        .iter()
        .filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .any(|word| word.trim().eq_ignore_ascii_case(token))
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH);
    headers.contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length != "0")
}

fn rule(holds: bool, status: StatusCode, reason: &'static str) -> Result<(), Refusal> {
    if holds {
        Ok(())
    } else {
        Err(Refusal { status, reason })
    }
}
