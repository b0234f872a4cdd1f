//! Clients that speak TLS with the server.

use crate::support;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

/// Trusts some authority.
pub(crate) struct Https(RootCertStore);

/// A connection that is sealed.
pub(crate) struct Sealed(StreamOwned<ClientConnection, TcpStream>);

impl Https {
    pub(crate) fn trusting(pem: &str) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots
                .add(certificate.expect("a certificate"))
                .expect("a root");
        }
        Self(roots)
    }

    pub(crate) fn connect(&self, address: &str, name: &str) -> io::Result<Sealed> {
        self.shake(address, name, b"http/1.1")
    }

    /// As an authority checks a challenge.
    pub(crate) fn challenge(&self, address: &str, name: &str) -> io::Result<Sealed> {
        self.shake(address, name, b"acme-tls/1")
    }

    /// What the server shows.
    pub(crate) fn certificate(&self, address: &str, name: &str) -> io::Result<Vec<u8>> {
        let sealed = self.connect(address, name)?;
        let shown = sealed.0.conn.peer_certificates().expect("certificates");
        Ok(shown[0].to_vec())
    }

    fn shake(&self, address: &str, name: &str, protocol: &[u8]) -> io::Result<Sealed> {
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_root_certificates(self.0.clone())
                .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut tls = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(support::PATIENCE))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        Ok(Sealed(StreamOwned::new(tls, stream)))
    }
}

impl Sealed {
    /// The answer to a GET request, after which the connection ends.
    pub(crate) fn ask(&mut self, path: &str) -> io::Result<String> {
        write!(
            self.0,
            "GET {path} HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        match self.0.read_to_end(&mut answer) {
            Ok(_) => {}
            // Not everybody says the last word of TLS.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error),
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}
