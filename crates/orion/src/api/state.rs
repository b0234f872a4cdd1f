//! How things stand now: `GET /api/v1/status`, `/symbols` and `/prices`.

use super::answer::{Object, Told};
use super::asked::Asked;
use super::readers::Sight;
use super::{Api, place};
use engine::session;
use market::{
    Catalog, Instrument, InstrumentId, Killzone, Price, PriceUpdate, Source, SymbolStatus, Time,
    Timeframe,
};
use wire::tell::PriceBody;

pub(super) fn status(api: &Api, asked: &Asked, sight: &Sight) -> Told {
    asked.query(&[])?;
    let (status, standing) = (&api.0.status, api.0.status.standing());
    let signals = Object::new()
        .with("pending", standing.pending)
        .with("running", standing.running)
        .end();
    let about = status.about();
    Ok(api
        .object()
        .with("feed", status.feed())
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("started", about.started.to_string())
        .with("now", api.time().to_string())
        .with("state", standing.feed.as_str())
        .raw("position", place(standing.position))
        .with("symbols", shown(&api.0.catalog, sight).count())
        .raw("signals", signals)
        .with("auth", api.0.auth)
        .end())
}

pub(super) fn symbols(api: &Api, asked: &Asked, sight: &Sight) -> Told {
    asked.query(&[])?;
    let (now, statuses) = (api.time(), api.0.status.symbols());
    let catalog = &api.0.catalog;
    let items = shown(catalog, sight).map(|id| {
        let instrument = catalog.instrument(id);
        let of = |status: &&SymbolStatus| status.symbol == instrument.symbol;
        let status = statuses.iter().find(of);
        let named = status.and_then(|status| api.0.board.source(status.source.as_deref()?));
        let source = named
            .as_deref()
            .unwrap_or(&catalog.sources[instrument.source.index()]);
        symbol(instrument, source, status, now)
    });
    Ok(api
        .object()
        .with("now", now.to_string())
        .with("timeframes", Timeframe::ALL.map(Timeframe::as_str))
        .list("items", &items.collect::<Vec<_>>())
        .end())
}

/// The symbols whose prices are shown and that a reader sees, in the catalog's order.
fn shown<'a>(catalog: &'a Catalog, sight: &'a Sight) -> impl Iterator<Item = InstrumentId> + 'a {
    let ids = (0..).map(InstrumentId).zip(&catalog.instruments);
    ids.filter(|(_, instrument)| instrument.prices && sight.sees(instrument.symbol))
        .map(|(id, _)| id)
}

fn symbol(
    instrument: &Instrument,
    source: &Source,
    status: Option<&SymbolStatus>,
    now: Time,
) -> String {
    let named = status.and_then(|status| status.source.as_deref());
    let object = Object::new()
        .with("symbol", instrument.symbol.as_str())
        .with("name", words(instrument.symbol.as_str()))
        .with("kind", instrument.kind.as_str())
        .with("digits", instrument.digits)
        .raw("pip", instrument.pip_size)
        .with("signals", instrument.signals)
        .with(
            "feed",
            status.map_or("silent", |status| status.feed.as_str()),
        )
        .with("since", status.map(|status| status.since.to_string()))
        .with("source", named)
        .with("simulated", source.simulated);
    hours(object, instrument, source, now)
        .list("killzones", &killzones(instrument))
        .end()
}

/// Whether its market is open, and when that changes; nothing of that where it always is.
fn hours(object: Object, instrument: &Instrument, source: &Source, now: Time) -> Object {
    let now = now.as_source();
    let is_open = session::is_open(instrument, source, now);
    let turn = session::next_turn(instrument, source, now);
    let after = turn.and_then(|turn| session::next_turn(instrument, source, turn));
    let (opens, closes) = if is_open {
        (after, turn)
    } else {
        (turn, after)
    };
    object
        .with("is_open", is_open)
        .with("next_open", opens.map(|at| at.to_string()))
        .with("next_close", closes.map(|at| at.to_string()))
}

/// The parts of New York's day, and of each the hours in which signals may be born.
fn killzones(instrument: &Instrument) -> Vec<String> {
    let zone = |zone: Killzone| {
        let (from, to) = session::zone_minutes(zone);
        let core = session::core_minutes(zone, instrument.calendar);
        Object::new()
            .with("name", zone.as_str())
            .with("from", clock(from))
            .with("to", clock(to))
            .with(
                "core",
                core.map(|core| [clock(core.start), clock(core.end)]),
            )
            .end()
    };
    Killzone::ALL.into_iter().map(zone).collect()
}

/// A minute of the day as a clock in New York shows it.
fn clock(minute: i32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// How people write a symbol: two currencies, or metals, with a stroke between them; others as they are.
fn words(symbol: &str) -> String {
    let is_pair = symbol.len() == 6 && symbol.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_pair {
        format!("{}/{}", &symbol[..3], &symbol[3..])
    } else {
        symbol.to_owned()
    }
}

pub(super) fn prices(api: &Api, asked: &Asked, sight: &Sight) -> Told {
    asked.query(&[])?;
    let (now, catalog) = (api.time(), &api.0.catalog);
    let items = shown(catalog, sight).filter_map(|id| {
        let instrument = catalog.instrument(id);
        let seen = api.0.board.of(instrument.symbol);
        let (price, source) = (seen.price?, seen.source?);
        let closes = seen.closes.iter();
        let closes = closes.map(|close| close.display(price.digits).to_string());
        price_of(
            &price,
            instrument,
            &source,
            now,
            &closes.collect::<Vec<_>>(),
        )
    });
    Ok(api
        .object()
        .with("now", now.to_string())
        .list("items", &items.collect::<Vec<_>>())
        .end())
}

/// One price, if it may be shown, with more than the socket's payload.
fn price_of(
    update: &PriceUpdate,
    instrument: &Instrument,
    source: &Source,
    now: Time,
    closes: &[String],
) -> Option<String> {
    let body = PriceBody::new(update).ok()?;
    let shown = |price: Price| price.display(update.digits);
    let age = (now.as_source() - update.time).millis();
    let told = Object::after(body.payload())
        .with("digits", update.digits)
        .raw("bid", shown(update.bid))
        .raw("ask", shown(update.ask))
        .raw("spread", shown(update.ask - update.bid))
        .with("source", &source.name)
        .with("price_kind", instrument.kind.as_str())
        .with("simulated", source.simulated)
        .with("age_ms", age.max(0))
        .list("spark", closes);
    Some(told.end())
}
