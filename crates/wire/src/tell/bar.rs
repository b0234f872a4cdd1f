//! What a price did in an interval.

use super::{BadPayload, check_digits, rule};
use market::{BarUpdate, Price, Time};

/// `{"type":"bar",...}`: only extended clients are told. `ts` is the moment it is written.
///
/// # Errors
/// When the bar breaks a rule of the schema.
pub fn bar(update: &BarUpdate, ts: Time) -> Result<String, BadPayload> {
    check(update).map_err(|fault| BadPayload {
        subject: format!(
            "{} bar of {} at {}",
            update.timeframe, update.symbol, update.bar.open_time
        ),
        fault,
    })?;
    let shown = |price: Price| price.display(update.digits);
    let bar = &update.bar;
    Ok(format!(
        r#"{{"type":"bar","ts":"{ts}","payload":{{"symbol":"{}","tf":"{}","open_time":"{}","o":{},"h":{},"l":{},"c":{},"ticks":{},"closed":{}}},"ext":{{"holed":{}}}}}"#,
        update.symbol,
        update.timeframe,
        bar.open_time,
        shown(bar.price.open),
        shown(bar.price.high),
        shown(bar.price.low),
        shown(bar.price.close),
        bar.ticks,
        update.closed,
        bar.holed,
    ))
}

fn check(update: &BarUpdate) -> Result<(), String> {
    check_digits(update.digits)?;
    let price = &update.bar.price;
    rule(price.low > Price::ZERO, || {
        format!("its low {} is not above zero", price.low)
    })?;
    rule(price.is_consistent(), || {
        format!("its prices contradict each other: {price:?}")
    })
}
