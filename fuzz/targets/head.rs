//! The head of a request, read where it lies: what is read as one ends where it says, needs all of itself, and is the same
//! whatever follows.
#![no_main]

use gateway::codec::{Head, check, read_head};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(Head { request, length }) = read_head(data) else {
        return;
    };
    assert_eq!(request.uri().path(), "/ws/signals");
    let head = &data[..length];
    assert!(
        head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n"),
        "an empty line ends it"
    );
    let alone = read_head(head).expect("the same head");
    assert_eq!(alone.length, length);
    assert_eq!(alone.request.headers(), request.headers());
    assert!(read_head(&head[..length - 1]).is_none(), "a part is none");
    if check(&request).is_ok() {
        // Nothing behind it belongs to the request: it is read as frames.
        assert!(!request.headers().contains_key("transfer-encoding"));
        let lengths = request.headers().get_all("content-length");
        assert!(lengths.iter().all(|length| length == "0"));
    }
});
