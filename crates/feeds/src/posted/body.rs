//! The HTTP side of those who post: bodies with a bound in bytes and time, answers as JSON.

use super::answer::Reply;
use super::refusal::Refusal;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use std::time::Duration;
use tokio::time::timeout;

/// Largest body: a signal has a few hundred bytes.
const BODY_MAX: usize = 16 * 1024;
/// A body has to be complete after this time.
const BODY_WITHIN: Duration = Duration::from_secs(5);

/// A request's whole body.
pub(crate) async fn whole(body: Body) -> Result<Vec<u8>, Refusal> {
    match timeout(BODY_WITHIN, collect(body)).await {
        Ok(result) => result,
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "the body was not complete after {} s",
                BODY_WITHIN.as_secs()
            ),
        )),
    }
}

async fn collect(body: Body) -> Result<Vec<u8>, Refusal> {
    let mut whole = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece: Bytes = piece
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the body ended before its end"))?;
        if whole.len() + piece.len() > BODY_MAX {
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is longer than {BODY_MAX} bytes"),
            )
            .remedy("send one signal at a time"));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = json(self.status, self.body);
        if let Some(seconds) = self.retry_after_s {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Reply::refused(&self).into_response()
    }
}

/// A JSON text as an answer.
pub(crate) fn json(status: StatusCode, body: String) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(CONTENT_TYPE, json)], body).into_response()
}
