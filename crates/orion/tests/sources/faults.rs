//! Every live source in one server. Each is cut, stalled and flooded in its turn, and healed: the others keep their cadence,
//! no tick is doubled, memory stays flat, and nobody is connected to more often than once in five seconds.

use crate::support::{Client, Server, serve, slow};
use crate::vendors::{self, FLOOD, Kind, Vendor};
use crate::world::{Market, PATIENCE, runtime, sources};
use journal::tape::{TapeItem, TapeReader};
use market::{Event, Tick};
use orion::config::Config;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// Dashboards are promised a price at least so often; these get one a second.
const CADENCE: Duration = Duration::from_secs(5);
/// Seconds between the beginnings of two connects to one vendor, at least.
const CONNECT_EVERY: u64 = 5;
/// What memory may grow by while a flood goes on, and by its beginning.
const FLAT_BYTES: u64 = 8 << 20;
const GROWTH_BYTES: u64 = 64 << 20;

#[test]
fn a_source_that_is_cut_stalled_or_flooded_costs_the_others_nothing() {
    let is_slow = slow("faults that last, and a flood of a minute");
    let (fault, flood) = if is_slow { (15, 60) } else { (6, 4) };
    let mut scene = Scene::begin();
    for turn in 0..3 {
        scene.faults(turn, Duration::from_secs(fault));
    }
    scene.flood(flood);
    scene.end();
}

/// What happens to a source for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Cut,
    Stalled,
    LeftAlone,
}

impl Fate {
    /// In three turns each source meets each fate, and there are always some of every kind.
    fn of(place: usize, turn: usize) -> Self {
        [Self::Cut, Self::Stalled, Self::LeftAlone][(place + turn) % 3]
    }

    fn begin(self, vendor: &Vendor) {
        match self {
            Self::Cut => vendor.cut(),
            Self::Stalled => vendor.line.stall(),
            Self::LeftAlone => {}
        }
    }

    /// After half of the time.
    fn go_on(self, vendor: &Vendor) {
        match self {
            Self::Cut => vendor.cut_off(),
            Self::Stalled | Self::LeftAlone => {}
        }
    }

    /// Nothing came in the other half, and of a source that is cut health says so.
    fn check(self, vendor: &Vendor, earlier: &Sources, now: &Sources) {
        let (earlier, now) = (&earlier[vendor.name], &now[vendor.name]);
        assert_eq!(ticks(now), ticks(earlier), "{self:?}: {now}");
        if self == Self::Cut && vendor.kind != Kind::Called {
            assert_ne!(now["state"], "live", "{now}");
        }
    }
}

/// What health says of each source, by its name.
type Sources = BTreeMap<String, Value>;

/// A server with all sources, and a dashboard.
struct Scene {
    client: Client,
    server: Server,
    vendors: Vec<Arc<Vendor>>,
    /// Nothing ever happens to it.
    neighbour: Arc<Vendor>,
    /// The time of the last price that was seen of each symbol.
    last: BTreeMap<String, String>,
    folder: TempDir,
    _runtime: Runtime,
}

impl Scene {
    fn begin() -> Self {
        let (folder, runtime) = (tempfile::tempdir().expect("a folder"), runtime());
        let (vendors, neighbour) = runtime.block_on(async {
            let vendors = vendors::all(folder.path()).await;
            (vendors, vendors::neighbour(folder.path()).await)
        });
        let everybody: Vec<_> = vendors.iter().chain([&neighbour]).cloned().collect();
        let server = start(folder.path(), &everybody);
        let address = server.address.parse().expect("an address");
        let called = vendors.iter().filter(|vendor| vendor.kind == Kind::Called);
        called.for_each(|vendor| vendor.line.lead(address));
        runtime.spawn(vendors::play(everybody, Market::at_noon()));
        let mut scene = Self {
            client: server.subscribe_to(&["prices"]),
            server,
            vendors,
            neighbour,
            last: BTreeMap::new(),
            folder,
            _runtime: runtime,
        };
        scene.until_all_flow();
        scene
    }

    /// Some are cut and some stalled for a while; then all are whole again, and flow.
    fn faults(&mut self, turn: usize, span: Duration) {
        let fates = (0..).map(|place| Fate::of(place, turn));
        let fates: Vec<_> = fates.zip(self.vendors.clone()).collect();
        let (began, before) = (Instant::now(), self.health());
        fates.iter().for_each(|(fate, vendor)| fate.begin(vendor));
        let mut watched = self.watch(span / 2);
        fates.iter().for_each(|(fate, vendor)| fate.go_on(vendor));
        let earlier = self.health();
        watched.go_on(self.watch(span / 2));
        let now = self.health();
        watched.check(&self.neighbour);
        for (fate, vendor) in &fates {
            match fate {
                Fate::LeftAlone => watched.check(vendor),
                Fate::Cut | Fate::Stalled => fate.check(vendor, &earlier, &now),
            }
        }
        fates.iter().for_each(|(_, vendor)| vendor.line.heal());
        self.until_all_flow();
        check_connects(&before, &self.health(), began.elapsed());
    }

    /// All at once but those that cannot, for so many seconds.
    fn flood(&mut self, seconds: u64) {
        let vendors = self.vendors.clone();
        let before = self.health();
        let mut memory = vec![self.server.resident()];
        vendors.iter().for_each(|vendor| vendor.flood());
        let mut watched = self.watch(Duration::ZERO);
        for part in [seconds / 4, seconds - seconds / 4] {
            watched.go_on(self.watch(Duration::from_secs(part)));
            memory.push(self.server.resident());
        }
        vendors.iter().for_each(|vendor| vendor.calm());
        let came = |health: &Sources, vendor: &Vendor| {
            ticks(&health[vendor.name]) - ticks(&before[vendor.name])
        };
        let health = self.health();
        let all: u64 = vendors.iter().map(|vendor| came(&health, vendor)).sum();
        let sources = vendors.len();
        eprintln!("a flood of {seconds} s: {all} ticks came from {sources} sources");
        check_memory(&memory);
        watched.check(&self.neighbour);
        vendors.iter().for_each(|vendor| watched.check(vendor));
        self.until("all ticks of the flood", |health| {
            let mut floods = vendors.iter().filter(|vendor| vendor.kind != Kind::Sparing);
            floods.all(|vendor| came(health, vendor) >= FLOOD * seconds)
        });
    }

    /// Silence, the end, and what the tape has.
    fn end(mut self) {
        let everybody = self.vendors.iter().chain([&self.neighbour]);
        everybody.for_each(|vendor| vendor.end());
        let health = self.silence();
        self.server.terminate();
        assert_eq!(self.server.wait(), Some(0));
        let tape = ticks_on(&self.folder.path().join("live").join("tape"));
        for vendor in self.vendors.iter().chain([&self.neighbour]) {
            let (health, kept) = (&health[vendor.name], &tape[vendor.symbol]);
            assert_eq!(
                kept.len() as u64 + count(health, "merged"),
                ticks(health),
                "{health}"
            );
            check_order(kept);
        }
    }

    /// Waits until nothing comes any more.
    fn silence(&mut self) -> Sources {
        let began = Instant::now();
        let all = |health: &Sources| health.values().map(ticks).sum::<u64>();
        let mut health = self.health();
        while began.elapsed() < PATIENCE {
            self.watch(Duration::from_secs(1));
            let earlier = std::mem::replace(&mut health, self.health());
            if all(&earlier) == all(&health) {
                return health;
            }
        }
        panic!("they never fell silent: {health:?}");
    }

    /// Waits until every source is live and tells new prices.
    fn until_all_flow(&mut self) {
        let earlier = self.health();
        self.until("prices of every source", |health| {
            health.iter().all(|(name, source)| {
                source["state"] == "live" && ticks(source) > ticks(&earlier[name])
            })
        });
    }

    /// Reads what the dashboard is sent until the sources are as wanted.
    fn until(&mut self, what: &str, wanted: impl Fn(&Sources) -> bool) {
        let began = Instant::now();
        loop {
            let health = self.health();
            if wanted(&health) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "never came: {what}: {health:?}");
            self.see();
        }
    }

    fn health(&self) -> Sources {
        let name = |source: &Value| source["name"].as_str().expect("a name").to_owned();
        let sources = sources(&self.server).into_iter();
        sources.map(|source| (name(&source), source)).collect()
    }

    /// What the dashboard is sent in a span of time.
    fn watch(&mut self, span: Duration) -> Watched {
        let from = Instant::now();
        let mut came: BTreeMap<_, Vec<_>> = BTreeMap::new();
        while from.elapsed() < span {
            if let Some(symbol) = self.see() {
                came.entry(symbol).or_default().push(Instant::now());
            }
        }
        let to = Instant::now();
        Watched { from, to, came }
    }

    /// The symbol of the next message, if that has a price that is new.
    fn see(&mut self) -> Option<String> {
        let message = self.client.next().expect("a message");
        let text = |field: &str| Some(message["payload"][field].as_str()?.to_owned());
        let (symbol, time) = (text("symbol")?, text("timestamp")?);
        let last = self.last.insert(symbol.clone(), time.clone());
        (last.as_ref() != Some(&time)).then_some(symbol)
    }
}

/// When new prices came.
struct Watched {
    from: Instant,
    to: Instant,
    came: BTreeMap<String, Vec<Instant>>,
}

impl Watched {
    fn go_on(&mut self, later: Self) {
        self.to = later.to;
        for (symbol, mut moments) in later.came {
            self.came.entry(symbol).or_default().append(&mut moments);
        }
    }

    /// A source's symbol kept its cadence.
    fn check(&self, vendor: &Vendor) {
        let symbol = vendor.symbol;
        let came = self.came.get(symbol).map_or(&[][..], Vec::as_slice);
        let moments: Vec<_> = [&[self.from], came, &[self.to]].concat();
        let gaps = moments.windows(2).map(|pair| pair[1] - pair[0]);
        let longest = gaps.max().unwrap_or_default();
        assert!(
            longest < CADENCE,
            "{symbol}: no new price for {longest:?}, {} in all",
            came.len()
        );
    }
}

fn start(data: &Path, vendors: &[Arc<Vendor>]) -> Server {
    let feeds: Vec<_> = vendors.iter().map(|vendor| vendor.feed.as_str()).collect();
    let feed = feeds.join(",");
    let json = vendors.iter().filter_map(|vendor| vendor.json.as_ref());
    let (mut symbols, mut addresses) = (Vec::new(), Vec::new());
    for json in json {
        symbols.extend_from_slice(&json.symbols);
        addresses.push(json.address.as_str());
    }
    let lists = [
        format!("feed.json.symbols={symbols:?}"),
        format!("feed.json.address={addresses:?}"),
    ];
    let mut arguments = vec!["--feed", &feed];
    let sets = vendors.iter().flat_map(|vendor| &vendor.sets);
    for set in sets.chain(&lists) {
        arguments.extend(["--set", set]);
    }
    let mut command = serve(data, &arguments);
    command.envs(vendors.iter().filter_map(|vendor| vendor.key));
    Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
}

/// Nobody was connected to more often than is allowed in so long a time.
fn check_connects(before: &Sources, now: &Sources, span: Duration) {
    let most = 1 + span.as_secs() / CONNECT_EVERY;
    for (name, source) in now {
        let connects = count(source, "connects") - count(&before[name], "connects");
        assert!(
            connects <= most,
            "{name}: {connects} connects, at most {most}"
        );
    }
}

/// Before a flood, soon after its beginning, and at its end.
fn check_memory(bytes: &[u64]) {
    let told: Vec<_> = bytes.iter().map(|bytes| bytes >> 20).collect();
    eprintln!("memory before it, soon after its beginning, and at its end: {told:?} MiB");
    let grown = |place: usize| bytes[place + 1].saturating_sub(bytes[place]);
    assert!(grown(0) < GROWTH_BYTES, "its beginning costs too much");
    assert!(grown(1) < FLAT_BYTES, "memory grows");
}

fn count(source: &Value, field: &str) -> u64 {
    source[field].as_u64().expect("a count")
}

fn ticks(source: &Value) -> u64 {
    count(source, "ticks")
}

/// The ticks of each symbol, in the order of the tape.
fn ticks_on(tape: &Path) -> BTreeMap<String, Vec<Tick>> {
    let catalog = Config::default().catalog();
    let mut ticks: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for item in TapeReader::open(tape, None).expect("open the tape") {
        if let TapeItem::Event(_, Event::Tick(tick)) = item.expect("a whole tape") {
            let symbol = catalog.instrument(tick.instrument).symbol.to_string();
            ticks.entry(symbol).or_default().push(tick);
        }
    }
    ticks
}

/// None is there twice, and times only rise.
fn check_order(ticks: &[Tick]) {
    let mut seen = BTreeSet::new();
    for tick in ticks {
        assert!(
            seen.insert((tick.time, tick.bid)),
            "{tick:?} is there twice"
        );
    }
    let fell = ticks.windows(2).find(|pair| pair[1].time < pair[0].time);
    assert_eq!(fell, None, "time goes back");
}
