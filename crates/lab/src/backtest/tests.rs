//! A backtest of a simulated market, whole.

use super::control::{Drawn, Tried};
use super::make::{Asked, Beside};
use super::report::{Costs, EdgeVerdict, Grade, Report};
use super::testing::{found, recorded, settings};
use super::watch::{Ended, Found, Period};
use engine::track::By;
use engine::{Engine, Output};
use market::{SourceTime, Span, Status, Time};
use std::convert::Infallible;
use std::sync::Arc;

fn asked(trials: u32) -> Asked {
    Asked {
        command: "orion backtest".to_owned(),
        inputs: vec!["made".to_owned()],
        from: None,
        to: None,
        rules: Vec::new(),
        costs: Costs {
            slippage: Vec::new(),
            commission: Vec::new(),
        },
        trials,
        trials_variance: 0.0,
        seed: 1,
        notes: Vec::new(),
    }
}

/// A trade without the bars around it: those after its end may lie behind a cut.
fn plain(ended: &Ended) -> Ended {
    Ended {
        window: Vec::new(),
        ..ended.clone()
    }
}

fn trades(found: &Found) -> Vec<Ended> {
    found.ended.iter().map(plain).collect()
}

#[test]
fn a_watched_run_says_what_a_replay_says() {
    let (settings, mut replayed) = (settings(), Vec::new());
    let events = recorded(&settings, 6);
    let (_, said) = found(&settings, &events, Period::ALL);
    let mut engine = Engine::new(Arc::new(settings));
    let recorded = events.iter().cloned().map(Ok::<_, Infallible>);
    let Ok(()) = crate::replay::replay(&mut engine, recorded, |at, output| {
        replayed.push((at, output.clone()));
    });
    assert!(said.len() > 50, "{}", said.len());
    // A replay waits behind the end for the last verdicts.
    assert_eq!(said, replayed[..said.len()]);
    let end = events.last().unwrap().0;
    assert!(replayed[said.len()..].iter().all(|(at, _)| *at > end));
}

#[test]
fn a_backtest_of_a_prefix_is_a_prefix() {
    let settings = settings();
    let events = recorded(&settings, 10);
    let (whole, said) = found(&settings, &events, Period::ALL);
    let whole = trades(&whole);
    assert!(whole.len() > 20, "{}", whole.len());
    let mut random = crate::market::random::Random::of([3, 5, 7]);
    for _ in 0..12 {
        let cut = random.whole(1, events.len() as i64 - 1) as usize;
        let (found, told) = found(&settings, &events[..cut], Period::ALL);
        assert_eq!(told, said[..told.len()], "cut at {cut}");
        let found = trades(&found);
        assert_eq!(found, whole[..found.len()], "cut at {cut}");
        let last = events[cut - 1].0;
        let next = whole.get(found.len());
        assert!(
            next.is_none_or(|next| next.row.ended > last),
            "cut at {cut}"
        );
        assert!(
            said.get(told.len()).is_none_or(|(at, _)| *at > last),
            "cut at {cut}"
        );
    }
}

#[test]
fn a_period_counts_a_part_and_changes_nothing_in_it() {
    let settings = settings();
    let events = recorded(&settings, 8);
    let (whole, _) = found(&settings, &events, Period::ALL);
    let begin = SourceTime::parse("2026-03-04T12:00:00Z").unwrap();
    let period = Period {
        from: begin + Span::from_hours(3),
        to: begin + Span::from_hours(6),
    };
    let (part, _) = found(&settings, &events, period);
    let of_period = |ended: &&Ended| {
        ended.signal.entry_time >= period.from && ended.row.ended < period.to.as_stamp()
    };
    let expected: Vec<Ended> = whole.ended.iter().filter(of_period).map(plain).collect();
    assert!(expected.len() > 3, "{}", expected.len());
    assert_eq!(trades(&part), expected);
    let seen = part.seen.iter().flatten();
    assert!(seen.clone().count() == 3);
    for seen in seen {
        assert!(seen.first >= period.from && seen.last < period.to);
    }
    assert!(part.born < whole.born);
    let refused = |found: &Found| found.refused.iter().map(|(_, n)| n).sum::<u64>();
    assert!(refused(&part) < refused(&whole));
}

#[test]
fn what_enters_at_a_trades_own_moment_becomes_what_became_of_it() {
    let settings = settings();
    let events = recorded(&settings, 10);
    let (found, _) = found(&settings, &events, Period::ALL);
    let drawn = Drawn::at_their_own_moments(&found.ended, &settings);
    let recorded = events.iter().cloned().map(Ok::<_, Infallible>);
    let Ok(tried) = drawn.run(&settings, recorded);
    assert!(tried.len() > 20, "{}", tried.len());
    // What was entered a moment later may still run at the end.
    let (n, of) = (tried.len(), found.ended.len());
    assert!(n <= of && n * 20 >= of * 19, "{n} of {of}");
    let mut otherwise = 0;
    for one in &tried {
        let trade = &found.ended[one.trade].row;
        // The trade was filled at the price before the tick that closed its bar, the entry at that tick: nearly the same.
        let same_end = one.row.hit == trade.hit
            && (one.row.ended - trade.ended).nanos().abs() < Span::from_minutes(2).nanos()
            && (one.row.gross - trade.gross).abs() < 0.2;
        otherwise += usize::from(!same_end);
        let odds = one.row.odds.zip(trade.odds);
        assert!(
            odds.is_some_and(|(one, other)| (one - other).abs() < 0.05),
            "{trade:?}"
        );
    }
    assert!(
        otherwise * 4 < tried.len(),
        "{otherwise} of {}",
        tried.len()
    );
}

#[test]
fn random_entries_are_spread_and_told_apart_by_their_seed() {
    let settings = settings();
    let events = recorded(&settings, 10);
    let (found, _) = found(&settings, &events, Period::ALL);
    let tried = |seed| {
        let drawn = Drawn::new(&found.ended, &found.seen, &settings, seed);
        assert_eq!(drawn.per_trade(), 5);
        let recorded = events.iter().cloned().map(Ok::<_, Infallible>);
        let Ok(tried) = drawn.run(&settings, recorded);
        tried
    };
    let first = tried(1);
    assert_eq!(first, tried(1));
    assert_ne!(first, tried(2));
    let most = 5 * found.ended.len();
    assert!(
        first.len() * 10 > most * 7 && first.len() <= most,
        "{} of {most}",
        first.len()
    );
    // The same distances: chance is what it is for the trades.
    let mean = |odds: Vec<f64>| odds.iter().sum::<f64>() / odds.len() as f64;
    let of_trades = mean(found.ended.iter().filter_map(|one| one.row.odds).collect());
    let of_entries = mean(first.iter().filter_map(|one| one.row.odds).collect());
    assert!(
        (of_trades - of_entries).abs() < 0.03,
        "{of_trades} {of_entries}"
    );
}

#[test]
fn entries_are_followed_alike_whether_charts_are_read_whole_or_for_stops_alone() {
    let settings = settings();
    let events = recorded(&settings, 10);
    let (found, _) = found(&settings, &events, Period::ALL);
    let drawn = Drawn::new(&found.ended, &found.seen, &settings, 1);
    let recorded = || events.iter().cloned().map(Ok::<_, Infallible>);
    let Ok(in_full) = drawn.clone().run_in_full(&settings, recorded());
    let Ok(for_stops) = drawn.run(&settings, recorded());
    assert!(for_stops.len() > 100, "{}", for_stops.len());
    assert_eq!(for_stops, in_full);
}

#[test]
fn each_half_of_the_entries_is_told_its_own_instruments_and_none_is_lost() {
    let settings = settings();
    let events = recorded(&settings, 10);
    let (found, _) = found(&settings, &events, Period::ALL);
    let drawn = || Drawn::new(&found.ended, &found.seen, &settings, 1);
    let run = |drawn: Drawn| {
        let Ok(tried) = drawn.run(&settings, events.iter().cloned().map(Ok::<_, Infallible>));
        tried
    };
    let together = run(drawn());
    let halves: Vec<_> = drawn().apart(&settings).into_iter().map(run).collect();
    let [first, second] = &halves[..] else {
        panic!("{} halves", halves.len());
    };
    assert!(
        first.len().min(second.len()) * 5 > together.len(),
        "{} {}",
        first.len(),
        second.len()
    );
    let sum = |tried: &[Tried]| tried.iter().map(|one| one.row.gross).sum::<f64>();
    assert_eq!(first.len() + second.len(), together.len());
    let (apart, whole) = (sum(first) + sum(second), sum(&together));
    assert!(
        (apart - whole).abs() < 0.02 * together.len() as f64,
        "{apart} for {whole}"
    );

    let mut dear = settings.clone();
    dear.account.commission_round_turn = 7.0;
    assert_eq!(
        drawn().apart(&dear).len(),
        1,
        "its worth may be another instrument's price"
    );
}

#[test]
fn a_report_is_of_one_piece() {
    let settings = settings();
    let events = recorded(&settings, 24);
    let (found, said) = found(&settings, &events, Period::ALL);
    let record = found.record.clone();
    let drawn = Drawn::new(&found.ended, &found.seen, &settings, 1);
    let per_trade = drawn.per_trade();
    let recorded = events.iter().cloned().map(Ok::<_, Infallible>);
    let Ok(tried) = drawn.run(&settings, recorded);
    let report = Report::of(
        found,
        Some(Beside { per_trade, tried }),
        asked(1),
        &settings,
    );
    let count = |status| {
        let of = |(_, output): &&(Time, Output)| matches!(output, Output::Signal(signal) if signal.status == status);
        said.iter().filter(of).count() as u64
    };
    assert_eq!(report.signals.born, count(Status::Pending));
    assert_eq!(report.signals.confirmed, count(Status::Confirmed));
    assert_eq!(report.signals.invalidated, count(Status::Invalidated));
    let n = report.trades.len() as u32;
    assert_eq!(
        report.signals.confirmed,
        u64::from(n) + report.signals.running
    );
    assert_eq!((report.all.n, report.run.grade), (n, Grade::Ticks));
    assert!(report.run.simulated && report.all.enough);
    // The track record of the same signals says the same.
    let all = record.all().unwrap();
    assert_eq!((all.n, all.hits), (report.all.n, report.all.hits));
    assert!((all.edge.unwrap() - report.all.edge.unwrap()).abs() < 1e-9);
    for (by, groups) in [By::Setup, By::Symbol].map(|by| (by, record.by(by))) {
        for (name, figures) in groups {
            let is_of = |group: &&super::report::Group| match by {
                By::Setup => group.setup.as_ref() == Some(&name) && group.symbol.is_none(),
                By::Symbol | By::Killzone | By::Source => {
                    group.symbol.as_ref() == Some(&name) && group.setup.is_none()
                }
            };
            let group = report.groups.iter().find(is_of).unwrap();
            assert_eq!((group.n, group.hits), (figures.n, figures.hits), "{name}");
        }
    }
    // Each way of cutting it gives the whole again.
    let sum: f64 = report.trades.iter().map(|trade| trade.r_net).sum();
    let days: u32 = report.days.iter().map(|day| day.trades).sum();
    let folds: u32 = report.folds.iter().map(|fold| fold.inside.n).sum();
    let bins: u32 = report.reliability.iter().map(|bin| bin.n).sum();
    assert_eq!([days, folds, bins], [n; 3]);
    for whole in [report.all.r.sum, report.days.last().unwrap().net] {
        assert!((whole - sum).abs() < 1e-6, "{whole} for {sum}");
    }
    assert!(
        report
            .trades
            .is_sorted_by_key(|trade| &trade.signal.entry_time)
    );
    let drawn = report
        .trades
        .iter()
        .filter(|trade| !trade.window.is_empty());
    let drawn = drawn.count();
    assert!(drawn > 5 && drawn <= 20, "{drawn}");
    assert!(report.control.is_some_and(|control| control.n > n));
    // One day says nothing of how days differ.
    assert_eq!(report.edge, EdgeVerdict::Unknown);
    assert!(
        report.headline.starts_with("not enough days"),
        "{}",
        report.headline
    );
}

#[test]
fn a_report_of_nothing_says_so() {
    let settings = settings();
    let (found, _) = found(&settings, &[], Period::ALL);
    let report = Report::of(found, None, asked(1), &settings);
    assert_eq!(report.headline, "no trades: nothing can be said");
    assert_eq!((report.edge, report.days.len()), (EdgeVerdict::Unknown, 0));
}
