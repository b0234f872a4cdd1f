//! Floods: of handshakes that nobody finishes, each of which is turned away and counted, and of lines of the log that nobody
//! reads. Others are served meanwhile.

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
    count(server, "orion_connections_refused_total{cause=\"late\"}")
}

/// Lines of the log that were not written.
fn left_out(server: &Server) -> usize {
    count(server, "orion_process_log_lines_left_out_total")
}

fn count(server: &Server, metric: &str) -> usize {
    let metrics = server.get("/metrics");
    let of_metric = |line: &str| line.strip_prefix(metric)?.trim().parse().ok();
    metrics.lines().find_map(of_metric).expect("the count")
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

/// A terminal that is paused, or a collector that hangs.
#[test]
fn a_log_that_nobody_reads_holds_nobody_up() {
    /// Some 1,500 bytes of such a log each, where little more than a megabyte may wait.
    const CLIENTS_MAX: usize = 3_000;
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = serve(folder.path(), &["--set", "log.level=trace"]);
    command.env("ORION__LOG__FORMAT", "json").stderr(writer);
    let server = Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    let mut clients = 0;
    while left_out(&server) == 0 {
        assert!(clients < CLIENTS_MAX, "the log took all they said");
        for _ in 0..100 {
            drop(server.connect());
        }
        clients += 100;
    }
    server.subscribe().next().expect("a message all the same");
    let log = support::lines(reader);
    let next_told = || {
        loop {
            let line = log.recv_timeout(support::PATIENCE).expect("a line");
            let line: serde_json::Value = serde_json::from_str(&line).expect("a whole line");
            if let Some(lines) = line["fields"]["lines"].as_u64() {
                break lines as usize;
            }
        }
    };
    let mut told = 0;
    while told < left_out(&server) {
        told += next_told();
    }
    assert_eq!(told, left_out(&server), "each is told of once");
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let is_end = |line: String| line.contains(r#""message":"ended""#);
    assert!(log.iter().any(is_end), "the last words are written");
}
