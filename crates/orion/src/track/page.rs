//! `orion track-record --html`: the page of a backtest, made of what the journal says became of signals. Nothing is decided again:
//! the records are watched as a backtest watches its engine.

use crate::backtest::{command, costs, report};
use crate::config::Config;
use crate::machine;
use anyhow::{Result, bail, ensure};
use engine::setup::SetupKind;
use engine::{Engine, Output, Settings};
use journal::tape::{head, segments};
use journal::{Journal as _, Looking, Pages, Record};
use lab::backtest::{Asked, Period, Report, Watch};
use market::{Ended, Signal, Uuid};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// What a market's journal has, in its order.
#[derive(Debug, Default)]
struct Told {
    outputs: Vec<Output>,
    /// Signals of others, and what recorded bars judged: the page is of ORION's own, by ticks.
    posted: BTreeSet<Uuid>,
    by_bars: BTreeSet<Uuid>,
}

/// Writes the page.
///
/// # Errors
/// When the journal cannot be read, nothing is in it, or the file cannot be written.
pub(super) async fn write(market: &str, dir: &Path, path: &Path) -> Result<()> {
    let told = Told::read(dir).await?;
    ensure!(
        !told.outputs.is_empty(),
        "market {market} has no signals yet: a page is made of what became of them"
    );
    let page = page(market, told, settings(dir)?);
    report::write_as(&page, "track record", path)
}

fn page(market: &str, told: Told, settings: Settings) -> Report {
    let settings = Arc::new(settings);
    let engine = Engine::new(Arc::clone(&settings));
    let mut watch = Watch::new(&settings, Period::ALL, 0);
    let counts = |id: &Uuid| !told.posted.contains(id) && !told.by_bars.contains(id);
    let id = |output: &Output| match output {
        Output::Signal(signal) => Some(signal.id),
        Output::Outcome(outcome) => Some(outcome.id),
        Output::Shadow(shadow) => Some(shadow.id),
        Output::Price(_) | Output::Answer(_) | Output::Calibration(_) | Output::Question(_) => None,
    };
    let counted = told
        .outputs
        .iter()
        .filter(|one| id(one).is_some_and(|id| counts(&id)));
    counted.for_each(|output| watch.output(output));
    let mut notes = vec![
        "Made of the journal's records: what was shown, and what became of it. Nothing was decided again.".to_owned(),
    ];
    for (left_out, what) in [
        (told.posted.len(), "that others posted"),
        (
            told.by_bars.len(),
            "that recorded bars judged, and not ticks,",
        ),
    ] {
        if left_out > 0 {
            notes.push(format!(
                "{left_out} signal(s) {what} are left out: `orion track-record` has them."
            ));
        }
    }
    let asked = Asked {
        command: command(),
        inputs: vec![market.to_owned()],
        from: None,
        to: None,
        rules: Vec::new(),
        costs: costs(&settings),
        trials: 1,
        trials_variance: 0.0,
        seed: 1,
        notes,
    };
    Report::of(watch.finish(&engine), None, asked, &settings)
}

impl Told {
    async fn read(dir: &Path) -> Result<Self> {
        let mut told = Self::default();
        let Some(journal) = Looking::open(dir)? else {
            return Ok(told);
        };
        let mut pages = Pages::of(&journal);
        while let Some(page) = pages.next(&journal).await? {
            page.into_iter().for_each(|(_, record)| told.take(record));
        }
        for (_, shadow) in journal.shadows(0, usize::MAX).await? {
            if shadow.bars.is_some() || is_by_bars(shadow.end.as_ref()) {
                told.by_bars.insert(shadow.id);
            }
            told.outputs.push(Output::Shadow(Box::new(shadow)));
        }
        Ok(told)
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Signal(signal) => {
                if !is_own(&signal) {
                    self.posted.insert(signal.id);
                }
                self.outputs.push(Output::Signal(Box::new(signal)));
            }
            Record::Outcome(outcome) => {
                if is_by_bars(outcome.end.as_ref()) {
                    self.by_bars.insert(outcome.id);
                }
                self.outputs.push(Output::Outcome(Box::new(outcome)));
            }
        }
    }
}

fn is_own(signal: &Signal) -> bool {
    SetupKind::ALL
        .iter()
        .any(|own| own.as_str() == signal.setup)
}

fn is_by_bars(end: Option<&Ended>) -> bool {
    end.is_some_and(|end| end.bars.is_some())
}

/// What the market's engine was set to last; where its tape is gone, what a new one would be.
fn settings(dir: &Path) -> Result<Settings> {
    let tape = dir.join("tape");
    let newest = if tape.is_dir() {
        segments(&tape)?.pop()
    } else {
        None
    };
    let Some(newest) = newest else {
        return Ok(Config::default().engine_settings());
    };
    let kept = head(&newest.path)?;
    match machine::read_settings(&kept) {
        Ok(settings) => Ok(settings),
        Err(error) => bail!("the settings on the tape of {}: {error:#}", dir.display()),
    }
}
