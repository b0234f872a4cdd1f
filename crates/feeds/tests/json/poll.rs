//! Vendors of HTTP, made up: one request for all symbols or one for each, quotas, and what can be wrong with an answer.

use crate::support::{Source, id, within};
use crate::user::example;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use feeds::inbox::Told;
use feeds::json::Description;
use feeds::supervise::End;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

type Reply = (u16, &'static str, &'static str);

/// A vendor that answers with what it was given, in order, and the last of it again and again.
struct Vendor {
    address: String,
    state: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    replies: Mutex<VecDeque<Reply>>,
    asked: watch::Sender<Vec<(String, Instant)>>,
}

impl Vendor {
    /// Status, value of Retry-After or nothing, body.
    async fn new(replies: &[Reply]) -> Self {
        let state = Arc::new(Shared {
            replies: Mutex::new(replies.iter().copied().collect()),
            asked: watch::Sender::new(Vec::new()),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&state));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            state,
            task,
        }
    }

    async fn asked(&self, count: usize) -> Vec<(String, Instant)> {
        let mut asked = self.state.asked.subscribe();
        within(asked.wait_for(|asked| asked.len() >= count))
            .await
            .unwrap()
            .clone()
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let key = request
        .headers()
        .get("x-key")
        .map_or("", |key| key.to_str().unwrap());
    let asked = format!("{} {key}", request.uri());
    state
        .asked
        .send_modify(|list| list.push((asked, Instant::now())));
    let mut replies = state.replies.lock().unwrap();
    let (status, retry, body) = if replies.len() > 1 {
        replies.pop_front().unwrap()
    } else {
        replies[0]
    };
    let headers = if retry.is_empty() {
        [("x-none", "")]
    } else {
        [("retry-after", retry)]
    };
    (StatusCode::from_u16(status).unwrap(), headers, body).into_response()
}

/// A made-up vendor of EURUSD (`A/B`) and USDJPY (`C`).
fn description(address: &str, poll: &str) -> Description {
    let text = format!(
        r#"
        title = "Made up"
        kind = "http"
        address = "https://example.com{address}"
        audience = "own"
        licence = "none"
        headers = {{ X-Key = "{{key}}" }}
        retry_refused_s = 0.3
        [symbols]
        EURUSD = {{ theirs = "A/B", kind = "cash" }}
        USDJPY = {{ theirs = "C", kind = "cash" }}
        [poll]
        {poll}
        [[message]]
        is = "prices"
        when = {{ p = "*" }}
        {}
        price = "p"
        time = "t"
        [[message]]
        is = "error"
        when = {{ code = 401 }}
        class = "fatal"
        reason = "why"
        "#,
        if address.contains("{symbol}") {
            ""
        } else {
            "symbol = \"s\""
        }
    );
    Description::parse(&text).unwrap()
}

const QUICK: &str = "every_s = 0.02";

#[tokio::test]
async fn the_pages_example_asks_for_all_symbols_at_once() {
    let vendor = Vendor::new(&[(200, "", r#"{"quotes":{"EURUSD":{"bid":"1.1427","ask":"1.1429"},"JPY":7},"asof":"2026-07-13 08:00:00"}"#)]).await;
    let running = Source::new(example(1), &vendor.address, &[]).run();
    assert_eq!(
        running.quote().await,
        "EURUSD 1.1427 1.1429 2026-07-13T12:00:00.000Z"
    );
    assert_eq!(
        vendor.asked(1).await[0].0,
        "/v1/quotes?symbols=EURUSD,USDJPY&key=good-key "
    );
}

#[tokio::test]
async fn each_symbol_is_asked_for_by_itself_and_an_old_answer_is_no_tick() {
    let replies = [
        (200, "", r#"{"p":1.1,"t":1783944000}"#),
        (200, "", r#"{"p":"158.5","t":1783944000}"#),
        (200, "", r#"{"p":1.1,"t":1783944000}"#),
        (200, "", r#"{"p":158.6,"t":1783944001}"#),
    ];
    let vendor = Vendor::new(&replies).await;
    let running = Source::new(description("/q/{symbol}?x=1", QUICK), &vendor.address, &[]).run();
    assert_eq!(
        running.quote().await,
        "EURUSD 1.09994 1.10006 2026-07-13T12:00:00.000Z"
    );
    assert_eq!(
        running.quote().await,
        "USDJPY 158.494 158.506 2026-07-13T12:00:00.000Z"
    );
    assert_eq!(
        running.quote().await,
        "USDJPY 158.594 158.606 2026-07-13T12:00:01.000Z"
    );
    assert_eq!(running.outlet.health().symbols[&id("EURUSD")].ticks, 1);
    let asked: Vec<_> = vendor
        .asked(4)
        .await
        .into_iter()
        .map(|(asked, _)| asked)
        .collect();
    assert_eq!(
        asked[..4],
        [
            "/q/A%2FB?x=1 good-key",
            "/q/C?x=1 good-key",
            "/q/A%2FB?x=1 good-key",
            "/q/C?x=1 good-key"
        ]
    );
}

#[tokio::test]
async fn a_quote_that_is_repeated_after_a_loss_is_no_tick() {
    let quote = r#"{"s":"C","p":158.5,"t":1783944000}"#;
    let replies = [
        (200, "", quote),
        (503, "", ""),
        (200, "", quote),
        (200, "", r#"{"s":"C","p":158.6,"t":1783944001}"#),
    ];
    let vendor = Vendor::new(&replies).await;
    let running =
        Source::new(description("/q?s={symbols}", QUICK), &vendor.address, &[]).supervise();
    for expected in [
        "USDJPY 158.494 158.506 2026-07-13T12:00:00.000Z",
        "USDJPY 158.594 158.606 2026-07-13T12:00:01.000Z",
    ] {
        assert_eq!(running.quote().await, expected);
    }
    assert_eq!(running.outlet.health().connects, 2);
}

#[tokio::test]
async fn quotas_set_the_pace_also_across_connects() {
    let vendor = Vendor::new(&[
        (503, "", ""),
        (200, "", r#"{"s":"C","p":1,"t":1783944000}"#),
    ])
    .await;
    // 600 a minute is one each 100 ms.
    let poll = "every_s = 0.001\ncalls_per_minute = 600\ncalls_per_day = 86400000";
    let running =
        Source::new(description("/q?s={symbols}", poll), &vendor.address, &[]).supervise();
    running.began().await;
    let asked = vendor.asked(5).await;
    assert!(asked[0].0.starts_with("/q?s=A%2FB,C "), "{}", asked[0].0);
    let gaps: Vec<_> = asked.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    // The first call may be on its way for a moment longer than the next.
    assert!(
        gaps.iter().sum::<Duration>() >= Duration::from_millis(370),
        "{gaps:?}"
    );
}

#[tokio::test]
async fn answers_that_are_errors_are_told_as_what_they_are() {
    let later = |pause| End::Later {
        reason: "the source answered 429 Too Many Requests".to_owned(),
        pause: Duration::from_secs(pause),
    };
    let page = "see the source's page in docs/sources";
    for (reply, end) in [
        (
            (200, "", r#"{"code":401,"why":"bad key good-key"}"#),
            End::fatal("bad key [key]", page),
        ),
        (
            (401, "", r#"{"code":"401","why":"bad"}"#),
            End::fatal("bad", page),
        ),
        (
            (403, "", ""),
            End::fatal(
                "the server answered 403 Forbidden",
                "check the key, and what it is entitled to",
            ),
        ),
        ((429, "", "slow down"), later(60)),
        ((429, "7", "slow down"), later(7)),
        (
            (503, "", "<html>"),
            End::transient("the server answered 503 Service Unavailable"),
        ),
        (
            (200, "", r#"{"note":"thank you for using us"}"#),
            End::transient("the answers are none that the description speaks of"),
        ),
        (
            (200, "", "<html>"),
            End::transient("the answers are none that the description speaks of"),
        ),
        (
            (302, "", ""),
            End::fatal(
                "the server answered 302 Found",
                "check the source's settings",
            ),
        ),
    ] {
        let vendor = Vendor::new(&[reply]).await;
        let ended = Source::new(description("/q?s={symbols}", QUICK), &vendor.address, &[])
            .end()
            .await;
        assert_eq!(ended, end, "{reply:?}");
    }
}

#[tokio::test]
async fn a_symbol_that_is_not_found_is_left_out_and_asked_for_again_later() {
    let vendor = Vendor::new(&[
        (404, "", "no such thing"),
        (200, "", r#"{"p":158,"t":1783944000}"#),
        (200, "", r#"{"p":1.1,"t":1783944001}"#),
    ])
    .await;
    let running = Source::new(description("/q/{symbol}", QUICK), &vendor.address, &[]).run();
    running.began().await;
    assert!(
        running.coverage()[0].contains("Refused(\"the source answered 404 Not Found\")"),
        "{:?}",
        running.coverage()
    );
    running
        .until(|told| matches!(told, Told::Tick(tick) if tick.instrument == id("EURUSD")))
        .await;
    let asked = vendor.asked(4).await;
    assert_eq!(asked[0].0, "/q/A%2FB good-key");
    assert_eq!(asked[2].0, "/q/C good-key", "the other goes on alone");
    assert!(running.coverage()[0].contains("Confirmed"));
}

#[tokio::test]
async fn an_answer_that_does_not_come_ends_it_and_no_error_shows_the_key() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let slow = "every_s = 1\nwithin_s = 0.2";
    let end = Source::new(description("/q?s={symbols}&k={key}", slow), &address, &[])
        .end()
        .await;
    let End::Transient { reason } = &end else {
        panic!("{end:?}");
    };
    assert!(
        reason.starts_with("no answer: ")
            && reason.contains("timed out")
            && !reason.contains("good-key"),
        "{reason}"
    );
    drop(listener);
    let end = Source::new(description("/q?s={symbols}&k={key}", slow), &address, &[])
        .end()
        .await;
    assert!(
        matches!(&end, End::Transient { reason } if reason.contains("refused") && !reason.contains("good-key")),
        "{end:?}"
    );
}
