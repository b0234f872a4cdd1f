//! Who asks for much and reads nothing: what is held for all of them together has a bound, and goes with them.

use super::start;
use crate::support::{PATIENCE, Server};
use socket2::{Domain, Socket, Type};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use tokio::time::Instant;

const PATH: &str = "/api/v1/signals?limit=500";
const HELD_MAX: usize = 64 << 20;

/// Asks, and lets its system take next to nothing of the answer.
fn asker(server: &Server) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let address: SocketAddr = server.address.parse().expect("an address");
    socket.connect(&address.into()).expect("connect");
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("patience");
    write!(stream, "GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n").expect("ask");
    stream
}

fn status(mut asker: &TcpStream) -> String {
    let mut line = [0; 12];
    asker.read_exact(&mut line).expect("an answer");
    String::from_utf8_lossy(&line[9..]).into_owned()
}

fn held(server: &Server) -> usize {
    let metrics = server.get("/metrics");
    let of_line = |line: &str| {
        let held = line.strip_prefix("orion_connections_unread_answers_bytes ")?;
        held.parse::<f64>().ok()
    };
    metrics.lines().find_map(of_line).expect("the metric") as usize
}

#[test]
fn answers_that_nobody_reads_take_a_bounded_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &["--set", "gateway.stall_timeout_s=3600"]);
    let length = server.get(PATH).len();
    let most = HELD_MAX / length;
    let askers: Vec<_> = (0..most + 10).map(|_| asker(&server)).collect();
    let answers: Vec<_> = askers.iter().map(status).collect();
    let given = answers.iter().filter(|answer| *answer == "200").count();
    let refused = answers.iter().filter(|answer| *answer == "503").count();
    assert_eq!(given + refused, askers.len(), "{answers:?}");
    assert!(given.abs_diff(most) <= 1, "{given} of {most} had room");
    let held_now = held(&server);
    assert!(
        (HELD_MAX - 2 * length..=HELD_MAX).contains(&held_now),
        "{held_now}"
    );
    drop(askers);
    let until = Instant::now() + PATIENCE;
    while held(&server) > 0 {
        assert!(Instant::now() < until, "{} are held yet", held(&server));
        std::thread::yield_now();
    }
    server.get(PATH);
}
