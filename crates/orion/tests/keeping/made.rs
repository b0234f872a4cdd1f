//! Markets made by hand: the simulated market told to a machine, hours at a time.

use engine::Settings;
use journal::{Journal as _, Local, Looking, Record};
use lab::market::SimMarket;
use market::{Epoch, Event, Position, SourceTime, Span};
use orion::config::{self, Layers};
use orion::machine::Machine;
use std::path::Path;
use std::sync::Arc;

/// What `orion serve` sets its engine to without any settings.
pub(crate) fn settings() -> Settings {
    config::load(&Layers::default())
        .expect("the defaults")
        .config
        .engine_settings()
}

pub(crate) fn time(text: &str) -> SourceTime {
    SourceTime::parse(text).expect("a time")
}

pub(crate) fn journal(dir: &Path) -> Local {
    std::fs::create_dir_all(dir).expect("a folder");
    Local::open(dir, || Epoch(7)).expect("open the journal")
}

pub(crate) async fn open_with(dir: &Path, settings: Settings) -> anyhow::Result<Machine<Local>> {
    Machine::open(dir, Arc::new(settings), journal(dir)).await
}

pub(crate) async fn open(dir: &Path) -> Machine<Local> {
    open_with(dir, settings()).await.expect("open the machine")
}

/// Tells a machine the simulated market from a time on, for this long.
pub(crate) async fn tell(machine: &mut Machine<Local>, from: SourceTime, length: Span) {
    let sim = SimMarket::new(3, time("2026-03-04T00:00:00Z"), &settings().catalog, None);
    let ticks = sim.ticks_from(from);
    for (count, tick) in (1..).zip(ticks.take_while(|tick| tick.time < from + length)) {
        let at = machine.engine().now().max(tick.time.as_stamp()) + Span::from_nanos(1);
        machine.tell(at, &Event::Tick(tick));
        if count % 512 == 0 {
            machine.commit().await.expect("commit");
        }
    }
    machine.commit().await.expect("commit");
}

/// Tells a machine that a process begins here.
pub(crate) async fn start(machine: &mut Machine<Local>, at: SourceTime) {
    machine.tell(at.as_stamp(), &Event::Start);
    for source in machine.sources_heard() {
        machine.tell(at.as_stamp(), &Event::Gap(source));
    }
    machine.commit().await.expect("commit");
}

/// Every record of the journal in a folder.
pub(crate) async fn records(dir: &Path) -> Vec<Record> {
    let journal = Looking::open(dir).expect("open").expect("a journal");
    let first = Position {
        seq: 0,
        ..journal.end()
    };
    let read = journal.read(first, usize::MAX).await.expect("read");
    read.into_iter().map(|(_, record)| record).collect()
}

/// A folder as it is, under another name.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copy a file");
        }
    }
}

/// The numbers of the segments in a market's folder.
pub(crate) fn segments(market: &Path) -> Vec<u64> {
    let segments = journal::tape::segments(&market.join("tape")).expect("list the tape");
    segments.iter().map(|segment| segment.number).collect()
}
