//! Massive's frames and its answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    feeds::massive::decode::decode(text, |_| {});
    let _ = feeds::massive::answers::page(text);
    let _ = feeds::massive::answers::last_quote(text);
    let _ = feeds::massive::answers::snapshots(text);
    let _ = feeds::massive::answers::error(text);
});
