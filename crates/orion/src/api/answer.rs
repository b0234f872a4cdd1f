//! What is answered: JSON whose fields stand in the order in which people read them, an error that says what to do, and
//! the headers around both.

use super::readers::with_cors;
use super::unread;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fmt::{Display, Write as _};

/// What a question brings: the text of an object, or why not.
pub(crate) type Told = Result<String, Problem>;

/// Bytes of the digest that name an answer.
const TAG_BYTES: usize = 12;

/// Why a question is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) error: String,
    pub(crate) remedy: String,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        error: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            status,
            error: error.into(),
            remedy: remedy.into(),
        }
    }

    /// A parameter is not what it may be.
    pub(crate) fn parameter(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, remedy)
    }

    pub(crate) fn absent(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error, remedy)
    }

    /// The journal, or the tape, cannot be read: the reason is for the operator's log.
    pub(crate) fn unreadable(what: &str, error: &dyn Display) -> Self {
        tracing::error!(%error, "the {what} cannot be read");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the {what} cannot be read now"),
            "ask again in a moment; the server's log says why",
        )
    }
}

/// The whole answer: with a tag of its content, and without the content for who has it already (RFC 9110, 13.1.2).
pub(crate) fn respond(told: Told, asked: &HeaderMap) -> Response {
    let response = told.and_then(|text| tagged(text, asked));
    with_cors(response.unwrap_or_else(|problem| {
        let text = Object::new()
            .with("error", problem.error)
            .with("remedy", problem.remedy)
            .end();
        (problem.status, json(Body::from(text))).into_response()
    }))
}

fn tagged(text: String, asked: &HeaderMap) -> Result<Response, Problem> {
    let tag = tag(text.as_bytes());
    let known = asked.get_all(header::IF_NONE_MATCH).iter();
    let is_known = known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| matches!(one.trim(), "*") || one.trim().trim_start_matches("W/") == tag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = unread::body(text).ok_or_else(|| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "answers that nobody has read yet take all the room there is for them",
                "ask again in a moment, and read what you ask for",
            )
        })?;
        json(body).into_response()
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

fn json(body: Body) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, body)
}

/// Equal for equal content, and only then.
fn tag(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let mut tag = String::from('"');
    for byte in &digest[..TAG_BYTES] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// A JSON object, whose fields stand in the order in which they are added.
#[derive(Clone, Debug)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self(String::from('{'))
    }

    /// Goes on with an object that was written before.
    pub(crate) fn after(text: &str) -> Self {
        Self(text.strip_suffix('}').unwrap_or(text).to_owned())
    }

    pub(crate) fn with(self, name: &str, value: impl Serialize) -> Self {
        let text = serde_json::to_string(&value).expect("texts, numbers and lists have a form");
        self.raw(name, text)
    }

    /// A field whose value is JSON already.
    pub(crate) fn raw(mut self, name: &str, json: impl Display) -> Self {
        let comma = if self.0.ends_with('{') { "" } else { "," };
        let _ = write!(self.0, r#"{comma}"{name}":{json}"#);
        self
    }

    /// A list of what is JSON already.
    pub(crate) fn list(self, name: &str, items: &[String]) -> Self {
        let items = items.join(",");
        self.raw(name, format_args!("[{items}]"))
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_their_order_and_numbers_as_they_were_written() {
        let text = Object::new()
            .with("b", 1)
            .raw("a", "1.0850")
            .list("c", &["{}".to_owned(), "2".to_owned()])
            .end();
        assert_eq!(text, r#"{"b":1,"a":1.0850,"c":[{},2]}"#);
        let more = Object::after(r#"{"a":{"b":{}}}"#).with("c", true).end();
        assert_eq!(more, r#"{"a":{"b":{}},"c":true}"#);
        assert_eq!(Object::after("{}").with("c", 1).end(), r#"{"c":1}"#);
    }

    #[test]
    fn who_has_the_content_is_not_sent_it_again() {
        let ask = |known: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(known) = known {
                headers.insert(header::IF_NONE_MATCH, known.parse().unwrap());
            }
            respond(Ok("{}".to_owned()), &headers)
        };
        let first = ask(None);
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        for (known, status) in [
            (tag.clone(), StatusCode::NOT_MODIFIED),
            (format!("\"other\", W/{tag}"), StatusCode::NOT_MODIFIED),
            ("*".to_owned(), StatusCode::NOT_MODIFIED),
            ("\"other\"".to_owned(), StatusCode::OK),
        ] {
            let again = ask(Some(&known));
            assert_eq!(again.status(), status, "{known}");
            assert_eq!(again.headers()[header::ETAG], *tag);
        }
        let other = respond(Ok("{ }".to_owned()), &HeaderMap::new());
        assert_ne!(other.headers()[header::ETAG], *tag);
    }
}
