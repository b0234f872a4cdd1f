//! Prices that bots post: one price, or a bid and an ask, become a tick of the source `bots`.

use crate::inbox::Outlet;
use crate::posted::draft::{AHEAD, TEXT_MAX};
use crate::posted::object::{Habit, Object};
use crate::posted::{Refusal, names};
use axum::http::StatusCode;
use market::{Catalog, Instrument, Price, PriceKind, Symbol, Tick, Time, Volume};

const REQUIRED: &[&str] = &["symbol", "price"];
const KNOWN: &[&str] = &[
    "symbol",
    "price",
    "bid",
    "ask",
    "change",
    "change_percent",
    "volume",
    "timestamp",
];

/// A price as a bot told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    symbol: Symbol,
    price: Price,
    pub(super) tick: Tick,
}

/// Reads a bot's price.
pub(super) fn read(body: &[u8], catalog: &Catalog, now: Time) -> Result<Told, Refusal> {
    let object = Object::read(body, Habit::Strict)?;
    let sides = object.get(&["price"]).is_some()
        || (object.get(&["bid"]).is_some() && object.get(&["ask"]).is_some());
    let Some(symbol) = object.get(&["symbol"]).filter(|_| sides) else {
        return Err(missing(&object));
    };
    let name = symbol.string(TEXT_MAX)?;
    let id =
        names::own(catalog, &name).ok_or_else(|| names::unknown(catalog, symbol.name, &name))?;
    let instrument = catalog.instrument(id);
    let (bid, ask) = quote(&object, instrument)?;
    // Changes are taken against the last close that ORION itself knows; what was sent has to be numbers all the same.
    for name in ["change", "change_percent"] {
        object
            .get(&[name])
            .map(|field| field.number())
            .transpose()?;
    }
    let tick = Tick {
        instrument: id,
        bid,
        ask,
        volume: volume(&object, instrument)?,
        time: time(&object, now)?,
        received: Some(now),
    };
    let price = object
        .get(&["price"])
        .map(|field| field.price())
        .transpose()?;
    Ok(Told {
        symbol: instrument.symbol,
        price: price.unwrap_or_else(|| tick.mid()),
        tick,
    })
}

/// Hands a price on, and gives the documented answer. A bot that lost the answer posts the same price again: that is
/// answered as the first time, and is no second tick.
pub(super) fn take(told: Told, outlet: &Outlet) -> Result<String, Refusal> {
    let time = told.tick.time;
    outlet.began();
    if outlet.is_told(&told.tick) {
        outlet.life();
    } else {
        outlet.tick(told.tick).map_err(|reason| {
            Refusal::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("this can be no price of {} now: {reason}", told.symbol),
            )
            .remedy("compare it with the prices sent before, and its timestamp with theirs")
        })?;
    }
    let (symbol, price) = (told.symbol, told.price);
    // A symbol has no character that JSON would escape, and a price prints as a JSON number.
    Ok(format!(
        r#"{{"success":true,"message":"Price update received","symbol":"{symbol}","price":{price},"timestamp":"{time}"}}"#
    ))
}

fn missing(object: &Object<'_>) -> Refusal {
    Refusal::missing(REQUIRED, object.received(KNOWN))
        .remedy("a bid and an ask together stand for the price")
}

/// Bid and ask as given, or the instrument's ordinary spread around the one price.
fn quote(object: &Object<'_>, instrument: &Instrument) -> Result<(Price, Price), Refusal> {
    let side = |name| object.get(&[name]).map(|field| field.price()).transpose();
    match (side("bid")?, side("ask")?, side("price")?) {
        (Some(bid), Some(ask), _) if bid > ask => Err(Refusal::wrong(
            "bid",
            format!("{bid} is above the ask {ask}"),
        )),
        (Some(bid), Some(ask), _) => Ok((bid, ask)),
        (Some(_), None, _) => Err(Refusal::unreadable(
            "ask",
            "it is missing, and there is a bid",
        )),
        (None, Some(_), _) => Err(Refusal::unreadable(
            "bid",
            "it is missing, and there is an ask",
        )),
        (None, None, price) => {
            let price = price.unwrap_or_default();
            let spread = instrument.spread_default;
            let bid = price - Price::from_units(spread.units() / 2);
            Ok((bid, bid + spread))
        }
    }
}

/// Volume is kept where it is that of an exchange; elsewhere it is a count of ticks, or made up.
fn volume(object: &Object<'_>, instrument: &Instrument) -> Result<Option<Volume>, Refusal> {
    let Some(field) = object.get(&["volume"]) else {
        return Ok(None);
    };
    let volume = field.number()?;
    if volume < Price::ZERO {
        return Err(Refusal::unreadable(field.name, "it is below 0"));
    }
    let is_real = instrument.kind == PriceKind::Future;
    Ok(is_real.then_some(Volume(volume.units())))
}

fn time(object: &Object<'_>, now: Time) -> Result<market::SourceTime, Refusal> {
    let Some(field) = object.get(&["timestamp"]) else {
        return Ok(now.as_source());
    };
    let time = field.time()?;
    if time <= now.as_source() + AHEAD {
        return Ok(time);
    }
    let ahead = (time - now.as_source()).millis() / 1000;
    let what = format!("it lies {ahead} s ahead of ORION's clock, which says {now}");
    Err(Refusal::wrong(field.name, what).remedy("set the sender's clock, or leave the field out"))
}
