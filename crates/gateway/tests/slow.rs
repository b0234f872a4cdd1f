//! Clients that read slowly or not at all: what they miss, how they end, and that nobody else notices.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use gateway::{Publication, Refused};
use market::Span;
use socket2::{Domain, Socket, Type};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use support::{
    Client, Heard, LARGE, SUBSCRIBE, Server, config, now, of_prices, price, told_price, wait_until,
};

/// A connection whose system takes next to nothing.
fn narrow_socket(server: &Server) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&server.address.into()).unwrap();
    socket.into()
}

fn narrow(server: &Server) -> Client {
    let mut client = Client::upgraded(narrow_socket(server));
    client.say(SUBSCRIBE);
    client.say(r#"{"type":"ping"}"#);
    assert!(client.hear_text().contains("pong"));
    client
}

/// Publication `number`: more than a narrow client's system takes.
fn many(number: i64) -> Publication {
    let mut publication = of_prices((0..2000).map(|step| price("US30", number * 2000 + step)));
    publication.now = now() + Span::from_secs(number);
    publication
}

#[test]
fn a_slow_client_delays_nobody_and_gets_the_latest_price() {
    let server = Server::start();
    let mut slow = narrow(&server);
    let mut quick = server.subscribed(0);
    quick.say(r#"{"type":"ping"}"#);
    quick.hear_text();
    for number in 0..6 {
        server.publish(many(number));
        for step in 0..2000 {
            assert_eq!(quick.hear_text(), told_price("US30", number * 2000 + step));
        }
    }
    let mut heard = Vec::new();
    while heard.last() != Some(&told_price("US30", 11_999)) {
        heard.push(slow.hear_text());
    }
    assert!(
        heard.len() < 6000,
        "{} of 12,000 prices are folded",
        12_000 - heard.len()
    );
    assert!(server.stats.total(|of| &of.prices_folded) > 6000);
    assert_eq!(server.stats.total(|of| &of.connections), 2);
}

#[test]
fn who_does_not_take_the_answer_that_he_asked_for_is_cut() {
    let mut strict = config();
    strict.stalled_for = Duration::from_millis(50);
    let server = Server::with(strict);
    let request = b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let stuck: Vec<_> = (0..3).map(|_| narrow_socket(&server)).collect();
    for mut stuck in &stuck {
        stuck.write_all(request).unwrap();
    }
    wait_until("they are cut", || {
        server.stats.refused(Refused::Unread) == 3
    });
    for mut stuck in stuck {
        let mut answer = Vec::new();
        let _cut = stuck.read_to_end(&mut answer);
        assert!(answer.len() < LARGE);
    }
    // The other one is as patient as usual, as this thread may rest for a while too.
    let server = Server::start();
    let mut answer = Vec::new();
    let mut reader = TcpStream::connect(server.address).unwrap();
    reader.write_all(request).unwrap();
    reader.read_to_end(&mut answer).unwrap();
    assert!(answer.len() > LARGE, "who reads gets all");
}

#[test]
fn a_client_that_takes_no_byte_is_closed() {
    let mut strict = config();
    strict.stalled_for = Duration::from_millis(200);
    strict.close_within = Duration::from_millis(200);
    let server = Server::with(strict);
    let stuck = narrow(&server);
    let mut reader = server.subscribed(0);
    reader.say(r#"{"type":"ping"}"#);
    reader.hear_text();
    server.publish(many(0));
    for step in 0..2000 {
        assert_eq!(reader.hear_text(), told_price("US30", step));
    }
    wait_until("the stuck one is closed", || {
        server.stats.closes().contains_key(&4409)
    });
    assert_eq!(server.stats.total(|of| &of.connections), 1);
    drop(stuck);
}

#[test]
fn a_client_that_reads_again_in_time_gets_its_close() {
    let mut strict = config();
    strict.stalled_for = Duration::from_millis(100);
    strict.close_within = Duration::from_secs(15);
    let mut server = Server::with(strict);
    let mut stuck = narrow(&server);
    server.publish(many(0));
    wait_until("all that fits is sent", || {
        server.stats.total(|of| &of.prices_sent) > 0
    });
    let drained = server.drain();
    let mut texts = 0;
    let mut close = stuck.hear();
    while let Heard::Text(_) = close {
        texts += 1;
        close = stuck.hear();
    }
    assert!(
        texts > 0 && texts < 2000,
        "{texts} whole messages come before the Close"
    );
    assert!(
        matches!(close, Heard::Close(Some(1012 | 4409), _)),
        "{close:?}"
    );
    stuck.send(&support::frame(0x88, &1012_u16.to_be_bytes()));
    assert_eq!(stuck.hear(), Heard::End);
    server.wait(drained);
}

#[test]
fn a_client_that_asks_and_does_not_read() {
    let mut patient = config();
    patient.messages_per_s = 60_000;
    patient.messages_burst = 60_000;
    patient.close_within = Duration::from_millis(200);
    let server = Server::with(patient);
    let mut rude = narrow(&server);
    let pings = support::frame(0x89, &[b'x'; 125]).repeat(100);
    rude.stream.set_nonblocking(true).unwrap();
    wait_until("it is closed", || {
        // It goes on asking; when the server takes no more, it is a partial frame that is lost with the connection.
        let _written = std::io::Write::write(&mut rude.stream, &pings);
        server.stats.closes().contains_key(&4429)
    });
}
