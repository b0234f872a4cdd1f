//! What is kept for long: old days go, a lost past does not stop a start, and what there is can be looked at.

#[path = "../support/mod.rs"]
mod support;

mod anew;
mod history;
mod made;
mod prune;
mod recorder;
