//! `orion config diff`: what a running server's settings say now and it does not have, and what each change takes.

use crate::cli;
use crate::handover;
use crate::reload::market_of;
use crate::switches::{Difference, Takes};
use anyhow::Result;
use std::io::{self, Write as _};

/// Finds the server by its data folder, lets it compare, and prints what differs.
///
/// # Errors
/// When there is no such server, or its settings cannot run now.
pub fn run(options: &cli::ConfigDiff, environment: Vec<(String, String)>) -> Result<()> {
    let market = market_of(
        options.which.layers(environment),
        options.which.market.as_deref(),
    )?;
    let differences = handover::differences_of(&market)?;
    let mut out = io::stdout().lock();
    if options.json {
        writeln!(out, "{}", serde_json::to_string(&differences)?)?;
    } else if differences.is_empty() {
        writeln!(out, "the server runs with what its settings say")?;
    } else {
        for difference in &differences {
            writeln!(out, "{}", lines(difference))?;
        }
    }
    Ok(())
}

fn lines(difference: &Difference) -> String {
    let Difference {
        key,
        running,
        settings,
        takes,
        reason,
    } = difference;
    let takes = match takes {
        Takes::Nothing => "SIGHUP, or the next look at the file: it holds at once",
        Takes::NextEvent => {
            "SIGHUP, or the next look at the file: engine and sources take it up with the next event"
        }
        Takes::Reload => "`orion reload`",
        Takes::Restart => "another start",
    };
    let reason = reason.as_deref().unwrap_or_default();
    let colon = if reason.is_empty() { "" } else { ": " };
    format!(
        "{key}: runs with {running}, the settings say {settings}\n  takes {takes}{colon}{reason}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_says_what_it_takes() {
        let difference = |takes, reason: Option<&str>| Difference {
            key: "rules.min_rr".to_owned(),
            running: "1.5".to_owned(),
            settings: "2.0".to_owned(),
            takes,
            reason: reason.map(str::to_owned),
        };
        let first = "rules.min_rr: runs with 1.5, the settings say 2.0\n  ";
        assert_eq!(
            lines(&difference(Takes::Nothing, None)),
            format!("{first}takes SIGHUP, or the next look at the file: it holds at once")
        );
        assert!(lines(&difference(Takes::NextEvent, None)).contains("with the next event"));
        assert_eq!(
            lines(&difference(Takes::Reload, Some("why"))),
            format!("{first}takes `orion reload`: why")
        );
        assert_eq!(
            lines(&difference(Takes::Restart, Some("why"))),
            format!("{first}takes another start: why")
        );
    }
}
