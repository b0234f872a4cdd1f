//! What an advisor sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for (_, line) in feeds::metatrader::decode::lines(data) {
        let _ = line;
    }
});
