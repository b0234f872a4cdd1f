//! Alpha Vantage: previous closes, and slow quotes, within the few calls of a day.
//!
//! There is no stream: at the free plan's 25 calls a day a quote comes about once an hour, which is never fresh. The day's
//! calls are counted over restarts (`budget`), previous closes come first, and what is left is spread over the open hours (`plan`).

mod asset;
mod budget;
pub mod decode;
mod plan;
mod refusals;
mod settings;

pub use settings::Settings;

use crate::health::Coverage;
use crate::inbox::Outlet;
use crate::net;
use crate::supervise::{Connector, End};
use crate::symbols::{Offer, Symbols};
use access::Secret;
use asset::{Asset, Door};
use budget::{Budget, until_midnight};
use decode::Quote;
use market::{Catalog, InstrumentId, PreviousClose, Price, PriceKind, SourceTime, Span, Tick};
use plan::{Step, duration, trading_day};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Names under which people keep their key, best first; the first is that of the Python client.
pub const KEY_VARIABLES: &[&str] = &["ALPHAVANTAGE_API_KEY", "ALPHA_VANTAGE_API_KEY"];

/// It shows no life between prices.
pub const HEARTBEAT: Option<Span> = None;

/// What it can serve. Of indices it has daily closes only, on paid plans.
pub const OFFERS: &[Offer] = &[
    offer("EURUSD", "EUR/USD"),
    offer("GBPUSD", "GBP/USD"),
    offer("USDJPY", "USD/JPY"),
    offer("XAUUSD", "GOLD"),
    offer("US30", "DJI"),
    offer("NAS100", "NDX"),
    offer("SPX500", "SPX"),
];

const fn offer(ours: &'static str, theirs: &'static str) -> Offer<'static> {
    let kind = PriceKind::Cash;
    Offer { ours, theirs, kind }
}

/// The largest answer that is read; 200 kB hold 20 years of days.
const BODY_BYTES: usize = 8 * 1024 * 1024;
/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(30);
/// How long to leave a server alone that is overloaded.
const OVERLOADED: Duration = Duration::from_secs(300);
/// The hour in New York at which a day of currencies and metals ends.
const ROLL_HOUR: i8 = 17;

/// Alpha Vantage, for [`crate::supervise::supervise`].
#[derive(Debug)]
pub struct AlphaVantage {
    settings: Settings,
    key: Secret,
    client: reqwest::Client,
    assets: Vec<Asset>,
    misnamed: Vec<(InstrumentId, String)>,
    budget: Budget,
    /// Symbols whose close was told since the process began.
    told: BTreeSet<InstrumentId>,
    /// The asset whose quote is next.
    turn: usize,
    /// Answers of `too many calls` in a row.
    busy: u32,
    last_call: Option<Instant>,
    quote_at: Option<Instant>,
}

impl AlphaVantage {
    /// `state` is the file in which the day's calls are counted; it and its folder are made when first needed.
    #[must_use]
    pub fn new(
        settings: Settings,
        key: Secret,
        symbols: &Symbols,
        catalog: &Catalog,
        state: PathBuf,
    ) -> Self {
        let (mut assets, mut misnamed) = (Vec::new(), Vec::new());
        for (id, theirs) in symbols.iter() {
            match Asset::new(id, theirs, catalog) {
                Ok(asset) => assets.push(asset),
                Err(why) => misnamed.push((id, why)),
            }
        }
        Self {
            budget: Budget::open(state, settings.calls_per_day),
            client: net::http(Some(WITHIN)),
            settings,
            key,
            assets,
            misnamed,
            told: BTreeSet::new(),
            turn: 0,
            busy: 0,
            last_call: None,
            quote_at: None,
        }
    }

    fn obstacle(&self) -> Option<End> {
        let variable = KEY_VARIABLES[0];
        if self.key.is_empty() {
            return Some(End::fatal("there is no key", format!("set {variable}")));
        }
        let nothing = "no symbol of the settings is taken from it, or none can be asked for";
        let remedy = "see what was refused, name other `symbols`, or take the source out";
        let is_left = |asset: &Asset| {
            asset.close.is_open() || (self.settings.quotes && asset.quote.is_open())
        };
        (!self.assets.iter().any(is_left)).then(|| End::fatal(nothing, remedy))
    }

    /// Tells the closes that an earlier run asked for in this trading day.
    fn tell_known(&mut self, outlet: &Outlet) {
        let roll = trading_day(outlet.now().as_source());
        for asset in &self.assets {
            if let Some((price, time)) = self.budget.close(&asset.ours, roll)
                && self.told.insert(asset.id)
            {
                let instrument = asset.id;
                outlet.previous_close(PreviousClose {
                    instrument,
                    price,
                    time,
                });
                outlet.coverage(asset.id, Coverage::Confirmed);
                outlet.began();
            }
        }
    }

    /// Asks one question and hears the answer; what counts for the whole source is its end.
    async fn ask(&mut self, query: &[(&str, &str)], outlet: &Outlet) -> Result<String, End> {
        let spacing = Duration::from_millis(self.settings.spacing_ms);
        if let Some(last) = self.last_call {
            sleep_until(last + spacing).await;
        }
        self.last_call = Some(Instant::now());
        let now = outlet.now().as_source();
        self.budget.spend(now).map_err(unwritable)?;
        let result = self.get(query).await;
        if let Err(Trouble::Unreached(_)) = result {
            self.budget.refund().map_err(unwritable)?;
        }
        result.map_err(Trouble::into_end)
    }

    async fn get(&self, query: &[(&str, &str)]) -> Result<String, Trouble> {
        let cut = |error: reqwest::Error| self.key.cut_from(&error.without_url().to_string());
        let request = self.client.get(&self.settings.url).query(query);
        let request = request.query(&[("apikey", self.key.reveal())]);
        let response = request.send().await.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                Trouble::Unreached(cut(error))
            } else {
                Trouble::Lost(cut(error))
            }
        })?;
        let status = response.status();
        if status != reqwest::StatusCode::OK {
            return Err(Trouble::Status(status));
        }
        net::text(response, BODY_BYTES).await.map_err(Trouble::Lost)
    }

    fn used_up(&self, now: SourceTime) -> End {
        let pause = until_midnight(now) + Span::from_secs(60);
        End::Later {
            reason: format!(
                "the day's {} calls are used up",
                self.settings.calls_per_day
            ),
            pause: duration(pause),
        }
    }

    async fn ask_close(&mut self, place: usize, outlet: &Outlet) -> Result<(), End> {
        let asset = self.assets[place].clone();
        let body = self.ask(&asset.close_query(), outlet).await?;
        let roll = trading_day(outlet.now().as_source());
        match decode::days(&body) {
            Ok(days) => match asset.last_close(&days, roll) {
                Some(close) => self.tell_close(place, close, roll, outlet),
                None => {
                    let why = "no day in it ended before this one began".to_owned();
                    self.strike(place, Door::Close, why, &body, outlet);
                    Ok(())
                }
            },
            Err(refusal) => self.hear(refusal, place, Door::Close, &body, outlet).await,
        }
    }

    fn tell_close(
        &mut self,
        place: usize,
        (price, time): (Price, SourceTime),
        roll: SourceTime,
        outlet: &Outlet,
    ) -> Result<(), End> {
        let asset = &self.assets[place];
        let kept = self.budget.keep_close(&asset.ours, (price, time), roll);
        kept.map_err(unwritable)?;
        let instrument = asset.id;
        outlet.previous_close(PreviousClose {
            instrument,
            price,
            time,
        });
        self.told.insert(instrument);
        self.answered(place, Door::Close, outlet);
        Ok(())
    }

    async fn ask_quote(&mut self, place: usize, outlet: &Outlet) -> Result<(), End> {
        let asset = self.assets[place].clone();
        let Some(query) = asset.quote_query() else {
            return Ok(());
        };
        let body = match self.ask(&query, outlet).await {
            Ok(body) => body,
            Err(end) => {
                // Its turn is not over: it is asked for as soon as somebody answers.
                (self.turn, self.quote_at) = (place, None);
                return Err(end);
            }
        };
        match asset.read_quote(&body) {
            Ok(quote) => {
                self.answered(place, Door::Quote, outlet);
                self.tell_quote(place, quote, outlet);
                Ok(())
            }
            Err(refusal) => self.hear(refusal, place, Door::Quote, &body, outlet).await,
        }
    }

    /// The last value repeats over a weekend, and `Last Refreshed` stands still: that is no new price.
    fn tell_quote(&mut self, place: usize, quote: Quote, outlet: &Outlet) {
        let asset = &mut self.assets[place];
        if asset.refreshed.is_some_and(|last| quote.time <= last) {
            return outlet.life();
        }
        asset.refreshed = Some(quote.time);
        let (bid, ask) = quote.sides.unwrap_or_else(|| asset.around(quote.price));
        let tick = Tick {
            instrument: asset.id,
            bid,
            ask,
            volume: None,
            time: quote.time,
            received: Some(outlet.now()),
        };
        if let Err(reason) = outlet.tick(tick) {
            let (source, symbol) = (outlet.name(), &asset.ours);
            tracing::warn!(%source, symbol, %reason, "the quote cannot be a price");
        }
    }

    fn answered(&mut self, place: usize, door: Door, outlet: &Outlet) {
        self.busy = 0;
        let asset = &mut self.assets[place];
        asset.door(door).answered();
        outlet.coverage(asset.id, Coverage::Confirmed);
        outlet.began();
    }
}

impl Connector for AlphaVantage {
    async fn connect(&mut self, outlet: &Outlet) -> End {
        for (id, why) in &self.misnamed {
            outlet.coverage(*id, Coverage::Refused(why.clone()));
        }
        self.tell_known(outlet);
        loop {
            if let Some(end) = self.obstacle() {
                return end;
            }
            let now = outlet.now().as_source();
            if self.budget.left(now) == 0 {
                return self.used_up(now);
            }
            let result = match self.step(now) {
                Step::Close(place) => self.ask_close(place, outlet).await,
                Step::Quote(place) => self.ask_quote(place, outlet).await,
                Step::Rest(span) => {
                    sleep(span).await;
                    Ok(())
                }
            };
            if let Err(end) = result {
                return end;
            }
        }
    }
}

/// Why a call brought no answer.
enum Trouble {
    /// Nobody was reached: the call does not count.
    Unreached(String),
    Lost(String),
    Status(reqwest::StatusCode),
}

impl Trouble {
    fn into_end(self) -> End {
        match self {
            Self::Unreached(why) => End::transient(format!("cannot connect: {why}")),
            Self::Lost(reason) => End::Later {
                reason,
                pause: OVERLOADED,
            },
            Self::Status(status) => match net::refused(status) {
                // Each try costs a call of the day.
                End::Transient { reason } | End::Later { reason, .. } => End::Later {
                    reason,
                    pause: OVERLOADED,
                },
                end @ (End::Fatal { .. } | End::Contested { .. }) => end,
            },
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is an argument of map_err"
)]
fn unwritable(error: std::io::Error) -> End {
    End::fatal(
        format!("the count of the day's calls cannot be kept: {error}"),
        "make the data folder writable: without the count a restart overdraws the day",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog;

    /// Three pairs, gold and an index.
    pub(super) fn source(state: PathBuf) -> AlphaVantage {
        let catalog = catalog();
        let changes = ["XAUUSD=GOLD".to_owned(), "SPX500=SPX".to_owned()];
        let symbols = Symbols::new(&catalog, OFFERS, &changes).unwrap();
        let key = Secret::new("k-98765");
        AlphaVantage::new(Settings::default(), key, &symbols, &catalog, state)
    }

    #[test]
    fn the_key_is_in_no_debug_text() {
        let folder = tempfile::tempdir().unwrap();
        let source = source(folder.path().join("state.json"));
        assert!(!format!("{source:?}").contains("k-98765"));
    }
}
