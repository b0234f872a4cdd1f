//! What a model is asked, and what it says. A model is a slow feed: its answer is told like a price, or it is not told at all.

use crate::{Measure, SourceTime, Time};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a model is asked. Its answer comes later, as an [`Opinion`], or never.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub id: Uuid,
    /// The model's name.
    pub model: String,
    /// In the order of the model's features; all of them are finite.
    pub features: Vec<f32>,
    /// What is said at this time or later is not heard any more.
    pub until: Time,
}

/// What a model said to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinion {
    /// The id of the question.
    pub question: Uuid,
    /// How likely the first target is reached, between 0 and 1; of a proposal negative for a short. `None`: the model has no
    /// answer to this question.
    pub answer: Option<Measure>,
}

/// What a model had to do with a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rated {
    /// The model's name, and its version.
    pub model: String,
    pub version: String,
    /// How likely the first target is reached, as the model sees it: not a confidence, which is measured.
    pub score: Measure,
    /// What came before this, the model may have been trained on: a signal of before proves nothing.
    pub counts_from: SourceTime,
}
