//! TLS on the listener: the same bytes, sealed; certificates that are renewed while clients stay; and who speaks something
//! else, or nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use gateway::tls::{Error, Files, Plain, Tls};
use gateway::{Config, Refused};
use market::Status::Pending;
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use socket2::SockRef;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use support::{
    Client, Heard, LARGE, PATIENCE, REQUEST, SUBSCRIBE, Server, config, frame, of_prices,
    of_signals, price, signal, told_price, told_signal, wait_until,
};

const HOST: &str = "orion.example.com";

/// An authority, and the files of a server it vouches for.
struct Pki {
    folder: tempfile::TempDir,
    root: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            root,
            issuer: Issuer::new(params, key),
        }
    }

    fn files(&self) -> Files {
        Files {
            certificate: self.path("cert.pem"),
            key: self.path("key.pem"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a new certificate and its key, and gives the certificate.
    fn renew(&self) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([HOST.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
        fs::write(self.path("cert.pem"), certificate.pem()).unwrap();
        certificate.der().clone()
    }

    fn server(&self, plain: Plain, config: Config) -> Server {
        let mut tls = Tls::open(self.files(), plain).unwrap();
        tls.look_every = Duration::from_millis(10);
        let mut config = config;
        config.tls = Some(Arc::new(tls));
        Server::with(config)
    }

    fn trusting(&self, version: &'static SupportedProtocolVersion) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).unwrap();
        ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    fn shake(&self, stream: TcpStream) -> Client<Sealed> {
        self.shake_with(stream, self.trusting(&rustls::version::TLS13))
    }

    fn shake_with(&self, stream: TcpStream, config: ClientConfig) -> Client<Sealed> {
        let name = ServerName::try_from(HOST).unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = Client::of(stream).stream;
        Client {
            stream: StreamOwned::new(tls, stream),
        }
    }

    fn connect(&self, server: &Server) -> Client<Sealed> {
        let mut client = self.shake(TcpStream::connect(server.address).unwrap());
        client.upgrade();
        client
    }
}

type Sealed = StreamOwned<ClientConnection, TcpStream>;

/// Reads on until the other side says its last word of TLS; without it the end would be an error.
fn hear_end(client: &mut Client<Sealed>) {
    assert_eq!(client.stream.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn dashboards_come_by_wss_with_either_version() {
    let pki = Pki::new();
    pki.renew();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = pki.server(Plain::Refused, config());
        server.publish(of_signals([(1, signal(1, Pending))]));
        let mut trusting = pki.trusting(version);
        trusting.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut client = pki.shake_with(TcpStream::connect(server.address).unwrap(), trusting);
        client.upgrade();
        assert_eq!(client.stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        client.say(SUBSCRIBE);
        assert_eq!(client.hear_text(), told_signal(1, Pending));
        for number in 0..100 {
            server.publish(of_prices([price("US30", number)]));
            assert_eq!(client.hear_text(), told_price("US30", number));
        }
        client.say(r#"{"type":"ping"}"#);
        assert!(client.hear_text().contains("pong"));
        client.send(&frame(0x88, &1000_u16.to_be_bytes()));
        assert_eq!(client.hear(), Heard::Close(Some(1000), String::new()));
        hear_end(&mut client);
        wait_until("it is gone", || server.stats.closes() == [(1000, 1)].into());
    }
}

#[test]
fn what_follows_the_request_at_once_is_heard() {
    let pki = Pki::new();
    pki.renew();
    let mut quiet = config();
    // No ping comes by and takes with it what was forgotten.
    (quiet.ping_every, quiet.silent_for) = (3 * PATIENCE, 3 * PATIENCE);
    let server = pki.server(Plain::Refused, quiet);
    // Short; and longer than what the HTTP server reads at once, so that a part of the record stays with TLS.
    for length in [10, 12 * 1024] {
        let mut client = pki.shake(TcpStream::connect(server.address).unwrap());
        let ping = format!(r#"{{"type":"ping","more":"{}"}}"#, "x".repeat(length));
        client.send(&[REQUEST.as_bytes(), &frame(0x81, ping.as_bytes())].concat());
        assert!(client.hear_head().starts_with("HTTP/1.1 101"));
        assert!(client.hear_text().contains("pong"));
    }
}

#[test]
fn a_slow_reader_gets_a_long_snapshot_whole() {
    const SIGNALS: u32 = 500;
    let pki = Pki::new();
    pki.renew();
    let mut long = config();
    long.hub.snapshot_signals = SIGNALS as usize;
    let server = pki.server(Plain::Refused, long);
    let signals = (1..=SIGNALS).map(|id| (u64::from(id), signal(id, Pending)));
    server.publish(of_signals(signals));
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&server.address.into()).unwrap();
    let mut client = pki.shake(socket.into());
    client.upgrade();
    client.say(SUBSCRIBE);
    let sent = || server.stats.total(|of| &of.signals_sent);
    wait_until("the socket is full", || {
        let before = sent();
        std::thread::park_timeout(Duration::from_millis(30));
        before > 0 && before == sent()
    });
    assert!(
        sent() < u64::from(SIGNALS),
        "it does not fit into the socket"
    );
    server.publish(of_prices([price("US30", 1)]));
    for id in 1..=SIGNALS {
        assert_eq!(client.hear_text(), told_signal(id, Pending));
    }
    assert_eq!(client.hear_text(), told_price("US30", 1));
    client.say(r#"{"type":"ping"}"#);
    assert!(client.hear_text().contains("pong"));
}

#[test]
fn one_that_takes_nothing_is_closed_as_slow() {
    let pki = Pki::new();
    pki.renew();
    let mut hasty = config();
    hasty.stalled_for = Duration::from_millis(100);
    hasty.close_within = Duration::from_millis(100);
    hasty.hub.snapshot_signals = 500;
    let server = pki.server(Plain::Refused, hasty);
    let signals = (1..=500).map(|id| (u64::from(id), signal(id, Pending)));
    server.publish(of_signals(signals));
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&server.address.into()).unwrap();
    let mut client = pki.shake(socket.into());
    client.upgrade();
    client.say(SUBSCRIBE);
    wait_until("it is closed", || {
        server.stats.closes() == [(4409, 1)].into()
    });
}

#[test]
fn who_does_not_take_the_answer_that_he_asked_for_is_cut() {
    let pki = Pki::new();
    pki.renew();
    let mut hasty = config();
    hasty.stalled_for = Duration::from_millis(50);
    let server = pki.server(Plain::Refused, hasty);
    let request = b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut stuck = pki.shake(TcpStream::connect(server.address).unwrap());
    stuck.send(request);
    wait_until("it is cut", || server.stats.refused(Refused::Unread) == 1);
    let server = pki.server(Plain::Refused, config());
    let mut reader = pki.shake(TcpStream::connect(server.address).unwrap());
    reader.send(request);
    let mut answer = Vec::new();
    reader.stream.read_to_end(&mut answer).unwrap();
    assert!(answer.len() > LARGE, "who reads gets all");
}

#[test]
fn a_renewed_certificate_serves_the_next_and_leaves_the_others_alone() {
    let pki = Pki::new();
    let first = pki.renew();
    let server = pki.server(Plain::Refused, config());
    let shown =
        |client: &Client<Sealed>| client.stream.conn.peer_certificates().unwrap()[0].clone();
    let mut before = pki.connect(&server);
    before.say(SUBSCRIBE);
    assert_eq!(shown(&before), first);

    let key = fs::read(pki.path("key.pem")).unwrap();
    let second = pki.renew();
    // Halfway through a renewal the two do not fit: the old pair goes on.
    let renewed = fs::read(pki.path("key.pem")).unwrap();
    let tls = Tls::open(pki.files(), Plain::Refused).unwrap();
    fs::write(pki.path("key.pem"), &key).unwrap();
    tls.look();
    let mismatched = pki.files().read().unwrap_err();
    assert!(matches!(mismatched, Error::Mismatch { .. }), "{mismatched}");
    fs::write(pki.path("key.pem"), renewed).unwrap();

    wait_until("the new certificate is shown", || {
        shown(&pki.connect(&server)) == second
    });
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(before.hear_text(), told_price("US30", 1));
}

#[test]
fn files_that_do_not_fit_leave_the_old_certificate_in_place() {
    let pki = Pki::new();
    let first = pki.renew();
    let server = pki.server(Plain::Refused, config());
    let shown = || {
        let client = pki.connect(&server);
        client.stream.conn.peer_certificates().unwrap()[0].clone()
    };
    fs::write(pki.path("key.pem"), "no key").unwrap();
    for _ in 0..20 {
        assert_eq!(shown(), first);
    }
    fs::remove_file(pki.path("cert.pem")).unwrap();
    for _ in 0..20 {
        assert_eq!(shown(), first);
    }
    let second = pki.renew();
    wait_until("the pair is whole again", || shown() == second);
}

#[test]
fn what_is_wrong_with_the_files_is_told_with_the_file() {
    let pki = Pki::new();
    pki.renew();
    let (cert, key) = (pki.path("cert.pem"), pki.path("key.pem"));
    let good = (fs::read(&cert).unwrap(), fs::read(&key).unwrap());
    let other = KeyPair::generate().unwrap().serialize_pem().into_bytes();
    let damaged = |text: &[u8]| {
        let mut text = text.to_vec();
        let middle = text.len() / 2;
        text[middle] = b'!';
        text
    };
    let junk = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    for (certificate, private, told) in [
        (&good.1, &good.1, "cert.pem holds no certificate in PEM"),
        (&good.0, &good.0, "key.pem holds no private key in PEM"),
        (&good.0, &other, "does not belong to the certificate in"),
        (&damaged(&good.0), &good.1, "cert.pem is damaged: "),
        (
            &junk,
            &good.1,
            "cert.pem is damaged: its first certificate cannot be understood",
        ),
        (&good.0, &damaged(&good.1), "key.pem is damaged: "),
        (&Vec::new(), &good.1, "cert.pem holds no certificate in PEM"),
    ] {
        fs::write(&cert, certificate).unwrap();
        fs::write(&key, private).unwrap();
        let error = pki.files().read().unwrap_err().to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
    fs::remove_file(&key).unwrap();
    let error = pki.files().read().unwrap_err().to_string();
    assert!(error.contains("key.pem cannot be read: "), "{error}");
}

fn ask_plain(server: &Server, bytes: &[u8]) -> String {
    let mut client = Client::of(TcpStream::connect(server.address).unwrap());
    client.send(bytes);
    let mut answer = String::new();
    client.stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn who_speaks_plain_http_is_told_to_come_by_tls() {
    let pki = Pki::new();
    pki.renew();
    let server = pki.server(Plain::Refused, config());
    let health = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    for request in [REQUEST, health] {
        let answer = ask_plain(&server, request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        let told = "this port speaks TLS: use https:// or wss://\n";
        assert!(answer.ends_with(told), "{answer}");
    }
    assert_eq!(server.stats.refused(Refused::PlainHttp), 2);
}

#[test]
fn both_are_served_on_one_port_when_that_is_wanted() {
    let pki = Pki::new();
    pki.renew();
    let server = pki.server(Plain::Served, config());
    let mut plain = server.subscribed(0);
    let mut sealed = pki.connect(&server);
    sealed.say(SUBSCRIBE);
    wait_until("both came", || {
        server.stats.total(|of| &of.messages_received) == 2
    });
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(plain.hear_text(), told_price("US30", 1));
    assert_eq!(sealed.hear_text(), told_price("US30", 1));
}

#[test]
fn rubbish_is_answered_and_harms_nobody() {
    let pki = Pki::new();
    pki.renew();
    let server = pki.server(Plain::Refused, config());
    let answer = ask_plain(&server, b"\x00\x01\x02\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    // It begins like TLS and goes on as nothing; then as a hello in which nothing is said.
    for (rubbish, alert) in [
        (b"\x16\x03\x01\x00\x04rubb", &b""[..]),
        (b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", b"\x15\x03\x03"),
    ] {
        let mut client = Client::of(TcpStream::connect(server.address).unwrap());
        client.send(rubbish);
        let mut answer = Vec::new();
        client.stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(alert), "{answer:?}");
    }
    wait_until("it is counted", || {
        server.stats.refused(Refused::TlsHandshake) == 2
    });
    pki.connect(&server);
}

#[test]
fn tls_where_none_is_spoken_is_answered_in_plain() {
    let server = Server::start();
    let answer = ask_plain(&server, b"\x16\x03\x01\x00\x04rubb");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn handshakes_that_stand_still_end_and_hold_nobody_up() {
    let pki = Pki::new();
    pki.renew();
    let mut hasty = config();
    hasty.request_within = Duration::from_millis(300);
    hasty.handshakes = 1;
    let server = pki.server(Plain::Refused, hasty);
    let hello = {
        let mut client = pki.shake(TcpStream::connect(server.address).unwrap());
        let mut hello = Vec::new();
        client.stream.conn.write_tls(&mut hello).unwrap();
        hello
    };
    let stand_still = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    };
    // Half a hello; a whole one and nothing after it.
    let halves: Vec<_> = (0..5)
        .map(|_| stand_still(&hello[..hello.len() / 2]))
        .collect();
    let wholes: Vec<_> = (0..5).map(|_| stand_still(&hello)).collect();
    let mut client = pki.connect(&server);
    client.say(r#"{"type":"ping"}"#);
    assert!(client.hear_text().contains("pong"));
    for mut stream in halves.into_iter().chain(wholes) {
        let mut rest = Vec::new();
        let _end = stream.read_to_end(&mut rest);
    }
    wait_until("those that said a whole hello are counted", || {
        server.stats.refused(Refused::TlsHandshake) == 5
    });
    // The one that made the hello said nothing itself and is among them.
    wait_until("the others are counted", || {
        server.stats.refused(Refused::Late) >= 5
    });
}

#[test]
fn a_cut_without_the_last_word_of_tls_is_an_end() {
    let pki = Pki::new();
    pki.renew();
    let server = pki.server(Plain::Refused, config());
    let client = pki.connect(&server);
    wait_until("it came", || server.stats.total(|of| &of.connections) == 1);
    SockRef::from(&client.stream.sock)
        .shutdown(std::net::Shutdown::Both)
        .unwrap();
    wait_until("it is gone", || server.stats.closes() == [(1006, 1)].into());
}

#[test]
fn versions_before_1_2_are_refused_with_their_alert() {
    let pki = Pki::new();
    pki.renew();
    let server = pki.server(Plain::Refused, config());
    let answer = |minor: u8| {
        // A ClientHello (RFC 5246, section 7.4.1.2): its version, 32 random bytes, no session, one cipher, no compression;
        // signatures by ECDSA, the curve P-256, its points as they are.
        let mut hello = vec![3, minor];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 22]);
        hello.extend([
            0, 13, 0, 4, 0, 2, 4, 3, 0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0,
        ]);
        let mut message = vec![1, 0, 0, u8::try_from(hello.len()).unwrap()];
        message.extend(hello);
        let mut record = vec![22, 3, 1, 0, u8::try_from(message.len()).unwrap()];
        record.extend(message);
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&record).unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).unwrap();
        answer
    };
    assert_eq!(answer(3)[0], 22, "1.2 goes on with its handshake");
    for minor in [1, 2] {
        let told = answer(minor);
        // A record of an alert: fatal, protocol_version (RFC 5246, section 7.2).
        assert_eq!((told[0], &told[5..]), (21, &[2, 70][..]), "3.{minor}");
    }
}

/// An answer to a challenge, and its key.
fn answer_for(host: &str) -> (Vec<u8>, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(&[7; 32])];
    let certificate = params.self_signed(&key).unwrap();
    (certificate.der().to_vec(), key.serialize_der())
}

/// A handshake as far as it goes, over these protocols: the certificate that was shown, or why there was none.
fn shown_over(
    pki: &Pki,
    server: &Server,
    protocols: &[&[u8]],
) -> std::io::Result<CertificateDer<'static>> {
    let mut trusting = pki.trusting(&rustls::version::TLS13);
    trusting
        .dangerous()
        .set_certificate_verifier(Arc::new(Anybody));
    trusting.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from(HOST).unwrap();
    let mut tls = ClientConnection::new(Arc::new(trusting), name).unwrap();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut stream)?;
    }
    Ok(tls.peer_certificates().unwrap()[0].clone())
}

/// Who checks a challenge takes a certificate that nobody vouches for.
#[derive(Debug)]
struct Anybody;

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        // Its critical extension keeps rustls from looking at it at all.
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[test]
fn a_certificate_may_come_later_and_challenges_are_answered_until_they_end() {
    let pki = Pki::new();
    let mut tls = Tls::awaiting(pki.files(), Plain::Refused);
    tls.look_every = Duration::from_millis(10);
    let tls = Arc::new(tls);
    let mut config = config();
    config.tls = Some(Arc::clone(&tls));
    let server = Server::with(config);
    let (web, check) = (&b"http/1.1"[..], &b"acme-tls/1"[..]);

    let told = format!("{:?}", shown_over(&pki, &server, &[web]).unwrap_err());
    assert!(
        told.contains("AccessDenied"),
        "an alert, and no silence: {told}"
    );
    assert!(
        shown_over(&pki, &server, &[check]).is_err(),
        "nothing is checked"
    );
    assert_eq!((tls.shown(), tls.failures().count), (None, 0));

    let (certificate, key) = answer_for(HOST);
    tls.answer_challenge("Signals.example.com", certificate.clone(), key.clone())
        .unwrap();
    assert!(
        shown_over(&pki, &server, &[check]).is_err(),
        "of another name"
    );
    tls.answer_challenge(HOST, certificate.clone(), key)
        .unwrap();
    let answered = shown_over(&pki, &server, &[check]).unwrap();
    assert_eq!(answered.as_ref(), certificate);
    assert!(
        shown_over(&pki, &server, &[web]).is_err(),
        "it answers nothing else"
    );
    assert!(shown_over(&pki, &server, &[check, web]).is_err());

    let ordered = pki.renew();
    wait_until("the certificate is there", || tls.shown().is_some());
    assert_eq!(shown_over(&pki, &server, &[web]).unwrap(), ordered);
    tls.end_challenges();
    assert!(shown_over(&pki, &server, &[check]).is_err(), "it has ended");
    let shown = tls.shown().unwrap();
    assert_eq!(shown.names, [HOST]);
    assert!(shown.begins < shown.expires);

    fs::write(pki.path("cert.pem"), "no certificate").unwrap();
    wait_until("the fault is counted", || tls.failures().count == 1);
    assert!(tls.failures().reason.unwrap().contains("cert.pem"));
    assert_eq!(shown_over(&pki, &server, &[web]).unwrap(), ordered);
}
