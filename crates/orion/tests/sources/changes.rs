//! Sources that come and go while the server runs, by its settings: nobody is closed, those that stay are not touched, and the
//! tape gives the journal again.

use crate::support::{Client, Server, serve, signal};
use crate::world::{PATIENCE, World, health, sources, until_health};
use serde_json::{Value, json};
use standin::oanda::Options;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::time::Instant;

/// A server whose sources stand in a file, and its vendors.
struct Scene {
    world: World,
    folder: tempfile::TempDir,
    server: Server,
}

impl Scene {
    fn new(kind: &str) -> Self {
        let (world, folder) = (World::new(), tempfile::tempdir().expect("a folder"));
        let file = folder.path().join("orion.toml");
        fs::write(&file, text(&world, kind)).expect("write");
        let arguments = ["--config", &file.display().to_string()];
        let mut command = serve(&folder.path().join("data"), &arguments);
        command.env("ORION_KEY_OANDA", Options::default().token);
        let server = Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
        Self {
            world,
            folder,
            server,
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Other settings, which the server is told of.
    fn change(&self, text: &str) {
        let file = self.folder.path().join("orion.toml");
        let new = file.with_extension("new");
        fs::write(&new, text).expect("write");
        fs::rename(&new, &file).expect("rename");
        signal(self.server.pid(), "HUP");
    }

    fn names(&self) -> Vec<Value> {
        let sources = sources(&self.server).into_iter();
        sources.map(|source| source["name"].clone()).collect()
    }
}

/// OANDA has the euro alone, Kraken the euro and the pound.
fn text(world: &World, kind: &str) -> String {
    let (oanda, kraken) = (world.oanda.url(), world.kraken.address());
    format!(
        "[feed]\nkind = \"{kind}\"\n\
         [feed.oanda]\nrest_url = \"{oanda}\"\nstream_url = \"{oanda}\"\nbackfill_hours = 0\n\
         symbols = [\"GBPUSD=\", \"USDJPY=\", \"XAUUSD=\", \"US30=\", \"NAS100=\", \"SPX500=\"]\n\
         [feed.json]\naddress = [\"kraken:{kraken}\"]\n"
    )
}

/// A client of the extended protocol: it hears whose each price is, and where each event lies.
struct Listener {
    client: Client,
    epoch: Value,
    seq: Value,
}

impl Listener {
    fn new(server: &Server) -> Self {
        let mut client = server.connect();
        client.say(
            &json!({"type": "subscribe", "v": 1, "channels": ["signals", "prices", "status"]}),
        );
        let mut listener = Self {
            client,
            epoch: Value::Null,
            seq: Value::Null,
        };
        let subscribed = listener.until("subscribed", |message| message["type"] == "subscribed");
        listener.epoch = subscribed["epoch"].clone();
        listener.seq = subscribed["seq"].clone();
        listener
    }

    fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < PATIENCE, "never came: {what}");
            let message = self.client.next();
            let message = message.unwrap_or_else(|| panic!("closed before {what}"));
            if message["type"] == "signal" {
                assert_eq!(message["prev"], self.seq, "an event was missed");
                self.seq = message["seq"].clone();
            }
            if let Some(epoch) = message.get("epoch") {
                assert!(self.epoch.is_null() || *epoch == self.epoch, "{message}");
            }
            if wanted(&message) {
                return message;
            }
        }
    }

    /// The next price of a symbol: whose it is.
    fn source_of(&mut self, symbol: &str) -> String {
        let price = self.until(symbol, |message| {
            message["type"] == "price_update" && message["payload"]["symbol"] == symbol
        });
        let source = price["ext"]["source"].as_str();
        source.unwrap_or_else(|| panic!("{price}")).to_owned()
    }

    fn until_source(&mut self, symbol: &str, source: &str) {
        let began = Instant::now();
        while self.source_of(symbol) != source {
            assert!(
                began.elapsed() < PATIENCE,
                "{symbol} never came from {source}"
            );
        }
    }
}

#[test]
fn sources_come_and_go_and_nobody_is_closed() {
    let scene = Scene::new("oanda");
    let (server, world) = (&scene.server, &scene.world);
    let mut plain = server.subscribe();
    let mut extended = Listener::new(server);
    extended.until_source("EURUSD", "oanda");
    assert_eq!(scene.names(), ["oanda"]);

    // One more, behind: the euro's stays, and is not connected to again.
    scene.change(&text(world, "oanda,kraken"));
    assert!(server.logs("feed.kind was \"oanda\" and is \"oanda,kraken\" from now on"));
    extended.until_source("GBPUSD", "kraken");
    assert_eq!(extended.source_of("EURUSD"), "oanda");
    assert_eq!(scene.names(), ["oanda", "kraken"]);
    until_health(&mut plain, server, "kraken", |it| it["state"] == "live");
    let since = health(server, "kraken")["since"].clone();

    // The first one goes, and the second is the first: what is Kraken's stays Kraken's.
    scene.change(&text(world, "kraken"));
    assert!(server.logs("feed.kind was \"oanda,kraken\" and is \"kraken\" from now on"));
    extended.until_source("EURUSD", "kraken");
    for _ in 0..3 {
        assert_eq!(extended.source_of("GBPUSD"), "kraken");
        assert_eq!(extended.source_of("EURUSD"), "kraken");
    }
    assert_eq!(world.oanda.begun(), 1, "the one that stayed was left alone");
    assert_eq!(scene.names(), ["kraken"]);
    let now = health(server, "kraken")["since"].clone();
    assert_eq!(now, since, "so was this one, though its place changed");
    let prices: Value = serde_json::from_str(&server.get("/api/v1/prices")).expect("JSON");
    let items = prices["items"].as_array().expect("items");
    assert!(
        items.len() >= 2 && items.iter().all(|item| item["source"] == "kraken"),
        "{prices}"
    );

    // It comes back, in front, with a rule: both at once.
    let both = format!("{}[rules]\nmin_rr = 2.0\n", text(world, "oanda,kraken"));
    scene.change(&both);
    assert!(server.logs("rules.min_rr was 1.5 and is 2.0 from now on"));
    world.runtime.block_on(world.oanda.until_begun(2));
    until_health(&mut plain, server, "oanda", |it| it["state"] == "live");
    assert_eq!(extended.source_of("GBPUSD"), "kraken");
    assert_eq!(health(server, "kraken")["since"], since);

    // What cannot run changes nothing: no such source, and no key for the only one.
    scene.change(&both.replace("oanda,kraken", "oanda,krakn"));
    assert!(server.logs("the settings cannot run, and stay as they were"));
    scene.change(&both.replace("oanda,kraken", "massive"));
    assert!(server.logs("engine and sources go on as they were: no source can start"));
    assert!(server.logs("feed.kind stays \"oanda,kraken\", though the settings say \"massive\""));
    // Another market is another server.
    scene.change("");
    assert!(server.logs("feed.kind stays \"oanda,kraken\", though the settings say \"sim\": it says which server this is"));
    assert_eq!(scene.names(), ["oanda", "kraken"]);
    until_pound(&mut plain);
    assert_eq!(extended.source_of("GBPUSD"), "kraken");

    server.terminate();
    let data = scene.data();
    let Scene {
        server,
        folder: _folder,
        ..
    } = scene;
    assert_eq!(server.wait(), Some(0));
    check_whole(&data);
}

fn until_pound(client: &mut Client) {
    crate::world::until_pounds(client, 1);
}

/// `orion verify`: the tape gives the journal again.
fn check_whole(data: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["verify", "--data"])
        .arg(data)
        .output()
        .expect("run orion verify");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_key_that_changes_in_the_secrets_file_is_taken_up() {
    let (world, folder) = (World::new(), tempfile::tempdir().expect("a folder"));
    let (file, secrets) = (
        folder.path().join("orion.toml"),
        folder.path().join("secrets.toml"),
    );
    let keep = |token: &str| {
        let new = secrets.with_extension("new");
        fs::write(&new, format!("oanda = \"{token}\"\n")).expect("write");
        fs::rename(&new, &secrets).expect("rename");
    };
    keep("another-key");
    let named = format!("[secrets]\nfile = \"{}\"\n", secrets.display());
    fs::write(&file, text(&world, "oanda,kraken") + &named).expect("write");
    let data = folder.path().join("data");
    let mut command = serve(&data, &["--config", &file.display().to_string()]);
    command.env_remove("ORION_KEY_OANDA");
    let server = Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    let mut client = server.subscribe();
    until_health(&mut client, &server, "oanda", |it| it["state"] == "failed");
    let mut listener = Listener::new(&server);
    listener.until_source("EURUSD", "kraken");
    let since = health(&server, "kraken")["since"].clone();

    // The settings are the same, and so is the other source.
    let token = Options::default().token;
    keep(&token);
    signal(server.pid(), "HUP");
    assert!(server.logs("files that settings name have changed, and hold from now on"));
    until_health(&mut client, &server, "oanda", |it| it["state"] == "live");
    listener.until_source("EURUSD", "oanda");
    assert_eq!(health(&server, "kraken")["since"], since);

    // A file that is none changes nothing, and no line of it is told.
    fs::write(&secrets, format!("oanda \"{token}\"\n")).expect("write");
    signal(server.pid(), "HUP");
    let told = server.log_after("engine and sources go on as they were: ");
    let told = told.expect("why");
    assert!(told.contains("is not TOML at line 1"), "{told}");
    assert!(!told.contains(&token), "{told}");
    assert_eq!(listener.source_of("EURUSD"), "oanda");
    server.terminate();
    assert_eq!(server.wait(), Some(0));
}
