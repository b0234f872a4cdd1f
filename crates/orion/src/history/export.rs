//! `orion history export`: what the journal has, as a table: a row for each signal with its whole life, for each step of what
//! became of it, or for what would have become of one that was not confirmed. `docs/history.md` has the columns.

mod outcomes;
mod shadows;
mod signals;

use super::Market;
use crate::cli::HistoryExport;
use anyhow::{Context as _, Result, bail, ensure};
use history::table::{Cell, Column, Form, Sheet};
use journal::{Journal as _, Looking, Record};
use market::{Ended, Position, Price, Probability, Ratio, Time};
use std::io::Write;

/// Records read from the journal at a time.
const PAGE: usize = 4096;
/// Places of prices, whatever the instrument: one column has them all.
const PRICE_PLACES: u8 = 9;
/// Places of multiples of the risk.
const RATIO_PLACES: u8 = 2;
/// Places of what is measured.
const MEASURE_PLACES: u8 = 6;
/// Places of probabilities.
const CHANCE_PLACES: u8 = 4;

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// A row for each signal
    Signals,
    /// A row for each step after a confirmation
    Outcomes,
    /// A row for each signal that was not confirmed, with what would have become of it
    Shadows,
}

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Period {
    from: Time,
    /// Not itself in it.
    to: Time,
}

impl Period {
    fn has(self, at: Time) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// Writes the file, and says how many rows it has.
pub(super) async fn run(
    markets: &[Market],
    options: &HistoryExport,
    out: &mut impl Write,
) -> Result<bool> {
    let path = &options.out;
    let Some(form) = Form::of(path) else {
        bail!(
            "--out {} says no form: end the name in .parquet or .csv",
            path.display()
        );
    };
    let period = Period {
        from: moment("--from", options.from.as_deref(), Time::MIN)?,
        to: moment("--to", options.to.as_deref(), Time::MAX)?,
    };
    ensure!(
        period.from < period.to,
        "--from {} is not before --to {}: nothing lies between them",
        options.from.as_deref().unwrap_or_default(),
        options.to.as_deref().unwrap_or_default()
    );
    let columns = match options.what {
        What::Signals => signals::columns(),
        What::Outcomes => outcomes::columns(),
        What::Shadows => shadows::columns(),
    };
    let about = [("orion.kind", format!("{:?}", options.what).to_lowercase())];
    let mut sheet = Sheet::create(form, path, &columns, &about)?;
    let mut rows = 0;
    let mut journals = 0;
    for market in markets {
        let journal = Looking::open(&market.dir);
        let Some(journal) = journal.with_context(|| format!("read market {}", market.name))? else {
            continue;
        };
        journals += 1;
        let name = &market.name;
        rows += match options.what {
            What::Signals => signals::write(name, &journal, period, &mut sheet).await?,
            What::Outcomes => outcomes::write(name, &journal, period, &mut sheet).await?,
            What::Shadows => shadows::write(name, &journal, period, &mut sheet).await?,
        };
    }
    ensure!(
        journals > 0,
        "no market here has a journal: signals are kept by `orion serve`"
    );
    sheet.finish()?;
    writeln!(out, "{rows} {:?} in {}", options.what, path.display())?;
    Ok(true)
}

/// A moment of the command line: a date, or RFC 3339.
fn moment(option: &str, text: Option<&str>, otherwise: Time) -> Result<Time> {
    let Some(text) = text else {
        return Ok(otherwise);
    };
    let read = Time::parse(text).or_else(|_| Time::parse(&format!("{text}T00:00:00Z")));
    read.map_err(|_| {
        anyhow::anyhow!("{option} {text} is no time: write 2026-11-28 or 2026-11-28T07:00:00Z")
    })
}

/// Gives each record of a journal, in order.
async fn read(journal: &Looking, mut each: impl FnMut(u64, Record) -> Result<()>) -> Result<()> {
    let mut position = Position {
        seq: 0,
        ..journal.end()
    };
    while position.seq < journal.end().seq {
        for (next, record) in journal.read(position, PAGE).await? {
            position = next;
            each(next.seq, record)?;
        }
    }
    Ok(())
}

fn price(name: &str) -> Column {
    Column::decimal(name, PRICE_PLACES)
}

fn ratio(name: &str) -> Column {
    Column::decimal(name, RATIO_PLACES)
}

fn ratio_cell(ratio: Option<Ratio>) -> Cell<'static> {
    ratio.map_or(Cell::None, |ratio| Cell::Units(ratio.hundredths().into()))
}

/// How the life of a signal ended, in columns; all of them empty where nobody followed it.
fn end_columns() -> [Column; 10] {
    let measure = |name: &str| Column::decimal(name, MEASURE_PLACES).optional();
    [
        Column::flag("hit").optional(),
        price("fill").optional(),
        price("spread").optional(),
        measure("mfe"),
        measure("mae"),
        measure("cost"),
        Column::integer("held_ms").optional(),
        Column::flag("ambiguous").optional(),
        Column::text("by_bars").optional(),
        Column::flag("coarse").optional(),
    ]
}

fn end_cells(end: Option<&Ended>) -> [Cell<'static>; 10] {
    let measure = |of: fn(&Ended) -> Option<i64>| end.and_then(of).map_or(Cell::None, Cell::Units);
    let flag = |of: fn(&Ended) -> bool| end.map_or(Cell::None, |end| Cell::Flag(of(end)));
    let price = |of: fn(&Ended) -> Price| end.map_or(Cell::None, |end| Cell::Price(of(end)));
    let bars = end.and_then(|end| end.bars);
    [
        flag(|end| end.hit),
        price(|end| end.fill),
        price(|end| end.spread),
        measure(|end| Some(end.best.millionths())),
        measure(|end| Some(-end.worst.millionths())),
        measure(|end| Some(end.cost?.millionths())),
        end.map_or(Cell::None, |end| Cell::Integer(end.held.millis())),
        flag(|end| end.ambiguous),
        bars.map_or(Cell::None, |bars| Cell::Text(bars.as_str())),
        flag(|end| end.coarse),
    ]
}

fn chance_cell(chance: Option<Probability>) -> Cell<'static> {
    chance.map_or(Cell::None, |chance| Cell::Units(chance.steps().into()))
}

fn time_cell(time: Option<Time>) -> Cell<'static> {
    time.map_or(Cell::None, |time| Cell::Nanos(time.nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates_or_times() {
        let time = |text| Time::parse(text).unwrap();
        let read = |text| moment("--from", text, Time::MIN);
        assert_eq!(read(None).unwrap(), Time::MIN);
        let day = read(Some("2026-11-28")).unwrap();
        assert_eq!(day, time("2026-11-28T00:00:00Z"));
        let noon = read(Some("2026-11-28T13:00:00+01:00")).unwrap();
        assert_eq!(noon, time("2026-11-28T12:00:00Z"));
        let error = read(Some("yesterday")).unwrap_err().to_string();
        assert!(error.starts_with("--from yesterday is no time"), "{error}");
        let period = Period {
            from: day,
            to: noon,
        };
        assert!(period.has(day) && !period.has(noon));
    }
}
