//! `[server.tls]`: files that fit are described, files that do not are named with the reason.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use crate::{command, load};
use orion::cli::{self, Command};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::fs;
use tempfile::TempDir;

/// A certificate and its key in a folder of their own.
pub(crate) struct Pair(TempDir);

impl Pair {
    pub(crate) fn new(host: &str, expires: (i32, u8, u8)) -> Self {
        let pair = Self(tempfile::tempdir().unwrap());
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.not_after = date_time_ymd(expires.0, expires.1, expires.2);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(pair.cert(), certificate.pem()).unwrap();
        fs::write(pair.key(), key.serialize_pem()).unwrap();
        pair
    }

    pub(crate) fn cert(&self) -> String {
        self.path("cert.pem")
    }

    pub(crate) fn key(&self) -> String {
        self.path("key.pem")
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
}

fn checked(cert: &str, key: &str) -> (String, u8) {
    let sets = [
        format!("server.tls.cert={cert}"),
        format!("server.tls.key={key}"),
    ];
    let Command::Check(settings) = command(&["check", "--set", &sets[0], "--set", &sets[1]]) else {
        panic!("the command is check");
    };
    let checked = cli::check(&settings, Vec::new());
    (checked.text, checked.exit_code)
}

#[test]
fn a_certificate_is_described() {
    let pair = Pair::new("orion.example.com", (2150, 1, 1));
    let (text, exit_code) = checked(&pair.cert(), &pair.key());
    assert_eq!(exit_code, 0, "{text}");
    for told in [
        "dashboards at wss://127.0.0.1:8080/ws/signals",
        "tls          for orion.example.com; valid until 2150-01-01T00:00:00",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.contains("renew it"), "{text}");
}

#[test]
fn one_that_has_expired_is_noted() {
    let pair = Pair::new("orion.example.com", (2020, 1, 1));
    let (text, exit_code) = checked(&pair.cert(), &pair.key());
    assert_eq!(exit_code, 0, "it is the operator who decides: {text}");
    assert!(text.contains("expired at 2020-01-01T00:00:00"), "{text}");
}

#[test]
fn files_that_do_not_fit_are_named() {
    let (pair, other) = (
        Pair::new("a.example.com", (2150, 1, 1)),
        Pair::new("b.example.com", (2150, 1, 1)),
    );
    let (cert, key) = (pair.cert(), pair.key());
    for (cert, key, setting, reason) in [
        (
            &cert,
            &other.key(),
            "server.tls.key",
            "does not belong to the certificate in",
        ),
        (&key, &key, "server.tls.", "holds no certificate in PEM"),
        (&cert, &cert, "server.tls.", "holds no private key in PEM"),
        (
            &other.path("none"),
            &key,
            "server.tls.cert",
            "none cannot be read",
        ),
    ] {
        let (text, exit_code) = checked(cert, key);
        assert_eq!(exit_code, 1);
        assert!(text.starts_with(&format!("--set: {setting}")), "{text}");
        assert!(text.contains(reason), "{reason}: {text}");
    }
}

#[test]
fn one_without_the_other_is_a_mistake() {
    for (given, missing) in [("cert", "key"), ("key", "cert")] {
        let file = format!("[server.tls]\n{given} = \"x.pem\"\n");
        let findings = load(&file, &[], &[]).unwrap_err();
        let told = format!(
            "orion.toml:2: server.tls.{given} = \"x.pem\": server.tls.{missing} is missing; give server.tls.{missing} too: TLS needs a \
             certificate and its key"
        );
        assert_eq!(cli::lines(&findings), told);
    }
}

#[test]
fn what_is_ordered_is_described_and_can_be_ordered() {
    let check = |sets: &[&str]| {
        let mut arguments = vec!["check"];
        arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
        let Command::Check(settings) = command(&arguments) else {
            panic!("the command is check");
        };
        let checked = cli::check(&settings, Vec::new());
        (checked.text, checked.exit_code)
    };
    let domains = "server.tls.acme.domains=[\"a.example.com\"]";
    let (text, exit_code) = check(&[domains]);
    assert_eq!(exit_code, 0, "{text}");
    for told in [
        "dashboards at wss://127.0.0.1:8080/ws/signals",
        "tls          ordered for a.example.com at staging; none is there yet",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let pair = Pair::new("a.example.com", (2150, 1, 1));
    let (cert, key) = (pair.cert(), pair.key());
    for (sets, told) in [
        (
            vec![
                domains.to_owned(),
                format!("server.tls.cert={cert}"),
                format!("server.tls.key={key}"),
            ],
            "a certificate is given too, and only one can be shown",
        ),
        (
            vec!["server.tls.acme.domains=[\"*.example.com\"]".to_owned()],
            "stands for many names",
        ),
        (
            vec![
                domains.to_owned(),
                "server.tls.acme.directory=live".to_owned(),
            ],
            "neither \"staging\" nor \"production\"",
        ),
        (
            vec![
                domains.to_owned(),
                "server.tls.acme.contact=[\"me\"]".to_owned(),
            ],
            "no address such as mailto:me@example.com",
        ),
        (
            vec![domains.to_owned(), "server.tls.acme.retry_s=0".to_owned()],
            "server.tls.acme.retry_s",
        ),
        (
            vec![domains.to_owned(), format!("server.tls.acme.root={key}")],
            "holds no certificate in PEM",
        ),
    ] {
        let sets: Vec<_> = sets.iter().map(String::as_str).collect();
        let (text, exit_code) = check(&sets);
        assert_eq!(exit_code, 1, "{told}: {text}");
        assert!(text.contains(told), "{told}: {text}");
    }
}
