//! What of a running server changes when its settings do, and why the rest waits for a new process (docs/decisions/0018).

use crate::config::{Change, Config, FeedKind};
use crate::logs;
use crate::secrets::Secrets;
use gateway::tls::Tls;
use gateway::{Dials, Limits};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// The parts of a running server that take new settings; each is there once it runs.
#[derive(Debug)]
pub struct Switches {
    dials: OnceLock<Dials>,
    tls: OnceLock<Arc<Tls>>,
    /// The loop, and its end of the way there until it takes that.
    engine: mpsc::Sender<Wanted>,
    wanted: Mutex<Option<mpsc::Receiver<Wanted>>>,
    /// Who knows what the settings say now, and his end of the way there until he takes that.
    reader: mpsc::Sender<Question>,
    questions: Mutex<Option<mpsc::Receiver<Question>>>,
}

/// Settings that engine and sources are to go on with; all of them passed every check together.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) config: Config,
    pub(crate) secrets: Secrets,
    pub(crate) answer: oneshot::Sender<Result<Taken, String>>,
}

/// What the loop took up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// What signals are decided by is other than before.
    pub(crate) settings: bool,
    pub(crate) sources: bool,
}

/// Somebody wants to know how settings and server differ.
pub(crate) type Question = oneshot::Sender<Result<Vec<Difference>, String>>;

/// Where that is asked.
pub(crate) type Reader = mpsc::Sender<Question>;

/// A setting that a running server has not, as the settings say it now.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Difference {
    pub(crate) key: String,
    pub(crate) running: String,
    pub(crate) settings: String,
    pub(crate) takes: Takes,
    pub(crate) reason: Option<String>,
}

/// What a setting takes to hold. The first two come with SIGHUP, or by themselves: the file is looked at anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Takes {
    Nothing,
    /// Engine and sources take it up.
    NextEvent,
    Reload,
    Restart,
}

/// What becomes of a setting that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It holds from now on.
    Now,
    /// The loop takes it up: it holds from the next event on.
    TakenUp,
    /// It waits for a new process, for this reason.
    Reload(&'static str),
    /// Only another server has it.
    Restart(&'static str),
}

/// A section, or a setting, and what becomes of it; the first that fits counts.
const FATES: &[(&str, Fate)] = &[
    ("log.level", Fate::Now),
    ("gateway.messages_per_s", Fate::Now),
    ("gateway.messages_burst", Fate::Now),
    ("gateway.errors_max", Fate::Now),
    ("gateway.errors_window_s", Fate::Now),
    ("gateway.connections_per_address", Fate::Now),
    ("gateway.connections_per_key", Fate::Now),
    ("server.origins", Fate::Now),
    ("server.allow_no_origin", Fate::Now),
    ("server.proxies", Fate::Now),
    ("server.listen", Fate::Restart(ANOTHER)),
    ("data.dir", Fate::Restart(ANOTHER)),
    ("feed.sim.seed", Fate::Restart(ANOTHER)),
    ("feed.sim.rate", Fate::Reload(BEGINS)),
    ("feed.tape", Fate::Reload(BEGINS)),
    ("feed.bots", Fate::Reload(BEGINS)),
    ("feed.may_show_to_others", Fate::Reload(SHOWN)),
    ("feed", Fate::TakenUp),
    ("secrets", Fate::TakenUp),
    ("rules", Fate::TakenUp),
    ("prices.min_interval_ms", Fate::Reload(BEGINS)),
    ("prices", Fate::TakenUp),
    ("account", Fate::TakenUp),
    ("portfolio", Fate::TakenUp),
    ("news", Fate::TakenUp),
    ("instrument", Fate::Reload(TOLD)),
    ("features", Fate::Reload(TOLD)),
    ("models", Fate::Reload(LOADED)),
];

const ANOTHER: &str =
    "it says which server this is: end this one and start another with the new value";
const TOLD: &str =
    "clients were told what there is when they came, and come anew with `orion reload`";
const SHOWN: &str =
    "it decides who may see which prices, also of the past, which is read with `orion reload`";
const LOADED: &str = "models are loaded when a process begins, and `orion reload` begins one";
const BEGINS: &str = "a process begins with it, and `orion reload` begins one";

/// What becomes of a change, between settings of which one feed is this and the other that.
#[must_use]
pub fn fate(key: &str, feeds: (&FeedKind, &FeedKind)) -> Fate {
    if key == "feed.kind" {
        return match feeds {
            (FeedKind::Live(_), FeedKind::Live(_)) => Fate::TakenUp,
            (FeedKind::Live(_) | FeedKind::Sim | FeedKind::Tape(_), _) => Fate::Restart(ANOTHER),
        };
    }
    let is_of = |(prefix, _): &&(&str, Fate)| {
        let rest = key.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let found = FATES.iter().find(is_of);
    found.map_or(Fate::Reload(BEGINS), |(_, fate)| *fate)
}

impl Fate {
    fn takes(self) -> (Takes, Option<&'static str>) {
        match self {
            Self::Now => (Takes::Nothing, None),
            Self::TakenUp => (Takes::NextEvent, None),
            Self::Reload(reason) => (Takes::Reload, Some(reason)),
            Self::Restart(reason) => (Takes::Restart, Some(reason)),
        }
    }
}

impl Difference {
    pub(crate) fn new(change: &Change, fate: Fate) -> Self {
        let (takes, reason) = fate.takes();
        Self {
            key: change.key.clone(),
            running: change.old.to_string(),
            settings: change.new.to_string(),
            takes,
            reason: reason.map(str::to_owned),
        }
    }
}

impl Default for Switches {
    fn default() -> Self {
        let (engine, wanted) = mpsc::channel(1);
        let (reader, questions) = mpsc::channel(1);
        Self {
            dials: OnceLock::new(),
            tls: OnceLock::new(),
            engine,
            wanted: Mutex::new(Some(wanted)),
            reader,
            questions: Mutex::new(Some(questions)),
        }
    }
}

impl Switches {
    /// The gateway runs.
    pub(crate) fn attach(&self, dials: Dials, tls: Option<Arc<Tls>>) {
        let _first = self.dials.set(dials);
        if let Some(tls) = tls {
            let _first = self.tls.set(tls);
        }
    }

    /// What the loop is to take up. There is one loop.
    pub(crate) fn wanted(&self) -> Option<mpsc::Receiver<Wanted>> {
        self.wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// What whoever reads the settings is asked. There is one reader.
    pub(crate) fn questions(&self) -> Option<mpsc::Receiver<Question>> {
        self.questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Where one asks how settings and server differ.
    pub(crate) fn asking(&self) -> Reader {
        self.reader.clone()
    }

    /// Hands settings to the loop, and waits for what comes of it. While a new process is being started to take over, that is
    /// when it has come to nothing.
    pub(crate) async fn take_up(&self, config: Config, secrets: Secrets) -> Result<Taken, String> {
        let (answer, answered) = oneshot::channel();
        let wanted = Wanted {
            config,
            secrets,
            answer,
        };
        let ending = || "the server is ending".to_owned();
        self.engine.send(wanted).await.map_err(|_| ending())?;
        answered.await.unwrap_or_else(|_| Err(ending()))
    }

    /// Takes what of the settings can change at once; `config` passed every check.
    pub(crate) fn apply(&self, config: &Config, changes: &[Change]) {
        if let Some(dials) = self.dials.get() {
            dials.set(limits(config));
        }
        let levels = changes.iter().any(|change| change.key == "log.level");
        if levels && let Err(reason) = logs::set(&config.log.level) {
            tracing::error!(reason, "the log's levels stay as they were");
        }
    }

    /// Looks at the files of the certificate at once.
    pub(crate) fn look_at_certificate(&self) {
        if let Some(tls) = self.tls.get() {
            tls.look();
        }
    }
}

fn limits(config: &Config) -> Limits {
    let (gateway, server) = (&config.gateway, &config.server);
    Limits {
        messages_per_s: gateway.messages_per_s,
        messages_burst: gateway.messages_burst,
        errors: gateway.errors_max,
        errors_within: std::time::Duration::from_secs(gateway.errors_window_s),
        connections_per_address: gateway.connections_per_address,
        connections_per_key: gateway.connections_per_key,
        origins: server.page_origins(),
        proxies: server.believed_proxies(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_fate_and_only_whole_names_count() {
        let fate = |key: &str| super::fate(key, (&FeedKind::Sim, &FeedKind::Sim));
        assert_eq!(fate("log.level"), Fate::Now);
        assert_eq!(fate("gateway.messages_per_s"), Fate::Now);
        assert_eq!(fate("gateway.messages_per_s_more"), Fate::Reload(BEGINS));
        assert_eq!(fate("rules.fvg.min_atr"), Fate::TakenUp);
        assert_eq!(fate("feed.sim.rules.min_rr"), Fate::TakenUp);
        assert_eq!(fate("feed.sim.seed"), Fate::Restart(ANOTHER));
        assert_eq!(fate("data.dir"), Fate::Restart(ANOTHER));
        assert_eq!(fate("charts.keep_days"), Fate::Reload(BEGINS));
    }

    #[test]
    fn sources_change_within_a_market_and_markets_do_not() {
        let live = |name: &str| FeedKind::Live(vec![name.parse().unwrap()]);
        let fate = |one: &FeedKind, other: &FeedKind| super::fate("feed.kind", (one, other));
        assert_eq!(fate(&live("oanda"), &live("kraken")), Fate::TakenUp);
        for (one, other) in [
            (FeedKind::Sim, live("oanda")),
            (live("oanda"), FeedKind::Sim),
            (FeedKind::Tape(Vec::new()), FeedKind::Sim),
        ] {
            assert_eq!(fate(&one, &other), Fate::Restart(ANOTHER));
        }
    }

    #[test]
    fn the_certificate_is_looked_at_without_waiting_for_the_next_look() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pair.pem");
        let renew = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
            let certificate = params.self_signed(&key).unwrap();
            std::fs::write(
                &path,
                format!("{}{}", key.serialize_pem(), certificate.pem()),
            )
            .unwrap();
        };
        renew("a.example");
        let files = gateway::tls::Files {
            certificate: path.clone(),
            key: path.clone(),
        };
        let tls = Arc::new(Tls::open(files, gateway::tls::Plain::Refused).unwrap());
        let switches = Switches::default();
        switches.look_at_certificate();
        switches.tls.set(Arc::clone(&tls)).unwrap();
        renew("b.example");
        assert_eq!(tls.shown().unwrap().names, ["a.example"]);
        switches.look_at_certificate();
        assert_eq!(tls.shown().unwrap().names, ["b.example"]);
        std::fs::write(&path, "neither").unwrap();
        switches.look_at_certificate();
        assert_eq!(tls.shown().unwrap().names, ["b.example"]);
        assert_eq!(tls.failures().count, 1);
    }

    #[test]
    fn the_settings_that_hold_at_once_are_those_that_limits_are_made_of() {
        let config = Config::default();
        let clock = gateway::Clock::new(|| market::Time::from_secs(1));
        let gateway = config.gateway.to_gateway(&config.prices, clock, |_| {});
        assert_eq!(limits(&config), Limits::of(&gateway));
    }
}
