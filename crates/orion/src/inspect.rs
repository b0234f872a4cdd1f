//! `orion inspect`: what the engine sees in recorded bars, as rows that anybody can hold against another library's.
//! `inspect/series.rs` reads the bars, `inspect/events.rs`, `inspect/levels.rs`, `inspect/indicators.rs` and
//! `inspect/divergences.rs` ask the engine, `inspect/rows.rs` writes.

mod divergences;
mod events;
mod indicators;
mod levels;
mod rows;
mod series;

use crate::cli;
use crate::config::{self, Config};
use crate::history::{Progress, remark};
use anyhow::{Context as _, Result};
use rows::Form;
use series::{Row, Series, Times};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;

/// Bars between two looks at the progress.
const PROGRESS_EVERY: u64 = 65_536;

/// Runs the command.
///
/// # Errors
/// When the settings are impossible, a file cannot be read or understood, or nothing can be written.
pub fn run(options: &cli::Inspect, environment: Vec<(String, String)>) -> Result<()> {
    let loaded = options
        .basis
        .plain_layers(environment)
        .and_then(|layers| config::load(&layers));
    let loaded = loaded.map_err(|findings| anyhow::anyhow!("{}", cli::lines(&findings)))?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = inspect(options, &loaded.config, &mut out);
    // What came before an error is as right as ever.
    let flushed = out.flush().context("write the rows");
    written.and(flushed)
}

fn inspect(options: &cli::Inspect, config: &Config, out: &mut impl Write) -> Result<()> {
    let form = if options.csv { Form::Csv } else { Form::Table };
    let rules = &config.rules.general;
    let open = |file: &Path, times| Series::open(file, times, options, config);
    match (&options.bars, &options.smt[..]) {
        (Some(file), _) if options.levels => levels::run(open(file, Times::Read)?, form, out),
        (Some(file), _) if options.indicators => {
            indicators::run(open(file, Times::Carried)?, form, out)
        }
        (Some(file), _) if options.all => {
            events::all(open(file, Times::ReadIfAny)?, rules, form, out)
        }
        (Some(file), _) => events::run(open(file, Times::Carried)?, rules, form, out),
        (None, [first, second]) => {
            let both = [open(first, Times::Read)?, open(second, Times::Read)?];
            divergences::run(both, rules, options.relation(), form, out)
        }
        (None, _) => anyhow::bail!("name a file with --bars, or two with --smt"),
    }
}

/// Gives each bar of a series with its place, shows how far it is, and tells what is worth a line at the end.
///
/// # Errors
/// What the series and `each` report.
fn each_bar(mut series: Series, mut each: impl FnMut(u64, &Row) -> Result<()>) -> Result<()> {
    let progress = progress(&series);
    let mut bars = 0_u64;
    while let Some(row) = series.next()? {
        each(bars, &row)?;
        bars += 1;
        if bars.is_multiple_of(PROGRESS_EVERY) {
            progress.set(series.progress().1);
        }
    }
    drop(progress);
    series.notes().iter().for_each(|note| remark(note));
    Ok(())
}

/// Rows on the same terminal show well enough how far it is.
fn progress(series: &Series) -> Progress {
    if io::stdout().is_terminal() {
        Progress::hidden()
    } else {
        Progress::new(&series.stem(), series.progress().0)
    }
}
