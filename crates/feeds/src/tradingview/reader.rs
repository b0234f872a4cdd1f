//! An alert's text to a signal. JSON is read by the names that alerts for other services use too, numbers in quotes
//! included; a line with commas is turned into the same JSON first.

use super::{Recent, text};
use crate::posted::draft::{
    Draft, ID_MAX, Level, NAMESPACE, REASON_MAX, Stamp, TARGETS_MAX, TEXT_MAX, Targets, one_line,
    probability,
};
use crate::posted::object::{Field, Habit, Object, is_unfilled};
use crate::posted::{Posted, Refusal, names};
use access::keys::Key;
use axum::http::StatusCode;
use market::{Catalog, Direction, InstrumentId, SourceTime, Span, Status, Time, Uuid};

/// What an alert comes to.
#[derive(Debug)]
pub(super) enum Read {
    Signal(Box<Posted>),
    /// It asks for nothing that ORION does; why.
    Ignored(String),
}

/// What a text is read against.
pub(super) struct Reader<'a> {
    pub(super) sender: &'a Key,
    pub(super) catalog: &'a Catalog,
    pub(super) now: Time,
    pub(super) max_age: Span,
    pub(super) recent: &'a Recent,
}

const SYMBOL: &[&str] = &["symbol", "ticker"];
const ACTION: &[&str] = &["action", "direction", "side"];
const POSITION: &[&str] = &["market_position", "sentiment", "position"];
const ENTRY: &[&str] = &["price", "entry_price", "entry"];
const STOP: &[&str] = &["sl", "stop_loss", "stop"];
const TARGETS: &[&str] = &["tp", "take_profits", "take_profit"];
const NOW: &[&str] = &["timenow", "now"];
const INTERVAL: &[&str] = &["interval", "tf", "timeframe"];
const NAME: &[&str] = &["alert_name", "alert", "name"];
const REASON: &[&str] = &["reason", "comment", "message"];
const OTHERS: &[&str] = &[
    "id",
    "exchange",
    "time",
    "order_id",
    "tp_modes",
    "confidence",
    "killzone",
    "dry_run",
    "secret",
    "key",
];

/// The least that a message needs.
pub(super) const TEMPLATE: &str = r#"{"symbol":"{{ticker}}","action":"buy","price":{{close}},"time":"{{time}}","timenow":"{{timenow}}","interval":"{{interval}}"}"#;

/// What an alert asks for.
enum Wish {
    Enter(Direction),
    Nothing(String),
}

impl Reader<'_> {
    pub(super) fn read(&self, body: &[u8]) -> Result<Read, Refusal> {
        let text = std::str::from_utf8(body)
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the message is not UTF-8 text"))?;
        let json = text::to_json(text)?;
        let object = Object::read(json.as_bytes(), Habit::Quoted)
            .map_err(|refusal| text::explain(text, refusal))?;
        match wish(&object)? {
            Wish::Nothing(why) => Ok(Read::Ignored(why)),
            Wish::Enter(direction) => {
                let signal = self.signal(text, &object, direction)?;
                Ok(Read::Signal(Box::new(signal)))
            }
        }
    }

    fn signal(
        &self,
        text: &str,
        object: &Object<'_>,
        direction: Direction,
    ) -> Result<Posted, Refusal> {
        self.check_fresh(object)?;
        let draft = Draft {
            id: self.id(text, object, direction)?,
            status: Status::Pending,
            instrument: self.instrument(object)?,
            direction,
            entry_time: fired(object)?,
            entry: level(object, ENTRY)?,
            stop: level(object, STOP)?,
            targets: targets(object)?,
            reason: reason(object)?,
            confidence: object
                .get(&["confidence"])
                .map(|field| probability(field.name, field.number()?))
                .transpose()?,
            killzone: words(object, &["killzone"])?.and_then(|text| names::killzone(&text)),
            timeframe: words(object, INTERVAL)?.and_then(|text| names::timeframe(&text)),
            setup: "tradingview",
            dry_run: object
                .get(&["dry_run"])
                .is_some_and(|field| field.flag() == Ok(true)),
        };
        Ok(Posted {
            signal_id: draft.id.clone(),
            alert: draft.finish(self.sender, self.catalog, self.now)?,
            signal_type: None,
            ignored: object.ignored(&known()),
            notes: Vec::new(),
        })
    }

    /// An alert that comes late, or from a chart with delayed prices, speaks of a market that is no more.
    fn check_fresh(&self, object: &Object<'_>) -> Result<(), Refusal> {
        if let Some(fired) = fired(object)? {
            let age = self.now.as_source() - fired.time;
            if age > self.max_age {
                let (age, most) = (age.millis() / 1000, self.max_age.millis() / 1000);
                let what = format!("the alert fired {age} s ago, and {most} s are allowed");
                return Err(Refusal::wrong(fired.name, what)
                    .remedy("feed.tradingview.max_age_s sets how late an alert may be"));
            }
        }
        match words(object, &["exchange"])? {
            Some(exchange) if exchange.ends_with("_DL") || exchange.ends_with("_DLY") => Err(
                Refusal::wrong("exchange", "the chart's prices are delayed by minutes")
                    .remedy("use a symbol with real-time data: delayed ones end in _DL or _DLY"),
            ),
            Some(_) | None => Ok(()),
        }
    }

    fn instrument(&self, object: &Object<'_>) -> Result<InstrumentId, Refusal> {
        let field = object.get(SYMBOL).ok_or_else(|| missing("symbol"))?;
        let name = filled(&field)?;
        names::charted(self.catalog, &name)
            .ok_or_else(|| names::unknown(self.catalog, field.name, &name))
    }

    /// The id that the message gives, or one made of what is the same each time it is sent and differs from the next alert:
    /// the bar's time, or the time it fired. Where there is neither, the same text within a minute is the same alert.
    fn id(&self, text: &str, object: &Object<'_>, direction: Direction) -> Result<String, Refusal> {
        if let Some(field) = object.get(&["id"]) {
            let id = field.string_or_count(ID_MAX)?;
            return if is_unfilled(&id) {
                Err(unfilled(field.name))
            } else {
                Ok(id)
            };
        }
        let time = object.get(&["time", "timenow", "now"]);
        let time: Option<SourceTime> = time.map(|field| field.time()).transpose()?;
        let when = time.map(|time| time.to_string()).unwrap_or_else(|| {
            let same = format!("{}|{text}", self.sender.name);
            let same = Uuid::new_v5(&NAMESPACE, same.as_bytes());
            self.recent.first(same, self.now).to_string()
        });
        let part = |names| Ok(words(object, names)?.unwrap_or_default());
        let (name, symbol, interval) = (part(NAME)?, part(SYMBOL)?, part(INTERVAL)?);
        let order = part(&["order_id"])?;
        Ok(format!(
            "{name}|{symbol}|{interval}|{when}|{direction}|{order}"
        ))
    }
}

/// Action and position together say whether to enter, as strategies mean them: a sale after which the position is long or
/// flat closes something, and ORION follows its own signals to their end.
fn wish(object: &Object<'_>) -> Result<Wish, Refusal> {
    let position = match object.get(POSITION) {
        Some(field) => Some((field.name, read_position(&field)?)),
        None => None,
    };
    let action = object
        .get(ACTION)
        .map(|field| read_action(&field))
        .transpose()?;
    let nothing = |why: &str| {
        Ok(Wish::Nothing(format!(
            "{why}: ORION follows each signal to its stop or targets by itself"
        )))
    };
    match (action, position) {
        (_, Some((_, None))) => nothing("the position is flat"),
        (Some(None), _) => nothing("the action closes a position"),
        (Some(Some(direction)), Some((_, Some(position)))) if direction != position => {
            nothing(&format!("the order makes a {position} position smaller"))
        }
        (Some(Some(direction)), _) | (None, Some((_, Some(direction)))) => {
            Ok(Wish::Enter(direction))
        }
        (None, None) => Err(missing("action")),
    }
}

/// A direction, or none for what ends a position.
fn read_action(field: &Field<'_>) -> Result<Option<Direction>, Refusal> {
    match filled(field)?.to_ascii_lowercase().as_str() {
        "buy" | "long" => Ok(Some(Direction::Long)),
        "sell" | "short" => Ok(Some(Direction::Short)),
        action if text::ends_position(action) => Ok(None),
        _ => Err(Refusal::unreadable(
            field.name,
            "it is none of buy, sell, long, short, exit, close",
        )),
    }
}

fn read_position(field: &Field<'_>) -> Result<Option<Direction>, Refusal> {
    match filled(field)?.to_ascii_lowercase().as_str() {
        "long" => Ok(Some(Direction::Long)),
        "short" => Ok(Some(Direction::Short)),
        "flat" => Ok(None),
        _ => Err(Refusal::unreadable(
            field.name,
            "it is none of long, short, flat",
        )),
    }
}

/// When the alert fired; not part of what it says, since the bar's time names it.
fn fired(object: &Object<'_>) -> Result<Option<Stamp>, Refusal> {
    let stamp = |field: Field<'_>| {
        Ok(Stamp {
            name: field.name,
            time: field.time()?,
            is_content: false,
        })
    };
    object.get(NOW).map(stamp).transpose()
}

fn level(object: &Object<'_>, names: &[&'static str]) -> Result<Option<Level>, Refusal> {
    let level = |field: Field<'_>| {
        let (name, price) = (field.name, field.price()?);
        Ok(Level { name, price })
    };
    object.get(names).map(level).transpose()
}

fn targets(object: &Object<'_>) -> Result<Option<Targets>, Refusal> {
    let Some(field) = object.get(TARGETS) else {
        return Ok(None);
    };
    let modes = object.get(&["tp_modes"]);
    let targets = Targets {
        name: field.name,
        prices: field.prices(TARGETS_MAX)?,
        modes: modes
            .map(|modes| modes.strings(TARGETS_MAX, TEXT_MAX))
            .transpose()?
            .unwrap_or_default(),
    };
    Ok(Some(targets).filter(|targets| !targets.prices.is_empty()))
}

fn reason(object: &Object<'_>) -> Result<String, Refusal> {
    for names in [REASON, NAME] {
        if let Some(field) = object.get(names) {
            let text = one_line(&field.string(REASON_MAX)?);
            if !text.is_empty() {
                return Ok(text);
            }
        }
    }
    Ok("TradingView alert".to_owned())
}

fn words(object: &Object<'_>, names: &[&'static str]) -> Result<Option<String>, Refusal> {
    object
        .get(names)
        .map(|field| field.string_or_count(TEXT_MAX))
        .transpose()
}

/// A text whose placeholder has been filled in.
fn filled(field: &Field<'_>) -> Result<String, Refusal> {
    let text = field.string(TEXT_MAX)?;
    if is_unfilled(&text) {
        Err(unfilled(field.name))
    } else {
        Ok(text)
    }
}

pub(super) fn unfilled(name: &str) -> Refusal {
    Refusal::unreadable(name, "its placeholder was not filled in").remedy(
        "placeholders work in the message of an alert, not in the text of Pine's alert(); leave out fields that have no value here",
    )
}

fn missing(name: &str) -> Refusal {
    Refusal::unreadable(name, "it is missing")
        .remedy(format!("the least a message needs: {TEMPLATE}"))
}

fn known() -> Vec<&'static str> {
    let lists = [
        SYMBOL, ACTION, POSITION, ENTRY, STOP, TARGETS, NOW, INTERVAL, NAME, REASON, OTHERS,
    ];
    lists.concat()
}
