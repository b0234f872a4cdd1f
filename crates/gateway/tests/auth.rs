//! Who may come in: tokens in headers, messages and addresses, pages, addresses behind proxies, and how all that ends.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use gateway::{
    Auth, Clock, Config, Holder, Keeper, Mode, Origins, Pass, Posting, Proxies, Publication, Shown,
    Way,
};
use market::{Span, Symbol, Time};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;
use support::{
    Client, Heard, REQUEST, SUBSCRIBE, Server, config, frame, now, of_prices, price, told_price,
    wait_until,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use wire::{Channel, Channels};

const PAGE: &str = "https://app.example.org";
const SECRET: &str = "orion_s3cret_t0ken";

/// Lets in who shows the name of what he may do, and remembers how he showed it.
#[derive(Default)]
struct Porter {
    version: AtomicU64,
    is_revoked: Arc<AtomicBool>,
    /// What was shown, without the token.
    shown: Mutex<Vec<String>>,
}

struct Someone(Arc<AtomicBool>);

impl Holder for Someone {
    fn holds(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
    fn post(&self, data: Box<str>) -> Posting {
        Box::pin(std::future::ready(format!(
            r#"{{"type":"signal_result","data":{data}}}"#
        )))
    }
}

impl Porter {
    fn revoke(&self) {
        self.is_revoked.store(true, Ordering::Relaxed);
        self.version.fetch_add(1, Ordering::Relaxed);
    }
}

impl Keeper for Porter {
    fn admit(&self, shown: &Shown<'_>) -> Result<Pass, String> {
        self.shown.lock().unwrap().push(format!("{shown:?}"));
        let none = Channels::NONE;
        let (channels, may_post, expires) = match (shown.token, shown.way) {
            ("reader" | SECRET, _) => (Channels::ALL, false, None),
            ("prices", _) => (none.with(Channel::Prices), false, None),
            ("euro" | "slow", _) => (none.with(Channel::Prices), false, None),
            ("poster", _) => (none, true, None),
            ("nobody", _) => (none, false, None),
            ("gone", _) => {
                self.revoke();
                (Channels::ALL, false, None)
            }
            // Renewed by the same token a minute later.
            ("brief", _) => (Channels::ALL, false, Some(now() + Span::from_secs(60))),
            ("longer", _) => (Channels::ALL, false, Some(now() + Span::from_secs(600))),
            ("page", Way::Address) if shown.origin == Some(PAGE) => (Channels::ALL, false, None),
            _ => return Err("it is not known".to_owned()),
        };
        Ok(Pass {
            name: shown.token.into(),
            channels,
            symbols: (shown.token == "euro").then(|| [Symbol::new("EURUSD").unwrap()].into()),
            price_interval_ms: (shown.token == "slow").then_some(5000),
            may_post,
            expires,
            holder: Arc::new(Someone(Arc::clone(&self.is_revoked))),
        })
    }
    fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }
}

fn with(mode: Mode, porter: &Arc<Porter>) -> Config {
    watch_log();
    Config {
        auth: Auth {
            mode,
            keeper: Some(Arc::clone(porter) as Arc<dyn Keeper>),
            ..Auth::default()
        },
        ..config()
    }
}

fn server(mode: Mode) -> Server {
    Server::with(with(mode, &Arc::default()))
}

/// A request with these headers more, and the head of its answer.
fn ask(server: &Server, headers: &str) -> (Client, String) {
    ask_at(server, "/ws/signals", headers)
}

fn ask_at(server: &Server, path: &str, headers: &str) -> (Client, String) {
    let mut client = Client::of(TcpStream::connect(server.address).unwrap());
    let request = REQUEST.replace("\r\n\r\n", &format!("\r\n{headers}\r\n"));
    client.send(request.replace("/ws/signals", path).as_bytes());
    let head = client.hear_head();
    (client, head)
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn auth(token: &str) -> String {
    format!(r#"{{"type":"auth","token":"{token}"}}"#)
}

fn code_of(told: &str) -> String {
    let told: serde_json::Value = serde_json::from_str(told).unwrap();
    told["code"].as_str().unwrap_or_default().to_owned()
}

const AUTHENTICATED: &str = r#"{"type":"authenticated"}"#;

#[test]
fn where_it_is_required_nothing_is_told_before() {
    let server = server(Mode::Required);
    let mut client = server.connect();
    client.say(SUBSCRIBE);
    assert_eq!(
        client.hear_text(),
        r#"{"type":"error","code":"auth_required","message":"send an auth with your token first","retryable":false}"#
    );
    client.say(r#"{"type":"signal","data":{}}"#);
    assert_eq!(code_of(&client.hear_text()), "auth_required");
    client.say(r#"{"type":"ping"}"#);
    assert!(client.hear_text().contains("pong"));
    let mut known = server.connect();
    known.say(&auth("reader"));
    assert_eq!(known.hear_text(), AUTHENTICATED);
    known.say(SUBSCRIBE);
    known.say(r#"{"type":"ping"}"#);
    known.hear_text();
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(known.hear_text(), told_price("US30", 1));
    client.say(&auth("reader"));
    assert_eq!(client.hear_text(), AUTHENTICATED, "and no price before it");
    client.say(SUBSCRIBE);
    assert_eq!(client.hear_text(), told_price("US30", 1));
}

#[test]
fn who_does_not_say_who_he_is_in_time_has_to_go() {
    let brief = |mode| {
        let config = with(mode, &Arc::default());
        Server::with(Config {
            auth: Auth {
                within: Duration::from_millis(100),
                ..config.auth
            },
            ..config
        })
    };
    let required = brief(Mode::Required);
    let mut late = required.connect();
    let mut early = required.connect();
    early.say(&auth("reader"));
    assert_eq!(early.hear_text(), AUTHENTICATED);
    assert_eq!(late.hear_close(), (Some(4408), "no auth".to_owned()));
    early.say(r#"{"type":"ping"}"#);
    assert!(early.hear_text().contains("pong"), "who has said it stays");
    let optional = brief(Mode::Optional);
    let mut silent = optional.connect();
    let mut other = required.connect();
    assert_eq!(other.hear_close().0, Some(4408), "another span later");
    silent.say(r#"{"type":"ping"}"#);
    assert!(
        silent.hear_text().contains("pong"),
        "nobody has to say it there"
    );
}

#[test]
fn a_header_counts_before_the_first_message() {
    let porter = Arc::new(Porter::default());
    let server = Server::with(with(Mode::Required, &porter));
    let (mut client, head) = ask(&server, &format!("{}Origin: {PAGE}\r\n", bearer("reader")));
    assert_eq!(status(&head), "101");
    assert_eq!(client.hear_text(), AUTHENTICATED);
    let shown = porter.shown.lock().unwrap().clone();
    assert_eq!(shown, [format!("Shown(Header from Some({PAGE:?}))")]);
    let (_, head) = ask(&server, &bearer("wrong"));
    assert_eq!(status(&head), "401");
    assert!(
        head.to_lowercase()
            .contains("www-authenticate: bearer error=\"invalid_token\""),
        "{head}"
    );
    let (_, head) = ask(&server, &bearer("reader").repeat(2));
    assert_eq!(status(&head), "400");
    // Other schemes are for whoever stands in front of us.
    let (mut client, head) = ask(&server, "Authorization: Basic cmVhZGVyOg==\r\n");
    assert_eq!(status(&head), "101");
    client.say(SUBSCRIBE);
    assert_eq!(code_of(&client.hear_text()), "auth_required");
    assert_eq!(server.stats.total(|of| &of.upgrades_refused), 2);
}

/// Looking takes longer than all else, and wrong tokens are counted. Of so many, some requests lie there when their connection
/// is accepted, and some do not; half come in two parts.
#[test]
fn a_token_is_looked_into_once_however_its_request_comes() {
    let porter = Arc::<Porter>::default();
    let server = Server::with(with(Mode::Required, &porter));
    let mut looks = 0;
    for (token, answer) in [("reader", "101"), ("stranger", "401")].repeat(10) {
        let request = REQUEST.replace("\r\n\r\n", &format!("\r\n{}\r\n", bearer(token)));
        for cut in [0, request.len() / 2] {
            let mut client = Client::of(TcpStream::connect(server.address).unwrap());
            client.send(&request.as_bytes()[..cut]);
            client.send(&request.as_bytes()[cut..]);
            assert_eq!(status(&client.hear_head()), answer);
            looks += 1;
            assert_eq!(porter.shown.lock().unwrap().len(), looks, "{token}");
        }
    }
}

#[test]
fn where_nobody_has_to_say_it_a_header_of_somebody_elses_is_no_hindrance() {
    let server = server(Mode::Off);
    let (mut client, head) = ask(&server, &bearer("wrong"));
    assert_eq!(status(&head), "101");
    client.say(SUBSCRIBE);
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(client.hear_text(), told_price("US30", 1));
    let (_, head) = ask(&self::server(Mode::Optional), &bearer("wrong"));
    assert_eq!(status(&head), "401");
}

#[test]
fn what_a_token_allows_is_done_and_the_rest_is_told() {
    let server = server(Mode::Optional);
    let mut client = server.connect();
    client.say(&auth("prices"));
    client.hear_text();
    client.say(SUBSCRIBE);
    assert_eq!(
        client.hear_text(),
        r#"{"type":"error","code":"forbidden","message":"your token does not allow all of this; what it allows is done","retryable":false}"#
    );
    client.say(r#"{"type":"signal","data":{}}"#);
    assert_eq!(code_of(&client.hear_text()), "forbidden", "it may not post");
    let signal = support::signal(1, market::Status::Pending);
    server.publish(support::of_signals([(1, signal)]));
    server.publish(of_prices([price("US30", 1)]));
    assert_eq!(
        client.hear_text(),
        told_price("US30", 1),
        "and no signal before it"
    );
    let mut poster = server.connect();
    poster.say(&auth("poster"));
    poster.hear_text();
    poster.say(r#"{"type":"signal","data":{}}"#);
    assert!(poster.hear_text().contains("signal_result"));
    let mut nobody = server.connect();
    nobody.say(&auth("nobody"));
    assert_eq!(nobody.hear_text(), AUTHENTICATED);
    assert_eq!(code_of(&nobody.hear_text()), "forbidden");
    assert_eq!(nobody.hear_close(), (Some(4403), "not allowed".to_owned()));
}

#[test]
fn a_token_for_some_symbols_opens_those_also_to_who_asks_for_all() {
    let server = server(Mode::Required);
    let prices = r#"{"type":"subscribe","channels":["prices"]}"#;
    let mut client = server.connect();
    client.say(&auth("euro"));
    assert_eq!(client.hear_text(), AUTHENTICATED);
    client.say(prices);
    client.say(r#"{"type":"ping"}"#);
    assert!(
        client.hear_text().contains("pong"),
        "all is all that it may"
    );
    server.publish(of_prices([price("US30", 1), price("EURUSD", 1)]));
    assert_eq!(client.hear_text(), told_price("EURUSD", 1));
    client.say(r#"{"type":"subscribe","v":1,"id":"c1","channels":["prices"],"symbols":["US30"]}"#);
    let told = client.hear_text();
    assert!(
        told.contains(r#""id":"c1""#) && code_of(&told) == "forbidden",
        "{told}"
    );
    client.say(&auth("reader"));
    while client.hear_text() != AUTHENTICATED {}
    client.say(&auth("euro"));
    while code_of(&client.hear_text()) != "forbidden" {}
    assert_eq!(
        client.hear_close(),
        (Some(4403), "allows less than before".to_owned())
    );
}

#[test]
fn a_token_for_slower_prices_slows_a_plain_client_too() {
    let server = server(Mode::Required);
    let mut client = server.connect();
    client.say(&auth("slow"));
    client.say(r#"{"type":"subscribe","channels":["prices"]}"#);
    client.say(r#"{"type":"ping"}"#);
    assert_eq!(client.hear_text(), AUTHENTICATED);
    assert!(client.hear_text().contains("pong"));
    let publish = |secs, number| {
        server.publish(Publication {
            now: now() + Span::from_secs(secs),
            ..of_prices([price("US30", number)])
        });
    };
    publish(0, 1);
    assert_eq!(client.hear_text(), told_price("US30", 1));
    publish(1, 2);
    publish(4, 3);
    publish(5, 4);
    assert_eq!(
        client.hear_text(),
        told_price("US30", 4),
        "five seconds later"
    );
}

#[test]
fn where_nobody_has_to_say_it_a_token_narrows_nothing() {
    let server = server(Mode::Off);
    let mut client = server.connect();
    for token in ["nobody", "prices"] {
        client.say(&auth(token));
        assert_eq!(client.hear_text(), AUTHENTICATED);
    }
    client.say(SUBSCRIBE);
    let signal = support::signal(1, market::Status::Pending);
    server.publish(support::of_signals([(1, signal)]));
    assert_eq!(
        client.hear_text(),
        support::told_signal(1, market::Status::Pending)
    );
}

/// The time of a test, moved by hand.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn pass(&self, secs: i64) {
        self.0.fetch_add(secs, Ordering::Relaxed);
    }
}

fn by_hand(porter: &Arc<Porter>) -> (Server, Hands) {
    let hands = Hands(Arc::default());
    let read = hands.clone();
    let clock = Clock::new(move || now() + Span::from_secs(read.0.load(Ordering::Relaxed)));
    let config = Config {
        clock,
        // Deadlines are looked at as often as the shortest of them wants.
        close_within: Duration::from_millis(200),
        ..with(Mode::Required, porter)
    };
    (Server::with(config), hands)
}

fn told_end(secs: i64) -> String {
    let at: Time = now() + Span::from_secs(secs);
    format!(r#"{{"type":"authenticated","expires":"{at}"}}"#)
}

#[test]
fn a_token_ends_after_its_grace_unless_it_is_renewed() {
    let (server, hands) = by_hand(&Arc::default());
    let connect = |token: &str, secs| {
        let mut client = server.connect();
        client.say(&auth(token));
        assert_eq!(client.hear_text(), told_end(secs));
        client
    };
    let mut forgetful = connect("brief", 60);
    let mut renewing = connect("brief", 60);
    hands.pass(89);
    renewing.say(&auth("longer"));
    assert_eq!(renewing.hear_text(), told_end(600));
    hands.pass(1);
    assert_eq!(forgetful.hear_close(), (Some(4401), "expired".to_owned()));
    renewing.say(r#"{"type":"ping"}"#);
    assert!(renewing.hear_text().contains("pong"));
    hands.pass(540);
    assert_eq!(renewing.hear_close().0, Some(4401));
}

#[test]
fn an_extended_client_is_told_before_its_token_ends() {
    let (server, hands) = by_hand(&Arc::default());
    let mut client = server.connect();
    client.say(&auth("longer"));
    assert_eq!(client.hear_text(), told_end(600));
    client.say(r#"{"type":"subscribe","v":1,"channels":["signals"]}"#);
    assert!(client.hear_text().contains("subscribed"));
    let mut plain = server.connect();
    plain.say(&auth("longer"));
    assert_eq!(plain.hear_text(), told_end(600));
    hands.pass(540);
    let at = now() + Span::from_secs(600);
    assert_eq!(
        client.hear_text(),
        format!(r#"{{"type":"auth_expiring","expires":"{at}"}}"#)
    );
    hands.pass(90);
    assert!(client.hear_text().contains("closing"));
    assert_eq!(client.hear_close().0, Some(4401));
    assert_eq!(
        plain.hear(),
        Heard::Close(Some(4401), "expired".to_owned()),
        "and nothing before it"
    );
}

#[test]
fn what_is_taken_back_ends_live_connections() {
    let porter = Arc::new(Porter::default());
    let (server, _) = by_hand(&porter);
    let mut client = server.connect();
    client.say(&auth("reader"));
    client.hear_text();
    client.say(SUBSCRIBE);
    porter.version.fetch_add(1, Ordering::Relaxed);
    client.say(r#"{"type":"ping"}"#);
    assert!(client.hear_text().contains("pong"), "something else was");
    porter.revoke();
    assert_eq!(client.hear_close(), (Some(4401), "revoked".to_owned()));
}

/// Between the judge and the shard who comes may wait for a while.
#[test]
fn what_is_taken_back_on_the_way_opens_nothing() {
    let server = server(Mode::Required);
    let (mut client, head) = ask(&server, &bearer("gone"));
    assert_eq!(status(&head), "101");
    assert_eq!(code_of(&client.hear_text()), "auth_failed");
    assert_eq!(client.hear_close().0, Some(4401));
}

#[test]
fn a_page_that_is_not_listed_is_refused_before_it_is_a_socket() {
    let listed = |allow_none| {
        Server::with(Config {
            origins: Origins {
                allowed: vec![PAGE.to_owned(), "http://localhost:4173".to_owned()],
                allow_none,
            },
            ..config()
        })
    };
    let server = listed(true);
    for (origin, expected) in [
        ("Origin: https://app.example.org\r\n", "101"),
        ("Origin: http://localhost:4173\r\n", "101"),
        ("", "101"),
        ("Origin: null\r\n", "403"),
        ("Origin: http://app.example.org\r\n", "403"),
        ("Origin: https://app.example.org:8443\r\n", "403"),
        ("Origin: https://app.example.org.evil.example\r\n", "403"),
        (
            "Origin: https://evil.example/https://app.example.org\r\n",
            "403",
        ),
        ("Origin: \r\n", "403"),
        (
            "Origin: https://app.example.org\r\nOrigin: https://app.example.org\r\n",
            "403",
        ),
    ] {
        let (_, head) = ask(&server, origin);
        assert_eq!(status(&head), expected, "{origin}");
    }
    let strict = listed(false);
    assert_eq!(status(&ask(&strict, "").1), "403", "not a browser");
    watch_log();
    let any = Server::start();
    assert_eq!(
        status(&ask(&any, "Origin: null\r\n").1),
        "101",
        "none is listed"
    );
}

#[test]
fn a_key_in_the_address_counts_where_it_may() {
    let porter = Arc::new(Porter::default());
    let required = with(Mode::Required, &porter);
    let server = Server::with(Config {
        auth: Auth {
            url_keys: true,
            ..required.auth.clone()
        },
        ..required.clone()
    });
    let origin = format!("Origin: {PAGE}\r\n");
    let (mut client, head) = ask_at(&server, "/ws/signals?a=b&key=page", &origin);
    assert_eq!(status(&head), "101");
    assert_eq!(client.hear_text(), AUTHENTICATED);
    for (path, origin) in [
        ("/ws/signals?key=page", "Origin: https://evil.example\r\n"),
        ("/ws/signals?key=page", ""),
        ("/ws/signals?key=", origin.as_str()),
        ("/ws/signals?key=wrong", origin.as_str()),
    ] {
        let (mut client, head) = ask_at(&server, path, origin);
        // Told on the socket: a page takes a refused upgrade for a lost server.
        assert_eq!(status(&head), "101", "{path}");
        assert_eq!(code_of(&client.hear_text()), "auth_failed", "{path}");
        assert_eq!(client.hear_close().0, Some(4401), "{path}");
    }
    let seen = porter.shown.lock().unwrap().len();
    let without = Server::with(required);
    let (mut client, _) = ask_at(&without, "/ws/signals?key=page", &origin);
    client.say(SUBSCRIBE);
    assert_eq!(code_of(&client.hear_text()), "auth_required");
    assert_eq!(
        porter.shown.lock().unwrap().len(),
        seen,
        "it was not even looked at"
    );
}

fn limited(most: usize) -> Server {
    Server::with(Config {
        connections_per_address: most,
        proxies: Proxies(vec!["192.0.2.0/24".parse().unwrap()]),
        ..config()
    })
}

fn is_let_in(client: &mut Client) -> bool {
    client.say(r#"{"type":"ping"}"#);
    loop {
        match client.hear() {
            Heard::Text(text) => return text.contains("pong"),
            Heard::Close(code, reason) => {
                assert_eq!(
                    (code, reason.as_str()),
                    (Some(1013), "too many connections retry=30000")
                );
                return false;
            }
            Heard::Ping => {}
            other @ (Heard::Pong(_) | Heard::End) => panic!("{other:?}"),
        }
    }
}

#[test]
fn connections_of_one_address_are_counted_behind_proxies_too() {
    let server = limited(2);
    let from = |header: &str| ask(&server, header).0;
    let mut clients: Vec<_> = (0..2)
        .map(|_| from("X-Forwarded-For: 203.0.113.9\r\n"))
        .collect();
    assert!(clients.iter_mut().all(is_let_in));
    assert!(!is_let_in(&mut from("X-Forwarded-For: 203.0.113.9\r\n")));
    // Whatever it claims to have passed on the way: the last one that is no proxy of ours saw it come.
    assert!(!is_let_in(&mut from(
        "X-Forwarded-For: 198.51.100.1, 203.0.113.9, 192.0.2.1\r\n"
    )));
    assert!(!is_let_in(&mut from("Forwarded: for=203.0.113.9\r\n")));
    assert!(is_let_in(&mut from("X-Forwarded-For: 203.0.113.10\r\n")));
    for _ in 0..5 {
        assert!(
            is_let_in(&mut from("")),
            "this machine itself is not counted"
        );
    }
    clients.pop();
    wait_until("its place is free", || {
        is_let_in(&mut from("X-Forwarded-For: 203.0.113.9\r\n"))
    });
}

#[test]
fn limits_change_while_clients_stay() {
    let server = limited(1);
    let from = |header: &str| ask(&server, header).0;
    let address = "X-Forwarded-For: 203.0.113.9\r\n";
    let mut first = from(address);
    assert!(is_let_in(&mut first));
    assert!(!is_let_in(&mut from(address)));
    server.change(|limits| limits.connections_per_address = 2);
    let mut second = from(address);
    assert!(is_let_in(&mut second));
    server.change(|limits| limits.connections_per_address = 1);
    assert!(!is_let_in(&mut from(address)));
    assert!(
        is_let_in(&mut first) && is_let_in(&mut second),
        "nobody has to go"
    );

    // The very client that was there speaks by the new rate.
    let pings = frame(0x81, br#"{"type":"ping"}"#);
    server.change(|limits| (limits.messages_per_s, limits.messages_burst) = (1, 2));
    first.send(&pings.repeat(10));
    let reason = "too many messages".to_owned();
    assert_eq!(first.hear_close(), (Some(4429), reason));
    assert!(is_let_in(&mut second));
}

#[test]
fn pages_that_may_connect_change_too() {
    let server = Server::start();
    let page = "Origin: https://a.example\r\n";
    assert!(ask(&server, page).1.starts_with("HTTP/1.1 101"));
    server.change(|limits| limits.origins.allowed = vec!["https://b.example".to_owned()]);
    assert!(ask(&server, page).1.starts_with("HTTP/1.1 403"));
}

#[test]
fn connections_of_one_key_are_counted() {
    let server = Server::with(Config {
        connections_per_key: 2,
        ..with(Mode::Required, &Arc::default())
    });
    let connect = |token: &str| {
        let mut client = server.connect();
        client.say(&auth(token));
        client
    };
    let mut first = connect("reader");
    let mut second = connect("reader");
    assert_eq!(first.hear_text(), AUTHENTICATED);
    assert_eq!(second.hear_text(), AUTHENTICATED);
    let reason = "too many connections of this key retry=30000".to_owned();
    assert_eq!(connect("reader").hear_close(), (Some(1013), reason));
    assert_eq!(connect("prices").hear_text(), AUTHENTICATED);
    first.say(&auth("reader"));
    assert_eq!(first.hear_text(), AUTHENTICATED, "it has its place");
    second.send(&frame(0x88, &1000_u16.to_be_bytes()));
    assert_eq!(second.hear_close().0, Some(1000));
    wait_until("a place is free", || {
        server.stats.total(|of| &of.connections) == 1
    });
    assert_eq!(connect("reader").hear_text(), AUTHENTICATED);
}

/// All that was logged, by any test of this file.
static LOGGED: Mutex<String> = Mutex::new(String::new());

struct Log;

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        attributes.record(&mut Fields(&mut LOGGED.lock().unwrap()));
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
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        use std::fmt::Write as _;
        writeln!(self.0, "{field}={value:?}").unwrap();
    }
}

/// Before the first server of this file: what is logged while a subscriber is set may be lost to it for ever.
fn watch_log() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| tracing::subscriber::set_global_default(Log).unwrap());
}

#[test]
fn no_token_is_logged_by_whichever_way_it_came() {
    let required = with(Mode::Required, &Arc::default());
    let server = Server::with(Config {
        auth: Auth {
            url_keys: true,
            ..required.auth.clone()
        },
        ..required
    });
    let wrong = format!("{SECRET}_wrong");
    ask(&server, &bearer(&wrong));
    ask(&server, &bearer(&wrong).repeat(2));
    ask_at(&server, &format!("/ws/signals?key={wrong}"), "")
        .0
        .hear_close();
    ask_at(&server, &format!("/ws/signals/?key={wrong}"), "");
    let mut client = server.connect();
    client.say(&auth(&wrong));
    client.hear_close();
    wait_until("all is logged", || {
        LOGGED.lock().unwrap().matches("auth failed").count() >= 2
    });
    let logged = LOGGED.lock().unwrap().clone();
    assert!(
        logged.contains("way=Header") && logged.contains("way=Address"),
        "{logged}"
    );
    assert!(!logged.contains("s3cret"), "{logged}");
}
