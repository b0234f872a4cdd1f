//! Who may ask for what.

use super::support::{key, key_with};
use super::{ask, start};

#[test]
fn what_a_key_may_not_hear_on_the_socket_it_may_not_ask_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = |more: &[&'static str]| [&["--for", "dashboard"], more].concat();
    let keys = [
        key(folder.path(), "wall", "dashboard"),
        key_with(
            folder.path(),
            "prices",
            &options(&["--scope", "read:prices"]),
        ),
        key_with(
            folder.path(),
            "signals",
            &options(&["--scope", "read:signals"]),
        ),
        key_with(folder.path(), "bot", &["--for", "bot"]),
    ];
    let server = start(folder.path(), &["--set", "auth.mode=required"]);
    let shown = |key: &str| format!("Authorization: Bearer {key}\r\n");
    for (path, expected) in [
        ("/status", [200, 200, 200, 403]),
        ("/symbols", [200, 200, 200, 403]),
        ("/prices", [200, 200, 403, 403]),
        ("/signals", [200, 403, 200, 403]),
        ("/outcomes", [200, 403, 200, 403]),
        ("/track-record", [200, 403, 200, 403]),
    ] {
        let (status, body) = ask(&server, path, "");
        assert_eq!(status, 401, "{path}: {body}");
        for (key, expected) in keys.iter().zip(expected) {
            let (status, body) = ask(&server, path, &shown(key));
            assert_eq!(status, expected, "{path}: {body}");
            assert!(!body.to_string().contains(key), "{path}");
        }
    }
}
