//! Walk forward: each quarter of a year, and what was known before it.

use super::plot::{Scale, Whisker};
use super::text::{count, known, percent, percents, points, r, safe, signed, tone};
use lab::backtest::report::{Fold, FoldPart, LEAST, Report};

pub(super) fn section(report: &Report) -> String {
    if report.folds.is_empty() {
        return "<p class=\"none\">No quarter has a result.</p>".to_owned();
    }
    let told = report.folds.iter().filter(|fold| is_enough(&fold.inside));
    let values = told.filter_map(|fold| interval(&fold.inside));
    let scale = Scale::around_zero(values.flat_map(|(low, high)| [low, high])).wider(0.05);
    let rows: String = report.folds.iter().map(|fold| row(fold, scale)).collect();
    let columns = [
        "quarter",
        "n before",
        "edge before",
        "n",
        "hit rate",
        "95 %",
        "chance",
        "edge",
        "mean R",
        "sum R",
        "Brier skill",
        "edge in it",
    ];
    let columns: String = columns
        .iter()
        .map(|name| format!("<th scope=\"col\">{name}</th>"))
        .collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"quarters\"><table><caption>Bar: edge with its interval, {} to {}; upright line: none.</caption>\
         <thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>",
        points(scale.low),
        points(scale.high),
    )
}

fn is_enough(part: &FoldPart) -> bool {
    part.n >= LEAST
}

/// Wilson's interval of the hit rate, less chance.
fn interval(part: &FoldPart) -> Option<(f64, f64)> {
    let chance = part.chance?;
    Some((part.low - chance, part.high - chance))
}

fn row(fold: &Fold, scale: Scale) -> String {
    let Fold { before, inside, .. } = fold;
    let edge_before = before.edge.filter(|_| is_enough(before));
    let head = format!(
        "<th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td>",
        safe(&fold.fold),
        count(before.n),
        known(edge_before, points),
        count(inside.n)
    );
    if !is_enough(inside) {
        return format!(
            "<tr class=\"thin\">{head}<td colspan=\"4\">not enough data: {} of {LEAST}</td><td></td><td>{}</td><td colspan=\"2\"></td></tr>",
            inside.n,
            r(inside.sum_r)
        );
    }
    let picture = interval(inside)
        .zip(inside.edge)
        .map(|((low, high), edge)| Whisker {
            value: edge,
            low,
            high,
            against: Some(0.0),
            tone: Whisker::tone(low, high, Some(0.0)),
            title: format!(
                "{}: edge {} [{}, {}] of {}",
                safe(&fold.fold),
                points(edge),
                points(low),
                points(high),
                inside.n
            ),
        });
    format!(
        "<tr>{head}<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"{}\">{}</td><td class=\"{}\">{}</td><td>{}</td><td class=\"bar\">{}</td></tr>",
        percent(inside.rate),
        percents(inside.low, inside.high),
        known(inside.chance, percent),
        known(inside.edge, points),
        tone(inside.mean_r),
        r(inside.mean_r),
        tone(inside.sum_r),
        r(inside.sum_r),
        known(fold.skill, |skill| signed(skill, 3)),
        picture
            .map(|whisker| whisker.picture(scale, 18.0))
            .unwrap_or_default(),
    )
}
