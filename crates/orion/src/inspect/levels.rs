//! `orion inspect --levels`: the high and low of the day and the week before, at each bar.

use super::each_bar;
use super::rows::{Form, Rows};
use super::series::Series;
use anyhow::{Result, ensure};
use engine::session;
use engine::structure::Levels;
use market::{Price, Timeframe};
use std::io::Write;

const COLUMNS: [&str; 8] = ["bar", "time", "high", "low", "pdh", "pdl", "pwh", "pwl"];

/// Prints a row for each bar.
///
/// # Errors
/// When the series cannot be read, its bars are too long to be of one day, or nothing can be written.
pub(super) fn run(series: Series, form: Form, out: &mut impl Write) -> Result<()> {
    let mut rows = Rows::new(out, form, &COLUMNS)?;
    let mut levels = Levels::new(session::roll_hour(series.calendar()));
    let path = series.path().to_owned();
    let told = each_bar(series, |t, row| {
        ensure!(
            row.bar.end_time - row.bar.open_time <= Timeframe::H4.span(),
            "{}: `{}`: its bars are longer than 4h, and days of trading are made of shorter ones; give bars of at most 4h",
            path.display(),
            row.time
        );
        levels.update(t, &row.bar);
        let [_, high, low, _] = row.prices();
        let mut fields = vec![t.to_string(), row.time.clone(), short(&high), short(&low)];
        for range in [levels.previous_day(), levels.previous_week()] {
            fields.extend(pair(range));
        }
        rows.row(fields)?;
        Ok(())
    });
    rows.end()?;
    told
}

fn pair(range: Option<(Price, Price)>) -> [String; 2] {
    range.map_or_else(Default::default, |(high, low)| {
        [high.to_string(), low.to_string()]
    })
}

/// A price without zeros at its end, as all are written beside it.
fn short(price: &str) -> String {
    let kept = if price.contains('.') {
        price.trim_end_matches('0').trim_end_matches('.')
    } else {
        price
    };
    kept.to_owned()
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn no_digit_that_tells_anything_goes() {
        for (given, shown) in [
            ("14300.0", "14300"),
            ("14300", "14300"),
            ("0.10", "0.1"),
            ("-1.0000000001000", "-1.0000000001"),
        ] {
            assert_eq!(short(given), shown);
        }
    }
}
