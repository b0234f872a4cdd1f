//! Everything the detectors see in one series, for who looks at them: the internal scale that signals go by, the middles of
//! gaps, and the structure of the major scale.

use super::{BarIndex, Chart, Finding, Gap};
use crate::rules::Rules;
use market::{Bar, Direction, Ohlc};

/// Something that became known at a bar's close.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    Found(Finding),
    /// Price has reached the middle of a gap ("consequent encroachment").
    GapHalved(Gap),
    /// A swing, an equal swing or a break of the major scale.
    Major(Finding),
}

/// The structure of one series on both scales.
#[derive(Clone, Debug)]
pub struct Survey {
    chart: Chart,
    major: Chart,
    major_rules: Rules,
    /// The births of the live gaps whose middle was reached.
    halved: Vec<BarIndex>,
    findings: Vec<Finding>,
}

impl Survey {
    #[must_use]
    pub fn new(rules: &Rules, roll_hour: i8) -> Self {
        let major_rules = Rules {
            swing_left: rules.major_left,
            swing_right: rules.major_right,
            ..rules.clone()
        };
        Self {
            chart: Chart::new(rules, roll_hour),
            major: Chart::new(&major_rules, roll_hour),
            major_rules,
            halved: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Takes the next closed bar and appends what became known at its close: as a chart tells it, the middle of a gap
    /// between its touch and its fill, and the major scale last. Returns the bar's index.
    pub fn close(&mut self, bar: &Bar, rules: &Rules, seen: &mut Vec<Observation>) -> BarIndex {
        let halved = self.halved_by(&bar.price);
        self.findings.clear();
        let t = self.chart.close(bar, rules, &mut self.findings);
        // The chart of the major scale tells them.
        self.findings
            .retain(|finding| !matches!(finding, Finding::MajorSwing { .. }));
        merge(&halved, self.findings.drain(..), seen);
        self.halved.extend(halved.iter().map(|gap| gap.born));
        let live = self.chart.gaps();
        self.halved
            .retain(|born| live.binary_search_by_key(born, |gap| gap.born).is_ok());
        self.major.close(bar, &self.major_rules, &mut self.findings);
        let major = self.findings.drain(..).filter(is_major);
        seen.extend(major.map(Observation::Major));
        t
    }

    /// The live gaps whose middle this bar is the first to reach, oldest first.
    fn halved_by(&self, bar: &Ohlc) -> Vec<Gap> {
        let reached = |gap: &&Gap| {
            // Twice the middle, which is exact.
            let middle = gap.top + gap.bottom;
            match gap.direction {
                Direction::Long => bar.low.times(2) <= middle,
                Direction::Short => bar.high.times(2) >= middle,
            }
        };
        let gaps = self.chart.gaps().iter().filter(reached);
        gaps.filter(|gap| !self.halved.contains(&gap.born))
            .cloned()
            .collect()
    }
}

/// Appends findings, with the middles where they belong: gaps come first and oldest first, and a gap's middle comes after
/// its touch and before its fill.
fn merge(halved: &[Gap], findings: impl Iterator<Item = Finding>, seen: &mut Vec<Observation>) {
    let mut halved = halved.iter().peekable();
    for finding in findings {
        let reached = (life(&finding), is_touch(&finding));
        while let Some(gap) = halved.next_if(|gap| match reached {
            (Some(born), true) => gap.born < born,
            (Some(born), false) => gap.born <= born,
            (None, _) => true,
        }) {
            seen.push(Observation::GapHalved(*gap));
        }
        seen.push(Observation::Found(finding));
    }
    seen.extend(halved.cloned().map(Observation::GapHalved));
}

/// The birth of the gap whose life a finding is about.
fn life(finding: &Finding) -> Option<BarIndex> {
    match finding {
        Finding::GapTouched(gap) | Finding::GapFilled(gap) | Finding::GapInverted(gap) => {
            Some(gap.born)
        }
        Finding::Gap(_)
        | Finding::Swing { .. }
        | Finding::MajorSwing { .. }
        | Finding::Equal { .. }
        | Finding::Break(_)
        | Finding::Block(_)
        | Finding::BlockTouched(_)
        | Finding::BlockBroken(_)
        | Finding::Sweep { .. }
        | Finding::Run { .. } => None,
    }
}

fn is_touch(finding: &Finding) -> bool {
    matches!(finding, Finding::GapTouched(_))
}

/// Pools, blocks and gaps do not depend on the scale of swings, or are found on the internal one.
fn is_major(finding: &Finding) -> bool {
    matches!(
        finding,
        Finding::Swing { .. } | Finding::Equal { .. } | Finding::Break(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Price, SourceTime, Span};

    /// Bars of `high low open close`, an hour apart.
    fn seen(bars: &[[i64; 4]]) -> Vec<String> {
        let rules = Rules::default();
        let mut survey = Survey::new(&rules, 17);
        let mut lines = Vec::new();
        for (place, [high, low, open, close]) in bars.iter().enumerate() {
            let price = |units: &i64| Price::from_units(*units);
            let open_time = SourceTime::from_secs(place as i64 * 3600);
            let bar = Bar {
                open_time,
                end_time: open_time + Span::from_hours(1),
                price: Ohlc {
                    open: price(open),
                    high: price(high),
                    low: price(low),
                    close: price(close),
                },
                ticks: 1,
                holed: false,
            };
            let mut seen = Vec::new();
            let t = survey.close(&bar, &rules, &mut seen);
            lines.extend(seen.iter().filter_map(|seen| line(t, seen)));
        }
        lines
    }

    fn line(t: BarIndex, seen: &Observation) -> Option<String> {
        let gap = |word: &str, gap: &Gap| Some(format!("{t} {word} {}", gap.born));
        match seen {
            Observation::GapHalved(halved) => gap("half", halved),
            Observation::Found(Finding::Gap(found)) => gap("gap", found),
            Observation::Found(Finding::GapTouched(found)) => gap("touch", found),
            Observation::Found(Finding::GapFilled(found)) => gap("fill", found),
            Observation::Found(Finding::GapInverted(found)) => gap("invert", found),
            Observation::Major(Finding::Swing { bar, .. }) => Some(format!("{t} major {bar}")),
            Observation::Found(_) | Observation::Major(_) => None,
        }
    }

    // A gap from 10 to 21: its middle is 15.5.
    const UP: [[i64; 4]; 3] = [[10, 5, 6, 9], [20, 9, 9, 20], [30, 21, 22, 29]];

    fn after(bars: &[[i64; 4]]) -> Vec<String> {
        let bars: Vec<[i64; 4]> = UP.iter().chain(bars).copied().collect();
        let lines = seen(&bars);
        assert_eq!(lines[0], "2 gap 2");
        lines[1..].to_vec()
    }

    #[test]
    fn the_middle_of_a_gap_is_told_once_between_its_touch_and_its_fill() {
        assert_eq!(after(&[[30, 16, 22, 29]]), ["3 touch 2"]);
        let half = after(&[[30, 15, 22, 29], [30, 15, 22, 29]]);
        assert_eq!(half, ["3 touch 2", "3 half 2"]);
        assert_eq!(
            after(&[[30, 10, 22, 29]]),
            ["3 touch 2", "3 half 2", "3 fill 2"]
        );
        // Touched before: the middle still comes before the fill and the end.
        assert_eq!(
            after(&[[30, 20, 22, 29], [29, 4, 28, 5]]),
            ["3 touch 2", "4 half 2", "4 fill 2", "4 invert 2"]
        );
        // Just at the middle of a gap from 10 to 20.
        let even = [UP[0], UP[1], [30, 20, 22, 29], [30, 15, 22, 29]];
        assert_eq!(seen(&even), ["2 gap 2", "3 touch 2", "3 half 2"]);
        // What has ended has no middle any more.
        assert_eq!(after(&[[29, 4, 28, 5], [29, 4, 28, 5]]).len(), 4);
    }

    #[test]
    fn a_gap_downwards_is_the_mirror() {
        let turned: Vec<[i64; 4]> = UP
            .iter()
            .chain(&[[30, 16, 22, 29], [30, 15, 22, 29]])
            .map(|[high, low, open, close]| [-low, -high, -open, -close])
            .collect();
        assert_eq!(seen(&turned), ["2 gap 2", "3 touch 2", "4 half 2"]);
    }

    #[test]
    fn middles_of_several_gaps_come_oldest_first() {
        // Gaps 10 to 21, 20 to 29 and 30 to 41.
        let bars = [
            [10, 5, 6, 9],
            [20, 9, 9, 20],
            [30, 21, 22, 29],
            [40, 29, 29, 40],
            [50, 41, 42, 49],
        ];
        let bars: Vec<[i64; 4]> = bars.into_iter().chain([[50, 14, 42, 49]]).collect();
        let lines = seen(&bars);
        let last: Vec<&String> = lines.iter().filter(|line| line.starts_with("5 ")).collect();
        assert_eq!(
            last,
            [
                "5 touch 2",
                "5 half 2",
                "5 touch 3",
                "5 half 3",
                "5 fill 3",
                "5 touch 4",
                "5 half 4",
                "5 fill 4"
            ]
        );
    }

    #[test]
    fn a_major_swing_stands_out_between_forty_bars() {
        let bar = |top: i64| [top, top - 2, top - 1, top - 1];
        let bars: Vec<[i64; 4]> = (0..60)
            .map(|place: i64| bar(1000 - (place - 25).abs()))
            .collect();
        assert_eq!(
            seen(&bars)
                .iter()
                .filter(|line| line.contains("major"))
                .collect::<Vec<_>>(),
            ["45 major 25"]
        );
    }
}
