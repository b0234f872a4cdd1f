//! What a client sends over the socket, whoever it is.
#![no_main]

use wire::{Ask, Speaker};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for (is_authenticated, is_extended) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        let speaker = Speaker {
            is_authenticated,
            is_extended,
        };
        let _ = Ask::parse_from(data, speaker);
    }
});
