//! One row a step of what became of a confirmed signal.

use super::{Period, price, ratio, ratio_cell, read};
use anyhow::Result;
use history::table::{Cell, Column, Sheet, Unit};
use journal::{Looking, Record};

pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::text("market"),
        Column::integer("seq"),
        Column::text("id"),
        Column::text("symbol"),
        Column::time("at", Unit::Nanos),
        Column::text("kind"),
        price("price"),
        ratio("r"),
        Column::flag("last"),
        ratio("realised").optional(),
    ]
}

/// Writes the rows of a market; how many.
pub(super) async fn write(
    market: &str,
    journal: &Looking,
    period: Period,
    sheet: &mut Sheet,
) -> Result<u64> {
    let mut rows = 0;
    read(journal, |seq, record| {
        let Record::Outcome(outcome) = record else {
            return Ok(());
        };
        if !period.has(outcome.at) {
            return Ok(());
        }
        rows += 1;
        sheet.row(&[
            Cell::Text(market),
            Cell::Integer(i64::try_from(seq)?),
            Cell::Text(&outcome.id.to_string()),
            Cell::Text(outcome.symbol.as_str()),
            Cell::Nanos(outcome.at.nanos()),
            Cell::Text(&outcome.kind.to_string()),
            Cell::Price(outcome.price),
            ratio_cell(Some(outcome.r)),
            Cell::Flag(outcome.last),
            ratio_cell(outcome.realised),
        ])?;
        Ok(())
    })
    .await?;
    Ok(rows)
}
