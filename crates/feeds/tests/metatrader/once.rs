//! Every tick exactly once and in its order, whatever happens on the way.

use crate::place::{Place, TOKEN, id, standing, utc};
use crate::proxy::{Fault, Proxy};
use crate::terminal::{Advisor, Market, Terminal};
use market::{InstrumentId, SourceTime, Tick};

/// What is to come out: instrument, time, bid and ask.
pub(crate) type Quote = (InstrumentId, SourceTime, String, String);

pub(crate) fn quote(tick: &Tick) -> Quote {
    let shown = |price: market::Price| price.to_string();
    (tick.instrument, tick.time, shown(tick.bid), shown(tick.ask))
}

const START: i64 = 1_700_000_000_000;

/// Ticks of three symbols, every price another one; every third is of the same millisecond as the one before.
pub(crate) fn made(count: i64, step_ms: i64) -> (Market, Vec<Quote>) {
    let mut market = Market::default();
    market.symbol("EURUSD.a", 5, "EUR", "USD", (START - 5000, "1.09999"));
    market.symbol("GOLD", 2, "XAU", "USD", (START - 5000, "2000.00"));
    market.symbol("BTCUSD", 2, "BTC", "USD", (START - 5000, "30000.00"));
    market.symbol("US30.cash", 1, "USD", "USD", (START - 5000, "33999.9"));
    let mut quotes = Vec::new();
    for i in 0..count {
        let time = START + (i - i64::from(i % 3 == 2)) * step_ms;
        let (name, ours, bid, ask) = match i % 5 {
            0 | 2 | 3 => (
                "EURUSD.a",
                "EURUSD",
                format!("{}.{:05}", 1 + i / 100_000, i % 100_000),
                format!("{}.{:05}", 1 + (i + 7) / 100_000, (i + 7) % 100_000),
            ),
            1 => (
                "GOLD",
                "XAUUSD",
                format!("20{:02}.{:02}", i / 100 % 100, i % 100),
                format!("20{:02}.99", i / 100 % 100),
            ),
            _ => (
                "US30.cash",
                "US30",
                format!("34{:03}.{}", i / 10 % 1000, i % 10),
                format!("34{:03}.9", i / 10 % 1000),
            ),
        };
        market.tick(name, time, &bid, &ask);
        if i % 50 == 0 {
            market.tick("BTCUSD", time, "30000.00", "30001.00");
        }
        let shown = |text: &str| market::Price::parse(text).unwrap().to_string();
        quotes.push((
            id(ours),
            SourceTime::from_millis(time),
            shown(&bid),
            shown(&ask),
        ));
    }
    (market, quotes)
}

pub(crate) fn options(place: &Place, further: &[&str]) -> Vec<String> {
    let own = [
        format!("server={}", place.server()),
        format!("token={TOKEN}"),
    ];
    own.into_iter()
        .chain(further.iter().map(|&text| text.to_owned()))
        .collect()
}

/// Compares instrument by instrument: an advisor asks for one symbol after another.
pub(crate) fn check(place: &Place, expected: &[Quote]) {
    let told: Vec<Quote> = place.tape.ticks().iter().map(quote).collect();
    for symbol in ["EURUSD", "XAUUSD", "US30"] {
        let of = |quotes: &[Quote]| -> Vec<Quote> {
            let is_of = |quote: &&Quote| quote.0 == id(symbol);
            quotes.iter().filter(is_of).cloned().collect()
        };
        let (told, expected) = (of(&told), of(expected));
        let differs = told.iter().zip(&expected).position(|(a, b)| a != b);
        assert_eq!(
            differs.map(|at| (at, &told[at], &expected[at])),
            None,
            "{symbol}"
        );
        assert_eq!(told.len(), expected.len(), "{symbol}");
    }
    assert_eq!(told.len(), expected.len());
}

#[test]
fn a_quiet_line() {
    let Some(program) = Advisor::Mt5.program("a quiet line") else {
        return;
    };
    for socket in [false, true] {
        let place = Place::start(utc(), standing());
        let (market, quotes) = made(20_000, 3);
        let port = format!("socket={}", place.socket.port());
        let further: &[&str] = if socket {
            &["step=700", &port, "pace_us=2000"]
        } else {
            &["step=700"]
        };
        let said = Terminal::start(program, &market, &options(&place, further)).finish();
        check(&place, &quotes);
        assert!(said.last().unwrap().ends_with("lost=0"), "{said:?}");
        let advisors = place.bridge().advisors();
        assert_eq!(advisors[0].label, "MT5 Broker-Demo *5678");
        assert_eq!(
            (advisors[0].counts.told, advisors[0].counts.again),
            (20_000, 0)
        );
    }
}

/// MetaTrader 4 has the newest tick of a symbol only, and seconds: what changes between two looks is one tick.
#[test]
fn metatrader_4_tells_what_it_sees() {
    let Some(program) = Advisor::Mt4.program("metatrader 4") else {
        return;
    };
    let place = Place::start(utc(), standing());
    let (market, mut quotes) = made(500, 400);
    for quote in &mut quotes {
        quote.1 = quote.1.floor(market::Span::from_secs(1));
    }
    let said = Terminal::start(program, &market, &options(&place, &["step=1"])).finish();
    check(&place, &quotes);
    assert_eq!(place.bridge().advisors()[0].label, "MT4 Broker-Demo *5678");
    assert!(
        said.iter()
            .any(|line| line.contains("the server takes 3 symbols")),
        "{said:?}"
    );
}

#[test]
fn a_line_that_fails_at_every_turn() {
    let Some(program) = Advisor::Mt5.program("a failing line") else {
        return;
    };
    let faults = vec![
        Fault::NONE,
        Fault::ANSWER_LOST,
        Fault::REFUSED,
        Fault::NONE,
        Fault::cut_up(300),
        Fault::cut_up(20_000),
        Fault::cut_down(40),
        Fault::HALF_OPEN,
        Fault::ANSWER_LOST,
    ];
    let place = Place::start(utc(), standing());
    let proxy = Proxy::start(place.http, faults);
    let (market, quotes) = made(8000, 3);
    let server = format!("server=http://{}", proxy.address);
    let said = Terminal::start(
        program,
        &market,
        &options(&place, &[&server, "step=40", "timeout_ms=200"]),
    )
    .finish();
    check(&place, &quotes);
    assert!(proxy.connections() > 18, "{said:?}");
    assert!(
        place.bridge().advisors()[0].counts.again > 0,
        "lost answers were no test"
    );
    assert!(
        said.iter().any(|line| line.contains("the server is back")),
        "{said:?}"
    );
}

#[test]
fn a_socket_that_is_cut_again_and_again() {
    let Some(program) = Advisor::Mt5.program("a cut socket") else {
        return;
    };
    let faults = [700, 5000, 15_001, 1200, 30_000, 22_222]
        .into_iter()
        .flat_map(|bytes| {
            [
                Fault::cut_up(bytes),
                Fault::cut_down(bytes / 100),
                Fault::REFUSED,
            ]
        })
        .collect();
    let place = Place::start(utc(), standing());
    let proxy = Proxy::start(place.socket, faults);
    let (market, quotes) = made(8000, 3);
    let port = format!("socket={}", proxy.address.port());
    Terminal::start(
        program,
        &market,
        &options(&place, &[&port, "step=5", "pace_us=50"]),
    )
    .finish();
    check(&place, &quotes);
    assert!(proxy.connections() > 18, "{}", proxy.connections());
}

/// How the server ends in the middle of everything.
#[derive(Clone, Copy, Debug)]
enum End {
    Stopped,
    Killed,
}

#[test]
fn a_server_that_restarts_in_the_middle() {
    let Some(program) = Advisor::Mt5.program("a restart") else {
        return;
    };
    for (socket, end) in [
        (false, End::Stopped),
        (false, End::Killed),
        (true, End::Stopped),
        (true, End::Killed),
    ] {
        let mut place = Place::start(utc(), standing());
        let (market, quotes) = made(12_000, 3);
        let port = format!("socket={}", place.socket.port());
        let mut further = vec!["step=20", "pace_us=200"];
        further.extend(socket.then_some(port.as_str()));
        let terminal = Terminal::start(program, &market, &options(&place, &further));
        for count in [1, 1500, 4000, 7000, 9500] {
            place.tape.wait_for(count);
            match end {
                End::Stopped => place.stop(),
                End::Killed => place.kill(),
            }
            place.begin();
        }
        terminal.finish();
        eprintln!("{socket} {end:?}: {} told", place.tape.ticks().len());
        check(&place, &quotes);
    }
}
