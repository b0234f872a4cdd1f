//! Every command that a document shows is run as it stands there, in a folder that has what it names.

use super::pages::{Command, commands, name, pages};
use super::sandbox::Sandbox;
use super::support::{Server, serve};
use std::path::Path;

/// The recordings that a document's commands name.
const RECORDINGS: [(&str, &[&str]); 6] = [
    ("README.md", &["EURUSD_20140502.zip", "EURUSD_15m.csv"]),
    (
        "docs/backtest.md",
        &["XAUUSD_tick_1.zip", "EURUSD_1h.zip", "XAUUSD_1m_1.zip"],
    ),
    ("docs/quick-start.md", &["EURUSD_1h.zip"]),
    ("docs/features.md", &["EURUSD_1m.zip"]),
    (
        "docs/inspect.md",
        &["EURUSD_15m.csv", "NAS100_1h.csv", "SPX500_1h.csv"],
    ),
    ("examples/model/README.md", &["EURUSD_1m.zip"]),
];

/// What is not run here, by how it begins, and what shows it instead.
const ELSEWHERE: [(&str, &str); 17] = [
    ("./check", "it is what runs this"),
    (
        "deploy/sbom",
        "tests/supply.rs runs it and reads what it writes",
    ),
    ("deploy/notices", "tests/packages reads what it writes"),
    (
        "orion bench --soak",
        "lasts; tests/bench.rs runs it shorter",
    ),
    ("bench/run", "`./check` runs all at a tiny size"),
    (
        "git clone https://github.com/npshopbangkok-maker",
        "needs a network; clients/dashboard.rs plays its page",
    ),
    ("npm install", "the same"),
    ("VITE_SIGNAL_WS_URL=", "the same"),
    ("npx vite", "the same"),
    (
        "orion feed test kraken",
        "needs a network; tests/sources plays vendors",
    ),
    ("orion reload", "leaves a process behind; tests/handover"),
    ("export ALPHAVANTAGE_API_KEY=", "sets what a vendor gave"),
    ("export MASSIVE_API_KEY=", "sets what a vendor gave"),
    (
        "python3 -m venv",
        "needs packages; tests/models.rs runs models",
    ),
    (".venv/bin/python", "the same"),
    ("LIBRARY=", "the same"),
    ("orion model check", "the same"),
];

/// Sources that cannot be connected to without a network.
const DISTANT: [&str; 7] = [
    "oanda",
    "kraken",
    "massive",
    "twelvedata",
    "finnhub",
    "alphavantage",
    ".toml",
];

#[test]
fn every_command_in_the_documents_works() {
    let sandbox = Sandbox::new();
    let mut failed = Vec::new();
    let mut run = 0;
    for page in pages() {
        let page_name = name(&page);
        let recordings = RECORDINGS
            .iter()
            .find(|(of, _)| *of == page_name)
            .map_or(&[][..], |(_, files)| files);
        let place = sandbox.enter(recordings);
        for command in commands(&page) {
            let Some(line) = line(&command) else { continue };
            run += 1;
            if let Err(told) = try_out(&sandbox, &line, place.path()) {
                failed.push(format!("{}: {line}\n{told}", command.place));
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {run} commands failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(run >= 30, "only {run} commands were found");
}

#[test]
fn what_is_not_run_stands_in_a_document() {
    let all: Vec<Command> = pages()
        .iter()
        .flat_map(|page| commands(page))
        .chain(bench())
        .collect();
    for (begin, _) in ELSEWHERE {
        let found = all
            .iter()
            .any(|command| ours(&command.text).starts_with(begin));
        assert!(found, "no document has {begin}");
    }
}

fn bench() -> Vec<Command> {
    commands(&super::root().join("bench/README.md"))
}

/// As a user of the installed program writes it.
fn ours(text: &str) -> String {
    let installed = text.replace("cargo run --release -- ", "orion ");
    if installed == "cargo run --release" {
        "orion serve".to_owned()
    } else {
        installed
    }
}

/// What is run; `None` where another test does it.
fn line(command: &Command) -> Option<String> {
    let line = ours(&command.text);
    if ELSEWHERE.iter().any(|(begin, _)| line.starts_with(begin)) {
        return None;
    }
    // jq only makes it shorter.
    Some(line.split(" | jq").next().unwrap_or(&line).to_owned())
}

/// # Errors
/// What it said, where it failed.
fn try_out(sandbox: &Sandbox, line: &str, place: &Path) -> Result<(), String> {
    match line.split_once("orion serve") {
        Some((_, options)) if DISTANT.iter().any(|source| options.contains(source)) => {
            ended(sandbox, &line.replace("orion serve", "orion check"), place)
        }
        Some((_, options)) => started(options, place),
        None => ended(sandbox, line, place),
    }
}

fn ended(sandbox: &Sandbox, line: &str, place: &Path) -> Result<(), String> {
    let ended = sandbox.run(line, place);
    if ended.success {
        Ok(())
    } else {
        Err(ended.told)
    }
}

/// A server lets clients in, and ends when it is told to.
fn started(options: &str, place: &Path) -> Result<(), String> {
    let options: Vec<String> = options
        .split_whitespace()
        .map(|word| match word.strip_prefix("tape:") {
            Some(file) => format!("tape:{}", place.join(file).display()),
            None => word.to_owned(),
        })
        .collect();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let data = tempfile::tempdir().map_err(|error| error.to_string())?;
    let server = Server::start(serve(data.path(), &options))
        .map_err(|(code, log)| format!("{code:?}\n{log}"))?;
    server.terminate();
    match server.wait() {
        Some(0) => Ok(()),
        code => Err(format!("it ended with {code:?}")),
    }
}
