//! Rows of features as tables that pandas, polars and DuckDB read. The columns are in `docs/features.md`.

use super::lives::{Life, Told};
use anyhow::{Context as _, Result};
use engine::Engine;
use engine::features::{Feature, FeatureRow};
use history::table::{Cell, Column, Unit, Writer};
use market::{Symbol, Time};
use std::path::Path;

/// A row for each bar, written as they come.
pub(super) struct BarTable {
    writer: Writer,
}

impl BarTable {
    pub(super) fn create(path: &Path, names: &[Feature]) -> Result<Self> {
        let mut columns = vec![
            Column::text("symbol"),
            Column::text("timeframe"),
            Column::time("time", Unit::Micros),
        ];
        columns.extend(floats(names));
        let writer = begin(path, names, &columns)?;
        Ok(Self { writer })
    }

    pub(super) fn add(&mut self, symbol: Symbol, row: &FeatureRow) -> Result<()> {
        let mut cells = vec![
            Cell::Text(symbol.as_str()),
            Cell::Text(row.timeframe.as_str()),
            micros(row.time.nanos()),
        ];
        cells.extend(row.values.values().iter().copied().map(Cell::Float));
        self.writer.row(&cells).context("write the table")
    }

    /// Puts it in its place, and says how many rows it has.
    pub(super) fn finish(self) -> Result<u64> {
        let rows = self.writer.rows();
        self.writer.finish().context("write the table")?;
        Ok(rows)
    }
}

/// A row for each signal.
pub(super) fn write_signals(path: &Path, names: &[Feature], lives: &[Life]) -> Result<()> {
    let mut columns = vec![
        Column::text("id"),
        Column::text("symbol"),
        Column::text("timeframe"),
        Column::time("time", Unit::Micros),
        Column::text("setup"),
        Column::text("source"),
        Column::text("direction"),
    ];
    columns.extend(floats(names));
    columns.extend([
        Column::text("status"),
        Column::text("cause").optional(),
        Column::flag("hit").optional(),
        Column::float("realised").optional(),
        Column::float("odds").optional(),
        Column::float("confidence"),
        Column::time("resolved_at", Unit::Micros).optional(),
        Column::time("ended_at", Unit::Micros).optional(),
    ]);
    let mut writer = begin(path, names, &columns)?;
    for life in lives {
        if let Some(told) = &life.told {
            write_signal(&mut writer, life, told).context("write the table")?;
        }
    }
    writer.finish().context("write the table")?;
    Ok(())
}

fn write_signal(writer: &mut Writer, life: &Life, told: &Told) -> Result<(), history::Error> {
    let id = life.id.to_string();
    let mut cells = vec![
        Cell::Text(&id),
        Cell::Text(told.symbol.as_str()),
        Cell::Text(told.timeframe),
        micros(life.time.nanos()),
        Cell::Text(&told.setup),
        Cell::Text(&told.source),
        Cell::Text(told.direction.as_str()),
    ];
    cells.extend(life.values.values().iter().copied().map(Cell::Float));
    let moment = |time: Option<Time>| time.map_or(Cell::None, |time| micros(time.nanos()));
    cells.extend([
        Cell::Text(told.status.as_str()),
        told.cause
            .map_or(Cell::None, |cause| Cell::Text(cause.as_str())),
        life.hit.map_or(Cell::None, Cell::Flag),
        life.realised.map_or(Cell::None, Cell::Float),
        told.odds.map_or(Cell::None, Cell::Float),
        Cell::Float(told.confidence),
        moment(life.resolved_at),
        moment(life.ended_at),
    ]);
    writer.row(&cells)
}

fn begin(path: &Path, names: &[Feature], columns: &[Column]) -> Result<Writer> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let about = [
        ("features.names", names.join(",")),
        ("features.engine", Engine::VERSION.to_string()),
    ];
    Writer::create(path, columns, &about).context("begin the table")
}

/// Never empty: what is not known is NaN.
fn floats(names: &[Feature]) -> impl Iterator<Item = Column> {
    names.iter().map(|name| Column::float(&name.to_string()))
}

/// What is finer than a microsecond is cut: not every tool reads it.
fn micros(nanos: i64) -> Cell<'static> {
    Cell::Nanos(nanos - nanos.rem_euclid(1000))
}
