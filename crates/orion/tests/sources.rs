//! Live sources of a real server against vendors that are played: taken over when one stalls, flooded, healed; and what
//! `orion feed test` says of each.

mod support;

use journal::tape::{TapeItem, TapeReader};
use market::{Event, NewYork, SourceTime, Span};
use orion::config::Config;
use serde_json::Value;
use standin::kraken::{self, Kraken};
use standin::oanda::{Candle, Fault, Oanda, Options, Quote, Refuse};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::{Client, Server, key, serve_at, slow};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

/// Nothing here may hang a run for ever.
const PATIENCE: Duration = Duration::from_secs(90);
/// A Wednesday at noon: the market is open whatever day the test runs on.
const NOON: &str = "2026-07-15T12:00:00.000Z";

/// The vendors and the market they tell of.
struct World {
    runtime: Runtime,
    oanda: Arc<Oanda>,
    kraken: Arc<Kraken>,
    market: Arc<Market>,
    player: JoinHandle<()>,
}

/// A price that rises by a step with every tick, so that no two ticks are alike.
struct Market {
    /// The market's time when it began.
    base: SourceTime,
    began: Instant,
    ticks: AtomicU64,
    /// Milliseconds between two ticks.
    pace: AtomicU64,
}

impl Market {
    fn next(&self) -> (u64, SourceTime) {
        let number = self.ticks.fetch_add(1, Ordering::Relaxed);
        let passed = i64::try_from(self.began.elapsed().as_nanos()).expect("a short test");
        (number, self.base + Span::from_nanos(passed))
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

impl World {
    fn new() -> Self {
        Self::at(SourceTime::parse(NOON).expect("a time"))
    }

    fn at(base: SourceTime) -> Self {
        let runtime = runtime();
        let (oanda, kraken) = runtime.block_on(async {
            let options = Options {
                heartbeat: Duration::from_millis(500),
                ..Options::default()
            };
            let oanda = Oanda::start(options).await.expect("play OANDA");
            let kraken = Kraken::start().await.expect("play Kraken");
            (Arc::new(oanda), Arc::new(kraken))
        });
        let began = runtime.block_on(async { Instant::now() });
        let market = Arc::new(Market {
            base,
            began,
            ticks: AtomicU64::new(0),
            pace: AtomicU64::new(100),
        });
        let player = runtime.spawn(play(
            Arc::clone(&oanda),
            Arc::clone(&kraken),
            Arc::clone(&market),
        ));
        Self {
            runtime,
            oanda,
            kraken,
            market,
            player,
        }
    }

    /// OANDA first, for the euro alone; Kraken for the euro and the pound.
    fn serve(&self, data: &Path) -> Server {
        self.serve_with(data, "127.0.0.1:0", &[])
    }

    fn serve_with(&self, data: &Path, address: &str, more: &[&str]) -> Server {
        let url = self.oanda.url();
        let sets = [
            format!("feed.oanda.rest_url=\"{url}\""),
            format!("feed.oanda.stream_url=\"{url}\""),
            "feed.oanda.backfill_hours=0".to_owned(),
            "feed.oanda.symbols=[\"GBPUSD=\",\"USDJPY=\",\"XAUUSD=\",\"US30=\",\"NAS100=\",\"SPX500=\"]".to_owned(),
            format!("feed.json.address=[\"kraken:{}\"]", self.kraken.address()),
        ];
        let mut arguments = vec!["--feed", "oanda,kraken"];
        for set in sets.iter().map(String::as_str).chain(more.iter().copied()) {
            arguments.extend(["--set", set]);
        }
        let mut command = serve_at(address, data, &arguments);
        command.env("ORION_KEY_OANDA", Options::default().token);
        Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.player.abort();
    }
}

/// Plays one market to both vendors; in a flood only to OANDA's euro.
async fn play(oanda: Arc<Oanda>, kraken: Arc<Kraken>, market: Arc<Market>) {
    let mut millis = interval(Duration::from_millis(1));
    let mut passed = 0;
    loop {
        millis.tick().await;
        passed += 1;
        if passed % market.pace.load(Ordering::Relaxed) == 0 {
            let (number, time) = market.next();
            let price = |base: u64, spread: u64| format!("1.{:05}", base + number % 4000 + spread);
            let (bid, ask) = (price(10_000, 0), price(10_000, 10));
            oanda.play(&[Quote::new("EUR_USD", time.nanos(), &bid, &ask)]);
            if passed % 100 == 0 {
                let stamp = time.to_string();
                kraken.quote("EUR/USD", &bid, &ask, &stamp);
                kraken.quote("GBP/USD", &price(30_000, 0), &price(30_000, 10), &stamp);
            }
        }
    }
}

/// Reads on until a message is as wanted; counts the prices of the pound on the way.
fn until(client: &mut Client, what: &str, wanted: impl Fn(&Value) -> bool) -> usize {
    let (began, mut pounds) = (Instant::now(), 0);
    loop {
        assert!(began.elapsed() < PATIENCE, "never came: {what}");
        let message = client
            .next()
            .unwrap_or_else(|| panic!("never came: {what}"));
        pounds += usize::from(
            message["type"] == "price_update" && message["payload"]["symbol"] == "GBPUSD",
        );
        if wanted(&message) {
            return pounds;
        }
    }
}

fn until_source(client: &mut Client, symbol: &str, source: &str) -> usize {
    until(client, &format!("{symbol} from {source}"), |message| {
        let payload = &message["payload"];
        message["type"] == "status"
            && payload["symbol"] == symbol
            && payload["source"] == source
            && payload["feed"] == "live"
    })
}

fn until_pounds(client: &mut Client, count: usize) {
    for _ in 0..count {
        until(client, "a price of GBPUSD", |message| {
            message["type"] == "price_update" && message["payload"]["symbol"] == "GBPUSD"
        });
    }
}

fn health(server: &Server, source: &str) -> Value {
    let health: Value = serde_json::from_str(&server.get("/health")).expect("JSON");
    let sources = health["feed"]["sources"].as_array().expect("sources");
    let found = sources.iter().find(|one| one["name"] == source);
    found
        .unwrap_or_else(|| panic!("{health} has no {source}"))
        .clone()
}

#[test]
fn a_source_that_is_cut_stalled_or_flooded_costs_the_others_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new();
    let server = world.serve(folder.path());
    let mut client = server.subscribe_to(&["prices", "status"]);
    until_source(&mut client, "EURUSD", "oanda");
    until_pounds(&mut client, 1);

    // Cut, and down for a while: Kraken takes the euro over.
    world
        .oanda
        .fault(Fault::Refuse(Refuse::next(2, 503, "down")));
    world.oanda.fault(Fault::Cut);
    until_source(&mut client, "EURUSD", "kraken");
    until_pounds(&mut client, 3);
    let cut = health(&server, "oanda");
    assert_ne!(cut["state"], "live", "{cut}");
    assert!(cut["reason"].is_string(), "{cut}");
    // It is up again, and connected to after a wait.
    world.runtime.block_on(world.oanda.until_begun(2));
    while health(&server, "oanda")["state"] != "live" {
        until_pounds(&mut client, 1);
    }
    let ticks = || health(&server, "oanda")["ticks"].as_u64().expect("a count");
    let earlier = ticks();

    // Flooded: 1,000 ticks a second. The pound goes on, and memory stays where it is.
    let before = server.resident();
    world.market.pace.store(1, Ordering::Relaxed);
    let is_slow = slow("a flood of a minute, and two changes of source");
    if is_slow {
        // Half a minute of proof in the flood, and the better source is back.
        until_source(&mut client, "EURUSD", "oanda");
        until_pounds(&mut client, 30);
    } else {
        until_pounds(&mut client, 4);
    }
    world.market.pace.store(100, Ordering::Relaxed);
    let flood = ticks() - earlier;
    assert!(flood > 1000, "{flood} ticks in the flood");
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more after the flood");

    // Stalled: the connection is up, and nothing comes.
    world.oanda.fault(Fault::Stall);
    world
        .kraken
        .send("{\"channel\":\"ticker\",\"data\":[{\"symbol\":");
    until_pounds(&mut client, 3);
    let unreadable = health(&server, "kraken");
    assert_eq!(unreadable["unreadable"], 1, "{unreadable}");
    if is_slow {
        until_source(&mut client, "EURUSD", "kraken");
    }
    world.oanda.fault(Fault::Heal);

    if is_slow {
        until_source(&mut client, "EURUSD", "oanda");
    }
    let connects = health(&server, "oanda")["connects"]
        .as_u64()
        .expect("a count");
    let most = world.market.began.elapsed().as_secs() / 5 + 2;
    assert!(connects <= most, "{connects} connects, at most {most}");
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    check_ticks(&folder.path().join("live").join("tape"));
}

/// No tick is on the tape twice, and times of an instrument only rise.
fn check_ticks(tape: &Path) {
    let mut seen = BTreeSet::new();
    let mut switches = 0;
    for item in TapeReader::open(tape, None).expect("open the tape") {
        match item.expect("a whole tape") {
            TapeItem::Event(_, Event::Tick(tick)) => {
                let key = (tick.instrument, tick.time, tick.bid);
                assert!(seen.insert(key), "{tick:?} is there twice");
            }
            TapeItem::Event(_, Event::Switch(..)) => switches += 1,
            TapeItem::Event(..) | TapeItem::Settings(_) => {}
        }
    }
    assert!(seen.len() > 100, "{} ticks", seen.len());
    assert!(switches >= 3, "{switches} switches");
}

/// The minutes before `now` as OANDA keeps them, falling and rising by turns; and the close of the last trading day.
fn keep_history(oanda: &Oanda, now: SourceTime) {
    let minute = now.floor(Span::from_minutes(1));
    let candle = |minutes_ago: i64| {
        let turn = (minutes_ago % 7) * 10;
        let price = |points: i64| format!("1.{:05}", 10_000 + turn + points);
        let prices = |spread: i64| [0, 60, -40, 20].map(|points| price(points + spread));
        Candle {
            nanos: (minute - Span::from_minutes(minutes_ago)).nanos(),
            bid: prices(0),
            ask: prices(10),
            is_complete: true,
        }
    };
    oanda.set_candles("EUR_USD", "M1", (1..=300).rev().map(candle).collect());
    let yesterday = Candle {
        nanos: (NewYork::latest(now, 17) - Span::from_hours(24)).nanos(),
        bid: ["1.09000", "1.09500", "1.08500", "1.09000"].map(str::to_owned),
        ask: ["1.09010", "1.09510", "1.08510", "1.09010"].map(str::to_owned),
        is_complete: true,
    };
    oanda.set_candles("EUR_USD", "D", vec![yesterday]);
}

#[test]
fn charts_are_warm_and_changes_right_from_the_first_minute() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = key(folder.path(), "mybot", "bots");
    // The past is asked for by the clock of this machine.
    let now = orion::clock::Sources::system(&mut orion::clock::Machine).as_source();
    let catalog = Config::default().catalog();
    let real = market::Source {
        simulated: false,
        always_open: false,
        ..catalog.sources[0].clone()
    };
    if !engine::session::is_open(&catalog.instruments[0], &real, now) {
        eprintln!(
            "skipped: the market of EURUSD is closed now, and its past is told by this machine's clock"
        );
        return;
    }
    let world = World::at(now);
    keep_history(&world.oanda, now);
    let server = world.serve_with(
        folder.path(),
        "127.0.0.1:0",
        &["feed.oanda.backfill_hours=5"],
    );
    let mut client = server.subscribe_to(&["prices", "status"]);
    until_source(&mut client, "EURUSD", "oanda");
    until(&mut client, "a price with its change", |message| {
        let payload = &message["payload"];
        let number = |field: &str| payload[field].as_f64().unwrap_or(f64::NAN);
        // Against the mid of yesterday's close, 1.09005.
        payload["symbol"] == "EURUSD" && (number("price") - number("change") - 1.09005).abs() < 2e-5
    });
    // A stop can be planned: the average true range is known from what was fetched.
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str())];
    let body = r#"{"id":"warm","symbol":"EURUSD","direction":"long"}"#;
    let (status, answer) = server
        .post("/api/signals", &headers, body)
        .expect("an answer");
    assert_eq!(status, 200, "{answer}");
    assert!(answer["planned"]["stop_loss"].is_number(), "{answer}");
    assert_eq!(answer["simulated"], Value::Null, "a real source");
    // A symbol that no source tells has no price to judge by.
    let other = body.replace("EURUSD", "US30").replace("warm", "cold");
    let (status, answer) = server
        .post("/api/signals", &headers, &other)
        .expect("an answer");
    assert_eq!(status, 422, "{answer}");
}

#[test]
fn prices_for_own_use_are_not_sent_to_whoever_can_reach_the_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new();
    let server = world.serve_with(folder.path(), "0.0.0.0:0", &[]);
    let mut client = server.subscribe_to(&["prices", "status"]);
    let mut live = 0;
    while live < 2 {
        let message = client.next().expect("a message");
        assert_ne!(message["type"], "price_update", "{message}");
        live += usize::from(message["payload"]["feed"] == "live");
    }
    let allowed = world.serve_with(
        &folder.path().join("allowed"),
        "0.0.0.0:0",
        &["feed.may_show_to_others=true"],
    );
    until_pounds(&mut allowed.subscribe_to(&["prices"]), 1);
}

#[test]
fn sources_are_recorded_without_a_server_and_played_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
    let address = format!("feed.json.address=[\"kraken:{}\"]", world.kraken.address());
    command
        .args(["record", "--feed", "kraken", "--set", &address, "--data"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut recorder = command.spawn().expect("start recording");
    let log = support::lines(recorder.stderr.take().expect("standard error"));
    let mut flowing = BTreeSet::new();
    while flowing.len() < 2 {
        let line = log
            .recv_timeout(Duration::from_secs(60))
            .expect("prices flow");
        flowing.extend(
            ["EURUSD", "GBPUSD"]
                .into_iter()
                .filter(|symbol| line.contains(symbol)),
        );
    }
    let sent = Command::new("kill")
        .args(["-TERM", &recorder.id().to_string()])
        .status();
    assert!(sent.expect("send a signal").success());
    let output = recorder.wait_with_output().expect("the recorder ends");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.starts_with("recorded "),
        "{told}"
    );

    let folder = folder.path().join("record");
    let ticks = TapeReader::open(&folder.join("tape"), None)
        .expect("open the tape")
        .filter(|item| matches!(item, Ok(TapeItem::Event(_, Event::Tick(_)))));
    assert!(ticks.count() >= 2);
    let replayed = Command::new(env!("CARGO_BIN_EXE_orion"))
        .arg("replay")
        .arg(&folder)
        .output();
    assert!(replayed.expect("replay").status.success());
}

/// What `orion feed test` prints and how it ends.
fn feed_test(name: &str, sets: &[String], key: Option<(&str, &str)>) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
    command.args(["feed", "test", name, "--seconds", "3"]);
    for set in sets {
        command.args(["--set", set]);
    }
    if let Some((variable, value)) = key {
        command.env(variable, value);
    }
    let output = command.output().expect("run orion feed test");
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), text.concat())
}

#[test]
fn feed_test_shows_a_table_or_says_exactly_why_not() {
    let world = World::new();
    let url = world.oanda.url();
    let sets = [
        format!("feed.oanda.rest_url=\"{url}\""),
        format!("feed.oanda.stream_url=\"{url}\""),
        "feed.oanda.backfill_hours=0".to_owned(),
        format!("feed.json.address=[\"kraken:{}\"]", world.kraken.address()),
    ];
    let token = Options::default().token;
    let (good, text) = feed_test("oanda", &sets, Some(("ORION_KEY_OANDA", &token)));
    assert!(good, "{text}");
    assert!(text.contains("EURUSD   EUR_USD"), "{text}");
    assert!(text.contains("oanda is live"), "{text}");
    assert!(!text.contains(&token), "{text}");

    let (good, text) = feed_test("oanda", &sets, None);
    assert!(
        !good && text.contains("it needs a key; set the variable ORION_KEY_OANDA"),
        "{text}"
    );

    let (good, text) = feed_test("kraken", &sets, None);
    assert!(good && text.contains("GBPUSD   GBP/USD"), "{text}");

    world.kraken.fault(kraken::Fault::Down);
    world.kraken.cut();
    let (good, text) = feed_test("kraken", &sets, None);
    assert!(!good && text.contains("503"), "{text}");

    let (good, text) = feed_test(
        "metatrader",
        &["server.listen=\"127.0.0.1:9\"".to_owned()],
        None,
    );
    assert!(
        !good && text.contains("orion serve --feed metatrader"),
        "{text}"
    );
}
