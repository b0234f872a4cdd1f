//! One row a step of what became of a confirmed signal.

use super::{Out, price, ratio, ratio_cell, read};
use anyhow::Result;
use history::table::{Cell, Column, Unit};
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

/// Writes the rows of a market.
pub(super) async fn write(market: &str, journal: &Looking, out: &mut Out<'_>) -> Result<()> {
    read(market, journal, |seq, record| {
        let Record::Outcome(outcome) = record else {
            return Ok(());
        };
        if !out.wanted.has(outcome.at, outcome.symbol) {
            return Ok(());
        }
        out.row(&[
            Cell::Text(market),
            Cell::Integer(i64::try_from(seq)?),
            Cell::Text(&outcome.id.to_string()),
            Cell::Text(outcome.symbol.as_str()),
            Cell::Nanos(outcome.at.nanos()),
            Cell::Text(&outcome.kind.to_string()),
            Cell::Exact(outcome.price, outcome.digits),
            ratio_cell(Some(outcome.r)),
            Cell::Flag(outcome.last),
            ratio_cell(outcome.realised),
        ])
    })
    .await
}
