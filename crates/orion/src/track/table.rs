//! The track record for a terminal.

use crate::history::table;
use engine::track::{By, Figures, LEAST, TrackRecord};
use std::io::{self, Write};

/// Columns of numbers.
const RIGHT: [usize; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];

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
    let posted = record.posted();
    let Some(all) = record.all() else {
        return writeln!(out, "no confirmed signal of its own has ended yet\n");
    };
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
        "Brier skill",
    ];
    let mut rows = vec![names.map(str::to_owned).to_vec(), row("all", &all)];
    rows.extend(posted.iter().map(|figures| row("posted, apart", figures)));
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

fn row(name: &str, figures: &Figures) -> Vec<String> {
    let Figures { n, hits, .. } = figures;
    let mut row = vec![name.to_owned(), n.to_string(), hits.to_string()];
    if (*n as usize) < LEAST {
        row.push("not enough data".to_owned());
        return row;
    }
    let (low, high) = figures.interval;
    let known = |value: Option<f64>, shown: fn(f64) -> String| value.map_or("-".to_owned(), shown);
    row.extend([
        percent(figures.rate()),
        format!("{} to {}", percent(low.to_f64()), percent(high.to_f64())),
        known(figures.odds, percent),
        known(figures.edge, signed_percent),
        known(figures.mean_r, r),
        r(figures.sum_r),
        known(figures.skill, |skill| format!("{skill:+.3}")),
    ]);
    row
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
