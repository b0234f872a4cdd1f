//! Bots on the dashboards' endpoint: who they are, what they post, and that nobody else notices.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use gateway::{Auth, Config, Holder, Keeper, Pass, Posting, Shown};
use proptest::test_runner::{Config as Cases, TestRunner};
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};
use support::{Client, Heard, Server, config, frame, of_prices, price, told_price, wait_until};
use tokio::sync::Semaphore;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const AUTHENTICATED: &str = r#"{"type":"authenticated"}"#;

const SECRET: &str = "orion_s3cret_t0ken";

/// Knows some tokens, and tells back what was posted, in its own time.
#[derive(Debug)]
struct Desk {
    /// What was begun: the key, and the text.
    begun: Mutex<Vec<(String, String)>>,
    /// One for each signal that may be answered.
    permits: Semaphore,
    /// Who holds it stops the thread that works on a signal called slow.
    thread: Mutex<()>,
}

impl Desk {
    fn open() -> Arc<Self> {
        Self::with(Semaphore::MAX_PERMITS)
    }
    fn closed() -> Arc<Self> {
        Self::with(0)
    }
    fn with(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            begun: Mutex::default(),
            permits: Semaphore::new(permits),
            thread: Mutex::default(),
        })
    }
    fn begun(&self) -> Vec<(String, String)> {
        self.begun.lock().unwrap().clone()
    }
}

/// The desk, as the gateway is given it.
struct Counter(Arc<Desk>);

impl Keeper for Counter {
    fn admit(&self, shown: &Shown<'_>) -> Result<Pass, String> {
        let keys = [
            ("sesame", "nq-bot"),
            ("open", "es-bot"),
            (SECRET, "secretive"),
        ];
        let found = BTreeMap::from(keys).get(shown.token).copied();
        let key = found.ok_or("no key here is this one")?;
        Ok(Pass {
            name: key.into(),
            channels: wire::Channels::ALL,
            symbols: None,
            price_interval_ms: None,
            may_post: true,
            expires: None,
            holder: Arc::new(Bot {
                key,
                desk: Arc::clone(&self.0),
            }),
        })
    }
    fn version(&self) -> u64 {
        0
    }
}

struct Bot {
    key: &'static str,
    desk: Arc<Desk>,
}

impl Holder for Bot {
    fn holds(&self) -> bool {
        true
    }
    fn post(&self, data: Box<str>) -> Posting {
        let (desk, key) = (Arc::clone(&self.desk), self.key.to_owned());
        Box::pin(async move {
            assert!(!data.contains("panic"), "the desk fell over");
            desk.begun.lock().unwrap().push((key, data.to_string()));
            if data.contains("slow") {
                drop(desk.thread.lock().unwrap());
            }
            desk.permits.acquire().await.unwrap().forget();
            result(&data)
        })
    }
}

fn result(data: &str) -> String {
    format!(r#"{{"type":"signal_result","success":true,"data":{data}}}"#)
}

fn with(desk: &Arc<Desk>) -> Config {
    Config {
        auth: Auth {
            keeper: Some(Arc::new(Counter(Arc::clone(desk)))),
            ..Auth::default()
        },
        ..config()
    }
}

fn authenticated(server: &Server) -> Client {
    let mut client = server.connect();
    client.say(r#"{"type":"auth","token":"sesame"}"#);
    assert_eq!(client.hear_text(), AUTHENTICATED);
    client
}

fn post(client: &mut Client, number: usize) {
    client.say(&format!(r#"{{"type":"signal","data":{{"id":{number}}}}}"#));
}

fn code_of(told: &str) -> String {
    let told: serde_json::Value = serde_json::from_str(told).unwrap();
    told["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn every_form_of_a_signal_is_posted_and_answered() {
    let desk = Desk::open();
    let server = Server::with(with(&desk));
    let mut client = server.connect();
    let bare = r#"{"id":"sig_001","symbol":"EURUSD"}"#;
    // All at once, as a hasty bot sends it.
    let said = [
        r#"{"type":"auth","token":"sesame"}"#.to_owned(),
        format!(r#"{{"type":"signal","data":{bare}}}"#),
        format!(r#"{{"type":"signal","payload":{bare}}}"#),
        bare.to_owned(),
        r#"{"type":"auth","token":"open"}"#.to_owned(),
        bare.to_owned(),
    ];
    let frames: Vec<_> = said
        .iter()
        .map(|text| frame(0x81, text.as_bytes()))
        .collect();
    client.send(&frames.concat());
    let heard: Vec<_> = said.iter().map(|_| client.hear_text()).collect();
    let count = |text: &str| heard.iter().filter(|heard| *heard == text).count();
    assert_eq!((count(AUTHENTICATED), count(&result(bare))), (2, 4));
    let posted = ["nq-bot", "nq-bot", "nq-bot", "es-bot"];
    let posted: Vec<_> = posted
        .into_iter()
        .map(|key| (key.to_owned(), bare.to_owned()))
        .collect();
    assert_eq!(desk.begun(), posted);
    assert_eq!(server.stats.total(|of| &of.signals_posted), 4);
}

#[test]
fn who_has_not_said_who_it_is_posts_nothing_and_stays() {
    let desk = Desk::open();
    let server = Server::with(with(&desk));
    let mut client = server.subscribed(0);
    post(&mut client, 1);
    assert_eq!(
        client.hear_text(),
        r#"{"type":"error","code":"auth_required","message":"send an auth with your token first","retryable":false}"#
    );
    client.say(r#"{"id":"sig_001","symbol":"EURUSD"}"#);
    assert_eq!(
        client.hear_text(),
        r#"{"type":"error","code":"bad_message","message":"a message is one JSON object with a string `type`","retryable":false}"#
    );
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(client.hear_text(), told_price("US30", 1));
    assert_eq!(desk.begun(), []);
    assert_eq!(server.stats.total(|of| &of.signals_posted), 0);
}

#[test]
fn a_token_that_is_not_known_ends_the_connection() {
    let nobody = Server::start();
    let known = Server::with(with(&Desk::open()));
    for (server, is_known) in [(&nobody, false), (&known, false), (&known, true)] {
        let mut client = if is_known {
            authenticated(server)
        } else {
            server.connect()
        };
        let ended = server.stats.total(|of| &of.auth_failed) + 1;
        client.say(r#"{"type":"auth","token":"wrong"}"#);
        // What is behind it in the same breath is not heard any more.
        client.say(r#"{"type":"auth","token":"sesame"}"#);
        assert_eq!(
            client.hear_text(),
            r#"{"type":"error","code":"auth_failed","message":"the token is not one of this server's, or it does not hold any more","retryable":false}"#
        );
        assert_eq!(client.hear_close(), (Some(4401), "auth failed".to_owned()));
        wait_until("it is gone", || {
            server.stats.total(|of| &of.connections) == 0
        });
        assert_eq!(server.stats.closes(), BTreeMap::from([(4401, ended)]));
        assert_eq!(server.stats.total(|of| &of.auth_failed), ended);
    }
}

#[test]
fn sixteen_signals_may_be_without_an_answer_and_each_has_its_turn() {
    let desk = Desk::closed();
    let server = Server::with(with(&desk));
    let mut client = authenticated(&server);
    (0..18).for_each(|number| post(&mut client, number));
    for _ in 0..2 {
        assert_eq!(code_of(&client.hear_text()), "rate_limited");
    }
    wait_until("the first is under way", || !desk.begun().is_empty());
    for number in 0..16 {
        assert_eq!(desk.begun().len(), number + 1, "one after another");
        desk.permits.add_permits(1);
        assert_eq!(
            client.hear_text(),
            result(&format!(r#"{{"id":{number}}}"#)),
            "in the order they came"
        );
        wait_until("the next is under way", || {
            desk.begun().len() == (number + 2).min(16)
        });
    }
    assert_eq!(server.stats.total(|of| &of.signals_posted), 16);
    desk.permits.add_permits(1);
    client.say(r#"{"type":"ping"}"#);
    assert!(client.hear_text().contains("pong"), "it is kept");
}

#[test]
fn a_signal_that_takes_its_time_holds_nobody_up() {
    let desk = Desk::closed();
    let server = Server::with(with(&desk));
    let mut bot = authenticated(&server);
    let mut dashboard = server.subscribed(0);
    dashboard.say(r#"{"type":"ping"}"#);
    dashboard.hear_text();
    post(&mut bot, 1);
    wait_until("it is under way", || !desk.begun().is_empty());
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(dashboard.hear_text(), told_price("US30", 1));
    bot.say(r#"{"type":"ping"}"#);
    assert!(bot.hear_text().contains("pong"), "nor the bot itself");
    let mut other = authenticated(&server);
    post(&mut other, 2);
    wait_until("another bot's is too", || desk.begun().len() == 2);
}

#[test]
fn nor_does_one_that_keeps_its_thread_busy() {
    let desk = Desk::open();
    let server = Server::with(with(&desk));
    let mut bot = authenticated(&server);
    let mut dashboard = server.subscribed(0);
    dashboard.say(r#"{"type":"ping"}"#);
    dashboard.hear_text();
    let busy = desk.thread.lock().unwrap();
    bot.say(r#"{"type":"signal","data":{"id":"slow"}}"#);
    wait_until("it is under way", || !desk.begun().is_empty());
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(dashboard.hear_text(), told_price("US30", 1));
    drop(busy);
    assert_eq!(bot.hear_text(), result(r#"{"id":"slow"}"#));
}

#[test]
fn signals_of_a_bot_that_left_are_posted_all_the_same() {
    let desk = Desk::closed();
    let server = Server::with(with(&desk));
    let mut bot = authenticated(&server);
    (0..3).for_each(|number| post(&mut bot, number));
    wait_until("the first is under way", || !desk.begun().is_empty());
    wait_until("all are heard", || {
        server.stats.total(|of| &of.signals_posted) == 3
    });
    drop(bot);
    wait_until("it is gone", || {
        server.stats.total(|of| &of.connections) == 0
    });
    let mut next = authenticated(&server);
    desk.permits.add_permits(3);
    wait_until("the others follow", || desk.begun().len() == 3);
    desk.permits.add_permits(1);
    post(&mut next, 9);
    assert_eq!(
        next.hear_text(),
        result(r#"{"id":9}"#),
        "answers for who left are for nobody"
    );
}

#[test]
fn a_desk_that_falls_over_is_told_and_the_next_signal_is_posted() {
    let server = Server::with(with(&Desk::open()));
    let mut client = authenticated(&server);
    client.say(r#"{"type":"signal","data":{"id":"panic"}}"#);
    post(&mut client, 2);
    assert_eq!(code_of(&client.hear_text()), "internal");
    assert_eq!(client.hear_text(), result(r#"{"id":2}"#));
}

#[test]
fn limits_hold_for_bots_too() {
    let server = Server::with(with(&Desk::open()));
    let mut client = authenticated(&server);
    let hasty = frame(0x81, br#"{"type":"signal","data":{}}"#).repeat(40);
    client.send(&hasty);
    assert_eq!(
        client.hear_close(),
        (Some(4429), "too many messages".to_owned())
    );
}

#[test]
fn a_drain_does_not_wait_for_signals_under_way() {
    let desk = Desk::closed();
    let mut server = Server::with(with(&desk));
    let mut bot = authenticated(&server);
    post(&mut bot, 1);
    wait_until("it is under way", || !desk.begun().is_empty());
    let drained = server.drain();
    assert_eq!(bot.hear_close().0, Some(1012));
    server.wait(drained);
}

/// Anything an authenticated client says is answered, and the connection goes on.
#[test]
fn any_text_of_a_bot_is_answered() {
    let patient = Config {
        errors: usize::MAX,
        messages_per_s: 60_000,
        messages_burst: 60_000,
        ..with(&Desk::open())
    };
    let server = Server::with(patient);
    let client = Mutex::new(authenticated(&server));
    let text = r#"\{("(type|id|symbol|data|payload)":("(signal|ping|[^"\\]{0,9})"|\{\}|null|\[\]|7),?){0,4}\}?|\PC{0,40}"#;
    let strategy = proptest::string::string_regex(text).unwrap();
    let cases = Cases {
        failure_persistence: None,
        ..Cases::with_cases(500)
    };
    TestRunner::new(cases)
        .run(&strategy, |text| {
            let mut client = client.lock().unwrap();
            client.say(&text);
            let told = loop {
                match client.hear() {
                    Heard::Text(told) => break told,
                    Heard::Ping => client.send(&frame(0x8A, b"")),
                    other @ (Heard::Pong(_) | Heard::Close(..) | Heard::End) => panic!("{other:?}"),
                }
            };
            let told: serde_json::Value = serde_json::from_str(&told).unwrap();
            assert!(told["type"].is_string(), "{told}");
            Ok(())
        })
        .unwrap();
}

/// All that was logged, by any test of this file.
static LOGGED: Mutex<String> = Mutex::new(String::new());

struct Log;

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fields(&mut LOGGED.lock().unwrap()));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        writeln!(self.0, "{field}={value:?}").unwrap();
    }
}

#[test]
fn no_token_is_logged() {
    tracing::subscriber::set_global_default(Log).unwrap();
    let server = Server::with(with(&Desk::open()));
    let mut client = server.connect();
    client.say(&format!(r#"{{"type":"auth","token":"{SECRET}"}}"#));
    assert_eq!(client.hear_text(), AUTHENTICATED);
    for message in [
        format!(r#"{{"type":"auth","token":"{SECRET}"#),
        format!(r#"{{"type":"auth","token":["{SECRET}"]}}"#),
        format!(r#"{{"type":"auth","token":"no {SECRET}"}}"#),
    ] {
        client.say(&message);
        assert!(!client.hear_text().contains(SECRET));
    }
    client.hear_close();
    wait_until("it is logged", || {
        LOGGED.lock().unwrap().contains("client left")
    });
    let logged = LOGGED.lock().unwrap().clone();
    assert!(logged.contains("secretive"), "the key's name is");
    assert!(logged.contains("token is not taken"), "and the failure");
    assert!(!logged.contains(SECRET));
}
