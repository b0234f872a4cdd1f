//! `orion export`: what a data folder keeps, as a table, while its server may run: of the journal a row for each signal with its
//! whole life, for each step of what became of it, or for what would have become of one that was not confirmed; every quote;
//! every closed bar. `docs/export.md` has the columns.

mod bars;
mod outcomes;
mod prices;
mod shadows;
mod signals;
mod wanted;

use crate::cli;
use crate::history::{Market, Progress, data_folder, markets, remark};
use anyhow::{Context as _, Result, bail, ensure};
use history::table::{Cell, Column, Form, Sheet, Target};
use journal::{Journal as _, Looking, Pages, Record};
use market::{Ended, Price, Probability, Ratio, Time};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use wanted::Wanted;

/// Places of prices in Parquet, whatever the instrument: one column has them all.
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
    /// A row for each signal, with its whole life
    Signals,
    /// A row for each step after a confirmation
    Outcomes,
    /// A row for each signal that was not confirmed, with what would have become of it
    Shadows,
    /// A row for each quote
    Prices,
    /// A row for each closed bar of the charts
    Bars,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Written {
    Parquet,
    Csv,
    /// An object a line
    Json,
}

/// Where rows go, and which of them are wanted.
struct Out<'a> {
    wanted: &'a mut Wanted,
    sheet: Sheet,
    rows: u64,
}

impl Out<'_> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.rows += 1;
        Ok(self.sheet.row(cells)?)
    }
}

/// Writes the table, and says how many rows it has.
///
/// # Errors
/// When the question is wrong, there is nothing to export, or something cannot be read or written: then no file is there.
pub async fn run(options: &cli::Export, environment: Vec<(String, String)>) -> Result<()> {
    let mut wanted = Wanted::read(options)?;
    let (form, target) = place(options)?;
    let data = data_folder(&options.kept, environment)?;
    let markets = markets(&data, options.market.as_deref())?;
    let columns = match options.what {
        What::Signals => signals::columns(),
        What::Outcomes => outcomes::columns(),
        What::Shadows => shadows::columns(),
        What::Prices => prices::columns(),
        What::Bars => bars::columns(),
    };
    let about = [("orion.kind", format!("{:?}", options.what).to_lowercase())];
    let mut out = Out {
        wanted: &mut wanted,
        sheet: Sheet::create(form, target, &columns, &about)?,
        rows: 0,
    };
    let mut is_there = false;
    for market in &markets {
        is_there |= one(options.what, market, &mut out)
            .await
            .with_context(|| format!("read market {}", market.name))?;
    }
    if !is_there {
        bail!("{}", missing(options.what, &data));
    }
    crate::fault::point("export_whole");
    let Out { sheet, rows, .. } = out;
    sheet.finish()?;
    for symbol in wanted.unseen() {
        remark(&format!("nothing of {symbol} is there in that time"));
    }
    let told = format!("{rows} {}", format!("{:?}", options.what).to_lowercase());
    match &options.out {
        Some(path) if !is_stream(path) => writeln!(io::stdout(), "{told} in {}", path.display())?,
        Some(_) | None => remark(&told),
    }
    Ok(())
}

/// Writes the rows of a market; whether it keeps such a thing.
async fn one(what: What, market: &Market, out: &mut Out<'_>) -> Result<bool> {
    match what {
        What::Prices => return prices::write(market, out),
        What::Bars => return bars::write(market, out),
        What::Signals | What::Outcomes | What::Shadows => {}
    }
    let Some(journal) = Looking::open(&market.dir)? else {
        return Ok(false);
    };
    let name = &market.name;
    match what {
        What::Signals => signals::write(name, &journal, out).await?,
        What::Outcomes => outcomes::write(name, &journal, out).await?,
        What::Shadows => shadows::write(name, &journal, out).await?,
        What::Prices | What::Bars => {}
    }
    Ok(true)
}

fn missing(what: What, data: &Path) -> String {
    let why = match what {
        What::Signals | What::Outcomes | What::Shadows => {
            "has a journal: signals are kept by `orion serve`"
        }
        What::Prices => {
            "has a tape or sealed days: they are kept by `orion serve` and `orion record`"
        }
        What::Bars => "has a chart book: it is kept by `orion serve`",
    };
    format!("no market in {} {why}", data.display())
}

/// Where it is written, and how.
fn place(options: &cli::Export) -> Result<(Form, Target)> {
    let given = match (options.format, options.kept.json) {
        (Some(Written::Parquet | Written::Csv), true) => {
            bail!("--json says another form than --format: give one of them")
        }
        (Some(Written::Parquet), _) => Some(Form::Parquet),
        (Some(Written::Csv), _) => Some(Form::Csv),
        (Some(Written::Json), _) | (None, true) => Some(Form::Json),
        (None, false) => None,
    };
    let file = options.out.as_deref().filter(|path| !is_stream(path));
    let Some(path) = file else {
        let form = given.unwrap_or(Form::Csv);
        ensure!(
            form != Form::Parquet || !io::stdout().is_terminal(),
            "Parquet is nothing for a terminal: give --out FILE, or a pipe"
        );
        return Ok((form, Target::Stream(Box::new(io::stdout()))));
    };
    let named = Form::of(path);
    if let (Some(given), Some(named)) = (given, named) {
        ensure!(
            given == named,
            "--out {} is named as {}, and {} is asked for: give one of both",
            path.display(),
            word(named),
            word(given)
        );
    }
    let Some(form) = given.or(named) else {
        bail!(
            "--out {} says no form: end the name in .parquet, .csv or .json, or say --format",
            path.display()
        );
    };
    ensure!(
        !path.is_dir(),
        "--out {} is a folder: name a file in it",
        path.display()
    );
    Ok((form, Target::File(path.to_owned())))
}

fn is_stream(path: &Path) -> bool {
    path == Path::new("-")
}

fn word(form: Form) -> &'static str {
    match form {
        Form::Parquet => "Parquet",
        Form::Csv => "CSV",
        Form::Json => "JSON",
    }
}

/// Gives each record of a journal, in order.
async fn read(
    what: &str,
    journal: &Looking,
    mut each: impl FnMut(u64, Record) -> Result<()>,
) -> Result<()> {
    let progress = Progress::counts(what, journal.end().seq);
    let mut pages = Pages::of(journal);
    while let Some(page) = pages.next(journal).await? {
        for (at, record) in page {
            each(at.seq, record)?;
        }
        progress.set(pages.position().seq);
    }
    Ok(())
}

fn price(name: &str) -> Column {
    Column::decimal(name, PRICE_PLACES)
}

fn price_cell(price: Option<Price>, digits: u8) -> Cell<'static> {
    price.map_or(Cell::None, |price| Cell::Exact(price, digits))
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

fn end_cells(end: Option<&Ended>, digits: u8) -> [Cell<'static>; 10] {
    let measure = |of: fn(&Ended) -> Option<i64>| end.and_then(of).map_or(Cell::None, Cell::Units);
    let flag = |of: fn(&Ended) -> bool| end.map_or(Cell::None, |end| Cell::Flag(of(end)));
    let price = |of: fn(&Ended) -> Price| price_cell(end.map(of), digits);
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
