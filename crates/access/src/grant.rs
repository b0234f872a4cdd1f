//! What somebody may do, and until when.

use crate::keys::{Hash, Key, Kind};
use market::{Symbol, Time};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One thing that may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Scope {
    ReadSignals,
    ReadPrices,
    /// Post signals and prices.
    Publish,
    /// Look into the server itself.
    Admin,
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

/// By what somebody was known. A grant holds as long as this does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    Key {
        kind: Kind,
        /// Which key: another one of the same name is another.
        sha256: Hash,
    },
    /// A JWT, and its `jti`.
    Token { id: Option<String> },
}

/// What a grant is narrowed to; nothing where it is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub symbols: Option<Vec<Symbol>>,
    /// By their names on the wire.
    pub channels: Option<Vec<String>>,
    /// The least time between two prices of one symbol.
    pub price_interval_ms: Option<u32>,
}

/// Who somebody is, what he may do, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The key's name, or the token's `sub`.
    pub subject: String,
    pub holder: Holder,
    pub scopes: Scopes,
    pub limits: Limits,
    /// Never, where there is none.
    pub expires: Option<Time>,
}

impl Grant {
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }

    /// The name for logs and for what is posted. No key can be named as a token's holder is: its name has no colon.
    #[must_use]
    pub fn name(&self) -> String {
        match self.holder {
            Holder::Key { .. } => self.subject.clone(),
            Holder::Token { .. } => format!("jwt:{}", self.subject),
        }
    }

    /// As whom he posts: the holder of a token is a bot like any other.
    #[must_use]
    pub fn sender(&self) -> Key {
        let kind = match self.holder {
            Holder::Key { kind, .. } => kind,
            Holder::Token { .. } => Kind::Bot,
        };
        Key {
            name: self.name(),
            kind,
        }
    }
}

impl Scopes {
    pub const NONE: Self = Self(0);
    pub const READ: Self = Self::NONE.with(Scope::ReadSignals).with(Scope::ReadPrices);

    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope.bit())
    }
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }
    /// Those it has, in their order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Scope::as_str).collect();
        f.pad(&names.join(" "))
    }
}

impl Scope {
    pub const ALL: [Self; 4] = [
        Self::ReadSignals,
        Self::ReadPrices,
        Self::Publish,
        Self::Admin,
    ];

    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Its word in keys, tokens and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadSignals => "read:signals",
            Self::ReadPrices => "read:prices",
            Self::Publish => "publish",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("`{text}` is no scope; there are {all}")
        })
    }
}

impl From<Scope> for &'static str {
    fn from(scope: Scope) -> Self {
        scope.as_str()
    }
}

impl TryFrom<String> for Scope {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_a_set_with_words() {
        let scopes: Scopes = [Scope::Publish, Scope::ReadSignals].into_iter().collect();
        assert_eq!(scopes.to_string(), "read:signals publish");
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
            let is_in = matches!(scope, Scope::Publish | Scope::ReadSignals);
            assert_eq!(scopes.has(scope), is_in, "{scope}");
        }
        assert!("read:everything".parse::<Scope>().is_err());
        assert!(!Scopes::READ.has(Scope::Publish) && !Scopes::READ.has(Scope::Admin));
    }

    #[test]
    fn a_tokens_holder_is_never_taken_for_a_key() {
        let grant = |holder| Grant {
            subject: "alice".to_owned(),
            holder,
            scopes: Scopes::NONE,
            limits: Limits::default(),
            expires: None,
        };
        let key = grant(Holder::Key {
            kind: Kind::Bot,
            sha256: [0; 32],
        });
        let token = grant(Holder::Token { id: None });
        assert_eq!(
            (key.name().as_str(), token.name().as_str()),
            ("alice", "jwt:alice")
        );
        assert_eq!(key.sender().kind, token.sender().kind);
        assert_ne!(key.sender().name, token.sender().name);
    }
}
