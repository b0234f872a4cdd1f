//! What can go wrong: with a file, before anything is asked; and with a question.

use std::fmt;
use std::path::PathBuf;

/// Why a model is not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The manifest, the ONNX file or the library.
    pub file: PathBuf,
    /// The manifest's field; empty when it is about the file as a whole.
    pub field: String,
    /// What it says there; empty when it says nothing.
    pub value: String,
    pub reason: String,
    pub remedy: String,
}

impl Refused {
    pub(crate) fn new(
        file: impl Into<PathBuf>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            field: String::new(),
            value: String::new(),
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }

    pub(crate) fn field(self, field: impl Into<String>, value: impl fmt::Display) -> Self {
        Self {
            field: field.into(),
            value: value.to_string(),
            ..self
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        match (self.field.as_str(), self.value.as_str()) {
            ("", _) => {}
            (field, "") => write!(f, "{field}: ")?,
            (field, value) => write!(f, "{field} = {value}: ")?,
        }
        write!(f, "{}; {}", self.reason, self.remedy)
    }
}

impl std::error::Error for Refused {}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A feature is not known yet or cannot be told as a 32-bit number: that is not the model's fault.
    #[error("feature number {place} is not a finite 32-bit number")]
    NotFinite { place: usize },
    #[error("it was asked with {given} features and takes {wanted}")]
    Shape { given: usize, wanted: usize },
    /// It answered something that the manifest does not allow.
    #[error("it answered {0}")]
    Answer(String),
    /// The library could not run it.
    #[error("the ONNX Runtime failed: {0}")]
    Failed(String),
}

/// The place of the first feature of which nothing can be made.
pub(crate) fn not_finite(features: &[f32]) -> Option<usize> {
    features.iter().position(|value| !value.is_finite())
}
