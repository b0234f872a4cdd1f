//! What Alpha Vantage says instead of an answer, mostly with HTTP 200.

use crate::scene::*;

fn next(canned: &[Canned]) -> Script {
    Script {
        next: canned.iter().cloned().collect(),
        ..Script::default()
    }
}

fn is_fatal(end: &End, part: &str) {
    let End::Fatal { reason, .. } = end else {
        panic!("{end:?}")
    };
    assert!(reason.contains(part), "{reason}");
}

fn is_later(end: &End, part: &str) -> Duration {
    let End::Later { reason, pause } = end else {
        panic!("{end:?}")
    };
    assert!(reason.contains(part), "{reason}");
    *pause
}

#[tokio::test]
async fn a_wrong_or_demonstration_key_is_told_once_and_for_good() {
    let script = Script {
        key: "another".to_owned(),
        ..Script::default()
    };
    let scene = Scene::new(script).await;
    is_fatal(&scene.end().await, "the parameter apikey is invalid");
    let scene = Scene::new(next(&[Canned::Demo])).await;
    is_fatal(&scene.end().await, "demo purposes only");
    assert_eq!(scene.functions().len(), 1);
}

#[tokio::test]
async fn a_sentence_nobody_knows_is_for_the_operator() {
    let text = Canned::Text(r#"{"Information":"We have moved to another planet."}"#.to_owned());
    let scene = Scene::new(next(&[text])).await;
    is_fatal(&scene.end().await, "another planet");
}

#[tokio::test]
async fn the_days_end_is_believed_and_the_key_in_its_sentence_is_not_repeated() {
    let scene = Scene::with(next(&[Canned::DayUsed]), |_| ()).await;
    let pause = is_later(&scene.end().await, "the day's 25 calls are used up");
    assert_eq!(
        pause.as_secs(),
        16 * 3600 + 60,
        "until midnight in New York"
    );
    // It is remembered: nothing more is asked today.
    is_later(&scene.end().await, "used up");
    assert_eq!(scene.functions().len(), 1);
}

#[tokio::test]
async fn too_fast_and_used_up_are_told_apart_by_trying_again() {
    let mut scene = Scene::new(next(&[Canned::Sparingly, Canned::Note])).await;
    let task = scene.connect();
    scene.ticks(1).await;
    task.abort();
    let scene = Scene::new(next(&[Canned::Sparingly, Canned::Sparingly, Canned::Note])).await;
    is_later(&scene.end().await, "used up");
    assert_eq!(scene.functions().len(), 3);
}

#[tokio::test]
async fn a_function_outside_the_plan_is_asked_for_once() {
    let mut script = Script::default();
    for function in ["INDEX_DATA", "GOLD_SILVER_HISTORY"] {
        script.premium.insert(function.to_owned());
    }
    let mut scene = Scene::new(script).await;
    let _task = scene.connect();
    scene.ticks(3).await;
    let Coverage::Refused(why) = scene.coverage("NAS100") else {
        panic!("{:?}", scene.coverage("NAS100"))
    };
    assert!(why.starts_with("not in the plan of this key"), "{why}");
    assert_eq!(
        scene.coverage("XAUUSD"),
        Coverage::Confirmed,
        "its quotes are in the plan"
    );
    let asked = scene.functions();
    assert_eq!(asked.iter().filter(|f| *f == "INDEX_DATA").count(), 1);
}

#[tokio::test]
async fn an_unknown_symbol_is_refused_and_the_others_go_on() {
    let mut scene = Scene::with(Script::default(), |settings| {
        settings.calls_per_day = 1_000_000_000;
        settings.symbols = ["GBPUSD=", "US30=XXX", "SPX500="]
            .map(str::to_owned)
            .to_vec();
    })
    .await;
    let _task = scene.connect();
    scene.ticks(3).await;
    let why = "Invalid API call. Please retry or visit the documentation for INDEX_DATA.";
    assert_eq!(scene.coverage("US30"), Coverage::Refused(why.to_owned()));
}

#[tokio::test]
async fn what_cannot_be_read_is_tried_three_times() {
    let html = Canned::Text("<html>".to_owned());
    let mut scene = Scene::new(next(&[Canned::Empty, html, Canned::Empty])).await;
    let _task = scene.connect();
    scene.ticks(3).await;
    assert_eq!(scene.functions()[..4], ["FX_DAILY"; 4]);
    assert_eq!(scene.closes().len(), 3, "all but that of EURUSD");
    assert_eq!(scene.outlet.health().malformed, 3);
    assert_eq!(
        scene.coverage("EURUSD"),
        Coverage::Confirmed,
        "its quotes come"
    );
}

#[tokio::test]
async fn an_overloaded_server_is_left_alone_and_an_unreachable_one_costs_no_call() {
    let scene = Scene::new(next(&[Canned::Unavailable])).await;
    assert_eq!(is_later(&scene.end().await, "503").as_secs(), 300);
    // Nobody listens on a port that was just given back.
    let gone = Standin::start(Script::default()).await.unwrap().url();
    let scene = Scene::with(Script::default(), |settings| {
        settings.url = gone;
        settings.calls_per_day = 1;
    })
    .await;
    for _ in 0..3 {
        let end = scene.end().await;
        let End::Transient { reason } = &end else {
            panic!("{end:?}")
        };
        assert!(
            reason.contains("cannot connect") && !reason.contains(KEY),
            "{reason}"
        );
    }
}
