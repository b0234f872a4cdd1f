//! Restarts behind nginx and Caddy, with the settings of deploy/: whoever connects to the proxy is not refused, and is not told of a bad gateway.

use crate::installed::Manager;
use crate::restarts::{Closed, Place, Size, under_load};
use crate::support::deploy::changed;
use crate::support::{PATIENCE, tool};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tokio::time::Instant;

/// A proxy in the foreground. Killed when dropped.
struct Proxy {
    child: Child,
    address: String,
}

impl Proxy {
    /// Starts it, and waits until it takes connects.
    fn start(mut command: Command, address: String) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start the proxy");
        let proxy = Self { child, address };
        let began = Instant::now();
        while TcpStream::connect(&proxy.address).is_err() {
            assert!(began.elapsed() < PATIENCE, "the proxy does not listen");
            std::thread::yield_now();
        }
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // In good order: nginx has processes of its own to end.
        crate::support::signal(self.child.id(), "TERM");
        let _ = self.child.wait();
    }
}

fn free() -> String {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
    socket.local_addr().expect("an address").to_string()
}

/// nginx with the settings of deploy/, but for TLS, which changes nothing behind it.
fn nginx(program: &Path, folder: &Path, server: &str) -> Proxy {
    let (address, other) = (free(), free());
    let settings = changed(
        "nginx/orion.conf",
        &[
            ("127.0.0.1:8080", server),
            ("listen 443 ssl;", &format!("listen {address};")),
            ("listen 80;", &format!("listen {other};")),
        ],
    );
    let is_plain = |line: &&str| !line.trim_start().starts_with("ssl_");
    let settings: Vec<_> = settings.lines().filter(is_plain).collect();
    fs::write(folder.join("orion.conf"), settings.join("\n")).expect("write");
    let around = format!(
        r"daemon off; pid {0}/nginx.pid; error_log {0}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s;
  include {0}/orion.conf;
}}
",
        folder.display()
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, around).expect("write");
    let mut command = Command::new(program);
    command.arg("-c").arg(&file).arg("-p").arg(folder);
    Proxy::start(command, address)
}

/// Caddy with the settings of deploy/, but for TLS.
fn caddy(program: &Path, folder: &Path, server: &str) -> Proxy {
    let address = free();
    let (_, port) = address.rsplit_once(':').expect("a port");
    let site = format!("http://:{port} {{\n\tbind 127.0.0.1");
    let settings = changed(
        "caddy/Caddyfile",
        &[("127.0.0.1:8080", server), ("orion.example.com {", &site)],
    );
    let settings = format!("{{\n\tadmin off\n\tauto_https off\n}}\n{settings}");
    let file = folder.join("Caddyfile");
    fs::write(&file, settings).expect("write");
    let mut command = Command::new(program);
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(&file)
        .env("XDG_DATA_HOME", folder)
        .env("XDG_CONFIG_HOME", folder);
    Proxy::start(command, address)
}

/// Reloads and restarts in turn.
fn check(start: impl Fn(&Path, &str) -> Proxy) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().canonicalize().expect("a folder");
    let mut manager = Manager::new(&folder);
    let line = manager.start();
    let proxy = start(&folder, &manager.address());
    let asked = Size::asked();
    // Twice in the quick form: once each.
    let rounds = if asked.rounds < 20 { 2 } else { asked.rounds };
    let size = Size { rounds, ..asked };
    let data = manager.data();
    let place = Place {
        data: &data,
        address: proxy.address.clone(),
        token: manager.token.clone(),
    };
    under_load(&size, place, line, |line, round| {
        if round % 2 == 0 {
            manager.restart(line);
        } else {
            manager.reload(line, "first");
        }
        Closed::All
    });
}

#[test]
fn nobody_behind_nginx_is_refused() {
    if let Some(program) = tool("ORION_TEST_NGINX") {
        check(|folder, server| nginx(&program, folder, server));
    }
}

#[test]
fn nobody_behind_caddy_is_refused() {
    if let Some(program) = tool("ORION_TEST_CADDY") {
        check(|folder, server| caddy(&program, folder, server));
    }
}
