//! The two ways out: an HTTP client and a WebSocket. Both verify certificates against the roots that are built in, so that
//! an empty container works; neither follows a redirect, since a key must not go where it was not meant to.

mod known;

use crate::supervise::End;
use known::Known;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, http};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

/// A WebSocket to a vendor.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Largest message of a vendor: some answer a login with thousands of symbols, which is megabytes.
const MESSAGE_BYTES: usize = 8 * 1024 * 1024;
/// How ORION names itself.
const AGENT: &str = concat!("orion/", env!("CARGO_PKG_VERSION"));

static TLS: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
    trusting(RootCertStore::from_iter(
        webpki_roots::TLS_SERVER_ROOTS.iter().cloned(),
    ))
});

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn trusting(roots: RootCertStore) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has the protocol's versions");
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

/// Who is trusted by a PEM file.
///
/// # Errors
/// Why it is no file of certificates; the message names it.
pub fn roots(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let added = roots.add(certificate);
        added.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(roots)
}

/// The certificates of a PEM file, of which there is at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| told(&error))?;
    let certificates: Result<Vec<_>, _> = certificates.collect();
    let certificates = certificates.map_err(|error| told(&error))?;
    if certificates.is_empty() {
        return Err(told(&"it holds no certificate in PEM"));
    }
    Ok(certificates)
}

/// TLS that trusts, besides the built-in roots, the certificates of a PEM file: who shows one of them, by whatever name it is
/// reached, and who has one issued by them.
///
/// # Errors
/// Why it is no file of certificates; the message names it.
pub fn knowing(path: &Path) -> Result<Arc<ClientConfig>, String> {
    let known = Known::read(path)?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has the protocol's versions");
    let config = config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(known));
    Ok(Arc::new(config.with_no_client_auth()))
}

/// A client for a vendor's REST: 10 s to connect, `within` for a whole answer (a stream sets none).
///
/// # Panics
/// Never: its settings are fixed.
#[must_use]
pub fn http(within: Option<Duration>) -> reqwest::Client {
    let mut builder = builder();
    if let Some(within) = within {
        builder = builder.timeout(within);
    }
    builder.build().expect("the client's settings are fixed")
}

/// A client for a server of the operator's own: it is reached directly, whatever proxy leads outside.
///
/// # Panics
/// Never: its settings are fixed.
#[must_use]
pub fn http_near(within: Duration) -> reqwest::Client {
    let near = builder().no_proxy().timeout(within).build();
    near.expect("the client's settings are fixed")
}

/// The same with a TLS of one's own.
///
/// # Panics
/// Never: its settings are fixed.
#[must_use]
pub fn http_near_with(within: Duration, tls: &ClientConfig) -> reqwest::Client {
    let builder = builder().tls_backend_preconfigured(tls.clone());
    let near = builder.no_proxy().timeout(within).build();
    near.expect("the client's settings are fixed")
}

/// A client for a server that only `roots` vouch for: one of the operator's own, which is reached directly.
///
/// # Panics
/// Never: its settings are fixed.
#[must_use]
pub fn http_private(within: Duration, roots: RootCertStore) -> reqwest::Client {
    http_near_with(within, &trusting(roots))
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(TLS.as_ref().clone())
        .user_agent(AGENT)
        .connect_timeout(CONNECT_WITHIN)
        .redirect(reqwest::redirect::Policy::none())
}

/// Connects a WebSocket, with further headers.
///
/// # Errors
/// How the attempt ended. No message holds the address's query, where some vendors want the key.
pub async fn websocket(url: &str, headers: &[(&str, &str)]) -> Result<Socket, End> {
    let request = request(url, headers)?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES))
        .max_frame_size(Some(MESSAGE_BYTES));
    let connector = Connector::Rustls(Arc::clone(&TLS));
    let attempt = tokio_tungstenite::connect_async_tls_with_config(
        request,
        Some(config),
        true,
        Some(connector),
    );
    match timeout(CONNECT_WITHIN, attempt).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(Error::Http(answer))) => Err(refused(answer.status())),
        Ok(Err(error)) => Err(End::transient(format!("cannot connect: {error}"))),
        Err(_) => Err(End::transient(format!(
            "no connection within {} s",
            CONNECT_WITHIN.as_secs()
        ))),
    }
}

fn request(url: &str, headers: &[(&str, &str)]) -> Result<Request, End> {
    let wrong = |what: String| End::fatal(what, "correct the source's address or headers");
    let mut request = url
        .into_client_request()
        .map_err(|error| wrong(format!("the address is not usable: {error}")))?;
    let list = request.headers_mut();
    list.insert(
        http::header::USER_AGENT,
        http::HeaderValue::from_static(AGENT),
    );
    for (name, value) in headers {
        let name = http::HeaderName::try_from(*name)
            .map_err(|_| wrong(format!("`{name}` is not the name of a header")))?;
        // The value may be the key: it is not repeated.
        let mut value = http::HeaderValue::try_from(*value)
            .map_err(|_| wrong(format!("the value of the header {name} is not usable")))?;
        value.set_sensitive(true);
        list.insert(name, value);
    }
    Ok(request)
}

/// The whole body of an answer as text; what is no UTF-8 in it is replaced.
///
/// # Errors
/// Why it did not come, or that it has more than `bytes_max`. No message holds the address.
pub async fn text(mut response: reqwest::Response, bytes_max: usize) -> Result<String, String> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > bytes_max => {
                return Err(format!("the answer is larger than {bytes_max} bytes"));
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => return Err(error.without_url().to_string()),
        }
    }
}

/// What an HTTP status means for whoever wanted to connect.
#[must_use]
pub fn refused(status: http::StatusCode) -> End {
    let reason = format!("the server answered {status}");
    match status.as_u16() {
        401 | 403 => End::fatal(reason, "check the key, and what it is entitled to"),
        408 | 425 | 429 | 500..=599 => End::transient(reason),
        404 => End::fatal(reason, "check the source's address"),
        _ => End::fatal(reason, "check the source's settings"),
    }
}
