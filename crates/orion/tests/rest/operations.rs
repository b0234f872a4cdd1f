//! What only who keeps the server is told.

use super::support::{Server, get, key, key_with};
use super::{ask, items, start, text};
use serde_json::Value;
use std::io::{Read as _, Write as _};

/// Asked by the machine's own name, as who sits at it does.
pub(crate) fn local(server: &Server, path: &str) -> (u16, Value) {
    with_headers(server, path, &format!("Host: {}\r\n", server.address))
}

fn with_headers(server: &Server, path: &str, headers: &str) -> (u16, Value) {
    let mut stream = std::net::TcpStream::connect(&server.address).expect("connect");
    stream
        .set_read_timeout(Some(super::support::PATIENCE))
        .expect("a limit");
    let request = format!("GET /api/v1{path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("ask");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (
        status.expect("a status"),
        serde_json::from_str(body).unwrap_or(Value::Null),
    )
}

#[test]
fn without_keys_they_are_for_this_machine_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &[]);
    let mut client = server.subscribe();
    assert!(client.next().is_some());
    let host = format!("Host: {}\r\n", server.address);
    for path in ["/operations", "/log"] {
        assert_eq!(local(&server, path).0, 200, "{path}");
        for other in [
            "Host: rebound.example\r\n".to_owned(),
            format!("{host}X-Forwarded-For: 203.0.113.9\r\n"),
            format!("{host}Origin: https://elsewhere.example\r\n"),
        ] {
            let (status, body) = with_headers(&server, path, &other);
            assert_eq!(status, 403, "{path} {other}");
            assert!(text(&body["remedy"]).contains("--scope admin"), "{body}");
        }
        let page = format!("{host}Origin: http://{}\r\n", server.address);
        assert_eq!(with_headers(&server, path, &page).0, 200, "{path}");
    }
    let (_, told) = local(&server, "/operations");
    assert_eq!(told["connections"]["open"], 1, "{told}");
    assert!(
        told["journal"]["position"]["seq"].as_u64() > Some(100),
        "{told}"
    );
    assert!(told["store"]["tape_bytes"].as_u64() > Some(1000), "{told}");
    assert!(told["engine"]["ticks"].as_u64() > Some(1000), "{told}");
    #[cfg(target_os = "linux")]
    assert!(
        told["process"]["resident_bytes"].as_u64() > Some(1 << 20),
        "{told}"
    );
}

#[test]
fn the_log_is_told_and_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &[]);
    let (_, told) = local(&server, "/log");
    let lines = items(&told).clone();
    let found = lines
        .iter()
        .find(|line| text(&line["message"]).contains("the day before is done"));
    let line = found.unwrap_or_else(|| panic!("{told}"));
    assert_eq!(
        (&line["level"], &line["target"]),
        (&"info".into(), &"orion::serve::start".into())
    );
    assert!(
        line["fields"]["ticks"]
            .as_str()
            .is_some_and(|ticks| ticks.parse::<u64>().is_ok())
    );
    let n = line["n"].as_u64().expect("a number");
    let (_, after) = local(&server, &format!("/log?after={}&limit=1", n - 1));
    assert_eq!(items(&after), std::slice::from_ref(line));
    let (_, worse) = local(&server, "/log?level=warn");
    assert!(
        items(&worse)
            .iter()
            .all(|line| line["level"] == "warn" || line["level"] == "error")
    );
    let (_, newest) = local(&server, "/log?limit=1");
    assert_eq!(newest["last"], items(&newest)[0]["n"]);
}

#[test]
fn where_keys_are_asked_for_it_takes_one_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let admin = key_with(folder.path(), "keeper", &["--scope", "admin"]);
    let reader = key(folder.path(), "wall", "dashboard");
    for (mode, more) in [("required", ""), ("optional", ""), ("off", "127.0.0.1:0")] {
        let admin_address = format!("server.admin={more}");
        let mode_is = format!("auth.mode={mode}");
        let mut settings = vec!["--set", &mode_is];
        if !more.is_empty() {
            settings.extend(["--set", &admin_address]);
        }
        let server = start(folder.path(), &settings);
        for path in ["/operations", "/log"] {
            let shown = |key: &str| format!("Authorization: Bearer {key}\r\n");
            let (status, body) = ask(&server, path, &shown(&reader));
            assert_eq!(status, 403, "{mode} {path}: {body}");
            assert!(text(&body["error"]).contains("wall may not look"), "{body}");
            let (status, body) = ask(&server, path, &shown(&admin));
            assert_eq!(status, 200, "{mode} {path}: {body}");
            assert!(!body.to_string().contains(&admin), "a key is never told");
            // From this machine, but without a key.
            let expected = match mode {
                "required" => 401,
                "optional" => 200,
                // Metrics have an address of their own, and so this machine has no say here.
                _ => 403,
            };
            assert_eq!(local(&server, path).0, expected, "{mode} {path}");
        }
        // It opens nothing else, where a key is looked at at all.
        let shown = format!("Authorization: Bearer {admin}\r\n");
        let (status, _) = get(&server.address, "/api/v1/signals", &shown).expect("an answer");
        assert_eq!(status, if mode == "off" { 200 } else { 403 }, "{mode}");
    }
}
