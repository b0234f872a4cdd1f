//! The tables that are printed: what each server did in a scenario, and whether ORION shows what it must.

use crate::figure::{Better, Figure, Figures};
use crate::scenario::{Bound, Judged, Scenario, Target};
use crate::server::Server;
use anyhow::Result;
use std::fmt;

pub struct Table {
    pub scenario: &'static Scenario,
    pub rows: Vec<Row>,
    /// Why there are no rows.
    note: Option<String>,
}

/// A server's runs.
pub struct Row {
    pub server: Server,
    runs: Vec<Figures>,
    /// Why there are no more.
    pub why_not: Option<String>,
}

impl Row {
    pub fn new(server: Server) -> Self {
        Self {
            server,
            runs: Vec::new(),
            why_not: None,
        }
    }

    /// A server that failed once is not tried again.
    pub fn add(&mut self, run: Result<Figures>) {
        match run {
            Ok(figures) => self.runs.push(figures),
            Err(error) => self.why_not = Some(format!("{error:#}")),
        }
    }

    /// One figure of all runs, lowest first.
    fn sorted(&self, figure: Figure) -> Vec<f64> {
        let values = self.runs.iter().filter_map(|run| run.get(&figure).copied());
        let mut values: Vec<_> = values.filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    /// What counts.
    fn judged(&self, figure: Figure, judged: Judged) -> Option<f64> {
        let values = self.sorted(figure);
        match (figure.better(), judged) {
            (Better::None, _) => values.last(),
            (Better::Lower | Better::Higher, Judged::Median) => values.get(values.len() / 2),
            (Better::Lower, Judged::Best) => values.first(),
            (Better::Higher, Judged::Best) => values.last(),
        }
        .copied()
    }
}

impl Table {
    pub fn new(scenario: &'static Scenario) -> Self {
        Self {
            scenario,
            rows: Vec::new(),
            note: None,
        }
    }

    pub fn note(&mut self, note: String) {
        self.note = Some(note);
    }

    fn judged(&self, server: Server, figure: Figure) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.server == server)?;
        row.judged(figure, self.scenario.judged)
    }

    /// What ORION, the first server of a scenario, showed of a target, or nothing where it was not measured.
    fn shown(&self, target: &Target) -> Option<f64> {
        let ours = self.judged(*self.scenario.servers.first()?, target.figure)?;
        match target.against {
            None => Some(ours),
            Some(other) => Some(ours / self.judged(other, target.figure)?),
        }
    }
}

const NAME_WIDTH: usize = 24;

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scenario = self.scenario;
        writeln!(f, "== {}: {}", scenario.name, scenario.title)?;
        if let Some(note) = &self.note {
            return writeln!(f, "{note}");
        }
        let widths: Vec<_> = scenario
            .shown
            .iter()
            .map(|&figure| self.width(figure))
            .collect();
        write!(f, "{:<NAME_WIDTH$}", self.scenario.judged.head())?;
        for (figure, width) in scenario.shown.iter().zip(&widths) {
            write!(f, "  {:>width$}", figure.head())?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:<NAME_WIDTH$}", row.server.name)?;
            if row.runs.is_empty() {
                writeln!(f, "  {}", row.why_not.as_deref().unwrap_or("not measured"))?;
                continue;
            }
            for (&figure, width) in scenario.shown.iter().zip(&widths) {
                write!(f, "  {:>width$}", self.cell(row, figure))?;
            }
            let after = row.why_not.as_ref().map(|why| format!("  then {why}"));
            writeln!(f, "{}", after.unwrap_or_default())?;
        }
        Ok(())
    }
}

impl Table {
    fn width(&self, figure: Figure) -> usize {
        let cells = self.rows.iter().map(|row| self.cell(row, figure).len());
        cells.max().unwrap_or(0).max(figure.head().len())
    }

    /// What counts, and in what range the runs lie.
    fn cell(&self, row: &Row, figure: Figure) -> String {
        let values = row.sorted(figure);
        match (row.judged(figure, self.scenario.judged), values.as_slice()) {
            (Some(judged), [first, .., last]) if figure.better() != Better::None => {
                format!("{} ({}..{})", number(judged), number(*first), number(*last))
            }
            (Some(judged), _) => number(judged),
            (None, _) => "-".to_owned(),
        }
    }
}

impl Judged {
    fn head(self) -> &'static str {
        match self {
            Self::Best => "best (range)",
            Self::Median => "median (range)",
        }
    }
}

/// Whether ORION shows what it must, of all scenarios.
pub struct Verdicts<'a>(pub &'a [Table]);

impl fmt::Display for Verdicts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "== what ORION must show\n{:<12}{:<40}{:>12}{:>10}",
            "", "", "wanted", "shown"
        )?;
        for table in self.0 {
            for target in table.scenario.targets {
                let (name, shown) = (table.scenario.name, table.shown(target));
                let (wanted, verdict) = target.bound.judge(shown);
                let shown = shown.map_or_else(|| "-".to_owned(), number);
                writeln!(
                    f,
                    "{name:<12}{:<40}{wanted:>12}{shown:>10}  {verdict}",
                    target.subject()
                )?;
            }
        }
        Ok(())
    }
}

impl Target {
    fn subject(&self) -> String {
        let head = self.figure.head();
        self.against.map_or_else(
            || head.to_owned(),
            |other| format!("{head} / {}", other.name),
        )
    }
}

impl Bound {
    /// What is wanted, in words, and whether it is so.
    fn judge(self, shown: Option<f64>) -> (String, &'static str) {
        let (wanted, holds) = match self {
            Self::AtMost(bound) => (format!("<= {}", number(bound)), shown.map(|it| it <= bound)),
            Self::AtLeast(bound) => (format!(">= {}", number(bound)), shown.map(|it| it >= bound)),
        };
        let verdict = match holds {
            Some(true) => "holds",
            Some(false) => "MISSED",
            None => "not measured",
        };
        (wanted, verdict)
    }
}

/// With about three digits that say something.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::ORION;
    use crate::server::RAW;

    fn row(server: Server, costs: &[f64]) -> Row {
        let mut row = Row::new(server);
        for &cost in costs {
            let missing = f64::from(u8::from(cost > 100.0));
            row.add(Ok(Figures::from([
                (Figure::DeliveryCpu, cost),
                (Figure::Missing, missing),
            ])));
        }
        row
    }

    #[test]
    fn best_median_and_worst() {
        let row = row(RAW, &[3.0, 101.0, 2.0]);
        for (figure, judged, expected) in [
            (Figure::DeliveryCpu, Judged::Best, 2.0),
            (Figure::DeliveryCpu, Judged::Median, 3.0),
            (Figure::Missing, Judged::Best, 1.0),
            (Figure::Missing, Judged::Median, 1.0),
        ] {
            assert_eq!(row.judged(figure, judged), Some(expected), "{figure:?}");
        }
        assert_eq!(row.judged(Figure::Last, Judged::Best), None);
    }

    #[test]
    fn a_target_is_a_bound_or_a_ratio() {
        let scenario = crate::scenario_named("bursts").unwrap();
        let mut table = Table::new(scenario);
        table.rows = vec![row(ORION, &[40.0, 50.0, 60.0]), row(RAW, &[100.0])];
        let shown: Vec<_> = scenario
            .targets
            .iter()
            .map(|target| {
                (
                    table.shown(target),
                    target.bound.judge(table.shown(target)).1,
                )
            })
            .collect();
        let expected = [
            (Some(0.0), "holds"),
            (Some(0.5), "holds"),
            (None, "not measured"),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.468, "0.47"),
            (52.34, "52.3"),
            (1544.4, "1544"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
