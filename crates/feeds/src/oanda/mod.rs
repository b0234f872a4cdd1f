//! OANDA v20: one stream of prices for all seven symbols, and candles for the past.
//!
//! A connection asks which account and which of its instruments there are, opens the price stream, fetches the closed
//! minutes that are missing while the stream's bytes wait, and then tells the prices. So nothing falls between the past
//! and the present. Protocol: <https://developer.oanda.com/rest-live-v20/pricing-ep/> and OANDA's client v20-python: one
//! JSON object per line, at most four prices a second for each instrument, a heartbeat every five seconds.

mod candles;
pub mod decode;
mod doubt;
mod rest;
mod settings;
mod stream;

pub use settings::{HEARTBEAT, KEY_VARIABLES, OFFERS, Settings};

use crate::health::{Coverage, Phase};
use crate::inbox::Outlet;
use crate::supervise::{Connector, End};
use crate::symbols::Symbols;
use access::Secret;
use candles::{Past, Source};
use decode::{Line, Quote};
use doubt::Doubt;
use market::{InstrumentId, SourceTime, Span, Tick, Time};
use rest::{Refusal, Rest, Trouble};
use std::collections::BTreeSet;
use std::time::Duration;
use stream::{Lines, Stream};
use tokio::time::{Instant, timeout, timeout_at};

/// How long to wait for what. The defaults are for OANDA; tests are less patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For an answer, and for the beginning of the stream [10 s].
    pub answer: Duration,
    /// For a line that can be read: heartbeats are due every 5 s [10 s].
    pub silence: Duration,
    /// For all of the past; what is missing then comes at the next connect [60 s].
    pub past: Duration,
    /// How long the server may refuse a token that it never took [60 s], and one that it took before [10 min]: it does so
    /// for a while during maintenance.
    pub doubt: Duration,
    pub doubt_known: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            silence: Duration::from_secs(10),
            past: Duration::from_secs(60),
            doubt: Duration::from_secs(60),
            doubt_known: Duration::from_secs(600),
        }
    }
}

/// A source's time this far after its receipt is no time to go on from.
const AHEAD_MAX: Span = Span::from_minutes(1);
/// Clocks that disagree by more are told of.
const SKEW_MAX: Span = Span::from_secs(5);

/// Speaks with OANDA.
#[derive(Debug)]
pub struct Oanda {
    settings: Settings,
    token: Secret,
    symbols: Symbols,
    deadlines: Deadlines,
    rest: Rest,
    /// The account in use, once it is known.
    account: Option<String>,
    doubt: Doubt,
    /// Instruments that the stream refused by name.
    refused: BTreeSet<InstrumentId>,
    past: Past,
    /// Until when the stream has told everything.
    heard: Option<SourceTime>,
}

impl Oanda {
    #[must_use]
    pub fn new(settings: Settings, token: Secret, symbols: Symbols) -> Self {
        let deadlines = Deadlines::default();
        let account = Some(settings.account.clone()).filter(|account| !account.is_empty());
        Self {
            rest: Rest::new(token.clone(), deadlines.answer),
            settings,
            token,
            symbols,
            deadlines,
            account,
            doubt: Doubt::default(),
            refused: BTreeSet::new(),
            past: Past::default(),
            heard: None,
        }
    }

    /// With other patience.
    #[must_use]
    pub fn with_deadlines(mut self, deadlines: Deadlines) -> Self {
        self.rest = Rest::new(self.token.clone(), deadlines.answer);
        self.deadlines = deadlines;
        self
    }

    /// One connection, up to its end or the trouble that kept it from being made.
    async fn connection(&mut self, outlet: &Outlet) -> Result<End, Trouble> {
        if self.token.is_empty() {
            return Err(Trouble::Over(End::fatal("there is no token", REMEDY)));
        }
        outlet.phase(Phase::Authenticating);
        let account = self.find_account().await?;
        let asked = self.find_instruments(&account, outlet).await?;
        self.doubt.clear();
        outlet.phase(Phase::Subscribing);
        let mut stream = self.open(&account, &asked, outlet).await?;
        self.fetch_past(&asked, outlet).await;
        Ok(self.listen(&mut stream, outlet).await)
    }

    /// The account of the settings, or the only one there is.
    async fn find_account(&mut self) -> Result<String, Trouble> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        let url = format!("{}/v3/accounts", self.settings.rest());
        let body = self.rest.get(&url, &[]).await?;
        let accounts = decode::accounts(&body)
            .map_err(|error| Trouble::Lost(format!("accounts that cannot be read: {error}")))?;
        let account = only(accounts).map_err(Trouble::Over)?;
        self.account = Some(account.clone());
        Ok(account)
    }

    /// Those of our instruments that the account has; tells of each. One that it has not would cost all the others.
    async fn find_instruments(
        &mut self,
        account: &str,
        outlet: &Outlet,
    ) -> Result<Vec<(InstrumentId, String)>, Trouble> {
        let url = format!("{}/v3/accounts/{account}/instruments", self.settings.rest());
        let body = self.rest.get(&url, &[]).await?;
        let offered = decode::instruments(&body)
            .map_err(|error| Trouble::Lost(format!("instruments that cannot be read: {error}")))?;
        let mut asked = Vec::new();
        for (id, theirs) in self.symbols.iter() {
            if !offered.iter().any(|name| name == theirs) {
                let reason = "the account does not have it: OANDA offers other instruments in other countries";
                outlet.coverage(id, Coverage::Refused(reason.to_owned()));
            } else if !self.refused.contains(&id) {
                outlet.coverage(id, Coverage::Confirmed);
                asked.push((id, theirs.to_owned()));
            }
        }
        if asked.is_empty() {
            let reason = format!(
                "account {account} has none of the instruments asked for ({})",
                names(self.symbols.iter().map(|(_, theirs)| theirs))
            );
            let remedy = "check feed.oanda.symbols, or take another account or source";
            return Err(Trouble::Over(End::fatal(reason, remedy)));
        }
        Ok(asked)
    }

    async fn open(
        &mut self,
        account: &str,
        asked: &[(InstrumentId, String)],
        outlet: &Outlet,
    ) -> Result<Stream, Trouble> {
        let url = format!(
            "{}/v3/accounts/{account}/pricing/stream",
            self.settings.stream()
        );
        let instruments = names(asked.iter().map(|(_, theirs)| theirs.as_str()));
        let query = [("instruments", instruments.as_str()), ("snapshot", "true")];
        match self.rest.open(&url, &query).await {
            Ok(answer) => Ok(Stream::read(answer, outlet.clock().clone())),
            Err(Trouble::Refused(refusal)) if refusal.status == 400 => {
                Err(Trouble::Over(self.refuse(&refusal, asked, outlet)))
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// The stream does not take a list that holds an instrument it does not know: goes on without the one it names.
    fn refuse(
        &mut self,
        refusal: &Refusal,
        asked: &[(InstrumentId, String)],
        outlet: &Outlet,
    ) -> End {
        let said = refusal.said.as_deref().unwrap_or_default();
        let named = asked.iter().find(|(_, theirs)| said.contains(theirs));
        let reason = refusal.describe();
        if let Some((id, _)) = named {
            self.refused.insert(*id);
            outlet.coverage(*id, Coverage::Refused(reason.clone()));
            return End::transient(reason);
        }
        let asked = names(asked.iter().map(|(_, theirs)| theirs.as_str()));
        End::fatal(
            format!("{reason} (asked for {asked})"),
            "check feed.oanda.symbols and feed.oanda.account",
        )
    }

    async fn fetch_past(&mut self, asked: &[(InstrumentId, String)], outlet: &Outlet) {
        if let Some(heard) = self.heard {
            self.past.heard_until(heard);
        }
        let base = self.settings.rest();
        let mut source = Source {
            rest: &mut self.rest,
            base: &base,
            hours: self.settings.backfill_hours,
            outlet,
        };
        let fetch = self.past.fetch(&mut source, asked);
        if timeout(self.deadlines.past, fetch).await.is_err() {
            tracing::warn!(source = %outlet.name(), "the past took too long; the rest is fetched at the next connect");
        }
    }

    async fn listen(&mut self, stream: &mut Stream, outlet: &Outlet) -> End {
        let (mut lines, mut hearing) = (Lines::default(), Hearing::default());
        let mut deadline = Instant::now() + self.deadlines.silence;
        loop {
            let chunk = match timeout_at(deadline, stream.next()).await {
                Ok(Some(Ok(chunk))) => chunk,
                Ok(Some(Err(reason))) => return End::transient(reason),
                Ok(None) => return End::transient("the server ended the stream"),
                Err(_) => return End::transient(self.silent()),
            };
            let mut is_readable = false;
            lines.take(&chunk.bytes, |line| match line {
                Ok(text) => is_readable |= self.hear(text, chunk.received, &mut hearing, outlet),
                Err(stream::TooLong) => outlet.malformed(None, b"", "a line without an end"),
            });
            if is_readable {
                deadline = Instant::now() + self.deadlines.silence;
            }
        }
    }

    fn silent(&self) -> String {
        let seconds = self.deadlines.silence.as_secs_f64();
        format!("nothing that could be read came for {seconds} s, and a heartbeat is due every 5 s")
    }

    /// Takes one line; says whether it could be read.
    fn hear(
        &mut self,
        text: &[u8],
        received: Time,
        hearing: &mut Hearing,
        outlet: &Outlet,
    ) -> bool {
        let line = match decode::line(text) {
            Ok(line) => line,
            Err(error) => {
                outlet.malformed(None, text, &error.to_string());
                return false;
            }
        };
        outlet.began();
        match line {
            Line::Price(quote) => self.tell(&quote, received, hearing, outlet),
            Line::Heartbeat(time) => {
                self.keep_heard(time, received);
                hearing.compare_clocks(time, received, outlet);
                outlet.life();
            }
            Line::Closed { .. } | Line::Other => outlet.life(),
        }
        true
    }

    fn tell(&mut self, quote: &Quote<'_>, received: Time, hearing: &mut Hearing, outlet: &Outlet) {
        let Some(instrument) = self.symbols.find(&quote.instrument) else {
            outlet.malformed(None, quote.instrument.as_bytes(), "it was not asked for");
            return;
        };
        let tick = Tick {
            instrument,
            bid: quote.bid,
            ask: quote.ask,
            volume: None,
            time: quote.time,
            received: Some(received),
        };
        self.keep_heard(quote.time, received);
        // A snapshot repeats what was told before the loss.
        if hearing.is_first(instrument) && outlet.is_told(&tick) {
            outlet.life();
            return;
        }
        // What the gate turns away it counts itself.
        let _ = outlet.tick(tick);
    }

    fn keep_heard(&mut self, time: SourceTime, received: Time) {
        if time <= received.as_source() + AHEAD_MAX {
            self.heard = self.heard.max(Some(time));
        }
    }

    /// What a trouble means for the connection.
    fn end(&mut self, trouble: Trouble) -> End {
        match trouble {
            Trouble::Over(end) => end,
            Trouble::Lost(reason) => End::transient(reason),
            Trouble::Refused(refusal) if refusal.status == 401 => {
                let reason = refusal.describe();
                let (now, deadlines) = (Instant::now(), &self.deadlines);
                self.doubt.judge(now, reason, deadlines, &self.settings)
            }
            Trouble::Refused(refusal) => refusal.end(),
        }
    }
}

impl Connector for Oanda {
    async fn connect(&mut self, outlet: &Outlet) -> End {
        match self.connection(outlet).await {
            Ok(end) => end,
            Err(trouble) => self.end(trouble),
        }
    }
}

/// What a person can do who has no token, or a wrong one.
const REMEDY: &str = "make a token in OANDA's portal (Manage API Access) and give it as ORION_KEY_OANDA or in the secrets file";

/// What has been heard in one connection.
#[derive(Debug, Default)]
struct Hearing {
    /// Instruments of which a price has come: the first one is the snapshot's.
    begun: BTreeSet<InstrumentId>,
    has_compared: bool,
}

impl Hearing {
    fn is_first(&mut self, instrument: InstrumentId) -> bool {
        self.begun.insert(instrument)
    }

    /// Once in a connection: a heartbeat is as old as its way was long, unless a clock is wrong.
    fn compare_clocks(&mut self, time: SourceTime, received: Time, outlet: &Outlet) {
        let skew = received.as_source() - time;
        let is_much = skew > SKEW_MAX || Span::ZERO - skew > SKEW_MAX;
        if is_much && !std::mem::replace(&mut self.has_compared, true) {
            tracing::warn!(source = %outlet.name(), ahead_ms = skew.millis(), "this machine's clock is not OANDA's: prices more than a minute ahead of it are turned away; check its time service");
        }
    }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(",")
}

fn only(mut accounts: Vec<String>) -> Result<String, End> {
    match (accounts.pop(), accounts.as_slice()) {
        (Some(account), []) => Ok(account),
        (None, _) => Err(End::fatal(
            "the token reaches no account",
            "open a v20 account in OANDA's portal, and make the token there",
        )),
        (Some(last), others) => {
            let all = names(others.iter().map(String::as_str).chain([last.as_str()]));
            Err(End::fatal(
                format!("the token reaches {} accounts", others.len() + 1),
                format!("set feed.oanda.account to one of {all}"),
            ))
        }
    }
}
