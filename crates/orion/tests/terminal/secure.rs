//! Commands that ask a server whose certificate nobody vouches for, and which names another host than the one they reach.

use crate::pty::Terminal;
use crate::support::serve;
use crate::{began, orion, text};
use rcgen::{CertificateParams, KeyPair};
use std::fs;
use std::process::Output;

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn pair(certificate: &str, key: &str) {
    let own = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["orion.example.com".to_owned()]).unwrap();
    let signed = params.self_signed(&own).unwrap();
    fs::write(certificate, signed.pem()).unwrap();
    fs::write(key, own.serialize_pem()).unwrap();
}

fn both(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn a_server_of_ones_own_folder_is_known_by_its_certificate_and_others_are_named_by_ca() {
    let data = tempfile::tempdir().expect("a folder");
    let [certificate, key, other, other_key, dir] = ["c.pem", "k.pem", "o.pem", "ok.pem", "data"]
        .map(|name| {
            let path = data.path().join(name);
            path.display().to_string()
        });
    pair(&certificate, &key);
    pair(&other, &other_key);
    let mut command = serve(dir.as_ref(), &["--seed", "5"]);
    command
        .args(["--set", &format!("server.tls.cert={certificate}")])
        .args(["--set", &format!("server.tls.key={key}")]);
    let server = began(command);
    let host = server.address.trim_start_matches("https://");

    let found = orion(&["status", "--ready", "--data", &dir]);
    assert_eq!(found.status.code(), Some(0), "{}", both(&found));

    let url = format!("https://{host}");
    let asked = |ca: &[&str]| orion(&[&["status", "--ready", "--url", &url], ca].concat());
    let unknown = asked(&[]);
    assert_ne!(unknown.status.code(), Some(0));
    assert!(both(&unknown).contains("with --ca"), "{}", both(&unknown));
    assert_ne!(asked(&["--ca", &other]).status.code(), Some(0));
    let known = asked(&["--ca", &certificate]);
    assert_eq!(known.status.code(), Some(0), "{}", both(&known));

    let socket = format!("wss://{host}/ws/signals");
    let unknown = orion(&["tail", &socket]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(both(&unknown).contains("with --ca"), "{}", both(&unknown));
    let mut terminal = Terminal::run((120, 40), &["tail", &socket, "--ca", &certificate], &[]);
    terminal.wait("the table", |screen| {
        screen.contains("SIMULATED live") && screen.contains("EURUSD")
    });
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
}
