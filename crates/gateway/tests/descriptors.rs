//! A process that has run out of file descriptors. Alone in its file: the limit is the whole process's.

#![cfg(unix)]

mod support;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};
use std::fs::File;
use support::{Client, REQUEST, Server, of_prices, price, told_price, wait_until};

#[test]
fn who_comes_waits_until_there_are_descriptors_again() {
    let server = Server::start();
    let mut client = server.subscribed(0);
    client.say(r#"{"type":"ping"}"#);
    client.hear_text();
    let waiting = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let before = getrlimit(Resource::Nofile);
    let low = Rlimit {
        current: Some(128),
        ..before
    };
    setrlimit(Resource::Nofile, low).expect("a lower limit");
    let taken: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();

    waiting.connect(&server.address.into()).expect("connect");
    wait_until("it cannot be accepted", || {
        server.stats.total(|of| &of.accepts_failed) >= 2
    });
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(
        client.hear_text(),
        told_price("US30", 1),
        "who is in is served"
    );
    drop(taken);
    let mut waited = Client::of(waiting.into());
    waited.send(REQUEST.as_bytes());
    assert!(waited.hear_head().starts_with("HTTP/1.1 101 "));
    setrlimit(Resource::Nofile, before).expect("the limit as it was");
}
