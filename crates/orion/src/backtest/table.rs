//! A backtest for a terminal.

use crate::history::table;
use lab::backtest::report::{
    Bootstrap, Confirmation, Control, Counted, Fold, Followed, Grade, Group, LEAST, ModelUse,
    Report, SymbolSpan, Training,
};
use std::io::{self, Write};

/// Columns of numbers.
const RIGHT: [usize; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
/// Cells of setup, killzone and symbol that are shown, the largest first.
const CELLS: usize = 20;

pub(super) fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}\n", report.headline)?;
    if report.run.simulated {
        writeln!(out, "SIMULATED: the prices were made up\n")?;
    }
    head(report, out)?;
    if report.all.n > 0 {
        groups(report, out)?;
        worth(report, out)?;
        report
            .confirmation
            .iter()
            .try_for_each(|found| confirmation(found, out))?;
        reliability(report, out)?;
        folds(&report.folds, out)?;
    }
    counted("triggers refused", &report.refused, out)?;
    counted("invalidated", &report.invalidated, out)?;
    for note in &report.notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

fn head(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let (run, signals) = (&report.run, report.signals);
    let mut rows: Vec<Vec<String>> = run.symbols.iter().map(span).collect();
    let grade = match run.grade {
        Grade::Ticks => "ticks",
        Grade::Minutes => "bars",
        Grade::Coarse => "COARSE bars",
    };
    let rules: Vec<String> = run
        .rules
        .iter()
        .map(|rule| format!("{}={} (else {})", rule.name, rule.value, rule.default))
        .collect();
    rows.extend([
        line("judged by", grade.to_owned()),
        line(
            "signals",
            format!(
                "{} born, {} confirmed, {} invalidated; {} still run, {} ambiguous",
                signals.born,
                signals.confirmed,
                signals.invalidated,
                signals.running,
                signals.ambiguous
            ),
        ),
        line(
            "rules",
            if rules.is_empty() {
                format!("the defaults ({})", run.settings_hash)
            } else {
                format!("{} ({})", rules.join(", "), run.settings_hash)
            },
        ),
        line("trials", run.trials.to_string()),
    ]);
    rows.extend(run.models.iter().map(model));
    rows.extend(report.training.iter().map(training));
    for row in table(&rows, &[]) {
        writeln!(out, "{row}")?;
    }
    writeln!(out)
}

fn line(word: &str, text: String) -> Vec<String> {
    vec![word.to_owned(), text]
}

fn model(model: &ModelUse) -> Vec<String> {
    let what = match model.role {
        "propose" => "proposes signals",
        _ => "re-scores signals",
    };
    line(
        "model",
        format!(
            "{} {} {what}: {} questions, {} answered; trained on what is before {}",
            model.name, model.version, model.asked, model.answered, model.counts_from
        ),
    )
}

/// What counts nowhere else.
fn training(training: &Training) -> Vec<String> {
    let tally = &training.tally;
    let rate = match tally.n {
        0 => String::new(),
        _ => format!(" ({})", percent(tally.rate)),
    };
    line(
        "of training",
        format!(
            "{} signals born, {} confirmed, {} ended, {} hit{rate}: a model may have been trained on them, and they count nowhere else",
            training.born, training.confirmed, tally.n, tally.hits
        ),
    )
}

fn span(span: &SymbolSpan) -> Vec<String> {
    let (what, count) = if span.ticks > 0 {
        ("ticks".to_owned(), span.ticks)
    } else {
        (format!("bars of {}", span.data), span.bars)
    };
    line(
        &span.symbol,
        format!("{count} {what}, {} to {}", span.first, span.last),
    )
}

fn groups(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let names = [
        "", "n", "hits", "rate", "95 %", "chance", "edge", "mean R", "sum R", "factor",
    ];
    let mut rows = vec![
        names.map(str::to_owned).to_vec(),
        row("all".to_owned(), &report.all),
    ];
    let parts = |group: &Group| {
        let parts = [&group.setup, &group.killzone, &group.symbol];
        let parts: Vec<String> = parts.into_iter().flatten().cloned().collect();
        parts
    };
    for (title, is_of) in [
        ("by setup", (true, false, false)),
        ("by symbol", (false, true, false)),
        ("by killzone", (false, false, true)),
    ] {
        rows.push(vec![title.to_owned()]);
        let of = |group: &&Group| {
            let is = (
                group.setup.is_some(),
                group.symbol.is_some(),
                group.killzone.is_some(),
            );
            is == is_of
        };
        let groups = report.groups.iter().filter(of);
        rows.extend(groups.map(|group| row(format!("  {}", parts(group).join(" ")), group)));
    }
    let cells = report.groups.iter().filter(|group| parts(group).len() == 3);
    let mut cells: Vec<&Group> = cells.filter(|group| group.enough).collect();
    cells.sort_by_key(|group| std::cmp::Reverse(group.n));
    if !cells.is_empty() {
        rows.push(vec!["by all three".to_owned()]);
        let cells = cells.into_iter().take(CELLS);
        rows.extend(cells.map(|group| row(format!("  {}", parts(group).join(" ")), group)));
    }
    for line in table(&rows, &RIGHT) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)
}

fn row(name: String, group: &Group) -> Vec<String> {
    let mut row = vec![name, group.n.to_string(), group.hits.to_string()];
    if !group.enough {
        row.push("not enough data".to_owned());
        return row;
    }
    let known = |value: Option<f64>, shown: fn(f64) -> String| value.map_or("-".to_owned(), shown);
    row.extend([
        percent(group.rate),
        format!("{} to {}", percent(group.low), percent(group.high)),
        known(group.chance, percent),
        known(group.edge, signed_percent),
        r(group.r.mean),
        r(group.r.sum),
        known(group.r.profit_factor, |factor| format!("{factor:.2}")),
    ]);
    row
}

/// What the trades brought, and whether that is more than luck.
fn worth(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let (brought, fall) = (&report.all.r, &report.drawdown);
    let mut rows = vec![
        line(
            "results",
            format!(
                "{} R after costs, {} before, {} with costs doubled; {} won of {}",
                r(brought.sum),
                r(brought.gross_sum),
                r(brought.doubled_sum),
                brought.wins,
                report.all.n
            ),
        ),
        line(
            "deepest fall",
            format!(
                "{:.2} R{}",
                fall.r,
                match (&fall.from, &fall.depth) {
                    (Some(from), Some(depth)) => format!(", {from} to {depth}"),
                    (None, Some(depth)) => format!(", from the beginning to {depth}"),
                    (_, None) => String::new(),
                }
            ),
        ),
        line(
            "exposure",
            format!(
                "in the market {} of the time, {:.1} h a trade",
                percent(brought.exposure),
                brought.hours / f64::from(report.all.n.max(1))
            ),
        ),
    ];
    rows.extend(report.bootstrap.iter().flat_map(drawn));
    rows.extend(report.control.iter().map(control));
    if let Some(scores) = &report.scores {
        let skill = scores
            .skill
            .map_or("-".to_owned(), |skill| format!("{skill:+.3}"));
        let text = format!(
            "told {} on average, Brier {:.4}, skill {skill}, calibration error {}",
            percent(scores.confidence),
            scores.brier,
            percent(scores.calibration_error)
        );
        rows.push(line("confidence", text));
    }
    for row in table(&rows, &[]) {
        writeln!(out, "{row}")?;
    }
    writeln!(out)
}

/// What days drawn with replacement say, and how many sets of parameters were tried.
fn drawn(found: &Bootstrap) -> Vec<Vec<String>> {
    let (low, high) = found.mean_r;
    let edge = found.edge.map_or(String::new(), |(low, high)| {
        format!("; edge {} to {}", signed_percent(low), signed_percent(high))
    });
    let sharpe = found.deflated_sharpe.map_or(String::new(), |chance| {
        format!(", deflated Sharpe ratio {chance:.3}")
    });
    vec![
        line(
            "95 % by days",
            format!(
                "mean R {} to {}{edge} ({} draws of {} days)",
                r(low),
                r(high),
                found.draws,
                found.days
            ),
        ),
        line(
            "luck",
            format!(
                "mean R not above zero in {} of draws, {} after all trials{sharpe}",
                percent(found.p_mean_r),
                percent(found.p_mean_r_deflated)
            ),
        ),
    ]
}

fn control(control: &Control) -> Vec<String> {
    line(
        "random entries",
        format!(
            "hits {} of {}, chance {}, mean R {}; the trades hit {} more [{}, {}]",
            percent(control.rate),
            control.n,
            percent(control.chance),
            r(control.mean_r),
            signed_percent(control.difference),
            signed_percent(control.difference_low),
            signed_percent(control.difference_high)
        ),
    )
}

/// What became of confirmed signals beside what would have become of the others.
fn confirmation(found: &Confirmation, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "what confirmation was worth: the confirmed hit {} more [{}, {}] than the others would have",
        signed_percent(found.difference),
        signed_percent(found.difference_low),
        signed_percent(found.difference_high)
    )?;
    let causes = found.causes.iter();
    let causes = causes.map(|one| (format!("  {}", one.cause.replace('_', " ")), &one.followed));
    let rows = [
        ("confirmed".to_owned(), &found.confirmed),
        ("others".to_owned(), &found.others),
    ];
    let head = [
        "",
        "n",
        "hits",
        "rate",
        "95 %",
        "chance",
        "edge",
        "mean R before costs",
    ];
    let mut table_rows = vec![head.map(str::to_owned).to_vec()];
    table_rows.extend(rows.into_iter().chain(causes).map(followed));
    for line in table(&table_rows, &RIGHT) {
        writeln!(out, "  {line}")?;
    }
    writeln!(out)
}

fn followed((name, followed): (String, &Followed)) -> Vec<String> {
    let tally = &followed.tally;
    let known = |value: Option<f64>, shown: fn(f64) -> String| value.map_or("-".to_owned(), shown);
    let mut row = vec![name, tally.n.to_string(), tally.hits.to_string()];
    if tally.n < LEAST {
        row.push("not enough data".to_owned());
        return row;
    }
    row.extend([
        percent(tally.rate),
        format!("{} to {}", percent(tally.low), percent(tally.high)),
        known(tally.chance, percent),
        known(tally.edge, signed_percent),
        known(followed.mean_r, r),
    ]);
    row
}

fn reliability(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.all.n < LEAST {
        return Ok(());
    }
    writeln!(out, "confidence told and hits that came:")?;
    let bins = report.reliability.iter().map(|bin| {
        vec![
            percent(bin.confidence),
            percent(bin.rate),
            format!("{} to {}", percent(bin.low), percent(bin.high)),
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

fn folds(folds: &[Fold], out: &mut impl Write) -> io::Result<()> {
    if folds.len() < 2 {
        return Ok(());
    }
    let names = [
        "quarter",
        "n",
        "hits",
        "rate",
        "95 %",
        "chance",
        "mean R",
        "before: n",
        "mean R",
    ];
    let fold = |fold: &Fold| {
        let inside = &fold.inside;
        vec![
            fold.fold.clone(),
            inside.n.to_string(),
            inside.hits.to_string(),
            percent(inside.rate),
            format!("{} to {}", percent(inside.low), percent(inside.high)),
            inside.chance.map_or("-".to_owned(), percent),
            r(inside.mean_r),
            fold.before.n.to_string(),
            r(fold.before.mean_r),
        ]
    };
    let rows = std::iter::once(names.map(str::to_owned).to_vec()).chain(folds.iter().map(fold));
    for line in table(&rows.collect::<Vec<_>>(), &RIGHT) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)
}

fn counted(what: &str, counts: &[Counted], out: &mut impl Write) -> io::Result<()> {
    let counts: Vec<String> = counts
        .iter()
        .map(|one| format!("{} {}", one.name, one.n))
        .collect();
    if counts.is_empty() {
        return Ok(());
    }
    writeln!(out, "{what}: {}", counts.join(", "))
}

pub(super) fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

pub(super) fn signed_percent(part: f64) -> String {
    format!("{:+.1} %", part * 100.0)
}

pub(super) fn r(value: f64) -> String {
    format!("{value:+.2}")
}
