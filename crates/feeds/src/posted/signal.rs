//! The signals of bots and models, in every dialect the dashboard's documents describe: the spec's, the upper-case one with
//! `side` and `time`, and that of the integration guides with `price`, `timestamp` and a confidence in percent.

use super::draft::{
    Draft, ID_MAX, Level, REASON_MAX, Stamp, TARGETS_MAX, TEXT_MAX, Targets, one_line, probability,
    shown_id,
};
use super::names;
use super::object::{Field, Habit, Object};
use super::refusal::Refusal;
use access::keys::Key;
use market::{Alert, Catalog, Direction, InstrumentId, Status, Time};

const REQUIRED: &[&str] = &["id", "symbol", "direction"];
const KNOWN: &[&str] = &[
    "id",
    "symbol",
    "direction",
    "side",
    "status",
    "signal_type",
    "entry_time",
    "time",
    "timestamp",
    "entry_price",
    "price",
    "stop_loss",
    "take_profits",
    "tp_modes",
    "reason",
    "confidence",
    "rr_target",
    "killzone",
    "timeframe",
    "dry_run",
    // On a WebSocket the envelope's type may stand in the bare signal too.
    "type",
];

/// A signal that was read, and what its sender is told besides what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub alert: Alert,
    /// The sender's own id.
    pub signal_id: String,
    pub signal_type: Option<String>,
    /// Fields that ORION does not know and has passed over.
    pub ignored: Vec<String>,
    /// What else is worth saying.
    pub notes: Vec<String>,
}

/// Reads a bot's signal: JSON as the documents have it, numbers as numbers.
///
/// # Errors
/// What is missing, cannot be read or contradicts itself, by field.
pub fn read(body: &[u8], sender: &Key, catalog: &Catalog, now: Time) -> Result<Posted, Refusal> {
    let object = Object::read(body, Habit::Strict)?;
    let (id, symbol) = (filled(&object, "id"), filled(&object, "symbol"));
    let direction = direction(&object)?;
    let (Some(id), Some(symbol), Some(direction)) = (id, symbol, direction) else {
        return Err(missing(&object));
    };
    let id = id.string_or_count(ID_MAX)?;
    let named = |refusal: Refusal| refusal.about(&id, shown_id(&sender.name, &id));
    let instrument = instrument(&symbol, catalog).map_err(named)?;
    let draft = draft(&object, id.clone(), instrument, direction, sender).map_err(named)?;
    let signal_type = text(&object, "signal_type").map_err(named)?;
    posted(draft, signal_type, &object, sender, catalog, now).map_err(named)
}

fn posted(
    mut draft: Draft,
    signal_type: Option<String>,
    object: &Object<'_>,
    sender: &Key,
    catalog: &Catalog,
    now: Time,
) -> Result<Posted, Refusal> {
    let mut notes = Vec::new();
    let is_test = signal_type
        .as_deref()
        .is_some_and(|text| text.eq_ignore_ascii_case("test"));
    if is_test && !draft.dry_run {
        draft.dry_run = true;
        notes.push(
            "signal_type test: it was judged as a dry run and is shown to nobody; send another type to have it shown"
                .to_owned(),
        );
    }
    let signal_id = draft.id.clone();
    Ok(Posted {
        alert: draft.finish(sender, catalog, now)?,
        signal_id,
        signal_type,
        ignored: object.ignored(KNOWN),
        notes,
    })
}

/// A field that is there and holds more than an empty text.
fn filled<'o>(object: &'o Object<'_>, name: &'static str) -> Option<Field<'o>> {
    let field = object.get(&[name]);
    field.filter(|field| field.quoted().is_none_or(|text| !text.is_empty()))
}

fn missing(object: &Object<'_>) -> Refusal {
    Refusal::missing(REQUIRED, object.received(KNOWN))
}

fn instrument(symbol: &Field<'_>, catalog: &Catalog) -> Result<InstrumentId, Refusal> {
    let name = symbol.string(TEXT_MAX)?;
    names::own(catalog, &name).ok_or_else(|| names::unknown(catalog, symbol.name, &name))
}

/// The side under either of its names; two that contradict each other are refused.
fn direction(object: &Object<'_>) -> Result<Option<Direction>, Refusal> {
    let read = |name| {
        filled(object, name)
            .map(|field| read_direction(&field))
            .transpose()
    };
    match (read("direction")?, read("side")?) {
        (Some(direction), Some(side)) if direction != side => {
            let what = format!("`direction` says {direction} and `side` says {side}");
            Err(Refusal::wrong("side", what))
        }
        (direction, side) => Ok(direction.or(side)),
    }
}

pub(super) fn read_direction(field: &Field<'_>) -> Result<Direction, Refusal> {
    match field.string(TEXT_MAX)?.to_ascii_lowercase().as_str() {
        "long" | "buy" => Ok(Direction::Long),
        "short" | "sell" => Ok(Direction::Short),
        _ => Err(Refusal::unreadable(
            field.name,
            "it is neither long nor short (nor buy or sell)",
        )),
    }
}

fn draft(
    object: &Object<'_>,
    id: String,
    instrument: InstrumentId,
    direction: Direction,
    sender: &Key,
) -> Result<Draft, Refusal> {
    // It is computed from the levels; what was sent has to be a number all the same.
    object
        .get(&["rr_target"])
        .map(|field| field.number())
        .transpose()?;
    Ok(Draft {
        id,
        status: status(object)?,
        instrument,
        direction,
        entry_time: entry_time(object)?,
        entry: level(object, &["entry_price", "price"])?,
        stop: level(object, &["stop_loss"])?,
        targets: targets(object)?,
        reason: reason(object)?.unwrap_or_else(|| format!("Signal of {}", sender.name)),
        confidence: confidence(object)?,
        killzone: text(object, "killzone")?.and_then(|text| names::killzone(&text)),
        timeframe: text(object, "timeframe")?.and_then(|text| names::timeframe(&text)),
        setup: "bot",
        dry_run: dry_run(object)?,
    })
}

/// `entry_time` and `time` say when it was seen; `timestamp` may be that of sending, another one at each repetition.
fn entry_time(object: &Object<'_>) -> Result<Option<Stamp>, Refusal> {
    let stamp = |field: Field<'_>| {
        Ok(Stamp {
            name: field.name,
            time: field.time()?,
            is_content: field.name != "timestamp",
        })
    };
    object
        .get(&["entry_time", "time", "timestamp"])
        .map(stamp)
        .transpose()
}

fn status(object: &Object<'_>) -> Result<Status, Refusal> {
    let Some(field) = object.get(&["status"]) else {
        return Ok(Status::Pending);
    };
    match field.string(TEXT_MAX)?.to_ascii_lowercase().as_str() {
        "pending" => Ok(Status::Pending),
        "confirmed" => Ok(Status::Confirmed),
        "invalidated" => Ok(Status::Invalidated),
        _ => Err(Refusal::unreadable(
            field.name,
            "it is none of pending, confirmed, invalidated",
        )),
    }
}

pub(super) fn level(object: &Object<'_>, names: &[&'static str]) -> Result<Option<Level>, Refusal> {
    let level = |field: Field<'_>| {
        let (name, price) = (field.name, field.price()?);
        Ok(Level { name, price })
    };
    object.get(names).map(level).transpose()
}

fn targets(object: &Object<'_>) -> Result<Option<Targets>, Refusal> {
    let Some(field) = object.get(&["take_profits"]) else {
        return Ok(None);
    };
    let prices = field.prices(TARGETS_MAX)?;
    let modes = object.get(&["tp_modes"]);
    let modes = modes
        .map(|modes| modes.strings(TARGETS_MAX, TEXT_MAX))
        .transpose()?;
    let targets = Targets {
        name: field.name,
        prices,
        modes: modes.unwrap_or_default(),
    };
    Ok(Some(targets).filter(|targets| !targets.prices.is_empty()))
}

/// The sender's words on one line, if there are any.
pub(super) fn reason(object: &Object<'_>) -> Result<Option<String>, Refusal> {
    let reason = object
        .get(&["reason"])
        .map(|field| field.string(REASON_MAX))
        .transpose()?;
    let reason = reason.map(|text| one_line(&text));
    Ok(reason.filter(|text| !text.is_empty()))
}

pub(super) fn confidence(object: &Object<'_>) -> Result<Option<market::Probability>, Refusal> {
    let field = object.get(&["confidence"]);
    field
        .map(|field| probability(field.name, field.number()?))
        .transpose()
}

pub(super) fn text(object: &Object<'_>, name: &'static str) -> Result<Option<String>, Refusal> {
    object
        .get(&[name])
        .map(|field| field.string(TEXT_MAX))
        .transpose()
}

pub(super) fn dry_run(object: &Object<'_>) -> Result<bool, Refusal> {
    let field = object.get(&["dry_run"]);
    Ok(field
        .map(|field| field.flag())
        .transpose()?
        .unwrap_or(false))
}
