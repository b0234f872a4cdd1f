//! A recorded market made from the simulated one, a server that plays it, and what is in its journal.

use super::serve;
use journal::tape::{TapeItem, TapeReader};
use journal::{Journal as _, Local, Record};
use lab::market::SimMarket;
use market::{Epoch, Event, Position, SourceTime, Span, Time};
use orion::config::{self, Layers};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Rules under which recorded markets have many signals.
pub(crate) const RULES: [&str; 7] = [
    "rules.setup_tf=1m",
    "rules.killzone_gate=false",
    "rules.symbol_cooldown_s=0",
    "rules.max_signals_per_day=0",
    "rules.min_risk_spreads=1",
    "rules.min_risk_atr=0.1",
    "rules.max_risk_atr=20",
];

/// A recorded market of this length, made from the simulated one: one CSV file per symbol.
pub(crate) fn make(folder: &Path, length: Span) -> Vec<PathBuf> {
    let catalog = config::load(&Layers::default())
        .expect("the defaults")
        .config
        .catalog();
    let anchor = SourceTime::parse("2026-03-04T12:00:00Z").expect("a time");
    let sim = SimMarket::new(7, anchor, &catalog, None);
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for name in ["EURUSD", "XAUUSD", "NAS100"] {
        files.insert(name, "time,bid,ask\n".to_owned());
    }
    let end = anchor + length;
    for tick in sim.ticks_from(anchor).take_while(|tick| tick.time < end) {
        if let Some(text) = files.get_mut(catalog.instrument(tick.instrument).symbol.as_str()) {
            writeln!(text, "{},{},{}", tick.time, tick.bid, tick.ask).expect("write to a text");
        }
    }
    let write = |(name, text): (&str, String)| {
        let path = folder.join(format!("{name}.csv"));
        std::fs::write(&path, text).expect("write a recording");
        path
    };
    files.into_iter().map(write).collect()
}

fn feed(files: &[PathBuf]) -> String {
    let files: Vec<_> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    format!("tape:{}", files.join(","))
}

/// What `orion serve` needs to play these files.
pub(crate) fn command(data: &Path, files: &[PathBuf], speed: &str) -> Command {
    let mut command = serve(data, &["--feed", &feed(files), "--speed", speed]);
    for rule in RULES {
        command.args(["--set", rule]);
    }
    command
}

/// What a server keeps of the one market in its data folder.
#[derive(PartialEq, Eq)]
pub(crate) struct Kept {
    /// Every record of its journal.
    pub(crate) journal: Vec<Record>,
    /// What its tape says the engine was told of the market, with the stamps: starts and ends of the process are not of it.
    pub(crate) told: Vec<(Time, Event)>,
}

impl Kept {
    pub(crate) fn read(data: &Path) -> Self {
        let market = std::fs::read_dir(data)
            .expect("the data folder")
            .next()
            .expect("a market")
            .expect("an entry")
            .path();
        let tape = TapeReader::open(&market.join("tape"), None).expect("open the tape");
        let told = tape.filter_map(|item| match item.expect("a whole tape") {
            TapeItem::Event(_, Event::Start | Event::Stop) | TapeItem::Settings(_) => None,
            TapeItem::Event(at, event) => Some((at, event)),
        });
        Self {
            told: told.collect(),
            journal: journal(&market),
        }
    }

    /// Panics at the first thing that is not as in `other`.
    pub(crate) fn check_same(&self, other: &Self, when: &str) {
        for (place, (one, two)) in self.told.iter().zip(&other.told).enumerate() {
            assert_eq!(one, two, "{when}: event {place}");
        }
        assert_eq!(self.told.len(), other.told.len(), "{when}: events");
        assert_eq!(self.journal, other.journal, "{when}");
    }
}

/// All that the journal of a market's folder holds; no server may run there.
pub(crate) fn journal(market: &Path) -> Vec<Record> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let journal = Local::open(market, || Epoch(1)).expect("open the journal");
    let after = Position {
        seq: 0,
        ..journal.end()
    };
    let read = runtime
        .block_on(journal.read(after, usize::MAX >> 1))
        .expect("read the journal");
    read.into_iter().map(|(_, record)| record).collect()
}
