//! What a client sends over the socket.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = wire::Ask::parse(data);
});
