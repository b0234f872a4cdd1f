//! Orders the certificate that `[server.tls.acme]` names, and renews it when a third of its life is left (ACME, RFC 8555). That
//! the names are this server's is shown by handshakes on the listener itself (tls-alpn-01, RFC 8737).
//!
//! What is ordered becomes a file, and the gateway takes it as it takes any other: a restart and a hand-over find it there and
//! order nothing. An order that fails leaves the certificate before in place.

use crate::clock::Clock;
use crate::config::Acme;
use anyhow::{Context as _, Result, bail, ensure};
use axum::body::{Body, Bytes};
use axum::http;
use gateway::tls::{Shown, Tls};
use instant_acme::{
    Account, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType, Error, HttpClient,
    Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use market::{Span, Time};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use std::fs;
use std::future::Future;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Bytes of an answer of the authority, at most: a chain of certificates has some thousand.
const BYTES_MAX: usize = 256 * 1024;
const WITHIN: Duration = Duration::from_secs(30);
/// How long the authority may take to check a name, and to sign.
const POLL: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));
/// Another process may have renewed meanwhile, and the machine may have slept.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The longest wait after orders that failed.
const WAIT_LONGEST: Duration = Duration::from_secs(6 * 60 * 60);
/// The authority does not know the account any more (RFC 8555, section 6.7).
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// Who orders.
pub(crate) struct Orders {
    pub(crate) acme: Acme,
    /// The data folder.
    pub(crate) data: PathBuf,
    pub(crate) tls: Arc<Tls>,
    pub(crate) clock: Arc<Clock>,
}

impl Orders {
    /// Orders whenever it is time, for as long as it runs.
    pub(crate) async fn follow(self) {
        let first = Duration::from_secs(self.acme.retry_s);
        let mut wait = first;
        loop {
            let left = until_due(self.tls.shown().as_ref(), self.clock.now());
            if !left.is_zero() {
                sleep(left.min(LOOK_EVERY)).await;
                continue;
            }
            match self.order().await {
                Ok(()) => wait = first,
                Err(error) => {
                    let reason = format!("{error:#}");
                    self.tls.fail(&reason);
                    self.tell(&reason, wait);
                    sleep(wait).await;
                    wait = (wait * 2).min(WAIT_LONGEST);
                }
            }
        }
    }

    fn tell(&self, reason: &str, again: Duration) {
        let directory = self.acme.directory.address();
        let names = self.acme.domains.join(" ");
        let again_s = again.as_secs();
        match self.tls.shown() {
            Some(shown) => {
                tracing::error!(names, directory, reason, again_s, expires = %shown.expires, "the certificate could not be renewed; the one before stays");
            }
            None => tracing::error!(
                names,
                directory,
                reason,
                again_s,
                "no certificate could be had; nobody can connect by TLS until there is one"
            ),
        }
    }

    async fn order(&self) -> Result<()> {
        let directory = self.acme.directory.address();
        let names = self.acme.domains.join(" ");
        tracing::info!(names, directory, "a certificate is ordered");
        let account = self.account().await?;
        let identifiers: Vec<_> = self
            .acme
            .domains
            .iter()
            .cloned()
            .map(Identifier::Dns)
            .collect();
        let placed = account.new_order(&NewOrder::new(&identifiers)).await;
        if let Err(error) = &placed
            && is_unknown(error)
        {
            // The next order makes a new one.
            let _gone = fs::remove_file(self.acme.account(&self.data));
        }
        let mut order = placed.context("place the order")?;
        let signed = self.fulfil(&mut order).await;
        self.tls.end_challenges();
        let path = self.acme.files(&self.data).certificate;
        write_private(&path, signed?.as_bytes())?;
        self.tls.look();
        ensure!(
            !until_due(self.tls.shown().as_ref(), self.clock.now()).is_zero(),
            "what was signed cannot be used, or would have to be renewed at once"
        );
        Ok(())
    }

    /// The account at the authority; made where there is none yet.
    async fn account(&self) -> Result<Account> {
        let path = self.acme.account(&self.data);
        let builder = || -> Result<_> { Ok(Account::builder_with_http(Box::new(self.http()?))) };
        match fs::read(&path) {
            Ok(text) => {
                let credentials = serde_json::from_slice(&text)
                    .with_context(|| format!("read the account in {}", path.display()))?;
                let account = builder()?.from_credentials(credentials).await;
                account.context("ask for the directory")
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let contact: Vec<_> = self.acme.contact.iter().map(String::as_str).collect();
                let new = NewAccount {
                    contact: &contact,
                    terms_of_service_agreed: true,
                    only_return_existing: false,
                };
                let directory = self.acme.directory.address().to_owned();
                let made = builder()?.create(&new, directory, None).await;
                let (account, credentials) = made.context("make an account")?;
                write_private(&path, &serde_json::to_vec(&credentials)?)?;
                Ok(account)
            }
            Err(error) => {
                Err(error).with_context(|| format!("read the account in {}", path.display()))
            }
        }
    }

    fn http(&self) -> Result<Http> {
        let client = match &self.acme.root {
            Some(path) => {
                let roots = feeds::net::roots(path).map_err(anyhow::Error::msg)?;
                feeds::net::http_private(WITHIN, roots)
            }
            None => feeds::net::http(Some(WITHIN)),
        };
        Ok(Http(client))
    }

    /// Shows that the names are this server's, and has a new key signed: key and certificates as one text.
    async fn fulfil(&self, order: &mut Order) -> Result<String> {
        self.answer_challenges(order).await?;
        let ready = order.poll_ready(&POLL).await;
        if !matches!(ready, Ok(OrderStatus::Ready)) {
            let reasons = reasons(order).await;
            ready.with_context(|| format!("the names could not be checked{reasons}"))?;
            bail!("the names could not be checked{reasons}");
        }
        let key = KeyPair::generate().context("make a key")?;
        let mut params = CertificateParams::new(self.acme.domains.clone()).context("name it")?;
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&key).context("make a request")?;
        let finalized = order.finalize_csr(request.der()).await;
        finalized.context("have the key signed")?;
        let chain = order.poll_certificate(&POLL).await;
        let chain = chain.context("fetch the certificate")?;
        Ok(format!("{}{chain}", key.serialize_pem()))
    }

    async fn answer_challenges(&self, order: &mut Order) -> Result<()> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.context("ask what is to be shown")?;
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                status @ (AuthorizationStatus::Invalid
                | AuthorizationStatus::Revoked
                | AuthorizationStatus::Expired
                | AuthorizationStatus::Deactivated) => bail!("a name cannot be shown: {status:?}"),
            }
            let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
            let mut challenge = challenge.context("the authority does not offer tls-alpn-01")?;
            let name = challenge.identifier().to_string();
            let (certificate, key) =
                answer(&name, challenge.key_authorization().digest().as_ref())?;
            let taken = self.tls.answer_challenge(&name, certificate, key);
            taken.context("answer the challenge")?;
            let told = challenge.set_ready().await;
            told.context("say that the challenge is answered")?;
        }
        Ok(())
    }
}

/// How long until it is time to order: when a third of the life is left (docs/tls.md).
fn until_due(shown: Option<&Shown>, now: Time) -> Duration {
    let Some(shown) = shown else {
        return Duration::ZERO;
    };
    let third = Span::from_nanos((shown.expires - shown.begins).nanos() / 3);
    let left = (shown.expires - third - now).nanos();
    Duration::from_nanos(u64::try_from(left).unwrap_or(0))
}

/// The certificate that answers a challenge, and its key (RFC 8737, section 3).
fn answer(name: &str, digest: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut params = CertificateParams::new([name.to_owned()]).context("name the answer")?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().context("make a key")?;
    let certificate = params.self_signed(&key).context("sign the answer")?;
    Ok((certificate.der().to_vec(), key.serialize_der()))
}

/// What the authority says about the names it checked in vain.
async fn reasons(order: &mut Order) -> String {
    let mut reasons = String::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        let name = state.identifier().to_string();
        let errors = state.challenges.iter().filter_map(|it| it.error.as_ref());
        for error in errors {
            reasons.push_str(&format!("; {name}: {error}"));
        }
    }
    reasons
}

fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Api(problem) if problem.r#type.as_deref() == Some(NO_ACCOUNT))
}

/// Writes a secret, whole or not at all, into a folder that is its owner's alone.
fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let new = path.with_extension("new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    written().with_context(|| format!("write {}", path.display()))
}

/// The client that is there anyway, as the protocol's crate wants it.
struct Http(reqwest::Client);

impl HttpClient for Http {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move { send(client, request).await.map_err(Error::Other) })
    }
}

async fn send(
    client: reqwest::Client,
    request: http::Request<BodyWrapper<Bytes>>,
) -> Result<BytesResponse, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), BYTES_MAX).await?;
    let asked = client
        .request(parts.method, parts.uri.to_string())
        .headers(parts.headers)
        .body(body);
    let answer = asked.send().await?;
    let mut response = http::Response::new(());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    let text = feeds::net::text(answer, BYTES_MAX).await?;
    Ok(BytesResponse {
        parts: response.into_parts().0,
        body: Box::new(Bytes::from(text)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_time_when_a_third_of_the_life_is_left() {
        let shown = Shown {
            names: vec!["a.example".to_owned()],
            begins: Time::from_secs(1_000),
            expires: Time::from_secs(1_090),
        };
        for (now, left) in [(1_000, 60), (1_059, 1), (1_060, 0), (1_075, 0), (2_000, 0)] {
            let until = until_due(Some(&shown), Time::from_secs(now));
            assert_eq!(until, Duration::from_secs(left), "at {now}");
        }
        assert_eq!(
            until_due(None, Time::from_secs(1)),
            Duration::ZERO,
            "there is none yet"
        );
    }

    #[test]
    fn what_is_kept_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acme/account.json");
        write_private(&path, b"first").unwrap();
        write_private(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }
}
