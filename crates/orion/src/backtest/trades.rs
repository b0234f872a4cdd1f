//! The trades of a backtest as a table, a row each. `docs/backtest.md` has the columns.

use anyhow::{Context as _, Result, bail};
use history::table::{Cell, Column, Form, Sheet, Target, Unit};
use lab::backtest::Report;
use lab::backtest::report::Trade;
use market::SourceTime;
use std::path::Path;

/// The form that a file's name says.
///
/// # Errors
/// When it says none.
pub(super) fn form(path: &Path) -> Result<Form> {
    let Some(form) = Form::of(path) else {
        bail!(
            "--trades {} says no form: end the name in .parquet, .csv or .json",
            path.display()
        );
    };
    Ok(form)
}

/// Writes all of them, in the report's order.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(report: &Report, path: &Path) -> Result<()> {
    let about = [("orion.kind", "trades".to_owned())];
    let mut sheet = Sheet::create(
        form(path)?,
        Target::File(path.to_owned()),
        &columns(),
        &about,
    )
    .with_context(|| format!("write the trades to {}", path.display()))?;
    for trade in &report.trades {
        row(trade, &mut sheet).context("write the trades")?;
    }
    sheet.finish().context("write the trades")?;
    Ok(())
}

fn columns() -> Vec<Column> {
    let text = [
        "id",
        "symbol",
        "direction",
        "setup",
        "timeframe",
        "killzone",
        "reason",
    ];
    let times = ["entry_time", "created_at", "confirmed_at", "ended_at"];
    let numbers = [
        "entry",
        "stop",
        "first_target",
        "last_target",
        "fill",
        "spread",
        "confidence",
    ];
    let results = ["r_gross", "cost_r", "r_net", "mfe", "mae"];
    let flags = ["hit", "ambiguous", "coarse", "training", "simulated"];
    let mut columns: Vec<Column> = text.iter().map(|name| Column::text(name)).collect();
    columns.extend(times.iter().map(|name| Column::time(name, Unit::Nanos)));
    columns.extend(numbers.iter().map(|name| Column::float(name)));
    columns.push(Column::float("odds").optional());
    columns.extend(results.iter().map(|name| Column::float(name)));
    columns.extend(flags.iter().map(|name| Column::flag(name)));
    columns.push(Column::text("ended"));
    columns.push(Column::text("model").optional());
    columns
}

fn row(trade: &Trade, sheet: &mut Sheet) -> Result<()> {
    let signal = &trade.signal;
    let time = |text: &str| SourceTime::parse(text).map(|time| Cell::Nanos(time.nanos()));
    let target = |target: Option<&lab::backtest::report::TradeTarget>| {
        Cell::Float(target.map_or(signal.entry, |target| target.price))
    };
    let ended = trade.steps.last().map_or("", |step| step.kind.as_str());
    sheet.row(&[
        Cell::Text(&signal.id),
        Cell::Text(&signal.symbol),
        Cell::Text(signal.direction),
        Cell::Text(&signal.setup),
        Cell::Text(signal.timeframe),
        Cell::Text(signal.killzone),
        Cell::Text(&signal.reason),
        time(&signal.entry_time)?,
        time(&signal.created_at)?,
        time(&signal.confirmed_at)?,
        time(&trade.ended_at)?,
        Cell::Float(signal.entry),
        Cell::Float(signal.stop),
        target(signal.targets.first()),
        target(signal.targets.last()),
        Cell::Float(trade.fill),
        Cell::Float(trade.spread),
        Cell::Float(signal.confidence),
        trade.odds.map_or(Cell::None, Cell::Float),
        Cell::Float(trade.r_gross),
        Cell::Float(trade.cost_r),
        Cell::Float(trade.r_net),
        Cell::Float(trade.mfe),
        Cell::Float(trade.mae),
        Cell::Flag(trade.hit),
        Cell::Flag(trade.ambiguous),
        Cell::Flag(trade.coarse),
        Cell::Flag(trade.training),
        Cell::Flag(signal.simulated),
        Cell::Text(ended),
        signal.model.as_deref().map_or(Cell::None, Cell::Text),
    ])?;
    Ok(())
}
