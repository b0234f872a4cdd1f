//! What a symbol costs.

use super::{BadPayload, Quoted, append, check_digits, rule};
use market::{Price, PriceKind, PriceUpdate, Time};

/// What is told of one price, without its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceBody {
    payload: String,
}

/// Where a price comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    pub source: &'a str,
    pub kind: PriceKind,
    pub simulated: bool,
}

impl PriceBody {
    /// # Errors
    /// When the update breaks a rule of the schema.
    pub fn new(update: &PriceUpdate) -> Result<Self, BadPayload> {
        check_price(update).map_err(|fault| BadPayload {
            subject: format!("price of {}", update.symbol),
            fault,
        })?;
        Ok(Self {
            payload: price_payload(update),
        })
    }

    /// The payload alone, a JSON object.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// `{"type":"price_update","payload":{...}}`.
    #[must_use]
    pub fn plain(&self) -> String {
        format!(r#"{{"type":"price_update","payload":{}}}"#, self.payload)
    }

    /// The same for extended clients: with the moment it was written, the ticks folded into it, and where it comes from.
    #[must_use]
    pub fn extended(
        &self,
        update: &PriceUpdate,
        ticks: u32,
        origin: Origin<'_>,
        ts: Time,
    ) -> String {
        let shown = |price: Price| price.display(update.digits);
        format!(
            r#"{{"type":"price_update","ts":"{ts}","n":{ticks},"payload":{},"ext":{{"bid":{},"ask":{},"source":{},"price_kind":"{}","simulated":{}}}}}"#,
            self.payload,
            shown(update.bid),
            shown(update.ask),
            Quoted(origin.source),
            origin.kind,
            origin.simulated,
        )
    }
}

/// `{"type":"price_update","payload":{...}}`.
///
/// # Errors
/// When the update breaks a rule of the schema.
pub fn price_update(update: &PriceUpdate) -> Result<String, BadPayload> {
    PriceBody::new(update).map(|body| body.plain())
}

fn price_payload(update: &PriceUpdate) -> String {
    let mut text = format!(
        r#"{{"symbol":"{}","price":{},"timestamp":"{}","change":{},"change_percent":{}"#,
        update.symbol,
        update.price.display(update.digits),
        update.time,
        update.change.display(update.digits),
        update.change_percent.display(4),
    );
    if let Some(volume) = update.volume {
        // Volumes have the scale of prices, and so their plain decimals.
        append(
            &mut text,
            format_args!(r#","volume":{}"#, Price::from_units(volume.0)),
        );
    }
    text.push('}');
    text
}

fn check_price(update: &PriceUpdate) -> Result<(), String> {
    let price = update.price.round_to_digits(update.digits);
    check_digits(update.digits)?;
    rule(price.is_positive(), || {
        format!("price {} is not above 0", update.price)
    })?;
    rule(update.volume.is_none_or(|volume| volume.0 >= 0), || {
        format!(
            "volume {} is below 0",
            Price::from_units(update.volume.map_or(0, |volume| volume.0))
        )
    })
}
