//! Massive (formerly Polygon): quotes of currencies and values of indices over its WebSocket, the past over REST.
//!
//! Massive has a cluster of servers per market, and takes one connection per cluster and key: each [`Cluster`] is a source
//! of its own. `talk` knows the protocol and does no input or output, [`decode`] and [`answers`] read bytes, `stream` and
//! `rest` move them, `past` says what is asked of REST.

pub mod answers;
pub mod decode;
mod past;
mod quiet;
mod rest;
mod stream;
mod talk;
mod ticker;

use crate::health::Coverage;
use crate::inbox::Outlet;
use crate::net;
use crate::supervise::{Connector, End};
use crate::symbols::{Offer, Symbols};
use access::Secret;
use market::{Catalog, PriceKind, Span};
use past::Past;
use rest::Rest;
use serde::{Deserialize, Serialize};
use std::future::pending;
use std::time::Duration;
use ticker::Ticker;
use tokio::sync::Notify;

/// Names under which people keep their key, best first.
pub const KEY_VARIABLES: &[&str] = &["MASSIVE_API_KEY", "POLYGON_API_KEY"];

/// The longest ordinary time between two signs of life with the settings' defaults: we ping, and the answer is one.
pub const HEARTBEAT: Option<Span> = Some(Span::from_secs(5));

/// The most that is fetched of the past, in hours: a month.
const BACKFILL_HOURS_MAX: u32 = 31 * 24;

/// What the forex cluster can serve. Gold is documented for REST only; on the WebSocket its name is by analogy.
pub const FOREX_OFFERS: &[Offer] = &[
    offer("EURUSD", "C:EURUSD"),
    offer("GBPUSD", "C:GBPUSD"),
    offer("USDJPY", "C:USDJPY"),
    offer("XAUUSD", "C:XAUUSD"),
];

/// What the indices cluster can serve: the cash indices, which stand still outside 09:30 to 16:00 New York.
pub const INDICES_OFFERS: &[Offer] = &[
    offer("US30", "I:DJI"),
    offer("NAS100", "I:NDX"),
    offer("SPX500", "I:SPX"),
];

const fn offer(ours: &'static str, theirs: &'static str) -> Offer<'static> {
    let kind = PriceKind::Cash;
    Offer { ours, theirs, kind }
}

/// One market of Massive's; each is bought, connected to and limited by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cluster {
    Forex,
    Indices,
}

impl Cluster {
    /// What it can serve.
    #[must_use]
    pub const fn offers(self) -> &'static [Offer<'static>] {
        match self {
            Self::Forex => FOREX_OFFERS,
            Self::Indices => INDICES_OFFERS,
        }
    }

    /// The name of its source.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Forex => "massive",
            Self::Indices => "massive-indices",
        }
    }

    /// Its path on the WebSocket's host.
    const fn path(self) -> &'static str {
        match self {
            Self::Forex => "forex",
            Self::Indices => "indices",
        }
    }
}

/// Settings of one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Host of the WebSocket, without the market's path: "wss://delayed.massive.com" is 15 minutes late, and
    /// "wss://socket.polygon.io" is the old name.
    pub ws_url: String,
    /// Host of REST, the only one that is sent the key: "https://api.polygon.io" is the old name.
    pub rest_url: String,
    /// Changes to the symbols as OURS=THEIRS, such as "NAS100=I:NDX" or "AUDUSD=C:AUDUSD"; "XAUUSD=" takes one out.
    pub symbols: Vec<String>,
    /// Minute bars of so many hours are fetched at the start, and what was missed after a loss, at most so many; 0: none.
    pub backfill_hours: u32,
    /// REST calls per minute; 5 is the free plan's, 0 is no limit.
    pub calls_per_minute: u32,
    /// Seconds between our pings: how soon a dead line is noticed while no price comes.
    pub ping_s: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ws_url: "wss://socket.massive.com".to_owned(),
            rest_url: "https://api.massive.com".to_owned(),
            symbols: Vec::new(),
            backfill_hours: 24,
            calls_per_minute: 5,
            ping_s: 5,
        }
    }
}

impl Settings {
    /// Every mistake: the key, and what is wrong with its value.
    #[must_use]
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        for (key, url, schemes) in [
            ("ws_url", &self.ws_url, ["wss", "ws"]),
            ("rest_url", &self.rest_url, ["https", "http"]),
        ] {
            if let Err(why) = check_host(url, &schemes) {
                wrong.push((key, why));
            }
        }
        if self.backfill_hours > BACKFILL_HOURS_MAX {
            let why = format!("{} is more than {BACKFILL_HOURS_MAX}", self.backfill_hours);
            wrong.push(("backfill_hours", why));
        }
        if !(1..=60).contains(&self.ping_s) {
            wrong.push(("ping_s", format!("{} is not 1 to 60", self.ping_s)));
        }
        for change in &self.symbols {
            if let Err(why) = check_change(change) {
                wrong.push(("symbols", why));
            }
        }
        wrong
    }

    /// The longest ordinary time between two signs of life with these settings.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Span> {
        Some(Span::from_secs(i64::from(self.ping_s)))
    }
}

fn check_host(url: &str, schemes: &[&str; 2]) -> Result<(), String> {
    let read =
        reqwest::Url::parse(url).map_err(|error| format!("`{url}` is no address: {error}"))?;
    if !schemes.contains(&read.scheme()) || read.host_str().is_none() {
        return Err(format!(
            "`{url}` is not {}://HOST or {}://HOST",
            schemes[0], schemes[1]
        ));
    }
    if read.path() != "/" || read.query().is_some() {
        return Err(format!(
            "`{url}` has more than scheme, host and port: ORION adds the path"
        ));
    }
    Ok(())
}

fn check_change(change: &str) -> Result<(), String> {
    let theirs = change
        .split_once('=')
        .map_or("", |(_, theirs)| theirs.trim());
    let reads = [Cluster::Forex, Cluster::Indices].map(|cluster| ticker::names(cluster, theirs));
    match reads {
        [Err(why), Err(_)] if !theirs.is_empty() => Err(format!("`{change}`: {why}")),
        [_, _] => Ok(()),
    }
}

/// How long things may take; tests shorten them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For an answer to the connection, the key, each subscription [10 s]: what Massive does not publish is not answered.
    pub answer: Duration,
    /// Between our pings [5 s, the setting `ping_s`].
    pub ping: Duration,
    /// Without any frame at all: half as long again as the pings' interval [30 s]. The official Go client waits 30 s.
    pub silence: Duration,
    /// Before a call of REST is tried again [1 s]; doubles.
    pub retry: Duration,
    /// After a 429 that says nothing else [15 s].
    pub limited: Duration,
}

impl Deadlines {
    fn of(settings: &Settings) -> Self {
        let ping = Duration::from_secs(settings.ping_s.into());
        Self {
            answer: Duration::from_secs(10),
            ping,
            silence: ping * 3 / 2,
            retry: Duration::from_secs(1),
            limited: Duration::from_secs(15),
        }
    }
}

/// One cluster of Massive's, for [`crate::supervise::supervise`].
#[derive(Debug)]
pub struct Massive {
    cluster: Cluster,
    settings: Settings,
    key: Secret,
    tickers: Vec<Ticker>,
    /// Symbols whose names at Massive cannot be, and why.
    misnamed: Vec<(market::InstrumentId, String)>,
    deadlines: Deadlines,
    rest: Rest,
    past: Past,
}

impl Massive {
    /// `symbols` is made of the cluster's [`Cluster::offers`].
    #[must_use]
    pub fn new(
        settings: Settings,
        key: Secret,
        symbols: &Symbols,
        catalog: &Catalog,
        cluster: Cluster,
    ) -> Self {
        let deadlines = Deadlines::of(&settings);
        let (mut tickers, mut misnamed) = (Vec::new(), Vec::new());
        for (id, theirs) in symbols.iter() {
            match Ticker::new(cluster, id, theirs, catalog) {
                Ok(ticker) => tickers.push(ticker),
                Err(why) => misnamed.push((id, why)),
            }
        }
        let rest = Rest::new(&settings, key.clone(), deadlines);
        Self {
            past: Past::new(cluster, settings.backfill_hours),
            cluster,
            settings,
            key,
            tickers,
            misnamed,
            deadlines,
            rest,
        }
    }

    /// With other deadlines.
    #[must_use]
    pub fn with_deadlines(mut self, deadlines: Deadlines) -> Self {
        self.rest.set_deadlines(deadlines);
        Self { deadlines, ..self }
    }

    fn url(&self) -> String {
        let host = self.settings.ws_url.trim_end_matches('/');
        format!("{host}/{}", self.cluster.path())
    }

    /// Why it cannot even begin.
    fn obstacle(&self) -> Option<End> {
        let variable = KEY_VARIABLES[0];
        if self.key.is_empty() {
            return Some(End::fatal("there is no key", format!("set {variable}")));
        }
        let nothing = "no symbol of the settings is taken from it";
        let remedy = "name some in its `symbols`, or take the source out";
        (self.tickers.is_empty()).then(|| End::fatal(nothing, remedy))
    }
}

impl Connector for Massive {
    async fn connect(&mut self, outlet: &Outlet) -> End {
        for (id, why) in &self.misnamed {
            outlet.coverage(*id, Coverage::Refused(why.clone()));
        }
        if let Some(end) = self.obstacle() {
            return end;
        }
        let before = past::known(outlet);
        let socket = match net::websocket(&self.url(), &[]).await {
            Ok(socket) => socket,
            Err(end) => return end,
        };
        let live = Notify::new();
        let talk = talk::Talk::new(self.cluster, &self.tickers, &self.key, outlet);
        let stream = stream::run(socket, talk, self.deadlines, &live);
        let (past, rest, tickers) = (&mut self.past, &mut self.rest, &self.tickers);
        let past = async {
            live.notified().await;
            past.fetch(rest, tickers, &before, outlet).await;
            pending::<End>().await
        };
        tokio::select! {
            end = stream => end,
            end = past => end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog;

    #[test]
    fn the_defaults_are_right_and_every_mistake_is_named() {
        assert_eq!(Settings::default().check(), []);
        let wrong = Settings {
            ws_url: "https://socket.massive.com".to_owned(),
            rest_url: "https://api.massive.com/v2?apiKey=x".to_owned(),
            symbols: ["EURUSD=C:*", "XAUUSD=", "US30=V.I:DJI"]
                .map(str::to_owned)
                .to_vec(),
            backfill_hours: 10_000,
            calls_per_minute: 0,
            ping_s: 0,
        };
        let keys: Vec<_> = wrong.check().into_iter().map(|(key, _)| key).collect();
        let expected = ["ws_url", "rest_url", "backfill_hours", "ping_s", "symbols"];
        assert_eq!(keys, expected);
    }

    #[test]
    fn the_settings_are_written_and_read_and_nothing_unknown_is_taken() {
        let text = toml::to_string(&Settings::default()).unwrap();
        assert_eq!(toml::from_str(&text), Ok(Settings::default()));
        assert!(toml::from_str::<Settings>("wsurl = \"wss://x\"").is_err());
    }

    #[test]
    fn cash_indices_are_not_taken_for_cfds_and_the_reason_is_told() {
        let symbols = Symbols::new(&catalog(), Cluster::Indices.offers(), &[]).unwrap();
        assert!(symbols.is_empty());
        assert!(
            symbols
                .unused
                .iter()
                .all(|(_, _, why)| why.contains("cash"))
        );
        assert_eq!(symbols.unused.len(), 3);
    }

    #[test]
    fn the_key_is_in_no_debug_text() {
        let catalog = catalog();
        let symbols = Symbols::new(&catalog, Cluster::Forex.offers(), &[]).unwrap();
        let key = Secret::new("k-123456");
        let massive = Massive::new(Settings::default(), key, &symbols, &catalog, Cluster::Forex);
        assert!(!format!("{massive:?}").contains("k-123456"));
        assert_eq!(massive.url(), "wss://socket.massive.com/forex");
    }
}
