//! ORION's side for one test: the bridge on loopback ports, and a loop that takes what it is told as the binary's does.

use feeds::clock::Clock;
use feeds::inbox::{Inbox, Told};
use feeds::metatrader::{self, Bridge, Settings};
use market::{
    Calendar, Catalog, Instrument, InstrumentId, Price, PriceKind, Source, SourceId, Symbol, Tick,
    Time,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub(crate) const TOKEN: &str = "orion-test-token";

pub(crate) fn catalog() -> Catalog {
    use PriceKind::{Cash, Cfd, Future};
    let source = Source {
        name: "metatrader".to_owned(),
        heartbeats: true,
        simulated: false,
        always_open: false,
    };
    Catalog {
        sources: vec![source],
        instruments: vec![
            instrument("EURUSD", 5, Cash, Calendar::Fx),
            instrument("GBPUSD", 5, Cash, Calendar::Fx),
            instrument("USDJPY", 3, Cash, Calendar::Fx),
            instrument("XAUUSD", 2, Cash, Calendar::Metal),
            instrument("US30", 1, Cfd, Calendar::Index),
            instrument("NAS100", 1, Cfd, Calendar::Index),
            instrument("SPX500", 1, Cfd, Calendar::Index),
            instrument("NQ", 2, Future, Calendar::Future),
        ],
    }
}

fn instrument(symbol: &str, digits: u8, kind: PriceKind, calendar: Calendar) -> Instrument {
    let step = Price::from_units(10_i64.pow(9 - u32::from(digits)));
    Instrument {
        symbol: Symbol::new(symbol).unwrap(),
        digits,
        tick_size: step,
        pip_size: step,
        kind,
        calendar,
        spread_default: step,
        source: SourceId(0),
        signals: true,
        prices: true,
        contract: None,
        slippage_pips: None,
    }
}

pub(crate) fn id(symbol: &str) -> InstrumentId {
    catalog().find(symbol).unwrap()
}

/// Everything in UTC, so that times are as the test wrote them.
pub(crate) fn utc() -> Settings {
    Settings {
        server_tz: "utc".to_owned(),
        ..Settings::default()
    }
}

/// A clock that stands still, long after whatever is told.
pub(crate) fn standing() -> Clock {
    let now = Time::parse("2026-11-23T14:00:00Z").unwrap();
    Clock::new(move || now)
}

/// What the loop took, in its order: what a restart still has.
#[derive(Clone, Default)]
pub(crate) struct Tape(Arc<(Mutex<Vec<Told>>, Condvar)>);

impl Tape {
    fn add(&self, told: impl Iterator<Item = Told>) {
        self.0.0.lock().unwrap().extend(told);
        self.0.1.notify_all();
    }

    pub(crate) fn ticks(&self) -> Vec<Tick> {
        let tick = |told: &Told| match told {
            Told::Tick(tick) => Some(tick.clone()),
            Told::Life | Told::Began | Told::Ended | Told::Past(_) | Told::PreviousClose(_) => None,
        };
        self.0.0.lock().unwrap().iter().filter_map(tick).collect()
    }

    /// How often it was told that a connection is gone.
    pub(crate) fn ends(&self) -> usize {
        let told = self.0.0.lock().unwrap();
        told.iter().filter(|told| **told == Told::Ended).count()
    }

    /// Waits until so many things were told; most of them are ticks.
    pub(crate) fn wait_for(&self, count: usize) {
        let guard = self.0.0.lock().unwrap();
        let (_guard, timeout) = self
            .0
            .1
            .wait_timeout_while(guard, Duration::from_secs(60), |told| told.len() < count)
            .unwrap();
        assert!(
            !timeout.timed_out(),
            "{count} ticks were not told within a minute"
        );
    }
}

/// One life of the server after another, on the same ports, with the same folder and tape.
pub(crate) struct Place {
    settings: Settings,
    clock: Clock,
    folder: TempDir,
    pub(crate) tape: Tape,
    pub(crate) http: SocketAddr,
    pub(crate) socket: SocketAddr,
    running: Option<Running>,
}

struct Running {
    runtime: Runtime,
    bridge: Bridge,
    inbox: Inbox,
}

const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Place {
    pub(crate) fn start(settings: Settings, clock: Clock) -> Self {
        let mut place = Self {
            settings,
            clock,
            folder: tempfile::tempdir().unwrap(),
            tape: Tape::default(),
            http: FREE,
            socket: FREE,
            running: None,
        };
        place.begin();
        place
    }

    pub(crate) fn server(&self) -> String {
        format!("http://{}", self.http)
    }

    pub(crate) fn bridge(&self) -> &Bridge {
        &self.running.as_ref().unwrap().bridge
    }

    fn remembered(&self) -> PathBuf {
        self.folder.path().join("metatrader.json")
    }

    /// A start as the binary makes it: what the tape holds is told to the bridge, then it listens.
    pub(crate) fn begin(&mut self) {
        let inbox = Inbox::default();
        let (bridge, runtime) = (
            bridge(
                &inbox,
                &self.settings,
                self.clock.clone(),
                &self.remembered(),
            ),
            Runtime::new().unwrap(),
        );
        for id in 0..catalog().instruments.len() {
            let ticks = self.tape.ticks();
            let last = ticks.iter().rfind(|tick| tick.instrument.index() == id);
            last.into_iter()
                .for_each(|tick| bridge.resume(tick.clone()));
        }
        let (http, socket) = runtime.block_on(async {
            (
                TcpListener::bind(self.http).await.unwrap(),
                TcpListener::bind(self.socket).await.unwrap(),
            )
        });
        (self.http, self.socket) = (http.local_addr().unwrap(), socket.local_addr().unwrap());
        let router = bridge.router();
        runtime.spawn(async move { axum::serve(http, router).await });
        let sockets = bridge.clone();
        runtime.spawn(async move { sockets.serve_sockets(socket).await });
        let (tape, from) = (self.tape.clone(), inbox.clone());
        runtime.spawn(async move {
            let mut items = Vec::new();
            loop {
                from.take(&mut items, 1024).await;
                tape.add(items.drain(..).map(|item| item.told));
            }
        });
        self.running = Some(Running {
            runtime,
            bridge,
            inbox,
        });
    }

    /// The process is killed: what the loop had not taken is gone, and nothing more is noted.
    pub(crate) fn kill(&mut self) {
        let Running { runtime, .. } = self.running.take().unwrap();
        runtime.shutdown_timeout(Duration::from_secs(10));
    }

    /// A clean end: nobody is answered any more, the loop takes what is left, and it is noted.
    pub(crate) fn stop(&mut self) {
        let Running {
            runtime,
            bridge,
            inbox,
        } = self.running.take().unwrap();
        runtime.shutdown_timeout(Duration::from_secs(10));
        let mut items = Vec::new();
        while inbox.try_take(&mut items, usize::MAX) > 0 {}
        self.tape.add(items.into_iter().map(|item| item.told));
        bridge.stop();
    }
}

pub(crate) fn bridge(
    inbox: &Inbox,
    settings: &Settings,
    clock: Clock,
    remembered: &std::path::Path,
) -> Bridge {
    let catalog = catalog();
    let symbols = metatrader::symbols(&catalog, settings).unwrap();
    let outlet = inbox.outlet(SourceId(0), &catalog, &symbols, clock);
    let keys = Arc::new(|token: &str| (token == TOKEN).then(|| "desk".to_owned()));
    Bridge::new(settings, &catalog, outlet, keys, remembered).unwrap()
}
