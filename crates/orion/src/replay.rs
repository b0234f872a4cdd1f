//! `orion replay`: recorded files, or a server's own tape, through the same core; prints the signals.

use crate::cli;
use crate::config::{self, Config};
use crate::machine;
use crate::recording::{self, Recording};
use anyhow::{Context as _, Result};
use engine::{Engine, Output, Settings};
use journal::tape::{TapeItem, TapeReader};
use market::{Outcome, Signal, Time};
use std::convert::Infallible;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// Items between two looks at the progress.
const PROGRESS_EVERY: u64 = 16_384;

/// How the events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Aligned columns for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read, or the settings are impossible.
pub fn run(options: &cli::Replay, environment: Vec<(String, String)>) -> Result<()> {
    let form = if options.json { Form::Json } else { Form::Text };
    let mut out = BufWriter::new(io::stdout().lock());
    let files: Vec<PathBuf> = options.files.iter().map(PathBuf::from).collect();
    let written = match recording::served_tape(&files)? {
        Some(reader) => replay_tape(reader, form, &mut out),
        None => {
            let loaded = options
                .layers(environment)
                .and_then(|layers| config::load(&layers));
            let loaded = loaded.map_err(|findings| anyhow::anyhow!("{}", cli::lines(&findings)))?;
            replay_recorded(&loaded.config, form, &mut out)
        }
    };
    written.and_then(|()| out.flush().map_err(Into::into))
}

/// Tells an engine a server's own tape: everything is on it, time included.
///
/// # Errors
/// When the tape is damaged, or was written by a version that this one does not understand.
pub fn told(
    reader: impl Iterator<Item = Result<TapeItem, journal::Error>>,
    mut each: impl FnMut(Time, Output) -> Result<()>,
) -> Result<()> {
    turn_tape(
        reader,
        |_| {},
        |engine, out| {
            let now = engine.now();
            out.drain(..).try_for_each(|output| each(now, output))
        },
    )
}

/// The same with something changed about its settings that decides nothing; shows the engine after each item with what
/// followed from it. What is left of that is shown again.
///
/// # Errors
/// As [`told`].
pub fn turn_tape(
    reader: impl Iterator<Item = Result<TapeItem, journal::Error>>,
    change: impl Fn(&mut Settings),
    mut each: impl FnMut(&Engine, &mut Vec<Output>) -> Result<()>,
) -> Result<()> {
    let mut engine: Option<Engine> = None;
    let mut out = Vec::new();
    for item in reader {
        match (item?, &mut engine) {
            (TapeItem::Settings(kept), None) => {
                let mut settings = machine::read_settings(&kept)?;
                change(&mut settings);
                engine = Some(Engine::new(Arc::new(settings)));
            }
            (item, Some(engine)) => {
                machine::tell_with(engine, item, &mut out, &change)?;
                each(engine, &mut out)?;
            }
            (TapeItem::Event(..), None) => anyhow::bail!("the tape begins without its settings"),
        }
    }
    Ok(())
}

fn replay_tape(reader: TapeReader, form: Form, out: &mut impl Write) -> Result<()> {
    told(watched(reader, form), |at, output| {
        print(at, &output, form, out)
    })
}

/// The items of a tape; for people it is shown how far it is, on a terminal.
pub(crate) fn watched(
    mut reader: TapeReader,
    form: Form,
) -> impl Iterator<Item = Result<TapeItem, journal::Error>> {
    let progress = Progress::new(form, reader.bytes_total());
    let mut read = 0_u64;
    std::iter::from_fn(move || {
        read += 1;
        if read.is_multiple_of(PROGRESS_EVERY) {
            progress.set(reader.bytes());
        }
        let item = reader.next();
        if item.is_none() {
            progress.clear();
        }
        item
    })
}

fn replay_recorded(config: &Config, form: Form, out: &mut impl Write) -> Result<()> {
    let mut settings = recording::engine_settings(config)?;
    // Prices that are shown decide nothing, and nobody sees them here.
    let instruments = settings.catalog.instruments.iter_mut();
    instruments.for_each(|instrument| instrument.prices = false);
    let turned = turn_recorded(config, settings, form, |engine, outputs| {
        let at = engine.now();
        let mut outputs = outputs.drain(..);
        outputs.try_for_each(|output| print(at, &output, form, out))
    })?;
    out.flush()?;
    if form == Form::Text {
        summary(&turned.engine, &turned.tape);
    }
    turned.is_whole()
}

/// A recording that was read to its end.
#[derive(Debug)]
pub struct Turned {
    pub engine: Engine,
    pub tape: Recording,
    lost: u64,
}

impl Turned {
    /// # Errors
    /// When a part of it could not be read.
    pub fn is_whole(&self) -> Result<()> {
        let lost = self.lost;
        anyhow::ensure!(
            lost == 0,
            "{lost} part(s) of the recording could not be read; what is written is of the rest"
        );
        Ok(())
    }
}

/// Turns an engine over the recording that the settings name, and shows it after each event with what followed from it.
/// What is wrong with a part is said on standard error; for people, so is how far it is, on a terminal.
///
/// # Errors
/// When the recording cannot be opened, and what `each` reports.
pub fn turn_recorded(
    config: &Config,
    settings: Settings,
    form: Form,
    mut each: impl FnMut(&Engine, &mut Vec<Output>) -> Result<()>,
) -> Result<Turned> {
    let mut tape = Recording::open(config)?;
    let progress = Progress::new(form, tape.progress().bytes_total);
    let mut engine = Engine::new(Arc::new(settings));
    let mut failed = Ok(());
    let mut read = 0_u64;
    let mut lost = 0_u64;
    let items = std::iter::from_fn(|| {
        loop {
            read += 1;
            if read.is_multiple_of(PROGRESS_EVERY) {
                progress.set(tape.progress().bytes);
            }
            match tape.next()? {
                Ok(event) => return Some(Ok::<_, Infallible>(event)),
                Err(error) => {
                    lost += 1;
                    remark(&format!("a part of the recording is left out: {error:#}"));
                }
            }
        }
    });
    let Ok(()) = lab::replay::turn(&mut engine, items, |engine, outputs| {
        if failed.is_ok() {
            failed = each(engine, outputs);
        }
        outputs.clear();
    });
    progress.clear();
    failed?;
    Ok(Turned { engine, tape, lost })
}

/// What is worth a line, but no result.
fn remark(text: &str) {
    // Standard error may be gone; then nobody wants to know.
    let _ = writeln!(io::stderr(), "{text}");
}

/// What was counted, for people, beside the results.
fn summary(engine: &Engine, tape: &Recording) {
    let counts = engine.counts();
    let turned_away: u64 = tape
        .quarantined(&engine.settings().catalog)
        .iter()
        .map(|(_, _, count)| count)
        .sum();
    let refused = engine::Refusal::ALL.map(|refusal| (refusal, counts.refused(refusal)));
    let refused: Vec<String> = refused
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(refusal, count)| format!("{refusal} {count}"))
        .collect();
    remark(&format!(
        "{} ticks and {} bars, {turned_away} quarantined, {} late; {} signals; triggers refused: {}",
        counts.ticks,
        counts.bars,
        counts.late,
        counts.signals,
        if refused.is_empty() {
            "none".to_owned()
        } else {
            refused.join(", ")
        }
    ));
}

/// Writes one output, if it is a signal's.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn print(at: Time, output: &Output, form: Form, out: &mut impl Write) -> Result<()> {
    match (output, form) {
        (
            Output::Price(_)
            | Output::Shadow(_)
            | Output::Calibration(_)
            | Output::Answer(_)
            | Output::Question(_),
            _,
        ) => {}
        (Output::Signal(signal), Form::Text) => writeln!(out, "{}", signal_line(signal))?,
        (Output::Outcome(outcome), Form::Text) => writeln!(out, "{}", outcome_line(outcome))?,
        (Output::Signal(signal), Form::Json) => writeln!(out, "{}", signal_json(at, signal)?)?,
        (Output::Outcome(outcome), Form::Json) => writeln!(out, "{}", outcome_json(outcome))?,
    }
    Ok(())
}

/// One aligned line of a signal's change.
#[must_use]
pub fn signal_line(signal: &Signal) -> String {
    let price = |price: market::Price| price.display(signal.digits).to_string();
    let targets: Vec<String> = signal
        .targets
        .iter()
        .map(|target| price(target.price))
        .collect();
    let status = match signal.cause {
        Some(cause) => format!("{} ({})", signal.status, cause.as_str()),
        None => signal.status.to_string(),
    };
    format!(
        "{} {:<8} {:<5} {:<24} entry {} stop {} targets {}  R {}  p {}  {:<6} {}",
        signal.changed_at(),
        signal.symbol,
        signal.direction,
        status,
        price(signal.entry),
        price(signal.stop),
        targets.join(" "),
        signal.rr_target,
        signal.confidence,
        signal.killzone,
        signal.reason
    )
}

fn outcome_line(outcome: &Outcome) -> String {
    let price = outcome.price.display(outcome.digits);
    format!(
        "{} {:<8} {:<5} {:<24} at {price}  R {}",
        outcome.at, outcome.symbol, "", outcome.kind, outcome.r
    )
}

fn signal_json(at: Time, signal: &Signal) -> Result<String> {
    let told = wire::tell::signal(signal).context("write a signal")?;
    let cause = signal
        .cause
        .map_or("null".to_owned(), |cause| format!("\"{}\"", cause.as_str()));
    let body = told.strip_prefix('{').unwrap_or(&told);
    Ok(format!(
        "{{\"at\":\"{at}\",\"at_ns\":{},\"cause\":{cause},{body}",
        at.nanos()
    ))
}

fn outcome_json(outcome: &Outcome) -> String {
    format!(
        "{{\"at\":\"{}\",\"at_ns\":{},\"type\":\"outcome\",\"payload\":{{\"id\":\"{}\",\"event\":\"{}\",\"price\":{},\"r\":{}}}}}",
        outcome.at,
        outcome.at.nanos(),
        outcome.id,
        outcome.kind,
        outcome.price.display(outcome.digits),
        outcome.r
    )
}

/// A progress bar on a terminal, nothing elsewhere.
struct Progress(Option<indicatif::ProgressBar>);

impl Progress {
    fn new(form: Form, bytes: u64) -> Self {
        let shown = form == Form::Text && io::stderr().is_terminal();
        Self(shown.then(|| {
            let style = indicatif::ProgressStyle::with_template(
                "{bar:40} {percent}% {bytes_per_sec} {eta} left",
            );
            indicatif::ProgressBar::new(bytes)
                .with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
        }))
    }
    fn set(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(bytes);
        }
    }
    fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
