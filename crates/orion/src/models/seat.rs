//! One model's place in the server: it, or why it is not there, and how it does.

use gateway::Latency;
use market::Uuid;
use model::{Manifest, Model, Refused, Reply, Role, Runner, Silence};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// One model.
pub struct Seat {
    /// The manifest's path, where nobody can read its name.
    pub name: String,
    pub version: String,
    /// `propose` or `rescore`.
    pub role: &'static str,
    /// Or why it was not loaded.
    runner: Result<Runner, String>,
    clocked: Arc<Clocked>,
}

/// When what was asked that has no reply yet, and how long replies took.
#[derive(Default)]
struct Clocked {
    asked: Mutex<BTreeMap<Uuid, Instant>>,
    took: Latency,
}

impl Seat {
    pub(super) fn new(
        manifest: &Manifest,
        model: Result<Box<dyn Model>, String>,
        limit: Duration,
        tell: impl Fn(Reply) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let clocked = Arc::<Clocked>::default();
        let (name, replied) = (manifest.name.clone(), Arc::clone(&clocked));
        let tell = move |reply: Reply| {
            replied.note(reply.question);
            if let Err(Silence::SwitchedOff(reason)) = &reply.answer {
                tracing::error!(model = name, "the model is switched off: {reason}");
            }
            tell(reply);
        };
        let start = |model| {
            Runner::start(&manifest.name, model, limit, tell).map_err(|error| error.to_string())
        };
        Arc::new(Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            role: match manifest.role {
                Role::Propose { .. } => "propose",
                Role::Rescore { .. } => "rescore",
            },
            runner: model.and_then(start),
            clocked,
        })
    }

    pub(super) fn refused(path: &Path, refused: &Refused) -> Arc<Self> {
        Arc::new(Self {
            name: path.display().to_string(),
            version: String::new(),
            role: "",
            runner: Err(refused.to_string()),
            clocked: Arc::default(),
        })
    }

    pub(super) fn log(&self) {
        let (model, version, role) = (&self.name, &self.version, self.role);
        match self.off() {
            None => tracing::info!(model, version, role, "the model is asked"),
            Some(reason) => tracing::warn!(model, "models off: {reason}"),
        }
    }

    pub(super) fn ask(&self, question: Uuid, features: Vec<f32>) {
        if let Ok(runner) = &self.runner {
            self.clocked.lock().insert(question, Instant::now());
            runner.ask(question, features);
        }
    }

    /// Why it is off; `None` while it is not.
    #[must_use]
    pub fn off(&self) -> Option<&str> {
        match &self.runner {
            Ok(runner) => runner.off(),
            Err(reason) => Some(reason),
        }
    }

    /// How many questions were answered, and how many were not.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        let runner = self.runner.as_ref();
        runner.map_or((0, 0), |runner| (runner.answered(), runner.silent()))
    }

    /// How long replies took, the wait for others included.
    #[must_use]
    pub fn took(&self) -> &Latency {
        &self.clocked.took
    }
}

impl Clocked {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, Instant>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, question: Uuid) {
        let asked = self.lock().remove(&question);
        if let Some(asked) = asked {
            self.took.note(asked.elapsed());
        }
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat")
            .field("name", &self.name)
            .field("off", &self.off())
            .finish_non_exhaustive()
    }
}
