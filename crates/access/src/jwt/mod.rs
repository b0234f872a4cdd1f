//! Tokens that somebody else signs (JWT, RFC 7519): whose signature counts, and what a token may say.
//!
//! The algorithm of a signature is that of the key that is tried, never what a token calls it: a token that names another is
//! refused before anything is computed. Symmetric keys are none, and neither is `none`.

mod claims;
mod signers;

pub use signers::{SignerError, Signers};

use crate::door::Denied;
use crate::grant::Grant;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use market::{Span, Time};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// What a token must say to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Its `iss`, where one is wanted.
    pub issuer: Option<String>,
    /// One of its `aud`, where one is wanted.
    pub audience: Option<String>,
    /// How far the clock of whoever made it may be off ours.
    pub leeway: Span,
}

/// Longest token that is looked at.
const TOKEN_MAX: usize = 8 * 1024;

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515 section 4.1.11); we know none.
    crit: Option<IgnoredAny>,
}

/// Whether this is meant to be a JWT. An API key has no point in it.
pub(crate) fn is_meant(token: &str) -> bool {
    token.contains('.')
}

/// What the holder of this token may do.
pub(crate) fn verify(
    token: &str,
    signers: &Signers,
    rules: &Rules,
    now: Time,
) -> Result<Grant, Denied> {
    if token.len() > TOKEN_MAX {
        return Err(Denied::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Denied::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(Denied::Malformed)?;
    if payload.contains('.') {
        return Err(Denied::Malformed);
    }
    let header: Header = part(header)?;
    if header.crit.is_some() {
        return Err(Denied::Malformed);
    }
    signers.check(&header.alg, header.kid.as_deref(), message, signature)?;
    claims::read(part(payload)?, rules, now)
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, Denied> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Denied::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Denied::Malformed)
}
