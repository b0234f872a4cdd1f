//! `orion history seal`: seals the finished days now.

use super::{Market, Progress};
use crate::seal::{self, Pass};
use anyhow::Result;
use history::day;
use serde_json::json;
use std::io::Write;

/// Seals each market's days, and prints what was done; whether all of it could be.
pub(super) fn run(markets: &[Market], json: bool, out: &mut impl Write) -> Result<bool> {
    let mut well = true;
    for market in markets {
        let name = &market.name;
        let progress = Progress::new(name, seal::bytes_ahead(&market.dir)?);
        let passed = seal::pass(&market.dir, &mut |bytes| {
            progress.set(bytes);
            true
        });
        drop(progress);
        let (pass, error) = match passed {
            Ok(pass) => (pass, None),
            Err(error) => (Pass::default(), Some(format!("{error:#}"))),
        };
        well &= error.is_none() && pass.failed.is_empty();
        if json {
            writeln!(out, "{}", object(name, &pass, error.as_deref()))?;
        } else {
            print(name, &pass, error.as_deref(), out)?;
        }
        out.flush()?;
    }
    Ok(well)
}

fn print(name: &str, pass: &Pass, error: Option<&str>, out: &mut impl Write) -> Result<()> {
    if let Some(error) = error {
        writeln!(out, "{name}: nothing was sealed: {error}")?;
        return Ok(());
    }
    let open = pass.open.map_or(String::new(), |open| {
        let date = day::date(open);
        format!("; {date} is sealed when the tape has gone on to a later day")
    });
    let days = match pass.sealed.len() {
        0 => "no day is left to be sealed".to_owned(),
        1 => "sealed 1 day".to_owned(),
        several => format!("sealed {several} days"),
    };
    writeln!(out, "{name}: {days}{open}")?;
    for note in &pass.sealed {
        for file in &note.files {
            writeln!(
                out,
                "  {}  {} {}, {} bytes, {:.2} each",
                file.path.display(),
                file.rows,
                file.kind.as_str(),
                file.bytes,
                file.bytes as f64 / file.rows.max(1) as f64
            )?;
        }
    }
    for (number, reason) in &pass.failed {
        writeln!(out, "  wrong  {}: {reason}", day::date(*number))?;
    }
    Ok(())
}

fn object(name: &str, pass: &Pass, error: Option<&str>) -> serde_json::Value {
    let failed: Vec<serde_json::Value> = pass
        .failed
        .iter()
        .map(|(number, reason)| json!({"day": day::date(*number), "reason": reason}))
        .collect();
    json!({
        "market": name, "sealed": pass.sealed, "failed": failed, "open": pass.open.map(day::date), "error": error,
    })
}
