//! `orion status`: how a running server does, on one screen, and as an exit code. `status/verdict.rs` says what is wrong.

mod verdict;

use crate::cli;
use crate::remote::{self, Found, Remote};
use crate::tail::{clean, span};
use anyhow::Result;
use serde_json::{Value, json};
use std::io::{self, BufWriter, Write};
use verdict::{Problem, problems};

/// Exit codes.
const WELL: u8 = 0;
const UNWELL: u8 = 1;
const UNREACHABLE: u8 = 2;

/// Runs the command; its exit code.
///
/// # Errors
/// When the settings are impossible, several servers are meant, or nothing can be written.
pub async fn run(options: &cli::Status, environment: &[(String, String)]) -> Result<u8> {
    let remote = match remote::find(&options.asked, environment)? {
        Found::Running(remote) => remote,
        Found::Kept(data) => {
            let why = format!(
                "no server runs on {}: start one with `orion`, or name its data folder with --data or its address with --url",
                data.display()
            );
            return unreachable(&why, options.printed);
        }
    };
    if options.ready {
        return ready(&remote, options.printed).await;
    }
    let health = match remote.get("/health").await {
        Ok((200, health)) if health.get("store").is_some() => health,
        Ok((status, _)) => {
            let why = format!(
                "{}/health answers {status}: is this a server of ORION's?",
                remote.url
            );
            return unreachable(&why, options.printed);
        }
        Err(error) => return unreachable(&format!("{error:#}"), options.printed),
    };
    let problems = problems(&health);
    print(&remote, &health, &problems, options.printed)?;
    Ok(if problems.is_empty() { WELL } else { UNWELL })
}

/// Whether clients are let in. Sources that are down, or a full disk, are another question.
async fn ready(remote: &Remote, printed: cli::Printed) -> Result<u8> {
    match remote.get("/health/ready").await {
        Ok((200, _)) => {
            writeln!(io::stdout(), "ready    {}", remote.url)?;
            Ok(WELL)
        }
        Ok((status, _)) => {
            let _ = writeln!(
                io::stderr(),
                "error: {}/health/ready answers {status}: clients are not let in yet",
                remote.url
            );
            Ok(UNWELL)
        }
        Err(error) => unreachable(&format!("{error:#}"), printed),
    }
}

fn unreachable(why: &str, printed: cli::Printed) -> Result<u8> {
    if printed.json {
        let told = json!({"healthy": false, "reachable": false, "problems": [{"what": "server", "why": why}]});
        writeln!(io::stdout(), "{told}")?;
    }
    // Standard error may be gone; the exit code says it too.
    let _ = writeln!(io::stderr(), "error: {why}");
    Ok(UNREACHABLE)
}

fn print(
    remote: &Remote,
    health: &Value,
    problems: &[Problem],
    printed: cli::Printed,
) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if printed.json {
        let told: Vec<Value> = problems.iter().map(Problem::json).collect();
        let told = json!({
            "healthy": problems.is_empty(),
            "reachable": true,
            "url": remote.url,
            "problems": told,
            "health": health,
        });
        writeln!(out, "{told}")?;
    } else if printed.csv {
        csv(health, problems, &mut out)?;
    } else {
        for line in screen(&remote.url, health, problems) {
            writeln!(out, "{}", clean(&line))?;
        }
    }
    out.flush()?;
    Ok(())
}

/// A text of an object, by its path.
fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("-")
}

fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    let list = value.pointer(path).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// One screen, of 80 columns.
fn screen(url: &str, health: &Value, problems: &[Problem]) -> Vec<String> {
    let is_simulated = health.get("simulated") == Some(&Value::Bool(true));
    let simulated = if is_simulated { "  SIMULATED" } else { "" };
    let verdict = if problems.is_empty() {
        "healthy"
    } else {
        "NOT HEALTHY"
    };
    let up = i64::try_from(number(health, "/uptime_s")).unwrap_or(i64::MAX / 1000);
    let mut lines = vec![
        format!(
            "{verdict}  {}{simulated}  ORION {}",
            text(health, "/market"),
            text(health, "/version")
        ),
        format!("at       {url}, up {}", span(up * 1000)),
        format!(
            "feed     {} is {}, last event {}",
            text(health, "/feed/name"),
            text(health, "/feed/state"),
            text(health, "/feed/last_event")
        ),
    ];
    lines.extend(list(health, "/feed/sources").iter().map(source));
    lines.extend(symbols(health));
    lines.push(format!(
        "journal  {} at {}.{}",
        text(health, "/store/state"),
        text(health, "/store/position/epoch"),
        number(health, "/store/position/seq")
    ));
    lines.push(format!(
        "signals  {} pending, {} running",
        number(health, "/signals/pending"),
        number(health, "/signals/running")
    ));
    lines.extend(list(health, "/models").iter().map(|model| {
        format!(
            "model    {} {} is {}",
            text(model, "/name"),
            text(model, "/version"),
            text(model, "/state")
        )
    }));
    lines.push(format!(
        "clients  {} connections",
        number(health, "/connections")
    ));
    lines.extend(problems.iter().map(|problem| format!("! {problem}")));
    lines
}

fn source(source: &Value) -> String {
    let heard = source.get("heard_ms_ago").and_then(Value::as_i64);
    let heard = heard.map_or("nothing heard yet".to_owned(), |ms| {
        format!("heard {} ago", span(ms.max(0)))
    });
    format!(
        "source   {} is {} since {}, {heard}, {} ticks",
        text(source, "/name"),
        text(source, "/state"),
        text(source, "/since"),
        number(source, "/ticks")
    )
}

/// Symbols by how their prices stand, a line for each state.
fn symbols(health: &Value) -> Vec<String> {
    let all = list(health, "/feed/symbols");
    let of = |state: &str| {
        let names = all.iter().filter(|one| text(one, "/feed") == state);
        names.map(|one| text(one, "/symbol")).collect::<Vec<_>>()
    };
    let states = ["live", "stale", "closed", "silent"].map(|state| (state, of(state)));
    let states = states.into_iter().filter(|(_, names)| !names.is_empty());
    states
        .map(|(state, names)| format!("symbols  {} {state}: {}", names.len(), names.join(" ")))
        .collect()
}

/// A row for the server, its feed, and each source, symbol and model.
fn csv(health: &Value, problems: &[Problem], out: &mut impl Write) -> Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["what", "name", "state", "since", "detail"])?;
    let verdict = if problems.is_empty() {
        "healthy"
    } else {
        "not_healthy"
    };
    let whys: Vec<String> = problems.iter().map(ToString::to_string).collect();
    rows.write_record([
        "server",
        text(health, "/market"),
        verdict,
        text(health, "/started"),
        &whys.join("; "),
    ])?;
    rows.write_record([
        "feed",
        text(health, "/feed/name"),
        text(health, "/feed/state"),
        text(health, "/feed/last_event"),
        "",
    ])?;
    for (what, path, state) in [
        ("source", "/feed/sources", "/state"),
        ("symbol", "/feed/symbols", "/feed"),
        ("model", "/models", "/state"),
    ] {
        for one in list(health, path) {
            let name = if what == "symbol" { "/symbol" } else { "/name" };
            let detail = if what == "symbol" {
                "/source"
            } else {
                "/reason"
            };
            let detail = one.pointer(detail).and_then(Value::as_str);
            let since = one.get("since").and_then(Value::as_str);
            rows.write_record([
                what,
                text(one, name),
                text(one, state),
                since.unwrap_or_default(),
                detail.unwrap_or_default(),
            ])?;
        }
    }
    rows.flush()?;
    Ok(())
}
