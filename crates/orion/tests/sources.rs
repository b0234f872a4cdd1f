//! Live sources of a real server against vendors that are played: taken over when one stalls, flooded, healed; and what
//! `orion feed test` says of each.

mod support;

use journal::tape::{TapeItem, TapeReader};
use market::{Event, SourceTime, Span};
use serde_json::Value;
use standin::kraken::{self, Kraken};
use standin::oanda::{Fault, Oanda, Options, Quote, Refuse};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::{Client, Server, serve, slow};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

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
    began: Instant,
    ticks: AtomicU64,
    /// Milliseconds between two ticks.
    pace: AtomicU64,
}

impl Market {
    fn next(&self) -> (u64, SourceTime) {
        let number = self.ticks.fetch_add(1, Ordering::Relaxed);
        let passed = i64::try_from(self.began.elapsed().as_nanos()).expect("a short test");
        let noon = SourceTime::parse(NOON).expect("a time");
        (number, noon + Span::from_nanos(passed))
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
        let url = self.oanda.url();
        let sets = [
            format!("feed.oanda.rest_url=\"{url}\""),
            format!("feed.oanda.stream_url=\"{url}\""),
            "feed.oanda.backfill_hours=0".to_owned(),
            "feed.oanda.symbols=[\"GBPUSD=\",\"USDJPY=\",\"XAUUSD=\",\"US30=\",\"NAS100=\",\"SPX500=\"]".to_owned(),
            format!("feed.json.address=[\"kraken:{}\"]", self.kraken.address()),
        ];
        let mut arguments = vec!["--feed", "oanda,kraken"];
        for set in &sets {
            arguments.extend(["--set", set]);
        }
        let mut command = serve(data, &arguments);
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
    let mut pounds = 0;
    loop {
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
    until_pounds(
        &mut client,
        if slow("a flood of a minute") { 55 } else { 4 },
    );
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
    world.oanda.fault(Fault::Heal);

    // Half a minute of proof, and the better source is back.
    if slow("the return of the better source") {
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
