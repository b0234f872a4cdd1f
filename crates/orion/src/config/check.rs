//! Values that have the right type and are still impossible, alone or beside each other.

mod operator;
mod own;

use super::finding::{Finding, Origin};
use super::merge::{Origins, default_of, table_of};
use super::schema::{Place, Schema, remedy_for_name};
use super::words::unreadable;
use super::{AuthMode, Config, FeedKind, Flag, InstrumentSettings, Layers, SignersFrom};
use engine::RuleError;
use market::Price;
use std::io;
use std::path::Path;
use toml::{Table, Value};

/// Everything that is impossible. `earlier` are the findings of merging: a key among them still has its default, of
/// which nothing follows.
pub(super) fn findings(
    config: &Config,
    origins: &Origins,
    layers: &Layers,
    earlier: &[Finding],
) -> Vec<Finding> {
    let mut check = Check::new(config, origins);
    check.ranges();
    check.pairs();
    check.rules();
    check.instruments();
    check.tape_symbol();
    check.folders();
    check.features();
    check.tls();
    check.sources();
    check.auth();
    check.operator();
    let is_known = |key: &str| earlier.iter().any(|finding| finding.key == key);
    if !is_known("feed.kind") {
        check.tape_files();
        check.flags(layers.flags.iter().filter(|flag| !is_known(flag.key)));
    }
    check.findings
}

/// Settings that do nothing as things stand. Who merely writes a default down, as a copy of orion.toml does, is not told.
pub(super) fn notes(config: &Config, origins: &Origins) -> Vec<Finding> {
    let mut notes = hidden_rules(config, origins);
    notes.extend(jwt_notes(config, origins));
    notes.extend(account_note(config, origins));
    notes
}

/// Tokens of an issuer that signs for many services are told apart by their audience only.
fn jwt_notes(config: &Config, origins: &Origins) -> Vec<Finding> {
    let jwt = &config.auth.jwt;
    let note = |key, reason| Finding::new(origins.of(key), key, reason);
    match (&jwt.keys, &jwt.audience) {
        (Some(_), None) => {
            let reason = "tokens that the same keys sign for other services are taken too";
            vec![
                note("auth.jwt.keys", reason)
                    .remedy("set auth.jwt.audience to what your tokens have as `aud`"),
            ]
        }
        (None, _) if jwt.issuer.is_some() || jwt.audience.is_some() => {
            let reason = "it has no effect without auth.jwt.keys: no token is taken";
            let key = if jwt.issuer.is_some() {
                "auth.jwt.issuer"
            } else {
                "auth.jwt.audience"
            };
            vec![note(key, reason)]
        }
        (_, _) => Vec::new(),
    }
}

/// Without an equity there is no account.
fn account_note(config: &Config, origins: &Origins) -> Option<Finding> {
    let key = origins
        .given()
        .map(|(key, _)| key)
        .find(|key| key.starts_with("account."))?;
    let idle = config.account.equity.is_none() && config.account != engine::Account::default();
    let reason = "it has no effect without account.equity: no size is told";
    idle.then(|| Finding::new(origins.of(key), key, reason))
}

fn hidden_rules(config: &Config, origins: &Origins) -> Vec<Finding> {
    if config.feed.kind != FeedKind::Sim {
        return Vec::new();
    }
    let (rules, defaults) = (
        table_of(&config.rules.general),
        table_of(&engine::Rules::default()),
    );
    let hidden = |key: &str, origin: &Origin| {
        let name = key.strip_prefix("rules.")?;
        let (given, over) = (rules.get(name)?, config.feed.sim.rules.get(name)?);
        let reason =
            "it has no effect while the market is simulated: [feed.sim.rules] lies over it";
        let remedy = format!(
            "set feed.sim.rules.{name}, now {}",
            super::finding::show(over)
        );
        let changed = defaults.get(name) != Some(given);
        (changed && given != over).then(|| {
            Finding::new(origin.clone(), key, reason)
                .value(given)
                .remedy(remedy)
        })
    };
    origins
        .given()
        .filter_map(|(key, origin)| hidden(key, origin))
        .collect()
}

struct Check<'a> {
    config: &'a Config,
    origins: &'a Origins,
    schema: Schema,
    /// The settings as a table, to show values from.
    tree: Table,
    findings: Vec<Finding>,
}

impl<'a> Check<'a> {
    fn new(config: &'a Config, origins: &'a Origins) -> Self {
        Self {
            config,
            origins,
            schema: Schema::new(),
            tree: table_of(config),
            findings: Vec::new(),
        }
    }

    fn wrong(&mut self, key: &str, reason: impl Into<String>) {
        let remedy = match self.schema.place(key) {
            Place::Setting(default) => default_of(default),
            Place::Section | Place::Instruments | Place::Unknown => String::new(),
        };
        self.wrong_with(key, reason, remedy);
    }

    fn wrong_with(&mut self, key: &str, reason: impl Into<String>, remedy: impl Into<String>) {
        let reason = reason.into();
        let mut finding = match self.partner(key, &reason) {
            Some(partner) => Finding::new(self.origins.of(&partner), key, reason)
                .remedy(format!("change {partner} or {key}")),
            None => Finding::new(self.origins.of(key), key, reason).remedy(remedy),
        };
        if let Some(value) = get(&self.tree, key) {
            finding = finding.value(value);
        }
        self.findings.push(finding);
    }

    /// Of two settings that exclude each other the one that was given, when the reason names it and `key` is a default.
    fn partner(&self, key: &str, reason: &str) -> Option<String> {
        if !self.origins.is_default(key) {
            return None;
        }
        let (section, _) = key.rsplit_once('.')?;
        let words: Vec<_> = reason
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .collect();
        let names = |given: &str| {
            let (home, name) = given.rsplit_once('.').unwrap_or_default();
            home == section && words.contains(&name)
        };
        let mut given = self.origins.given();
        given
            .find(|(given, _)| names(given))
            .map(|(given, _)| given.to_owned())
    }

    fn features(&mut self) {
        if let Some((reason, remedy)) = self.config.features.wrong() {
            self.wrong_with("features.names", reason, remedy);
        }
    }

    fn ranges(&mut self) {
        let (gateway, tape) = (&self.config.gateway, &self.config.tape);
        let (history, jwt) = (&self.config.history, &self.config.auth.jwt);
        let size = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let ranges = [
            (
                "gateway.shards",
                size(gateway.shards.unwrap_or(1)),
                1,
                size(gateway::Config::SHARDS_MAX),
            ),
            (
                "server.tls.acme.retry_s",
                self.config.server.tls.acme.retry_s,
                1,
                6 * 60 * 60,
            ),
            (
                "server.reload_timeout_s",
                self.config.server.reload_timeout_s,
                1,
                600,
            ),
            (
                "models.timeout_ms",
                u64::from(self.config.models.timeout_ms),
                1,
                60_000,
            ),
            (
                "news.block_min",
                u64::from(self.config.news.block_min),
                0,
                1440,
            ),
            (
                "gateway.request_timeout_s",
                gateway.request_timeout_s,
                1,
                60,
            ),
            (
                "gateway.request_bytes",
                size(gateway.request_bytes),
                8192,
                1 << 20,
            ),
            (
                "gateway.requests_max",
                size(gateway.requests_max),
                1,
                65_536,
            ),
            (
                "gateway.connections_per_address",
                size(gateway.connections_per_address),
                1,
                1 << 20,
            ),
            (
                "gateway.connections_per_key",
                size(gateway.connections_per_key),
                1,
                1 << 20,
            ),
            ("auth.jwt.leeway_s", jwt.leeway_s.into(), 0, 300),
            ("auth.jwt.refresh_s", jwt.refresh_s, 10, 86_400),
            (
                "gateway.connections_max",
                size(gateway.connections_max.unwrap_or(1)),
                1,
                1 << 24,
            ),
            ("gateway.parked_max", size(gateway.parked_max), 0, 1 << 20),
            ("gateway.park_min_s", gateway.park_min_s, 1, 3600),
            ("gateway.park_max_s", gateway.park_max_s, 1, 3600),
            ("gateway.ping_interval_s", gateway.ping_interval_s, 1, 3600),
            (
                "gateway.silence_timeout_s",
                gateway.silence_timeout_s,
                2,
                86_400,
            ),
            ("gateway.stall_timeout_s", gateway.stall_timeout_s, 1, 3600),
            (
                "gateway.close_timeout_ms",
                gateway.close_timeout_ms,
                1,
                60_000,
            ),
            ("gateway.drain_max_s", gateway.drain_max_s, 0, 600),
            (
                "gateway.message_bytes",
                size(gateway.message_bytes),
                256,
                16 << 20,
            ),
            (
                "gateway.message_fragments",
                gateway.message_fragments.into(),
                1,
                65_535,
            ),
            (
                "gateway.messages_per_s",
                gateway.messages_per_s.into(),
                1,
                65_535,
            ),
            (
                "gateway.messages_burst",
                gateway.messages_burst.into(),
                1,
                65_535,
            ),
            ("gateway.answers_max", size(gateway.answers_max), 1, 65_536),
            ("gateway.errors_max", size(gateway.errors_max), 1, 65_536),
            (
                "gateway.errors_window_s",
                gateway.errors_window_s,
                1,
                86_400,
            ),
            (
                "gateway.signals_behind_events",
                size(gateway.signals_behind_events),
                16,
                1 << 20,
            ),
            (
                "gateway.prices_behind_ms",
                gateway.prices_behind_ms.into(),
                1,
                60_000,
            ),
            (
                "gateway.prices_behind_messages",
                size(gateway.prices_behind_messages),
                16,
                1 << 20,
            ),
            (
                "gateway.snapshot_signals",
                size(gateway.snapshot_signals),
                0,
                500,
            ),
            (
                "gateway.snapshot_decided_minutes",
                gateway.snapshot_decided_minutes.into(),
                0,
                24 * 60,
            ),
            (
                "gateway.recovery_events",
                gateway.recovery_events,
                0,
                1 << 20,
            ),
            ("gateway.heartbeat_s", gateway.heartbeat_s, 1, 3600),
            (
                "gateway.subscriptions_max",
                size(gateway.subscriptions_max),
                1,
                65_536,
            ),
            ("gateway.classes_max", size(gateway.classes_max), 4, 4096),
            ("tape.batch_ms", tape.batch_ms, 1, 250),
            (
                "tape.snapshot_minutes",
                tape.snapshot_minutes,
                1,
                7 * 24 * 60,
            ),
            ("history.keep_days", history.keep_days.into(), 0, 36_500),
            ("history.max_bytes", history.max_bytes, 0, 1 << 50),
            (
                "charts.keep_days",
                self.config.charts.keep_days.into(),
                1,
                36_500,
            ),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                self.wrong(key, format!("it must lie between {least} and {most}"));
            }
        }
        if self.config.feed.tape.price_scale == Some(0) {
            self.wrong("feed.tape.price_scale", "prices cannot be divided by 0");
        }
        let rate = self.config.feed.sim.rate;
        if rate.is_some_and(|rate| !(0.01..=1e6).contains(&rate)) {
            self.wrong(
                "feed.sim.rate",
                "it must lie between 0.01 and 1000000 ticks per second",
            );
        }
    }

    fn pairs(&mut self) {
        let gateway = &self.config.gateway;
        let (longest, per_s) = (gateway.longest_ping_s(), gateway.messages_per_s);
        let is_deaf = gateway.silence_timeout_s <= longest;
        let is_tight = gateway.messages_burst < per_s;
        let (park_min_s, park_max_s) = (gateway.park_min_s, gateway.park_max_s);
        if is_deaf {
            let reason =
                format!("pings are up to {longest} s apart, a fifth more than ping_interval_s");
            self.wrong("gateway.silence_timeout_s", reason);
        }
        if park_max_s < park_min_s {
            self.wrong(
                "gateway.park_max_s",
                format!("it is below park_min_s = {park_min_s}"),
            );
        }
        if is_tight {
            self.wrong(
                "gateway.messages_burst",
                format!("it is below messages_per_s = {per_s}"),
            );
        }
    }

    fn rules(&mut self) {
        let prices = self.config.prices.check().err().unwrap_or_default();
        for error in prices {
            self.wrong(&format!("prices.{}", error.key), error.reason);
        }
        let account = self.config.account.check().err().unwrap_or_default();
        for error in account {
            self.wrong(&format!("account.{}", error.key), error.reason);
        }
        let limits = self.config.portfolio.check().err().unwrap_or_default();
        for error in limits {
            self.wrong(&format!("portfolio.{}", error.key), error.reason);
        }
        let plain = self.config.rules.general.check().err().unwrap_or_default();
        for error in &plain {
            self.wrong(&format!("rules.{}", error.key), error.reason.clone());
        }
        if self.config.feed.kind == FeedKind::Sim {
            self.overlaid_rules(&plain);
        }
        self.own_rules();
    }

    /// What is wrong with the rules only once the simulated market's own lie over them.
    fn overlaid_rules(&mut self, known: &[RuleError]) {
        let errors = self
            .config
            .rules_in_force()
            .check()
            .err()
            .unwrap_or_default();
        for error in errors.into_iter().filter(|error| !known.contains(error)) {
            if self.config.feed.sim.rules.get(error.key).is_some() {
                self.wrong(&format!("feed.sim.rules.{}", error.key), error.reason);
            } else {
                let key = format!("rules.{}", error.key);
                self.wrong_with(
                    &key,
                    error.reason,
                    "[feed.sim.rules] lies over [rules]: change one of the two",
                );
            }
        }
    }

    fn instruments(&mut self) {
        let instruments = &self.config.instruments;
        for (place, instrument) in instruments.iter().enumerate() {
            for (field, reason) in instrument_faults(instrument) {
                self.wrong_field(place, field, reason);
            }
            let earlier = &instruments[..place];
            if let Some(twin) = earlier
                .iter()
                .position(|other| other.symbol == instrument.symbol)
            {
                let first = self.origins.of_instrument(twin, "symbol");
                self.wrong_field(
                    place,
                    "symbol",
                    format!("it is there twice, first at {first}"),
                );
            }
        }
    }

    fn tape_symbol(&mut self) {
        let Some(symbol) = self.config.feed.tape.symbol else {
            return;
        };
        let known: Vec<_> = self
            .config
            .instruments
            .iter()
            .map(|known| known.symbol.as_str())
            .collect();
        if !known.contains(&symbol.as_str()) {
            let remedy = remedy_for_name(symbol.as_str(), &known);
            self.wrong_with("feed.tape.symbol", "there is no such instrument", remedy);
        }
    }

    fn wrong_field(&mut self, place: usize, field: &str, reason: String) {
        let instrument = &self.config.instruments[place];
        let key = format!("instrument.{}.{field}", instrument.symbol);
        let mut finding = Finding::new(self.origins.of_instrument(place, field), &key, reason);
        if let Some(value) = table_of(instrument).get(field) {
            finding = finding.value(value);
        }
        self.findings
            .push(finding.remedy("config/orion.toml shows the built-in ones"));
    }

    /// What each source says of its own section, and of the symbols that are changed in it.
    fn sources(&mut self) {
        for (key, reason) in crate::sources::faults(self.config) {
            self.wrong(&key, reason);
        }
    }

    fn auth(&mut self) {
        let auth = &self.config.auth;
        if auth.url_keys && auth.mode == AuthMode::Off {
            let reason =
                "a key in an address says who reads, and with auth.mode = \"off\" nobody has to";
            self.wrong("auth.url_keys", reason);
        } else if auth.url_keys && self.config.server.origins.is_empty() {
            let reason = "what stands in an address ends up in other people's logs, so such a key counts only on pages that are known";
            self.wrong_with("auth.url_keys", reason, "list the pages in server.origins");
        }
        if let Some(SignersFrom::File(path)) = &auth.jwt.keys
            && let Err(error) = access::jwt::Signers::read(path)
        {
            let remedy =
                "name a file with the public keys of who signs; paths start at the current folder";
            self.wrong_with("auth.jwt.keys", error.to_string(), remedy);
        }
    }

    fn folders(&mut self) {
        let dir = &self.config.data.dir;
        if dir.as_os_str().is_empty() {
            self.wrong("data.dir", "it is empty");
        } else if let Some(file) = dir.ancestors().find(|path| path.is_file()) {
            let reason = format!("{} is a file, not a folder", file.display());
            self.wrong_with(
                "data.dir",
                reason,
                "name another folder, or move the file away",
            );
        }
    }

    /// That the certificate and its key are there and fit each other.
    fn tls(&mut self) {
        let tls = &self.config.server.tls;
        let lone = match (&tls.cert, &tls.key) {
            (Some(_), None) => Some(("server.tls.cert", "server.tls.key")),
            (None, Some(_)) => Some(("server.tls.key", "server.tls.cert")),
            (Some(_), Some(_)) | (None, None) => None,
        };
        if let Some((given, missing)) = lone {
            let remedy = format!("give {missing} too: TLS needs a certificate and its key");
            self.wrong_with(given, format!("{missing} is missing"), remedy);
        }
        if let Some(Err(error)) = tls.files().map(|files| files.read()) {
            let is_key = tls.key.as_deref() == Some(error.path());
            let key = if is_key {
                "server.tls.key"
            } else {
                "server.tls.cert"
            };
            let remedy = "name PEM files of a certificate and its own key, which may be read";
            self.wrong_with(key, error.to_string(), remedy);
        }
        self.acme();
    }

    /// That what is ordered can be, and that there is nothing beside it.
    fn acme(&mut self) {
        let tls = &self.config.server.tls;
        if tls.is_ordered() && (tls.cert.is_some() || tls.key.is_some()) {
            let remedy = "take server.tls.cert and server.tls.key away, or leave the names out";
            let reason = "a certificate is given too, and only one can be shown";
            self.wrong_with("server.tls.acme.domains", reason, remedy);
        }
        for (key, reason) in tls.acme.faults() {
            self.wrong(&format!("server.tls.acme.{key}"), &reason);
        }
        if let Some(path) = &tls.acme.root
            && let Err(error) = feeds::net::roots(path)
        {
            let remedy = "name a PEM file of certificates, which may be read";
            self.wrong_with("server.tls.acme.root", error, remedy);
        }
    }

    fn tape_files(&mut self) {
        let FeedKind::Tape(files) = &self.config.feed.kind else {
            return;
        };
        for file in files {
            if let Err(error) = try_read(file) {
                let reason = format!("{}: {}", file.display(), unreadable(&error));
                let remedy =
                    "name files that exist and may be read; paths start at the current folder";
                self.wrong_with("feed.kind", reason, remedy);
            }
        }
    }

    /// Options that only mean something with the other feed.
    fn flags<'f>(&mut self, flags: impl Iterator<Item = &'f Flag>) {
        for flag in flags {
            let (reason, remedy) = match (flag.key, &self.config.feed.kind) {
                ("feed.tape.speed", FeedKind::Sim | FeedKind::Live(_)) => (
                    "only a tape has a speed, and this feed runs in wall-clock time",
                    "leave --speed out, or name a tape with --feed tape:FILE",
                ),
                ("feed.sim.seed", FeedKind::Tape(_) | FeedKind::Live(_)) => (
                    "only the simulated market has a seed, and the feed is another",
                    "leave --seed out, or take --feed sim",
                ),
                _ => continue,
            };
            self.wrong_with(flag.key, reason, remedy);
        }
    }
}

fn instrument_faults(instrument: &InstrumentSettings) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    let mut fault = |field, reason: &str| faults.push((field, reason.to_owned()));
    if instrument.digits > 9 {
        fault("digits", "a price has at most 9 decimals");
    }
    if !instrument.tick_size.is_positive() {
        fault("tick_size", "it must be above 0");
    } else if instrument.tick_size.round_to_digits(instrument.digits) != instrument.tick_size {
        fault(
            "tick_size",
            &format!(
                "it has more decimals than digits = {} can show",
                instrument.digits
            ),
        );
    }
    if !instrument.pip_size.is_positive() {
        fault("pip_size", "it must be above 0");
    } else if instrument.pip_size < instrument.tick_size {
        fault(
            "pip_size",
            &format!("it is smaller than tick_size = {}", instrument.tick_size),
        );
    }
    if instrument.spread_default < Price::ZERO {
        fault("spread_default", "it must be 0 or more");
    }
    let slippage = instrument.slippage_pips.unwrap_or_default();
    if !(0.0..=1e6).contains(&slippage) {
        fault("slippage_pips", "it must lie between 0 and 1000000");
    }
    if let Some((field, reason)) = contract_fault(instrument) {
        fault(field, &reason);
    }
    faults
}

/// What is wrong with what one lot is.
fn contract_fault(instrument: &InstrumentSettings) -> Option<(&'static str, String)> {
    let names = InstrumentSettings::CONTRACT;
    let fields = table_of(instrument);
    let absent: Vec<_> = names
        .into_iter()
        .filter(|name| !fields.contains_key(*name))
        .collect();
    let Some(contract) = instrument.contract() else {
        let given = names.into_iter().find(|name| fields.contains_key(*name))?;
        return Some((given, format!("{} must be given too", absent.join(", "))));
    };
    let limits = [
        ("contract_size", contract.size, 1e-6, 1e9),
        ("lot_step", contract.lot_step.to_f64(), 1e-6, 1e6),
        ("min_lot", contract.min_lot.to_f64(), 1e-6, 1e6),
        (
            "max_lot",
            contract.max_lot.to_f64(),
            contract.min_lot.to_f64(),
            1e6,
        ),
        ("margin_rate", contract.margin_rate, 0.0, 1.0),
    ];
    let outside = |(_, value, least, most): &(_, f64, f64, f64)| !(least..=most).contains(&value);
    let (name, _, least, most) = limits.into_iter().find(outside)?;
    Some((name, format!("it must lie between {least} and {most}")))
}

/// Whether a tape's file, or a folder of them, can be read at all. What is in it is the feed's to judge.
fn try_read(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        std::fs::read_dir(path).map(|_| ())
    } else {
        std::fs::File::open(path).map(|_| ())
    }
}

pub(super) fn get<'a>(tree: &'a Table, key: &str) -> Option<&'a Value> {
    // A symbol, which may have points, is one name.
    let below = |(at, _): (usize, &str)| get(tree.get(&key[..at])?.as_table()?, &key[at + 1..]);
    let inside = || key.match_indices('.').find_map(below);
    tree.get(key).or_else(inside)
}
