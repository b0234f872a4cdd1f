//! The ticks: the same whenever they are asked for, in order, often enough, and never an impossible quote.

use crate::instruments::{anchor_of, catalog, monday};
use lab::market::SimMarket;
use market::{Catalog, InstrumentId, NewYork, Price, SourceTime, Span, Tick};

fn ticks(market: &SimMarket, from: SourceTime, to: SourceTime) -> Vec<Tick> {
    let ticks = market.ticks_from(from);
    ticks.take_while(|tick| tick.time < to).collect()
}

#[test]
fn the_same_ticks_whatever_moment_they_are_asked_from() {
    let market = SimMarket::new(7, monday(), &catalog(11), None);
    for day in [-1, 0, 1, 40, 800] {
        let from = monday() + Span::from_hours(24 * day);
        let to = from + Span::from_hours(2);
        let all = ticks(&market, from, to);
        assert!(all.len() > 40_000, "{} ticks in two hours", all.len());
        for seconds in (0..3600).step_by(97).chain([1, 2, 3600]) {
            let later = from + Span::from_nanos(seconds * 1_000_000_000 + seconds * 7_000_077);
            let expected = &all[all.partition_point(|tick| tick.time < later)..];
            let got: Vec<Tick> = market.ticks_from(later).take(3000).collect();
            assert!(got == expected[..3000], "from {later}");
        }
    }
}

#[test]
fn the_market_begins_a_day_before_its_anchor() {
    let market = SimMarket::new(7, monday(), &catalog(11), None);
    let begin = market.begin();
    assert_eq!(begin, monday() - Span::from_hours(24));
    let first: Vec<Tick> = market.ticks_from(begin).take(100).collect();
    assert!(first[0].time >= begin && first[0].time < begin + Span::from_secs(1));
    for earlier in [SourceTime::MIN, begin - Span::from_hours(1)] {
        let got: Vec<Tick> = market.ticks_from(earlier).take(100).collect();
        assert_eq!(got, first);
    }
}

/// Goes through a week, roll and weekend included, and checks every quote.
#[test]
fn every_quote_is_possible_and_no_instrument_is_silent_for_five_seconds() {
    let catalog = catalog(11);
    let market = SimMarket::new(3, monday(), &catalog, None);
    let from = monday() + Span::from_hours(24 * 3);
    let mut last: Vec<SourceTime> = vec![from; 11];
    let mut before = from;
    for tick in ticks(&market, from, from + Span::from_hours(24 * 4)) {
        assert!(tick.time >= before, "{} after {before}", tick.time);
        before = tick.time;
        let instrument = catalog.instrument(tick.instrument);
        let name = instrument.symbol;
        let pause = tick.time - std::mem::replace(&mut last[tick.instrument.index()], tick.time);
        assert!(pause > Span::ZERO, "{name} twice at {}", tick.time);
        assert!(
            pause < Span::from_secs(5),
            "{name} silent before {}",
            tick.time
        );
        assert_eq!(tick.time.nanos() % 1_000_000, 0);
        assert!(
            tick.bid.is_positive() && tick.bid < tick.ask,
            "{name} {tick:?}"
        );
        assert_eq!(tick.bid.round_to(instrument.tick_size), tick.bid);
        assert_eq!(tick.ask.round_to(instrument.tick_size), tick.ask);
        assert_eq!((tick.volume, tick.received), (None, None));
    }
    assert!(last.iter().all(|last| before - *last < Span::from_secs(5)));
}

/// Ticks per second and mean spread of the first instrument in an hour of New York's clock.
fn hour(market: &SimMarket, hour: i8) -> (f64, f64) {
    let from = NewYork::next(monday(), hour);
    let mut all = ticks(market, from, from + Span::from_hours(1));
    all.retain(|tick| tick.instrument == InstrumentId(0));
    let spreads: f64 = all.iter().map(|tick| tick.spread().to_f64()).sum();
    (all.len() as f64 / 3600.0, spreads / all.len() as f64)
}

#[test]
fn busy_and_tight_in_new_york_slow_in_asia_wide_at_the_roll() {
    let market = SimMarket::new(1, monday(), &catalog(11), None);
    let [
        (london, narrow),
        (new_york, narrowest),
        (roll, wide),
        (asia, usual),
    ] = [3, 8, 17, 21].map(|at| hour(&market, at));
    assert!((2.0..4.0).contains(&new_york), "{new_york} ticks/s");
    assert!(new_york > london && london > 1.5 * asia && asia > roll);
    assert!(roll > 0.5, "{roll} ticks/s");
    assert!(narrowest < narrow && narrow < usual && usual < wide);
    // In pips: six to ten tenths by day, and more only at the roll.
    assert!(
        narrowest > 0.000_055 && usual < 0.000_1,
        "{narrowest} {usual}"
    );
    assert!(wide < 0.000_13, "{wide}");
}

#[test]
fn a_rate_that_is_asked_for_is_kept_at_all_hours() {
    for (rate, expected) in [(0.01, 2.5..3.2), (22.0, 20.0..24.0), (550.0, 500.0..600.0)] {
        let market = SimMarket::new(1, monday(), &catalog(11), Some(rate));
        for at in [8, 21] {
            let from = NewYork::next(monday(), at);
            let all = ticks(&market, from, from + Span::from_minutes(10));
            let got = all.len() as f64 / 600.0;
            assert!(expected.contains(&got), "asked for {rate}, got {got}");
        }
    }
    let natural = SimMarket::new(1, monday(), &catalog(11), None);
    for nonsense in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let market = SimMarket::new(1, monday(), &catalog(11), Some(nonsense));
        assert!(
            market
                .ticks_from(monday())
                .take(100)
                .eq(natural.ticks_from(monday()).take(100))
        );
    }
}

#[test]
fn futures_go_with_their_index() {
    let catalog = catalog(11);
    let market = SimMarket::new(1, monday(), &catalog, None);
    let follows = |future: &str, index: &str, basis: f64| {
        let id = |name| catalog.find(name).unwrap();
        let mut last = [None, None];
        for tick in ticks(&market, monday(), monday() + Span::from_hours(3)) {
            for (place, name) in [future, index].into_iter().enumerate() {
                if tick.instrument == id(name) {
                    last[place] = Some((tick.time, tick.mid().to_f64()));
                }
            }
            // A future's tick comes some milliseconds after its index's.
            if let [Some((at, price)), Some((led, index))] = last
                && at > led
                && at < led + Span::from_millis(20)
            {
                assert!((price - index - basis).abs() < 0.8, "{at}: {price} {index}");
            }
        }
    };
    follows("NQ", "NAS100", 38.25);
    follows("MNQ", "NAS100", 38.25);
    follows("ES", "SPX500", 9.75);
    follows("MES", "SPX500", 9.75);
}

#[test]
fn over_years_prices_wander_but_stay_in_their_range() {
    let catalog = catalog(7);
    let bases = [1.085, 1.27, 150.0, 2650.0, 43_000.0, 20_500.0, 5_900.0];
    for seed in 0..4 {
        let market = SimMarket::new(seed, monday(), &catalog, None);
        let (mut low, mut high) = (bases, bases);
        for week in 0..104 {
            let at = monday() + Span::from_hours(24 * 7 * week);
            for tick in market.ticks_from(at).take(60) {
                let place = tick.instrument.index();
                low[place] = tick.bid.to_f64().min(low[place]);
                high[place] = tick.bid.to_f64().max(high[place]);
            }
        }
        for (place, base) in bases.iter().enumerate() {
            let (low, high) = (low[place] / base, high[place] / base);
            assert!(low > 0.75 && high < 1.25, "{place}: {low} to {high}");
            assert!(high - low > 0.02, "{place}: {low} to {high}");
        }
    }
}

#[test]
fn seed_anchor_and_name_make_the_market_and_the_catalogs_order_does_not() {
    let first = |seed, anchor: SourceTime| {
        let market = SimMarket::new(seed, anchor, &catalog(11), None);
        market.ticks_from(monday()).take(50).collect::<Vec<Tick>>()
    };
    let later = monday() + Span::from_hours(1);
    assert_eq!(first(1, monday()), first(1, monday()));
    assert_ne!(first(1, monday()), first(2, monday()));
    assert_ne!(first(1, monday()), first(1, later));

    // Prices-only instruments at the front move all places.
    let (usual, mut turned) = (catalog(11), catalog(11));
    turned.instruments.rotate_right(4);
    let of = |catalog: &Catalog, name: &str| {
        let market = SimMarket::new(1, monday(), catalog, None);
        let id = catalog.find(name).unwrap();
        let mine = market
            .ticks_from(monday())
            .filter(|tick| tick.instrument == id);
        mine.map(|tick| (tick.time, tick.bid, tick.ask))
            .take(500)
            .collect::<Vec<_>>()
    };
    for name in ["EURUSD", "SPX500", "MES"] {
        assert_eq!(of(&usual, name), of(&turned, name), "{name}");
    }
}

#[test]
fn strange_catalogs_and_anchors_are_served_too() {
    let none = SimMarket::new(1, monday(), &Catalog::default(), None);
    assert_eq!(none.ticks_from(monday()).next(), None);
    assert_eq!(none.ticks_from(monday()).next_time(), None);

    let mut strange = catalog(1);
    strange.instruments[0].tick_size = Price::ZERO;
    strange.instruments[0].spread_default = Price::ZERO;
    let mut unknown = catalog(2);
    unknown.instruments[0].symbol = market::Symbol::new("OATS").unwrap();
    unknown.instruments[1].signals = false;
    for catalog in [strange, unknown] {
        for anchor in [
            SourceTime::MIN,
            SourceTime::from_secs(-5),
            monday(),
            SourceTime::MAX,
        ] {
            let market = SimMarket::new(u64::MAX, anchor, &catalog, None);
            for from in [SourceTime::MIN, anchor] {
                let got: Vec<Tick> = market.ticks_from(from).take(20_000).collect();
                assert_eq!(got.len(), 20_000);
                assert!(
                    got.iter()
                        .all(|tick| tick.bid.is_positive() && tick.bid < tick.ask)
                );
            }
        }
    }
}

/// What the next tick's time is for: a feed sleeps until it.
#[test]
fn the_next_time_is_that_of_the_next_tick() {
    let market = SimMarket::new(1, monday(), &catalog(11), None);
    let mut ticks = market.ticks_from(monday());
    for _ in 0..1000 {
        let told = ticks.next_time();
        assert_eq!(told, ticks.next().map(|tick| tick.time));
    }
}

/// The day before the anchor: about one and a half million ticks, the same ones in every build on every machine. A change of this
/// number is a change of every simulated market that anyone has running: it needs a reason.
#[test]
fn golden_day() {
    let market = SimMarket::new(1, monday(), &catalog(11), None);
    let (mut digest, mut count) = (0xCBF2_9CE4_8422_2325_u64, 0);
    for tick in ticks(&market, market.begin(), monday()) {
        let Tick { bid, ask, time, .. } = tick;
        let id = u64::from(tick.instrument.0);
        for word in [
            id,
            bid.units() as u64,
            ask.units() as u64,
            time.millis() as u64,
        ] {
            digest = (digest ^ word).wrapping_mul(0x0100_0000_01B3);
        }
        count += 1;
    }
    assert_eq!(
        (count, digest),
        (1_607_916, 3_285_240_392_533_894_005),
        "ticks and their digest"
    );
}

#[test]
fn anchors_of_the_tests_come_at_all_hours() {
    let mut hours: Vec<i32> = (0..100)
        .map(|seed| NewYork::at(anchor_of(seed)).second / 3600)
        .collect();
    hours.sort_unstable();
    hours.dedup();
    assert_eq!(hours.len(), 24);
}
