//! The top of the page: whether there is an edge, in one sentence, and the figures that it stands on.

use super::plot::{Scale, Whisker};
use super::text::{
    NOTHING, between, both_clocks, capital, count, counted, fixed, known, percent, percents,
    points, r, safe, tone,
};
use lab::backtest::report::{EdgeVerdict, Grade, LEAST, Report};

/// Stands above everything where the market was made up.
pub(super) fn banner(report: &Report) -> &'static str {
    if report.run.simulated {
        "<div class=\"banner\" role=\"note\"><b>SIMULATED</b>A made-up market; nothing here is real, and nothing here says anything about a real one.</div>"
    } else {
        ""
    }
}

/// The sentence.
pub(super) fn headline(report: &Report) -> String {
    // `no edge: hits 57 % of 212 ...`: what comes first is the verdict, the rest its reasons.
    let (verdict, reasons) = report
        .headline
        .split_once(": ")
        .unwrap_or((&report.headline, ""));
    let color = match report.edge {
        EdgeVerdict::Unknown => "warn",
        EdgeVerdict::None => "",
        EdgeVerdict::Positive => "good",
        EdgeVerdict::Negative => "bad",
    };
    let reasons = match reasons {
        "" => String::new(),
        reasons => format!("<p class=\"says\">{}.</p>", capital(&safe(reasons))),
    };
    format!(
        "<header class=\"verdict\"><p class=\"about\">Backtest of {}</p>{}<h1 class=\"{color}\">{}.</h1>{reasons}</header>",
        span(report),
        tags(report),
        capital(&safe(verdict)),
    )
}

/// The symbols, and when they were seen.
fn span(report: &Report) -> String {
    let symbols = &report.run.symbols;
    let names: Vec<String> = symbols.iter().map(|span| safe(&span.symbol)).collect();
    let first = symbols.iter().map(|span| &span.first).min();
    let last = symbols.iter().map(|span| &span.last).max();
    match first.zip(last) {
        Some((first, last)) => format!(
            "<b>{}</b>, {} to {}",
            names.join(", "),
            both_clocks(first),
            both_clocks(last)
        ),
        None => "nothing: no data was read".to_owned(),
    }
}

fn tags(report: &Report) -> String {
    let run = &report.run;
    let grade = match run.grade {
        Grade::Ticks => "<span class=\"tag\">judged by ticks</span>",
        Grade::Minutes => "<span class=\"tag\">judged by minute bars</span>",
        Grade::Coarse => "<span class=\"tag bold\">COARSE: judged by long bars</span>",
    };
    let simulated = if run.simulated {
        "<span class=\"tag bold\">SIMULATED</span>"
    } else {
        ""
    };
    format!(
        "<div class=\"tags\">{simulated}{grade}<span class=\"tag\">{}</span><span class=\"tag\">{}</span><span class=\"tag\">engine {}</span>\
         <span class=\"tag\">rules {}</span></div>",
        trials(report),
        match run.rules.len() {
            0 => "default rules".to_owned(),
            changed => counted(changed as u64, "changed rule"),
        },
        run.engine_version,
        safe(run.settings_hash.get(..12).unwrap_or(&run.settings_hash)),
    )
}

/// How many sets of parameters stand behind what is shown.
pub(super) fn trials(report: &Report) -> String {
    match report.run.trials {
        0 | 1 => "1 trial".to_owned(),
        trials => format!("best of {} trials", count(trials)),
    }
}

/// The figures at a glance. Those that so few trades cannot carry are greyed, and say so.
pub(super) fn tiles(report: &Report) -> String {
    let tiles: String = counts(report).into_iter().chain(results(report)).collect();
    format!("<dl class=\"tiles\">{tiles}</dl>")
}

fn tile(name: &str, value: &str, more: &str) -> String {
    format!("<div><dt>{name}</dt><dd><b>{value}</b><span>{more}</span></dd></div>")
}

/// A figure of all trades, which says nothing of few.
fn figure(report: &Report, name: &str, value: &str, more: &str) -> String {
    let all = &report.all;
    match all.n {
        0 => tile(name, NOTHING, "no trades"),
        _ if all.enough => tile(name, value, more),
        n => format!(
            "<div><dt>{name}</dt><dd class=\"thin\"><b>{value}</b><span>not enough data: {n} of {LEAST}</span></dd></div>"
        ),
    }
}

fn counts(report: &Report) -> [String; 3] {
    let (all, signals) = (&report.all, report.signals);
    let born = format!(
        "{} born, {} confirmed",
        count(signals.born),
        count(signals.confirmed)
    );
    let hits = format!(
        "{}, chance {}",
        percents(all.low, all.high),
        known(all.chance, percent)
    );
    let trials = count(report.run.trials.max(1));
    [
        tile("Trades", &count(all.n), &born),
        figure(report, "Hit rate", &percent(all.rate), &hits),
        tile("Trials", &trials, &luck(report)),
    ]
}

fn results(report: &Report) -> [String; 5] {
    let r = &report.all.r;
    let mean = report.bootstrap.map_or_else(
        || "no interval: too few days".to_owned(),
        |found| format!("{} R by days", between(found.mean_r, 2)),
    );
    let sum = format!("costs doubled {}", super::text::r(r.doubled_sum));
    let wins = format!("{} of {} gained", count(r.wins), count(report.all.n));
    let factor = known(r.profit_factor, |factor| fixed(factor, 2));
    let deepest = format!("{} R", fixed(report.drawdown.r, 2));
    let hours = format!("{} h in trades", fixed(r.hours, 1));
    [
        figure(report, "Mean after costs", &super::text::r(r.mean), &mean),
        figure(report, "Sum after costs", &super::text::r(r.sum), &sum),
        figure(report, "Gains by losses", &factor, &wins),
        figure(report, "Deepest fall", &deepest, &fall(report)),
        figure(report, "In the market", &percent(r.exposure), &hours),
    ]
}

fn fall(report: &Report) -> String {
    let fall = &report.drawdown;
    if fall.r <= 0.0 {
        return "none".to_owned();
    }
    match (&fall.from, &fall.until) {
        (Some(from), Some(until)) => format!("{} to {}", safe(from), safe(until)),
        (Some(from), None) => format!("since {}, not made up for", safe(from)),
        (None, Some(until)) => format!("from the beginning to {}", safe(until)),
        (None, None) => "from the beginning, not made up for".to_owned(),
    }
}

/// What is left of the result after as many trials.
fn luck(report: &Report) -> String {
    report.bootstrap.map_or_else(
        || "one-sided p unknown".to_owned(),
        |found| format!("p of the mean {}", fixed(found.p_mean_r_deflated, 3)),
    )
}

/// The three comparisons that speak for an edge or against it, each against zero.
pub(super) fn evidence(report: &Report) -> String {
    let all = &report.all;
    let mut rows = Vec::new();
    if let Some(edge) = all.edge.filter(|_| all.n > 0) {
        let by_days = report.bootstrap.and_then(|found| found.edge);
        let chance = all.chance.unwrap_or_default();
        let (low, high) = by_days.unwrap_or((all.low - chance, all.high - chance));
        let how = if by_days.is_some() {
            "interval by days drawn anew"
        } else {
            "Wilson's interval"
        };
        rows.push(Row {
            name: "Hits above chance",
            how: format!("{}; {how}", counted(all.n, "trade")),
            value: (edge, low, high),
            shown: points,
        });
    }
    if let Some(control) = &report.control {
        rows.push(Row {
            name: "Hits above random entries",
            how: format!(
                "{} random entries hit {}",
                count(control.n),
                percent(control.rate)
            ),
            value: (
                control.difference,
                control.difference_low,
                control.difference_high,
            ),
            shown: points,
        });
    }
    if let Some(found) = report.bootstrap {
        rows.push(Row {
            name: "Mean result after costs",
            how: format!(
                "{} drawn {} times",
                counted(found.days, "day"),
                count(found.draws)
            ),
            value: (all.r.mean, found.mean_r.0, found.mean_r.1),
            shown: r,
        });
    }
    if rows.is_empty() {
        return "<p class=\"none\">There are too few trades to compare with anything.</p>"
            .to_owned();
    }
    let rows: String = rows.iter().map(Row::picture).collect();
    format!("<div class=\"evidence\">{rows}</div>")
}

/// One comparison: its value, and its interval of 95 %.
struct Row {
    name: &'static str,
    how: String,
    value: (f64, f64, f64),
    shown: fn(f64) -> String,
}

impl Row {
    fn picture(&self) -> String {
        let (value, low, high) = self.value;
        let shown = self.shown;
        let interval = format!("{} to {}", shown(low), shown(high));
        let whisker = Whisker {
            value,
            low,
            high,
            against: Some(0.0),
            tone: Whisker::tone(low, high, Some(0.0)),
            title: format!("{}: {} ({interval})", self.name, shown(value)),
        };
        let scale = Scale::around_zero([low, high, value]).wider(0.08);
        format!(
            "<div><p>{}<small>{}</small></p><div class=\"drawn\">{}</div><p class=\"value\"><b class=\"{}\">{}</b><small>{interval}</small></p></div>",
            self.name,
            self.how,
            whisker.picture(scale, 26.0),
            if whisker.tone.is_empty() {
                ""
            } else {
                tone(value)
            },
            shown(value),
        )
    }
}

/// What the reader has to know of the data and the figures.
pub(super) fn notes(report: &Report) -> String {
    if report.notes.is_empty() {
        return String::new();
    }
    let note = |note: &String| format!("<li>{}</li>", safe(note));
    let notes: String = report.notes.iter().map(note).collect();
    format!("<h3>What to know first</h3><ul class=\"notes\">{notes}</ul>")
}
