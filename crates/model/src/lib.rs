//! Models that somebody trained elsewhere, as ONNX files: a question in, an answer out, later.
//!
//! [`Manifest`] is what `model.toml` says about a model, [`Onnx`] is the model itself, loaded only when everything the
//! manifest says of it holds, and [`Runner`] asks it on a thread of its own: what hangs, panics or fails is switched off,
//! and whoever asked goes on without it; [`Direct`] asks
//! where somebody has time to wait. What a question is about and what follows from an answer is not known here.

mod direct;
mod fault;
mod manifest;
mod meaning;
mod onnx;
mod runner;

pub use direct::Direct;
pub use fault::{Fault, Refused};
pub use manifest::{Columns, Kind, Manifest, Role, SELF_TESTS_MIN, SelfTest, TOLERANCE};
pub use onnx::{Library, Onnx};
pub use runner::{Reply, Runner, Silence};

/// Something that can be asked. One answer is one number:
/// - of a model that re-scores setups: how likely the signal is to reach its first target, in (0, 1);
/// - of a model that proposes signals: the same for the direction it proposes, negative for a short.
pub trait Model: Send {
    /// # Errors
    /// When the question cannot be asked, or what comes back is no answer.
    fn ask(&mut self, features: &[f32]) -> Result<f64, Fault>;
}
