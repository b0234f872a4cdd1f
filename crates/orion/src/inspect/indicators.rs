//! `orion inspect --indicators`: the usual indicators at each bar.

use super::each_bar;
use super::rows::{Form, Rows};
use super::series::{Row, Series};
use anyhow::{Context as _, Result};
use engine::indicator::{Candle, Indicators};
use std::io::Write;

const BAR_COLUMNS: [&str; 6] = ["bar", "time", "open", "high", "low", "close"];

/// Prints a row for each bar: what was given, with every digit, and the values of the indicators, empty until they are warm.
///
/// # Errors
/// When the series cannot be read, or nothing can be written.
pub(super) fn run(series: Series, form: Form, out: &mut impl Write) -> Result<()> {
    let header: Vec<&str> = BAR_COLUMNS.into_iter().chain(Indicators::COLUMNS).collect();
    let mut rows = Rows::new(out, form, &header)?;
    let mut indicators = Indicators::new();
    let told = each_bar(series, |t, row| {
        let values = indicators.update(&candle(row)?);
        let mut fields = vec![t.to_string(), row.time.clone()];
        fields.extend(row.prices());
        fields
            .extend(values.map(|value| value.map_or_else(String::new, |value| value.to_string())));
        rows.row(fields)?;
        Ok(())
    });
    rows.end()?;
    told
}

/// Of every digit there is: more than a fixed-point price keeps.
fn candle(row: &Row) -> Result<Candle> {
    let [_, high, low, close] = row.numbers()?;
    Candle::new(high, low, close).with_context(|| format!("`{}`: it is no bar", row.time))
}
