//! The past: closed minutes since the newest that is known, and the close of the trading day before this one.
//!
//! Minutes without a price have no candle, and an answer may hold fewer candles than were asked for though more exist
//! (seen in published answers), so that only a running candle, an empty answer or the present ends the paging. No `to` is
//! sent: a time that OANDA takes for the future is an error, and our clock may be ahead.

use super::decode::{self, Candles};
use super::rest::{Rest, Trouble};
use crate::inbox::Outlet;
use market::{InstrumentId, NewYork, PreviousClose, QuoteBar, SourceTime, Span, Timeframe};
use std::collections::BTreeMap;

/// Candles in one answer [5000, the most that OANDA gives].
const COUNT: &str = "5000";
/// Answers for one instrument; 720 hours take nine.
const PAGES_MAX: u32 = 32;
/// The hour of New York at which OANDA's trading day ends.
const ROLL_HOUR: i8 = 17;
const MINUTE: Span = Span::from_minutes(1);

/// What is known of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Past {
    /// The end of the last closed minute, by instrument.
    known: BTreeMap<InstrumentId, SourceTime>,
    /// The roll of the trading day whose previous close has been told.
    closes: BTreeMap<InstrumentId, SourceTime>,
}

/// Whom to ask, and how far back.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub rest: &'a mut Rest,
    pub base: &'a str,
    pub hours: u32,
    pub outlet: &'a Outlet,
}

impl Past {
    /// The stream was whole until `heard`: what closed before it has been told as prices.
    pub(super) fn heard_until(&mut self, heard: SourceTime) {
        for known in self.known.values_mut() {
            *known = (*known).max(heard.floor(MINUTE));
        }
    }

    /// Fetches what is missing of every instrument. What cannot be had is told to the log; prices do not wait for it.
    pub(super) async fn fetch(
        &mut self,
        source: &mut Source<'_>,
        asked: &[(InstrumentId, String)],
    ) {
        for (id, theirs) in asked {
            let Err(trouble) = self.fetch_one(source, *id, theirs).await else {
                continue;
            };
            let feed = source.outlet.name();
            let (reason, is_general) = judge(&trouble);
            tracing::warn!(source = %feed, symbol = %theirs, reason, "the past could not be fetched; it is tried again at the next connect");
            if is_general {
                return;
            }
        }
    }

    async fn fetch_one(
        &mut self,
        source: &mut Source<'_>,
        id: InstrumentId,
        theirs: &str,
    ) -> Result<(), Trouble> {
        self.fetch_close(source, id, theirs).await?;
        if source.hours > 0 {
            self.fetch_minutes(source, id, theirs).await?;
        }
        Ok(())
    }

    /// The close of the last whole trading day, once a day.
    async fn fetch_close(
        &mut self,
        source: &mut Source<'_>,
        id: InstrumentId,
        theirs: &str,
    ) -> Result<(), Trouble> {
        let roll = NewYork::latest(source.outlet.now().as_source(), ROLL_HOUR);
        if self.closes.get(&id) == Some(&roll) {
            return Ok(());
        }
        let query = [
            ("granularity", "D"),
            ("count", "3"),
            ("dailyAlignment", "17"),
            ("alignmentTimezone", "America/New_York"),
        ];
        let candles = ask(source, id, theirs, Timeframe::D1, &query).await?;
        if let Some(bar) = candles.closed.iter().max_by_key(|bar| bar.open_time) {
            source.outlet.previous_close(previous_close(bar));
            self.closes.insert(id, roll);
        }
        Ok(())
    }

    async fn fetch_minutes(
        &mut self,
        source: &mut Source<'_>,
        id: InstrumentId,
        theirs: &str,
    ) -> Result<(), Trouble> {
        for _ in 0..PAGES_MAX {
            let now = source.outlet.now().as_source();
            let earliest = now - Span::from_hours(source.hours.into());
            let known = self.known.get(&id).copied().unwrap_or(earliest);
            let from = known.max(earliest).floor(MINUTE);
            let text = from.to_string();
            let query = [("granularity", "M1"), ("count", COUNT), ("from", &text)];
            let candles = ask(source, id, theirs, Timeframe::M1, &query).await?;
            let bars = in_order(candles.closed, from, now);
            let Some(last) = bars.last() else {
                return Ok(());
            };
            let end = last.open_time + MINUTE;
            source.outlet.past(bars).await;
            self.known.insert(id, end);
            if candles.reaches_now || end + MINUTE > now {
                return Ok(());
            }
        }
        Ok(())
    }
}

async fn ask(
    source: &mut Source<'_>,
    id: InstrumentId,
    theirs: &str,
    timeframe: Timeframe,
    query: &[(&str, &str)],
) -> Result<Candles, Trouble> {
    let url = format!("{}/v3/instruments/{theirs}/candles", source.base);
    let query = [&[("price", "BA"), ("smooth", "false")], query].concat();
    let body = source.rest.get(&url, &query).await?;
    let candles = decode::candles(&body, id, timeframe)
        .map_err(|error| Trouble::Lost(format!("candles that cannot be read: {error}")))?;
    for (text, error) in &candles.unreadable {
        let outlet = source.outlet;
        outlet.malformed(Some(id), text.as_bytes(), &error.to_string());
    }
    Ok(candles)
}

/// Oldest first, each once, on whole minutes, none before `from` and none that cannot have closed by `now`. Our clock may
/// be a minute behind.
fn in_order(mut bars: Vec<QuoteBar>, from: SourceTime, now: SourceTime) -> Vec<QuoteBar> {
    let fits = |time: SourceTime| time >= from && time <= now && time == time.floor(MINUTE);
    bars.retain(|bar| fits(bar.open_time));
    bars.sort_by_key(|bar| bar.open_time);
    bars.dedup_by_key(|bar| bar.open_time);
    bars
}

/// The last price of a daily candle, at the last moment of its day.
fn previous_close(bar: &QuoteBar) -> PreviousClose {
    PreviousClose {
        instrument: bar.instrument,
        price: bar.bid.close.mid(bar.ask.close),
        time: NewYork::next(bar.open_time, ROLL_HOUR) - Span::from_nanos(1),
    }
}

/// What to tell of a trouble, and whether the other instruments would meet it too.
fn judge(trouble: &Trouble) -> (String, bool) {
    match trouble {
        Trouble::Refused(refusal) => {
            let is_general = !matches!(refusal.status, 400 | 403 | 404);
            (refusal.describe(), is_general)
        }
        Trouble::Lost(reason) => (reason.clone(), true),
        Trouble::Over(end) => (format!("{end:?}"), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Ohlc, Price};

    fn bar(time: &str) -> QuoteBar {
        let side = Ohlc::of(Price::parse("1.5").unwrap());
        QuoteBar {
            instrument: InstrumentId(0),
            timeframe: Timeframe::M1,
            open_time: at(time),
            bid: side,
            ask: side,
            volume: None,
        }
    }

    fn at(text: &str) -> SourceTime {
        SourceTime::parse(&format!("{text}Z")).unwrap()
    }

    #[test]
    fn what_came_twice_too_early_or_from_the_future_is_left_out() {
        let times = [
            "2026-07-13T12:02:00",
            "2026-07-13T12:01:00",
            "2026-07-13T11:59:00",
            "2026-07-13T12:01:00",
            "2026-07-13T12:01:30",
            "2026-07-14T12:01:00",
        ];
        let bars = times.into_iter().map(bar).collect();
        let kept = in_order(bars, at("2026-07-13T12:00:00"), at("2026-07-13T12:02:10"));
        let kept: Vec<_> = kept.iter().map(|bar| bar.open_time).collect();
        assert_eq!(kept, [at("2026-07-13T12:01:00"), at("2026-07-13T12:02:00")]);
    }

    #[test]
    fn a_close_belongs_to_the_day_that_it_ends_also_when_the_clocks_change() {
        for (open, end) in [
            ("2026-07-13T21:00:00", "2026-07-14T20:59:59.999999999"),
            ("2026-10-31T21:00:00", "2026-11-01T21:59:59.999999999"),
        ] {
            assert_eq!(previous_close(&bar(open)).time, at(end), "{open}");
        }
    }

    #[test]
    fn what_was_streamed_is_not_fetched_again_and_what_never_was_fetched_is() {
        let mut past = Past::default();
        past.known
            .insert(InstrumentId(0), at("2026-07-13T12:00:00"));
        past.heard_until(at("2026-07-13T12:07:20"));
        past.heard_until(at("2026-07-13T11:00:00"));
        let known: Vec<_> = past.known.into_iter().collect();
        assert_eq!(known, [(InstrumentId(0), at("2026-07-13T12:07:00"))]);
    }
}
