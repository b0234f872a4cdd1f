//! A drain: who is closed when, and what everybody else hears meanwhile.

mod support;

use gateway::Config;
use market::Status::Pending;
use std::collections::BTreeMap;
use std::time::Duration;
use support::{
    Client, PATIENCE, Server, config, of_prices, of_signals, price, restart_advice, signal,
    told_price, told_signal, wait_until,
};

/// From one close to the next it takes longer than any test.
fn slow() -> Config {
    let mut slow = config();
    slow.shards = 3;
    slow.drain_each = 10 * PATIENCE;
    slow.drain_longest = 1000 * PATIENCE;
    slow
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

#[test]
fn who_is_not_closed_yet_hears_prices_and_signals() {
    let mut server = Server::with(slow());
    let mut clients = crowd(&server, 5);
    let publisher = server.publisher();
    let drained = server.drain();
    // The first of each shard; the third has no other.
    let mut others = clients.split_off(3);
    for client in &mut clients {
        let (code, reason) = client.hear_close();
        restart_advice(code, &reason);
    }
    wait_until("they are gone", || {
        server.stats.total(|of| &of.connections) == 2
    });
    for number in 1..=3 {
        let published = publisher.publish_blocking(of_prices([price("US30", number)]));
        assert_eq!(published, Ok(()), "a shard without clients takes it too");
        for client in &mut others {
            assert_eq!(client.hear_text(), told_price("US30", number));
        }
    }
    server.publish(of_signals([(1, signal(1, Pending))]));
    for client in &mut others {
        assert_eq!(client.hear_text(), told_signal(1, Pending));
    }
    assert!(!drained.is_finished());
    // When all have left by themselves nothing is waited for.
    drop(others);
    server.wait(drained);
    assert_eq!(
        server.stats.closes(),
        BTreeMap::from([(1006, 2), (1012, 3)])
    );
}

#[test]
fn the_longest_drain_bounds_them_all() {
    let mut bounded = slow();
    bounded.drain_longest = Duration::from_millis(50);
    let mut server = Server::with(bounded);
    let mut clients = crowd(&server, 9);
    let drained = server.drain();
    let mut advice: Vec<_> = clients
        .iter_mut()
        .map(|client| {
            let (code, reason) = client.hear_close();
            restart_advice(code, &reason)
        })
        .collect();
    server.wait(drained);
    assert_eq!(server.stats.closes(), BTreeMap::from([(1012, 9)]));
    advice.sort_unstable();
    advice.dedup();
    assert_eq!(advice.len(), 9, "no two are told to come back together");
}
