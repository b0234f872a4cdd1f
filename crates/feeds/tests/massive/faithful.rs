//! Floods, the official client, and the transcripts: whether the stand-in is like Massive.

use crate::scene::*;

#[tokio::test]
async fn a_flood_is_taken() {
    let mut scene = Scene::new(Cluster::Forex, script()).await;
    let _task = scene.connect();
    scene.subscribed("C.XAU/USD").await;
    for n in 0..50_000_i64 {
        let t = NOW_MS - 50_000 + n;
        scene.standin.quote("EUR/USD", "1.14273", "1.14277", t);
    }
    scene.standin.quote("GBP/USD", "1.34128", "1.34131", NOW_MS);
    let gbpusd = scene.id("GBPUSD");
    let last = |told: &[Told]| ticks(told).last().is_some_and(|t| t.instrument == gbpusd);
    scene.until(last).await;
    assert_eq!(scene.outlet.health().ticks, 50_001);
}

#[tokio::test]
async fn the_stand_in_cuts_a_client_that_does_not_read() {
    let standin = Standin::start(Script {
        buffer: 1000,
        ..script()
    })
    .await
    .unwrap();
    let url = format!("{}/forex", standin.ws_url());
    let (mut slow, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    for (action, params) in [("auth", KEY), ("subscribe", "C.*")] {
        let text = format!(r#"{{"action":"{action}","params":"{params}"}}"#);
        slow.send(Message::text(text)).await.unwrap();
    }
    standin.subscribed("C.*").await;
    let flood = async {
        loop {
            standin.quote("EUR/USD", "1.14273", "1.14277", NOW_MS);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = standin.deserted("forex") => {}
        () = flood => {}
        () = tokio::time::sleep(Duration::from_secs(30)) => panic!("it was not cut"),
    }
}

#[tokio::test]
async fn the_official_python_client_is_content_with_the_stand_in() {
    let mut script = Script::default();
    script.not_authorized.insert("C.NOT/PAID".to_owned());
    script.rest_statuses = [429, 503].into();
    let standin = Standin::start(script).await.unwrap();
    standin.day("I:SPX", Bar::at(1_783_713_600_000, "3822.39"));
    let minute = |n: i64| Bar::at(NOW_MS + (n - 5) * MINUTE_MS, &format!("1.140{}", n + 1));
    standin.minutes("C:EURUSD", (0..5).map(minute).collect());
    standin.last_quote("EUR/USD", "1.1426", "1.1427", NOW_MS - 1000);
    standin.snapshot("I:SPX", "3988.25", NOW_MS * 1_000_000);
    standin.snapshot_error("I:DJI", "NOT_ENTITLED");
    let host = standin.ws_url().replace("ws://", "");
    let rest = standin.rest_url();
    let arguments = [host.as_str(), rest.as_str()];
    let prices = async {
        standin.subscribed("C.EUR/USD").await;
        standin.subscribed("C.GBP/USD").await;
        standin.quote("EUR/USD", "1.14273", "1.14277", NOW_MS + 93);
        standin.quote("GBP/USD", "1.34128", "1.34131", NOW_MS + 197);
        standin.subscribed("V.I:SPX").await;
        standin.value("I:SPX", "3988.5", 1_678_220_098_130);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = crate::clients::run("massive", &arguments) => {}
        () = prices => {}
    }
}

#[test]
fn the_transcripts_are_read_as_written() {
    let folder = std::env::var("ORION_TEST_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let folder = std::path::Path::new(&folder).join("data/wire/transcripts");
    if !folder.is_dir() {
        eprintln!("skipped the_transcripts_are_read_as_written: no ORION_TEST_DATA");
        return;
    }
    for (name, expected) in [
        ("massive_forex", (4, 9, 1, 1)),
        ("massive_indices", (1, 8, 1, 0)),
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
        let (mut prices, mut statuses, mut others, mut bad) = (0, 0, 0, 0);
        for line in text.lines().filter(|line| line.contains("\"s2c\"")) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            decode(line["raw"].as_str().unwrap(), |element| match element {
                Ok(Element::Quote { .. } | Element::Value { .. }) => prices += 1,
                Ok(Element::Status { .. }) => statuses += 1,
                Ok(Element::Other) => others += 1,
                Err(_) => bad += 1,
            });
        }
        assert_eq!((prices, statuses, others, bad), expected, "{name}");
    }
}
