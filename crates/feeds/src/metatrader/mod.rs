//! MetaTrader 4 and 5: ORION's own expert advisors (`integrations/metatrader`) call, this listens.
//!
//! A terminal has no interface of its own for prices, so an advisor inside it collects ticks, numbers them, and sends them
//! in batches over HTTP ([`Bridge::router`]) or a socket ([`Bridge::run`]) until they are acknowledged.
//!
//! - [`decode`]: the lines of a batch, from bytes.
//! - [`names`]: what brokers call the instruments.
//! - [`offset`]: from the broker's clock to UTC.
//! - `desk`: who sends what; each tick once, and each instrument from one advisor.

mod answer;
mod bridge;
pub mod decode;
mod desk;
mod lines;
pub mod names;
pub mod offset;
mod remember;
mod session;

pub use answer::{Answer, Refused};
pub use bridge::{Bridge, Keys};
pub use session::Advisor;

use crate::symbols::{Offer, Symbols};
use market::{Catalog, PriceKind, Span};
use offset::ServerTz;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// An advisor that has nothing to send says so after this time.
pub const HEARTBEAT: Option<Span> = Some(Span::from_secs(5));

/// There is no vendor and so no vendor's key: advisors show a token that ORION made.
pub const KEY_VARIABLES: &[&str] = &[];

/// What is served, by the names the instruments have here; [`names`] knows what brokers call them.
pub const OFFERS: &[Offer] = &[
    offer("EURUSD", PriceKind::Cash),
    offer("GBPUSD", PriceKind::Cash),
    offer("USDJPY", PriceKind::Cash),
    offer("XAUUSD", PriceKind::Cash),
    offer("US30", PriceKind::Cfd),
    offer("NAS100", PriceKind::Cfd),
    offer("SPX500", PriceKind::Cfd),
];

const fn offer(name: &'static str, kind: PriceKind) -> Offer<'static> {
    Offer {
        ours: name,
        theirs: name,
        kind,
    }
}

/// What the operator decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `OURS=THEIRS`: what the broker calls an instrument, to the letter, such as `NAS100=USTEC`; `OURS=` takes one out.
    pub symbols: Vec<String>,
    /// `NQ=NAS100`: the CFD's ticks are also told as the future's. A CFD is not the future: its price differs by the basis.
    pub futures_alias: Vec<String>,
    /// The broker's clock: `auto`, `utc`, `eet_us`, `eet_eu` or a fixed `+HH:MM`.
    pub server_tz: String,
    /// Address for advisors that use a socket, such as `127.0.0.1:8081`; empty for none. It is not encrypted.
    pub listen: String,
    /// After so many seconds without a word from an advisor, another may send its symbols.
    pub takeover_s: u64,
    /// What brokers put behind names, further to those known, such as `.vip`.
    pub suffixes: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            symbols: Vec::new(),
            futures_alias: Vec::new(),
            server_tz: "auto".to_owned(),
            listen: String::new(),
            takeover_s: 15,
            suffixes: Vec::new(),
        }
    }
}

impl Settings {
    /// What cannot be as it is: the key, and why.
    #[must_use]
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if let Err(reason) = self.server_tz.parse::<ServerTz>() {
            wrong.push(("server_tz", reason));
        }
        if !self.listen.is_empty() && self.listen.parse::<SocketAddr>().is_err() {
            let reason = format!(
                "`{}` is no address with a port, such as 127.0.0.1:8081; empty for none",
                self.listen
            );
            wrong.push(("listen", reason));
        }
        if !(5..=3600).contains(&self.takeover_s) {
            let reason = format!("{} is not between 5 and 3600 s", self.takeover_s);
            wrong.push(("takeover_s", reason));
        }
        for (key, changes) in [
            ("symbols", &self.symbols),
            ("futures_alias", &self.futures_alias),
        ] {
            for change in changes.iter().filter(|change| !change.contains('=')) {
                wrong.push((key, format!("`{change}` has no `=`, as in NAS100=USTEC")));
            }
        }
        if self.suffixes.iter().any(|suffix| suffix.trim().is_empty()) {
            wrong.push(("suffixes", "an empty suffix".to_owned()));
        }
        wrong
    }
}

/// What is taken from the terminals, aliases included: the symbols that the source's outlet is to be made with.
///
/// # Errors
/// When a setting names no instrument of the catalog, or an alias is of something that is not taken.
pub fn symbols(catalog: &Catalog, settings: &Settings) -> Result<Symbols, String> {
    let plain = Symbols::new(catalog, OFFERS, &settings.symbols)?;
    let mut changes = settings.symbols.clone();
    for alias in &settings.futures_alias {
        let (ours, of) = read_alias(alias)?;
        let taken = catalog
            .find(of)
            .is_some_and(|id| plain.theirs(id).is_some());
        if !taken {
            return Err(format!(
                "`{of}` in the alias `{alias}` is not taken from MetaTrader"
            ));
        }
        changes.push(format!("{ours}={ALIAS_OF}{of}"));
    }
    Symbols::new(catalog, OFFERS, &changes)
}

/// Before the name of what an alias stands for; no broker's symbol begins so.
const ALIAS_OF: &str = "alias of ";

/// `NQ=NAS100`: what the alias is called, and what it is of.
fn read_alias(alias: &str) -> Result<(&str, &str), String> {
    alias
        .split_once('=')
        .map(|(ours, of)| (ours.trim(), of.trim()))
        .filter(|(ours, of)| !ours.is_empty() && !of.is_empty() && ours != of)
        .ok_or_else(|| format!("`{alias}` is not ALIAS=INSTRUMENT, such as NQ=NAS100"))
}

/// What to say while nobody has called; `address` is where ORION listens, as a terminal would reach it.
#[must_use]
pub fn reasons(address: &str) -> String {
    format!(
        "no terminal has called yet; the usual reasons, in order:
  1. the advisor is on no chart: drag OrionBridge onto any chart (View > Navigator > Expert Advisors)
  2. the terminal does not allow the address: Tools > Options > Expert Advisors, tick `Allow WebRequest for listed URL` \
and add {address} exactly so (the Experts tab then stops showing error 4014, or 4060 in MetaTrader 4)
  3. `Algo Trading` (MetaTrader 5) or `AutoTrading` (MetaTrader 4) is off: its button must be green
  4. the token is missing or wrong (the Experts tab shows 401): make one with `orion key add terminal --for metatrader`
  5. the terminal runs on another computer: there 127.0.0.1 is not this server; use this server's name, over https
  6. the terminal does not reach this port: MetaTrader 4's manual knows 80 and 443 only; look at the firewall too"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog;

    #[test]
    fn the_defaults_are_sound_and_every_mistake_is_named() {
        assert_eq!(Settings::default().check(), []);
        let wrong = Settings {
            symbols: vec!["NAS100".to_owned()],
            futures_alias: vec!["NQ".to_owned()],
            server_tz: "mars".to_owned(),
            listen: "8081".to_owned(),
            takeover_s: 0,
            suffixes: vec![" ".to_owned()],
        };
        let keys: Vec<_> = wrong.check().into_iter().map(|(key, _)| key).collect();
        assert_eq!(
            keys,
            [
                "server_tz",
                "listen",
                "takeover_s",
                "symbols",
                "futures_alias",
                "suffixes"
            ]
        );
    }

    #[test]
    fn an_alias_is_served_and_is_no_brokers_name() {
        let catalog = catalog();
        let alias = |alias: &str| Settings {
            futures_alias: vec![alias.to_owned()],
            ..Settings::default()
        };
        let symbols = symbols(&catalog, &alias("MNQ=NAS100")).unwrap();
        let future = catalog.find("MNQ").unwrap();
        assert_eq!(symbols.theirs(future), Some("alias of NAS100"));
        assert_eq!(symbols.find("NAS100"), catalog.find("NAS100"));
        for wrong in ["MNQ=ES", "MNQ=", "MNQ", "MNQ=MNQ", "XX=NAS100"] {
            assert!(super::symbols(&catalog, &alias(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_reasons_name_the_address() {
        let text = reasons("http://127.0.0.1:8080");
        assert!(text.starts_with("no terminal has called yet; the usual reasons, in order:"));
        assert!(text.contains("add http://127.0.0.1:8080 exactly so"));
    }
}
