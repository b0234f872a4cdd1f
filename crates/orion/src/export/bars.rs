//! One row a closed bar of the chart book, with the moment at which it was known.

use super::{Out, price};
use crate::history::{Market, Progress};
use anyhow::{Context as _, Result};
use history::table::{Cell, Column, Unit};
use journal::charts::{self, ChartName, KnownBar, Page};
use journal::tape::{TapeItem, TapeReader, segments};
use market::{Catalog, SourceTime};
use std::path::Path;

/// Bars read at a time.
const PAGE: usize = 8192;

pub(super) fn columns() -> Vec<Column> {
    let mut columns = vec![
        Column::text("market"),
        Column::text("symbol"),
        Column::text("timeframe"),
        Column::time("open_time", Unit::Nanos),
        Column::time("end_time", Unit::Nanos),
    ];
    columns.extend(["open", "high", "low", "close"].map(price));
    columns.extend([
        Column::integer("ticks"),
        Column::flag("holed"),
        Column::time("known", Unit::Nanos),
    ]);
    columns
}

/// Writes the rows of a market, chart by chart, the oldest bar first; whether it has a chart book.
pub(super) fn write(market: &Market, out: &mut Out<'_>) -> Result<bool> {
    let Some(page) = Page::open(&charts::path(&market.dir))? else {
        return Ok(false);
    };
    let catalog = catalog(&market.dir)?;
    let progress = Progress::counts(&market.name, page.count()?);
    let mut read = 0;
    for chart in page.charts()? {
        if !out.wanted.has_symbol(chart.symbol) || !out.wanted.has_timeframe(chart.timeframe) {
            continue;
        }
        let id = catalog.find(chart.symbol.as_str());
        let digits = id.map_or(0, |id| catalog.instrument(id).digits);
        let mut after = SourceTime::MIN;
        loop {
            let bars = page.bars_after(chart, after, PAGE)?;
            let Some(last) = bars.last() else { break };
            after = last.bar.open_time;
            for bar in &bars {
                if out.wanted.has(bar.bar.open_time.as_stamp(), chart.symbol) {
                    row(market, chart, bar, digits, out)?;
                }
            }
            read += bars.len() as u64;
            progress.set(read);
        }
    }
    Ok(true)
}

fn row(
    market: &Market,
    chart: ChartName,
    known: &KnownBar,
    digits: u8,
    out: &mut Out<'_>,
) -> Result<()> {
    let KnownBar { bar, known } = known;
    let prices = [
        bar.price.open,
        bar.price.high,
        bar.price.low,
        bar.price.close,
    ];
    let [open, high, low, close] = prices.map(|price| Cell::Exact(price, digits));
    out.row(&[
        Cell::Text(&market.name),
        Cell::Text(chart.symbol.as_str()),
        Cell::Text(chart.timeframe.as_str()),
        Cell::Nanos(bar.open_time.nanos()),
        Cell::Nanos(bar.end_time.nanos()),
        open,
        high,
        low,
        close,
        Cell::Integer(i64::from(bar.ticks)),
        Cell::Flag(bar.holed),
        Cell::Nanos(known.nanos()),
    ])
}

/// What the newest segment of the tape says of the instruments; nothing where there is none.
fn catalog(market: &Path) -> Result<Catalog> {
    let segments = segments(&market.join("tape"))?;
    let Some(newest) = segments.last() else {
        return Ok(Catalog::default());
    };
    for item in TapeReader::open_files([newest.path.clone()]) {
        if let TapeItem::Settings(kept) = item.context("read the tape's settings")? {
            return Ok(crate::machine::read_settings(&kept)?.catalog);
        }
    }
    Ok(Catalog::default())
}
