//! Models in backtests: asked at once, heard as a tape tells them, and what they may have been trained on counts apart.

use super::make::Asked;
use super::report::{Costs, Report};
use super::testing::{asked, found, recorded, settings};
use super::watch::Period;
use engine::{ModelRole, ModelRule, ModelRules, Output, Settings};
use market::{Event, Measure, Opinion, Question, Signal, SourceTime, Span, Time, Timeframe};
use std::collections::BTreeSet;

fn rule(name: &str, role: ModelRole, counts_from: SourceTime) -> ModelRule {
    let features = ["hour_sin", "spread_atr", "1m.return1_atr"];
    ModelRule {
        name: name.to_owned(),
        version: "3".to_owned(),
        symbols: Vec::new(),
        timeframe: Timeframe::M1,
        features: features.map(|name| name.parse().unwrap()).to_vec(),
        counts_from,
        role,
    }
}

fn with(rules: Vec<ModelRule>) -> Settings {
    Settings {
        models: ModelRules {
            timeout_ms: 250,
            models: rules,
        },
        ..settings()
    }
}

fn judge(counts_from: SourceTime) -> Settings {
    let setups = Vec::new();
    with(vec![rule(
        "judge",
        ModelRole::Rescore { setups },
        counts_from,
    )])
}

/// Answers by what it is asked with: always the same to the same.
fn score(question: &Question) -> Option<Opinion> {
    let sum: f32 = question.features.iter().sum();
    let answer = 0.05 + 0.9 * f64::from((sum.abs() * 10.0).fract());
    Some(Opinion {
        question: question.id,
        answer: Some(Measure::new(answer)),
    })
}

fn signals(said: &[(Time, Output)]) -> Vec<(Time, Signal)> {
    let signal = |(at, output): &(Time, Output)| match output {
        Output::Signal(signal) => Some((*at, (**signal).clone())),
        Output::Price(_)
        | Output::Answer(_)
        | Output::Shadow(_)
        | Output::Calibration(_)
        | Output::Question(_)
        | Output::Outcome(_) => None,
    };
    said.iter().filter_map(signal).collect()
}

fn report(settings: &Settings, found: super::Found) -> Report {
    let asked = Asked {
        command: String::new(),
        inputs: Vec::new(),
        from: None,
        to: None,
        rules: Vec::new(),
        costs: Costs {
            slippage: Vec::new(),
            commission: Vec::new(),
        },
        trials: 1,
        trials_variance: 0.0,
        seed: 1,
        notes: Vec::new(),
    };
    Report::of(found, None, asked, settings)
}

#[test]
fn every_signal_is_born_with_its_score_at_once() {
    let settings = judge(SourceTime::MIN);
    let events = recorded(&settings, 8);
    let (with_score, said) = asked(&settings, &events, Period::ALL, score);
    let scored = signals(&said);
    assert!(with_score.born > 40, "{}", with_score.born);
    let is_question = |(_, output): &&(Time, Output)| matches!(output, Output::Question(_));
    let asked_at: BTreeSet<Time> = said.iter().filter(is_question).map(|(at, _)| *at).collect();
    for (_, signal) in &scored {
        let rated = signal.evidence.model.as_ref().unwrap();
        assert_eq!(
            (rated.model.as_str(), rated.version.as_str()),
            ("judge", "3")
        );
        // One step of the clock after its question, not the time limit.
        let before = signal.created_at - Span::from_nanos(1);
        assert!(asked_at.contains(&before), "{}", signal.created_at);
    }
    let [model] = with_score.models.as_slice() else {
        panic!("{:?}", with_score.models)
    };
    assert_eq!(model.role, "rescore");
    assert_eq!(model.asked, model.answered);
    assert!(model.asked >= with_score.born);

    // Nobody answers: the same signals, later and without a score.
    let (silent, said) = found(&settings, &events, Period::ALL);
    let unscored = signals(&said);
    assert!(
        unscored
            .iter()
            .all(|(_, signal)| signal.evidence.model.is_none())
    );
    assert_eq!(
        (silent.models[0].asked > 0, silent.models[0].answered),
        (true, 0)
    );
    let (_, first) = unscored.first().unwrap();
    assert_eq!(first.entry_time, scored.first().unwrap().1.entry_time);
    assert!(first.created_at - scored[0].1.created_at >= Span::from_millis(240));
}

#[test]
fn what_was_answered_is_on_a_tape_what_it_was_at_once() {
    let settings = judge(SourceTime::MIN);
    let events = recorded(&settings, 6);
    // The tape of that run: each opinion behind the event that led to its question.
    let (mut tape, mut opinions) = (Vec::new(), Vec::new());
    let (_, said) = asked(&settings, &events, Period::ALL, |question| {
        let opinion = score(question);
        opinions.extend(opinion);
        opinion
    });
    let asked_at: Vec<Time> = said
        .iter()
        .filter(|(_, output)| matches!(output, Output::Question(_)))
        .map(|(at, _)| *at)
        .collect();
    let mut told = asked_at.into_iter().zip(opinions).peekable();
    for (at, event) in &events {
        while let Some((asked, opinion)) = told.next_if(|(asked, _)| asked < at) {
            tape.push((asked + Span::from_nanos(1), Event::Opinion(opinion)));
        }
        tape.push((*at, event.clone()));
    }
    let (_, again) = found(&settings, &tape, Period::ALL);
    assert!(signals(&said).len() > 40);
    assert!(said == again, "a tape of the answers says something else");
}

#[test]
fn what_may_have_been_trained_on_counts_apart() {
    let begin = SourceTime::parse("2026-03-04T12:00:00Z").unwrap();
    let middle = begin + Span::from_hours(4);
    let settings = judge(middle);
    let events = recorded(&settings, 8);
    let (part, said) = asked(&settings, &events, Period::ALL, score);
    let (all, _) = asked(&judge(SourceTime::MIN), &events, Period::ALL, score);
    assert!(all.training.ended.is_empty() && all.training.born == 0);
    // The same signals; only what they count for differs.
    assert_eq!(part.born + part.training.born, all.born);
    assert_eq!(part.confirmed + part.training.confirmed, all.confirmed);
    assert!(part.training.ended.len() > 5 && part.ended.len() > 5);
    assert!(part.ended.iter().all(|one| one.signal.entry_time >= middle));
    assert!(
        part.training
            .ended
            .iter()
            .all(|one| one.signal.entry_time < middle)
    );
    let resolved = part.record.everything().unwrap();
    assert_eq!(resolved.n as usize, part.ended.len());
    let born = signals(&said)
        .into_iter()
        .filter(|(_, one)| one.decided_at.is_none());
    let (before, after): (Vec<_>, Vec<_>) = born.partition(|(_, one)| one.entry_time < middle);
    assert_eq!(
        (before.len() as u64, after.len() as u64),
        (part.training.born, part.born)
    );

    let (counted, apart) = (part.ended.len(), part.training.ended.len());
    let report = report(&settings, part);
    assert_eq!(
        (report.all.n as usize, report.trades.len()),
        (counted, counted + apart)
    );
    let training = report.training.unwrap();
    assert_eq!(
        (training.tally.n as usize, training.born > 0),
        (apart, true)
    );
    let marked = report.trades.iter().filter(|trade| trade.training).count();
    assert_eq!(marked, apart);
    assert!(report.trades.iter().all(|trade| {
        trade
            .signal
            .model
            .as_deref()
            .is_some_and(|model| model.starts_with("judge 3: 0."))
    }));
    let days: u32 = report.days.iter().map(|day| day.trades).sum();
    assert_eq!(days as usize, counted);
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("may have been trained on"))
    );
}

#[test]
fn what_models_propose_is_traded_and_scored() {
    let mut settings = with(vec![rule(
        "seer",
        ModelRole::Propose { threshold: 0.6 },
        SourceTime::MIN,
    )]);
    settings.rules.setups.clear();
    let events = recorded(&settings, 8);
    let (found, said) = asked(&settings, &events, Period::ALL, score);
    assert!(found.ended.len() > 5, "{}", found.ended.len());
    assert!(
        signals(&said)
            .iter()
            .all(|(_, one)| one.setup == "model:seer")
    );
    let ended = found.ended.len() as u32;
    let report = report(&settings, found);
    assert_eq!(report.scores.map(|scores| scores.n), Some(ended));
    // Only ORION's own are followed when nothing confirmed them.
    assert_eq!(report.confirmation, None);
}

#[test]
fn confirmed_signals_are_held_against_those_that_were_not() {
    let settings = settings();
    let events = recorded(&settings, 10);
    let (found, said) = found(&settings, &events, Period::ALL);
    let shadows = said.iter().filter_map(|(_, output)| match output {
        Output::Shadow(shadow) => Some(shadow.clone()),
        Output::Signal(_)
        | Output::Price(_)
        | Output::Answer(_)
        | Output::Calibration(_)
        | Output::Question(_)
        | Output::Outcome(_) => None,
    });
    let known: Vec<_> = shadows.filter(|one| one.hit().is_some()).collect();
    let hits = known.iter().filter(|one| one.hit() == Some(true)).count();
    let confirmed = found.ended.len() as u32;
    let report = report(&settings, found);
    let worth = report.confirmation.unwrap();
    assert!(known.len() > 10, "{}", known.len());
    assert_eq!(
        (
            worth.others.tally.n as usize,
            worth.others.tally.hits as usize
        ),
        (known.len(), hits)
    );
    assert_eq!(worth.confirmed.tally.n, confirmed);
    assert_eq!(worth.confirmed.mean_r, Some(report.all.r.gross_mean));
    let difference = worth.confirmed.tally.rate - worth.others.tally.rate;
    assert_eq!(worth.difference, difference);
    assert!(worth.difference_low < difference && difference < worth.difference_high);
    let of_causes: u32 = worth.causes.iter().map(|one| one.followed.tally.n).sum();
    assert_eq!(of_causes as usize, known.len());
    for one in &worth.causes {
        let tally = &one.followed.tally;
        match one.cause.as_str() {
            "stop" => assert_eq!((tally.hits, one.followed.mean_r), (0, None)),
            "missed" => assert_eq!((tally.hits, one.followed.mean_r), (tally.n, None)),
            _ => assert!(tally.chance.is_some() && one.followed.mean_r.is_some()),
        }
    }
}
