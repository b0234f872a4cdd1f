//! Many clients at once: one send for all that is due, and arrivals and endings of every kind that disturb nobody.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use gateway::Publication;
use market::Status::Pending;
use socket2::SockRef;
use std::sync::Mutex;
use std::time::Duration;
use support::{
    Client, Heard, SUBSCRIBE, Server, config, frame, of_prices, of_signals, price, signal,
    told_price, told_signal, wait_until,
};

/// What the probe of [`all_that_is_due_goes_in_one_send`] saw.
static SEEN: Mutex<Vec<&str>> = Mutex::new(Vec::new());

#[test]
fn all_that_is_due_goes_in_one_send() {
    let mut probed = config();
    probed.probe = |point| SEEN.lock().unwrap().push(point);
    let server = Server::with(probed);
    let mut clients: Vec<_> = (0..10).map(|_| server.subscribed(0)).collect();
    for client in &mut clients {
        client.say(r#"{"type":"ping"}"#);
        client.hear_text();
    }
    SEEN.lock().unwrap().clear();
    let mut publication = of_signals([(1, signal(1, Pending))]);
    let symbols = ["US30", "NAS100", "SPX500", "EURUSD"];
    publication.prices = symbols.map(|symbol| price(symbol, 1)).to_vec();
    server.publish(publication);
    for client in &mut clients {
        assert_eq!(client.hear_text(), told_signal(1, Pending));
        for symbol in symbols {
            assert_eq!(client.hear_text(), told_price(symbol, 1));
        }
    }
    let seen = SEEN.lock().unwrap().clone();
    assert_eq!(seen, [vec!["publish"], vec!["send"; 10]].concat());
}

#[test]
fn clients_come_and_go_and_who_stays_misses_nothing() {
    let mut hasty = config();
    hasty.ping_every = Duration::from_millis(30);
    // Pongs are messages too, and here there are many.
    (hasty.messages_per_s, hasty.messages_burst) = (1000, 1000);
    hasty.close_within = Duration::from_millis(100);
    let server = Server::with(hasty);
    let mut steady = server.subscribed(0);
    steady.say(r#"{"type":"ping"}"#);
    while !matches!(steady.hear(), Heard::Text(_)) {}
    std::thread::scope(|scope| {
        for guest in 0..6 {
            let server = &server;
            scope.spawn(move || (0..20).for_each(|visit| visit_as(server, guest + visit)));
        }
        for number in 0..200 {
            server.publish(Publication {
                prices: vec![price("US30", number)],
                ..of_signals([(number as u64 + 1, signal(number as u32, Pending))])
            });
            let mut heard = Vec::new();
            while heard.len() < 2 {
                match steady.hear() {
                    Heard::Text(text) => heard.push(text),
                    other @ (Heard::Pong(_) | Heard::Close(..) | Heard::End) => panic!("{other:?}"),
                    Heard::Ping => steady.send(&frame(0x8A, b"")),
                }
            }
            let told = [
                told_signal(number as u32, Pending),
                told_price("US30", number),
            ];
            assert_eq!(heard, told);
        }
    });
    wait_until("all guests came and are gone", || {
        let total = server.stats.total(|of| &of.connections_total);
        total == 121 && server.stats.total(|of| &of.connections) == 1
    });
    assert_eq!(server.stats.total(|of| &of.broken), 0);
    assert_eq!(server.stats.closes().values().sum::<u64>(), 120);
}

/// One visit, ended in one of the ways there are.
fn visit_as(server: &Server, way: usize) {
    let mut guest = server.connect();
    guest.say(SUBSCRIBE);
    match way % 5 {
        0 => {
            guest.send(&frame(0x88, &1000_u16.to_be_bytes()));
            guest.hear_close();
        }
        1 => cut(guest),
        2 => {
            guest.send(&[0xFF; 200]);
            guest.hear_close();
        }
        3 => {
            let half = frame(0x81, SUBSCRIBE.as_bytes());
            guest.send(&half[..half.len() / 2]);
        }
        _ => {
            guest.hear();
        }
    }
}

/// Ends with a reset, as a phone that loses its network.
fn cut(guest: Client) {
    let socket = SockRef::from(&guest.stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn more_publications_than_wait_are_all_published() {
    let mut narrow = config();
    narrow.publications = 1;
    let server = Server::with(narrow);
    let mut client = server.subscribed(0);
    client.say(r#"{"type":"ping"}"#);
    client.hear_text();
    let publisher = server.publisher();
    let publishing = std::thread::spawn(move || {
        for number in 0..500 {
            let publication = of_prices([price("US30", number)]);
            publisher.publish_blocking(publication).unwrap();
        }
    });
    for number in 0..500 {
        assert_eq!(client.hear_text(), told_price("US30", number));
    }
    publishing.join().unwrap();
}
