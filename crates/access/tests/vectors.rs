//! Tokens that an independent library made (`vectors.py`), and what becomes of each: known answers, and confusions of
//! algorithms and keys.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use access::jwt::{Rules, SignerError, Signers};
use access::revoked::{self, What};
use access::{Access, Grant, Holder, Presented, Scope, Way};
use market::{Span, Time};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

fn keys(name: &str) -> String {
    vectors()["keys"][name].as_str().unwrap().to_owned()
}

fn now() -> Time {
    Time::from_secs(vectors()["now"].as_i64().unwrap())
}

fn after(secs: i64) -> Time {
    now() + Span::from_secs(secs)
}

fn rules() -> Rules {
    Rules {
        issuer: Some("https://id.example.org/".to_owned()),
        audience: Some("orion".to_owned()),
        leeway: Span::from_secs(30),
    }
}

/// Takes the tokens that these keys signed; one token and one subject are revoked.
fn access(folder: &Path, keys: &str) -> Access {
    let file = folder.join("signers");
    fs::write(&file, keys).unwrap();
    revoked::add(folder, What::TokenId("t-revoked".to_owned()), now()).unwrap();
    revoked::add(folder, What::Subject("mallory".to_owned()), now()).unwrap();
    let access = Access::open(folder, now()).unwrap();
    access.with_tokens(rules(), Some(file), now()).unwrap()
}

fn shown(token: &str) -> Presented<'_> {
    Presented {
        token,
        way: Way::Header,
        origin: None,
    }
}

fn token_of(case: &str) -> String {
    let vectors = vectors();
    let mut cases = vectors["cases"].as_array().unwrap().iter();
    let found = cases.find(|known| known["name"] == case);
    found.unwrap()["token"].as_str().unwrap().to_owned()
}

#[test]
fn each_token_is_granted_or_refused_for_its_reason() {
    let vectors = vectors();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() > 40);
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        let access = access(folder.path(), &keys(case["keys"].as_str().unwrap()));
        let token = case["token"].as_str().unwrap();
        let told = match access.grant(&shown(token), now()) {
            Ok(_) => "granted".to_owned(),
            Err(denied) => format!("{denied:?}"),
        };
        assert_eq!(told, case["expected"], "{}", case["name"]);
    }
}

#[test]
fn a_grant_says_whose_it_is_what_it_allows_and_until_when() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(folder.path(), &keys("jwks"));
    let token = token_of("EdDSA by its name in a set");
    let grant = access.grant(&shown(&token), now()).unwrap();
    let expected = Grant {
        subject: "alice".to_owned(),
        holder: Holder::Token {
            id: Some("t-1".to_owned()),
        },
        scopes: [Scope::ReadSignals, Scope::Publish].into_iter().collect(),
        limits: access::Limits::default(),
        expires: Some(after(600)),
    };
    assert_eq!(grant, expected);
    assert!(access.grant(&shown(&token), after(630)).is_err());
}

#[test]
fn keys_are_changed_by_changing_the_file_and_kept_when_it_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signers");
    let access = access(folder.path(), &keys("jwks"));
    let old = token_of("EdDSA by its name in a set");
    let new = token_of("by the rotated keys");
    let is_taken = |token: &str, secs| access.grant(&shown(token), after(secs)).is_ok();
    assert!(is_taken(&old, 0) && !is_taken(&new, 0));
    fs::write(&file, keys("rotated")).unwrap();
    assert!(!is_taken(&new, 0), "looked at this second");
    assert!(is_taken(&new, 1) && !is_taken(&old, 1));
    for (secs, broken) in (2..).zip(["", "{", r#"{"keys":[]}"#, &keys("none usable")]) {
        fs::write(&file, broken).unwrap();
        assert!(is_taken(&new, secs), "{broken}");
    }
    fs::remove_file(&file).unwrap();
    assert!(is_taken(&new, 8), "a file that is gone takes no key away");
}

#[test]
fn keys_that_are_fetched_take_the_place_of_those_before_and_are_missed_when_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let access = Access::open(folder.path(), now()).unwrap();
    let access = access.with_tokens(rules(), None, now()).unwrap();
    let (old, new) = (
        token_of("EdDSA by its name in a set"),
        token_of("by the rotated keys"),
    );
    let is_taken = |token: &str| access.grant(&shown(token), now()).is_ok();
    assert!(!is_taken(&old), "there are none yet");
    assert!(access.misses_signers() && !access.misses_signers());
    access.take_signers(keys("jwks").parse().unwrap());
    assert!(is_taken(&old) && !access.misses_signers());
    assert!(!is_taken(&new) && access.misses_signers());
    access.take_signers(keys("rotated").parse().unwrap());
    assert!(is_taken(&new));
}

#[test]
fn what_is_revoked_does_not_hold_any_more_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(folder.path(), &keys("jwks"));
    let token = token_of("EdDSA by its name in a set");
    let grant = access.grant(&shown(&token), now()).unwrap();
    let version = access.version(now());
    assert!(access.holds(&grant, now()));
    revoked::add(folder.path(), What::TokenId("t-1".to_owned()), now()).unwrap();
    assert_ne!(access.version(after(1)), version);
    assert!(!access.holds(&grant, after(1)));
    assert!(access.grant(&shown(&token), after(1)).is_err());
}

#[test]
fn files_that_hold_no_public_key_are_refused_with_the_remedy() {
    let refused = |text: &str| text.parse::<Signers>().unwrap_err();
    for text in ["", "a secret", "[]", r#"{"kty":"OKP"}"#] {
        assert!(matches!(refused(text), SignerError::Form), "{text}");
    }
    assert!(matches!(refused(&keys("none usable")), SignerError::None));
    assert!(matches!(refused(&keys("p384")), SignerError::Kind(1)));
    let private = refused(&keys("private")).to_string();
    assert!(
        private.contains("block 1 is a private key") && private.contains("-pubout"),
        "{private}"
    );
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(refused(certificate).to_string().contains("x509 -pubkey"));
    let (pem, _) = keys("pem")
        .split_once("-----END")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert!(matches!(refused(&pem), SignerError::Form), "cut off");
    let many = keys("pem").repeat(22);
    assert!(matches!(refused(&many), SignerError::Many));
    let folder = tempfile::tempdir().unwrap();
    let access = Access::open(folder.path(), now()).unwrap();
    let nowhere = Some(folder.path().join("nowhere"));
    assert!(access.with_tokens(rules(), nowhere, now()).is_err());
}
