//! What is asked of REST, and what goes wrong with it.

use crate::scene::*;

#[tokio::test]
async fn after_a_cut_it_is_back_and_fetches_only_what_was_missed() {
    let mut scene = Scene::with(Cluster::Forex, script(), |settings| {
        settings.backfill_hours = 2;
        settings.symbols = ["GBPUSD=", "USDJPY=", "XAUUSD="]
            .map(str::to_owned)
            .to_vec();
    })
    .await;
    let minute = |n: i64| Bar::at(NOW_MS - n * MINUTE_MS, "1.1400");
    let mut bars: Vec<Bar> = (1..=200).rev().map(minute).collect();
    bars.insert(0, Bar::at(FRIDAY_CLOSE_MS - MINUTE_MS, "1.1388"));
    scene.standin.minutes("C:EURUSD", bars.clone());
    let patience = Patience {
        connect_every: Duration::from_millis(50),
        first: Duration::from_millis(1),
        ..Patience::default()
    };
    let source = scene.source.take().unwrap();
    let life = tokio::spawn(supervise(source, scene.outlet.clone(), patience, 7));
    scene.subscribed("C.EUR/USD").await;
    assert_eq!(scene.bars().await.len(), 120, "two hours");
    scene
        .standin
        .quote("EUR/USD", "1.14273", "1.14277", NOW_MS + 1000);
    scene.ticks(1).await;
    let later = NOW_MS + 3 * MINUTE_MS + 1000;
    scene.now.store(later, Ordering::Relaxed);
    bars.extend((-3..=0).rev().map(minute));
    scene.standin.minutes("C:EURUSD", bars);
    scene.standin.cut("forex");
    let count = |told: &[Told], wanted: &Told| told.iter().filter(|told| *told == wanted).count();
    scene
        .until(|told| count(told, &Told::Began) == 2 && past(told).len() > 120)
        .await;
    assert_eq!(count(&scene.told, &Told::Ended), 1);
    assert_eq!(
        past(&scene.told).len(),
        123,
        "from the minute of the last price on, up to the one that is not over"
    );
    assert_eq!(closes(&scene).len(), 1, "once a day");
    life.abort();
}

#[tokio::test]
async fn the_past_is_asked_at_the_roll_page_by_page_and_calls_are_tried_again() {
    let script = Script {
        page: 50,
        rest_statuses: [429, 500, 503].into(),
        ..script()
    };
    let mut scene = Scene::with(Cluster::Forex, script, |settings| {
        settings.backfill_hours = 2;
        settings.symbols = ["GBPUSD=", "USDJPY=", "XAUUSD="]
            .map(str::to_owned)
            .to_vec();
    })
    .await;
    let mut bars: Vec<Bar> = (1..=120)
        .rev()
        .map(|n| Bar::at(NOW_MS - n * MINUTE_MS, "1.1400"))
        .collect();
    // The last minute of Friday, the first of Sunday, and the one that is not over yet.
    bars.insert(0, Bar::at(FRIDAY_CLOSE_MS - MINUTE_MS, "1.1388"));
    bars.insert(1, Bar::at(1_783_890_000_000, "1.1390"));
    bars.push(Bar::at(NOW_MS, "1.1500"));
    scene.standin.minutes("C:EURUSD", bars);
    scene
        .standin
        .last_quote("EUR/USD", "1.1426", "1.1427", NOW_MS - 1000);
    let _task = scene.connect();
    let told = scene.bars().await;
    assert_eq!(told.len(), 120);
    assert!(told.is_sorted_by_key(|bar| bar.open_time));
    assert_eq!(
        (told[0].bid.close, told[0].ask.close),
        (price("1.13994"), price("1.14006"))
    );
    let ticks = scene.ticks(1).await;
    assert_eq!(
        (ticks[0].bid, ticks[0].time.millis()),
        (price("1.1426"), NOW_MS - 1000)
    );
    let close = ("EURUSD", "1.1388", "2026-07-12T21:00:00.000Z");
    assert_eq!(
        closes(&scene),
        [(close.0.into(), close.1.into(), close.2.into())]
    );
    assert_eq!(
        called(&scene.standin).len(),
        3 + 1 + 3 + 1,
        "refused, close, pages, quote"
    );
}

#[tokio::test]
async fn no_answer_of_rest_ends_the_stream_and_the_key_goes_nowhere_else() {
    let elsewhere = Standin::start(script()).await.unwrap();
    let to = elsewhere.rest_url();
    let statuses = |status: u16| Script {
        rest_statuses: [status; 50].into(),
        ..script()
    };
    let pages = |next_page: NextPage| Script {
        page: 10,
        next_page,
        ..script()
    };
    let redirect = Some(to.clone());
    // With the number of calls after which it is given up: of close, minutes and last quote.
    let scripts = [
        (statuses(401), 1),
        (statuses(403), 3),
        (statuses(503), 3 * 4),
        (
            Script {
                redirect,
                ..script()
            },
            1,
        ),
        (pages(NextPage::Elsewhere(to)), 3),
        (pages(NextPage::Circle), 3),
    ];
    for (script, calls) in scripts {
        let case = format!("{script:?}");
        let mut scene = Scene::with(Cluster::Forex, script, |settings| {
            settings.backfill_hours = 1;
            settings.symbols = ["GBPUSD=", "USDJPY=", "XAUUSD="]
                .map(str::to_owned)
                .to_vec();
        })
        .await;
        let bars = (1..=60)
            .rev()
            .map(|n| Bar::at(NOW_MS - n * MINUTE_MS, "1.1400"));
        scene.standin.minutes("C:EURUSD", bars.collect());
        let task = scene.connect();
        let count = |asked: &[Asked]| {
            let calls = asked.iter().filter(|a| matches!(a, Asked::Called { .. }));
            calls.count()
        };
        let enough = scene.standin.until(|asked| count(asked) >= calls);
        timeout(Duration::from_secs(20), enough).await.expect(&case);
        scene.standin.quote("EUR/USD", "1.14273", "1.14277", NOW_MS);
        scene.ticks(1).await;
        assert_eq!(past(&scene.told), [], "{case}");
        assert_eq!(count(&scene.standin.asked()), calls, "{case}");
        assert!(!task.is_finished(), "{case}");
    }
    assert_eq!(elsewhere.asked(), []);
}
