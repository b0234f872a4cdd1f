//! TLS on the listener. Certificate and key are files, which are looked at again while the server runs: a renewed pair is
//! used by the next handshake, and one that does not fit leaves the old one in place. Where somebody else orders the
//! certificate, the files may come later, and challenges of tls-alpn-01 (RFC 8737) are answered by the same handshakes.

use crate::certificate;
use market::Time;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{
    Arc, LazyLock, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use std::time::Duration;
use std::{fmt, fs, io};
use tokio::sync::watch;
use tokio::time::sleep;

/// Where certificate and key are, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The server's certificate first, then those that vouch for it.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What is wrong with the files.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} cannot be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "{} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", .path.display()
    )]
    NoCertificate { path: PathBuf },
    #[error("{} holds no private key in PEM (-----BEGIN PRIVATE KEY-----)", .path.display())]
    NoKey { path: PathBuf },
    #[error("{} is damaged: {reason}", .path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "the key in {} does not belong to the certificate in {}: a pair is made and renewed together",
        .key.display(), .certificate.display()
    )]
    Mismatch { certificate: PathBuf, key: PathBuf },
}

impl Error {
    /// The file that is at fault; of two that do not fit, the key.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::NoCertificate { path }
            | Self::NoKey { path }
            | Self::Damaged { path, .. }
            | Self::Mismatch { key: path, .. } => path,
        }
    }
}

/// A certificate that fits its key.
#[derive(Debug)]
pub struct Identity {
    pair: Arc<CertifiedKey>,
    /// Hosts and addresses that it is for.
    pub names: Vec<String>,
    pub begins: Time,
    pub expires: Time,
}

impl Files {
    /// # Errors
    /// When the two are not a certificate and its key.
    pub fn read(&self) -> Result<Identity, Error> {
        self.understand(&self.texts()?)
    }

    fn texts(&self) -> Result<Texts, Error> {
        let read = |path: &Path| {
            fs::read(path).map_err(|source| Error::Unreadable {
                path: path.to_owned(),
                source,
            })
        };
        Ok(Texts {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
        })
    }

    fn understand(&self, texts: &Texts) -> Result<Identity, Error> {
        let chain = self.chain(&texts.certificate)?;
        let facts = certificate::facts(&chain[0]).ok_or_else(|| Error::Damaged {
            path: self.certificate.clone(),
            reason: "its first certificate cannot be understood".to_owned(),
        })?;
        let key = self.key(&texts.key)?;
        let pair =
            CertifiedKey::from_der(chain, key, &PROVIDER).map_err(|error| self.misfit(&error))?;
        Ok(Identity {
            pair: Arc::new(pair),
            names: facts.names,
            begins: facts.begins,
            expires: facts.expires,
        })
    }

    fn chain(&self, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
        let path = || self.certificate.clone();
        let chain = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
        match chain {
            Ok(chain) if chain.is_empty() => Err(Error::NoCertificate { path: path() }),
            Ok(chain) => Ok(chain),
            Err(error) => Err(Error::Damaged {
                path: path(),
                reason: error.to_string(),
            }),
        }
    }

    fn key(&self, text: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
        let path = self.key.clone();
        PrivateKeyDer::from_pem_slice(text).map_err(|error| {
            if matches!(error, pem::Error::NoItemsFound) {
                return Error::NoKey { path };
            }
            // The file's text stays out of the message: it is a secret.
            let reason = "what stands between BEGIN and END is no key".to_owned();
            Error::Damaged { path, reason }
        })
    }

    fn misfit(&self, error: &rustls::Error) -> Error {
        if let rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) = error {
            return Error::Mismatch {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            };
        }
        if let rustls::Error::InvalidCertificate(reason) = error {
            return Error::Damaged {
                path: self.certificate.clone(),
                reason: format!("its first certificate cannot be used: {reason:?}"),
            };
        }
        Error::Damaged {
            path: self.key.clone(),
            reason: "it is no key of a kind that TLS knows (ECDSA, Ed25519, RSA)".to_owned(),
        }
    }
}

/// What the files hold.
#[derive(PartialEq, Eq)]
struct Texts {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// How who speaks plain HTTP to a port with TLS is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// It is told to use https and wss.
    Refused,
    Served,
}

/// TLS as a listener speaks it.
pub struct Tls {
    files: Files,
    pub(crate) plain: Plain,
    /// How often the files are looked at.
    pub look_every: Duration,
    current: Arc<Current>,
    pub(crate) config: Arc<ServerConfig>,
    /// The files at the last look, or why they could not be read.
    seen: Mutex<Result<Texts, String>>,
    failures: Mutex<Failures>,
}

/// For whom the certificate is that handshakes use, from when and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub names: Vec<String>,
    pub begins: Time,
    pub expires: Time,
}

/// What went wrong with certificates since the process began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub count: u64,
    /// Of the last attempt, where that failed.
    pub reason: Option<String>,
}

/// The one provider of cryptography there is.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

/// What is spoken over TLS otherwise.
const HTTP: &[u8] = b"http/1.1";
/// How who checks a challenge names his protocol (RFC 8737, section 3).
pub(crate) const CHALLENGE_PROTOCOL: &[u8] = b"acme-tls/1";

impl Tls {
    /// # Errors
    /// When the files are not a certificate and its key.
    ///
    /// # Panics
    /// Never: the provider has the versions of the protocol.
    pub fn open(files: Files, plain: Plain) -> Result<Self, Error> {
        let texts = files.texts()?;
        let identity = files.understand(&texts)?;
        let mut config = Self::config_of(&identity.into_current());
        config.0.alpn_protocols = vec![HTTP.to_vec()];
        Ok(Self::of(files, plain, config, Ok(texts)))
    }

    /// The same where the files may not be there yet: until they are, each handshake ends with an alert. Files that cannot
    /// be used are told, and stand for none.
    ///
    /// # Panics
    /// Never: the provider has the versions of the protocol.
    #[must_use]
    pub fn awaiting(files: Files, plain: Plain) -> Self {
        let texts = files.texts();
        let identity = texts.as_ref().ok().map(|texts| files.understand(texts));
        let (current, damage) = match identity {
            Some(Ok(identity)) => (identity.into_current(), None),
            Some(Err(error)) => (Arc::default(), Some(error.to_string())),
            None => (Arc::default(), None),
        };
        let mut config = Self::config_of(&current);
        config.0.alpn_protocols = vec![HTTP.to_vec(), CHALLENGE_PROTOCOL.to_vec()];
        let texts = texts.map_err(|error| error.to_string());
        let tls = Self::of(files, plain, config, texts);
        if let Some(reason) = damage {
            tls.fail(&reason);
        }
        tls
    }

    fn of(
        files: Files,
        plain: Plain,
        (config, current): (ServerConfig, Arc<Current>),
        seen: Result<Texts, String>,
    ) -> Self {
        Self {
            files,
            plain,
            look_every: Duration::from_secs(2),
            current,
            config: Arc::new(config),
            seen: Mutex::new(seen),
            failures: Mutex::default(),
        }
    }

    fn config_of(current: &Arc<Current>) -> (ServerConfig, Arc<Current>) {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .expect("the provider has the versions of the protocol")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(current) as Arc<dyn ResolvesServerCert>);
        // A resumed session saves next to nothing of a handshake, and costs memory for each that is not.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        (config, Arc::clone(current))
    }

    /// The files of the pair.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// What handshakes show now; nothing while there is no certificate yet.
    #[must_use]
    pub fn shown(&self) -> Option<Shown> {
        let state = self.current.read();
        state.shown.clone()
    }

    /// What went wrong so far.
    #[must_use]
    pub fn failures(&self) -> Failures {
        self.failures_now().clone()
    }

    /// An attempt to renew failed.
    pub fn fail(&self, reason: &str) {
        let mut failures = self.failures_now();
        failures.count += 1;
        failures.reason = Some(reason.to_owned());
    }

    fn failures_now(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers the challenge for `name` with this certificate and its key, until [`Tls::end_challenges`].
    ///
    /// # Errors
    /// When they are not a certificate and its key.
    pub fn answer_challenge(
        &self,
        name: &str,
        certificate: Vec<u8>,
        key: Vec<u8>,
    ) -> Result<(), rustls::Error> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key));
        let pair = CertifiedKey::from_der(vec![certificate.into()], key, &PROVIDER)?;
        let mut state = self.current.write();
        state
            .challenges
            .insert(name.to_ascii_lowercase(), Arc::new(pair));
        Ok(())
    }

    /// Nobody checks any more.
    pub fn end_challenges(&self) {
        self.current.write().challenges.clear();
    }

    /// Looks at the files again and again, until the gateway ends.
    pub(crate) async fn follow(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = sleep(self.look_every) => {}
                _ = stopping.changed() => return,
            }
            let tls = Arc::clone(&self);
            let _looked = tokio::task::spawn_blocking(move || tls.look()).await;
        }
    }

    /// Takes what the files hold now, if it is something new and fits together. A fault is told once.
    pub fn look(&self) {
        let now = self.files.texts().map_err(|error| error.to_string());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return;
        }
        let identity = match &now {
            Ok(texts) => self
                .files
                .understand(texts)
                .map_err(|error| error.to_string()),
            Err(reason) => Err(reason.clone()),
        };
        match identity {
            Ok(identity) => {
                tracing::info!(names = identity.names.join(" "), expires = %identity.expires, "a new certificate is used from now on");
                self.current.set(identity);
                self.failures_now().reason = None;
            }
            Err(reason) => {
                tracing::error!(
                    reason,
                    "the files of the certificate have changed and cannot be used; the one before stays"
                );
                self.fail(&reason);
            }
        }
        *seen = now;
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .field("plain", &self.plain)
            .field("look_every", &self.look_every)
            .finish_non_exhaustive()
    }
}

impl Identity {
    fn into_current(self) -> Arc<Current> {
        let current = Arc::<Current>::default();
        current.set(self);
        current
    }
}

/// What handshakes use.
#[derive(Debug, Default)]
struct Current(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    pair: Option<Arc<CertifiedKey>>,
    shown: Option<Shown>,
    /// By the name that is checked.
    challenges: BTreeMap<String, Arc<CertifiedKey>>,
}

impl Current {
    fn set(&self, identity: Identity) {
        let mut state = self.write();
        state.pair = Some(identity.pair);
        state.shown = Some(Shown {
            names: identity.names,
            begins: identity.begins,
            expires: identity.expires,
        });
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Current {
    /// Without a pair rustls ends the handshake with an alert.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let state = self.read();
        if checks_challenge(&hello) {
            let name = hello.server_name()?.to_ascii_lowercase();
            return state.challenges.get(&name).cloned();
        }
        state.pair.clone()
    }
}

/// Who checks offers this one protocol.
fn checks_challenge(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut offered| {
        offered.next() == Some(CHALLENGE_PROTOCOL) && offered.next().is_none()
    })
}
