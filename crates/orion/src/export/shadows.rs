//! One row for each signal that was not confirmed, with what would have become of it had it been opened at its verdict.

use super::{
    CHANCE_PLACES, Out, chance_cell, end_cells, end_columns, price, ratio, ratio_cell, read,
};
use anyhow::Result;
use history::table::{Cell, Column, Unit};
use journal::{Journal as _, Looking, Record};
use market::{Shadow, Signal, Uuid};
use std::collections::BTreeMap;

pub(super) fn columns() -> Vec<Column> {
    let mut columns = vec![
        Column::text("market"),
        Column::integer("place"),
        Column::text("id"),
        Column::text("symbol"),
        Column::text("direction"),
        Column::text("setup"),
        Column::text("killzone"),
        price("entry"),
        price("stop"),
        Column::text("cause"),
        Column::time("at", Unit::Nanos),
        Column::text("kind"),
        Column::decimal("odds", CHANCE_PLACES).optional(),
        ratio("realised").optional(),
    ];
    columns.extend(end_columns());
    columns
}

/// Writes the rows of a market.
pub(super) async fn write(market: &str, journal: &Looking, out: &mut Out<'_>) -> Result<()> {
    let mut signals: BTreeMap<Uuid, Signal> = BTreeMap::new();
    // Shadows first: each is of a signal that stands in the journal when it does.
    let shadows = journal.shadows(0, usize::MAX).await?;
    read(market, journal, |_, record| {
        if let Record::Signal(signal) = record
            && signal.cause.is_some()
        {
            signals.insert(signal.id, signal);
        }
        Ok(())
    })
    .await?;
    for (place, shadow) in &shadows {
        if let Some(signal) = signals.get(&shadow.id)
            && out.wanted.has(shadow.at, signal.symbol)
        {
            row(market, *place, shadow, signal, out)?;
        }
    }
    Ok(())
}

fn row(
    market: &str,
    place: u64,
    shadow: &Shadow,
    signal: &Signal,
    out: &mut Out<'_>,
) -> Result<()> {
    let (id, kind) = (shadow.id.to_string(), shadow.kind.to_string());
    let mut cells = vec![
        Cell::Text(market),
        Cell::Integer(i64::try_from(place)?),
        Cell::Text(&id),
        Cell::Text(signal.symbol.as_str()),
        Cell::Text(signal.direction.as_str()),
        Cell::Text(&signal.setup),
        Cell::Text(signal.killzone.as_str()),
        Cell::Exact(signal.entry, signal.digits),
        Cell::Exact(signal.stop, signal.digits),
        Cell::Text(shadow.cause.as_str()),
        Cell::Nanos(shadow.at.nanos()),
        Cell::Text(&kind),
        chance_cell(shadow.odds),
        ratio_cell(shadow.realised),
    ];
    let mut end = end_cells(shadow.end.as_ref(), signal.digits);
    // A verdict by the stop or the first target says itself whether it would have hit, and what judged it.
    end[0] = shadow.hit().map_or(Cell::None, Cell::Flag);
    if let (None, Some(bars)) = (&shadow.end, shadow.bars) {
        (end[8], end[9]) = (Cell::Text(bars.as_str()), Cell::Flag(shadow.coarse));
    }
    cells.extend(end);
    out.row(&cells)
}
