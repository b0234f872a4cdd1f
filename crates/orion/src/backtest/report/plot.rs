//! What pictures have in common: scales, and the places of their marks. Places are parts of a picture's width, so that it can be
//! as wide as the page while its text keeps its size.

use super::text::fixed;
use std::fmt::Write as _;

/// From values to places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    pub low: f64,
    pub high: f64,
}

impl Scale {
    /// Holds all of these values, and is never empty.
    pub(super) fn over(values: impl IntoIterator<Item = f64>) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            Self {
                low: 0.0,
                high: 1.0,
            }
        } else if low < high {
            Self { low, high }
        } else {
            Self {
                low: low - 0.5,
                high: high + 0.5,
            }
        }
    }

    /// As far to both sides of zero.
    pub(super) fn around_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let widest = Self::over(values.into_iter().map(f64::abs).chain([0.0])).high;
        Self {
            low: -widest,
            high: widest,
        }
    }

    /// A part of itself wider at both ends.
    pub(super) fn wider(self, part: f64) -> Self {
        let more = (self.high - self.low) * part;
        Self {
            low: self.low - more,
            high: self.high + more,
        }
    }

    /// The place of a value between 0 and 1; beyond the ends, the end.
    pub(super) fn part(self, value: f64) -> f64 {
        let part = (value - self.low) / (self.high - self.low);
        if part.is_finite() {
            part.clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// The place of a value in a picture of this length.
    pub(super) fn place(self, value: f64, length: f64) -> f64 {
        self.part(value) * length
    }

    /// Round values inside, about as many.
    pub(super) fn ticks(self, about: f64) -> Vec<f64> {
        let step = round_step((self.high - self.low) / about);
        let first = (self.low / step).ceil();
        let last = (self.high / step).floor();
        let count = (last - first).max(-1.0) as usize + 1;
        let tick = |place: usize| (first + place as f64) * step;
        (0..count.min(100)).map(tick).collect()
    }

    /// How many decimals tell such ticks apart.
    pub(super) fn decimals(self, about: f64) -> usize {
        let step = round_step((self.high - self.low) / about);
        let is_exact = |decimals: &usize| format!("{step:.0$}", *decimals).parse() == Ok(step);
        (0..9).find(is_exact).unwrap_or(9)
    }
}

/// The smallest of 1, 2 and 5 with zeros that is not below `rough`.
fn round_step(rough: f64) -> f64 {
    // Read from text, since powers differ from machine to machine in their last bit.
    let step = |power: i32, factor: &str| format!("{factor}e{power}").parse::<f64>().ok();
    let steps = (-9..=15).flat_map(|power| ["1", "2", "5"].map(|factor| step(power, factor)));
    let mut steps = steps.flatten();
    steps.find(|step| *step >= rough).unwrap_or(1e16)
}

/// A part of the width as an attribute: `12.34%`.
pub(super) fn wide(part: f64) -> String {
    let text = format!("{:.2}", part * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A length as an attribute.
pub(super) fn length(value: f64) -> String {
    let text = format!("{value:.1}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A line through points.
pub(super) fn line(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (place, (x, y)) in points.enumerate() {
        let command = if place == 0 { 'M' } else { 'L' };
        // A `String` takes all that is written to it.
        let _ = write!(path, "{command}{} {}", length(x), length(y));
    }
    path
}

/// An interval with its point on a scale, and zero or another mark across it.
#[derive(Clone, Debug)]
pub(super) struct Whisker {
    pub value: f64,
    pub low: f64,
    pub high: f64,
    /// Zero, or chance.
    pub against: Option<f64>,
    pub tone: &'static str,
    /// For a tooltip; safe.
    pub title: String,
}

impl Whisker {
    /// Good where all of it lies above what it is held against, bad where all lies below.
    pub(super) fn tone(low: f64, high: f64, against: Option<f64>) -> &'static str {
        match against {
            Some(against) if low > against => "good",
            Some(against) if high < against => "bad",
            Some(_) | None => "",
        }
    }

    /// A picture of its own, as wide as its place.
    pub(super) fn picture(&self, scale: Scale, height: f64) -> String {
        let middle = length(height / 2.0);
        let at = |value: f64| wide(scale.part(value));
        let against = self.against.map_or_else(String::new, |against| {
            let x = at(against);
            format!(
                "<line class=\"chance\" x1=\"{x}\" x2=\"{x}\" y1=\"1\" y2=\"{}\"/>",
                length(height - 1.0)
            )
        });
        let Self { tone, title, .. } = self;
        format!(
            "<svg class=\"plot\" height=\"{height}\" role=\"img\" aria-label=\"{title}\"><g><title>{title}</title>\
             <rect width=\"100%\" height=\"{height}\" fill=\"transparent\"/>\
             <line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{middle}\" y2=\"{middle}\"/>{against}\
             <line class=\"whisker {tone}\" x1=\"{}\" x2=\"{}\" y1=\"{middle}\" y2=\"{middle}\"/>\
             <circle class=\"point {tone}\" cx=\"{}\" cy=\"{middle}\" r=\"4.5\"/></g></svg>",
            at(self.low),
            at(self.high),
            at(self.value),
        )
    }
}

/// Lines across a picture at round values, each with its value; places from the top.
pub(super) fn rungs(scale: Scale, top: f64, height: f64, about: f64, unit: &str) -> String {
    let decimals = scale.decimals(about);
    let rung = |value: f64| {
        let y = top + height - scale.place(value, height);
        let class = if value == 0.0 { "zero" } else { "grid" };
        format!(
            "<line class=\"{class}\" x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/><text x=\"2\" y=\"{1}\">{2}{unit}</text>",
            length(y),
            length(y - 4.0),
            fixed(value, decimals),
        )
    };
    scale.ticks(about).into_iter().map(rung).collect()
}

/// What the marks of a picture mean: each mark and its words.
pub(super) fn legend(entries: &[(String, &str)]) -> String {
    let entry = |(mark, words): &(String, &str)| {
        format!("<li><svg aria-hidden=\"true\">{mark}</svg>{words}</li>")
    };
    let entries: String = entries.iter().map(entry).collect();
    format!("<ul class=\"legend\">{entries}</ul>")
}

/// A line of a legend.
pub(super) fn stroke(class: &str) -> String {
    format!("<line class=\"{class}\" x1=\"0\" x2=\"22\" y1=\"6\" y2=\"6\"/>")
}

/// An area of a legend.
pub(super) fn area(class: &str) -> String {
    format!("<path class=\"{class}\" d=\"M0 1H22V11H0Z\"/>")
}

/// A dot of a legend.
pub(super) fn dot(class: &str) -> String {
    format!("<circle class=\"point {class}\" cx=\"11\" cy=\"6\" r=\"4\"/>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_holds_its_values_and_is_never_empty() {
        let scale = Scale::over([2.0, f64::NAN, -1.0]);
        assert_eq!((scale.low, scale.high), (-1.0, 2.0));
        assert_eq!(
            (scale.part(-1.0), scale.part(0.5), scale.part(9.0)),
            (0.0, 0.5, 1.0)
        );
        for values in [vec![], vec![3.0], vec![0.0, 0.0]] {
            let scale = Scale::over(values);
            assert!(scale.low < scale.high, "{scale:?}");
            assert!(scale.part(f64::NAN).abs() < f64::EPSILON);
        }
        let scale = Scale::around_zero([0.5, -2.0]);
        assert_eq!((scale.low, scale.high), (-2.0, 2.0));
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let scale = Scale {
            low: -1.3,
            high: 2.2,
        };
        assert_eq!(scale.ticks(4.0), [-1.0, 0.0, 1.0, 2.0]);
        assert_eq!(scale.decimals(4.0), 0);
        let scale = Scale {
            low: 0.43,
            high: 0.71,
        };
        assert_eq!(scale.decimals(6.0), 2);
        assert_eq!(scale.ticks(6.0).len(), 6);
        assert!(
            scale
                .ticks(6.0)
                .iter()
                .all(|tick| (0.43..=0.71).contains(tick))
        );
        let huge = Scale {
            low: -1e9,
            high: 1e12,
        };
        assert!((2..12).contains(&huge.ticks(5.0).len()));
    }

    #[test]
    fn places_are_short() {
        assert_eq!(wide(0.1234), "12.34%");
        assert_eq!(wide(1.0), "100%");
        assert_eq!(length(12.04), "12");
        assert_eq!(line([(0.0, 1.5), (10.0, 2.0)].into_iter()), "M0 1.5L10 2");
    }

    #[test]
    fn the_tone_of_an_interval_is_that_of_all_of_it() {
        assert_eq!(Whisker::tone(0.1, 0.2, Some(0.0)), "good");
        assert_eq!(Whisker::tone(-0.1, 0.2, Some(0.0)), "");
        assert_eq!(Whisker::tone(-0.2, -0.1, Some(0.0)), "bad");
        assert_eq!(Whisker::tone(0.1, 0.2, None), "");
    }
}
