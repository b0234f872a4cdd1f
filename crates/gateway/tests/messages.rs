//! What a client is told, byte for byte.

mod support;

use gateway::Publication;
use market::FeedState::{Closed, Live, Stale};
use market::Status::{Confirmed, Pending};
use std::io::Read;
use std::time::Duration;
use support::{
    Heard, SUBSCRIBE, Server, config, deflated, frame, of_prices, of_signals, of_statuses, price,
    signal, status, told_price, told_signal, wait_until,
};

#[test]
fn the_dashboards_sequence() {
    let server = Server::recovered(
        &of_signals([(1, signal(1, Confirmed)), (2, signal(2, Pending))]),
        config(),
    );
    server.publish(of_prices([price("US30", 1), price("NAS100", 2)]));
    let mut client = server.connect();
    client.say(SUBSCRIBE);
    let snapshot: Vec<_> = (0..4).map(|_| client.hear_text()).collect();
    assert_eq!(
        snapshot[0],
        r#"{"type":"signal","payload":{"id":"00000000-0000-0000-0000-000000000001","status":"confirmed","direction":"short","symbol":"XAUUSD","entry_time":"2026-11-23T14:04:59.500Z","entry_price":2650.50,"stop_loss":2653.00,"take_profits":[2640.00],"tp_modes":["Runner 100%"],"reason":"MSS+FVG setup","confidence":0.65,"rr_target":4.20,"killzone":"ny_am"}}"#
    );
    assert_eq!(snapshot[1], told_signal(2, Pending));
    assert_eq!(
        snapshot[2],
        r#"{"type":"price_update","payload":{"symbol":"US30","price":40001.0,"timestamp":"2026-11-23T14:05:00.001Z","change":1.5,"change_percent":0.0038}}"#
    );
    assert_eq!(snapshot[3], told_price("NAS100", 2));
    server.publish(of_signals([(3, signal(2, Confirmed))]));
    assert_eq!(client.hear_text(), told_signal(2, Confirmed));
    server.publish(of_prices([price("US30", 3)]));
    assert_eq!(client.hear_text(), told_price("US30", 3));
}

#[test]
fn a_repeated_subscribe_brings_no_second_snapshot() {
    let server = Server::start();
    server.publish(of_prices([price("US30", 1)]));
    let mut client = server.subscribed(1);
    client.say(SUBSCRIBE);
    client.say(r#"{"type":"subscribe","channels":["prices"]}"#);
    client.say(r#"{"type":"ping","timestamp":7}"#);
    let pong = r#"{"type":"pong","timestamp":7,"server_time":"2026-11-23T14:05:00.000Z"}"#;
    assert_eq!(client.hear_text(), pong, "and nothing before it");
}

#[test]
fn answers_to_pings_and_to_nonsense() {
    let server = Server::start();
    let mut client = server.connect();
    for (said, told) in [
        (
            r#"{"type":"ping","timestamp":"2026-11-23T14:05:00.000Z"}"#,
            r#"{"type":"pong","timestamp":"2026-11-23T14:05:00.000Z","server_time":"2026-11-23T14:05:00.000Z"}"#,
        ),
        (
            r#"{"type":"ping"}"#,
            r#"{"type":"pong","server_time":"2026-11-23T14:05:00.000Z"}"#,
        ),
        (
            "hello",
            r#"{"type":"error","code":"bad_json","message":"the message is not JSON","retryable":false}"#,
        ),
        (
            r#"{"type":"weather","token":"x"}"#,
            r#"{"type":"error","code":"unknown_type","message":"the type is not one of: subscribe, unsubscribe, ping, auth, signal","retryable":false}"#,
        ),
        (
            r#"{"type":"subscribe","channels":["weather"]}"#,
            r#"{"type":"error","code":"unknown_channel","message":"a channel is not one of: signals, prices, status, outcomes; the others named are subscribed","retryable":false}"#,
        ),
    ] {
        client.say(said);
        assert_eq!(client.hear_text(), told);
    }
    assert_eq!(
        (
            server.stats.total(|of| &of.messages_received),
            server.stats.total(|of| &of.errors)
        ),
        (5, 3)
    );
}

#[test]
fn fragments_and_control_frames_between_them() {
    let server = Server::start();
    let mut client = server.connect();
    let message = r#"{"type":"ping","timestamp":"€"}"#.as_bytes();
    client.send(&frame(0x01, &message[..29]));
    client.send(&frame(0x89, b"between"));
    assert_eq!(client.hear(), Heard::Pong(b"between".to_vec()));
    client.send(&frame(0x00, b""));
    for byte in frame(0x80, &message[29..]) {
        client.send(&[byte]);
    }
    assert!(client.hear_text().contains(r#""timestamp":"€""#));
}

#[test]
fn compressed_messages_are_understood() {
    let server = Server::start();
    server.publish(of_prices([price("US30", 1)]));
    let mut client = server.connect_deflating();
    let mut other = server.connect_deflating();
    let subscribe = deflated(SUBSCRIBE.as_bytes());
    let (begin, end) = subscribe.split_at(20);
    client.send(&frame(0x41, begin));
    other.send(&frame(0xC1, &subscribe));
    assert_eq!(other.hear_text(), told_price("US30", 1));
    client.send(&frame(0x80, end));
    assert_eq!(client.hear_text(), told_price("US30", 1));
    client.say(r#"{"type":"ping"}"#);
    assert!(client.hear_text().contains("pong"));
}

#[test]
fn who_never_subscribes_is_kept_and_only_pinged() {
    let mut lively = config();
    lively.ping_every = Duration::from_millis(40);
    let server = Server::with(lively);
    let mut quiet = server.connect();
    let mut other = server.subscribed(0);
    for number in 0..10 {
        server.publish(of_prices([price("US30", number)]));
        while other.hear() == Heard::Ping {}
        assert_eq!(quiet.hear(), Heard::Ping);
        quiet.send(&frame(0x8A, b""));
    }
    assert_eq!(server.stats.total(|of| &of.connections), 2);
}

#[test]
fn one_channel_alone() {
    let server = Server::start();
    let mut prices = server.connect();
    prices.say(r#"{"type":"subscribe","channels":["prices"]}"#);
    let mut signals = server.connect();
    signals.say(r#"{"type":"subscribe","channels":["signals"]}"#);
    for client in [&mut prices, &mut signals] {
        client.say(r#"{"type":"ping"}"#);
        client.hear_text();
    }
    let mut both = of_signals([(1, signal(1, Pending))]);
    both.prices.push(price("US30", 1));
    server.publish(both);
    assert_eq!(prices.hear_text(), told_price("US30", 1));
    assert_eq!(signals.hear_text(), told_signal(1, Pending));
    server.publish(of_signals([(2, signal(2, Pending))]));
    server.publish(of_prices([price("US30", 2)]));
    assert_eq!(prices.hear_text(), told_price("US30", 2));
    assert_eq!(signals.hear_text(), told_signal(2, Pending));
}

/// What a plain client gets is frozen here to the byte, frame headers included; whatever is added is for others.
#[test]
fn a_plain_clients_bytes_are_what_they_always_were() {
    let texts = [
        r#"{"type":"signal","payload":{"id":"00000000-0000-0000-0000-000000000001","status":"pending","direction":"short","symbol":"XAUUSD","entry_time":"2026-11-23T14:04:59.500Z","entry_price":2650.50,"stop_loss":2653.00,"take_profits":[2640.00],"tp_modes":["Runner 100%"],"reason":"MSS+FVG setup","confidence":0.65,"rr_target":4.20,"killzone":"ny_am"}}"#,
        r#"{"type":"price_update","payload":{"symbol":"US30","price":40001.0,"timestamp":"2026-11-23T14:05:00.001Z","change":1.5,"change_percent":0.0038}}"#,
        r#"{"type":"signal","payload":{"id":"00000000-0000-0000-0000-000000000001","status":"confirmed","direction":"short","symbol":"XAUUSD","entry_time":"2026-11-23T14:04:59.500Z","entry_price":2650.50,"stop_loss":2653.00,"take_profits":[2640.00],"tp_modes":["Runner 100%"],"reason":"MSS+FVG setup","confidence":0.65,"rr_target":4.20,"killzone":"ny_am"}}"#,
        r#"{"type":"price_update","payload":{"symbol":"US30","price":40002.0,"timestamp":"2026-11-23T14:05:00.002Z","change":1.5,"change_percent":0.0038}}"#,
        r#"{"type":"pong","timestamp":"x","server_time":"2026-11-23T14:05:00.000Z"}"#,
    ];
    let mut expected = Vec::new();
    for text in texts {
        match text.len() {
            short @ 0..=125 => expected.extend([0x81, short as u8]),
            long => expected.extend([0x81, 126, (long >> 8) as u8, long as u8]),
        }
        expected.extend(text.as_bytes());
    }
    expected.extend([0x88, 2, 3, 232]);
    for statuses in [vec![], vec![status("US30", Live), status("XAUUSD", Closed)]] {
        let mut past = of_signals([(1, signal(1, Pending))]);
        past.prices.push(price("US30", 1));
        past.statuses = statuses.clone();
        let server = Server::recovered(&past, config());
        let mut other = server.connect();
        other.say(r#"{"type":"subscribe","channels":["status"]}"#);
        let told =
            |count| server.stats.total(|of| &of.statuses_sent) == count * statuses.len() as u64;
        wait_until("the other heard how all stand", || told(1));
        let mut client = server.connect();
        client.say(SUBSCRIBE);
        wait_until("the snapshot is sent", || {
            server.stats.total(|of| &of.prices_sent) == 1
        });
        server.publish(Publication {
            prices: vec![price("US30", 2)],
            statuses: statuses
                .iter()
                .map(|told| status(told.symbol.as_str(), Stale))
                .collect(),
            ..of_signals([(2, signal(1, Confirmed))])
        });
        wait_until("the news are sent", || {
            server.stats.total(|of| &of.prices_sent) == 2
        });
        client.say(r#"{"type":"ping","timestamp":"x"}"#);
        wait_until("the pong is sent", || {
            server.stats.total(|of| &of.answers_sent) == 1
        });
        client.send(&frame(0x88, &1000_u16.to_be_bytes()));
        let mut bytes = Vec::new();
        let _all = client.stream.read_to_end(&mut bytes);
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            String::from_utf8_lossy(&expected)
        );
        assert_eq!(bytes, expected);
        wait_until("the other heard every change", || told(2));
    }
}

#[test]
fn how_symbols_stand_is_told_to_who_asks() {
    let server = Server::start();
    server.publish(of_statuses([
        status("US30", Closed),
        status("EURUSD", Live),
    ]));
    server.publish(of_prices([price("US30", 1)]));
    let mut client = server.connect();
    client.say(r#"{"type":"subscribe","channels":["status","signals","prices"]}"#);
    assert_eq!(client.hear_text(), told_price("US30", 1));
    let told = |symbol, feed| {
        format!(
            r#"{{"type":"status","payload":{{"symbol":"{symbol}","feed":"{feed}","since":"2026-11-23T14:05:00.000Z","source":"oanda","simulated":false}}}}"#
        )
    };
    assert_eq!(client.hear_text(), told("US30", "closed"));
    assert_eq!(client.hear_text(), told("EURUSD", "live"));
    server.publish(of_statuses([status("EURUSD", Live)]));
    server.publish(of_statuses([status("EURUSD", Stale)]));
    assert_eq!(client.hear_text(), told("EURUSD", "stale"));
}
