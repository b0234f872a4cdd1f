//! `pebble` on loopback, and the names it asks for.

use crate::dialogue::Https;
use crate::support::lines;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// An address of loopback that nobody has.
pub(crate) fn free() -> String {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
    socket.local_addr().expect("an address").to_string()
}

/// Who vouches for the directory itself, which is reached by https too.
pub(crate) struct Pki {
    root: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).expect("a root");
        let issuer = Issuer::new(params, key);
        Self { root, issuer }
    }

    pub(crate) fn root_pem(&self) -> String {
        self.root.pem()
    }
}

/// A running authority; it ends when this is dropped.
pub(crate) struct Authority {
    child: Child,
    folder: tempfile::TempDir,
    at: String,
    management: String,
    orders: Arc<AtomicUsize>,
}

impl Authority {
    /// One that checks names at the port of `checked`, listens at `at`, and signs for so many seconds.
    pub(crate) fn start(pebble: &Path, checked: &str, at: &str, life_s: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root.pem");
        Self::run(pebble, checked, at, life_s, folder, &root)
    }

    /// The same, vouched for by who vouched for the one before, whose root lies in `root` still.
    pub(crate) fn start_as(
        pebble: &Path,
        checked: &str,
        at: &str,
        life_s: u64,
        root: &Path,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::run(pebble, checked, at, life_s, folder, root)
    }

    fn run(
        pebble: &Path,
        checked: &str,
        at: &str,
        life_s: u64,
        folder: tempfile::TempDir,
        root: &Path,
    ) -> Self {
        let pki = Pki::new();
        let key = KeyPair::generate().expect("a key");
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).expect("names");
        let certificate = params.signed_by(&key, &pki.issuer).expect("a certificate");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(root.parent().expect("a folder")).expect("a folder");
        fs::write(root, pki.root_pem()).expect("write");
        fs::write(path("own.pem"), pki.root_pem()).expect("write");
        fs::write(path("cert.pem"), certificate.pem()).expect("write");
        fs::write(path("key.pem"), key.serialize_pem()).expect("write");
        let management = free();
        let port: u16 = checked
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("a port");
        let config = json!({"pebble": {
            "listenAddress": at,
            "managementListenAddress": management,
            "certificate": path("cert.pem"),
            "privateKey": path("key.pem"),
            "httpPort": port,
            "tlsPort": port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": life_s,
        }});
        fs::write(path("pebble.json"), config.to_string()).expect("write");
        let mut child = Command::new(pebble)
            .arg("-config")
            .arg(path("pebble.json"))
            .args(["-strict", "-dnsserver", &names_on_loopback()])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start pebble");
        let log = lines(child.stdout.take().expect("its output"));
        let orders = Arc::new(AtomicUsize::new(0));
        let listens = |line: &str| line.contains("Root CA certificate(s) available");
        let first = log.iter().find(|line| listens(line));
        assert!(first.is_some(), "pebble ended");
        let counted = Arc::clone(&orders);
        std::thread::spawn(move || {
            for line in log {
                if line.contains("POST /order-plz") {
                    counted.fetch_add(1, SeqCst);
                }
            }
        });
        Self {
            child,
            folder,
            at: at.to_owned(),
            management,
            orders,
        }
    }

    pub(crate) fn directory(&self) -> String {
        format!("https://{}/dir", self.at)
    }

    /// Who vouches for the directory.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// Who vouches for what it signs.
    pub(crate) fn roots(&self) -> String {
        let own = fs::read_to_string(self.folder.path().join("own.pem")).expect("a root");
        let https = Https::trusting(&own);
        let mut asked = https
            .connect(&self.management, "localhost")
            .expect("pebble");
        let answer = asked.ask("/roots/0").expect("an answer");
        let (_, pem) = answer.split_once("\r\n\r\n").expect("a body");
        pem.to_owned()
    }

    /// Orders so far.
    pub(crate) fn orders(&self) -> usize {
        self.orders.load(SeqCst)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A name server for which every name is 127.0.0.1 (RFC 1035, section 4.1); its address.
fn names_on_loopback() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let _gone = socket.send_to(&answer(&query[..length]), from);
        }
    });
    address
}

fn answer(query: &[u8]) -> Vec<u8> {
    // Behind the head of 12 bytes: labels up to an empty one, the type, the class.
    let name_end = 12
        + query[12..]
            .iter()
            .position(|byte| *byte == 0)
            .expect("a name");
    let question = &query[12..name_end + 5];
    let is_address = query[name_end + 1..name_end + 3] == [0, 1];
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    answer.extend(question);
    if is_address {
        // The name of the question; an address; for a second; four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
    }
    answer
}
