//! What models are asked, and what their answers do: signals are born with a score or without one, proposals meet the market,
//! and a replay needs no model.

use crate::desk::settings;
use crate::driver::Driver;
use crate::scene::{BACK, CONFIRM, LONG, TRIGGER, triggered};
use crate::tape::{Player, Show, play, shown};
use engine::setup::SetupKind;
use engine::{Engine, ModelRole, ModelRule, ModelRules, Output, Settings};
use expect_test::{Expect, expect};
use market::{
    Event, Measure, Opinion, Question, Signal, SourceTime, Span, Status, Symbol, Time, Timeframe,
    Uuid,
};
use std::sync::Arc;

/// Features that the few bars of these tapes know.
const FEATURES: [&str; 3] = ["5m.return1_atr", "hour_sin", "spread_atr"];

fn rule(name: &str, features: &[&str], role: ModelRole) -> ModelRule {
    ModelRule {
        name: name.into(),
        version: "7".into(),
        symbols: vec![Symbol::new("EURUSD").unwrap()],
        timeframe: Timeframe::M5,
        features: features.iter().map(|name| name.parse().unwrap()).collect(),
        counts_from: SourceTime::parse("2026-07-06T11:04:11Z").unwrap(),
        role,
    }
}

fn asks(models: Vec<ModelRule>) -> Settings {
    Settings {
        models: ModelRules {
            timeout_ms: 250,
            models,
        },
        ..settings()
    }
}

fn rescores() -> Settings {
    let features = [&FEATURES[..], &["signal_risk_atr", "signal_direction"]].concat();
    let setups = Vec::new();
    asks(vec![rule(
        "judge",
        &features,
        ModelRole::Rescore { setups },
    )])
}

/// No setup signals, so that all signals are the model's.
fn proposes() -> Settings {
    let threshold = 0.6;
    let mut settings = asks(vec![rule(
        "seer",
        &FEATURES,
        ModelRole::Propose { threshold },
    )]);
    settings.rules.setups.clear();
    settings
}

fn player(settings: Settings, tape: &str) -> Player {
    let mut player = Player::new(Driver::new(settings));
    player.play(tape);
    player
}

fn questions(driver: &Driver) -> Vec<Question> {
    let question = |(_, output): &(Time, Output)| match output {
        Output::Question(question) => Some((**question).clone()),
        Output::Signal(_)
        | Output::Outcome(_)
        | Output::Price(_)
        | Output::Shadow(_)
        | Output::Calibration(_)
        | Output::Answer(_) => None,
    };
    driver.said.iter().filter_map(question).collect()
}

fn signals(driver: &Driver) -> Vec<Signal> {
    let signal = |(_, output): &(Time, Output)| match output {
        Output::Signal(signal) => Some((**signal).clone()),
        Output::Question(_)
        | Output::Outcome(_)
        | Output::Price(_)
        | Output::Shadow(_)
        | Output::Calibration(_)
        | Output::Answer(_) => None,
    };
    driver.said.iter().filter_map(signal).collect()
}

impl Player {
    /// The model answers the newest question so many milliseconds after the last event.
    fn say(&mut self, millis: i64, answer: Option<f64>) {
        let question = questions(&self.driver).pop().unwrap().id;
        let at = self.driver.engine.now() + Span::from_millis(millis);
        let answer = answer.map(Measure::new);
        self.driver
            .tell(at, Event::Opinion(Opinion { question, answer }));
    }

    fn check(&self, expected: &Expect) {
        expected.assert_eq(&shown(&self.driver, Show::Signals));
    }
}

#[test]
fn a_triggered_setup_is_born_with_its_score() {
    let mut player = player(rescores(), &triggered());
    player.check(&expect![[""]]);
    let asked = questions(&player.driver);
    assert_eq!((asked.len(), asked[0].model.as_str()), (1, "judge"));
    assert_eq!(asked[0].features.len(), 5);
    // The entry lies 11.9 pips before the stop, and the direction is up.
    assert!(asked[0].features[3] > 1.0, "{asked:?}");
    assert_eq!(asked[0].features[4], 1.0);
    player.say(100, Some(0.612_345));
    player.play(CONFIRM);
    player.check(&expect![[r#"
        11:04:10.100 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        11:06:03.000 EURUSD long confirmed
    "#]]);
    for signal in signals(&player.driver) {
        let rated = signal.evidence.model.clone().unwrap();
        assert_eq!(
            (rated.model.as_str(), rated.version.as_str()),
            ("judge", "7")
        );
        assert_eq!(rated.score.to_string(), "0.612345");
        // It was trained until a second later.
        assert!(signal.is_of_training());
        assert_eq!(signal.decide_by - signal.created_at, Span::from_secs(285));
    }
}

#[test]
fn without_an_answer_in_time_it_is_born_without_a_score() {
    let mut silent = player(rescores(), &format!("{}{CONFIRM}", triggered()));
    silent.check(&expect![[r#"
        11:04:10.250 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        11:06:03.000 EURUSD long confirmed
    "#]]);
    assert!(
        signals(&silent.driver)
            .iter()
            .all(|signal| signal.evidence.model.is_none())
    );
    // What is said afterwards is not heard.
    let said = silent.driver.said.len();
    silent.say(1, Some(0.9));
    assert_eq!(silent.driver.said.len(), said);

    let born = |millis: i64, answer: Option<f64>| {
        let mut player = player(rescores(), &triggered());
        player.say(millis, answer);
        let signal = signals(&player.driver).remove(0);
        let waited = signal.created_at.as_source() - signal.entry_time;
        (waited.millis(), signal.evidence.model.is_some())
    };
    assert_eq!(born(249, Some(0.3)), (249, true));
    // At the limit it is too late.
    assert_eq!(born(250, Some(0.3)), (250, false));
    // A model that has nothing to say holds nobody up, and what is no likelihood is no score.
    assert_eq!(born(3, None), (3, false));
    for wrong in [0.0, 1.0, -1.5, 1e9] {
        assert_eq!(born(3, Some(wrong)), (3, false), "{wrong}");
    }
}

#[test]
fn a_stop_that_trades_while_it_waits_ends_it() {
    let mut player = player(
        rescores(),
        &format!("{}11:04:10.1 EURUSD 1.08411 1.08421\n", triggered()),
    );
    player.say(10, Some(0.9));
    player.play("11:04:20 EURUSD 1.08525 1.08535");
    player.check(&expect![[""]]);
}

#[test]
fn who_is_not_asked_about_holds_nothing_up() {
    let mut other = rescores();
    other.models.models[0].role = ModelRole::Rescore {
        setups: vec![SetupKind::Smt],
    };
    let mut elsewhere = rescores();
    elsewhere.models.models[0].symbols = vec![Symbol::new("XAUUSD").unwrap()];
    let mut unknown = rescores();
    // Not known after so few bars: nothing is asked with a hole in it.
    unknown.models.models[0]
        .features
        .push("1h.rsi14".parse().unwrap());
    let plain = play(settings(), Show::Signals, &triggered());
    assert!(!plain.is_empty());
    for settings in [other, elsewhere, unknown] {
        let player = player(settings, &triggered());
        assert_eq!(questions(&player.driver), []);
        assert_eq!(shown(&player.driver, Show::Signals), plain);
    }
    let mut every = rescores();
    (every.models.models[0].symbols, every.models.models[0].role) = (
        Vec::new(),
        ModelRole::Rescore {
            setups: vec![SetupKind::Smt, SetupKind::MssFvg],
        },
    );
    assert_eq!(questions(&player(every, &triggered()).driver).len(), 1);
}

#[test]
fn a_process_that_begins_forgets_what_waited() {
    let mut player = player(
        rescores(),
        &format!("{}11:04:10.1 down\n11:04:10.2 start\n", triggered()),
    );
    player.say(1, Some(0.9));
    player.play("11:04:11 EURUSD 1.08525 1.08535\n11:04:20 wake");
    player.check(&expect![[""]]);
}

#[test]
fn a_gate_that_closes_while_it_waits_keeps_it_out() {
    let mut settings = rescores();
    settings.rules.max_signals_per_day = 1;
    // A signal of another symbol takes the day's last place.
    let mut player = player(settings, &triggered());
    player.say(5, Some(0.7));
    let born = signals(&player.driver);
    assert_eq!(born.len(), 1);
    // Its zone has signalled now: the same trigger is refused before anybody is asked.
    let asked = questions(&player.driver).len();
    player.play(TRIGGER.replace("11:04:10", "11:04:30").as_str());
    assert_eq!(questions(&player.driver).len(), asked);
}

#[test]
fn closed_bars_are_shown_to_a_model_that_proposes() {
    let player = player(proposes(), &format!("{LONG}11:00:03 wake"));
    let asked = questions(&player.driver);
    // Twelve bars closed; of the first ones the average true range is not known.
    assert_eq!(asked.len(), 9);
    assert!(
        asked
            .iter()
            .all(|one| one.model == "seer" && one.features.len() == 3)
    );
    let ids: std::collections::BTreeSet<Uuid> = asked.iter().map(|one| one.id).collect();
    assert_eq!(ids.len(), asked.len());
    player.check(&expect![[""]]);
}

#[test]
fn a_proposal_lives_like_any_posted_signal() {
    let mut player = player(proposes(), &format!("{LONG}11:00:03 wake"));
    player.say(20, Some(0.7));
    player.play(
        "11:01:05 EURUSD 1.08595 1.08605
         11:01:50 EURUSD 1.08615 1.08625
         11:02:04 wake
         11:30:00 EURUSD 1.09200 1.09210",
    );
    player.check(&expect![[r#"
        11:00:03.020 EURUSD long pending 1.08610 stop 1.08485 targets 1.08735:30 1.08860:40 1.08985:30r rr 3.00 p 0.52 ny_am at 11:00:00.000
        11:02:03.000 EURUSD long confirmed
        11:30:00.000 EURUSD target 1 1.08735 1.00R
        11:30:00.000 EURUSD stop moved 1.08620 0.08R
        11:30:00.000 EURUSD target 2 1.08860 2.00R
        11:30:00.000 EURUSD target 3 1.08985 3.00R last, 1.88R in all
    "#]]);
    let signal = signals(&player.driver).remove(0);
    assert_eq!(
        (signal.setup.as_str(), signal.reason.as_str()),
        ("model:seer", "Model seer")
    );
    let rated = signal.evidence.model.unwrap();
    assert_eq!((rated.model.as_str(), rated.score.to_f64()), ("seer", 0.7));
    assert_eq!(player.driver.engine.counts().posted, 1);
}

#[test]
fn only_a_clear_answer_in_time_is_a_proposal() {
    let after = |answers: &[(i64, Option<f64>)]| {
        let mut player = player(proposes(), &format!("{LONG}11:00:03 wake"));
        for (millis, answer) in answers {
            player.say(*millis, *answer);
        }
        signals(&player.driver)
            .iter()
            .map(|signal| signal.direction.sign())
            .collect::<Vec<_>>()
    };
    assert_eq!(after(&[(20, Some(0.6))]), [1]);
    assert_eq!(after(&[(20, Some(-0.6))]), [-1]);
    assert_eq!(after(&[(20, Some(0.599_999))]), [0_i64; 0]);
    assert_eq!(after(&[(20, Some(-0.59))]), [0_i64; 0]);
    assert_eq!(after(&[(20, None)]), [0_i64; 0]);
    assert_eq!(after(&[(250, Some(0.9))]), [0_i64; 0]);
    // Nobody is heard twice.
    assert_eq!(after(&[(20, Some(0.9)), (1, Some(-0.9))]), [1]);
}

#[test]
fn one_of_a_direction_is_open_at_a_time() {
    let mut player = player(proposes(), &format!("{LONG}11:00:03 wake"));
    player.say(20, Some(0.9));
    let bars = |minute: u32| {
        format!(
            "11:{minute:02} candle EURUSD 5m 60 62 58 60\n11:{:02}:03 wake",
            minute + 5
        )
    };
    player.play(&bars(5));
    player.say(20, Some(0.9));
    player.play(&bars(15));
    player.say(20, Some(-0.9));
    let born = signals(&player.driver);
    let born = born
        .iter()
        .filter(|signal| signal.status == Status::Pending);
    let directions: Vec<i64> = born.map(|signal| signal.direction.sign()).collect();
    // The first was pending until 11:04:50: by 11:10 it is decided one way or the other.
    assert_eq!(directions.first(), Some(&1));
    assert_eq!(directions.last(), Some(&-1));
}

/// Plays with answers, and the same events once more, from a snapshot taken before each of them.
#[test]
fn a_replay_needs_no_model_and_a_restart_changes_nothing() {
    let mut both = rescores();
    both.models.models.extend(proposes().models.models);
    let mut player = player(both.clone(), &format!("{LONG}11:00:03 wake"));
    player.say(50, Some(-0.8));
    player.play(&format!("{BACK}{TRIGGER}").replace("11:00:00", "11:00:04"));
    player.say(100, Some(0.6));
    player.play(CONFIRM);
    let whole = &player.driver;
    assert!(signals(whole).len() >= 4, "{:?}", signals(whole));

    let settings = Arc::new(both);
    for cut in (0..whole.told.len())
        .step_by(7)
        .chain(whole.told.len() - 12..whole.told.len())
    {
        let mut engine = Engine::new(Arc::clone(&settings));
        let mut said = Vec::new();
        for (place, told) in whole.told.iter().enumerate() {
            if place == cut {
                engine = Engine::restore(Arc::clone(&settings), &engine.snapshot()).unwrap();
            }
            let mut out = Vec::new();
            engine.handle(told.at, &told.event, &mut out);
            said.extend(out.into_iter().map(|output| (told.at, output)));
        }
        assert_eq!(said, whole.said, "cut at {cut}");
    }
}
