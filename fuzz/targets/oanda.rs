//! OANDA's stream and its answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = feeds::oanda::decode::line(data);
    let _ = feeds::oanda::decode::accounts(data);
    let _ = feeds::oanda::decode::instruments(data);
    let timeframe = market::Timeframe::M1;
    let _ = feeds::oanda::decode::candles(data, market::InstrumentId(0), timeframe);
});
