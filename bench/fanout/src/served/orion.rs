//! ORION's gateway: one shard, its own defaults, its log written as `orion serve` writes it to a file.

use super::{follow, say_open};
use crate::machine;
use crate::message::{self, Message};
use anyhow::{Context as _, Result};
use axum::Router;
use gateway::tls::{Files, Plain, Tls};
use gateway::{Beginning, Clock, Config, Publication};
use market::{
    Calendar, Catalog, Instrument, Price, PriceKind, Source, SourceId, Span, Symbol, Time,
};
use orion::config::{Log, LogFormat};
use orion::{capacity, logs};
use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

pub fn serve(tls: Option<Tls>) -> Result<()> {
    // As the binary has it, both.
    let level = std::env::var("BENCH_LOG").context("which level of log")?;
    let level = level.parse().map_err(anyhow::Error::msg)?;
    let format = LogFormat::Json;
    logs::begin(&Log { level, format }).context("begin the log")?;
    capacity::spare_memory();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")?;
    let _within = runtime.enter();
    let listener = TcpListener::bind("127.0.0.1:0").context("listen")?;
    let mut config = Config::new(Clock::new(now));
    // As `prices.min_interval_ms = 0` has it: every price is told.
    config.hub.price_interval = Span::ZERO;
    // Each server has one core.
    config.shards = 1;
    config.tls = tls.map(Arc::new);
    let gateway = gateway::serve(listener, Router::new(), &beginning(), config)
        .context("start the gateway")?;
    let publisher = gateway.publisher();
    say_open(gateway.address());
    follow(|pace| {
        pace.walk(|messages| {
            let publication = Publication {
                prices: messages.into_iter().map(Message::update).collect(),
                now: now(),
                ..Publication::default()
            };
            publisher
                .publish_blocking(publication)
                .expect("the gateway runs");
        });
    })
}

/// TLS with a certificate that nobody vouches for.
pub fn tls() -> Result<Tls> {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let folder = std::env::temp_dir().join(format!("orion-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let files = Files {
        certificate: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
    };
    fs::write(&files.certificate, pair.cert.pem())?;
    fs::write(&files.key, pair.signing_key.serialize_pem())?;
    let mut tls = Tls::open(files, Plain::Refused).context("start TLS")?;
    fs::remove_dir_all(&folder)?;
    // They are not looked at again.
    tls.look_every = Duration::MAX;
    Ok(tls)
}

/// An empty past, in a market of the symbols that are published.
fn beginning() -> Beginning {
    let source = Source {
        name: "bench".to_owned(),
        heartbeats: true,
        simulated: false,
        always_open: true,
    };
    let instruments = message::SYMBOLS.map(|name| Instrument {
        symbol: Symbol::new(name).expect("a symbol of ours is one"),
        digits: 0,
        tick_size: Price::ZERO,
        pip_size: Price::ZERO,
        kind: PriceKind::Cfd,
        calendar: Calendar::Fx,
        spread_default: Price::ZERO,
        source: SourceId(0),
        signals: false,
        prices: true,
        contract: None,
        slippage_pips: None,
    });
    Beginning {
        catalog: Arc::new(Catalog {
            sources: vec![source],
            instruments: instruments.to_vec(),
        }),
        ..Beginning::default()
    }
}

fn now() -> Time {
    Time::from_nanos(machine::now() as i64)
}
