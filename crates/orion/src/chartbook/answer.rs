//! What is answered: bars, marks and killzones as JSON. Nothing of it depends on when it is asked.

use engine::session;
use journal::charts::{KnownBar, Mark, MarkEvent, What};
use market::{BarUpdate, Price, SourceTime, Time, Timeframe};

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// `[open_time_ms, open, high, low, close, ticks, known_ms]`.
pub(crate) fn bar(known: &KnownBar, digits: u8) -> String {
    let KnownBar { bar, known } = known;
    let shown = |price: Price| price.display(digits);
    format!(
        "[{},{},{},{},{},{},{}]",
        bar.open_time.millis(),
        shown(bar.price.open),
        shown(bar.price.high),
        shown(bar.price.low),
        shown(bar.price.close),
        bar.ticks,
        known.millis(),
    )
}

/// The open bar in the same form; it is known now.
pub(crate) fn forming(update: &BarUpdate, now: Time) -> String {
    let known = KnownBar {
        bar: update.bar,
        known: now,
    };
    bar(&known, update.digits)
}

/// A mark, and what has happened to it.
pub(crate) fn mark((mark, events): &(Mark, Vec<MarkEvent>), digits: u8) -> String {
    let key = mark.key;
    let end = events.iter().find(|event| event.what.ends());
    let to = mark.to.or(end.map(|event| event.bar));
    let to = to.map_or_else(|| "null".to_owned(), |to| to.millis().to_string());
    let happened = list(events.iter().map(|event| {
        let (at, what) = (event.known.millis(), event.what.as_str());
        format!(r#"{{"at":{at},"what":"{what}"}}"#)
    }));
    format!(
        r#"{{"kind":"{}","direction":"{}","lies":{{"from":{},"to":{to},"top":{},"bottom":{}}},"known":{},"state":"{}","events":{happened},"about":{}}}"#,
        key.kind.as_str(),
        key.direction,
        mark.from.millis(),
        key.top.display(digits),
        key.bottom.display(digits),
        mark.known.millis(),
        state(events),
        mark.about,
    )
}

/// How a mark stands after what has happened to it.
fn state(events: &[MarkEvent]) -> &'static str {
    match events.last().map(|event| event.what) {
        None => "live",
        Some(What::Touched) => "touched",
        Some(What::Filled) => "filled",
        Some(What::Inverted) => "inverted",
        Some(What::Broken) => "broken",
        Some(What::Swept | What::Run) => "taken",
        Some(What::Replaced) => "replaced",
        Some(What::Expired) => "expired",
    }
}

/// The parts of the day that the bars lie in, where bars are short enough to lie in one.
pub(crate) fn killzones(timeframe: Timeframe, bars: &[KnownBar]) -> Vec<String> {
    let mut zones: Vec<(market::Killzone, SourceTime, SourceTime)> = Vec::new();
    if timeframe <= Timeframe::H1 {
        for KnownBar { bar, .. } in bars {
            let zone = session::killzone(bar.open_time);
            match zones.last_mut() {
                Some((last, _, to)) if *last == zone => *to = bar.end_time,
                Some(_) | None => zones.push((zone, bar.open_time, bar.end_time)),
            }
        }
    }
    let zones = zones.into_iter();
    let shown = zones.map(|(zone, from, to)| {
        let (from, to) = (from.millis(), to.millis());
        format!(r#"{{"name":"{zone}","from":{from},"to":{to}}}"#)
    });
    shown.collect()
}
