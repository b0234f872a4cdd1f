//! Every setting of ORION: one tree, its defaults, and how it is put together from file, environment and command line.
//!
//! [`load`] lays the layers over each other (defaults < file < `ORION__SECTION__KEY` < `--set` < named flags), checks the
//! result whole, and gives either a [`Config`] that cannot be wrong or all findings at once. Nothing is opened here but
//! the settings file and, to see that they can be read, the tape's files.

mod admin;
mod auth;
mod change;
mod charts;
mod check;
mod describe;
mod features;
mod finding;
mod gateway;
mod instrument;
mod layers;
mod merge;
mod models;
mod news;
mod operator;
mod rules;
mod schema;
mod tape;
mod tls;
mod value;
mod words;

pub use admin::{Admin, AdminAddress};
pub use auth::{Auth, AuthMode, Jwt, ProxyNet, SignersFrom};
pub use change::{Change, changes};
pub use charts::ChartsSettings;
pub use features::{FeaturesSettings, check_names};
pub use finding::{Finding, Origin};
pub use gateway::Gateway;
pub use instrument::InstrumentSettings;
pub use layers::{Flag, Layers, SettingsFile};
pub use models::{ModelsSettings, ReadManifest, read_manifest};
pub use news::NewsSettings;
pub use operator::OperatorSettings;
pub use rules::{RulesSettings, Whose};
pub use tape::{DateOrder, Separator, TapeFeed};
pub use tls::{Acme, Directory, ServerTls};
pub use value::{FeedKind, LogFormat, LogLevels, RulesOverlay, SourceName, Speed, Written};

use market::{Catalog, Instrument, Source, SourceId};
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// All settings. `config/orion.toml` shows and explains every one of them; a test keeps the two equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub admin: Admin,
    pub operator: OperatorSettings,
    pub auth: Auth,
    pub data: Data,
    pub feed: Feed,
    pub secrets: SecretsSettings,
    pub prices: engine::PriceRules,
    pub account: engine::Account,
    pub portfolio: engine::Limits,
    pub news: NewsSettings,
    pub features: FeaturesSettings,
    pub models: ModelsSettings,
    pub gateway: Gateway,
    pub socketio: SocketIo,
    pub tape: Tape,
    pub history: History,
    pub charts: ChartsSettings,
    pub log: Log,
    /// The rules of trading, before the simulated market's overlay: ask [`Config::rules_in_force`].
    pub rules: RulesSettings,
    #[serde(rename = "instrument")]
    pub instruments: Vec<InstrumentSettings>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: Server::default(),
            admin: Admin::default(),
            operator: OperatorSettings::default(),
            auth: Auth::default(),
            data: Data::default(),
            feed: Feed::default(),
            secrets: SecretsSettings::default(),
            prices: engine::PriceRules::default(),
            account: engine::Account::default(),
            portfolio: engine::Limits::default(),
            news: NewsSettings::default(),
            features: FeaturesSettings::default(),
            models: ModelsSettings::default(),
            gateway: Gateway::default(),
            socketio: SocketIo::default(),
            tape: Tape::default(),
            history: History::default(),
            charts: ChartsSettings::default(),
            log: Log::default(),
            rules: RulesSettings::default(),
            instruments: instrument::built_in(),
        }
    }
}

/// Where dashboards connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on; port 0 takes any free one.
    #[serde(deserialize_with = "value::listen")]
    pub listen: SocketAddr,
    /// The older name of `admin.listen`.
    #[serde(deserialize_with = "value::listen_also")]
    pub admin: Option<SocketAddr>,
    /// The pages that may connect; empty: any.
    pub origins: Vec<access::Origin>,
    /// Whether clients may connect that name no page: they are not browsers.
    pub allow_no_origin: bool,
    /// The operator's proxies, whose reports of clients' addresses are believed.
    pub proxies: Vec<ProxyNet>,
    pub tls: ServerTls,
    /// How long each step of a reload may take, in seconds; after that the old process goes on.
    pub reload_timeout_s: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            admin: None,
            origins: Vec::new(),
            allow_no_origin: true,
            proxies: Vec::new(),
            tls: ServerTls::default(),
            reload_timeout_s: 30,
        }
    }
}

/// The endpoint for clients that speak Socket.IO.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SocketIo {
    pub enabled: bool,
}

/// Where ORION keeps what must last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// The data folder; made if absent.
    pub dir: PathBuf,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("orion-data"),
        }
    }
}

/// Where prices come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Feed {
    pub kind: FeedKind,
    /// The operator says that prices which are for his own use may be shown to others.
    pub may_show_to_others: bool,
    pub sim: Sim,
    pub tape: TapeFeed,
    pub metatrader: feeds::metatrader::Settings,
    pub oanda: feeds::oanda::Settings,
    pub massive: feeds::massive::Settings,
    pub massive_indices: feeds::massive::Settings,
    pub alphavantage: feeds::alphavantage::Settings,
    pub json: JsonFeeds,
    pub bots: feeds::bots::Settings,
    pub tradingview: feeds::tradingview::Settings,
}

/// Changes to the sources that are described by files: Kraken, Finnhub, Twelve Data and your own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JsonFeeds {
    /// `SOURCE:OURS=THEIRS`.
    pub symbols: Vec<String>,
    /// `SOURCE:ADDRESS`, in place of the description's.
    pub address: Vec<String>,
}

/// Where the vendors' keys are, besides the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecretsSettings {
    /// A TOML file with one `source = "key"` a line.
    pub file: Option<PathBuf>,
}

/// The simulated market.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sim {
    /// The same seed and first start give the same market.
    pub seed: u64,
    /// Ticks per second over all instruments; absent: the natural rate of each session.
    pub rate: Option<f64>,
    /// Whether the portfolio's limits on losses hold.
    pub loss_limits: bool,
    /// Laid over `[rules]` while the market is simulated.
    pub rules: RulesOverlay,
}

impl Default for Sim {
    fn default() -> Self {
        Self {
            seed: 1,
            rate: None,
            loss_limits: false,
            rules: RulesOverlay::default(),
        }
    }
}

/// ORION's own tape: the record of everything the engine was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tape {
    /// Longest time an event waits before it is written, in milliseconds.
    pub batch_ms: u64,
    /// Time between two snapshots of the engine's state, in minutes.
    pub snapshot_minutes: u64,
}

impl Default for Tape {
    fn default() -> Self {
        Self {
            batch_ms: 250,
            snapshot_minutes: 60,
        }
    }
}

/// How much of the tape is kept, and in what form its finished days stay. The journal is kept whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// A day goes when it has been over for this many days; 0 keeps every day.
    pub keep_days: u32,
    /// The oldest days go while the tape has more bytes than this; 0 sets no limit.
    pub max_bytes: u64,
    /// Whether finished days become Parquet files, which stay.
    pub parquet: bool,
}

impl Default for History {
    fn default() -> Self {
        Self {
            keep_days: 90,
            max_bytes: 10 * 1024 * 1024 * 1024,
            parquet: true,
        }
    }
}

/// What is logged to standard error, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub level: LogLevels,
    pub format: LogFormat,
}

/// Settings that passed every check, and what is worth saying about them.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    /// Settings that are right but do nothing as things stand. `serve` logs them as warnings, `check` prints them.
    pub notes: Vec<Finding>,
    origins: merge::Origins,
}

/// Lays the layers over the defaults and checks the result.
///
/// # Errors
/// All findings at once: what is not TOML, unknown keys, wrong types, impossible values, tape files that cannot be read.
pub fn load(layers: &Layers) -> Result<Loaded, Vec<Finding>> {
    let merge::Merged {
        mut config,
        origins,
        mut findings,
    } = merge::merge(layers)?;
    findings.extend(check::findings(&config, &origins, layers, &findings));
    let news = config.news.read(|| origins.of("news.file"));
    findings.extend(news.err().map(|finding| *finding));
    config.models.read();
    if !findings.is_empty() {
        findings.sort_by_key(Finding::rank);
        return Err(findings);
    }
    let notes = check::notes(&config, &origins);
    Ok(Loaded {
        config,
        notes,
        origins,
    })
}

impl Config {
    /// The general rules the engine is to follow: those of `[rules]`, under `[feed.sim.rules]` where the market is simulated.
    #[must_use]
    pub fn rules_in_force(&self) -> engine::Rules {
        match self.feed.kind {
            FeedKind::Sim => self.feed.sim.rules.over(&self.rules.general),
            FeedKind::Tape(_) | FeedKind::Live(_) => self.rules.general.clone(),
        }
    }

    /// The limits of the portfolio: those of `[portfolio]`, in a simulated market without those on losses unless they are
    /// wanted.
    fn limits_in_force(&self) -> engine::Limits {
        let limits = self.portfolio.clone();
        match self.feed.kind {
            FeedKind::Sim if !self.feed.sim.loss_limits => engine::Limits {
                daily_loss_percent: 0.0,
                max_drawdown_percent: 0.0,
                max_consecutive_losses: 0,
                ..limits
            },
            FeedKind::Sim | FeedKind::Tape(_) | FeedKind::Live(_) => limits,
        }
    }

    /// The models that are asked. In a recorded market nobody answers, and no signal is to wait for that.
    fn models_in_force(&self) -> engine::ModelRules {
        match self.feed.kind {
            FeedKind::Tape(_) => engine::ModelRules::default(),
            FeedKind::Sim | FeedKind::Live(_) => self.models.rules_of(|_| true),
        }
    }

    /// All that the engine is to be set to.
    #[must_use]
    pub fn engine_settings(&self) -> engine::Settings {
        let rules = self.rules_in_force();
        engine::Settings {
            market: self.market_name(),
            catalog: self.catalog(),
            own_rules: self.rules.book(&rules),
            rules,
            prices: self.prices.clone(),
            account: self.account.clone(),
            portfolio: self.limits_in_force(),
            news: self.news.to_engine(),
            features: self.features.to_engine(),
            models: self.models_in_force(),
        }
    }

    /// The market's name, of which signals' identities are made: `sim-<seed>`, `live`, or the name of the tape's first file
    /// without folder and extension, with `+N` behind it where N further files follow.
    #[must_use]
    pub fn market_name(&self) -> String {
        match &self.feed.kind {
            FeedKind::Sim => format!("sim-{}", self.feed.sim.seed),
            FeedKind::Tape(files) => self.tape_name(files),
            FeedKind::Live(_) => "live".to_owned(),
        }
    }

    /// What a market kept in the data folder itself is played into has another name: never its own folder.
    fn tape_name(&self, files: &[PathBuf]) -> String {
        let name = value::tape_name(files);
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let own = absolute(&self.data.dir.join(&name));
        if files.iter().any(|file| absolute(file) == own) {
            format!("{name}-again")
        } else {
            name
        }
    }

    /// Every instrument, in the settings' order, and the sources, best first. Until a source of several has told a price
    /// of an instrument, the best one stands for it.
    #[must_use]
    pub fn catalog(&self) -> Catalog {
        let instruments = self.instruments.iter();
        Catalog {
            sources: self.sources(),
            instruments: instruments.map(to_instrument).collect(),
        }
    }

    fn sources(&self) -> Vec<Source> {
        match &self.feed.kind {
            FeedKind::Sim => vec![Source {
                name: "sim".to_owned(),
                heartbeats: true,
                simulated: true,
                always_open: true,
            }],
            FeedKind::Tape(_) => vec![Source {
                name: format!("tape:{}", self.market_name()),
                heartbeats: false,
                simulated: false,
                always_open: false,
            }],
            FeedKind::Live(names) => names
                .iter()
                .map(|name| live_source(&self.feed, name))
                .collect(),
        }
    }
}

fn live_source(feed: &Feed, name: &SourceName) -> Source {
    Source {
        name: name.to_string(),
        heartbeats: crate::sources::heartbeat(feed, name).is_some(),
        simulated: false,
        always_open: false,
    }
}

impl Server {
    /// The pages that may connect, as the gateway takes them.
    #[must_use]
    pub fn page_origins(&self) -> ::gateway::Origins {
        ::gateway::Origins {
            allowed: self.origins.iter().map(ToString::to_string).collect(),
            allow_none: self.allow_no_origin,
        }
    }

    /// Whose reports of clients' addresses are believed, as the gateway takes them.
    #[must_use]
    pub fn believed_proxies(&self) -> ::gateway::Proxies {
        ::gateway::Proxies(self.proxies.iter().map(|net| net.0).collect())
    }

    /// `""`, or `"s"` where TLS is spoken: what stands behind `http` and `ws`.
    #[must_use]
    pub fn scheme_end(&self) -> &'static str {
        if self.tls.files().is_some() || self.tls.is_ordered() {
            "s"
        } else {
            ""
        }
    }
}

/// The settings that are not the same in both, by their dotted paths.
#[must_use]
pub fn differing(one: &Config, other: &Config) -> Vec<String> {
    let changes = changes(one, other).into_iter();
    changes.map(|change| change.key).collect()
}

impl Loaded {
    /// What would run, in a few aligned lines.
    #[must_use]
    pub fn describe(&self) -> String {
        describe::describe(&self.config, &self.origins)
    }
}

fn to_instrument(settings: &InstrumentSettings) -> Instrument {
    Instrument {
        symbol: settings.symbol,
        digits: settings.digits,
        tick_size: settings.tick_size,
        pip_size: settings.pip_size,
        kind: settings.kind,
        calendar: settings.calendar,
        spread_default: settings.spread_default,
        source: SourceId(0),
        signals: settings.signals,
        prices: settings.prices,
        contract: settings.contract(),
        slippage_pips: settings.slippage_pips,
    }
}
