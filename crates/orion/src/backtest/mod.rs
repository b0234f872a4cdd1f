//! `orion backtest`: recorded markets through the very same core as live, what became of its signals, and what that is worth.
//!
//! `backtest/input.rs` finds out what is run and `backtest/ahead.rs` reads it, `lab::backtest` turns the engine and makes the
//! report, `backtest/table.rs` shows it, `backtest/trades.rs` writes each trade; `backtest/sweep/` runs many sets of parameters
//! beside each other.

mod ahead;
mod given;
mod input;
pub mod report;
mod sweep;
mod table;
mod trades;

use crate::cli;
use crate::machine;
use crate::models::Panel;
use crate::replay;
use ahead::Ahead;
use anyhow::{Context as _, Result, bail, ensure};
use engine::{Engine, Output, Settings};
use input::{Input, Opened, Reading};
use journal::tape::TapeItem;
use lab::backtest::report::Costs;
use lab::backtest::{Asked, Beside, Drawn, Found, Period, Report, Watch};
use market::{Instrument, Question, SourceTime, Time};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// Runs the command.
///
/// # Errors
/// When there is nothing to run, the settings are impossible, data cannot be read, or a result cannot be written.
pub fn run(options: &cli::Backtest, environment: Vec<(String, String)>) -> Result<()> {
    if !options.sweep.is_empty() || options.sweep_file.is_some() {
        return sweep::run(options, environment);
    }
    options.trades.as_deref().map(trades::form).transpose()?;
    let opened = Opened::open(options, environment)?;
    let (report, lost) = report(options, &opened)?;
    if let Some(path) = &options.report {
        report::write(&report, path)?;
    }
    if let Some(path) = &options.trades {
        trades::write(&report, path)?;
    }
    let mut out = BufWriter::new(io::stdout().lock());
    if options.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else {
        table::print(&report, &mut out)?;
    }
    out.flush()?;
    ensure_whole(lost)
}

/// Results of a part only are no success.
fn ensure_whole(lost: u64) -> Result<()> {
    ensure!(
        lost == 0,
        "{lost} part(s) of the recording could not be read; what is above is of the rest"
    );
    Ok(())
}

/// Runs once, and says how many parts of the recording could not be read.
fn report(options: &cli::Backtest, opened: &Opened) -> Result<(Report, u64)> {
    let settings = opened.input.settings();
    let period = period(options)?;
    let mut events = options.events.as_deref().map(Events::create).transpose()?;
    let mut panel = opened.input.panel()?;
    let (found, lost) = watched(
        &opened.input,
        &mut panel,
        period,
        options.charts,
        |at, output| events.as_mut().map_or(Ok(()), |file| file.tell(at, output)),
    )?;
    if let Some(events) = events {
        events.finish()?;
    }
    let beside = (!options.no_control && !found.ended.is_empty())
        .then(|| beside(&opened.input, &found, options.seed))
        .transpose()?;
    let mut asked = asked(options, opened);
    asked.notes.extend(panel.notes());
    Ok((Report::of(found, beside, asked, settings), lost))
}

/// Tells an engine the input under a watch; every output is also handed to `told`.
fn watched(
    input: &Input,
    panel: &mut Panel,
    period: Period,
    charts: usize,
    mut told: impl FnMut(Time, &Output) -> Result<()>,
) -> Result<(Found, u64)> {
    let mut watch = Watch::new(input.settings(), period, charts);
    match input {
        Input::Told { paths, settings } => {
            let engine = told_again(paths, settings, &mut watch, &mut told)?;
            Ok((watch.finish(&engine), 0))
        }
        Input::Recorded { settings, .. } => {
            let mut engine = Engine::new(Arc::new(settings.clone()));
            let mut events = Ahead::of(input.events("backtest")?)?;
            let mut failed = Ok(());
            let ask = |question: &Question| panel.ask(question);
            let told = |at, output: &Output| {
                if failed.is_ok() {
                    failed = told(at, output);
                }
            };
            let Ok(()) = lab::backtest::run_asking(&mut engine, &mut events, &mut watch, ask, told);
            failed?;
            Ok((watch.finish(&engine), events.lost()))
        }
    }
}

/// Tells an engine a server's own tape as it was told then.
fn told_again(
    paths: &[PathBuf],
    settings: &Settings,
    watch: &mut Watch,
    told: &mut impl FnMut(Time, &Output) -> Result<()>,
) -> Result<Engine> {
    let mut engine = Engine::new(Arc::new(settings.clone()));
    engine.leave_out_found();
    let mut out = Vec::new();
    let mut failed = Ok(());
    for item in input::reader(paths)?.skip(1) {
        let mut tell = |at, output: &Output| {
            if failed.is_ok() {
                failed = told(at, output);
            }
        };
        match item? {
            TapeItem::Event(at, event) if watch.is_before_end(&event) => {
                lab::backtest::tell(&mut engine, at, &event, watch, &mut out, &mut tell);
            }
            TapeItem::Event(..) => break,
            item @ TapeItem::Settings(_) => {
                machine::tell(&mut engine, item, &mut out)?;
                ensure_same_symbols(settings, engine.settings())?;
                let now = engine.now();
                for output in out.drain(..) {
                    watch.output(&output);
                    tell(now, &output);
                }
            }
        }
    }
    failed.map(|()| engine)
}

fn ensure_same_symbols(first: &Settings, now: &Settings) -> Result<()> {
    let symbols = |settings: &Settings| {
        let instruments = settings.catalog.instruments.iter();
        instruments.map(|one| one.symbol).collect::<Vec<_>>()
    };
    if symbols(first) != symbols(now) {
        bail!(
            "the server's symbols changed on its tape: give the rules to run it under, as with --config orion.toml, and it is run as a \
             recording"
        );
    }
    Ok(())
}

/// Enters at random beside the trades that were found.
fn beside(input: &Input, found: &Found, seed: u64) -> Result<Beside> {
    let settings = input.settings();
    let drawn = Drawn::new(&found.ended, &found.seen, settings, seed);
    let per_trade = drawn.per_trade();
    let mut quiet = settings.clone();
    let instruments = quiet.catalog.instruments.iter_mut();
    instruments.for_each(|instrument| instrument.prices = false);
    let tried = thread::scope(|scope| {
        let enter = |drawn: Drawn, reading: Reading| -> Result<_> {
            let (mut events, settings) = (Ahead::of(reading)?, &quiet);
            Ok(scope.spawn(move || {
                let Ok(tried) = drawn.run(settings, &mut events);
                events.lost();
                tried
            }))
        };
        let mut running = Vec::new();
        for (place, drawn) in drawn.apart(&quiet).into_iter().enumerate() {
            let reading = match place {
                0 => input.events("control")?,
                _ => input.events_again()?,
            };
            running.push(enter(drawn, reading)?);
        }
        let tried = running.into_iter().map(|one| match one.join() {
            Ok(tried) => tried,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        anyhow::Ok(tried.flatten().collect())
    })?;
    Ok(Beside { per_trade, tried })
}

fn asked(options: &cli::Backtest, opened: &Opened) -> Asked {
    let settings = opened.input.settings();
    let mut notes = opened.notes.clone();
    if let Some(from) = &options.from {
        notes.push(format!(
            "What comes before {from} was told, to warm up, and counts nowhere."
        ));
    }
    Asked {
        command: command(),
        inputs: opened.names.clone(),
        from: options.from.clone(),
        to: options.to.clone(),
        rules: given::changed(settings),
        costs: costs(settings),
        trials: options.trials,
        trials_variance: 0.0,
        seed: options.seed,
        notes,
    }
}

/// The command as it was typed, in words that a shell takes again.
pub(crate) fn command() -> String {
    let plain = |text: &str| {
        let is_plain = |one: char| one.is_ascii_alphanumeric() || "-_./=:,+@%".contains(one);
        !text.is_empty() && text.chars().all(is_plain)
    };
    let quoted = |text: String| {
        if plain(&text) {
            text
        } else {
            format!("'{}'", text.replace('\'', "'\\''"))
        }
    };
    let arguments = std::env::args_os().skip(1);
    let arguments = arguments.map(|one| quoted(one.to_string_lossy().into_owned()));
    let words: Vec<String> = std::iter::once("orion".to_owned())
        .chain(arguments)
        .collect();
    words.join(" ")
}

pub(crate) fn costs(settings: &Settings) -> Costs {
    let account = &settings.account;
    let instruments = settings.catalog.instruments.iter();
    let traded = || instruments.clone().filter(|instrument| instrument.signals);
    let slippage = |one: &Instrument| one.slippage_pips.unwrap_or(account.slippage_pips);
    Costs {
        slippage: traded()
            .map(|one| (one.symbol.to_string(), slippage(one)))
            .collect(),
        commission: traded()
            .map(|one| (one.symbol.to_string(), account.commission_round_turn))
            .collect(),
    }
}

/// The period that counts.
fn period(options: &cli::Backtest) -> Result<Period> {
    let from = options.from.as_deref().map(|text| moment("--from", text));
    let to = options.to.as_deref().map(|text| moment("--to", text));
    let period = Period {
        from: from.transpose()?.unwrap_or(Period::ALL.from),
        to: to.transpose()?.unwrap_or(Period::ALL.to),
    };
    ensure!(
        period.from < period.to,
        "--from {} is not before --to {}: nothing lies between",
        period.from,
        period.to
    );
    Ok(period)
}

/// A day, which begins at midnight UTC, or a moment.
fn moment(name: &str, text: &str) -> Result<SourceTime> {
    let parsed =
        SourceTime::parse(text).or_else(|_| SourceTime::parse(&format!("{text}T00:00:00Z")));
    parsed.map_err(|_| {
        anyhow::anyhow!(
            "{name} {text} is neither a day nor a moment: write 2025-03-04, or 2025-03-04T13:30:00Z"
        )
    })
}

/// A file of events, as `orion replay --json` prints them.
struct Events {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Events {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
        })
    }

    fn tell(&mut self, at: Time, output: &Output) -> Result<()> {
        replay::print(at, output, replay::Form::Json, &mut self.file)
            .with_context(|| format!("write {}", self.path.display()))
    }

    fn finish(mut self) -> Result<()> {
        self.file
            .flush()
            .with_context(|| format!("write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_are_read() {
        let check = |text: &str, expected: &str| {
            assert_eq!(moment("--from", text).unwrap().to_string(), expected);
        };
        check("2025-03-04", "2025-03-04T00:00:00.000Z");
        check("2025-03-04T13:30:00Z", "2025-03-04T13:30:00.000Z");
        check("2025-03-04T13:30:00-05:00", "2025-03-04T18:30:00.000Z");
        let error = moment("--to", "yesterday").unwrap_err().to_string();
        assert!(error.starts_with("--to yesterday is neither"), "{error}");
    }
}
