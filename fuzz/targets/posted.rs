//! A bot's signal.
#![no_main]

#[path = "../support.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let sender = access::keys::Key {
        name: "fuzz".to_owned(),
        kind: access::keys::Kind::Bot,
    };
    let now = market::Time::from_secs(1_783_944_000);
    let _ = feeds::posted::read(data, &sender, &support::catalog(), now);
});
