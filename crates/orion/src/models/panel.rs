//! The models of a backtest: asked one question after the other and waited for, so that the same recording gives the same
//! answers on any machine. Nobody is kept waiting by it: time is the recording's.

use super::open_library;
use crate::config::Config;
use anyhow::{Context as _, Result};
use market::{Measure, Opinion, Question};
use model::{Direct, Manifest, Model, Onnx, Silence};
use std::time::Duration;
use tokio::time::Instant;

/// What is to be done where a model cannot be asked.
const WITHOUT: &str = "a backtest that leaves a model out would be another one; to run without models write --set models.manifests=[]";

/// All models that the settings name; none is missing.
#[derive(Debug, Default)]
pub struct Panel {
    seats: Vec<Asked>,
    /// A server switches a model off that takes longer.
    limit: Duration,
    /// What was switched off, and why.
    off: Vec<String>,
}

#[derive(Debug)]
struct Asked {
    name: String,
    model: Direct,
    answers: u64,
    late: u64,
}

impl Panel {
    /// Loads what the settings name.
    ///
    /// # Errors
    /// When one of them cannot be loaded.
    pub fn open(config: &Config) -> Result<Self> {
        if config.models.manifests().is_empty() {
            return Ok(Self::default());
        }
        let library = open_library(config.models.library.as_deref()).context(WITHOUT)?;
        Self::with(config, |manifest| {
            Ok(Box::new(Onnx::load(&library, manifest).context(WITHOUT)?))
        })
    }

    /// The same with models that somebody makes, by their manifests.
    ///
    /// # Errors
    /// When a manifest is wrong, or a model cannot be made.
    pub fn with(
        config: &Config,
        make: impl Fn(&Manifest) -> Result<Box<dyn Model>>,
    ) -> Result<Self> {
        let seats = config.models.manifests().iter().map(|read| {
            let said = read.said.as_ref().map_err(Clone::clone).context(WITHOUT)?;
            let manifest = &said.0;
            Ok(Asked {
                name: manifest.name.clone(),
                model: Direct::new(make(manifest)?),
                answers: 0,
                late: 0,
            })
        });
        Ok(Self {
            seats: seats.collect::<Result<_>>()?,
            limit: Duration::from_millis(u64::from(config.models.timeout_ms)),
            off: Vec::new(),
        })
    }

    /// What the model says to a question; `None` where nobody is asked that is so called.
    pub fn ask(&mut self, question: &Question) -> Option<Opinion> {
        let is_it = |seat: &&mut Asked| seat.name == question.model;
        let seat = self.seats.iter_mut().find(is_it)?;
        let begun = Instant::now();
        let answer = seat.model.ask(&question.features);
        seat.answers += 1;
        seat.late += u64::from(begun.elapsed() > self.limit);
        if let Err(Silence::SwitchedOff(reason)) = &answer {
            self.off.push(format!(
                "The model {} was switched off at its answer number {}: {reason}. From there on signals had no score of it.",
                seat.name, seat.answers
            ));
        }
        Some(Opinion {
            question: question.id,
            answer: answer.ok().map(Measure::new),
        })
    }

    /// What the reader of the results has to know of the models, a sentence each.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.off.clone();
        // One in a hundred may be the machine's.
        let slow = self
            .seats
            .iter()
            .filter(|seat| 100 * seat.late > seat.answers);
        notes.extend(slow.map(|seat| {
            format!(
                "The model {} took longer than models.timeout_ms ({} ms) for {} of {} answers: a server would have switched it off.",
                seat.name,
                self.limit.as_millis(),
                seat.late,
                seat.answers
            )
        }));
        notes
    }
}
