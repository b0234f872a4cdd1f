//! The model against what was measured of the real page.

use super::model::{Act, CUT, Card, Heard, Page};
use market::{Span, Time};
use serde_json::json;

const START: Time = Time::from_secs(1_770_000_000);

/// A page and a network without delay, where every connect succeeds or none does.
struct World {
    page: Page,
    now: Time,
    is_up: bool,
    open: Vec<u32>,
    /// Seconds since the last change of the network, and how many attempts were made then.
    attempts: Vec<(i64, usize)>,
    changed: Time,
    sent: Vec<(u32, String)>,
}

impl World {
    fn load(is_up: bool) -> Self {
        let mut acts = Vec::new();
        let page = Page::load(&mut acts);
        let mut world = Self {
            page,
            now: START,
            is_up,
            open: Vec::new(),
            attempts: Vec::new(),
            changed: START,
            sent: Vec::new(),
        };
        world.carry_out(acts);
        world
    }

    /// All that a moment's timers ask for is done before the network answers any of it.
    fn carry_out(&mut self, acts: Vec<Act>) {
        let mut connects = Vec::new();
        for act in acts {
            match act {
                Act::Connect(socket) => connects.push(socket),
                Act::Send(socket, text) => self.sent.push((socket, text)),
            }
        }
        if !connects.is_empty() {
            self.attempts
                .push(((self.now - self.changed).millis() / 1000, connects.len()));
        }
        for socket in connects {
            if self.is_up {
                self.open.push(socket);
            }
            self.hear(if self.is_up {
                Heard::Opened(socket)
            } else {
                Heard::Failed
            });
        }
    }

    fn hear(&mut self, heard: Heard) {
        let mut acts = Vec::new();
        self.page.hear(self.now, &heard, &mut acts);
        self.carry_out(acts);
    }

    fn pass(&mut self, seconds: i64) {
        let end = self.now + Span::from_secs(seconds);
        while let Some(due) = self.page.due().filter(|due| *due <= end) {
            self.now = due;
            let mut acts = Vec::new();
            self.page.pass(due, &mut acts);
            self.carry_out(acts);
        }
        self.now = end;
    }

    fn change(&mut self, is_up: bool) {
        (self.is_up, self.changed) = (is_up, self.now);
        self.attempts.clear();
    }

    fn lose(&mut self, code: u16) {
        self.change(false);
        for socket in std::mem::take(&mut self.open) {
            self.hear(Heard::Closed(socket, code));
        }
    }

    fn signal(&mut self, id: &str, status: &str) {
        let payload = json!({
            "id": id, "status": status, "direction": "long", "symbol": "EURUSD", "entry_time": "2026-02-02T02:40:00.000Z",
            "entry_price": 1.1, "stop_loss": 1.0, "take_profits": [1.2], "tp_modes": ["TP1 100%"], "reason": "a test",
            "confidence": 0.5, "rr_target": 1.0, "killzone": "asia",
        });
        self.message(json!({"type": "signal", "payload": payload}));
    }

    fn message(&mut self, message: serde_json::Value) {
        self.hear(Heard::Message(message.to_string()));
    }

    fn shown(&self) -> String {
        let shown = |card: &Card| format!("{} {}", card.id, card.status);
        self.page
            .cards
            .iter()
            .map(shown)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// An outage of so many seconds: the attempts made (seconds after the loss, how many), and the sockets open in the end.
fn check_outage(seconds: i64, attempts: &[(i64, usize)], sockets: usize) {
    let mut world = World::load(true);
    world.lose(CUT);
    world.pass(seconds);
    let mut made = std::mem::take(&mut world.attempts);
    world.change(true);
    world.pass(1000);
    made.extend(
        world
            .attempts
            .iter()
            .map(|(at, count)| (at + seconds, *count)),
    );
    assert_eq!(made, attempts, "an outage of {seconds} s");
    assert_eq!(world.page.sockets(), sockets, "an outage of {seconds} s");
}

#[test]
fn failed_attempts_double_its_sockets() {
    check_outage(0, &[(1, 1)], 1);
    check_outage(2, &[(1, 1), (3, 2)], 2);
    check_outage(6, &[(1, 1), (3, 2), (11, 4)], 4);
    check_outage(30, &[(1, 1), (3, 2), (11, 4), (139, 8)], 8);
}

#[test]
fn it_gives_up_into_demo_mode() {
    let mut world = World::load(true);
    world.lose(CUT);
    world.pass(138);
    assert!(!world.page.is_demo);
    world.pass(2);
    assert!(world.page.is_demo);
    // Loaded while the server is away.
    let mut world = World::load(false);
    world.pass(68);
    assert!(!world.page.is_demo);
    world.pass(1);
    assert!(world.page.is_demo);
    assert_eq!(world.attempts, [(0, 1), (1, 2), (5, 4), (69, 8)]);
}

#[test]
fn several_sockets_burn_its_attempts_faster() {
    let mut world = World::load(true);
    for (outage, back_after) in [(6, 11), (6, 17)] {
        world.lose(CUT);
        world.pass(outage);
        world.change(true);
        world.pass(back_after - outage - 1);
        assert_eq!(world.page.sockets(), 0);
        world.pass(1);
        assert!(world.page.sockets() > 1);
    }
}

#[test]
fn any_code_but_1000_brings_it_back() {
    for code in [1001, 1005, CUT, 1008, 1011, 1012, 1013, 4000] {
        let mut world = World::load(true);
        world.lose(code);
        world.change(true);
        world.pass(1);
        assert_eq!((code, world.page.sockets()), (code, 1));
    }
    let mut world = World::load(true);
    world.lose(1000);
    world.change(true);
    world.pass(10_000);
    assert_eq!(world.page.sockets(), 0);
}

#[test]
fn it_subscribes_on_the_socket_it_made_last() {
    let subscribe = r#"{"type":"subscribe","channels":["signals","prices"],"timestamp":"2026-02-02T02:40:00.000Z"}"#;
    let world = World::load(true);
    assert_eq!(world.sent, [(1, subscribe.to_owned())]);

    let mut acts = Vec::new();
    let mut page = Page::load(&mut acts);
    page.hear(START, &Heard::Failed, &mut acts);
    page.pass(START + Span::from_secs(1), &mut acts);
    assert_eq!(acts, [Act::Connect(1), Act::Connect(2), Act::Connect(3)]);
    // The last one still connects: an exception in the page, and no subscribe at all.
    acts.clear();
    page.hear(START, &Heard::Opened(2), &mut acts);
    assert_eq!(acts, []);
    page.hear(START, &Heard::Opened(3), &mut acts);
    assert_eq!(acts, [Act::Send(3, subscribe.to_owned())]);
    // Opened the other way round, the last one subscribes twice.
    let mut acts = Vec::new();
    let mut page = Page::load(&mut acts);
    page.hear(START, &Heard::Failed, &mut acts);
    page.pass(START + Span::from_secs(1), &mut acts);
    acts.clear();
    page.hear(START, &Heard::Opened(3), &mut acts);
    page.hear(START, &Heard::Opened(2), &mut acts);
    assert_eq!(acts, vec![Act::Send(3, subscribe.to_owned()); 2]);
}

#[test]
fn cards_are_replaced_in_place_and_unknown_ones_go_on_top() {
    let mut world = World::load(true);
    world.signal("a", "pending");
    world.signal("b", "pending");
    world.signal("a", "confirmed");
    assert_eq!(world.shown(), "b pending, a confirmed");
    for number in 0..49 {
        world.signal(&format!("c{number}"), "invalidated");
    }
    assert_eq!(world.page.cards.len(), 50);
    assert!(
        world.shown().ends_with(", b pending"),
        "the oldest by arrival fell out"
    );
    world.signal("a", "confirmed");
    assert!(
        world.shown().starts_with("a confirmed, c48"),
        "as if it were new"
    );
    assert_eq!(world.page.announced, ["a", "a"]);
}

#[test]
fn a_confirmed_signal_is_announced_when_it_is_first_seen_so() {
    let mut world = World::load(true);
    for status in ["pending", "confirmed", "confirmed"] {
        world.signal("a", status);
    }
    assert_eq!(world.page.announced, ["a"]);
    world.signal("a", "pending");
    world.signal("a", "confirmed");
    assert_eq!(world.page.announced, ["a", "a"]);
}

#[test]
fn its_own_clock_gives_up_after_five_minutes() {
    let mut world = World::load(true);
    world.signal("a", "pending");
    world.pass(200);
    // Sending it again gives it no more time.
    world.signal("a", "pending");
    world.pass(99);
    assert_eq!(world.shown(), "a pending");
    world.pass(1);
    assert_eq!(world.shown(), "a invalidated");
    // A later pending brings it back, and a verdict is taken whenever it comes.
    world.signal("a", "pending");
    assert_eq!(world.shown(), "a pending");
    world.signal("a", "confirmed");
    world.pass(1000);
    assert_eq!(world.shown(), "a confirmed");
    assert_eq!(world.page.expired, ["a"]);
}

/// What one wrong field does: the page goes blank, or a complaint about what is shown.
fn check_field(key: &str, value: serde_json::Value, blank: bool) {
    let mut world = World::load(true);
    world.signal("a", "pending");
    let mut payload = world.page.cards[0].signal.clone();
    assert!(
        world.page.complaints.is_empty(),
        "{:?}",
        world.page.complaints
    );
    payload[key] = value;
    world.message(json!({"type": "signal", "payload": payload}));
    assert_eq!((key, world.page.is_blank), (key, blank));
    assert!(!world.page.complaints.is_empty(), "{key}");
}

#[test]
fn one_wrong_field_blanks_it() {
    check_field("direction", json!(null), true);
    check_field("killzone", json!(null), true);
    check_field("entry_price", json!("1.1"), true);
    check_field("take_profits", json!([1.2, null]), true);
    for (key, value) in [
        ("status", json!("PENDING")),
        ("id", json!(null)),
        ("entry_time", json!(null)),
        ("confidence", json!(85)),
        ("rr_target", json!(null)),
        ("take_profits", json!([])),
        ("tp_modes", json!(null)),
        ("stop_loss", json!(null)),
    ] {
        check_field(key, value, false);
    }
    let mut world = World::load(true);
    for ignored in [
        json!({"type": "pong"}),
        json!({"type": "error", "code": "bad_json"}),
        json!({"type": "heartbeat", "seq": 1}),
    ] {
        world.message(ignored);
    }
    world.message(json!({"type": "price_update", "payload": {"symbol": "EURUSD", "price": 1.1}}));
    assert!(world.page.complaints.is_empty());
    world.message(json!({"type": "price_update", "payload": {"symbol": "NQ", "price": "1.1"}}));
    assert!(world.page.is_blank);
}
