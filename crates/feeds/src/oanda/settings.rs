//! What can be set of OANDA, and what OANDA offers.

use crate::symbols::Offer;
use market::{PriceKind, Span};
use serde::{Deserialize, Serialize};

/// The section `[feed.oanda]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `practice` for a demo account, `live` for a real one: each has its own addresses, accounts and tokens.
    pub environment: String,
    /// The account whose prices are taken, such as `101-001-1234567-001`; empty: the only one that the token reaches.
    pub account: String,
    /// Another address than OANDA's for accounts and candles, without `/v3`; empty: by environment.
    pub rest_url: String,
    /// Another address than OANDA's for the price stream, without `/v3`; empty: by environment.
    pub stream_url: String,
    /// Changes of the list of symbols, as `OURS=THEIRS`; `OURS=` takes one out.
    pub symbols: Vec<String>,
    /// Hours of closed minutes that are fetched when the source starts, and at most after a loss; 0 fetches none.
    pub backfill_hours: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            environment: PRACTICE.to_owned(),
            account: String::new(),
            rest_url: String::new(),
            stream_url: String::new(),
            symbols: Vec::new(),
            backfill_hours: 26,
        }
    }
}

const PRACTICE: &str = "practice";
const LIVE: &str = "live";

/// Nine requests of 5,000 minutes for each symbol; more belongs into files.
const BACKFILL_HOURS_MAX: u32 = 720;

/// All seven symbols. Which of them an account may see depends on its division and country, and is asked at each connect.
pub const OFFERS: &[Offer] = &[
    offer("EURUSD", "EUR_USD", PriceKind::Cash),
    offer("GBPUSD", "GBP_USD", PriceKind::Cash),
    offer("USDJPY", "USD_JPY", PriceKind::Cash),
    offer("XAUUSD", "XAU_USD", PriceKind::Cash),
    offer("US30", "US30_USD", PriceKind::Cfd),
    offer("NAS100", "NAS100_USD", PriceKind::Cfd),
    offer("SPX500", "SPX500_USD", PriceKind::Cfd),
];

const fn offer(ours: &'static str, theirs: &'static str, kind: PriceKind) -> Offer<'static> {
    Offer { ours, theirs, kind }
}

/// A heartbeat comes every 5 s, whatever the market does.
pub const HEARTBEAT: Option<Span> = Some(Span::from_secs(5));

/// Where a token is looked for in the environment, best first.
pub const KEY_VARIABLES: &[&str] = &[
    "OANDA_API_TOKEN",
    "OANDA_ACCESS_TOKEN",
    "OANDA_API_KEY",
    "OANDA_TOKEN",
];

impl Settings {
    /// What cannot be: the setting's key, and the reason.
    #[must_use]
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if ![PRACTICE, LIVE].contains(&self.environment.as_str()) {
            let reason = format!("`{}` is neither `practice` nor `live`", self.environment);
            wrong.push(("environment", reason));
        }
        if !self.account.is_empty() && !is_account(&self.account) {
            let reason = format!(
                "`{}` is no v20 account such as 101-001-1234567-001 (ids of digits only belong to an older API)",
                self.account
            );
            wrong.push(("account", reason));
        }
        for (key, url) in [
            ("rest_url", &self.rest_url),
            ("stream_url", &self.stream_url),
        ] {
            wrong.extend(check_url(url).map(|reason| (key, reason)));
        }
        if self.backfill_hours > BACKFILL_HOURS_MAX {
            let reason = format!(
                "{} is more than {BACKFILL_HOURS_MAX} (30 days); a longer past is read from files",
                self.backfill_hours
            );
            wrong.push(("backfill_hours", reason));
        }
        wrong
    }

    /// Where accounts, instruments and candles are asked for.
    pub(super) fn rest(&self) -> String {
        self.address(&self.rest_url, "api")
    }

    /// Where prices come from.
    pub(super) fn stream(&self) -> String {
        self.address(&self.stream_url, "stream")
    }

    fn address(&self, set: &str, role: &str) -> String {
        let host = if self.environment == LIVE {
            "fxtrade"
        } else {
            "fxpractice"
        };
        match set.trim_end_matches('/') {
            "" => format!("https://{role}-{host}.oanda.com"),
            set => set.to_owned(),
        }
    }
}

/// Four groups of digits; it becomes part of a path, so nothing else is let in.
fn is_account(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let is_number = |group: &&str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    groups.len() == 4 && groups.iter().all(is_number)
}

/// Why an address cannot be used. The token goes there with every request: in the clear only within this machine.
fn check_url(url: &str) -> Option<String> {
    let plain = url.strip_prefix("http://").map(host);
    match plain {
        _ if url.is_empty() || url.starts_with("https://") => None,
        Some("127.0.0.1" | "localhost" | "[::1]") => None,
        Some(host) => Some(format!(
            "http to {host} would show the token to everybody on the way: use https"
        )),
        None => Some(format!("`{url}` does not begin with https://")),
    }
}

/// The host of an address after its scheme, without the port.
fn host(rest: &str) -> &str {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        Some(_) | None => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: &str, expected: &[&str]) {
        let settings: Settings = toml::from_str(settings).unwrap();
        let wrong = settings.check();
        let keys: Vec<&str> = wrong.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, expected, "{wrong:?}");
    }

    #[test]
    fn settings_that_cannot_work_are_named() {
        check("", &[]);
        check("environment = 'live'\naccount = '001-011-5838423-001'", &[]);
        check("environment = 'demo'", &["environment"]);
        check("account = '1234567'", &["account"]);
        check("account = '101-001-1234567-001/../x'", &["account"]);
        check("rest_url = 'https://oanda.example'", &[]);
        check(
            "rest_url = 'http://127.0.0.1:8000'\nstream_url = 'http://[::1]:8000/x'",
            &[],
        );
        check("rest_url = 'http://oanda.example'", &["rest_url"]);
        check(
            "stream_url = 'http://127.0.0.1.example:80'",
            &["stream_url"],
        );
        check(
            "stream_url = 'http://127.0.0.1:80@oanda.example'",
            &["stream_url"],
        );
        check("stream_url = 'oanda.example'", &["stream_url"]);
        check("backfill_hours = 721", &["backfill_hours"]);
        assert!(toml::from_str::<Settings>("token = 'x'").is_err());
    }

    #[test]
    fn each_environment_has_its_addresses() {
        let practice = Settings::default();
        assert_eq!(practice.rest(), "https://api-fxpractice.oanda.com");
        assert_eq!(practice.stream(), "https://stream-fxpractice.oanda.com");
        let live = Settings {
            environment: "live".to_owned(),
            stream_url: "http://localhost:9/".to_owned(),
            ..Settings::default()
        };
        assert_eq!(live.rest(), "https://api-fxtrade.oanda.com");
        assert_eq!(live.stream(), "http://localhost:9");
    }
}
