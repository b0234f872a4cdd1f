//! The HTTP side: what is upgraded, what is refused and how, and what belongs to the router.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeSet;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;
use support::{
    Client, Heard, REQUEST, SUBSCRIBE, Server, config, frame, of_prices, price, told_price,
    wait_until,
};

fn ask(server: &Server, request: &str) -> String {
    let mut client = Client::of(TcpStream::connect(server.address).unwrap());
    client.send(request.as_bytes());
    client.hear_head()
}

fn check(server: &Server, request: &str, status: &str) -> String {
    let head = ask(server, request);
    assert!(
        head.starts_with(&format!("HTTP/1.1 {status} ")),
        "{request}\n{head}"
    );
    head.to_lowercase()
}

/// A good request with one more line.
fn with(line: &str) -> String {
    REQUEST.replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"))
}

#[test]
fn a_good_request_is_upgraded() {
    let server = Server::start();
    let head = check(&server, REQUEST, "101");
    // The key and its answer are those of RFC 6455 section 1.3.
    assert!(ask(&server, REQUEST).contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert!(head.contains("upgrade: websocket") && head.contains("connection: upgrade"));
    assert!(!head.contains("sec-websocket-extensions") && !head.contains("sec-websocket-protocol"));
    let browser = with("Origin: https://example.org");
    assert!(!check(&server, &browser, "101").contains("origin"));
    check(
        &server,
        &REQUEST.replace("/ws/signals", "/ws/signals?key=1"),
        "101",
    );
    check(
        &server,
        &REQUEST
            .replace("websocket", "WebSocket")
            .replace(", Upgrade", ",upgrade"),
        "101",
    );
}

/// Most requests are read without the HTTP server; what is unusual goes through it, and is told the same.
#[test]
fn an_unusual_request_is_answered_like_a_usual_one() {
    let server = Server::start();
    let lines = |head: &str| {
        let lines = head.lines().filter(|line| !line.starts_with("date: "));
        lines.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let offered =
        with("Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: orion.v1");
    let usual = lines(&check(&server, &offered, "101"));
    assert_eq!(usual.len(), 7, "{usual:?}");
    let many = (0..60).map(|number| format!("X-{number}: x\r\n"));
    let many: String = many.collect();
    for unusual in [
        offered.replace("/ws/signals", "/ws/signals?a=b"),
        offered.replace("/ws/signals", "http://localhost/ws/signals"),
        offered.replace("Host", "Authorization: Basic eDp5\r\nHost"),
        offered.replace("Host", &format!("{many}Host")),
        format!("\r\n{offered}"),
    ] {
        assert_eq!(lines(&check(&server, &unusual, "101")), usual, "{unusual}");
    }
}

/// Whether all was said before it was accepted, or the rest came after that.
#[test]
fn a_request_is_answered_alike_whenever_it_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let subscribe = frame(0x81, SUBSCRIBE.as_bytes());
    let all = [REQUEST.as_bytes(), &subscribe].concat();
    let asked = |bytes: &[u8]| {
        let mut client = Client::of(TcpStream::connect(address).unwrap());
        client.send(bytes);
        client
    };
    // Nobody is accepted yet.
    let mut whole = asked(&all);
    let mut two_lines = asked(&all[..40]);
    let mut long = asked(with(&format!("X-Long: {}", "x".repeat(5000))).as_bytes());
    let mut wrong = asked(REQUEST.replace("13", "12").as_bytes());
    let mut other = asked(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    let _server = Server::on(listener, &of_prices([price("US30", 7)]), config());
    // They are accepted in the order in which they came, so `two_lines` is, too.
    assert!(other.hear_head().starts_with("HTTP/1.1 200"));
    assert!(wrong.hear_head().starts_with("HTTP/1.1 426"));
    let head = whole.hear_head();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(long.hear_head().starts_with("HTTP/1.1 101"));
    two_lines.send(&all[40..]);
    assert_eq!(two_lines.hear_head(), head);
    for mut client in [whole, two_lines] {
        assert_eq!(client.hear_text(), told_price("US30", 7));
    }
}

#[test]
fn compression_is_agreed_to_as_it_is_offered_and_set() {
    let offer = |offer: &str| with(&format!("Sec-WebSocket-Extensions: {offer}"));
    let server = Server::start();
    for (offered, agreed) in [
        ("permessage-deflate; client_max_window_bits", ""),
        (
            "permessage-deflate; level=9, permessage-deflate; server_no_context_takeover",
            "; server_no_context_takeover",
        ),
        (
            "other\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9",
            "; server_max_window_bits=9",
        ),
    ] {
        let head = check(&server, &offer(offered), "101");
        let line = format!(
            "\r\nsec-websocket-extensions: permessage-deflate; client_no_context_takeover{agreed}\r\n"
        );
        assert!(head.contains(&line), "{head}");
    }
    for offered in ["permessage-deflate; level=9", "permessage-bzip2", ""] {
        let head = check(&server, &offer(offered), "101");
        assert!(!head.contains("extensions"), "{head}");
    }
    check(&server, &offer("permessage-deflate; ="), "400");
    let mut plain = config();
    plain.compression = false;
    let server = Server::with(plain);
    let head = check(&server, &offer("permessage-deflate"), "101");
    assert!(!head.contains("extensions"), "{head}");
}

#[test]
fn our_subprotocol_is_chosen_where_it_is_offered() {
    let server = Server::start();
    for (offered, is_chosen) in [
        ("orion.v1", true),
        ("graphql-ws, orion.v1", true),
        ("mqtt\r\nSec-WebSocket-Protocol: orion.v1", true),
        ("orion.v2, ORION.V1, orion.v1x", false),
    ] {
        let request = with(&format!("Sec-WebSocket-Protocol: {offered}"));
        let head = check(&server, &request, "101");
        let chosen = head.contains("\r\nsec-websocket-protocol: orion.v1\r\n");
        assert_eq!(chosen, is_chosen, "{head}");
        assert_eq!(head.contains("sec-websocket-protocol"), is_chosen, "{head}");
    }
}

#[test]
fn what_is_wrong_is_answered_with_a_status() {
    let server = Server::start();
    let without = |header: &str| {
        let lines = REQUEST
            .split_inclusive("\r\n")
            .filter(|line| !line.starts_with(header));
        lines.collect::<String>()
    };
    let twice = |header: &str| {
        let line = REQUEST
            .split_inclusive("\r\n")
            .find(|line| line.starts_with(header))
            .unwrap();
        REQUEST.replace(line, &line.repeat(2))
    };
    check(
        &server,
        &REQUEST.replace("/ws/signals", "/ws/signals/"),
        "404",
    );
    check(&server, &REQUEST.replace("/ws/signals", "/ws"), "404");
    let head = check(&server, &REQUEST.replace("GET", "POST"), "405");
    assert!(head.contains("allow: get"), "{head}");
    let head = check(
        &server,
        &REQUEST.replace("Version: 13", "Version: 8"),
        "426",
    );
    assert!(head.contains("sec-websocket-version: 13"), "{head}");
    let head = check(&server, &without("Upgrade"), "426");
    assert!(head.contains("upgrade: websocket"), "{head}");
    check(&server, &without("Connection"), "400");
    check(&server, &without("Host"), "400");
    check(&server, &twice("Host"), "400");
    check(&server, &without("Sec-WebSocket-Version"), "400");
    check(&server, &twice("Sec-WebSocket-Version"), "400");
    check(&server, &without("Sec-WebSocket-Key"), "400");
    check(&server, &twice("Sec-WebSocket-Key"), "400");
    check(
        &server,
        &REQUEST.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="),
        "400",
    );
    check(
        &server,
        &REQUEST.replace("dGhlIHNhbXBsZSBub25jZQ==", "not base64!"),
        "400",
    );
    check(
        &server,
        &REQUEST.replace("Host", "Content-Length: 5\r\nHost"),
        "400",
    );
    // Where its frames would begin is not certain: the HTTP server reads no such request at all.
    for lengths in ["0\r\nContent-Length: 5", "0, 5", "5\r\nContent-Length: 0"] {
        let line = format!("Content-Length: {lengths}\r\nHost");
        check(&server, &REQUEST.replace("Host", &line), "400");
    }
    let old = ask(&server, &REQUEST.replace("HTTP/1.1", "HTTP/1.0"));
    assert!(old.contains(" 400 "), "{old}");
    assert_eq!(server.stats.total(|of| &of.upgrades_refused), 14);
    assert_eq!(server.stats.total(|of| &of.connections_total), 0);
}

#[test]
fn other_paths_belong_to_the_router() {
    let server = Server::start();
    check(
        &server,
        "GET /health HTTP/1.1\r\nHost: anything.at:all\r\n\r\n",
        "200",
    );
    check(&server, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "404");
}

#[test]
fn the_router_is_told_who_asks() {
    let server = Server::start();
    let mut client = Client::of(TcpStream::connect(server.address).unwrap());
    let own = client.stream.local_addr().unwrap();
    client.send(
        b"GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
    );
    let mut answer = String::new();
    client.stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with(&format!("\r\n\r\n{own}")), "{answer}");
}

#[test]
fn a_request_is_bounded_in_size_and_time() {
    let mut quick = config();
    quick.request_within = Duration::from_millis(200);
    let server = Server::with(quick);
    let long = REQUEST.replace(
        "\r\n\r\n",
        &format!("\r\nX: {}\r\n\r\n", "x".repeat(17 * 1024)),
    );
    check(&server, &long, "431");
    for start in ["", "GET /ws/signals HTTP/1.1\r\nHost: x"] {
        let mut client = Client::of(TcpStream::connect(server.address).unwrap());
        client.send(start.as_bytes());
        let mut rest = Vec::new();
        client
            .stream
            .read_to_end(&mut rest)
            .expect("the connection ends in good order");
    }
    check(&server, REQUEST, "101");
}

#[test]
fn what_follows_the_request_at_once_is_heard() {
    let server = Server::start();
    server.publish(of_prices([price("US30", 7)]));
    let mut client = Client::of(TcpStream::connect(server.address).unwrap());
    let subscribe = frame(0x81, SUBSCRIBE.as_bytes());
    let (begin, end) = subscribe.split_at(30);
    client.send(&[REQUEST.as_bytes(), &frame(0x89, b"early"), begin].concat());
    assert!(client.hear_head().starts_with("HTTP/1.1 101"));
    assert_eq!(client.hear(), Heard::Pong(b"early".to_vec()));
    client.send(end);
    assert_eq!(client.hear_text(), told_price("US30", 7));
}

#[test]
fn a_connection_that_says_nothing_holds_nobody_up() {
    let mut narrow = config();
    narrow.handshakes = 1;
    let server = Server::with(narrow);
    let _silent: Vec<_> = (0..5)
        .map(|_| TcpStream::connect(server.address).unwrap())
        .collect();
    let mut upgraded = server.connect();
    upgraded.say(r#"{"type":"ping"}"#);
    assert!(upgraded.hear_text().contains("pong"));
    wait_until("it is counted", || {
        server.stats.total(|of| &of.connections) == 1
    });
}
