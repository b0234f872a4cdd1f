//! `orion inspect --smt`: divergences of two series, on the bars that both have.

use super::events::{COLUMNS, Event};
use super::rows::{Form, Rows};
use super::series::{Row, Series, shown};
use super::{PROGRESS_EVERY, progress, remark};
use anyhow::{Result, ensure};
use engine::Rules;
use engine::structure::{CorrelationGate, Divergence, Member, Relation, Smt};
use std::cmp::Ordering;
use std::io::Write;

/// The series side by side.
struct Aligned {
    series: [Series; 2],
    next: [Option<Row>; 2],
    /// Bars in both, and in one alone.
    both: u64,
    alone: [u64; 2],
}

/// Prints a row for each divergence.
///
/// # Errors
/// When a series cannot be read, the two have bars of different lengths, or nothing can be written.
pub(super) fn run(
    series: [Series; 2],
    rules: &Rules,
    relation: Relation,
    form: Form,
    out: &mut impl Write,
) -> Result<()> {
    let mut rows = Rows::new(out, form, &COLUMNS)?;
    let mut aligned = Aligned::new(series)?;
    let progress = progress(&aligned.series[0]);
    let names = aligned.names();
    // The gate is a matter of signals: whoever compares outputs wants all of them.
    let mut smt = Smt::new(rules, relation, CorrelationGate::Open);
    let mut found = Vec::new();
    while let Some([first, second]) = aligned.next()? {
        let t = smt.close([&first.bar.price, &second.bar.price], rules, &mut found);
        for event in events(found.drain(..), &names) {
            rows.row(event.fields(t))?;
        }
        if t.is_multiple_of(PROGRESS_EVERY) {
            progress.set(aligned.series[0].progress().1);
        }
    }
    rows.end()?;
    drop(progress);
    aligned.notes(&names).iter().for_each(|note| remark(note));
    Ok(())
}

/// The rows of one bar, by the swept symbol's name and then by direction.
fn events(found: impl Iterator<Item = Divergence>, names: &[String; 2]) -> Vec<Event> {
    let name = |member: Member| names[member as usize].clone();
    let mut found: Vec<Divergence> = found.collect();
    found.sort_by_key(|found| (name(found.swept), found.direction.sign()));
    let event = |found: Divergence| Event {
        level: found.level.to_string(),
        reference: found.bar.to_string(),
        earlier: found.earlier.to_string(),
        swept: name(found.swept),
        held: name(found.swept.other()),
        ..Event::new("smt", found.direction)
    };
    found.into_iter().map(event).collect()
}

impl Aligned {
    fn new(mut series: [Series; 2]) -> Result<Self> {
        let next = [series[0].next()?, series[1].next()?];
        if let [Some(one), Some(other)] = series.each_ref().map(Series::length) {
            ensure!(
                one == other,
                "{} has bars of {} and {} of {}; give two of the same length, or make them with --tf",
                series[0].path().display(),
                shown(one),
                series[1].path().display(),
                shown(other)
            );
        }
        Ok(Self {
            series,
            next,
            both: 0,
            alone: [0; 2],
        })
    }

    /// The next bar that both have.
    fn next(&mut self) -> Result<Option<[Row; 2]>> {
        loop {
            let [Some(one), Some(other)] = &self.next else {
                return Ok(None);
            };
            match one.bar.open_time.cmp(&other.bar.open_time) {
                Ordering::Less => self.skip(0)?,
                Ordering::Greater => self.skip(1)?,
                Ordering::Equal => {
                    let rows = [self.take(0)?, self.take(1)?];
                    self.both += 1;
                    let [one, other] = rows;
                    return Ok(one.zip(other).map(Into::into));
                }
            }
        }
    }

    fn skip(&mut self, place: usize) -> Result<()> {
        self.alone[place] += 1;
        self.take(place).map(|_| ())
    }

    fn take(&mut self, place: usize) -> Result<Option<Row>> {
        let next = self.series[place].next()?;
        Ok(std::mem::replace(&mut self.next[place], next))
    }

    /// The symbols where the files tell two, else the files' names.
    fn names(&self) -> [String; 2] {
        let symbols = self.series.each_ref().map(Series::symbol);
        if let [Some(one), Some(other)] = symbols
            && one != other
        {
            return [one.to_string(), other.to_string()];
        }
        let stems = self.series.each_ref().map(Series::stem);
        if stems[0] != stems[1] {
            return stems;
        }
        let path = |series: &Series| series.path().display().to_string();
        self.series.each_ref().map(path)
    }

    fn notes(&self, names: &[String; 2]) -> Vec<String> {
        let mut notes = self.series[0].notes();
        notes.extend(self.series[1].notes());
        notes.push(format!(
            "{} bars are in both, {} were left out of {} and {} of {}",
            self.both, self.alone[0], names[0], self.alone[1], names[1]
        ));
        notes
    }
}
