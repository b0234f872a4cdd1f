//! `orion check`: what is wrong with the settings, or what would run.

use super::{Settings, lines};
use crate::auth;
use crate::config;
use crate::models;
use crate::survey;

/// What `orion check` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Lines for standard output, the last one without a line feed.
    pub text: String,
    /// 0 when the settings can run, else 1.
    pub exit_code: u8,
}

/// `orion check`: every finding on a line of its own, or what would run.
#[must_use]
pub fn check(settings: &Settings, environment: Vec<(String, String)>) -> Checked {
    let loaded = settings
        .layers(environment.clone())
        .and_then(|layers| config::load(&layers));
    match loaded {
        Ok(loaded) => {
            let sources = survey::sources(&loaded.config, &environment);
            let notes = loaded.notes.iter().map(ToString::to_string);
            let notes = notes.chain(survey::notes(&loaded.config));
            let notes = notes.map(|note| format!("note         {note}"));
            let refused = auth::refused(&loaded.config);
            let can_run = sources.can_run && refused.is_none();
            let refused = refused.map(|why| format!("refused      {why}"));
            let lines: Vec<_> = std::iter::once(loaded.describe())
                .chain(survey::certificate(&loaded.config))
                .chain(sources.lines)
                .chain(models::lines(&loaded.config))
                .chain(refused)
                .chain(notes)
                .collect();
            Checked {
                text: lines.join("\n"),
                exit_code: u8::from(!can_run),
            }
        }
        Err(findings) => Checked {
            text: lines(&findings),
            exit_code: 1,
        },
    }
}
