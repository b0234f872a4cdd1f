//! A certificate that the server orders by itself, of `pebble`, an authority for tests; what becomes of it over restarts,
//! hand-overs, renewals and an authority that is gone.

#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

mod authority;
mod dialogue;
mod files;

use authority::Authority;
use dialogue::Https;
use rustls::AlertDescription;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::{Server, get, serve_at, tool};
use tokio::time::Instant;

const NAME: &str = "signals.orion.test";
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that orders its certificate, and where its health is asked for.
struct Ordering {
    server: Server,
    admin: String,
}

impl Ordering {
    fn start(address: &str, data: &Path, directory: &str, root: &Path) -> Self {
        let admin = authority::free();
        let sets = [
            format!("server.admin={admin}"),
            format!("server.tls.acme.domains=[\"{NAME}\"]"),
            format!("server.tls.acme.directory={directory}"),
            format!("server.tls.acme.root={}", root.display()),
            "server.tls.acme.retry_s=1".to_owned(),
        ];
        let arguments: Vec<_> = sets.iter().flat_map(|set| ["--set", set]).collect();
        let server = Server::start(serve_at(address, data, &arguments))
            .unwrap_or_else(|(code, log)| panic!("it ended with {code:?}:\n{log}"));
        Self { server, admin }
    }

    fn health(&self) -> Value {
        let (_, text) = get(&self.admin, "/health", "").expect("health");
        serde_json::from_str::<Value>(&text).expect("JSON")["tls"].clone()
    }

    fn metric(&self, name: &str) -> f64 {
        let (_, text) = get(&self.admin, "/metrics", "").expect("metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name} in {text}")).trim();
        value.parse().expect("a number")
    }

    fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let health = self.health();
            if is_so(&health) {
                return health;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: {health}");
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_certificate_is_ordered_once_and_kept_over_restarts_and_hand_overs() {
    let Some(pebble) = tool("ORION_TEST_PEBBLE") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let address = authority::free();
    let authority = Authority::start(&pebble, &address, &authority::free(), 90 * 24 * 60 * 60);
    let start = || {
        let (directory, root) = (authority.directory(), authority.root());
        Ordering::start(&address, folder.path(), &directory, &root)
    };
    let ordering = start();
    let health = ordering.until("a certificate", |tls| tls["state"] == "ok");
    assert_eq!(health["names"], serde_json::json!([NAME]));
    assert_eq!(health["failures"], 0);
    let https = Https::trusting(&authority.roots());
    let first = https.certificate(&address, NAME).expect("a handshake");
    let expiry = ordering.metric("orion_tls_certificate_expiry_timestamp_seconds ");
    let told = market::Time::parse(health["expires"].as_str().expect("a time")).expect("a time");
    assert!(
        (expiry - told.nanos() as f64 / 1e9).abs() < 1.0,
        "{expiry} {told}"
    );
    let kept = folder.path().join("acme");
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&kept), 0o700);
    for file in fs::read_dir(&kept).expect("a folder") {
        let path = file.expect("a file").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(authority.orders(), 1);

    // Who checks a challenge when there is none is told nothing, and is not served.
    assert!(https.challenge(&address, NAME).is_err());

    // A hand-over, and a start after a kill: the certificate is there.
    let reloaded = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["reload", "--data"])
        .arg(folder.path())
        .output()
        .expect("run orion reload");
    assert!(reloaded.status.success(), "{reloaded:?}");
    assert_eq!(
        https.certificate(&address, NAME).expect("a handshake"),
        first
    );
    let told = String::from_utf8_lossy(&reloaded.stdout);
    let pid: u32 = told
        .split(' ')
        .nth(1)
        .and_then(|pid| pid.parse().ok())
        .expect("a process");
    support::signal(pid, "KILL");
    drop(ordering);
    let began = Instant::now();
    while std::net::TcpListener::bind(&address).is_err() {
        assert!(began.elapsed() < PATIENCE, "it goes on after a kill");
    }
    let ordering = start();
    assert_eq!(
        https.certificate(&address, NAME).expect("a handshake"),
        first
    );
    assert_eq!(ordering.health()["state"], "ok");
    assert_eq!(authority.orders(), 1, "nothing was ordered anew");
}

#[test]
fn it_is_renewed_before_it_ends_and_an_authority_that_is_gone_takes_nothing_away() {
    let Some(pebble) = tool("ORION_TEST_PEBBLE") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (address, at) = (authority::free(), authority::free());
    // A life of 12 s: it is renewed after 8.
    let root = folder.path().join("root.pem");
    let authority = Authority::start_as(&pebble, &address, &at, 12, &root);
    let directory = authority.directory();
    let ordering = Ordering::start(&address, folder.path(), &directory, &root);
    ordering.until("a certificate", |tls| tls["state"] == "ok");
    let https = Https::trusting(&authority.roots());
    let first = https.certificate(&address, NAME).expect("a handshake");
    let stays = https.connect(&address, NAME).expect("a handshake");
    let mut stays = stays.upgrade(&address);
    let before = ordering.health()["expires"].clone();
    let after = ordering.until("a renewal", |tls| tls["expires"] != before);
    assert_eq!(after["state"], "ok", "it was renewed in time");
    assert_eq!(authority.orders(), 2);
    let second = https.certificate(&address, NAME).expect("a handshake");
    assert_ne!(first, second, "who comes now sees the new one");
    dialogue::ping(&mut stays);

    drop(authority);
    let failed = ordering.until("a failure", |tls| tls["failures"] != 0);
    assert_eq!(failed["expires"], after["expires"], "the old one stays");
    let reason = failed["reason"].as_str().expect("a reason");
    assert!(reason.contains("onnection refused"), "{reason}");
    assert!(ordering.metric("orion_tls_failures_total ") >= 1.0);
    assert_eq!(
        https.certificate(&address, NAME).expect("a handshake"),
        second
    );
    assert!(ordering.server.logs("the one before stays"));

    // It comes back, and does not know the account any more.
    let authority = Authority::start_as(&pebble, &address, &at, 12, &root);
    let healed = ordering.until("a renewal", |tls| {
        tls["state"] == "ok" && tls["reason"].is_null() && tls["expires"] != after["expires"]
    });
    assert_eq!(healed["names"], serde_json::json!([NAME]));
    let https = Https::trusting(&authority.roots());
    assert_ne!(
        https.certificate(&address, NAME).expect("a handshake"),
        second
    );
}

#[test]
fn a_name_that_does_not_lead_here_is_told_with_the_authoritys_reason() {
    let Some(pebble) = tool("ORION_TEST_PEBBLE") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    // The authority looks at a port where nobody listens.
    let authority = Authority::start(&pebble, &authority::free(), &authority::free(), 3600);
    let (directory, root) = (authority.directory(), authority.root());
    let address = authority::free();
    let ordering = Ordering::start(&address, folder.path(), &directory, &root);
    let health = ordering.until("a failure", |tls| tls["failures"] != 0);
    assert_eq!(health["state"], "waiting");
    let reason = health["reason"].as_str().expect("a reason");
    for word in ["could not be checked", NAME, "Failed to connect"] {
        assert!(reason.contains(word), "{word}: {reason}");
    }
}

#[test]
fn before_there_is_a_certificate_handshakes_end_with_an_alert_and_health_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("root.pem");
    fs::write(&root, authority::Pki::new().root_pem()).expect("write");
    let nobody = format!("https://{}/dir", authority::free());
    let data = folder.path().join("data");
    let ordering = Ordering::start(&authority::free(), &data, &nobody, &root);
    let health = ordering.until("a failure", |tls| tls["failures"] != 0);
    assert_eq!(health["state"], "waiting");
    assert!(health["names"].is_null() && health["expires"].is_null());
    assert_eq!(ordering.metric("orion_tls_certificate "), 0.0);
    let address = ordering
        .server
        .address
        .trim_start_matches("https://")
        .to_owned();
    let https = Https::trusting(&authority::Pki::new().root_pem());
    let error = https.certificate(&address, NAME).expect_err("no handshake");
    let told = format!("{error:?}");
    assert!(
        told.contains(&format!("{:?}", AlertDescription::AccessDenied)),
        "{told}"
    );
    let (status, _) = get(&address, "/health", "").expect("an answer");
    assert_eq!(status, 400, "nothing is said without TLS");
    assert!(ordering.server.logs("no certificate could be had"));
}
