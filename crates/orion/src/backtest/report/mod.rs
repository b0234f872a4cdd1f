//! A backtest's report as one HTML file that needs nothing else: it opens from disk, without a network, in any browser.
//!
//! Pictures are SVG drawn here. `script.js` adds tooltips, the list of trades and their charts; figures do without. Nothing is
//! taken from elsewhere: a chart library would be ten times the page's code, and what is drawn of a trade (a stop that moves, the
//! zone of risk, the verdict) it would not know. The page's own policy forbids requests and all code but this script.

mod about;
mod calendar;
mod causes;
mod confidence;
mod confirmation;
mod equity;
mod folds;
mod groups;
mod pack;
mod plot;
mod results;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod trades;
mod verdict;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::backtest::Report;
use lab::backtest::report::Trade;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use text::safe;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Writes the report. Who looks at the file sees the old one or the new one, never a part.
///
/// # Errors
/// When the file cannot be written.
pub fn write(report: &Report, path: &Path) -> Result<()> {
    write_as(report, "backtest", path)
}

/// The same of something that is called otherwise.
///
/// # Errors
/// As [`write()`].
pub(crate) fn write_as(report: &Report, what: &str, path: &Path) -> Result<()> {
    let beside = beside(path);
    let written = put(&beside, &page_as(report, what)).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // It may not be there: what is told is why it could not be written.
        let _ = fs::remove_file(&beside);
    }
    written.with_context(|| {
        format!(
            "write the report to {}: name a file in a folder that is there and may be written to",
            path.display()
        )
    })
}

fn put(path: &Path, page: &str) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(page.as_bytes())?;
    file.sync_all()
}

/// A name in the same folder that no other process uses.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

/// The whole page. Equal reports give equal bytes.
#[must_use]
pub fn page(report: &Report) -> String {
    page_as(report, "backtest")
}

fn page_as(report: &Report, what: &str) -> String {
    let symbols = report.run.symbols.iter().map(|span| &span.symbol);
    let mut names: Vec<&str> = symbols.map(String::as_str).collect();
    // Where no prices were read, what was.
    if names.is_empty() {
        names.extend(report.run.inputs.iter().map(String::as_str));
    }
    let simulated = if report.run.simulated {
        "SIMULATED, "
    } else {
        ""
    };
    let title = format!(
        "{simulated}{}, {}: ORION {what}",
        names.join(" "),
        trades::days_between(report)
    );
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the verdict</a>\n{}\n{}\n\
         <main id=\"main\">\n{}</main>\n<footer>Made by ORION. Results of the past promise nothing, and signals are no advice.</footer>\n\
         <div id=\"tip\" role=\"status\" hidden></div>\n<script type=\"application/json\" id=\"data\">{}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        policy(),
        safe(&title),
        verdict::banner(report),
        ways(),
        body(report),
        trades::data(report),
    )
}

/// The trades that figures are of: those of a model's training are only listed.
fn counting(report: &Report) -> impl Iterator<Item = &Trade> + Clone {
    report.trades.iter().filter(|trade| !trade.training)
}

/// No request at all, and no code or style but what is written here.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; img-src data:; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

/// The parts of the page that one can go to, and what they are called there.
const PARTS: [(&str, &str); 9] = [
    ("equity", "Equity"),
    ("calendar", "Calendar"),
    ("groups", "Setups"),
    ("confidence", "Confidence"),
    ("folds", "Walk forward"),
    ("causes", "Refused"),
    ("trades", "Trades"),
    ("run", "Run"),
    ("words", "Words"),
];

fn ways() -> String {
    let way = |(id, name): &(&str, &str)| format!("<a href=\"#{id}\">{name}</a>");
    let ways: String = PARTS.iter().map(way).collect();
    format!("<nav aria-label=\"parts\"><div><b>ORION</b>{ways}</div></nav>")
}

fn body(report: &Report) -> String {
    let trials = verdict::trials(report);
    let n = text::counted(report.all.n, "trade");
    let with = format!("{n}, {trials}");
    let part = |id: &str, heading: &str, lead: &str, content: String| {
        let lead = match lead {
            "" => String::new(),
            lead => format!("<p class=\"lead\">{lead}</p>"),
        };
        format!(
            "<section id=\"{id}\"><h2>{heading} <small>{with}</small></h2>{lead}{content}</section>\n"
        )
    };
    let evidence = format!(
        "{}{}{}",
        verdict::evidence(report),
        about::luck(report),
        verdict::notes(report)
    );
    let distribution_says = format!(
        "What each trade brought, in quarters of R.{}",
        results::beyond_ends(report)
    );
    [
        verdict::headline(report),
        verdict::tiles(report),
        part("evidence", "Is it more than chance?", "Each value with its interval of 95 %. Only an interval that is all on one side of the line says something.", evidence),
        part("equity", "Sum of results", "In R, day by day, by the trading day on which a trade ended. Below: how far it lay under its highest day.", equity::section(report)),
        part("calendar", "Day by day", "The sum after costs of what ended on each trading day, which begins at 17:00 in New York.", calendar::section(report)),
        part("groups", "Setups, symbols, killzones", "Many groups are many chances to be lucky: of twenty without any edge, one interval lies beside chance.", groups::section(report)),
        format!(
            "<div class=\"pair\">{}{}</div>",
            part("confidence", "Confidence told, hits that came", "", confidence::section(report)),
            part("excursions", "Best and worst while it ran", "How far the price went for each trade and against it before its end, from the fill.", results::excursions(report)),
        ),
        part("results", "Results", &distribution_says, results::distribution(report)),
        part("folds", "Walk forward", "Quarters by themselves, beside what was known before each.", folds::section(report)),
        part("causes", "From triggers to trades", "", causes::section(report)),
        part("trades", "Trades", "", trades::section(report)),
        part("run", "What was run", "This command makes this report again, from the same data.", about::run(report)),
        part("words", "What the words mean", "", about::words(report)),
    ]
    .concat()
}
