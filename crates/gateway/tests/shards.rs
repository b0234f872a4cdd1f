//! Several threads of clients: all hear the same in the same order, all are closed, and one that breaks is no secret.

mod support;

use gateway::{Config, Keeper, Pass, Shown};
use market::Span;
use market::Status::Pending;
use std::collections::BTreeMap;
use std::sync::Arc;
use support::{
    Client, Heard, Server, config, of_prices, of_signals, price, signal, told_price, told_signal,
    wait_until,
};

fn sharded(shards: usize) -> Config {
    let mut config = config();
    config.shards = shards;
    // Whoever reads late still reads everything.
    config.hub.price_span = Span::from_secs(3600);
    config
}

/// Clients that hear everything from now on, as many on each shard.
fn crowd(server: &Server, count: usize) -> Vec<Client> {
    let come = |_| {
        let mut client = server.subscribed(0);
        client.say(r#"{"type":"ping"}"#);
        client.hear_text();
        client
    };
    (0..count).map(come).collect()
}

fn on_each_shard(server: &Server) -> Vec<u64> {
    let shards = server.stats.shards();
    shards.map(|counts| counts.connections.get()).collect()
}

#[test]
fn all_shards_hear_the_same_in_the_same_order() {
    const EACH: i64 = 300;
    let server = Server::with(sharded(3));
    let mut clients = crowd(&server, 6);
    assert_eq!(on_each_shard(&server), [2, 2, 2]);
    std::thread::scope(|scope| {
        for symbol in ["EURUSD", "XAUUSD", "US30"] {
            let publisher = server.publisher();
            let publish = move |number| {
                let publication = of_prices([price(symbol, number)]);
                publisher.publish_blocking(publication).unwrap();
            };
            scope.spawn(move || (0..EACH).for_each(publish));
        }
    });
    let heard: Vec<Vec<String>> = clients
        .iter_mut()
        .map(|client| (0..3 * EACH).map(|_| client.hear_text()).collect())
        .collect();
    for other in &heard[1..] {
        assert!(*other == heard[0], "two clients heard different orders");
    }
    for symbol in ["EURUSD", "XAUUSD", "US30"] {
        let of_symbol = heard[0].iter().filter(|text| text.contains(symbol));
        let told: Vec<_> = (0..EACH).map(|number| told_price(symbol, number)).collect();
        assert_eq!(of_symbol.cloned().collect::<Vec<_>>(), told);
    }
    assert_eq!(
        server.stats.total(|of| &of.prices_sent),
        6 * 3 * EACH as u64
    );
}

#[test]
fn newcomers_go_where_there_is_most_room() {
    let server = Server::with(sharded(2));
    let mut clients = crowd(&server, 4);
    assert_eq!(on_each_shard(&server), [2, 2]);
    // Both of the first shard leave.
    clients.remove(2);
    clients.remove(0);
    wait_until("they are gone", || on_each_shard(&server) == [0, 2]);
    clients.extend(crowd(&server, 2));
    assert_eq!(on_each_shard(&server), [2, 2]);
    clients.extend(crowd(&server, 2));
    assert_eq!(on_each_shard(&server), [3, 3]);
}

#[test]
fn the_past_is_in_every_shards_snapshot() {
    let past = of_signals([(1, signal(1, Pending))]);
    let server = Server::recovered(&past, sharded(3));
    for _ in 0..3 {
        let mut client = server.connect();
        client.say(support::SUBSCRIBE);
        assert_eq!(client.hear_text(), told_signal(1, Pending));
    }
}

#[test]
fn a_drain_reaches_every_shard() {
    let mut server = Server::with(sharded(4));
    let mut clients = crowd(&server, 8);
    let drained = server.drain();
    for client in &mut clients {
        assert_eq!(client.hear_close().0, Some(1012));
    }
    server.wait(drained);
    assert_eq!(server.stats.closes(), BTreeMap::from([(1012, 8)]));
    assert_eq!(on_each_shard(&server), [0, 0, 0, 0]);
}

/// Breaks the second thread of clients at its first price.
fn break_second(point: &'static str) {
    if point == "send" && std::thread::current().name() == Some("clients 1") {
        assert!(
            !IS_TO_BREAK.load(std::sync::atomic::Ordering::Relaxed),
            "broken on purpose"
        );
    }
}

static IS_TO_BREAK: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

#[test]
fn a_shard_that_breaks_ends_publishing_and_the_others_are_closed_in_good_order() {
    let mut fragile = sharded(2);
    fragile.probe = break_second;
    let mut server = Server::with(fragile);
    let mut clients = crowd(&server, 4);
    IS_TO_BREAK.store(true, std::sync::atomic::Ordering::Relaxed);
    server.publish(of_prices([price("US30", 1)]));
    server.wait_stopped();
    let refused = server.publisher().publish_blocking(of_prices([]));
    assert!(refused.is_err(), "who publishes hears of it");
    for broken in [1, 3] {
        assert_eq!(clients[broken].hear(), Heard::End);
    }
    wait_until("they are counted out", || on_each_shard(&server) == [2, 0]);
    clients.extend(crowd(&server, 1));
    assert_eq!(on_each_shard(&server), [3, 0], "newcomers go to the other");
    let drained = server.drain();
    for sound in [0, 2, 4] {
        assert_eq!(clients[sound].hear_close().0, Some(1012));
    }
    server.wait(drained);
}

/// Breaks when it is asked.
struct Fragile;

impl Keeper for Fragile {
    fn admit(&self, _: &Shown<'_>) -> Result<Pass, String> {
        panic!("broken on purpose")
    }
    fn version(&self) -> u64 {
        0
    }
}

#[test]
fn a_client_whose_work_breaks_is_cut_and_the_others_stay() {
    let mut fragile = sharded(1);
    fragile.auth.keeper = Some(Arc::new(Fragile));
    let server = Server::with(fragile);
    let mut clients = crowd(&server, 3);
    clients[1].say(r#"{"type":"auth","token":"x"}"#);
    assert_eq!(clients[1].hear(), Heard::End);
    wait_until("it is gone", || on_each_shard(&server) == [2]);
    server.publish(of_prices([price("US30", 1)]));
    for sound in [0, 2] {
        assert_eq!(clients[sound].hear_text(), told_price("US30", 1));
    }
    assert_eq!(server.stats.closes(), BTreeMap::from([(1006, 1)]));
    assert_eq!(server.stats.total(|of| &of.broken), 1);
}
