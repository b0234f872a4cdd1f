//! A gateway whose listening socket somebody else goes on with: it accepts no more, and serves whom it has.

mod support;

use gateway::Publication;
use std::net::{TcpListener, TcpStream};
use support::{Client, Heard, PATIENCE, REQUEST, Server, config, of_prices, price};

/// A gateway, and another descriptor of its socket.
fn shared() -> (Server, TcpListener) {
    let mut patient = config();
    patient.request_within = PATIENCE;
    let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let other = socket.try_clone().expect("a descriptor");
    (Server::on(socket, &Publication::default(), patient), other)
}

#[test]
fn who_connects_is_somebody_elses_and_who_came_is_served() {
    let (mut server, other) = shared();
    let mut client = server.subscribed(0);
    server.stop_accepting();

    let waiting = TcpStream::connect(server.address).unwrap();
    let (_taken, peer) = other.accept().unwrap();
    assert_eq!(
        peer,
        waiting.local_addr().unwrap(),
        "it waited for the other"
    );

    server.publish(of_prices(vec![price("EURUSD", 1)]));
    assert!(client.hear_text().contains("EURUSD"));
    drop(other);
    TcpStream::connect(server.address).expect_err("no descriptor of the socket is left");
    assert_eq!(server.stats.total(|of| &of.connections), 1);
}

#[test]
fn who_was_accepted_and_has_said_nothing_yet_is_waited_for() {
    let (mut server, _other) = shared();
    let mut slow = Client::of(TcpStream::connect(server.address).unwrap());
    let mut asks = Client::of(TcpStream::connect(server.address).unwrap());
    // They are accepted in their order: when this one has its answer, both were.
    drop(server.connect());
    server.stop_accepting();
    let drained = server.drain_who_arrived();

    asks.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(asks.hear_head().starts_with("HTTP/1.1 200 "));
    assert!(!drained.is_finished(), "one is still to come");
    slow.send(REQUEST.as_bytes());
    assert!(slow.hear_head().starts_with("HTTP/1.1 101 "));
    assert!(matches!(slow.hear(), Heard::Close(Some(1012), _)));
    server.wait(drained);
}
