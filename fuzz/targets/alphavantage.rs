//! Alpha Vantage's answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = feeds::alphavantage::decode::exchange_rate(text);
    let _ = feeds::alphavantage::decode::spot(text);
    let _ = feeds::alphavantage::decode::days(text);
});
