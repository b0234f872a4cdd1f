//! What is asked of the past once prices flow: the close of the day before, the minutes that were missed, and the last
//! quote of what has not moved yet. It never holds up the stream, and nothing that goes wrong here ends it.

use super::Cluster;
use super::answers::{self, Page, Row, Snapshot};
use super::rest::{Failure, Rest};
use super::ticker::Ticker;
use crate::health::Coverage;
use crate::inbox::Outlet;
use market::{
    InstrumentId, NewYork, Ohlc, PreviousClose, Price, QuoteBar, SourceTime, Span, Tick, Timeframe,
};
use std::collections::BTreeMap;

/// The hour in New York at which a day of currencies and metals ends, and one of the stock market.
const ROLL_HOUR: i8 = 17;
const CASH_CLOSE_HOUR: i8 = 16;
/// How far back a day's last minute may lie: a long weekend.
const CLOSE_WITHIN: Span = Span::from_hours(5 * 24);
/// The most bars of one page.
const PAGE: usize = 50_000;

/// The newest price of each symbol, as its source stamped it.
pub(super) type Known = BTreeMap<InstrumentId, SourceTime>;

/// What is known before a connection begins.
pub(super) fn known(outlet: &Outlet) -> Known {
    let symbols = outlet.health().symbols;
    let newest = symbols
        .into_iter()
        .filter_map(|(id, symbol)| Some((id, symbol.last?.time)));
    newest.collect()
}

/// Remembers what was told of the past.
#[derive(Clone, Debug)]
pub(super) struct Past {
    cluster: Cluster,
    backfill: Span,
    /// The day whose close was told, by symbol.
    closes: BTreeMap<InstrumentId, SourceTime>,
}

impl Past {
    pub(super) fn new(cluster: Cluster, backfill_hours: u32) -> Self {
        Self {
            cluster,
            backfill: Span::from_hours(backfill_hours.into()),
            closes: BTreeMap::new(),
        }
    }

    /// Asks for all of it, the most wanted first.
    pub(super) async fn fetch(
        &mut self,
        rest: &mut Rest,
        tickers: &[Ticker],
        before: &Known,
        outlet: &Outlet,
    ) {
        for ticker in tickers {
            let result = self.close(rest, ticker, outlet).await;
            if !note(outlet, ticker, "the previous close", result) {
                return;
            }
        }
        for ticker in tickers {
            let result = self.minutes(rest, ticker, before, outlet).await;
            if !note(outlet, ticker, "the minutes of the past", result) {
                return;
            }
        }
        match self.cluster {
            Cluster::Forex => last_quotes(rest, tickers, outlet).await,
            Cluster::Indices => last_values(rest, tickers, outlet).await,
        }
    }

    /// The close of the day before, once a day.
    async fn close(
        &mut self,
        rest: &mut Rest,
        ticker: &Ticker,
        outlet: &Outlet,
    ) -> Result<(), Failure> {
        let roll = NewYork::latest(outlet.now().as_source(), ROLL_HOUR);
        if self.closes.get(&ticker.id) == Some(&roll) {
            return Ok(());
        }
        let page = match self.cluster {
            Cluster::Forex => rest.ask(&last_minute_before(ticker, roll)).await?,
            Cluster::Indices => rest.ask(&day_before(ticker)).await?,
        };
        let page = answers::page(&page).map_err(Failure::Unreadable)?;
        let row = page.rows.first();
        let row = row.ok_or_else(|| Failure::Unknown("there are no bars of it".to_owned()))?;
        outlet.previous_close(PreviousClose {
            instrument: ticker.id,
            price: row.price.close,
            time: self.day_end(roll, row),
        });
        self.closes.insert(ticker.id, roll);
        Ok(())
    }

    /// When the day ended whose close this is.
    fn day_end(&self, roll: SourceTime, row: &Row) -> SourceTime {
        match self.cluster {
            Cluster::Forex => roll,
            Cluster::Indices => NewYork::moment(NewYork::at(row.time).day, CASH_CLOSE_HOUR),
        }
    }

    /// The closed minutes since the newest price that was known before this connection, or of the last hours.
    async fn minutes(
        &self,
        rest: &mut Rest,
        ticker: &Ticker,
        before: &Known,
        outlet: &Outlet,
    ) -> Result<(), Failure> {
        let minute = Timeframe::M1.span();
        let until = outlet.now().as_source().floor(minute);
        let earliest = (until - self.backfill).floor(minute);
        let missed = before.get(&ticker.id).map(|time| time.floor(minute));
        let from = missed.map_or(earliest, |missed| missed.max(earliest));
        if from >= until {
            return Ok(());
        }
        let page = rest.pages(&minutes_between(ticker, from, until)).await?;
        if page.bad > 0 {
            let source = outlet.name();
            let topic = &ticker.names.topic;
            tracing::warn!(%source, topic, count = page.bad, "minutes of the past that could not be read are left out");
        }
        let bars = bars(ticker, &page, from, until);
        if !bars.is_empty() {
            outlet.past(bars).await;
        }
        Ok(())
    }
}

/// Says what was not fetched, and whether asking on makes sense.
fn note(outlet: &Outlet, ticker: &Ticker, what: &str, result: Result<(), Failure>) -> bool {
    let Err(failure) = result else {
        return true;
    };
    let source = outlet.name();
    let topic = &ticker.names.topic;
    tracing::warn!(%source, topic, what, %failure, "not fetched; prices go on");
    !matches!(failure, Failure::Key(_) | Failure::Redirected)
}

/// The one bar at whose end a day of currencies and metals ended: Massive's own days of currencies end elsewhere.
fn last_minute_before(ticker: &Ticker, roll: SourceTime) -> String {
    let (name, from) = (&ticker.names.rest, (roll - CLOSE_WITHIN).millis());
    let to = roll.millis() - 1;
    format!("/v2/aggs/ticker/{name}/range/1/minute/{from}/{to}?sort=desc&limit=1")
}

fn day_before(ticker: &Ticker) -> String {
    format!("/v2/aggs/ticker/{}/prev", ticker.names.rest)
}

/// Both ends are inclusive there. Minutes only: gold has no hours at Massive.
fn minutes_between(ticker: &Ticker, from: SourceTime, until: SourceTime) -> String {
    let (name, from, to) = (&ticker.names.rest, from.millis(), until.millis() - 1);
    format!("/v2/aggs/ticker/{name}/range/1/minute/{from}/{to}?adjusted=true&sort=asc&limit={PAGE}")
}

/// Each minute once, in order, with the default spread around what is one number.
fn bars(ticker: &Ticker, page: &Page, from: SourceTime, until: SourceTime) -> Vec<QuoteBar> {
    let minute = Timeframe::M1.span();
    let mut rows: BTreeMap<SourceTime, Ohlc> = BTreeMap::new();
    for row in &page.rows {
        let is_whole = row.time == row.time.floor(minute);
        if is_whole && row.time >= from && row.time + minute <= until {
            rows.insert(row.time, row.price);
        }
    }
    let bar = |(open_time, price): (SourceTime, Ohlc)| QuoteBar {
        instrument: ticker.id,
        timeframe: Timeframe::M1,
        open_time,
        bid: side(&price, |price| ticker.around(price).0),
        ask: side(&price, |price| ticker.around(price).1),
        volume: None,
    };
    rows.into_iter().map(bar).collect()
}

fn side(mid: &Ohlc, of: impl Fn(Price) -> Price) -> Ohlc {
    Ohlc {
        open: of(mid.open),
        high: of(mid.high),
        low: of(mid.low),
        close: of(mid.close),
    }
}

fn has_price(outlet: &Outlet, id: InstrumentId) -> bool {
    let symbols = outlet.health().symbols;
    symbols.get(&id).is_some_and(|symbol| symbol.last.is_some())
}

async fn last_quotes(rest: &mut Rest, tickers: &[Ticker], outlet: &Outlet) {
    for ticker in tickers {
        if !has_price(outlet, ticker.id) {
            let result = last_quote(rest, ticker, outlet).await;
            if !note(outlet, ticker, "the last quote", result) {
                return;
            }
        }
    }
}

async fn last_quote(rest: &mut Rest, ticker: &Ticker, outlet: &Outlet) -> Result<(), Failure> {
    let Some((base, quote)) = ticker.pair() else {
        return Ok(());
    };
    let body = rest
        .ask(&format!("/v1/last_quote/currencies/{base}/{quote}"))
        .await?;
    let last = answers::last_quote(&body).map_err(Failure::Unreadable)?;
    tell(outlet, ticker, (last.bid, last.ask), last.time);
    Ok(())
}

/// Of all indices with one call; what it says against one of them is of that one alone.
async fn last_values(rest: &mut Rest, tickers: &[Ticker], outlet: &Outlet) {
    let wanted: Vec<&Ticker> = tickers
        .iter()
        .filter(|ticker| !has_price(outlet, ticker.id))
        .collect();
    if wanted.is_empty() {
        return;
    }
    let names: Vec<&str> = wanted.iter().map(|t| t.names.rest.as_str()).collect();
    let path = format!("/v3/snapshot/indices?ticker.any_of={}", names.join(","));
    let read = match rest.ask(&path).await {
        Ok(body) => answers::snapshots(&body).map_err(Failure::Unreadable),
        Err(failure) => Err(failure),
    };
    match read {
        Ok((entries, _)) => {
            for entry in entries {
                last_value(entry, &wanted, outlet);
            }
        }
        Err(failure) => {
            tracing::warn!(source = %outlet.name(), what = "the last values", %failure, "not fetched; prices go on");
        }
    }
}

fn last_value(entry: Snapshot, wanted: &[&Ticker], outlet: &Outlet) {
    let find = |name: &str| wanted.iter().find(|ticker| ticker.names.rest == name);
    match entry {
        // Without its time a value is no tick.
        Snapshot::Value {
            ticker,
            value,
            time: Some(time),
        } => {
            if let Some(ticker) = find(&ticker) {
                tell(outlet, ticker, ticker.around(value), time);
            }
        }
        Snapshot::Value { time: None, .. } => {}
        Snapshot::Refused { ticker, why } => {
            if let Some(ticker) = find(&ticker) {
                let topic = &ticker.names.topic;
                tracing::warn!(source = %outlet.name(), topic, why, "Massive's REST refuses it");
                outlet.coverage(ticker.id, Coverage::Refused(why));
            }
        }
    }
}

/// A price that is older than this connection; a newer one may have come while it was fetched.
fn tell(outlet: &Outlet, ticker: &Ticker, (bid, ask): (Price, Price), time: SourceTime) {
    if has_price(outlet, ticker.id) {
        return;
    }
    let tick = Tick {
        instrument: ticker.id,
        bid,
        ask,
        volume: None,
        time,
        received: Some(outlet.now()),
    };
    if let Err(reason) = outlet.tick(tick) {
        let source = outlet.name();
        let topic = &ticker.names.topic;
        tracing::warn!(%source, topic, %reason, "the last quote cannot be a price");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog;

    fn ticker() -> Ticker {
        let catalog = catalog();
        let id = catalog.find("EURUSD").unwrap();
        Ticker::new(Cluster::Forex, id, "C:EURUSD", &catalog).unwrap()
    }

    #[test]
    fn each_closed_minute_is_told_once_and_in_order() {
        let at = |minute: i64| SourceTime::from_secs(1_783_944_000 + 60 * minute);
        let price = |text: &str| Price::parse(text).unwrap();
        let row = |time, close: &str| Row {
            time,
            price: Ohlc::of(price(close)),
        };
        let page = Page {
            rows: vec![
                row(at(2), "1.12"),
                row(at(0), "1.10"),
                row(at(0), "1.11"),
                row(at(1) + Span::from_secs(1), "9"),
                row(at(3), "1.13"),
                row(at(-1), "1.09"),
            ],
            bad: 0,
            next: None,
        };
        let bars = bars(&ticker(), &page, at(0), at(3));
        let told: Vec<_> = bars
            .iter()
            .map(|bar| (bar.open_time, bar.bid.close))
            .collect();
        let expected = [(at(0), price("1.10994")), (at(2), price("1.11994"))];
        assert_eq!(told, expected);
        assert_eq!(bars[0].ask.close, price("1.11006"));
    }

    #[test]
    fn the_close_of_currencies_is_asked_at_the_roll_in_new_york() {
        let roll = NewYork::latest(
            SourceTime::parse("2026-07-13T12:00:00Z").unwrap(),
            ROLL_HOUR,
        );
        assert_eq!(roll.to_string(), "2026-07-12T21:00:00.000Z");
        let path = last_minute_before(&ticker(), roll);
        assert_eq!(
            path,
            "/v2/aggs/ticker/C:EURUSD/range/1/minute/1783458000000/1783889999999?sort=desc&limit=1"
        );
    }
}
