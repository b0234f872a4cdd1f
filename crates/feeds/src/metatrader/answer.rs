//! What an advisor is told.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// How often an advisor is to send, in milliseconds.
const NEXT_MS: u64 = 250;
/// How long it is to wait when something has to be mended, or we are behind.
const LATER_MS: u64 = 5000;

/// The answer to a batch; over a socket it is one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    #[serde(skip)]
    pub status: u16,
    pub ok: bool,
    /// Every tick up to this number is taken and need not be sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack: Option<u64>,
    pub next_ms: u64,
    /// The advisor is not known here: it is to say hello, and then to send again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hello: bool,
    /// After a hello: the symbols whose ticks are wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A symbol whose ticks are not taken, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    pub sym: String,
    pub reason: String,
}

impl Answer {
    pub(super) fn taken(ack: Option<u64>) -> Self {
        Self {
            status: 200,
            ok: true,
            ack,
            next_ms: NEXT_MS,
            hello: false,
            take: None,
            refused: Vec::new(),
            error: None,
        }
    }

    /// Whatever was sent is not taken.
    pub(super) fn not_taken(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            ok: false,
            next_ms: LATER_MS,
            error: Some(error.into()),
            ..Self::taken(None)
        }
    }

    pub(super) fn say_hello() -> Self {
        Self {
            ok: false,
            next_ms: 0,
            hello: true,
            ..Self::taken(None)
        }
    }

    /// One line, as a socket is answered.
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        (status, Json(self)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn an_answer_says_what_is_needed_and_no_more() {
        let text = |answer: &Answer| String::from_utf8(answer.line()).unwrap();
        expect![[r#"
            {"ok":true,"ack":42,"next_ms":250}
        "#]]
        .assert_eq(&text(&Answer::taken(Some(42))));
        expect![[r#"
            {"ok":false,"next_ms":0,"hello":true}
        "#]]
        .assert_eq(&text(&Answer::say_hello()));
        expect![[r#"
            {"ok":false,"next_ms":5000,"error":"no"}
        "#]]
        .assert_eq(&text(&Answer::not_taken(StatusCode::UNAUTHORIZED, "no")));
    }
}
