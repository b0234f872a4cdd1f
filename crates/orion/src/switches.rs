//! What of a running server changes when its settings do, and why the rest waits for a new process (docs/decisions/0015).

use crate::config::{Change, Config};
use crate::logs;
use gateway::tls::Tls;
use gateway::{Dials, Limits};
use std::sync::{Arc, OnceLock};

/// The parts of a running server that take new settings; each is there once it runs.
#[derive(Debug, Default)]
pub struct Switches {
    dials: OnceLock<Dials>,
    tls: OnceLock<Arc<Tls>>,
}

/// What becomes of a setting that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It holds from now on.
    Now,
    /// It waits for a new process, for this reason.
    Later(&'static str),
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
    ("server.listen", Fate::Later(ANOTHER)),
    ("data.dir", Fate::Later(ANOTHER)),
    ("feed", Fate::Later(DECIDES)),
    ("rules", Fate::Later(DECIDES)),
    ("instrument", Fate::Later(DECIDES)),
    ("prices", Fate::Later(DECIDES)),
    ("account", Fate::Later(DECIDES)),
    ("portfolio", Fate::Later(DECIDES)),
    ("news", Fate::Later(DECIDES)),
    ("features", Fate::Later(DECIDES)),
    ("models", Fate::Later(DECIDES)),
];

const ANOTHER: &str =
    "it says which server this is: end this one and start another with the new value";
const DECIDES: &str = "signals are decided by it, and a replay must know from which event on: `orion reload` writes it on the tape, \
     and loses no client a signal";
const BEGINS: &str = "a process begins with it: it takes effect with `orion reload`";

/// What becomes of a change.
#[must_use]
pub fn fate(key: &str) -> Fate {
    let is_of = |(prefix, _): &&(&str, Fate)| {
        let rest = key.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let found = FATES.iter().find(is_of);
    found.map_or(Fate::Later(BEGINS), |(_, fate)| *fate)
}

impl Switches {
    /// The gateway runs.
    pub(crate) fn attach(&self, dials: Dials, tls: Option<Arc<Tls>>) {
        let _first = self.dials.set(dials);
        if let Some(tls) = tls {
            let _first = self.tls.set(tls);
        }
    }

    /// Takes what of the settings can change; `config` passed every check.
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
        assert_eq!(fate("log.level"), Fate::Now);
        assert_eq!(fate("gateway.messages_per_s"), Fate::Now);
        assert_eq!(fate("gateway.messages_per_s_more"), Fate::Later(BEGINS));
        assert_eq!(fate("rules.fvg.min_atr"), Fate::Later(DECIDES));
        assert_eq!(fate("data.dir"), Fate::Later(ANOTHER));
        assert_eq!(fate("charts.keep_days"), Fate::Later(BEGINS));
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
