//! What became of triggers and signals that are no trades: refused, invalidated, still running.

use super::confirmation;
use super::text::{count, percent, safe};
use lab::backtest::report::{Counted, Report};

pub(super) fn section(report: &Report) -> String {
    format!(
        "{}<div class=\"pair\"><div><h3>Triggers that became no signal</h3>{}</div><div><h3>Signals that were not confirmed</h3>{}</div></div>{}",
        way(report),
        bars(&report.refused, refusal),
        bars(&report.invalidated, cause),
        report
            .confirmation
            .as_ref()
            .map_or_else(String::new, confirmation::part),
    )
}

/// From triggers to trades.
fn way(report: &Report) -> String {
    let signals = report.signals;
    let refused: u64 = report.refused.iter().map(|counted| counted.n).sum();
    let steps = [
        ("refused triggers", refused),
        ("signals born", signals.born),
        ("invalidated", signals.invalidated),
        ("confirmed", signals.confirmed),
        ("still running", signals.running),
        ("trades", u64::from(report.all.n)),
        ("of them ambiguous", signals.ambiguous),
    ];
    let step = |(name, n): (&str, u64)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", count(n));
    let steps: String = steps.into_iter().map(step).collect();
    format!("<dl class=\"facts\">{steps}</dl>")
}

fn bars(counts: &[Counted], words: fn(&str) -> Option<&'static str>) -> String {
    if counts.is_empty() {
        return "<p class=\"none\">None.</p>".to_owned();
    }
    let sum: u64 = counts.iter().map(|counted| counted.n).sum();
    let most = counts
        .iter()
        .map(|counted| counted.n)
        .max()
        .unwrap_or(1)
        .max(1);
    let mut sorted: Vec<&Counted> = counts.iter().collect();
    sorted.sort_by_key(|counted| std::cmp::Reverse(counted.n));
    let row = |counted: &&Counted| {
        let part = counted.n as f64 / sum.max(1) as f64;
        let why = words(&counted.name).map_or_else(String::new, |why| {
            format!("<br><small class=\"quiet\">{why}</small>")
        });
        format!(
            "<tr><td class=\"wrap\">{}{why}</td><td>{}</td><td>{}</td><td class=\"bar\"><svg class=\"plot\" height=\"10\" aria-hidden=\"true\"><rect class=\"count\" width=\"{}\" height=\"10\" rx=\"2\"/></svg></td></tr>",
            safe(&counted.name.replace('_', " ")),
            count(counted.n),
            percent(part),
            super::plot::wide(counted.n as f64 / most as f64),
        )
    };
    let rows: String = sorted.iter().map(row).collect();
    format!(
        "<table><thead><tr><th scope=\"col\">why</th><th scope=\"col\">n</th><th scope=\"col\">part</th><th scope=\"col\"></th></tr></thead><tbody>{rows}</tbody></table>"
    )
}

/// Why a trigger was refused, in plain words (`engine::Refusal`).
fn refusal(name: &str) -> Option<&'static str> {
    Some(match name {
        "closed" => "the market was closed by its calendar",
        "killzone" => "outside the core hours of every killzone",
        "live" => "a signal of this symbol and direction was pending or running",
        "zone_used" => "this zone had signalled before",
        "cooldown" => "too soon after the symbol's last signal",
        "daily_cap" => "the day's signals were spent",
        "risk_too_small" => "the stop lay too near for the spread or the volatility",
        "risk_too_large" => "the stop lay too far for the volatility",
        "reward_too_small" => "the targets paid too little for the risk",
        "portfolio" => "a limit of the portfolio blocked it",
        _ => return None,
    })
}

/// Why a signal was not confirmed, in plain words (`market::Cause`).
pub(super) fn cause(name: &str) -> Option<&'static str> {
    Some(match name {
        "stop" => "the stop traded before the verdict",
        "missed" => "the first target traded before the verdict",
        "structure" => "the market's structure turned against it",
        "timeout" => "nothing confirmed it within its time",
        "stale_feed" => "the source fell silent",
        "restart" => "the server was not there to judge it",
        "sender" => "whoever sent it took it back",
        _ => return None,
    })
}
