//! What an operator may set.

use super::asset;
use serde::{Deserialize, Serialize};

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
