//! `GET /api/v1/candles` and `GET /api/v1/chart`.

use super::lives::Lives;
use super::{Behind, Charts, answer};
use crate::track::{Readers, with_cors};
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use journal::charts::{self, ChartName, Page};
use market::{Catalog, SourceTime, Symbol, Time, Timeframe};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Questions that are worked out at a time.
const TOGETHER: usize = 4;
/// How long an answer waits for the book's writer.
const PATIENCE: Duration = Duration::from_secs(2);
const CANDLES: (usize, usize) = (500, 2000);
const BARS: (usize, usize) = (300, 1500);

/// What a server hands in.
pub(crate) struct Given<'a> {
    pub(crate) market: String,
    pub(crate) simulated: bool,
    /// The market's folder.
    pub(crate) dir: &'a Path,
    /// The symbols whose prices may be shown here, with their digits.
    pub(crate) shown: BTreeMap<Symbol, u8>,
    pub(crate) charts: Arc<Charts>,
    pub(crate) readers: Readers,
}

#[derive(Clone)]
struct Served(Arc<Inner>);

struct Inner {
    /// How each answer begins.
    head: String,
    path: PathBuf,
    shown: BTreeMap<Symbol, u8>,
    charts: Arc<Charts>,
    readers: Readers,
    together: Semaphore,
    /// Readers of the book that are not in use.
    pages: Mutex<Vec<Page>>,
    lives: Mutex<Lives>,
}

/// Why a question is not answered: with what to do about it.
struct Problem(StatusCode, String, String);

/// The symbols of a catalog whose prices may be shown, with their digits.
pub(crate) fn shown(catalog: &Catalog) -> BTreeMap<Symbol, u8> {
    let shown = catalog.instruments.iter().filter(|one| one.prices);
    shown.map(|one| (one.symbol, one.digits)).collect()
}

/// The routes.
pub(crate) fn router(given: Given<'_>) -> Router {
    let (market, simulated) = (json!(given.market), given.simulated);
    let inner = Inner {
        head: format!(r#"{{"market":{market},"simulated":{simulated}"#),
        path: charts::path(given.dir),
        shown: given.shown,
        charts: given.charts,
        readers: given.readers,
        together: Semaphore::new(TOGETHER),
        pages: Mutex::default(),
        lives: Mutex::new(Lives::new(given.dir)),
    };
    let asks_first = || async { with_cors(StatusCode::OK.into_response()) };
    let candles = async |State(served): State<Served>, headers: HeaderMap, query: RawQuery| {
        served.answer(headers, query, Inner::candles).await
    };
    let chart = async |State(served): State<Served>, headers: HeaderMap, query: RawQuery| {
        served.answer(headers, query, Inner::chart).await
    };
    Router::new()
        .route("/api/v1/candles", get(candles).options(asks_first))
        .route("/api/v1/chart", get(chart).options(asks_first))
        .with_state(Served(Arc::new(inner)))
}

impl Served {
    async fn answer(
        self,
        headers: HeaderMap,
        RawQuery(query): RawQuery,
        tell: fn(&Inner, &BTreeMap<String, String>) -> Result<String, Problem>,
    ) -> Response {
        let told = match self.0.readers.check(&headers) {
            Err((status, why)) => Err(Problem(status, why, "send Authorization: Bearer KEY, of a key that orion key add NAME --for dashboard made".to_owned())),
            Ok(()) => self.work_out(query.unwrap_or_default(), tell).await,
        };
        let response = match told {
            Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
            Err(Problem(status, error, remedy)) => {
                (status, axum::Json(json!({"error": error, "remedy": remedy}))).into_response()
            }
        };
        with_cors(response)
    }

    /// Away from the threads that serve; whoever waits for a turn holds none.
    async fn work_out(
        &self,
        query: String,
        tell: fn(&Inner, &BTreeMap<String, String>) -> Result<String, Problem>,
    ) -> Result<String, Problem> {
        let _turn = self.0.together.acquire().await;
        let inner = Arc::clone(&self.0);
        let told = tokio::task::spawn_blocking(move || {
            let query = parse(&query);
            tell(&inner, &query)
        });
        told.await.unwrap_or_else(|error| Err(unreadable(&error)))
    }
}

impl Inner {
    fn candles(&self, query: &BTreeMap<String, String>) -> Result<String, Problem> {
        known_only(query, &["symbol", "timeframe", "before", "limit"])?;
        let (name, digits) = self.chart_of(query)?;
        let limit = number(query, "limit", CANDLES)?;
        let before = time(query, "before")?;
        self.catch_up()?;
        let now = self.charts.now();
        let upto = before.map_or(SourceTime::MAX, SourceTime::from_nanos);
        let mut bars = self.read(|page| page.bars(name, upto, now, limit + 1))?;
        let earlier = bars.len() > limit;
        if earlier {
            bars.remove(0);
        }
        let forming = self.charts.forming(name.symbol, name.timeframe);
        let last = bars.last().map(|last| last.bar.open_time);
        let forming = forming
            .filter(|bar| before.is_none() && Some(bar.bar.open_time) > last)
            .map_or_else(|| "null".to_owned(), |bar| answer::forming(&bar, now));
        let bars = answer::list(bars.iter().map(|bar| answer::bar(bar, digits)));
        Ok(format!(
            r#"{},"symbol":"{}","timeframe":"{}","digits":{digits},"bars":{bars},"forming":{forming},"earlier":{earlier}}}"#,
            self.head, name.symbol, name.timeframe
        ))
    }

    fn chart(&self, query: &BTreeMap<String, String>) -> Result<String, Problem> {
        known_only(query, &["symbol", "timeframe", "at", "bars"])?;
        let (name, digits) = self.chart_of(query)?;
        let limit = number(query, "bars", BARS)?;
        let asked = time(query, "at")?.map(Time::from_nanos);
        self.catch_up()?;
        let now = self.charts.now();
        let at = asked.unwrap_or(now);
        if at > now {
            return Err(Problem(
                StatusCode::BAD_REQUEST,
                format!("at: {at} is still to come: the newest this server knows is of {now}"),
                "leave `at` out for the present".to_owned(),
            ));
        }
        let (bars, marks) = self.read(|page| {
            let bars = page.bars(name, SourceTime::MAX, at, limit)?;
            let from = bars.first().map_or(SourceTime::MAX, |bar| bar.bar.open_time);
            Ok((bars, page.marks(name, from, at)?))
        })?;
        let from = bars.first().map_or(SourceTime::MAX, |bar| bar.bar.open_time);
        let (signals, position) = self.signals(name.symbol, from, at)?;
        let killzones = answer::killzones(name.timeframe, &bars);
        let bars = answer::list(bars.iter().map(|bar| answer::bar(bar, digits)));
        let marks = answer::list(marks.iter().map(|mark| answer::mark(mark, digits)));
        Ok(format!(
            r#"{},"symbol":"{}","timeframe":"{}","digits":{digits},"at":"{at}","position":{position},"bars":{bars},"marks":{marks},"signals":{signals},"killzones":{killzones}}}"#,
            self.head, name.symbol, name.timeframe
        ))
    }

    fn signals(
        &self,
        symbol: Symbol,
        from: SourceTime,
        at: Time,
    ) -> Result<(String, String), Problem> {
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        let refreshed = tokio::runtime::Handle::current().block_on(lives.refresh());
        refreshed.map_err(|error| unreadable(&format!("{error:#}")))?;
        let position = lives.position(at).map_or_else(
            || "null".to_owned(),
            |at| format!(r#"{{"epoch":"{}","seq":{}}}"#, at.epoch, at.seq),
        );
        Ok((answer::list(lives.of(symbol, from, at).into_iter()), position))
    }

    fn chart_of(&self, query: &BTreeMap<String, String>) -> Result<(ChartName, u8), Problem> {
        let symbol = query.get("symbol").map_or("", String::as_str);
        let shown = self.shown.iter().find(|(one, _)| one.as_str() == symbol);
        let Some((symbol, digits)) = shown else {
            let names: Vec<_> = self.shown.keys().map(ToString::to_string).collect();
            return Err(Problem(
                StatusCode::NOT_FOUND,
                format!("symbol: there are no charts of `{symbol}` here"),
                format!("ask for one of {}", names.join(", ")),
            ));
        };
        let timeframe = query.get("timeframe").map_or("", String::as_str);
        let timeframe: Timeframe = timeframe.parse().map_err(|error| {
            bad(format!("timeframe: {error}"), "ask for one of 1m, 5m, 15m, 1h, 4h, 1d")
        })?;
        let name = ChartName {
            symbol: *symbol,
            timeframe,
        };
        Ok((name, *digits))
    }

    /// What became known before the question is in the answer.
    fn catch_up(&self) -> Result<(), Problem> {
        let behind = |error: &str, remedy: &str| {
            Problem(StatusCode::SERVICE_UNAVAILABLE, error.to_owned(), remedy.to_owned())
        };
        match self.charts.catch_up(PATIENCE) {
            Ok(()) => Ok(()),
            Err(Behind::Late) => Err(behind(
                "the chart book is being written",
                "ask again in a while; the server's log says when it is done",
            )),
            Err(Behind::Lost) => Err(behind(
                "the chart book could not be written",
                "see the server's log, mend the disk and start the server again: it makes the book anew from its tape",
            )),
        }
    }

    fn read<T>(
        &self,
        ask: impl FnOnce(&Page) -> Result<T, journal::Error>,
    ) -> Result<T, Problem> {
        let free = self.pages.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let page = match free {
            Some(page) => page,
            None => Page::open(&self.path)
                .map_err(|error| unreadable(&error))?
                .ok_or_else(|| unreadable(&"there is none"))?,
        };
        let told = ask(&page).map_err(|error| unreadable(&error))?;
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).push(page);
        Ok(told)
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "the chart book cannot be read");
    Problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "the chart book cannot be read now".to_owned(),
        "ask again in a moment; the server's log says why".to_owned(),
    )
}

fn bad(error: String, remedy: &str) -> Problem {
    Problem(StatusCode::BAD_REQUEST, error, remedy.to_owned())
}

/// `name=value&name=value`, the values decoded. Of a name that comes twice the last counts.
fn parse(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    };
    pairs.map(pair).collect()
}

/// Percent-encoding, and `+` for a space.
fn decode(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match (hex(bytes.next()), hex(bytes.next())) {
                (Some(high), Some(low)) => (high * 16 + low) as u8,
                _ => b'?',
            },
            other => other,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn known_only(query: &BTreeMap<String, String>, known: &[&str]) -> Result<(), Problem> {
    match query.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(bad(
            format!("there is no parameter `{name}`"),
            &format!("there are {}", known.join(", ")),
        )),
        None => Ok(()),
    }
}

fn number(
    query: &BTreeMap<String, String>,
    name: &str,
    (usual, most): (usize, usize),
) -> Result<usize, Problem> {
    let Some(text) = query.get(name) else {
        return Ok(usual);
    };
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| {
        bad(
            format!("{name}: `{text}` is no number from 1 to {most}"),
            &format!("leave it out for {usual}"),
        )
    })
}

/// RFC 3339 or milliseconds since 1970, as nanoseconds.
fn time(query: &BTreeMap<String, String>, name: &str) -> Result<Option<i64>, Problem> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    let millis = text.parse::<i64>().ok();
    let millis = millis.and_then(|millis| millis.checked_mul(1_000_000));
    let nanos = millis.or_else(|| Time::parse(text).ok().map(Time::nanos));
    nanos.map(Some).ok_or_else(|| {
        bad(
            format!("{name}: `{text}` is no time"),
            "give an RFC 3339 time such as 2026-11-23T14:05:00Z, or milliseconds since 1970",
        )
    })
}
