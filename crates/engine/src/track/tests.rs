use super::*;
use market::{Cause, Direction, Ended, Evidence, Measure, Price, SourceTime, Span, Uuid};

/// Told in the order of a journal: born, confirmed, and how it ends.
#[derive(Default)]
struct Book {
    record: TrackRecord,
    next: u128,
}

impl Book {
    fn confirmed(&mut self, setup: &str, confidence: f64, odds: Option<f64>) -> Signal {
        self.next += 1;
        let mut signal = signal(self.next, setup, confidence);
        self.record.signal(&signal);
        signal.status = Status::Confirmed;
        signal.evidence.odds = odds.map(Probability::new);
        self.record.signal(&signal);
        signal
    }

    fn step(&mut self, signal: &Signal, kind: OutcomeKind, realised: Option<f64>) {
        self.record.outcome(&outcome(signal, kind, realised));
    }

    /// One of even odds that hits or does not.
    fn ended(&mut self, confidence: f64, hit: bool) {
        let signal = self.confirmed("bos_retest", confidence, Some(0.5));
        if hit {
            self.step(&signal, OutcomeKind::Target(1), None);
        }
        let result = if hit { 1.0 } else { -1.0 };
        self.step(&signal, OutcomeKind::Stop, Some(result));
    }

    fn all(&self) -> Figures {
        self.record.all().unwrap()
    }
}

fn signal(id: u128, setup: &str, confidence: f64) -> Signal {
    Signal {
        id: Uuid::from_u128(id),
        status: Status::Pending,
        direction: Direction::Long,
        symbol: Symbol::new("EURUSD").unwrap(),
        digits: 5,
        entry_time: SourceTime::MIN,
        entry: Price::ZERO,
        stop: Price::ZERO,
        targets: Vec::new(),
        reason: String::new(),
        confidence: Probability::new(confidence),
        rr_target: Ratio::default(),
        killzone: Killzone::London,
        setup: setup.to_owned(),
        timeframe: Timeframe::M5,
        simulated: false,
        created_at: Time::MIN,
        decide_by: Time::MAX,
        decided_at: None,
        cause: None,
        evidence: Evidence {
            source: "oanda".to_owned(),
            ..Evidence::default()
        },
    }
}

fn outcome(signal: &Signal, kind: OutcomeKind, realised: Option<f64>) -> Outcome {
    Outcome {
        id: signal.id,
        symbol: signal.symbol,
        digits: 5,
        kind,
        price: Price::ZERO,
        r: Ratio::default(),
        at: Time::MIN,
        last: realised.is_some(),
        realised: realised.and_then(Ratio::new),
        end: None,
    }
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
}

#[test]
fn a_first_target_before_the_stop_is_a_hit_whatever_comes_then() {
    let mut book = Book::default();
    let moved = book.confirmed("bos_retest", 0.6, Some(0.55));
    book.step(&moved, OutcomeKind::Target(1), None);
    book.step(&moved, OutcomeKind::StopMoved, None);
    assert_eq!((book.record.all(), book.record.running()), (None, 1));
    book.step(&moved, OutcomeKind::Stop, Some(0.3));
    for kind in [OutcomeKind::Stop, OutcomeKind::Timeout] {
        let lost = book.confirmed("bos_retest", 0.6, Some(0.55));
        book.step(&lost, kind, Some(-1.0));
    }
    let all = book.all();
    assert_eq!((all.n, all.hits, book.record.running()), (3, 1, 0));
    near(all.sum_r, -1.7);
    near(all.edge.unwrap(), 1.0 / 3.0 - 0.55);
    // Told again, or of somebody else: nothing.
    book.step(&moved, OutcomeKind::Stop, Some(0.3));
    assert_eq!(book.all(), all);
}

#[test]
fn what_nobody_followed_is_counted_apart() {
    let mut book = Book::default();
    let lost = book.confirmed("bos_retest", 0.6, None);
    book.step(&lost, OutcomeKind::Closed, Some(0.0));
    let known = book.confirmed("bos_retest", 0.6, None);
    book.step(&known, OutcomeKind::Target(1), None);
    book.step(&known, OutcomeKind::Closed, Some(0.4));
    let mut dead = signal(99, "bos_retest", 0.5);
    book.record.signal(&dead);
    dead.status = Status::Invalidated;
    book.record.signal(&dead);
    let counts = book.record.counts;
    assert_eq!((counts.born, counts.confirmed), (3, 2));
    assert_eq!((counts.invalidated, counts.unfollowed), (1, 1));
    let all = book.all();
    assert_eq!((all.n, all.hits, all.with_odds), (1, 1, 0));
    assert_eq!((all.odds, all.edge, all.skill), (None, None, None));
}

#[test]
fn scores_are_their_definitions() {
    let mut book = Book::default();
    // Ten of each confidence; 2, 5 and 9 of them hit.
    for (confidence, hits) in [(0.2, 2), (0.6, 5), (0.9, 9)] {
        (0..10).for_each(|place| book.ended(confidence, place < hits));
    }
    let all = book.all();
    assert_eq!((all.n, all.hits), (30, 16));
    // sum over groups of h (1 - p)^2 + (n - h) p^2.
    let brier = (2.0 * 0.64 + 8.0 * 0.04 + 5.0 * 0.16 + 5.0 * 0.36 + 9.0 * 0.01 + 0.81) / 30.0;
    near(all.brier, brier);
    let rate = 16.0 / 30.0;
    near(all.skill.unwrap(), 1.0 - brier / (rate * (1.0 - rate)));
    let logs = 2.0 * 0.2_f64.ln()
        + 8.0 * 0.8_f64.ln()
        + 5.0 * 0.6_f64.ln()
        + 5.0 * 0.4_f64.ln()
        + 9.0 * 0.9_f64.ln()
        + 0.1_f64.ln();
    near(all.log_loss, -logs / 30.0);
    near(all.confidence, (0.2 + 0.6 + 0.9) / 3.0);
    near(all.edge.unwrap(), rate - 0.5);
    near(all.sum_r, 2.0);
    assert_eq!(all.interval, crate::confidence::wilson(16, 30).unwrap());
    // Ten bins of three; hits of one confidence come first.
    assert_eq!(all.bins.len(), 10);
    assert!(all.bins.iter().all(|bin| bin.n == 3));
    let hits: Vec<u32> = all.bins.iter().map(|bin| bin.hits).collect();
    assert_eq!(hits, [2, 0, 0, 2, 3, 0, 1, 3, 3, 2]);
    let told = |place: usize| all.bins[place].confidence;
    near(told(0), 0.2);
    near(told(3), (0.2 + 0.6 + 0.6) / 3.0);
    let gaps: f64 = all
        .bins
        .iter()
        .map(|bin| (bin.confidence - bin.rate()).abs())
        .sum();
    near(all.calibration_error, gaps / 10.0);
}

#[test]
fn a_constant_is_calibrated_and_has_no_skill() {
    let mut book = Book::default();
    (0..1000).for_each(|place| book.ended(0.6, place % 5 < 3));
    let all = book.all();
    near(all.calibration_error, 0.0);
    near(all.skill.unwrap(), 0.0);
}

#[test]
fn what_was_posted_is_apart() {
    let mut book = Book::default();
    let posted = book.confirmed("bot", 0.9, Some(0.5));
    book.step(&posted, OutcomeKind::Stop, Some(-1.0));
    assert_eq!(book.record.all(), None);
    assert!(book.record.by(By::Symbol).is_empty());
    assert_eq!(book.record.posted().map(|figures| figures.n), Some(1));
}

#[test]
fn groups_are_those_of_their_names() {
    let mut book = Book::default();
    for (setup, count) in [("bos_retest", 3), ("liquidity_sweep", 2)] {
        for _ in 0..count {
            let signal = book.confirmed(setup, 0.5, None);
            book.step(&signal, OutcomeKind::Stop, Some(-1.0));
        }
    }
    let counts = |by| -> Vec<(String, u32)> {
        let groups = book.record.by(by).into_iter();
        groups.map(|(name, figures)| (name, figures.n)).collect()
    };
    let named = |name: &str, n| (name.to_owned(), n);
    assert_eq!(
        counts(By::Setup),
        [named("bos_retest", 3), named("liquidity_sweep", 2)]
    );
    assert_eq!(counts(By::Symbol), [named("EURUSD", 5)]);
    assert_eq!(counts(By::Killzone), [named("london", 5)]);
    assert_eq!(counts(By::Source), [named("oanda", 5)]);
}

#[test]
fn the_odds_of_chance_are_the_distances_to_both_ends() {
    let odds = |direction, stop: i64, first: i64, exit: i64| {
        let mut one = signal(1, "bos_retest", 0.5);
        (one.direction, one.stop) = (direction, Price::from_units(stop));
        one.targets.push(market::Target {
            price: Price::from_units(first),
            percent: 100,
            runner: false,
        });
        crate::confidence::barrier_odds(&one, Price::from_units(exit)).map(Probability::to_f64)
    };
    let (long, short) = (Direction::Long, Direction::Short);
    assert_eq!(odds(long, 90, 110, 95), Some(0.25));
    assert_eq!(odds(short, 110, 90, 95), Some(0.75));
    assert_eq!(odds(long, 90, 110, 120), Some(1.0));
    assert_eq!(odds(short, 110, 90, 120), Some(0.0));
    assert_eq!(odds(long, 90, 90, 95), None);
    assert_eq!(
        crate::confidence::barrier_odds(&signal(1, "bos_retest", 0.5), Price::ZERO),
        None
    );
}

fn ended(bars: Option<Timeframe>, coarse: bool) -> Ended {
    Ended {
        hit: false,
        fill: Price::ZERO,
        spread: Price::ZERO,
        best: Measure::new(0.5),
        worst: Measure::new(-1.25),
        cost: Some(Measure::new(0.05)),
        held: Span::from_secs(60),
        ambiguous: bars.is_some(),
        bars,
        coarse,
    }
}

impl Book {
    fn ended_with(&mut self, setup: &str, realised: f64, end: Ended) {
        let signal = self.confirmed(setup, 0.5, None);
        let mut last = outcome(&signal, OutcomeKind::Stop, Some(realised));
        last.end = Some(end);
        self.record.outcome(&last);
    }

    fn invalidated(&mut self, setup: &str, cause: Cause) -> Signal {
        self.next += 1;
        let mut signal = signal(self.next, setup, 0.5);
        self.record.signal(&signal);
        (signal.status, signal.cause) = (Status::Invalidated, Some(cause));
        self.record.signal(&signal);
        signal
    }

    fn shadow(&mut self, signal: &Signal, kind: OutcomeKind, change: impl Fn(&mut Shadow)) {
        let mut shadow = Shadow {
            id: signal.id,
            cause: signal.cause.unwrap(),
            at: Time::MIN,
            kind,
            odds: None,
            bars: None,
            coarse: false,
            realised: None,
            end: None,
        };
        change(&mut shadow);
        self.record.shadow(&shadow);
    }
}

#[test]
fn results_of_bars_are_never_mixed_with_those_of_ticks() {
    let mut book = Book::default();
    book.ended(0.5, true);
    book.ended_with("bos_retest", -1.0, ended(None, false));
    book.ended_with("bos_retest", -1.0, ended(Some(Timeframe::M1), false));
    book.ended_with("bos_retest", -1.0, ended(Some(Timeframe::H1), true));
    book.ended_with("bot", -1.0, ended(Some(Timeframe::H1), true));
    assert_eq!((book.all().n, book.all().ambiguous), (2, 0));
    assert_eq!(book.record.by(By::Setup)["bos_retest"].n, 2);
    assert_eq!(book.record.posted(), None);
    let everything = book.record.everything().unwrap();
    assert_eq!((everything.n, everything.ambiguous), (5, 3));
    let by_bars = book.record.by_bars().into_iter();
    let by_bars: Vec<_> = by_bars
        .map(|(judge, figures)| (judge.to_string(), figures.n, figures.ambiguous))
        .collect();
    let named = |name: &str, n| (name.to_owned(), n, n);
    let unconfirmed = named("1h bars, unconfirmed", 2);
    assert_eq!(by_bars, [named("1m bars", 1), unconfirmed]);
}

#[test]
fn costs_are_taken_of_those_whose_cost_is_known() {
    let mut book = Book::default();
    let mut end = ended(None, false);
    for (realised, best) in [(1.0, 1.5), (-1.0, 0.25), (2.0, 2.5), (-1.0, 0.0)] {
        end.best = Measure::new(best);
        book.ended_with("bos_retest", realised, end);
    }
    end.cost = None;
    book.ended_with("bos_retest", 0.5, end);
    // An older version told only the result.
    let old = book.confirmed("bos_retest", 0.5, None);
    book.step(&old, OutcomeKind::Stop, Some(0.75));
    let all = book.all();
    near(all.sum_r, 2.25);
    near(all.median_r.unwrap(), 0.625);
    assert_eq!(all.with_cost, 4);
    near(all.sum_net, 1.0 - 4.0 * 0.05);
    near(all.mean_net.unwrap(), 0.2);
    let best = all.best.unwrap();
    // As `statistics.mean` and `median` of Python have it.
    near(best.mean, 0.85);
    near(best.median, 0.25);
    near(all.worst.unwrap().median, -1.25);
}

#[test]
fn what_was_not_confirmed_is_told_by_cause_and_nowhere_else() {
    let mut book = Book::default();
    book.ended(0.5, true);
    let stopped = book.invalidated("bos_retest", Cause::Stop);
    book.shadow(&stopped, OutcomeKind::Stop, |_| {});
    let missed = book.invalidated("bos_retest", Cause::Missed);
    book.shadow(&missed, OutcomeKind::Target(1), |_| {});
    for (hit, realised) in [(true, 0.25), (false, -1.0), (false, -0.5)] {
        let late = book.invalidated("smt", Cause::Timeout);
        let walked = |shadow: &mut Shadow| {
            shadow.odds = Some(Probability::new(0.5));
            shadow.realised = Ratio::new(realised);
            shadow.end = Some(Ended {
                hit,
                ..ended(None, false)
            });
        };
        book.shadow(&late, OutcomeKind::Stop, walked);
        // Told again it is nothing new.
        book.shadow(&late, OutcomeKind::Stop, walked);
    }
    // Of bars, of somebody else, and of what nobody followed.
    let coarse = book.invalidated("smt", Cause::Stop);
    book.shadow(&coarse, OutcomeKind::Stop, |shadow| {
        (shadow.bars, shadow.coarse) = (Some(Timeframe::H1), true);
    });
    let posted = book.invalidated("bot", Cause::Stop);
    book.shadow(&posted, OutcomeKind::Stop, |_| {});
    let lost = book.invalidated("smt", Cause::Timeout);
    book.shadow(&lost, OutcomeKind::Closed, |shadow| {
        shadow.end = Some(ended(None, false));
    });

    let would_have = book.record.would_have();
    let counts = |judge| -> Vec<_> {
        let causes = would_have[&judge].iter();
        causes
            .map(|(cause, group)| (*cause, group.n, group.hits))
            .collect()
    };
    assert_eq!(
        counts(Judge::Ticks),
        [("missed", 1, 1), ("stop", 1, 0), ("timeout", 3, 1)]
    );
    assert_eq!(counts(Judge::Touch(Timeframe::H1)), [("stop", 1, 0)]);
    let late = &would_have[&Judge::Ticks]["timeout"];
    near(late.edge.unwrap(), 1.0 / 3.0 - 0.5);
    near(late.mean_r.unwrap(), -1.25 / 3.0);
    assert_eq!(would_have[&Judge::Ticks]["stop"].odds, None);
    // The headline knows nothing of it.
    assert_eq!((book.all().n, book.record.counts.invalidated), (1, 8));
    // Where all was judged alike, nobody asks by what.
    let (all, by_cause) = book.record.would_have_in_all().unwrap();
    assert_eq!((all.n, all.hits, all.with_odds), (6, 2, 3));
    near(all.mean_r.unwrap(), -1.25 / 3.0);
    let counts: Vec<_> = by_cause
        .iter()
        .map(|(cause, one)| (*cause, one.n))
        .collect();
    assert_eq!(counts, [("missed", 1), ("stop", 2), ("timeout", 3)]);
    assert_eq!(Book::default().record.would_have_in_all(), None);
}

#[test]
fn results_are_told_by_the_month_in_which_they_ended() {
    let mut book = Book::default();
    for (id, end, hit) in [
        ("smt", "2026-10-31T23:59:59.999Z", true),
        ("smt", "2026-11-01T00:00:00Z", false),
        ("smt", "2026-11-30T12:00:00Z", true),
        ("posted", "2026-11-30T12:00:00Z", true),
    ] {
        let signal = book.confirmed(id, 0.5, Some(0.5));
        if hit {
            book.step(&signal, OutcomeKind::Target(1), None);
        }
        let at = Time::parse(end).unwrap();
        let last = outcome(&signal, OutcomeKind::Stop, Some(0.0));
        book.record.outcome(&Outcome { at, ..last });
    }
    let months = book.record.by_month().into_iter();
    let months: Vec<_> = months
        .map(|(month, one)| (month, one.n, one.hits))
        .collect();
    let told = |month: &str, n, hits| (month.to_owned(), n, hits);
    assert_eq!(months, [told("2026-10", 1, 1), told("2026-11", 2, 1)]);
}
