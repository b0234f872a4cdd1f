//! Any WebSocket or HTTP source that speaks JSON, described by a file: where it is, what to send, what its messages mean.
//! Kraken, Finnhub and Twelve Data are such files. What a file may say is in `docs/sources/json.md`.

mod check;
pub mod decode;
mod form;
mod path;
mod plan;
mod poll;
mod settings;
mod socket;
mod tell;
mod template;
mod time;
mod value;
mod weekend;

pub use check::{Problem, Problems};
pub use form::{Audience, Kind};
pub use settings::Settings;

use crate::inbox::Outlet;
use crate::net;
use crate::supervise::{Connector, End};
use crate::symbols::{Offer, Symbols};
use access::Secret;
use decode::Decoder;
use form::{Form, Is};
use market::{Catalog, InstrumentId, Span};
use plan::Plan;
use std::time::Duration;
use template::{Filling, Into};

/// The sources that come with ORION.
pub const SHIPPED: &[&str] = &["kraken", "finnhub", "twelvedata"];

/// The text of a description that comes with ORION.
#[must_use]
pub fn shipped_text(name: &str) -> Option<&'static str> {
    match name {
        "kraken" => Some(include_str!("kraken.toml")),
        "finnhub" => Some(include_str!("finnhub.toml")),
        "twelvedata" => Some(include_str!("twelvedata.toml")),
        _ => None,
    }
}

/// A description that comes with ORION.
///
/// # Panics
/// Never: a test reads each.
#[must_use]
pub fn shipped(name: &str) -> Option<Description> {
    let text = shipped_text(name)?;
    Some(Description::parse(text).expect("a shipped description is right"))
}

/// A checked description of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    form: Form,
    plan: Plan,
}

impl Description {
    /// The vendor's name, for people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.form.title
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        self.form.kind
    }

    /// Who may see its prices.
    #[must_use]
    pub fn audience(&self) -> Audience {
        self.form.audience
    }

    /// What the vendor's terms say, in one sentence.
    #[must_use]
    pub fn licence(&self) -> &str {
        &self.form.licence
    }

    /// Whether it needs a key.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        check::uses_key(&self.form)
    }

    /// Environment variables that people keep this key in, best first.
    #[must_use]
    pub fn key_variables(&self) -> &[String] {
        &self.form.key_variables
    }

    /// Longest ordinary time between two signs of life.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Span> {
        let seconds = self.form.heartbeat_s?;
        Some(Span::from_millis((seconds * 1000.0) as i64))
    }

    /// Whether its prices of weekends are taken.
    #[must_use]
    pub fn weekends(&self) -> bool {
        self.form.weekends
    }

    /// What it can serve.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer<'_>> {
        let symbols = self.form.symbols.iter();
        symbols
            .map(|(ours, name)| Offer {
                ours,
                theirs: &name.theirs,
                kind: name.kind,
            })
            .collect()
    }

    /// The instruments that are taken from it; `changes` are `OURS=THEIRS` of the settings.
    ///
    /// # Errors
    /// When a change cannot be used; the message says which and why.
    pub fn symbols(&self, catalog: &Catalog, changes: &[String]) -> Result<Symbols, String> {
        Symbols::new(catalog, &self.offers(), changes)
    }
}

/// Speaks to a described source.
#[derive(Debug)]
pub struct Json {
    description: Description,
    decoder: Decoder,
    symbols: Symbols,
    key: Option<Secret>,
    address: String,
    client: Option<reqwest::Client>,
    polled: poll::Kept,
    /// Connections in a row that the vendor closed within a minute.
    evictions: u32,
}

/// A connection that lived so long was not pushed out by another.
const HEALTHY: Duration = Duration::from_secs(60);
/// So many short lives in a row are two instances that push each other out.
const EVICTIONS_MAX: u32 = 3;

impl Json {
    /// A source with its key and the symbols that are taken from it. `address` stands for the description's: all of it, or only
    /// scheme, host and port, to which the description's path and query are added.
    #[must_use]
    pub fn new(
        description: Description,
        catalog: &Catalog,
        key: Option<Secret>,
        symbols: Symbols,
        address: Option<&str>,
    ) -> Self {
        let client = match description.form.kind {
            Kind::Websocket => None,
            Kind::Http => Some(net::http(
                description
                    .form
                    .poll
                    .as_ref()
                    .map(|poll| socket::span(poll.within_s)),
            )),
        };
        Self {
            decoder: Decoder::new(&description, &symbols, catalog),
            address: settings::moved(&description.form.address, address.unwrap_or_default()),
            description,
            symbols,
            key: key.filter(|key| !key.is_empty()),
            client,
            polled: poll::Kept::default(),
            evictions: 0,
        }
    }

    fn lacks(&self) -> Option<End> {
        if self.symbols.is_empty() {
            return Some(End::fatal(
                "none of the instruments is taken from it",
                "name them in its symbols",
            ));
        }
        if self.description.needs_key() && self.key.is_none() {
            let remedy = match self.description.key_variables() {
                [] => "give the key".to_owned(),
                [best, ..] => format!("put it into the environment as {best}"),
            };
            return Some(End::fatal("it needs a key", remedy));
        }
        None
    }

    /// Whether a message of this meaning is described.
    fn expects(&self, is: Is) -> bool {
        self.description
            .form
            .message
            .iter()
            .any(|message| message.is == is)
    }

    fn client(&self) -> reqwest::Client {
        self.client.clone().unwrap_or_default()
    }

    fn texts(&self, template: &str, ids: &[InstrumentId], into: Into) -> Vec<String> {
        let names: Vec<&str> = ids
            .iter()
            .filter_map(|id| self.symbols.theirs(*id))
            .collect();
        let filling = Filling {
            key: self.key.as_ref().map_or("", Secret::reveal),
            names: &names,
            each: &self.description.form.each_symbol,
            join: &self.description.form.join_symbols,
        };
        filling.texts(template, into)
    }

    fn fill(&self, template: &str, ids: &[InstrumentId], into: Into) -> String {
        self.texts(template, ids, into)
            .into_iter()
            .next()
            .unwrap_or_default()
    }

    fn address(&self) -> String {
        let all: Vec<_> = self.symbols.iter().map(|(id, _)| id).collect();
        self.fill(&self.address, &all, Into::Address)
    }

    fn headers(&self) -> Vec<(String, String)> {
        let filled =
            |(name, value): (&String, &String)| (name.clone(), self.fill(value, &[], Into::Header));
        self.description.form.headers.iter().map(filled).collect()
    }

    /// A text without the key: vendors repeat keys in errors.
    fn cut(&self, text: &str) -> String {
        self.key
            .as_ref()
            .map_or_else(|| text.to_owned(), |key| key.cut_from(text))
    }

    fn cut_end(&self, end: End) -> End {
        match end {
            End::Transient { reason } => End::Transient {
                reason: self.cut(&reason),
            },
            End::Later { reason, pause } => End::Later {
                reason: self.cut(&reason),
                pause,
            },
            End::Contested { reason, remedy } => End::Contested {
                reason: self.cut(&reason),
                remedy,
            },
            End::Fatal { reason, remedy } => End::Fatal {
                reason: self.cut(&reason),
                remedy,
            },
        }
    }

    /// Vendors that allow one connection per key close the other without a word: short lives in a row are told as that.
    fn judged(&mut self, outcome: socket::Outcome) -> End {
        let is_short = outcome.live.is_some_and(|live| live < HEALTHY) && outcome.closed_by_vendor;
        self.evictions = if is_short { self.evictions + 1 } else { 0 };
        let is_contested = self.description.form.one_connection && self.evictions >= EVICTIONS_MAX;
        if let (true, End::Transient { reason }) = (is_contested, &outcome.end) {
            return End::Contested {
                reason: format!(
                    "{reason}; {EVICTIONS_MAX} connections in a row were closed within a minute, as if another used the key"
                ),
                remedy: "stop the other program that uses this key, or give each a key of its own"
                    .to_owned(),
            };
        }
        outcome.end
    }
}

impl Connector for Json {
    async fn connect(&mut self, outlet: &Outlet) -> End {
        if let Some(end) = self.lacks() {
            return end;
        }
        match self.description.form.kind {
            Kind::Websocket => {
                let outcome = socket::run(self, outlet).await;
                self.judged(outcome)
            }
            Kind::Http => {
                let mut kept = std::mem::take(&mut self.polled);
                let end = poll::run(self, outlet, &mut kept).await;
                self.polled = kept;
                end
            }
        }
    }
}
