//! Results by trading day, a strip for each year: days down, weeks across.

use super::text::{capital, counted, day_number, fixed, month_name, r, safe, tone};
use lab::backtest::report::{Day, Month, Report};
use std::collections::BTreeMap;

/// Of a day's cell and the gap behind it.
const CELL: i32 = 15;
const PITCH: i32 = 18;
/// Room for the names of weekdays and of months.
const LEFT: i32 = 34;
const TOP: i32 = 20;
/// So many years are shown at once.
const OPEN: usize = 4;
const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

pub(super) fn section(report: &Report) -> String {
    if report.days.is_empty() {
        return "<p class=\"none\">No trade has ended on any day.</p>".to_owned();
    }
    let mut years: BTreeMap<&str, Vec<&Day>> = BTreeMap::new();
    for day in &report.days {
        years
            .entry(day.day.get(..4).unwrap_or_default())
            .or_default()
            .push(day);
    }
    let strong = strong(&report.days);
    let rows = if report
        .days
        .iter()
        .any(|day| weekday(&day.day).is_some_and(|day| day > 4))
    {
        7
    } else {
        5
    };
    let strips = years.iter();
    let strips: Vec<String> = strips
        .map(|(year, days)| strip(year, days, rows, strong))
        .collect();
    let (older, newest) = strips.split_at(strips.len().saturating_sub(OPEN));
    format!(
        "{}{}{}{}",
        scale(strong),
        folded(&years, older),
        newest.concat(),
        months(&report.months)
    )
}

/// The years before the newest, to be opened.
fn folded(years: &BTreeMap<&str, Vec<&Day>>, strips: &[String]) -> String {
    let mut names = years.keys().take(strips.len());
    let Some(first) = names.next() else {
        return String::new();
    };
    let last = names.next_back().unwrap_or(first);
    format!(
        "<details><summary>{} to {}</summary>{}</details>",
        safe(first),
        safe(last),
        strips.concat()
    )
}

/// The result from which a day has the strongest colour: nine days of ten are weaker.
fn strong(days: &[Day]) -> f64 {
    let mut sizes: Vec<f64> = days.iter().map(|day| day.r.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let place = sizes.len() * 9 / 10;
    sizes
        .get(place)
        .copied()
        .filter(|size| *size > 0.0)
        .unwrap_or(1.0)
}

/// The colour of a result: a class of the style.
fn heat(r: f64, strong: f64) -> String {
    let level = (r.abs() / strong * 5.0).ceil().clamp(1.0, 5.0);
    match tone(r) {
        "good" => format!("p{level}"),
        "bad" => format!("n{level}"),
        _ => "d0".to_owned(),
    }
}

/// Monday is 0. 1970-01-01 was a Thursday.
fn weekday(day: &str) -> Option<i32> {
    Some((day_number(day)? + 3).rem_euclid(7))
}

fn strip(year: &str, days: &[&Day], rows: i32, strong: f64) -> String {
    let (Some(first), Some(last)) = (
        day_number(&format!("{year}-01-01")),
        day_number(&format!("{year}-12-31")),
    ) else {
        return String::new();
    };
    let monday = first - (first + 3).rem_euclid(7);
    let place = |day: i32| ((day - monday) / 7, (day - monday) % 7);
    let x = |day: i32| LEFT + place(day).0 * PITCH;
    let y = |day: i32| TOP + place(day).1 * PITCH;
    let by_number: BTreeMap<i32, &Day> = days
        .iter()
        .filter_map(|day| Some((day_number(&day.day)?, *day)))
        .collect();
    let cell = |number: i32| {
        let at = format!(
            "x=\"{}\" y=\"{}\" width=\"{CELL}\" height=\"{CELL}\" rx=\"3\"",
            x(number),
            y(number)
        );
        match by_number.get(&number) {
            Some(day) => format!(
                "<rect class=\"day {}\" {at}><title>{}</title></rect>",
                heat(day.r, strong),
                words(day)
            ),
            None => format!("<rect class=\"d0\" {at}/>"),
        }
    };
    let cells: String = (first..=last)
        .filter(|day| place(*day).1 < rows)
        .map(cell)
        .collect();
    let month = |month: u32| {
        let begin = day_number(&format!("{year}-{month:02}-01"))?;
        let name = month_name(&format!("{year}-{month:02}"));
        Some(format!(
            "<text x=\"{}\" y=\"12\">{}</text>",
            x(begin + 6),
            name.get(..3)?
        ))
    };
    let months: String = (1..=12).filter_map(month).collect();
    let name = |row: i32| {
        format!(
            "<text x=\"0\" y=\"{}\">{}</text>",
            TOP + row * PITCH + 12,
            NAMES[row as usize]
        )
    };
    let names: String = (0..rows).step_by(2).map(name).collect();
    let (sum, trades) = days.iter().fold((0.0, 0), |(sum, trades), day| {
        (sum + day.r, trades + day.trades)
    });
    let (year, sum, trades) = (safe(year), r(sum), counted(trades, "trade"));
    let (width, height) = (LEFT + (place(last).0 + 1) * PITCH, TOP + rows * PITCH);
    format!(
        "<h3>{year} <span class=\"quiet\">{sum}, {trades}</span></h3><div class=\"scroll\"><svg class=\"walk\" role=\"img\" tabindex=\"0\" \
         aria-label=\"Results of {year} day by day: {sum} of {trades}. With the arrow keys day by day.\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\
         {months}{names}{cells}</svg></div>"
    )
}

fn words(day: &Day) -> String {
    format!(
        "{} {}: {}\n{}, {}",
        weekday(&day.day).map_or("", |row| NAMES[row as usize]),
        safe(&day.day),
        r(day.r),
        counted(day.trades, "trade"),
        counted(day.hits, "hit"),
    )
}

/// What the colours mean.
fn scale(strong: f64) -> String {
    let classes = [
        "n5", "n4", "n3", "n2", "n1", "d0", "p1", "p2", "p3", "p4", "p5",
    ];
    let cell = |(place, class): (usize, &&str)| {
        format!(
            "<rect class=\"{class}\" x=\"{}\" width=\"13\" height=\"12\" rx=\"2\"/>",
            place * 15
        )
    };
    let cells: String = classes.iter().enumerate().map(cell).collect();
    format!(
        "<p class=\"legend\"><span>{0} R or less</span><svg class=\"keys\" aria-hidden=\"true\" width=\"165\" height=\"12\">{cells}</svg><span>{1} R or more; grey: no trade ended</span></p>",
        fixed(-strong, 2),
        fixed(strong, 2),
    )
}

fn months(months: &[Month]) -> String {
    let row = |month: &Month| {
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td class=\"{}\">{}</td></tr>",
            capital(&month_name(&month.month)),
            month.trades,
            month.hits,
            tone(month.r),
            r(month.r)
        )
    };
    let rows: String = months.iter().map(row).collect();
    format!(
        "<details><summary>Month by month</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"months\"><table><thead><tr>\
         <th scope=\"col\">month</th><th scope=\"col\">trades</th><th scope=\"col\">hits</th><th scope=\"col\">sum after costs</th></tr></thead><tbody>{rows}</tbody></table></div></details>"
    )
}
