//! What users see when something is not as it should be, said by the advisors themselves.

use crate::once::{Quote, check, made, options, quote};
use crate::place::{Place, TOKEN, id, standing, utc};
use crate::terminal::{Advisor, Market, Terminal};
use feeds::clock::Clock;
use feeds::metatrader::Settings;
use market::{Span, Time};

#[test]
fn an_address_that_is_not_allowed_is_printed_as_it_must_be_pasted() {
    for (advisor, code) in [(Advisor::Mt5, 4014), (Advisor::Mt4, 4060)] {
        let Some(program) = advisor.program("an address that is not allowed") else {
            return;
        };
        let place = Place::start(utc(), standing());
        let (market, _) = made(10, 3);
        let code = format!("forbidden={code}");
        let server = format!("server={}/some/path", place.server());
        let mut terminal = Terminal::start(program, &market, &options(&place, &[&server, &code]));
        let line = terminal.wait_for("the terminal does not allow this address yet");
        let exactly = format!("add this line: {}; ", place.server());
        assert!(line.contains(&exactly), "{line}");
        assert!(place.tape.ticks().is_empty());
    }
}

#[test]
fn a_wrong_token_is_told_and_nothing_is_taken() {
    let Some(program) = Advisor::Mt5.program("a wrong token") else {
        return;
    };
    let place = Place::start(utc(), standing());
    let (market, _) = made(10, 3);
    let port = format!("socket={}", place.socket.port());
    for (further, expected) in [
        (vec!["token=wrong"], "the server answered 401: "),
        (vec!["token=wrong", &port], "the server refuses: "),
    ] {
        let mut terminal = Terminal::start(program, &market, &options(&place, &further));
        let line = terminal.wait_for(expected);
        assert!(
            line.contains(
                "this token is not known: make one with `orion key add terminal --for metatrader`"
            ),
            "{line}"
        );
        assert!(!line.contains(TOKEN) && !line.contains("wrong;"), "{line}");
    }
    assert!(place.tape.ticks().is_empty());
    assert_eq!(place.bridge().advisors(), []);
    // Without a token it does not even begin.
    let mut terminal = Terminal::start(program, &market, &options(&place, &["token="]));
    terminal.wait_for("ORION: no token");
}

/// More ticks than the advisor keeps: the oldest go, the server sees by the numbers that they are missing, and says so.
#[test]
fn what_does_not_fit_the_ring_is_a_gap_and_is_told() {
    let Some(program) = Advisor::Mt5.program("a full ring") else {
        return;
    };
    let mut place = Place::start(utc(), standing());
    let (market, quotes) = made(130_000, 1);
    let mut terminal = Terminal::start(
        program,
        &market,
        &options(&place, &["step=2000", "pace_us=3000"]),
    );
    place.tape.wait_for(1000);
    place.stop();
    terminal.wait_for("100000 ticks wait");
    let before = place.tape.ticks().len();
    place.begin();
    let said = terminal.finish();
    let told: Vec<Quote> = place.tape.ticks().iter().map(quote).collect();
    let lost: u64 = said
        .last()
        .unwrap()
        .rsplit('=')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let counts = place.bridge().advisors()[0].counts;
    assert_eq!(told.len() as u64 + counts.missing, quotes.len() as u64);
    assert!(counts.missing > 0 && before < told.len());
    // Some of what it dropped was taken: only the answer was not heard.
    assert!(counts.dropped == lost && counts.missing <= lost);
    let euro = told.iter().filter(|quote| quote.0 == id("EURUSD"));
    assert!(euro.is_sorted_by_key(|quote| quote.1), "in their order");
    assert!(place.tape.ends() > 0, "a gap is told");
}

/// A second terminal with the same symbol: named and left out, while its other symbols go on.
#[test]
fn a_second_advisor_with_the_same_symbol_is_refused_by_name() {
    let Some(program) = Advisor::Mt5.program("a second advisor") else {
        return;
    };
    let place = Place::start(utc(), standing());
    let (market, mut quotes) = made(1000, 3);
    let mut first = Terminal::start(
        program,
        &market,
        &options(&place, &["symbols=EURUSD.a, GOLD", "stay=1"]),
    );
    quotes.retain(|quote| quote.0 != id("US30"));
    first.wait_for("the server takes 2 symbols");
    place.tape.wait_for(quotes.len() + 1);
    check(&place, &quotes);

    let mut other = Market::default();
    other.symbol("EURUSDm", 5, "EUR", "USD", (1_700_000_000_000, "1.5"));
    other.symbol("US30", 1, "-", "USD", (1_700_000_000_000, "34000"));
    for i in 1..100_i64 {
        other.tick("EURUSDm", 1_700_000_100_000 + i, "1.50000", "1.50001");
        other.tick(
            "US30",
            1_700_000_100_000 + i,
            &format!("340{i:02}.0"),
            &format!("340{i:02}.5"),
        );
    }
    let second = ["login=99990001", "chart=2", "step=10"];
    let second = options(&place, &second);
    let said = Terminal::start(program, &other, &second).finish();
    let refused = "EURUSDm is already sent by the advisor of MT5 Broker-Demo *5678 since 2026-11-23T14:00:00.000Z";
    assert!(said.iter().any(|line| line.contains(refused)), "{said:#?}");
    let of = |symbol: &str| {
        place
            .tape
            .ticks()
            .iter()
            .filter(|tick| tick.instrument == id(symbol))
            .count()
    };
    assert_eq!((of("EURUSD"), of("US30")), (600, 99));
    first.finish();
}

/// A live market of a broker three hours ahead: the zone is found, and no tick is lost for it.
#[test]
fn the_brokers_zone_shows_with_the_first_tick() {
    for (advisor, offset) in [(Advisor::Mt5, 10_800), (Advisor::Mt4, 7200)] {
        let Some(program) = advisor.program("the broker's zone") else {
            return;
        };
        let place = Place::start(Settings::default(), real());
        let mut market = Market::default();
        market.symbol("EURUSD", 5, "EUR", "USD", (1_700_000_000_000, "1.1"));
        for i in 0..200 {
            market.tick("EURUSD", 0, &format!("1.1{i:03}"), &format!("1.1{i:03}"));
        }
        let offset_s = format!("offset_s={offset}");
        let further = ["live=1", &offset_s, "step=1", "pace_us=2000"];
        Terminal::start(program, &market, &options(&place, &further)).finish();
        let ticks = place.tape.ticks();
        assert_eq!(ticks.len(), 200, "{advisor:?}");
        for tick in ticks {
            let lag = tick.received.unwrap().as_source() - tick.time;
            assert!(
                (Span::from_secs(-1)..Span::from_secs(10)).contains(&lag),
                "{lag:?}"
            );
        }
        assert_eq!(place.bridge().advisors()[0].offset_s, Some(offset));
    }
}

fn real() -> Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the terminal of this test lives in real time"
    )]
    Clock::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Time::from_nanos(i64::try_from(since.unwrap().as_nanos()).unwrap())
    })
}
