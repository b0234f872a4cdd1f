//! The figures of groups of trades: by setup, symbol and killzone, and where all three meet.

use super::plot::{Scale, Whisker};
use super::text::{
    self, count, counted, fixed, killzone, known, percent, percents, points, r, safe, setup, tone,
};
use lab::backtest::report::{Group, LEAST, Report};
use std::collections::BTreeSet;

const COLUMNS: [&str; 10] = [
    "",
    "n",
    "hits",
    "hit rate",
    "95 %",
    "chance",
    "edge",
    "mean R",
    "sum R",
    "gains by losses",
];
/// In the order of the day.
const KILLZONES: [&str; 5] = ["asia", "london", "ny_am", "lunch", "pm"];

pub(super) fn section(report: &Report) -> String {
    if report.all.n == 0 {
        return "<p class=\"none\">There are no trades to tell apart.</p>".to_owned();
    }
    let met: Vec<&Group> = report.groups.iter().filter(|group| is_met(group)).collect();
    format!(
        "{}<h3>Edge where setup, symbol and killzone meet</h3>{}<details><summary>All figures where they meet</summary>{}</details>",
        table(&singles(report), report),
        heat(&met),
        table(&[("", met)], report),
    )
}

fn is_met(group: &Group) -> bool {
    group.setup.is_some() && group.symbol.is_some() && group.killzone.is_some()
}

/// All, and the groups of one kind each.
fn singles(report: &Report) -> Vec<(&'static str, Vec<&Group>)> {
    let only = |is_one: fn(&Group) -> bool| {
        let groups = report.groups.iter().filter(|group| !is_met(group));
        groups.filter(|group| is_one(group)).collect::<Vec<_>>()
    };
    vec![
        ("", vec![&report.all]),
        ("by setup", only(|group| group.setup.is_some())),
        ("by symbol", only(|group| group.symbol.is_some())),
        ("by killzone", only(|group| group.killzone.is_some())),
    ]
}

fn table(parts: &[(&str, Vec<&Group>)], report: &Report) -> String {
    let groups = parts.iter().flat_map(|(_, groups)| groups);
    let told = groups.filter(|group| group.enough);
    let values = told.flat_map(|group| [group.low, group.high, group.chance.unwrap_or(group.rate)]);
    let scale = Scale::over(values).wider(0.05);
    let rows: String = parts
        .iter()
        .map(|(name, groups)| {
            let head = match *name {
                "" => String::new(),
                name => format!(
                    "<tr class=\"head\"><th scope=\"colgroup\" colspan=\"11\">{name}</th></tr>"
                ),
            };
            let rows: String = groups.iter().map(|group| row(group, scale)).collect();
            head + &rows
        })
        .collect();
    let columns: String = COLUMNS
        .iter()
        .map(|name| format!("<th scope=\"col\">{name}</th>"))
        .collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"figures of groups\"><table>\
         <caption>Bar: hit rate with its interval, {} to {}; upright line: chance. {}, {}.</caption>\
         <thead><tr>{columns}<th scope=\"col\">hit rate and chance</th></tr></thead><tbody>{rows}</tbody></table></div>",
        percent(scale.low),
        percent(scale.high),
        counted(report.all.n, "trade"),
        super::verdict::trials(report),
    )
}

/// What a group is called.
fn name(group: &Group) -> String {
    let killzone = group.killzone.as_deref().map(killzone);
    let parts = [
        group.symbol.as_deref().map(safe),
        group.setup.as_deref().map(setup),
        killzone,
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        "all".to_owned()
    } else {
        parts.join(", ")
    }
}

fn row(group: &Group, scale: Scale) -> String {
    let name = name(group);
    let head = format!(
        "<th scope=\"row\">{name}</th><td>{}</td><td>{}</td>",
        count(group.n),
        count(group.hits)
    );
    if !group.enough {
        return format!(
            "<tr class=\"thin\">{head}<td colspan=\"8\">not enough data: {} of {LEAST}</td></tr>",
            group.n
        );
    }
    let whisker = Whisker {
        value: group.rate,
        low: group.low,
        high: group.high,
        against: group.chance,
        tone: Whisker::tone(group.low, group.high, group.chance),
        title: words(group),
    };
    format!(
        "<tr>{head}<td>{}</td><td>{}</td><td>{}</td><td class=\"{}\">{}</td><td class=\"{}\">{}</td><td class=\"{}\">{}</td><td>{}</td>\
         <td class=\"bar\">{}</td></tr>",
        percent(group.rate),
        percents(group.low, group.high),
        known(group.chance, percent),
        whisker.tone,
        known(group.edge, points),
        tone(group.r.mean),
        r(group.r.mean),
        tone(group.r.sum),
        r(group.r.sum),
        known(group.r.profit_factor, |factor| fixed(factor, 2)),
        whisker.picture(scale, 18.0),
    )
}

/// All that is to be said of a group, for a tooltip; safe.
fn words(group: &Group) -> String {
    if !group.enough {
        return format!(
            "{}: {} hits of {}, not enough data",
            name(group),
            group.hits,
            group.n
        );
    }
    format!(
        "{}: hits {} of {} {}\nchance {}, edge {}\nmean {}, sum {}",
        name(group),
        percent(group.rate),
        group.n,
        percents(group.low, group.high),
        known(group.chance, percent),
        known(group.edge, points),
        r(group.r.mean),
        r(group.r.sum),
    )
}

/// A table of cells: symbols and setups down, killzones across.
fn heat(met: &[&Group]) -> String {
    let rows: BTreeSet<(&str, &str)> = met
        .iter()
        .filter_map(|group| Some((group.symbol.as_deref()?, group.setup.as_deref()?)))
        .collect();
    let others = met.iter().filter_map(|group| group.killzone.as_deref());
    let others: BTreeSet<&str> = others.filter(|name| !KILLZONES.contains(name)).collect();
    let is_there = |zone: &&str| {
        met.iter()
            .any(|group| group.killzone.as_deref() == Some(zone))
    };
    let zones: Vec<&str> = KILLZONES
        .into_iter()
        .chain(others)
        .filter(is_there)
        .collect();
    let cell = |symbol: &str, setup: &str, zone: &str| {
        let is_it = |group: &&&Group| {
            [&group.symbol, &group.setup, &group.killzone].map(Option::as_deref)
                == [Some(symbol), Some(setup), Some(zone)]
        };
        met.iter().find(is_it).map_or_else(
            || "<td class=\"empty\">\u{b7}</td>".to_owned(),
            |group| one_cell(group),
        )
    };
    let row = |(symbol, setup): &(&str, &str)| {
        let cells: String = zones.iter().map(|zone| cell(symbol, setup, zone)).collect();
        format!(
            "<tr><th scope=\"row\">{} <span class=\"quiet\">{}</span></th>{cells}</tr>",
            safe(symbol),
            text::setup(setup)
        )
    };
    let rows: String = rows.iter().map(row).collect();
    let columns: String = zones
        .iter()
        .map(|zone| format!("<th scope=\"col\">{}</th>", killzone(zone)))
        .collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"edge by symbol, setup and killzone\"><table class=\"heat\"><caption>Edge, then n and hit rate with \
         its interval. Below {LEAST} trades: not enough data, only n.</caption><thead><tr><th scope=\"col\"></th>{columns}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn one_cell(group: &Group) -> String {
    let title = words(group);
    match group.edge.filter(|_| group.enough) {
        None => format!(
            "<td class=\"few\" data-t=\"{title}\">n {}<small>not enough data</small></td>",
            group.n
        ),
        Some(edge) => {
            let level = (edge.abs() / 0.05).ceil().clamp(1.0, 3.0);
            let class = match tone(edge) {
                "good" => format!("p{level}"),
                "bad" => format!("n{level}"),
                _ => String::new(),
            };
            format!(
                "<td class=\"{class}\" data-t=\"{title}\"><b>{}</b><small>n {}, {}</small><small>{}</small></td>",
                points(edge),
                group.n,
                percent(group.rate),
                percents(group.low, group.high),
            )
        }
    }
}
