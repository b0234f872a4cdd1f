//! The live sources that the settings name: what each serves and needs, who may see its prices, and how it is begun. The
//! one place that knows them all; a new source is a line in each `match`.

use crate::config::{Config, Feed, FeedKind, SourceName};
use crate::secrets::{self, Secrets};
use access::Secret;
use access::keys::{Keys, Kind};
use anyhow::{Result, ensure};
use axum::Router;
use feeds::alphavantage::AlphaVantage;
use feeds::inbox::Outlet;
use feeds::json::{self, Description, Json};
use feeds::massive::{Cluster, Massive};
use feeds::metatrader::{self, Bridge};
use feeds::oanda::{self, Oanda};
use feeds::supervise::{Connector, Patience, supervise};
use feeds::symbols::Symbols;
use feeds::{alphavantage, bots, massive};
use market::{Catalog, Span};
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

/// Who may see the prices of a source, by the terms of its vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The operator himself.
    Own,
    Anybody,
}

/// A source that the settings name.
pub struct Wanted {
    pub name: SourceName,
    pub symbols: Symbols,
    /// The longest ordinary time between two signs of life, where it shows any.
    pub heartbeat: Option<Span>,
    pub audience: Audience,
    /// Where its key came from; none where it needs none.
    pub key: Option<String>,
    pub made_of: MadeOf,
    /// How it is begun, or what it still needs for that.
    pub run: Result<Run, Need>,
}

/// What a source runs with, besides its symbols: one that is wanted with the same once more need not begin anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MadeOf {
    /// Its settings, as they print.
    settings: String,
    secret: Option<Secret>,
}

/// Begins a source.
pub type Run = Box<dyn FnOnce(Outlet, Patience, u64) -> Begun + Send>;

/// A source that has begun.
#[expect(missing_debug_implementations, reason = "a future has none")]
pub struct Begun {
    pub task: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The paths it is called on.
    pub router: Option<Router>,
    /// Where advisors call: it must know what the last run took, and be told of a clean end.
    pub bridge: Option<Bridge>,
}

/// Why a source cannot start, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub reason: String,
    pub remedy: String,
}

/// What the settings name, best first.
///
/// # Errors
/// When a description cannot be read, or a section names a symbol that is not traded; the message names it.
pub fn wanted(config: &Config, secrets: &Secrets) -> Result<Vec<Wanted>> {
    let FeedKind::Live(names) = &config.feed.kind else {
        return Ok(Vec::new());
    };
    let desk = Desk {
        config,
        secrets,
        catalog: config.catalog(),
    };
    let wanted = names.iter().map(|name| {
        let wanted = desk.wanted(name);
        wanted.map_err(|reason| anyhow::anyhow!("source {name}: {reason}"))
    });
    wanted.collect()
}

/// # Errors
/// When there are live sources and none of them can start; the message says what each needs.
pub fn ensure_one_starts(wanted: &[Wanted]) -> Result<()> {
    let needs = wanted.iter().filter_map(|source| {
        let need = source.run.as_ref().err()?;
        Some(format!(
            "  {}: {}; {}",
            source.name, need.reason, need.remedy
        ))
    });
    let needs: Vec<_> = needs.collect();
    ensure!(
        needs.len() < wanted.len(),
        "no source can start:\n{}",
        needs.join("\n")
    );
    Ok(())
}

/// Mistakes in the sections of the sources, and in the descriptions that are named: key and reason.
#[must_use]
pub fn faults(config: &Config) -> Vec<(String, String)> {
    let feed = &config.feed;
    let sections = [
        ("oanda", feed.oanda.check()),
        ("massive", feed.massive.check()),
        ("massive_indices", feed.massive_indices.check()),
        ("alphavantage", feed.alphavantage.check()),
        ("metatrader", feed.metatrader.check()),
        ("bots", feed.bots.check()),
        ("tradingview", feed.tradingview.check()),
    ];
    let sections = sections.into_iter().flat_map(|(section, faults)| {
        let key = move |(key, reason)| (format!("feed.{section}.{key}"), reason);
        faults.into_iter().map(key)
    });
    let mut faults: Vec<_> = sections.collect();
    let fault = |error: anyhow::Error| ("feed.kind".to_owned(), format!("{error:#}"));
    faults.extend(wanted(config, &Secrets::default()).err().map(fault));
    faults
}

/// The longest ordinary time between two signs of life of a source, where it shows any between prices.
#[must_use]
pub fn heartbeat(feed: &Feed, name: &SourceName) -> Option<Span> {
    match name {
        SourceName::MetaTrader => metatrader::HEARTBEAT,
        SourceName::Oanda => oanda::HEARTBEAT,
        SourceName::Massive => feed.massive.heartbeat(),
        SourceName::MassiveIndices => feed.massive_indices.heartbeat(),
        SourceName::AlphaVantage => alphavantage::HEARTBEAT,
        SourceName::Bots => bots::HEARTBEAT,
        SourceName::Shipped(_) | SourceName::File(_) => describe(name).ok()?.heartbeat(),
    }
}

/// Who may see the prices of a source. Where terms are silent or differ from user to user, it is the operator alone.
#[must_use]
pub fn audience(name: &SourceName) -> Audience {
    match name {
        SourceName::MetaTrader
        | SourceName::Oanda
        | SourceName::Massive
        | SourceName::MassiveIndices
        | SourceName::AlphaVantage => Audience::Own,
        // Whoever posts prices to a server of his own decides that himself.
        SourceName::Bots => Audience::Anybody,
        SourceName::Shipped(_) | SourceName::File(_) => {
            match describe(name).map(|description| description.audience()) {
                Ok(json::Audience::Anybody) => Audience::Anybody,
                Ok(json::Audience::Own) | Err(_) => Audience::Own,
            }
        }
    }
}

/// Whether a source waits to be called, rather than connecting by itself.
#[must_use]
pub fn is_called(name: &SourceName) -> bool {
    matches!(name, SourceName::MetaTrader | SourceName::Bots)
}

/// Why nobody may have called.
#[must_use]
pub fn usual_reasons(config: &Config, name: &SourceName) -> String {
    let address = config.server.listen;
    match name {
        SourceName::MetaTrader => metatrader::reasons(&format!("http://{address}")),
        SourceName::Bots => format!(
            "no price has been posted yet: make a key with `orion key add NAME`, then POST to http://{address}/api/prices (docs/sources/bots.md)"
        ),
        SourceName::Oanda
        | SourceName::Massive
        | SourceName::MassiveIndices
        | SourceName::AlphaVantage
        | SourceName::Shipped(_)
        | SourceName::File(_) => String::new(),
    }
}

/// The description of a JSON source.
fn describe(name: &SourceName) -> Result<Description, String> {
    let description = match name {
        SourceName::Shipped(name) => (*name).to_owned(),
        SourceName::File(path) => path.to_string_lossy().into_owned(),
        SourceName::MetaTrader
        | SourceName::Oanda
        | SourceName::Massive
        | SourceName::MassiveIndices
        | SourceName::AlphaVantage
        | SourceName::Bots => return Err(format!("{name} has no description")),
    };
    let settings = json::Settings {
        description,
        ..json::Settings::default()
    };
    settings.read()
}

/// What sources are made from.
struct Desk<'a> {
    config: &'a Config,
    secrets: &'a Secrets,
    catalog: Catalog,
}

impl Desk<'_> {
    fn wanted(&self, name: &SourceName) -> Result<Wanted, String> {
        match name {
            SourceName::Oanda => self.oanda(name),
            SourceName::Massive => self.massive(name, Cluster::Forex),
            SourceName::MassiveIndices => self.massive(name, Cluster::Indices),
            SourceName::AlphaVantage => self.alphavantage(name),
            SourceName::MetaTrader => self.metatrader(name),
            SourceName::Bots => self.bots(name),
            SourceName::Shipped(_) | SourceName::File(_) => self.json(name),
        }
    }

    fn oanda(&self, name: &SourceName) -> Result<Wanted, String> {
        let settings = self.config.feed.oanda.clone();
        let symbols = Symbols::new(&self.catalog, oanda::OFFERS, &settings.symbols)?;
        let (taken, said) = (symbols.clone(), said(&settings));
        let start = move |key| Oanda::new(settings, key, taken);
        Ok(self.keyed(name, symbols, said, oanda::KEY_VARIABLES, start))
    }

    fn massive(&self, name: &SourceName, cluster: Cluster) -> Result<Wanted, String> {
        let feed = &self.config.feed;
        let settings = match cluster {
            Cluster::Forex => feed.massive.clone(),
            Cluster::Indices => feed.massive_indices.clone(),
        };
        let symbols = Symbols::new(&self.catalog, cluster.offers(), &settings.symbols)?;
        let (taken, catalog) = (symbols.clone(), self.catalog.clone());
        let said = said(&settings);
        let start = move |key| Massive::new(settings, key, &taken, &catalog, cluster);
        Ok(self.keyed(name, symbols, said, massive::KEY_VARIABLES, start))
    }

    fn alphavantage(&self, name: &SourceName) -> Result<Wanted, String> {
        let settings = self.config.feed.alphavantage.clone();
        let symbols = Symbols::new(&self.catalog, alphavantage::OFFERS, &settings.symbols)?;
        let (taken, catalog) = (symbols.clone(), self.catalog.clone());
        let (calls, said) = (self.file("alphavantage-calls.toml"), said(&settings));
        let start = move |key| AlphaVantage::new(settings, key, &taken, &catalog, calls);
        Ok(self.keyed(name, symbols, said, alphavantage::KEY_VARIABLES, start))
    }

    fn json(&self, name: &SourceName) -> Result<Wanted, String> {
        let description = describe(name)?;
        let feed = &self.config.feed.json;
        let own = |list: &[String]| -> Vec<String> {
            let prefix = format!("{name}:");
            let own = list.iter().filter_map(|entry| entry.strip_prefix(&prefix));
            own.map(str::to_owned).collect()
        };
        let symbols = description.symbols(&self.catalog, &own(&feed.symbols))?;
        let address = own(&feed.address).pop();
        let (taken, catalog) = (symbols.clone(), self.catalog.clone());
        let (described, needs_key) = (description.clone(), description.needs_key());
        let said = said(&(&description, &address));
        let start = move |key: Option<Secret>| {
            Json::new(described, &catalog, key, taken, address.as_deref())
        };
        if !needs_key {
            let made_of = MadeOf::keyless(said);
            return Ok(self.made(name, symbols, made_of, None, Ok(connecting(start(None)))));
        }
        let variables = description.key_variables().iter().map(String::as_str);
        let variables: Vec<_> = variables.collect();
        Ok(self.keyed(name, symbols, said, &variables, move |key| start(Some(key))))
    }

    fn metatrader(&self, name: &SourceName) -> Result<Wanted, String> {
        let settings = self.config.feed.metatrader.clone();
        let symbols = metatrader::symbols(&self.catalog, &settings)?;
        let (catalog, remembered) = (self.catalog.clone(), self.file("metatrader.toml"));
        let data = self.config.data.dir.clone();
        let made_of = MadeOf::keyless(said(&settings));
        let run: Run = Box::new(move |outlet, _, _| {
            let (keys, clock) = (Keys::new(&data), outlet.clock().clone());
            let find = move |token: &str| {
                let key = keys.find(token, clock.now())?;
                // A key that stands in an address of TradingView must not tell prices.
                (key.kind == Kind::MetaTrader).then_some(key.name)
            };
            let bridge = Bridge::new(&settings, &catalog, outlet, Arc::new(find), &remembered)
                .expect("the settings were checked before anything began");
            let router = Some(bridge.router());
            let running = bridge.clone();
            let task = Box::pin(async move {
                if let Err(error) = running.run().await {
                    tracing::error!(%error, "advisors cannot connect to feed.metatrader.listen; those that use WebRequest can");
                }
            });
            let bridge = Some(bridge);
            Begun {
                task,
                router,
                bridge,
            }
        });
        Ok(self.made(name, symbols, made_of, None, Ok(run)))
    }

    /// Posted prices come in by the paths of all posts (`posts.rs`); here they are only a source.
    fn bots(&self, name: &SourceName) -> Result<Wanted, String> {
        let symbols = bots::symbols(&self.catalog)?;
        let run: Run = Box::new(|outlet, _, _| {
            outlet.phase(feeds::health::Phase::Waiting);
            Begun {
                task: Box::pin(async {}),
                router: None,
                bridge: None,
            }
        });
        Ok(self.made(name, symbols, MadeOf::default(), None, Ok(run)))
    }

    /// A source that connects with a key.
    fn keyed<C: Connector + 'static>(
        &self,
        name: &SourceName,
        symbols: Symbols,
        settings: String,
        variables: &[&str],
        start: impl FnOnce(Secret) -> C + Send + 'static,
    ) -> Wanted {
        let source = name.to_string();
        match self.secrets.of(&source, variables) {
            Some(found) => {
                let made_of = MadeOf {
                    settings,
                    secret: Some(found.secret.clone()),
                };
                let run = connecting(start(found.secret));
                self.made(name, symbols, made_of, Some(found.origin), Ok(run))
            }
            None => {
                let own = secrets::variable(&source);
                let others = variables.iter().map(|name| format!(" or {name}"));
                let need = Need {
                    reason: "it needs a key".to_owned(),
                    remedy: format!(
                        "set the variable {own}{}, or write {source} = \"...\" into the file that secrets.file names",
                        others.collect::<String>()
                    ),
                };
                self.made(name, symbols, MadeOf::keyless(settings), None, Err(need))
            }
        }
    }

    fn made(
        &self,
        name: &SourceName,
        symbols: Symbols,
        made_of: MadeOf,
        key: Option<String>,
        run: Result<Run, Need>,
    ) -> Wanted {
        Wanted {
            name: name.clone(),
            symbols,
            heartbeat: heartbeat(&self.config.feed, name),
            audience: audience(name),
            key,
            made_of,
            run,
        }
    }

    /// A small file that a source keeps for itself.
    fn file(&self, name: &str) -> PathBuf {
        self.config
            .data
            .dir
            .join(self.config.market_name())
            .join(name)
    }
}

impl MadeOf {
    fn keyless(settings: String) -> Self {
        Self {
            settings,
            secret: None,
        }
    }
}

/// What settings say, for who wants to know whether they are the same.
fn said(settings: &impl fmt::Debug) -> String {
    format!("{settings:?}")
}

fn connecting(connector: impl Connector + 'static) -> Run {
    Box::new(move |outlet, patience, seed| Begun {
        task: Box::pin(supervise(connector, outlet, patience, seed)),
        router: None,
        bridge: None,
    })
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wanted({})", self.name)
    }
}
