//! How connections end, and how they never begin.

use crate::scene::*;

#[tokio::test]
async fn a_quiet_market_is_kept_and_a_dead_line_is_not() {
    let mut scene = Scene::new(Cluster::Forex, script()).await;
    let mut task = scene.connect();
    scene.subscribed("C.XAU/USD").await;
    // Not a price, only answers to pings: three times the silence that would end it.
    let kept = timeout(DEADLINES.silence * 3, &mut task).await;
    assert!(kept.is_err(), "{kept:?}");
    scene.standin.stall("forex");
    let end = timeout(Duration::from_secs(20), task)
        .await
        .unwrap()
        .unwrap();
    is_transient(&end, "the line is dead");
}

#[tokio::test]
async fn two_with_one_key_do_not_push_each_other_out_for_ever() {
    let mut first = Scene::new(Cluster::Forex, script()).await;
    let task = first.connect();
    first.subscribed("C.XAU/USD").await;
    let url = first.standin.ws_url();
    let mut second = Scene::with(Cluster::Forex, script(), |settings| {
        settings.ws_url = url;
    })
    .await;
    let newer = second.connect();
    let end = timeout(Duration::from_secs(20), task)
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(end, End::Contested { .. }), "{end:?}");
    assert!(reason(&end).contains("Maximum number of websocket connections"));
    assert!(!newer.is_finished(), "the newer one stays");
}

#[tokio::test]
async fn the_end_of_a_connection_is_told_by_its_kind() {
    type Act = fn(&Standin);
    let cases: [(Act, &str); 4] = [
        (|s| s.cut("forex"), "the connection was lost"),
        (
            |s| {
                s.frame(
                    "forex",
                    r#"[{"ev":"status","status":"slow_consumer","message":"too slow"}]"#,
                )
            },
            "too slow",
        ),
        (
            |s| {
                s.frame(
                    "forex",
                    &format!(
                        r#"[{{"ev":"status","status":"force_disconnect","message":"bye {KEY}"}}]"#
                    ),
                )
            },
            "ended it: bye [key]",
        ),
        (
            |s| {
                s.frame(
                    "forex",
                    r#"[{"ev":"status","status":"auth_failed","message":"expired"}]"#,
                )
            },
            "expired",
        ),
    ];
    for (act, part) in cases {
        let mut scene = Scene::new(Cluster::Forex, script()).await;
        let task = scene.connect();
        scene.subscribed("C.XAU/USD").await;
        act(&scene.standin);
        let end = timeout(Duration::from_secs(20), task)
            .await
            .unwrap()
            .unwrap();
        assert!(reason(&end).contains(part), "{end:?}");
    }
}

#[tokio::test]
async fn what_never_becomes_a_connection_is_told_by_its_kind() {
    let mute = Script {
        mute: true,
        ..script()
    };
    let mut scene = Scene::new(Cluster::Forex, mute).await;
    is_transient(&scene.end().await, "did not greet");
    for (status, fatal) in [(403, true), (503, false), (429, false)] {
        let script = Script {
            refuse_upgrade: Some(status),
            ..script()
        };
        let mut scene = Scene::new(Cluster::Forex, script).await;
        let end = scene.end().await;
        assert_eq!(matches!(end, End::Fatal { .. }), fatal, "{end:?}");
        assert!(reason(&end).contains(&status.to_string()), "{end:?}");
    }
}
