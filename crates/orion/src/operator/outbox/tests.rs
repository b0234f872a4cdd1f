//! Against servers on loopback that answer as they are told to.

use super::*;
use crate::config::Config;
use crate::operator::State;
use crate::secrets::Secrets;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Handed;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse as _;
use market::Time;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const PATIENCE: Patience = Patience {
    tries: 3,
    first: Duration::from_millis(1),
    longest: Duration::from_millis(2),
};

/// What came: path, key, body.
type Came = (String, String, Value);

/// A server that answers with these one after the other, and then with 200.
async fn played(answers: &[(u16, &'static str)]) -> (String, mpsc::Receiver<Came>) {
    type Kept = (
        Arc<Mutex<VecDeque<(u16, &'static str)>>>,
        mpsc::Sender<Came>,
    );
    let (tell, came) = mpsc::channel(100);
    let answers = Arc::new(Mutex::new(answers.iter().copied().collect()));
    let answer =
        async |Handed((answers, tell)): Handed<Kept>, uri: Uri, headers: HeaderMap, body: Bytes| {
            let key = headers
                .get("authorization")
                .map_or("", |key| key.to_str().unwrap());
            let body = serde_json::from_slice(&body).unwrap();
            tell.send((uri.path().to_owned(), key.to_owned(), body))
                .await
                .unwrap();
            let (status, body) = answers.lock().unwrap().pop_front().unwrap_or((200, "{}"));
            (StatusCode::from_u16(status).unwrap(), body).into_response()
        };
    let router = Router::new().fallback(answer).with_state((answers, tell));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), came)
}

fn channels(webhook: Option<&str>, telegram: Option<&str>) -> Vec<Channel> {
    let mut config = Config::default();
    config.operator.webhook = webhook.map(|url| format!("{url}/hook"));
    if let Some(url) = telegram {
        config.operator.telegram_url = url.to_owned();
        config.operator.telegram_chat = Some("-100".to_owned());
    }
    let key = |name: &str| (name.to_owned(), "123:s3cret".to_owned());
    let environment = [key("ORION_KEY_WEBHOOK"), key("ORION_KEY_TELEGRAM")];
    let secrets = Secrets::gather(&config, &environment).unwrap();
    Channel::wanted(&config, &secrets)
}

fn note(key: &str, text: &str) -> Note {
    Note {
        key: key.to_owned(),
        event: "source_down",
        state: State::Begun,
        text: text.to_owned(),
        at: Time::from_secs(1_700_000_000),
    }
}

/// Waits until so many were sent, failed.
async fn until(line: &Line, sent: u64, failed: u64) {
    let counts = || {
        (
            line.sent.load(Ordering::Relaxed),
            line.failed.load(Ordering::Relaxed),
        )
    };
    let reached = async {
        while counts() != (sent, failed) {
            tokio::task::yield_now().await;
        }
    };
    let within = tokio::time::timeout(Duration::from_secs(20), reached).await;
    assert!(within.is_ok(), "{:?} is not {:?}", counts(), (sent, failed));
}

#[tokio::test]
async fn both_ways_are_told_with_their_keys() {
    let (hook, mut at_hook) = played(&[]).await;
    let (bot, mut at_bot) = played(&[]).await;
    let mut running = JoinSet::new();
    let outbox = Outbox::open(channels(Some(&hook), Some(&bot)), PATIENCE, &mut running);
    outbox.tell(&note("source oanda", "source oanda is down"));
    let (path, key, body) = at_hook.recv().await.unwrap();
    assert_eq!(
        (path.as_str(), key.as_str()),
        ("/hook", "Bearer 123:s3cret")
    );
    assert_eq!(body["event"], "source_down");
    assert_eq!(body["state"], "begun");
    assert_eq!(body["about"], "source oanda");
    assert_eq!(body["text"], "ORION sim-1: source oanda is down");
    assert_eq!(body["at"], "2023-11-14T22:13:20.000Z");
    let (path, key, body) = at_bot.recv().await.unwrap();
    assert_eq!(
        (path.as_str(), key.as_str()),
        ("/bot123:s3cret/sendMessage", "")
    );
    assert_eq!(body["chat_id"], "-100");
    assert_eq!(body["text"], "ORION sim-1: source oanda is down");
    for line in outbox.lines.iter() {
        until(line, 1, 0).await;
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_given_up() {
    let slow = r#"{"ok":false,"description":"Too Many Requests","parameters":{"retry_after":0}}"#;
    let (url, mut came) = played(&[
        (500, "no JSON"),
        (429, slow),
        (200, "{}"),
        (403, "{}"),
        (200, "{}"),
    ])
    .await;
    let mut running = JoinSet::new();
    let outbox = Outbox::open(channels(Some(&url), None), PATIENCE, &mut running);
    let line = &outbox.lines[0];
    outbox.tell(&note("a", "first"));
    until(line, 1, 0).await;
    outbox.tell(&note("b", "second"));
    until(line, 1, 1).await;
    outbox.tell(&note("c", "third"));
    until(line, 2, 1).await;
    let mut texts = Vec::new();
    while let Ok((_, _, body)) = came.try_recv() {
        texts.push(
            body["text"]
                .as_str()
                .unwrap()
                .rsplit(' ')
                .next()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(texts, ["first", "first", "first", "second", "third"]);
}

#[tokio::test]
async fn who_never_answers_is_given_up_after_the_last_try_and_holds_up_nobody() {
    let (url, mut came) = played(&[]).await;
    // Nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let mut running = JoinSet::new();
    let outbox = Outbox::open(channels(Some(&gone), Some(&url)), PATIENCE, &mut running);
    outbox.tell(&note("a", "first"));
    assert!(came.recv().await.is_some());
    until(&outbox.lines[0], 0, 1).await;
    until(&outbox.lines[1], 1, 0).await;
}

#[tokio::test]
async fn no_reason_holds_a_key() {
    let words = r#"{"description":"bot 123:s3cret is unknown"}"#;
    let (url, _came) = played(&[(404, words)]).await;
    let waiting = Waiting {
        note: note("a", "first"),
        folded: 0,
    };
    let channels = channels(None, Some(&url));
    let refused = channels[0].send(&waiting).await.unwrap_err();
    let Refusal::Never(reason) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        reason.contains("bot [key] is unknown") && reason.contains("operator.telegram_chat"),
        "{reason}"
    );
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let refused = super::tests::channels(None, Some(&gone))[0]
        .send(&waiting)
        .await
        .unwrap_err();
    assert!(!format!("{refused:?}").contains("s3cret"), "{refused:?}");
}

#[test]
fn the_queue_is_bounded_and_folds_what_is_about_the_same() {
    let line = Line::new(channels(Some("http://127.0.0.1:1"), None).remove(0));
    for number in 0..WAITING_MAX + 3 {
        line.add(&note(&format!("key {number}"), "text"));
    }
    assert_eq!(line.count(), WAITING_MAX);
    assert_eq!(line.dropped.load(Ordering::Relaxed), 3);
    line.add(&note("key 10", "newer"));
    line.add(&note("key 10", "newest"));
    assert_eq!(line.count(), WAITING_MAX);
    assert_eq!(line.take().unwrap().note.key, "key 3");
    let last = std::iter::from_fn(|| line.take()).last().unwrap();
    assert_eq!((last.note.text.as_str(), last.folded), ("newest", 2));
}
