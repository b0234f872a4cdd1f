//! `orion history gaps`: where prices of a symbol are missing on the tape, told by its market's calendar. Closed hours,
//! daily breaks, weekends and holidays are no gaps, and the rest of a hole is.

use super::{Market, read_all, remark, table};
use anyhow::Result;
use engine::session;
use journal::tape::{self, TapeItem};
use market::{Catalog, Event, InstrumentId, SourceId, SourceTime, Span, Symbol, Time};
use serde::Deserialize;
use serde_json::json;
use std::io::Write;

/// A part of the market's open hours without a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hole {
    symbol: Symbol,
    from: SourceTime,
    to: SourceTime,
    why: Why,
    /// Nothing came any more before the tape's end.
    last: bool,
}

/// Why nothing came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// ORION was not running, or had lost the source.
    SourceDown,
    /// The source lived, as far as anybody knows, and told no price.
    Quiet,
}

impl Why {
    const fn words(self) -> &'static str {
        match self {
            Self::SourceDown => "the source was down",
            Self::Quiet => "no price though the source lived",
        }
    }
    const fn key(self) -> &'static str {
        match self {
            Self::SourceDown => "source_down",
            Self::Quiet => "quiet",
        }
    }
}

/// No instrument of any catalog: the symbol is not traded any more.
const GONE: InstrumentId = InstrumentId(u16::MAX);

/// Prints every gap longer than `least`, earliest first; whether every tape could be read.
pub(super) fn run(
    markets: &[Market],
    least: Span,
    json: bool,
    out: &mut impl Write,
) -> Result<bool> {
    let mut well = true;
    for market in markets {
        match holes(market, least) {
            Ok(found) if json => objects(market, &found, out)?,
            Ok(found) => print(market, &found, least, out)?,
            Err(error) => {
                let name = &market.name;
                remark(&format!(
                    "{name} cannot be read: {error:#}; `orion history verify {name}` tells more"
                ));
                well = false;
            }
        }
    }
    Ok(well)
}

fn holes(market: &Market, least: Span) -> Result<Vec<Hole>> {
    let mut follow = Follow::new(least);
    let segments = tape::segments(&market.tape())?;
    read_all(market, &segments, |item| {
        match item {
            TapeItem::Settings(kept) => follow.take_up(toml::from_str::<Kept>(&kept.text)?.catalog),
            TapeItem::Event(at, event) => follow.tell(at, &event),
        }
        Ok(())
    })?;
    Ok(follow.end())
}

/// What is needed of a tape's settings.
#[derive(Deserialize)]
struct Kept {
    catalog: Catalog,
}

/// Follows the prices of every symbol.
struct Follow {
    least: Span,
    catalog: Catalog,
    series: Vec<Series>,
    /// The place in `series` of each instrument of the catalog.
    places: Vec<usize>,
    now: Time,
    found: Vec<Hole>,
}

/// The prices of one symbol.
struct Series {
    symbol: Symbol,
    /// Its instrument in the catalog now in force.
    instrument: InstrumentId,
    source: SourceId,
    /// Up to where prices are known, and when that was heard; nothing before the first.
    heard: Option<(SourceTime, Time)>,
    /// The source was lost since then.
    down: bool,
}

impl Follow {
    fn new(least: Span) -> Self {
        Self {
            least,
            catalog: Catalog::default(),
            series: Vec::new(),
            places: Vec::new(),
            now: Time::MIN,
            found: Vec::new(),
        }
    }

    /// A segment begins: its ids are those of its own catalog.
    fn take_up(&mut self, catalog: Catalog) {
        if catalog == self.catalog {
            return;
        }
        self.places.clear();
        for series in &mut self.series {
            series.instrument = GONE;
        }
        for (place, one) in (0..).zip(&catalog.instruments) {
            let known = self
                .series
                .iter()
                .position(|series| series.symbol == one.symbol);
            let at = known.unwrap_or(self.series.len());
            if known.is_none() {
                self.series.push(Series {
                    symbol: one.symbol,
                    instrument: InstrumentId(place),
                    source: one.source,
                    heard: None,
                    down: false,
                });
            }
            (self.series[at].instrument, self.series[at].source) =
                (InstrumentId(place), one.source);
            self.places.push(at);
        }
        self.catalog = catalog;
    }

    fn tell(&mut self, at: Time, event: &Event) {
        self.now = at;
        match event {
            Event::Tick(tick) => self.hear(at, tick.instrument, tick.time, tick.time),
            Event::Bar(bar) => {
                let end = bar.open_time + bar.timeframe.span();
                self.hear(at, bar.instrument, bar.open_time, end);
            }
            Event::Gap(source) => self.lose(|series| series.source == *source),
            // Under a recorded market a start misses nothing: the recording waits.
            Event::Start => {
                let recorded: Vec<bool> = self
                    .catalog
                    .sources
                    .iter()
                    .map(|source| source.name.starts_with("tape:"))
                    .collect();
                self.lose(|series| !recorded.get(series.source.index()).is_some_and(|one| *one));
            }
            Event::Switch(instrument, source) => {
                if let Some(place) = self.places.get(instrument.index()) {
                    self.series[*place].source = *source;
                }
            }
            Event::Past(_)
            | Event::PreviousClose(_)
            | Event::Life(_)
            | Event::Alert(_)
            | Event::Stop
            | Event::Wake
            | Event::Opinion(_) => {}
        }
    }

    fn lose(&mut self, of: impl Fn(&Series) -> bool) {
        let lost = self.series.iter_mut().filter(|series| of(series));
        lost.for_each(|series| series.down = true);
    }

    /// Prices from one time to another have come.
    fn hear(&mut self, at: Time, instrument: InstrumentId, from: SourceTime, to: SourceTime) {
        let Some(&place) = self.places.get(instrument.index()) else {
            return;
        };
        let before = self.series[place].heard.map_or(from, |(end, _)| end);
        if from - before > self.least {
            self.judge(place, before, from, false);
        }
        let series = &mut self.series[place];
        series.heard = Some((before.max(to), at));
        series.down = false;
    }

    /// Finds the gaps in a hole.
    fn judge(&mut self, place: usize, from: SourceTime, to: SourceTime, last: bool) {
        let series = &self.series[place];
        let instruments = &self.catalog.instruments;
        let (Some(instrument), Some(source)) = (
            instruments.get(series.instrument.index()),
            self.catalog.sources.get(series.source.index()),
        ) else {
            return;
        };
        let why = if series.down {
            Why::SourceDown
        } else {
            Why::Quiet
        };
        let parts = session::open_parts(instrument, source, from, to);
        let long = parts
            .into_iter()
            .filter(|(from, to)| *to - *from > self.least);
        self.found.extend(long.map(|(from, to)| Hole {
            symbol: series.symbol,
            from,
            to,
            why,
            last,
        }));
    }

    /// The tape ends: what has been missing until then is missing too.
    fn end(mut self) -> Vec<Hole> {
        for place in 0..self.series.len() {
            if let Some((end, at)) = self.series[place].heard {
                self.judge(place, end, end + (self.now - at), true);
            }
        }
        self.found.sort_by_key(|hole| (hole.from, hole.symbol));
        self.found
    }
}

fn print(market: &Market, found: &[Hole], least: Span, out: &mut impl Write) -> Result<()> {
    let name = &market.name;
    let seconds = least.millis() / 1000;
    if found.is_empty() {
        writeln!(out, "{name}: no gap longer than {seconds} s")?;
        return Ok(());
    }
    let sum = |why: Why| {
        let of = found.iter().filter(|hole| hole.why == why);
        of.fold((0, Span::ZERO), |(count, sum), hole| {
            (count + 1, sum + (hole.to - hole.from))
        })
    };
    let (down, quiet) = (sum(Why::SourceDown), sum(Why::Quiet));
    writeln!(
        out,
        "{name}: {} gaps longer than {seconds} s while the market was open; with the source down {} ({}), without a price {} ({})",
        found.len(),
        down.0,
        length(down.1),
        quiet.0,
        length(quiet.1)
    )?;
    let mut rows = Vec::new();
    for hole in found {
        let end = if hole.last { ", to the tape's end" } else { "" };
        rows.push(vec![
            hole.symbol.to_string(),
            hole.from.to_string(),
            hole.to.to_string(),
            length(hole.to - hole.from),
            format!("{}{end}", hole.why.words()),
        ]);
    }
    for line in table(&rows, &[3]) {
        writeln!(out, "  {line}")?;
    }
    if found.iter().any(|hole| !session::knows_holidays(hole.from)) {
        remark(&format!(
            "{name}: the calendar knows the holidays of 2025 to 2028; on those of other years a market counts as open"
        ));
    }
    Ok(())
}

fn objects(market: &Market, found: &[Hole], out: &mut impl Write) -> Result<()> {
    for hole in found {
        let (from, to) = (hole.from.to_string(), hole.to.to_string());
        let seconds = (hole.to - hole.from).nanos() as f64 / 1e9;
        let object = json!({
            "market": market.name, "symbol": hole.symbol.as_str(), "from": from, "to": to,
            "seconds": seconds, "why": hole.why.key(), "to_the_end": hole.last,
        });
        writeln!(out, "{object}")?;
    }
    Ok(())
}

/// `1d 02:03:04`, in whole seconds.
fn length(span: Span) -> String {
    let seconds = span.millis() / 1000;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let clock = format!(
        "{:02}:{:02}:{:02}",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    );
    if days == 0 {
        clock
    } else {
        format!("{days}d {clock}")
    }
}

#[cfg(test)]
mod tests;
