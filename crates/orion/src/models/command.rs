//! `orion model check FILE` and `orion model list`.

use super::open_library;
use crate::cli;
use crate::config::{self, Config, ReadManifest, read_manifest};
use anyhow::Result;
use model::{Columns, Kind, Library, Manifest, Model as _, Onnx, Refused, Role, TOLERANCE};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// Times a model is asked to see how long it takes.
const TIMES: usize = 2000;

/// Runs the command. The exit code is 1 when a model is refused.
///
/// # Errors
/// When the settings cannot run, or nothing can be printed.
pub fn run(options: &cli::Model, environment: Vec<(String, String)>) -> Result<ExitCode> {
    let basis = match options {
        cli::Model::Check(check) => &check.basis,
        cli::Model::List(list) => &list.basis,
    };
    let loaded = basis
        .plain_layers(environment)
        .and_then(|layers| config::load(&layers));
    let config = loaded
        .map_err(|findings| anyhow::anyhow!("{}", cli::lines(&findings)))?
        .config;
    match options {
        cli::Model::Check(check) => {
            let library = check
                .library
                .as_deref()
                .or(config.models.library.as_deref());
            let checked = checked(&check.file, library);
            let (text, code) = match checked {
                Ok(text) => (text, ExitCode::SUCCESS),
                Err(refused) => (format!("refused      {refused}"), ExitCode::FAILURE),
            };
            writeln!(io::stdout(), "{text}")?;
            Ok(code)
        }
        cli::Model::List(_) => list(&config),
    }
}

fn list(config: &Config) -> Result<ExitCode> {
    let lines = super::lines(config);
    if lines.is_empty() {
        let none = "no models: name their manifests in models.manifests";
        writeln!(io::stdout(), "{none}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(io::stdout(), "{}", lines.join("\n"))?;
    let off = lines.iter().any(|line| line.contains(": off: "));
    Ok(ExitCode::from(u8::from(off)))
}

/// What a model is, when everything its manifest says is true.
fn checked(file: &std::path::Path, library: Option<&std::path::Path>) -> Result<String, Refused> {
    let said = read_manifest(file)?;
    let (manifest, rule) = &*said;
    let library: Library = open_library(library)?;
    let mut onnx = Onnx::load(&library, manifest)?;
    let symbols: Vec<_> = manifest.symbols.iter().map(ToString::to_string).collect();
    let symbols = if symbols.is_empty() {
        "every symbol".to_owned()
    } else {
        symbols.join(", ")
    };
    let (half, most) = took(&mut onnx, manifest);
    let lines = [
        ("model", format!("{} {}", manifest.name, manifest.version)),
        (
            "file",
            format!("{}, sha256 {}", manifest.file.display(), manifest.sha256),
        ),
        ("role", role_of(manifest)),
        ("reads", reads(manifest)),
        (
            "asked about",
            format!("{symbols}, bars of {}", manifest.timeframe),
        ),
        (
            "features",
            format!(
                "{}: {}",
                manifest.features.len(),
                manifest.features.join(", ")
            ),
        ),
        (
            "trained",
            format!(
                "until {}; what it says counts from {}",
                manifest.trained_until, rule.counts_from
            ),
        ),
        (
            "self-tests",
            format!("{} rows, all within {TOLERANCE}", manifest.self_tests.len()),
        ),
        (
            "takes",
            format!(
                "p50 {} us, p99 {} us, of {TIMES} questions",
                half.as_micros(),
                most.as_micros()
            ),
        ),
    ];
    let lines = lines.map(|(word, text)| format!("{word:<12} {text}"));
    Ok(lines.join("\n"))
}

/// How long an answer takes: the median, and what one in a hundred is longer than.
fn took(onnx: &mut Onnx, manifest: &Manifest) -> (Duration, Duration) {
    let rows = manifest.self_tests.iter().cycle().take(TIMES);
    let mut took: Vec<Duration> = rows
        .map(|row| {
            let begun = Instant::now();
            // It answered to this row before.
            let _answer = onnx.ask(&row.x);
            begun.elapsed()
        })
        .collect();
    took.sort_unstable();
    (took[TIMES / 2], took[TIMES - 1 - TIMES / 100])
}

/// What a model is asked for, in words.
pub(super) fn role(read: &ReadManifest) -> String {
    read.said
        .as_ref()
        .map_or_else(ToString::to_string, |said| role_of(&said.0))
}

fn role_of(manifest: &Manifest) -> String {
    match &manifest.role {
        Role::Propose { threshold } => {
            format!("proposes signals, from a likelihood of {threshold} on")
        }
        Role::Rescore { setups } if setups.is_empty() => {
            "re-scores the signals of every setup".to_owned()
        }
        Role::Rescore { setups } => format!("re-scores the signals of {}", setups.join(", ")),
    }
}

fn reads(manifest: &Manifest) -> String {
    let kind = match manifest.kind {
        Kind::Probability => "a probability",
        Kind::Score => "a score",
        Kind::Logits => "logits",
    };
    let columns = match manifest.columns {
        Columns::One(place) => format!("column {place}"),
        Columns::Sides { long, short } => format!("columns {long} for long and {short} for short"),
    };
    format!("{kind} from {columns} of {}", manifest.output)
}
