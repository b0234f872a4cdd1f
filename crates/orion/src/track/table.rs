//! The track record for a terminal.

use crate::history::table;
use engine::track::{By, Figures, Judge, LEAST, TrackRecord, WouldHave};
use std::io::{self, Write};

/// Columns of numbers.
const RIGHT: [usize; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
/// Of the table of what would have been.
const RIGHT_OF_OTHERS: [usize; 7] = [1, 2, 3, 4, 5, 6, 7];

pub(super) fn print(market: &str, record: &TrackRecord, out: &mut impl Write) -> io::Result<()> {
    let counts = record.counts;
    writeln!(
        out,
        "{market}: {} signals, {} confirmed, {} invalidated; {} run, {} without an end that was seen",
        counts.born,
        counts.confirmed,
        counts.invalidated,
        record.running(),
        counts.unfollowed,
    )?;
    let all = record.all();
    if all.is_none() && record.by_bars().is_empty() {
        writeln!(out, "no confirmed signal of its own has ended yet\n")?;
    } else {
        results(record, out)?;
    }
    if let Some(all) = &all {
        reliability(all, out)?;
    }
    would_have(record, all.as_ref(), out)
}

/// What became of confirmed signals.
fn results(record: &TrackRecord, out: &mut impl Write) -> io::Result<()> {
    let names = [
        "",
        "n",
        "hits",
        "rate",
        "95 %",
        "chance",
        "edge",
        "mean R",
        "sum R",
        "net R",
        "MFE",
        "MAE",
        "Brier skill",
    ];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    rows.extend(record.all().map(|all| row("all", &all)));
    rows.extend(record.posted().map(|posted| row("posted, apart", &posted)));
    for (judge, figures) in record.by_bars() {
        let name = format!("by {judge}, apart ({} ambiguous)", figures.ambiguous);
        rows.push(row(&name, &figures));
    }
    for by in By::ALL {
        rows.push(vec![format!("by {}", by.as_str())]);
        let groups = record.by(by);
        rows.extend(
            groups
                .iter()
                .map(|(name, figures)| row(&format!("  {name}"), figures)),
        );
    }
    for line in table(&rows, &RIGHT) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn reliability(all: &Figures, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nconfidence told and hits that came:")?;
    let bins = all.bins.iter().map(|bin| {
        let (low, high) = bin.interval;
        vec![
            percent(bin.confidence),
            percent(bin.rate()),
            format!("{} to {}", percent(low.to_f64()), percent(high.to_f64())),
            bin.n.to_string(),
        ]
    });
    let head = ["told", "came", "95 %", "n"].map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(head).chain(bins).collect();
    for line in table(&rows, &[0, 1, 2, 3]) {
        writeln!(out, "  {line}")?;
    }
    writeln!(out)
}

/// What would have become of signals that were not confirmed, below what became of the others.
fn would_have(
    record: &TrackRecord,
    confirmed: Option<&Figures>,
    out: &mut impl Write,
) -> io::Result<()> {
    let groups = record.would_have();
    if groups.is_empty() {
        return Ok(());
    }
    let names = ["", "n", "hits", "rate", "95 %", "chance", "edge", "mean R"];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    rows.extend(confirmed.map(|all| {
        let mut row = row("confirmed", all);
        row.truncate(names.len());
        row
    }));
    for (judge, causes) in groups {
        let of = match judge {
            Judge::Ticks => String::new(),
            Judge::Bars(_) | Judge::Touch(_) => format!(", by {judge}"),
        };
        let causes = causes.iter();
        rows.extend(causes.map(|(cause, group)| unconfirmed(&format!("{cause}{of}"), group)));
    }
    writeln!(
        out,
        "what would have become of signals that were not confirmed, by cause:"
    )?;
    for line in table(&rows, &RIGHT_OF_OTHERS) {
        writeln!(out, "  {line}")?;
    }
    writeln!(out)
}

fn unconfirmed(name: &str, group: &WouldHave) -> Vec<String> {
    let mut row = vec![name.to_owned(), group.n.to_string(), group.hits.to_string()];
    if (group.n as usize) < LEAST {
        row.push("not enough data".to_owned());
        return row;
    }
    let (low, high) = group.interval;
    row.extend([
        percent(group.rate()),
        format!("{} to {}", percent(low.to_f64()), percent(high.to_f64())),
        known(group.odds, percent),
        known(group.edge, signed_percent),
        known(group.mean_r, r),
    ]);
    row
}

fn row(name: &str, figures: &Figures) -> Vec<String> {
    let Figures { n, hits, .. } = figures;
    let mut row = vec![name.to_owned(), n.to_string(), hits.to_string()];
    if (*n as usize) < LEAST {
        row.push("not enough data".to_owned());
        return row;
    }
    let (low, high) = figures.interval;
    row.extend([
        percent(figures.rate()),
        format!("{} to {}", percent(low.to_f64()), percent(high.to_f64())),
        known(figures.odds, percent),
        known(figures.edge, signed_percent),
        known(figures.mean_r, r),
        r(figures.sum_r),
        known(figures.mean_net, r),
        known(figures.best.map(|best| best.mean), r),
        known(figures.worst.map(|worst| worst.mean), r),
        known(figures.skill, |skill| format!("{skill:+.3}")),
    ]);
    row
}

fn known(value: Option<f64>, shown: fn(f64) -> String) -> String {
    value.map_or("-".to_owned(), shown)
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

fn signed_percent(part: f64) -> String {
    format!("{:+.1} %", part * 100.0)
}

fn r(value: f64) -> String {
    format!("{value:+.2}")
}
