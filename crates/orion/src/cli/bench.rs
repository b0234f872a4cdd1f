//! The command that measures this machine: `bench`.

use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Options of `bench`.
#[derive(Args, Clone, Debug)]
pub struct Bench {
    /// How many dashboards connect
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub clients: u32,
    /// How long to measure with all of them subscribed, in seconds
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..=3600))]
    pub seconds: u64,
    /// How much of all cores dashboards may take, in percent: the rest is for peaks
    #[arg(long, value_name = "PERCENT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub share: u32,
    /// What the line to the world carries, in Mbit/s
    #[arg(long, value_name = "MBIT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub line: u32,
    /// Instead: keep them connected for so long, such as 30s, 10m or 1h, each minute a sixth of them anew, and say whether memory, descriptors
    /// and threads stay flat
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub soak: Option<Duration>,
    /// Another build of ORION to measure [default: this one]
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `90s`, `10m`, `1h`.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "`{text}` is no span: a whole number of seconds, minutes or hours, such as 30s, 10m or 1h"
        )
    };
    let unit = match text.chars().next_back() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some(_) | None => return Err(wrong()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    match count.checked_mul(unit) {
        Some(seconds) if (4..=30 * 24 * 3600).contains(&seconds) => {
            Ok(Duration::from_secs(seconds))
        }
        Some(_) | None => Err(format!("`{text}` is not between 4s and 720h")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        assert_eq!(span("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(span("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(span("1h"), Ok(Duration::from_hours(1)));
        for wrong in [
            "",
            "h",
            "10",
            "3s",
            "-1h",
            "1.5h",
            "9999999999999999999h",
            "5é",
        ] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
