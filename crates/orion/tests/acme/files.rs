//! A certificate whose files are renewed while many are connected: nobody is dropped, who comes sees the new one, and files that
//! do not fit leave the one before.

use crate::NAME;
use crate::dialogue::{Https, Socket};
use crate::support::{self, PATIENCE, Server};
use rcgen::{CertificateParams, KeyPair};
use std::fs;
use std::path::{Path, PathBuf};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

const CLIENTS: usize = 50;

/// A server with files of its own, and who is connected.
struct Scene {
    folder: tempfile::TempDir,
    server: Server,
    address: String,
    clients: Vec<Socket>,
}

impl Scene {
    /// It shows the certificate that is given back.
    fn new() -> (Self, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let first = renew(folder.path());
        let sets = [
            format!(
                "server.tls.cert={}",
                folder.path().join("cert.pem").display()
            ),
            format!("server.tls.key={}", folder.path().join("key.pem").display()),
        ];
        let arguments: Vec<_> = sets.iter().flat_map(|set| ["--set", set]).collect();
        let command = support::serve(&folder.path().join("data"), &arguments);
        let server = Server::start(command)
            .unwrap_or_else(|(code, log)| panic!("it ended with {code:?}:\n{log}"));
        let scene = Self {
            address: server.address.trim_start_matches("https://").to_owned(),
            folder,
            server,
            clients: Vec::new(),
        };
        (scene, first)
    }

    fn join(&mut self, count: usize, certificate: &str) {
        for _ in 0..count {
            let sealed = Https::trusting(certificate).connect(&self.address, NAME);
            let mut socket = sealed.expect("a handshake").upgrade(&self.address);
            let subscribe = r#"{"type":"subscribe","channels":["signals","prices"]}"#;
            socket.send(Message::text(subscribe)).expect("subscribe");
            self.clients.push(socket);
        }
    }

    fn shows(&self, certificate: &str) -> bool {
        let client = Https::trusting(certificate);
        client.certificate(&self.address, NAME).is_ok()
    }

    fn until_shown(&self, certificate: &str) {
        let began = Instant::now();
        while !self.shows(certificate) {
            assert!(began.elapsed() < PATIENCE, "it was never shown");
            std::thread::yield_now();
        }
    }

    /// Each of them is answered, and has heard prices since the last time.
    fn all_hear(&mut self) {
        for socket in &mut self.clients {
            socket
                .send(Message::text(r#"{"type":"ping"}"#))
                .expect("who was there stays");
            let (mut prices, mut is_answered) = (0, false);
            while prices == 0 || !is_answered {
                if let Message::Text(text) = socket.read().expect("who was there hears") {
                    prices += usize::from(text.contains("price_update"));
                    is_answered |= text.contains("\"pong\"");
                }
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn hang_up(&self) {
        support::signal(self.server.pid(), "HUP");
    }
}

fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("write");
    fs::rename(new, path).expect("rename");
}

/// A new pair in the place of the one before, as tools for renewal leave it; the certificate.
fn renew(folder: &Path) -> String {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new([NAME.to_owned()]).expect("parameters");
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    replace(&folder.join("key.pem"), &key.serialize_pem());
    replace(&folder.join("cert.pem"), &certificate);
    certificate
}

#[test]
fn a_certificate_is_renewed_under_load_and_nobody_is_dropped() {
    let (mut scene, first) = Scene::new();
    scene.join(CLIENTS, &first);
    scene.all_hear();

    // By SIGHUP, and by the files alone.
    let second = renew(scene.folder.path());
    scene.hang_up();
    scene.until_shown(&second);
    assert!(!scene.shows(&first));
    scene.join(1, &second);
    scene.all_hear();
    let third = renew(scene.folder.path());
    scene.until_shown(&third);
    scene.join(1, &third);
    scene.all_hear();

    // Of a pair that does not fit, the one before stays.
    let key = fs::read_to_string(scene.path("key.pem")).expect("the key");
    let other = KeyPair::generate().expect("a key").serialize_pem();
    for (name, text, words) in [
        (
            "key.pem",
            other.as_str(),
            "does not belong to the certificate in",
        ),
        ("cert.pem", "no certificate", "holds no certificate in PEM"),
    ] {
        replace(&scene.path(name), text);
        scene.hang_up();
        assert!(scene.server.logs(words), "it is told: {words}");
        assert!(scene.shows(&third));
    }
    scene.all_hear();

    replace(&scene.path("key.pem"), &key);
    let fourth = renew(scene.folder.path());
    scene.until_shown(&fourth);
    scene.all_hear();
}
