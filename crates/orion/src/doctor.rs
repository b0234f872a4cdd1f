//! `orion doctor`: whether this machine and these settings can carry a server, a line for each thing that was looked at, and what
//! to change. `machine.rs` looks at the system, `ours.rs` at settings, sources, certificate and store.

mod machine;
mod ours;

use crate::cli;
use crate::clock;
use crate::config;
use anyhow::Result;
use serde_json::json;
use std::fmt;
use std::io::{self, Write as _};

/// Exit codes.
const WELL: u8 = 0;
const UNWELL: u8 = 1;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    /// It serves, and should be better.
    Warn,
    /// A server would not start, or would soon suffer.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    what: &'static str,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to change.
    remedy: Option<String>,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

impl Finding {
    fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self {
            what,
            verdict: Verdict::Ok,
            found: found.into(),
            remedy: None,
        }
    }

    fn warn(what: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warn,
            remedy: Some(remedy.into()),
            ..Self::ok(what, found)
        }
    }

    fn fail(what: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fail,
            ..Self::warn(what, found, remedy)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<5} {:<13} {}",
            self.verdict.as_str(),
            self.what,
            self.found
        )?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

/// Looks, prints, and gives the exit code.
///
/// # Errors
/// When nothing can be written.
pub fn run(options: &cli::Doctor, environment: &[(String, String)]) -> Result<u8> {
    let findings = look(&options.settings, environment);
    let mut out = io::stdout().lock();
    let is_well = findings
        .iter()
        .all(|finding| finding.verdict != Verdict::Fail);
    if options.json {
        let told = findings.iter().map(|finding| {
            json!({
                "what": finding.what,
                "verdict": finding.verdict.as_str().to_ascii_lowercase(),
                "found": finding.found,
                "remedy": finding.remedy,
            })
        });
        let told = json!({"well": is_well, "findings": told.collect::<Vec<_>>()});
        writeln!(out, "{told}")?;
    } else {
        for finding in &findings {
            writeln!(out, "{finding}")?;
        }
    }
    Ok(if is_well { WELL } else { UNWELL })
}

fn look(settings: &cli::Settings, environment: &[(String, String)]) -> Vec<Finding> {
    let loaded = settings
        .layers(environment.to_vec())
        .and_then(|layers| config::load(&layers));
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(wrong) => {
            let mut findings: Vec<_> = wrong
                .iter()
                .map(|wrong| {
                    Finding::fail(
                        "settings",
                        wrong.to_string(),
                        "mend it; nothing that follows from settings was looked at",
                    )
                })
                .collect();
            findings.extend(machine::look(None));
            return findings;
        }
    };
    let now = clock::Sources::system(&mut clock::Machine);
    let mut findings = ours::look(&loaded, environment, now);
    findings.extend(machine::look(Some(&loaded.config)));
    findings
}
