//! A page's origin, as browsers send it (RFC 6454): scheme, host and port, and nothing else.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Written as browsers write it: in lower case, and without the port that goes without saying. To be equal is to be the
/// same origin; `null`, which any page can make itself, is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Origin(String);

impl Origin {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no origin: write scheme, host and port, such as https://app.example.org or http://localhost:4173"
            )
        };
        let lower = text.to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://").ok_or_else(wrong)?;
        let usual = match scheme {
            "https" => "443",
            "http" => "80",
            _ => return Err(wrong()),
        };
        let (host, port) = split_port(rest).ok_or_else(wrong)?;
        if !is_host(host) {
            return Err(wrong());
        }
        let port = match port {
            None => None,
            Some(port) => Some(port.parse::<u16>().map_err(|_| wrong())?.to_string()),
        };
        Ok(Self(match port.filter(|port| port != usual) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }))
    }
}

fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if text.starts_with('[') {
        let end = text.find(']')? + 1;
        return match &text[end..] {
            "" => Some((text, None)),
            rest => Some((&text[..end], Some(rest.strip_prefix(':')?))),
        };
    }
    Some(match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    })
}

/// A name or an address; names of other alphabets come as browsers send them, in their `xn--` form.
fn is_host(host: &str) -> bool {
    let inside = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = inside {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    !host.is_empty() && host.bytes().all(allowed)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

impl TryFrom<String> for Origin {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for (text, origin) in [
            ("https://app.example.org", "https://app.example.org"),
            ("HTTPS://App.Example.ORG:443", "https://app.example.org"),
            ("http://localhost:4173", "http://localhost:4173"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
            ("http://127.0.0.1:08080", "http://127.0.0.1:8080"),
        ] {
            let parsed: Origin = text.parse().unwrap();
            assert_eq!(parsed.as_str(), origin, "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_with_an_example() {
        for text in [
            "",
            "null",
            "*",
            "https://",
            "app.example.org",
            "https://app.example.org/",
            "https://app.example.org/page",
            "https://*.example.org",
            "https://user@example.org",
            "https://example.org:",
            "https://example.org:70000",
            "https://example.org:1:2",
            "https://[::1",
            "https://[::1]x",
            "https://[zz]",
            "file:///tmp",
            "wss://example.org",
            "https://exämple.org",
        ] {
            let error = text.parse::<Origin>().unwrap_err();
            assert!(error.contains("https://app.example.org"), "{error}");
        }
    }
}
