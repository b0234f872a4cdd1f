//! Who has to say who he is, and whose word counts.

use super::Config;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// Whether clients have to say who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    pub mode: AuthMode,
    /// The operator says that a server which takes signals may stand on a public address without [`AuthMode`].
    pub allow_public: bool,
    /// Whether a dashboard's key may stand in the address it connects to.
    pub url_keys: bool,
    pub jwt: Jwt,
}

/// Who may read; who posts must say who he is, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    #[default]
    Off,
    Optional,
    Required,
}

/// Tokens that somebody else signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Jwt {
    /// The public keys of who signs; without them no token is taken.
    pub keys: Option<SignersFrom>,
    pub issuer: Option<String>,
    pub audience: Option<String>,
    /// How far the clock of who signs may be off.
    pub leeway_s: u32,
    /// How often keys that lie behind an address are fetched.
    pub refresh_s: u64,
}

impl Default for Jwt {
    fn default() -> Self {
        Self {
            keys: None,
            issuer: None,
            audience: None,
            leeway_s: 30,
            refresh_s: 300,
        }
    }
}

/// Where the public keys of signers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignersFrom {
    /// PEM, or a JWK set.
    File(PathBuf),
    /// A JWK set.
    Address(String),
}

impl FromStr for SignersFrom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") {
            return Ok(Self::Address(text.to_owned()));
        }
        let Some(rest) = text.strip_prefix("http://") else {
            return if text.is_empty() {
                Err("it is empty: name a file, or an address that begins with https://".to_owned())
            } else {
                Ok(Self::File(PathBuf::from(text)))
            };
        };
        // Whoever stands on the way could put keys of his own into it.
        let here = ["127.0.0.1", "[::1]", "localhost"];
        let is_here = |host: &&str| {
            let rest = rest.strip_prefix(host);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        };
        if here.iter().any(is_here) {
            Ok(Self::Address(text.to_owned()))
        } else {
            Err("keys that come over http:// may be anybody's: give an https:// address".to_owned())
        }
    }
}

impl fmt::Display for SignersFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Address(address) => f.write_str(address),
        }
    }
}

/// An address of a proxy, or a network of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyNet(pub IpNet);

impl FromStr for ProxyNet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net = text.parse::<IpNet>().ok();
        let net = net.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        net.map(Self).ok_or_else(|| {
            format!("`{text}` is neither an address, such as 10.0.0.7, nor a network, such as 10.0.0.0/8")
        })
    }
}

impl fmt::Display for ProxyNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            write!(f, "{}", self.0.addr())
        } else {
            write!(f, "{}", self.0)
        }
    }
}

macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(SignersFrom, ProxyNet);

impl Auth {
    /// How long tokens' times may be off.
    #[must_use]
    pub fn leeway(&self) -> market::Span {
        market::Span::from_secs(self.jwt.leeway_s.into())
    }

    /// The mode, as the gateway takes it.
    #[must_use]
    pub fn gateway_mode(&self) -> gateway::Mode {
        match self.mode {
            AuthMode::Off => gateway::Mode::Off,
            AuthMode::Optional => gateway::Mode::Optional,
            AuthMode::Required => gateway::Mode::Required,
        }
    }
}

impl Config {
    /// The gateway's settings of who may come in, laid over those of its limits.
    #[must_use]
    pub fn doors(
        &self,
        keeper: Arc<dyn gateway::Keeper>,
        limits: gateway::Config,
    ) -> gateway::Config {
        let (server, auth) = (&self.server, &self.auth);
        gateway::Config {
            auth: gateway::Auth {
                mode: auth.gateway_mode(),
                keeper: Some(keeper),
                url_keys: auth.url_keys,
                ..limits.auth
            },
            origins: server.page_origins(),
            proxies: server.believed_proxies(),
            ..limits
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_a_file_or_from_an_address_that_nobody_can_meddle_with() {
        let parse = |text: &str| text.parse::<SignersFrom>();
        let address = |text: &str| Ok(SignersFrom::Address(text.to_owned()));
        for text in [
            "https://id.example.org/jwks.json",
            "http://127.0.0.1:9/jwks",
            "http://localhost/jwks",
            "http://[::1]:9",
        ] {
            assert_eq!(parse(text), address(text));
        }
        assert_eq!(
            parse("keys/id.pem"),
            Ok(SignersFrom::File("keys/id.pem".into()))
        );
        for text in [
            "",
            "http://id.example.org/jwks",
            "http://localhost.example.org/jwks",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        for text in ["10.0.0.7", "10.0.0.0/8", "2001:db8::/32", "::1"] {
            let net: ProxyNet = text.parse().unwrap();
            assert_eq!(net.to_string(), text);
        }
        for text in ["", "10.0.0", "10.0.0.0/33", "proxy.example.org"] {
            let error = text.parse::<ProxyNet>().unwrap_err();
            assert!(error.contains("10.0.0.0/8"), "{error}");
        }
    }
}
