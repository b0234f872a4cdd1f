//! A server whose certificate one has: it may name another host than the one it is reached by, and nobody need vouch for it.

use super::{certificates, provider};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

/// Takes who shows one of these certificates and has its key; anybody else as the web does, with these as roots too.
#[derive(Debug)]
pub(super) struct Known {
    certificates: Vec<CertificateDer<'static>>,
    others: Arc<WebPkiServerVerifier>,
}

impl Known {
    /// # Errors
    /// Why it is no file of certificates; the message names it.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let certificates = certificates(path)?;
        let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        roots.add_parsable_certificates(certificates.iter().cloned());
        let others = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
        let others = others
            .build()
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self {
            certificates,
            others,
        })
    }
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.certificates.iter().any(|known| known == shown) {
            return Ok(ServerCertVerified::assertion());
        }
        self.others
            .verify_server_cert(shown, chain, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.others
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.others
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.others.supported_verify_schemes()
    }
}
