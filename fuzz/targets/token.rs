//! A token that somebody shows, and a file of keys that tokens are signed with.
#![no_main]

use access::jwt::Rules;
use access::{Access, Presented, Way};
use market::{Span, Time};
use std::path::Path;
use std::sync::LazyLock;

static ACCESS: LazyLock<Access> = LazyLock::new(|| {
    let now = Time::from_secs(1_790_000_000);
    let rules = Rules {
        issuer: None,
        audience: None,
        leeway: Span::from_secs(30),
    };
    let access = Access::open(Path::new("no-such-folder"), now).expect("there is no file in it");
    let access = access
        .with_tokens(rules, None, now)
        .expect("no file of keys is named");
    let ed25519 = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    access.take_signers(ed25519.parse().expect("the key of RFC 8037"));
    access
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(token) = std::str::from_utf8(data) else {
        return;
    };
    let _ = token.parse::<access::jwt::Signers>();
    let presented = Presented {
        token,
        way: Way::Message,
        origin: None,
    };
    assert!(
        ACCESS
            .grant(&presented, Time::from_secs(1_790_000_000))
            .is_err()
    );
});
