//! A flood of handshakes that nobody finishes: each is turned away and counted, and others are served meanwhile.

#![cfg(target_os = "linux")]

mod support;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::Write as _;
use std::net::TcpStream;
use support::{Server, serve};

const HANDSHAKES: usize = 5_000;
/// For everything else of a test.
const OTHER_DESCRIPTORS: usize = 256;
/// As many as this process may have open.
fn most() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("raise the limit of descriptors");
    let most = limit
        .maximum
        .map_or(usize::MAX, |most| usize::try_from(most).expect("a size"));
    HANDSHAKES.min(most.saturating_sub(OTHER_DESCRIPTORS))
}

/// Connections that begin a request and never end it.
fn flood(server: &Server, count: usize) -> Vec<TcpStream> {
    let begin = |_| {
        let mut stream = TcpStream::connect(&server.address).expect("nobody is refused");
        stream
            .write_all(b"GET /ws/signals HTTP/1.1\r\nHost: x\r\n")
            .expect("send");
        stream
    };
    (0..count).map(begin).collect()
}

/// How many were turned away because they were too slow.
fn late(server: &Server) -> usize {
    let metrics = server.get("/metrics");
    let of_late = |line: &str| {
        let count = line.strip_prefix("orion_connections_refused_total{cause=\"late\"} ")?;
        count.parse().ok()
    };
    metrics.lines().find_map(of_late).expect("the count")
}

fn wait_for_late(server: &Server, count: usize) {
    let until = tokio::time::Instant::now() + support::PATIENCE;
    while late(server) < count {
        assert!(
            tokio::time::Instant::now() < until,
            "{} of {count}",
            late(server)
        );
        std::thread::yield_now();
    }
}

#[test]
fn memory_lies_in_pages_of_the_ordinary_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(serve(folder.path(), &[]))
        .unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    // Linux before 5.0 does not say.
    let huge = server.status("THP_enabled:");
    assert!(huge.is_none_or(|huge| huge == "0"), "in huge pages");
}

#[test]
fn thousands_of_half_open_handshakes_are_turned_away_and_hold_nobody_up() {
    let count = most();
    let folder = tempfile::tempdir().expect("a folder");
    let command = serve(folder.path(), &["--set", "gateway.request_timeout_s=1"]);
    let server = Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    let half_open = flood(&server, count);
    let mut client = server.subscribe();
    client.next().expect("a message while they are open");
    wait_for_late(&server, count);
    drop(half_open);
    client.next().expect("a message when they are gone");
    assert_eq!(late(&server), count, "each is counted once");
}
