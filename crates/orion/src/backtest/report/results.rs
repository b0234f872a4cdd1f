//! What single trades brought: their distribution, and how far they went both ways while they ran.

use super::counting;
use super::plot::{Scale, dot, legend, length, line, rungs, wide};
use super::text::{count, counted, fixed, percent, r, signed};
use lab::backtest::report::{Report, Trade};

const HEIGHT: f64 = 260.0;
/// Of a column, in R.
const STEP: f64 = 0.25;
/// Results beyond these are counted at the ends.
const ENDS: (f64, f64) = (-3.0, 8.0);
/// Of the picture of both ways, in its own units.
const SIDE: f64 = 340.0;
const LEFT: f64 = 46.0;
/// Dots in one path: those of one path do not shade each other, those of several do.
const DOTS: usize = 60;

/// How many trades brought how much.
pub(super) fn distribution(report: &Report) -> String {
    if report.all.n == 0 {
        return "<p class=\"none\">There are no results to count.</p>".to_owned();
    }
    let mut results: Vec<f64> = counting(report).map(|trade| trade.r_net).collect();
    results.sort_by(f64::total_cmp);
    let columns = columns(&results);
    let most = columns.iter().map(|column| column.2).max().unwrap_or(1);
    let (Some(first), Some(last)) = (columns.first(), columns.last()) else {
        return String::new();
    };
    let across = Scale {
        low: first.0,
        high: last.1,
    };
    let up = Scale {
        low: 0.0,
        high: f64::from(most),
    };
    let bar = |&(low, high, n): &(f64, f64, u32)| {
        let class = if high <= 0.0 { "loss" } else { "gain" };
        let y = HEIGHT - up.place(f64::from(n), HEIGHT - 16.0);
        let part = f64::from(n) / results.len() as f64;
        format!(
            "<g><title>{} to {}: {}, {}</title><rect x=\"{}\" y=\"0\" width=\"{wide}\" height=\"{HEIGHT}\" fill=\"transparent\"/>\
             <rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/></g>",
            signed(low, 2),
            r(high),
            counted(n, "trade"),
            percent(part),
            wide(across.part(low)),
            wide(across.part(low) + 0.001),
            length(y),
            wide(across.part(high) - across.part(low) - 0.002),
            length(HEIGHT - y),
            wide = wide(across.part(high) - across.part(low)),
        )
    };
    let bars: String = columns.iter().map(bar).collect();
    let tick = |value: f64| {
        format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            wide(across.part(value)),
            HEIGHT + 17.0,
            signed(value, 0)
        )
    };
    let inner = Scale {
        low: across.low + 0.2,
        high: across.high - 0.2,
    };
    let ticks: String = inner
        .ticks(8.0)
        .into_iter()
        .filter(|tick| (tick - tick.round()).abs() < 1e-9)
        .map(tick)
        .collect();
    let zero = wide(across.part(0.0));
    let mean = wide(across.part(report.all.r.mean));
    format!(
        "<ul class=\"legend\"><li><svg aria-hidden=\"true\"><rect class=\"loss\" y=\"1\" width=\"10\" height=\"10\"/><rect class=\"gain\" x=\"12\" y=\"1\" width=\"10\" height=\"10\"/></svg>losses and gains</li>\
         <li><svg aria-hidden=\"true\"><line class=\"chance\" x1=\"11\" x2=\"11\" y1=\"0\" y2=\"12\"/></svg>mean {}</li></ul>\
         <svg class=\"plot walk\" height=\"{}\" role=\"img\" tabindex=\"0\" aria-label=\"How many of {} brought how much after costs: median {}, mean {}.\">\
         {}{bars}<line class=\"zero\" x1=\"{zero}\" x2=\"{zero}\" y1=\"0\" y2=\"{HEIGHT}\"/><line class=\"chance\" x1=\"{mean}\" x2=\"{mean}\" y1=\"0\" y2=\"{HEIGHT}\"/>{ticks}\
         <text x=\"100%\" y=\"{}\" text-anchor=\"end\">R after costs</text></svg>{}",
        r(report.all.r.mean),
        HEIGHT + 40.0,
        counted(results.len() as u64, "trade"),
        r(quantile(&results, 0.5)),
        r(report.all.r.mean),
        rungs(up, 16.0, HEIGHT - 16.0, 4.0, ""),
        HEIGHT + 36.0,
        spread(&results, report),
    )
}

/// From, to and how many, from the lowest result to the highest. Zero is always an edge.
fn columns(results: &[f64]) -> Vec<(f64, f64, u32)> {
    let place = |value: f64| (value.clamp(ENDS.0, ENDS.1 - STEP) / STEP).floor() as i32;
    let (Some(first), Some(last)) = (results.first(), results.last()) else {
        return Vec::new();
    };
    // One empty column for the words of the scale, and room for a few, so that one result is not as wide as the page.
    let (first, last) = ((place(*first) - 1).min(-5), place(*last).max(7));
    let column = |at: i32| {
        let n = results.iter().filter(|value| place(**value) == at).count();
        (f64::from(at) * STEP, f64::from(at + 1) * STEP, n as u32)
    };
    (first..=last).map(column).collect()
}

/// The value below which such a part lies, of sorted values.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = (part * (sorted.len().max(1) - 1) as f64).round() as usize;
    sorted.get(place).copied().unwrap_or_default()
}

fn spread(results: &[f64], report: &Report) -> String {
    let facts = [
        ("worst", r(quantile(results, 0.0))),
        ("5 % below", r(quantile(results, 0.05))),
        ("median", r(quantile(results, 0.5))),
        ("5 % above", r(quantile(results, 0.95))),
        ("best", r(quantile(results, 1.0))),
        (
            "deviation",
            format!("{} R", fixed(report.all.r.deviation, 2)),
        ),
    ];
    let fact =
        |(name, value): (&str, String)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>");
    let facts: String = facts.into_iter().map(fact).collect();
    format!("<dl class=\"facts\">{facts}</dl>")
}

/// How far each trade went for it and against it.
pub(super) fn excursions(report: &Report) -> String {
    if report.all.n == 0 {
        return "<p class=\"none\">No trade has run.</p>".to_owned();
    }
    let ends = |value: fn(&Trade) -> f64, least: f64| {
        let mut values: Vec<f64> = counting(report).map(value).collect();
        values.sort_by(f64::total_cmp);
        Scale {
            low: 0.0,
            high: (quantile(&values, 0.99) * 1.08).max(least),
        }
    };
    let (against, along) = (ends(|trade| trade.mae, 1.25), ends(|trade| trade.mfe, 2.0));
    let is_beyond = |trade: &&Trade| trade.mae > against.high || trade.mfe > along.high;
    let beyond = counting(report).filter(is_beyond).count();
    let (hits, misses): (Vec<&Trade>, Vec<&Trade>) = counting(report).partition(|trade| trade.hit);
    let entries = [
        (dot("good"), counted(hits.len() as u64, "hit")),
        (
            dot("bad"),
            format!("{} without", counted(misses.len() as u64, "trade")),
        ),
    ];
    let entries = entries
        .each_ref()
        .map(|(mark, words)| (mark.clone(), words.as_str()));
    let place = |trade: &Trade| {
        (
            LEFT + against.place(trade.mae, SIDE),
            6.0 + SIDE - along.place(trade.mfe, SIDE),
        )
    };
    let cut = match beyond {
        0 => String::new(),
        beyond => format!(
            "<p class=\"small quiet\">{} beyond the edges, drawn at them.</p>",
            counted(beyond as u64, "trade")
        ),
    };
    format!(
        "{}<svg class=\"square\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"How far {} went for it and against it while they ran.\">{}{}{}\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">worst while it ran, R</text><text x=\"{}\" y=\"18\">best while it ran, R</text></svg>{cut}",
        legend(&entries),
        length(LEFT + SIDE + 14.0),
        length(6.0 + SIDE + 44.0),
        counted(report.all.n, "trade"),
        ticks(against, along),
        dots("bad", misses.into_iter().map(place)),
        dots("good", hits.into_iter().map(place)),
        length(LEFT + SIDE),
        length(6.0 + SIDE + 36.0),
        length(LEFT + 6.0),
    )
}

fn ticks(against: Scale, along: Scale) -> String {
    let (right, bottom) = (LEFT + SIDE, 6.0 + SIDE);
    let upright = |value: f64| {
        let x = length(LEFT + against.place(value, SIDE));
        let shown = fixed(value, against.decimals(5.0));
        format!(
            "<line class=\"grid\" x1=\"{x}\" x2=\"{x}\" y1=\"6\" y2=\"{bottom}\"/><text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{shown}</text>",
            bottom + 17.0
        )
    };
    let level = |value: f64| {
        let y = bottom - along.place(value, SIDE);
        let shown = fixed(value, along.decimals(5.0));
        format!(
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{0}\" y2=\"{0}\"/><text x=\"{1}\" y=\"{2}\" text-anchor=\"end\">{shown}</text>",
            length(y),
            LEFT - 7.0,
            length(y + 4.0)
        )
    };
    let uprights: String = against.ticks(5.0).into_iter().map(upright).collect();
    let levels: String = along.ticks(5.0).into_iter().map(level).collect();
    uprights + &levels
}

/// Lines without length and with round ends: a tenth of the bytes of circles.
fn dots(class: &str, places: impl Iterator<Item = (f64, f64)>) -> String {
    let places: Vec<(f64, f64)> = places.collect();
    let path = |part: &[(f64, f64)]| {
        let dots: String = part
            .iter()
            .map(|place| line(std::iter::once(*place)) + "h0")
            .collect();
        format!("<path class=\"dots {class}\" d=\"{dots}\"/>")
    };
    places.chunks(DOTS).map(path).collect()
}

/// Of the distribution's words: how many trades are beyond its ends.
pub(super) fn beyond_ends(report: &Report) -> String {
    let is_beyond = |trade: &&Trade| trade.r_net < ENDS.0 || trade.r_net >= ENDS.1;
    let beyond = counting(report).filter(is_beyond).count();
    match beyond {
        0 => String::new(),
        beyond => format!(
            " {} beyond {} or {} counted at the ends.",
            count(beyond as u64),
            r(ENDS.0),
            r(ENDS.1)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_hold_all_and_zero_is_an_edge() {
        let results = [-9.0, -1.0, -0.01, 0.0, 0.24, 0.25, 2.0, 99.0];
        let columns = columns(&results);
        let sum: u32 = columns.iter().map(|column| column.2).sum();
        assert_eq!(sum, 8);
        let of = |low: f64| columns.iter().find(|column| column.0 == low).unwrap().2;
        assert_eq!(
            (of(-3.0), of(-0.25), of(0.0), of(0.25), of(7.75)),
            (1, 1, 2, 1, 1)
        );
        assert_eq!(columns.first().unwrap().0, -3.25);
        assert_eq!(columns.last().unwrap().1, 8.0);
    }

    #[test]
    fn quantiles_are_values_that_came() {
        let sorted = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(
            [0.0, 0.5, 0.95, 1.0].map(|part| quantile(&sorted, part)),
            [1.0, 3.0, 5.0, 5.0]
        );
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
