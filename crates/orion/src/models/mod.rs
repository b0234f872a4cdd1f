//! The models of a running server: loaded when it starts, asked in the background, heard in the loop. One that cannot be
//! loaded, hangs, panics or fails is off, with a reason that logs, `/health` and `/metrics` tell; all else goes on. Those of a
//! backtest are another matter: `panel.rs`.

mod command;
mod panel;
mod seat;
#[cfg(test)]
mod tests;

pub use command::run;
pub use panel::Panel;
pub use seat::Seat;

use crate::config::{Config, FeedKind};
use engine::ModelRules;
use market::{Measure, Opinion, Question};
use model::{Library, Manifest, Model, Onnx, Refused, Reply};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Replies that may wait for the loop. More come only when it stands still: then they are too late.
const REPLIES_MAX: usize = 1024;

/// All models, on or off.
#[derive(Debug)]
pub struct Models {
    seats: Vec<Arc<Seat>>,
    replies: mpsc::Receiver<Reply>,
    /// Taken while waiting, and not told yet.
    first: Option<Reply>,
}

impl Models {
    /// Loads what the settings name. Blocks on the disk.
    #[must_use]
    pub fn open(config: &Config) -> Self {
        let library = library(config);
        Self::with(config, |manifest| {
            let library = library.as_ref().map_err(String::clone)?;
            let onnx = Onnx::load(library, manifest).map_err(|refused| refused.to_string())?;
            Ok(Box::new(onnx))
        })
    }

    /// The same with models that somebody makes, by their manifests.
    pub fn with(
        config: &Config,
        make: impl Fn(&Manifest) -> Result<Box<dyn Model>, String>,
    ) -> Self {
        let limit = Duration::from_millis(u64::from(config.models.timeout_ms));
        let (told, replies) = mpsc::channel(REPLIES_MAX);
        let seats = config.models.manifests().iter().map(|read| {
            let seat = match &read.said {
                Ok(said) => {
                    let tell = told.clone();
                    let tell = move |reply| drop(tell.try_send(reply));
                    Seat::new(&said.0, make(&said.0), limit, tell)
                }
                Err(refused) => Seat::refused(&read.path, refused),
            };
            seat.log();
            seat
        });
        Self {
            seats: seats.collect(),
            replies,
            first: None,
        }
    }

    /// What the engine is to ask: of the models that could be loaded.
    #[must_use]
    pub fn rules(&self, config: &Config) -> ModelRules {
        let is_on = |name: &str| {
            self.seats
                .iter()
                .any(|seat| seat.name == name && seat.off().is_none())
        };
        config.models.rules_of(is_on)
    }

    /// Each model, for whoever wants to know how it is.
    #[must_use]
    pub fn seats(&self) -> Vec<Arc<Seat>> {
        self.seats.clone()
    }

    /// Asks, and returns at once. Whom nobody knows any more is not asked: the engine goes on when its patience ends.
    pub fn ask(&self, questions: Vec<Question>) {
        for question in questions {
            if let Some(seat) = self.seats.iter().find(|seat| seat.name == question.model) {
                seat.ask(question.id, question.features);
            }
        }
    }

    /// Waits until a model says something, or that it has nothing to say.
    pub async fn wait(&mut self) {
        if self.first.is_some() {
            return;
        }
        match self.replies.recv().await {
            Some(reply) => self.first = Some(reply),
            None => std::future::pending().await,
        }
    }

    /// The next opinion to be told in this turn.
    pub fn next_opinion(&mut self) -> Option<Opinion> {
        let reply = self.first.take().or_else(|| self.replies.try_recv().ok())?;
        Some(Opinion {
            question: reply.question,
            answer: reply.answer.ok().map(Measure::new),
        })
    }
}

/// The library that the models run in, or why there is none.
fn library(config: &Config) -> Result<Library, String> {
    if config.models.manifests().is_empty() {
        return Err("no model is wanted".to_owned());
    }
    if let FeedKind::Tape(_) = config.feed.kind {
        return Err("a recorded market is played, in which nobody can be asked: models answer in live and simulated ones".to_owned());
    }
    open_library(config.models.library.as_deref()).map_err(|refused| refused.to_string())
}

/// Loads the library that the settings name, or else the one that came with the program.
///
/// # Errors
/// When there is neither, or it cannot be loaded.
fn open_library(path: Option<&Path>) -> Result<Library, Refused> {
    let program = std::env::current_exe().unwrap_or_default();
    let path = path.map(Path::to_owned).or_else(|| packaged(&program));
    let path = path.ok_or_else(|| Refused {
        file: "models.library".into(),
        field: String::new(),
        value: String::new(),
        reason: "it is not set, and the program came without one".to_owned(),
        remedy: "set it to the path of libonnxruntime.so; `pip install onnxruntime` has one in onnxruntime/capi".to_owned(),
    })?;
    Library::open(&path)
}

/// Where packages put the library: beside the program (the archive), or where a system keeps a program's own libraries.
fn packaged(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?;
    let places = ["libonnxruntime.so", "../lib/orion/libonnxruntime.so"];
    let mut paths = places.into_iter().map(|place| folder.join(place));
    paths.find(|path| path.is_file())
}

/// How each model would start, a line each, for `orion check`.
#[must_use]
pub fn lines(config: &Config) -> Vec<String> {
    let library = library(config);
    let line = |read: &crate::config::ReadManifest| {
        let loaded = match (&read.said, &library) {
            (Ok(said), Ok(library)) => {
                Onnx::load(library, &said.0).map_err(|refused| refused.to_string())
            }
            (Ok(_), Err(reason)) => Err(reason.clone()),
            (Err(refused), _) => Err(refused.to_string()),
        };
        let name = match &read.said {
            Ok(said) => format!("{} {}", said.0.name, said.0.version),
            Err(_) => read.path.display().to_string(),
        };
        match loaded {
            Ok(_) => format!("model        {name}: {}", command::role(read)),
            Err(reason) => format!("model        {name}: off: {reason}"),
        }
    };
    config.models.manifests().iter().map(line).collect()
}
