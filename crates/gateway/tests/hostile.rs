//! Clients that mean harm: each attack has an answer, is counted, and costs nobody else anything. docs/operations.md has the
//! table of all of them.

mod support;

use gateway::Config;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use support::{Client, Heard, Server, config, frame, of_prices, price, told_price, wait_until};

fn check_closed(server: &Server, client: &mut Client, code: u16) {
    let (told, reason) = client.hear_close();
    assert_eq!(told, Some(code), "{reason}");
    wait_until("it is gone", || server.stats.closes().contains_key(&code));
    assert_eq!(server.stats.closes(), BTreeMap::from([(code, 1)]));
}

/// Somebody who means no harm is served as ever.
fn check_others(server: &Server) {
    let mut other = server.subscribed(0);
    other.say(r#"{"type":"ping"}"#);
    assert!(other.hear_text().contains("pong"));
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(other.hear_text(), told_price("US30", 1));
}

#[test]
fn a_flood_of_pings() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(&frame(0x89, b"x").repeat(40));
    check_closed(&server, &mut client, 4429);
    check_others(&server);
}

#[test]
fn a_flood_of_pongs_that_nobody_asked_for() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(&frame(0x8A, b"").repeat(40));
    check_closed(&server, &mut client, 4429);
}

#[test]
fn fragments_without_end() {
    let mut few = config();
    few.message_fragments = 100;
    let server = Server::with(few);
    let mut client = server.connect();
    client.send(&frame(0x01, b""));
    client.send(&frame(0x00, b"").repeat(200));
    check_closed(&server, &mut client, 1009);
    check_others(&server);
}

/// Long messages, and a client that is not heard is soon given up.
fn impatient() -> Config {
    let mut impatient = config();
    impatient.message_bytes = 16 << 20;
    impatient.ping_every = Duration::from_millis(100);
    impatient.silent_for = Duration::from_millis(300);
    impatient
}

#[test]
fn a_message_that_comes_letter_by_letter() {
    let server = Server::with(impatient());
    let mut client = server.connect();
    let mut letters = client.stream.try_clone().unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The head of a frame of 10 million bytes, and then one after another.
            let head = [
                &[0x81, 0x80 | 127][..],
                &10_000_000_u64.to_be_bytes(),
                &[0; 4],
            ]
            .concat();
            letters.write_all(&head).unwrap();
            while !is_over.load(Relaxed) && letters.write_all(b"x").is_ok() {
                std::thread::park_timeout(Duration::from_millis(1));
            }
        });
        // It would be pinged for ever if letters were a sign of life.
        let mut heard = (0..50).map(|_| client.hear());
        let close = heard.find(|heard| *heard != Heard::Ping);
        is_over.store(true, Relaxed);
        let told = Heard::Close(Some(4408), "no pong".to_owned());
        assert_eq!(close, Some(told));
    });
    drop(client);
    wait_until("it is gone", || {
        server.stats.closes() == BTreeMap::from([(4408, 1)])
    });
}
