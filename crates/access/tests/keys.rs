//! API keys at the door: what each kind may do, where it is taken from, and that no token shows.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use access::keys::{self, Kind, New};
use access::{Access, Denied, Presented, Scope, Secret, Way};
use market::{Span, Time};
use proptest::prelude::*;
use std::path::Path;

const NOW: Time = Time::from_secs(1_790_000_000);
const PAGE: &str = "https://app.example.org";

fn made(data: &Path, new: &New) -> Secret {
    keys::add(data, new, NOW).unwrap()
}

/// What may be done with a key that comes this way from this page, or why nothing.
fn scopes(
    access: &Access,
    token: &Secret,
    way: Way,
    origin: Option<&str>,
) -> Result<String, Denied> {
    let presented = Presented {
        token: token.reveal(),
        way,
        origin,
    };
    let grant = access.grant(&presented, NOW)?;
    Ok(grant.scopes.to_string())
}

#[test]
fn each_kind_has_its_scopes() {
    let folder = tempfile::tempdir().unwrap();
    let access = Access::open(folder.path(), NOW).unwrap();
    for (kind, expected) in [
        (Kind::Bot, "read:signals read:prices publish"),
        (Kind::Dashboard, "read:signals read:prices"),
        (Kind::TradingView, ""),
        (Kind::MetaTrader, ""),
    ] {
        let token = made(folder.path(), &New::of(kind.as_str(), kind));
        let other = Access::open(folder.path(), NOW).unwrap();
        assert_eq!(
            scopes(&other, &token, Way::Message, None).as_deref(),
            Ok(expected)
        );
    }
    let poster = New {
        scopes: Some(vec![Scope::Publish]),
        ..New::of("poster", Kind::Bot)
    };
    let token = made(folder.path(), &poster);
    assert_eq!(
        scopes(&access, &token, Way::Header, None).as_deref(),
        Ok("publish")
    );
    let unknown = Secret::new("orion_nobody");
    assert_eq!(
        scopes(&access, &unknown, Way::Header, None),
        Err(Denied::Unknown)
    );
    let jwt = Secret::new("a.b.c");
    assert_eq!(
        scopes(&access, &jwt, Way::Header, None),
        Err(Denied::NoTokens)
    );
}

#[test]
fn only_a_dashboards_key_may_stand_in_an_address_and_only_on_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let bound = New {
        origin: Some(PAGE.parse().unwrap()),
        ..New::of("wall", Kind::Dashboard)
    };
    let bound = made(folder.path(), &bound);
    let loose = made(folder.path(), &New::of("loose", Kind::Dashboard));
    let bot = made(folder.path(), &New::of("bot", Kind::Bot));
    let access = Access::open(folder.path(), NOW).unwrap();
    let is_in = |token, way, origin| scopes(&access, token, way, origin).map(|_| ());
    assert_eq!(is_in(&bound, Way::Address, Some(PAGE)), Ok(()));
    assert_eq!(is_in(&bound, Way::Message, Some(PAGE)), Ok(()));
    for origin in [
        None,
        Some("null"),
        Some("https://app.example.org.evil.example"),
        Some("http://app.example.org"),
    ] {
        for way in [Way::Address, Way::Message, Way::Header] {
            assert_eq!(
                is_in(&bound, way, origin),
                Err(Denied::Origin),
                "{origin:?}"
            );
        }
    }
    assert_eq!(
        is_in(&loose, Way::Address, Some(PAGE)),
        Err(Denied::InAddress)
    );
    assert_eq!(is_in(&loose, Way::Message, None), Ok(()));
    assert_eq!(
        is_in(&bot, Way::Address, Some(PAGE)),
        Err(Denied::InAddress)
    );
    let jwt = access.with_tokens(
        access::jwt::Rules {
            issuer: None,
            audience: None,
            leeway: Span::from_secs(30),
        },
        None,
        NOW,
    );
    let token = Secret::new("a.b.c");
    let told = scopes(&jwt.unwrap(), &token, Way::Address, Some(PAGE));
    assert_eq!(told, Err(Denied::InAddress));
}

#[test]
fn a_key_holds_until_it_is_removed_or_has_expired() {
    let folder = tempfile::tempdir().unwrap();
    let brief = New {
        expires: Some(NOW + Span::from_secs(10)),
        ..New::of("brief", Kind::Bot)
    };
    let token = made(folder.path(), &brief);
    let access = Access::open(folder.path(), NOW).unwrap();
    let presented = Presented {
        token: token.reveal(),
        way: Way::Message,
        origin: None,
    };
    let grant = access.grant(&presented, NOW).unwrap();
    assert_eq!(grant.expires, brief.expires);
    let late = NOW + Span::from_secs(10);
    assert_eq!(access.grant(&presented, late), Err(Denied::Expired));
    assert!(access.holds(&grant, late), "its time is another's to watch");
    keys::remove(folder.path(), "brief").unwrap();
    assert!(!access.holds(&grant, late + Span::from_secs(1)));
}

proptest! {
    /// Anything may be shown: it is refused, and nobody is told what it was.
    #[test]
    fn any_text_is_refused_without_repeating_it(text in "s3cret[ -~]{0,60}|s3cret[a-zA-Z0-9_-]{0,30}\\.[a-zA-Z0-9_-]{0,30}\\.[a-zA-Z0-9_-]{0,9}|\\PC{1,40}") {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::open(folder.path(), NOW).unwrap();
        let rules = access::jwt::Rules { issuer: None, audience: None, leeway: Span::from_secs(0) };
        let access = access.with_tokens(rules, None, NOW).unwrap();
        let presented = Presented { token: &text, way: Way::Message, origin: None };
        let denied = access.grant(&presented, NOW).unwrap_err();
        let told = format!("{denied} {denied:?} {presented:?} {access:?}");
        prop_assert!(!told.contains("s3cret"), "{}", told);
    }
}
