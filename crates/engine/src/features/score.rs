//! The few numbers that a raw score is made of: what a signal knows at its birth without any further state, seen from its
//! own direction. All are finite: what is not known is the number that says nothing.

use super::moment::{Facts, Moment, MomentValue};
use super::watch::{known, sign};
use crate::structure::Chart;
use market::Direction;

/// The names of what [`at_signal`] returns, in its order.
pub const SCORE: [&str; 12] = [
    "risk_atr",
    "spread_r",
    "rr",
    "first_r",
    "room_r",
    "hour_sin",
    "hour_cos",
    "is_long",
    "trend",
    "htf_trend",
    "range_place",
    "spread_to_usual",
];

/// A signal that is about to be born, and the charts it is read from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtSignal<'a> {
    /// With its facts.
    pub moment: Moment,
    /// Of the setups' timeframe, and of the higher one.
    pub chart: Option<&'a Chart>,
    pub htf: Option<&'a Chart>,
}

/// What a raw score is made of; `None` without the signal's facts.
///
/// Of the past alone: nothing of it changes by what comes later.
pub(crate) fn at_signal(at: &AtSignal) -> Option<[f64; SCORE.len()]> {
    let Facts { direction, .. } = at.moment.facts?;
    let read = |value, unknown| or(at.moment.read(value), unknown);
    Some([
        read(MomentValue::SignalRisk, 1.0),
        read(MomentValue::SignalSpread, 0.0),
        read(MomentValue::SignalRr, 0.0),
        read(MomentValue::SignalFirst, 0.0),
        or(room(at, direction), 0.0),
        read(MomentValue::HourSin, 0.0),
        read(MomentValue::HourCos, 0.0),
        f64::from(u8::from(direction == Direction::Long)),
        with(at.chart, direction),
        with(at.htf, direction),
        or(place(at, direction), 0.5),
        read(MomentValue::SpreadToUsual, 1.0),
    ])
}

/// +1 where a chart's trend goes the trade's way, -1 where it goes the other, 0 where there is none.
fn with(chart: Option<&Chart>, direction: Direction) -> f64 {
    let trend = chart.and_then(Chart::trend);
    trend.map_or(0.0, |trend| sign(trend) * sign(direction))
}

/// From the entry to the last swing on the side of the targets, in multiples of the risk; five are far enough.
fn room(at: &AtSignal, direction: Direction) -> f64 {
    let swing = at.chart.and_then(|chart| chart.last_swing(direction));
    let room = at.moment.facts.zip(swing);
    known(room.map(|(facts, swing)| facts.in_risks(swing).clamp(-5.0, 5.0)))
}

/// How far the entry lies from the end of the dealing range that the trade comes from; 1.5 of it is far enough.
fn place(at: &AtSignal, direction: Direction) -> f64 {
    let entry = at.moment.facts.map(|facts| facts.entry);
    let place = at.chart.zip(entry);
    let place = place.and_then(|(chart, entry)| chart.range().place(direction, entry));
    known(place.map(|place| place.clamp(-0.5, 1.5)))
}

fn or(value: f64, unknown: f64) -> f64 {
    if value.is_finite() { value } else { unknown }
}
