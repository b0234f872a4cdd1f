//! Sources that files describe: their messages, and the files themselves. The first byte chooses.
#![no_main]

#[path = "../support.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((which, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let Some(name) = feeds::json::SHIPPED.get(usize::from(*which)) else {
        let _ = feeds::json::Description::parse(text);
        return;
    };
    let catalog = support::catalog();
    let description = feeds::json::shipped(name).expect("it ships");
    let symbols = description.symbols(&catalog, &[]).expect("no changes");
    let decoder = feeds::json::decode::Decoder::new(&description, &symbols, &catalog);
    decoder.decode(text, None, &mut Vec::new());
});
