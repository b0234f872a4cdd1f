//! Who may come in: the settings made into [`Access`], and the rule for addresses that everybody can reach.

use crate::config::{AuthMode, Config, FeedKind, SignersFrom};
use crate::live::is_public;
use access::Access;
use access::jwt::Rules;
use access::keys;
use anyhow::{Context as _, Result};
use market::Time;

/// Opens what says who may come in. Keys behind an address are fetched later ([`crate::signers`]).
///
/// # Errors
/// When a file of keys, or of what is revoked, cannot be used: to go without it would let in whom it keeps out.
pub fn open(config: &Config, now: Time) -> Result<Access> {
    let access = Access::open(&config.data.dir, now)
        .context("read what is revoked (repair the file, or take it away to take nothing back)")?;
    let jwt = &config.auth.jwt;
    let Some(from) = &jwt.keys else {
        return Ok(access);
    };
    let rules = Rules {
        issuer: jwt.issuer.clone(),
        audience: jwt.audience.clone(),
        leeway: config.auth.leeway(),
    };
    let file = match from {
        SignersFrom::File(path) => Some(path.clone()),
        SignersFrom::Address(_) => None,
    };
    access
        .with_tokens(rules, file, now)
        .with_context(|| format!("read the keys of tokens from {from} (auth.jwt.keys)"))
}

/// Why this server may not start, if it may not: a server does not start where others than this machine and its private
/// network can reach it, somebody can publish to it (it plays no recording, and there is a key of a bot, of TradingView or
/// of MetaTrader, or `auth.jwt.keys` is set) and `auth.mode` is off, unless `auth.allow_public` says that it may.
#[must_use]
pub fn refused(config: &Config) -> Option<String> {
    let address = config.server.listen;
    let who = open_to_publishers(config).filter(|_| is_public(address.ip()))?;
    Some(format!(
        "{address} can be reached by everybody, {who} can publish, and auth.mode is \"off\", so that nobody has to say who he is to \
         read: set auth.mode to \"optional\" or \"required\" (docs/access.md), or listen on 127.0.0.1 or a private address, or say \
         that it is meant so with auth.allow_public = true"
    ))
}

/// Who can publish while nobody has to say who he is to read, unless that is said to be meant so.
#[must_use]
pub fn open_to_publishers(config: &Config) -> Option<String> {
    let auth = &config.auth;
    let is_open = auth.mode == AuthMode::Off && !auth.allow_public;
    if is_open { publisher(config) } else { None }
}

/// Who could publish, if anybody could.
fn publisher(config: &Config) -> Option<String> {
    if matches!(config.feed.kind, FeedKind::Tape(_)) {
        return None;
    }
    // A file that cannot be read may hold a key.
    let Ok(keys) = keys::list(&config.data.dir) else {
        return Some(
            "whoever has a key in the data folder's keys.toml, which cannot be read,".to_owned(),
        );
    };
    let key = keys.iter().find(|key| key.kind.publishes());
    let by_key = key.map(|key| format!("the holder of the key {}", key.name));
    let by_token = || "whoever has a token with the scope publish (auth.jwt.keys)".to_owned();
    by_key.or_else(|| config.auth.jwt.keys.is_some().then(by_token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::keys::{Kind, New};

    fn config(folder: &std::path::Path, listen: &str) -> Config {
        let mut config = Config::default();
        config.data.dir = folder.to_owned();
        config.server.listen = listen.parse().unwrap();
        config
    }

    #[test]
    fn where_everybody_can_publish_somebody_has_to_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let public = config(folder.path(), "0.0.0.0:8080");
        let add = |kind: Kind| {
            let new = New::of(kind.as_str(), kind);
            keys::add(folder.path(), &new, Time::from_secs(1)).unwrap();
        };
        assert_eq!(refused(&public), None, "nobody can publish yet");
        add(Kind::Dashboard);
        assert_eq!(refused(&public), None, "a dashboard only reads");
        let mut tokens = public.clone();
        tokens.auth.jwt.keys = Some("https://id.example.org/jwks.json".parse().unwrap());
        assert!(refused(&tokens).unwrap().contains("auth.jwt.keys"));
        add(Kind::TradingView);
        let why = refused(&public).unwrap();
        assert!(
            why.contains("the key tradingview") && why.contains("auth.allow_public = true"),
            "{why}"
        );
        for listen in ["127.0.0.1:8080", "192.168.1.2:8080", "[::1]:8080"] {
            assert_eq!(refused(&config(folder.path(), listen)), None, "{listen}");
        }
        let mut said = public.clone();
        said.auth.allow_public = true;
        assert_eq!(refused(&said), None);
        for mode in [AuthMode::Optional, AuthMode::Required] {
            let mut asked = public.clone();
            asked.auth.mode = mode;
            assert_eq!(refused(&asked), None, "{mode:?}");
        }
        let mut recorded = public.clone();
        recorded.feed.kind = "tape:day.csv".parse().unwrap();
        assert_eq!(
            refused(&recorded),
            None,
            "nothing can be posted to a recording"
        );
        std::fs::write(folder.path().join("keys.toml"), "[[key").unwrap();
        assert!(refused(&public).unwrap().contains("cannot be read"));
    }

    #[test]
    fn a_server_does_not_go_without_its_list_of_what_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), "127.0.0.1:8080");
        assert!(open(&config, Time::from_secs(1)).is_ok());
        std::fs::write(folder.path().join("revoked.toml"), "[[").unwrap();
        let error = format!("{:#}", open(&config, Time::from_secs(1)).unwrap_err());
        assert!(error.contains("revoked.toml"), "{error}");
    }
}
