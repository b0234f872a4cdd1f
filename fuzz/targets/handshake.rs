//! The handshake: a good request to which lines of headers are added or whose lines are replaced, and every line by itself
//! as an offer of extensions.
#![no_main]

use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use gateway::codec::{agree, check};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut request = Request::get("/ws/signals")
        .header("host", "localhost")
        .header("upgrade", "websocket")
        .header("connection", "Upgrade")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-version", "13")
        .body(())
        .expect("a good request");
    for line in data.split(|&byte| byte == b'\n') {
        offer(line);
        let colon = line.iter().position(|&byte| byte == b':');
        let Some((name, value)) = colon.map(|colon| line.split_at(colon)) else {
            continue;
        };
        // A name in capital letters replaces what is there.
        let is_instead = name.first().is_some_and(u8::is_ascii_uppercase);
        let name = HeaderName::from_bytes(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&value[1..])) {
            if is_instead {
                request.headers_mut().insert(name, value);
            } else {
                request.headers_mut().append(name, value);
            }
        }
    }
    match check(&request) {
        Ok(agreement) => {
            let answer = agreement.answer();
            assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
            assert_eq!(
                answer.headers()["sec-websocket-accept"].len(),
                28,
                "a digest"
            );
        }
        Err(refusal) => assert!(refusal.answer().status().is_client_error()),
    }
});

/// What is agreed on could itself be offered.
fn offer(line: &[u8]) {
    if let Ok(Some(agreed)) = agree([line].into_iter()) {
        let again = agree([agreed.answer.as_bytes()].into_iter());
        let deflate = again.map(|again| again.map(|again| again.deflate));
        assert_eq!(deflate, Ok(Some(agreed.deflate)));
    }
}
