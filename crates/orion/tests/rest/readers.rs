//! Who may ask for what.

use super::support::{key, key_with};
use super::{ask, items, start, text};

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
        key_with(folder.path(), "bot", &["--scope", "publish"]),
    ];
    let server = start(folder.path(), &["--set", "auth.mode=required"]);
    let shown = |key: &str| format!("Authorization: Bearer {key}\r\n");
    for (path, expected) in [
        ("/status", [200, 200, 200, 403]),
        ("/symbols", [200, 200, 200, 403]),
        ("/prices", [200, 200, 403, 403]),
        ("/candles?symbol=EURUSD&timeframe=1h", [200, 200, 403, 403]),
        ("/chart?symbol=EURUSD&timeframe=1h", [200, 403, 403, 403]),
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

    // What decided a signal are prices.
    let (_, page) = ask(
        &server,
        "/signals?status=confirmed&limit=1",
        &shown(&keys[2]),
    );
    let path = format!("/signals/{}", text(&items(&page)[0]["id"]));
    let (_, life) = ask(&server, &path, &shown(&keys[2]));
    assert_eq!(life["ticks"]["items"], serde_json::Value::Null);
    assert!(
        text(&life["ticks"]["why"]).contains("does not open prices"),
        "{life}"
    );
    let (_, life) = ask(&server, &path, &shown(&keys[0]));
    assert!(life["ticks"]["items"].is_array(), "{life}");
}
