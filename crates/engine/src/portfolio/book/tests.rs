//! A portfolio told by its steps, with the numbers worked out beside them. Every signal risks 1 % of the equity, unless a
//! test says otherwise.

use super::*;
use crate::portfolio::Release;
use market::{
    Bar, Calendar, Currency, Evidence, Killzone, Ohlc, PriceKind, Probability, Ratio, SourceId,
    Target, Timeframe,
};

/// 12:00 in New York, on a Monday.
const NOON: &str = "2026-07-06T16:00:00Z";

struct Scene {
    book: Book,
    limits: Limits,
    news: News,
    at: Time,
    next: u128,
    risk_percent: f64,
    spreads: (i64, Option<i64>),
}

/// A scene under these limits and no others.
fn scene(change: impl FnOnce(&mut Limits)) -> Scene {
    let mut limits = Limits {
        max_live_signals: 0,
        max_open_risk_percent: 0.0,
        max_cluster_risk_percent: 0.0,
        daily_loss_percent: 0.0,
        max_drawdown_percent: 0.0,
        max_consecutive_losses: 0,
        max_spread_mult: 0.0,
        ..Limits::default()
    };
    change(&mut limits);
    let at = Time::parse(NOON).unwrap();
    let mut book = Book::default();
    book.pass(at, &limits);
    Scene {
        book,
        limits,
        news: News::default(),
        at,
        next: 1,
        risk_percent: 1.0,
        spreads: (1, None),
    }
}

impl Scene {
    /// What speaks against one more: the limit, the value and the limit's value.
    fn ask(&mut self, symbol: &str, direction: Direction) -> Option<(Gate, f64, f64)> {
        self.book.pass(self.at, &self.limits);
        let instrument = instrument(symbol);
        let units = |units: i64| Price::from_units(units);
        let candidate = Candidate {
            instrument: &instrument,
            direction,
            at: self.at,
            time: self.at.as_source(),
            spread: units(self.spreads.0),
            usual_spread: self.spreads.1.map(units),
            risk: self.book.risk(self.risk_percent),
        };
        let found = self.book.check(&candidate, &self.limits, &self.news);
        found.map(|(gate, said)| {
            assert_eq!(said.name, gate.as_str());
            (gate, said.value.to_f64(), said.limit.to_f64())
        })
    }

    fn passes(&mut self, symbol: &str) -> bool {
        self.ask(symbol, Direction::Long).is_none()
    }

    /// One more is traded, with half of it closed at its first target.
    fn born(&mut self, symbol: &str, direction: Direction) -> Signal {
        let signal = signal(self.next, symbol, direction);
        self.next += 1;
        let risk = self.book.risk(self.risk_percent);
        self.book.born(&signal, risk);
        signal
    }

    fn step(&mut self, signal: &Signal, kind: OutcomeKind, r: f64) {
        self.book
            .follow(&outcome(self.at, signal, kind, r, None), &self.limits);
    }

    /// It ends with this result, in multiples of its risk.
    fn end(&mut self, signal: &Signal, realised: f64) {
        let last = outcome(self.at, signal, OutcomeKind::Stop, -1.0, Some(realised));
        self.book.follow(&last, &self.limits);
    }

    /// One is traded and ends with this result.
    fn result(&mut self, symbol: &str, realised: f64) {
        let signal = self.born(symbol, Direction::Long);
        self.end(&signal, realised);
    }

    fn hours_pass(&mut self, hours: i64) {
        self.at = self.at + Span::from_hours(hours);
        self.book.pass(self.at, &self.limits);
    }

    fn resume(&mut self, at: Time) {
        self.limits.resumed_at = Some(at);
        self.book.adopt(self.at, &self.limits);
    }

    fn standing(&self) -> Standing {
        self.book.standing(&self.limits)
    }

    fn state(&self) -> RiskState {
        self.standing().state
    }
}

fn instrument(name: &str) -> Instrument {
    Instrument {
        symbol: Symbol::new(name).unwrap(),
        digits: 5,
        tick_size: Price::from_units(10_000),
        pip_size: Price::from_units(100_000),
        kind: PriceKind::Cfd,
        calendar: Calendar::Fx,
        spread_default: Price::ZERO,
        source: SourceId(0),
        signals: true,
        prices: true,
        contract: None,
        slippage_pips: None,
    }
}

fn signal(id: u128, symbol: &str, direction: Direction) -> Signal {
    let price = |text| Price::parse(text).unwrap();
    let target = |text| Target {
        price: price(text),
        percent: 50,
        runner: false,
    };
    Signal {
        id: Uuid::from_u128(id),
        status: Status::Pending,
        direction,
        symbol: Symbol::new(symbol).unwrap(),
        digits: 5,
        entry_time: SourceTime::MIN,
        entry: price("1.1"),
        stop: price("1.0"),
        targets: vec![target("1.2"), target("1.3")],
        reason: String::new(),
        confidence: Probability::new(0.5),
        rr_target: Ratio::default(),
        killzone: Killzone::Pm,
        setup: String::new(),
        timeframe: Timeframe::M5,
        simulated: false,
        created_at: Time::MIN,
        decide_by: Time::MAX,
        decided_at: None,
        cause: None,
        evidence: Evidence::default(),
    }
}

fn outcome(at: Time, signal: &Signal, kind: OutcomeKind, r: f64, realised: Option<f64>) -> Outcome {
    Outcome {
        id: signal.id,
        symbol: signal.symbol,
        digits: 5,
        kind,
        price: Price::ZERO,
        r: Ratio::new(r).unwrap(),
        at,
        last: realised.is_some(),
        realised: realised.and_then(Ratio::new),
        end: None,
    }
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} and {expected}");
}

#[test]
fn as_many_signals_as_may_live() {
    let mut scene = scene(|limits| limits.max_live_signals = 2);
    let first = scene.born("EURUSD", Direction::Long);
    assert!(scene.passes("EURUSD"));
    scene.born("XAUUSD", Direction::Short);
    let full = Some((Gate::LiveSignals, 3.0, 2.0));
    assert_eq!(scene.ask("US30", Direction::Short), full);
    // A signal that is not confirmed is not traded: it makes room, and changes no equity.
    let verdict = Signal {
        status: Status::Invalidated,
        ..first
    };
    scene.book.decided(&verdict);
    assert!(scene.passes("US30"));
    near(scene.standing().equity, 1.0);
}

#[test]
fn the_open_risk_is_what_the_stops_would_cost_now() {
    let mut scene = scene(|limits| limits.max_open_risk_percent = 2.0);
    let first = scene.born("EURUSD", Direction::Long);
    assert!(scene.passes("XAUUSD"), "1 % and 1 % are 2 %");
    scene.born("XAUUSD", Direction::Long);
    let full = Some((Gate::OpenRisk, 3.0, 2.0));
    assert_eq!(scene.ask("US30", Direction::Long), full);
    // Half of the first is closed at its target: 0.5 + 1 + 1.
    scene.step(&first, OutcomeKind::Target(1), 1.0);
    let less = Some((Gate::OpenRisk, 2.5, 2.0));
    assert_eq!(scene.ask("US30", Direction::Long), less);
    // The rest is stopped half way to the entry: 0.25, and then beyond it: 0.
    scene.step(&first, OutcomeKind::StopMoved, -0.5);
    near(scene.standing().open_risk_percent, 1.25);
    scene.step(&first, OutcomeKind::StopMoved, 0.1);
    near(scene.standing().open_risk_percent, 1.0);
    assert!(scene.passes("US30"));
    // It was bought 0.3 R beyond its entry, so that at its stop 0.2 R of its half are lost.
    scene.book.filled(&first, Price::parse("1.13").unwrap());
    near(scene.standing().open_risk_percent, 1.1);
}

#[test]
fn a_limit_that_is_lifted_or_changed_holds_from_then_on() {
    let mut scene = scene(|limits| limits.max_drawdown_percent = 2.0);
    scene.result("EURUSD", -2.5);
    assert_eq!(scene.state(), RiskState::Halted);
    let mut set = |limit: f64| {
        scene.limits.max_drawdown_percent = limit;
        scene.book.adopt(scene.at, &scene.limits);
        (scene.state(), scene.passes("US30"))
    };
    assert_eq!(set(0.0), (RiskState::Active, true));
    assert_eq!(set(2.0), (RiskState::Halted, false));
    let mut scene = self::scene(|limits| limits.max_drawdown_percent = 9.0);
    scene.result("EURUSD", -2.5);
    let mut set = |limit: f64| {
        scene.limits.max_drawdown_percent = limit;
        scene.book.adopt(scene.at, &scene.limits);
        scene.state()
    };
    assert_eq!(set(4.0), RiskState::Reducing);
    assert_eq!(set(9.0), RiskState::Active);
    assert_eq!(set(2.0), RiskState::Halted);
    let mut scene = self::scene(|limits| limits.max_consecutive_losses = 1);
    scene.result("EURUSD", -1.0);
    assert!(!scene.passes("EURUSD"));
    scene.limits.max_consecutive_losses = 2;
    assert!(scene.passes("EURUSD"));
}

#[test]
fn risks_count_together_as_far_as_their_symbols_move_together() {
    let mut scene = scene(|limits| limits.max_cluster_risk_percent = 1.7);
    let told = |scene: &mut Scene, symbol, direction| {
        let found = scene.ask(symbol, direction);
        found.map(|(gate, value, _)| (gate, (value * 1000.0).round() / 1000.0))
    };
    scene.born("EURUSD", Direction::Long);
    // Of a group: sqrt(1 + 1 + 2 * 0.5). Against each other: sqrt(1 + 1 - 2 * 0.5). Strangers: sqrt(1 + 1).
    let together = Some((Gate::ClusterRisk, 1.732));
    assert_eq!(told(&mut scene, "GBPUSD", Direction::Long), together);
    assert_eq!(told(&mut scene, "GBPUSD", Direction::Short), None);
    assert_eq!(told(&mut scene, "XAUUSD", Direction::Long), None);
    // One symbol's are summed before.
    let twice = Some((Gate::ClusterRisk, 2.0));
    assert_eq!(told(&mut scene, "EURUSD", Direction::Long), twice);
    assert_eq!(told(&mut scene, "EURUSD", Direction::Short), None);
    // Three strangers: sqrt(3), too.
    scene.born("XAUUSD", Direction::Long);
    assert_eq!(told(&mut scene, "US30", Direction::Short), together);
    // What is known of two symbols counts: these move against each other, so two longs are less than one.
    for hour in 0..60 {
        let at = |close: f64| hourly(hour, close);
        let turn = 0.01 * (hour % 2) as f64;
        let limits = scene.limits.clone();
        let known = &mut scene.book.correlations;
        known.close(symbol("XAUUSD"), &at(1.0 + turn), &limits);
        known.close(symbol("US30"), &at(1.0 - turn), &limits);
    }
    assert_eq!(told(&mut scene, "US30", Direction::Long), None);
    let against = Some((Gate::ClusterRisk, 2.236));
    assert_eq!(told(&mut scene, "US30", Direction::Short), against);
}

fn symbol(name: &str) -> Symbol {
    Symbol::new(name).unwrap()
}

fn hourly(hour: i64, close: f64) -> Bar {
    let open_time = SourceTime::from_secs(hour * 3600);
    let price = Price::from_f64(close).unwrap();
    Bar {
        open_time,
        end_time: open_time + Span::from_hours(1),
        price: Ohlc {
            open: price,
            high: price,
            low: price,
            close: price,
        },
        ticks: 1,
        holed: false,
    }
}

#[test]
fn a_day_that_has_lost_enough_is_over() {
    let mut scene = scene(|limits| limits.daily_loss_percent = 2.0);
    scene.result("EURUSD", -0.5);
    assert_eq!(scene.state(), RiskState::Active);
    // 0.5 % and 0.995 * 0.5 %: near one percent, and not yet.
    scene.result("EURUSD", -0.5);
    near(scene.standing().day_loss_percent, 0.9975);
    scene.result("XAUUSD", -0.1);
    assert_eq!(scene.state(), RiskState::Reducing);
    // From now on half as much: 0.5 % of 0.99.
    near(scene.book.part(1.0), 0.5);
    // A gain that day does not end it.
    scene.result("XAUUSD", 1.0);
    assert_eq!(scene.state(), RiskState::Reducing);
    scene.result("XAUUSD", -3.0);
    near(
        scene.standing().equity,
        0.995 * 0.995 * 0.999 * 1.005 * 0.985,
    );
    assert_eq!(scene.state(), RiskState::Halted);
    let (gate, value, limit) = scene.ask("US30", Direction::Long).expect("a limit");
    assert_eq!((gate, limit), (Gate::DailyLoss, 2.0));
    assert!((2.0..2.2).contains(&value), "{value}");
    // The day ends at 17:00.
    scene.hours_pass(4);
    assert!(!scene.passes("US30"));
    scene.hours_pass(1);
    assert!(scene.passes("US30"));
    assert_eq!(scene.state(), RiskState::Active);
    near(scene.standing().day_loss_percent, 0.0);
    near(scene.book.part(1.0), 1.0);
}

#[test]
fn too_much_lost_from_the_peak_halts_until_a_person_resumes() {
    let mut scene = scene(|limits| limits.max_drawdown_percent = 6.0);
    scene.result("EURUSD", 10.0);
    scene.result("EURUSD", -3.0);
    near(scene.standing().drawdown_percent, 3.0);
    assert_eq!(scene.state(), RiskState::Reducing);
    // The next day it still is what it is.
    scene.hours_pass(24);
    assert_eq!(scene.state(), RiskState::Reducing);
    scene.result("EURUSD", -6.5);
    assert_eq!(scene.state(), RiskState::Halted);
    // No day, and no gain of what is still traded, ends it.
    let running = scene.born("XAUUSD", Direction::Long);
    scene.hours_pass(48);
    scene.end(&running, 8.0);
    let (gate, value, limit) = scene.ask("US30", Direction::Long).expect("a limit");
    assert_eq!((gate, limit), (Gate::Drawdown, 6.0));
    assert!((2.0..3.0).contains(&value), "{value}");
    // Who resumed before the halt, or will, has not resumed.
    let now = scene.at;
    for resumed in [now - Span::from_hours(100), now + Span::from_hours(1)] {
        scene.resume(resumed);
        assert!(!scene.passes("US30"));
    }
    // Who will resume in an hour has done so then.
    scene.hours_pass(1);
    assert!(scene.passes("US30"));
    assert_eq!(scene.state(), RiskState::Active);
    // The highest equity counts anew.
    near(scene.standing().drawdown_percent, 0.0);
    scene.result("EURUSD", -3.0);
    near(scene.standing().drawdown_percent, 3.0);
}

#[test]
fn a_symbol_that_loses_in_a_row_rests() {
    let mut scene = scene(|limits| limits.max_consecutive_losses = 3);
    for _ in 0..2 {
        scene.result("EURUSD", -1.0);
    }
    // Neither loss nor gain: the row goes on.
    scene.result("EURUSD", 0.0);
    scene.result("XAUUSD", -1.0);
    assert!(scene.passes("EURUSD"));
    scene.result("EURUSD", -0.2);
    let rests = Some((Gate::Losses, 3.0, 3.0));
    assert_eq!(scene.ask("EURUSD", Direction::Short), rests);
    assert!(scene.passes("XAUUSD"));
    scene.hours_pass(3);
    assert!(!scene.passes("EURUSD"));
    scene.hours_pass(1);
    assert!(scene.passes("EURUSD"));
    // The next loss is the fourth, over a change of the day too; a gain ends the row.
    scene.hours_pass(24);
    scene.result("EURUSD", -1.0);
    let rests = Some((Gate::Losses, 4.0, 3.0));
    assert_eq!(scene.ask("EURUSD", Direction::Short), rests);
    scene.result("EURUSD", 1.0);
    assert!(scene.passes("EURUSD"));
}

#[test]
fn a_spread_that_is_much_wider_than_usual() {
    let mut scene = scene(|limits| limits.max_spread_mult = 3.0);
    scene.spreads = (31, None);
    assert!(scene.passes("EURUSD"), "nobody knows what is usual");
    scene.spreads = (31, Some(10));
    let wide = Some((Gate::Spread, 3.1, 3.0));
    assert_eq!(scene.ask("EURUSD", Direction::Long), wide);
    scene.spreads = (30, Some(10));
    assert!(scene.passes("EURUSD"));
    scene.spreads = (30, Some(0));
    assert!(scene.passes("EURUSD"), "a market without a spread");
}

#[test]
fn around_a_release_nothing_is_new() {
    let mut scene = scene(|_| ());
    scene.news = News {
        block_min: 5,
        releases: vec![Release {
            time: scene.at.as_source() + Span::from_minutes(2),
            currency: Some(Currency::USD),
            title: "Nonfarm payrolls".to_owned(),
        }],
    };
    let near = Some((Gate::News, 2.0, 5.0));
    assert_eq!(scene.ask("EURUSD", Direction::Long), near);
    assert!(scene.passes("EURGBP"));
}

#[test]
fn the_first_limit_of_several_is_told() {
    let mut scene = scene(|limits| {
        limits.max_live_signals = 1;
        limits.max_open_risk_percent = 0.5;
        limits.max_drawdown_percent = 1.0;
    });
    let told = |scene: &mut Scene| scene.ask("EURUSD", Direction::Long).map(|found| found.0);
    assert_eq!(told(&mut scene), Some(Gate::OpenRisk));
    scene.born("EURUSD", Direction::Long);
    assert_eq!(told(&mut scene), Some(Gate::LiveSignals));
    scene.result("EURUSD", -1.0);
    assert_eq!(told(&mut scene), Some(Gate::Drawdown));
}

#[test]
fn another_equity_begins_at_one_and_keeps_what_was_lost() {
    let mut scene = scene(|limits| limits.max_drawdown_percent = 6.0);
    scene.result("EURUSD", -2.0);
    scene.born("XAUUSD", Direction::Long);
    let before = scene.standing();
    scene.book.rebase();
    let after = scene.standing();
    near(after.equity, 1.0);
    near(after.drawdown_percent, before.drawdown_percent);
    near(after.day_loss_percent, before.day_loss_percent);
    near(after.open_risk_percent, before.open_risk_percent);
}

#[test]
fn what_a_limit_spoke_against_is_neither_held_nor_counted() {
    let mut scene = scene(|limits| limits.max_live_signals = 1);
    let stranger = signal(99, "EURUSD", Direction::Long);
    scene.step(&stranger, OutcomeKind::Target(1), 1.0);
    scene.end(&stranger, -5.0);
    near(scene.standing().equity, 1.0);
    assert!(scene.passes("EURUSD"));
}
