//! Ten simulated years of weeks, nights, holidays, changes of the clock, feeds that stall, sources that take over and
//! processes that end, are killed and go on from older states: every signal has one verdict, in time, and one end.
//!
//! Prices are coarse, so that ten years are minutes of work: in the core windows a tick each ten to twenty seconds, a bar a
//! minute elsewhere. In every year one currency pair, gold and one index speak, others in the next; in the two weeks around
//! each change of New York's clock all seven do. One engine lives through it all. `ORION_TEST_SLOW` asks for the ten years;
//! without it there is one quarter, with one change of the clock.

#![expect(clippy::unwrap_used, reason = "a broken test fails where it breaks")]

mod books;
mod clock;
mod desk;
mod prices;
mod world;

use market::SourceTime;
use world::World;

fn midnight(date: &str) -> SourceTime {
    SourceTime::parse(&format!("{date}T00:00:00Z")).unwrap()
}

/// Lives from one day to another; at least so many signals of ORION's own are born.
fn check(seed: u64, from: &str, to: &str, signals: u64) {
    let mut world = World::new(seed, midnight(from));
    world.live_until(midnight(to));
    let (books, counts) = world.end();
    eprintln!("{from} to {to}: {:?}, {counts:?}", books.tally);
    assert!(counts.signals >= signals, "{counts:?}");
    assert!(counts.posted >= signals / 4, "{counts:?}");
    books.check_all_seen();
}

#[test]
fn a_quarter_with_a_change_of_the_clock() {
    check(1, "2026-01-15", "2026-04-15", 200);
}

#[test]
fn ten_years() {
    if std::env::var_os("ORION_TEST_SLOW").is_none() {
        eprintln!("skipped: ten_years is slow (set ORION_TEST_SLOW)");
        return;
    }
    check(2, "2017-01-01", "2027-01-01", 10_000);
}
