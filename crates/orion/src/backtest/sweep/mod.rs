//! Many sets of parameters over one recording, which is decoded once and shared. Sets whose charts read the same run
//! together on one core, and their charts read it once.
//!
//! The best of many looks better than it is. So each result is shown with how many there were and with what is left after
//! that, and each quarter is also traded with what was best before it.

mod grid;
mod kept;
mod table;

use super::input::{self, Input, Opened};
use super::{command, ensure_whole, given, period};
use crate::cli;
use crate::config::Config;
use crate::history::remark;
use crate::models::Panel;
use anyhow::{Result, ensure};
use engine::{Engine, Settings};
use kept::{Kept, Sweep};
use lab::backtest::report::FORMAT;
use lab::backtest::{Deflated, Forward, Period, Trial, Watch, together, variance, walk_forward};
use market::{Event, Question, Time};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

/// Sets that run together at most. The first of them costs as much as five others.
const TOGETHER_MAX: usize = 64;
/// So many batches a core at least, where there are sets enough: the last ones end at about the same time.
const TURNS: usize = 2;

type Events = Vec<(Time, Event)>;

/// A set of parameters to be tried.
#[derive(Debug)]
struct Set {
    number: usize,
    parameters: Vec<(String, String)>,
    settings: Arc<Settings>,
}

/// What a sweep came to.
#[derive(Debug, Serialize)]
struct Outcome {
    format: u32,
    command: String,
    inputs: Vec<String>,
    /// Sets that were tried, and those that are impossible.
    trials: u32,
    impossible: usize,
    /// Of the ratios of mean and deviation of the sets.
    variance: f64,
    notes: Vec<String>,
    /// By mean result, those with enough trades first.
    results: Vec<Judged>,
    walk_forward: Vec<Forward>,
}

/// A set with what all sets say of it.
#[derive(Debug, Serialize)]
struct Judged {
    #[serde(flatten)]
    trial: Trial,
    deflated: Deflated,
}

/// Runs the sweep.
///
/// # Errors
/// When it cannot be read, no set is possible, data cannot be read, or a result cannot be written.
pub(super) fn run(options: &cli::Backtest, environment: Vec<(String, String)>) -> Result<()> {
    let axes = grid::axes(options)?;
    let period = period(options)?;
    let opened = base(options, environment.clone())?;
    let (events, lost) = events(&opened.input)?;
    // What cannot be asked is known before the first set is run.
    let config = opened.input.config()?;
    Panel::open(config)?;
    let (sets, impossible) = possible(options, &axes, &opened, &environment)?;
    let sweep = Sweep::new(options, &axes, config, opened.input.settings(), &events)?;
    let kept = options.resume.as_deref();
    let (mut kept, mut done) = match kept.map(|path| Kept::open(path, &sweep)).transpose()? {
        Some((kept, done)) => (Some(kept), done),
        None => (None, BTreeMap::new()),
    };
    done.retain(|number, _| sets.iter().any(|set| set.number == *number));
    if !done.is_empty() {
        remark(&format!(
            "{} of {} sets were done before",
            done.len(),
            sets.len()
        ));
    }
    let left: Vec<&Set> = sets
        .iter()
        .filter(|set| !done.contains_key(&set.number))
        .collect();
    let progress = Progress::new(sets.len(), done.len());
    let attempt = |batch: &[&Set]| attempt(batch, &events, config, period, options.seed);
    try_all(&left, attempt, |trial| {
        let trial = match &mut kept {
            Some(kept) => kept.keep(&trial)?,
            None => trial,
        };
        done.insert(trial.number, trial);
        progress.set(done.len());
        Ok(())
    })?;
    progress.end();
    let outcome = judge(options, done.into_values().collect(), impossible, opened);
    let mut out = BufWriter::new(io::stdout().lock());
    if options.json {
        serde_json::to_writer(&mut out, &outcome)?;
        writeln!(out)?;
    } else {
        table::print(&outcome, &mut out)?;
    }
    out.flush()?;
    ensure_whole(lost)
}

/// The recording, under what is the same in all sets.
fn base(options: &cli::Backtest, environment: Vec<(String, String)>) -> Result<Opened> {
    let names = input::named(options, environment.clone())?;
    let config = given::config(options, &names, &[], environment)?;
    Opened::recorded(options, config, names)
}

/// All events, decoded once.
fn events(input: &Input) -> Result<(Events, u64)> {
    let mut reading = input.events("decode")?;
    let events = reading.by_ref().map(|Ok(event)| event).collect();
    Ok((events, reading.lost))
}

/// The sets whose settings can run, and how many cannot.
fn possible(
    options: &cli::Backtest,
    axes: &[grid::Axis],
    opened: &Opened,
    environment: &[(String, String)],
) -> Result<(Vec<Set>, usize)> {
    let config = opened.input.config()?;
    let (grains, _) = input::files(config)?;
    let mut first_reason = None;
    let mut sets = Vec::new();
    let all = grid::sets(axes);
    let count = all.len();
    for (number, parameters) in all.into_iter().enumerate() {
        let assigned = parameters
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        let assigned: Vec<String> = assigned.collect();
        let config = given::config(options, &opened.names, &assigned, environment.to_vec());
        let settings = config.and_then(|config: Config| {
            input::settings_for(options, &config, &grains).map(|(settings, ..)| settings)
        });
        match settings {
            Ok(settings) => sets.push(Set {
                number,
                parameters,
                settings: Arc::new(settings),
            }),
            Err(error) => {
                first_reason.get_or_insert(error);
            }
        }
    }
    let impossible = count - sets.len();
    if let Some(error) = first_reason {
        ensure!(!sets.is_empty(), "no set of the sweep can run: {error:#}");
        remark(&format!(
            "{impossible} of {count} sets are impossible and left out; the first: {error:#}"
        ));
    }
    Ok((sets, impossible))
}

/// Tries sets on all cores and gives each result to `each` as it comes.
fn try_all(
    sets: &[&Set],
    attempt: impl Fn(&[&Set]) -> Vec<Result<Trial>> + Sync,
    mut each: impl FnMut(Trial) -> Result<()>,
) -> Result<()> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let batches = &batches(sets, cores);
    let next = AtomicUsize::new(0);
    let (told, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..cores.min(batches.len()) {
            let (told, next, attempt) = (told.clone(), &next, &attempt);
            scope.spawn(move || {
                while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for trial in attempt(batch) {
                        if told.send(trial).is_err() {
                            return;
                        }
                    }
                }
            });
        }
        drop(told);
        // Where a result cannot be kept, the others are not waited for.
        let kept = results.iter().try_for_each(|trial| each(trial?));
        drop(results);
        kept
    })
}

/// Sets whose charts read the same run together, but not so many that a core would have nothing to do or that all their
/// trades would not fit in little memory. Those of one name are divided evenly, and the largest batches come first.
fn batches<'a>(sets: &[&'a Set], cores: usize) -> Vec<Vec<&'a Set>> {
    let mut alike: BTreeMap<String, Vec<&Set>> = BTreeMap::new();
    for set in sets {
        let name = set.settings.readings_name();
        alike.entry(name).or_default().push(set);
    }
    let most = sets.len().div_ceil(TURNS * cores).clamp(1, TOGETHER_MAX);
    let parts = |group: Vec<&'a Set>| {
        let mut rest = group.as_slice();
        let parts = (1..=group.len().div_ceil(most)).rev().map(|left| {
            let part;
            (part, rest) = rest.split_at(rest.len().div_ceil(left));
            part.to_vec()
        });
        parts.collect::<Vec<_>>()
    };
    let mut batches: Vec<Vec<&Set>> = alike.into_values().flat_map(parts).collect();
    batches.sort_by_key(|batch| Reverse(batch.len()));
    batches
}

/// Runs sets whose charts read the same. Where models are asked each runs by itself, as their answers come between the events.
fn attempt(
    batch: &[&Set],
    events: &Events,
    config: &Config,
    period: Period,
    seed: u64,
) -> Vec<Result<Trial>> {
    if !config.models.manifests.is_empty() {
        let asking = batch.iter();
        return asking
            .map(|set| ask(set, events, config, period, seed))
            .collect();
    }
    let settings: Vec<_> = batch.iter().map(|set| Arc::clone(&set.settings)).collect();
    let found = together(&settings, events, period);
    let found = batch.iter().zip(found);
    found
        .map(|(set, found)| Ok(Trial::of(set.number, set.parameters.clone(), &found, seed)))
        .collect()
}

/// Runs one set. Models are loaded anew for each: what one said or did in another set changes nothing.
fn ask(set: &Set, events: &Events, config: &Config, period: Period, seed: u64) -> Result<Trial> {
    let mut panel = Panel::open(config)?;
    let mut engine = Engine::new(Arc::clone(&set.settings));
    let mut watch = Watch::new(&set.settings, period, 0);
    let events = events.iter().cloned().map(Ok::<_, Infallible>);
    let ask = |question: &Question| panel.ask(question);
    let Ok(()) = lab::backtest::run_asking(&mut engine, events, &mut watch, ask, |_, _| {});
    for note in panel.notes() {
        remark(&format!("set {}: {note}", set.number));
    }
    let found = watch.finish(&engine);
    Ok(Trial::of(set.number, set.parameters.clone(), &found, seed))
}

fn judge(
    options: &cli::Backtest,
    trials: Vec<Trial>,
    impossible: usize,
    opened: Opened,
) -> Outcome {
    let count = u32::try_from(trials.len()).unwrap_or(u32::MAX);
    let count = count.saturating_add(options.trials - 1);
    let variance = variance(&trials);
    let walk_forward = walk_forward(&trials);
    let judged = trials.into_iter().map(|trial| Judged {
        deflated: trial.deflated(count, variance),
        trial,
    });
    let mut results: Vec<Judged> = judged.collect();
    let enough = |judged: &Judged| judged.trial.n >= lab::backtest::report::LEAST;
    results.sort_by(|one, other| {
        let by_mean = other.trial.mean_r.total_cmp(&one.trial.mean_r);
        enough(other).cmp(&enough(one)).then(by_mean)
    });
    Outcome {
        format: FORMAT,
        command: command(),
        inputs: opened.names,
        trials: count,
        impossible,
        variance,
        notes: opened.notes,
        results,
        walk_forward,
    }
}

/// A bar on a terminal, a line each tenth elsewhere.
struct Progress {
    bar: Option<indicatif::ProgressBar>,
    sets: usize,
    tenth: std::cell::Cell<usize>,
}

impl Progress {
    fn new(sets: usize, done: usize) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style =
                indicatif::ProgressStyle::with_template("{bar:40} {pos} of {len} sets, {eta} left");
            let style = style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
            let bar = indicatif::ProgressBar::new(sets as u64).with_style(style);
            bar.set_position(done as u64);
            bar
        });
        Self {
            bar,
            sets,
            tenth: std::cell::Cell::new(10 * done / sets.max(1)),
        }
    }

    fn set(&self, done: usize) {
        let tenth = 10 * done / self.sets.max(1);
        match &self.bar {
            Some(bar) => bar.set_position(done as u64),
            None if tenth > self.tenth.replace(tenth) => {
                remark(&format!("{done} of {} sets", self.sets));
            }
            None => {}
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets of which so many each have one name of what charts read.
    fn sets(of: &[usize]) -> Vec<Set> {
        let names = of.iter().zip(3..);
        let left = names.flat_map(|(&count, left)| vec![left; count]);
        let sets = left.enumerate().map(|(number, swing_left)| {
            let mut settings = Config::default().engine_settings();
            settings.rules.swing_left = swing_left;
            Set {
                number,
                parameters: Vec::new(),
                settings: Arc::new(settings),
            }
        });
        sets.collect()
    }

    fn sizes(of: &[usize], cores: usize) -> Vec<usize> {
        let sets = sets(of);
        let batches = batches(&sets.iter().collect::<Vec<_>>(), cores);
        let alike = |batch: &Vec<&Set>| {
            let left = |set: &&Set| set.settings.rules.swing_left;
            batch.iter().map(left).all(|each| each == left(&batch[0]))
        };
        assert!(batches.iter().all(alike));
        let mut numbers: Vec<usize> = batches.iter().flatten().map(|set| set.number).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..sets.len()), "each set once");
        batches.iter().map(Vec::len).collect()
    }

    #[test]
    fn sets_are_divided_evenly_and_keep_every_core_busy() {
        // Not 64 and 61 with a rest, and the largest first.
        assert_eq!(sizes(&[125; 8], 2), [[63; 8], [62; 8]].concat());
        assert_eq!(sizes(&[5, 125], 2), [32, 31, 31, 31, 5]);
        assert_eq!(sizes(&[25], 2), [7, 6, 6, 6]);
        assert_eq!(sizes(&[1, 1, 1], 2), [1, 1, 1]);
        assert_eq!(sizes(&[], 2), [0; 0]);
    }
}
