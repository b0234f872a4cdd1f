//! Confidence told against hits that came.

use super::plot::{Scale, dot, legend, length, stroke};
use super::text::{count, fixed, known, percent, percents, safe, signed};
use lab::backtest::report::{Bin, Report, Scores};

/// The picture's side, and the room for its words.
const SIDE: f64 = 340.0;
const LEFT: f64 = 46.0;
const BOTTOM: f64 = 44.0;

pub(super) fn section(report: &Report) -> String {
    if report.reliability.is_empty() {
        return "<p class=\"none\">No confidence can be held against a result yet.</p>".to_owned();
    }
    let entries = [
        (
            dot(""),
            "hits that came, with their interval; larger: more trades",
        ),
        (stroke("ideal"), "as told"),
    ];
    format!(
        "{}{}{}{}",
        legend(&entries),
        picture(&report.reliability),
        report.scores.map(scores).unwrap_or_default(),
        table(&report.reliability),
    )
}

fn picture(bins: &[Bin]) -> String {
    let values = bins
        .iter()
        .flat_map(|bin| [bin.confidence, bin.low, bin.high]);
    let around = Scale::over(values);
    // To whole tenths, so that both axes are read alike.
    let scale = Scale {
        low: (around.low * 10.0).floor() / 10.0,
        high: (around.high * 10.0).ceil() / 10.0,
    };
    let x = |value: f64| LEFT + scale.place(value, SIDE);
    let y = |value: f64| 6.0 + SIDE - scale.place(value, SIDE);
    let tick = |value: f64| {
        format!(
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y}\" y2=\"{y}\"/><line class=\"grid\" x1=\"{x}\" x2=\"{x}\" y1=\"6\" y2=\"{bottom}\"/>\
             <text x=\"{before}\" y=\"{by}\" text-anchor=\"end\">{shown}</text><text x=\"{x}\" y=\"{under}\" text-anchor=\"middle\">{shown}</text>",
            right = length(LEFT + SIDE),
            bottom = length(6.0 + SIDE),
            before = length(LEFT - 7.0),
            under = length(6.0 + SIDE + 17.0),
            x = length(x(value)),
            y = length(y(value)),
            by = length(y(value) + 4.0),
            shown = fixed(value * 100.0, 0),
        )
    };
    let ticks: String = scale.ticks(6.0).into_iter().map(tick).collect();
    let most = bins.iter().map(|bin| bin.n).max().unwrap_or(1).max(1);
    let bin = |bin: &Bin| {
        let radius = 3.0 + 4.5 * (f64::from(bin.n) / f64::from(most)).sqrt();
        format!(
            "<g><title>told {}, came {} {}\n{} of {}</title><line class=\"whisker\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>\
             <circle class=\"point\" cx=\"{x}\" cy=\"{}\" r=\"{}\"/></g>",
            percent(bin.confidence),
            percent(bin.rate),
            percents(bin.low, bin.high),
            bin.hits,
            bin.n,
            length(y(bin.low)),
            length(y(bin.high)),
            length(y(bin.rate)),
            length(radius),
            x = length(x(bin.confidence)),
        )
    };
    let bins: String = bins.iter().map(bin).collect();
    format!(
        "<svg class=\"square walk\" viewBox=\"0 0 {width} {height}\" role=\"img\" tabindex=\"0\" aria-label=\"Hit rate against the confidence told; the table below says the same.\">\
         {ticks}<line class=\"ideal\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>{bins}\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">confidence told, %</text><text x=\"{}\" y=\"18\">hits that came, %</text></svg>",
        length(x(scale.low)),
        length(y(scale.low)),
        length(x(scale.high)),
        length(y(scale.high)),
        length(LEFT + SIDE),
        length(6.0 + SIDE + 36.0),
        length(LEFT + 6.0),
        width = length(LEFT + SIDE + 14.0),
        height = length(6.0 + SIDE + BOTTOM),
    )
}

fn scores(scores: Scores) -> String {
    let facts = [
        ("trades", count(scores.n)),
        ("mean confidence", percent(scores.confidence)),
        ("Brier score", fixed(scores.brier, 4)),
        ("Brier skill", known(scores.skill, |skill| signed(skill, 4))),
        ("log loss", fixed(scores.log_loss, 4)),
        ("calibration error", percent(scores.calibration_error)),
    ];
    let fact =
        |(name, value): (&str, String)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>");
    let facts: String = facts.into_iter().map(fact).collect();
    format!("<dl class=\"facts\">{facts}</dl>")
}

fn table(bins: &[Bin]) -> String {
    let row = |bin: &Bin| {
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            percent(bin.confidence),
            percent(bin.rate),
            percents(bin.low, bin.high),
            bin.hits,
            bin.n
        )
    };
    let rows: String = bins.iter().map(row).collect();
    let columns: String = ["told", "came", "95 %", "hits", "n"]
        .iter()
        .map(|name| format!("<th scope=\"col\">{}</th>", safe(name)))
        .collect();
    format!(
        "<details><summary>The same as a table</summary><table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></details>"
    )
}
