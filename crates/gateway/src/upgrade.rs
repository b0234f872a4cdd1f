//! The WebSocket handshake (RFC 6455 section 4.2), checked by hand: what is refused is refused with an HTTP answer that
//! says why, never by a dropped connection.

use crate::extension::{self, Deflate, Malformed};
use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode, Version};
use sha1::{Digest, Sha1};
use std::time::Duration;

/// Where clients connect.
pub(crate) const PATH: &str = "/ws/signals";
/// The subprotocol that is chosen, if a client offers it; no other is.
const PROTOCOL: &str = "orion.v1";

/// RFC 6455 section 1.3.
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY_BYTES: usize = 16;

/// Why an upgrade is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub reason: &'static str,
}

/// What is agreed on with a client that may be upgraded.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// The value of `Sec-WebSocket-Accept`.
    accept: HeaderValue,
    compression: Option<extension::Agreed>,
    /// It offers [`PROTOCOL`].
    speaks_ours: bool,
}

/// Whether the request may be upgraded, and what is agreed on then.
///
/// # Errors
/// When it is not what RFC 6455 section 4.2.1 asks for.
pub fn check<B>(request: &Request<B>) -> Result<Agreement, Refusal> {
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
    let asks = words(headers, &UPGRADE).any(|word| word.eq_ignore_ascii_case("websocket"));
    rule(
        asks,
        StatusCode::UPGRADE_REQUIRED,
        "this is a WebSocket endpoint: send Upgrade: websocket",
    )?;
    let asks = words(headers, &CONNECTION).any(|word| word.eq_ignore_ascii_case("upgrade"));
    rule(asks, bad, "send Connection: Upgrade")?;
    rule(!has_body(headers), bad, "an upgrade request has no body")?;
    check_version(headers)?;
    Ok(Agreement {
        accept: accept(headers)?,
        compression: compression(headers)?,
        speaks_ours: words(headers, &SEC_WEBSOCKET_PROTOCOL).any(|word| word == PROTOCOL),
    })
}

impl Agreement {
    #[must_use]
    pub fn deflate(&self) -> Option<Deflate> {
        self.compression.as_ref().map(|agreed| agreed.deflate)
    }

    /// As if the client had offered no compression.
    #[must_use]
    pub fn uncompressed(self) -> Self {
        Self {
            compression: None,
            ..self
        }
    }

    /// The answer that makes the connection a WebSocket.
    #[must_use]
    pub fn answer(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(agreed) = self.compression {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, agreed.answer);
        }
        if self.speaks_ours {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        }
        response
    }
}

/// The answer to who speaks plain HTTP where TLS is spoken.
pub(crate) fn speaks_tls() -> Response<Body> {
    let refusal = Refusal {
        status: StatusCode::BAD_REQUEST,
        reason: "this port speaks TLS: use https:// or wss://",
    };
    let mut response = refusal.answer();
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The answer to who cannot even be parked.
pub(crate) fn full(retry: Duration) -> Response<Body> {
    let refusal = Refusal {
        status: StatusCode::SERVICE_UNAVAILABLE,
        reason: "there are too many connections: come again later",
    };
    let mut response = refusal.answer();
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from(retry.as_secs()));
    response
}

impl Refusal {
    #[must_use]
    pub fn answer(self) -> Response<Body> {
        let mut response = Response::new(Body::from(format!("{}\n", self.reason)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
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

fn compression(headers: &HeaderMap) -> Result<Option<extension::Agreed>, Refusal> {
    let lines = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter();
    extension::agree(lines.map(HeaderValue::as_bytes)).map_err(|Malformed| Refusal {
        status: StatusCode::BAD_REQUEST,
        reason: "Sec-WebSocket-Extensions is malformed",
    })
}

/// The words of a header that is a list of them, on one line or several.
fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers
        .get_all(name)
        .iter()
        .filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

fn has_body(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    headers.contains_key(TRANSFER_ENCODING) || lengths.any(|length| length != "0")
}

fn rule(holds: bool, status: StatusCode, reason: &'static str) -> Result<(), Refusal> {
    if holds {
        Ok(())
    } else {
        Err(Refusal { status, reason })
    }
}
