//! A vendor that nobody has ever heard of, described by the very file that `docs/sources/json.md` shows.

use crate::support::{Source, within};
use feeds::health::Phase;
use feeds::inbox::Told;
use feeds::json::Description;
use feeds::supervise::End;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

const PAGE: &str = include_str!("../../../../docs/sources/json.md");

/// The example of the page with this number, from 0.
pub(crate) fn example(number: usize) -> Description {
    let text = PAGE
        .split("```toml")
        .skip(1)
        .map(|part| part.split("```").next().unwrap());
    let descriptions: Vec<_> = text
        .filter(|text| text.contains("[[message]]") && text.contains("title ="))
        .collect();
    Description::parse(descriptions[number])
        .unwrap_or_else(|problems| panic!("the page's example: {problems}"))
}

/// The vendor's end of a conversation.
struct Vendor {
    listener: TcpListener,
}

struct Conversation(WebSocketStream<TcpStream>);

impl Vendor {
    async fn new() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }
    fn address(&self) -> String {
        format!("ws://{}", self.listener.local_addr().unwrap())
    }
    async fn accept(&self) -> Conversation {
        let (stream, _) = within(self.listener.accept()).await.unwrap();
        Conversation(accept_async(stream).await.unwrap())
    }
}

impl Conversation {
    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }
    /// Waits for a message, over pings of the protocol.
    async fn hear(&mut self) -> String {
        loop {
            if let Message::Text(text) = within(self.0.next()).await.unwrap().unwrap() {
                return text.to_string();
            }
        }
    }
}

#[tokio::test]
async fn welcome_login_subscriptions_ticks_and_answers_to_pings() {
    let vendor = Vendor::new().await;
    let running = Source::new(example(0), &vendor.address(), &[]).run();
    let mut conversation = vendor.accept().await;
    assert_eq!(
        running.outlet.health().phase,
        Phase::Starting,
        "it waits for the welcome"
    );
    conversation
        .say(r#"{"type":"welcome","message":"hello"}"#)
        .await;
    assert_eq!(
        conversation.hear().await,
        r#"{"action":"auth","api_key":"good-key"}"#
    );
    assert_eq!(running.outlet.health().phase, Phase::Authenticating);
    conversation
        .say(r#"{"type":"authenticated","tier":"free","symbols":[{"symbol":"EUR/USD"}]}"#)
        .await;
    assert_eq!(
        conversation.hear().await,
        r#"{"action":"subscribe","symbol":"EUR/USD"}"#
    );
    assert_eq!(
        conversation.hear().await,
        r#"{"action":"subscribe","symbol":"USD/JPY"}"#
    );
    conversation
        .say(r#"{"type":"subscribed","symbol":"EUR/USD","count":1,"max":16}"#)
        .await;
    running.began().await;
    conversation
        .say(r#"{"type":"error","code":"INVALID_SYMBOL","message":"no USD/JPY here"}"#)
        .await;
    // The three spellings of a time.
    for (time, shown) in [
        ("\"2026-07-13T12:00:00.760146+00:00\"", "760Z"),
        ("\"2026-07-13 12:00:00.860146+00:00\"", "860Z"),
        ("1783944000.9", "900Z"),
    ] {
        let tick = format!(
            r#"{{"type":"tick","symbol":"EUR/USD","ts":{time},"bid":1.1427,"ask":1.1429,"volume":1.0}}"#
        );
        conversation.say(&tick).await;
        assert_eq!(
            running.quote().await,
            format!("EURUSD 1.1427 1.1429 2026-07-13T12:00:00.{shown}")
        );
    }
    assert!(
        running.coverage()[1].contains("Refused(\"no USD/JPY here\")"),
        "{:?}",
        running.coverage()
    );
    conversation.say(r#"{"type":"ping"}"#).await;
    assert_eq!(conversation.hear().await, r#"{"type":"pong"}"#);
    conversation
        .say(
            r#"{"type":"error","code":"TOO_MANY_CONNECTIONS","message":"one at a time, good-key"}"#,
        )
        .await;
    let end = running.end().await;
    assert!(
        matches!(&end, End::Contested { reason, .. } if reason == "one at a time, [key]"),
        "{end:?}"
    );
}

#[tokio::test]
async fn a_login_that_is_refused_or_not_answered_ends_it() {
    let vendor = Vendor::new().await;
    let running = Source::new(example(0), &vendor.address(), &[]).run();
    let mut conversation = vendor.accept().await;
    conversation.say(r#"{"type":"welcome"}"#).await;
    conversation.hear().await;
    conversation
        .say(r#"{"type":"error","code":"INVALID_KEY"}"#)
        .await;
    let end = running.end().await;
    assert!(
        matches!(&end, End::Fatal { reason, .. } if reason == "INVALID_KEY"),
        "{end:?}"
    );
}

#[tokio::test]
async fn each_step_has_its_deadline() {
    let text = |what: &str| {
        let symbol = if what == "confirmed" {
            "symbol = \"s\""
        } else {
            ""
        };
        format!(
            r#"
        title = "Made up"
        kind = "websocket"
        address = "wss://example.com"
        audience = "own"
        licence = "none"
        answer_within_s = 0.2
        retry_refused_s = 0
        [symbols]
        EURUSD = {{ theirs = "A", kind = "cash" }}
        USDJPY = {{ theirs = "B", kind = "cash" }}
        [login]
        send = "hello"
        [[message]]
        is = "prices"
        when = {{ t = "p" }}
        symbol = "s"
        price = "p"
        [[message]]
        is = "{what}"
        when = {{ t = "{what}" }}
        {symbol}
        [[message]]
        is = "refused"
        when = {{ t = "no" }}
        symbol = "s"
        "#
        )
    };
    for (what, reason) in [
        ("welcome", "no welcome within 0.2 s"),
        ("authenticated", "no answer to the login within 0.2 s"),
        ("confirmed", "no answer to the subscriptions within 0.2 s"),
    ] {
        let vendor = Vendor::new().await;
        let running = Source::new(
            Description::parse(&text(what)).unwrap(),
            &vendor.address(),
            &[],
        )
        .run();
        let _conversation = vendor.accept().await;
        assert_eq!(running.end().await, End::transient(reason));
    }
    // One symbol is answered, the other is not: the connection stays. Then both are refused: nothing is left to wait for.
    let vendor = Vendor::new().await;
    let running = Source::new(
        Description::parse(&text("confirmed")).unwrap(),
        &vendor.address(),
        &[],
    )
    .run();
    let mut conversation = vendor.accept().await;
    conversation.say(r#"{"t":"confirmed","s":"A"}"#).await;
    running.began().await;
    within(async {
        while !running.coverage()[1].contains("Refused(\"no answer within 0.2 s\")") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    conversation.say(r#"{"t":"no","s":"A"}"#).await;
    assert_eq!(
        running.end().await,
        End::fatal(
            "every symbol is refused",
            "check the names, and what the account may see"
        )
    );
}

#[tokio::test]
async fn pings_of_the_protocol_are_sent_and_are_life() {
    let text = r#"
        title = "Made up"
        kind = "websocket"
        address = "wss://example.com"
        audience = "anybody"
        licence = "none"
        silence_s = 0.5
        headers = { X-Key = "{key}" }
        [symbols]
        EURUSD = { theirs = "A", kind = "cash" }
        [ping]
        every_s = 0.05
        [[message]]
        is = "prices"
        symbol = "s"
        price = "p"
    "#;
    let vendor = Vendor::new().await;
    let running = Source::with_clock(
        crate::support::ticking(),
        Description::parse(text).unwrap(),
        &vendor.address(),
        &[],
    )
    .run();
    let mut conversation = vendor.accept().await;
    // Reading answers pings; the client says nothing else.
    let answering = tokio::spawn(async move {
        while let Some(Ok(message)) = conversation.0.next().await {
            assert!(message.is_ping(), "{message:?}");
        }
    });
    running.until(|told| *told == Told::Life).await;
    running.until(|told| *told == Told::Life).await;
    answering.abort();
    let end = running.end().await;
    assert!(matches!(end, End::Transient { .. }), "{end:?}");
}

#[tokio::test]
async fn a_source_that_refuses_everything_is_not_live_until_it_sends_a_price() {
    let text = r#"
        title = "Made up"
        kind = "websocket"
        address = "wss://example.com"
        audience = "own"
        licence = "none"
        [symbols]
        EURUSD = { theirs = "A", kind = "cash" }
        [[message]]
        is = "prices"
        when = { p = "*" }
        symbol = "s"
        price = "p"
        [[message]]
        is = "refused"
        when = { no = "*" }
        symbol = "no"
        [[message]]
        is = "life"
        when = { t = "ping" }
        answer = "pong"
    "#;
    let vendor = Vendor::new().await;
    let description = Description::parse(text).unwrap();
    let running = Source::new(description, &vendor.address(), &[]).run();
    let mut conversation = vendor.accept().await;
    conversation.say(r#"{"no":"A"}"#).await;
    conversation.say(r#"{"t":"ping"}"#).await;
    assert_eq!(conversation.hear().await, "pong");
    assert_eq!(running.outlet.health().phase, Phase::Subscribing);
    conversation.say(r#"{"s":"A","p":1.1}"#).await;
    running.began().await;
    assert!(running.coverage()[0].contains("Confirmed"));
}
