//! Where everybody is asked who he is: one question for keys and tokens, and one whether the answer still holds.

use crate::grant::{Grant, Holder};
use crate::jwt::{self, Rules, Signers};
use crate::keys::{Keys, Kind, StoreError};
use crate::revoked::Revoked;
use crate::watched::Watched;
use market::Time;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who may come in. Copies share what was read.
#[derive(Clone)]
pub struct Access(Arc<Shared>);

struct Shared {
    keys: Keys,
    revoked: Mutex<List>,
    tokens: Option<Tokens>,
}

struct List {
    revoked: Revoked,
    /// How often the list was read.
    version: u64,
}

/// The tokens that are taken.
struct Tokens {
    rules: Rules,
    signers: Mutex<Source>,
    /// A token named a key that is not known: there may be new ones.
    missed: AtomicBool,
}

enum Source {
    File(Watched<Arc<Signers>>),
    /// Handed in by whoever fetches them.
    Handed(Arc<Signers>),
}

/// What somebody shows, and how.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    pub token: &'a str,
    pub way: Way,
    /// The `Origin` of the request, where a browser makes it.
    pub origin: Option<&'a str>,
}

impl<'a> Presented<'a> {
    /// The token of an `Authorization` header; `None` where it is of another scheme (RFC 6750, 2.1).
    #[must_use]
    pub fn by_header(authorization: &'a str, origin: Option<&'a str>) -> Option<Self> {
        let (scheme, token) = authorization.split_once(' ')?;
        scheme.eq_ignore_ascii_case("Bearer").then(|| Self {
            token: token.trim(),
            way: Way::Header,
            origin,
        })
    }
}

/// By which way a token came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Header,
    Message,
    /// In the address, where it ends up in histories and other people's logs.
    Address,
}

/// Why somebody is not let in. Nobody's token is in any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("no key here is this one")]
    Unknown,
    #[error("no JWT is taken here: auth.jwt.keys is not set")]
    NoTokens,
    #[error("it is not a JWT that can be read")]
    Malformed,
    #[error("its algorithm is not that of the key")]
    Algorithm,
    #[error("it names a key that is not known")]
    Signer,
    #[error("its signature is not right")]
    Signature,
    #[error("it never expires: `exp` is missing")]
    Endless,
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    Early,
    #[error("its issuer is another")]
    Issuer,
    #[error("it is meant for somebody else: `aud`")]
    Audience,
    #[error("it does not say whose it is: `sub`")]
    Nameless,
    #[error("it has been revoked")]
    Revoked,
    #[error("it is bound to another origin")]
    Origin,
    #[error("only a dashboard's key that is bound to an origin may stand in an address")]
    InAddress,
}

impl Access {
    /// With the keys and the revocations of a data folder; tokens are taken once [`Access::with_tokens`] says which.
    ///
    /// # Errors
    /// When the list of what is revoked cannot be read.
    pub fn open(data: &Path, now: Time) -> Result<Self, StoreError> {
        Ok(Self(Arc::new(Shared {
            keys: Keys::new(data),
            revoked: Mutex::new(List {
                revoked: Revoked::open(data, now)?,
                version: 0,
            }),
            tokens: None,
        })))
    }

    /// Takes tokens too, signed by keys of this file, or by keys that are handed in.
    ///
    /// # Errors
    /// When the file cannot be read or holds no key that can be used.
    ///
    /// # Panics
    /// When it is shared already.
    pub fn with_tokens(
        mut self,
        rules: Rules,
        file: Option<PathBuf>,
        now: Time,
    ) -> Result<Self, jwt::SignerError> {
        let source = match file {
            None => Source::Handed(Arc::default()),
            Some(path) => {
                let mut signers = Watched::new(path);
                // A file that is not there looks as it did before anybody looked.
                read_signers(signers.path())?;
                signers.read_if_changed(now, read_signers)?;
                Source::File(signers)
            }
        };
        let shared = Arc::get_mut(&mut self.0).expect("nobody else has it yet");
        shared.tokens = Some(Tokens {
            rules,
            signers: Mutex::new(source),
            missed: AtomicBool::new(false),
        });
        Ok(self)
    }

    /// What whoever shows this may do.
    ///
    /// # Errors
    /// Why he is not let in.
    pub fn grant(&self, presented: &Presented<'_>, now: Time) -> Result<Grant, Denied> {
        if jwt::is_meant(presented.token) {
            self.token(presented, now)
        } else {
            self.key(presented, now)
        }
    }

    /// Whether a grant still holds, but for its time: its key is still there, its token not revoked.
    #[must_use]
    pub fn holds(&self, grant: &Grant, now: Time) -> bool {
        match &grant.holder {
            Holder::Key { sha256, .. } => self.0.keys.has(sha256, now),
            Holder::Token { id } => !self.is_revoked(id.as_deref(), &grant.subject, now),
        }
    }

    /// Another number whenever some grant may not hold any more.
    #[must_use]
    pub fn version(&self, now: Time) -> u64 {
        self.0.keys.version(now) + self.revoked(now).version
    }

    /// The keys alone, for those that stand in addresses of webhooks or in terminals.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// Takes the keys of signers that were fetched, in place of those before.
    pub fn take_signers(&self, signers: Signers) {
        if let Some(tokens) = &self.0.tokens
            && let Source::Handed(known) = &mut *lock(&tokens.signers)
        {
            *known = Arc::new(signers);
        }
    }

    /// Whether a token named a key that is not known, since this was last asked.
    #[must_use]
    pub fn misses_signers(&self) -> bool {
        let tokens = self.0.tokens.as_ref();
        tokens.is_some_and(|tokens| tokens.missed.swap(false, Ordering::Relaxed))
    }

    fn key(&self, presented: &Presented<'_>, now: Time) -> Result<Grant, Denied> {
        let key = self.0.keys.stored(presented.token, now);
        let key = key.ok_or(Denied::Unknown)?;
        if key.has_expired(now) {
            return Err(Denied::Expired);
        }
        let is_from = |origin: &crate::Origin| presented.origin == Some(origin.as_str());
        if key.origin.as_ref().is_some_and(|origin| !is_from(origin)) {
            return Err(Denied::Origin);
        }
        let may_stand_in_address = key.kind == Kind::Dashboard && key.origin.is_some();
        if presented.way == Way::Address && !may_stand_in_address {
            return Err(Denied::InAddress);
        }
        Ok(key.grant())
    }

    fn token(&self, presented: &Presented<'_>, now: Time) -> Result<Grant, Denied> {
        let tokens = self.0.tokens.as_ref().ok_or(Denied::NoTokens)?;
        if presented.way == Way::Address {
            return Err(Denied::InAddress);
        }
        let signers = tokens.signers(now);
        let grant = jwt::verify(presented.token, &signers, &tokens.rules, now);
        let grant = grant.inspect_err(|denied| {
            if *denied == Denied::Signer {
                tokens.missed.store(true, Ordering::Relaxed);
            }
        })?;
        let Holder::Token { id } = &grant.holder else {
            return Ok(grant);
        };
        if self.is_revoked(id.as_deref(), &grant.subject, now) {
            return Err(Denied::Revoked);
        }
        Ok(grant)
    }

    fn is_revoked(&self, id: Option<&str>, subject: &str, now: Time) -> bool {
        self.revoked(now).revoked.has(id, subject)
    }

    fn revoked(&self, now: Time) -> MutexGuard<'_, List> {
        let mut list = lock(&self.0.revoked);
        if list.revoked.refresh(now) {
            list.version += 1;
            tracing::info!("the list of what is revoked was read");
        }
        list
    }
}

impl Tokens {
    fn signers(&self, now: Time) -> Arc<Signers> {
        match &mut *lock(&self.signers) {
            Source::Handed(signers) => Arc::clone(signers),
            Source::File(file) => {
                if file.refresh(now, read_signers) {
                    tracing::info!(file = %file.path().display(), keys = ?file.value(), "the keys of tokens were read");
                }
                Arc::clone(file.value())
            }
        }
    }
}

fn read_signers(path: &Path) -> Result<Arc<Signers>, jwt::SignerError> {
    Signers::read(path).map(Arc::new)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = if self.0.tokens.is_some() {
            " and JWTs"
        } else {
            ""
        };
        write!(f, "Access({:?}{tokens})", self.0.keys)
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({:?} from {:?})", self.way, self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_the_scheme_bearer_has_a_token() {
        let token = |header| Presented::by_header(header, None).map(|presented| presented.token);
        assert_eq!(token("Bearer abc"), Some("abc"));
        assert_eq!(token("bearer  a b "), Some("a b"));
        assert_eq!(token("Bearer "), Some(""));
        for other in ["", "Bearer", "Bearers abc", "Basic abc", "abc"] {
            assert_eq!(token(other), None, "{other}");
        }
    }
}
