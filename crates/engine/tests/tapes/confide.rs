//! The confidence of what is posted: the sender's own is kept, and what is shown is made of what became of his signals.

use crate::desk::settings;
use crate::driver::Driver;
use crate::tape::driver;
use engine::{Output, Settings};
use market::{Basis, Calibration, Signal, Status};

/// A minute in which somebody posts a signal of even odds, confirms it, and sees it hit or stopped.
fn minute(number: u32, by: &str, said: &str, hit: bool) -> String {
    let (hour, minute) = (10 + number / 60, number % 60);
    let what = format!(
        "post EURUSD long {} stop=1.08405 targets=1.08605 by={by} {said}",
        number + 1
    );
    let ends = if hit {
        "1.08610 1.08620"
    } else {
        "1.08400 1.08410"
    };
    format!(
        "{hour}:{minute:02}:00 EURUSD 1.08500 1.08510
        {hour}:{minute:02}:10 {what}
        {hour}:{minute:02}:20 {what} as=confirmed
        {hour}:{minute:02}:30 EURUSD {ends}
        {hour}:{minute:02}:40 EURUSD 1.08500 1.08510\n"
    )
}

fn born(driver: &Driver) -> Vec<Signal> {
    let born = |output: &Output| match output {
        Output::Signal(signal) if signal.status == Status::Pending => Some((**signal).clone()),
        Output::Signal(_)
        | Output::Outcome(_)
        | Output::Price(_)
        | Output::Shadow(_)
        | Output::Calibration(_)
        | Output::Answer(_)
        | Output::Question(_) => None,
    };
    let said = driver.said.iter();
    said.filter_map(|(_, output)| born(output)).collect()
}

fn calibrations(driver: &Driver) -> Vec<Calibration> {
    let calibration = |output: &Output| match output {
        Output::Calibration(calibration) => Some((**calibration).clone()),
        Output::Signal(_)
        | Output::Outcome(_)
        | Output::Price(_)
        | Output::Shadow(_)
        | Output::Answer(_)
        | Output::Question(_) => None,
    };
    let said = driver.said.iter();
    said.filter_map(|(_, output)| calibration(output)).collect()
}

#[test]
fn it_is_the_senders_own_record_pulled_towards_the_odds() {
    let mut tape: String = (0..20).map(|n| minute(n, "ann", "p=0.9", true)).collect();
    tape += &minute(20, "ann", "p=0.9", true);
    tape += &minute(21, "bob", "p=0.9", true);
    let signals = born(&driver(settings(), &tape));
    assert_eq!(signals.len(), 22);
    for (n, signal) in signals[..20].iter().enumerate() {
        // h = n of n, and 40 outcomes' worth of one half.
        let expected = ((n as f64 + 20.0) / (n as f64 + 40.0) * 100.0).round() / 100.0;
        assert_eq!(signal.confidence.to_f64(), expected);
        assert_eq!(signal.evidence.source_confidence.unwrap().to_f64(), 0.9);
        let backing = signal.evidence.backing.unwrap();
        assert_eq!((backing.resolved, backing.hits), (n as u32, n as u32));
        assert_eq!((backing.version, backing.basis), (0, Basis::Shrinkage));
        assert_eq!(backing.score.unwrap().to_f64(), 0.9);
    }
    // From twenty on it is known where he confirms: half a tenth of the risk behind the entry. (20 + 40 * 0.475) / 60.
    assert_eq!(signals[20].confidence.to_f64(), 0.65);
    // Nobody else's is moved by it: it is the same where she only tried hers.
    let alone = born(&driver(settings(), &tape.replace("by=ann", "by=ann dry")));
    assert_eq!(alone.len(), 1);
    assert_eq!(signals[21].confidence, alone[0].confidence);
    assert_eq!(signals[21].evidence.backing.unwrap().resolved, 0);
}

/// Calibrated from 20 outcomes on, and outcomes are learnt from after an hour.
fn quick() -> Settings {
    let mut settings = settings();
    settings.rules.cal_min_platt = 20;
    settings.rules.cal_refit = 10;
    settings.rules.outcome_horizon_h = 1;
    settings
}

/// Two in three of what he is sure of come, and one in three of the rest.
fn honest(n: u32) -> String {
    let (sure, third) = (n.is_multiple_of(2), (n / 2).is_multiple_of(3));
    minute(
        n,
        "ann",
        if sure { "p=0.9" } else { "p=0.2" },
        sure != third,
    )
}

#[test]
fn it_is_calibrated_by_what_was_resolved_before_the_embargo() {
    let tape: String = (0..120).map(honest).collect();
    let driver = driver(quick(), &tape);
    let (signals, versions) = (born(&driver), calibrations(&driver));
    let backing = |n: usize| signals[n].evidence.backing.unwrap();
    assert!(versions.len() >= 3, "{versions:?}");
    for (number, one) in (1..).zip(&versions) {
        assert_eq!((one.of.as_str(), one.version), ("posted:ann", number));
        assert!(one.until < one.at - market::Span::from_hours(1), "{one:?}");
    }
    // Twenty outcomes of the first twenty minutes are an hour old after eighty.
    assert_eq!((versions[0].n, backing(79).version), (20, 0));
    assert_eq!(backing(81).version, 1);
    let sure = signals[118].confidence.to_f64();
    let unsure = signals[119].confidence.to_f64();
    assert!((0.55..0.8).contains(&sure), "{sure}");
    assert!((0.2..0.45).contains(&unsure), "{unsure}");
    assert!(backing(119).basis.is_calibrated());
}

#[test]
fn who_always_says_the_same_is_shown_by_his_record() {
    let tape: String = (0..120)
        .map(|n| minute(n, "ann", "p=0.9", n.is_multiple_of(3)))
        .collect();
    let driver = driver(quick(), &tape);
    assert_eq!(calibrations(&driver), []);
    let last = born(&driver).pop().unwrap();
    assert_eq!(last.evidence.backing.unwrap().basis, Basis::Shrinkage);
    assert!(last.confidence.to_f64() < 0.45, "{}", last.confidence);
}

#[test]
fn what_is_only_tried_fits_nothing() {
    let tape: String = (0..70).map(honest).collect();
    // Nothing is resolved for half an hour, and what was is old enough by then.
    let later = "11:40:00 EURUSD 1.08500 1.08510
        11:40:10 post EURUSD long 999 stop=1.08405 targets=1.08605 by=ann p=0.9";
    let tried = driver(quick(), &format!("{tape}{later} dry"));
    let posted = driver(quick(), &format!("{tape}{later}"));
    assert_eq!(calibrations(&tried), []);
    assert_eq!(calibrations(&posted).len(), 1);
}
