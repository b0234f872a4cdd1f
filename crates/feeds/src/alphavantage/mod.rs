//! Alpha Vantage: previous closes, and slow quotes, within the few calls of a day.
//!
//! There is no stream: at the free plan's 25 calls a day a quote comes about once an hour, which is never fresh. The day's
//! calls are counted over restarts ([`budget`]), previous closes come first, and what is left is spread over the open hours.

mod asset;
mod budget;
pub mod decode;

use crate::health::Coverage;
use crate::hours;
use crate::inbox::Outlet;
use crate::net;
use crate::secret::Secret;
use crate::supervise::{Connector, End};
use crate::symbols::{Offer, Symbols};
use asset::{Asset, Door};
use budget::{Budget, until_midnight};
use decode::{Quote, Refusal};
use market::{
    Catalog, InstrumentId, NewYork, PreviousClose, Price, PriceKind, SourceTime, Span, Tick,
    Weekday,
};
use serde::{Deserialize, Serialize};
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

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(30);
/// The longest rest before the plan is looked at again.
const LOOK_EVERY: Span = Span::from_minutes(5);
/// How long to leave a server alone that is overloaded.
const OVERLOADED: Duration = Duration::from_secs(300);
/// The hour in New York at which a day of currencies and metals ends.
const ROLL_HOUR: i8 = 17;
/// Alpha Vantage's days of currencies end at midnight UTC, up to three hours after the roll; then they are asked for.
const SETTLED_AFTER: Span = Span::from_minutes(190);
/// Rests, in units of the spacing, after `too many calls`; and how many such answers mean that the day's are used up.
const BUSY_RESTS: u32 = 20;
const BUSY_MAX: u32 = 3;

/// Settings of Alpha Vantage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address of the one endpoint.
    pub url: String,
    /// Changes to the symbols as OURS=THEIRS: a pair "AUD/USD", a metal "GOLD" or "SILVER", an index "NDX"; "US30=" takes
    /// one out.
    pub symbols: Vec<String>,
    /// Calls per day of the plan; 25 is the free one's.
    pub calls_per_day: u32,
    /// Milliseconds between calls; the free plan allows one a second, and 2000 is what keeps others out of trouble.
    pub spacing_ms: u64,
    /// Whether calls that previous closes leave over are spent on quotes.
    pub quotes: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "https://www.alphavantage.co/query".to_owned(),
            symbols: Vec::new(),
            calls_per_day: 25,
            spacing_ms: 2000,
            quotes: true,
        }
    }
}

impl Settings {
    /// Every mistake: the key, and what is wrong with its value.
    #[must_use]
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        match reqwest::Url::parse(&self.url) {
            Ok(url) if !["https", "http"].contains(&url.scheme()) => {
                wrong.push(("url", format!("`{}` is not https://HOST/query", self.url)));
            }
            Ok(url) if url.query().is_some() => {
                let why = "it has a query: ORION adds it, and the key has no place in settings";
                wrong.push(("url", why.to_owned()));
            }
            Ok(_) => {}
            Err(error) => wrong.push(("url", format!("`{}` is no address: {error}", self.url))),
        }
        if self.calls_per_day == 0 {
            wrong.push(("calls_per_day", "0 asks nothing at all".to_owned()));
        }
        for change in &self.symbols {
            let theirs = change
                .split_once('=')
                .map_or("", |(_, theirs)| theirs.trim());
            if let (false, Err(why)) = (theirs.is_empty(), asset::kind(theirs)) {
                wrong.push(("symbols", format!("`{change}`: {why}")));
            }
        }
        wrong
    }
}

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

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Close(usize),
    Quote(usize),
    Rest(Duration),
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

    /// Closes first, then quotes as far apart as the rest of the day demands.
    fn step(&mut self, now: SourceTime) -> Step {
        let roll = trading_day(now);
        let settled = now >= roll + SETTLED_AFTER;
        let due = |asset: &Asset| {
            asset.close.is_open()
                && self.budget.close(&asset.ours, roll).is_none()
                && (settled || !self.told.contains(&asset.id))
        };
        if let Some(place) = self.assets.iter().position(due) {
            return Step::Close(place);
        }
        match self.next_quote(now) {
            Some(place) => Step::Quote(place),
            None => Step::Rest(rest(now, self.quote_at)),
        }
    }

    fn next_quote(&mut self, now: SourceTime) -> Option<usize> {
        let early = self.quote_at.is_some_and(|at| Instant::now() < at);
        if early || !self.settings.quotes || !hours::currencies_are_open(now) {
            return None;
        }
        let spare = self.spare(now);
        let count = self.assets.len();
        let places = (self.turn..self.turn + count).map(|place| place % count);
        let place = places
            .into_iter()
            .find(|place| self.assets[*place].quote.is_open())
            .filter(|_| spare > 0)?;
        self.turn = place + 1;
        let span = until_pause(now).nanos() / i64::from(spare);
        let apart = Duration::from_nanos(u64::try_from(span).unwrap_or(0));
        self.quote_at = Some(Instant::now() + apart);
        Some(place)
    }

    /// Calls that today's closes will not need.
    fn spare(&mut self, now: SourceTime) -> u32 {
        let left = self.budget.left(now);
        let tonight = trading_day(now + until_midnight(now) - Span::from_nanos(1));
        let wanted = |asset: &&Asset| {
            asset.close.is_open() && self.budget.close(&asset.ours, tonight).is_none()
        };
        let reserve = self.assets.iter().filter(wanted).count();
        left.saturating_sub(u32::try_from(reserve).unwrap_or(u32::MAX))
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
        response
            .text()
            .await
            .map_err(|error| Trouble::Lost(cut(error)))
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
        let body = self.ask(&query, outlet).await?;
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

    /// What an answer that is none means.
    async fn hear(
        &mut self,
        refusal: Refusal,
        place: usize,
        door: Door,
        body: &str,
        outlet: &Outlet,
    ) -> Result<(), End> {
        let cut = |text: &str| self.key.cut_from(text);
        match refusal {
            Refusal::TooMany(text) => {
                let text = cut(&text);
                self.too_many(&text, outlet).await
            }
            Refusal::DayUsed(_) => Err(self.day_used(outlet)),
            Refusal::Key(text) => Err(End::fatal(
                format!("Alpha Vantage does not take the key: {}", cut(&text)),
                format!("check {}", KEY_VARIABLES[0]),
            )),
            Refusal::Unknown(text) => Err(End::fatal(
                format!(
                    "Alpha Vantage says what ORION does not know: {}",
                    cut(&text)
                ),
                "do what it says, and restart",
            )),
            Refusal::Premium(text) => {
                let why = format!("not in the plan of this key: {}", cut(&text));
                self.shut(place, door, why, outlet);
                Ok(())
            }
            Refusal::Wrong(text) => {
                let why = cut(&text);
                self.shut(place, door, why, outlet);
                Ok(())
            }
            Refusal::Empty => {
                self.strike(place, door, "the answer is empty".to_owned(), body, outlet);
                Ok(())
            }
            Refusal::Unreadable(why) => {
                let why = cut(&why);
                self.strike(place, door, why, body, outlet);
                Ok(())
            }
        }
    }

    /// The same sentence is said when calls come too fast and when the day's are used up: only trying again tells.
    async fn too_many(&mut self, text: &str, outlet: &Outlet) -> Result<(), End> {
        self.busy += 1;
        if self.busy >= BUSY_MAX {
            self.busy = 0;
            return Err(self.day_used(outlet));
        }
        tracing::info!(source = %outlet.name(), text, "too many calls: resting");
        sleep(Duration::from_millis(self.settings.spacing_ms) * BUSY_RESTS).await;
        Ok(())
    }

    fn day_used(&mut self, outlet: &Outlet) -> End {
        let now = outlet.now().as_source();
        match self.budget.exhaust(now) {
            Ok(()) => self.used_up(now),
            Err(error) => unwritable(error),
        }
    }

    /// Answers that cannot be read are tried a few times more.
    fn strike(&mut self, place: usize, door: Door, why: String, body: &str, outlet: &Outlet) {
        let id = self.assets[place].id;
        let body = self.key.cut_from(body);
        outlet.malformed(Some(id), body.as_bytes(), &why);
        if self.assets[place].door(door).strike() {
            self.shut(place, door, why, outlet);
        }
    }

    /// A question that is in vain is not asked again; a symbol with none left is refused.
    fn shut(&mut self, place: usize, door: Door, why: String, outlet: &Outlet) {
        let asset = &mut self.assets[place];
        asset.door(door).shut();
        let (source, symbol, what) = (outlet.name(), &asset.ours, door.word());
        tracing::warn!(%source, symbol, what, why, "not asked for again");
        if !asset.close.is_open() && !asset.quote.is_open() {
            outlet.coverage(asset.id, Coverage::Refused(why));
        }
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

/// When the trading day began: 17:00 in New York, from Sunday to Thursday.
fn trading_day(now: SourceTime) -> SourceTime {
    let mut roll = NewYork::latest(now, ROLL_HOUR);
    while matches!(
        NewYork::at(roll).weekday,
        Weekday::Friday | Weekday::Saturday
    ) {
        roll = NewYork::latest(roll - Span::from_nanos(1), ROLL_HOUR);
    }
    roll
}

/// How long quotes may still be asked for in one go: until the count begins anew or the week ends.
fn until_pause(now: SourceTime) -> Span {
    let roll = NewYork::next(now, ROLL_HOUR);
    let midnight = until_midnight(now);
    if NewYork::at(roll).weekday == Weekday::Friday {
        midnight.min(roll - now)
    } else {
        midnight
    }
}

/// Until the next quote is due, and never long: the clock may be set, and hours begin.
fn rest(now: SourceTime, quote_at: Option<Instant>) -> Duration {
    let look = duration(LOOK_EVERY.min(until_midnight(now)));
    let wait = quote_at.map(|at| at.saturating_duration_since(Instant::now()));
    wait.filter(|wait| !wait.is_zero())
        .map_or(look, |wait| wait.min(look))
}

fn duration(span: Span) -> Duration {
    Duration::from_nanos(u64::try_from(span.nanos()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog;

    fn at(text: &str) -> SourceTime {
        SourceTime::parse(text).unwrap()
    }

    fn source(settings: Settings, state: PathBuf) -> AlphaVantage {
        let catalog = catalog();
        let changes = ["XAUUSD=GOLD".to_owned(), "SPX500=SPX".to_owned()];
        let symbols = Symbols::new(&catalog, OFFERS, &changes).unwrap();
        AlphaVantage::new(settings, Secret::new("k-98765"), &symbols, &catalog, state)
    }

    #[test]
    fn the_defaults_are_right_and_every_mistake_is_named() {
        assert_eq!(Settings::default().check(), []);
        let wrong = Settings {
            url: "https://www.alphavantage.co/query?apikey=x".to_owned(),
            symbols: ["EURUSD=EUR/", "US30="].map(str::to_owned).to_vec(),
            calls_per_day: 0,
            ..Settings::default()
        };
        let keys: Vec<_> = wrong.check().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["url", "calls_per_day", "symbols"]);
        let text = toml::to_string(&wrong).unwrap();
        assert_eq!(toml::from_str(&text), Ok(wrong));
    }

    #[test]
    fn trading_days_begin_on_sunday_to_thursday() {
        for (now, roll) in [
            ("2026-07-13T20:59:59Z", "2026-07-12T21:00:00Z"),
            ("2026-07-13T21:00:00Z", "2026-07-13T21:00:00Z"),
            ("2026-07-18T12:00:00Z", "2026-07-16T21:00:00Z"),
            ("2026-07-19T20:59:59Z", "2026-07-16T21:00:00Z"),
            ("2026-07-19T21:00:00Z", "2026-07-19T21:00:00Z"),
        ] {
            assert_eq!(trading_day(at(now)), at(roll), "{now}");
        }
    }

    /// The calls of one day, in order, with the minute in New York at which each is made.
    #[tokio::test(start_paused = true)]
    async fn a_day_is_closes_first_then_quotes_spread_to_midnight() {
        let folder = tempfile::tempdir().unwrap();
        let mut source = source(Settings::default(), folder.path().join("state.json"));
        let (began, start) = (Instant::now(), at("2026-07-13T04:00:00Z"));
        let mut calls = Vec::new();
        loop {
            let passed = i64::try_from((Instant::now() - began).as_nanos()).unwrap();
            let now = start + Span::from_nanos(passed);
            if passed >= Span::from_hours(24).nanos() {
                break;
            }
            let step = source.step(now);
            if let Step::Rest(span) = step {
                sleep(span).await;
                continue;
            }
            source.budget.spend(now).unwrap();
            calls.push((step, passed / 60_000_000_000));
            if let Step::Close(place) = step {
                let (asset, roll) = (&source.assets[place], trading_day(now));
                let close = (Price::from_units(1), roll);
                source.budget.keep_close(&asset.ours, close, roll).unwrap();
                source.told.insert(asset.id);
            }
        }
        let closes: Vec<_> = calls
            .iter()
            .filter(|(step, _)| matches!(step, Step::Close(_)))
            .map(|(_, minute)| *minute)
            .collect();
        assert_eq!(
            closes.len(),
            10,
            "five at the start, five when the new day has settled: {closes:?}"
        );
        assert_eq!(closes[..5], [0; 5]);
        assert!(
            closes[5..]
                .iter()
                .all(|minute| (1210..1220).contains(minute)),
            "{closes:?}"
        );
        let quotes: Vec<_> = calls
            .iter()
            .filter(|(step, _)| matches!(step, Step::Quote(_)))
            .collect();
        assert_eq!(calls.len(), 25, "all of the plan's, and no more");
        let gaps = quotes.windows(2).map(|pair| pair[1].1 - pair[0].1);
        assert!(
            gaps.into_iter().all(|gap| (90..=102).contains(&gap)),
            "{quotes:?}"
        );
        // Four of the five have quotes: the index has none.
        let first: Vec<_> = quotes[..5].iter().map(|(step, _)| *step).collect();
        let places = [0, 1, 2, 3, 0].map(Step::Quote);
        assert_eq!(first, places);
    }

    #[tokio::test(start_paused = true)]
    async fn at_a_weekend_nothing_is_asked_for_that_stands_still() {
        let folder = tempfile::tempdir().unwrap();
        let mut source = source(Settings::default(), folder.path().join("state.json"));
        let saturday = at("2026-07-18T12:00:00Z");
        for place in 0..5 {
            assert_eq!(source.step(saturday), Step::Close(place));
            let (asset, roll) = (&source.assets[place], trading_day(saturday));
            let close = (Price::from_units(1), roll);
            source.budget.keep_close(&asset.ours, close, roll).unwrap();
        }
        let five_minutes = Duration::from_secs(300);
        assert_eq!(source.step(saturday), Step::Rest(five_minutes));
        let friday = at("2026-07-17T20:00:00Z");
        assert_eq!(until_pause(friday), Span::from_hours(1));
    }

    #[test]
    fn the_key_is_in_no_debug_text() {
        let folder = tempfile::tempdir().unwrap();
        let source = source(Settings::default(), folder.path().join("state.json"));
        assert!(!format!("{source:?}").contains("k-98765"));
    }
}
