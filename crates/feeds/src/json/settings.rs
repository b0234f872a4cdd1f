//! What the configuration says about a described source.

use super::{Description, SHIPPED, shipped_text};
use serde::{Deserialize, Serialize};

/// One described source, as it is configured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `kraken`, `finnhub`, `twelvedata`, or the path of a description file.
    pub description: String,
    /// Where the source is, if not where its description says: all of the address, or scheme, host and port.
    pub address: Option<String>,
    /// Symbols that it serves under other names, or under none: `OURS=THEIRS`, `OURS=`.
    pub symbols: Vec<String>,
}

impl Settings {
    /// The settings of a source that comes with ORION.
    #[must_use]
    pub fn shipped(name: &str) -> Self {
        Self {
            description: name.to_owned(),
            ..Self::default()
        }
    }

    /// What is wrong with them: the key, and the reason with its remedy. It reads the description file.
    #[must_use]
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        let description = self.read();
        if let Some(address) = &self.address
            && description.as_ref().is_ok_and(Description::needs_key)
            && is_readable_by_others(address)
        {
            wrong.push(("address", format!("`{address}` would send the key through the net unencrypted: write wss:// or https://")));
        }
        if let Err(reason) = description {
            wrong.push(("description", reason));
        }
        if let Some(address) = &self.address
            && !["ws://", "wss://", "http://", "https://"]
                .iter()
                .any(|scheme| address.starts_with(scheme))
        {
            wrong.push(("address", format!("`{address}` has no ws://, wss://, http:// or https:// before the host: write it so")));
        }
        wrong
    }

    /// The description that they name.
    ///
    /// # Errors
    /// When there is no such file, or something is wrong with it.
    pub fn read(&self) -> Result<Description, String> {
        let name = self.description.as_str();
        let text = match shipped_text(name) {
            Some(text) => text.to_owned(),
            None if name.is_empty() => {
                return Err(format!(
                    "it is empty: write {} or the path of a description file",
                    SHIPPED.join(", ")
                ));
            }
            None => std::fs::read_to_string(name).map_err(|error| {
                format!(
                    "`{name}` cannot be read: {error}; write {} or the path of a description file",
                    SHIPPED.join(", ")
                )
            })?,
        };
        Description::parse(&text).map_err(|problems| format!("`{name}`: {problems}"))
    }
}

/// Whether what is sent there goes through the net as it is.
fn is_readable_by_others(address: &str) -> bool {
    let host = address
        .strip_prefix("ws://")
        .or_else(|| address.strip_prefix("http://"));
    host.is_some_and(|host| !super::check::is_loopback(host))
}

/// The address with another host: `to` has a path of its own and stands alone, or is put before path and query of `from`.
/// A query right after the host gets its `/`, without which a WebSocket's request would be no HTTP.
pub(super) fn moved(from: &str, to: &str) -> String {
    let (to, is_bare) = (
        to.trim_end_matches('/'),
        parts(to).1.trim_matches('/').is_empty(),
    );
    let address = match (to.is_empty(), is_bare) {
        (true, _) => from.to_owned(),
        (false, true) => format!("{to}{}", parts(from).1),
        (false, false) => to.to_owned(),
    };
    match parts(&address) {
        (host, query) if query.starts_with('?') => format!("{host}/{query}"),
        _ => address,
    }
}

/// Scheme and host; path and query.
fn parts(address: &str) -> (&str, &str) {
    let host = address.find("://").map_or(0, |at| at + 3);
    let path = address[host..].find(['/', '?']);
    address.split_at(path.map_or(address.len(), |path| host + path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_moves_whole_or_with_its_path() {
        for (from, to, moved_to) in [
            ("wss://a.b/c?k={key}", "", "wss://a.b/c?k={key}"),
            (
                "wss://a.b/c?k={key}",
                "ws://127.0.0.1:7",
                "ws://127.0.0.1:7/c?k={key}",
            ),
            (
                "wss://a.b/c?k={key}",
                "ws://127.0.0.1:7/",
                "ws://127.0.0.1:7/c?k={key}",
            ),
            (
                "wss://a.b?k={key}",
                "ws://127.0.0.1:7",
                "ws://127.0.0.1:7/?k={key}",
            ),
            ("wss://a.b", "ws://x", "ws://x"),
            ("wss://a.b?k={key}", "", "wss://a.b/?k={key}"),
            ("wss://a.b/c?k={key}", "ws://x/y", "ws://x/y"),
            ("wss://a.b/c?k={key}", "ws://x/?y", "ws://x/?y"),
        ] {
            assert_eq!(moved(from, to), moved_to, "{from} {to}");
        }
    }

    #[test]
    fn settings_name_a_shipped_source_or_a_file_that_is_right() {
        for name in SHIPPED {
            assert_eq!(Settings::shipped(name).check(), [], "{name}");
        }
        let wrong = |settings: Settings| -> Vec<String> {
            settings
                .check()
                .into_iter()
                .map(|(key, reason)| format!("{key}: {reason}"))
                .collect()
        };
        assert!(
            wrong(Settings::default())[0].starts_with("description: it is empty: write kraken")
        );
        let missing = wrong(Settings::shipped("nowhere.toml"));
        assert!(
            missing[0].contains("`nowhere.toml` cannot be read"),
            "{missing:?}"
        );
        let address = Settings {
            address: Some("127.0.0.1:7".to_owned()),
            ..Settings::shipped("kraken")
        };
        assert!(wrong(address)[0].starts_with("address: `127.0.0.1:7` has no ws://"));
        let open = |address: &str| Settings {
            address: Some(address.to_owned()),
            ..Settings::shipped("finnhub")
        };
        assert!(wrong(open("ws://finnhub.example"))[0].contains("unencrypted"));
        assert_eq!(open("ws://127.0.0.1:7").check(), []);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "title = 1").unwrap();
        let broken = wrong(Settings::shipped(file.path().to_str().unwrap()));
        assert!(broken[0].contains("title"), "{broken:?}");
    }
}
