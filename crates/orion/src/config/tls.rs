//! TLS on the address that is listened on: files of a certificate, or names for which one is ordered.

use gateway::tls::{Error, Files, Plain, Tls};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// TLS on the address that is listened on; without a certificate, or names for which one is ordered, there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerTls {
    /// PEM files: the certificate, followed by those that vouch for it, and its key.
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// Whether plain HTTP is served on the same port.
    pub plain: bool,
    pub acme: Acme,
}

/// A certificate that is ordered and renewed by itself (ACME, RFC 8555).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// The names that the certificate is for; empty: none is ordered.
    pub domains: Vec<String>,
    /// Where the authority may write to.
    pub contact: Vec<String>,
    pub directory: Directory,
    /// The folder of the account and the certificate; absent: `acme` in the data folder.
    pub cache: Option<PathBuf>,
    /// A PEM file: who vouches for the directory, where that is not known to browsers.
    pub root: Option<PathBuf>,
    /// The wait after an order that failed, in seconds; it doubles up to six hours.
    pub retry_s: u64,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            contact: Vec::new(),
            directory: Directory::Staging,
            cache: None,
            root: None,
            retry_s: 300,
        }
    }
}

/// Where certificates are ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Directory {
    /// Let's Encrypt, for trying: browsers trust nothing it signs, and it allows many mistakes.
    #[default]
    Staging,
    /// Let's Encrypt.
    Production,
    Address(String),
}

impl Directory {
    /// <https://letsencrypt.org/docs/staging-environment/> and <https://letsencrypt.org/docs/acme-protocol-updates/>.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::Staging => "https://acme-staging-v02.api.letsencrypt.org/directory",
            Self::Production => "https://acme-v02.api.letsencrypt.org/directory",
            Self::Address(address) => address,
        }
    }
}

impl FromStr for Directory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "staging" => Ok(Self::Staging),
            "production" => Ok(Self::Production),
            address if address.starts_with("https://") => Ok(Self::Address(address.to_owned())),
            other => Err(format!(
                "`{other}` is neither \"staging\" nor \"production\" nor an address that begins with https://"
            )),
        }
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Staging => f.write_str("staging"),
            Self::Production => f.write_str("production"),
            Self::Address(address) => f.write_str(address),
        }
    }
}

impl Serialize for Directory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Directory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl ServerTls {
    /// The pair, where one is given.
    #[must_use]
    pub fn files(&self) -> Option<Files> {
        Some(Files {
            certificate: self.cert.clone()?,
            key: self.key.clone()?,
        })
    }

    /// Whether a certificate is ordered.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        !self.acme.domains.is_empty()
    }

    /// TLS as the gateway speaks it, where it is wanted. `data` is the data folder.
    ///
    /// # Errors
    /// When the files are not a certificate and its key.
    pub fn open(&self, data: &Path) -> Result<Option<Tls>, Error> {
        let plain = if self.plain {
            Plain::Served
        } else {
            Plain::Refused
        };
        if self.is_ordered() {
            return Ok(Some(Tls::awaiting(self.acme.files(data), plain)));
        }
        let open = |files| Tls::open(files, plain);
        self.files().map(open).transpose()
    }
}

impl Acme {
    /// The folder of the account and the certificate.
    #[must_use]
    pub fn folder(&self, data: &Path) -> PathBuf {
        let own = || data.join("acme");
        self.cache.clone().unwrap_or_else(own)
    }

    /// What was ordered: key and certificates in one file, so that they are never of two orders. Other names, and another
    /// directory, have another file.
    #[must_use]
    pub fn files(&self, data: &Path) -> Files {
        let mut parts = vec![self.directory.address().to_owned()];
        parts.extend(self.domains.iter().cloned());
        let path = self
            .folder(data)
            .join(format!("certificate-{}.pem", short(&parts.join("\n"))));
        Files {
            certificate: path.clone(),
            key: path,
        }
    }

    /// The account at the directory.
    #[must_use]
    pub fn account(&self, data: &Path) -> PathBuf {
        let name = format!("account-{}.json", short(self.directory.address()));
        self.folder(data).join(name)
    }

    /// The names that cannot be ordered, and why.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        for name in &self.domains {
            if let Some(reason) = fault_of(name) {
                faults.push(("domains".to_owned(), format!("`{name}` {reason}")));
            }
        }
        for address in &self.contact {
            if !address.starts_with("mailto:") || !address.contains('@') {
                let reason = format!("`{address}` is no address such as mailto:me@example.com");
                faults.push(("contact".to_owned(), reason));
            }
        }
        faults
    }
}

/// Why the authority could not check a name by a handshake with it.
fn fault_of(name: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if name.starts_with("*.") {
        Some("stands for many names, which cannot be checked over TLS: name each")
    } else if name.parse::<std::net::IpAddr>().is_ok() {
        Some("is an address: certificates are ordered for names")
    } else if !name.chars().all(is_plain) || name.split('.').any(str::is_empty) {
        Some("is no name of a host in small letters, such as signals.example.com")
    } else {
        None
    }
}

/// Enough of a digest to tell a few texts apart in names of files.
fn short(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_a_name_or_an_address() {
        for (text, address) in [
            (
                "staging",
                Ok("https://acme-staging-v02.api.letsencrypt.org/directory"),
            ),
            (
                "production",
                Ok("https://acme-v02.api.letsencrypt.org/directory"),
            ),
            ("https://ca.example/dir", Ok("https://ca.example/dir")),
            ("http://ca.example/dir", Err(())),
            ("live", Err(())),
        ] {
            let parsed = text.parse::<Directory>();
            let told = parsed.as_ref().map(Directory::address).map_err(|_| ());
            assert_eq!(told, address, "{text}");
            if let Ok(directory) = &parsed {
                assert_eq!(directory.to_string(), text);
            }
        }
        assert_eq!(
            Acme::default().directory,
            Directory::Staging,
            "nobody spends the real one's patience by mistake"
        );
    }

    #[test]
    fn other_names_and_another_directory_have_another_file() {
        let of = |domains: &[&str], directory: &str| {
            let acme = Acme {
                domains: domains.iter().map(ToString::to_string).collect(),
                directory: directory.parse().unwrap(),
                ..Acme::default()
            };
            acme.files(Path::new("data")).certificate
        };
        let first = of(&["a.example"], "staging");
        assert!(first.starts_with("data/acme"), "{}", first.display());
        assert_eq!(first, of(&["a.example"], "staging"));
        assert_ne!(first, of(&["a.example", "b.example"], "staging"));
        assert_ne!(first, of(&["a.example"], "production"));
    }

    #[test]
    fn names_that_cannot_be_checked_are_named() {
        for (name, well) in [
            ("signals.example.com", true),
            ("localhost", true),
            ("*.example.com", false),
            ("192.0.2.1", false),
            ("Signals.example.com", false),
            ("signals..com", false),
            ("", false),
            ("https://example.com", false),
        ] {
            assert_eq!(fault_of(name).is_none(), well, "{name}");
        }
    }
}
