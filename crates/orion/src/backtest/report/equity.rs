//! The sum of results over time, beside that of random entries, and how far it fell.

use super::plot::{Scale, area, legend, length, line, rungs, stroke, wide};
use super::text::{counted, day_number, fixed, month_name, r};
use lab::backtest::report::{Band, Day, Report};

/// Of the nested picture that stretches, in its own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 280.0;
const FALL_TOP: f64 = 326.0;
const FALL_HEIGHT: f64 = 84.0;
const BOTTOM: f64 = 416.0;

/// Days of the report from the one before the first, at which all sums are zero.
struct Axis {
    start: i32,
    scale: Scale,
}

impl Axis {
    fn of(days: &[Day]) -> Option<Self> {
        let numbers = || days.iter().filter_map(|day| day_number(&day.day));
        let (first, last) = (numbers().min()?, numbers().max()?);
        let start = first - 1;
        Some(Self {
            start,
            scale: Scale {
                low: f64::from(start),
                high: f64::from(last),
            },
        })
    }

    fn part(&self, day: &str) -> f64 {
        day_number(day).map_or(0.0, |day| self.scale.part(f64::from(day)))
    }
}

/// The day before the first, from which the script counts.
pub(super) fn start(report: &Report) -> i32 {
    Axis::of(&report.days).map_or(0, |axis| axis.start)
}

pub(super) fn section(report: &Report) -> String {
    let Some(axis) = Axis::of(&report.days) else {
        return "<p class=\"none\">No trade has ended: there is nothing to sum up.</p>".to_owned();
    };
    let band = report
        .control
        .as_ref()
        .map_or(&[][..], |control| &control.band);
    let picture = picture(report, &axis, band);
    let mut entries = vec![
        (stroke("net"), "after costs"),
        (stroke("doubled"), "with costs doubled"),
        (stroke("gross"), "before costs"),
    ];
    if !band.is_empty() {
        entries.push((area("band"), "random entries, 95 % of draws"));
        entries.push((stroke("middle"), "their middle"));
    }
    entries.push((area("under"), "below its highest day"));
    format!("{}{picture}", legend(&entries))
}

fn picture(report: &Report, axis: &Axis, band: &[Band]) -> String {
    let days = &report.days;
    let sums = days
        .iter()
        .flat_map(|day| [day.gross, day.net, day.doubled]);
    let drawn = band.iter().flat_map(|band| [band.low, band.high]);
    let scale = Scale::over(sums.chain(drawn).chain([0.0])).wider(0.05);
    let fall = Scale::over(days.iter().map(|day| -day.drawdown).chain([0.0, -1.0]));
    let said = format!(
        "Sum of results of {} over {}: {} after costs, {} before, {} with costs doubled; deepest fall {} R. \
         With the arrow keys day by day.",
        counted(report.all.n, "trade"),
        counted(days.len() as u64, "day"),
        r(report.all.r.sum),
        r(report.all.r.gross_sum),
        r(report.all.r.doubled_sum),
        fixed(report.drawdown.r, 2),
    );
    let path = |class: &str, value: fn(&Day) -> f64| {
        let points = days.iter().map(|day| (day.day.as_str(), value(day)));
        format!(
            "<path class=\"{class}\" d=\"{}\"/>",
            sum_line(axis, scale, points)
        )
    };
    format!(
        "<svg class=\"plot\" id=\"equity-plot\" data-cross=\"\" height=\"{BOTTOM}\" role=\"img\" tabindex=\"0\" aria-label=\"{said}\">\
         <rect width=\"100%\" height=\"{BOTTOM}\" fill=\"transparent\"/>{}{}{}\
         <svg width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\">{}{}{}{}</svg>\
         <svg y=\"{FALL_TOP}\" width=\"100%\" height=\"{FALL_HEIGHT}\" viewBox=\"0 0 {WIDTH} {FALL_HEIGHT}\" preserveAspectRatio=\"none\">{}</svg>\
         <line class=\"cross\" y1=\"0\" y2=\"{}\"/></svg>",
        rungs(scale, 0.0, HEIGHT, 5.0, " R"),
        rungs(fall, FALL_TOP, FALL_HEIGHT, 2.0, " R"),
        dates(axis),
        band_area(axis, scale, band),
        path("gross", |day| day.gross),
        path("doubled", |day| day.doubled),
        path("net", |day| day.net),
        fall_area(axis, fall, days),
        length(FALL_TOP + FALL_HEIGHT),
    )
}

/// A sum day by day from zero.
fn sum_line<'a>(axis: &Axis, scale: Scale, days: impl Iterator<Item = (&'a str, f64)>) -> String {
    let y = |value: f64| HEIGHT - scale.place(value, HEIGHT);
    let point = |(day, value): (&str, f64)| (axis.part(day) * WIDTH, y(value));
    line(std::iter::once((0.0, y(0.0))).chain(days.map(point)))
}

fn band_area(axis: &Axis, scale: Scale, band: &[Band]) -> String {
    if band.is_empty() {
        return String::new();
    }
    let y = |value: f64| HEIGHT - scale.place(value, HEIGHT);
    let x = |band: &Band| axis.part(&band.day) * WIDTH;
    let above = band.iter().map(|band| (x(band), y(band.high)));
    let below = band.iter().rev().map(|band| (x(band), y(band.low)));
    let around = line(std::iter::once((0.0, y(0.0))).chain(above).chain(below));
    let middle = band.iter().map(|band| (band.day.as_str(), band.middle));
    format!(
        "<path class=\"band\" d=\"{around}Z\"/><path class=\"middle\" d=\"{}\"/>",
        sum_line(axis, scale, middle)
    )
}

fn fall_area(axis: &Axis, scale: Scale, days: &[Day]) -> String {
    let y = |value: f64| FALL_HEIGHT - scale.place(value, FALL_HEIGHT);
    let fall = days
        .iter()
        .map(|day| (axis.part(&day.day) * WIDTH, y(-day.drawdown)));
    let path = line(std::iter::once((0.0, y(0.0))).chain(fall));
    format!("<path class=\"under\" d=\"{path}V0H0Z\"/>")
}

/// Dates below, at most seven; every second one gives way on a narrow page.
fn dates(axis: &Axis) -> String {
    let days = axis.scale.high - axis.scale.low;
    let count = [6, 4, 2]
        .into_iter()
        .find(|count| f64::from(*count) <= days);
    let count = count.unwrap_or(1);
    let label = |place: i32| {
        let part = f64::from(place) / f64::from(count);
        let day = super::text::date((axis.scale.low + part * days).round() as i32);
        let anchor = match place {
            0 => "start",
            place if place == count => "end",
            _ => "middle",
        };
        let class = if place % 2 == 1 && place < count {
            "odd"
        } else {
            ""
        };
        let x = wide(part);
        let words = if days > 400.0 {
            month_name(&day)
        } else {
            format!("{} {}", day.get(8..).unwrap_or_default(), month_name(&day))
        };
        format!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\">{words}</text>",
            length(HEIGHT + 18.0)
        )
    };
    (0..=count).map(label).collect()
}
