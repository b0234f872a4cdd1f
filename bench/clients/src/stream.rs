//! A client's socket, plain or under TLS. It never waits.

use mio::net::TcpStream;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

/// How a client speaks TLS: with the benchmark's own servers, whoever they say they are.
#[derive(Clone, Debug)]
pub struct Tls(Arc<ClientConfig>);

#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Tls {
    /// # Panics
    /// Never: the provider has the versions of the protocol.
    #[must_use]
    pub fn new() -> Self {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the versions of the protocol")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_no_client_auth();
        Self(Arc::new(config))
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

impl Stream {
    pub(crate) fn new(tcp: TcpStream, tls: Option<&Tls>) -> io::Result<Self> {
        let session = tls.map(|tls| {
            let name = ServerName::try_from("localhost").expect("a name");
            ClientConnection::new(Arc::clone(&tls.0), name).map(Box::new)
        });
        Ok(Self {
            tcp,
            tls: session.transpose().map_err(io::Error::other)?,
        })
    }

    /// Whether a read that does not fill its room has taken all there is.
    pub(crate) fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    fn flush_records(tls: &mut ClientConnection, tcp: &mut TcpStream) -> io::Result<()> {
        while tls.wants_write() {
            match tls.write_tls(tcp) {
                // What is left goes with the next.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                written => drop(written?),
            }
        }
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.tcp.read(into);
        };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            let count = tls.read_tls(&mut self.tcp)?;
            tls.process_new_packets().map_err(io::Error::other)?;
            Self::flush_records(tls, &mut self.tcp)?;
            if count == 0 {
                return Ok(0);
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.tcp.write(bytes);
        };
        // Before the handshake is through it is kept.
        let taken = tls.writer().write(bytes)?;
        Self::flush_records(tls, &mut self.tcp)?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whoever a server says it is.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
