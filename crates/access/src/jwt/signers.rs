//! Those whose signatures count: public keys of a PEM file or of a JWK set (RFC 7517).

use crate::door::Denied;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use std::fmt;
use std::io;
use std::path::Path;

/// The public keys, each with the one algorithm it is for.
#[derive(Default)]
pub struct Signers(Vec<Signer>);

struct Signer {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Why keys cannot be used. No message holds one.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is neither PEM (-----BEGIN PUBLIC KEY-----) nor a JWK set ({{\"keys\":[...]}})")]
    Form,
    #[error(
        "PEM block {0} is a {1}: give the public key alone, as `openssl pkey -pubout` or `openssl x509 -pubkey` print it"
    )]
    Block(usize, String),
    #[error(
        "PEM block {0} is no key for EdDSA (Ed25519), ES256 (P-256) or RS256 (RSA of 2048 bits or more)"
    )]
    Kind(usize),
    #[error(
        "no key in it is for EdDSA (Ed25519), ES256 (P-256) or RS256 (RSA of 2048 bits or more)"
    )]
    None,
    #[error("it has more than {KEYS_MAX} keys")]
    Many,
}

/// A token that names no key is tried with each of its algorithm.
const KEYS_MAX: usize = 64;
const RSA_BYTES_MIN: usize = 2048 / 8;
/// A modulus of 2048 bits, an exponent and what DER puts around them.
const RSA_DER_MIN: usize = RSA_BYTES_MIN + 10;
const P256_POINT_BYTES: usize = 65;
const ED25519_BYTES: usize = 32;

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// A key of a set, with the fields of the kinds that are used here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Signers {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or holds no usable key.
    pub fn read(path: &Path) -> Result<Self, SignerError> {
        std::fs::read_to_string(path)?.parse()
    }

    /// Whether this key signed this message, by the algorithm that the token names.
    pub(super) fn check(
        &self,
        algorithm: &str,
        kid: Option<&str>,
        message: &str,
        signature: &str,
    ) -> Result<(), Denied> {
        let algorithm = named(algorithm).ok_or(Denied::Algorithm)?;
        let is_named = |signer: &&Signer| match (kid, &signer.kid) {
            (Some(kid), Some(own)) => kid == own,
            // Keys of a PEM file have no names.
            (None, _) | (_, None) => true,
        };
        let mut named = self.0.iter().filter(is_named).peekable();
        if named.peek().is_none() {
            return Err(Denied::Signer);
        }
        let mut fitting = named
            .filter(|signer| signer.algorithm == algorithm)
            .peekable();
        if fitting.peek().is_none() {
            return Err(Denied::Algorithm);
        }
        let mut is_signed = fitting.map(|signer| signer.signed(message, signature));
        if is_signed.any(|is_signed| is_signed) {
            Ok(())
        } else {
            Err(Denied::Signature)
        }
    }

    fn from_pem(text: &str) -> Result<Vec<Signer>, SignerError> {
        let blocks = text.split("-----BEGIN ").skip(1);
        blocks
            .zip(1..)
            .map(|(block, number)| Signer::from_pem(block, number))
            .collect()
    }

    /// Keys for other purposes and of other kinds stand in most sets: they are left out.
    fn from_set(text: &str) -> Result<Vec<Signer>, SignerError> {
        let set: Set = serde_json::from_str(text).map_err(|_| SignerError::Form)?;
        let read = |jwk| serde_json::from_value(jwk).ok();
        Ok(set
            .keys
            .into_iter()
            .filter_map(read)
            .filter_map(Signer::from_jwk)
            .collect())
    }
}

impl std::str::FromStr for Signers {
    type Err = SignerError;

    fn from_str(text: &str) -> Result<Self, SignerError> {
        let signers = if text.trim_start().starts_with('{') {
            Self::from_set(text)?
        } else if text.contains("-----BEGIN ") {
            Self::from_pem(text)?
        } else {
            return Err(SignerError::Form);
        };
        match signers.len() {
            0 => Err(SignerError::None),
            1..=KEYS_MAX => Ok(Self(signers)),
            _ => Err(SignerError::Many),
        }
    }
}

/// Names and algorithms; not the keys, though they are public.
impl fmt::Debug for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for signer in &self.0 {
            let kid = signer.kid.as_deref().unwrap_or("-");
            list.entry(&format_args!("{kid} {:?}", signer.algorithm));
        }
        list.finish()
    }
}

impl Signer {
    /// A block without its `-----BEGIN `.
    fn from_pem(block: &str, number: usize) -> Result<Self, SignerError> {
        let (label, _) = block.split_once("-----").ok_or(SignerError::Form)?;
        if label != "PUBLIC KEY" && label != "RSA PUBLIC KEY" {
            return Err(SignerError::Block(number, label.to_lowercase()));
        }
        let end = format!("-----END {label}-----");
        let end = block.find(&end).ok_or(SignerError::Form)? + end.len();
        let pem = format!("-----BEGIN {}\n", &block[..end]);
        let found = pem_key(pem.as_bytes());
        let (algorithm, key) = found.ok_or(SignerError::Kind(number))?;
        Ok(Self {
            kid: None,
            algorithm,
            key,
        })
    }

    fn from_jwk(jwk: Jwk) -> Option<Self> {
        if jwk.purpose.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let (algorithm, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => {
                let x = bytes(jwk.x).filter(|x| x.len() == ED25519_BYTES)?;
                (Algorithm::EdDSA, DecodingKey::from_ed_der(&x))
            }
            ("EC", Some("P-256")) => {
                let point = [vec![4], bytes(jwk.x)?, bytes(jwk.y)?].concat();
                let key = DecodingKey::from_ec_der(&point);
                (Algorithm::ES256, Some(key).filter(is_p256)?)
            }
            ("RSA", None) => {
                let (n, e) = (bytes(jwk.n)?, bytes(jwk.e)?);
                let leading = n.iter().take_while(|byte| **byte == 0).count();
                let key = DecodingKey::from_rsa_raw_components(&n[leading..], &e);
                let is_long = n.len() - leading >= RSA_BYTES_MIN;
                (Algorithm::RS256, is_long.then_some(key)?)
            }
            _ => return None,
        };
        let is_its = jwk.alg.is_none_or(|alg| named(&alg) == Some(algorithm));
        is_its.then_some(Self {
            kid: jwk.kid,
            algorithm,
            key,
        })
    }

    fn signed(&self, message: &str, signature: &str) -> bool {
        let verified =
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, self.algorithm);
        verified.unwrap_or(false)
    }
}

/// The algorithms that count, by their names in tokens and sets (RFC 8037 and RFC 9864 for the first).
fn named(algorithm: &str) -> Option<Algorithm> {
    match algorithm {
        "EdDSA" | "Ed25519" => Some(Algorithm::EdDSA),
        "ES256" => Some(Algorithm::ES256),
        "RS256" => Some(Algorithm::RS256),
        _ => None,
    }
}

/// The key in this text and the algorithm it is for, if there is one.
fn pem_key(pem: &[u8]) -> Option<(Algorithm, DecodingKey)> {
    let is_long = |key: &DecodingKey| {
        let bytes = key.try_get_as_bytes();
        bytes.is_ok_and(|bytes| bytes.len() >= RSA_DER_MIN)
    };
    let ed25519 = DecodingKey::from_ed_pem(pem).ok();
    let p256 = || DecodingKey::from_ec_pem(pem).ok().filter(is_p256);
    let rsa = || DecodingKey::from_rsa_pem(pem).ok().filter(is_long);
    let ed25519 = ed25519.map(|key| (Algorithm::EdDSA, key));
    let p256 = || p256().map(|key| (Algorithm::ES256, key));
    let rsa = || rsa().map(|key| (Algorithm::RS256, key));
    ed25519.or_else(p256).or_else(rsa)
}

/// Whether it is an uncompressed point of the right size: the only form that signatures are checked with.
fn is_p256(key: &DecodingKey) -> bool {
    let bytes = key.try_get_as_bytes();
    bytes.is_ok_and(|bytes| bytes.len() == P256_POINT_BYTES && bytes[0] == 4)
}
