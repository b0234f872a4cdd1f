//! A sweep for a terminal.

use super::{Judged, Outcome};
use crate::backtest::table::{percent, r, signed_percent};
use crate::history::table;
use lab::backtest::Forward;
use lab::backtest::report::{EdgeVerdict, LEAST};
use std::io::{self, Write};

/// Sets that are shown, the best first.
const SHOWN: usize = 15;
const RIGHT: [usize; 11] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

pub(super) fn print(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}\n", headline(outcome))?;
    let names = [
        "set", "n", "rate", "95 %", "chance", "edge", "mean R", "sum R", "fall", "p", "Sharpe",
    ];
    let mut names = names.map(str::to_owned).to_vec();
    names.push("verdict".to_owned());
    names.push("parameters".to_owned());
    let mut rows = vec![names];
    rows.extend(outcome.results.iter().take(SHOWN).map(row));
    for line in table(&rows, &RIGHT) {
        writeln!(out, "{line}")?;
    }
    let more = outcome.results.len().saturating_sub(SHOWN);
    if more > 0 {
        writeln!(out, "... and {more} more (--json prints all)")?;
    }
    writeln!(
        out,
        "\np: of the edge, and Sharpe: the deflated ratio; both after {} trials",
        outcome.trials
    )?;
    spread(outcome, out)?;
    forward(&outcome.walk_forward, out)?;
    for note in &outcome.notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

fn headline(outcome: &Outcome) -> String {
    let trials = outcome.trials;
    let Some(best) = outcome.results.first().filter(|best| best.trial.n > 0) else {
        return format!("{trials} trials, and no trade in any");
    };
    let one = &best.trial;
    let said = match best.deflated.edge {
        EdgeVerdict::Unknown => format!("too few trades or days to say ({LEAST} trades at least)"),
        EdgeVerdict::Positive => "an edge that so many trials do not explain".to_owned(),
        EdgeVerdict::None | EdgeVerdict::Negative => {
            "no edge that luck does not explain".to_owned()
        }
    };
    format!(
        "the best of {trials} trials, set {}: {said}; hits {} of {} [{}, {}], chance {}, {} R a trade after costs",
        one.number,
        percent(one.rate),
        one.n,
        percent(one.low),
        percent(one.high),
        one.chance.map_or("-".to_owned(), percent),
        r(one.mean_r),
    )
}

fn row(judged: &Judged) -> Vec<String> {
    let (one, deflated) = (&judged.trial, &judged.deflated);
    let parameters: Vec<String> = one
        .parameters
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let known = |value: Option<f64>, shown: fn(f64) -> String| value.map_or("-".to_owned(), shown);
    let verdict = match deflated.edge {
        EdgeVerdict::Unknown => "not enough data",
        EdgeVerdict::None => "no edge",
        EdgeVerdict::Negative => "worse than chance",
        EdgeVerdict::Positive => "edge",
    };
    vec![
        one.number.to_string(),
        one.n.to_string(),
        percent(one.rate),
        format!("{} to {}", percent(one.low), percent(one.high)),
        known(one.chance, percent),
        known(one.edge, signed_percent),
        r(one.mean_r),
        r(one.sum_r),
        format!("{:.1}", one.drawdown),
        known(deflated.p_edge, |p| format!("{p:.3}")),
        known(deflated.sharpe, |chance| format!("{chance:.3}")),
        verdict.to_owned(),
        parameters.join(" "),
    ]
}

/// How the sets lie: the best is the end of this.
fn spread(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    let results = outcome.results.iter();
    let mut means: Vec<f64> = results
        .filter(|one| one.trial.n >= LEAST)
        .map(|one| one.trial.mean_r)
        .collect();
    means.sort_by(f64::total_cmp);
    let (Some(worst), Some(best)) = (means.first(), means.last()) else {
        return Ok(());
    };
    writeln!(
        out,
        "mean R of the {} sets with enough trades: {} to {}, the middle {}",
        means.len(),
        r(*worst),
        r(*best),
        r(means[means.len() / 2])
    )
}

/// Quarters traded with what was best before them.
fn forward(quarters: &[Forward], out: &mut impl Write) -> io::Result<()> {
    if quarters.is_empty() {
        return writeln!(
            out,
            "walk-forward: no quarter has a set with {LEAST} trades before it"
        );
    }
    let sum: f64 = quarters.iter().map(|one| one.sum_r).sum();
    let n: u32 = quarters.iter().map(|one| one.n).sum();
    writeln!(
        out,
        "walk-forward, each quarter with the set that was best before it: {} R in {n} trades",
        r(sum)
    )?;
    let names = [
        "quarter",
        "set",
        "mean R before",
        "n",
        "hits",
        "chance",
        "mean R",
        "sum R",
    ];
    let rows = quarters.iter().map(|one| {
        vec![
            one.quarter.clone(),
            one.number.to_string(),
            r(one.before_mean_r),
            one.n.to_string(),
            one.hits.to_string(),
            one.chance.map_or("-".to_owned(), percent),
            r(one.mean_r),
            r(one.sum_r),
        ]
    });
    let rows: Vec<_> = std::iter::once(names.map(str::to_owned).to_vec())
        .chain(rows)
        .collect();
    for line in table(&rows, &RIGHT[1..8]) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}
