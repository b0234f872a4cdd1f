//! What clients of a hub hear, a rule at a time.

use super::*;
use crate::client::Behind;
use crate::filter::Symbols;
use crate::form::Form;
use crate::latest::Latest;
use crate::samples::{
    self, Heard, Socket, at, last_outcome, of_bars, of_prices, of_signals, of_statuses, price,
    signal, status,
};
use crate::window::Wanted;
use market::Status::{Confirmed, Invalidated, Pending as Waiting};
use market::{SourceTime, Timeframe};
use wire::{BarsAsk, Channel, Channels, Since, Subscribe};

fn hub() -> Hub {
    samples::hub(Limits::default())
}

fn subscribe(hub: &mut Hub, id: ClientId, channels: Channels) {
    let ask = Subscribe {
        channels,
        ..Subscribe::default()
    };
    hub.subscribe(id, &ask, |_| Vec::new())
        .expect("there is room");
}

/// Prices and statuses that are kept for who is behind.
fn news(hub: &Hub) -> usize {
    let latest = hub.price_classes.iter().map(PriceClass::latest);
    let statuses = hub.status_classes.iter().map(SymbolClass::latest);
    latest.chain(statuses).map(Latest::len).sum()
}

fn secs(secs: i64) -> Time {
    Time::from_secs(secs)
}

fn arrive(hub: &mut Hub, channels: Channels) -> (ClientId, Socket) {
    let id = hub.join(Packing::Single);
    subscribe(hub, id, channels);
    (id, Socket::default())
}

fn snapshot(hub: &mut Hub) -> Vec<Heard> {
    let (id, mut socket) = arrive(hub, Channels::ALL);
    socket.take_all(hub, id);
    hub.leave(id);
    socket.heard()
}

fn eurusd(number: u64) -> PriceUpdate {
    price("EURUSD", number, SourceTime::from_secs(number as i64))
}

#[test]
fn a_newcomer_sees_what_is_open_and_what_was_just_decided() {
    let history = vec![
        (at(1), signal(1, Waiting, secs(10))),
        (at(2), signal(2, Waiting, secs(11))),
        (at(3), signal(3, Waiting, secs(12))),
        (at(4), signal(2, Confirmed, secs(20))),
        (at(5), signal(3, Invalidated, secs(30))),
    ];
    let past = of_signals(history, secs(40));
    let (mut hub, _) = samples::recovered(Limits::default(), past, at(5));
    hub.publish(&of_prices(
        vec![
            eurusd(0),
            eurusd(1),
            price("US30", 2, SourceTime::from_secs(2)),
        ],
        secs(40),
    ));
    let now = [
        Heard::Signal(1, Waiting),
        Heard::Signal(2, Confirmed),
        Heard::Signal(3, Invalidated),
        Heard::Price("EURUSD".to_owned(), 1),
        Heard::Price("US30".to_owned(), 2),
    ];
    assert_eq!(snapshot(&mut hub), now);
    hub.publish(&of_signals(vec![], secs(30 + 900)));
    assert_eq!(snapshot(&mut hub), now, "15 minutes are not over");
    hub.publish(&of_signals(vec![], secs(30 + 901)));
    assert_eq!(snapshot(&mut hub)[..2], now[..2], "the decided one left");
    assert_eq!(snapshot(&mut hub)[2..], now[3..], "the decided one left");
    let ended = Publication {
        outcomes: vec![(at(6), last_outcome(2))],
        now: secs(940),
        ..Publication::default()
    };
    hub.publish(&ended);
    assert_eq!(snapshot(&mut hub)[0], now[0], "the trade that ended left");
    assert_eq!(
        snapshot(&mut hub)[1..],
        now[3..],
        "the trade that ended left"
    );
}

#[test]
fn a_snapshot_has_the_newest_fifty_oldest_first() {
    let mut hub = hub();
    let many = (1..=60).map(|id| (at(u64::from(id)), signal(id, Waiting, secs(1))));
    hub.publish(&of_signals(many.collect(), secs(2)));
    let shown: Vec<Heard> = (11..=60).map(|id| Heard::Signal(id, Waiting)).collect();
    assert_eq!(snapshot(&mut hub), shown);
}

#[test]
fn a_snapshot_is_built_once() {
    let mut hub = hub();
    hub.publish(&of_signals(
        vec![(at(1), signal(1, Waiting, secs(1)))],
        secs(1),
    ));
    let wanted = Wanted {
        form: Form::default(),
        symbols: Symbols::All,
        but: Symbols::none(),
        max: 50,
    };
    let of = |hub: &mut Hub, now| {
        hub.window
            .snapshot(wanted.clone(), secs(now), &mut hub.deflater)
    };
    let first = of(&mut hub, 2);
    assert!(Arc::ptr_eq(&first, &of(&mut hub, 3)));
    hub.publish(&of_signals(
        vec![(at(2), signal(1, Invalidated, secs(4)))],
        secs(4),
    ));
    let second = of(&mut hub, 4);
    assert_ne!(first, second);
    assert!(of(&mut hub, 4 + 901).ends.is_empty());
}

#[test]
fn a_repeated_subscribe_adds_nothing() {
    let mut hub = hub();
    hub.publish(&of_signals(
        vec![(at(1), signal(1, Waiting, secs(1)))],
        secs(1),
    ));
    hub.publish(&of_prices(vec![eurusd(0)], secs(1)));
    let (id, mut socket) = arrive(&mut hub, Channels::NONE.with(Channel::Signals));
    subscribe(&mut hub, id, Channels::NONE.with(Channel::Signals));
    socket.take_all(&mut hub, id);
    assert_eq!(socket.heard(), [Heard::Signal(1, Waiting)]);
    subscribe(&mut hub, id, Channels::ALL);
    socket.take_all(&mut hub, id);
    assert_eq!(
        socket.heard().len(),
        2,
        "the added channel's snapshot alone"
    );
    assert_eq!(socket.heard()[1], Heard::Price("EURUSD".to_owned(), 0));
    subscribe(&mut hub, id, Channels::ALL);
    assert!(!hub.is_due(id));
}

#[test]
fn live_messages_wait_for_the_snapshot() {
    let mut hub = hub();
    hub.publish(&of_signals(
        vec![(at(1), signal(1, Waiting, secs(1)))],
        secs(1),
    ));
    hub.publish(&of_prices(
        vec![eurusd(0), price("US30", 1, SourceTime::from_secs(1))],
        secs(1),
    ));
    let (id, mut socket) = arrive(&mut hub, Channels::ALL);
    socket.take(&mut hub, id, 5);
    hub.publish(&of_signals(
        vec![(at(2), signal(1, Confirmed, secs(2)))],
        secs(2),
    ));
    hub.publish(&of_prices(
        vec![price("US30", 2, SourceTime::from_secs(2))],
        secs(2),
    ));
    socket.take_all(&mut hub, id);
    let heard = [
        Heard::Signal(1, Waiting),
        Heard::Price("EURUSD".to_owned(), 0),
        Heard::Signal(1, Confirmed),
        Heard::Price("US30".to_owned(), 2),
    ];
    assert_eq!(socket.heard(), heard);
}

#[test]
fn no_status_goes_back_and_no_position_comes_twice() {
    let mut hub = hub();
    let mut refused = |seq, id, status, now| {
        let refused = hub.publish(&of_signals(vec![(at(seq), signal(id, status, now))], now));
        refused.first().map(ToString::to_string)
    };
    assert_eq!(refused(1, 1, Waiting, secs(1)), None);
    assert_eq!(refused(2, 1, Waiting, secs(1)), None, "a repeat is allowed");
    assert_eq!(refused(3, 1, Confirmed, secs(2)), None);
    let backwards = "signal 00000000-0000-0000-0000-000000000001 was not published as ";
    assert_eq!(
        refused(4, 1, Waiting, secs(3)),
        Some(format!(
            "{backwards}pending: it was told as confirmed, and no status goes back"
        ))
    );
    assert_eq!(
        refused(5, 1, Invalidated, secs(3)),
        Some(format!(
            "{backwards}invalidated: it was told as confirmed, and no status goes back"
        ))
    );
    assert_eq!(
        refused(5, 2, Waiting, secs(3)).as_deref(),
        Some("seq 5 was not published: it does not follow seq 5, which was")
    );
    assert_eq!(refused(6, 3, Invalidated, secs(3)), None);
    assert_eq!(refused(7, 4, Waiting, secs(2000)), None);
    assert_eq!(
        refused(8, 3, Waiting, secs(2000)),
        Some("signal 00000000-0000-0000-0000-000000000003 was not published as pending: its verdict was told long ago".to_owned())
    );
}

#[test]
fn what_may_not_be_published_is_named_and_the_rest_is_published() {
    let mut hub = hub();
    let (id, mut socket) = arrive(&mut hub, Channels::ALL);
    let mut broken = signal(1, Waiting, secs(1));
    broken.targets.clear();
    let good = signal(2, Waiting, secs(1));
    let mut publication = of_signals(vec![(at(1), broken), (at(2), good)], secs(1));
    publication.prices = vec![eurusd(9), eurusd(8), eurusd(9)];
    let refused: Vec<String> = hub
        .publish(&publication)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        refused,
        [
            "signal 00000000-0000-0000-0000-000000000001 was not published: there are 0 take_profits, and 1 to 4 are allowed",
            "price of EURUSD at 1970-01-01T00:00:08.000Z was not published: one at 1970-01-01T00:00:09.000Z was, and no timestamp goes back",
        ]
    );
    socket.take_all(&mut hub, id);
    let told = Heard::Price("EURUSD".to_owned(), 9);
    assert_eq!(
        socket.heard(),
        [Heard::Signal(2, Waiting), told.clone(), told]
    );
}

#[test]
fn signals_and_outcomes_are_one_stream() {
    let mut hub = hub();
    let publication = Publication {
        signals: vec![
            (at(1), signal(1, Confirmed, secs(1))),
            (at(3), signal(2, Waiting, secs(1))),
        ],
        outcomes: vec![(at(2), last_outcome(1)), (at(4), last_outcome(1))],
        now: secs(2000),
        ..Publication::default()
    };
    assert_eq!(hub.publish(&publication), []);
    assert_eq!(snapshot(&mut hub), [Heard::Signal(2, Waiting)]);
}

#[test]
fn a_late_client_gets_the_latest_price_of_each_symbol() {
    let mut hub = hub();
    let (id, mut socket) = arrive(&mut hub, Channels::NONE.with(Channel::Prices));
    hub.publish(&of_prices(
        vec![price("US30", 0, SourceTime::from_secs(0))],
        secs(1),
    ));
    for number in 1..=10 {
        hub.publish(&of_prices(vec![eurusd(number)], secs(number as i64)));
    }
    assert!(news(&hub) <= 3, "two seconds of prices are kept");
    socket.take_all(&mut hub, id);
    let heard = [
        Heard::Price("US30".to_owned(), 0),
        Heard::Price("EURUSD".to_owned(), 10),
    ];
    assert_eq!(socket.heard(), heard);
    assert_eq!(hub.folded(), 9);
    hub.publish(&of_prices(vec![eurusd(11)], secs(11)));
    socket.take_all(&mut hub, id);
    assert_eq!(socket.heard()[2..], [Heard::Price("EURUSD".to_owned(), 11)]);
    assert_eq!(hub.folded(), 9);
}

#[test]
fn signals_are_never_skipped() {
    let mut hub = hub();
    let (id, mut socket) = arrive(&mut hub, Channels::NONE.with(Channel::Signals));
    for number in 1..=1024 {
        let one = signal(number, Waiting, secs(1));
        hub.publish(&of_signals(vec![(at(u64::from(number)), one)], secs(1)));
    }
    assert!(hub.pending(id).is_ok());
    hub.publish(&of_signals(
        vec![(at(1025), signal(1025, Waiting, secs(1)))],
        secs(1),
    ));
    assert_eq!(hub.pending(id).map(|due| due.len()), Err(Behind));
    hub.finish(id, [frame::close(4409, "slow")]);
    socket.take_all(&mut hub, id);
    assert_eq!(socket.heard(), [Heard::Close]);
}

#[test]
fn a_close_follows_the_message_it_cuts_and_nothing_follows_it() {
    let mut hub = hub();
    let (id, mut socket) = arrive(&mut hub, Channels::ALL);
    hub.publish(&of_signals(
        vec![(at(1), signal(1, Waiting, secs(1)))],
        secs(1),
    ));
    socket.take(&mut hub, id, 100);
    assert_eq!(hub.answer(id, frame::pong(b"x")), Answers::Queued);
    hub.finish(id, [frame::close(1012, "restart")]);
    hub.finish(id, [frame::close(1011, "twice")]);
    assert_eq!(hub.answer(id, frame::pong(b"y")), Answers::Queued);
    subscribe(&mut hub, id, Channels::ALL);
    hub.publish(&of_signals(
        vec![(at(2), signal(2, Waiting, secs(1)))],
        secs(1),
    ));
    socket.take_all(&mut hub, id);
    assert_eq!(socket.heard(), [Heard::Signal(1, Waiting), Heard::Close]);
}

fn stands(symbol: &str, number: u64) -> Heard {
    Heard::Status(symbol.to_owned(), number)
}

#[test]
fn a_snapshot_ends_with_how_each_symbol_stands() {
    let everything = |seq: u64, symbol, statuses| Publication {
        prices: vec![price(symbol, seq, SourceTime::from_secs(seq as i64))],
        statuses,
        ..of_signals(
            vec![(at(seq), signal(seq as u32, Waiting, secs(1)))],
            secs(seq as i64),
        )
    };
    let first = vec![status("EURUSD", 1), status("US30", 2), status("EURUSD", 3)];
    let past = everything(1, "EURUSD", first);
    let (mut hub, _) = samples::recovered(Limits::default(), past, at(1));
    assert_eq!(news(&hub), 0, "no news");
    let (id, mut socket) = arrive(&mut hub, Channels::ALL.with(Channel::Status));
    socket.take(&mut hub, id, 5);
    hub.publish(&everything(2, "XAUUSD", vec![status("US30", 4)]));
    socket.take_all(&mut hub, id);
    let heard = [
        Heard::Signal(1, Waiting),
        Heard::Price("EURUSD".to_owned(), 1),
        stands("EURUSD", 3),
        Heard::Signal(2, Waiting),
        Heard::Price("XAUUSD".to_owned(), 2),
        stands("US30", 4),
    ];
    assert_eq!(socket.heard(), heard);
    let (added, mut later) = arrive(&mut hub, Channels::NONE.with(Channel::Prices));
    later.take_all(&mut hub, added);
    hub.publish(&of_prices(vec![eurusd(3)], secs(3)));
    subscribe(&mut hub, added, Channels::NONE.with(Channel::Status));
    later.take_all(&mut hub, added);
    let heard = [
        stands("EURUSD", 3),
        stands("US30", 4),
        Heard::Price("EURUSD".to_owned(), 3),
    ];
    assert_eq!(later.heard()[2..], heard, "of a channel added later too");
    subscribe(&mut hub, added, Channels::NONE.with(Channel::Status));
    assert!(!hub.is_due(added), "and it is begun once");
}

#[test]
fn a_status_is_told_when_it_changes() {
    let mut hub = hub();
    let (id, mut socket) = arrive(&mut hub, Channels::NONE.with(Channel::Status));
    for number in [1, 1, 2, 2, 1] {
        let told = vec![status("EURUSD", number), status("US30", 1)];
        hub.publish(&of_statuses(told, secs(number as i64)));
    }
    socket.take_all(&mut hub, id);
    let heard = [
        stands("EURUSD", 1),
        stands("US30", 1),
        stands("EURUSD", 2),
        stands("EURUSD", 1),
    ];
    assert_eq!(socket.heard(), heard);
}

#[test]
fn a_late_client_hears_how_each_symbol_stands_now() {
    let mut hub = hub();
    let (id, mut socket) = arrive(&mut hub, Channels::NONE.with(Channel::Status));
    hub.publish(&of_statuses(vec![status("US30", 1)], secs(1)));
    for number in 1..=10 {
        let told = vec![status("EURUSD", number)];
        hub.publish(&of_statuses(told, secs(number as i64)));
    }
    assert!(news(&hub) <= 3, "two seconds of statuses are kept");
    socket.take_all(&mut hub, id);
    assert_eq!(socket.heard(), [stands("US30", 1), stands("EURUSD", 10)]);
    assert_eq!(hub.folded(), 0, "only prices are counted");
}

#[test]
fn who_did_not_ask_hears_no_status() {
    let mut hub = hub();
    hub.publish(&of_statuses(vec![status("EURUSD", 1)], secs(1)));
    let (id, _) = arrive(&mut hub, Channels::ALL);
    hub.publish(&of_statuses(vec![status("EURUSD", 2)], secs(2)));
    assert!(!hub.is_due(id));
    assert_eq!(hub.pending(id).map(|due| due.len()), Ok(0));
}

#[test]
fn features_are_the_latest_of_each_symbol_and_their_names_are_told_once() {
    let mut hub = hub();
    let told = |symbol, value: f64| samples::features(symbol, [value, f64::NAN]);
    let hears =
        |symbol: &str, value: u64| Heard::Features(symbol.to_owned(), format!("[{value},null]"));
    let publish = |hub: &mut Hub, updates: Vec<market::FeatureUpdate>, at| {
        assert_eq!(hub.publish(&samples::of_features(updates, secs(at))), []);
    };
    publish(&mut hub, vec![told("US30", 1.0), told("EURUSD", 2.0)], 1);
    let id = hub.join(Packing::Single);
    let ask = Subscribe {
        channels: Channels::NONE.with(Channel::Features),
        is_extended: true,
        ..Subscribe::default()
    };
    let mut names = None;
    let answer = |began: &crate::Began| {
        names.clone_from(&began.features);
        frame::pong(b"")
    };
    hub.subscribe(id, &ask, answer).expect("there is room");
    assert_eq!(
        names.as_deref(),
        Some(&samples::FEATURES.map(str::to_owned)[..])
    );
    let mut socket = Socket::default();
    socket.take_all(&mut hub, id);
    assert_eq!(
        socket.heard(),
        [
            Heard::Pong(Vec::new()),
            hears("US30", 1),
            hears("EURUSD", 2)
        ]
    );
    // It does not read while three of one symbol come, more than two seconds apart.
    for (number, at) in [(3.0, 10), (4.0, 20), (5.0, 30)] {
        publish(&mut hub, vec![told("EURUSD", number)], at);
    }
    publish(&mut hub, vec![told("US30", 6.0)], 30);
    assert!(hub.is_due(id));
    let mut socket = Socket::default();
    socket.take_all(&mut hub, id);
    assert_eq!(socket.heard(), [hears("EURUSD", 5), hears("US30", 6)]);
    assert_eq!(hub.folded(), 0, "only prices are counted");
    let refused = samples::FEATURES.len() + 1;
    let long = market::FeatureUpdate {
        values: vec![0.0; refused].into(),
        ..told("EURUSD", 7.0)
    };
    let faults = hub.publish(&samples::of_features(vec![long], secs(31)));
    assert_eq!(faults.len(), 1, "a value without a name is not told");
    assert!(!hub.is_due(id));
    hub.leave(id);
}

#[test]
fn who_did_not_ask_hears_no_features() {
    let mut hub = hub();
    let (id, _) = arrive(&mut hub, Channels::ALL);
    let told = samples::features("EURUSD", [1.0, 2.0]);
    hub.publish(&samples::of_features(vec![told], secs(1)));
    assert!(!hub.is_due(id));
}

#[test]
fn who_comes_to_a_slower_class_hears_no_price_again_that_is_older() {
    let mut hub = hub();
    let every = |millis| Subscribe {
        channels: Channels::NONE.with(Channel::Prices),
        is_extended: true,
        price_interval_ms: Some(millis),
        ..Subscribe::default()
    };
    let join = |hub: &mut Hub, id: Option<ClientId>, millis| {
        let id = id.unwrap_or_else(|| hub.join(Packing::Single));
        hub.subscribe(id, &every(millis), |_| frame::pong(b""))
            .expect("there is room");
        id
    };
    hub.publish(&of_prices(vec![eurusd(1)], secs(1)));
    let (slow, fast) = (join(&mut hub, None, 60_000), join(&mut hub, None, 1000));
    let (mut slowly, mut quickly) = (Socket::default(), Socket::default());
    hub.publish(&of_prices(vec![eurusd(2)], secs(3)));
    hub.publish(&of_prices(vec![eurusd(3)], secs(5)));
    slowly.take_all(&mut hub, slow);
    quickly.take_all(&mut hub, fast);
    let of = |number| Heard::Price("EURUSD".to_owned(), number);
    let prices = |socket: &Socket| {
        let heard = socket.heard().into_iter();
        heard
            .filter(|heard| matches!(heard, Heard::Price(..)))
            .collect::<Vec<_>>()
    };
    assert_eq!(prices(&slowly).last(), Some(&of(2)), "the third waits");
    assert_eq!(prices(&quickly).last(), Some(&of(3)));

    hub.publish(&of_prices(vec![eurusd(4)], secs(7)));
    join(&mut hub, Some(fast), 60_000);
    quickly.take_all(&mut hub, fast);
    assert_eq!(prices(&quickly).last(), Some(&of(4)), "not the second");
    let newcomer = join(&mut hub, None, 60_000);
    let mut newly = Socket::default();
    newly.take_all(&mut hub, newcomer);
    assert_eq!(prices(&newly), [of(4)], "it begins with the newest");
    join(&mut hub, Some(slow), 1000);
    slowly.take_all(&mut hub, slow);
    assert_eq!(prices(&slowly).last(), Some(&of(4)), "it waits no more");
    hub.publish(&of_prices(vec![eurusd(5)], secs(64)));
    newly.take_all(&mut hub, newcomer);
    assert_eq!(prices(&newly).last(), Some(&of(5)), "and it goes on");

    hub.publish(&of_prices(vec![eurusd(6)], secs(66)));
    let last = join(&mut hub, None, 60_000);
    hub.publish(&of_prices(vec![eurusd(7)], secs(130)));
    let (mut socket, mut counted) = (Socket::default(), 0);
    while hub.is_due(last) {
        counted += socket.take(&mut hub, last, usize::MAX).1.prices;
    }
    assert_eq!(prices(&socket), [of(6), of(7)]);
    assert_eq!(counted, 2, "of the past and of what is new");
}

#[test]
fn unsent_answers_are_bounded() {
    let mut hub = hub();
    let id = hub.join(Packing::Single);
    for _ in 0..60 {
        assert_eq!(hub.answer(id, frame::pong(b"x")), Answers::Queued);
    }
    assert_eq!(hub.answer(id, frame::pong(b"x")), Answers::Full);
    let mut socket = Socket::default();
    socket.take_all(&mut hub, id);
    assert_eq!(socket.heard().len(), 60);
    assert_eq!(hub.answer(id, frame::pong(b"x")), Answers::Queued);
}

#[test]
fn a_place_is_used_again_and_holds_nothing_of_before() {
    let mut hub = hub();
    let (id, _) = arrive(&mut hub, Channels::ALL);
    hub.leave(id);
    hub.leave(id);
    let again = hub.join(Packing::Single);
    assert_eq!(id, again);
    assert_ne!(hub.join(Packing::Single), again, "a place is given once");
    hub.publish(&of_prices(vec![eurusd(1)], secs(1)));
    assert!(!hub.is_due(again), "it has not subscribed");
}

fn minutes_since(minute: Option<i64>) -> Subscribe {
    Subscribe {
        channels: Channels::NONE.with(Channel::Bars),
        is_extended: true,
        bars: Some(BarsAsk {
            timeframe: Timeframe::M1,
            since: minute.map(|minute| SourceTime::from_secs(60 * minute)),
        }),
        ..Subscribe::default()
    }
}

/// A client that asks for minutes.
fn minutes(hub: &mut Hub, since: Option<i64>) -> (ClientId, Socket) {
    let id = hub.join(Packing::Grouped);
    let ask = minutes_since(since);
    let answer = |_: &_| frame::pong(b"a");
    hub.subscribe(id, &ask, answer).expect("there is room");
    (id, Socket::default())
}

/// Closes the minutes of these numbers.
fn close(hub: &mut Hub, numbers: std::ops::Range<i64>) {
    let bars = numbers.map(|number| minute(number, 1, true));
    assert_eq!(hub.publish(&of_bars(bars, secs(60))), []);
}

fn minute(number: i64, ticks: u32, closed: bool) -> Arc<BarUpdate> {
    samples::bar("EURUSD", Timeframe::M1, number, ticks, closed)
}

fn told(number: i64, ticks: u64, closed: bool) -> Heard {
    Heard::Bar("EURUSD".to_owned(), number, ticks, closed)
}

fn answer() -> Heard {
    Heard::Pong(b"a".to_vec())
}

#[test]
fn a_late_client_hears_every_closed_bar_and_how_the_open_one_stands() {
    let mut hub = hub();
    let (id, mut socket) = minutes(&mut hub, None);
    for number in 1..=3 {
        for ticks in 1..=4 {
            let at = secs(60 * number + i64::from(ticks));
            hub.publish(&of_bars([minute(number, ticks, false)], at));
        }
        hub.publish(&of_bars([minute(number, 5, true)], secs(60 * number + 60)));
    }
    hub.publish(&of_bars([minute(4, 1, false)], secs(241)));
    hub.publish(&of_bars([minute(4, 2, false)], secs(242)));
    socket.take_all(&mut hub, id);
    let heard = [
        answer(),
        told(1, 5, true),
        told(2, 5, true),
        told(3, 5, true),
        told(4, 2, false),
    ];
    assert_eq!(socket.heard(), heard);
}

#[test]
fn who_asks_again_does_not_hear_how_an_open_bar_stood_before() {
    let mut hub = hub();
    let (id, mut socket) = (hub.join(Packing::Grouped), Socket::default());
    let ask = Subscribe {
        price_interval_ms: Some(5000),
        ..minutes_since(None)
    };
    hub.subscribe(id, &ask, |_| frame::pong(b"a")).unwrap();
    // The first is told, and not read yet; the second waits for the interval.
    hub.publish(&of_bars([minute(1, 1, false)], secs(61)));
    hub.publish(&of_bars([minute(1, 2, false)], secs(62)));
    hub.subscribe(id, &ask, |_| frame::pong(b"a")).unwrap();
    socket.take_all(&mut hub, id);
    assert_eq!(socket.heard(), [answer(), answer(), told(1, 2, false)]);
}

#[test]
fn a_closed_bar_comes_once_and_nothing_of_it_after_that() {
    let mut hub = hub();
    let refused = hub.publish(&of_bars([minute(2, 5, true)], secs(180)));
    assert_eq!(refused, []);
    for (number, closed) in [(2, true), (1, true), (2, false)] {
        let refused = hub.publish(&of_bars([minute(number, 9, closed)], secs(181)));
        assert!(
            matches!(refused[..], [Refused::OldBar { .. }]),
            "{refused:?}"
        );
    }
    let (id, mut socket) = minutes(&mut hub, Some(0));
    socket.take_all(&mut hub, id);
    assert_eq!(socket.heard(), [answer(), told(2, 5, true)]);
}

#[test]
fn who_reads_the_past_so_slowly_that_it_is_dropped_is_behind() {
    let mut hub = samples::hub(Limits {
        bars: 100,
        ..Limits::default()
    });
    close(&mut hub, 0..100);
    let mut begin = || {
        let (id, mut socket) = minutes(&mut hub, Some(0));
        // The answer, and a part of the first piece: 64 bars.
        socket.take(&mut hub, id, usize::MAX);
        socket.take(&mut hub, id, 1000);
        (id, socket)
    };
    let ((slow, _), (edge, mut socket)) = (begin(), begin());
    close(&mut hub, 100..164);
    socket.take_all(&mut hub, edge);
    assert_eq!(socket.heard().len(), 1 + 164, "it has just made it");
    close(&mut hub, 164..165);
    assert_eq!(hub.pending(slow).err(), Some(Behind));
}

#[test]
fn who_asks_for_more_of_the_past_than_is_kept_is_given_what_there_is() {
    let mut hub = samples::hub(Limits {
        bars: 3,
        ..Limits::default()
    });
    close(&mut hub, 0..5);
    let (id, mut socket) = minutes(&mut hub, Some(0));
    socket.take_all(&mut hub, id);
    let kept = (2..5).map(|number| told(number, 1, true));
    let heard: Vec<Heard> = std::iter::once(answer()).chain(kept).collect();
    assert_eq!(socket.heard(), heard);
}

#[test]
fn who_is_behind_with_bars_stays_so_until_it_says_where_it_is() {
    let mut hub = samples::hub(Limits {
        bar_log: 4,
        ..Limits::default()
    });
    let (id, _) = minutes(&mut hub, None);
    close(&mut hub, 0..5);
    // It moves to another class, and begins again with events: neither brings its bars back.
    let mut ask = Subscribe {
        price_interval_ms: Some(5000),
        ..minutes_since(None)
    };
    hub.subscribe(id, &ask, |_| frame::pong(b"b")).unwrap();
    let events = Subscribe {
        channels: Channels::NONE.with(Channel::Signals),
        is_extended: true,
        since: Some(Since::Elsewhere),
        ..Subscribe::default()
    };
    hub.subscribe(id, &events, |_| frame::pong(b"c")).unwrap();
    assert_eq!(hub.pending(id).err(), Some(Behind));
    if let Some(bars) = &mut ask.bars {
        bars.since = Some(SourceTime::from_secs(240));
    }
    hub.subscribe(id, &ask, |_| frame::pong(b"d")).unwrap();
    let mut socket = Socket::default();
    socket.take_all(&mut hub, id);
    assert_eq!(socket.heard().last(), Some(&told(4, 1, true)));
}
