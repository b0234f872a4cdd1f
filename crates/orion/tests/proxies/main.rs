//! The proxies' settings in deploy/, in front of a real server: with them a dashboard connects over TLS, a connection at rest
//! outlives the proxy's patience, clients are told apart by their own addresses, and what is not theirs is not reached.

#[path = "../support/mod.rs"]
mod support;

mod proxy;

use proxy::{Caddy, Nginx, Proxy, Visitor};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use support::{Server, serve, serve_at, tool};

/// As each proxy is used here: its patience in proportion to pings that come every second.
fn server_behind(folder: &std::path::Path) -> Server {
    Server::start(serve(folder, &PINGS)).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
}

const PINGS: [&str; 4] = [
    "--set",
    "gateway.ping_interval_s=1",
    "--set",
    "gateway.silence_timeout_s=5",
];
/// Where visitors come from: an address of this machine that is not the proxy's, or the proxy's own where there is none.
fn own_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    // Nothing is sent: the address is documentation's, and only a route is looked up.
    let routed = socket
        .connect("192.0.2.1:9")
        .and_then(|()| socket.local_addr());
    routed.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

fn check(proxy: &Proxy, server: Server, python: &std::path::Path) {
    let from = own_address();
    let mut visitor = Visitor::come(python, proxy, from, "prices", 30.0);
    assert_eq!(visitor.next("tls"), "TLSv1.3");
    let price = visitor.next("message");
    assert_eq!(price["type"], "price_update", "{price}");
    let came = server
        .log_after("client came")
        .expect("the log of a client");
    assert!(
        !came.contains("203.0.113.9"),
        "what it says of itself is believed: {came}"
    );
    if from.is_loopback() {
        eprintln!(
            "skipped: this machine has no address but loopback, and so nobody else can be seen to come"
        );
    } else {
        assert!(came.contains(&format!("address={from}")), "{came}");
    }

    // Nothing is said to it for longer than the proxy has patience, but pings.
    let mut quiet = Visitor::come(python, proxy, from, "signals", 5.0);
    let still = loop {
        let (what, value) = quiet.any();
        if what != "message" {
            break (what, value);
        }
    };
    if still.0 == "tls" {
        quiet.next("still");
    }

    assert_eq!(proxy.get("/health/ready").0, 200);
    assert_eq!(
        proxy.get("/metrics").0,
        404,
        "metrics are not for the world"
    );
    server.terminate();
    assert_eq!(
        visitor.next("closed"),
        1012,
        "what the server says comes through"
    );
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn nginx_in_front_as_in_deploy() {
    let (Some(program), Some(python)) = (tool("ORION_TEST_NGINX"), tool("ORION_TEST_PYTHON"))
    else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let server = server_behind(folder.path());
    let proxy = Nginx::start(&program, &server.address);
    check(&proxy, server, &python);
}

#[test]
fn caddy_in_front_as_in_deploy_and_who_comes_during_a_restart_waits() {
    let (Some(program), Some(python)) = (tool("ORION_TEST_CADDY"), tool("ORION_TEST_PYTHON"))
    else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let server = server_behind(folder.path());
    let address = server.address.clone();
    let proxy = Caddy::start(&program, &address);
    check(&proxy, server, &python);

    let mut early = Visitor::come(&python, &proxy, own_address(), "prices", 30.0);
    let again = Server::start(serve_at(&address, folder.path(), &PINGS));
    let again = again.unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    assert_eq!(early.next("tls"), "TLSv1.3");
    let price: Value = early.next("message");
    assert_eq!(price["type"], "price_update", "{price}");
    again.terminate();
    assert_eq!(again.wait(), Some(0));
}
