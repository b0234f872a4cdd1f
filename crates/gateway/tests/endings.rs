//! Every way in which a connection ends: its code, its Close frame, and that it ends.

mod support;

use market::Status::Pending;
use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;
use support::{
    Heard, SUBSCRIBE, Server, config, deflated, frame, of_prices, of_signals, price,
    restart_advice, signal, told_signal, wait_until,
};

fn ended(server: &Server, code: u16) {
    wait_until("the session ends", || {
        server.stats.total(|of| &of.connections) == 0
    });
    assert_eq!(server.stats.closes(), BTreeMap::from([(code, 1)]));
}

#[test]
fn the_clients_close_is_answered_with_its_own_code() {
    for (payload, code) in [
        (&1000_u16.to_be_bytes()[..], Some(1000)),
        (&1001_u16.to_be_bytes()[..], Some(1001)),
        (&4000_u16.to_be_bytes()[..], Some(4000)),
        (&[][..], None),
    ] {
        let server = Server::start();
        let mut client = server.subscribed(0);
        client.send(&frame(0x88, payload));
        assert_eq!(client.hear(), Heard::Close(code, String::new()));
        assert_eq!(client.hear(), Heard::End, "the server ends the connection");
        drop(client);
        ended(&server, code.unwrap_or(1005));
    }
}

#[test]
fn a_broken_rule_ends_with_its_code() {
    for (bytes, code, reason) in [
        (vec![0x81, 0x01, b'x'], 1002, "frame not masked"),
        (frame(0xC1, b"x"), 1002, "reserved bits"),
        (frame(0x80, b"x"), 1002, "continuation of nothing"),
        (frame(0x91, b"x"), 1002, "reserved bits"),
        (frame(0x83, b"x"), 1002, "unknown opcode"),
        (
            [frame(0x01, b"x"), frame(0x81, b"x")].concat(),
            1002,
            "message inside a message",
        ),
        (frame(0x09, b"x"), 1002, "control frame in fragments"),
        (frame(0x89, &[0; 126]), 1002, "control frame too long"),
        (
            vec![0x81, 0x80 | 126, 0, 125, 1, 2, 3, 4],
            1002,
            "length not in its shortest form",
        ),
        (
            [&[0x81, 0x80 | 127][..], &65_535_u64.to_be_bytes(), &[1; 4]].concat(),
            1002,
            "length not in its shortest form",
        ),
        (
            [&[0x81, 0x80 | 127][..], &u64::MAX.to_be_bytes(), &[1; 4]].concat(),
            1002,
            "length not in its shortest form",
        ),
        (frame(0x88, &[3]), 1002, "close code cut"),
        (frame(0x88, &999_u16.to_be_bytes()), 1002, "close code"),
        (frame(0x88, &1005_u16.to_be_bytes()), 1002, "close code"),
        (frame(0x88, &2999_u16.to_be_bytes()), 1002, "close code"),
        (frame(0x88, &5000_u16.to_be_bytes()), 1002, "close code"),
        (frame(0x88, b"\x03\xE8\xFF"), 1007, "not UTF-8"),
        (
            [frame(0x01, b"\xE2"), frame(0x80, b"\x28\xA1")].concat(),
            1007,
            "not UTF-8",
        ),
        (
            [frame(0x01, b"\xE2"), frame(0x00, b""), frame(0x80, b"\x82")].concat(),
            1007,
            "not UTF-8",
        ),
        (frame(0x82, b"x"), 1003, "text only"),
        (frame(0x81, b"\xFF"), 1007, "not UTF-8"),
        (
            frame(0x81, &vec![b'x'; 16 * 1024 + 1]),
            1009,
            "message too large",
        ),
    ] {
        let mut patient = config();
        patient.close_within = support::PATIENCE;
        let server = Server::with(patient);
        let mut client = server.subscribed(0);
        // What follows cannot be understood, and does no harm.
        client.send(&[bytes, vec![0xFF; 100]].concat());
        assert_eq!(client.hear(), Heard::Close(Some(code), reason.to_owned()));
        assert_eq!(client.hear(), Heard::End, "the server ends the connection");
        assert_eq!(
            server.stats.closes(),
            BTreeMap::new(),
            "and waits for the client's end"
        );
        client.send(&frame(0x88, &code.to_be_bytes()));
        drop(client);
        ended(&server, code);
    }
}

#[test]
fn a_bad_compressed_message_ends_with_its_code() {
    for (bytes, code, reason) in [
        (frame(0xC1, b"hello"), 1007, "cannot be inflated"),
        (frame(0xC1, &deflated(b"\xFF")), 1007, "not UTF-8"),
        (frame(0xC2, &deflated(b"x")), 1003, "text only"),
        (frame(0xC9, b"x"), 1002, "reserved bits"),
        (
            frame(0xC1, &deflated(&vec![b'x'; 10_000_000])),
            1009,
            "message too large",
        ),
    ] {
        let server = Server::start();
        let mut client = server.connect_deflating();
        client.send(&bytes);
        assert_eq!(client.hear(), Heard::Close(Some(code), reason.to_owned()));
        assert_eq!(client.hear(), Heard::End, "the server ends the connection");
        drop(client);
        ended(&server, code);
    }
}

#[test]
fn a_message_of_the_longest_length_is_allowed() {
    let server = Server::start();
    let mut client = server.connect();
    client.say(&format!(
        r#"{{"type":"ping","x":"{}"}}"#,
        "x".repeat(16 * 1024 - 22)
    ));
    assert!(client.hear_text().starts_with(r#"{"type":"pong""#));
}

#[test]
fn too_many_messages() {
    let server = Server::start();
    let mut client = server.connect();
    let pings = frame(0x81, br#"{"type":"ping"}"#).repeat(40);
    client.send(&pings);
    assert_eq!(
        client.hear_close(),
        (Some(4429), "too many messages".to_owned())
    );
    assert!(server.stats.total(|of| &of.messages_received) >= 20);
    ended(&server, 4429);
}

#[test]
fn too_many_errors() {
    let mut patient = config();
    patient.messages_burst = 100;
    let server = Server::with(patient);
    let mut client = server.connect();
    for _ in 0..20 {
        client.say("?");
        assert!(client.hear_text().contains("bad_json"));
    }
    client.say("?");
    assert_eq!(
        client.hear_close(),
        (Some(4400), "too many errors".to_owned())
    );
    ended(&server, 4400);
}

#[test]
fn a_client_that_does_not_answer_pings() {
    let mut strict = config();
    strict.ping_every = Duration::from_millis(50);
    strict.silent_for = Duration::from_millis(200);
    let server = Server::with(strict);
    let mut silent = server.connect();
    let mut lively = server.connect();
    let lively = std::thread::spawn(move || {
        for _ in 0..8 {
            assert_eq!(lively.hear(), Heard::Ping);
            lively.send(&frame(0x8A, b""));
        }
        lively
    });
    assert_eq!(silent.hear_close(), (Some(4408), "no pong".to_owned()));
    wait_until("it is gone", || {
        server.stats.total(|of| &of.connections) == 1
    });
    let _kept = lively.join().unwrap();
}

#[test]
fn what_follows_a_close_is_not_heard() {
    let server = Server::start();
    let mut client = server.subscribed(0);
    client.say(r#"{"type":"ping"}"#);
    client.hear_text();
    let close = frame(0x88, &1000_u16.to_be_bytes());
    // More than is read at once, so that some is left when the connection has ended.
    let more = frame(0x81, SUBSCRIBE.as_bytes()).repeat(1000);
    client.send(&[close, more].concat());
    ended(&server, 1000);
    assert_eq!(server.stats.total(|of| &of.broken), 0);
    assert_eq!(server.stats.total(|of| &of.messages_received), 2);
}

#[test]
fn a_client_further_behind_than_the_signal_log() {
    let mut small = config();
    small.hub.signal_log = 4;
    let server = Server::with(small);
    let mut client = server.subscribed(0);
    client.say(r#"{"type":"ping"}"#);
    client.hear_text();
    server.publish(of_signals(
        (1..=5).map(|id| (u64::from(id), signal(id, Pending))),
    ));
    assert_eq!(client.hear_close(), (Some(4409), "slow".to_owned()));
    ended(&server, 4409);
}

#[test]
fn a_connection_that_is_cut() {
    let server = Server::start();
    drop(server.subscribed(0));
    wait_until("it came", || {
        server.stats.total(|of| &of.connections_total) == 1
    });
    ended(&server, 1006);
}

#[test]
fn a_drain_closes_everybody_and_ends_when_all_are_gone() {
    let mut server = Server::start();
    let mut clients: Vec<_> = (0..5).map(|_| server.subscribed(0)).collect();
    clients.push(server.connect());
    let drained = server.drain();
    for client in &mut clients {
        let (code, reason) = client.hear_close();
        restart_advice(code, &reason);
    }
    server.wait(drained);
    assert_eq!(server.stats.closes(), BTreeMap::from([(1012, 6)]));
    assert!(
        server.publisher().publish_blocking(of_prices([])).is_err(),
        "nothing is published any more"
    );
    std::net::TcpStream::connect(server.address).expect_err("nobody listens");
}

#[test]
fn a_drain_does_not_wait_for_ever() {
    let mut hasty = config();
    hasty.close_within = Duration::from_millis(100);
    let mut server = Server::with(hasty);
    let mut deaf = server.subscribed(0);
    let drained = server.drain();
    server.wait(drained);
    assert_eq!(server.stats.closes(), BTreeMap::from([(1012, 1)]));
    let Heard::Close(code, reason) = deaf.hear() else {
        panic!("no Close");
    };
    restart_advice(code, &reason);
    assert!(deaf.stream.read(&mut [0]).map_or(true, |read| read == 0));
}

#[test]
fn what_was_published_comes_before_the_close() {
    let mut server = Server::start();
    let mut client = server.connect();
    client.say(SUBSCRIBE);
    client.say(r#"{"type":"ping"}"#);
    client.hear_text();
    server.publish(of_signals([(1, signal(1, Pending))]));
    wait_until("it is sent", || {
        server.stats.total(|of| &of.signals_sent) == 1
    });
    let drained = server.drain();
    assert_eq!(client.hear_text(), told_signal(1, Pending));
    client.hear_close();
    server.wait(drained);
}

#[test]
fn prices_do_not_keep_a_closed_client() {
    let server = Server::start();
    let mut client = server.subscribed(0);
    client.send(&frame(0x88, &1000_u16.to_be_bytes()));
    assert_eq!(client.hear(), Heard::Close(Some(1000), String::new()));
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(client.hear(), Heard::End);
    drop(client);
    ended(&server, 1000);
}
