//! nginx and Caddy with the settings of deploy/, changed only where a test cannot be the world: addresses, names, certificates,
//! and patience in proportion.

use crate::support::deploy::changed;
use crate::support::lines;
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use std::fs;
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);

/// A proxy that runs; ended when dropped.
pub(crate) struct Proxy {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

pub(crate) struct Nginx;
pub(crate) struct Caddy;

impl Nginx {
    pub(crate) fn start(program: &Path, server: &str) -> Proxy {
        let (folder, port, other) = (certified(), free_port(), free_port());
        let text = changed(
            "nginx/orion.conf",
            &[
                ("127.0.0.1:8080", server),
                ("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl")),
                ("listen 80;", &format!("listen 127.0.0.1:{other};")),
                ("orion.example.com;", "localhost;"),
                (
                    "/etc/letsencrypt/live/orion.example.com/fullchain.pem",
                    "cert.pem",
                ),
                (
                    "/etc/letsencrypt/live/orion.example.com/privkey.pem",
                    "key.pem",
                ),
                // As 90 s to 20: the pings come each second.
                ("proxy_read_timeout 90s", "proxy_read_timeout 4s"),
                ("proxy_send_timeout 90s", "proxy_send_timeout 4s"),
            ],
        );
        write(&folder, "orion.conf", &text);
        let around = "daemon off; master_process off; pid nginx.pid; error_log stderr;\nevents {}\nhttp {\n  access_log off;\n  \
                      client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; \
                      scgi_temp_path scgi;\n  include orion.conf;\n}\n";
        write(&folder, "nginx.conf", around);
        let mut command = Command::new(program);
        command
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(folder.path().join("nginx.conf"));
        command.args(["-e", "stderr"]);
        Proxy::run(command, folder, port)
    }
}

impl Caddy {
    pub(crate) fn start(program: &Path, server: &str) -> Proxy {
        let (folder, port) = (certified(), free_port());
        let text = changed(
            "caddy/Caddyfile",
            &[
                ("127.0.0.1:8080", server),
                (
                    "orion.example.com {",
                    &format!(
                        "https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls cert.pem key.pem"
                    ),
                ),
            ],
        );
        write(
            &folder,
            "Caddyfile",
            &format!("{{\n\tadmin off\n\tauto_https off\n}}\n{text}"),
        );
        let mut command = Command::new(program);
        command.args(["run", "--adapter", "caddyfile", "--config", "Caddyfile"]);
        command
            .current_dir(folder.path())
            .env("HOME", folder.path());
        command
            .env("XDG_DATA_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path());
        Proxy::run(command, folder, port)
    }
}

impl Proxy {
    fn run(mut command: Command, folder: TempDir, port: u16) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the proxy starts");
        let said = lines(child.stderr.take().expect("its log"));
        let proxy = Self {
            child,
            folder,
            port,
        };
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log: Vec<String> = said.try_iter().collect();
            assert!(began.elapsed() < PATIENCE, "it never listens: {log:?}");
            std::thread::yield_now();
        }
        proxy
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Asks over TLS as a browser would; the status and the body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let url = format!("https://localhost:{}{path}", self.port);
        let asked = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--max-time",
                "30",
                "--write-out",
                "\n%{http_code}",
            ])
            .arg("--cacert")
            .arg(self.certificate())
            .args([
                "--resolve",
                &format!("localhost:{}:127.0.0.1", self.port),
                &url,
            ])
            .output()
            .expect("curl runs");
        let text = String::from_utf8_lossy(&asked.stdout).into_owned();
        let (body, status) = text.rsplit_once('\n').expect("a status");
        (status.parse().expect("a number"), body.to_owned())
    }
}

/// A dashboard that comes through the proxy.
pub(crate) struct Visitor {
    child: Child,
    said: Receiver<String>,
    complained: Receiver<String>,
}

impl Visitor {
    pub(crate) fn come(
        python: &Path,
        proxy: &Proxy,
        from: IpAddr,
        channels: &str,
        quiet_s: f64,
    ) -> Self {
        let mut child = Command::new(python)
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/proxies/through.py"
            ))
            .arg(format!("wss://localhost:{}/ws/signals", proxy.port))
            .arg(proxy.certificate())
            .args([&from.to_string(), channels, &quiet_s.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start Python");
        let said = lines(child.stdout.take().expect("its output"));
        let complained = lines(child.stderr.take().expect("its errors"));
        Self {
            child,
            said,
            complained,
        }
    }

    /// The next that it sees.
    pub(crate) fn any(&mut self) -> (String, Value) {
        let Ok(line) = self.said.recv_timeout(PATIENCE) else {
            let complaint: Vec<String> = self.complained.try_iter().collect();
            panic!("the visitor sees nothing more: {complaint:?}");
        };
        let seen: Value = serde_json::from_str(&line).expect("JSON");
        let (what, value) = seen
            .as_object()
            .and_then(|of| of.iter().next())
            .expect("a word");
        (what.clone(), value.clone())
    }

    /// The next of this kind.
    pub(crate) fn next(&mut self, wanted: &str) -> Value {
        let began = Instant::now();
        loop {
            let (what, value) = self.any();
            if what == wanted {
                return value;
            }
            assert!(
                what != "closed" && began.elapsed() < PATIENCE,
                "{what} {value} for {wanted}"
            );
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A folder with a certificate for `localhost` and its key.
fn certified() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    write(&folder, "cert.pem", &certificate.pem());
    write(&folder, "key.pem", &key.serialize_pem());
    folder
}

fn write(folder: &TempDir, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).expect("write");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    listener.local_addr().expect("an address").port()
}
