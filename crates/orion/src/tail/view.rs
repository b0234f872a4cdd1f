//! The board as lines of a terminal of any size. From 80 columns on a signal is a row; below that it is two short ones.

use super::board::{Board, Link, Price, Row};
use super::style::{Ink, Line};
use market::Time;
use std::fmt::Write as _;
use tokio::time::Instant;

/// Columns from which on there is room for a row.
const WIDE: usize = 80;

/// What fits a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// All lines, not more than there are rows.
pub(super) fn lines(board: &Board, size: Size, now: Instant) -> Vec<Line> {
    let time = board.time(now);
    let mut lines = head(board, now);
    let prices = prices(board, size, time);
    let signals = signals(board, size, time);
    // Signals matter more: prices have half of the rest, and more where signals leave it.
    let rest = size.rows.saturating_sub(lines.len() + 1);
    let for_prices = (rest / 2).max(rest.saturating_sub(signals.len()));
    lines.extend(cut(prices, for_prices));
    let rest = size.rows.saturating_sub(lines.len() + 1);
    lines.extend(cut(signals, rest));
    lines.truncate(size.rows.saturating_sub(1));
    if size.rows > 0 {
        lines.push(Line::of(Ink::Faint, "q ends it"));
    }
    lines
}

/// The first lines, and how many more there are.
fn cut(mut lines: Vec<Line>, most: usize) -> Vec<Line> {
    if lines.len() > most {
        let more = lines.len() - most.saturating_sub(1);
        lines.truncate(most.saturating_sub(1));
        if most > 0 {
            lines.push(Line::of(Ink::Faint, format!("{more} more lines")));
        }
    }
    lines
}

fn head(board: &Board, now: Instant) -> Vec<Line> {
    let mut first = Line::of(Ink::Strong, "ORION ");
    if board.simulated {
        first = first.and(Ink::Open, "SIMULATED ");
    }
    first = match &board.link {
        Link::Live => first.and(Ink::Good, "live "),
        Link::Lost { .. } => first.and(Ink::Bad, "NOT LIVE "),
    };
    let place = board.place.as_ref();
    if let Some(place) = place {
        first = first.and(Ink::Faint, format!("{}.{} ", place.epoch, place.seq));
    }
    let mut lines = vec![first.and(Ink::Faint, board.url.clone())];
    if let Link::Lost { why, again_at } = &board.link {
        let seconds = again_at.saturating_duration_since(now).as_secs();
        let text = format!("again in {seconds} s: {why}");
        lines.push(Line::of(Ink::Bad, text));
    }
    if let Some(gap) = &board.gap {
        lines.push(Line::of(Ink::Bad, gap.clone()));
    }
    lines
}

fn prices(board: &Board, size: Size, time: Option<Time>) -> Vec<Line> {
    let is_wide = size.columns >= WIDE;
    let names = if is_wide {
        format!(
            "{:<10}{:>12}{:>12}{:>9}{:>11}{:>7}  {}",
            "SYMBOL", "PRICE", "CHANGE", "", "SPREAD", "AGE", "FEED"
        )
    } else {
        format!("{:<9}{:>11}{:>9}{:>7}", "SYMBOL", "PRICE", "CHANGE", "AGE")
    };
    let mut lines = vec![Line::of(Ink::Faint, names)];
    for (symbol, price) in &board.prices {
        let feed = board.feeds.get(symbol).map_or("", String::as_str);
        let ink = change_ink(price);
        let age = age(price, time);
        let percent = format!("{:+.2}%", price.payload.change_percent);
        let line = if is_wide {
            let text = &price.payload.price.text;
            let change = signed(&price.payload.change.text);
            Line::of(Ink::Plain, format!("{symbol:<10}{text:>12}"))
                .and(ink, format!("{change:>12}{percent:>9}"))
                .and(Ink::Plain, format!("{:>11}{age:>7}  ", spread(price)))
                .and(feed_ink(feed), feed)
        } else {
            let text = &price.payload.price.text;
            Line::of(Ink::Plain, format!("{symbol:<9}{text:>11}"))
                .and(ink, format!("{percent:>9}"))
                .and(feed_ink(feed), format!("{age:>7}"))
        };
        lines.push(line);
    }
    lines
}

fn change_ink(price: &Price) -> Ink {
    if price.payload.change.value < 0.0 {
        Ink::Bad
    } else {
        Ink::Good
    }
}

fn feed_ink(feed: &str) -> Ink {
    match feed {
        "live" | "" => Ink::Plain,
        "closed" => Ink::Faint,
        _ => Ink::Bad,
    }
}

fn signed(text: &str) -> String {
    if text.starts_with('-') {
        text.to_owned()
    } else {
        format!("+{text}")
    }
}

fn spread(price: &Price) -> String {
    match (&price.ext.bid, &price.ext.ask) {
        (Some(bid), Some(ask)) => {
            let digits = bid.digits().max(ask.digits());
            format!("{:.digits$}", ask.value - bid.value)
        }
        _ => String::new(),
    }
}

/// How long ago the source wrote it, by the server's clock.
fn age(price: &Price, time: Option<Time>) -> String {
    match (price.payload.timestamp, time) {
        (Some(at), Some(time)) => span((time.as_source() - at).millis().max(0)),
        _ => String::new(),
    }
}

/// A span of so many milliseconds in few letters.
pub(crate) fn span(millis: i64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..10 => format!("{seconds}.{}s", millis % 1000 / 100),
        10..120 => format!("{seconds}s"),
        120..7200 => format!("{}min", seconds / 60),
        _ => format!("{}h", seconds / 3600),
    }
}

fn signals(board: &Board, size: Size, time: Option<Time>) -> Vec<Line> {
    let mut rows: Vec<&Row> = board.signals.values().collect();
    // What runs, then what waits, then what is over: the newest first.
    rows.sort_by_key(|row| (row.is_over(), row.is_pending(), u64::MAX - row.changed));
    let running = rows
        .iter()
        .filter(|row| !row.is_over() && !row.is_pending());
    let pending = rows.iter().filter(|row| row.is_pending());
    let title = format!(
        "SIGNALS  {} running, {} pending",
        running.count(),
        pending.count()
    );
    let mut lines = vec![Line::default(), Line::of(Ink::Faint, title)];
    for row in rows {
        let price = board.prices.get(&row.payload.symbol);
        lines.extend(signal(row, price, size, time));
    }
    lines
}

fn signal(row: &Row, price: Option<&Price>, size: Size, time: Option<Time>) -> Vec<Line> {
    let payload = &row.payload;
    let name = format!("{:<7}{:<6}", payload.symbol, payload.direction);
    let mut state = state(row, time);
    if size.columns < WIDE {
        let narrow = state.and(Ink::Strong, name).and(Ink::Plain, sure(row));
        return vec![
            narrow,
            Line::of(Ink::Plain, format!("  {}", levels(row, price, false))),
        ];
    }
    state = state.and(Ink::Strong, name);
    let levels = format!("{} {}  ", levels(row, price, true), sure(row));
    vec![
        state
            .and(Ink::Plain, levels)
            .and(Ink::Faint, payload.reason.clone()),
    ]
}

/// In 16 columns: what it is, and how long still, or how it ended.
fn state(row: &Row, time: Option<Time>) -> Line {
    if row.is_pending() {
        let left = row.ext.decide_by.zip(time);
        let left = left.map(|(by, now)| (by - now).millis().max(0) / 1000);
        let left = left.map_or(String::new(), |s| format!("{}:{:02}", s / 60, s % 60));
        return Line::of(Ink::Open, format!("{:<16}", format!("pending {left}")));
    }
    if row.payload.status == "invalidated" {
        let cause = row.ext.cause.as_deref().unwrap_or_default();
        return Line::of(Ink::Faint, format!("{:<16}", format!("void {cause}")));
    }
    if let Some(end) = &row.end {
        let ink = if end.contains('-') {
            Ink::Bad
        } else {
            Ink::Good
        };
        return Line::of(ink, format!("{end:<16}"));
    }
    Line::of(Ink::Good, format!("{:<16}", "running"))
}

/// How sure, and from how many.
fn sure(row: &Row) -> String {
    let mut text = format!("{:.0}%", row.payload.confidence * 100.0);
    if let Some(basis) = row.ext.confidence {
        let _ = write!(text, " of {}", basis.n);
    }
    text
}

/// Its levels; of what runs how far the price is from its stop and its next target, in multiples of the risk.
fn levels(row: &Row, price: Option<&Price>, is_wide: bool) -> String {
    let payload = &row.payload;
    let is_running = !row.is_over() && !row.is_pending();
    let risk = row.risk();
    let next = row.next();
    let (target_name, target) = next.map_or((String::new(), String::new()), |(place, level)| {
        (format!("tp{place}"), level.text.clone())
    });
    let entry = &payload.entry_price.text;
    let stop = &row.stop.text;
    let Some(price) = price.filter(|_| is_running && risk > 0.0) else {
        return if is_wide {
            format!("entry {entry} stop {stop} {target_name} {target}")
        } else {
            format!("{entry} st {stop} {target_name} {target}")
        };
    };
    let at = price.payload.price.value;
    let result = row.way(payload.entry_price.value, at) / risk;
    let to_stop = row.way(row.stop.value, at) / risk;
    let to_target = next.map(|(_, level)| row.way(at, level.value) / risk);
    let to_target = to_target.map_or(String::new(), |r| format!("{r:.2}R"));
    if is_wide {
        format!(
            "{result:+.2}R  stop {stop} is {to_stop:.2}R away, {target_name} {target} {to_target}"
        )
    } else {
        format!("{result:+.2}R stop {to_stop:.2}R {target_name} {to_target}")
    }
}
