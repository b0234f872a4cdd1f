//! The extended protocol over real sockets: envelope, filters, positions, resume, heartbeat, and how a connection ends.

mod support;

use gateway::Publication;
use market::{Epoch, Outcome, OutcomeKind, Price, Ratio, Span, Status, Symbol};
use serde_json::{Value, json};
use std::time::Duration;
use support::{
    Client, Heard, Server, config, now, of_prices, of_signals, position, price, restart_advice,
    signal, told_signal,
};

fn ask(client: &mut Client, message: &Value) {
    client.say(&message.to_string());
}

fn next(client: &mut Client) -> Value {
    serde_json::from_str(&client.hear_text()).expect("JSON")
}

/// Subscribes with a version; the answer.
fn subscribe(client: &mut Client, mut message: Value) -> Value {
    message["type"] = json!("subscribe");
    message["v"] = json!(1);
    ask(client, &message);
    next(client)
}

/// A plain client whose subscribe has been heard.
fn plain(server: &Server) -> Client {
    let mut plain = server.subscribed(0);
    plain.say(r#"{"type":"ping"}"#);
    assert!(plain.hear_text().contains("pong"));
    plain
}

fn outcome(id: u32, kind: OutcomeKind, last: bool) -> Outcome {
    Outcome {
        id: signal(id, Status::Pending).id,
        symbol: Symbol::new("XAUUSD").expect("a symbol"),
        digits: 2,
        kind,
        price: Price::ZERO,
        r: Ratio::from_hundredths(100),
        at: now(),
        last,
        realised: None,
        end: None,
    }
}

fn of_outcomes(outcomes: Vec<(u64, Outcome)>) -> Publication {
    let placed = outcomes.into_iter().map(|(seq, one)| (position(seq), one));
    Publication {
        outcomes: placed.collect(),
        now: now(),
        ..Publication::default()
    }
}

fn places(message: &Value) -> (u64, u64) {
    let number = |key: &str| message[key].as_u64().expect("a number");
    (number("seq"), number("prev"))
}

#[test]
fn the_answer_has_the_position_before_anything_has_happened() {
    let server = Server::start();
    let mut client = server.connect();
    let answer = subscribe(
        &mut client,
        json!({"id": "c1", "channels": ["signals", "prices", "status"], "symbols": ["US30", "nothing", "ZZZ"]}),
    );
    assert_eq!(
        answer,
        json!({
            "type": "subscribed", "id": "c1", "channels": ["signals", "prices", "status"], "symbols": ["US30"],
            "unknown_symbols": ["nothing", "ZZZ"], "epoch": "1", "seq": 0, "shown": 0, "price_interval_ms": 1000,
            "simulated": false, "limits": {"message_bytes": 16384, "messages_per_s": 10}, "heartbeat_ms": 15000,
        })
    );
}

#[test]
fn who_gives_a_version_hears_more_of_the_same_and_who_does_not_hears_what_it_always_did() {
    let server = Server::start();
    let (mut plain, mut extended) = (plain(&server), server.connect());
    subscribe(
        &mut extended,
        json!({"channels": ["signals", "outcomes", "prices"]}),
    );
    let published = of_signals([
        (1, signal(1, Status::Pending)),
        (2, signal(1, Status::Confirmed)),
    ]);
    server.publish(published);
    server.publish(of_outcomes(vec![(
        3,
        outcome(1, OutcomeKind::Target(1), true),
    )]));
    server.publish(of_prices([price("US30", 1)]));
    for status in [Status::Pending, Status::Confirmed] {
        assert_eq!(plain.hear_text(), told_signal(1, status));
    }
    assert_eq!(plain.hear_text(), support::told_price("US30", 1));

    let told: Vec<Value> = (0..4).map(|_| next(&mut extended)).collect();
    assert_eq!(
        told[..3].iter().map(places).collect::<Vec<_>>(),
        [(1, 0), (2, 1), (3, 2)]
    );
    let whole: Value = serde_json::from_str(&told_signal(1, Status::Pending)).expect("JSON");
    assert_eq!(told[0]["payload"], whole["payload"]);
    assert_eq!(
        (&told[0]["epoch"], &told[0]["ts"]),
        (&json!("1"), &json!(now().to_string()))
    );
    assert_eq!(told[0]["ext"]["setup"], "mss_fvg");
    assert_eq!(told[2]["payload"]["event"], "tp1");
    assert_eq!(
        (&told[3]["n"], &told[3]["ext"]["source"]),
        (&json!(1), &json!("oanda"))
    );
}

#[test]
fn a_filter_lets_through_what_it_names_and_prev_knows_of_nothing_else() {
    let server = Server::start();
    let mut client = server.connect();
    subscribe(
        &mut client,
        json!({"channels": ["signals", "prices"], "symbols": ["US30"]}),
    );
    let of = |id, name: &str| {
        let mut signal = signal(id, Status::Pending);
        signal.symbol = Symbol::new(name).expect("a symbol");
        (u64::from(id), signal)
    };
    server.publish(of_signals([
        of(1, "US30"),
        of(2, "XAUUSD"),
        of(3, "XAUUSD"),
        of(4, "US30"),
    ]));
    server.publish(of_prices([price("XAUUSD", 1), price("US30", 2)]));
    let (first, second, told) = (next(&mut client), next(&mut client), next(&mut client));
    assert_eq!((places(&first), places(&second)), ((1, 0), (4, 1)));
    assert_eq!(told["payload"]["symbol"], "US30");

    ask(
        &mut client,
        &json!({"type": "unsubscribe", "id": "c2", "channels": ["prices"]}),
    );
    let left = next(&mut client);
    assert_eq!(
        left,
        json!({"type": "unsubscribed", "id": "c2", "left": {"signals": ["US30"]}, "epoch": "1", "seq": 4})
    );
    server.publish(of_prices([price("US30", 3)]));
    server.publish(of_signals([of(5, "US30")]));
    assert_eq!(places(&next(&mut client)), (5, 4));
}

#[test]
fn who_resumes_hears_each_event_it_missed_and_no_snapshot() {
    let server = Server::start();
    let mut client = server.connect();
    subscribe(&mut client, json!({"channels": ["signals"]}));
    server.publish(of_signals(
        (1..=3).map(|id| (u64::from(id), signal(id, Status::Pending))),
    ));
    let seen = places(&next(&mut client)).0;
    drop(client);
    server.publish(of_signals([(4, signal(1, Status::Confirmed))]));

    let mut again = server.connect();
    let since = json!({"epoch": "1", "seq": seen});
    let answer = subscribe(&mut again, json!({"channels": ["signals"], "since": since}));
    assert_eq!(
        (&answer["recovered"], &answer["replayed"], &answer["seq"]),
        (&json!(true), &json!(3), &json!(4))
    );
    let replayed: Vec<_> = (0..3).map(|_| places(&next(&mut again))).collect();
    assert_eq!(replayed, [(2, 1), (3, 2), (4, 3)]);
    server.publish(of_signals([(5, signal(2, Status::Confirmed))]));
    assert_eq!(places(&next(&mut again)), (5, 4), "and then what is new");

    for elsewhere in [
        json!({"epoch": "2", "seq": 1}),
        json!({"epoch": "?", "seq": 1}),
        json!({"epoch": "1", "seq": 6}),
    ] {
        let mut lost = server.connect();
        let answer = subscribe(
            &mut lost,
            json!({"channels": ["signals"], "since": elsewhere}),
        );
        assert_eq!(
            (&answer["recovered"], &answer["shown"]),
            (&json!(false), &json!(3))
        );
        let shown: Vec<Value> = (0..3).map(|_| next(&mut lost)).collect();
        assert!(shown.iter().all(|message| message["snapshot"] == true));
        let ids: Vec<_> = shown
            .iter()
            .map(|message| message["seq"].as_u64())
            .collect();
        assert_eq!(ids, [Some(4), Some(5), Some(3)], "oldest first, by birth");
    }
}

#[test]
fn what_was_kept_over_a_restart_can_be_resumed() {
    let past = of_signals((1..=5).map(|id| (u64::from(id), signal(id, Status::Pending))));
    let server = Server::recovered(&past, config());
    let mut client = server.connect();
    let since = json!({"epoch": Epoch(1).to_string(), "seq": 3});
    let answer = subscribe(
        &mut client,
        json!({"channels": ["signals"], "since": since}),
    );
    assert_eq!(answer["replayed"], 2);
    assert_eq!(places(&next(&mut client)), (4, 3));
    assert_eq!(places(&next(&mut client)), (5, 4));
}

#[test]
fn a_client_that_hears_nothing_is_told_that_it_misses_nothing() {
    let mut config = config();
    config.heartbeat_every = Duration::from_millis(40);
    let server = Server::with(config);
    let (mut plain, mut client) = (plain(&server), server.connect());
    subscribe(&mut client, json!({"channels": ["signals"]}));
    server.publish(of_signals([(1, signal(1, Status::Pending))]));
    assert_eq!(places(&next(&mut client)), (1, 0));
    for _ in 0..2 {
        let heartbeat = next(&mut client);
        assert_eq!(
            heartbeat,
            json!({"type": "heartbeat", "epoch": "1", "seq": 1, "ts": now().to_string()})
        );
    }
    assert_eq!(plain.hear_text(), told_signal(1, Status::Pending));
    plain.say(r#"{"type":"ping"}"#);
    assert!(
        plain.hear_text().contains("pong"),
        "a plain client hears no heartbeat"
    );
}

#[test]
fn an_extended_client_is_told_that_its_connection_closes_and_when_to_come_back() {
    let mut server = Server::start();
    let (plain, mut client) = (plain(&server), server.connect());
    subscribe(&mut client, json!({"channels": ["signals"]}));
    let drained = server.drain();
    let closing = next(&mut client);
    let reason = closing["reason"].as_str().unwrap();
    let advice = restart_advice(Some(1012), reason);
    assert_eq!(
        closing,
        json!({"type": "closing", "code": 1012, "reason": reason, "retry_after_ms": advice})
    );
    assert_eq!(client.hear(), Heard::Close(Some(1012), reason.to_owned()));
    let mut plain = plain;
    let Heard::Close(code, other) = plain.hear() else {
        panic!("a plain client hears no more than the Close");
    };
    restart_advice(code, &other);
    assert_ne!(other, reason, "each hears a time of its own");
    drop((client, plain));
    server.wait(drained);
}

#[test]
fn another_version_is_refused_with_the_id_of_the_message() {
    let server = Server::start();
    let mut client = server.connect();
    ask(
        &mut client,
        &json!({"type": "subscribe", "v": 2, "id": "c9", "channels": ["signals"]}),
    );
    let error = next(&mut client);
    assert_eq!(
        (&error["code"], &error["id"]),
        (&json!("bad_version"), &json!("c9"))
    );
    let close = Heard::Close(Some(4400), "bad version".to_owned());
    assert_eq!(client.hear(), close);
}

#[test]
fn too_many_subscriptions_change_nothing() {
    let mut config = config();
    config.hub.subscriptions = 3;
    let server = Server::with(config);
    let mut client = server.connect();
    subscribe(
        &mut client,
        json!({"channels": ["signals"], "symbols": ["US30"]}),
    );
    let refused = subscribe(
        &mut client,
        json!({"id": "x", "channels": ["prices", "status"], "symbols": ["US30", "NQ"]}),
    );
    assert_eq!(
        (&refused["code"], &refused["retryable"]),
        (&json!("too_many_subscriptions"), &json!(false))
    );
    ask(&mut client, &json!({"type": "unsubscribe", "channels": []}));
    assert_eq!(next(&mut client)["left"], json!({"signals": ["US30"]}));
    let all = subscribe(&mut client, json!({"channels": ["prices", "status"]}));
    assert_eq!(all["symbols"], json!(["*"]), "all symbols count as one");
}

#[test]
fn a_price_is_told_as_seldom_as_a_client_wants_with_the_count_of_what_was_folded() {
    let mut config = config();
    config.hub.price_interval = Span::ZERO;
    let server = Server::with(config);
    let mut client = server.connect();
    let answer = subscribe(
        &mut client,
        json!({"channels": ["prices"], "price_interval_ms": 260}),
    );
    assert_eq!(answer["price_interval_ms"], 500, "rounded up, and said");
    let after = |millis, number| Publication {
        now: now() + Span::from_millis(millis),
        ..of_prices([price("US30", number)])
    };
    for (millis, number) in [(0, 1), (100, 2), (499, 3), (500, 4), (999, 5)] {
        server.publish(after(millis, number));
    }
    server.publish(Publication {
        now: now() + Span::from_millis(1000),
        ..Publication::default()
    });
    let told: Vec<_> = (0..3)
        .map(|_| {
            let message = next(&mut client);
            (message["payload"]["price"].as_f64(), message["n"].as_u64())
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some(40_001.0), Some(1)),
            (Some(40_004.0), Some(3)),
            (Some(40_005.0), Some(1))
        ]
    );
}
