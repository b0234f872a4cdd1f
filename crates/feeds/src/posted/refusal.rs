//! What somebody is told whose request is not taken: which field, what is wrong with it, and what would be right.

use axum::http::StatusCode;
use market::Uuid;
use serde::Serialize;

/// A request that is not taken. Written as one JSON object; it never holds a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The HTTP status; on a WebSocket it stands beside the error as `code`.
    #[serde(skip)]
    pub status: StatusCode,
    /// What is wrong, for people.
    pub error: String,
    /// The field it is about, by the name the sender gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    #[serde(flatten)]
    pub(crate) details: Option<Box<Details>>,
    /// Seconds after which it may work.
    #[serde(skip)]
    pub retry_after_s: Option<u64>,
}

/// What only some refusals tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Details {
    /// Fields that have to be there, where one is missing, and those that are.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) required: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) received: Option<Vec<&'static str>>,
    /// The symbols there are, where the one that was sent is unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) symbols: Vec<String>,
    /// The id the sender gave, and the one its signal is or would be shown under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
}

impl Refusal {
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
            ..Self::default()
        }
    }

    /// A field that cannot be read: 400.
    pub(crate) fn unreadable(field: impl Into<String>, what: impl std::fmt::Display) -> Self {
        Self::of_field(StatusCode::BAD_REQUEST, field.into(), what)
    }

    /// A field that can be read and is wrong: 422.
    pub(crate) fn wrong(field: impl Into<String>, what: impl std::fmt::Display) -> Self {
        Self::of_field(StatusCode::UNPROCESSABLE_ENTITY, field.into(), what)
    }

    fn of_field(status: StatusCode, field: String, what: impl std::fmt::Display) -> Self {
        Self {
            field: Some(field.clone()),
            ..Self::new(status, format!("`{field}`: {what}"))
        }
    }

    /// Fields that have to be there are missing: 400, in the documented words.
    pub(crate) fn missing(required: &'static [&'static str], received: Vec<&'static str>) -> Self {
        let error = format!("Missing required fields: {}", required.join(", "));
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, error);
        let details = refusal.details();
        (details.required, details.received) = (required, Some(received));
        refusal
    }

    /// Which signal it is about: the id the sender gave, and the one it is or would be shown under.
    #[must_use]
    pub(crate) fn about(mut self, signal_id: &str, id: Uuid) -> Self {
        let details = self.details();
        details.signal_id = Some(signal_id.to_owned());
        details.id = Some(id.to_string());
        self
    }

    pub(crate) fn details(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    #[must_use]
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }

    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after_s: Some(seconds),
            ..self
        }
    }
}
