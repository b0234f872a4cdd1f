//! More connections than there is room for: they are parked and told to come later, and beyond those turned away.

mod support;

use gateway::{Config, Refused};
use std::collections::BTreeMap;
use std::net::TcpStream;
use std::time::Duration;
use support::{
    Client, Heard, PATIENCE, REQUEST, SUBSCRIBE, Server, config, frame, of_prices, price,
    told_price, wait_until,
};

const EXTENDED: &str = r#"{"type":"subscribe","v":1,"channels":["signals","prices"]}"#;

/// Room for so many; who is parked stays longer than any test.
fn narrow(connections: usize, parked: usize) -> Config {
    let mut narrow = config();
    (narrow.connections, narrow.parked) = (connections, parked);
    narrow.parked_for = 5 * PATIENCE..6 * PATIENCE;
    narrow
}

/// The milliseconds of the advice of a Close that says that there is no room.
fn overload_advice((code, reason): (Option<u16>, String)) -> u64 {
    assert_eq!(code, Some(1013), "{reason}");
    let advice = reason.strip_prefix("overload retry=");
    advice.expect(&reason).parse().expect(&reason)
}

fn parked(server: &Server) -> u64 {
    server.stats.total(|of| &of.parked)
}

#[test]
fn who_comes_above_the_limit_is_accepted_told_nothing_and_closed_with_advice() {
    let mut hasty = narrow(1, 2);
    hasty.parked_for = Duration::from_millis(100)..Duration::from_millis(200);
    let server = Server::with(hasty);
    let mut client = server.subscribed(0);
    let mut others: Vec<_> = (0..2).map(|_| server.subscribed(0)).collect();
    wait_until("they are parked", || {
        server.stats.total(|of| &of.parked_total) == 2
    });
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(client.hear_text(), told_price("US30", 1));
    let mut advice = Vec::new();
    for other in &mut others {
        // The Close is the first that it hears.
        let Heard::Close(code, reason) = other.hear() else {
            panic!("a parked client was told something");
        };
        advice.push(overload_advice((code, reason)));
        other.send(&frame(0x88, &1013_u16.to_be_bytes()));
        assert_eq!(other.hear(), Heard::End);
    }
    assert!(advice.iter().all(|advice| (100..=200).contains(advice)));
    assert_ne!(advice[0], advice[1], "each comes at a time of its own");
    drop(others);
    wait_until("they are gone", || parked(&server) == 0);
    assert_eq!(server.stats.closes(), BTreeMap::from([(1013, 2)]));
    assert_eq!(server.stats.total(|of| &of.connections_total), 1);
}

#[test]
fn beyond_those_who_are_parked_an_upgrade_is_refused_and_the_rest_of_http_is_served() {
    let server = Server::with(narrow(1, 1));
    let _client = server.subscribed(0);
    let _parked = server.connect();
    let mut refused = Client::of(TcpStream::connect(server.address).unwrap());
    refused.send(REQUEST.as_bytes());
    let head = refused.hear_head();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let retry = format!("retry-after: {}\r\n", 6 * PATIENCE.as_secs());
    assert!(head.contains(&retry), "{head}");
    assert_eq!(server.stats.refused(Refused::Full), 1);
    let mut asks = Client::of(TcpStream::connect(server.address).unwrap());
    asks.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(asks.hear_head().starts_with("HTTP/1.1 200 "));
}

#[test]
fn who_speaks_the_extended_protocol_is_told_at_once() {
    let server = Server::with(narrow(0, 1));
    // In one piece with the request, and later in pieces.
    let mut eager = Client::of(TcpStream::connect(server.address).unwrap());
    eager.send(&[REQUEST.as_bytes(), &frame(0x81, EXTENDED.as_bytes())].concat());
    assert!(eager.hear_head().starts_with("HTTP/1.1 101 "));
    check_told(&mut eager);
    wait_until("it is gone", || parked(&server) == 0);
    let mut calm = server.connect();
    let (first, rest) = EXTENDED.as_bytes().split_at(9);
    calm.send(&frame(0x01, first));
    calm.send(&frame(0x80, rest));
    check_told(&mut calm);
}

fn check_told(client: &mut Client) {
    let closing = client.hear_text();
    let advice = overload_advice(client.hear_close());
    let told = format!(
        r#"{{"type":"closing","code":1013,"reason":"overload retry={advice}","retry_after_ms":{advice}}}"#
    );
    assert_eq!(closing, told);
}

#[test]
fn who_is_parked_is_still_bound_by_the_rules() {
    for (bytes, code) in [
        (frame(0x88, &1001_u16.to_be_bytes()), 1001),
        (vec![0x81, 0x01, b'x'], 1002),
        (frame(0xC1, b"x"), 1002),
        (frame(0x81, b"{}").repeat(3000), 4429),
    ] {
        let server = Server::with(narrow(0, 1));
        let mut client = server.connect_deflating_in_vain();
        client.send(&frame(0x89, b"there?"));
        assert_eq!(client.hear(), Heard::Pong(b"there?".to_vec()));
        client.say(SUBSCRIBE);
        client.send(&bytes);
        let heard = client.hear();
        assert!(
            matches!(heard, Heard::Close(Some(told), _) if told == code),
            "{heard:?} instead of {code}"
        );
        drop(client);
        wait_until("it is gone", || parked(&server) == 0);
        assert_eq!(server.stats.closes(), BTreeMap::from([(code, 1)]));
    }
}

/// Comes until it is let in: who left is counted out a moment before its place is free.
fn let_in(server: &Server) -> Client {
    let (clients, parked) = (
        || server.stats.total(|of| &of.connections_total),
        || server.stats.total(|of| &of.parked_total),
    );
    loop {
        let before = (clients(), parked());
        let client = server.subscribed(0);
        wait_until("it came", || (clients(), parked()) != before);
        if clients() > before.0 {
            return client;
        }
    }
}

#[test]
fn there_is_room_again_when_clients_have_left() {
    let server = Server::with(narrow(2, 8));
    let mut clients = vec![let_in(&server), let_in(&server)];
    let _parked = server.subscribed(0);
    wait_until("it is parked", || parked(&server) == 1);
    for round in 1..=5 {
        drop(clients.remove(0));
        wait_until("it has left", || {
            server.stats.total(|of| &of.connections) == 1
        });
        let mut next = let_in(&server);
        next.say(r#"{"type":"ping"}"#);
        assert!(next.hear_text().contains("pong"), "round {round}");
        clients.push(next);
    }
}

#[test]
fn the_end_of_the_server_is_told_to_who_is_parked_too() {
    let mut server = Server::with(narrow(0, 3));
    let mut clients: Vec<_> = (0..3).map(|_| server.subscribed(0)).collect();
    wait_until("they are parked", || parked(&server) == 3);
    let drained = server.drain();
    for client in &mut clients {
        overload_advice(client.hear_close());
    }
    server.wait(drained);
    assert_eq!(server.stats.closes(), BTreeMap::from([(1013, 3)]));
}
